//! Contents as they are written.

use serde::Serialize;

use crate::codec::raw_json::RawJson;
use crate::provider::written::Joined;

/// What one side says in a row.
#[derive(Debug, Serialize)]
pub(crate) struct Content<'r> {
    pub role: &'static str,
    pub parts: Vec<Part<'r>>,
}

/// One part: it has one of the members up to `file_data`.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Part<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Joined<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_call: Option<FunctionCall<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_response: Option<Box<FunctionResponse<'r>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inline_data: Option<InlineData<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_data: Option<FileData<'r>>,
    /// The text is a thought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thought: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thought_signature: Option<&'r str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct FunctionCall<'r> {
    pub id: &'r str,
    pub name: String,
    pub args: &'r RawJson,
}

#[derive(Debug, Serialize)]
pub(crate) struct FunctionResponse<'r> {
    pub id: &'r str,
    pub name: String,
    pub response: Returned<'r>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part<'r>>,
}

/// What a function returned.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Returned<'r> {
    Output(Joined<'r>),
    Error(Joined<'r>),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InlineData<'r> {
    pub mime_type: &'r str,
    pub data: &'r str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileData<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<&'static str>,
    pub file_uri: &'r str,
}

impl<'r> Part<'r> {
    pub(crate) fn text(text: Joined<'r>) -> Self {
        Self { text: Some(text), ..Self::default() }
    }
}
