//! Holds in slices: a long answer reserves more while it comes, and ends where nothing more can be
//! reserved, with exactly what was passed on to pay.

use std::time::Duration;

use ainfera_schema::{Price, Usd};
use ainfera_store::{CapChange, Owner, WalletChange, WalletView};
use ainfera_wire::client::ClientDialect;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::database::Database;
use crate::support::gateway::{MODELS, message_of, routed, streamed};
use crate::support::reading::{Read, read};
use crate::support::{Answer, Gateway, GatewayPlan};

const FIRST_SLICE: u64 = 2_048;
const NEXT_SLICE: u64 = 4_096;

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

fn plan(funding: Usd) -> GatewayPlan {
    GatewayPlan {
        settings: "[holds]\nmode = \"sliced\"\n".to_owned(),
        funding,
        ..GatewayPlan::default()
    }
}

/// What so much output of the cheapest model costs.
fn output(tokens: u64) -> Usd {
    Usd::for_tokens(tokens, 6.into()).unwrap()
}

fn long(prompt: &str) -> Value {
    let mut body = routed(prompt);
    body["max_tokens"] = json!(50_000);
    body
}

async fn wallet(gateway: &Gateway) -> WalletView {
    gateway.server.store().wallet(Owner::Agent(gateway.agent_id)).await.unwrap().unwrap()
}

async fn administer(gateway: &Gateway, change: WalletChange) {
    gateway
        .server
        .store()
        .administer(Owner::Agent(gateway.agent_id), change)
        .await
        .unwrap()
        .unwrap();
}

async fn fund(gateway: &Gateway, amount: Usd) {
    administer(
        gateway,
        WalletChange::TopUp { transfer_id: uuid::Uuid::now_v7(), amount, memo: "test".to_owned() },
    )
    .await;
}

async fn cap_daily(gateway: &Gateway, daily: CapChange) {
    administer(
        gateway,
        WalletChange::Caps { per_call: CapChange::Keep, daily, monthly: CapChange::Keep },
    )
    .await;
}

/// What the call holds at first, as its refusal under a cap of nothing says.
async fn first_hold(gateway: &Gateway, body: &Value) -> Usd {
    cap_daily(gateway, CapChange::Set(Usd::ZERO)).await;
    let answer = gateway.call(body).await;
    assert_eq!(answer.status, 402, "{}", answer.text());
    cap_daily(gateway, CapChange::Remove).await;
    let message = answer.error().1;
    usd(message.split_once("may cost $").unwrap().1.split_once(';').unwrap().0)
}

fn plus(one: Usd, other: Usd) -> Usd {
    one.checked_add(other).unwrap()
}

fn minus(one: Usd, other: Usd) -> Usd {
    one.checked_sub(other).unwrap()
}

/// Waits until one more slice is held, counted from what a read had brought when it was asked for:
/// on a busy machine that is more than the first slice.
async fn held_grew_to(gateway: &Gateway, amount: Usd) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let held = wallet(gateway).await.held_usd;
        if held >= amount {
            assert!(
                held < plus(amount, output(FIRST_SLICE)),
                "{held} is held, {amount} was enough"
            );
            return;
        }
        assert!(Instant::now() < deadline, "{held} is held, not {amount}");
        tokio::task::yield_now().await;
    }
}

async fn assert_sound(gateway: &Gateway) {
    let broken: Vec<_> = gateway
        .server
        .store()
        .invariants()
        .await
        .unwrap()
        .into_iter()
        .filter(|invariant| !invariant.holds)
        .collect();
    assert!(broken.is_empty(), "{broken:?}");
}

async fn calls_that(gateway: &Gateway, status: &str) -> i64 {
    gateway
        .database
        .number(&format!("select count(*) from routing_outcomes where outcome_status = '{status}'"))
        .await
}

async fn the_only(gateway: &Gateway, column: &str) -> u64 {
    let one =
        format!("select {column} from routing_outcomes where outcome_status not like 'rejected%'");
    u64::try_from(gateway.database.number(&one).await).unwrap()
}

fn text_of(message: &Value) -> String {
    message["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block["text"].as_str().unwrap_or_default())
        .collect()
}

/// The error of a stream that broke off, and what it had said.
fn broken_off(answer: &Answer) -> (Value, String) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    match read(ClientDialect::Messages, &answer.text()) {
        Read::Failed { error, partial, .. } => (error, text_of(&partial)),
        Read::Whole(message) => panic!("it is whole: {message}"),
    }
}

/// What the row's input and so much text cost.
fn observed(input_tokens: u64, text: &str) -> Usd {
    let price = Price {
        input: 2.into(),
        output: 6.into(),
        cache_read: None,
        cache_write: None,
        cache_write_1h: None,
        reasoning: None,
    };
    let output_tokens = text.len().div_ceil(4) as u64;
    price
        .cost(&ainfera_schema::TokenUsage { input_tokens, output_tokens, ..Default::default() })
        .unwrap()
}

#[actix_rt::test]
async fn the_hold_of_a_long_answer_grows_while_it_comes_and_is_given_back() {
    for database in Database::both().await {
        let gateway = Gateway::with(plan(usd("1")), database).await;
        // past the first slice by its text, and not near the end of the second
        let body = long("[[mock tokens=9000 fault=hang_at at=1500]]");
        let first = first_hold(&gateway, &body).await;
        let mut connection =
            gateway.begin(&serde_json::to_vec(&streamed(body)).unwrap(), &[]).await;
        held_grew_to(&gateway, plus(first, output(NEXT_SLICE))).await;
        assert_sound(&gateway).await;
        connection.read_until("content_block_delta").await;
        connection.reset();
        gateway.settled().await;

        // a whole one, and pinned
        for model in ["ainfera-inference", MODELS[0]] {
            let mut body = long("[[mock tokens=4000]]");
            body["model"] = json!(model);
            let before = wallet(&gateway).await.balance_usd;
            let message = message_of(&gateway.call(&streamed(body)).await);
            gateway.settled().await;
            let usage = |key: &str| message["usage"][key].as_u64().unwrap();
            assert_eq!(usage("output_tokens"), 4000);
            let cost =
                plus(Usd::for_tokens(usage("input_tokens"), 2.into()).unwrap(), output(4000));
            assert_eq!(wallet(&gateway).await.balance_usd, minus(before, cost));
        }
        assert_eq!(wallet(&gateway).await.held_usd, Usd::ZERO);
        assert_sound(&gateway).await;
    }
}

#[actix_rt::test]
async fn where_the_wallet_ends_the_answer_ends_and_what_was_said_is_paid() {
    for database in Database::both().await {
        let gateway = Gateway::with(plan(Usd::ZERO), database).await;
        let body = long("[[mock tokens=9000]]");
        let first = first_hold(&gateway, &body).await;
        // room for one extension, and all but for a second
        let funds =
            minus(plus(plus(first, output(NEXT_SLICE)), output(NEXT_SLICE)), Usd::from_nanos(1));
        fund(&gateway, funds).await;
        let answer = gateway.call(&streamed(body.clone())).await;
        let (error, text) = broken_off(&answer);
        assert_eq!(error["type"], "billing_error", "{error}");
        gateway.settled().await;
        assert_eq!(calls_that(&gateway, "failed_midstream").await, 1);
        assert!(
            // the bill of what nobody counted takes four bytes for a token
            text.len() as u64 <= (FIRST_SLICE + NEXT_SLICE) * 4,
            "{} bytes were said",
            text.len()
        );
        assert!(text.len() as u64 > FIRST_SLICE * 3, "{} bytes were said", text.len());
        let cost = observed(the_only(&gateway, "input_tokens").await, &text);
        let after = wallet(&gateway).await;
        assert_eq!((after.balance_usd, after.held_usd), (minus(funds, cost), Usd::ZERO));
        assert_sound(&gateway).await;

        // what is not streamed has a status of its own
        let answer = gateway.call(&long("[[mock tokens=9000]] again")).await;
        assert_eq!(
            (answer.status, answer.error().0.as_str()),
            (402, "billing_error"),
            "{}",
            answer.text()
        );
        gateway.settled().await;
        assert!(!wallet(&gateway).await.balance_usd.is_negative());
        assert_sound(&gateway).await;
    }
}

#[actix_rt::test]
async fn a_cap_a_kill_switch_and_a_suspension_end_an_answer_too_pinned_or_not() {
    for model in ["ainfera-inference", MODELS[0]] {
        let settings =
            "[holds]\nmode = \"sliced\"\n[killswitch]\ndaily_usd = \"0.08\"\n".to_owned();
        let gateway =
            Gateway::with(GatewayPlan { settings, ..plan(usd("1000")) }, Database::sqlite()).await;
        let call = |prompt: &str| {
            let mut body = long(prompt);
            body["model"] = json!(model);
            streamed(body)
        };
        let caps = |per_call| WalletChange::Caps {
            per_call,
            daily: CapChange::Keep,
            monthly: CapChange::Keep,
        };
        // the router looks at the whole of it, so the cap comes while it runs
        let body = serde_json::to_vec(&call("[[mock tokens=2000 content_ms=1500]] first")).unwrap();
        let mut connection = gateway.begin(&body, &[]).await;
        gateway.mock_has_request_containing("first").await;
        administer(&gateway, caps(CapChange::Set(usd("0.03")))).await;
        let (error, _) = broken_off(&connection.answer().await);
        assert_eq!(error["type"], "billing_error", "{error}");
        assert!(error["message"].as_str().unwrap().contains("cap of $0.03"), "{error}");
        administer(&gateway, caps(CapChange::Remove)).await;

        let body = serde_json::to_vec(&call("[[mock tokens=2000 content_ms=1500]] last")).unwrap();
        let mut connection = gateway.begin(&body, &[]).await;
        gateway.mock_has_request_containing("last").await;
        administer(&gateway, WalletChange::Suspend).await;
        let (error, _) = broken_off(&connection.answer().await);
        assert!(error["message"].as_str().unwrap().contains("suspended"), "{error}");
        administer(&gateway, WalletChange::Reinstate).await;

        let (error, _) = broken_off(&gateway.call(&call("[[mock tokens=20000]]")).await);
        assert!(error["message"].as_str().unwrap().contains("kill-switch"), "{error}");
        gateway.settled().await;

        let closed = if model == MODELS[0] { "closed_calls" } else { "routing_outcomes" };
        let rows =
            format!("select count(*) from {closed} where outcome_status = 'failed_midstream'");
        assert_eq!(gateway.database.number(&rows).await, 3);
        assert_eq!(wallet(&gateway).await.held_usd, Usd::ZERO);
        assert_sound(&gateway).await;
    }
}

#[actix_rt::test]
async fn racing_streams_never_spend_what_is_not_there() {
    const RACING: usize = 100;
    for database in Database::both().await {
        let name = database.name();
        let gateway = Gateway::with(plan(Usd::ZERO), database).await;
        let body = long("[[mock tokens=1500]]");
        let first = first_hold(&gateway, &body).await;
        // as many get in as hold a first slice, and a few of them grow
        let funds = plus(
            Usd::from_nanos(first.nanos() * 20),
            Usd::from_nanos(output(NEXT_SLICE).nanos() * 4),
        );
        fund(&gateway, funds).await;
        let body = streamed(body);
        let answers = join_all((0..RACING).map(|_| gateway.call(&body))).await;
        gateway.settled().await;
        let after = wallet(&gateway).await;
        assert!(!after.balance_usd.is_negative(), "{name}: {}", after.balance_usd);
        assert_eq!(
            (after.held_usd, after.spent_today_usd),
            (Usd::ZERO, minus(funds, after.balance_usd)),
            "{name}"
        );
        let refused = answers.iter().filter(|answer| answer.status == 402).count();
        let broken = answers
            .iter()
            .filter(|answer| answer.status == 200 && answer.text().contains("billing_error"))
            .count();
        let rows = (
            calls_that(&gateway, "rejected_funds").await,
            calls_that(&gateway, "failed_midstream").await,
        );
        assert_eq!(rows, (refused as i64, broken as i64), "{name}");
        let whole = calls_that(&gateway, "succeeded").await;
        assert_eq!(whole + rows.0 + rows.1, RACING as i64, "{name}");
        // how many of them come to their end depends on who asks for more at the same moment; not
        // all can
        assert!(rows.0 + rows.1 > 0, "{name}: {whole} whole, {rows:?} not");
        assert_sound(&gateway).await;
    }
}

#[actix_rt::test]
async fn a_dearer_candidate_is_tried_only_when_the_difference_is_held() {
    for database in Database::both().await {
        let gateway = Gateway::with(plan(Usd::ZERO), database).await;
        let failing = format!("[[mock model=up-{} fault=refuse_status status=500]]", MODELS[0]);
        let first = first_hold(&gateway, &long(&failing)).await;
        fund(&gateway, first).await;
        let answer = gateway.call(&streamed(long(&failing))).await;
        assert_eq!(
            (answer.status, answer.error().0.as_str()),
            (402, "billing_error"),
            "{}",
            answer.text()
        );
        gateway.settled().await;
        assert_eq!(calls_that(&gateway, "rejected_funds").await, 1);
        assert!(
            !gateway
                .mock
                .requests()
                .iter()
                .any(|request| request.body.to_string().contains(MODELS[1])),
            "it was tried"
        );
        assert_eq!(wallet(&gateway).await.balance_usd, first);
        assert_sound(&gateway).await;

        fund(&gateway, usd("1")).await;
        message_of(&gateway.call(&streamed(long(&failing))).await);
        gateway.settled().await;
        assert_eq!(calls_that(&gateway, "succeeded").await, 1);
        assert_sound(&gateway).await;
    }
}

#[actix_rt::test]
async fn while_the_store_takes_nothing_an_answer_goes_as_far_as_its_hold() {
    let database = Database::sqlite();
    let Database::Sqlite { path, .. } = &database else { panic!("it is not sqlite") };
    let other_writer = rusqlite::Connection::open(path).unwrap();
    let deadlines = "hold = \"5s\"\nadmission = \"300ms\"\nacknowledge = \"100ms\"\n".to_owned();
    let gateway = Gateway::with(GatewayPlan { deadlines, ..plan(usd("1")) }, database).await;
    let body =
        serde_json::to_vec(&streamed(long("[[mock tokens=9000 content_ms=2000]] alone"))).unwrap();
    let mut connection = gateway.begin(&body, &[]).await;
    gateway.mock_has_request_containing("alone").await;
    other_writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (error, text) = broken_off(&connection.answer().await);
    assert_eq!(error["type"], "api_error", "{error}");
    assert!(error["message"].as_str().unwrap().contains("reserved"), "{error}");
    assert!(
        text.len() as u64 <= FIRST_SLICE * 3 && text.len() as u64 > FIRST_SLICE * 2,
        "{} bytes were said",
        text.len()
    );
    other_writer.execute_batch("ROLLBACK").unwrap();
    gateway.settled().await;
    let cost = observed(the_only(&gateway, "input_tokens").await, &text);
    let after = wallet(&gateway).await;
    assert_eq!((after.balance_usd, after.held_usd), (minus(usd("1"), cost), Usd::ZERO));
    assert_eq!(calls_that(&gateway, "failed_midstream").await, 1);
    assert_sound(&gateway).await;
}
