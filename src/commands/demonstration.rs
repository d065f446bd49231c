//! The first minute: on a new database without a configuration file there is an agent `demo`, and
//! its key is shown once, in a command that can be pasted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ainfera_schema::Usd;
use ainfera_store::StoreWriter;
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

use super::CommandError;
use super::keys::{add_new_key, find_or_create_agent};
use super::tenant::{DEFAULT_TENANT_NAME, tenant_id};
use crate::config::defaults::AgentDefaults;
use crate::keys::ApiKeyText;

const AGENT: &str = "demo";

/// What the start prints after the address.
pub enum Greeting {
    /// The first start: the key, which is shown this once.
    Key { key: ApiKeyText, daily_cap_usd: Usd },
    /// A later start: how to make another key.
    Hint,
    /// A gateway with a configuration prints no greeting.
    None,
}

/// Makes the agent and its key, unless an earlier start did.
pub async fn greet(
    store: &dyn StoreWriter,
    defaults: AgentDefaults,
) -> Result<Greeting, CommandError> {
    // The store keeps whole microseconds.
    let now = Timestamp::now();
    let before = now
        .round(TimestampRound::new().smallest(Unit::Microsecond).mode(RoundMode::Trunc))
        .unwrap_or(now);
    let agent_id =
        find_or_create_agent(store, tenant_id(DEFAULT_TENANT_NAME), AGENT, defaults).await?;
    let registered = store.audit_events(agent_id, 0, 1).await?;
    // An agent that exists already keeps its registration.
    if registered.first().is_none_or(|event| event.created_at < before) {
        return Ok(Greeting::Hint);
    }
    Ok(Greeting::Key {
        key: add_new_key(store, agent_id).await?,
        daily_cap_usd: defaults.daily_cap_usd,
    })
}

impl Greeting {
    pub fn text(&self, addr: SocketAddr) -> String {
        match self {
            Greeting::Key { key, daily_cap_usd } => {
                first_call(&format!("http://{}", reachable(addr)), key.expose(), *daily_cap_usd)
            }
            Greeting::Hint => format!("for a new key: ainfera keys create --agent {AGENT}\n"),
            Greeting::None => String::new(),
        }
    }
}

fn first_call(url: &str, key: &str, daily_cap_usd: Usd) -> String {
    format!(
        r#"
api key of agent "{AGENT}", which may spend ${daily_cap_usd} a day, shown this once:

  {key}

try a streamed tool call:

curl -N {url}/v1/messages \
  -H 'x-api-key: {key}' \
  -H 'anthropic-version: 2023-06-01' \
  -H 'content-type: application/json' \
  -d '{{
    "model": "ainfera-inference", "max_tokens": 256, "stream": true,
    "messages": [{{"role": "user", "content": "What is the weather in Paris?"}}],
    "tools": [{{"name": "get_weather", "description": "The weather in a city.",
      "input_schema": {{"type": "object", "properties": {{"city": {{"type": "string"}}}}, "required": ["city"]}}}}]
  }}'

"#
    )
}

/// An address that listens everywhere is called on the loopback.
pub fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, addr.port())
}

#[cfg(test)]
mod tests {
    use ainfera_schema::Funding;

    use super::*;
    use crate::keys::{mint, parse};

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_call_can_be_pasted() {
        let key = mint().unwrap().text;
        let secret = key.expose().to_owned();
        let greeting = Greeting::Key { key, daily_cap_usd: "2.5".parse().unwrap() };
        let text = greeting.text(addr("0.0.0.0:8080"));
        assert!(text.contains("which may spend $2.5 a day"), "{text}");
        assert!(text.contains("curl -N http://127.0.0.1:8080/v1/messages \\\n"), "{text}");
        assert!(text.contains(&format!("-H 'x-api-key: {secret}'")), "{text}");
        let body = text
            .split_once("-d '")
            .and_then(|(_, rest)| rest.split_once('\''))
            .map(|(body, _)| body)
            .unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            (body["model"].as_str(), body["stream"].as_bool()),
            (Some("ainfera-inference"), Some(true))
        );
        assert_eq!(body["tools"][0]["input_schema"]["type"], "object");
    }

    #[test]
    fn the_key_of_a_new_database_is_shown_once_and_works() {
        actix_rt::System::new().block_on(async {
            let store = ainfera_store::open("sqlite::memory:").await.unwrap();
            store.migrate().await.unwrap();
            let defaults = AgentDefaults::default();
            let Greeting::Key { key, .. } = greet(&*store, defaults).await.unwrap() else {
                panic!("no key on the first start")
            };
            let key = parse(key.expose()).unwrap();
            let stored = store.find_key(key.key_id).await.unwrap().unwrap();
            assert!(key.matches(&stored.secret_sha256));
            assert_eq!(stored.agent.name, AGENT);
            let wallet = store.ledger(stored.agent.agent_id, None, 1).await.unwrap().unwrap();
            assert_eq!((wallet.funding, wallet.balance_usd), (Funding::OnAccount, Usd::ZERO));
            assert_eq!(stored.agent.spend_policy.daily_cap_usd, Some("10".parse().unwrap()));
            assert!(matches!(greet(&*store, defaults).await.unwrap(), Greeting::Hint));
        });
    }

    #[test]
    fn the_first_word_that_looks_like_a_key_is_the_key() {
        let key = mint().unwrap().text;
        let text = Greeting::Key { key, daily_cap_usd: Usd::ZERO }.text(addr("127.0.0.1:1"));
        let word = text.split_whitespace().find(|word| word.starts_with("ainf")).unwrap();
        assert!(parse(word).is_some(), "{word}");
    }

    #[test]
    fn a_later_start_shows_no_key() {
        assert_eq!(
            Greeting::Hint.text(addr("127.0.0.1:1")),
            "for a new key: ainfera keys create --agent demo\n"
        );
        assert_eq!(Greeting::None.text(addr("127.0.0.1:1")), "");
    }

    #[test]
    fn an_address_that_listens_everywhere_is_called_on_the_loopback() {
        assert_eq!(reachable(addr("[::]:80")), addr("[::1]:80"));
        assert_eq!(reachable(addr("10.0.0.1:80")), addr("10.0.0.1:80"));
    }
}
