//! `[[strict]]`: whose calls must arrive as they were sent, whatever their headers say.

use std::collections::BTreeMap;

use ainfera_schema::AgentId;
use ainfera_wire::disclosure::Strictness;

use super::document::Section;

/// What is required of calls besides what they ask for themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StrictSettings {
    everybody: Strictness,
    agents: BTreeMap<AgentId, Strictness>,
}

impl StrictSettings {
    /// What counts for a call of this agent that asks for `asked`: the strictest.
    pub fn of(&self, agent_id: AgentId, asked: Strictness) -> Strictness {
        asked.max(self.agents.get(&agent_id).copied().unwrap_or(self.everybody))
    }
}

pub(super) fn read(root: &Section<'_>) -> StrictSettings {
    let mut settings = StrictSettings::default();
    root.each("strict", |section| {
        let level = section.required("level").and_then(|field| {
            field.one_of(&[
                ("false", Strictness::Disclose),
                ("true", Strictness::Lossless),
                ("exact", Strictness::Exact),
            ])
        });
        match section.field("agent") {
            None => settings.everybody = level?,
            Some(field) => {
                let Ok(agent_id) = field.text()?.parse() else {
                    field.refuse("must be the id of an agent");
                    return None;
                };
                settings.agents.insert(AgentId(agent_id), level?);
            }
        }
        Some(())
    });
    settings
}

#[cfg(test)]
mod tests {
    use super::super::document::read_document;
    use super::*;

    const AGENT: &str = "0192f0c1-2345-7abc-8def-0123456789ab";

    fn read_text(text: &str) -> Result<StrictSettings, String> {
        read_document(text, |root| Some(read(root))).map_err(|mistakes| mistakes[0].to_string())
    }

    #[test]
    fn the_strictest_of_setting_and_header_counts() {
        let one = AgentId(AGENT.parse().unwrap());
        let other = AgentId(AGENT.replace('c', "d").parse().unwrap());
        let settings = read_text(&format!(
            "[[strict]]\nlevel = \"true\"\n[[strict]]\nagent = \"{AGENT}\"\nlevel = \"exact\"\n"
        ))
        .unwrap();
        assert_eq!(settings.of(one, Strictness::Disclose), Strictness::Exact);
        assert_eq!(settings.of(other, Strictness::Disclose), Strictness::Lossless);
        assert_eq!(settings.of(other, Strictness::Exact), Strictness::Exact);
        assert_eq!(read_text("").unwrap().of(one, Strictness::Lossless), Strictness::Lossless);
    }

    #[test]
    fn mistakes_are_named() {
        assert!(
            read_text("[[strict]]\nlevel = \"yes\"\n")
                .is_err_and(|message| message.contains("strict[0].level"))
        );
        assert!(
            read_text("[[strict]]\nagent = \"bob\"\nlevel = \"true\"\n")
                .is_err_and(|message| message.contains("must be the id of an agent"))
        );
    }
}
