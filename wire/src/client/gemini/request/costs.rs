//! What of a body costs more than its tokens.

use ainfera_schema::ServerTool;
use serde_json::Value;

use crate::client::gemini::names::{camel_case, snake_case};
use crate::codec::node::Object;
use crate::error::bad_request::BadRequest;
use crate::extra_costs::{ExtraCosts, asked_tier};

/// Tools that Google runs, and what a use of each is counted as; nothing for what costs its tokens
/// alone.
const RUN_BY_GOOGLE: [(&str, Option<ServerTool>); 6] = [
    ("googleSearch", Some(ServerTool::Grounding)),
    ("googleSearchRetrieval", Some(ServerTool::Grounding)),
    ("googleMaps", Some(ServerTool::Grounding)),
    ("codeExecution", Some(ServerTool::CodeExecution)),
    ("fileSearch", Some(ServerTool::FileSearch)),
    ("urlContext", None),
];

/// Sound and film, whose tokens their bytes do not bound, and files that lie elsewhere.
const UNBOUNDED: [&[u8]; 4] = [b"\"audio/", b"\"video/", b"\"fileUri\"", b"\"file_uri\""];

pub(super) fn of(body: &[u8], members: &Object<'_>) -> Result<ExtraCosts, BadRequest> {
    let mut costs = ExtraCosts::default();
    let said = |name: &str| members.get(name).or_else(|| members.get(&snake_case(name)));
    if let Some(word) = said("serviceTier").and_then(tier_word) {
        costs.service.tier = asked_tier(&word)?;
    }
    costs.reads_beyond_body |= said("cachedContent").is_some();
    let tools = said("tools").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for name in tools.iter().filter_map(Value::as_object).flat_map(|tool| tool.keys()) {
        let name = camel_case(name);
        if name == "mcpServers" {
            costs.reads_beyond_body = true;
        }
        let Some((_, used)) = RUN_BY_GOOGLE.iter().find(|(known, _)| *known == name) else {
            continue;
        };
        costs.reads_beyond_body = true;
        if let Some(used) = used {
            costs.open_uses.add(*used, 1);
        }
    }
    costs.reads_beyond_body |=
        UNBOUNDED.iter().any(|part| memchr::memmem::find(body, part).is_some());
    Ok(costs)
}

/// The word for a tier as other vendors write it.
pub(super) fn tier_word(tier: &Value) -> Option<String> {
    let word = tier.as_str()?.to_ascii_lowercase();
    Some(word.strip_prefix("service_tier_").unwrap_or(&word).to_owned())
}
