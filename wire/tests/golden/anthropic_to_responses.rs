//! An Anthropic request as a provider of the Responses dialect hears it.

#[test]
fn anthropic_requests_as_a_responses_provider_hears_them() {
    super::requests_heard_by("anthropic_to_responses", ainfera_schema::ProviderKind::OpenaiResponses);
}
