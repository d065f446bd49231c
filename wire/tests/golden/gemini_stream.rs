//! Streams of Gemini, and what an Anthropic client hears of each.

#[test]
fn gemini_streams_as_an_anthropic_client_hears_them() {
    super::streams_of("gemini_stream", ainfera_schema::ProviderKind::Gemini);
}
