//! Which endpoint of a provider takes a call. OpenAI's newer models take tools over Responses only,
//! and some take nothing else at all.

use ainfera_schema::{Model, ProviderKind};

use crate::client::call::Call;
use crate::dialect::ClientDialect;
use crate::model_table::{ChatCompletions, ModelAbilities};
use crate::provider::Dialect;

impl Dialect {
    /// The dialect in which a provider of this kind is sent this call for one of its models.
    pub fn for_call(kind: ProviderKind, call: &Call, model: &Model) -> Self {
        if matches!(kind, ProviderKind::Openai | ProviderKind::Azure)
            && needs_responses(call, model)
        {
            Dialect::Responses
        } else {
            Dialect::of(kind)
        }
    }
}

fn needs_responses(call: &Call, model: &Model) -> bool {
    let only_responses_can_say_it =
        call.native_only.is_some() && call.client.dialect() == ClientDialect::Responses;
    match ModelAbilities::of(ProviderKind::Openai, model).chat_completions() {
        ChatCompletions::Taken => only_responses_can_say_it,
        ChatCompletions::WithoutTools => call.has_tools || only_responses_can_say_it,
        ChatCompletions::Refused => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::call::ClientHeaders;
    use ainfera_schema::{ModelSlug, OwnDeadlines, ProviderId, StreamMode};
    use bytes::Bytes;

    fn endpoint(kind: ProviderKind, name: &str, more_members: &str) -> Dialect {
        let model = Model {
            slug: ModelSlug::new("m"),
            provider: ProviderId::new("p"),
            upstream_name: name.to_owned(),
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
        let body = format!(
            r#"{{"model":"m","max_tokens":50,"messages":[{{"role":"user","content":"hi"}}]{more_members}}}"#
        );
        let call =
            Call::from_messages(Bytes::from(body), ClientHeaders::default(), &|_| 1).unwrap();
        Dialect::for_call(kind, &call, &model)
    }

    #[test]
    fn openai_models_that_refuse_tools_over_chat_completions_get_them_over_responses() {
        let tools = r#","tools":[{"name":"f","input_schema":{"type":"object"}}]"#;
        for (name, with_tools, without) in [
            ("gpt-4.1", false, false),
            ("gpt-5", false, false),
            ("gpt-5.4-mini", true, false),
            ("gpt-5.6-sol", true, false),
            ("gpt-6.1-sol", true, false),
            ("gpt-5.3-codex", true, true),
            ("gpt-5.5-pro", true, true),
        ] {
            assert_eq!(
                endpoint(ProviderKind::Openai, name, tools) == Dialect::Responses,
                with_tools,
                "{name} with tools"
            );
            assert_eq!(
                endpoint(ProviderKind::Openai, name, "") == Dialect::Responses,
                without,
                "{name} without tools"
            );
        }
        assert_ne!(
            endpoint(ProviderKind::OpenaiCompatible, "gpt-5.6-sol", tools),
            Dialect::Responses
        );
    }
}
