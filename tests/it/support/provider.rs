//! The scripted provider as the tests meet it: over TLS, as every vendor is met.

use ainfera_mock::{MockSettings, MockUpstream};

use super::authority;

pub async fn start(settings: MockSettings) -> MockUpstream {
    let settings = MockSettings { tls: Some(authority::local_server()), ..settings };
    MockUpstream::start(settings).await.expect("the scripted provider starts")
}
