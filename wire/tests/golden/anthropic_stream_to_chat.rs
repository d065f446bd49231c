//! Anthropic's streams as a Chat Completions client hears them, streamed and whole.

use ainfera_schema::ProviderKind;

#[test]
fn streams() {
    crate::chat_client::streams("anthropic_stream_to_chat", ProviderKind::Anthropic);
}
