//! Values of keys that the file leaves out, and what takes precedence over the file.

use super::*;

#[test]
fn a_replica_on_a_shared_store_is_named_after_its_host_and_port() {
    let host = environment::host_name();
    let replica = |text: &str| Config::from_toml(text, &nothing_set).unwrap().replica;
    assert_eq!(replica("database = \"postgres://db/ainfera\"\n"), format!("{host}:8080"));
    assert_eq!(
        replica("listen = \"127.0.0.1:8081\"\ndatabase = \"postgres://db/ainfera\"\n"),
        format!("{host}:8081")
    );
    let free_port = replica("listen = \"127.0.0.1:0\"\ndatabase = \"postgres://db/ainfera\"\n");
    assert_eq!(free_port, format!("{host}:process-{}", std::process::id()));
    assert_eq!(replica("database = \"sqlite://a.db\"\n"), "main");
    assert_eq!(replica("replica = \"b\"\ndatabase = \"postgres://db/ainfera\"\n"), "b");
}

#[test]
fn the_command_line_takes_precedence_over_the_file() {
    let overrides = Overrides {
        listen: Some("127.0.0.1:7".parse().unwrap()),
        database: Some("postgres://other/a".parse().unwrap()),
        replica: None,
        take_over: TakeOver::Refused,
    };
    let config = Config::from_toml_with(
        "listen = \"0.0.0.0:1\"\ndatabase = \"sqlite://a.db\"\n",
        overrides,
        &nothing_set,
    )
    .unwrap();
    assert_eq!(
        (config.listen.to_string().as_str(), config.database.to_string().as_str()),
        ("127.0.0.1:7", "postgres://other/a")
    );
    // The name follows the database that is used, not the one in the file.
    assert_eq!(config.replica, format!("{}:7", environment::host_name()));
    let overrides = Overrides { replica: Some("b".into()), ..Overrides::default() };
    assert_eq!(
        Config::from_toml_with("replica = \"a\"\n", overrides, &nothing_set).unwrap().replica,
        "b"
    );
}

#[test]
fn durability_is_required_unless_the_file_relaxes_it() {
    let durability = |text: &str| Config::from_toml(text, &nothing_set).unwrap().durability;
    assert_eq!(durability(""), Durability::Required);
    assert_eq!(durability("[store]\nallow_unsafe_durability = false\n"), Durability::Required);
    assert_eq!(durability("[store]\nallow_unsafe_durability = true\n"), Durability::NotChecked);
    let short = mistakes("[deadlines]\nheartbeat = \"2s\"\nlease = \"3s\"\n");
    assert_eq!(
        short,
        [
            "line 3: deadlines.lease: must be at least two heartbeats, or a replica that is only slow is given up"
        ]
    );
}

#[test]
fn the_database_may_be_a_secret() {
    let environment =
        |name: &str| (name == "DATABASE_URL").then(|| "postgres://me:word@db/ainfera".to_owned());
    let config =
        Config::from_toml("database = { env = \"DATABASE_URL\" }\n", &environment).unwrap();
    assert_eq!(config.database.to_string(), "postgres://db/ainfera");
    assert_eq!(
        mistakes("database = \"mysql://db\"\n"),
        ["line 1: database: must begin with sqlite:// or postgres://"]
    );
}

#[test]
fn the_routing_preference_is_live_when_the_environment_or_the_file_says_so() {
    let live = |name: &str| (name == "AINFERA_ROUTING_PREFERENCE_LIVE").then(|| "1".to_owned());
    assert!(Config::from_environment(&live).unwrap().routing.preference_live);
    assert!(
        !Config::from_toml("[routing]\npreference_live = false\n", &live)
            .unwrap()
            .routing
            .preference_live
    );
    assert!(!Config::from_environment(&nothing_set).unwrap().routing.preference_live);
}

#[test]
fn a_provider_or_a_model_that_cannot_stream_is_marked_so() {
    let text = "[[providers]]\nid = \"a\"\nkind = \"openai_compatible\"\nbase_url = \"http://a\"\nstreams = false\n\
        [[providers]]\nid = \"b\"\nkind = \"openai_compatible\"\nbase_url = \"http://b\"\n\
        [[models]]\nslug = \"m\"\nprovider = \"b\"\nstreams = false\n[[models]]\nslug = \"n\"\nprovider = \"b\"\nstreams = true\n\
        [deadlines]\nwhole_answer = \"90s\"\n";
    let config = Config::from_toml(text, &|_| None).unwrap();
    let modes: Vec<&str> =
        config.providers.iter().map(|provider| provider.stream_mode.as_str()).collect();
    assert_eq!(modes, ["wrapped", "native"]);
    let modes: Vec<&str> = config.models.iter().map(|model| model.stream_mode.as_str()).collect();
    assert_eq!(modes, ["wrapped", "native"]);
    assert_eq!(config.deadlines.answering.whole_answer, Duration::from_secs(90));
}

#[test]
fn a_stop_gives_balancers_time_unless_the_gateway_listens_on_loopback_or_the_file_decides() {
    let drain_least =
        |text: &str| Config::from_toml(text, &nothing_set).unwrap().deadlines.drain_least;
    assert_eq!(drain_least(""), Duration::ZERO);
    assert_eq!(drain_least("listen = \"[::1]:1\"\n"), Duration::ZERO);
    assert_eq!(
        drain_least("listen = \"0.0.0.0:1\"\n[deadlines]\nidle = \"1s\"\n"),
        Duration::from_secs(5)
    );
    assert_eq!(
        drain_least("listen = \"0.0.0.0:1\"\n[deadlines]\ndrain_least = 0\n"),
        Duration::ZERO
    );
    assert_eq!(drain_least("[deadlines]\ndrain_least = \"7s\"\n"), Duration::from_secs(7));
}

#[test]
fn idle_connections_stay_open_longer_than_common_balancers_keep_them() {
    assert_eq!(Config::from_toml("", &nothing_set).unwrap().keep_alive, Duration::from_secs(620));
    assert_eq!(
        Config::from_toml("keep_alive = \"20s\"\n", &nothing_set).unwrap().keep_alive,
        Duration::from_secs(20)
    );
    let mistakes =
        Config::from_toml("\nkeep_alive = \"soon\"\n[deadlines]\ndrain_least = -1\n", &nothing_set)
            .unwrap_err();
    let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    assert!(mistakes[0].starts_with("line 2: keep_alive: must be"), "{mistakes:?}");
    assert!(
        mistakes[1].starts_with("line 4: deadlines.drain_least: must have a unit"),
        "{mistakes:?}"
    );
}

#[test]
fn the_share_of_one_key_follows_the_limit_on_all_bodies_and_has_room_for_one_body() {
    let limits =
        |text: &str| Config::from_toml(&format!("[limits]\n{text}"), &nothing_set).unwrap().limits;
    assert_eq!(limits(""), Limits::default());
    assert_eq!(limits("all_bodies_bytes = 1073741824\n").bodies_per_key_bytes, 256 << 20);
    assert_eq!(limits("all_bodies_bytes = 33554432\n").bodies_per_key_bytes, 32 << 20);
    let set =
        limits("bodies_per_key_bytes = 40000000\nbody_bytes_per_second = 1\nreads_per_key = 9\n");
    assert_eq!(
        (set.bodies_per_key_bytes, set.body_bytes_per_second, set.reads_per_key),
        (40_000_000, 1, 9)
    );
    let mistaken =
        "[limits]\nbodies_per_key_bytes = 2000\nbody_bytes_per_second = 0\nreads_per_key = 0\n";
    let mistakes: Vec<String> = Config::from_toml(mistaken, &nothing_set)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        mistakes[0].starts_with("line 2: limits.bodies_per_key_bytes: must be at least body_bytes"),
        "{mistakes:?}"
    );
    assert!(
        mistakes[1].starts_with("line 3: limits.body_bytes_per_second: must be from 1 to"),
        "{mistakes:?}"
    );
    assert!(
        mistakes[2].starts_with("line 4: limits.reads_per_key: must be from 1 to 1000"),
        "{mistakes:?}"
    );
}
