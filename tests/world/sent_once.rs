//! A provider that has read a whole request and then resets the connection may have worked on it:
//! it is not asked again.

use serde_json::json;

use crate::load::{calls, spread};
use crate::support::gateway::{GatewayPlan, MODELS, routed, streamed};
use crate::support::process::Site;

#[actix_rt::test]
async fn no_request_is_sent_twice_when_the_connection_is_reset_after_it() {
    let site = Site::new(&GatewayPlan::default(), None).await;
    let process = site.serve(&[]);
    let count = calls(100, 1000);
    let statuses = spread(count, 8, |number| {
        let (site, process) = (&site, &process);
        async move {
            let mut body =
                streamed(routed(&format!("[[mock fault=reset_before_head]] call number {number}")));
            body["model"] = json!(MODELS[3]);
            site.call(process.address, &body).await.status
        }
    })
    .await;
    assert!(statuses.iter().all(|status| *status == 502), "{statuses:?}");
    assert_eq!(site.mock.stats().requests, count as u64, "one request for each call");
    assert_eq!(process.stop().await, Some(0));
}
