//! A pinned model: the caller chose, so no floor and no ranking; but what it cannot do, and what
//! nobody knows the price of, is refused.

use ainfera_schema::ModelSlug;

use crate::catalogue::Catalogue;
use crate::decide::DropReason;
use crate::plan::Needs;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PinRefusal {
    #[error("model is not in the catalogue")]
    Unknown,
    #[error("model has no price")]
    NoPrice,
    #[error("model does not take tools")]
    ToolsNotSupported,
    #[error("provider does not run server tools")]
    ServerToolsNotSupported,
}

/// The position of the pinned model in the catalogue. Neither prior nor permission is asked: those
/// are about routing. A price of zero is a price here, for a self-hosted model may be free.
pub fn pin(catalogue: &Catalogue, slug: &ModelSlug, needs: &Needs) -> Result<usize, PinRefusal> {
    let index = catalogue.position(slug.as_str()).ok_or(PinRefusal::Unknown)?;
    let entry = catalogue.get(index).ok_or(PinRefusal::Unknown)?;
    if entry.model.price.is_none() {
        return Err(PinRefusal::NoPrice);
    }
    match needs.unmet_by_all(catalogue.deployments(index)) {
        None => Ok(index),
        Some(DropReason::ServerToolsNotSupported) => Err(PinRefusal::ServerToolsNotSupported),
        Some(_) => Err(PinRefusal::ToolsNotSupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::tests::five;

    const PLAIN: Needs =
        Needs { tools: false, anthropic_only: false, estimated_input_tokens: 1, max_tokens: 1 };

    #[test]
    fn neither_prior_nor_permission_is_asked() {
        let mut entries = five();
        entries[1].model.q_prior = None;
        entries[1].model.m_allowed = Some(false);
        let catalogue = Catalogue::new(entries).unwrap();
        assert_eq!(pin(&catalogue, &ModelSlug::new("gpt-5-5"), &PLAIN), Ok(1));
    }

    #[test]
    fn each_refusal_says_why() {
        let mut entries = five();
        entries[0].model.price = None;
        entries[1].model.supports_tools = false;
        let catalogue = Catalogue::new(entries).unwrap();
        let refusal =
            |slug: &str, needs: Needs| pin(&catalogue, &ModelSlug::new(slug), &needs).unwrap_err();
        let tools = Needs { tools: true, ..PLAIN };
        assert_eq!(refusal("gpt-5", PLAIN), PinRefusal::Unknown);
        assert_eq!(refusal("claude-opus-4-7", PLAIN), PinRefusal::NoPrice);
        assert_eq!(refusal("gpt-5-5", tools), PinRefusal::ToolsNotSupported);
        assert_eq!(
            refusal("grok-4", Needs { anthropic_only: true, ..tools }),
            PinRefusal::ServerToolsNotSupported
        );
    }
}
