//! What a call can use at a candidate, and what is reserved for it.

use ainfera_routing::{CallSize, CatalogueEntry, bounds_at, output_within};
use ainfera_schema::{
    Bounds, PriceError, PriceSheet, RequestedService, RequestedTier, ToolUses, Usd,
};
use ainfera_wire::client::{Call, OutputLimit};
use ainfera_wire::provider::Dialect;

/// The bounds of the whole call at this candidate. Tools and tiers of the caller's dialect reach a
/// provider of that dialect alone.
pub(crate) fn bounds(call: &Call, entry: &CatalogueEntry) -> Bounds {
    let costs = &call.extra_costs;
    let is_native = is_native(call, entry);
    let asked = CallSize {
        text_bytes: call.text_bytes,
        attachments: &call.attachments,
        has_tools: call.has_tools,
        reads_beyond_body: costs.reads_beyond_body,
        max_output_tokens: call.max_tokens,
        caches_for_an_hour: call.caches_for_an_hour,
        tool_uses: if is_native { costs.uses(entry.unsaid.tool_uses) } else { ToolUses::NONE },
        service: service(call, entry),
    };
    let bounds = bounds_at(entry, &asked);
    match call.output_limit {
        OutputLimit::Said => bounds,
        OutputLimit::Unsaid | OutputLimit::Shortened => {
            let output_tokens = output_within(
                entry.model.context_window,
                bounds.input_tokens,
                bounds.output_tokens,
            );
            Bounds { output_tokens, ..bounds }
        }
    }
}

/// How the call is asked to be served at this candidate.
pub(crate) fn service(call: &Call, entry: &CatalogueEntry) -> RequestedService {
    let asked =
        if is_native(call, entry) { call.extra_costs.service } else { RequestedService::default() };
    match asked.tier {
        RequestedTier::Unsaid => RequestedService { tier: entry.unsaid.tier.asked(), ..asked },
        _ => asked,
    }
}

/// Uses that are billed although no answer counts them.
pub(crate) fn certain_uses(call: &Call, entry: &CatalogueEntry) -> ToolUses {
    if is_native(call, entry) { call.extra_costs.certain_uses } else { ToolUses::NONE }
}

/// What is reserved for so much output.
pub(crate) fn reservation(
    sheet: &PriceSheet,
    bounds: &Bounds,
    output_tokens: u64,
) -> Result<Usd, PriceError> {
    sheet.reservation(&Bounds { output_tokens: output_tokens.min(bounds.output_tokens), ..*bounds })
}

/// The member of the body whose price is not known.
pub(crate) fn field_without_price(error: &PriceError) -> &'static str {
    match error {
        PriceError::UnknownFee(_) => "tools",
        PriceError::UnknownTier(_) => "service_tier",
        PriceError::UnknownFastMode => "speed",
        PriceError::UnknownGeo => "inference_geo",
        PriceError::Money(_) => "max_tokens",
    }
}

fn is_native(call: &Call, entry: &CatalogueEntry) -> bool {
    Dialect::for_call(entry.kind, call, &entry.model).is_native_to(call.client.dialect())
}
