use proptest::prelude::*;

use super::*;
use crate::RequestedTier;

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn price(input: &str, output: &str) -> Price {
    Price {
        input: decimal(input),
        output: decimal(output),
        cache_read: None,
        cache_write: None,
        cache_write_1h: None,
        reasoning: None,
    }
}

fn bounds(input_tokens: u64, output_tokens: u64) -> Bounds {
    Bounds {
        input_tokens,
        output_tokens,
        caches_for_an_hour: false,
        tool_uses: ToolUses::NONE,
        service: RequestedService::default(),
    }
}

fn noon() -> Timestamp {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

#[test]
fn a_plain_price_reserves_input_and_output_to_the_nano_dollar() {
    let sheet = PriceSheet::from(price("15", "75"));
    assert_eq!(sheet.reservation(&bounds(1000, 1024)), Ok(usd("0.0918")));
    assert_eq!(
        sheet.reservation(&bounds(u64::MAX, 1)),
        Err(PriceError::Money(MoneyError::Overflow))
    );
}

#[test]
fn the_dearest_of_input_and_cache_write_is_reserved() {
    let sheet = PriceSheet::from(Price { cache_write: Some(decimal("3.75")), ..price("3", "15") });
    assert_eq!(sheet.reservation(&bounds(1_000_000, 0)), Ok(usd("3.75")));
    let hour = Bounds { caches_for_an_hour: true, ..bounds(1_000_000, 0) };
    assert_eq!(sheet.reservation(&hour), Ok(usd("6")));
}

#[test]
fn a_whole_call_moves_to_the_tier_of_its_prompt() {
    let tier = PriceTier { above_input_tokens: 200_000, price: price("4", "18") };
    let sheet = PriceSheet { tiers: vec![tier], ..price("2", "12").into() };
    let of = |input_tokens| {
        let usage = TokenUsage { input_tokens, output_tokens: 1_000_000, ..TokenUsage::default() };
        sheet.bill(&usage, noon()).unwrap().total
    };
    assert_eq!(of(200_000), usd("12.4"));
    assert_eq!(of(200_001), usd("18.800004"));
    assert_eq!(sheet.reservation(&bounds(200_000, 1_000_000)), Ok(usd("12.4")));
    assert_eq!(sheet.reservation(&bounds(200_001, 1_000_000)), Ok(usd("18.800004")));
}

#[test]
fn uses_of_server_tools_are_billed_and_an_unknown_fee_is_an_error() {
    let mut sheet = PriceSheet::from(price("1", "10"));
    let tool_uses = ToolUses { web_search: 5, ..ToolUses::NONE };
    let usage =
        TokenUsage { input_tokens: 100, output_tokens: 20, tool_uses, ..TokenUsage::default() };
    assert_eq!(sheet.bill(&usage, noon()), Err(PriceError::UnknownFee(ServerTool::WebSearch)));
    sheet.per_use.insert(ServerTool::WebSearch, decimal("0.01"));
    assert_eq!(sheet.bill(&usage, noon()).unwrap().total, usd("0.0503"));
}

#[test]
fn the_tier_that_was_served_is_billed_and_the_dearest_that_may_be_is_reserved() {
    let multipliers = Multipliers {
        flex: Some(decimal("0.5")),
        priority: Some(decimal("2")),
        ..Multipliers::default()
    };
    let sheet = PriceSheet { multipliers, ..price("1", "1").into() };
    let of = |tier| {
        let served = Served { tier, ..Served::UNSAID };
        let usage = TokenUsage { input_tokens: 1_000_000, served, ..TokenUsage::default() };
        sheet.bill(&usage, noon()).map(|bill| bill.total)
    };
    assert_eq!(of(None), Ok(usd("1")));
    assert_eq!(of(Some(ServiceTier::Flex)), Ok(usd("0.5")));
    assert_eq!(of(Some(ServiceTier::Priority)), Ok(usd("2")));
    assert_eq!(of(Some(ServiceTier::Batch)), Err(PriceError::UnknownTier(ServiceTier::Batch)));
    let asking = |tier| {
        let service = RequestedService { tier, ..RequestedService::default() };
        sheet.reservation(&Bounds { service, ..bounds(1_000_000, 0) }).unwrap()
    };
    let asked =
        [RequestedTier::Any, RequestedTier::Standard, RequestedTier::Flex, RequestedTier::Priority];
    assert_eq!(asked.map(asking), [usd("2"), usd("1"), usd("1"), usd("2")]);
}

#[test]
fn hours_may_pass_midnight() {
    let night = Hours { from_minute: 16 * 60 + 30, until_minute: 30, multiplier: decimal("0.5") };
    let sheet = PriceSheet { hours: vec![night], ..price("1", "1").into() };
    let at = |time: &str| {
        let usage = TokenUsage { input_tokens: 1_000_000, ..TokenUsage::default() };
        sheet.bill(&usage, format!("2026-11-30T{time}Z").parse().unwrap()).unwrap().total
    };
    let times = ["16:29:59", "16:30:00", "23:59:59", "00:29:59", "00:30:00"];
    assert_eq!(times.map(at), ["1", "0.5", "0.5", "0.5", "1"].map(usd));
    assert_eq!(sheet.reservation(&bounds(1_000_000, 0)), Ok(usd("1")));
}

#[test]
fn a_cheap_place_does_not_hide_a_dear_speed() {
    let base = Price {
        input: Decimal::ONE,
        output: Decimal::ONE,
        cache_read: None,
        cache_write: None,
        cache_write_1h: None,
        reasoning: None,
    };
    let multipliers = Multipliers {
        fast: Some(Decimal::from(3)),
        us_only: Some(Decimal::new(1, 1)),
        ..Multipliers::default()
    };
    let sheet = PriceSheet { multipliers, ..PriceSheet::from(base) };
    let service = RequestedService { tier: RequestedTier::Standard, fast: true, us_only: true };
    let bounds = Bounds {
        input_tokens: 1_000_000,
        output_tokens: 0,
        caches_for_an_hour: false,
        tool_uses: ToolUses::NONE,
        service,
    };
    assert_eq!(
        sheet.reservation(&bounds),
        Ok("3".parse().unwrap()),
        "it may be served fast, and not in the place that was asked for"
    );
}

const REQUESTED_TIERS: &[RequestedTier] =
    &[RequestedTier::Any, RequestedTier::Standard, RequestedTier::Flex, RequestedTier::Priority];

prop_compose! {
    fn any_price()(
        rates in prop::array::uniform6(0i64..100_000_000),
        scale in 0u32..8,
        given in prop::array::uniform4(any::<bool>()),
    ) -> Price {
        let rate = |at: usize| Decimal::new(rates[at], scale);
        let maybe = |at: usize| given[at - 2].then(|| rate(at));
        Price {
            input: rate(0),
            output: rate(1),
            cache_read: maybe(2),
            cache_write: maybe(3),
            cache_write_1h: maybe(4),
            reasoning: maybe(5),
        }
    }
}

prop_compose! {
    fn any_sheet()(
        base in any_price(),
        long in prop::collection::btree_map(0u64..400_000, any_price(), 0..3),
        factors in prop::array::uniform5(prop::option::of(1i64..500)),
        hours in prop::collection::vec((0u16..1440, 0u16..1440, 1i64..300), 0..3),
        fees in prop::array::uniform7(0i64..100_000),
    ) -> PriceSheet {
        let factor = |at: usize| factors[at].map(|hundredths| Decimal::new(hundredths, 2));
        let hours = hours.into_iter().map(|(from_minute, until_minute, hundredths)| {
            Hours { from_minute, until_minute, multiplier: Decimal::new(hundredths, 2) }
        });
        PriceSheet {
            base,
            tiers: long
                .into_iter()
                .map(|(above_input_tokens, price)| PriceTier { above_input_tokens, price })
                .collect(),
            multipliers: Multipliers {
                batch: factor(0),
                flex: factor(1),
                priority: factor(2),
                fast: factor(3),
                us_only: factor(4),
            },
            hours: hours.collect(),
            per_use: ServerTool::ALL
                .into_iter()
                .zip(fees)
                .map(|(tool, fee)| (tool, Decimal::new(fee, 6)))
                .collect(),
        }
    }
}

/// How much of a bound an honest provider uses, and of which classes.
#[derive(Debug, Clone)]
struct Spending {
    input: [u64; 3],
    hour_share: u64,
    output: u64,
    thinking: u64,
    uses: [u32; 7],
    minute: i64,
    tier: usize,
    modes: [bool; 2],
}

prop_compose! {
    fn any_spending()(
        input in prop::array::uniform3(0u64..300_000),
        hour_share in 0u64..300_000,
        output in 0u64..200_000,
        thinking in 0u64..200_000,
        uses in prop::array::uniform7(0u32..50),
        minute in 0i64..1440,
        tier in 0usize..3,
        modes in any::<[bool; 2]>(),
    ) -> Spending {
        Spending { input, hour_share, output, thinking, uses, minute, tier, modes }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn no_bill_of_an_honest_provider_is_above_its_reservation(
        sheet in any_sheet(),
        spending in any_spending(),
        requested in prop::sample::select(REQUESTED_TIERS),
        requested_modes in any::<[bool; 2]>(),
        caches_for_an_hour: bool,
        slack in 0u64..300_000,
        more_uses in 0u32..3,
    ) {
        let [fast, us_only] = requested_modes;
        let service = RequestedService { tier: requested, fast, us_only };
        let mut tool_uses = ToolUses::NONE;
        for (tool, count) in ServerTool::ALL.into_iter().zip(spending.uses) {
            tool_uses.add(tool, count);
        }
        let tiers = service.tiers();
        let served = Served {
            tier: Some(tiers[spending.tier % tiers.len()]),
            fast: Some(fast && spending.modes[0]),
            us_only: Some(us_only && spending.modes[1]),
        };
        let written = spending.input[2];
        let usage = TokenUsage {
            input_tokens: spending.input[0],
            cache_read_input_tokens: spending.input[1],
            cache_creation_input_tokens: written,
            cache_creation_1h_input_tokens: if caches_for_an_hour {
                spending.hour_share.min(written)
            } else {
                0
            },
            output_tokens: spending.output,
            thinking_tokens: spending.thinking,
            tool_uses,
            served,
        };
        let allowed = tool_uses.plus(ToolUses { web_search: more_uses, ..ToolUses::NONE });
        let bounds = Bounds {
            input_tokens: usage.prompt_tokens() + slack,
            output_tokens: usage.output_tokens,
            caches_for_an_hour,
            tool_uses: allowed,
            service,
        };
        let at = Timestamp::from_second(spending.minute * 60).unwrap();
        // The call would have been refused before, so there is no bill.
        if let (Ok(reservation), Ok(bill)) = (sheet.reservation(&bounds), sheet.bill(&usage, at)) {
            prop_assert!(bill.total <= reservation, "{} above {}", bill.total, reservation);
            let cost = bill.price.cost(&usage).unwrap();
            prop_assert_eq!(cost.checked_add(bill.fees).unwrap(), bill.total);
        }
    }
}
