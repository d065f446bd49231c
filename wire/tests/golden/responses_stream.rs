//! Streams of the Responses dialect, and what an Anthropic client hears of each.

#[test]
fn responses_streams_as_an_anthropic_client_hears_them() {
    super::streams_of("responses_stream", ainfera_schema::ProviderKind::OpenaiResponses);
}
