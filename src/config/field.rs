//! One value of the configuration, read as what it should be.

use std::ops::RangeInclusive;
use std::time::Duration;

use ainfera_schema::Usd;
use rust_decimal::Decimal;
use toml::Spanned;
use toml::de::{DeInteger, DeValue};

use super::document::{Document, Section, word_for};
use super::mistake::did_you_mean;

/// The longest time that may be set: a day.
const LONGEST_MS: u64 = 24 * 60 * 60 * 1000;

pub struct Field<'d> {
    document: &'d Document<'d>,
    value: &'d Spanned<DeValue<'d>>,
    path: String,
}

impl<'d> Field<'d> {
    pub(super) fn new(
        document: &'d Document<'d>,
        value: &'d Spanned<DeValue<'d>>,
        path: String,
    ) -> Self {
        Self { document, value, path }
    }

    /// Reports that the value cannot be used.
    pub fn refuse(&self, message: impl Into<String>) {
        self.document.refuse(self.value.span().start, &self.path, message);
    }

    /// Reports that the value names something that is not there. Silent where a syntax error may
    /// have swallowed the thing.
    pub fn refuse_reference(&self, message: impl Into<String>) {
        if self.document.is_well_formed() {
            self.refuse(message);
        }
    }

    /// A string that says something.
    pub fn text(&self) -> Option<&'d str> {
        match self.value.get_ref() {
            DeValue::String(text) if text.trim().is_empty() => self.refused("must not be empty"),
            DeValue::String(text) => Some(text.as_ref()),
            _ => self.refused_kind("a string"),
        }
    }

    /// A string that may be empty.
    pub fn any_text(&self) -> Option<&'d str> {
        match self.value.get_ref() {
            DeValue::String(text) => Some(text.as_ref()),
            _ => self.refused_kind("a string"),
        }
    }

    /// A name: no spaces, nothing that needs quoting in a header or a log line.
    pub fn name(&self) -> Option<&'d str> {
        let text = self.text()?;
        let fits = text.len() <= 128
            && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
        if fits {
            Some(text)
        } else {
            self.refused("must be at most 128 letters, digits and signs, without spaces or quotes")
        }
    }

    pub fn flag(&self) -> Option<bool> {
        match self.value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => self.refused_kind("true or false"),
        }
    }

    /// A whole number within `range`.
    pub fn whole(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let DeValue::Integer(integer) = self.value.get_ref() else {
            return self.refused_kind("a whole number");
        };
        match unsigned(integer) {
            Some(number) if range.contains(&number) => Some(number),
            _ => self.refused(format!(
                "must be from {} to {}, not {integer}",
                range.start(),
                range.end()
            )),
        }
    }

    /// An exact decimal: a string, or an integer. Floats are refused, because what they hold is not
    /// what was written.
    pub fn decimal(&self) -> Option<Decimal> {
        let parsed = match self.value.get_ref() {
            DeValue::String(text) => Decimal::from_str_exact(text).ok(),
            DeValue::Integer(integer) => unsigned(integer).map(Decimal::from),
            DeValue::Float(float) => {
                return self.refused(format!("write it in quotes: \"{float}\""));
            }
            _ => return self.refused_kind("a decimal number in quotes"),
        };
        parsed.or_else(|| self.refused("is not a decimal number such as \"0.25\""))
    }

    /// An amount of money: a decimal that is not negative and that an amount can hold exactly.
    pub fn dollars(&self) -> Option<Usd> {
        let amount = Usd::from_decimal(self.decimal()?).ok().filter(|amount| !amount.is_negative());
        amount.or_else(|| {
            self.refused(
                "must be an amount of dollars that is not negative, with at most 9 decimal places",
            )
        })
    }

    /// A time, where zero means never.
    pub fn duration_or_zero(&self) -> Option<Duration> {
        let zero = match self.value.get_ref() {
            DeValue::Integer(integer) => unsigned(integer) == Some(0),
            DeValue::String(text) => milliseconds(text) == Some(0),
            _ => false,
        };
        if zero { Some(Duration::ZERO) } else { self.duration() }
    }

    /// A time with its unit, such as `"500ms"`, `"10s"`, `"2m"`. A bare number is refused, because
    /// its reader cannot tell seconds from milliseconds. Zero is refused: every wait ends.
    pub fn duration(&self) -> Option<Duration> {
        const FORM: &str = "must be a time such as \"500ms\", \"10s\" or \"2m\"";
        let duration_ms = match self.value.get_ref() {
            DeValue::Integer(integer) if unsigned(integer) == Some(0) => Some(0),
            DeValue::Integer(integer) => {
                let number = integer.as_str();
                return self.refused(format!(
                    "must have a unit: \"{number}s\" for seconds, \"{number}ms\" for milliseconds"
                ));
            }
            DeValue::String(text) => milliseconds(text),
            _ => return self.refused(format!("{FORM}, not {}", word_for(self.value))),
        };
        match duration_ms {
            Some(0) => self.refused("must be longer than zero"),
            Some(duration_ms) if duration_ms <= LONGEST_MS => {
                Some(Duration::from_millis(duration_ms))
            }
            Some(_) => self.refused("must be at most a day"),
            None => self.refused(FORM),
        }
    }

    /// One of the words that mean something.
    pub fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        found.or_else(|| {
            let offer = did_you_mean(text, words.iter().map(|(word, _)| *word));
            let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.refused(format!("\"{text}\" is none of {}{offer}", list.join(", ")))
        })
    }

    /// A table, looked at through `read`.
    pub fn table<T>(&self, read: impl FnOnce(&Section<'d>) -> Option<T>) -> Option<T> {
        match self.value.get_ref() {
            DeValue::Table(table) => {
                Section::over(self.document, table, self.value.span(), self.path.clone(), read)
            }
            _ => self.refused_kind("a table"),
        }
    }

    /// A list of strings, each of which says something.
    pub fn texts(&self) -> Option<Vec<&'d str>> {
        let DeValue::Array(items) = self.value.get_ref() else {
            return self.refused("must be a list of strings");
        };
        let texts = items.iter().map(|item| match item.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => Some(text.as_ref()),
            _ => None,
        });
        let texts: Option<Vec<&str>> = texts.collect();
        texts.or_else(|| self.refused("must be a list of strings"))
    }

    /// Whether the value is a table with this key.
    pub fn has_key(&self, key: &str) -> bool {
        matches!(self.value.get_ref(), DeValue::Table(table) if table.contains_key(key))
    }

    /// Whether the value is a table.
    pub fn is_table(&self) -> bool {
        matches!(self.value.get_ref(), DeValue::Table(_))
    }

    /// Whether the value is a list with nothing in it.
    pub fn is_empty_list(&self) -> bool {
        matches!(self.value.get_ref(), DeValue::Array(items) if items.is_empty())
    }

    /// Whether this is a list in which a table has none of the keys.
    pub fn has_a_table_without(&self, keys: &[&str]) -> bool {
        let DeValue::Array(items) = self.value.get_ref() else { return false };
        let lacks_all = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
            DeValue::Table(table) => !keys.iter().any(|key| table.contains_key(*key)),
            _ => false,
        };
        items.iter().any(lacks_all)
    }

    pub(super) fn each<T>(&self, mut read: impl FnMut(&Section<'d>) -> Option<T>) -> Vec<T> {
        let DeValue::Array(items) = self.value.get_ref() else {
            self.refuse(format!("must be a list of tables: write [[{}]]", self.path));
            return Vec::new();
        };
        let fields = items.iter().enumerate().map(|(index, item)| {
            Field::new(self.document, item, format!("{}[{index}]", self.path))
        });
        fields.filter_map(|field| field.table(&mut read)).collect()
    }

    fn refused<T>(&self, message: impl Into<String>) -> Option<T> {
        self.refuse(message);
        None
    }

    fn refused_kind<T>(&self, wanted: &str) -> Option<T> {
        self.refused(format!("must be {wanted}, not {}", word_for(self.value)))
    }
}

fn unsigned(integer: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn milliseconds(text: &str) -> Option<u64> {
    let digits_end = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (digits, unit) = text.split_at(digits_end);
    let unit_ms = match unit.trim_start() {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit_ms)
}

#[cfg(test)]
mod tests {
    use super::super::document::read_document;
    use super::*;

    fn read<T>(value: &str, read: impl Fn(&Field<'_>) -> Option<T>) -> Result<T, String> {
        read_document(&format!("it = {value}\n"), |root| {
            root.field("it").and_then(|field| read(&field))
        })
        .map_err(|mistakes| {
            mistakes.iter().map(|mistake| mistake.message.clone()).collect::<Vec<_>>().join(" | ")
        })
    }

    #[test]
    fn a_decimal_is_a_string_or_an_integer_never_a_float() {
        assert_eq!(read("\"0.25\"", |field| field.decimal()), Ok(Decimal::new(25, 2)));
        assert_eq!(read("15", |field| field.decimal()), Ok(Decimal::from(15)));
        assert_eq!(read("\"-1\"", |field| field.decimal()), Ok(Decimal::from(-1)));
        assert_eq!(
            read("0.25", |field| field.decimal()),
            Err("write it in quotes: \"0.25\"".into())
        );
        assert_eq!(
            read("\"1e3\"", |field| field.decimal()),
            Err("is not a decimal number such as \"0.25\"".into())
        );
        assert_eq!(
            read("\"\"", |field| field.decimal()),
            Err("is not a decimal number such as \"0.25\"".into())
        );
        assert_eq!(
            read("true", |field| field.decimal()),
            Err("must be a decimal number in quotes, not a boolean".into())
        );
    }

    #[test]
    fn a_time_has_a_unit() {
        for (text, expected_ms) in
            [("\"500ms\"", 500), ("\"10s\"", 10_000), ("\"2m\"", 120_000), ("\"1 h\"", 3_600_000)]
        {
            assert_eq!(
                read(text, |field| field.duration()),
                Ok(Duration::from_millis(expected_ms)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_time_that_is_zero_endless_or_without_meaning_is_refused() {
        assert_eq!(read("0", |field| field.duration()), Err("must be longer than zero".into()));
        assert_eq!(
            read("\"0s\"", |field| field.duration()),
            Err("must be longer than zero".into())
        );
        assert_eq!(read("\"25h\"", |field| field.duration()), Err("must be at most a day".into()));
        assert_eq!(
            read("60", |field| field.duration()),
            Err("must have a unit: \"60s\" for seconds, \"60ms\" for milliseconds".into()),
            "a reader cannot tell which was meant"
        );
        assert_eq!(
            read("-1", |field| field.duration()),
            Err("must have a unit: \"-1s\" for seconds, \"-1ms\" for milliseconds".into())
        );
        for text in ["\"10\"", "\"ten\"", "\"-1s\"", "\"1.5s\"", "\"99999999999999999999s\"", "1.5"]
        {
            assert!(
                read(text, |field| field.duration())
                    .is_err_and(|message| message.starts_with("must be a time such as")),
                "{text}"
            );
        }
    }

    #[test]
    fn a_whole_number_stays_in_its_range() {
        assert_eq!(read("0x10", |field| field.whole(1..=16)), Ok(16));
        assert_eq!(
            read("17", |field| field.whole(1..=16)),
            Err("must be from 1 to 16, not 17".into())
        );
        assert_eq!(
            read("-1", |field| field.whole(0..=16)),
            Err("must be from 0 to 16, not -1".into())
        );
        assert_eq!(
            read("\"3\"", |field| field.whole(0..=16)),
            Err("must be a whole number, not a string".into())
        );
    }

    #[test]
    fn a_word_that_is_not_of_the_list_gets_an_offer() {
        let words = [("anthropic", 1), ("openai", 2)];
        assert_eq!(read("\"openai\"", |field| field.one_of(&words)), Ok(2));
        let refusal = read("\"antropic\"", |field| field.one_of(&words));
        assert_eq!(
            refusal,
            Err("\"antropic\" is none of anthropic, openai; did you mean \"anthropic\"?".into())
        );
    }

    #[test]
    fn a_name_has_no_spaces_and_text_is_not_blank() {
        assert_eq!(
            read("\"a/b-1.5\"", |field| field.name().map(str::to_owned)),
            Ok("a/b-1.5".into())
        );
        assert!(read("\"a b\"", |field| field.name().map(str::to_owned)).is_err());
        assert_eq!(
            read("\" \"", |field| field.text().map(str::to_owned)),
            Err("must not be empty".into())
        );
    }
}
