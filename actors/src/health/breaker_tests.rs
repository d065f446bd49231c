use proptest::prelude::*;

use super::*;

const MIDDLE: u16 = u16::MAX / 2;
const MINUTE: Duration = Duration::from_secs(60);

fn opened(now: Instant) -> Breaker {
    let mut breaker = Breaker::new(now);
    for _ in 0..FAILURES_IN_A_ROW {
        breaker.failed(Terms::Usual, now, MIDDLE);
    }
    breaker
}

fn wait_ms(breaker: &Breaker, now: Instant) -> u128 {
    match breaker.state {
        State::Open { until } => (until - now).as_millis(),
        State::Closed | State::HalfOpen { .. } => panic!("not open: {breaker:?}"),
    }
}

#[test]
fn five_in_a_row_open_and_a_success_starts_anew() {
    let now = Instant::now();
    let mut breaker = Breaker::new(now);
    for _ in 0..3 {
        for _ in 0..4 {
            breaker.failed(Terms::Usual, now, 0);
        }
        breaker.succeeded(Terms::Usual, now);
    }
    assert_eq!(breaker.admit(now), Ok(Terms::Usual));
    assert_eq!(opened(now).standing(now), Standing::Open);
}

#[test]
fn more_than_half_of_twenty_opens_and_half_does_not() {
    let now = Instant::now();
    let mut breaker = Breaker::new(now);
    for _ in 0..10 {
        breaker.succeeded(Terms::Usual, now);
        breaker.failed(Terms::Usual, now, 0);
    }
    assert_eq!(breaker.standing(now), Standing::Closed);
    breaker.failed(Terms::Usual, now, 0);
    assert_eq!(breaker.standing(now), Standing::Open);
}

#[test]
fn it_opens_for_a_second_doubling_to_a_minute_and_one_success_forgives() {
    let mut now = Instant::now();
    let mut breaker = opened(now);
    let mut waits = Vec::new();
    for _ in 0..8 {
        let wait = wait_ms(&breaker, now);
        waits.push((wait + 500) / 1000);
        now += Duration::from_millis(u64::try_from(wait).unwrap());
        let terms = breaker.admit(now).unwrap();
        breaker.failed(terms, now, MIDDLE);
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    now += Duration::from_secs(61);
    let terms = breaker.admit(now).unwrap();
    breaker.succeeded(terms, now);
    assert_eq!(breaker.admit(now), Ok(Terms::Usual));
    for _ in 0..FAILURES_IN_A_ROW {
        breaker.failed(Terms::Usual, now, 0);
    }
    assert_eq!(wait_ms(&breaker, now), 750, "the least jitter takes a quarter off");
}

#[test]
fn the_jitter_is_a_quarter_each_way() {
    let now = Instant::now();
    for (chance, expected) in [(0, 750), (u16::MAX, 1250)] {
        let mut breaker = Breaker::new(now);
        for _ in 0..FAILURES_IN_A_ROW {
            breaker.failed(Terms::Usual, now, chance);
        }
        assert_eq!(wait_ms(&breaker, now), expected);
    }
}

#[test]
fn a_provider_that_asks_for_a_pause_is_not_broken() {
    let now = Instant::now();
    let mut breaker = Breaker::new(now);
    breaker.limited(Terms::Usual, now, 0, Some(Duration::from_secs(7)), Duration::MAX);
    breaker.limited(Terms::Usual, now, 0, Some(Duration::from_secs(2)), Duration::MAX);
    assert_eq!(breaker.admit(now), Err(Reopens::At(now + Duration::from_secs(7))));
    assert_eq!(breaker.admit(now + Duration::from_secs(7)), Ok(Terms::Usual), "no probe is needed");
}

#[test]
fn a_probe_that_says_nothing_gives_its_turn_away() {
    let now = Instant::now();
    let mut breaker = opened(now);
    let later = now + Duration::from_secs(2);
    let probe = breaker.admit(later).unwrap();
    assert_eq!(breaker.admit(later), Err(Reopens::WithTheProbe));
    breaker.unanswered(probe, later);
    let second = breaker.admit(later).unwrap();
    assert_ne!(probe, second);
    breaker.unanswered(probe, later);
    assert_eq!(breaker.admit(later), Err(Reopens::WithTheProbe), "the first one's turn is over");
}

#[derive(Debug, Clone)]
enum Step {
    ProviderPermit(u64),
    Admit,
    Regardless,
    End(usize, u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0u64..3000).prop_map(Step::ProviderPermit),
        Just(Step::Admit),
        Just(Step::Admit),
        Just(Step::Regardless),
        (any::<usize>(), 0u8..8).prop_map(|(which, how)| Step::End(which, how)),
        (any::<usize>(), 0u8..8).prop_map(|(which, how)| Step::End(which, how)),
    ];
    prop::collection::vec(step, 1..300)
}

/// When a call may come, at the earliest, and nothing is heard meanwhile.
fn blocked_until(breaker: &Breaker) -> Option<Instant> {
    let open = match breaker.state {
        State::Open { until } => Some(until),
        State::Closed | State::HalfOpen { .. } => None,
    };
    open.max(breaker.limited_until)
}

proptest! {
    #[test]
    fn p092_one_probe_at_most_and_no_failure_shortens(steps in steps(), chance in any::<u16>()) {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(now);
        let mut out: Vec<Terms> = Vec::new();
        for step in steps {
            match step {
                Step::ProviderPermit(ms) => now += Duration::from_millis(ms),
                Step::Regardless => out.push(Terms::Regardless),
                Step::Admit => {
                    let half_open = matches!(breaker.state, State::HalfOpen { .. });
                    match breaker.admit(now) {
                        Ok(terms) => {
                            prop_assert!(!half_open, "a second call while half-open");
                            out.push(terms);
                        }
                        Err(Reopens::At(until)) => prop_assert!(until > now),
                        Err(Reopens::WithTheProbe) => prop_assert!(half_open),
                    }
                }
                Step::End(_, _) if out.is_empty() => {}
                Step::End(which, how) => {
                    let terms = out.swap_remove(which % out.len());
                    let (before, limited) = (blocked_until(&breaker), breaker.limited_until);
                    match how {
                        0 => drop(breaker.succeeded(terms, now)),
                        1 => breaker.unanswered(terms, now),
                        2 => {
                            let pause = Some(Duration::from_millis(u64::from(chance)));
                            let _ = breaker.limited(terms, now, chance, pause, Duration::MAX);
                        }
                        3 => drop(breaker.limited(terms, now, chance, None, MINUTE)),
                        4 => drop(breaker.refused(terms, now, chance, Reason::KeyRefused, MINUTE)),
                        _ => drop(breaker.failed(terms, now, chance)),
                    }
                    if how >= 2 {
                        let after = blocked_until(&breaker);
                        prop_assert!(after >= before, "{before:?} became {after:?}");
                    }
                    prop_assert!(breaker.limited_until >= limited);
                }
            }
            let probing = out.iter().filter(|terms| breaker.is_probe(**terms)).count();
            let half_open = matches!(breaker.state, State::HalfOpen { .. });
            prop_assert_eq!(probing, usize::from(half_open), "while half-open one probe is out, and never two");
        }
    }
}

#[test]
fn a_refusal_opens_at_once_and_the_operator_can_close() {
    let mut now = Instant::now();
    let mut breaker = Breaker::new(now);
    let longest = Duration::from_secs(12);
    assert_eq!(
        breaker.refused(Terms::Usual, now, MIDDLE, Reason::KeyRefused, longest),
        Turned::Aside(Reason::KeyRefused)
    );
    assert_eq!(
        breaker.refused(Terms::Usual, now, MIDDLE, Reason::KeyRefused, longest),
        Turned::Unchanged,
        "calls that were out already"
    );
    let mut waits = Vec::new();
    for _ in 0..3 {
        let wait = wait_ms(&breaker, now);
        waits.push((wait + 500) / 1000);
        now += Duration::from_millis(u64::try_from(wait).unwrap());
        let probe = breaker.admit(now).unwrap();
        assert_eq!(
            breaker.refused(probe, now, MIDDLE, Reason::KeyRefused, longest),
            Turned::Unchanged,
            "it is told once"
        );
    }
    assert_eq!(waits, [5, 10, 12]);
    assert_eq!(breaker.aside(now).map(|aside| aside.reason), Some(Reason::KeyRefused));
    assert_eq!(breaker.clear(), Turned::Back(Reason::KeyRefused));
    assert_eq!((breaker.admit(now), breaker.aside(now)), (Ok(Terms::Usual), None));
}
