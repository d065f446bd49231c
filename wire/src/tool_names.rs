//! Tool names that a provider does not take: it hears another one, and the caller hears its own
//! again in the answer.

use bytestring::ByteString;

use crate::codec::digest::digest;

/// Which names a provider takes: letters, digits, `_`, `-`, and what else it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameRule {
    pub longest: usize,
    /// Characters beside those that everybody takes.
    pub also: &'static str,
    pub first: FirstCharacter,
}

/// What a name may begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstCharacter {
    Any,
    LetterOrUnderscore,
}

impl NameRule {
    /// At most so many letters, digits, `_` and `-`.
    pub const fn word(longest: usize) -> Self {
        Self { longest, also: "", first: FirstCharacter::Any }
    }

    /// Does the provider take this name as it is?
    pub fn takes(&self, name: &str) -> bool {
        (1..=self.longest).contains(&name.len())
            && name.chars().all(|character| self.takes_character(character))
            && name.chars().next().is_some_and(|first| self.may_begin_with(first))
    }

    fn takes_character(&self, character: char) -> bool {
        character.is_ascii_alphanumeric()
            || character == '_'
            || character == '-'
            || self.also.contains(character)
    }

    fn may_begin_with(&self, first: char) -> bool {
        match self.first {
            FirstCharacter::Any => true,
            FirstCharacter::LetterOrUnderscore => first.is_ascii_alphabetic() || first == '_',
        }
    }

    /// A name that the provider takes, which tells of the caller's what it can.
    fn made_of(&self, name: &str, salt: u64) -> String {
        const DIGEST: usize = 11;
        let kept = name.chars().map(
            |character| {
                if self.takes_character(character) { character } else { '_' }
            },
        );
        let begins_well = name
            .chars()
            .next()
            .is_some_and(|first| !self.takes_character(first) || self.may_begin_with(first));
        let before = if begins_well { "" } else { "_" };
        let room = self.longest.saturating_sub(DIGEST + 1 + before.len());
        format!("{before}{}_{}", kept.take(room).collect::<String>(), digest(name, salt, DIGEST))
    }
}

/// The names of one call that were changed: what the provider hears, and what the caller said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolNames {
    rule: NameRule,
    changed: Vec<(String, ByteString)>,
}

impl ToolNames {
    /// For a provider with this rule, and a call that offers tools of these names. No two of them
    /// become the same.
    pub fn of<'n>(rule: NameRule, offered: impl Iterator<Item = &'n str> + Clone) -> Self {
        let mut names = Self { rule, changed: Vec::new() };
        for name in offered.clone().filter(|name| !rule.takes(name)) {
            if names.sent_for(name).is_some() {
                continue;
            }
            let mut salt = 0;
            let mut sent = rule.made_of(name, salt);
            while offered.clone().any(|other| other == sent)
                || names.changed.iter().any(|(other, _)| *other == sent)
            {
                salt += 1;
                sent = rule.made_of(name, salt);
            }
            names.changed.push((sent, ByteString::from(name)));
        }
        names
    }

    /// Where no name is changed.
    pub fn unchanged() -> Self {
        Self { rule: NameRule::word(64), changed: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.changed.is_empty()
    }

    fn sent_for(&self, name: &str) -> Option<&String> {
        self.changed.iter().find(|(_, callers)| **callers == *name).map(|(sent, _)| sent)
    }

    /// The name that the provider hears: the caller's, where it takes that; otherwise one made of
    /// it.
    pub fn sent(&mut self, name: &str) -> String {
        if self.rule.takes(name) {
            return name.to_owned();
        }
        if let Some(sent) = self.sent_for(name) {
            return sent.clone();
        }
        let mut salt = 0;
        let mut sent = self.rule.made_of(name, salt);
        while self.changed.iter().any(|(other, _)| *other == sent) {
            salt += 1;
            sent = self.rule.made_of(name, salt);
        }
        self.changed.push((sent.clone(), ByteString::from(name)));
        sent
    }

    /// The name that the caller knows.
    pub fn restored(&self, out: ByteString) -> ByteString {
        let known = self.changed.iter().find(|(sent, _)| **sent == *out);
        known.map_or(out, |(_, callers)| callers.clone())
    }
}

impl Default for ToolNames {
    fn default() -> Self {
        Self::unchanged()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn p013_long_names_are_hashed_for_the_target_and_restored_in_the_reply() {
        let (one, other) =
            (format!("mcp__{}_read", "x".repeat(90)), format!("mcp__{}_write", "x".repeat(90)));
        let mut names = ToolNames::of(NameRule::word(64), [&*one, &*other].into_iter());
        let (sent, sent_other) = (names.sent(&one), names.sent(&other));
        assert_eq!((sent.len(), sent_other.len()), (64, 64));
        assert_ne!(sent, sent_other, "alike in their first characters");
        assert_eq!(names.sent(&one), sent, "once made, it stays");
        assert_eq!(names.restored(sent.into()), one);
        assert_eq!(names.restored("get_weather".into()), "get_weather");
        assert_eq!(names.sent("get_weather"), "get_weather");
    }

    #[test]
    fn a_made_name_is_no_name_of_another_tool() {
        let rule = NameRule::word(64);
        let taken = rule.made_of("fs.read", 0);
        let mut names = ToolNames::of(rule, ["fs.read", &*taken].into_iter());
        let sent = names.sent("fs.read");
        assert_ne!(sent, taken);
        assert_eq!(names.sent(&taken), taken);
        assert_eq!(names.restored(sent.into()), "fs.read");
        assert_eq!(names.restored(taken.clone().into()), taken);
    }

    #[test]
    fn what_a_provider_takes_stays_and_the_rest_becomes_what_it_takes() {
        let first = FirstCharacter::LetterOrUnderscore;
        let gemini = NameRule { longest: 64, also: ".:", first };
        for (name, is_taken) in [
            ("fs.read_file", true),
            ("ns:tool", true),
            ("fs/read", false),
            ("1password", false),
            ("погода", false),
            ("-dash", false),
        ] {
            let mut names = ToolNames::of(gemini, [name].into_iter());
            let sent = names.sent(name);
            assert_eq!(sent == name, is_taken, "{name} became {sent}");
            assert!(gemini.takes(&sent), "{sent}");
            assert_eq!(names.restored(sent.into()), name);
        }
    }

    fn name() -> impl Strategy<Value = String> {
        prop_oneof!["[a-z]{1,6}([._:/-][a-z]{1,6}){0,3}", "[a-zA-Z0-9_-]{60,140}", "\\PC{1,12}",]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(300)
        })]

        #[test]
        fn names_of_any_tools_are_taken_stay_distinct_and_come_back(
            callers in proptest::collection::hash_set(name(), 1..12),
        ) {
            let first = FirstCharacter::LetterOrUnderscore;
            let gemini = NameRule { longest: 64, also: ".:", first };
            for rule in [NameRule::word(64), NameRule::word(128), gemini] {
                let mut names = ToolNames::of(rule, callers.iter().map(String::as_str));
                let mut sent = std::collections::HashSet::new();
                for name in &callers {
                    let out = names.sent(name);
                    prop_assert!(rule.takes(&out), "{name} became {out}");
                    prop_assert_eq!(rule.takes(name), out == *name);
                    prop_assert_eq!(&*names.restored(out.as_str().into()), name);
                    prop_assert!(sent.insert(out), "{name} became the name of another");
                }
            }
        }
    }
}
