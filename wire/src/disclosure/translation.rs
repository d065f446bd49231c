//! What was done to a client's request on its way into the form that providers are written from.

use crate::disclosure::coercion::Coercions;
use crate::disclosure::source_map::SourceMap;
use crate::error::bad_request::BadRequest;

/// What is to be known of the way from the caller's dialect to Anthropic's form.
#[derive(Debug, Clone, Default)]
pub struct Translation {
    pub lost: Coercions,
    pub source_map: SourceMap,
    /// What only a provider of the caller's dialect can be asked.
    pub native_only: Option<BadRequest>,
    /// That of it which refers to what one provider keeps.
    pub kept: Option<BadRequest>,
}
