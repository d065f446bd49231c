//! `deadlines = { … }` of one provider or one model.

use ainfera_schema::OwnDeadlines;

use super::document::Section;

/// Reads the key `deadlines` of a provider's or a model's table.
pub fn read(section: &Section<'_>) -> OwnDeadlines {
    section
        .field("deadlines")
        .and_then(|field| field.table(|table| Some(read_table(table))))
        .unwrap_or_default()
}

/// Reads a table that holds nothing else.
pub fn read_table(table: &Section<'_>) -> OwnDeadlines {
    let duration = |key| table.field(key).and_then(|field| field.duration());
    OwnDeadlines {
        first_event: duration("first_event"),
        whole_answer: duration("whole_answer"),
        idle: duration("idle"),
        total: duration("total"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Config;
    use super::*;

    fn config(text: &str) -> Result<Config, String> {
        let text = format!(
            "{text}\n[[providers]]\nid = \"p\"\nkind = \"mock\"\ndeadlines = {{ idle = \"7s\" }}\n[[models]]\nslug = \"m\"\nprovider = \"p\"\n"
        );
        Config::from_toml(&text, &|_| None).map_err(|mistakes| mistakes[0].to_string())
    }

    #[test]
    fn what_is_said_of_all_models_is_meant_for_those_that_reason_too() {
        let deadlines = config(
            "[deadlines]\nidle = \"30s\"\ntotal = \"5m\"\n[deadlines.reasoning]\ntotal = \"20m\"",
        )
        .unwrap()
        .deadlines;
        let seconds = Duration::from_secs;
        assert_eq!(
            (deadlines.answering.idle, deadlines.answering.total),
            (seconds(30), seconds(300))
        );
        assert_eq!(
            (deadlines.reasoning.idle, deadlines.reasoning.total),
            (seconds(30), seconds(1200))
        );
        assert_eq!(
            deadlines.reasoning.first_event,
            ainfera_schema::Patience::REASONING.first_event
        );
    }

    #[test]
    fn a_provider_and_a_model_have_their_own() {
        let read = config("").unwrap();
        let own: Vec<OwnDeadlines> = read.own_deadlines().copied().collect();
        assert_eq!(
            own,
            [
                OwnDeadlines { idle: Some(Duration::from_secs(7)), ..OwnDeadlines::default() },
                OwnDeadlines::default()
            ]
        );
    }

    #[test]
    fn a_mistake_is_named_with_line_and_field() {
        let refused = |text: &str| config(text).err().unwrap_or_default();
        assert_eq!(
            refused("[deadlines.reasoning]\nidel = \"1s\""),
            "line 2: deadlines.reasoning.idel: unknown key; did you mean \"idle\"?"
        );
        assert_eq!(
            refused("[deadlines.reasoning]\nidle = 0"),
            "line 2: deadlines.reasoning.idle: must be longer than zero"
        );
        assert_eq!(
            refused("[deadlines]\nreasoning = 3"),
            "line 2: deadlines.reasoning: must be a table, not an integer"
        );
    }
}
