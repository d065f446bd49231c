//! Chat Completions streams of every vendor as a client of that dialect hears them, streamed and whole: as they came, but for what it would stumble over.

use ainfera_schema::ProviderKind;

#[test]
fn streams() {
    crate::chat_client::streams("chat_stream_to_chat", ProviderKind::OpenaiCompatible);
}
