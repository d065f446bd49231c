//! The most that a call can use at a model: what its reservation is computed from.
//!
//! Text: a token of any byte-level vocabulary is at least one byte, so the bytes of the body bound it. Images: the most that the vendor's published
//! rule comes to for the largest image. What the body does not show (a document's pages, files by id, earlier turns that the vendor keeps, results
//! that server tools read) can fill the context window and no more.

use ainfera_schema::{AskedService, Bounds, ProviderKind, ToolUses};

use crate::catalogue::CatalogueEntry;

/// A window that the catalogue does not know is taken to be one of the largest that are sold.
pub const UNKNOWN_WINDOW_TOKENS: u64 = 1_048_576;

/// What vendors' templates and the instructions for tools add.
const TEMPLATE_TOKENS: u64 = 64;
const TOOL_INSTRUCTION_TOKENS: u64 = 1_024;

/// What a call says about how much it can use, whichever model it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Of the body, without the data of its attachments.
    pub text_bytes: u64,
    pub images: u64,
    pub has_tools: bool,
    /// The vendor reads more than the body shows.
    pub reads_beyond_body: bool,
    pub max_output_tokens: u64,
    pub caches_for_an_hour: bool,
    pub tool_uses: ToolUses,
    pub service: AskedService,
}

/// The bounds of the whole call at this model.
pub fn bounds_at(entry: &CatalogueEntry, asked: &Asked) -> Bounds {
    let model = &entry.model;
    Bounds {
        input_tokens: input_tokens(entry, asked),
        output_tokens: asked.max_output_tokens.min(model.max_output_tokens.unwrap_or(u64::MAX)),
        caches_for_an_hour: asked.caches_for_an_hour,
        tool_uses: asked.tool_uses,
        service: asked.service,
    }
}

fn input_tokens(entry: &CatalogueEntry, asked: &Asked) -> u64 {
    let window = entry.model.context_window;
    let images = if asked.images == 0 { Some(0) } else { tokens_per_image(entry).map(|most| most.saturating_mul(asked.images)) };
    let (Some(images), false) = (images, asked.reads_beyond_body) else {
        return window.unwrap_or(UNKNOWN_WINDOW_TOKENS).max(1);
    };
    let instructions = if asked.has_tools { TOOL_INSTRUCTION_TOKENS } else { 0 };
    let shown = asked.text_bytes.saturating_add(images).saturating_add(TEMPLATE_TOKENS + instructions);
    shown.min(window.unwrap_or(u64::MAX))
}

/// The most tokens that one image comes to, however many pixels it has. `None` where the vendor publishes no bound.
///
/// From these pages as they were known before (to be read again before a bill rests on them): platform.claude.com/docs/en/build-with-claude/vision (4,784 at the highest resolution),
/// developers.openai.com/api/docs/guides/images-vision (10,000 patches, times 1.62 for mini and 2.46 for nano models; tiles for 4o-mini),
/// ai.google.dev/gemini-api/docs/media-resolution (2,240 at ultra high), docs.mistral.ai/capabilities/vision (3,025 at 1,540 pixels),
/// docs.x.ai/docs/guides/image-understanding (7 tiles of 256).
fn tokens_per_image(entry: &CatalogueEntry) -> Option<u64> {
    let name = entry.model.upstream_name.as_str();
    match entry.kind {
        ProviderKind::Anthropic | ProviderKind::Mock => Some(4_784),
        ProviderKind::Openai | ProviderKind::OpenaiResponses if name.contains("4o-mini") => Some(48_169),
        ProviderKind::Openai | ProviderKind::OpenaiResponses if name.contains("nano") => Some(24_600),
        ProviderKind::Openai | ProviderKind::OpenaiResponses => Some(16_200),
        ProviderKind::Gemini | ProviderKind::GeminiCompatible => Some(2_240),
        ProviderKind::Mistral => Some(3_025),
        ProviderKind::Xai => Some(1_792),
        ProviderKind::Groq
        | ProviderKind::Together
        | ProviderKind::Deepseek
        | ProviderKind::Openrouter
        | ProviderKind::OpenaiCompatible => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::tests::entry;

    const HELLO: Asked = Asked {
        text_bytes: 300,
        images: 0,
        has_tools: false,
        reads_beyond_body: false,
        max_output_tokens: 1_000,
        caches_for_an_hour: false,
        tool_uses: ToolUses::NONE,
        service: AskedService { tier: ainfera_schema::AskedTier::Any, fast: false, us_only: false },
    };

    fn of(kind: ProviderKind, window: Option<u64>, asked: Asked) -> u64 {
        let mut entry = entry("m", kind, "0.5", "1", "1");
        entry.model.context_window = window;
        bounds_at(&entry, &asked).input_tokens
    }

    #[test]
    fn text_is_bounded_by_its_bytes_and_never_above_the_window() {
        assert_eq!(of(ProviderKind::Anthropic, None, HELLO), 364);
        assert_eq!(of(ProviderKind::Anthropic, None, Asked { has_tools: true, ..HELLO }), 1_388);
        assert_eq!(of(ProviderKind::Anthropic, Some(200), HELLO), 200);
        assert_eq!(of(ProviderKind::Anthropic, None, Asked { text_bytes: u64::MAX, ..HELLO }), u64::MAX);
    }

    #[test]
    fn an_image_is_bounded_by_the_vendors_rule_or_by_the_window() {
        let two = Asked { images: 2, ..HELLO };
        assert_eq!(of(ProviderKind::Anthropic, None, two), 364 + 2 * 4_784);
        assert_eq!(of(ProviderKind::Together, Some(131_072), two), 131_072);
        assert_eq!(of(ProviderKind::Together, None, two), UNKNOWN_WINDOW_TOKENS);
    }

    #[test]
    fn what_the_body_does_not_show_fills_the_window() {
        let document = Asked { reads_beyond_body: true, ..HELLO };
        assert_eq!(of(ProviderKind::Anthropic, Some(200_000), document), 200_000);
        assert_eq!(of(ProviderKind::Anthropic, None, document), UNKNOWN_WINDOW_TOKENS);
    }

    #[test]
    fn no_more_output_is_reserved_than_the_model_can_make() {
        let mut entry = entry("m", ProviderKind::Openai, "0.5", "1", "1");
        entry.model.max_output_tokens = Some(400);
        assert_eq!(bounds_at(&entry, &HELLO).output_tokens, 400);
    }
}
