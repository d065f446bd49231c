//! The most that a call can use at a model: what its reservation is computed from.
//!
//! Text: a token of any byte-level vocabulary is at least one byte, so the bytes of the body bound
//! it. Digits, rare scripts and random letters come close to that, and the vocabularies of Claude,
//! Gemini and Grok are not published, so no smaller bound can be proven for all. Images: by their
//! size and the vendor's published rule. Documents: an image and what text there can be for each
//! page. What the body does not show (what lies behind a URL or an id, earlier turns that the
//! vendor keeps, results that server tools read, whose size no vendor publishes) can fill the
//! context window and no more.

use ainfera_schema::{Attachment, Bounds, DocumentExtent, RequestedService, ToolUses};

use crate::catalogue::CatalogueEntry;
use crate::image_tokens::{image_tokens, page_tokens};

/// A window that the catalogue does not know is taken to be one of the largest that are sold.
pub const UNKNOWN_WINDOW_TOKENS: u64 = 1_048_576;

/// What vendors' templates and the instructions for tools add. Of the templates that were measured
/// the longest has 185.
const TEMPLATE_TOKENS: u64 = 256;
const TOOL_INSTRUCTION_TOKENS: u64 = 1_024;

/// What stands around a document, the instructions on how to cite it included, and between its
/// pages.
const TOKENS_AROUND_DOCUMENT: u64 = 1_024;
const TOKENS_AROUND_PAGE: u64 = 64;

/// What a call says about how much it can use, whichever model it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallSize<'a> {
    /// Of the body, without the data of its attachments.
    pub text_bytes: u64,
    pub attachments: &'a [Attachment],
    pub has_tools: bool,
    /// The vendor reads more than the body shows.
    pub reads_beyond_body: bool,
    pub max_output_tokens: u64,
    pub caches_for_an_hour: bool,
    pub tool_uses: ToolUses,
    pub service: RequestedService,
}

/// The bounds of the whole call at this model.
pub fn bounds_at(entry: &CatalogueEntry, asked: &CallSize<'_>) -> Bounds {
    let model = &entry.model;
    Bounds {
        input_tokens: input_tokens(entry, asked),
        output_tokens: asked.max_output_tokens.min(model.max_output_tokens.unwrap_or(u64::MAX)),
        caches_for_an_hour: asked.caches_for_an_hour,
        tool_uses: asked.tool_uses,
        service: asked.service,
    }
}

fn input_tokens(entry: &CatalogueEntry, asked: &CallSize<'_>) -> u64 {
    let window = entry.model.context_window;
    let attached = asked
        .attachments
        .iter()
        .try_fold(0u64, |sum, one| Some(sum.saturating_add(attachment_tokens(entry, one)?)));
    let (Some(attached), false) = (attached, asked.reads_beyond_body) else {
        return window.unwrap_or(UNKNOWN_WINDOW_TOKENS).max(1);
    };
    let instructions = if asked.has_tools { TOOL_INSTRUCTION_TOKENS } else { 0 };
    let shown =
        asked.text_bytes.saturating_add(attached).saturating_add(TEMPLATE_TOKENS + instructions);
    // A vendor cuts or refuses an attachment that fills a window of the largest size.
    let most = window
        .or((!asked.attachments.is_empty()).then_some(UNKNOWN_WINDOW_TOKENS.max(asked.text_bytes)));
    shown.min(most.unwrap_or(u64::MAX))
}

/// `None` where only the window bounds it.
fn attachment_tokens(entry: &CatalogueEntry, attachment: &Attachment) -> Option<u64> {
    match attachment {
        Attachment::Image(size) => image_tokens(entry, *size),
        Attachment::Document(DocumentExtent { pages: 0, text_bytes }) => {
            Some(text_bytes.saturating_add(TOKENS_AROUND_DOCUMENT))
        }
        Attachment::Document(DocumentExtent { pages, text_bytes }) => {
            let around = page_tokens(entry)?.saturating_add(TOKENS_AROUND_PAGE);
            Some(
                pages
                    .saturating_mul(around)
                    .saturating_add(*text_bytes)
                    .saturating_add(TOKENS_AROUND_DOCUMENT),
            )
        }
        Attachment::Unmeasured(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::tests::entry;
    use ainfera_schema::{PixelSize, ProviderKind, Unmeasured};

    const HELLO: CallSize<'static> = CallSize {
        text_bytes: 300,
        attachments: &[],
        has_tools: false,
        reads_beyond_body: false,
        max_output_tokens: 1_000,
        caches_for_an_hour: false,
        tool_uses: ToolUses::NONE,
        service: RequestedService {
            tier: ainfera_schema::RequestedTier::Unsaid,
            fast: false,
            us_only: false,
        },
    };

    fn of(kind: ProviderKind, window: Option<u64>, asked: CallSize<'_>) -> u64 {
        let mut entry = entry("m", kind, "0.5", "1", "1");
        entry.model.context_window = window;
        bounds_at(&entry, &asked).input_tokens
    }

    #[test]
    fn text_is_bounded_by_its_bytes_and_never_above_the_window() {
        assert_eq!(of(ProviderKind::Anthropic, None, HELLO), 556);
        assert_eq!(of(ProviderKind::Anthropic, None, CallSize { has_tools: true, ..HELLO }), 1_580);
        assert_eq!(of(ProviderKind::Anthropic, Some(200), HELLO), 200);
        assert_eq!(
            of(ProviderKind::Anthropic, None, CallSize { text_bytes: u64::MAX, ..HELLO }),
            u64::MAX
        );
    }

    #[test]
    fn an_image_is_bounded_by_its_size_by_the_vendors_rule_or_by_the_window() {
        let small = Attachment::Image(Some(PixelSize { width: 280, height: 280 }));
        let two = CallSize { attachments: &[small, Attachment::Image(None)], ..HELLO };
        assert_eq!(of(ProviderKind::Anthropic, None, two), 556 + 105 + 4_784);
        assert_eq!(of(ProviderKind::Together, Some(131_072), two), 131_072);
        assert_eq!(of(ProviderKind::Together, None, two), UNKNOWN_WINDOW_TOKENS);
    }

    #[test]
    fn a_document_is_bounded_by_its_pages_and_their_text() {
        let document =
            |pages, text_bytes| Attachment::Document(DocumentExtent { pages, text_bytes });
        let with = |kind, one| of(kind, None, CallSize { attachments: &[one], ..HELLO });
        assert_eq!(
            with(ProviderKind::Anthropic, document(3, 9_000)),
            556 + 1_024 + 3 * (4_784 + 64) + 9_000
        );
        assert_eq!(
            with(ProviderKind::Gemini, document(3, 9_000)),
            556 + 1_024 + 3 * (2_240 + 64) + 9_000
        );
        assert_eq!(with(ProviderKind::Together, document(3, 9_000)), UNKNOWN_WINDOW_TOKENS);
        assert_eq!(
            with(ProviderKind::Together, document(0, 9_000)),
            556 + 1_024 + 9_000,
            "plain text"
        );
        assert_eq!(with(ProviderKind::Anthropic, document(u64::MAX, 1)), UNKNOWN_WINDOW_TOKENS);
    }

    #[test]
    fn what_the_body_does_not_show_fills_the_window() {
        let elsewhere = [Attachment::Unmeasured(Unmeasured::Elsewhere)];
        for asked in [
            CallSize { reads_beyond_body: true, ..HELLO },
            CallSize { attachments: &elsewhere, ..HELLO },
        ] {
            assert_eq!(of(ProviderKind::Anthropic, Some(200_000), asked), 200_000);
            assert_eq!(of(ProviderKind::Anthropic, None, asked), UNKNOWN_WINDOW_TOKENS);
        }
    }

    #[test]
    fn no_more_output_is_reserved_than_the_model_can_make() {
        let mut entry = entry("m", ProviderKind::Openai, "0.5", "1", "1");
        entry.model.max_output_tokens = Some(400);
        assert_eq!(bounds_at(&entry, &HELLO).output_tokens, 400);
    }
}
