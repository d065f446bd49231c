//! What the bytes of an attachment say about how much of it there is. Only headers and structure
//! are read, nothing is drawn, and no file is believed: where it could be read in two ways, the
//! larger counts.

mod image_size;
mod pdf;

use ainfera_schema::{Attachment, DocumentExtent, Unmeasured};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// So much of an image is read. Its size stands at the front, behind what a camera writes there.
const IMAGE_HEAD_BASE64: usize = 512 * 1024;

/// A longer document is not counted: that would take longer than a call may wait.
const LONGEST_DOCUMENT_BASE64: usize = 32 * 1024 * 1024;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// An image whose bytes are in the body.
pub(crate) fn image(data: &str) -> Attachment {
    let head = data.as_bytes().get(..IMAGE_HEAD_BASE64).unwrap_or(data.as_bytes());
    Attachment::Image(BASE64.decode(head).ok().and_then(|bytes| image_size::read(&bytes)))
}

/// A document whose bytes are in the body.
pub(crate) fn document(media_type: &str, data: &str) -> Attachment {
    let uncountable = Attachment::Unmeasured(Unmeasured::Uncountable);
    if data.len() > LONGEST_DOCUMENT_BASE64 {
        return uncountable;
    }
    let Ok(bytes) = BASE64.decode(data) else { return uncountable };
    let is_text = media_type.starts_with("text/plain") && std::str::from_utf8(&bytes).is_ok();
    let extent = if is_text && !pdf::is_pdf(&bytes) {
        Some(DocumentExtent { pages: 0, text_bytes: bytes.len() as u64 })
    } else {
        pdf::extent(&bytes)
    };
    extent.map_or(uncountable, Attachment::Document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_document_is_not_measured() {
        let uncountable = Attachment::Unmeasured(Unmeasured::Uncountable);
        for data in ["", "no base64!", "UEsDBAoAAAAAAA=="] {
            assert_eq!(document("application/pdf", data), uncountable, "{data}");
        }
        let text = BASE64.encode("plain words");
        assert_eq!(
            document("text/plain", &text),
            Attachment::Document(DocumentExtent { pages: 0, text_bytes: 11 })
        );
        assert_eq!(
            document("text/csv", &text),
            uncountable,
            "a vendor adds to a table what it finds in it"
        );
    }

    #[test]
    fn an_image_without_a_header_has_no_size() {
        for data in ["", "no base64!", "UEsDBAoAAAAAAA=="] {
            assert_eq!(image(data), Attachment::Image(None), "{data}");
        }
    }
}
