//! How long a provider asks to be left alone, in every form that vendors use.
//!
//! Sources: RFC 9110 §10.2.3 (`retry-after` in seconds or as a date), OpenAI's and Groq's
//! `x-ratelimit-reset-*` (`1s`, `6m0s`, `20ms`), `retry-after-ms` of OpenAI and Azure, Anthropic's
//! `anthropic-ratelimit-*-reset` (RFC 3339), Google's `RetryInfo.retryDelay`, and the sentences of
//! error messages.

use jiff::Timestamp;
use serde_json::Value;

/// No wait is longer. The caller of this module cuts it shorter.
const LONGEST_SECONDS: f64 = 10.0 * 365.0 * 24.0 * 3600.0;

/// What an OpenAI-like provider limits; a wait counts only for a limit that is used up.
const LIMITS: [&str; 2] = ["requests", "tokens"];
/// What Anthropic limits.
const ANTHROPIC_LIMITS: [&str; 4] = ["requests", "tokens", "input-tokens", "output-tokens"];

/// Whole seconds, rounded up, until it is worth asking again. `None` where nothing is said of it,
/// or nothing that can be understood.
pub fn retry_after_seconds<'h>(
    header: impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
    now: Timestamp,
) -> Option<u64> {
    let milliseconds = header("retry-after-ms").and_then(number).map(|ms| ms / 1000.0);
    let named =
        milliseconds.or_else(|| header("retry-after").and_then(|text| seconds_or_date(text, now)));
    let wait = named.or_else(|| in_body_seconds(body)).or_else(|| reset_seconds(&header, now))?;
    whole(wait)
}

/// The same where there are no headers: an error inside a stream.
pub(crate) fn in_body(body: &[u8]) -> Option<u64> {
    in_body_seconds(body).and_then(whole)
}

fn whole(seconds: f64) -> Option<u64> {
    // the bounds make the conversion exact enough; a wait that is over is none
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and ten years"
    )]
    let whole = seconds.clamp(0.0, LONGEST_SECONDS).ceil() as u64;
    (seconds.is_finite() && seconds >= 0.0).then_some(whole)
}

fn seconds_or_date(text: &str, now: Timestamp) -> Option<f64> {
    if let Some(seconds) = number(text) {
        return Some(seconds);
    }
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    Some(until(Timestamp::try_from(date).ok()?, now))
}

/// Seconds from `now`; a moment in the past is no wait.
fn until(moment: Timestamp, now: Timestamp) -> f64 {
    moment.duration_since(now).as_secs_f64().max(0.0)
}

fn number(text: &str) -> Option<f64> {
    let number: f64 = text.trim().parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number)
}

/// The latest moment at which a limit that is used up is there again. Where no limit says that it
/// is used up, the earliest of all.
fn reset_seconds<'h>(header: &impl Fn(&str) -> Option<&'h str>, now: Timestamp) -> Option<f64> {
    let mut used_up: Option<f64> = None;
    let mut earliest: Option<f64> = None;
    let openai = LIMITS.iter().map(|limit| {
        (format!("x-ratelimit-reset-{limit}"), format!("x-ratelimit-remaining-{limit}"))
    });
    let anthropic = ANTHROPIC_LIMITS.iter().map(|limit| {
        (
            format!("anthropic-ratelimit-{limit}-reset"),
            format!("anthropic-ratelimit-{limit}-remaining"),
        )
    });
    let plain = ["x-ratelimit", "ratelimit"]
        .map(|family| (format!("{family}-reset"), format!("{family}-remaining")));
    for (reset, remaining) in openai.chain(anthropic).chain(plain) {
        let Some(wait) = header(&reset).and_then(|text| reset_moment(text, now)) else { continue };
        earliest = Some(earliest.map_or(wait, |known| known.min(wait)));
        if header(&remaining).and_then(number).is_some_and(|left| left < 1.0) {
            used_up = Some(used_up.map_or(wait, |known| known.max(wait)));
        }
    }
    used_up.or(earliest)
}

/// A duration (`6m0s`), a moment (RFC 3339), seconds from now, or a Unix time in seconds or
/// milliseconds.
fn reset_moment(text: &str, now: Timestamp) -> Option<f64> {
    let text = text.trim();
    if let Some(number) = number(text) {
        let since_epoch = now.as_second();
        #[expect(clippy::cast_precision_loss, reason = "seconds of this age are exact")]
        let epoch = since_epoch as f64;
        return Some(match number {
            // the year 2001 in milliseconds: no wait is as long
            number if number > 1e12 => (number / 1000.0 - epoch).max(0.0),
            number if number > 1e9 => (number - epoch).max(0.0),
            seconds => seconds,
        });
    }
    duration(text).or_else(|| text.parse::<Timestamp>().ok().map(|moment| until(moment, now)))
}

/// `1h2m3.5s`, `200ms`, `34.4s`: whole parts, each with its unit.
fn duration(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (amount, after) = rest.split_at(digits);
        let end = after.find(|letter: char| letter.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        let factor = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        seconds += number(amount)? * factor;
        rest = next;
    }
    Some(seconds)
}

fn in_body_seconds(body: &[u8]) -> Option<f64> {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    parsed
        .and_then(|value| retry_info(&value))
        .or_else(|| sentence(&String::from_utf8_lossy(&body[..body.len().min(16 << 10)])))
}

/// `error.details[].retryDelay` of Google, `error.retry_after` and `error.metadata.headers` of
/// others.
fn retry_info(value: &Value) -> Option<f64> {
    let value = value.get(0).unwrap_or(value);
    let error = value.get("error").unwrap_or(value);
    let details = error.get("details").and_then(Value::as_array);
    let delay = details
        .and_then(|details| details.iter().find_map(|detail| detail.get("retryDelay")?.as_str()));
    if let Some(delay) = delay.and_then(duration) {
        return Some(delay);
    }
    ["retry_after", "retry_after_seconds"].iter().find_map(|name| {
        let wait = error.get(name).or_else(|| value.get(name))?;
        wait.as_f64().or_else(|| wait.as_str().and_then(number))
    })
}

/// "Please try again in 1m30.5s", "retry after 20 seconds", "Please retry in 34.4s".
fn sentence(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    ["try again in ", "try again after ", "retry after ", "retry in ", "available in "]
        .iter()
        .find_map(|phrase| {
            let start = lower.find(phrase)? + phrase.len();
            let rest = &lower[start..];
            let end = rest
                .find(|letter: char| {
                    !letter.is_ascii_alphanumeric() && letter != '.' && letter != 'µ'
                })
                .unwrap_or(rest.len());
            let word = rest[..end].trim_end_matches('.');
            if let Some(wait) = duration(word) {
                return Some(wait);
            }
            let unit = rest[end..].trim_start();
            let factor = [
                ("millisecond", 1e-3),
                ("second", 1.0),
                ("sec", 1.0),
                ("minute", 60.0),
                ("hour", 3600.0),
                ("day", 86_400.0),
            ]
            .iter()
            .find(|(name, _)| unit.starts_with(name))?
            .1;
            Some(number(word)? * factor)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(headers: &[(&str, &str)], body: &str) -> Option<u64> {
        let now: Timestamp = "2026-11-30T08:00:00Z".parse().unwrap();
        let header =
            |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        retry_after_seconds(header, body.as_bytes(), now)
    }

    #[test]
    fn the_header_is_read_as_seconds_decimals_and_all_three_forms_of_dates() {
        for (text, seconds) in [
            ("30", Some(30)),
            (" 30.5 ", Some(31)),
            ("0", Some(0)),
            ("Mon, 30 Nov 2026 08:02:00 GMT", Some(120)),
            ("Monday, 30-Nov-26 08:02:00 GMT", Some(120)),
            ("Mon Nov 30 08:02:00 2026", Some(120)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(0)),
            ("-5", None),
            ("NaN", None),
            ("inf", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(wait(&[("retry-after", text)], ""), seconds, "{text}");
        }
        assert!(wait(&[("retry-after", "1e300")], "").is_some_and(|seconds| seconds < 400_000_000));
    }

    #[test]
    fn milliseconds_go_before_seconds() {
        assert_eq!(wait(&[("retry-after-ms", "900"), ("retry-after", "30")], ""), Some(1));
        assert_eq!(wait(&[("retry-after-ms", "x"), ("retry-after", "30")], ""), Some(30));
    }

    #[test]
    fn a_limit_that_is_used_up_says_when_it_is_there_again() {
        let openai = [("x-ratelimit-reset-requests", "1s"), ("x-ratelimit-reset-tokens", "6m0s")];
        assert_eq!(wait(&openai, ""), Some(1));
        let tokens = [
            openai[0],
            openai[1],
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-remaining-requests", "9"),
        ];
        assert_eq!(wait(&tokens, ""), Some(360));
        assert_eq!(wait(&[("x-ratelimit-reset-requests", "200ms")], ""), Some(1));
        assert_eq!(
            wait(&[("anthropic-ratelimit-tokens-reset", "2026-11-30T08:00:42Z")], ""),
            Some(42)
        );
        assert_eq!(wait(&[("x-ratelimit-reset", "1796025660000")], ""), Some(60));
        assert_eq!(wait(&[("x-ratelimit-reset", "1796025660")], ""), Some(60));
        assert_eq!(wait(&[("ratelimit-reset", "34")], ""), Some(34));
    }

    #[test]
    fn bodies_say_it_as_data_and_as_sentences() {
        for (body, seconds) in [
            (r#"{"error":{"details":[{"@type":"x"},{"retryDelay":"34.4s"}]}}"#, 35),
            (r#"[{"error":{"details":[{"retryDelay":"2s"}]}}]"#, 2),
            (r#"{"error":{"message":"Rate limit reached. Please try again in 1.5s. Visit"}}"#, 2),
            (r#"{"error":{"message":"Please try again in 7m12.8s."}}"#, 433),
            (r#"{"error":{"message":"Please retry after 20 seconds."}}"#, 20),
            (r#"{"error":{"message":"Please retry in 34.4s."}}"#, 35),
            (r#"{"error":{"message":"try again in 2 minutes"}}"#, 120),
            (r#"{"error":{"message":"slow","retry_after":3.2}}"#, 4),
        ] {
            assert_eq!(wait(&[], body), Some(seconds), "{body}");
        }
        assert_eq!(wait(&[], r#"{"error":{"message":"Please try again later."}}"#), None);
        assert_eq!(wait(&[], "try again in "), None);
    }
}
