//! What was observed of an answer: the provider's own counts, and the size of the text.

use ainfera_schema::{TokenUsage, UsageBasis};
use ainfera_wire::event::{Oddity, ProviderEvent, StopReason, StreamEvent, upper_output_tokens};

/// See the module.
#[derive(Debug, Default, Clone)]
pub struct UsageMeter {
    pub(super) reported: TokenUsage,
    pub(super) finished: bool,
    /// A count was negative or could not be read.
    has_unread_counts: bool,
    pub(super) has_content: bool,
    pub(super) text_bytes: usize,
    pub(super) stop_reason: Option<String>,
}

impl UsageMeter {
    /// What is known after these events too.
    pub fn after(&self, events: &[ProviderEvent]) -> Self {
        let mut usage = self.clone();
        for event in events {
            usage.has_content |= event.is_content();
            match &event.event {
                StreamEvent::Start { usage: reported, .. } => usage.reported = *reported,
                StreamEvent::Delta(delta) => usage.text_bytes += delta.text_bytes(),
                StreamEvent::Finish { stop, usage: reported } => {
                    usage.reported = *reported;
                    usage.finished = true;
                    usage.stop_reason = Some(stop.reason.as_str().to_owned());
                }
                StreamEvent::HiddenReasoning { bytes } => usage.text_bytes += bytes,
                StreamEvent::FailedUsage(reported) => {
                    usage.reported = *reported;
                    usage.finished = true;
                }
                StreamEvent::Oddity(Oddity::Number) => usage.has_unread_counts = true,
                StreamEvent::BlockStart(_)
                | StreamEvent::BlockStop
                | StreamEvent::End
                | StreamEvent::Ping
                | StreamEvent::Oddity(_)
                | StreamEvent::Other => {}
            }
        }
        usage
    }

    /// Reported is what a provider counted at the end: what it read, and what it said if it said
    /// anything.
    pub fn basis(&self) -> UsageBasis {
        let is_counted = self.reported.prompt_tokens() > 0
            && (self.reported.output_tokens > 0 || self.text_bytes == 0)
            && !self.has_unread_counts;
        if self.finished && is_counted { UsageBasis::Reported } else { UsageBasis::Estimated }
    }

    /// Has the provider counted at the end? Then the bill does not grow any more.
    pub fn is_final(&self) -> bool {
        self.finished && (self.reported.prompt_tokens() > 0 || self.reported.output_tokens > 0)
    }

    /// Not fewer than the provider will count.
    pub fn upper_output_tokens(&self) -> u64 {
        upper_output_tokens(self.text_bytes)
    }

    pub(super) fn is_refusal(&self) -> bool {
        self.stop_reason.as_deref() == Some(StopReason::Refusal.as_str())
    }
}
