//! `[defaults]`: what an agent gets that is made without a word about it.

use ainfera_schema::Usd;
use ainfera_schema::policy::{CapSource, SpendPolicy};

use super::document::Section;

/// What a new agent may spend in a UTC day.
const DAILY_CAP: Usd = Usd::from_nanos(10_000_000_000);

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentDefaults {
    pub daily_cap_usd: Usd,
}

impl Default for AgentDefaults {
    fn default() -> Self {
        Self { daily_cap_usd: DAILY_CAP }
    }
}

impl AgentDefaults {
    /// What a new agent may spend, where its owner says `policy` and no more.
    pub fn of(self, policy: SpendPolicy) -> SpendPolicy {
        match policy.daily_cap_usd {
            Some(_) => policy,
            None => {
                let daily_cap_usd = Some(self.daily_cap_usd);
                SpendPolicy { daily_cap_usd, daily_cap_source: CapSource::Default, ..policy }
            }
        }
    }
}

pub(super) fn read(root: &Section<'_>) -> AgentDefaults {
    let daily_cap_usd = root
        .field("defaults")
        .and_then(|field| field.table(|section| section.field("daily_cap_usd")?.dollars()));
    daily_cap_usd
        .map_or_else(AgentDefaults::default, |daily_cap_usd| AgentDefaults { daily_cap_usd })
}

#[cfg(test)]
mod tests {
    use super::super::document::read_document;
    use super::*;

    fn read_text(text: &str) -> Result<Usd, String> {
        let read = read_document(text, |root| Some(read(root)));
        read.map(|defaults| defaults.daily_cap_usd).map_err(|mistakes| mistakes[0].to_string())
    }

    #[test]
    fn a_new_agent_may_spend_ten_dollars_a_day_unless_the_file_says_otherwise() {
        assert_eq!(read_text(""), Ok("10".parse().unwrap()));
        assert_eq!(read_text("[defaults]\n"), Ok("10".parse().unwrap()));
        assert_eq!(read_text("[defaults]\ndaily_cap_usd = \"2.5\"\n"), Ok("2.5".parse().unwrap()));
        assert_eq!(read_text("[defaults]\ndaily_cap_usd = 3\n"), Ok("3".parse().unwrap()));
        assert_eq!(read_text("[defaults]\ndaily_cap_usd = \"0\"\n"), Ok(Usd::ZERO));
    }

    #[test]
    fn what_is_no_amount_is_refused_with_its_place() {
        for (value, why) in [
            (
                "\"-1\"",
                "must be an amount of dollars that is not negative, with at most 9 decimal places",
            ),
            (
                "\"0.0000000001\"",
                "must be an amount of dollars that is not negative, with at most 9 decimal places",
            ),
            ("2.5", "write it in quotes: \"2.5\""),
            ("\"much\"", "is not a decimal number such as \"0.25\""),
            ("true", "must be a decimal number in quotes, not a boolean"),
        ] {
            let found = read_text(&format!("[defaults]\ndaily_cap_usd = {value}\n"));
            assert_eq!(found, Err(format!("line 2: defaults.daily_cap_usd: {why}")), "{value}");
        }
        let found = read_text("[defaults]\ndaily_cap = 3\n");
        assert_eq!(
            found,
            Err("line 2: defaults.daily_cap: unknown key; did you mean \"daily_cap_usd\"?"
                .to_owned())
        );
    }
}
