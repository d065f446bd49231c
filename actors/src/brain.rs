//! RoutingBrain: one per worker, holds a snapshot of the catalogue, answers which models a call may use and in what order. All logic is in `ainfera-routing`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use actix::{Actor, Context, Handler, Message, MessageResult};
use ainfera_routing::{
    Catalogue, DecideOptions, Dial, HoldMode, Needs, PinRefusal, Plan, Policy, PolicySettings, RejectReason, RouteTarget, first_slice,
    hold_for, pin, plan_without, resolve_policy,
};
use ainfera_schema::policy::{RoutingHint, SpendPolicy};
use ainfera_schema::{ModelSlug, RequestId, Usd};

/// Which models shall serve this call?
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Choice, ChoiceRefusal>")]
pub struct Decide {
    pub request_id: RequestId,
    pub target: RouteTarget,
    pub needs: Needs,
    pub hint: RoutingHint,
    pub spend_policy: SpendPolicy,
    /// An upper bound of what will be read, for the hold.
    pub upper_input_tokens: u64,
    /// Positions in the catalogue of those that would not get the call as it was sent.
    pub unfit: Vec<usize>,
}

/// The answer: candidates in the order of trying, and what to put into the record.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Positions in `catalogue`, the first choice first.
    pub candidates: Vec<usize>,
    /// How many of them may be asked. One that is passed over unasked does not count.
    pub max_attempts: u32,
    pub catalogue: Arc<Catalogue>,
    /// `None` for a pin.
    pub plan: Option<Plan>,
    pub policy: Policy,
    /// Covers the dearest of the candidates, or the first slice of the first.
    pub hold: Usd,
}

/// Why there is no candidate.
#[derive(Debug, Clone)]
pub enum ChoiceRefusal {
    /// The decision found none; this is a rejection with a row of its own.
    Rejected(Box<Rejection>),
    /// The pinned model cannot be had.
    Pin { model: ModelSlug, refusal: PinRefusal },
    /// The hold does not fit into an amount: no wallet could cover it.
    Unaffordable,
    /// A fault of ours.
    Crashed,
}

/// A decision without a candidate.
#[derive(Debug, Clone)]
pub struct Rejection {
    pub reason: RejectReason,
    pub plan: Plan,
    pub policy: Policy,
    pub catalogue: Arc<Catalogue>,
}

/// How routing is set up.
#[derive(Clone)]
pub struct BrainSettings {
    pub policy: PolicySettings,
    pub options: DecideOptions,
    pub max_attempts: u32,
    pub holds: HoldMode,
    /// Reads the dial's gate anew for each call.
    pub dial: Arc<dyn Fn() -> Dial + Send + Sync>,
}

/// See the module.
pub struct RoutingBrain {
    catalogue: Arc<Catalogue>,
    settings: BrainSettings,
}

impl RoutingBrain {
    pub fn new(catalogue: Arc<Catalogue>, settings: BrainSettings) -> Self {
        Self { catalogue, settings }
    }

    fn decide(&self, ask: &Decide) -> Result<Choice, ChoiceRefusal> {
        let policy = resolve_policy(&ask.hint, &ask.spend_policy, &self.settings.policy, (self.settings.dial)());
        match &ask.target {
            RouteTarget::Pinned(model) => {
                let index =
                    pin(&self.catalogue, model, &ask.needs).map_err(|refusal| ChoiceRefusal::Pin { model: model.clone(), refusal })?;
                self.choice(vec![index], None, policy, ask)
            }
            RouteTarget::Routed { .. } => {
                let plan = plan_without(&ask.unfit, &self.catalogue, &ask.needs, &policy, &self.settings.options);
                match &plan {
                    Plan::Rejected { reason, .. } => {
                        let reason = *reason;
                        Err(ChoiceRefusal::Rejected(Box::new(Rejection { reason, plan, policy, catalogue: Arc::clone(&self.catalogue) })))
                    }
                    Plan::Ranked { ranked, .. } => {
                        let candidates = ranked.clone();
                        self.choice(candidates, Some(plan), policy, ask)
                    }
                }
            }
        }
    }

    fn choice(&self, candidates: Vec<usize>, plan: Option<Plan>, policy: Policy, ask: &Decide) -> Result<Choice, ChoiceRefusal> {
        let models = candidates.iter().filter_map(|index| self.catalogue.get(*index)).map(|entry| &entry.model);
        let hold = match self.settings.holds {
            HoldMode::Strict => hold_for(models, ask.upper_input_tokens, ask.needs.max_tokens),
            HoldMode::Sliced => first_slice(models, ask.upper_input_tokens, ask.needs.max_tokens),
        };
        let hold = hold.map_err(|_| ChoiceRefusal::Unaffordable)?;
        Ok(Choice { candidates, max_attempts: self.settings.max_attempts, catalogue: Arc::clone(&self.catalogue), plan, policy, hold })
    }
}

impl Actor for RoutingBrain {
    type Context = Context<Self>;
}

impl Handler<Decide> for RoutingBrain {
    type Result = MessageResult<Decide>;

    /// A panic here would end the brain of all calls to come on this worker. It only reads, so there is nothing that a panic could leave half done.
    fn handle(&mut self, ask: Decide, _: &mut Self::Context) -> Self::Result {
        let decided = catch_unwind(AssertUnwindSafe(|| {
            crate::fault_injection::maybe_panic_over("brain", ask.request_id);
            self.decide(&ask)
        }));
        MessageResult(decided.unwrap_or(Err(ChoiceRefusal::Crashed)))
    }
}
