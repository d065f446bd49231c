//! Secrets are never written in the configuration: it names the variable or the file that holds
//! one.

use ainfera_schema::Secret;

use super::document::Section;
use super::environment::{Environment, non_empty};
use super::field::Field;

/// Reads `{ env = "X" }` or `{ file = "…" }`. White space around the secret is dropped, as files
/// end in a line break.
pub fn read(field: &Field<'_>, environment: &Environment<'_>) -> Option<Secret> {
    read_fitting(field, environment, KEY)
}

/// The same for a secret that may hold spaces, such as `Bearer …`.
pub fn read_phrase(field: &Field<'_>, environment: &Environment<'_>) -> Option<Secret> {
    let holds = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
    };
    read_fitting(
        field,
        environment,
        Fits { holds, else_says: "must hold one line of ASCII letters, digits and signs" },
    )
}

/// A key is one word.
const KEY: Fits =
    Fits { holds: fits_header, else_says: "must hold one word of ASCII letters, digits and signs" };

/// What a secret must be like.
#[derive(Clone, Copy)]
struct Fits {
    holds: fn(&str) -> bool,
    else_says: &'static str,
}

fn read_fitting(field: &Field<'_>, environment: &Environment<'_>, fits: Fits) -> Option<Secret> {
    if !field.is_table() {
        field.refuse(
            "must be { env = \"NAME\" } or { file = \"PATH\" }: secrets are not written here",
        );
        return None;
    }
    field.table(|section| read_table(section, environment, fits))
}

/// The same where the table says more than the secret.
pub(super) fn read_from(section: &Section<'_>, environment: &Environment<'_>) -> Option<Secret> {
    read_table(section, environment, KEY)
}

fn read_table(section: &Section<'_>, environment: &Environment<'_>, fits: Fits) -> Option<Secret> {
    match (section.field("env"), section.field("file")) {
        (Some(variable), None) => from_variable(&variable, environment, fits),
        (None, Some(file)) => from_file(&file, fits),
        (Some(_), Some(file)) => {
            file.refuse("give either env or file, not both");
            None
        }
        (None, None) => refuse_empty(section),
    }
}

/// Whether the text can stand in an HTTP header.
pub fn fits_header(secret: &str) -> bool {
    !secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_graphic())
}

fn from_variable(field: &Field<'_>, environment: &Environment<'_>, fits: Fits) -> Option<Secret> {
    let variable = field.text()?;
    match non_empty(environment, variable) {
        Some(secret) => {
            checked(field, secret, &format!("the environment variable {variable}"), fits)
        }
        None => {
            field.refuse(format!("the environment variable {variable} is not set or empty"));
            None
        }
    }
}

fn from_file(field: &Field<'_>, fits: Fits) -> Option<Secret> {
    let path = field.text()?;
    match std::fs::read_to_string(path) {
        Ok(text) => checked(field, text.trim().to_owned(), &format!("the file {path}"), fits),
        Err(error) => {
            field.refuse(format!("the file {path} cannot be read: {error}"));
            None
        }
    }
}

fn checked(field: &Field<'_>, secret: String, holder: &str, fits: Fits) -> Option<Secret> {
    if (fits.holds)(&secret) {
        return Some(Secret::new(secret));
    }
    // The message names what is wrong without repeating the secret.
    field.refuse(format!("{holder} {}", fits.else_says));
    None
}

fn refuse_empty(section: &Section<'_>) -> Option<Secret> {
    section.refuse_missing("env", "is missing; give { env = \"NAME\" } or { file = \"PATH\" }");
    None
}

#[cfg(test)]
mod tests {
    use super::super::document::read_document;
    use super::*;

    fn secret(text: &str) -> Result<Secret, String> {
        let environment = |name: &str| match name {
            "KEY" => Some(" sk-1\n".to_owned()),
            "BLANK" => Some("  ".to_owned()),
            "TWO" => Some("sk 1".to_owned()),
            _ => None,
        };
        read_document(&format!("key = {text}"), |root| {
            root.field("key").and_then(|field| read(&field, &environment))
        })
        .map_err(|mistakes| {
            mistakes
                .iter()
                .map(|mistake| format!("{}: {}", mistake.field, mistake.message))
                .collect::<Vec<_>>()
                .join(" | ")
        })
    }

    #[test]
    fn a_variable_and_a_file_hold_secrets() {
        assert_eq!(secret("{ env = \"KEY\" }").unwrap().expose(), "sk-1");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "sk-2\n").unwrap();
        assert_eq!(secret(&format!("{{ file = {:?} }}", file.path())).unwrap().expose(), "sk-2");
    }

    #[test]
    fn what_is_not_there_is_named_and_what_is_there_is_not_shown() {
        let refusal = |text| secret(text).map(|_| ()).unwrap_err();
        assert_eq!(
            refusal("{ env = \"ABSENT\" }"),
            "key.env: the environment variable ABSENT is not set or empty"
        );
        assert_eq!(
            refusal("{ env = \"BLANK\" }"),
            "key.env: the environment variable BLANK is not set or empty"
        );
        assert_eq!(
            refusal("{ env = \"TWO\" }"),
            "key.env: the environment variable TWO must hold one word of ASCII letters, digits and signs"
        );
        assert!(
            refusal("{ file = \"/nowhere/key\" }")
                .starts_with("key.file: the file /nowhere/key cannot be read: ")
        );
        assert_eq!(
            refusal("{ env = \"KEY\", file = \"x\" }"),
            "key.file: give either env or file, not both"
        );
        assert_eq!(refusal("{ evn = \"KEY\" }").matches("did you mean \"env\"").count(), 1);
        assert_eq!(refusal("\"sk-3\"").matches("sk-3").count(), 0);
    }
}
