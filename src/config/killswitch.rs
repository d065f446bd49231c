//! `[killswitch]`: what all agents together may spend in a day.

use ainfera_schema::Usd;

use super::document::Section;

/// Left out: no limit.
pub(super) fn read(root: &Section<'_>) -> Option<Usd> {
    root.field("killswitch")?.table(|section| section.required("daily_usd")?.dollars())
}

#[cfg(test)]
mod tests {
    use super::super::document::read_document;
    use super::*;

    fn read_text(text: &str) -> Result<Option<Usd>, String> {
        read_document(text, |root| Some(read(root))).map_err(|mistakes| mistakes[0].message.clone())
    }

    #[test]
    fn the_threshold_is_an_exact_amount_or_there_is_none() {
        assert_eq!(read_text(""), Ok(None));
        assert_eq!(
            read_text("[killswitch]\ndaily_usd = \"50.5\"\n"),
            Ok(Some("50.5".parse().unwrap()))
        );
        assert_eq!(read_text("[killswitch]\ndaily_usd = \"0\"\n"), Ok(Some(Usd::ZERO)));
        for text in [
            "[killswitch]\n",
            "[killswitch]\ndaily_usd = \"-1\"\n",
            "[killswitch]\ndaily_usd = \"0.0000000001\"\n",
        ] {
            assert!(read_text(text).is_err(), "{text}");
        }
    }
}
