//! `[doctor]`: how often a running gateway asks its database what must always hold.

use std::time::Duration;

use super::document::Section;

const DEFAULT_EVERY: Duration = Duration::from_secs(300);

/// None: never.
pub(super) fn read(root: &Section<'_>) -> Option<Duration> {
    let set = root
        .field("doctor")
        .and_then(|field| field.table(|section| section.field("every")?.duration_or_zero()));
    Some(set.unwrap_or(DEFAULT_EVERY)).filter(|every| !every.is_zero())
}

#[cfg(test)]
mod tests {
    use super::super::document::read_document;
    use super::*;

    fn read_text(text: &str) -> Result<Option<Duration>, String> {
        read_document(text, |root| Some(read(root))).map_err(|mistakes| mistakes[0].to_string())
    }

    #[test]
    fn it_is_on_unless_it_is_turned_off() {
        assert_eq!(read_text(""), Ok(Some(DEFAULT_EVERY)));
        assert_eq!(read_text("[doctor]\n"), Ok(Some(DEFAULT_EVERY)));
        assert_eq!(read_text("[doctor]\nevery = \"60s\"\n"), Ok(Some(Duration::from_secs(60))));
        for off in ["0", "\"0s\""] {
            assert_eq!(read_text(&format!("[doctor]\nevery = {off}\n")), Ok(None), "{off}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_its_place() {
        assert!(
            read_text("[doctor]\nevery = \"often\"\n")
                .is_err_and(|message| message.starts_with("line 2: doctor.every: must be"))
        );
        assert!(
            read_text("[doctor]\nevry = 1\n")
                .is_err_and(|message| message.contains("did you mean \"every\""))
        );
    }
}
