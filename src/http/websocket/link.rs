//! What the calls of one connection share: the way to the client, and the handshake, whose headers
//! hold for all of them.

use std::rc::Rc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_ws::{Closed, Session};
use ainfera_actors::counters::Counters;
use ainfera_schema::{AgentId, RequestId};
use bytestring::ByteString;
use futures_util::FutureExt;
use tokio::time::timeout;

use super::error_event::error_event;
use crate::http::calls::RefusedCall;
use crate::http::state::Shared;
use crate::server::serving::ServingSlot;

/// See the module.
pub(super) struct Link {
    pub(super) request: HttpRequest,
    pub(super) shared: Data<Shared>,
    pub(super) slot: Data<ServingSlot>,
    /// Who made the connection; each call looks whether the key still holds.
    pub(super) agent_id: AgentId,
    session: Session,
    _open: OpenConnection,
}

impl Link {
    pub(super) fn new(
        request: HttpRequest,
        session: Session,
        shared: Data<Shared>,
        slot: Data<ServingSlot>,
        agent_id: AgentId,
    ) -> Rc<Self> {
        let _open = OpenConnection::new(&shared.counters);
        Rc::new(Self { request, shared, slot, agent_id, session, _open })
    }

    /// Waits until there is room for the message: a slow client slows its provider.
    pub(super) async fn say(&self, event: impl Into<ByteString>) -> Result<(), Closed> {
        self.session.clone().text(event).await
    }

    /// The same for what no provider waits for: a client that takes nothing is given up.
    pub(super) async fn refuse(&self, refused: &RefusedCall, request_id: RequestId) {
        let event = error_event(refused, &self.request, request_id);
        // who has left or takes nothing does not hear it
        let _ = timeout(self.stall(), self.say(event)).await;
    }

    /// Not needed where something else is on its way.
    pub(super) fn ping(&self) {
        let _ = self.session.clone().ping(b"").now_or_never();
    }

    pub(super) fn pong(&self, bytes: &[u8]) {
        let _ = self.session.clone().pong(bytes).now_or_never();
    }

    pub(super) async fn close(&self, reason: Option<actix_ws::CloseReason>) {
        let _ = timeout(self.stall(), self.session.clone().close(reason)).await;
    }

    fn stall(&self) -> Duration {
        self.slot.current().parts.deadlines.stall
    }
}

/// Counts a connection while it is there.
struct OpenConnection(std::sync::Arc<Counters>);

impl OpenConnection {
    fn new(counters: &std::sync::Arc<Counters>) -> Self {
        counters.websockets_open.add_one();
        Self(std::sync::Arc::clone(counters))
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.websockets_open.take_one();
    }
}
