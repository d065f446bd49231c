//! PostgreSQL is far away: what counts is how often a call waits for it, and calls are let in all
//! the same.

use tokio::time::{Duration, Instant};

use crate::load::spread;
use crate::programs::far_relay::FarRelay;
use crate::support::database::Database;
use crate::support::gateway::{GatewayPlan, message_of, routed, streamed};
use crate::support::process::{Process, Site};

const PATIENCE: Duration = Duration::from_secs(30);

/// Nothing but a call talks to the database for a minute.
fn quiet() -> GatewayPlan {
    GatewayPlan {
        settings: "replica = \"far\"\n".to_owned(),
        deadlines: "heartbeat = \"60s\"\nlease = \"120s\"\n".to_owned(),
        more_tables: "[doctor]\nevery = \"0s\"\n".to_owned(),
        ..GatewayPlan::default()
    }
}

struct Far {
    database: Database,
    relay: FarRelay,
    site: Site,
    process: Process,
}

impl Far {
    async fn start(one_way: Duration) -> Self {
        let database = Database::postgres().await;
        let server: tokio_postgres::Config = database.url().parse().unwrap();
        let relay = FarRelay::before(server.get_ports()[0], one_way);
        // the schema and the key are made from nearby
        let site = Site::new(&quiet(), Some(&database.url())).await;
        let text = std::fs::read_to_string(&site.config).unwrap();
        let far = relay.url(server.get_dbname().unwrap());
        std::fs::write(&site.config, text.replace(&database.url(), &far)).unwrap();
        let process = site.serve(&[]);
        Self { database, relay, site, process }
    }

    /// Waits until no row is outstanding: then nothing but a call talks to the database.
    async fn is_quiet(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let metrics = self.site.get(self.process.address, "/metrics").await.text();
            if metrics.lines().any(|line| line == "ainfera_calls_in_flight 0") {
                return;
            }
            assert!(Instant::now() < deadline, "{metrics}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn call(&self) {
        message_of(&self.site.call(self.process.address, &streamed(routed("hello"))).await);
    }

    /// Round trips from a call to the first byte of its answer.
    async fn round_trips_before_the_first_byte(&self) -> usize {
        self.is_quiet().await;
        let before = self.relay.round_trips();
        let body = streamed(routed("[[mock tokens=10 delay_ms=20]]"));
        let mut call = self.site.begin(self.process.address, &body).await;
        call.read_until("HTTP/1.1 200").await;
        let asked = self.relay.round_trips() - before;
        message_of(&call.answer().await);
        asked
    }
}

#[actix_rt::test]
async fn a_call_waits_two_round_trips_for_the_database_before_the_first_byte() {
    let far = Far::start(Duration::from_millis(10)).await;
    // connections are made, statements prepared and the key looked up once
    for _ in 0..3 {
        far.call().await;
    }
    let mut asked = Vec::new();
    for _ in 0..5 {
        asked.push(far.round_trips_before_the_first_byte().await);
    }
    println!("round trips before the first byte: {asked:?}");
    assert_eq!(asked.iter().min(), Some(&2), "one to look and lock, one to write and commit");
    // now and then a key is looked up again, and a connection of the pool is new to a statement
    assert!(asked.iter().all(|asked| *asked <= 4), "{asked:?}");
    assert_eq!(far.process.stop().await, Some(0));
}

#[actix_rt::test]
async fn calls_are_let_in_where_a_round_trip_takes_half_a_second() {
    let far = Far::start(Duration::from_millis(250)).await;
    let body = streamed(routed("hello"));
    let answers = spread(24, 8, |_| far.site.call(far.process.address, &body)).await;
    for answer in &answers {
        message_of(answer);
    }
    assert_eq!(far.site.get(far.process.address, "/readyz").await.status, 200);
    assert_eq!(far.process.stop().await, Some(0));
    let rows = "select count(*) from routing_outcomes where outcome_status = 'succeeded'";
    assert_eq!(far.database.number(rows).await, 24);
}
