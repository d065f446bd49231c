//! PostgreSQL over TLS, with an authority that only the URL names.

use crate::programs::postgres_tls::PostgresTls;
use crate::support::authority;
use crate::support::gateway::{GatewayPlan, message_of, routed, streamed};
use crate::support::process::Site;

#[actix_rt::test]
async fn a_verified_connection_is_used_for_everything() {
    let postgres = PostgresTls::start().await;
    let url =
        postgres.url(&format!("sslmode=verify-full&sslrootcert={}", authority::file().display()));
    let site = Site::new(&GatewayPlan::default(), Some(&url)).await;
    let process = site.serve(&[]);
    message_of(&site.call(process.address, &streamed(routed("hello"))).await);
    let (encrypted, plain) = postgres.sessions().await;
    assert!(encrypted > 0 && plain == 0, "{encrypted} encrypted, {plain} plain");
    assert_eq!(process.stop().await, Some(0));
}

#[actix_rt::test]
async fn a_server_of_an_unknown_issuer_is_refused_and_so_is_plaintext_by_a_server_that_wants_tls() {
    let postgres = PostgresTls::start().await;
    let right =
        postgres.url(&format!("sslmode=verify-full&sslrootcert={}", authority::file().display()));
    let site = Site::new(&GatewayPlan::default(), Some(&right)).await;
    for parameters in ["sslmode=verify-full", "sslmode=disable"] {
        let output = site.command(&["serve", "--database", &postgres.url(parameters)]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{parameters}: {said}");
        assert!(
            said.contains("certificate") || said.contains("encryption"),
            "{parameters}: {said}"
        );
    }
}
