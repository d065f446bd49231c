//! Names what the typed request says and Anthropic's dialect cannot.

use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::provider::lossy::{report_detail, report_schema_label};
use crate::request::Request;
use crate::request::content::Block;

pub(super) fn report_unsaid(request: &Request, coercions: &mut Coercions) {
    for setting in &request.settings {
        coercions.add(setting.kind.path(), Change::Dropped(Reason::NoEquivalent));
    }
    if let Some(output) = &request.output_config {
        report_schema_label(output, coercions);
    }
    for (index, turn) in request.turns.iter().enumerate() {
        report_details(&turn.blocks, &format!("messages.{index}.content"), coercions);
    }
}

fn report_details(blocks: &[Block], path: &str, coercions: &mut Coercions) {
    for (index, block) in blocks.iter().enumerate() {
        match block {
            Block::Image { extras, .. } => {
                report_detail(extras, &format!("{path}.{index}"), coercions);
            }
            Block::ToolResult { content, .. } => {
                report_details(content, &format!("{path}.{index}.content"), coercions);
            }
            _ => {}
        }
    }
}
