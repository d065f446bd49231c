//! A Chat Completions client's request as a vendor of its own dialect hears it.

use ainfera_schema::ProviderKind;

#[test]
fn requests() {
    crate::chat_client::requests("chat_to_chat", ProviderKind::Openai);
}
