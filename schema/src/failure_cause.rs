//! Why an attempt at a provider failed, as one word of a fixed list that records, logs and figures
//! share.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Who or what was at fault, and in which way. [`FailureCause::as_str`] is the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureCause {
    /// The request itself is wrong: no other model would take it.
    CallerFault,
    /// The request asks for something that this model cannot do.
    ModelLacks(Lack),
    RateLimited,
    Overloaded,
    /// The provider refuses the gateway's key.
    KeyRefused,
    /// The gateway's account at the provider has no money left.
    OutOfFunds,
    /// The provider does not have the model, or not for this key, or not at this address.
    ModelGone,
    /// The provider failed for a reason of its own.
    ProviderFault,
    /// There was no connection to the provider.
    Unreachable(UnreachableBy),
    /// The connection broke before an answer began.
    ConnectionLost,
    /// There was a connection, and no answer, or no more of it, in time.
    TimedOut,
    /// What came is no answer in the provider's dialect, or not all of one.
    BrokenAnswer,
    /// The call cannot be expressed in the provider's dialect.
    Untranslatable,
    /// A fault of the gateway's own.
    GatewayFault,
}

/// What a model lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lack {
    /// The prompt, or the prompt and the answer that was asked for, do not fit its window.
    Window,
    /// A kind of attachment: images, documents, audio.
    Attachment,
    Tools,
    /// Structured output, or this schema.
    Schema,
    /// Reasoning, or this effort.
    Effort,
    /// A sampling parameter.
    Sampling,
    /// So long an answer.
    OutputLimit,
}

/// The step of a connection that did not come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnreachableBy {
    Dns,
    Connect,
    Tls,
    Proxy,
    /// One of these steps took too long.
    Timeout,
    /// The gateway's settings for the provider cannot be put into practice.
    Settings,
}

impl FailureCause {
    pub const ALL: [FailureCause; 25] = [
        FailureCause::CallerFault,
        FailureCause::ModelLacks(Lack::Window),
        FailureCause::ModelLacks(Lack::Attachment),
        FailureCause::ModelLacks(Lack::Tools),
        FailureCause::ModelLacks(Lack::Schema),
        FailureCause::ModelLacks(Lack::Effort),
        FailureCause::ModelLacks(Lack::Sampling),
        FailureCause::ModelLacks(Lack::OutputLimit),
        FailureCause::RateLimited,
        FailureCause::Overloaded,
        FailureCause::KeyRefused,
        FailureCause::OutOfFunds,
        FailureCause::ModelGone,
        FailureCause::ProviderFault,
        FailureCause::Unreachable(UnreachableBy::Dns),
        FailureCause::Unreachable(UnreachableBy::Connect),
        FailureCause::Unreachable(UnreachableBy::Tls),
        FailureCause::Unreachable(UnreachableBy::Proxy),
        FailureCause::Unreachable(UnreachableBy::Timeout),
        FailureCause::Unreachable(UnreachableBy::Settings),
        FailureCause::ConnectionLost,
        FailureCause::TimedOut,
        FailureCause::BrokenAnswer,
        FailureCause::Untranslatable,
        FailureCause::GatewayFault,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            FailureCause::CallerFault => "caller_fault",
            FailureCause::ModelLacks(Lack::Window) => "model_lacks:window",
            FailureCause::ModelLacks(Lack::Attachment) => "model_lacks:attachment",
            FailureCause::ModelLacks(Lack::Tools) => "model_lacks:tools",
            FailureCause::ModelLacks(Lack::Schema) => "model_lacks:schema",
            FailureCause::ModelLacks(Lack::Effort) => "model_lacks:effort",
            FailureCause::ModelLacks(Lack::Sampling) => "model_lacks:sampling",
            FailureCause::ModelLacks(Lack::OutputLimit) => "model_lacks:output_limit",
            FailureCause::RateLimited => "rate_limited",
            FailureCause::Overloaded => "overloaded",
            FailureCause::KeyRefused => "key_refused",
            FailureCause::OutOfFunds => "out_of_funds",
            FailureCause::ModelGone => "model_gone",
            FailureCause::ProviderFault => "provider_fault",
            FailureCause::Unreachable(UnreachableBy::Dns) => "unreachable:dns",
            FailureCause::Unreachable(UnreachableBy::Connect) => "unreachable:connect",
            FailureCause::Unreachable(UnreachableBy::Tls) => "unreachable:tls",
            FailureCause::Unreachable(UnreachableBy::Proxy) => "unreachable:proxy",
            FailureCause::Unreachable(UnreachableBy::Timeout) => "unreachable:timeout",
            FailureCause::Unreachable(UnreachableBy::Settings) => "unreachable:settings",
            FailureCause::ConnectionLost => "connection_lost",
            FailureCause::TimedOut => "timed_out",
            FailureCause::BrokenAnswer => "broken_answer",
            FailureCause::Untranslatable => "untranslatable",
            FailureCause::GatewayFault => "gateway_fault",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == word)
    }
}

impl Serialize for FailureCause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for FailureCause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::parse(&word)
            .ok_or_else(|| D::Error::custom(format!("{word} is no cause of a failure")))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_cause_has_a_word_of_its_own_that_reads_back() {
        let words: BTreeSet<&str> = FailureCause::ALL.iter().map(|cause| cause.as_str()).collect();
        assert_eq!(words.len(), FailureCause::ALL.len());
        for cause in FailureCause::ALL {
            let text = serde_json::to_string(&cause).unwrap();
            assert_eq!(text, format!("\"{}\"", cause.as_str()));
            assert_eq!(serde_json::from_str::<FailureCause>(&text).unwrap(), cause);
        }
        assert!(serde_json::from_str::<FailureCause>("\"unreachable\"").is_err());
    }

    #[test]
    fn the_documentation_lists_exactly_these_words() {
        let documentation = include_str!("../../docs/api.md");
        let (_, section) = documentation.split_once("## Why an attempt failed").unwrap();
        let section = section.split("\n## ").next().unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let listed: Vec<&str> = rows.map(|(word, _)| word).collect();
        assert_eq!(listed, FailureCause::ALL.map(FailureCause::as_str));
    }
}
