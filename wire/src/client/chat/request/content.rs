//! The parts of a message's `content`.

use serde_json::{Value, json};

use crate::client::openai::turns::{self, PlacedBlock, text_block};
use crate::client::translation::{RequestTranslation, source};
use crate::codec::node::{Object, Path};
use crate::codec::raw_json::RawJson;
use crate::disclosure::coercion::{Change, Reason};
use crate::error::bad_request::BadRequest;
use crate::request::content::{Block, BlockExtras};

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
        "text" | "refusal" => {
            let said = part.text(&kind)?;
            if *kind == *"refusal" && !said.is_empty() {
                translation.lost.add(part.path.to_string(), Change::Moved("text"));
            }
            text_block(said, part.path, translation)
        }
        "image_url" => {
            let path = part.path;
            let mut image = Object::read(part.required("image_url")?, path.member("image_url"))?;
            let url = image.text("url")?;
            let detail = image.optional_text("detail")?;
            translation.drop_left(&image, Reason::Unknown);
            let source = source(&url, image.path.member("url"))?;
            let extras = BlockExtras { detail, ..BlockExtras::default() };
            let block = PlacedBlock::new(Block::Image { source, extras }, path.to_string());
            Some(block.with_source(&image.at("url")).with("detail", image.at("detail")))
        }
        "file" => file(&mut part, translation)?,
        _ => {
            translation.only_natively(
                part.at("type"),
                "only a provider of this dialect may know this type of part",
            );
            return Ok(None);
        }
    };
    let block = block.map(|block| with_cache_mark(block, &mut part, translation));
    translation.drop_left(&part, Reason::Unknown);
    Ok(block)
}

/// Where the prompt may be cached: in Anthropic's own words, as clients of other gateways say it,
/// or in OpenAI's.
fn with_cache_mark(
    mut block: PlacedBlock,
    part: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> PlacedBlock {
    let (control, breakpoint) = (part.take("cache_control"), part.take("prompt_cache_breakpoint"));
    let from = part.at("prompt_cache_breakpoint");
    let control = match (control, breakpoint) {
        (Some(control), breakpoint) => {
            if breakpoint.is_some() {
                translation.drop(from, Reason::Empty);
            }
            control
        }
        (None, Some(_)) => {
            block = block.with("cache_control", from);
            json!({"type": "ephemeral"})
        }
        (None, None) => return block,
    };
    if let Some(extras) = block.block.extras_mut() {
        extras.cache_control = Some(RawJson::Value(control));
    }
    block
}

fn file(
    part: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<Option<PlacedBlock>, BadRequest> {
    let path = part.path;
    let mut file = Object::read(part.required("file")?, path.member("file"))?;
    let Some(data) = file.optional_text("file_data")? else {
        translation.only_by_its_keeper(
            file.at("file_id"),
            "a file that is kept at a provider can only be read there",
        );
        return Ok(None);
    };
    let source = source(&data, file.path.member("file_data"))?;
    let title = file.optional_text("filename")?;
    let is_named = title.is_some();
    let block = Block::Document { source, title, context: None, extras: BlockExtras::default() };
    let block = PlacedBlock::new(block, path.to_string()).with_source(&file.at("file_data"));
    translation.drop_left(&file, Reason::Unknown);
    Ok(Some(if is_named { block.with("title", file.at("filename")) } else { block }))
}
