//! Whom to ask, and what: a target on this machine and the bytes of the call.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use serde_json::{Value, json};

use super::{BenchError, BenchSettings};

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Dialect {
    Anthropic,
    Chat,
}

/// An address of this machine. There is no other kind: a load driver that can be pointed at
/// strangers is a weapon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub name: String,
    pub addr: SocketAddr,
    /// The path of the URL, without a slash at the end.
    path: String,
}

impl FromStr for Target {
    type Err = BenchError;

    fn from_str(text: &str) -> Result<Self, BenchError> {
        let refuse = |reason| BenchError::Target { text: text.to_owned(), reason };
        let (name, url) = match text.split_once("=http") {
            Some((name, _)) => (name, &text[name.len() + 1..]),
            None => ("", text),
        };
        let rest =
            url.strip_prefix("http://").ok_or_else(|| refuse("a target is an http:// address"))?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let addr = address(authority)
            .ok_or_else(|| refuse("a target is an IP address or localhost, and a port"))?;
        if !addr.ip().is_loopback() {
            return Err(refuse("only targets on this machine are measured"));
        }
        let name = if name.is_empty() { authority } else { name };
        Ok(Self { name: name.to_owned(), addr, path: path.trim_end_matches('/').to_owned() })
    }
}

/// `localhost` is not looked up, so that no resolver can send us elsewhere.
fn address(authority: &str) -> Option<SocketAddr> {
    if let Ok(addr) = authority.parse() {
        return Some(addr);
    }
    if let Ok(ip) = authority.parse::<IpAddr>() {
        return Some(SocketAddr::new(ip, 80));
    }
    let port = match authority.strip_prefix("localhost")? {
        "" => 80,
        port => port.strip_prefix(':')?.parse().ok()?,
    };
    Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port))
}

/// The same bytes for every call of a run, and what a good answer looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    pub bytes: Vec<u8>,
    pub dialect: Dialect,
    pub delivery: Delivery,
    /// Text frames of a complete stream.
    pub frames: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Stream,
    Whole,
}

impl Ask {
    pub(super) fn new(settings: &BenchSettings, target: &Target) -> Self {
        let body = body(settings).to_string();
        let path = path(&target.path, settings.dialect);
        let key = &settings.key;
        let credentials = match settings.dialect {
            Dialect::Anthropic => format!("x-api-key: {key}\r\nanthropic-version: 2023-06-01\r\n"),
            Dialect::Chat => format!("authorization: Bearer {key}\r\n"),
        };
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\naccept: */*\r\nuser-agent: ainfera-bench\r\n{credentials}\
             content-length: {}\r\n\r\n",
            target.addr,
            body.len()
        );
        Self {
            bytes: (head + &body).into_bytes(),
            dialect: settings.dialect,
            delivery: if settings.stream { Delivery::Stream } else { Delivery::Whole },
            frames: settings.frames,
        }
    }
}

/// A base address is completed; an endpoint is taken as it is.
fn path(path: &str, dialect: Dialect) -> String {
    if path.ends_with("/messages") || path.ends_with("/completions") {
        return path.to_owned();
    }
    let base = path.strip_suffix("/v1").unwrap_or(path);
    match dialect {
        Dialect::Anthropic => format!("{base}/v1/messages"),
        Dialect::Chat => format!("{base}/v1/chat/completions"),
    }
}

fn body(settings: &BenchSettings) -> Value {
    let mut body = json!({"model": settings.model, "max_tokens": settings.max_tokens, "stream": settings.stream,
        "messages": [{"role": "user", "content": prompt(settings)}]});
    if settings.dialect == Dialect::Chat && settings.stream {
        body["stream_options"] = json!({"include_usage": true});
    }
    if settings.tools > 0 {
        body["tools"] = (0..settings.tools).map(|number| tool(settings.dialect, number)).collect();
    }
    body
}

fn prompt(settings: &BenchSettings) -> String {
    const FILLER: &str = " The quick brown fox jumps over the lazy dog.";
    let missing = settings.prompt_bytes.saturating_sub(settings.prompt.len());
    let filler: String = FILLER.chars().cycle().take(missing).collect();
    format!("{}{filler}", settings.prompt)
}

fn tool(dialect: Dialect, number: usize) -> Value {
    let name = format!("get_weather_{number}");
    let description = "The weather of a city, now or on one of the next days.";
    let schema = json!({"type": "object", "required": ["city"], "properties": {
        "city": {"type": "string", "description": "The name of the city"}, "days": {"type": "integer", "minimum": 0, "maximum": 7}}});
    match dialect {
        Dialect::Anthropic => {
            json!({"name": name, "description": description, "input_schema": schema})
        }
        Dialect::Chat => {
            json!({"type": "function", "function": {"name": name, "description": description, "parameters": schema}})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Result<Target, BenchError> {
        text.parse()
    }

    #[test]
    fn a_target_may_have_a_name_and_a_path() {
        let named = target("gateway=http://127.0.0.1:8080/").unwrap();
        assert_eq!(
            (named.name.as_str(), named.addr.port(), named.path.as_str()),
            ("gateway", 8080, "")
        );
        assert_eq!(target("http://localhost:9").unwrap().name, "localhost:9");
        assert_eq!(target("http://[::1]:9/v1").unwrap().path, "/v1");
    }

    #[test]
    fn only_this_machine_is_a_target() {
        for text in [
            "http://10.0.0.1:80",
            "https://127.0.0.1:80",
            "http://example.com",
            "http://localhost.example.com:80",
            "http://0.0.0.0:80",
            "http://127.0.0.1@example.com:80",
            "x=http://93.184.216.34",
        ] {
            assert!(target(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_base_address_is_completed() {
        assert_eq!(path("", Dialect::Anthropic), "/v1/messages");
        assert_eq!(path("/openai/v1", Dialect::Chat), "/openai/v1/chat/completions");
        assert_eq!(path("/x/messages", Dialect::Anthropic), "/x/messages");
    }
}
