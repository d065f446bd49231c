//! A Responses client's request as Anthropic's own API hears it.

use ainfera_schema::ProviderKind;

#[test]
fn requests() {
    crate::responses_client::requests("responses_to_anthropic", ProviderKind::Anthropic);
}
