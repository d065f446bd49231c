//! How many pages a PDF has, and how much text they can hold at most.
//!
//! The file is not believed. A reader may find an object by the table at the end of the file, by
//! another table that an update left there, or by searching for it; so every definition of an
//! object that stands anywhere in the file counts, and where two disagree the larger does. Pages
//! are those that the page tree leads to. Their text is bounded by the bytes of the strings that
//! they show, by what a character map or the name of a glyph may make of one byte, and by how often
//! a form is drawn. What cannot be followed (an encryption, an unknown filter, a page that stands
//! in the tree twice) leaves the file uncounted.

mod content;
mod filters;
mod glyphs;
mod lexer;
mod objects;
#[cfg(test)]
mod tests;
mod tree;
mod value;

use ainfera_schema::DocumentExtent;

use objects::Objects;

/// The most that is unpacked of one file. More text than this fills any window.
const MOST_UNPACKED_BYTES: usize = 4 * 1024 * 1024;

/// A file is a PDF if it says so near its beginning.
const HEADER_WITHIN_BYTES: usize = 1_024;

pub(super) fn is_pdf(file: &[u8]) -> bool {
    let head = file.get(..HEADER_WITHIN_BYTES).unwrap_or(file);
    memchr::memmem::find(head, b"%PDF-").is_some()
}

/// `None` where the file cannot be followed.
pub(super) fn extent(file: &[u8]) -> Option<DocumentExtent> {
    if !is_pdf(file) || memchr::memmem::find(file, b"/Encrypt").is_some() {
        return None;
    }
    let objects = Objects::find(file)?;
    let pages = tree::pages(&objects)?;
    if pages.leaves.is_empty() {
        return without_tree(file, &objects);
    }
    let text_bytes = content::most_text(&objects, &pages.leaves)?;
    Some(DocumentExtent { pages: pages.count, text_bytes })
}

/// A reader that mends the file may take any object for a page. Without streams there is no text
/// but what stands in the file as it is.
fn without_tree(file: &[u8], objects: &Objects<'_>) -> Option<DocumentExtent> {
    let has_streams = memchr::memmem::find(file, b"stream").is_some();
    let (pages, text_bytes) = (objects.count() as u64, file.len() as u64);
    (!has_streams && pages > 0).then_some(DocumentExtent { pages, text_bytes })
}
