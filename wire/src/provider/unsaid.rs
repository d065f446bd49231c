//! What is written into a request where the caller said nothing, so that what is reserved for the
//! call is what can be billed: the service tier, and a limit for tools that the vendor runs. A
//! shorter answer than a call without a limit is given otherwise is named here too.

use ainfera_schema::{Provider, ProviderKind};
use bytes::Bytes;
use serde_json::value::RawValue;

use crate::client::call::Call;
use crate::codec::json::{Edit, Members, quoted};
use crate::disclosure::coercion::{Change, Coercions};
use crate::error::bad_request::BadRequest;
use crate::extra_costs::takes_max_uses;
use crate::provider::{Dialect, UpstreamRequest};

/// Members that are written in place of what is absent or null.
type EncodedRequest = Vec<(&'static str, String)>;

pub(super) fn written(
    mut request: UpstreamRequest,
    dialect: Dialect,
    call: &Call,
    provider: &Provider,
) -> Result<UpstreamRequest, BadRequest> {
    call.name_shortened(&mut request.coercions);
    let has_tiers = matches!(provider.kind, ProviderKind::Openai | ProviderKind::OpenaiResponses);
    let tier = provider.unsaid.tier.word().filter(|_| has_tiers);
    if tier.is_none() && !is_limited(dialect, call) {
        return Ok(request);
    }
    let members = Members::parse(&request.body).map_err(bad)?;
    let mut written = limits(&members, dialect, call, provider, &mut request.coercions)?;
    if let Some(word) = tier.filter(|_| said(&members, "service_tier").is_none()) {
        written.insert(0, ("service_tier", quoted(word)));
    }
    let is_written = |key: &str| written.iter().any(|(name, _)| *name == key);
    let body =
        members.write(|key| if is_written(key) { Edit::Remove } else { Edit::Keep }, &written);
    Ok(UpstreamRequest { body: Bytes::from(body), ..request })
}

/// Names what would be written, without writing it.
pub(super) fn name_written(
    coercions: &mut Coercions,
    dialect: Dialect,
    call: &Call,
    provider: &Provider,
) -> Result<(), BadRequest> {
    call.name_shortened(coercions);
    if is_limited(dialect, call) {
        let members = Members::parse(&call.body).map_err(bad)?;
        limits(&members, dialect, call, provider, coercions)?;
    }
    Ok(())
}

/// Whether tools could be used without end: those of a vendor, in a body that goes out as it came.
fn is_limited(dialect: Dialect, call: &Call) -> bool {
    !call.extra_costs.open_uses.is_none() && dialect.is_native_to(call.client.dialect())
}

fn limits(
    members: &Members<'_>,
    dialect: Dialect,
    call: &Call,
    provider: &Provider,
    coercions: &mut Coercions,
) -> Result<EncodedRequest, BadRequest> {
    let mut written = EncodedRequest::new();
    if !is_limited(dialect, call) {
        return Ok(written);
    }
    let uses = provider.unsaid.tool_uses;
    match dialect {
        Dialect::Responses if said(members, "max_tool_calls").is_none() => {
            written.push(("max_tool_calls", uses.to_string()));
            coercions.add("max_tool_calls", Change::Added(uses.to_string()));
        }
        Dialect::Anthropic => {
            if let Some(tools) = said(members, "tools") {
                let (limited, places) = with_limits(tools, uses).map_err(bad)?;
                written.push(("tools", limited));
                for place in places {
                    let field = format!("tools.{place}.max_uses");
                    coercions.add(field, Change::Added(uses.to_string()));
                }
            }
        }
        _ => {}
    }
    Ok(written)
}

fn said<'a>(members: &Members<'a>, name: &str) -> Option<&'a RawValue> {
    let found = members.0.iter().find(|(key, _)| &**key == name);
    found.map(|(_, value)| *value).filter(|value| value.get() != "null")
}

fn bad(error: serde_json::Error) -> BadRequest {
    BadRequest::new("body", error.to_string())
}

/// The tools, each that could be used without end with a limit, and the places of those.
fn with_limits(tools: &RawValue, uses: u32) -> Result<(String, Vec<usize>), serde_json::Error> {
    let mut list: Vec<String> = Vec::new();
    let mut places = Vec::new();
    for (place, tool) in
        serde_json::from_str::<Vec<&RawValue>>(tools.get())?.into_iter().enumerate()
    {
        if !takes_max_uses(tool) {
            list.push(tool.get().to_owned());
            continue;
        }
        let members = Members::parse(tool.get().as_bytes())?;
        let limited = members.write(
            |key| if key == "max_uses" { Edit::Remove } else { Edit::Keep },
            &[("max_uses", uses.to_string())],
        );
        list.push(String::from_utf8_lossy(&limited).into_owned());
        places.push(place);
    }
    Ok((format!("[{}]", list.join(",")), places))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::call::ClientHeaders;
    use ainfera_schema::{
        Model, Network, OnDisconnect, OwnDeadlines, ProviderId, ServiceTier, StreamMode, Unsaid,
        UnsaidTier,
    };
    use serde_json::{Value, json};

    fn sent(kind: ProviderKind, call: &Call, unsaid: Unsaid) -> (Value, Vec<String>) {
        let provider = Provider {
            id: ProviderId::new("p"),
            kind,
            base_url: "http://localhost".to_owned(),
            api_key: None,
            on_disconnect: OnDisconnect::Cancel,
            max_concurrent: None,
            stream_mode: StreamMode::Native,
            network: Network::default(),
            deadlines: OwnDeadlines::default(),
            unsaid,
        };
        let model = Model {
            slug: ainfera_schema::ModelSlug::new("m"),
            provider: ProviderId::new("p"),
            upstream_name: "m".to_owned(),
            maker: "p".to_owned(),
            q_prior: None,
            price: None,
            m_allowed: None,
            supports_tools: true,
            reasoning: None,
            stream_mode: StreamMode::Native,
            context_window: None,
            max_output_tokens: None,
            takes: ainfera_schema::ModelTakes::default(),
            expected_latency_ms: None,
            as_of: None,
            deadlines: OwnDeadlines::default(),
        };
        let request = Dialect::of(kind).request(call, &provider, &model).unwrap();
        (serde_json::from_slice(&request.body).unwrap(), request.coercions.texts())
    }

    fn messages(members: Value) -> Call {
        let mut body =
            json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        Call::from_messages(Bytes::from(body.to_string()), ClientHeaders::default(), &|_| 1)
            .unwrap()
    }

    fn responses(members: Value) -> Call {
        let mut body = json!({"model": "m", "input": "hi", "store": false});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        Call::from_responses(Bytes::from(body.to_string()), ClientHeaders::default(), &|_| 1)
            .unwrap()
    }

    #[test]
    fn a_tier_is_written_where_none_is_said_and_left_where_one_is() {
        let written =
            Unsaid { tier: UnsaidTier::Written(ServiceTier::Standard), ..Unsaid::default() };
        for kind in [ProviderKind::Openai, ProviderKind::OpenaiResponses] {
            assert_eq!(sent(kind, &messages(json!({})), written).0["service_tier"], "default");
            assert_eq!(
                sent(kind, &messages(json!({})), Unsaid::default()).0.get("service_tier"),
                None
            );
        }
        let said = |tier| {
            sent(ProviderKind::OpenaiResponses, &responses(json!({"service_tier": tier})), written)
                .0["service_tier"]
                .clone()
        };
        assert_eq!(
            [said(json!("auto")), said(json!("priority")), said(Value::Null)],
            ["auto", "priority", "default"]
        );
        assert_eq!(
            sent(ProviderKind::Groq, &messages(json!({})), written).0.get("service_tier"),
            None
        );
    }

    #[test]
    fn tools_that_could_be_used_without_end_are_limited_and_the_limit_is_named() {
        let search = |members: Value| {
            let mut tool = json!({"type": "web_search_20250305", "name": "web_search"});
            tool.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            messages(json!({"tools": [{"name": "own", "input_schema": {}}, tool]}))
        };
        let unsaid = Unsaid { tool_uses: 7, ..Unsaid::default() };
        let (body, coercions) =
            sent(ProviderKind::Anthropic, &search(json!({"max_uses": null})), unsaid);
        assert_eq!(
            body["tools"][1],
            json!({"type": "web_search_20250305", "name": "web_search", "max_uses": 7})
        );
        assert_eq!(
            (&body["tools"][0], coercions),
            (
                &json!({"name": "own", "input_schema": {}}),
                vec!["tools.1.max_uses=added:7".to_owned()]
            )
        );
        let (body, coercions) =
            sent(ProviderKind::Anthropic, &search(json!({"max_uses": 3})), unsaid);
        assert_eq!((&body["tools"][1]["max_uses"], coercions.len()), (&json!(3), 0));
    }

    #[test]
    fn a_responses_call_is_limited_as_a_whole() {
        let tools = json!({"tools": [{"type": "web_search"}, {"type": "code_interpreter", "container": {"type": "auto"}}]});
        let (body, coercions) =
            sent(ProviderKind::OpenaiResponses, &responses(tools.clone()), Unsaid::default());
        assert_eq!(
            (&body["max_tool_calls"], coercions),
            (&json!(20), vec!["max_tool_calls=added:20".to_owned()])
        );
        let mut limited = tools;
        limited["max_tool_calls"] = json!(2);
        let (body, coercions) =
            sent(ProviderKind::OpenaiResponses, &responses(limited), Unsaid::default());
        assert_eq!((&body["max_tool_calls"], coercions.len()), (&json!(2), 0));
        let plain =
            responses(json!({"tools": [{"type": "function", "name": "f", "parameters": {}}]}));
        assert_eq!(
            sent(ProviderKind::OpenaiResponses, &plain, Unsaid::default()).0.get("max_tool_calls"),
            None
        );
    }
}
