//! How often each thing happened: a simulation in which nothing goes wrong would prove nothing.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub struct Totals(BTreeMap<&'static str, u64>);

impl Totals {
    pub fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    pub fn of(&self, what: &'static str) -> u64 {
        self.0.get(what).copied().unwrap_or_default()
    }

    pub fn add(&mut self, more: &Totals) {
        for (what, count) in &more.0 {
            *self.0.entry(what).or_default() += count;
        }
    }
}
