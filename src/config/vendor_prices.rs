//! What vendors publish about fees and tiers, beside the prices of tokens. It completes a model's
//! price where the file says nothing else.
//!
//! Looked up on 2026-11-30, except for what is marked as not verified: that is from the vendor's
//! page as it was known before, and is to be read there again before a bill rests on it. A price in
//! the file always goes first.
//!
//! - Anthropic, platform.claude.com/docs/en/about-claude/pricing: web search $10 per 1,000, web
//!   fetch free, inference in the United States alone 1.1 times, batches half; fast mode 6 times
//!   for Opus 4.6 and 4.7 and twice for Opus 5. Not verified: code execution $0.05 per container
//!   and hour.
//! - OpenAI, developers.openai.com/api/docs/pricing and openai.com/api-priority-processing: web
//!   search $10 per 1,000 ($25 for the preview with models that do not reason), batch and flex
//!   half, priority twice (2.5 times for GPT-5.5). Not verified: file search $2.50 per 1,000, code
//!   interpreter $0.03 per container of 1 GB, priority 1.75 times for GPT-4 models.
//! - Google, ai.google.dev/gemini-api/docs/pricing: grounding $14 per 1,000 queries; with 2.5
//!   models $35 per 1,000.
//! - xAI, docs.x.ai/developers/pricing: web and X search and code execution $5 per 1,000, search in
//!   collections of files $2.50 per 1,000. Not verified: live search $25 per 1,000 sources.
//! - OpenRouter, openrouter.ai/docs/features/web-search: web plugin $4 per 1,000 results (not
//!   verified).

use ainfera_schema::{Multipliers, PriceSheet, ProviderKind, ServerTool};
use rust_decimal::Decimal;

/// The sheet with the vendor's published lines where it has none.
pub fn completed(mut sheet: PriceSheet, kind: ProviderKind, upstream_name: &str) -> PriceSheet {
    for (tool, fee) in fees(kind, upstream_name) {
        sheet.per_use.entry(tool).or_insert(fee);
    }
    let published = multipliers(kind, upstream_name);
    let own = sheet.multipliers;
    sheet.multipliers = Multipliers {
        batch: own.batch.or(published.batch),
        flex: own.flex.or(published.flex),
        priority: own.priority.or(published.priority),
        fast: own.fast.or(published.fast),
        us_only: own.us_only.or(published.us_only),
    };
    sheet
}

fn fees(kind: ProviderKind, upstream_name: &str) -> Vec<(ServerTool, Decimal)> {
    let dollars = |ten_thousandths: i64| Decimal::new(ten_thousandths, 4);
    match kind {
        ProviderKind::Anthropic | ProviderKind::Mock => {
            vec![
                (ServerTool::WebSearch, dollars(100)),
                (ServerTool::WebFetch, Decimal::ZERO),
                (ServerTool::CodeExecution, dollars(500)),
            ]
        }
        ProviderKind::Openai | ProviderKind::OpenaiResponses | ProviderKind::Azure => vec![
            (
                ServerTool::WebSearch,
                dollars(if upstream_name.starts_with("gpt-4") { 250 } else { 100 }),
            ),
            (ServerTool::FileSearch, dollars(25)),
            (ServerTool::CodeExecution, dollars(300)),
        ],
        ProviderKind::Gemini | ProviderKind::GeminiCompatible => {
            vec![(
                ServerTool::Grounding,
                dollars(if upstream_name.contains("2.5") { 350 } else { 140 }),
            )]
        }
        ProviderKind::Xai => vec![
            (ServerTool::WebSearch, dollars(50)),
            (ServerTool::CodeExecution, dollars(50)),
            (ServerTool::FileSearch, dollars(25)),
            (ServerTool::SearchSource, dollars(250)),
        ],
        ProviderKind::Openrouter => vec![(ServerTool::SearchSource, dollars(40))],
        ProviderKind::Mistral
        | ProviderKind::Groq
        | ProviderKind::Together
        | ProviderKind::Deepseek
        | ProviderKind::Zai
        | ProviderKind::Moonshot
        | ProviderKind::Cerebras
        | ProviderKind::Fireworks
        | ProviderKind::Minimax
        | ProviderKind::Alibaba
        | ProviderKind::OpenaiCompatible => Vec::new(),
    }
}

fn multipliers(kind: ProviderKind, upstream_name: &str) -> Multipliers {
    let hundredths = |hundredths: i64| Some(Decimal::new(hundredths, 2));
    match kind {
        ProviderKind::Anthropic | ProviderKind::Mock => Multipliers {
            batch: hundredths(50),
            // Served from capacity that is paid for apart, so the list price bounds it.
            priority: hundredths(100),
            fast: match upstream_name {
                name if name.contains("opus-4-6") || name.contains("opus-4-7") => hundredths(600),
                name if name.contains("opus-5") && !name.contains("opus-5-") => hundredths(200),
                _ => None,
            },
            us_only: hundredths(110),
            flex: None,
        },
        ProviderKind::Openai | ProviderKind::OpenaiResponses | ProviderKind::Azure => Multipliers {
            batch: hundredths(50),
            flex: hundredths(50),
            priority: match upstream_name {
                name if name.starts_with("gpt-5.5") => hundredths(250),
                name if name.starts_with("gpt-4") => hundredths(175),
                _ => hundredths(200),
            },
            fast: None,
            us_only: None,
        },
        ProviderKind::Groq => Multipliers { flex: hundredths(100), ..Multipliers::default() },
        ProviderKind::Gemini
        | ProviderKind::GeminiCompatible
        | ProviderKind::Mistral
        | ProviderKind::Xai
        | ProviderKind::Together
        | ProviderKind::Deepseek
        | ProviderKind::Openrouter
        | ProviderKind::Zai
        | ProviderKind::Moonshot
        | ProviderKind::Cerebras
        | ProviderKind::Fireworks
        | ProviderKind::Minimax
        | ProviderKind::Alibaba
        | ProviderKind::OpenaiCompatible => Multipliers::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ainfera_schema::Price;

    fn sheet() -> PriceSheet {
        let (input, output) = (Decimal::ONE, Decimal::TEN);
        Price {
            input,
            output,
            cache_read: None,
            cache_write: None,
            cache_write_1h: None,
            reasoning: None,
        }
        .into()
    }

    #[test]
    fn what_the_file_says_goes_before_what_the_vendor_publishes() {
        let mut own = sheet();
        own.per_use.insert(ServerTool::WebSearch, Decimal::ONE);
        own.multipliers.flex = Some(Decimal::ONE);
        let own = completed(own, ProviderKind::Openai, "gpt-5.4");
        assert_eq!(own.per_use[&ServerTool::WebSearch], Decimal::ONE);
        assert_eq!(
            (own.multipliers.flex, own.multipliers.priority),
            (Some(Decimal::ONE), Some(Decimal::TWO))
        );
        let published = completed(sheet(), ProviderKind::Anthropic, "claude-opus-4-7");
        assert_eq!(published.per_use[&ServerTool::WebSearch], "0.01".parse().unwrap());
        assert_eq!(published.multipliers.fast, Some(Decimal::from(6)));
        assert_eq!(
            completed(sheet(), ProviderKind::Anthropic, "claude-opus-5-5").multipliers.fast,
            None
        );
        assert_eq!(completed(sheet(), ProviderKind::OpenaiCompatible, "m"), sheet());
    }
}
