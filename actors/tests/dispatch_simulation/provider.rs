//! A provider at one attempt: what it will say, where it breaks, and what of it was taken.

use ainfera_actors::provider::ProviderFailure;
use ainfera_actors::provider::failure::Broken;
use ainfera_schema::{TokenUsage, UsageBasis};
use ainfera_wire::error::{FaultKind, Lack, StreamFault};
use ainfera_wire::event::{Block, Delta, Oddity, ProviderEvent, Stop, StopReason, StreamEvent};

use crate::market::Deployed;
use crate::random::Random;

pub struct Provider {
    pub attempt: u32,
    pub deployed: Deployed,
    script: Vec<ProviderEvent>,
    failure: Option<ProviderFailure>,
    /// How many events of the script it has said; how many of them were taken, which is when they
    /// are paid for; and how many went on to the client.
    pub said: usize,
    pub taken: usize,
    pub passed_on: usize,
    /// It reads no further before it is answered.
    pub waits: bool,
}

/// What can be seen of the events that a provider said.
#[derive(Debug, Default, Clone, Copy)]
pub struct Seen {
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub finished: bool,
    pub text_bytes: u64,
    pub content: bool,
    pub refusal: bool,
    pub has_unread_counts: bool,
}

/// What it does next.
pub enum Act {
    Say(Vec<ProviderEvent>),
    Fail(ProviderFailure),
    /// It has said its end, and nobody waits for it.
    Nothing,
}

impl Provider {
    pub fn new(random: &mut Random, attempt: u32, deployed: Deployed) -> Self {
        let mut script = script(random, deployed.bounds.output_tokens);
        let failure = match random.below(100) {
            0..30 => {
                script.clear();
                Some(failure(random))
            }
            30..40 => {
                script.truncate(1 + random.below(2));
                Some(failure(random))
            }
            40..60 => {
                script.truncate(1 + random.below(script.len() - 1));
                if random.percent(20) {
                    let usage =
                        TokenUsage { input_tokens: 70, output_tokens: 9, ..TokenUsage::default() };
                    script.push(ProviderEvent::translated(StreamEvent::FailedUsage(usage)));
                }
                Some(failure(random))
            }
            _ => None,
        };
        Self { attempt, deployed, script, failure, said: 0, taken: 0, passed_on: 0, waits: false }
    }

    pub fn act(&mut self, random: &mut Random) -> Act {
        let rest = self.script.len() - self.said;
        if rest == 0 {
            return self.failure.take().map_or(Act::Nothing, Act::Fail);
        }
        let from = self.said;
        self.said += 1 + random.below(rest.min(4));
        self.waits = true;
        Act::Say(self.script[from..self.said].to_vec())
    }

    /// What was said and has not gone on to the client.
    pub fn not_passed_on(&self) -> &[ProviderEvent] {
        &self.script[self.passed_on..self.said]
    }

    pub fn has_said_its_end(&self) -> bool {
        self.script[..self.said].iter().any(|event| event.event == StreamEvent::End)
    }

    pub fn seen(&self) -> Seen {
        self.seen_of(self.taken)
    }

    /// What will be seen once all that was said is taken.
    pub fn seen_if_taken(&self) -> Seen {
        self.seen_of(self.said)
    }

    fn seen_of(&self, events: usize) -> Seen {
        self.script[..events].iter().fold(Seen::default(), Seen::with)
    }

    /// Whether its end is among what was taken.
    pub fn is_taken_to_its_end(&self) -> bool {
        self.script[..self.taken].iter().any(|event| event.event == StreamEvent::End)
    }
}

impl Seen {
    fn with(mut self, event: &ProviderEvent) -> Self {
        self.content |= event.is_content();
        match &event.event {
            StreamEvent::Start { usage, .. } => {
                (self.input_tokens, self.output_tokens) = (usage.input_tokens, usage.output_tokens);
            }
            StreamEvent::Finish { stop, usage } => {
                self.refusal = stop.reason == StopReason::Refusal;
                (self.input_tokens, self.output_tokens) = (usage.input_tokens, usage.output_tokens);
                self.finished = true;
            }
            StreamEvent::FailedUsage(usage) => {
                (self.input_tokens, self.output_tokens) = (usage.input_tokens, usage.output_tokens);
                self.finished = true;
            }
            StreamEvent::Oddity(Oddity::Number) => self.has_unread_counts = true,
            StreamEvent::Delta(Delta::Text(text)) => self.text_bytes += text.len() as u64,
            StreamEvent::HiddenReasoning { bytes } => self.text_bytes += *bytes as u64,
            _ => {}
        }
        self
    }

    /// What the record says of its counts.
    pub fn basis(&self) -> UsageBasis {
        let is_whole = self.input_tokens > 0 && (self.output_tokens > 0 || self.text_bytes == 0);
        if self.finished && is_whole && !self.has_unread_counts {
            UsageBasis::Reported
        } else {
            UsageBasis::Estimated
        }
    }

    pub fn is_counted(&self) -> bool {
        self.finished && (self.input_tokens > 0 || self.output_tokens > 0)
    }
}

fn script(random: &mut Random, most_output_tokens: u64) -> Vec<ProviderEvent> {
    let input_tokens = match random.below(100) {
        0..40 => 0,
        // it says what it cannot have read
        40..45 => 250_000,
        _ => 50 + random.next() % 900,
    };
    let usage = |output_tokens| TokenUsage { input_tokens, output_tokens, ..Default::default() };
    let mut script = vec![StreamEvent::Start { upstream_id: None, usage: usage(1) }];
    if random.percent(20) {
        script.push(StreamEvent::Ping);
    }
    let kind = random.below(100);
    let mut bytes = 0;
    if kind >= 20 {
        if random.percent(30) {
            let hidden = 1 + random.below(4_000);
            bytes += hidden;
            script.push(StreamEvent::HiddenReasoning { bytes: hidden });
        }
        script.push(StreamEvent::BlockStart(Block::Text));
        for _ in 0..1 + random.below(10) {
            let most = if random.percent(50) { 40 } else { 9_000 };
            let piece = 1 + random.below(most);
            if (bytes + piece).div_ceil(3) as u64 > most_output_tokens {
                break;
            }
            bytes += piece;
            script.push(StreamEvent::Delta(Delta::Text("x".repeat(piece).into())));
        }
        script.push(StreamEvent::BlockStop);
    }
    let output_tokens = match random.below(100) {
        // it does not count
        0..15 => 0,
        // it says what it cannot have used
        15..20 => 10 * most_output_tokens + 10_000,
        // more than can be seen of it
        20..35 => (bytes / 2) as u64,
        _ => (bytes / 4) as u64,
    };
    let counted = if output_tokens == 0 && random.percent(50) {
        TokenUsage::default()
    } else {
        usage(output_tokens)
    };
    if random.percent(5) {
        script.push(StreamEvent::Oddity(Oddity::Number));
    }
    let reason = if kind < 5 { StopReason::Refusal } else { StopReason::EndTurn };
    let stop = Stop { reason, sequence: None, word: None };
    script.push(StreamEvent::Finish { stop, usage: counted });
    script.push(StreamEvent::End);
    script.into_iter().map(ProviderEvent::translated).collect()
}

pub fn failure(random: &mut Random) -> ProviderFailure {
    let refused = |status, kind, retry_after_seconds| ProviderFailure::Refused {
        status,
        kind,
        message: "refused".to_owned(),
        retry_after_seconds,
    };
    match random.below(12) {
        0 => refused(400, FaultKind::InvalidRequest, None),
        1 => refused(429, FaultKind::RateLimited, Some(1 + random.next() % 60)),
        2 => refused(529, FaultKind::Overloaded, None),
        3 => refused(401, FaultKind::KeyRefused, None),
        4 => refused(400, FaultKind::ModelLacks(Lack::Window), None),
        5 => refused(400, FaultKind::ModelLacks(Lack::Tools), None),
        6 => ProviderFailure::TimedOut("first_event"),
        7 => ProviderFailure::Broken(Broken::unanswered("reset")),
        8 => ProviderFailure::Broken(Broken::answering("reset")),
        9 => ProviderFailure::Stream(StreamFault::Truncated),
        10 => ProviderFailure::Crashed,
        _ => refused(500, FaultKind::Api, None),
    }
}
