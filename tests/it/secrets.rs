//! What must not be seen is not: keys and prompts are neither logged nor kept nor told to anybody
//! whom they do not concern.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use ainfera_mock::MockSettings;
use serde_json::json;
use tempfile::TempDir;

use crate::support::database::Database;
use crate::support::gateway::{GatewayPlan, config_text, native, routed, streamed};
use crate::support::{Connection, provider};

const PROMPT: &str = "canary-prompt-7f3a";
const PROVIDER_KEY: &str = "canary-provider-key-91c2";

#[actix_rt::test]
async fn canaries_stay_where_they_belong() {
    let mock = provider::start(MockSettings::default()).await;
    let folder = TempDir::new().unwrap();
    let database = Database::sqlite();
    let config = folder.path().join("ainfera.toml");
    let text = config_text(&GatewayPlan::default(), &database.url(), &mock.base_url()).replace(
        "[[models]]\nslug = \"mistral",
        "api_key = { env = \"CANARY_KEY\" }\n[[models]]\nslug = \"mistral",
    );
    std::fs::write(&config, text).unwrap();
    let program = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ainfera"));
        command.env("CANARY_KEY", PROVIDER_KEY);
        command
    };
    let created = program()
        .args(["keys", "create", "--agent", "tester", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    let key = String::from_utf8(created.stdout).unwrap().trim().to_owned();
    let secret = key.rsplit('_').next().unwrap().to_owned();
    let mut child = program()
        .args(["serve", "--config"])
        .arg(&config)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").unwrap().parse().unwrap();

    let mut told = String::new();
    let mut wrong = routed(PROMPT);
    wrong["max_tokens"] = json!("canary");
    for body in [
        streamed(routed(PROMPT)),
        native(routed(PROMPT)),
        routed(&format!("{PROMPT} [[mock fault=refuse_status status=401]]")),
        routed(&format!("{PROMPT} [[mock fault=refuse_status status=400]]")),
        streamed(routed(&format!("{PROMPT} [[mock tokens=9 fault=fin_at at=5]]"))),
        wrong,
    ] {
        for presented in [key.as_str(), "ainf_abcdefghijkl_canary"] {
            let mut connection = Connection::open(address).await;
            connection
                .send(
                    "POST",
                    "/v1/messages",
                    &[("x-api-key", presented)],
                    &serde_json::to_vec(&body).unwrap(),
                )
                .await;
            let answer = connection.answer().await;
            told.push_str(&format!("{:?}", answer.headers));
            told.push_str(&answer.text());
        }
    }
    assert!(
        mock.requests()
            .iter()
            .any(|request| format!("{:?}", request.headers).contains(PROVIDER_KEY))
    );
    assert!(
        mock.requests().iter().all(|request| !format!("{:?}", request.headers).contains(&secret)),
        "a provider got the caller's key"
    );

    Command::new("kill").arg(child.id().to_string()).status().unwrap();
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    child.wait().unwrap();
    for canary in [PROMPT, PROVIDER_KEY, secret.as_str(), "canary"] {
        assert!(!log.contains(canary), "the log has {canary}: {log}");
    }
    for canary in [PROVIDER_KEY, secret.as_str()] {
        assert!(!told.contains(canary), "an answer has {canary}");
    }
    let Database::Sqlite { path, .. } = &database else { unreachable!() };
    let kept = std::fs::read(path).unwrap();
    for canary in [PROMPT, PROVIDER_KEY, secret.as_str()] {
        assert!(
            memchr::memmem::find(&kept, canary.as_bytes()).is_none(),
            "the database has {canary}"
        );
    }
}
