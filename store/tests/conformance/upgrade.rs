//! A database that calls were kept in before tenants had accounts: what was held and spent then
//! counts afterwards.

use ainfera_schema::audit::hex;
use ainfera_schema::{AgentId, Funding, TenantId};
use ainfera_store::Owner;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::call::usd;
use crate::database::Database;

const TENANT: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
const AGENTS: [Uuid; 2] = [
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_000a),
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_000b),
];

/// As the first version of the schema had it.
fn first_version(database: &Database) -> String {
    let (init, history, dollar) = if database.is_postgres() {
        let history = "CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,
            applied_at timestamptz NOT NULL)";
        (include_str!("../../../schema/migrations/postgres/0001_init.sql"), history, 1)
    } else {
        let history = "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL,
            applied_at TEXT NOT NULL) STRICT";
        (include_str!("../../../schema/migrations/sqlite/0001_init.sql"), history, 1_000_000_000)
    };
    let sha256 = hex(&Sha256::digest(init.as_bytes()));
    let now = format!("{:.6}", Timestamp::now());
    let (today, [a, b]) = (&now[..10], AGENTS);
    let money = |dollars: i64| dollars * dollar;
    let post = |number: u8, agent: Uuid, dollars: i64, at: &str| {
        format!(
            "INSERT INTO transfers VALUES ('0190ffff-0000-7000-8000-00000000000{number}', 'wallet:{agent}', 'revenue', {}, 'post', NULL,
               '{agent}', 0, 'm', {number}, '{at}');",
            money(dollars)
        )
    };
    format!(
        "{history}; {init}
         INSERT INTO schema_migrations VALUES (1, 'init', '{sha256}', '{now}');
         INSERT INTO tenants VALUES ('{TENANT}', '{now}');
         INSERT INTO agents VALUES ('{a}', '{TENANT}', 'a', 'active', '{{}}', '{now}'), ('{b}', '{TENANT}', 'b', 'active', '{{}}', '{now}');
         INSERT INTO accounts VALUES ('{a}', {}, {}, '{today}', {}, 0, NULL), ('{b}', {}, {}, '2026-01-01', {}, 0, NULL);
         {} {} {}",
        money(5),
        money(1),
        money(2),
        money(7),
        money(3),
        money(4),
        post(1, a, 2, &now),
        post(2, b, 4, &now),
        post(3, a, 8, "2026-01-01T00:00:00.000000Z"),
    )
}

#[tokio::test]
async fn what_was_held_and_spent_before_counts_afterwards() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        database.execute(&first_version(&database)).await.unwrap();
        let database = database.migrated().await;
        let a = database.store.wallet(Owner::Agent(AgentId(AGENTS[0]))).await.unwrap().unwrap();
        assert_eq!(
            (a.balance_usd, a.held_usd, a.spent_today_usd, a.spent_this_month_usd),
            (usd("5"), usd("1"), usd("2"), usd("2"))
        );
        assert_eq!(a.funding, Funding::Prepaid, "whoever had a wallet keeps it");
        let tenant = database.store.wallet(Owner::Tenant(TenantId(TENANT))).await.unwrap().unwrap();
        assert_eq!(
            (tenant.balance_usd, tenant.held_usd, tenant.paused),
            (usd("0"), usd("0"), false)
        );
        assert_eq!((tenant.spent_today_usd, tenant.spent_this_month_usd), (usd("2"), usd("6")));
        assert_eq!(database.store.spent_today().await.unwrap(), usd("6"), "two spent, four held");
        let broken: Vec<&str> =
            database.broken_invariants().await.iter().map(|invariant| invariant.name).collect();
        assert!(
            broken.iter().all(|name| !name.starts_with("tenant") && !name.starts_with("pool")),
            "{broken:?}"
        );
    }
}
