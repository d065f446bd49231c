//! What of a body costs more than its tokens, and what it makes the vendor read that the body does
//! not show.
//!
//! From these pages (what of them was looked up, and when, is said where the prices stand):
//! Anthropic's `speed`, `inference_geo`, `service_tier` and server tools
//! (platform.claude.com/docs/en/about-claude/pricing); OpenAI's `service_tier` and built-in tools
//! (developers.openai.com/api/docs/pricing); xAI's `search_parameters` and server-side tools
//! (docs.x.ai).

use ainfera_schema::{RequestedService, RequestedTier, ServerTool, ToolUses};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use crate::codec::json::Text;
use crate::codec::lenient::Lenient;
use crate::error::bad_request::BadRequest;

/// xAI reads so many sources where the call does not say.
const SOURCES_WITHOUT_LIMIT: u64 = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExtraCosts {
    pub service: RequestedService,
    /// The most uses of tools that the vendor runs, of those that the call limits.
    pub tool_uses: ToolUses,
    /// How many tools of each kind the call does not limit.
    pub open_uses: ToolUses,
    /// The most uses of all tools together.
    pub most_calls: Option<u32>,
    /// Uses that are billed whatever the answer says.
    pub certain_uses: ToolUses,
    /// Files, kept turns, or results of tools that the vendor runs are read as input.
    pub reads_beyond_body: bool,
}

#[derive(Deserialize)]
struct OneTool<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(default)]
    max_uses: Lenient<u64>,
    #[serde(default)]
    container: Lenient<Container>,
}

/// Where OpenAI's code runs.
#[derive(Deserialize)]
struct Container {
    #[serde(default)]
    memory_limit: Lenient<String>,
}

/// The memory of a container whose price is known.
const PRICED_MEMORY: &str = "1g";

#[derive(Deserialize)]
struct SearchParameters {
    #[serde(default)]
    mode: Lenient<String>,
    #[serde(default)]
    max_search_results: Lenient<u64>,
}

#[derive(Deserialize)]
struct Plugin {
    #[serde(default)]
    id: Lenient<String>,
    #[serde(default)]
    max_results: Lenient<u64>,
}

/// References to what lies at the vendor, wherever in the body they stand.
const REFERENCES: [&[u8]; 5] = [
    br#""file_id""#,
    br#""file_url""#,
    br#""item_reference""#,
    br#""container_upload""#,
    br#""vector_store_ids""#,
];

/// Parts of a message whose tokens their bytes do not bound: sound and film, and pictures inside of
/// items of tools. Silence and a still picture are packed into next to nothing.
const UNBOUNDED_PARTS: [&[u8]; 6] = [
    br#""input_audio""#,
    br#""audio_url""#,
    br#""input_video""#,
    br#""video_url""#,
    br#""computer_screenshot""#,
    br#""video""#,
];

impl ExtraCosts {
    /// Refuses a value whose price is known to none. What is of a wrong type is for the provider to
    /// judge. `members` are those of the body, but for what it says of the conversation.
    pub fn read<'a>(
        body: &[u8],
        members: impl IntoIterator<Item = (&'a str, &'a RawValue)>,
    ) -> Result<Self, BadRequest> {
        let mut costs = ExtraCosts::default();
        for (name, value) in members {
            let text = || serde_json::from_str::<Text<'_>>(value.get()).ok();
            match name {
                "service_tier" => {
                    costs.service.tier =
                        text().map_or(Ok(RequestedTier::Unsaid), |word| asked_tier(&word))?
                }
                "speed" => {
                    costs.service.fast =
                        text().map_or(Ok(false), |word| is_one(name, &word, "standard", "fast"))?
                }
                "inference_geo" => {
                    costs.service.us_only =
                        text().map_or(Ok(false), |word| is_one(name, &word, "global", "us"))?
                }
                "tools" => costs.tools(value)?,
                "max_tool_calls" => {
                    let most = serde_json::from_str::<Option<u64>>(value.get()).unwrap_or_default();
                    costs.most_calls = most.map(|most| u32::try_from(most).unwrap_or(u32::MAX));
                }
                "web_search_options" if is_said(value) => {
                    costs.tool_uses.add(ServerTool::WebSearch, 1);
                    costs.certain_uses.add(ServerTool::WebSearch, 1);
                    costs.reads_beyond_body = true;
                }
                "search_parameters" => costs.live_search(value),
                "plugins" => costs.plugins(value),
                "previous_response_id"
                | "conversation"
                | "prompt"
                | "container"
                | "mcp_servers"
                | "cached_content" => {
                    costs.reads_beyond_body |= is_said(value);
                }
                _ => {}
            }
        }
        let mut beyond = REFERENCES.iter().chain(&UNBOUNDED_PARTS);
        costs.reads_beyond_body |=
            beyond.any(|reference| memchr::memmem::find(body, reference).is_some());
        Ok(costs)
    }

    /// The same of a body that was parsed into values.
    pub fn read_values(body: &[u8], members: &Map<String, Value>) -> Result<Self, BadRequest> {
        let costly = members.iter().filter(|(name, value)| match name.as_str() {
            "messages" | "input" => false,
            "tools" => !are_plain_functions(value),
            _ => true,
        });
        let raw = costly.map(|(name, value)| Ok((name.as_str(), to_raw_value(value)?)));
        let raw: Vec<(&str, Box<RawValue>)> = raw
            .collect::<Result<_, serde_json::Error>>()
            .map_err(|error| BadRequest::new("body", error.to_string()))?;
        Self::read(body, raw.iter().map(|(name, value)| (*name, &**value)))
    }

    fn tools(&mut self, value: &RawValue) -> Result<(), BadRequest> {
        let tools: Vec<OneTool<'_>> = serde_json::from_str(value.get()).unwrap_or_default();
        for (place, tool) in tools.into_iter().enumerate() {
            let memory = tool.container.0.and_then(|container| container.memory_limit.0);
            if let Some(memory) = memory.filter(|memory| memory != PRICED_MEMORY) {
                return Err(unknown(
                    &format!("tools.{place}.container.memory_limit"),
                    &memory,
                    "1g has",
                ));
            }
            let kind = tool.kind.as_deref().unwrap_or_default();
            self.reads_beyond_body |= kind == "mcp" || kind.starts_with("mcp_toolset");
            let Some(used) = server_tool(kind) else { continue };
            self.reads_beyond_body = true;
            match tool.max_uses.0 {
                Some(uses) => self.tool_uses.add(used, u32::try_from(uses).unwrap_or(u32::MAX)),
                None => self.open_uses.add(used, 1),
            }
        }
        Ok(())
    }

    fn live_search(&mut self, value: &RawValue) {
        let Ok(Some(search)) = serde_json::from_str::<Option<SearchParameters>>(value.get()) else {
            return;
        };
        if search.mode.0.as_deref() != Some("off") {
            let sources =
                Lenient(Some(search.max_search_results.0.unwrap_or(SOURCES_WITHOUT_LIMIT)));
            self.tool_uses.add(ServerTool::SearchSource, sources.uses());
            self.reads_beyond_body = true;
        }
    }

    fn plugins(&mut self, value: &RawValue) {
        let plugins: Vec<Plugin> = serde_json::from_str(value.get()).unwrap_or_default();
        for plugin in plugins.iter().filter(|plugin| plugin.id.0.as_deref() == Some("web")) {
            let results = Lenient(Some(plugin.max_results.0.unwrap_or(5))).uses();
            self.tool_uses.add(ServerTool::SearchSource, results);
            self.certain_uses.add(ServerTool::SearchSource, results);
            self.reads_beyond_body = true;
        }
    }

    /// The most uses of each tool, where one without a limit is given `unless_said`.
    /// `max_tool_calls` limits the uses of all tools together, so it limits those of each.
    pub fn uses(&self, unless_said: u32) -> ToolUses {
        let mut uses = ToolUses::NONE;
        let most = self.most_calls.unwrap_or(u32::MAX);
        for tool in ServerTool::ALL {
            let open = self.open_uses.of(tool).saturating_mul(unless_said);
            let certain = self.certain_uses.of(tool);
            uses.add(tool, self.tool_uses.of(tool).saturating_add(open).min(most).max(certain));
        }
        uses
    }
}

/// Tools that the client runs, which cost nothing.
fn are_plain_functions(tools: &Value) -> bool {
    tools.as_array().is_some_and(|tools| {
        tools.iter().all(|tool| tool["type"] == "function" && tool.get("container").is_none())
    })
}

/// Could the vendor use this tool without end, and does it take a limit?
pub(crate) fn takes_max_uses(tool: &RawValue) -> bool {
    let Ok(tool) = serde_json::from_str::<OneTool<'_>>(tool.get()) else { return false };
    let used = server_tool(tool.kind.as_deref().unwrap_or_default());
    tool.max_uses.0.is_none() && matches!(used, Some(ServerTool::WebSearch | ServerTool::WebFetch))
}

/// The names that vendors give to the tools that they run.
pub(crate) fn server_tool(kind: &str) -> Option<ServerTool> {
    const NAMES: [(&str, ServerTool); 8] = [
        ("web_search", ServerTool::WebSearch),
        ("x_search", ServerTool::WebSearch),
        ("web_fetch", ServerTool::WebFetch),
        ("code_execution", ServerTool::CodeExecution),
        ("code_interpreter", ServerTool::CodeExecution),
        ("file_search", ServerTool::FileSearch),
        ("image_generation", ServerTool::ImageGeneration),
        ("google_search", ServerTool::Grounding),
    ];
    NAMES.iter().find(|(name, _)| kind.starts_with(name)).map(|(_, tool)| *tool)
}

pub(crate) fn asked_tier(word: &str) -> Result<RequestedTier, BadRequest> {
    match word {
        "auto" => Ok(RequestedTier::Any),
        "default" | "standard" | "standard_only" | "on_demand" => Ok(RequestedTier::Standard),
        "flex" => Ok(RequestedTier::Flex),
        "priority" | "fast" => Ok(RequestedTier::Priority),
        _ => Err(unknown(
            "service_tier",
            word,
            "auto, default, standard_only, flex and priority have",
        )),
    }
}

fn is_one(name: &str, word: &str, plain: &str, dearer: &str) -> Result<bool, BadRequest> {
    match word {
        word if word == plain => Ok(false),
        word if word == dearer => Ok(true),
        _ => Err(unknown(name, word, &format!("{plain} and {dearer} have"))),
    }
}

fn unknown(name: &str, word: &str, known: &str) -> BadRequest {
    BadRequest::new(name, format!("`{word}` has no price that is known here; {known}"))
}

fn is_said(value: &RawValue) -> bool {
    value.get() != "null"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From text and from values it is the same.
    fn costs(body: &str) -> Result<ExtraCosts, BadRequest> {
        let members = crate::codec::json::Members::parse(body.as_bytes()).unwrap();
        let members = members.0.iter().map(|(name, value)| (&**name, *value));
        let costs = ExtraCosts::read(body.as_bytes(), members);
        let values: Map<String, Value> = serde_json::from_str(body).unwrap();
        assert_eq!(ExtraCosts::read_values(body.as_bytes(), &values), costs);
        costs
    }

    fn read(body: &str) -> ExtraCosts {
        costs(body).unwrap()
    }

    #[test]
    fn a_word_without_a_price_is_refused_and_a_known_one_is_kept() {
        for body in [
            r#"{"speed":"ludicrous"}"#,
            r#"{"service_tier":"scale"}"#,
            r#"{"inference_geo":"eu"}"#,
            r#"{"tools":[{"type":"code_interpreter","container":{"type":"auto","memory_limit":"64g"}}]}"#,
        ] {
            assert!(costs(body).unwrap_err().to_string().contains("price"), "{body}");
        }
        let dear =
            read(r#"{"speed":"fast","service_tier":"priority","inference_geo":"us"}"#).service;
        assert_eq!(
            dear,
            RequestedService { tier: RequestedTier::Priority, fast: true, us_only: true }
        );
        let plain = read(
            r#"{"speed":"standard","service_tier":null,"inference_geo":null,"messages":[{"speed":"fast"}]}"#,
        );
        assert_eq!(plain, ExtraCosts::default());
    }

    #[test]
    fn uses_of_tools_are_bounded_by_their_limits_in_each_dialect() {
        let uses = |body: &str| read(body).uses(20);
        let anthropic = uses(
            r#"{"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":5},{"name":"mine","input_schema":{}}]}"#,
        );
        assert_eq!(anthropic, ToolUses { web_search: 5, ..ToolUses::NONE });
        let openai = uses(
            r#"{"tools":[{"type":"web_search"},{"type":"file_search"},{"type":"code_interpreter"}],"max_tool_calls":3}"#,
        );
        assert_eq!(
            openai,
            ToolUses { web_search: 3, file_search: 3, code_execution: 1, ..ToolUses::NONE }
        );
        let unlimited = uses(r#"{"tools":[{"type":"web_search_20260209"}]}"#);
        assert_eq!(unlimited.web_search, 20);
        assert_eq!(
            uses(r#"{"search_parameters":{"mode":"on","max_search_results":7}}"#).search_source,
            7
        );
        let chat = read(r#"{"web_search_options":{}}"#);
        assert_eq!((chat.tool_uses.web_search, chat.certain_uses.web_search), (1, 1));
    }

    #[test]
    fn what_lies_at_the_vendor_is_seen_and_what_a_text_says_about_it_is_not() {
        let beyond = |body: &str| read(body).reads_beyond_body;
        assert!(beyond(r#"{"previous_response_id":"resp_1"}"#));
        assert!(beyond(
            r#"{"messages":[{"content":[{"type":"document","source":{"type":"file","file_id":"file_1"}}]}]}"#
        ));
        assert!(!beyond(
            r#"{"previous_response_id":null,"messages":[{"content":"say \"file_id\""}]}"#
        ));
    }
}
