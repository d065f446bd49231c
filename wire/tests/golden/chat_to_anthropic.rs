//! A Chat Completions client's request as Anthropic's own API hears it.

use ainfera_schema::ProviderKind;

#[test]
fn requests() {
    crate::chat_client::requests("chat_to_anthropic", ProviderKind::Anthropic);
}
