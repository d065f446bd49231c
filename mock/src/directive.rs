//! What a prompt can order: `[[mock key=value …]]` anywhere in the last user text or the system
//! prompt.
//!
//! Directives travel inside the text, so that they survive any translation of the wire format on
//! the way here. A directive that cannot be read is refused with a 400: a misspelt one that does
//! nothing would make a test pass for nothing.

use std::str::FromStr;

/// One `[[mock …]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// As it stands in the prompt: the key of its `times` count.
    pub raw: String,
    /// Only for requests of this model.
    pub model: Option<String>,
    /// Its fault and styles hold for the first so many requests only.
    pub times: Option<u32>,
    pub values: Directives,
}

/// Everything that can be ordered; what is left out is decided elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directives {
    pub tokens: Option<usize>,
    pub delay_ms: Option<u64>,
    pub first_ms: Option<u64>,
    /// Between the first events and the first content.
    pub content_ms: Option<u64>,
    pub tools: Option<usize>,
    /// The one tool to call, if the request has it.
    pub call: Option<String>,
    /// Its arguments, JSON without a space; left out: whatever its schema allows.
    pub arguments: Option<String>,
    pub interleave: Option<bool>,
    pub text: Option<TextDirective>,
    pub thinking: Option<usize>,
    pub stop: Option<StopDirective>,
    pub usage: Option<UsageDirective>,
    pub pad: Option<usize>,
    pub fault: Option<Fault>,
    pub cut_styles: Vec<CutStyle>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextDirective {
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopDirective {
    /// The vendor's filter ends the answer; with `text=none` there is none.
    Refusal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageDirective {
    /// No usage anywhere.
    Nothing,
    /// Parts of the prompt were read from and written to the cache.
    Cache,
}

/// How an answer fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    RefuseStatus(Refused),
    ResetBeforeHead,
    CloseBeforeHead,
    HangBeforeHead,
    /// A 307 to another path of this server.
    Redirect,
    /// 200 with an HTML page.
    WrongContentType,
    /// 200, no events, clean end.
    EmptyStream,
    PingOnlyThenEnd,
    /// Everything but `message_stop` or `[DONE]`, then a clean end.
    MissingTerminator,
    DuplicateStart,
    /// At event number `at`, counted from 0; the middle of the answer when left out.
    At {
        at: Option<usize>,
        kind: MidFault,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub status: u16,
    pub retry_after_s: Option<u64>,
    /// The vendor's finer code, such as `context_length_exceeded` or `insufficient_quota`.
    pub code: Option<String>,
}

/// What happens before (or instead of) one event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MidFault {
    Hang,
    /// FIN between two chunks.
    Fin,
    /// FIN inside a chunk.
    FinMidChunk,
    Reset,
    /// Bytes that are neither SSE nor JSON, then a clean end.
    Garbage,
    /// The event's JSON is cut; the rest follows.
    BadJson,
    /// The event carries bytes that are not UTF-8; the rest follows.
    BadUtf8,
    /// An error inside the 200, then a clean end.
    ErrorEvent(Refused),
    /// The event's line is 2 MiB long, and valid.
    HugeLine,
}

/// Unusual but legal ways of writing an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutStyle {
    Crlf,
    Comments,
    /// One byte per chunk and write.
    Drip,
    /// Chunks end in the middle of multi-byte characters.
    SplitUtf8,
    /// A 103 before the answer.
    EarlyHints,
    /// The answer comes whole, whatever was asked for.
    Unstreamed,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectiveError {
    #[error("mock directive `{0}` is not closed by `]]`")]
    Open(String),
    #[error("mock directive has no key `{0}`")]
    UnknownKey(String),
    #[error("mock directive key `{key}` cannot be `{value}`")]
    BadValue { key: String, value: String },
}

const OPEN: &str = "[[mock";
const CLOSE: &str = "]]";

/// All directives of a text, in order.
pub fn directives_in(text: &str) -> Result<Vec<Directive>, DirectiveError> {
    let mut directives = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(OPEN) {
        let from_open = &rest[start..];
        let Some(length) = from_open.find(CLOSE) else {
            return Err(DirectiveError::Open(from_open.chars().take(60).collect()));
        };
        let end = length + CLOSE.len();
        directives.push(parse(&from_open[..end], &from_open[OPEN.len()..length])?);
        rest = &from_open[end..];
    }
    Ok(directives)
}

/// The text as a person reads it: without directives.
pub fn without_directives(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(OPEN) {
        plain.push_str(&rest[..start]);
        rest = rest[start..].find(CLOSE).map_or("", |length| &rest[start + length + CLOSE.len()..]);
    }
    plain.push_str(rest);
    plain.trim().to_owned()
}

impl Directives {
    /// Later directives override earlier ones; styles add up.
    pub fn add(&mut self, later: Directives) {
        self.tokens = later.tokens.or(self.tokens);
        self.delay_ms = later.delay_ms.or(self.delay_ms);
        self.first_ms = later.first_ms.or(self.first_ms);
        self.content_ms = later.content_ms.or(self.content_ms);
        self.tools = later.tools.or(self.tools);
        self.call = later.call.or(self.call.take());
        self.arguments = later.arguments.or(self.arguments.take());
        self.interleave = later.interleave.or(self.interleave);
        self.text = later.text.or(self.text);
        self.thinking = later.thinking.or(self.thinking);
        self.stop = later.stop.or(self.stop);
        self.usage = later.usage.or(self.usage);
        self.pad = later.pad.or(self.pad);
        self.fault = later.fault.or(self.fault.take());
        self.cut_styles.extend(later.cut_styles);
    }

    pub fn has(&self, cut_style: CutStyle) -> bool {
        self.cut_styles.contains(&cut_style)
    }
}

/// The keys that only mean something together with a fault.
#[derive(Default)]
struct FaultKeys {
    name: Option<String>,
    at: Option<usize>,
    status: Option<u16>,
    retry_after_s: Option<u64>,
    code: Option<String>,
}

fn parse(raw: &str, inside: &str) -> Result<Directive, DirectiveError> {
    let mut directive =
        Directive { raw: raw.to_owned(), model: None, times: None, values: Directives::default() };
    let mut keys = FaultKeys::default();
    for word in inside.split_whitespace() {
        let (key, value) = word.split_once('=').unwrap_or((word, "true"));
        let directives = &mut directive.values;
        match key {
            "model" => directive.model = Some(value.to_owned()),
            "times" => directive.times = Some(number(key, value)?),
            "tokens" => directives.tokens = Some(number(key, value)?),
            "delay_ms" => directives.delay_ms = Some(number(key, value)?),
            "first_ms" => directives.first_ms = Some(number(key, value)?),
            "content_ms" => directives.content_ms = Some(number(key, value)?),
            "tools" => directives.tools = Some(number(key, value)?),
            "call" => directives.call = Some(value.to_owned()),
            "arguments" => {
                // The arguments are parsed here, so that misspelt ones are refused at once.
                let readable = serde_json::from_str::<serde_json::Value>(value)
                    .is_ok_and(|arguments| arguments.is_object());
                if !readable {
                    return Err(DirectiveError::BadValue {
                        key: key.to_owned(),
                        value: value.to_owned(),
                    });
                }
                directives.arguments = Some(value.to_owned());
            }
            "interleave" => directives.interleave = Some(number(key, value)?),
            "thinking" => directives.thinking = Some(number(key, value)?),
            "pad" => directives.pad = Some(number(key, value)?),
            "stop" => {
                directives.stop = Some(pick(key, value, &[("refusal", StopDirective::Refusal)])?)
            }
            "text" => {
                directives.text = Some(pick(key, value, &[("none", TextDirective::Nothing)])?)
            }
            "usage" => {
                directives.usage = Some(pick(
                    key,
                    value,
                    &[("none", UsageDirective::Nothing), ("cache", UsageDirective::Cache)],
                )?)
            }
            "fault" => match cut_style(value) {
                Some(cut_style) => directives.cut_styles.push(cut_style),
                None => keys.name = Some(value.to_owned()),
            },
            "at" => keys.at = Some(number(key, value)?),
            "status" => keys.status = Some(number(key, value)?),
            "retry_after" => keys.retry_after_s = Some(number(key, value)?),
            "code" => keys.code = Some(value.to_owned()),
            other => match (cut_style(other), value) {
                (Some(cut_style), "true") => directives.cut_styles.push(cut_style),
                _ => return Err(DirectiveError::UnknownKey(other.to_owned())),
            },
        }
    }
    directive.values.fault = fault(keys)?;
    Ok(directive)
}

fn fault(keys: FaultKeys) -> Result<Option<Fault>, DirectiveError> {
    let name = match (keys.name, keys.status) {
        (Some(name), _) => name,
        (None, Some(_)) => "refuse_status".to_owned(),
        (None, None) => return Ok(None),
    };
    let refused = |status| Refused {
        status: keys.status.unwrap_or(status),
        retry_after_s: keys.retry_after_s,
        code: keys.code.clone(),
    };
    let at = |kind| Fault::At { at: keys.at, kind };
    Ok(Some(match name.as_str() {
        "refuse_status" => Fault::RefuseStatus(refused(500)),
        "reset_before_head" => Fault::ResetBeforeHead,
        "close_before_head" => Fault::CloseBeforeHead,
        "hang_before_head" => Fault::HangBeforeHead,
        "redirect" => Fault::Redirect,
        "wrong_content_type" => Fault::WrongContentType,
        "empty_stream" => Fault::EmptyStream,
        "ping_only_then_end" => Fault::PingOnlyThenEnd,
        "missing_terminator" => Fault::MissingTerminator,
        "duplicate_start" => Fault::DuplicateStart,
        "hang_at" => at(MidFault::Hang),
        "fin_at" => at(MidFault::Fin),
        "fin_mid_chunk" => at(MidFault::FinMidChunk),
        "rst_at" => at(MidFault::Reset),
        "garbage_at" => at(MidFault::Garbage),
        "bad_json_at" => at(MidFault::BadJson),
        "bad_utf8_at" => at(MidFault::BadUtf8),
        "error_event_at" => at(MidFault::ErrorEvent(refused(529))),
        "huge_line" => at(MidFault::HugeLine),
        _ => return Err(DirectiveError::BadValue { key: "fault".to_owned(), value: name }),
    }))
}

fn cut_style(name: &str) -> Option<CutStyle> {
    Some(match name {
        "crlf" => CutStyle::Crlf,
        "comments" => CutStyle::Comments,
        "drip" => CutStyle::Drip,
        "split_utf8" => CutStyle::SplitUtf8,
        "early_hints" => CutStyle::EarlyHints,
        "unstreamed" => CutStyle::Unstreamed,
        _ => return None,
    })
}

fn number<T: FromStr>(key: &str, value: &str) -> Result<T, DirectiveError> {
    value
        .parse()
        .map_err(|_| DirectiveError::BadValue { key: key.to_owned(), value: value.to_owned() })
}

fn pick<T: Copy>(key: &str, value: &str, choices: &[(&str, T)]) -> Result<T, DirectiveError> {
    let found = choices.iter().find(|(name, _)| *name == value);
    found
        .map(|(_, choice)| *choice)
        .ok_or_else(|| DirectiveError::BadValue { key: key.to_owned(), value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_several_directives_among_text() {
        let found = directives_in(
            "hi [[mock tokens=3 delay_ms=5]] there [[mock model=a fault=rst_at at=2 times=1]].",
        )
        .unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].values.tokens, found[0].values.delay_ms), (Some(3), Some(5)));
        assert_eq!((found[1].model.as_deref(), found[1].times), (Some("a"), Some(1)));
        assert_eq!(found[1].values.fault, Some(Fault::At { at: Some(2), kind: MidFault::Reset }));
        assert_eq!(found[1].raw, "[[mock model=a fault=rst_at at=2 times=1]]");
    }

    #[test]
    fn a_status_alone_is_a_refusal() {
        let found =
            directives_in("[[mock status=429 retry_after=7 code=insufficient_quota]]").unwrap();
        let refused = Refused {
            status: 429,
            retry_after_s: Some(7),
            code: Some("insufficient_quota".to_owned()),
        };
        assert_eq!(found[0].values.fault, Some(Fault::RefuseStatus(refused)));
    }

    #[test]
    fn manners_are_flags_or_faults_and_add_up() {
        let mut directives = Directives::default();
        for directive in
            directives_in("[[mock fault=crlf drip]] [[mock comments=true fault=fin_at]]").unwrap()
        {
            directives.add(directive.values);
        }
        assert_eq!(directives.cut_styles, [CutStyle::Crlf, CutStyle::Drip, CutStyle::Comments]);
        assert_eq!(directives.fault, Some(Fault::At { at: None, kind: MidFault::Fin }));
    }

    #[test]
    fn later_orders_win_and_silent_ones_keep() {
        let mut directives = Directives { tokens: Some(1), pad: Some(9), ..Directives::default() };
        directives.add(Directives { tokens: Some(2), ..Directives::default() });
        assert_eq!((directives.tokens, directives.pad), (Some(2), Some(9)));
    }

    #[test]
    fn a_call_can_be_ordered_with_its_arguments() {
        let found =
            directives_in(r#"[[mock call=Bash arguments={"command":"echo\u0020hi"}]]"#).unwrap();
        assert_eq!(found[0].values.call.as_deref(), Some("Bash"));
        assert_eq!(found[0].values.arguments.as_deref(), Some(r#"{"command":"echo\u0020hi"}"#));
        assert!(directives_in("[[mock call=Bash arguments=hi]]").is_err());
    }

    #[test]
    fn misspelt_orders_are_refused() {
        for bad in [
            "[[mock tokns=3]]",
            "[[mock tokens=many]]",
            "[[mock fault=nonsense]]",
            "[[mock text=some]]",
            "[[mock tokens=3",
        ] {
            assert!(directives_in(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_text_without_directives_remains() {
        assert_eq!(without_directives("  hello [[mock tokens=3]]"), "hello");
        assert_eq!(without_directives("plain"), "plain");
    }
}
