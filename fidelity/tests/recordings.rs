//! Recordings of the project's own, written by hand, through every client dialect.

use std::path::Path;

use ainfera_fidelity::caller;
use ainfera_fidelity::run::{self, Way};

#[test]
fn every_recording_agrees() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings");
    let report = run::over(&folder, &Way::Wire).unwrap();
    let (agree, total) = report.share();
    let streams = 13;
    assert_eq!(
        (agree, total),
        (streams * caller::DIALECTS.len(), streams * caller::DIALECTS.len()),
        "{report}"
    );
}
