//! The `price` table of a model: every line that a call can cost.

use std::collections::BTreeMap;

use ainfera_schema::{Hours, Multipliers, Price, PriceSheet, PriceTier, ServerTool};
use rust_decimal::Decimal;

use super::document::Section;
use super::field::Field;

/// Dollars per million tokens. Far below any price, and above what any model costs per token.
const LOWEST_PRICE: Decimal = Decimal::from_parts(1, 0, 0, false, 3);
const MILLION: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);
/// Dollars per million tokens. Far above any price, and small enough that a bill of any window fits
/// an amount.
const HIGHEST_PRICE: Decimal = Decimal::from_parts(100_000, 0, 0, false, 0);
/// Dollars for one use of a tool.
const HIGHEST_FEE: Decimal = Decimal::from_parts(1_000, 0, 0, false, 0);
const HIGHEST_MULTIPLIER: Decimal = Decimal::from_parts(100, 0, 0, false, 0);
/// More tokens than any window holds.
const MOST_TOKENS: u64 = 1_000_000_000;

pub fn read_sheet(section: &Section<'_>) -> Option<PriceSheet> {
    let base = read_rates(section);
    let tiers = read_tiers(section);
    let hours = section.each("hours", read_hours);
    let multiplier = |key| section.field(key).and_then(|field| read_multiplier(&field));
    let multipliers = Multipliers {
        batch: multiplier("batch"),
        flex: multiplier("flex"),
        priority: multiplier("priority"),
        fast: multiplier("fast"),
        us_only: multiplier("us_only"),
    };
    let per_use = section
        .field("per_use")
        .and_then(|field| field.table(|fees| Some(read_fees(fees))))
        .unwrap_or_default();
    Some(PriceSheet { base: base?, tiers, multipliers, hours, per_use })
}

fn read_rates(section: &Section<'_>) -> Option<Price> {
    let input = section.required("input").and_then(|field| read_rate(&field, Zero::Refused));
    let output = section.required("output").and_then(|field| read_rate(&field, Zero::Refused));
    let rate = |key| section.field(key).and_then(|field| read_rate(&field, Zero::Allowed));
    let (cache_read, cache_write) = (rate("cache_read"), rate("cache_write"));
    let (cache_write_1h, reasoning) = (rate("cache_write_1h"), rate("reasoning"));
    Some(Price {
        input: input?,
        output: output?,
        cache_read,
        cache_write,
        cache_write_1h,
        reasoning,
    })
}

/// Shortest prompt first.
fn read_tiers(section: &Section<'_>) -> Vec<PriceTier> {
    let mut last = 0;
    section.each("tiers", |tier| {
        let above = tier.required("above_input_tokens").and_then(|field| {
            let above = field.whole(1..=MOST_TOKENS)?;
            if above <= last {
                field.refuse(format!("must be above the {last} of the tier before it"));
            }
            last = above.max(last);
            Some(above)
        });
        let price = read_rates(tier);
        Some(PriceTier { above_input_tokens: above?, price: price? })
    })
}

fn read_hours(section: &Section<'_>) -> Option<Hours> {
    let from_minute = section.required("from").and_then(|field| read_minute(&field));
    let until_minute = section.required("until").and_then(|field| read_minute(&field));
    let multiplier = section.required("multiplier").and_then(|field| read_multiplier(&field));
    Some(Hours { from_minute: from_minute?, until_minute: until_minute?, multiplier: multiplier? })
}

/// A time of the UTC day, such as "16:30".
fn read_minute(field: &Field<'_>) -> Option<u16> {
    let text = field.text()?;
    let parts = text.split_once(':').filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2);
    let minute = parts
        .and_then(|(hour, minute)| Some((hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?)));
    match minute {
        Some((hour, minute)) if hour < 24 && minute < 60 => Some(hour * 60 + minute),
        _ => {
            field.refuse("must be a time of the UTC day such as \"16:30\"");
            None
        }
    }
}

fn read_fees(section: &Section<'_>) -> BTreeMap<ServerTool, Decimal> {
    let fee = |tool: ServerTool| {
        let field = section.field(tool.as_str())?;
        let fee = field.decimal()?;
        if fee < Decimal::ZERO || fee > HIGHEST_FEE {
            field.refuse(format!("must be from 0 to {HIGHEST_FEE}: US dollars for one use"));
            return None;
        }
        Some((tool, fee))
    };
    ServerTool::ALL.into_iter().filter_map(fee).collect()
}

fn read_multiplier(field: &Field<'_>) -> Option<Decimal> {
    let multiplier = field.decimal()?;
    if multiplier <= Decimal::ZERO
        || multiplier > HIGHEST_MULTIPLIER
        || multiplier.normalize().scale() > 6
    {
        field.refuse(format!(
            "must be above 0 and at most {HIGHEST_MULTIPLIER}, with at most 6 decimal places"
        ));
        return None;
    }
    Some(multiplier)
}

/// Whether a rate may be nothing. A price of nothing for fresh tokens is far more often a slip than
/// a gift; what a vendor does with its cache is sometimes free.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Zero {
    Refused,
    Allowed,
}

fn read_rate(field: &Field<'_>, zero: Zero) -> Option<Decimal> {
    let rate = field.decimal()?;
    if rate < Decimal::ZERO || (rate.is_zero() && zero == Zero::Refused) {
        field.refuse("must be above zero: leave the whole price out if it is not known");
        return None;
    }
    if rate > Decimal::ZERO && rate < LOWEST_PRICE {
        let per_million = rate.checked_mul(MILLION).unwrap_or(rate).normalize();
        field.refuse(format!(
            "is a price per token: write US dollars per million tokens, \"{per_million}\""
        ));
        return None;
    }
    if rate > HIGHEST_PRICE {
        field.refuse(format!("must be at most {HIGHEST_PRICE}: US dollars per million tokens"));
        return None;
    }
    Some(rate)
}

#[cfg(test)]
mod tests {
    use super::super::document::read_document;
    use super::*;

    fn read(text: &str) -> Result<PriceSheet, Vec<String>> {
        read_document(text, read_sheet)
            .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_line_of_a_sheet_can_be_said() {
        let sheet = read(
            r#"
input = "2"
output = "12"
reasoning = "15"
priority = "2"
flex = "0.5"
per_use = { web_search = "0.01" }
tiers = [{ above_input_tokens = 200000, input = "4", output = "18" }]
hours = [{ from = "16:30", until = "00:30", multiplier = "0.5" }]
"#,
        )
        .unwrap();
        assert_eq!(sheet.tiers[0].above_input_tokens, 200_000);
        assert_eq!((sheet.hours[0].from_minute, sheet.hours[0].until_minute), (990, 30));
        assert_eq!(sheet.per_use.get(&ServerTool::WebSearch), Some(&Decimal::new(1, 2)));
        assert_eq!(
            (sheet.multipliers.priority, sheet.multipliers.fast),
            (Some(Decimal::TWO), None)
        );
        assert_eq!(sheet.base.reasoning, Some(Decimal::from(15)));
    }

    #[test]
    fn each_mistake_is_reported_with_its_line_and_field() {
        let mistakes = read(
            r#"input = "2"
output = "12"
flex = "0"
per_use = { web_serch = "0.01", file_search = "-1" }
tiers = [{ above_input_tokens = 5, input = "4", output = "18" }, { above_input_tokens = 5, input = "4" }]
hours = [{ from = "24:00", until = "0:30", multiplier = "0.5" }]
"#,
        )
        .unwrap_err();
        let has = |line: u32, field: &str| {
            let start = format!("line {line}: {field}: ");
            assert!(
                mistakes.iter().any(|mistake| mistake.starts_with(&start)),
                "{start} not in {mistakes:#?}"
            );
        };
        has(3, "flex");
        has(4, "per_use.web_serch");
        has(4, "per_use.file_search");
        has(5, "tiers[1].above_input_tokens");
        has(5, "tiers[1].output");
        has(6, "hours[0].from");
        has(6, "hours[0].until");
        assert_eq!(mistakes.len(), 7, "{mistakes:#?}");
    }
}
