//! A Responses client's request as a vendor of its own dialect hears it.

use ainfera_schema::ProviderKind;

#[test]
fn requests() {
    crate::responses_client::requests("responses_to_responses", ProviderKind::OpenaiResponses);
}
