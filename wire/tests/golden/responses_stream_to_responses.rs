//! Responses streams as a client of that dialect hears them, streamed and whole: as they came, but for the model's name.

use ainfera_schema::ProviderKind;

#[test]
fn streams() {
    crate::responses_client::streams("responses_stream_to_responses", ProviderKind::OpenaiResponses);
}
