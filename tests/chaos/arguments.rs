//! What to run.

use crate::faults::{Fault, Form};
use crate::scale::Scale;

pub struct Arguments {
    pub scale: Scale,
    names: Vec<String>,
}

impl Arguments {
    /// Anything that is neither a scale nor the name of a fault is a filter or a flag of `cargo
    /// test` meant for other test programs.
    pub fn parse(words: impl Iterator<Item = String>) -> Self {
        let mut arguments = Self { scale: Scale::Short, names: Vec::new() };
        for word in words {
            match word.as_str() {
                "short" => arguments.scale = Scale::Short,
                "full" => arguments.scale = Scale::Full,
                "published" => arguments.scale = Scale::Published,
                flag if flag.starts_with('-') => {}
                name => arguments.names.push(name.to_owned()),
            }
        }
        arguments
    }

    pub fn wants(&self, fault: &Fault) -> bool {
        if !self.names.is_empty() {
            return self.names.iter().any(|name| name == fault.name);
        }
        match fault.form {
            Form::Everywhere => true,
            Form::Equipped => self.scale != Scale::Short,
            Form::Peer => false,
        }
    }
}
