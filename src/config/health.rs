//! `[breaker]` and `[retry]`: how the gateway treats providers that fail.

use std::time::Duration;

use ainfera_actors::health::budget::RetrySettings;
use ainfera_actors::health::{BreakerUse, HealthSettings};

use super::document::Section;

/// More than any gateway makes: no limit.
const MOST_PER_SECOND: u64 = 1_000_000;

pub(super) fn read(root: &Section<'_>) -> HealthSettings {
    let default = HealthSettings::default();
    let breaker = root.field("breaker").and_then(|field| field.table(read_breaker));
    let (breaker, longest_pause) = breaker.unwrap_or((default.breaker, default.longest_pause));
    let retry = root.field("retry").and_then(|field| field.table(read_retry)).unwrap_or_default();
    HealthSettings { breaker, longest_pause, retry }
}

fn read_breaker(section: &Section<'_>) -> Option<(BreakerUse, Duration)> {
    let enabled = section.field("enabled").and_then(|field| field.flag()).unwrap_or(true);
    let longest_pause = section.field("longest_pause").and_then(|field| field.duration());
    let longest_pause = longest_pause.unwrap_or(HealthSettings::default().longest_pause);
    Some((if enabled { BreakerUse::On } else { BreakerUse::Off }, longest_pause))
}

fn read_retry(section: &Section<'_>) -> Option<RetrySettings> {
    let default = RetrySettings::default();
    let whole = |key, most| {
        section
            .field(key)
            .and_then(|field| field.whole(0..=most))
            .and_then(|number| u32::try_from(number).ok())
    };
    Some(RetrySettings {
        budget_percent: whole("budget_percent", 1000).unwrap_or(default.budget_percent),
        floor_per_second: whole("floor_per_second", MOST_PER_SECOND)
            .unwrap_or(default.floor_per_second),
    })
}

#[cfg(test)]
mod tests {
    use super::super::document::read_document;
    use super::*;

    fn read_text(text: &str) -> Result<HealthSettings, String> {
        read_document(text, |root| Some(read(root))).map_err(|mistakes| mistakes[0].to_string())
    }

    #[test]
    fn the_breaker_is_on_and_a_fifth_may_be_tried_again_unless_the_file_says_otherwise() {
        let retry = RetrySettings { budget_percent: 20, floor_per_second: 3 };
        let default = HealthSettings {
            breaker: BreakerUse::On,
            longest_pause: Duration::from_secs(300),
            retry,
        };
        assert_eq!(read_text(""), Ok(default));
        assert_eq!(read_text("[breaker]\n[retry]\n"), Ok(default));
        let set = read_text(
            "[breaker]\nenabled = false\nlongest_pause = \"90s\"\n[retry]\nbudget_percent = 0\nfloor_per_second = 7\n",
        );
        let retry = RetrySettings { budget_percent: 0, floor_per_second: 7 };
        assert_eq!(
            set,
            Ok(HealthSettings {
                breaker: BreakerUse::Off,
                longest_pause: Duration::from_secs(90),
                retry
            })
        );
        assert!(
            read_text("[breaker]\nlongest_pause = 5\n")
                .unwrap_err()
                .starts_with("line 2: breaker.longest_pause: ")
        );
        assert!(
            read_text("[retry]\nbudget_percent = 1001\n")
                .unwrap_err()
                .starts_with("line 2: retry.budget_percent: must be from 0 to 1000")
        );
    }
}
