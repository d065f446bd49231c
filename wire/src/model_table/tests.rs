use super::*;

fn named(kind: ProviderKind, name: &str) -> ModelAbilities<'static> {
    ModelAbilities::named(kind, name, None)
}

#[test]
fn each_row_says_where_it_is_from_and_no_two_are_for_the_same_models() {
    let all: Vec<&ModelRow> = rows().collect();
    for (index, row) in all.iter().enumerate() {
        assert!(!row.series.is_empty() && row.source.starts_with("https://"), "{row:?}");
        assert_eq!(row.read_on.len(), "2026-11-30".len(), "{row:?}");
        let twin = all[index + 1..].iter().find(|other| {
            other.series == row.series
                && (other.at == row.at || other.at.iter().any(|kind| row.at.contains(kind)))
        });
        assert_eq!(twin, None);
        let ranks: Vec<_> = row.efforts.iter().map(|word| crate::effort::rank(word)).collect();
        assert!(ranks.is_sorted() || row.efforts == ["none", "default"], "{row:?}");
        let default = row.default_effort.filter(|_| !row.efforts.is_empty());
        assert!(default.is_none_or(|word| row.efforts.contains(&word)), "{row:?}");
    }
}

#[test]
fn a_model_is_found_under_all_of_its_names() {
    for (kind, name, series) in [
        (ProviderKind::Anthropic, "claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        (ProviderKind::Openrouter, "anthropic/claude-opus-5.5", "claude-opus-5-5"),
        (ProviderKind::Anthropic, "us.anthropic.claude-opus-4-7-v1:0", "claude-opus-4-7"),
        (ProviderKind::Anthropic, "claude-opus-5", "claude-opus-5"),
        (ProviderKind::Anthropic, "claude-opus-6", "claude-opus-*"),
        (ProviderKind::Anthropic, "claude-3-5-sonnet-20241022", "claude-3-5-sonnet"),
        (ProviderKind::Openai, "gpt-5.6-terra-2026-08-20", "gpt-5-6"),
        (ProviderKind::Openai, "gpt-6.1-sol", "gpt-6-1-sol"),
        (ProviderKind::Openai, "gpt-6.1-terra", "gpt-6-1"),
        (ProviderKind::Openai, "gpt-9.1", "gpt-*"),
        (ProviderKind::Openai, "gpt-5.3-codex", "gpt-*codex"),
        (ProviderKind::Openai, "gpt-5.5-pro-2026-04-23", "gpt-*pro"),
        (ProviderKind::Openai, "gpt-5.2-chat-latest", "gpt-*chat"),
        (ProviderKind::Gemini, "models/gemini-3.5-flash-lite", "gemini-3-5-flash-lite"),
        (ProviderKind::Gemini, "gemini-3.1-pro-preview", "gemini-3-1"),
        (ProviderKind::Gemini, "gemini-flash-latest", "gemini-*"),
        (ProviderKind::Groq, "openai/gpt-oss-120b", "gpt-oss-*"),
        (ProviderKind::Together, "moonshotai/Kimi-K3.1-Pro", "kimi-k3-1"),
        (ProviderKind::OpenaiCompatible, "qwen3:32b", "qwen3"),
        (ProviderKind::Xai, "grok-4-fast-non-reasoning", "grok-*non-reasoning"),
        (ProviderKind::Mistral, "mistral-medium-3-5", "mistral-medium-3-5"),
    ] {
        assert_eq!(row(kind, name).map(|row| row.series), Some(series), "{name}");
    }
    for name in ["our-own-model", "claude-next", "o300", "llama-3.3-70b", "m"] {
        assert_eq!(row(ProviderKind::OpenaiCompatible, name), None, "{name}");
    }
}

#[test]
fn models_that_reason_are_known_by_their_series() {
    for (kind, name, reasoning) in [
        (ProviderKind::Openai, "gpt-5.5-pro", Reasoning::Always),
        (ProviderKind::Openai, "openai/gpt-5-nano-2025-08-07", Reasoning::Always),
        (ProviderKind::Openai, "codex-mini-latest", Reasoning::Always),
        (ProviderKind::Openai, "o4-mini", Reasoning::Always),
        (ProviderKind::Openai, "gpt-5-chat-latest", Reasoning::Never),
        (ProviderKind::Openai, "gpt-4.1", Reasoning::Never),
        (ProviderKind::Xai, "grok-4-fast-non-reasoning", Reasoning::Never),
        (ProviderKind::Xai, "grok-3", Reasoning::Never),
        (ProviderKind::Xai, "grok-4.3", Reasoning::Always),
        (ProviderKind::Groq, "openai/gpt-oss-120b", Reasoning::Always),
        (ProviderKind::Deepseek, "deepseek-chat", Reasoning::Never),
        (ProviderKind::Deepseek, "deepseek-v4-pro", Reasoning::Always),
        (ProviderKind::Gemini, "gemini-2.0-flash", Reasoning::Never),
        (ProviderKind::Gemini, "gemma-3-27b", Reasoning::Never),
        (ProviderKind::OpenaiCompatible, "Qwen/Qwen3-32B", Reasoning::Always),
        (ProviderKind::OpenaiCompatible, "llama3", Reasoning::Never),
    ] {
        assert_eq!(named(kind, name).reasoning, reasoning, "{name}");
    }
}

#[test]
fn what_an_operator_says_stands_in_place_of_single_entries() {
    let takes = ainfera_schema::ModelTakes {
        sampling: Some(Sampling::All),
        efforts: Some(vec!["low"]),
        forced_tools: Some(Taken::Yes),
        tools_over: Some(ainfera_schema::ToolsOver::Responses),
        ..Default::default()
    };
    let model = ainfera_schema::Model {
        slug: ainfera_schema::ModelSlug::new("m"),
        provider: ainfera_schema::ProviderId::new("p"),
        upstream_name: "claude-opus-5-5".to_owned(),
        maker: "p".to_owned(),
        q_prior: None,
        price: None,
        m_allowed: None,
        supports_tools: true,
        reasoning: None,
        takes,
        stream_mode: ainfera_schema::StreamMode::Native,
        context_window: None,
        max_output_tokens: Some(9),
        expected_latency_ms: None,
        as_of: None,
        deadlines: ainfera_schema::OwnDeadlines::default(),
    };
    let abilities = ModelAbilities::of(ProviderKind::Anthropic, &model);
    assert_eq!(abilities.sampling(), Sampling::All);
    assert_eq!(abilities.efforts(), ["low"]);
    assert_eq!(abilities.forced_tools(), ForcedTools::Taken);
    assert_eq!(abilities.chat_completions(), ChatCompletions::WithoutTools);
    assert_eq!(abilities.max_output_tokens(), Some(9));
    assert_eq!(abilities.prefill(), Taken::No, "what the operator does not say is as published");
}
