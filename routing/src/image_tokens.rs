//! The most tokens that vendors take for an image, by their published rules.
//!
//! Looked up on 2026-11-30 unless it says otherwise:
//!
//! - Anthropic, platform.claude.com/docs/en/build-with-claude/vision: a token for each patch of 28
//!   by 28 pixels; larger images are resized to 4,784 patches and 2,576 pixels, or for models
//!   before Opus 4.7 to 1,568 patches and pixels; width times height by 750 was the rule before.
//! - OpenAI, developers.openai.com/api/docs/guides/images-vision: patches of 32 by 32 pixels, times
//!   a factor of the model (1.62 for mini, 1.72 for o4-mini, 2.46 for nano); or tiles: 85 and 170
//!   for each of at most 8, 33 times as many for gpt-4o-mini. That `detail` `original` takes up to
//!   10,000 patches is not verified.
//! - Google, ai.google.dev/gemini-api/docs/media-resolution: 1,120 for an image with Gemini 3, up
//!   to 2,240 when more is asked for; before, 258 for each tile.
//! - Mistral, mistralai.github.io/mistral-common/usage/images: a token for each patch of 28 by 28
//!   pixels up to 1,540 a side, and one at the end of each row; Pixtral 16 by 16 up to 1,024.
//! - xAI: 256 for each of at most 6 tiles of 448 pixels and once more (docs.x.ai, not verified).

use ainfera_schema::{PixelSize, ProviderKind};

use crate::catalogue::CatalogueEntry;

/// The most that the image comes to, whichever way it is turned. `None` where no rule is published.
pub fn image_tokens(entry: &CatalogueEntry, size: Option<PixelSize>) -> Option<u64> {
    let name = entry.model.upstream_name.as_str();
    let patches = |side: u64| size.map(|size| patches(size, side));
    let at_most =
        |most: u64, counted: Option<u64>| Some(counted.map_or(most, |counted| counted.min(most)));
    match entry.kind {
        ProviderKind::Anthropic | ProviderKind::Mock => {
            at_most(anthropic_most(name), size.map(anthropic))
        }
        ProviderKind::Openai | ProviderKind::OpenaiResponses | ProviderKind::Azure
            if name.contains("4o-mini") =>
        {
            Some(OPENAI_MOST_TILES * 5_667 + 2_833)
        }
        ProviderKind::Openai | ProviderKind::OpenaiResponses | ProviderKind::Azure => {
            let counted = at_most(OPENAI_MOST_PATCHES, patches(32))?;
            let factor = if name.contains("nano") { 246 } else { 172 };
            Some((counted * factor).div_ceil(100).max(OPENAI_MOST_TILES * 170 + 85))
        }
        ProviderKind::Gemini | ProviderKind::GeminiCompatible if is_tiled_gemini(name) => {
            size.map(|size| 258 * gemini_tiles(size).max(8))
        }
        ProviderKind::Gemini | ProviderKind::GeminiCompatible => Some(2_240),
        ProviderKind::Mistral if name.contains("pixtral") => {
            at_most(64 * 65, size.map(|size| with_row_ends(size, 16)))
        }
        ProviderKind::Mistral => at_most(55 * 56, size.map(|size| with_row_ends(size, 28))),
        ProviderKind::Xai => at_most(7 * 256, patches(448).map(|tiles| (tiles + 1) * 256)),
        ProviderKind::Groq
        | ProviderKind::Together
        | ProviderKind::Deepseek
        | ProviderKind::Openrouter
        | ProviderKind::Zai
        | ProviderKind::Moonshot
        | ProviderKind::Cerebras
        | ProviderKind::Fireworks
        | ProviderKind::Minimax
        | ProviderKind::Alibaba
        | ProviderKind::OpenaiCompatible => None,
    }
}

/// The most that a page of a document comes to as an image. `None` where the vendor says nothing of
/// documents.
pub fn page_tokens(entry: &CatalogueEntry) -> Option<u64> {
    match entry.kind {
        ProviderKind::Anthropic
        | ProviderKind::Mock
        | ProviderKind::Openai
        | ProviderKind::OpenaiResponses
        | ProviderKind::Azure
        | ProviderKind::Gemini
        | ProviderKind::GeminiCompatible => image_tokens(entry, None),
        _ => None,
    }
}

const OPENAI_MOST_PATCHES: u64 = 10_000;
const OPENAI_MOST_TILES: u64 = 8;

/// Models that resize to 1,568 patches. A name that is not known takes the larger images.
const ANTHROPIC_SMALL_IMAGES: [&str; 9] = [
    "claude-3",
    "claude-haiku-4-5",
    "claude-sonnet-4-0",
    "claude-sonnet-4-2",
    "claude-sonnet-4-5",
    "claude-sonnet-4-6",
    "claude-opus-4-1",
    "claude-opus-4-5",
    "claude-opus-4-6",
];

fn anthropic_most(name: &str) -> u64 {
    let resizes_further = ANTHROPIC_SMALL_IMAGES.iter().any(|small| name.starts_with(small));
    // The older rule's result for its largest image.
    if resizes_further { 1_640 } else { 4_784 }
}

/// Of the rule and the one before it the larger.
fn anthropic(size: PixelSize) -> u64 {
    let by_area = (u64::from(size.width) * u64::from(size.height)).div_ceil(750);
    patches(size, 28).max(by_area)
}

fn patches(size: PixelSize, side: u64) -> u64 {
    u64::from(size.width).div_ceil(side) * u64::from(size.height).div_ceil(side)
}

fn with_row_ends(size: PixelSize, side: u64) -> u64 {
    let longer = u64::from(size.width.max(size.height)).div_ceil(side);
    patches(size, side) + longer
}

fn is_tiled_gemini(name: &str) -> bool {
    ["gemini-1", "gemini-2"].iter().any(|series| name.contains(series))
}

/// Tiles of a side of two thirds of the shorter one, of 256 to 768 pixels.
fn gemini_tiles(size: PixelSize) -> u64 {
    let shorter = u64::from(size.width.min(size.height));
    patches(size, (shorter * 2 / 3).clamp(256, 768))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::tests::entry;

    fn tokens(kind: ProviderKind, name: &str, sides: Option<(u32, u32)>) -> Option<u64> {
        let mut entry = entry("m", kind, "0.5", "1", "1");
        entry.model.upstream_name = name.to_owned();
        image_tokens(&entry, sides.map(|(width, height)| PixelSize { width, height }))
    }

    #[test]
    fn an_image_of_a_known_size_comes_to_what_the_vendor_publishes() {
        for (kind, name, sides, expected) in [
            // The examples of the vendors' pages, or the figure of an older rule that takes more.
            (ProviderKind::Anthropic, "claude-haiku-4-5", (200, 200), 64),
            (ProviderKind::Anthropic, "claude-haiku-4-5", (1_092, 1_092), 1_590),
            (ProviderKind::Anthropic, "claude-haiku-4-5", (8_000, 8_000), 1_640),
            (ProviderKind::Anthropic, "claude-opus-4-7", (8_000, 8_000), 4_784),
            (ProviderKind::Openai, "gpt-4.1-mini", (1_024, 1_024), 1_762),
            (ProviderKind::Openai, "gpt-4.1-nano", (1_024, 1_024), 2_520),
            (ProviderKind::Openai, "gpt-4o", (2_048, 768), 2_642),
            (ProviderKind::Openai, "gpt-4o", (10, 10), 1_445),
            (ProviderKind::Openai, "gpt-4o-mini", (10, 10), 48_169),
            (ProviderKind::Gemini, "gemini-2.5-flash", (8_000, 8_000), 258 * 121),
            (ProviderKind::Mistral, "mistral-large-2512", (1_540, 1_540), 3_080),
            (ProviderKind::Xai, "grok-4", (448, 448), 512),
        ] {
            assert_eq!(
                tokens(kind, name, Some(sides)),
                Some(expected),
                "{kind:?} {name} {sides:?}"
            );
            assert_eq!(tokens(kind, name, Some((sides.1, sides.0))), Some(expected), "turned");
        }
    }

    #[test]
    fn an_image_of_an_unknown_size_is_taken_for_the_largest() {
        for kind in ProviderKind::ALL {
            let Some(largest) = tokens(kind, "m", None) else { continue };
            for sides in [(1, 1), (1_000, 700), (20_000, 3), (30_000, 30_000)] {
                assert!(tokens(kind, "m", Some(sides)).unwrap() <= largest, "{kind:?} {sides:?}");
            }
        }
        assert_eq!(tokens(ProviderKind::Gemini, "gemini-2.5-flash", None), None);
        assert_eq!(tokens(ProviderKind::Together, "m", Some((1, 1))), None);
    }
}
