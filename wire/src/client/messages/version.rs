//! What a version of the API refuses that earlier ones took.

use crate::error::bad_request::BadRequest;
use crate::request::content::Block;
use crate::request::{Request, Role};

/// The version that removed sampling parameters.
const WITHOUT_SAMPLING: &str = "2026-10-21";

/// Refuses what the version that the client named refuses. Without one, nothing more than always:
/// agents that leave the header out exist.
pub(crate) fn check(version: Option<&str>, request: &Request) -> Result<(), BadRequest> {
    if version != Some(WITHOUT_SAMPLING) {
        return Ok(());
    }
    let refused = |field: String, what: &str| {
        Err(BadRequest::new(
            field,
            format!("{what} is not permitted with anthropic-version {WITHOUT_SAMPLING}"),
        ))
    };
    for (name, value) in [
        ("temperature", &request.temperature),
        ("top_p", &request.top_p),
        ("top_k", &request.top_k),
    ] {
        if value.is_some() {
            return refused(name.to_owned(), "this field");
        }
    }
    for (turn_index, turn) in request.turns.iter().enumerate() {
        for (index, block) in turn.blocks.iter().enumerate() {
            let path = || format!("messages.{turn_index}.content.{index}");
            match (turn.role, block) {
                (Role::Assistant, Block::Document { .. }) => {
                    return refused(path(), "a document in an assistant message");
                }
                (Role::User, block) if has_cited_text(block) => {
                    return refused(
                        format!("{}.citations", path()),
                        "text with citations in a user message",
                    );
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn has_cited_text(block: &Block) -> bool {
    match block {
        Block::Text { extras, .. } => extras.citations,
        Block::SearchResult { content, .. } => content.iter().any(has_cited_text),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    type Edit = Box<dyn Fn(&mut Value)>;

    fn checked(version: Option<&str>, edit: impl FnOnce(&mut Value)) -> Result<(), String> {
        let mut body =
            json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]});
        edit(&mut body);
        check(version, &Request::parse(&body.to_string().into()).unwrap().0)
            .map_err(|bad| bad.to_string())
    }

    #[test]
    fn the_newer_version_refuses_what_it_removed_and_the_older_takes_it() {
        let cited =
            json!([{"type": "text", "text": "x", "citations": [{"type": "char_location"}]}]);
        let found =
            json!([{"type": "search_result", "source": "s", "title": "t", "content": cited}]);
        let document = json!([{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}]);
        let edits: [(&str, Edit); 6] = [
            ("temperature: this field", Box::new(|body| body["temperature"] = json!(1))),
            ("top_p: this field", Box::new(|body| body["top_p"] = json!(1))),
            ("top_k: this field", Box::new(|body| body["top_k"] = json!(1))),
            (
                "messages.1.content.0: a document in an assistant message",
                Box::new(move |body| {
                    body["messages"][1] = json!({"role": "assistant", "content": document})
                }),
            ),
            (
                "messages.0.content.0.citations: text with citations in a user message",
                Box::new(move |body| body["messages"][0]["content"] = cited.clone()),
            ),
            (
                "messages.0.content.0.citations: text with citations in a user message",
                Box::new(move |body| body["messages"][0]["content"] = found.clone()),
            ),
        ];
        for (what, edit) in edits {
            let edit = |body: &mut Value| {
                if body["messages"].as_array().is_some_and(|messages| messages.len() == 1) {
                    body["messages"]
                        .as_array_mut()
                        .unwrap()
                        .push(json!({"role": "assistant", "content": "x"}));
                }
                edit(body);
            };
            let expected = format!("{what} is not permitted with anthropic-version 2026-10-21");
            assert_eq!(checked(Some("2026-10-21"), edit), Err(expected));
            assert_eq!(checked(Some("2023-06-01"), edit), Ok(()));
            assert_eq!(checked(None, edit), Ok(()));
        }
        let uncited = json!([{"type": "text", "text": "x", "citations": []}]);
        assert_eq!(
            checked(Some("2026-10-21"), |body| body["messages"][0]["content"] = uncited),
            Ok(())
        );
    }
}
