//! Input items as they are written.

use std::borrow::Cow;

use serde::Serialize;

use crate::provider::written::{Arguments, FileUrl, Joined};

/// One item of the conversation.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Item<'r> {
    Message { role: &'static str, content: Vec<Part<'r>> },
    FunctionCall { call_id: String, name: String, arguments: Arguments<'r> },
    FunctionCallOutput { call_id: String, output: Output<'r> },
    Reasoning { summary: Vec<SummaryText<'r>>, encrypted_content: &'r str },
}

/// What a tool returned.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Output<'r> {
    Text(Joined<'r>),
    Parts(Vec<Part<'r>>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum SummaryText<'r> {
    SummaryText { text: &'r str },
}

/// One part of a message or of what a tool returned.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Part<'r> {
    OutputText {
        text: &'r str,
    },
    InputText {
        text: Joined<'r>,
    },
    InputImage {
        image_url: FileUrl<'r>,
        detail: &'r str,
    },
    InputFile {
        #[serde(skip_serializing_if = "Option::is_none")]
        filename: Option<&'r str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_data: Option<FileUrl<'r>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_url: Option<&'r str>,
    },
}

impl<'r> Part<'r> {
    /// Its text, as one piece.
    pub(crate) fn into_text(self) -> Option<Cow<'r, str>> {
        match self {
            Part::InputText { mut text } if text.pieces.len() == 1 => text.pieces.pop(),
            Part::InputText { text } => Some(Cow::Owned(text.to_string())),
            Part::OutputText { text } => Some(Cow::Borrowed(text)),
            Part::InputImage { .. } | Part::InputFile { .. } => None,
        }
    }
}
