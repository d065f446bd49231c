//! A start: whatever can be missing is found before anything is changed, and a process that serves
//! is left alone.

use tokio::time::{Duration, Instant};

use crate::support::GatewayPlan;
use crate::support::database::Database;
use crate::support::gateway::{message_of, routed, streamed};
use crate::support::process::Site;

async fn a_second_serve_is_refused(database: Database) {
    let name = database.name();
    let plan = GatewayPlan { settings: "replica = \"one\"\n".to_owned(), ..GatewayPlan::default() };
    let site = Site::new(&plan, Some(&database.url())).await;
    let mut first = site.serve(&[]);
    let mut stream =
        site.begin(first.address, &streamed(routed("[[mock tokens=60 delay_ms=20]]"))).await;
    stream.read_until("content_block_delta").await;
    // the same address, and another one
    for listen in [first.address.to_string(), "127.0.0.1:0".to_owned()] {
        let second = site.command(&["serve", "--listen", &listen]);
        let said = String::from_utf8_lossy(&second.stderr).into_owned();
        assert_eq!(second.status.code(), Some(1), "{name}: {said}");
        assert!(!said.contains("there is no reactor running"), "{said}");
        if listen.ends_with(":0") {
            assert!(said.contains(&format!("process {}", first.id())), "{name}: {said}");
        } else {
            assert!(said.contains(&listen), "{name}: {said}");
        }
    }
    message_of(&stream.answer().await);
    assert!(first.is_alive(), "{name}: {}", first.log());
    assert_eq!(database.number("select count(*) from boots").await, 1, "{name}");
    assert_eq!(
        database.number("select count(*) from boots where state = 'open'").await,
        1,
        "{name}"
    );
    assert_eq!(
        site.command(&["keys", "create", "--agent", "another"]).status.code(),
        Some(0),
        "{name}"
    );
    assert_eq!(first.stop().await, Some(0), "{name}");
    assert_eq!(
        database
            .number("select count(*) from routing_outcomes where outcome_status = 'lost'")
            .await,
        0,
        "{name}"
    );
}

#[actix_rt::test]
async fn a_second_serve_is_refused_and_the_first_goes_on_on_sqlite() {
    a_second_serve_is_refused(Database::sqlite()).await;
}

#[actix_rt::test]
async fn a_second_serve_is_refused_and_the_first_goes_on_on_postgres() {
    a_second_serve_is_refused(Database::postgres().await).await;
}

#[actix_rt::test]
async fn on_postgres_a_name_that_runs_on_another_machine_is_not_taken() {
    let database = Database::postgres().await;
    let plan = GatewayPlan {
        settings: "replica = \"one\"\n".to_owned(),
        deadlines: "heartbeat = \"200ms\"\nlease = \"3s\"\n".to_owned(),
        ..GatewayPlan::default()
    };
    let [here, there] = [
        Site::new(&plan, Some(&database.url())).await,
        Site::new(&plan, Some(&database.url())).await,
    ];
    let mut first = here.serve(&[]);
    // another folder has another lock: only the heartbeat tells
    let refused = there.command(&["serve"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("replica \"one\" is running elsewhere"),
        "{said}"
    );
    assert!(first.is_alive(), "{}", first.log());
    message_of(&here.call(first.address, &streamed(routed("hi"))).await);
    let second = there.serve(&["--take-over"]);
    assert_eq!(
        first.ended().await,
        Some(1),
        "who was given up ends with a failure: {}",
        first.log()
    );
    message_of(&there.call(second.address, &streamed(routed("hi"))).await);
    assert_eq!(second.stop().await, Some(0));
}

#[actix_rt::test]
async fn after_a_kill_the_next_start_need_not_wait_for_the_lease() {
    for database in Database::both().await {
        let plan =
            GatewayPlan { settings: "replica = \"one\"\n".to_owned(), ..GatewayPlan::default() };
        let site = Site::new(&plan, Some(&database.url())).await;
        for _ in 0..3 {
            let process = site.serve(&[]);
            let mut stream = site
                .begin(process.address, &streamed(routed("[[mock tokens=5 fault=hang_at at=4]]")))
                .await;
            stream.read_until("content_block_delta").await;
            process.kill();
        }
        let began = Instant::now();
        let process = site.serve(&[]);
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{}: {:?}",
            database.name(),
            began.elapsed()
        );
        assert_eq!(
            database
                .number("select count(*) from routing_outcomes where outcome_status = 'lost'")
                .await,
            3
        );
        assert_eq!(process.stop().await, Some(0));
    }
}

#[actix_rt::test]
async fn a_start_that_cannot_write_says_so_in_one_line_and_changes_nothing() {
    let site = Site::new(&GatewayPlan::default(), None).await;
    let config = std::fs::read_to_string(&site.config).unwrap();
    let rows_before = std::fs::read(site.folder.path().join("a.db")).unwrap();
    let spool = "[store]\nspool = \"/proc/ainfera.spool\"\n";
    std::fs::write(&site.config, config.replace("[store]\n", spool)).unwrap();
    let refused = site.command(&["serve"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.trim().lines().last().unwrap().contains("/proc/ainfera.spool"), "{said}");
    assert_eq!(std::fs::read(site.folder.path().join("a.db")).unwrap(), rows_before);
}
