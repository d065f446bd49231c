//! A network from which providers are reached only through a proxy.

use ainfera_mock::MockSettings;

use crate::programs::tinyproxy::Tinyproxy;
use crate::support::gateway::{GatewayPlan, message_of, routed, streamed};
use crate::support::process::Site;
use crate::support::provider;

async fn site(variables: &[(&str, String)]) -> Site {
    let mock = provider::start(MockSettings::default()).await;
    let provider_url = mock.base_url();
    let mut site = Site::around(&GatewayPlan::default(), None, mock, &provider_url);
    site.environment =
        variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    site
}

#[actix_rt::test]
async fn providers_are_reached_through_the_proxy_that_the_environment_names() {
    let proxy = Tinyproxy::start("").await;
    let site = site(&[("HTTPS_PROXY", format!("http://127.0.0.1:{}", proxy.port))]).await;
    let process = site.serve(&[]);
    message_of(&site.call(process.address, &streamed(routed("hello"))).await);
    assert_eq!((proxy.tunnels(), site.mock.stats().requests), (1, 1));
    assert_eq!(process.stop().await, Some(0));
}

#[actix_rt::test]
async fn a_name_in_no_proxy_is_reached_directly() {
    let proxy = Tinyproxy::start("").await;
    let address = format!("http://127.0.0.1:{}", proxy.port);
    let site = site(&[("HTTPS_PROXY", address), ("NO_PROXY", "localhost".to_owned())]).await;
    let process = site.serve(&[]);
    message_of(&site.call(process.address, &streamed(routed("hello"))).await);
    assert_eq!((proxy.tunnels(), site.mock.stats().requests), (0, 1));
    assert_eq!(process.stop().await, Some(0));
}

#[actix_rt::test]
async fn a_proxy_gets_its_password_and_a_wrong_one_is_named() {
    let proxy = Tinyproxy::start("BasicAuth router open-sesame").await;
    let right =
        site(&[("HTTPS_PROXY", format!("http://router:open-sesame@127.0.0.1:{}", proxy.port))])
            .await;
    let process = right.serve(&[]);
    message_of(&right.call(process.address, &streamed(routed("hello"))).await);
    assert_eq!(right.mock.stats().requests, 1);
    assert_eq!(process.stop().await, Some(0));

    let wrong =
        site(&[("HTTPS_PROXY", format!("http://router:not-that@127.0.0.1:{}", proxy.port))]).await;
    let process = wrong.serve(&[]);
    let answer = wrong.call(process.address, &streamed(routed("hello"))).await;
    assert!(matches!(answer.status, 502 | 503), "{}: {}", answer.status, answer.text());
    assert_eq!(wrong.mock.stats().requests, 0);
    assert!(process.log().contains("proxy"), "{}", process.log());
    assert!(!process.log().contains("not-that"), "a password is in the log");
    assert_eq!(process.stop().await, Some(0));
}
