//! How frames go onto the wire, rightly or wrongly: frames and a fault → the steps that a
//! connection carries out. Pure.

use crate::directive::{CutStyle, Directives, Fault, MidFault};
use crate::frames::{Frame, FrameKind, Frames, MARKER_DIGITS};

const HUGE_LINE_BYTES: usize = 2 * 1024 * 1024;
const GARBAGE: &[u8] = b"\x00\x17\x03\x03<html><h1>502 Bad Gateway</h1></html>\r\n";
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
/// Lets the other side read before more bytes join a cut character.
const SPLIT_PAUSE_MS: u64 = 1;

/// What a connection does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// One write. `markers` are the places where the time goes.
    Write {
        bytes: Vec<u8>,
        markers: Vec<usize>,
    },
    /// Counted from when the pause before it was due, so that a busy server does not slow the
    /// schedule.
    Pause {
        ms: u64,
    },
    /// Nothing more, for as long as the client waits.
    Hang,
    End(End),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The answer is complete; the next request may follow.
    KeepAlive,
    /// FIN.
    Close,
    /// RST.
    Reset,
}

/// The events of the dialect that a fault may write.
#[derive(Debug, Clone, Copy)]
pub struct DialectEvents<'a> {
    pub ping: &'a str,
    pub error_event: &'a str,
}

/// The steps of a streamed answer whose head is `head`.
pub fn stream(
    head: Vec<u8>,
    frames: &Frames,
    directives: &Directives,
    dialect_events: DialectEvents,
) -> Vec<Step> {
    let mut writer = Writer {
        steps: Vec::new(),
        raw: head,
        raw_markers: Vec::new(),
        burst: Vec::new(),
        burst_markers: Vec::new(),
        directives,
    };
    match &directives.fault {
        Some(Fault::EmptyStream) => return writer.finish(),
        Some(Fault::PingOnlyThenEnd) => {
            writer.bytes(dialect_events.ping.repeat(2).as_bytes());
            return writer.finish();
        }
        _ => {}
    }
    let (fault_at, mid_fault) = match &directives.fault {
        Some(Fault::At { at, kind }) => (at.unwrap_or(frames.len() / 2), Some(kind)),
        _ => (usize::MAX, None),
    };
    let mut contents = 0;
    for (number, frame) in frames.iter().enumerate() {
        if frame.kind == FrameKind::Content {
            writer.pause(if contents == 0 { directives.content_ms } else { directives.delay_ms });
            contents += 1;
        }
        match mid_fault {
            Some(kind) if number == fault_at => {
                if let Some(steps) = writer.mid_fault(kind, frame, dialect_events) {
                    return steps;
                }
            }
            _ if frame.kind == FrameKind::Terminator
                && directives.fault == Some(Fault::MissingTerminator) => {}
            _ => writer.frame(frame),
        }
        if frame.kind == FrameKind::Start && directives.fault == Some(Fault::DuplicateStart) {
            writer.frame(frame);
        }
    }
    writer.finish()
}

/// The steps of a whole answer; `head` says how long the body would be.
pub fn whole(head: Vec<u8>, body: Vec<u8>, directives: &Directives, error_body: &str) -> Vec<Step> {
    let cut = |end: Step| {
        let bytes = [&head[..], &body[..body.len() / 2]].concat();
        vec![Step::Write { bytes, markers: Vec::new() }, end]
    };
    let said = match &directives.fault {
        Some(Fault::At { kind, .. }) => match kind {
            MidFault::Hang => return cut(Step::Hang),
            MidFault::Fin | MidFault::FinMidChunk => return cut(Step::End(End::Close)),
            MidFault::Reset => return cut(Step::End(End::Reset)),
            MidFault::Garbage => GARBAGE.to_vec(),
            MidFault::BadJson => body[..body.len() / 2].to_vec(),
            MidFault::BadUtf8 => break_utf8(&body),
            MidFault::ErrorEvent(_) => error_body.as_bytes().to_vec(),
            MidFault::HugeLine => widen(&body),
        },
        Some(Fault::EmptyStream | Fault::PingOnlyThenEnd | Fault::MissingTerminator) => Vec::new(),
        _ => body,
    };
    let mut writer = Writer {
        steps: Vec::new(),
        raw: Vec::new(),
        raw_markers: Vec::new(),
        burst: Vec::new(),
        burst_markers: Vec::new(),
        directives,
    };
    writer.raw = head_with_length(&head, said.len());
    for piece in pieces(&said, directives) {
        writer.raw.extend_from_slice(piece);
        if directives.has(CutStyle::Drip) || directives.has(CutStyle::SplitUtf8) {
            writer.flush_raw();
        }
    }
    writer.flush_raw();
    writer.steps.push(Step::End(End::KeepAlive));
    writer.steps
}

/// Puts `length` where a whole answer's head has its content-length.
fn head_with_length(head: &[u8], length: usize) -> Vec<u8> {
    let text = String::from_utf8_lossy(head);
    let lines = text.split("\r\n").map(|line| {
        if line.starts_with("content-length:") {
            format!("content-length: {length}")
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\r\n").into_bytes()
}

struct Writer<'a> {
    steps: Vec<Step>,
    /// Goes out as it is with the next write.
    raw: Vec<u8>,
    raw_markers: Vec<usize>,
    /// Goes out as one chunk with the next write.
    burst: Vec<u8>,
    burst_markers: Vec<usize>,
    directives: &'a Directives,
}

impl Writer<'_> {
    fn frame(&mut self, frame: Frame) {
        if self.directives.has(CutStyle::Comments) {
            self.bytes(b": comment\n\n");
        }
        if let Some(marker) = frame.marker {
            let carriage_returns = if self.directives.has(CutStyle::Crlf) {
                count_lines(&frame.bytes[..marker])
            } else {
                0
            };
            self.burst_markers.push(self.burst.len() + marker + carriage_returns);
        }
        self.bytes(frame.bytes);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if !self.directives.has(CutStyle::Crlf) {
            self.burst.extend_from_slice(bytes);
            return;
        }
        for &byte in bytes {
            if byte == b'\n' {
                self.burst.push(b'\r');
            }
            self.burst.push(byte);
        }
    }

    fn pause(&mut self, ms: Option<u64>) {
        if let Some(ms) = ms.filter(|ms| *ms > 0) {
            self.flush();
            self.steps.push(Step::Pause { ms });
        }
    }

    /// The steps are complete when this returns them; else the stream goes on.
    fn mid_fault(
        &mut self,
        kind: &MidFault,
        frame: Frame,
        dialect_events: DialectEvents,
    ) -> Option<Vec<Step>> {
        match kind {
            MidFault::Hang => return Some(self.end(Step::Hang)),
            MidFault::Fin => return Some(self.end(Step::End(End::Close))),
            MidFault::Reset => return Some(self.end(Step::End(End::Reset))),
            MidFault::FinMidChunk => {
                self.flush_burst();
                self.raw.extend_from_slice(format!("{:x}\r\n", frame.bytes.len()).as_bytes());
                self.raw.extend_from_slice(&frame.bytes[..frame.bytes.len() / 2]);
                return Some(self.end(Step::End(End::Close)));
            }
            MidFault::Garbage => {
                self.burst.extend_from_slice(GARBAGE);
                return Some(self.finish());
            }
            MidFault::ErrorEvent(_) => {
                self.bytes(dialect_events.error_event.as_bytes());
                return Some(self.finish());
            }
            MidFault::BadJson => {
                let (line, _) = frame.bytes.split_at(frame.bytes.len().saturating_sub(2));
                self.bytes(&line[..line.len().saturating_sub(8)]);
                self.bytes(b"\n\n");
            }
            MidFault::BadUtf8 => self.bytes(&break_utf8(frame.bytes)),
            MidFault::HugeLine => self.bytes(&widen(frame.bytes)),
        }
        None
    }

    fn flush(&mut self) {
        self.flush_burst();
        self.flush_raw();
    }

    /// The burst as a chunk, or as the many that the styles ask for.
    fn flush_burst(&mut self) {
        let burst = std::mem::take(&mut self.burst);
        let markers = std::mem::take(&mut self.burst_markers);
        let mut start = 0;
        for piece in pieces(&burst, self.directives) {
            if start > 0 {
                self.flush_raw();
                if self.directives.has(CutStyle::SplitUtf8) {
                    self.steps.push(Step::Pause { ms: SPLIT_PAUSE_MS });
                }
            }
            self.raw.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            let end = start + piece.len();
            // A marker that a cut divides gets no time: its digits stay zeros.
            let inside = markers
                .iter()
                .filter(|marker| **marker >= start && **marker + MARKER_DIGITS <= end);
            self.raw_markers.extend(inside.map(|marker| marker - start + self.raw.len()));
            self.raw.extend_from_slice(piece);
            self.raw.extend_from_slice(b"\r\n");
            start = end;
        }
    }

    fn flush_raw(&mut self) {
        if !self.raw.is_empty() {
            let bytes = std::mem::take(&mut self.raw);
            self.steps.push(Step::Write { bytes, markers: std::mem::take(&mut self.raw_markers) });
        }
    }

    fn end(&mut self, last: Step) -> Vec<Step> {
        self.flush();
        self.steps.push(last);
        std::mem::take(&mut self.steps)
    }

    fn finish(&mut self) -> Vec<Step> {
        self.flush_burst();
        self.raw.extend_from_slice(LAST_CHUNK);
        self.end(Step::End(End::KeepAlive))
    }
}

/// The pieces in which the styles let bytes go out: all at once, byte by byte, or cut inside
/// characters.
fn pieces<'a>(bytes: &'a [u8], directives: &Directives) -> Vec<&'a [u8]> {
    if bytes.is_empty() {
        return Vec::new();
    }
    if directives.has(CutStyle::Drip) {
        return bytes.chunks(1).collect();
    }
    if !directives.has(CutStyle::SplitUtf8) {
        return vec![bytes];
    }
    let is_lead = |byte: u8| byte >= 0xc0;
    let mut pieces = Vec::new();
    let mut start = 0;
    for (position, _) in bytes.iter().enumerate().filter(|(_, byte)| is_lead(**byte)) {
        pieces.push(&bytes[start..=position]);
        start = position + 1;
    }
    pieces.push(&bytes[start..]);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn count_lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// Puts bytes that no character has at the end of the innermost text.
fn break_utf8(bytes: &[u8]) -> Vec<u8> {
    let position = bytes.windows(2).position(|pair| pair == b"\"}").unwrap_or(bytes.len() / 2);
    [&bytes[..position], b"\xff\xfe", &bytes[position..]].concat()
}

/// Puts 2 MiB of spaces before the last brace.
fn widen(bytes: &[u8]) -> Vec<u8> {
    let position = bytes.iter().rposition(|byte| *byte == b'}').unwrap_or(bytes.len());
    [&bytes[..position], &vec![b' '; HUGE_LINE_BYTES], &bytes[position..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directive::directives_in;

    const WORDS: DialectEvents = DialectEvents { ping: "PING", error_event: "ERROR" };

    fn frames() -> Frames {
        let mut frames = Frames::default();
        frames.push(b"S\n", FrameKind::Start, None);
        frames.push("{\"é\"}\n\n".as_bytes(), FrameKind::Content, None);
        frames.push(b"{\"c\"}\n\n", FrameKind::Content, None);
        frames.push(b"T\n", FrameKind::Terminator, None);
        frames
    }

    fn steps(directive: &str) -> Vec<Step> {
        let mut directives = Directives::default();
        for directive in directives_in(&format!("[[mock {directive}]]")).unwrap() {
            directives.add(directive.values);
        }
        stream(b"H;".to_vec(), &frames(), &directives, WORDS)
    }

    /// Everything written, and how it ends.
    fn wire(directive: &str) -> (String, Step) {
        let mut steps = steps(directive);
        let last = steps.pop().unwrap();
        let written = steps.into_iter().filter_map(|step| {
            if let Step::Write { bytes, .. } = step { Some(bytes) } else { None }
        });
        (String::from_utf8_lossy(&written.flatten().collect::<Vec<u8>>()).into_owned(), last)
    }

    const KEEP: Step = Step::End(End::KeepAlive);
    const CLOSE: Step = Step::End(End::Close);

    #[test]
    fn a_good_answer_is_one_write() {
        assert_eq!(steps("tokens=1").len(), 2);
        assert_eq!(
            wire("tokens=1"),
            ("H;13\r\nS\n{\"é\"}\n\n{\"c\"}\n\nT\n\r\n0\r\n\r\n".to_owned(), KEEP)
        );
    }

    #[test]
    fn pauses_stand_between_contents() {
        let shapes: Vec<String> = steps("delay_ms=5 content_ms=9")
            .iter()
            .map(|step| match step {
                Step::Pause { ms } => format!("pause {ms}"),
                _ => "-".to_owned(),
            })
            .collect();
        assert_eq!(shapes, ["-", "pause 9", "-", "pause 5", "-", "-"]);
    }

    #[test]
    fn cuts() {
        assert_eq!(wire("fault=fin_at at=1"), ("H;2\r\nS\n\r\n".to_owned(), CLOSE));
        assert_eq!(wire("fault=fin_at at=0"), ("H;".to_owned(), CLOSE));
        assert_eq!(
            wire("fault=fin_mid_chunk at=2"),
            ("H;a\r\nS\n{\"é\"}\n\n\r\n7\r\n{\"c".to_owned(), CLOSE)
        );
        assert_eq!(wire("fault=rst_at at=1").1, Step::End(End::Reset));
        assert_eq!(wire("fault=hang_at at=1").1, Step::Hang);
    }

    #[test]
    fn lies() {
        assert_eq!(
            wire("fault=missing_terminator"),
            ("H;11\r\nS\n{\"é\"}\n\n{\"c\"}\n\n\r\n0\r\n\r\n".to_owned(), KEEP)
        );
        assert_eq!(wire("fault=empty_stream"), ("H;0\r\n\r\n".to_owned(), KEEP));
        assert_eq!(
            wire("fault=ping_only_then_end"),
            ("H;8\r\nPINGPING\r\n0\r\n\r\n".to_owned(), KEEP)
        );
        assert!(wire("fault=duplicate_start").0.contains("S\nS\n"));
        assert_eq!(
            wire("fault=error_event_at at=1"),
            ("H;7\r\nS\nERROR\r\n0\r\n\r\n".to_owned(), KEEP)
        );
        assert!(wire("fault=bad_utf8_at at=2").0.contains("{\"c\u{fffd}\u{fffd}\"}"));
        assert!(wire("fault=garbage_at at=1").0.contains("502 Bad Gateway"));
        assert!(wire("fault=huge_line at=1").0.len() > HUGE_LINE_BYTES);
    }

    #[test]
    fn manners_change_the_bytes_and_not_the_sense() {
        assert!(wire("crlf").0.contains("{\"c\"}\r\n\r\n"));
        assert!(wire("comments").0.contains(": comment\n\nS\n: comment\n\n"));
        assert_eq!(steps("drip").len(), 20);
        let split = steps("split_utf8");
        let Step::Write { bytes, .. } = &split[0] else { panic!("{split:?}") };
        assert!(bytes.ends_with(b"\xc3\r\n"));
        assert_eq!(split[1], Step::Pause { ms: SPLIT_PAUSE_MS });
    }

    #[test]
    fn markers_keep_their_place() {
        let mut frames = Frames::default();
        frames.push(b"line\nxx0123456789abcdef\n", FrameKind::Content, Some(7));
        for directive in ["[[mock tokens=1]]", "[[mock crlf comments]]"] {
            let directives = directives_in(directive).unwrap().remove(0).values;
            let steps = stream(b"HEAD".to_vec(), &frames, &directives, WORDS);
            let Step::Write { bytes, markers } = &steps[0] else { panic!("{steps:?}") };
            assert_eq!(&bytes[markers[0]..markers[0] + MARKER_DIGITS], b"0123456789abcdef");
        }
    }

    #[test]
    fn whole_answers_are_cut_or_broken_too() {
        let whole = |directive: &str| {
            let directives = directives_in(directive).unwrap().remove(0).values;
            let mut steps = whole(
                b"A\r\ncontent-length: 9\r\n\r\n".to_vec(),
                b"{\"a\":\"b\"}".to_vec(),
                &directives,
                "ERROR",
            );
            let last = steps.pop().unwrap();
            let Step::Write { bytes, .. } = steps.remove(0) else { panic!("no write") };
            (String::from_utf8_lossy(&bytes).into_owned(), last)
        };
        assert_eq!(
            whole("[[mock tokens=1]]"),
            ("A\r\ncontent-length: 9\r\n\r\n{\"a\":\"b\"}".to_owned(), KEEP)
        );
        assert_eq!(
            whole("[[mock fault=fin_at]]"),
            ("A\r\ncontent-length: 9\r\n\r\n{\"a\"".to_owned(), CLOSE)
        );
        assert_eq!(
            whole("[[mock fault=bad_json_at]]"),
            ("A\r\ncontent-length: 4\r\n\r\n{\"a\"".to_owned(), KEEP)
        );
        assert_eq!(
            whole("[[mock fault=error_event_at]]"),
            ("A\r\ncontent-length: 5\r\n\r\nERROR".to_owned(), KEEP)
        );
        assert_eq!(
            whole("[[mock fault=empty_stream]]"),
            ("A\r\ncontent-length: 0\r\n\r\n".to_owned(), KEEP)
        );
    }
}
