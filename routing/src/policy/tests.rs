//! The policy's sources and the dial; the module `balanced_lock` says in eight ways that `balanced`
//! changes nothing.

use super::*;
use ainfera_schema::policy::SpendPolicy;

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

fn hint(json: &str) -> RoutingHint {
    serde_json::from_str(json).unwrap()
}

fn agent(json: &str) -> SpendPolicy {
    serde_json::from_str(json).unwrap()
}

fn with_default_floor(text: &str) -> PolicySettings {
    PolicySettings { default_floor: decimal(text), ..PolicySettings::default() }
}

fn resolve(call: &str, owner: &str, dial: Dial) -> Policy {
    resolve_policy(&hint(call), &agent(owner).routing_defaults, &PolicySettings::default(), dial)
}

fn floor_from(default_floor: &str, preference: &str, dial: Dial) -> String {
    let call = RoutingHint {
        routing_preference: Some(preference.to_string().into()),
        ..RoutingHint::default()
    };
    resolve_policy(&call, &RoutingHint::default(), &with_default_floor(default_floor), dial)
        .min_quality
        .to_string()
}

#[test]
fn nothing_said_is_the_global_floor_and_no_cap() {
    let policy = resolve("{}", "{}", Dial::Off);
    assert_eq!(policy, Policy::with_floor(decimal("0.50")));
}

#[test]
fn the_tier_good_is_050() {
    assert_eq!(
        resolve(r#"{"quality_floor":"good"}"#, "{}", Dial::Off).min_quality.to_string(),
        "0.50"
    );
}

#[test]
fn the_tier_production_is_068() {
    assert_eq!(
        resolve(r#"{"quality_floor":"production"}"#, "{}", Dial::Off).min_quality.to_string(),
        "0.68"
    );
}

#[test]
fn the_tier_frontier_is_085() {
    assert_eq!(
        resolve(r#"{"quality_floor":"frontier"}"#, "{}", Dial::Off).min_quality.to_string(),
        "0.85"
    );
}

#[test]
fn tiers_are_the_operators_to_set() {
    let settings = PolicySettings {
        tiers: TierFloors { frontier: decimal("0.92"), ..TierFloors::default() },
        ..PolicySettings::default()
    };
    let policy = resolve_policy(
        &hint(r#"{"quality_floor":"frontier"}"#),
        &RoutingHint::default(),
        &settings,
        Dial::Off,
    );
    assert_eq!(policy.min_quality, decimal("0.92"));
}

#[test]
fn an_exact_floor_beats_a_named_one() {
    assert_eq!(
        resolve(r#"{"quality_floor":"frontier","min_quality":"0.71"}"#, "{}", Dial::Off)
            .min_quality,
        decimal("0.71")
    );
}

#[test]
fn a_floor_of_zero_is_a_floor() {
    assert_eq!(resolve(r#"{"min_quality":"0"}"#, "{}", Dial::Live).min_quality, Decimal::ZERO);
}

#[test]
fn the_agents_floor_applies_where_the_call_is_silent() {
    assert_eq!(
        resolve("{}", r#"{"routing_defaults":{"quality_floor":"frontier"}}"#, Dial::Off)
            .min_quality,
        FRONTIER_FLOOR
    );
}

#[test]
fn the_calls_floor_beats_the_agents_even_named_against_exact() {
    let policy = resolve(
        r#"{"quality_floor":"good"}"#,
        r#"{"routing_defaults":{"min_quality":"0.9"}}"#,
        Dial::Off,
    );
    assert_eq!(policy.min_quality, GOOD_FLOOR);
}

#[test]
fn the_calls_latency_cap_beats_the_agents() {
    let owner = r#"{"routing_defaults":{"latency_cap_ms":9000}}"#;
    assert_eq!(
        resolve(r#"{"latency_cap_ms":12000}"#, owner, Dial::Off).latency_cap_ms,
        Some(12000)
    );
    assert_eq!(resolve("{}", owner, Dial::Off).latency_cap_ms, Some(9000));
}

#[test]
fn the_calls_budget_beats_the_agents_default() {
    let owner = r#"{"routing_defaults":{"budget_cap_usd":"0.05"}}"#;
    assert_eq!(
        resolve(r#"{"budget_cap_usd":"0.01"}"#, "{}", Dial::Off).budget_cap_usd,
        Some(decimal("0.01"))
    );
    assert_eq!(resolve("{}", owner, Dial::Off).budget_cap_usd, Some(decimal("0.05")));
    assert_eq!(
        resolve(r#"{"budget_cap_usd":"0.06"}"#, owner, Dial::Off).budget_cap_usd,
        Some(decimal("0.06"))
    );
}

#[test]
fn the_owners_caps_are_held_where_the_call_is_admitted_and_not_here() {
    let owner = r#"{"per_call_cap_usd":"0.05","daily_cap_usd":"0","monthly_cap_usd":"0"}"#;
    assert_eq!(resolve("{}", owner, Dial::Off).budget_cap_usd, None);
    assert_eq!(
        resolve(r#"{"budget_cap_usd":"10"}"#, owner, Dial::Off).budget_cap_usd,
        Some(decimal("10"))
    );
}

#[test]
fn a_budget_of_nothing_is_a_budget() {
    assert_eq!(
        resolve(r#"{"budget_cap_usd":"0"}"#, "{}", Dial::Off).budget_cap_usd,
        Some(Decimal::ZERO)
    );
}

#[test]
fn quality_raises_the_default_by_a_tenth() {
    assert_eq!(floor_from("0.50", "quality", Dial::Live), "0.60");
}

#[test]
fn quality_stops_at_085() {
    assert_eq!(floor_from("0.74", "quality", Dial::Live), "0.84");
    assert_eq!(floor_from("0.75", "quality", Dial::Live), "0.85");
    assert_eq!(floor_from("0.76", "quality", Dial::Live), "0.85");
}

#[test]
fn cost_lowers_the_default_by_a_tenth() {
    assert_eq!(floor_from("0.68", "cost", Dial::Live), "0.58");
}

#[test]
fn cost_stops_at_050_so_from_050_it_moves_nothing() {
    assert_eq!(floor_from("0.60", "cost", Dial::Live), "0.50");
    assert_eq!(floor_from("0.55", "cost", Dial::Live), "0.50");
    assert_eq!(floor_from("0.50", "cost", Dial::Live), "0.50");
}

#[test]
fn with_the_gate_off_all_three_words_give_the_same_policy() {
    let silent = resolve("{}", "{}", Dial::Off);
    for word in ["quality", "balanced", "cost"] {
        assert_eq!(
            resolve(&format!(r#"{{"routing_preference":"{word}"}}"#), "{}", Dial::Off),
            silent,
            "{word}"
        );
    }
}

#[test]
fn an_explicit_floor_beats_the_dial() {
    for floor in [r#""min_quality":"0.70""#, r#""quality_floor":"production""#] {
        let plain = resolve(&format!("{{{floor}}}"), "{}", Dial::Live);
        for word in ["quality", "cost"] {
            assert_eq!(
                resolve(&format!(r#"{{{floor},"routing_preference":"{word}"}}"#), "{}", Dial::Live),
                plain,
                "{floor} {word}"
            );
        }
    }
}

#[test]
fn the_agents_floor_is_explicit_too() {
    let owner = r#"{"routing_defaults":{"min_quality":"0.80"}}"#;
    assert_eq!(
        resolve(r#"{"routing_preference":"cost"}"#, owner, Dial::Live).min_quality,
        decimal("0.80")
    );
}

#[test]
fn the_agents_preference_applies_and_the_calls_beats_it() {
    let owner = r#"{"routing_defaults":{"routing_preference":"quality"}}"#;
    assert_eq!(resolve("{}", owner, Dial::Live).min_quality, decimal("0.60"));
    assert_eq!(
        resolve(r#"{"routing_preference":"balanced"}"#, owner, Dial::Live).min_quality,
        decimal("0.50")
    );
}

#[test]
fn the_preset_says_which_way_the_dial_was_turned() {
    let preset = |word: &str, dial| {
        resolve(&format!(r#"{{"routing_preference":"{word}"}}"#), "{}", dial).preset
    };
    assert_eq!(preset("quality", Dial::Live), Preset::QualityFirst);
    assert_eq!(preset("cost", Dial::Live), Preset::CostFirst);
    assert_eq!(preset("quality", Dial::Off), Preset::Balanced);
    let floored =
        resolve(r#"{"routing_preference":"quality","min_quality":"0.7"}"#, "{}", Dial::Live);
    assert_eq!(floored.preset, Preset::Balanced);
}

#[test]
fn the_dial_leaves_budget_and_latency_alone() {
    let owner = r#"{"routing_defaults":{"budget_cap_usd":"0.05"}}"#;
    for word in ["quality", "cost"] {
        let policy = resolve(
            &format!(r#"{{"routing_preference":"{word}","latency_cap_ms":700}}"#),
            owner,
            Dial::Live,
        );
        assert_eq!(
            (policy.budget_cap_usd, policy.latency_cap_ms),
            (Some(decimal("0.05")), Some(700))
        );
    }
}

/// Each test resolves with `balanced` and without, and wants the same bytes: digits after the point
/// included, which `==` on decimals would forgive.
mod balanced_lock {
    use super::*;
    use crate::decide::{DecideOptions, DecideRequest};
    use crate::ruleset::{policy_version, ruleset_hash};

    fn bytes(policy: &Policy) -> String {
        serde_json::to_string(policy).unwrap()
    }

    fn assert_no_op(
        call: &RoutingHint,
        owner: &RoutingHint,
        settings: &PolicySettings,
        dial: Dial,
    ) {
        let balanced =
            RoutingHint { routing_preference: Some(RoutingPreference::Balanced), ..call.clone() };
        let without = resolve_policy(call, owner, settings, Dial::Off);
        assert_eq!(bytes(&resolve_policy(&balanced, owner, settings, dial)), bytes(&without));
    }

    #[test]
    fn with_the_gate_off() {
        assert_no_op(
            &RoutingHint::default(),
            &RoutingHint::default(),
            &PolicySettings::default(),
            Dial::Off,
        );
    }

    #[test]
    fn with_the_gate_on() {
        assert_no_op(
            &RoutingHint::default(),
            &RoutingHint::default(),
            &PolicySettings::default(),
            Dial::Live,
        );
    }

    #[test]
    fn silence_with_the_gate_on_is_balanced() {
        let live = resolve("{}", "{}", Dial::Live);
        assert_eq!(bytes(&live), bytes(&resolve("{}", "{}", Dial::Off)));
    }

    #[test]
    fn an_unknown_word_is_balanced() {
        for word in ["", "turbo", "Quality", "COST", "balanced "] {
            let live = resolve(&format!(r#"{{"routing_preference":"{word}"}}"#), "{}", Dial::Live);
            assert_eq!(bytes(&live), bytes(&resolve("{}", "{}", Dial::Off)), "{word:?}");
        }
    }

    #[test]
    fn with_any_default_floor_even_outside_the_dials_range() {
        for floor in ["0", "0.3", "0.500", "0.68", "0.85", "0.95", "1"] {
            assert_no_op(
                &RoutingHint::default(),
                &RoutingHint::default(),
                &with_default_floor(floor),
                Dial::Live,
            );
        }
    }

    #[test]
    fn beside_an_explicit_floor() {
        for call in [r#"{"min_quality":"0.7"}"#, r#"{"quality_floor":"frontier"}"#] {
            assert_no_op(
                &hint(call),
                &RoutingHint::default(),
                &PolicySettings::default(),
                Dial::Live,
            );
        }
    }

    #[test]
    fn beside_caps_and_the_agents_defaults() {
        let call = hint(r#"{"budget_cap_usd":"0.0100","latency_cap_ms":4000}"#);
        let owner = agent(
            r#"{"per_call_cap_usd":"0.05","daily_cap_usd":"1","routing_defaults":{"quality_floor":"production"}}"#,
        );
        assert_no_op(&call, &owner.routing_defaults, &PolicySettings::default(), Dial::Live);
    }

    #[test]
    fn down_to_the_policy_version_and_the_decision() {
        let request = DecideRequest { estimated_input_tokens: 1000, reserved_max_tokens: 1024 };
        let options = DecideOptions::serving();
        let candidates = crate::catalogue::tests::figures();
        let of = |call: &str, dial| {
            let policy = resolve(call, "{}", dial);
            let decision =
                crate::decide::decide(&request, candidates.candidates(), &policy, &options);
            (
                policy_version(policy.preset, ruleset_hash(&policy, &options)),
                serde_json::to_string(&decision).unwrap(),
            )
        };
        let balanced = of(r#"{"routing_preference":"balanced"}"#, Dial::Live);
        assert_eq!(balanced, of("{}", Dial::Off));
        assert_eq!(balanced.0, "balanced@1.0.0+07dbdce7");
    }
}
