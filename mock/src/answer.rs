//! A request → the steps of its answer.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::ask::{Ask, Delivery, Dialect, chars_in, read, read_for};
use crate::connection::Request;
use crate::directive::{DirectiveError, Fault, Manner, MidFault, Orders, Refused, directives_in};
use crate::fault::{self, End, Step, Words};
use crate::frames::{Dress, Markers};
use crate::responses::Reasoning;
use crate::server::MockSettings;
use crate::stats::{Counters, Recorded};
use crate::vendor::Vendor;
use crate::{anthropic, chat, gemini, refusal, responses, script};

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
    pub fn new(settings: MockSettings, counters: Arc<Counters>) -> Self {
        Self {
            settings,
            counters,
            followed: Mutex::default(),
            started: now_ns(),
            answers: AtomicU64::new(0),
        }
    }

    pub fn answer(&self, request: Request) -> Answer {
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
            vendor.and_then(|vendor| vendor.refusal(dialect, &recorded.body))
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
        let ask = match read {
            Ok(ask) => ask,
            Err(bad_request) => {
                self.counters
                    .refuse(format!("{} {}: {bad_request}", recorded.path, recorded.body["model"]));
                return refuse(dialect, 400, &bad_request.to_string(), tag);
            }
        };
        let orders = match self.orders(&ask) {
            Ok(orders) => orders,
            Err(error) => return refuse(dialect, 400, &error.to_string(), tag),
        };
        let mut answer = ordered_answer(&ask, &orders, self.settings.markers, tag);
        if orders.has(Manner::EarlyHints) {
            answer
                .steps
                .insert(0, Step::Write { bytes: EARLY_HINTS.to_vec(), markers: Vec::new() });
        }
        if let Some(ms) = orders.first_ms.filter(|ms| *ms > 0) {
            answer.steps.insert(0, Step::Pause { ms });
        }
        answer
    }

    /// The server's defaults, then the system prompt, then the user.
    fn orders(&self, ask: &Ask) -> Result<Orders, DirectiveError> {
        let mut orders = self.settings.orders();
        for text in [&ask.system_text, &ask.user_text] {
            for mut directive in directives_in(text)? {
                if directive.model.as_ref().is_some_and(|model| *model != ask.model) {
                    continue;
                }
                if let Some(times) = directive.times
                    && !self.follow(directive.raw, times)
                {
                    directive.orders.fault = None;
                    directive.orders.manners.clear();
                }
                orders.add(directive.orders);
            }
        }
        Ok(orders)
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

fn ordered_answer(ask: &Ask, orders: &Orders, markers: Markers, tag: &str) -> Answer {
    let dialect = ask.dialect;
    let request_id = format!("req_mock{tag}");
    match &orders.fault {
        Some(Fault::RefuseStatus(refused)) => {
            return whole(refusal::answer(
                dialect,
                refused,
                &refusal::message(dialect, refused),
                &request_id,
            ));
        }
        Some(Fault::ResetBeforeHead) => {
            return Answer { kind: AnswerKind::Whole, steps: vec![Step::End(End::Reset)] };
        }
        Some(Fault::CloseBeforeHead) => {
            return Answer { kind: AnswerKind::Whole, steps: vec![Step::End(End::Close)] };
        }
        Some(Fault::HangBeforeHead) => {
            return Answer { kind: AnswerKind::Whole, steps: vec![Step::Hang] };
        }
        Some(Fault::Redirect) => {
            return whole(refusal::json(
                307,
                dialect,
                &request_id,
                "location: /redirected/v1/messages\r\n",
                "",
            ));
        }
        Some(Fault::WrongContentType) => {
            let head =
                refusal::whole_head(dialect, &request_id, "text/html; charset=utf-8", HTML.len());
            return whole([&head[..], HTML.as_bytes()].concat());
        }
        _ => {}
    }
    let id_prefix = match dialect {
        Dialect::Anthropic => "toolu_mock",
        // ids of Gemini's calls are never said
        Dialect::Chat | Dialect::Responses | Dialect::Gemini => "call_mock",
    };
    let script = script::write(ask, orders, id_prefix, tag);
    let dress = Dress {
        tag,
        model: &ask.model,
        created_s: now_ns() / 1_000_000_000,
        pad: orders.pad.unwrap_or(0),
        markers,
    };
    let reasoning =
        if ask.encrypted_reasoning { Reasoning::AlsoEncrypted } else { Reasoning::Shown };
    let error = match &orders.fault {
        Some(Fault::At { kind: MidFault::ErrorEvent(refused), .. }) => {
            refusal::body(dialect, refused, &refusal::message(dialect, refused), &request_id)
        }
        _ => Value::Null,
    };
    let delivery = if orders.has(Manner::Unstreamed) { Delivery::Whole } else { ask.delivery };
    match delivery {
        Delivery::Stream => {
            let (frames, ping, error_event) = match dialect {
                Dialect::Anthropic => (
                    anthropic::frames(&script, &dress),
                    anthropic::PING,
                    anthropic::error_event(&error),
                ),
                Dialect::Chat => (
                    chat::frames(&script, &dress, ask.stream_usage),
                    chat::PING,
                    chat::error_chunk(&error),
                ),
                Dialect::Gemini => {
                    (gemini::frames(&script, &dress), gemini::PING, gemini::error_event(&error))
                }
                Dialect::Responses => (
                    responses::frames(&script, &dress, reasoning),
                    responses::PING,
                    responses::error_event(&error),
                ),
            };
            let head = refusal::stream_head(dialect, &request_id);
            let steps =
                fault::stream(head, &frames, orders, Words { ping, error_event: &error_event });
            Answer { kind: AnswerKind::Stream, steps }
        }
        Delivery::Whole => {
            let body = match dialect {
                Dialect::Anthropic => anthropic::body(&script, &dress),
                Dialect::Chat => chat::body(&script, &dress),
                Dialect::Gemini => gemini::body(&script, &dress),
                Dialect::Responses => responses::body(&script, &dress, reasoning),
            };
            let body = body.to_string().into_bytes();
            let head = refusal::whole_head(dialect, &request_id, "application/json", body.len());
            let mut steps = fault::whole(head, body, orders, &error.to_string());
            // the same answer takes the same time, streamed or not
            let pauses = (script.text.len() as u64).saturating_sub(1);
            let ms = orders.content_ms.unwrap_or(0) + orders.delay_ms.unwrap_or(0) * pauses;
            if ms > 0 {
                steps.insert(0, Step::Pause { ms });
            }
            Answer { kind: AnswerKind::Whole, steps }
        }
    }
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
