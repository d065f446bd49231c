//! T8: every way in which a provider can fail after it has begun to speak. Judged from the raw
//! bytes: an end that the provider did not send is a lie.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::driver::{Ending, Line, Reusable, Sighting, request};
use crate::findings::{Findings, per_mille};
use crate::oracle;
use crate::process::Process;
use crate::random::Random;
use crate::rows;
use crate::scale::Scale;
use crate::site::Site;
use crate::speech::Speech;
use crate::support::database::Database;
use crate::support::gateway::{native, routed, streamed};

const TARGET: &str = "0 invented ends; error within the idle timer and 1 s; partial debit";
const WIDTH: usize = 64;
pub const TOKENS: usize = 9;

/// What the provider goes on to say after the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Nothing: neither a stop reason nor a terminator was ever sent.
    Nothing,
    /// The rest of the answer, its end too: an end is no lie if nothing is missing before it.
    Everything,
    /// The rest of the answer, after bytes that are no UTF-8: the stream format has every client
    /// read those as U+FFFD, so the damage shows.
    EverythingAfterDamage,
    /// All but the terminator.
    AllButTerminator,
}

/// `{at}` is between the second and the last piece of content in both dialects.
pub const FAULTS: [(&str, Rest); 14] = [
    ("hang_at at={at}", Rest::Nothing),
    ("fin_at at={at}", Rest::Nothing),
    ("fin_mid_chunk at={at}", Rest::Nothing),
    ("rst_at at={at}", Rest::Nothing),
    ("garbage_at at={at}", Rest::Nothing),
    ("error_event_at at={at}", Rest::Nothing),
    ("error_event_at at={at} status=500", Rest::Nothing),
    ("drip fault=fin_at at={at}", Rest::Nothing),
    ("split_utf8 fault=rst_at at={at}", Rest::Nothing),
    ("delay_ms=2 fault=fin_at at={at}", Rest::Nothing),
    ("bad_json_at at={at}", Rest::Everything),
    ("bad_utf8_at at={at}", Rest::EverythingAfterDamage),
    ("duplicate_start", Rest::Everything),
    ("missing_terminator", Rest::AllButTerminator),
];

/// Two megabytes in one line: rarely, because it costs what ten thousand others do.
const HUGE: (&str, Rest) = ("huge_line at={at}", Rest::Everything);
const HUGE_EVERY: usize = 250;

pub async fn run(scale: Scale) -> Vec<Findings> {
    let faults = scale.pick(2_000, 20_000, 110_000);
    vec![on(Database::postgres().await, scale, faults).await]
}

#[derive(Default)]
struct Tally {
    injected: usize,
    invented: usize,
    damaged: usize,
    errors: usize,
    failed_whole: usize,
    finished: usize,
    errors_after_idle_ms: Vec<u64>,
    breaches: Vec<String>,
}

async fn on(database: Database, scale: Scale, faults: usize) -> Findings {
    // beside a test suite a sound provider may be silent for a while too
    let idle_ms = scale.pick(2_000, 300, 300) as u64;
    let mut findings = Findings::new("T8", database.name(), TARGET);
    let site = Site::new(database, "", &format!("hold = \"5s\"\nidle = \"{idle_ms}ms\"\n")).await;
    let process = Process::start(&site.config).await;
    let sound = sound_text(&site, &process).await;
    let (tally, sightings) =
        (RefCell::new(Tally::default()), RefCell::new(Vec::with_capacity(faults)));
    let next = Cell::new(0);
    let worker = |seed: u64| {
        let (tally, sightings, next, site, process, sound) =
            (&tally, &sightings, &next, &site, &process, &sound);
        async move {
            let mut random = Random::new(seed);
            let mut line: Option<Line> = None;
            loop {
                let number = next.replace(next.get() + 1);
                if number >= faults {
                    return;
                }
                let mut open = match line.take() {
                    Some(open) => open,
                    None => Line::open(process.address).await.unwrap(),
                };
                let (fault, rest, body) = fault_number(number, &mut random);
                let (sighting, reusable) =
                    open.call(&request(&site.key, &body), Duration::from_secs(60)).await;
                judge(&fault, rest, &sighting, sound, &mut tally.borrow_mut());
                sightings.borrow_mut().push(slim(sighting));
                if reusable == Reusable::Yes {
                    line = Some(open);
                }
            }
        }
    };
    join_all((0..WIDTH as u64).map(|client| worker(800 + client))).await;
    let code = process.terminate().await;
    findings.require(code == Some(0), || format!("the stop ended with {code:?}"));
    let (tally, sightings) = (tally.into_inner(), sightings.into_inner());
    findings.figure("faults injected", tally.injected);
    findings.figure("invented ends", tally.invented);
    findings.figure("ends over damaged text", tally.damaged);
    findings.figure("error events", tally.errors);
    findings.figure("failed before content", tally.failed_whole);
    findings.figure("rightly finished", tally.finished);
    let slowest = tally.errors_after_idle_ms.iter().copied().max().unwrap_or(0);
    findings.figure(
        "error after a hang p50/max ms",
        format!("{}/{slowest}", per_mille(&tally.errors_after_idle_ms, 500)),
    );
    findings.require_within_ms(
        scale,
        "from a call to the error after its hang",
        slowest,
        idle_ms + 1_000,
    );
    findings.require(tally.invented == 0 && tally.damaged == 0, || {
        "ends were invented or cover damage".to_owned()
    });
    findings.breaches.extend(tally.breaches);
    partial_debits(&site, &sightings, &mut findings).await;
    oracle::judge(&site, &sightings, &mut findings).await;
    findings
}

/// Which fault, in which dialect, at which event.
fn fault_number(number: usize, random: &mut Random) -> (String, Rest, serde_json::Value) {
    let (fault, rest) =
        if number % HUGE_EVERY == HUGE_EVERY - 1 { HUGE } else { FAULTS[number % FAULTS.len()] };
    let fault = fault.replace("{at}", &(5 + random.below(5)).to_string());
    let order = if fault.contains("fault=") { fault.clone() } else { format!("fault={fault}") };
    let prompt = format!("[[mock tokens={TOKENS} {order}]]");
    let mut body =
        streamed(if random.percent(50) { routed(&prompt) } else { native(routed(&prompt)) });
    body["max_tokens"] = json!(40);
    (fault, rest, body)
}

/// What the provider says when nothing goes wrong.
async fn sound_text(site: &Site, process: &Process) -> String {
    let mut line = Line::open(process.address).await.unwrap();
    let body = streamed(routed(&format!("[[mock tokens={TOKENS}]]")));
    match line.call(&request(&site.key, &body), Duration::from_secs(30)).await.0.ending {
        Ending::Whole(speech) if speech.message_stop => speech.text,
        other => panic!("without a fault: {other:?}"),
    }
}

fn judge(fault: &str, rest: Rest, sighting: &Sighting, sound: &str, tally: &mut Tally) {
    tally.injected += 1;
    let breach = |tally: &mut Tally, what: &str| {
        tally.breaches.push(format!("{fault}: {what}: {sighting:?}"))
    };
    let speech = match &sighting.ending {
        Ending::Whole(speech) => speech,
        Ending::Refused { status: 503, .. } => return tally.failed_whole += 1,
        _ => return breach(tally, "neither an answer nor an error"),
    };
    if !speech.complaints.is_empty() {
        breach(tally, "a client stumbles");
    }
    if speech.claims_success() {
        match rest {
            Rest::Nothing => {
                tally.invented += 1;
                breach(tally, "an end that was never sent");
            }
            Rest::Everything | Rest::EverythingAfterDamage | Rest::AllButTerminator => {
                let is_sound = match rest {
                    Rest::EverythingAfterDamage => shows_its_damage(&speech.text, sound),
                    Rest::Nothing | Rest::Everything | Rest::AllButTerminator => {
                        speech.text == sound
                    }
                };
                if !is_sound || speech.error.is_some() || !speech.message_stop {
                    tally.damaged += 1;
                    breach(tally, "an end over damaged text");
                }
                tally.finished += 1;
            }
        }
        return;
    }
    if speech.error.is_none() {
        return breach(tally, "neither an end nor an error event");
    }
    tally.errors += 1;
    if !sound.starts_with(&speech.text) {
        breach(tally, "text that the provider did not send");
    }
    if fault.starts_with("hang_at") {
        tally.errors_after_idle_ms.push(u64::try_from(sighting.took.as_millis()).unwrap());
    }
}

/// Nothing is missing but what was damaged, and that can be seen.
fn shows_its_damage(text: &str, sound: &str) -> bool {
    let Some((before, after)) = text.split_once('\u{fffd}') else { return false };
    let after = after.trim_start_matches('\u{fffd}');
    sound.starts_with(before)
        && sound.ends_with(after)
        && before.len() + after.len() + 8 >= sound.len()
}

/// What the oracle needs, without the text.
fn slim(mut sighting: Sighting) -> Sighting {
    if let Ending::Whole(speech) = &mut sighting.ending {
        *speech = Speech {
            text: if speech.has_content() { "…".to_owned() } else { String::new() },
            ..speech.clone()
        };
    }
    sighting
}

/// Whoever got content and then an error has paid for something, and not as if it were whole.
async fn partial_debits(site: &Site, sightings: &[Sighting], findings: &mut Findings) {
    let rows = rows::outcomes(&site.database).await;
    let mut partial = 0;
    for sighting in sightings {
        let (Ending::Whole(speech), Some(row)) =
            (&sighting.ending, sighting.request_id.and_then(|id| rows.get(&id)))
        else {
            continue;
        };
        if speech.error.is_some() && speech.has_content() {
            partial += 1;
            findings.require(row.status == "failed_midstream" && row.cost_nanos > 0, || {
                format!("no partial debit: {row:?} for {sighting:?}")
            });
        }
    }
    findings.figure("partial debits", partial);
}
