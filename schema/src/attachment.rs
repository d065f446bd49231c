//! What of a call's attachments can be known from their bytes: the ground for a bound on what they
//! cost.

/// An image or a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attachment {
    /// `None`: its size cannot be read, or its bytes are not in hand.
    Image(Option<PixelSize>),
    Document(DocumentExtent),
    /// Its bytes are not in hand, or say nothing that a bound could rest on.
    Unmeasured(Unmeasured),
}

/// The width and height that a decoder makes of an image, in pixels. Which is which does not
/// matter: a photograph may be turned before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelSize {
    pub width: u32,
    pub height: u32,
}

/// The most that a document holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentExtent {
    /// Each is shown as an image beside its text.
    pub pages: u64,
    /// Of the text of all its pages, in UTF-8.
    pub text_bytes: u64,
}

/// Why nothing is known of an attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unmeasured {
    /// It lies somewhere else: behind a URL, or at the vendor under an id.
    Elsewhere,
    /// It is no document whose pages can be counted: encrypted, malformed, or of another format.
    Uncountable,
    /// A block of the vendor's own, or one that is newer than this program, which may have a file
    /// inside.
    Unread,
}

impl Unmeasured {
    pub fn as_str(self) -> &'static str {
        match self {
            Unmeasured::Elsewhere => "an attachment by URL or id is read at the vendor",
            Unmeasured::Uncountable => "the pages of a document cannot be counted",
            Unmeasured::Unread => "a block may have a file inside that is not read here",
        }
    }
}
