//! `POST /v1/messages`, parsed at the edge: what is wrong is named, what is right shares the memory
//! of the body.

use ainfera_schema::TaskType;
use ainfera_schema::policy::{RoutingHint, RoutingPreference};
use bytes::Bytes;
use bytestring::ByteString;
use serde_json::value::RawValue;

use crate::client::messages::client_tools::{Screen, described, expanded, toolset};
use crate::client::messages::content::{BlockReader, Content};
use crate::codec::json::{Text, is_too_deep, shared_slice};
use crate::codec::members::members;
use crate::codec::parse::parse_body;
use crate::codec::raw_json::RawJson;
use crate::error::bad_request::BadRequest;
use crate::extra_costs::ExtraCosts;
use crate::request::content::Block;
use crate::request::toolsets::Toolsets;
use crate::request::{
    Member, OutputConfig, Request, Role, RoutingExtras, Thinking, Tool, ToolChoice, ToolChoiceMode,
    ToolRunner, Turn,
};

members!(RawRequest<'a> keeps names {
    model: Text<'a> = "model",
    max_tokens: u64 = "max_tokens",
    messages: Vec<RawTurn<'a>> = "messages",
    system: Content<'a> = "system",
    stream: bool = "stream",
    tools: &'a RawValue = "tools",
    tool_choice: RawToolChoice<'a> = "tool_choice",
    stop_sequences: Vec<Text<'a>> = "stop_sequences",
    temperature: &'a RawValue = "temperature",
    top_p: &'a RawValue = "top_p",
    top_k: &'a RawValue = "top_k",
    thinking: RawThinking<'a> = "thinking",
    output_config: RawOutputConfig<'a> = "output_config",
    metadata: RawMetadata<'a> = "metadata",
    routing_hint: RoutingHint = "routing_hint",
    task_type: TaskType = "task_type",
    agent: String = "agent_id",
    routing_preference: RoutingPreference = "routing_preference",
} passes over []);

members!(RawTurn<'a> {
    role: Role = "role",
    content: Content<'a> = "content",
} passes over []);

members!(RawTool<'a> {
    kind: Text<'a> = "type",
    name: Text<'a> = "name",
    description: Text<'a> = "description",
    input_schema: &'a RawValue = "input_schema",
    strict: bool = "strict",
    cache_control: &'a RawValue = "cache_control",
    width: &'a RawValue = "display_width_px",
    height: &'a RawValue = "display_height_px",
} passes over []);

members!(RawToolChoice<'a> {
    kind: Text<'a> = "type",
    name: Text<'a> = "name",
    disable_parallel_tool_use: bool = "disable_parallel_tool_use",
} passes over []);

members!(RawThinking<'a> {
    kind: Text<'a> = "type",
    budget_tokens: u64 = "budget_tokens",
    display: Text<'a> = "display",
} passes over []);

members!(RawOutputConfig<'a> {
    effort: Text<'a> = "effort",
    format: &'a RawValue = "format",
} passes over []);

members!(RawMetadata<'a> {
    user_id: Text<'a> = "user_id",
} passes over []);

impl Request {
    /// Parses and checks a body of Anthropic's dialect.
    pub fn parse(body: &Bytes) -> Result<(Self, ExtraCosts), BadRequest> {
        if is_too_deep(body) {
            return Err(BadRequest::new(
                "body",
                format!("nested deeper than {} levels", crate::codec::json::MAX_DEPTH),
            ));
        }
        let raw: RawRequest<'_> = parse_body(body)?;
        let tools = raw.tools.map(|tools| ("tools", tools));
        let others = raw.unread.iter().map(|(name, value)| (&**name, *value));
        let costs = ExtraCosts::read(body, others.chain(tools));
        let reader =
            Reader { body, unread: Vec::new(), as_text: Vec::new(), toolsets: Toolsets::default() };
        let request = reader.request(raw)?;
        request.check()?;
        Ok((request, costs?))
    }
}

/// What of each member no translation reads, by the name of the member.
struct Reader<'b> {
    body: &'b Bytes,
    unread: Vec<(&'static str, Vec<String>)>,
    /// What of the conversation a translation says as text.
    as_text: Vec<String>,
    toolsets: Toolsets,
}

impl<'b> Reader<'b> {
    fn request(mut self, raw: RawRequest<'_>) -> Result<Request, BadRequest> {
        let required = |field: &str| BadRequest::new(field, "field required");
        let model = raw.model.ok_or_else(|| required("model"))?.into_shared(self.body);
        let max_tokens = raw.max_tokens.ok_or_else(|| required("max_tokens"))?;
        let turns = raw.messages.ok_or_else(|| required("messages"))?;
        if turns.is_empty() {
            return Err(BadRequest::new("messages", "at least one message is required"));
        }
        let mut hint = raw.routing_hint.unwrap_or_default();
        hint.routing_preference = hint.routing_preference.or(raw.routing_preference);
        let [temperature, top_p, top_k] =
            [raw.temperature, raw.top_p, raw.top_k].map(|raw| raw.map(|raw| self.json(raw)));
        let stop_sequences = raw.stop_sequences.unwrap_or_default().into_iter();
        let stop_sequences = stop_sequences.map(|text| text.into_shared(self.body)).collect();
        let tools = raw.tools.map_or_else(|| Ok(Vec::new()), |tools| self.tools(tools))?;
        let turns = self.turns(turns)?;
        Ok(Request {
            model,
            max_tokens,
            stream: raw.stream.unwrap_or(false),
            system: raw.system.map_or_else(|| Ok(Vec::new()), |system| self.system(system))?,
            turns,
            tools,
            tool_choice: raw.tool_choice.map(|raw| self.tool_choice(raw)).transpose()?,
            stop_sequences,
            temperature,
            top_p,
            top_k,
            thinking: raw.thinking.map(|raw| self.thinking(raw)).transpose()?,
            output_config: raw.output_config.map(|raw| self.output_config(raw)),
            user_id: raw.metadata.and_then(|raw| self.user_id(raw)),
            settings: Vec::new(),
            extras: RoutingExtras { hint, task_type: raw.task_type, agent: raw.agent },
            members: raw.names.into_iter().map(|name| self.member(name)).collect(),
            toolsets: self.toolsets,
        })
    }

    fn blocks<'s>(&self, toolsets: &'s Toolsets) -> BlockReader<'s>
    where
        'b: 's,
    {
        BlockReader { source: self.body, unread: Vec::new(), as_text: Vec::new(), toolsets }
    }

    fn json(&self, raw: &RawValue) -> RawJson {
        RawJson::Text(shared_slice(self.body, raw.get()))
    }

    fn member(&mut self, name: Text<'_>) -> Member {
        let inside = self.unread.iter_mut().find(|(known, _)| *known == &*name);
        let unread = inside.map(|(_, unread)| std::mem::take(unread)).unwrap_or_default();
        let is_conversation = &*name == "messages";
        let as_text = if is_conversation { std::mem::take(&mut self.as_text) } else { Vec::new() };
        Member { name: name.into_shared(self.body), unread, as_text }
    }

    fn turns(&mut self, raw: Vec<RawTurn<'_>>) -> Result<Vec<Turn>, BadRequest> {
        let mut reader = self.blocks(&self.toolsets);
        let mut turns = Vec::with_capacity(raw.len());
        for (index, raw) in raw.into_iter().enumerate() {
            let turn = format!("messages.{index}");
            let role = raw.role.ok_or_else(|| BadRequest::new(&*turn, "missing field `role`"))?;
            let path = format!("{turn}.content");
            let content = raw.content.ok_or_else(|| BadRequest::new(&*path, "field required"))?;
            turns.push(Turn { role, blocks: reader.blocks(content, &path)? });
            reader.name_unread(&raw.unread, &turn);
        }
        let BlockReader { unread, as_text, .. } = reader;
        self.unread.push(("messages", unread));
        self.as_text = as_text;
        Ok(turns)
    }

    fn system(&mut self, raw: Content<'_>) -> Result<Vec<Block>, BadRequest> {
        let mut reader = self.blocks(&self.toolsets);
        let blocks = reader.blocks(raw, "system")?;
        let BlockReader { unread, .. } = reader;
        self.unread.push(("system", unread));
        Ok(blocks)
    }

    fn tools(&mut self, raw: &RawValue) -> Result<Vec<Tool>, BadRequest> {
        let raw: Vec<RawTool<'_>> = parse_body(raw.get().as_bytes()).map_err(|bad| {
            let field = if bad.field == "body" {
                "tools".to_owned()
            } else {
                format!("tools.{}", bad.field)
            };
            BadRequest { field, ..bad }
        })?;
        let no_toolsets = Toolsets::default();
        let mut reader = self.blocks(&no_toolsets);
        let mut tools = Vec::with_capacity(raw.len());
        for (index, raw) in raw.into_iter().enumerate() {
            reader.name_unread(&raw.unread, &format!("tools.{index}"));
            tools.push(tool(raw, index, &mut reader));
        }
        let BlockReader { unread, .. } = reader;
        self.unread.push(("tools", unread));
        self.expand_toolsets(&mut tools);
        Ok(tools)
    }

    /// Each tool of a toolset becomes one of its own: the first in the place of all, so that other
    /// tools keep theirs, and the rest at the end.
    fn expand_toolsets(&mut self, tools: &mut Vec<Tool>) {
        for index in 0..tools.len() {
            let Some(kind) = tools[index].kind.clone() else { continue };
            let Some(toolset) = toolset(&kind) else { continue };
            let names: Vec<ByteString> =
                tools.iter().filter_map(|tool| tool.name.clone()).collect();
            let taken: Vec<&str> = names.iter().map(|name| &**name).collect();
            let mut members = expanded(toolset, &kind, &taken, &mut self.toolsets).into_iter();
            if let Some(first) = members.next() {
                tools[index] = first;
            }
            // the caller's list has no entries for them
            tools.extend(members.map(|member| Tool { kind: None, ..member }));
        }
    }

    fn tool_choice(&mut self, raw: RawToolChoice<'_>) -> Result<ToolChoice, BadRequest> {
        self.name_unread("tool_choice", &raw.unread);
        let kind =
            raw.kind.ok_or_else(|| BadRequest::new("tool_choice", "missing field `type`"))?;
        let mode = match &*kind {
            "auto" => ToolChoiceMode::Auto,
            "any" => ToolChoiceMode::Any,
            "none" => ToolChoiceMode::None,
            "tool" => {
                let name = raw
                    .name
                    .ok_or_else(|| BadRequest::new("tool_choice.name", "field required"))?;
                ToolChoiceMode::Tool(name.into_shared(self.body))
            }
            _ => {
                return Err(BadRequest::new(
                    "tool_choice.type",
                    "must be one of auto, any, tool, none",
                ));
            }
        };
        Ok(ToolChoice { mode, disable_parallel: raw.disable_parallel_tool_use.unwrap_or(false) })
    }

    fn thinking(&mut self, raw: RawThinking<'_>) -> Result<Thinking, BadRequest> {
        self.name_unread("thinking", &raw.unread);
        let kind = raw.kind.ok_or_else(|| BadRequest::new("thinking", "missing field `type`"))?;
        Ok(Thinking {
            kind: kind.into_shared(self.body),
            budget_tokens: raw.budget_tokens,
            display: raw.display.map(|display| display.into_shared(self.body)),
        })
    }

    fn output_config(&mut self, raw: RawOutputConfig<'_>) -> OutputConfig {
        self.name_unread("output_config", &raw.unread);
        OutputConfig {
            effort: raw.effort.map(|effort| effort.into_shared(self.body)),
            format: raw.format.map(|format| self.json(format)),
            schema_label: None,
        }
    }

    fn user_id(&mut self, raw: RawMetadata<'_>) -> Option<ByteString> {
        self.name_unread("metadata", &raw.unread);
        raw.user_id.map(|user_id| user_id.into_shared(self.body))
    }

    fn name_unread(&mut self, member: &'static str, members: &[(Text<'_>, &RawValue)]) {
        let paths = members.iter().map(|(name, _)| format!("{member}.{}", &**name)).collect();
        self.unread.push((member, paths));
    }
}

/// One entry of the list. A tool that Anthropic defines and the client runs is said as others are
/// told of it.
fn tool(raw: RawTool<'_>, index: usize, reader: &mut BlockReader<'_>) -> Tool {
    let kind = raw.kind.map(|kind| reader.shared(kind));
    let pixels = |said: Option<&RawValue>| {
        said.and_then(|said| serde_json::from_str::<Option<u64>>(said.get()).ok().flatten())
    };
    let screen = Screen { width: pixels(raw.width), height: pixels(raw.height) };
    let named = kind.as_deref().filter(|kind| *kind != "custom");
    let told = named.and_then(|kind| described(kind, screen));
    let runner = match named {
        Some(kind) if told.is_none() && toolset(kind).is_none() => ToolRunner::Vendor,
        _ => ToolRunner::Client,
    };
    let sizes = [("display_width_px", raw.width), ("display_height_px", raw.height)];
    let unread = sizes.into_iter().filter(|(_, said)| said.is_some() && told.is_none());
    reader.unread.extend(unread.map(|(name, _)| format!("tools.{index}.{name}")));
    let mut tool = Tool {
        runner,
        kind,
        name: raw.name.map(|name| reader.shared(name)),
        description: raw.description.map(|description| reader.shared(description)),
        input_schema: raw.input_schema.map(|schema| reader.json(schema)),
        strict: raw.strict,
        cache_control: raw.cache_control.map(|mark| reader.json(mark)),
    };
    if let Some(told) = told {
        tool.name.get_or_insert_with(|| told.name.into());
        tool.description.get_or_insert_with(|| told.description.into());
        tool.input_schema.get_or_insert(RawJson::Value(told.schema));
    }
    tool
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        Request::parse(&Bytes::from(body.to_owned())).unwrap_err().to_string()
    }

    fn with(members: &str) -> String {
        format!(
            r#"{{"model":"m","max_tokens":5,"messages":[{{"role":"user","content":"hi"}}]{members}}}"#
        )
    }

    #[test]
    fn each_mistake_names_its_field() {
        for (body, expected) in [
            (r#"{"max_tokens":5,"messages":[]}"#.to_owned(), "model: field required"),
            (r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#.to_owned(), "max_tokens: field required"),
            (r#"{"model":"m","max_tokens":5}"#.to_owned(), "messages: field required"),
            (r#"{"model":"m","max_tokens":5,"messages":[]}"#.to_owned(), "messages: at least one message is required"),
            (r#"{"model":"m","max_tokens":"5","messages":[]}"#.to_owned(), "max_tokens: invalid type: string \"5\", expected u64"),
            (
                r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":7}]}"#.to_owned(),
                "messages.0.content: invalid type: integer `7`, expected a string or an array of blocks",
            ),
            (
                r#"{"model":"m","max_tokens":5,"messages":[{"role":"bot","content":"x"}]}"#.to_owned(),
                "messages.0.role: unknown variant `bot`, expected one of `user`, `assistant`, `system`",
            ),
            (
                r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":[{"type":"tool_result"}]}]}"#.to_owned(),
                "messages.0.content.0.tool_use_id: field required",
            ),
            (
                r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url"}}]}]}"#
                    .to_owned(),
                "messages.0.content.0.source.url: field required",
            ),
            (with(r#","tools":[{"name":" ","input_schema":{}}]"#), "tools.0.name: must not be empty"),
            (with(r#","tools":[{"name":"f"}]"#), "tools.0.input_schema: field required"),
            (with(r#","tool_choice":{"type":"tool","name":"f"}"#), "tool_choice.name: no tool named `f` in tools"),
            (with(r#","tool_choice":{"type":"some"}"#), "tool_choice.type: must be one of auto, any, tool, none"),
            (with(r#","routing_hint":{"min_quality":"1.5"}"#), "routing_hint.min_quality: must be between 0 and 1"),
        ] {
            assert_eq!(refused(&body), expected, "{body}");
        }
        assert!(refused("{\"model\":").starts_with("body: invalid JSON"));
        assert!(refused(&with("}")).starts_with("body: invalid JSON"));
        assert!(
            refused(&with(r#","task_type":"poetry""#))
                .starts_with("task_type: unknown variant `poetry`")
        );
        assert_eq!(
            refused(&with(&format!(",\"x\":{}{}", "[".repeat(200), "]".repeat(200)))),
            "body: nested deeper than 100 levels"
        );
    }

    #[test]
    fn an_unknown_block_is_found_by_its_path() {
        let body = r#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":[{"type":"text","text":"x"},{"type":"hologram"}]}]}"#;
        let (request, _) = Request::parse(&Bytes::from(body)).unwrap();
        assert_eq!(
            request.unknown_block(),
            Some(("messages.0.content.1.type".to_owned(), "hologram"))
        );
        assert!(request.is_anthropic_only());
    }

    #[test]
    fn routing_members_are_read() {
        let body = with(
            r#","task_type":"code","routing_preference":"cost","routing_hint":{"quality_floor":"frontier","budget_cap_usd":"0.5"}"#,
        );
        let extras = Request::parse(&Bytes::from(body)).unwrap().0.extras;
        assert_eq!(extras.task_type, Some(TaskType::Code));
        assert_eq!(extras.hint.routing_preference, Some(RoutingPreference::Cost));
        assert_eq!(extras.hint.budget_cap_usd.unwrap().to_string(), "0.5");
    }

    /// What a translation that reads everything else names.
    fn unread(body: &str) -> Vec<String> {
        let (request, _) = Request::parse(&Bytes::from(body.to_owned())).unwrap();
        let members = request.members;
        members.into_iter().flat_map(|member| member.unread).collect()
    }

    fn unread_of(messages: &str) -> Vec<String> {
        unread(&format!(r#"{{"model":"m","max_tokens":5,"messages":{messages}}}"#))
    }

    #[test]
    fn what_no_translation_reads_is_named_at_any_depth() {
        assert_eq!(
            unread_of(
                r#"[{"role":"user","content":"x"},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"a","new":{"b":1}}],"toolset_name":"s"}],"name":"n"}]"#
            ),
            [
                "messages.1.content.0.content.0.new",
                "messages.1.content.0.toolset_name",
                "messages.1.name"
            ]
        );
        let tools = r#","tools":[{"name":"f","input_schema":{"x":1}},{"name":"g","input_schema":{},"defer_loading":true}]"#;
        assert_eq!(unread(&with(tools)), ["tools.1.defer_loading"]);
        let members = r#","metadata":{"user_id":null,"team":"a"},"thinking":{"type":"adaptive","new":1},"output_config":{"old":2},"system":[{"type":"text","text":"a","id":"x","tone":"b"}]"#;
        assert_eq!(
            unread(&with(members)),
            ["metadata.team", "thinking.new", "output_config.old", "system.0.tone"]
        );
    }

    #[test]
    fn what_no_translation_reads_of_a_source_is_named() {
        let image = r#"[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://a.example","hash":"x"}}]}]"#;
        assert_eq!(unread_of(image), ["messages.0.content.0.source.hash"]);
    }

    #[test]
    fn a_call_by_the_model_itself_is_nothing_to_name() {
        let content = |caller: &str| {
            format!(
                r#"[{{"role":"assistant","content":[{{"type":"tool_use","id":"a","name":"f","input":{{}},"caller":{caller}}}]}}]"#
            )
        };
        assert_eq!(unread_of(&content(r#"{"type":"direct"}"#)), Vec::<String>::new());
        assert_eq!(
            unread_of(&content(r#"{"type":"code_execution_20250825","tool_id":"s"}"#)),
            ["messages.0.content.0.caller"]
        );
    }

    #[test]
    fn a_member_that_stands_twice_is_refused() {
        let refused = refused(&with(r#","model":"other""#));
        assert_eq!(refused, "body: duplicate field `model`");
    }

    #[test]
    fn tools_that_the_client_runs_are_said_as_others_are_told_of_them() {
        let tools = r#","tools":[{"type":"bash_20250124","name":"bash"},{"type":"computer_20251124","name":"screen","display_width_px":800,"display_height_px":600},{"type":"web_search_20250305","name":"web_search"}]"#;
        let (request, _) = Request::parse(&Bytes::from(with(tools))).unwrap();
        let of = |at: usize| &request.tools[at];
        assert_eq!((of(0).name.as_deref(), of(0).runner), (Some("bash"), ToolRunner::Client));
        assert!(of(0).input_schema.is_some());
        assert_eq!(of(1).name.as_deref(), Some("screen"));
        assert!(of(1).description.as_deref().unwrap().contains("800 by 600"));
        assert_eq!((of(2).runner, of(2).input_schema.is_none()), (ToolRunner::Vendor, true));
        let only = request.anthropic_only().unwrap();
        assert_eq!(
            only.to_string(),
            "tools.2.type: only a provider of Anthropic's own API has `web_search_20250305`"
        );
        assert_eq!(unread(&with(tools)), Vec::<String>::new());
    }

    #[test]
    fn tools_of_a_toolset_have_names_of_their_own() {
        let body = r#"{"model":"m","max_tokens":5,"tools":[{"type":"computer_toolset_20260801"},{"name":"computer_zoom","input_schema":{}}],
            "messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"zoom","toolset_name":"computer","input":{}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","toolset_name":"computer","content":[{"type":"tool_reference","tool_name":"late"}]}]}]}"#;
        let (request, _) = Request::parse(&Bytes::from(body)).unwrap();
        assert_eq!(request.tools.len(), 18);
        assert_eq!(request.tools[1].name.as_deref(), Some("computer_zoom"));
        let names: std::collections::HashSet<&str> = request.tool_names().collect();
        assert_eq!(names.len(), 18, "{names:?}");
        let Block::ToolUse { name, .. } = &request.turns[0].blocks[0] else { panic!("a call") };
        let zoom = request.toolsets.of_flat(name).unwrap();
        assert_eq!((zoom.name, zoom.toolset), ("zoom", "computer"));
        let messages = request.members.iter().find(|member| &*member.name == "messages").unwrap();
        assert!(messages.unread.is_empty(), "{:?}", messages.unread);
        assert_eq!(messages.as_text, ["messages.1.content.0.content.0"]);
        assert!(!request.is_anthropic_only());
    }
}
