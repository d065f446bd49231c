//! The parts of an item's `content` or `output`.

use serde_json::Value;

use crate::client::openai::turns::{self, PlacedBlock, text_block};
use crate::client::translation::{RequestTranslation, source};
use crate::codec::node::{Object, Path};
use crate::disclosure::coercion::{Change, Reason};
use crate::error::bad_request::BadRequest;
use crate::request::content::{Block, BlockExtras};

pub(super) const KEPT_FILE: &str = "a file that is kept at a provider can only be read there";

/// The blocks of one `content`.
pub(super) fn parts(
    content: Value,
    path: Path<'_>,
    translation: &mut RequestTranslation,
) -> Result<Vec<PlacedBlock>, BadRequest> {
    turns::parts(content, path, block, translation)
}

fn block(
    mut part: Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<Option<PlacedBlock>, BadRequest> {
    let kind = part.text("type")?;
    let block = match &*kind {
        "input_text" | "output_text" | "text" => said(&mut part, "text", translation)?,
        "refusal" => said(&mut part, "refusal", translation)?,
        "input_image" => match part.optional_text("image_url")? {
            Some(url) => Some(image(&mut part, &url)?),
            None => {
                translation.only_by_its_keeper(part.at("file_id"), KEPT_FILE);
                return Ok(None);
            }
        },
        "input_file" => match file(&mut part)? {
            Some(file) => Some(file),
            None => {
                translation.only_by_its_keeper(part.at("file_id"), KEPT_FILE);
                return Ok(None);
            }
        },
        _ => {
            translation.only_natively(
                part.at("type"),
                "only a provider of this dialect may know this type of part",
            );
            return Ok(None);
        }
    };
    translation.drop_left(&part, Reason::Unknown);
    Ok(block)
}

fn said(
    part: &mut Object<'_>,
    member: &str,
    translation: &mut RequestTranslation,
) -> Result<Option<PlacedBlock>, BadRequest> {
    let said = part.text(member)?;
    // what the model itself was shown to have said besides its words
    for name in ["annotations", "logprobs"] {
        let besides = part.take(name);
        if besides.is_some_and(|value| value.as_array().is_some_and(|list| !list.is_empty())) {
            translation.drop(part.at(name), Reason::NoEquivalent);
        }
    }
    if member == "refusal" && !said.is_empty() {
        translation.lost.add(part.path.to_string(), Change::Moved("text"));
    }
    Ok(text_block(said, part.path, translation))
}

pub(super) fn image(part: &mut Object<'_>, url: &str) -> Result<PlacedBlock, BadRequest> {
    // what Responses clients always say, says nothing
    let detail = part.optional_text("detail")?.filter(|detail| &**detail != "auto");
    let source = source(url, part.path.member("image_url"))?;
    let extras = BlockExtras { detail, ..BlockExtras::default() };
    let block = PlacedBlock::new(Block::Image { source, extras }, part.path.to_string());
    Ok(block.with_source(&part.at("image_url")).with("detail", part.at("detail")))
}

/// A file with its bytes or its address; nothing for one that is only named.
fn file(part: &mut Object<'_>) -> Result<Option<PlacedBlock>, BadRequest> {
    let (data, url) = (part.optional_text("file_data")?, part.optional_text("file_url")?);
    let (member, said) = match (data, url) {
        (Some(data), _) => ("file_data", data),
        (None, Some(url)) => ("file_url", url),
        (None, None) => return Ok(None),
    };
    let source = source(&said, part.path.member(member))?;
    let title = part.optional_text("filename")?;
    let is_named = title.is_some();
    let block = Block::Document { source, title, context: None, extras: BlockExtras::default() };
    let block = PlacedBlock::new(block, part.path.to_string()).with_source(&part.at(member));
    Ok(Some(if is_named { block.with("title", part.at("filename")) } else { block }))
}
