//! A conversation that goes on is sent as before, and more: what a provider got for earlier turns
//! stands in the next request byte for byte. Prompt caches and signed thinking depend on it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "conversation/steps.rs"]
mod steps;

use ainfera_schema::ProviderKind;
use ainfera_wire::provider::Dialect;
use proptest::prelude::*;
use serde_json::{Map, Value};

use steps::{CLIENTS, MODELS, Step, call, provider, step, takes_pictures};

/// The turns that a provider gets, each as it is written, and everything else of the body.
fn sent(client: &str, kind: ProviderKind, model: &str, steps: &[Step]) -> (Vec<String>, String) {
    let (provider, model) = (provider(kind), steps::model(model));
    let call = call(client, steps);
    let request = Dialect::for_call(kind, &call, &model).request(&call, &provider, &model);
    let mut body: Map<String, Value> = serde_json::from_slice(&request.unwrap().body).unwrap();
    let turns = ["messages", "input", "contents"].iter().find_map(|name| body.shift_remove(*name));
    let Some(Value::Array(turns)) = turns else { panic!("no turns in {body:?}") };
    (turns.iter().map(Value::to_string).collect(), Value::Object(body).to_string())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(1_500)
    })]

    #[test]
    fn what_was_sent_for_an_earlier_turn_is_sent_again(
        steps in proptest::collection::vec(step(), 1..5),
        before in 0usize..4,
        client in proptest::sample::select(&CLIENTS[..]),
        kind in proptest::sample::select(&ProviderKind::ALL[..]),
        model in proptest::sample::select(&MODELS[..]),
    ) {
        let before = before.min(steps.len() - 1);
        let mut steps = steps;
        if !takes_pictures(kind, model) {
            steps.iter_mut().for_each(|step| step.picture = false);
        }
        let (earlier, rest) = sent(client, kind, model, &steps[..before]);
        let (later, later_rest) = sent(client, kind, model, &steps);
        prop_assert_eq!(rest, later_rest);
        prop_assert_eq!(&earlier[..], &later[..earlier.len().min(later.len())]);
    }
}
