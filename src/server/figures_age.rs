//! How old the figures of the catalogue are. Vendors change prices every few weeks, and an old one
//! bills what nobody pays any more.

use ainfera_schema::Model;
use jiff::civil::Date;

/// What is older should be read again.
const FRESH_DAYS: i32 = 60;

/// Models whose figures are older than that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldFigures {
    pub models: usize,
    /// The day of the oldest, and whose they are.
    pub oldest: Date,
    pub oldest_model: String,
}

/// `None`: all that have a date are fresh enough.
pub fn old_figures<'m>(models: impl Iterator<Item = &'m Model>, today: Date) -> Option<OldFigures> {
    let dated = models.filter_map(|model| Some((model.as_of?, model)));
    let old: Vec<(Date, &Model)> =
        dated.filter(|(as_of, _)| (today - *as_of).get_days() > FRESH_DAYS).collect();
    let (oldest, model) = old.iter().min_by_key(|(as_of, _)| *as_of)?;
    Some(OldFigures {
        models: old.len(),
        oldest: *oldest,
        oldest_model: model.slug.as_str().to_owned(),
    })
}

/// The day in the time zone of the vendors' price lists, which is none.
pub fn today() -> Date {
    jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date()
}

/// Tells the operator.
pub fn warn(models: &[Model]) {
    if let Some(OldFigures { models, oldest, oldest_model }) = old_figures(models.iter(), today()) {
        tracing::warn!(
            models, %oldest, oldest_model,
            "prices and limits of the catalogue are older than {FRESH_DAYS} days: install a newer version, or read the vendors' pages and give \
             the models a price and an `as_of` of their own"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn figures_are_old_after_sixty_days() {
        let models =
            Config::from_environment(&|name| (name == "OPENAI_API_KEY").then(|| "k".to_owned()))
                .unwrap()
                .models;
        let newest = models.iter().filter_map(|model| model.as_of).max().unwrap();
        let oldest = models.iter().filter_map(|model| model.as_of).min().unwrap();
        let after = |date: Date, days: i64| date.checked_add(jiff::Span::new().days(days)).unwrap();
        assert_eq!(old_figures(models.iter(), after(oldest, 60)), None);
        let old = old_figures(models.iter(), after(newest, 61)).unwrap();
        assert_eq!((old.models, old.oldest), (models.len(), oldest));
        assert_eq!(old_figures([].iter(), newest), None);
    }

    #[test]
    fn every_built_in_figure_has_a_date() {
        for key in ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY"] {
            let config =
                Config::from_environment(&|name| (name == key).then(|| "k".to_owned())).unwrap();
            assert!(config.models.iter().all(|model| model.as_of.is_some()), "{key}");
        }
    }
}
