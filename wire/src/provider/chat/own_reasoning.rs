//! Reasoning that goes back to whoever thought it. Vendors of this dialect sign nothing, so the
//! mark that the client keeps says whose the reasoning is and in which member it came: under that
//! one it goes back.
//!
//! A vendor that hosts one maker's models is known by its issuer alone; at others the models' maker
//! counts too, for what one maker's model thought is of no use to another's.

use bytestring::ByteString;

use crate::signature::{self, Issuer, marked};

/// In which member reasoning came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReasoningMember {
    ReasoningContent,
    Reasoning,
    /// `reasoning_details`: parts with signatures and encrypted data.
    Details,
}

impl ReasoningMember {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            ReasoningMember::ReasoningContent => "reasoning_content",
            ReasoningMember::Reasoning => "reasoning",
            ReasoningMember::Details => "reasoning_details",
        }
    }
}

const MEMBERS: [ReasoningMember; 3] =
    [ReasoningMember::ReasoningContent, ReasoningMember::Reasoning, ReasoningMember::Details];

/// Whose reasoning it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReasoningOwner {
    issuer: Issuer,
    /// Empty where the issuer hosts one maker's models.
    maker: ByteString,
}

/// Reasoning that belongs to who gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GivenBack<'s> {
    /// Text, under this member.
    Text(ReasoningMember),
    /// A list of `reasoning_details` as JSON.
    Details(&'s str),
}

impl ReasoningOwner {
    /// Many hosts name the maker before the model: `moonshotai/Kimi-K2.6`.
    pub(crate) fn new(issuer: Issuer, upstream_name: &str, maker: &str) -> Self {
        let maker = match issuer {
            Issuer::Deepseek | Issuer::Xai => String::new(),
            Issuer::Anthropic
            | Issuer::Responses
            | Issuer::Gemini
            | Issuer::Together
            | Issuer::Chat => {
                let named = upstream_name.split_once('/').map_or(maker, |(maker, _)| maker);
                named.to_ascii_lowercase().replace(':', "_")
            }
        };
        Self { issuer, maker: maker.into() }
    }

    /// A text that tells it from others.
    pub(crate) fn name(&self) -> ByteString {
        self.mark(ReasoningMember::ReasoningContent)
    }

    /// The mark of reasoning that came as text.
    pub(crate) fn mark(&self, member: ReasoningMember) -> ByteString {
        if self.maker.is_empty() && member == ReasoningMember::ReasoningContent {
            return marked(self.issuer, "");
        }
        marked(self.issuer, &format!("{}:{}", member.as_str(), self.maker))
    }

    /// The mark of parts, which holds the parts themselves.
    pub(crate) fn mark_of_details(&self, details: &str) -> ByteString {
        let member = ReasoningMember::Details.as_str();
        marked(self.issuer, &format!("{member}:{}:{details}", self.maker))
    }

    /// What a client gives back; `None` if it is another one's.
    pub(crate) fn given_back<'s>(&self, signature: &'s str) -> Option<GivenBack<'s>> {
        let (issuer, kept) = signature::read(signature);
        if issuer != self.issuer {
            return None;
        }
        if kept.is_empty() {
            // only a vendor that is known by its issuer makes such a mark
            let is_known = self.maker.is_empty() || issuer == Issuer::Together;
            return is_known.then_some(GivenBack::Text(ReasoningMember::ReasoningContent));
        }
        let (name, rest) = kept.split_once(':')?;
        let member = MEMBERS.into_iter().find(|member| member.as_str() == name)?;
        let (maker, details) = rest.split_once(':').unwrap_or((rest, ""));
        if *maker != *self.maker {
            return None;
        }
        Some(match member {
            ReasoningMember::Details => GivenBack::Details(details),
            text => GivenBack::Text(text),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_goes_back_to_its_maker_under_the_member_that_it_came_in() {
        let kimi = ReasoningOwner::new(Issuer::Chat, "moonshotai/Kimi-K2.6", "p");
        let glm = ReasoningOwner::new(Issuer::Chat, "z-ai/glm-5", "p");
        let deepseek = ReasoningOwner::new(Issuer::Deepseek, "deepseek-flash", "deepseek");
        for member in [ReasoningMember::ReasoningContent, ReasoningMember::Reasoning] {
            for owner in [&kimi, &glm, &deepseek] {
                let mark = owner.mark(member);
                assert_eq!(owner.given_back(&mark), Some(GivenBack::Text(member)), "{mark}");
                for other in [&kimi, &glm, &deepseek].into_iter().filter(|other| *other != owner) {
                    assert_eq!(other.given_back(&mark), None, "{mark}");
                }
            }
        }
        let details = r#"[{"type":"reasoning.encrypted","data":"a:b"}]"#;
        let mark = kimi.mark_of_details(details);
        assert_eq!(kimi.given_back(&mark), Some(GivenBack::Details(details)));
        assert_eq!(glm.given_back(&mark), None);
        assert_eq!(kimi.given_back("c2ln"), None, "Anthropic's own");
    }
}
