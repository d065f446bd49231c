//! The dialects that a client may speak.

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientDialect {
    /// Anthropic's `POST /v1/messages`.
    Messages,
    /// OpenAI's `POST /v1/chat/completions`.
    Chat,
    /// OpenAI's `POST /v1/responses`.
    Responses,
    /// The flat `POST /v1/inference`.
    Inference,
    /// Google's `POST /v1beta/models/{model}:generateContent` and its like.
    Gemini,
}

impl ClientDialect {
    /// The dialect in which a request to this path is answered, also when it is refused.
    pub fn of_path(path: &str) -> Self {
        let is_gemini = path.starts_with("/v1beta/")
            || path.strip_prefix("/v1/models/").is_some_and(|rest| rest.contains(':'));
        if is_gemini {
            return ClientDialect::Gemini;
        }
        match path.strip_prefix("/v1/").map(|rest| rest.split('/').next().unwrap_or_default()) {
            Some("chat") => ClientDialect::Chat,
            Some("responses") => ClientDialect::Responses,
            Some("inference") => ClientDialect::Inference,
            Some(_) | None => ClientDialect::Messages,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_dialect() {
        for (path, dialect) in [
            ("/v1/messages", ClientDialect::Messages),
            ("/v1/messages/count_tokens", ClientDialect::Messages),
            ("/v1/chat/completions", ClientDialect::Chat),
            ("/v1/responses", ClientDialect::Responses),
            ("/v1/responses/resp_1", ClientDialect::Responses),
            ("/v1/inference", ClientDialect::Inference),
            ("/v1/inferences/1", ClientDialect::Messages),
            ("/elsewhere", ClientDialect::Messages),
            ("/v1beta/models", ClientDialect::Gemini),
            ("/v1beta/models/m:countTokens", ClientDialect::Gemini),
            ("/v1/models/m:streamGenerateContent", ClientDialect::Gemini),
            ("/v1/models/m", ClientDialect::Messages),
        ] {
            assert_eq!(ClientDialect::of_path(path), dialect, "{path}");
        }
    }
}
