//! The kill-switch may be changed while calls run: from the next batch on the new limit counts.

use actix::{Context, Handler, Message};
use ainfera_schema::Usd;

use super::CaptureActor;

/// Above this sum of all spending in a UTC day no call is let in. None: there is no such limit.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct SetKillSwitch {
    pub daily_usd: Option<Usd>,
}

impl Handler<SetKillSwitch> for CaptureActor {
    type Result = ();

    fn handle(&mut self, set: SetKillSwitch, _: &mut Context<Self>) {
        self.killswitch_daily_usd = set.daily_usd;
    }
}
