//! Thoughts that a model writes into its text, between `<think>` and `</think>`. Only what stands
//! at the beginning of an answer is a thought: tags that the answer quotes later are text.

use bytestring::ByteString;

const OPENING: &str = "<think>";
const CLOSING: &str = "</think>";

/// Models that were trained to write the tags, by what their names contain. Sources:
/// platform.minimax.io/docs/api-reference/text-openai-api and docs.fireworks.ai/guides/reasoning,
/// read on 2026-12-01; of Qwen and DeepSeek R1 it is what servers without a parser for them send.
const WRITERS: [&str; 4] = ["minimax-m", "qwen3", "qwq", "deepseek-r1"];

/// Whether a model of this name writes tags where its server does not take them out.
pub(crate) fn is_written_by(upstream_name: &str) -> bool {
    let name = upstream_name.to_ascii_lowercase();
    WRITERS.iter().any(|writer| name.contains(writer))
}

/// A piece of the text, once it is known what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Thought(ByteString),
    Answer(ByteString),
}

/// Where in the text the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing but blanks and a part of a tag has come.
    Beginning,
    /// A tag has come and after it nothing but blanks, which are nobody's.
    ThoughtBegins,
    Thought,
    AnswerBegins,
    Answer,
}

/// Divides a text that comes in pieces of any size.
#[derive(Debug)]
pub(super) struct ThinkingTags {
    place: Place,
    /// What may be a part of a tag.
    waiting: String,
}

impl ThinkingTags {
    pub(super) fn new() -> Self {
        Self { place: Place::Beginning, waiting: String::new() }
    }

    pub(super) fn feed(&mut self, text: ByteString, out: &mut Vec<Piece>) {
        if self.place == Place::Answer {
            return push(out, Piece::Answer(text));
        }
        self.waiting.push_str(&text);
        while self.step(out) {}
    }

    /// The text is over: what waits for the rest of a tag is no tag.
    pub(super) fn finish(&mut self, out: &mut Vec<Piece>) {
        let rest = ByteString::from(std::mem::take(&mut self.waiting));
        match self.place {
            Place::Beginning | Place::Answer => push(out, Piece::Answer(rest)),
            Place::Thought => push(out, Piece::Thought(rest)),
            // a part of the closing tag after nothing but blanks is a thought all the same
            Place::ThoughtBegins => push(out, Piece::Thought(rest.trim_start().into())),
            Place::AnswerBegins => {}
        }
        self.place = Place::Answer;
    }

    /// Whether there is more to do with what waits.
    fn step(&mut self, out: &mut Vec<Piece>) -> bool {
        match self.place {
            Place::Beginning => self.begin(out),
            Place::ThoughtBegins => self.skip_blanks(Place::Thought),
            Place::Thought => self.think(out),
            Place::AnswerBegins => self.skip_blanks(Place::Answer),
            Place::Answer => {
                push(out, Piece::Answer(std::mem::take(&mut self.waiting).into()));
                false
            }
        }
    }

    fn begin(&mut self, out: &mut Vec<Piece>) -> bool {
        let said = self.waiting.trim_start();
        // some servers send the end of thoughts that were not thought
        for (tag, next) in [(OPENING, Place::ThoughtBegins), (CLOSING, Place::AnswerBegins)] {
            if let Some(rest) = said.strip_prefix(tag) {
                self.waiting = rest.to_owned();
                self.place = next;
                return true;
            }
        }
        if OPENING.starts_with(said) || CLOSING.starts_with(said) {
            return false;
        }
        push(out, Piece::Answer(std::mem::take(&mut self.waiting).into()));
        self.place = Place::Answer;
        false
    }

    fn skip_blanks(&mut self, next: Place) -> bool {
        self.waiting = self.waiting.trim_start().to_owned();
        if self.waiting.is_empty() {
            return false;
        }
        self.place = next;
        true
    }

    fn think(&mut self, out: &mut Vec<Piece>) -> bool {
        if let Some((thought, rest)) = self.waiting.split_once(CLOSING) {
            push(out, Piece::Thought(thought.into()));
            self.waiting = rest.to_owned();
            self.place = Place::AnswerBegins;
            return true;
        }
        let kept = longest_end_that_begins(&self.waiting, CLOSING);
        let rest = self.waiting.split_off(self.waiting.len() - kept);
        push(out, Piece::Thought(std::mem::replace(&mut self.waiting, rest).into()));
        false
    }
}

fn push(out: &mut Vec<Piece>, piece: Piece) {
    let (Piece::Thought(text) | Piece::Answer(text)) = &piece;
    if !text.is_empty() {
        out.push(piece);
    }
}

/// How many bytes at the end of `text` are the beginning of `tag`.
fn longest_end_that_begins(text: &str, tag: &str) -> usize {
    (1..tag.len()).rev().find(|length| text.ends_with(&tag[..*length])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The whole thought and the whole answer of a text that comes in these pieces.
    fn divided<'a>(pieces: impl IntoIterator<Item = &'a str>) -> (String, String) {
        let (mut tags, mut out) = (ThinkingTags::new(), Vec::new());
        pieces.into_iter().for_each(|piece| tags.feed(piece.into(), &mut out));
        tags.finish(&mut out);
        let mut whole = (String::new(), String::new());
        for piece in out {
            match piece {
                Piece::Thought(text) => whole.0.push_str(&text),
                Piece::Answer(text) => whole.1.push_str(&text),
            }
        }
        whole
    }

    /// A text, its thought and its answer.
    const TEXTS: [(&str, &str, &str); 14] = [
        ("<think>hm</think>yes", "hm", "yes"),
        ("\n<think>\nhm\n</think>\n\nyes", "hm\n", "yes"),
        ("<think>\n\n</think>\n\nyes", "", "yes"),
        ("</think>yes", "", "yes"),
        ("\n</think>\n\nyes", "", "yes"),
        ("yes", "", "yes"),
        ("", "", ""),
        ("<thinking about it", "", "<thinking about it"),
        ("< 3", "", "< 3"),
        ("yes <think>no</think>", "", "yes <think>no</think>"),
        ("<think>a</think>`<think>b</think>` is a tag", "a", "`<think>b</think>` is a tag"),
        ("<think>a < b </ c </thin</think>ä€😀", "a < b </ c </thin", "ä€😀"),
        ("<think>never closed </thi", "never closed </thi", ""),
        ("<thi", "", "<thi"),
    ];

    #[test]
    fn only_what_stands_at_the_beginning_is_a_thought() {
        for (text, thought, answer) in TEXTS {
            assert_eq!(divided([text]), (thought.to_owned(), answer.to_owned()), "{text}");
        }
    }

    #[test]
    fn every_cut_of_a_text_gives_the_same() {
        for (text, thought, answer) in TEXTS {
            for cut in (0..=text.len()).filter(|cut| text.is_char_boundary(*cut)) {
                let (first, second) = text.split_at(cut);
                let expected = (thought.to_owned(), answer.to_owned());
                assert_eq!(divided([first, second]), expected, "{first}|{second}");
            }
            let letters: Vec<String> = text.chars().map(String::from).collect();
            let expected = (thought.to_owned(), answer.to_owned());
            assert_eq!(divided(letters.iter().map(String::as_str)), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_pieces_of_any_text_give_the_same(
            pieces in prop::collection::vec("(<think>|</think>|<|/|th|ink>|[a-c \\n]|ä){0,4}", 0..8)
        ) {
            let whole = pieces.concat();
            prop_assert_eq!(divided(pieces.iter().map(String::as_str)), divided([whole.as_str()]));
        }
    }

    #[test]
    fn models_that_write_tags_are_known_by_their_names() {
        for name in ["Qwen/Qwen3-32B", "MiniMax-M2.7", "deepseek-ai/DeepSeek-R1", "qwq:32b"] {
            assert!(is_written_by(name), "{name}");
        }
        assert!(!is_written_by("llama-4") && !is_written_by("qwen2.5-coder"));
    }
}
