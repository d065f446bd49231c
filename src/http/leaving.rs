//! While the process stops, every answer asks its client to open its next connection elsewhere.

use std::future::Future;

use actix_web::Error;
use actix_web::dev::ServiceResponse;
use actix_web::http::ConnectionType;
use ainfera_actors::gate::Gate;

/// The answer, with `Connection: close` once the process leaves.
pub async fn answer<B>(
    gate: Gate,
    answer: impl Future<Output = Result<ServiceResponse<B>, Error>>,
) -> Result<ServiceResponse<B>, Error> {
    let mut answer = answer.await?;
    // an upgraded connection is closed with a word of its own
    let is_upgraded = answer.response().head().upgrade();
    if gate.is_leaving() && !is_upgraded {
        answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(answer)
}
