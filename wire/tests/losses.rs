//! What a call loses on its way to a provider is known before its request is written, and it is
//! what the written request names.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "conversation/steps.rs"]
mod steps;

use ainfera_schema::ProviderKind;
use ainfera_wire::provider::Dialect;
use proptest::prelude::*;

use steps::{CLIENTS, MODELS, call, model, provider, step, takes_pictures};

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(1_500)
    })]

    #[test]
    fn losses_are_those_that_the_written_request_names(
        steps in proptest::collection::vec(step(), 0..5),
        client in proptest::sample::select(&CLIENTS[..]),
        kind in proptest::sample::select(&ProviderKind::ALL[..]),
        name in proptest::sample::select(&MODELS[..]),
    ) {
        let (provider, model) = (provider(kind), model(name));
        let call = call(client, &steps);
        let dialect = Dialect::for_call(kind, &call, &model);
        let has_pictures = steps.iter().any(|step| step.picture);
        let losses = dialect.losses(&call, &provider, &model);
        match (dialect.request(&call, &provider, &model), losses) {
            (Ok(request), Ok(losses)) => prop_assert_eq!(request.coercions.texts(), losses.texts()),
            (Err(bad), Err(unfit)) => {
                prop_assert!(!takes_pictures(kind, name) && has_pictures, "{}", bad);
                prop_assert_eq!(bad, unfit);
            }
            (request, losses) => prop_assert!(false, "{:?} but {:?}", request.err(), losses.err()),
        }
    }
}
