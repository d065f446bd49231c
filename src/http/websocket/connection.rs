//! One connection: hears the client, runs one call after the other, and says farewell.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::pending;
use std::rc::Rc;

use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, ProtocolError};
use ainfera_schema::RequestId;
use ainfera_wire::client::{AnswerWatch, ClientMessage, ResponseCreate};
use ainfera_wire::error::BadRequest;
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde_json::json;
use tokio::time::{Instant, interval_at, sleep};

use super::arriving::Arriving;
use super::error_event::CONNECTION;
use super::link::Link;
use super::turn::{Remembered, Turn, TurnEnd};
use crate::http::body::Share;
use crate::http::error::ApiError;

/// More calls may not wait for the one that runs.
const MAX_WAITING: usize = 8;

/// See the module.
pub(super) struct Connection {
    link: Rc<Link>,
    arriving: Arriving,
    waiting: VecDeque<(ResponseCreate, Share)>,
    running: Option<Running>,
    previous: Option<Rc<Remembered>>,
    ending: Option<Ending>,
}

/// The call that runs. Dropped, it ends as a call whose client left.
struct Running {
    turn: LocalBoxFuture<'static, TurnEnd>,
    watch: Rc<RefCell<AnswerWatch>>,
}

/// Why no further call is begun.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    TooOld,
    Leaving,
}

enum Step {
    Ended(TurnEnd),
    Heard(Option<Result<AggregatedMessage, ProtocolError>>),
    Ping,
    End(Ending),
}

/// Whether the connection is still there.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    Over,
}

impl Connection {
    pub(super) fn new(link: Rc<Link>, arriving: Arriving) -> Self {
        let waiting = VecDeque::new();
        Self { link, arriving, waiting, running: None, previous: None, ending: None }
    }

    /// Until one of both sides ends it.
    pub(super) async fn serve(mut self, mut messages: AggregatedMessageStream) {
        let deadlines = self.link.slot.current().parts.deadlines;
        let gate = self.link.shared.gate.clone();
        let mut pings = interval_at(Instant::now() + deadlines.ping, deadlines.ping);
        let mut too_old = std::pin::pin!(sleep(deadlines.websocket));
        let mut leaving = std::pin::pin!(gate.next_phase());
        loop {
            if self.running.is_none() {
                match self.ending {
                    Some(ending) => return self.farewell(ending).await,
                    None => self.begin_next(),
                }
            }
            let step = tokio::select! {
                end = ended(&mut self.running) => Step::Ended(end),
                heard = messages.next() => Step::Heard(heard),
                _ = pings.tick() => Step::Ping,
                () = &mut too_old, if self.ending.is_none() => Step::End(Ending::TooOld),
                () = &mut leaving, if self.ending.is_none() => Step::End(Ending::Leaving),
            };
            let next = match step {
                Step::Ended(end) => self.ended(end).await,
                Step::Heard(heard) => self.heard(heard).await,
                Step::Ping => {
                    self.link.ping();
                    Next::GoOn
                }
                Step::End(ending) => {
                    self.ending = Some(ending);
                    Next::GoOn
                }
            };
            if next == Next::Over {
                return;
            }
        }
    }

    fn begin_next(&mut self) {
        let Some((create, share)) = self.waiting.pop_front() else { return };
        let watch = Rc::new(RefCell::new(AnswerWatch::default()));
        let turn = Turn {
            link: Rc::clone(&self.link),
            create,
            share,
            previous: self.previous.clone(),
            watch: Rc::clone(&watch),
        };
        self.running = Some(Running { turn: Box::pin(turn.run()), watch });
    }

    async fn ended(&mut self, end: TurnEnd) -> Next {
        self.running = None;
        if self.link.shared.gate.is_leaving() {
            self.ending.get_or_insert(Ending::Leaving);
        }
        match end {
            TurnEnd::Answered(remembered) => {
                self.previous = remembered.map(Rc::new);
                Next::GoOn
            }
            TurnEnd::Failed => Next::GoOn,
            TurnEnd::Cut => {
                // its events have no end, and the client waits for one
                let reason = close(CloseCode::Error, "the answer was cut");
                self.link.close(Some(reason)).await;
                Next::Over
            }
        }
    }

    async fn heard(&mut self, heard: Option<Result<AggregatedMessage, ProtocolError>>) -> Next {
        match heard {
            Some(Ok(AggregatedMessage::Text(text))) => {
                let share = self.arriving.taken();
                match ClientMessage::parse(text.into_bytes()) {
                    Ok(ClientMessage::Create(create)) => self.create(create, share).await,
                    Ok(ClientMessage::Cancel) => self.cancel().await,
                    Ok(ClientMessage::Processed) => {}
                    Err(bad) => self.refuse(bad).await,
                }
                Next::GoOn
            }
            Some(Ok(AggregatedMessage::Binary(_))) => {
                drop(self.arriving.taken());
                let message = "must be text: binary messages are not read";
                self.refuse(BadRequest::new("message", message)).await;
                Next::GoOn
            }
            Some(Ok(AggregatedMessage::Ping(bytes))) => {
                self.link.pong(&bytes);
                Next::GoOn
            }
            Some(Ok(AggregatedMessage::Pong(_))) => Next::GoOn,
            Some(Ok(AggregatedMessage::Close(reason))) => {
                // the call that runs ends at once, as that of any client that leaves
                self.running = None;
                self.link.close(reason).await;
                Next::Over
            }
            Some(Err(error)) => {
                self.running = None;
                self.broken(&error).await;
                Next::Over
            }
            None => Next::Over,
        }
    }

    async fn create(&mut self, create: ResponseCreate, share: Share) {
        if self.waiting.len() < MAX_WAITING {
            return self.waiting.push_back((create, share));
        }
        let message = format!("{MAX_WAITING} calls of this connection wait already");
        self.refuse(BadRequest::new("message", message)).await;
    }

    async fn cancel(&mut self) {
        let Some(running) = self.running.take() else {
            return self.refuse(BadRequest::new("type", "no response runs")).await;
        };
        let response =
            json!({"id": running.watch.borrow().id(), "object": "response", "status": "cancelled"});
        drop(running);
        let event = json!({"type": "response.cancelled", "response": response});
        // who has left hears nothing any more
        let _ = self.link.say(event.to_string()).await;
    }

    async fn refuse(&self, bad: BadRequest) {
        self.link.refuse(&ApiError::BadRequest(bad).into(), RequestId::mint()).await;
    }

    /// The bytes of the client make no messages, or too large ones.
    async fn broken(&self, error: &ProtocolError) {
        let refusal = self.arriving.refusal();
        let is_too_large = matches!(error, ProtocolError::Overflow)
            || matches!(error, ProtocolError::Io(error) if error.to_string().contains("maximum continuation size"));
        let reason = match (refusal, is_too_large) {
            (Some(refusal), _) => {
                let reason = match refusal {
                    ApiError::BodyTooLarge { .. } => close(CloseCode::Size, "message too large"),
                    _ => close(CloseCode::Again, "too many bytes of messages are in memory"),
                };
                self.link.refuse(&refusal.into(), RequestId::mint()).await;
                reason
            }
            (None, true) => {
                self.link.refuse(&self.arriving.too_large().into(), RequestId::mint()).await;
                close(CloseCode::Size, "message too large")
            }
            (None, false) => close(CloseCode::Protocol, "no valid frame"),
        };
        self.link.close(Some(reason)).await;
    }

    async fn farewell(self, ending: Ending) {
        let reason = match ending {
            Ending::Leaving => close(CloseCode::Away, "this gateway stops; connect again"),
            Ending::TooOld => {
                let message = "has reached its longest life; open a new one to go on";
                self.refuse(BadRequest::new(CONNECTION, message)).await;
                close(CloseCode::Normal, "connection limit reached")
            }
        };
        self.link.close(Some(reason)).await;
    }
}

fn close(code: CloseCode, description: &str) -> CloseReason {
    CloseReason { code, description: Some(description.to_owned()) }
}

/// The end of the call that runs; without one nothing ever ends.
async fn ended(running: &mut Option<Running>) -> TurnEnd {
    match running {
        Some(running) => running.turn.as_mut().await,
        None => pending().await,
    }
}
