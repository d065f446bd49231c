use ainfera_routing::CatalogueEntry;
use ainfera_schema::{Network, OwnDeadlines, ProviderKind};
use ainfera_wire::error::StreamFault;

use super::*;
use crate::provider::ProviderFailure;

const FAULT: ProviderFailure = ProviderFailure::Stream(StreamFault::Truncated);

fn model(slug: &str, provider: &str) -> Model {
    Model {
        slug: ModelSlug::new(slug),
        provider: ProviderId::new(provider),
        upstream_name: slug.to_owned(),
        maker: provider.to_owned(),
        q_prior: None,
        m_allowed: None,
        price: None,
        context_window: None,
        max_output_tokens: None,
        takes: ainfera_schema::ModelTakes::default(),
        expected_latency_ms: None,
        as_of: None,
        supports_tools: true,
        reasoning: None,
        stream_mode: ainfera_schema::StreamMode::Native,
        deadlines: OwnDeadlines::default(),
    }
}

struct Bench {
    health: Health,
    models: Vec<Model>,
    now: Instant,
}

impl Bench {
    fn new(breaker: BreakerUse, limit_of_a: Option<u32>) -> Self {
        Self::at(Instant::now(), breaker, limit_of_a)
    }

    fn at(now: Instant, breaker: BreakerUse, limit_of_a: Option<u32>) -> Self {
        let models = vec![model("one", "a"), model("two", "a"), model("three", "b")];
        let entries = models
            .iter()
            .map(|model| CatalogueEntry {
                model: model.clone(),
                kind: ProviderKind::Mock,
                unsaid: ainfera_schema::Unsaid::default(),
            })
            .collect();
        let providers = [("a", limit_of_a), ("b", None)].map(|(id, max_concurrent)| Provider {
            id: ProviderId::new(id),
            kind: ProviderKind::Mock,
            base_url: String::new(),
            api_key: None,
            on_disconnect: ainfera_schema::OnDisconnect::default(),
            max_concurrent,
            stream_mode: ainfera_schema::StreamMode::Native,
            network: Network::default(),
            deadlines: OwnDeadlines::default(),
            unsaid: ainfera_schema::Unsaid::default(),
        });
        let settings = HealthSettings { breaker, ..HealthSettings::default() };
        let health = Health::new(settings, &Catalogue::new(entries).unwrap(), &providers, now);
        Self { health, models, now }
    }

    fn choose(
        &self,
        kind: CallKind,
        slugs: &[&str],
        later_ms: u64,
    ) -> Result<(String, ProviderPermit), u64> {
        let queue = slugs.iter().enumerate().filter_map(|(position, slug)| {
            Some((position, self.models.iter().find(|model| model.slug.as_str() == *slug)?))
        });
        match self.health.choose(kind, queue, self.now + std::time::Duration::from_millis(later_ms))
        {
            Turn::Of { position, permit } => Ok((slugs[position].to_owned(), permit)),
            Turn::NoneAvailable { retry_after_seconds, .. } => Err(retry_after_seconds),
        }
    }

    /// Five failures, of which the last comes so late.
    fn break_down(&self, slug: &str, later_ms: u64) {
        let at = self.now + std::time::Duration::from_millis(later_ms);
        for _ in 0..5 {
            self.choose(CallKind::Direct, &[slug], later_ms).unwrap().1.failed(
                &FAULT,
                at,
                u16::MAX / 2,
            );
        }
    }
}

#[test]
fn the_broken_stand_behind_the_others_and_one_probe_brings_them_back() {
    let bench = Bench::new(BreakerUse::On, None);
    let all = ["one", "two", "three"];
    bench.break_down("one", 0);
    assert_eq!(bench.choose(CallKind::Routed, &all, 500).unwrap().0, "two");
    let (first, mut probe) = bench.choose(CallKind::Routed, &all, 1500).unwrap();
    assert_eq!(first, "one");
    assert_eq!(bench.choose(CallKind::Routed, &all, 1500).unwrap().0, "two", "its probe is out");
    assert_eq!(bench.choose(CallKind::Direct, &["one"], 1500).unwrap_err(), 1);
    probe.answered();
    assert_eq!(bench.choose(CallKind::Routed, &all, 1500).unwrap().0, "one");
}

#[test]
fn where_all_are_broken_a_routed_call_tries_who_opens_first_and_a_pin_is_refused() {
    let bench = Bench::new(BreakerUse::On, None);
    bench.break_down("two", 0);
    bench.break_down("one", 600);
    assert_eq!(bench.choose(CallKind::Routed, &["one", "two"], 700).unwrap().0, "two");
    assert_eq!(bench.choose(CallKind::Direct, &["one"], 700).unwrap_err(), 1);
    let pause = ProviderFailure::Refused {
        status: 429,
        kind: ainfera_wire::error::FaultKind::RateLimited,
        message: String::new(),
        retry_after_seconds: Some(30),
    };
    bench.choose(CallKind::Direct, &["three"], 0).unwrap().1.failed(&pause, bench.now, 0);
    assert_eq!(bench.choose(CallKind::Direct, &["three"], 500).unwrap_err(), 30);
}

#[test]
fn a_probe_whose_client_leaves_makes_room_for_the_next() {
    let bench = Bench::new(BreakerUse::On, None);
    bench.break_down("one", 0);
    drop(bench.choose(CallKind::Direct, &["one"], 1500).unwrap());
    let later_ms = u64::try_from(bench.now.elapsed().as_millis()).unwrap() + 1500;
    assert_eq!(bench.choose(CallKind::Direct, &["one"], later_ms).unwrap().0, "one");
}

#[test]
fn a_full_provider_is_passed_over_until_a_seat_is_free() {
    for breaker in [BreakerUse::On, BreakerUse::Off] {
        let bench = Bench::new(breaker, Some(1));
        let (first, seated) = bench.choose(CallKind::Routed, &["one", "two", "three"], 0).unwrap();
        assert_eq!(first, "one");
        assert_eq!(bench.choose(CallKind::Routed, &["one", "two", "three"], 0).unwrap().0, "three");
        assert_eq!(bench.choose(CallKind::Routed, &["one", "two"], 0).unwrap_err(), 1);
        drop(seated);
        assert_eq!(bench.choose(CallKind::Routed, &["two", "one"], 0).unwrap().0, "two");
    }
}

#[test]
fn without_breakers_no_provider_is_passed_over() {
    let bench = Bench::new(BreakerUse::Off, None);
    bench.break_down("one", 0);
    assert_eq!(bench.choose(CallKind::Routed, &["one", "two"], 0).unwrap().0, "one");
    assert_eq!(bench.health.standings(bench.now).len(), 0);
}

#[test]
fn after_a_reload_what_is_known_stays_known_unless_the_provider_changed() {
    let former = Bench::new(BreakerUse::On, Some(2));
    for slug in ["one", "three"] {
        former.break_down(slug, 0);
        assert!(former.choose(CallKind::Direct, &[slug], 0).is_err(), "{slug} is broken");
    }
    let (_, seated) = former.choose(CallKind::Direct, &["two"], 0).unwrap();
    let mut next = Bench::at(former.now, BreakerUse::On, Some(1));
    next.health = next.health.following(&former.health, |provider| provider.as_str() == "a");
    assert!(
        next.choose(CallKind::Direct, &["one"], 0).is_err(),
        "its provider is the same: it is still broken"
    );
    assert!(
        next.choose(CallKind::Direct, &["three"], 0).is_ok(),
        "its provider has changed: nothing is known of it"
    );
    assert!(
        next.choose(CallKind::Direct, &["two"], 0).is_err(),
        "the one seat that there is now is taken by a call from before"
    );
    drop(seated);
    assert!(next.choose(CallKind::Direct, &["two"], 0).is_ok());
}

fn refusal(status: u16, kind: ainfera_wire::error::FaultKind) -> ProviderFailure {
    ProviderFailure::Refused { status, kind, message: String::new(), retry_after_seconds: None }
}

#[test]
fn a_refused_key_sets_all_models_of_the_provider_aside_and_one_probe_brings_them_back() {
    use ainfera_wire::error::FaultKind;
    let bench = Bench::new(BreakerUse::On, None);
    let all = ["one", "two", "three"];
    bench.choose(CallKind::Routed, &all, 0).unwrap().1.failed(
        &refusal(401, FaultKind::KeyRefused),
        bench.now,
        u16::MAX / 2,
    );
    assert_eq!(
        bench.choose(CallKind::Routed, &all, 0).unwrap().0,
        "three",
        "the second model has the same key"
    );
    let aside = bench.health.set_aside(bench.now);
    assert_eq!(
        (aside.len(), aside[0].provider.as_str(), &aside[0].model, aside[0].reason),
        (1, "a", &None, Reason::KeyRefused)
    );
    let (probed, mut probe) = bench.choose(CallKind::Routed, &all, 6000).unwrap();
    assert_eq!(probed, "one");
    assert_eq!(
        bench.choose(CallKind::Routed, &all, 6000).unwrap().0,
        "three",
        "one probe for all models of the key"
    );
    probe.answered();
    assert_eq!(bench.choose(CallKind::Routed, &["two"], 6000).unwrap().0, "two");
    assert_eq!(bench.health.set_aside(bench.now), []);
}

#[test]
fn a_model_that_is_gone_is_set_aside_alone_and_can_be_cleared() {
    use ainfera_wire::error::FaultKind;
    let bench = Bench::new(BreakerUse::On, None);
    bench.choose(CallKind::Routed, &["one"], 0).unwrap().1.failed(
        &refusal(404, FaultKind::NoSuchModel),
        bench.now,
        u16::MAX / 2,
    );
    assert_eq!(bench.choose(CallKind::Routed, &["one", "two"], 0).unwrap().0, "two");
    assert_eq!(bench.health.clear("a", Some("three")), Cleared::Unknown);
    assert_eq!(bench.health.clear("nowhere", None), Cleared::Unknown);
    assert_eq!(bench.health.clear("a", None), Cleared::Entries(1));
    assert_eq!(bench.choose(CallKind::Routed, &["one", "two"], 0).unwrap().0, "one");
}

#[test]
fn a_pause_without_a_time_grows_and_a_day_is_cut_to_what_the_operator_allows() {
    use ainfera_wire::error::FaultKind;
    let bench = Bench::new(BreakerUse::On, None);
    let fail = |later_ms: u64, seconds: Option<u64>| {
        let failure = ProviderFailure::Refused {
            status: 429,
            kind: FaultKind::RateLimited,
            message: String::new(),
            retry_after_seconds: seconds,
        };
        let at = bench.now + std::time::Duration::from_millis(later_ms);
        bench.choose(CallKind::Direct, &["one"], later_ms).unwrap().1.failed(
            &failure,
            at,
            u16::MAX / 2,
        );
    };
    fail(0, None);
    assert_eq!(bench.choose(CallKind::Direct, &["one"], 100).unwrap_err(), 1);
    fail(1100, None);
    assert_eq!(bench.choose(CallKind::Direct, &["one"], 1200).unwrap_err(), 2);
    fail(3200, Some(86_400));
    let seconds = bench.choose(CallKind::Direct, &["one"], 3200).unwrap_err();
    assert!((225..=376).contains(&seconds), "{seconds}");
}

/// Model `one` at provider `a` with two keys, and at `b`.
fn with_three_deployments() -> Bench {
    let now = Instant::now();
    let models = vec![model("one", "a#1"), model("one", "a#2"), model("one", "b")];
    let entry = |model: &Model| CatalogueEntry {
        model: model.clone(),
        kind: ProviderKind::Mock,
        unsaid: ainfera_schema::Unsaid::default(),
    };
    let deployments = models
        .iter()
        .map(|model| ainfera_routing::Deployment { entry: entry(model), weight: 1 })
        .collect();
    let catalogue = Catalogue::new(vec![entry(&models[0])])
        .unwrap()
        .with_deployments(&ModelSlug::new("one"), deployments)
        .unwrap();
    Bench { health: Health::new(HealthSettings::default(), &catalogue, &[], now), models, now }
}

/// Of the model's deployments, the first that is chosen.
fn choose_of(bench: &Bench) -> Result<(String, ProviderPermit), u64> {
    match bench.health.choose(CallKind::Direct, bench.models.iter().enumerate(), bench.now) {
        Turn::Of { position, permit } => Ok((bench.models[position].provider.to_string(), permit)),
        Turn::NoneAvailable { retry_after_seconds, .. } => Err(retry_after_seconds),
    }
}

#[test]
fn each_deployment_of_a_model_has_a_health_of_its_own() {
    let bench = with_three_deployments();
    let refused = |status, kind| ProviderFailure::Refused {
        status,
        kind,
        message: String::new(),
        retry_after_seconds: Some(9),
    };
    let key_refused = refused(401, ainfera_wire::error::FaultKind::KeyRefused);
    let limited = refused(429, ainfera_wire::error::FaultKind::RateLimited);
    for (failure, asked, next) in [(&key_refused, "a#1", "a#2"), (&limited, "a#2", "b")] {
        let (provider, mut permit) = choose_of(&bench).unwrap();
        assert_eq!(provider, asked);
        permit.failed(failure, bench.now, 0);
        assert_eq!(choose_of(&bench).unwrap().0, next);
    }
    choose_of(&bench).unwrap().1.failed(&limited, bench.now, 0);
    assert!(choose_of(&bench).is_err(), "none is left");
    assert_eq!(bench.health.set_aside(bench.now).len(), 3);
    assert_eq!(
        bench.health.clear("a", None),
        Cleared::Entries(2),
        "the provider's name means all its keys"
    );
    assert_eq!(choose_of(&bench).unwrap().0, "a#1");
    assert_eq!(bench.health.clear("a#3", None), Cleared::Unknown);
}

#[test]
fn the_calls_of_each_deployment_are_counted_while_they_run() {
    let bench = with_three_deployments();
    let in_flight = || {
        bench
            .models
            .iter()
            .map(|model| bench.health.deployments().in_flight(model))
            .collect::<Vec<_>>()
    };
    let first = choose_of(&bench).unwrap();
    let second = choose_of(&bench).unwrap();
    assert_eq!(in_flight(), [2, 0, 0]);
    drop((first, second));
    assert_eq!(in_flight(), [0, 0, 0]);
    assert_eq!(
        Bench::new(BreakerUse::On, None).health.deployments().in_flight(&bench.models[0]),
        0
    );
}
