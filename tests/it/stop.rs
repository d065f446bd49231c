//! A stop as balancers and clients see it, and that it always ends.

use tokio::time::{Duration, Instant};

use crate::support::GatewayPlan;
use crate::support::client::Connection;
use crate::support::gateway::{message_of, routed, streamed};
use crate::support::own_postgres::OwnPostgres;
use crate::support::process::{Site, accepts};

#[actix_rt::test]
async fn balancers_hear_of_a_stop_before_calls_are_refused() {
    let plan =
        GatewayPlan { deadlines: "drain_least = \"5s\"\n".to_owned(), ..GatewayPlan::default() };
    let site = Site::new(&plan, None).await;
    let mut process = site.serve(&[]);
    let mut kept = site.begin(process.address, &streamed(routed("hi"))).await;
    assert_eq!(kept.answer().await.header("connection"), None, "kept alive");
    let mut long =
        site.begin(process.address, &streamed(routed("[[mock tokens=80 delay_ms=100]]"))).await;
    long.read_until("content_block_delta").await;
    process.signal("TERM");
    process.logged("stopping").await;
    assert_eq!(site.get(process.address, "/readyz").await.status, 503);
    site.call_on(&mut kept, &streamed(routed("hi"))).await;
    let answer = kept.answer().await;
    message_of(&answer);
    assert_eq!(answer.header("connection"), Some("close"));
    message_of(&site.call(process.address, &streamed(routed("hi"))).await);
    let deadline = Instant::now() + Duration::from_secs(30);
    while accepts(process.address).await {
        assert!(Instant::now() < deadline, "still accepts connections");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    message_of(&long.answer().await);
    assert_eq!(process.ended().await, Some(0), "{}", process.log());
}

#[actix_rt::test]
async fn an_idle_gateway_with_kept_connections_stops_at_once_on_loopback() {
    let site = Site::new(&GatewayPlan::default(), None).await;
    for signal in ["TERM", "INT"] {
        let mut process = site.serve(&[]);
        let mut kept = Vec::new();
        for _ in 0..5 {
            let mut connection = Connection::open(process.address).await;
            connection.send("GET", "/healthz", &[], b"").await;
            assert_eq!(connection.answer().await.status, 200);
            kept.push(connection);
        }
        let began = Instant::now();
        process.signal(signal);
        assert_eq!(process.ended().await, Some(0), "{}", process.log());
        assert!(began.elapsed() < Duration::from_secs(5), "{signal}: {:?}", began.elapsed());
    }
}

#[actix_rt::test]
async fn a_second_signal_cuts_what_still_runs_and_its_rows_are_written() {
    let site = Site::new(&GatewayPlan::default(), None).await;
    let mut process = site.serve(&[]);
    let mut hanging = site
        .begin(process.address, &streamed(routed("[[mock tokens=5 fault=hang_at at=4]]")))
        .await;
    hanging.read_until("content_block_delta").await;
    process.signal("TERM");
    process.logged("stopping").await;
    process.signal("TERM");
    assert_eq!(process.ended().await, Some(0), "{}", process.log());
    let doctor = site.command(&["doctor"]);
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
    assert!(site.serve(&[]).log().matches("left open were closed as lost").count() == 0);
}

/// The store is away and the spool cannot be written: nothing more can be done for the rows, and
/// the process still ends.
#[actix_rt::test]
async fn a_stop_without_store_and_spool_ends_within_its_bound() {
    let mut postgres = OwnPostgres::start().await;
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool/a.spool");
    std::fs::create_dir(folder.path().join("spool")).unwrap();
    let plan = GatewayPlan {
        deadlines: "drain = \"60s\"\nspool_after = \"500ms\"\nacknowledge = \"500ms\"\n".to_owned(),
        settings: "replica = \"one\"\n".to_owned(),
        ..GatewayPlan::default()
    };
    let site = Site::new(&plan, Some(&postgres.url())).await;
    let config = std::fs::read_to_string(&site.config).unwrap();
    std::fs::write(
        &site.config,
        config.replace("[store]\n", &format!("[store]\nspool = {spool:?}\n")),
    )
    .unwrap();
    let mut process = site.serve(&[]);
    let mut stream =
        site.begin(process.address, &streamed(routed("[[mock tokens=30 delay_ms=50]]"))).await;
    stream.read_until("content_block_delta").await;
    postgres.stop();
    // nothing can be added to its spool any more
    let limited = std::process::Command::new("prlimit")
        .args(["--fsize=0", "--pid"])
        .arg(process.id().to_string())
        .status()
        .unwrap();
    assert!(limited.success());
    message_of(&stream.answer().await);
    let began = Instant::now();
    process.signal("TERM");
    assert_eq!(process.ended().await, Some(1), "{}", process.log());
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    assert!(process.log().contains("rows could not be written"), "{}", process.log());
}

#[actix_rt::test]
async fn a_hangup_ends_nothing() {
    let site = Site::new(&GatewayPlan::default(), None).await;
    let mut process = site.serve(&[]);
    let mut stream =
        site.begin(process.address, &streamed(routed("[[mock tokens=30 delay_ms=20]]"))).await;
    stream.read_until("content_block_delta").await;
    process.signal("HUP");
    message_of(&stream.answer().await);
    message_of(&site.call(process.address, &streamed(routed("hi"))).await);
    assert!(process.is_alive());
    assert_eq!(process.stop().await, Some(0));
}
