//! Recorded answers of providers through the program itself, in every client dialect, streamed and
//! whole.

use std::path::Path;

use ainfera_fidelity::gateway::Gateway;
use ainfera_fidelity::run::{self, Way};

#[test]
fn recorded_answers_are_heard_through_the_program() {
    let gateway = Gateway::start(Path::new(env!("CARGO_BIN_EXE_ainfera"))).unwrap();
    let report = run::over(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("fidelity/recordings"),
        &Way::Gateway(gateway),
    )
    .unwrap();
    let (agree, total) = report.share();
    assert_eq!((agree, total), (65, 65), "{report}");
}
