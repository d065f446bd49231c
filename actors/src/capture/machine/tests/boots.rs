//! The beginning of a boot: what the simulation, whose one spool is always there, does not show.

use ainfera_schema::BootId;
use ainfera_store::CloseResult;

use super::*;
use crate::capture::example::closing;
use crate::capture::spool::{Spooled, decode};
use crate::capture::spool_file::SpoolError;
use crate::capture::start::StartFailure;

const REPLICA: &str = "replica-1";

fn starting(machine: &mut Machine) -> Told {
    let spools = vec![SpoolName::Own, SpoolName::Former];
    let (boot_id, replica) = (BootId::mint(), REPLICA.to_owned());
    on(machine, 0, Input::StartBoot { boot_id, replica, spools, waiter: "start" })
}

fn read(spool: SpoolName, closings: Vec<Closing>) -> Input<&'static str> {
    Input::SpoolRead { spool, result: Ok(Spooled { closings, damaged_lines: 0 }) }
}

fn in_use() -> StartFailure {
    StartFailure::Spool(SpoolError::InUse { path: "spool".into() })
}

#[test]
fn a_spool_that_another_process_uses_is_left_to_it_and_the_next_one_is_read() {
    let mut machine = machine();
    assert!(matches!(starting(&mut machine)[..], [Effect::ReadSpool(SpoolName::Own)]));
    let spool = SpoolName::Own;
    let effects = on(&mut machine, 0, Input::SpoolRead { spool, result: Err(in_use()) });
    assert!(matches!(effects.last(), Some(Effect::ReadSpool(SpoolName::Former))));
    let result = Err(StartFailure::Spool(SpoolError::Stopped));
    let effects = on(&mut machine, 0, Input::SpoolRead { spool: SpoolName::Former, result });
    assert!(replies(&effects)[0].1.contains("Err"), "{effects:?}");
}

#[test]
fn refused_records_are_offered_and_a_record_of_an_unknown_call_is_kept_beside_the_spool() {
    let mut machine = machine();
    starting(&mut machine);
    let closings = vec![closing("known"), closing("unknown")];
    let unknown = closings[1].outcome.request_id;
    let effects = on(&mut machine, 0, read(SpoolName::Own, closings.clone()));
    let is_offered = matches!(
        &effects[..],
        [Effect::OfferRefusedRecords { spool: SpoolName::Own, replica }] if replica == REPLICA
    );
    assert!(is_offered, "{effects:?}");
    assert_eq!(sent(&on(&mut machine, 0, Input::RefusedRecordsOffered(Ok(())))), [(0, 2)]);
    let closed = vec![
        (closings[0].outcome.request_id, CloseResult::Closed),
        (unknown, CloseResult::Unknown),
    ];
    let reply = CaptureReply { closed, ..CaptureReply::default() };
    let effects = on(&mut machine, 0, Input::Committed { lane: Lane::Replay, reply, server: None });
    let Some(Effect::FinishReplay { refused, unknown: lines, .. }) = effects.last() else {
        panic!("{effects:?}")
    };
    assert_eq!((refused.len(), decode(lines).closings[0].outcome.request_id), (0, unknown));
    on(&mut machine, 0, Input::SpoolReplayed(Ok(())));
    let effects = on(&mut machine, 0, read(SpoolName::Former, Vec::new()));
    assert!(matches!(effects[..], [Effect::OfferRefusedRecords { .. }]));
    let effects = on(&mut machine, 0, Input::RefusedRecordsOffered(Ok(())));
    assert!(matches!(effects[..], [Effect::BeginBoot { .. }]));
    let effects = on(&mut machine, 0, Input::BootBegun(Ok(3)));
    let started = "Started(Ok(Started { replayed: 1, lost: 3 }))".to_owned();
    assert_eq!(replies(&effects), [("start", started)]);
}

#[test]
fn a_spool_that_cannot_be_emptied_ends_the_start() {
    let mut machine = machine();
    starting(&mut machine);
    on(&mut machine, 0, read(SpoolName::Own, vec![closing("a")]));
    on(&mut machine, 0, Input::RefusedRecordsOffered(Ok(())));
    let reply = CaptureReply::default();
    on(&mut machine, 0, Input::Committed { lane: Lane::Replay, reply, server: None });
    let failure = StartFailure::Spool(SpoolError::Stopped);
    let effects = on(&mut machine, 0, Input::SpoolReplayed(Err(failure)));
    assert!(replies(&effects)[0].1.contains("Err"), "{effects:?}");
}

#[test]
fn a_record_that_is_refused_at_the_start_says_whose_it_was() {
    let mut machine = machine();
    starting(&mut machine);
    on(&mut machine, 0, read(SpoolName::Own, vec![closing("poison")]));
    on(&mut machine, 0, Input::RefusedRecordsOffered(Ok(())));
    let error = StoreError::Statement("constraint".to_owned());
    let failed = Input::Failed { lane: Lane::Replay, error, server: None };
    let effects = on(&mut machine, 0, failed);
    let Some(Effect::FinishReplay { refused, .. }) = effects.last() else { panic!("{effects:?}") };
    assert_eq!(refused[0].replica, REPLICA);
}

#[test]
fn nothing_is_written_before_the_boot_has_begun() {
    let mut machine = machine();
    starting(&mut machine);
    let effects = on(&mut machine, 0, record("early", Awaited::ByClient));
    assert!(sent(&effects).is_empty(), "{effects:?}");
    for spool in [SpoolName::Own, SpoolName::Former] {
        on(&mut machine, 0, read(spool, Vec::new()));
        on(&mut machine, 0, Input::RefusedRecordsOffered(Ok(())));
    }
    assert_eq!(sent(&on(&mut machine, 0, Input::BootBegun(Ok(0)))), [(0, 1)]);
}
