//! SIGHUP: a configuration replaces another one under running streams, or a bad one replaces
//! nothing.

use serde_json::{Value, json};

use crate::support::GatewayPlan;
use crate::support::client::{Answer, Connection};
use crate::support::gateway::{MODELS, message_of, streamed};
use crate::support::process::{Process, Site};

const RELOADED: &str = "configuration reloaded";
const NOT_RELOADED: &str = "the running one stays in force";

/// A call to the cheapest model by its name.
fn pinned(prompt: &str) -> Value {
    streamed(
        json!({"model": MODELS[0], "max_tokens": 400, "messages": [{"role": "user", "content": prompt}]}),
    )
}

/// Replaces a part of the configuration and tells the process.
fn edit(site: &Site, from: &str, to: &str) {
    let text = std::fs::read_to_string(&site.config).unwrap();
    assert!(text.contains(from), "{from:?} is not in the configuration");
    std::fs::write(&site.config, text.replace(from, to)).unwrap();
}

async fn price_of(site: &Site, process: &Process, answer: &Answer) -> String {
    message_of(answer);
    let id = answer.header("x-ainfera-inference-id").unwrap();
    let read = site.get(process.address, &format!("/v1/inferences/{id}")).await;
    assert_eq!(read.status, 200, "{}", read.text());
    read.json()["attempts"][0]["price"]["output"]
        .as_str()
        .unwrap_or_else(|| panic!("{}", read.text()))
        .to_owned()
}

async fn metric(site: &Site, process: &Process, name: &str) -> u64 {
    let text = site.get(process.address, "/metrics").await.text();
    let line = text
        .lines()
        .find(|line| line.starts_with(name))
        .unwrap_or_else(|| panic!("{name} is not in {text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[actix_rt::test]
async fn a_call_keeps_the_prices_with_which_it_was_admitted() {
    let site = Site::new(&GatewayPlan::default(), None).await;
    let process = site.serve(&[]);
    let mut before = site.begin(process.address, &pinned("[[mock tokens=60 delay_ms=25]]")).await;
    before.read_until("content_block_delta").await;
    edit(&site, "input = \"2\", output = \"6\"", "input = \"4\", output = \"7\"");
    process.signal("HUP");
    process.logged(RELOADED).await;
    let after = site.call(process.address, &pinned("hi")).await;
    assert_eq!(price_of(&site, &process, &after).await, "7");
    assert!(!before.has("message_stop"), "the stream still ran while the configuration changed");
    let before = before.answer().await;
    assert_eq!(price_of(&site, &process, &before).await, "6");
    assert!(metric(&site, &process, "ainfera_config_reload_total{result=\"success\"}").await == 1);
    assert_eq!(process.stop().await, Some(0));
    let doctor = site.command(&["doctor"]);
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
}

#[actix_rt::test]
async fn models_come_and_go_without_a_restart() {
    let site = Site::new(&GatewayPlan::default(), None).await;
    let process = site.serve(&[]);
    edit(&site, "slug = \"toolless\"", "slug = \"newcomer\"");
    process.signal("HUP");
    process.logged(RELOADED).await;
    let call = |model: &str| json!({"model": model, "max_tokens": 40, "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    message_of(&site.call(process.address, &call("newcomer")).await);
    assert_ne!(site.call(process.address, &call("toolless")).await.status, 200);
    let listed = site.get(process.address, "/v1/models").await.text();
    assert!(listed.contains("newcomer") && !listed.contains("toolless"), "{listed}");
    assert_eq!(process.stop().await, Some(0));
}

#[actix_rt::test]
async fn a_bad_file_changes_nothing_and_every_mistake_is_told_with_line_and_field() {
    let site = Site::new(&GatewayPlan::default(), None).await;
    let mut process = site.serve(&[]);
    let good = std::fs::read_to_string(&site.config).unwrap();
    edit(&site, "output = \"6\"", "output = \"six\"");
    edit(&site, "slug = \"unpriced\"", "slgu = \"unpriced\"");
    process.signal("HUP");
    process.logged("slgu").await;
    let log = process.log();
    let mistakes: Vec<&str> = log.lines().filter(|line| line.contains(NOT_RELOADED)).collect();
    let names = |field: &str| {
        mistakes
            .iter()
            .any(|line| line.contains(field) && line.contains("ERROR") && line.contains(": line "))
    };
    assert!(names("models[0].price.output") && names("models[4].slgu"), "{log}");
    assert_eq!(
        price_of(&site, &process, &site.call(process.address, &pinned("hi")).await).await,
        "6"
    );
    assert!(metric(&site, &process, "ainfera_config_reload_total{result=\"failure\"}").await == 1);
    // a file that is gone, too
    std::fs::remove_file(&site.config).unwrap();
    process.signal("HUP");
    process.logged("No such file").await;
    std::fs::write(&site.config, good.replace("output = \"6\"", "output = \"9\"")).unwrap();
    process.signal("HUP");
    process.logged(RELOADED).await;
    assert_eq!(
        price_of(&site, &process, &site.call(process.address, &pinned("hi")).await).await,
        "9"
    );
    assert!(
        metric(&site, &process, "ainfera_config_reload_last_success_timestamp_seconds").await
            > 1_000_000_000
    );
    assert!(process.is_alive());
    assert_eq!(process.stop().await, Some(0));
}

#[actix_rt::test]
async fn what_only_a_start_reads_is_named() {
    let site = Site::new(&GatewayPlan::default(), None).await;
    let process = site.serve(&[]);
    edit(&site, "workers = 2", "workers = 1");
    process.signal("HUP");
    process.logged("takes effect at the next start only").await;
    assert!(process.log().contains("\"key\":\"workers\""), "{}", process.log());
    assert_eq!(process.stop().await, Some(0));
}

#[actix_rt::test]
async fn a_new_key_in_a_file_is_used_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "first\n").unwrap();
    let plan = GatewayPlan {
        each_provider: format!("api_key = {{ file = {file:?} }}\n"),
        ..GatewayPlan::default()
    };
    let site = Site::new(&plan, None).await;
    let process = site.serve(&[]);
    message_of(&site.call(process.address, &pinned("one")).await);
    std::fs::write(&file, "second\n").unwrap();
    process.signal("HUP");
    process.logged(RELOADED).await;
    message_of(&site.call(process.address, &pinned("two")).await);
    let keys: Vec<String> = site
        .mock
        .requests()
        .iter()
        .filter_map(|request| request.header("authorization").map(str::to_owned))
        .collect();
    assert_eq!(keys, ["Bearer first", "Bearer second"]);
    assert_eq!(process.stop().await, Some(0));
}

/// Calls without pause while the configuration is read again a hundred times.
#[actix_rt::test]
async fn no_call_fails_over_a_hundred_reloads() {
    let site = Site::new(&GatewayPlan::default(), None).await;
    let process = site.serve(&[]);
    let calling = async {
        let mut calls = 0;
        let mut connection = Connection::open(process.address).await;
        for _ in 0..200 {
            site.call_on(&mut connection, &pinned("[[mock tokens=3]]")).await;
            message_of(&connection.answer().await);
            calls += 1;
        }
        calls
    };
    let reloading = async {
        for _ in 0..100 {
            process.signal("HUP");
            tokio::task::yield_now().await;
        }
    };
    let (calls, ()) = futures_util::join!(calling, reloading);
    assert_eq!(calls, 200);
    assert_eq!(process.stop().await, Some(0));
}
