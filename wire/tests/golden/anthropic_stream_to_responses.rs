//! Anthropic's streams as a Responses client hears them, streamed and whole.

use ainfera_schema::ProviderKind;

#[test]
fn streams() {
    crate::responses_client::streams("anthropic_stream_to_responses", ProviderKind::Anthropic);
}
