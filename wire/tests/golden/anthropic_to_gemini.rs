//! An Anthropic request as Gemini hears it.

#[test]
fn anthropic_requests_as_gemini_hears_them() {
    super::requests_heard_by("anthropic_to_gemini", ainfera_schema::ProviderKind::Gemini);
}
