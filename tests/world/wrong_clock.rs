//! The machine's clock jumps a day forward and back again, under a running gateway.

use std::path::Path;

use crate::support::database::Database;
use crate::support::gateway::{GatewayPlan, message_of, routed, streamed};
use crate::support::process::Site;

/// From Debian's package `faketime`.
const CLOCK: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

#[actix_rt::test]
async fn calls_are_answered_and_recorded_across_jumps_of_the_clock() {
    assert!(Path::new(CLOCK).exists(), "{CLOCK}: `tools/install.sh` installs it");
    let mut site = Site::new(&GatewayPlan::default(), None).await;
    let clock = site.folder.path().join("clock");
    let set = |offset: &str| {
        let next = clock.with_extension("next");
        std::fs::write(&next, offset).unwrap();
        std::fs::rename(&next, &clock).unwrap();
    };
    set("+0d");
    let variables = [
        ("LD_PRELOAD", CLOCK),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
    ];
    site.environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let process = site.serve(&[]);
    for offset in ["+0d", "+1d", "+0d", "-1d", "+0d"] {
        set(offset);
        for _ in 0..3 {
            message_of(&site.call(process.address, &streamed(routed("hello"))).await);
        }
        assert_eq!(site.get(process.address, "/readyz").await.status, 200, "{offset}");
    }
    assert_eq!(process.stop().await, Some(0));
    site.environment.clear();
    let database = Database::at(&site.folder.path().join("a.db"));
    assert_eq!(
        database
            .number("select count(*) from routing_outcomes where outcome_status = 'succeeded'")
            .await,
        15
    );
    let days = "select count(distinct substr(created_at, 1, 10)) from routing_outcomes";
    assert_eq!(database.number(days).await, 3, "the clock did not jump for the gateway");
    let doctor = site.command(&["doctor"]);
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
}
