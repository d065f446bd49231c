//! A request → the steps of its answer.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::connection::Request;
use crate::directive::{
    CutStyle, DirectiveError, Directives, Fault, MidFault, Refused, directives_in,
};
use crate::fault::{self, DialectEvents, End, Step};
use crate::frames::{Frames, Markers, Rendering};
use crate::request::{Delivery, Dialect, ModelRequest, chars_in, read, read_for};
use crate::responses::Reasoning;
use crate::script::{Script, from_request};
use crate::server::MockSettings;
use crate::stats::{Counters, Recorded};
use crate::vendor::Vendor;
use crate::{anthropic, chat, gemini, refusal, responses};

const EARLY_HINTS: &[u8] = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n";
const HTML: &str = "<!doctype html><title>Sign in</title><h1>Sign in to continue</h1>";

pub(crate) struct Answer {
    pub kind: AnswerKind,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerKind {
    Stream,
    Whole,
}

/// What is remembered between requests.
pub(crate) struct Answerer {
    settings: MockSettings,
    counters: Arc<Counters>,
    /// How often each directive with `times` has been followed.
    followed: Mutex<HashMap<String, u32>>,
    /// Ids of two servers of one machine differ too.
    started: u64,
    answers: AtomicU64,
}

impl Answerer {
    pub(crate) fn new(settings: MockSettings, counters: Arc<Counters>) -> Self {
        Self {
            settings,
            counters,
            followed: Mutex::default(),
            started: now_ns(),
            answers: AtomicU64::new(0),
        }
    }

    pub(crate) fn answer(&self, request: Request) -> Answer {
        let path = request.path.split('?').next().unwrap_or_default();
        if request.method == "GET" && path == "/stats" {
            let mut stats = self.counters.snapshot().to_json();
            stats["refusals"] = self.counters.refusals().into();
            let body = stats.to_string();
            return whole(refusal::json(200, Dialect::Chat, "req_stats", "", &body));
        }
        let route = match request.method.as_str() {
            "POST" if path.ends_with("/v1/messages") => Some(Dialect::Anthropic),
            "POST" if path.ends_with("/chat/completions") => Some(Dialect::Chat),
            "POST" if path.ends_with("/responses") => Some(Dialect::Responses),
            "POST" if gemini_address(&request.path).is_some() => Some(Dialect::Gemini),
            _ => None,
        };
        let looks_anthropic =
            path.contains("/messages") || request.header("anthropic-version").is_some();
        let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let Request { method, path, headers, .. } = request;
        let not_found = format!("{method} {path} is not a route of the scripted provider");
        let recorded = Arc::new(Recorded { method, path, headers, body });
        self.counters.remember(Arc::clone(&recorded));
        let tag = format!("{:x}x{}", self.started, self.answers.fetch_add(1, Relaxed));
        if recorded.method == "POST"
            && recorded
                .path
                .split('?')
                .next()
                .is_some_and(|path| path.ends_with("/v1/messages/count_tokens"))
        {
            return counted(&recorded.body, &tag);
        }
        match route {
            Some(dialect) => self.model_answer(dialect, &recorded, &tag),
            None => refuse(
                if looks_anthropic { Dialect::Anthropic } else { Dialect::Chat },
                404,
                &not_found,
                &tag,
            ),
        }
    }

    fn model_answer(&self, dialect: Dialect, recorded: &Recorded, tag: &str) -> Answer {
        let vendor = Vendor::of_path(&recorded.path);
        if let Some((status, error)) =
            vendor.and_then(|vendor| vendor.refusal(dialect, &recorded.path, &recorded.body))
        {
            self.counters.refuse(format!("{} {}: {error}", recorded.path, recorded.body["model"]));
            return whole(refusal::json(
                status,
                dialect,
                &format!("req_mock{tag}"),
                "",
                &error.to_string(),
            ));
        }
        let vendor = vendor.filter(|_| dialect == Dialect::Chat);
        let body = vendor
            .map_or(Cow::Borrowed(&recorded.body), |vendor| vendor.understood(&recorded.body));
        let read = match gemini_address(&recorded.path).filter(|_| dialect == Dialect::Gemini) {
            Some((model, delivery)) => read_for(dialect, model, delivery, &recorded.body),
            None => read(dialect, &body),
        };
        let request = match read {
            Ok(request) => request,
            Err(bad_request) => {
                self.counters
                    .refuse(format!("{} {}: {bad_request}", recorded.path, recorded.body["model"]));
                return refuse(dialect, 400, &bad_request.to_string(), tag);
            }
        };
        let directives = match self.directives(&request) {
            Ok(directives) => directives,
            Err(error) => return refuse(dialect, 400, &error.to_string(), tag),
        };
        let mut answer = scripted_answer(&request, &directives, self.settings.markers, tag);
        if directives.has(CutStyle::EarlyHints) {
            answer
                .steps
                .insert(0, Step::Write { bytes: EARLY_HINTS.to_vec(), markers: Vec::new() });
        }
        if let Some(ms) = directives.first_ms.filter(|ms| *ms > 0) {
            answer.steps.insert(0, Step::Pause { ms });
        }
        answer
    }

    /// The server's defaults, then the system prompt, then the user.
    fn directives(&self, request: &ModelRequest) -> Result<Directives, DirectiveError> {
        let mut directives = self.settings.directives();
        for text in [&request.system_text, &request.user_text] {
            for mut directive in directives_in(text)? {
                if directive.model.as_ref().is_some_and(|model| *model != request.model) {
                    continue;
                }
                if let Some(times) = directive.times
                    && !self.follow(directive.raw, times)
                {
                    directive.values.fault = None;
                    directive.values.cut_styles.clear();
                }
                directives.add(directive.values);
            }
        }
        Ok(directives)
    }

    fn follow(&self, raw: String, times: u32) -> bool {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let count = followed.entry(raw).or_default();
        *count = count.saturating_add(1);
        *count <= times
    }
}

/// Model and delivery of `…/v1beta/models/{model}:streamGenerateContent?alt=sse` or
/// `:generateContent`.
fn gemini_address(path: &str) -> Option<(&str, Delivery)> {
    let (_, rest) = path.split_once("/v1beta/models/")?;
    match rest.split_once(':')? {
        (model, "streamGenerateContent?alt=sse") => Some((model, Delivery::Stream)),
        (model, "generateContent") => Some((model, Delivery::Whole)),
        _ => None,
    }
}

fn scripted_answer(
    request: &ModelRequest,
    directives: &Directives,
    markers: Markers,
    tag: &str,
) -> Answer {
    let dialect = request.dialect;
    let request_id = format!("req_mock{tag}");
    if let Some(answer) = answer_without_script(dialect, directives, &request_id) {
        return answer;
    }
    let id_prefix = match dialect {
        Dialect::Anthropic => "toolu_mock",
        // Gemini's tool calls have no ids.
        Dialect::Chat | Dialect::Responses | Dialect::Gemini => "call_mock",
    };
    let script = from_request::write(request, directives, id_prefix, tag);
    let rendering = Rendering {
        tag,
        model: &request.model,
        created_s: now_ns() / 1_000_000_000,
        pad: directives.pad.unwrap_or(0),
        markers,
    };
    let error = match &directives.fault {
        Some(Fault::At { kind: MidFault::ErrorEvent(refused), .. }) => {
            refusal::body(dialect, refused, &refusal::message(dialect, refused), &request_id)
        }
        _ => Value::Null,
    };
    let unstreamed = directives.has(CutStyle::Unstreamed);
    match if unstreamed { Delivery::Whole } else { request.delivery } {
        Delivery::Stream => {
            let (frames, ping, error_event) = frames(request, &script, &rendering, &error);
            let head = refusal::stream_head(dialect, &request_id);
            let events = DialectEvents { ping, error_event: &error_event };
            let steps = fault::stream(head, &frames, directives, events);
            Answer { kind: AnswerKind::Stream, steps }
        }
        Delivery::Whole => {
            let body = body(request, &script, &rendering).to_string().into_bytes();
            let head = refusal::whole_head(dialect, &request_id, "application/json", body.len());
            let mut steps = fault::whole(head, body, directives, &error.to_string());
            // The same answer takes the same time, streamed or not.
            let pauses = (script.text().len() as u64).saturating_sub(1);
            let ms = directives.content_ms.unwrap_or(0) + directives.delay_ms.unwrap_or(0) * pauses;
            if ms > 0 {
                steps.insert(0, Step::Pause { ms });
            }
            Answer { kind: AnswerKind::Whole, steps }
        }
    }
}

/// The answer to a request whose directives ask for a failure before any event.
fn answer_without_script(
    dialect: Dialect,
    directives: &Directives,
    request_id: &str,
) -> Option<Answer> {
    let at_once = |step| Some(Answer { kind: AnswerKind::Whole, steps: vec![step] });
    match directives.fault.as_ref()? {
        Fault::RefuseStatus(refused) => {
            let message = refusal::message(dialect, refused);
            Some(whole(refusal::answer(dialect, refused, &message, request_id)))
        }
        Fault::ResetBeforeHead => at_once(Step::End(End::Reset)),
        Fault::CloseBeforeHead => at_once(Step::End(End::Close)),
        Fault::HangBeforeHead => at_once(Step::Hang),
        Fault::Redirect => {
            let location = "location: /redirected/v1/messages\r\n";
            Some(whole(refusal::json(307, dialect, request_id, location, "")))
        }
        Fault::WrongContentType => {
            let content_type = "text/html; charset=utf-8";
            let head = refusal::whole_head(dialect, request_id, content_type, HTML.len());
            Some(whole([&head[..], HTML.as_bytes()].concat()))
        }
        _ => None,
    }
}

/// The frames of a streamed answer, and the ping and the error event of its dialect.
fn frames(
    request: &ModelRequest,
    script: &Script,
    rendering: &Rendering,
    error: &Value,
) -> (Frames, &'static str, String) {
    match request.dialect {
        Dialect::Anthropic => {
            (anthropic::frames(script, rendering), anthropic::PING, anthropic::error_event(error))
        }
        Dialect::Chat => (
            chat::frames(script, rendering, request.stream_usage, chat::habits::Habits::OPENAI),
            chat::PING,
            chat::error_chunk(error),
        ),
        Dialect::Gemini => (
            gemini::frames(script, rendering, gemini::habits::Habits::PLAIN),
            gemini::PING,
            gemini::error_event(error),
        ),
        Dialect::Responses => (
            responses::frames(script, rendering, reasoning(request)),
            responses::PING,
            responses::error_event(error),
        ),
    }
}

fn body(request: &ModelRequest, script: &Script, rendering: &Rendering) -> Value {
    match request.dialect {
        Dialect::Anthropic => anthropic::body(script, rendering),
        Dialect::Chat => chat::body(script, rendering),
        Dialect::Gemini => gemini::body(script, rendering),
        Dialect::Responses => responses::body(script, rendering, reasoning(request)),
    }
}

fn reasoning(request: &ModelRequest) -> Reasoning {
    if request.encrypted_reasoning { Reasoning::AlsoEncrypted } else { Reasoning::Shown }
}

/// Anthropic's count: a token for four characters, and ten for the template.
fn counted(body: &Value, tag: &str) -> Answer {
    if let Some(extra) =
        ["max_tokens", "stream", "temperature"].iter().find(|name| !body[**name].is_null())
    {
        return refuse(
            Dialect::Anthropic,
            400,
            &format!("{extra}: Extra inputs are not permitted"),
            tag,
        );
    }
    if !body["messages"].is_array() {
        return refuse(Dialect::Anthropic, 400, "messages: Field required", tag);
    }
    let chars: u64 =
        ["system", "messages", "tools"].iter().map(|field| chars_in(&body[field])).sum();
    let body = serde_json::json!({"input_tokens": chars.div_ceil(4) + 10}).to_string();
    whole(refusal::json(200, Dialect::Anthropic, &format!("req_mock{tag}"), "", &body))
}

fn refuse(dialect: Dialect, status: u16, message: &str, tag: &str) -> Answer {
    let refused = Refused { status, retry_after_s: None, code: None };
    whole(refusal::answer(dialect, &refused, message, &format!("req_mock{tag}")))
}

fn whole(bytes: Vec<u8>) -> Answer {
    Answer {
        kind: AnswerKind::Whole,
        steps: vec![Step::Write { bytes, markers: Vec::new() }, Step::End(End::KeepAlive)],
    }
}

/// Nanoseconds since the Unix epoch.
pub(crate) fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
