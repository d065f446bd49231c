//! Names of models, compared with the series of the table.
//!
//! One model has many names: `claude-opus-5-5`, `claude-opus-5-5-20260922`,
//! `anthropic/claude-opus-5.5` at OpenRouter, `us.anthropic.claude-opus-5-5-v1:0` at Bedrock,
//! `publishers/anthropic/models/claude-opus-5-5@20260922` at Vertex.

/// Regions and makers that stand before a name, divided from it by a dot.
const BEFORE_A_DOT: [&str; 20] = [
    "us",
    "eu",
    "apac",
    "global",
    "jp",
    "au",
    "ca",
    "sa",
    "us-gov",
    "anthropic",
    "openai",
    "google",
    "mistral",
    "deepseek",
    "moonshot",
    "moonshotai",
    "zai",
    "qwen",
    "meta",
    "xai",
];
/// Numbers of more digits are dates.
const LONGEST_VERSION_DIGITS: usize = 2;

/// The name in lower case without what stands before the model's own name, with `-` for every other
/// sign between words.
pub(super) fn plain_name(upstream_name: &str) -> String {
    let mut name = upstream_name.rsplit('/').next().unwrap_or(upstream_name);
    while let Some((first, rest)) = name.split_once('.')
        && BEFORE_A_DOT.iter().any(|known| known.eq_ignore_ascii_case(first))
    {
        name = rest;
    }
    let plain: String = name
        .chars()
        .map(|sign| match sign {
            '.' | ':' | '@' | '_' | ' ' => '-',
            sign => sign.to_ascii_lowercase(),
        })
        .collect();
    // hosts put words of their own before it
    match plain.find("claude-") {
        Some(start) if start > 0 => plain[start..].to_owned(),
        _ => plain,
    }
}

/// Whether a plain name is of the series: it begins with it, and goes on with a word that is no
/// further number of the version, for `claude-opus-5` does not say what `claude-opus-5-5` takes.
/// After `*` in a series anything may stand, and the rest of the series somewhere in it as a whole
/// word.
pub(super) fn begins_with(name: &str, series: &str) -> bool {
    match series.split_once('*') {
        None => name.strip_prefix(series).is_some_and(is_end_of_version),
        Some((start, word)) => name.strip_prefix(start).is_some_and(|rest| {
            rest.match_indices(word).any(|(at, _)| ends(&rest[at + word.len()..]))
        }),
    }
}

/// The more of a name a series says, the more it counts.
pub(super) fn weight(series: &str) -> usize {
    series.strip_suffix('*').unwrap_or(series).len()
}

fn ends(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('-')
}

fn is_end_of_version(rest: &str) -> bool {
    let Some(more) = rest.strip_prefix('-') else { return rest.is_empty() };
    let next = more.split('-').next().unwrap_or_default();
    let is_number = !next.is_empty() && next.bytes().all(|digit| digit.is_ascii_digit());
    !is_number || next.len() > LONGEST_VERSION_DIGITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_the_name_of_a_model_is_not_part_of_it() {
        for (name, plain) in [
            ("claude-haiku-4-5-20251001", "claude-haiku-4-5-20251001"),
            ("anthropic/claude-opus-5.5", "claude-opus-5-5"),
            ("us.anthropic.claude-opus-4-7-v1:0", "claude-opus-4-7-v1-0"),
            ("publishers/anthropic/models/claude-opus-4-5@20251101", "claude-opus-4-5-20251101"),
            ("databricks-claude-sonnet-5", "claude-sonnet-5"),
            ("openai.gpt-oss-120b-1:0", "gpt-oss-120b-1-0"),
            ("gpt-5.5", "gpt-5-5"),
            ("models/gemini-2.5-flash", "gemini-2-5-flash"),
            ("zai-org/GLM-5.2", "glm-5-2"),
        ] {
            assert_eq!(plain_name(name), plain, "{name}");
        }
    }

    #[test]
    fn a_series_ends_where_its_version_ends() {
        for (name, series, is_of) in [
            ("claude-opus-5", "claude-opus-5", true),
            ("claude-opus-5-20260724", "claude-opus-5", true),
            ("claude-opus-5-5", "claude-opus-5", false),
            ("claude-opus-5-fast", "claude-opus-5", true),
            ("gpt-5-2025-08-07", "gpt-5", true),
            ("gpt-5-2", "gpt-5", false),
            ("gpt-50", "gpt-5", false),
            ("o300", "o3", false),
            ("o3-mini", "o3", true),
            ("qwen3-32b", "qwen3", true),
            ("grok-4-0709", "grok-4", true),
            ("gpt-5-2-chat-latest", "gpt-*chat", true),
            ("gpt-5-chatty", "gpt-*chat", false),
            ("gpt-7-codex-max", "gpt-*codex", true),
            ("claude-opus-6", "claude-opus-*", true),
            ("claude-opus-latest", "claude-opus-*", true),
        ] {
            assert_eq!(begins_with(name, series), is_of, "{name} {series}");
        }
    }
}
