//! Words in place of what a model refuses to be told otherwise.

/// In place of an answer that the caller began.
pub(crate) const CONTINUE: &str =
    "Continue your last message exactly where it ends. Do not repeat any of it.";

/// In place of a tool choice that demands a call.
pub(crate) fn must_call(tool: Option<&str>) -> String {
    match tool {
        Some(name) => format!("You must answer by calling the tool `{name}`."),
        None => "You must answer by calling one of the tools.".to_owned(),
    }
}
