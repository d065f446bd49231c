//! A Responses client's request as a Chat Completions vendor hears it.

use ainfera_schema::ProviderKind;

#[test]
fn requests() {
    crate::responses_client::requests("responses_to_chat", ProviderKind::OpenaiCompatible);
}
