//! `streams`, of a provider or of one of its models.

use ainfera_schema::StreamMode;

use super::document::Section;

/// Left out: it streams.
pub fn read(section: &Section<'_>) -> StreamMode {
    match section.field("streams").and_then(|field| field.flag()) {
        Some(false) => StreamMode::Wrapped,
        Some(true) | None => StreamMode::Native,
    }
}
