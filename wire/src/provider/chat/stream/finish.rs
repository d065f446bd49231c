//! What a finish reason means, in the words of every vendor of this dialect.
//!
//! Sources, read in November 2026: the Chat Completions references of OpenAI, DeepSeek
//! (`insufficient_system_resource`), Z.ai (`sensitive`, `network_error`,
//! `model_context_window_exceeded`), Mistral (`model_length`, `error`), Together (`eos`), Cohere
//! (`complete`, `error_toxic`), watsonx (`eos_token`, `token_limit`, `time_limit`, `cancelled`) and
//! Bedrock (`guardrail_intervened`); of the engines vLLM (`abort`, `error`, `repetition`), SGLang
//! (`abort`) and TGI (`eos_token`, `stop_sequence`). Those of Z.ai, Cohere, watsonx and Bedrock are
//! unverified: their pages could not be opened.

use crate::error::provider_error::FaultKind;
use crate::error::stream_fault::StreamFault;
use crate::event::StopReason;

/// What a provider says with its finish reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The answer goes on: the word says nothing.
    NotYet,
    /// The model came to its end, or wants tools to be run.
    Whole,
    Length,
    Window,
    Refusal,
    Pause,
    /// The engine gave up, or nobody knows that the word means anything else.
    Failed,
}

impl Ending {
    pub(super) fn of(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "" | "null" | "none" => Ending::NotYet,
            "stop" | "eos" | "eos_token" | "end" | "end_turn" | "stop_sequence" | "complete"
            | "completed" | "normal" | "tool_calls" | "tool_call" | "tool_use"
            | "function_call" | "function_calls" => Ending::Whole,
            "model_context_window_exceeded" | "context_length_exceeded" => Ending::Window,
            word if word.starts_with("content_filter") => Ending::Refusal,
            "refusal"
            | "safety"
            | "sensitive"
            | "recitation"
            | "prohibited_content"
            | "blocklist"
            | "spii"
            | "guardrail_intervened" => Ending::Refusal,
            "pause_turn" => Ending::Pause,
            word if word.contains("error") => Ending::Failed,
            "token_limit" | "max_output_tokens" | "max_completion_tokens" => Ending::Length,
            word if word.contains("length") || word.contains("max_tokens") => Ending::Length,
            _ => Ending::Failed,
        }
    }

    /// The word that every client of this dialect knows, where `word` is not it.
    pub(super) fn usual_word(self, word: &str, any_calls: bool) -> Option<&'static str> {
        let usual = match self {
            // agents go by this word: a call that is not announced is not run
            Ending::Whole if any_calls => "tool_calls",
            Ending::Whole if matches!(word, "tool_calls" | "function_call") => return None,
            Ending::Whole => "stop",
            Ending::Length | Ending::Window => "length",
            Ending::Refusal => "content_filter",
            Ending::NotYet | Ending::Pause | Ending::Failed => return None,
        };
        (usual != word).then_some(usual)
    }
}

/// `tool_use` if and only if there are calls, whatever the vendor says. An answer whose end is not
/// known to be a good one has failed.
pub(super) fn stop_reason(
    finish: &str,
    has_calls: bool,
    refused: bool,
) -> Result<StopReason, StreamFault> {
    match Ending::of(finish) {
        Ending::Length => Ok(StopReason::MaxTokens),
        Ending::Window => Ok(StopReason::ContextWindowExceeded),
        Ending::Refusal => Ok(StopReason::Refusal),
        Ending::Failed => Err(StreamFault::ErrorEvent {
            kind: FaultKind::Api,
            message: format!("provider finished with `{finish}`"),
        }),
        _ if has_calls => Ok(StopReason::ToolUse),
        _ if refused => Ok(StopReason::Refusal),
        Ending::Pause => Ok(StopReason::PauseTurn),
        Ending::Whole | Ending::NotYet => Ok(StopReason::EndTurn),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p035_each_word_has_one_meaning_and_an_unknown_one_is_no_end() {
        for (word, reason) in [
            ("stop", StopReason::EndTurn),
            ("eos", StopReason::EndTurn),
            ("STOP", StopReason::EndTurn),
            ("COMPLETE", StopReason::EndTurn),
            ("length", StopReason::MaxTokens),
            ("model_length", StopReason::MaxTokens),
            ("max_tokens_exceeded", StopReason::MaxTokens),
            ("model_context_window_exceeded", StopReason::ContextWindowExceeded),
            ("content_filter", StopReason::Refusal),
            ("content_filter: PROHIBITED_CONTENT", StopReason::Refusal),
            ("sensitive", StopReason::Refusal),
            ("pause_turn", StopReason::PauseTurn),
        ] {
            assert_eq!(stop_reason(word, false, false), Ok(reason), "{word}");
        }
        for word in [
            "abort",
            "insufficient_system_resource",
            "network_error",
            "error",
            "engine_error",
            "repetition",
            "cancelled",
            "time_limit",
            "function_call_filter: MALFORMED_FUNCTION_CALL",
            "moonphase",
        ] {
            let said = stop_reason(word, true, false);
            assert!(
                matches!(&said, Err(StreamFault::ErrorEvent { message, .. })
                    if message.contains(word)),
                "{word}: {said:?}"
            );
        }
    }

    #[test]
    fn clients_get_the_word_that_they_know() {
        for (word, any_calls, usual) in [
            ("stop", false, None),
            ("stop", true, Some("tool_calls")),
            ("tool_calls", true, None),
            ("tool_use", true, Some("tool_calls")),
            ("eos", false, Some("stop")),
            ("model_length", false, Some("length")),
            ("sensitive", false, Some("content_filter")),
            ("abort", false, None),
        ] {
            assert_eq!(Ending::of(word).usual_word(word, any_calls), usual, "{word}");
        }
    }
}
