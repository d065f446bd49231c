//! Whether a model thinks before it answers a call. Until it has thought it may say nothing at all,
//! for minutes.

use ainfera_schema::{Model, ProviderKind, Reasoning};

use crate::client::call::{AskedReasoning, Call};
use crate::model_table::ModelAbilities;

/// True when the answer to `call` may begin with a long silence. The configuration knows best
/// what a model can; otherwise its name tells, and a model whose name tells nothing is believed to
/// reason when it is asked to.
pub fn reasons_before_answering(kind: ProviderKind, call: &Call, model: &Model) -> bool {
    match (model.reasoning, call.asked_reasoning) {
        (Some(Reasoning::Never), _) | (_, AskedReasoning::Off) => false,
        (Some(Reasoning::Always), _) | (None, AskedReasoning::On) => true,
        (None, AskedReasoning::Unsaid) => {
            ModelAbilities::of(kind, model).reasoning == Reasoning::Always
        }
    }
}

#[cfg(test)]
mod tests {
    use ainfera_schema::{ModelSlug, OwnDeadlines, ProviderId, ProviderKind, StreamMode};
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::*;
    use crate::client::call::ClientHeaders;

    fn reasons(
        kind: ProviderKind,
        name: &str,
        configured: Option<Reasoning>,
        asked: Value,
    ) -> bool {
        let model = Model {
            slug: ModelSlug::new("m"),
            provider: ProviderId::new("p"),
            upstream_name: name.to_owned(),
            maker: "p".to_owned(),
            q_prior: None,
            price: None,
            m_allowed: None,
            supports_tools: true,
            reasoning: configured,
            stream_mode: StreamMode::Native,
            context_window: None,
            max_output_tokens: None,
            takes: ainfera_schema::ModelTakes::default(),
            expected_latency_ms: None,
            as_of: None,
            deadlines: OwnDeadlines::default(),
        };
        let mut body = json!({"model": "m", "max_tokens": 5000, "messages": [{"role": "user", "content": "hi"}]});
        for (key, value) in asked.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        let call =
            Call::from_messages(Bytes::from(body.to_string()), ClientHeaders::default(), &|_| 1)
                .unwrap();
        reasons_before_answering(kind, &call, &model)
    }

    #[test]
    fn what_is_asked_of_which_model_decides() {
        let thinking = json!({"thinking": {"type": "enabled", "budget_tokens": 2000}});
        let off = json!({"thinking": {"type": "disabled"}});
        let effort = json!({"output_config": {"effort": "high"}});
        for (kind, name, configured, asked, expected) in [
            (ProviderKind::Anthropic, "claude-opus-4-7", None, json!({}), false),
            (ProviderKind::Anthropic, "claude-opus-4-7", None, thinking.clone(), true),
            (ProviderKind::Anthropic, "claude-opus-5-5", None, json!({}), true),
            (
                ProviderKind::Anthropic,
                "claude-opus-4-7",
                Some(Reasoning::Never),
                thinking.clone(),
                false,
            ),
            (ProviderKind::Openai, "gpt-5.5", None, json!({}), true),
            (ProviderKind::Openai, "gpt-5.5", None, off, false),
            (ProviderKind::Openai, "gpt-4.1", None, json!({}), false),
            (ProviderKind::OpenaiResponses, "o3", None, json!({}), true),
            (ProviderKind::Gemini, "gemini-2.0-flash", None, json!({}), false),
            (ProviderKind::OpenaiCompatible, "our-own", None, json!({}), false),
            (ProviderKind::OpenaiCompatible, "our-own", None, effort, true),
            (ProviderKind::OpenaiCompatible, "our-own", Some(Reasoning::Always), json!({}), true),
        ] {
            assert_eq!(
                reasons(kind, name, configured, asked.clone()),
                expected,
                "{kind:?} {name} {configured:?} {asked}"
            );
        }
    }
}
