//! The limit of an answer whose caller set none: what the router may write, and what is told of it.

use std::sync::Arc;

use crate::client::call::Call;
use crate::dialect::ClientDialect;
use crate::disclosure::coercion::{Change, Coercions};

/// The limit of a call that names none. Agents of this dialect often do not, and a call without a
/// limit has no highest price.
pub(crate) const DEFAULT_MAX_TOKENS: u64 = 16_384;

/// Who limits how long the answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputLimit {
    /// The caller.
    Said,
    /// Nobody: the gateway writes what it gives to such calls.
    Unsaid,
    /// The gateway, and less than that: there is no room or no money for more.
    Shortened,
}

impl Call {
    /// The same call with a shorter answer, where its caller set no limit.
    pub fn shortened(&self, most: u64) -> Self {
        if self.output_limit == OutputLimit::Said || most >= self.max_tokens {
            return self.clone();
        }
        let mut shortened = self.clone();
        Arc::make_mut(&mut shortened.request).max_tokens = most;
        shortened.max_tokens = most;
        shortened.output_limit = OutputLimit::Shortened;
        shortened
    }

    /// Names the limit under the caller's own word for it.
    pub(crate) fn name_shortened(&self, coercions: &mut Coercions) {
        if self.output_limit != OutputLimit::Shortened {
            return;
        }
        let name = match self.client.dialect() {
            ClientDialect::Responses => "max_output_tokens",
            ClientDialect::Chat => "max_completion_tokens",
            ClientDialect::Gemini => "generationConfig.maxOutputTokens",
            ClientDialect::Messages | ClientDialect::Inference => "max_tokens",
        };
        coercions.add(name, Change::Added(self.max_tokens.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::call::ClientHeaders;
    use bytes::Bytes;

    fn chat(limit: &str) -> Call {
        let body =
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}]{limit}}}"#);
        Call::from_chat(Bytes::from(body), ClientHeaders::default(), &|_| 1).unwrap()
    }

    #[test]
    fn only_an_answer_without_a_limit_of_the_caller_is_shortened() {
        let unsaid = chat("");
        let shortened = unsaid.shortened(900);
        assert_eq!(
            (unsaid.output_limit, shortened.output_limit, shortened.max_tokens),
            (OutputLimit::Unsaid, OutputLimit::Shortened, 900)
        );
        assert_eq!((shortened.request.max_tokens, unsaid.request.max_tokens), (900, 16_384));
        assert_eq!(unsaid.shortened(1 << 40).output_limit, OutputLimit::Unsaid);
        let said = chat(r#","max_completion_tokens":5000"#);
        assert_eq!((said.output_limit, said.shortened(900).max_tokens), (OutputLimit::Said, 5_000));
        let mut coercions = Coercions::default();
        shortened.name_shortened(&mut coercions);
        assert_eq!(coercions.texts(), ["max_completion_tokens=added:900"]);
    }
}
