//! The content of an answer, before any wire format: what the writer of a dialect is given.

pub mod from_request;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// In the order in which they are written.
    pub parts: Vec<Part>,
    pub call_order: CallOrder,
    pub stop: Stop,
    pub usage: Usage,
}

/// Thinking and text come in pieces, one per frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Thinking(Vec<String>),
    Text(Vec<String>),
    Call(Call),
}

/// A part, or several calls that follow each other and may be written together.
#[derive(Debug, Clone)]
pub enum Run<'a> {
    Thinking(&'a [String]),
    Text(&'a [String]),
    Calls(Vec<&'a Call>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub id: String,
    pub name: String,
    /// Pieces of the arguments' JSON, one per frame; none when the arguments are empty.
    pub pieces: Vec<String>,
}

/// How the frames of parallel calls follow each other, where the dialect leaves it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOrder {
    OneByOne,
    Interleaved,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    EndTurn,
    MaxTokens,
    StopSequence(String),
    ToolUse,
    /// The vendor's filter.
    Refusal,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Neither read from nor written to the cache.
    pub input: u64,
    pub cache_read: u64,
    pub cache_creation: u64,
    pub output: u64,
    /// The part of `output` that was spent on thinking.
    pub reasoning: u64,
    pub reported: Reported,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reported {
    #[default]
    Yes,
    No,
}

impl Script {
    /// The parts, with calls that follow each other put together.
    pub fn runs(&self) -> Vec<Run<'_>> {
        let mut runs: Vec<Run<'_>> = Vec::new();
        for part in &self.parts {
            match (part, runs.last_mut()) {
                (Part::Call(call), Some(Run::Calls(calls))) => calls.push(call),
                (Part::Call(call), _) => runs.push(Run::Calls(vec![call])),
                (Part::Thinking(pieces), _) => runs.push(Run::Thinking(pieces)),
                (Part::Text(pieces), _) => runs.push(Run::Text(pieces)),
            }
        }
        runs
    }

    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.parts.iter().filter_map(|part| match part {
            Part::Call(call) => Some(call),
            Part::Thinking(_) | Part::Text(_) => None,
        })
    }

    /// The pieces of all texts.
    pub fn text(&self) -> Vec<&str> {
        let texts = self.parts.iter().filter_map(|part| match part {
            Part::Text(pieces) => Some(pieces),
            Part::Thinking(_) | Part::Call(_) => None,
        });
        texts.flatten().map(String::as_str).collect()
    }

    /// The pieces of all thoughts.
    pub fn thinking(&self) -> Vec<&str> {
        let thoughts = self.parts.iter().filter_map(|part| match part {
            Part::Thinking(pieces) => Some(pieces),
            Part::Text(_) | Part::Call(_) => None,
        });
        thoughts.flatten().map(String::as_str).collect()
    }

    /// About how many frames the content takes, which is what a writer makes room for.
    pub fn frames(&self) -> usize {
        let frames_of = |part: &Part| match part {
            Part::Thinking(pieces) | Part::Text(pieces) => pieces.len() + 3,
            Part::Call(call) => call.pieces.len() + 4,
        };
        self.parts.iter().map(frames_of).sum()
    }
}

impl CallOrder {
    /// Which frame of which call comes when, for calls of so many frames.
    pub fn of(self, frames: &[usize]) -> Vec<(usize, usize)> {
        let calls = || frames.iter().enumerate();
        match self {
            Self::OneByOne => calls()
                .flat_map(|(call, frames)| (0..*frames).map(move |frame| (call, frame)))
                .collect(),
            Self::Interleaved => {
                let longest = frames.iter().copied().max().unwrap_or(0);
                let has = |frame: usize| calls().filter(move |(_, frames)| frame < **frames);
                (0..longest)
                    .flat_map(|frame| has(frame).map(move |(call, _)| (call, frame)))
                    .collect()
            }
        }
    }
}

impl Call {
    /// The whole arguments; `{}` when there are none.
    pub fn arguments(&self) -> String {
        if self.pieces.is_empty() { "{}".to_owned() } else { self.pieces.concat() }
    }

    /// A piece of the arguments, where empty ones are written as `{}`.
    pub fn piece(&self, frame: usize) -> &str {
        self.pieces.get(frame).map_or("{}", String::as_str)
    }

    /// How many frames say the arguments in a dialect that says empty ones too.
    pub fn argument_frames(&self) -> usize {
        self.pieces.len().max(1)
    }
}

impl Usage {
    pub fn prompt(&self) -> u64 {
        self.input + self.cache_read + self.cache_creation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_calls_follow_each_other_or_alternate() {
        let frames = [3, 1];
        assert_eq!(CallOrder::OneByOne.of(&frames), [(0, 0), (0, 1), (0, 2), (1, 0)]);
        assert_eq!(CallOrder::Interleaved.of(&frames), [(0, 0), (1, 0), (0, 1), (0, 2)]);
    }

    #[test]
    fn only_calls_that_follow_each_other_are_one_run() {
        let call = |name: &str| {
            Part::Call(Call { id: name.to_owned(), name: name.to_owned(), pieces: Vec::new() })
        };
        let text = Part::Text(vec!["a".to_owned()]);
        let script = Script {
            parts: vec![call("f"), text, call("g"), call("h")],
            call_order: CallOrder::OneByOne,
            stop: Stop::ToolUse,
            usage: Usage::default(),
        };
        let lengths = script.runs().into_iter().map(|run| match run {
            Run::Calls(calls) => calls.len(),
            Run::Thinking(_) | Run::Text(_) => 0,
        });
        assert_eq!(lengths.collect::<Vec<_>>(), [1, 0, 2]);
        assert_eq!(script.calls().count(), 3);
    }
}
