//! Ids of tool calls that a vendor takes: the caller's own, or others made of them.
//!
//! The same id always gives the same other one, so that a conversation reads the same in every
//! turn, whoever answered the last one.

use crate::codec::digest::digest;
use std::collections::{HashMap, HashSet};

/// Which ids of tool calls are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallIdRule {
    /// Any text of so many characters.
    AtMost(usize),
    /// At most so many letters, digits, `_` and `-`.
    Word(usize),
    /// Exactly nine letters and digits.
    NineAlphanumeric,
}

/// The ids of one request.
#[derive(Debug)]
pub(crate) struct ToolCallIds {
    rule: CallIdRule,
    sent: HashMap<String, String>,
    taken: HashSet<String>,
    /// How often a call began with an id.
    begun: HashMap<String, u64>,
}

impl ToolCallIds {
    pub(crate) fn new(rule: CallIdRule) -> Self {
        Self { rule, sent: HashMap::new(), taken: HashSet::new(), begun: HashMap::new() }
    }

    pub(crate) fn rule(&self) -> CallIdRule {
        self.rule
    }

    /// What the vendor hears for the id of a call. Vendors that count anew in every answer have one
    /// id for several calls: each gets another one here, and the results that follow are its own.
    pub(crate) fn called(&mut self, id: &str) -> String {
        let times = self.begun.entry(id.to_owned()).or_insert(0);
        *times += 1;
        if *times == 1 {
            return self.sent(id);
        }
        let salt = *times << 16;
        self.distinct(id, self.made_of(id, salt), salt)
    }

    /// What the vendor hears for this id. Two ids of one request never become the same.
    pub(crate) fn sent(&mut self, id: &str) -> String {
        if let Some(sent) = self.sent.get(id) {
            return sent.clone();
        }
        let wanted = if self.is_taken_as_it_is(id) { id.to_owned() } else { self.made_of(id, 0) };
        self.distinct(id, wanted, 0)
    }

    /// Sends `wanted` for this id or, where another id has it already, one made with a later salt.
    fn distinct(&mut self, id: &str, wanted: String, mut salt: u64) -> String {
        let mut sent = wanted;
        while self.taken.contains(&sent) {
            salt += 1;
            sent = self.made_of(id, salt);
        }
        self.taken.insert(sent.clone());
        self.sent.insert(id.to_owned(), sent.clone());
        sent
    }

    /// Has any id become another one?
    pub(crate) fn changed(&self) -> bool {
        self.sent.iter().any(|(id, sent)| id != sent)
    }

    fn is_taken_as_it_is(&self, id: &str) -> bool {
        match self.rule {
            CallIdRule::AtMost(length) => !id.is_empty() && id.len() <= length,
            CallIdRule::Word(length) => {
                !id.is_empty()
                    && id.len() <= length
                    && id
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
            }
            CallIdRule::NineAlphanumeric => {
                id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
            }
        }
    }

    fn made_of(&self, id: &str, salt: u64) -> String {
        match self.rule {
            CallIdRule::AtMost(_) | CallIdRule::Word(_) => {
                format!("call_{}{}", digest(id, salt, 11), digest(id, salt + (1 << 32), 11))
            }
            CallIdRule::NineAlphanumeric => digest(id, salt, 9),
        }
    }
}

/// Every dialect takes such an id back; others are replaced.
pub(crate) fn is_legal(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p012_nine_letters_and_digits_the_same_each_time_and_never_twice() {
        let mut ids = ToolCallIds::new(CallIdRule::NineAlphanumeric);
        let all: Vec<String> = (0..20_000).map(|n| ids.sent(&format!("toolu_{n}"))).collect();
        assert!(
            all.iter()
                .all(|id| id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        );
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        let mut later = ToolCallIds::new(CallIdRule::NineAlphanumeric);
        assert_eq!(later.sent("toolu_7"), all[7], "another request, the same id");
        assert_eq!(later.sent("aB3dE6gH9"), "aB3dE6gH9", "the vendor's own stay as they are");
        assert_eq!(digest("toolu_01A09q90qw90lq917835lq9", 0, 9), "lrQ4xnG6e");
    }

    #[test]
    fn a_collision_gives_another_id() {
        let mut ids = ToolCallIds::new(CallIdRule::NineAlphanumeric);
        let made = ids.sent("toolu_1");
        let mut other = ToolCallIds::new(CallIdRule::NineAlphanumeric);
        assert_eq!(other.sent(&made), made, "somebody's own id is what another one would become");
        let second = other.sent("toolu_1");
        assert_ne!(second, made);
        assert_eq!(second.len(), 9);
    }

    #[test]
    fn an_id_that_is_called_again_is_another_call() {
        let mut ids = ToolCallIds::new(CallIdRule::Word(64));
        let first = ids.called("functions.f:0");
        assert_eq!(ids.sent("functions.f:0"), first);
        let second = ids.called("functions.f:0");
        assert_ne!(second, first);
        assert_eq!(ids.sent("functions.f:0"), second, "the result is that of the last call");
        let mut later = ToolCallIds::new(CallIdRule::Word(64));
        let again = [later.called("functions.f:0"), later.called("functions.f:0")];
        assert_eq!(again, [first, second], "another request, the same ids");
    }

    #[test]
    fn ids_that_fit_stay() {
        let mut ids = ToolCallIds::new(CallIdRule::AtMost(40));
        assert_eq!(ids.sent("functions.f:0"), "functions.f:0");
        assert!(!ids.changed());
        let long = ids.sent(&"x".repeat(41));
        assert_eq!((long.len(), ids.changed()), (27, true));
    }
}
