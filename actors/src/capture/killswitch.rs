//! The kill-switch may be changed while calls run: from the next batch on the new limit counts.

use actix::{Context, Handler, Message};
use ainfera_schema::Usd;

use super::CaptureActor;
use super::machine::Input;

/// Above this sum of all spending in a UTC day no call is let in. None: there is no such limit.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct SetKillSwitch {
    pub daily_usd: Option<Usd>,
}

impl CaptureActor {
    /// The limit from the start on.
    #[must_use]
    pub fn with_killswitch(mut self, daily_usd: Option<Usd>) -> Self {
        let input = Input::KillSwitch { daily_usd };
        self.machine.on(input, self.begun.elapsed(), &mut self.effects);
        self
    }
}

impl Handler<SetKillSwitch> for CaptureActor {
    type Result = ();

    fn handle(&mut self, set: SetKillSwitch, context: &mut Context<Self>) {
        self.on(Input::KillSwitch { daily_usd: set.daily_usd }, context);
    }
}
