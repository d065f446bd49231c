//! `ainfera check --probe`: what is wrong with a provider is named.

use std::process::Command;

use rustls::version::TLS13;
use tokio::net::TcpListener;

use crate::support::certificates::{Authority, Fault};
use crate::support::raw_provider::{RawProvider, Reply};

/// What the command says of one provider, and whether it ends with success. The key is in the
/// variable `K`.
async fn probed(base_url: &str, more: &str) -> (String, bool) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.toml");
    let text = format!(
        "[[providers]]\nid = \"far\"\nkind = \"openai\"\nbase_url = \"{base_url}\"\napi_key = {{ env = \"K\" }}\n{more}\n\
         [[models]]\nslug = \"ours\"\nprovider = \"far\"\nupstream_name = \"theirs\"\n"
    );
    std::fs::write(&file, text).unwrap();
    let run = move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ainfera"));
        command
            .args(["check", "--probe"])
            .arg(&file)
            .env_clear()
            .env("K", "the-key")
            .current_dir(folder.path());
        command.output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("the-key"), "{text}");
    (text.lines().skip(1).collect::<Vec<_>>().join("\n"), output.status.success())
}

fn answering(
    status: &'static str,
    body: &'static str,
) -> impl Fn(crate::support::raw_provider::Which) -> Reply + Send + Sync + 'static {
    move |_| {
        Reply::Say(
            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
                .into_bytes(),
        )
    }
}

#[actix_rt::test]
async fn a_provider_that_answers_is_reached_and_models_that_it_does_not_list_are_named() {
    let provider = RawProvider::start(
        None,
        answering("200 OK", r#"{"data":[{"id":"theirs"},{"id":"other"}]}"#),
    )
    .await;
    let (said, success) = probed(&format!("http://{}/v1", provider.address), "").await;
    assert_eq!((said.as_str(), success), ("far: reached; it lists 2 models", true));
    let heard = provider.heard()[0].to_ascii_lowercase();
    assert!(
        heard.starts_with("get /v1/models http/1.1\r\n")
            && heard.contains("authorization: bearer the-key"),
        "{heard}"
    );
    let empty = RawProvider::start(None, answering("200 OK", r#"{"data":[]}"#)).await;
    let (said, success) = probed(&format!("http://{}", empty.address), "").await;
    assert!(
        said.ends_with("far: warning: it does not list theirs, which is ours here") && success,
        "{said}"
    );
}

#[actix_rt::test]
async fn key_path_name_certificate_and_proxy_are_told_apart() {
    let refuses =
        RawProvider::start(None, answering("401 No", r#"{"error":{"message":"bad key the-key"}}"#))
            .await;
    let missing = RawProvider::start(None, answering("404 No", "")).await;
    let page = RawProvider::start(None, answering("200 OK", "<html>")).await;
    let authority = Authority::new();
    let secure = RawProvider::start(
        Some(authority.server(Fault::Expired, &[&TLS13])),
        answering("200 OK", "[]"),
    )
    .await;
    let closed_port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let trusted = format!("ca_file = {:?}", authority.ca_file());
    let proxied = format!("proxy = \"http://{closed_port}\"");
    for (base_url, more, cause) in [
        (
            format!("http://{}", refuses.address),
            "",
            "far: failed: the key is refused (401): bad key ***",
        ),
        (
            format!("http://{}/nowhere", missing.address),
            "",
            "/nowhere/v1/models (404): is the path of base_url right?",
        ),
        (format!("http://{}", page.address), "", "but not with a list of models"),
        (
            format!("https://localhost:{}", secure.address.port()),
            trusted.as_str(),
            "its certificate has expired",
        ),
        ("https://nowhere.invalid".to_owned(), "", "the name nowhere.invalid cannot be resolved"),
        (format!("http://{closed_port}"), "", "connection refused"),
        (format!("http://{}", refuses.address), proxied.as_str(), "it cannot be reached"),
    ] {
        let (said, success) = probed(&base_url, more).await;
        assert!(said.contains(cause) && !success, "{base_url}: {said}");
    }
}
