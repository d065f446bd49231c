//! RoutingBrain: one per worker, holds a snapshot of the catalogue, answers which models a call may
//! use and in what order. All logic is in `ainfera-routing`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use actix::{Actor, Context, Handler, Message, MessageResult};
use ainfera_routing::{
    Catalogue, CatalogueEntry, DecideOptions, Deployment, Dial, DropReason, Needs, PinRefusal,
    Plan, Policy, PolicySettings, RejectReason, ReservationMode, RouteTarget, amounts_to_ask_for,
    pin, plan_without, resolve_policy, shorter_outputs,
};
use ainfera_schema::policy::RoutingHint;
use ainfera_schema::{ModelSlug, PriceError, RequestId, Usd};
use ainfera_wire::client::{Call, OutputLimit};
use ainfera_wire::provider::Dialect;

use crate::dispatch::reservation::{bounds, field_without_price, reservation};

/// Which models shall serve this call?
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Choice, ChoiceRefusal>")]
pub struct Decide {
    pub request_id: RequestId,
    pub target: RouteTarget,
    pub needs: Needs,
    pub hint: RoutingHint,
    /// Of the agent. Its caps are none of the brain's: they are held where the call is admitted, as
    /// they are then.
    pub routing_defaults: RoutingHint,
    /// The call itself, for what it can use at each candidate.
    pub call: Arc<Call>,
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
    /// What each candidate needs before it is asked, in the order of `candidates`.
    pub reservations: Vec<Usd>,
    /// What to ask the store for, largest first.
    pub amounts: Vec<Usd>,
    /// Where not even the cheapest candidate's fits: what shorter answers of it need.
    pub shorter: Vec<Shorter>,
    /// Of an answer whose caller set no limit.
    pub most_output_tokens: u64,
}

/// An answer of the cheapest candidate that is shorter than those that nobody limited.
#[derive(Debug, Clone, Copy)]
pub struct Shorter {
    pub candidate: usize,
    pub output_tokens: u64,
    pub amount: Usd,
}

/// Why there is no candidate.
#[derive(Debug, Clone)]
pub enum ChoiceRefusal {
    /// The decision found none; this is a rejection with a row of its own.
    Rejected(Box<Rejection>),
    /// The pinned model cannot be had.
    Pin { model: ModelSlug, refusal: PinRefusal },
    /// What the call may cost at this model cannot be computed: a price is not known, or does not
    /// fit into an amount.
    Unpriced { model: ModelSlug, field: &'static str, error: PriceError },
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
    pub reservations: ReservationMode,
    /// Reads the dial's gate anew for each call.
    pub dial: Arc<dyn Fn() -> Dial + Send + Sync>,
}

/// See the module.
pub struct RoutingBrain {
    catalogue: Arc<Catalogue>,
    settings: BrainSettings,
}

impl Choice {
    /// Keeps the candidates that so much covers; where it covers none, the shorter answer that it
    /// does.
    pub fn keep_covered_by(&mut self, amount: Usd) {
        let covers_one = self.reservations.iter().any(|needed| *needed <= amount);
        if let (false, Some(shorter)) =
            (covers_one, self.shorter.iter().find(|shorter| shorter.amount <= amount))
        {
            self.candidates = vec![shorter.candidate];
            self.reservations = vec![shorter.amount];
            self.most_output_tokens = shorter.output_tokens;
            return;
        }
        let mut reservations = self.reservations.iter().map(|needed| *needed <= amount);
        self.candidates.retain(|_| reservations.next().unwrap_or(false));
        self.reservations.retain(|needed| *needed <= amount);
    }
}

impl RoutingBrain {
    pub fn new(catalogue: Arc<Catalogue>, settings: BrainSettings) -> Self {
        Self { catalogue, settings }
    }

    fn decide(&self, ask: &Decide) -> Result<Choice, ChoiceRefusal> {
        let policy = resolve_policy(
            &ask.hint,
            &ask.routing_defaults,
            &self.settings.policy,
            (self.settings.dial)(),
        );
        match &ask.target {
            RouteTarget::Pinned(model) => {
                let index = pin(&self.catalogue, model, &ask.needs)
                    .map_err(|refusal| ChoiceRefusal::Pin { model: model.clone(), refusal })?;
                self.choice(vec![index], None, policy, ask)
            }
            RouteTarget::Routed { .. } => {
                let plan = plan_without(
                    &self.unfit(ask),
                    &self.catalogue,
                    &ask.needs,
                    &policy,
                    &self.settings.options,
                );
                match &plan {
                    Plan::Rejected { reason, .. } => {
                        let reason = *reason;
                        Err(ChoiceRefusal::Rejected(Box::new(Rejection {
                            reason,
                            plan,
                            policy,
                            catalogue: Arc::clone(&self.catalogue),
                        })))
                    }
                    Plan::Ranked { ranked, .. } => {
                        let candidates = ranked.clone();
                        self.choice(candidates, Some(plan), policy, ask)
                    }
                }
            }
        }
    }

    /// Who may not serve the call, whatever it costs: by the caller's wish, or because only
    /// providers of its own dialect can be asked.
    fn unfit(&self, ask: &Decide) -> Vec<(usize, DropReason)> {
        let mut unfit: Vec<(usize, DropReason)> =
            ask.unfit.iter().map(|index| (*index, DropReason::CoercionRefused)).collect();
        if ask.call.native_only.is_some() {
            let foreign = (0..self.catalogue.entries().len())
                .filter(|index| !speaks(&ask.call, self.catalogue.deployments(*index)));
            unfit.extend(foreign.map(|index| (index, DropReason::OtherDialect)));
        }
        unfit
    }

    /// Candidates whose price is not known are left out. One that is pinned is all there is.
    fn choice(
        &self,
        candidates: Vec<usize>,
        plan: Option<Plan>,
        policy: Policy,
        ask: &Decide,
    ) -> Result<Choice, ChoiceRefusal> {
        let mut unpriced = None;
        let mut priced = Vec::with_capacity(candidates.len());
        let mut reservations = Vec::with_capacity(candidates.len());
        for index in candidates {
            let mut dearest = None;
            // each deployment may have a price of its own
            for deployment in self.catalogue.deployments(index) {
                match self.reservation(&deployment.entry, ask, u64::MAX) {
                    Some(Ok(amount)) => dearest = dearest.max(Some(amount)),
                    Some(Err(error)) => {
                        unpriced = Some((deployment.entry.model.slug.clone(), error))
                    }
                    None => {}
                }
            }
            if let Some(amount) = dearest {
                priced.push(index);
                reservations.push(amount);
            }
        }
        if let (true, Some((model, error))) = (priced.is_empty(), unpriced) {
            return Err(ChoiceRefusal::Unpriced {
                model,
                field: field_without_price(&error),
                error,
            });
        }
        let shorter = self.shorter(&priced, &reservations, ask);
        let mut amounts = amounts_to_ask_for(&reservations);
        amounts.extend(shorter.iter().map(|shorter| shorter.amount));
        let (max_attempts, catalogue) = (self.settings.max_attempts, Arc::clone(&self.catalogue));
        let most_output_tokens = u64::MAX;
        Ok(Choice {
            candidates: priced,
            max_attempts,
            catalogue,
            plan,
            policy,
            reservations,
            amounts,
            shorter,
            most_output_tokens,
        })
    }

    /// What shorter answers of the cheapest candidate need, largest first. None for a caller who
    /// said how long the answer may be, and none where the reservation grows with the answer.
    fn shorter(&self, priced: &[usize], reservations: &[Usd], ask: &Decide) -> Vec<Shorter> {
        let cheapest = priced
            .iter()
            .copied()
            .zip(reservations.iter().copied())
            .min_by_key(|(_, needed)| *needed);
        let Some((candidate, mut least)) = cheapest else { return Vec::new() };
        if ask.call.output_limit == OutputLimit::Said
            || self.settings.reservations == ReservationMode::Sliced
        {
            return Vec::new();
        }
        let mut all = Vec::new();
        for output_tokens in shorter_outputs(ask.call.max_tokens) {
            let deployments = self.catalogue.deployments(candidate).iter();
            let needed = deployments
                .filter_map(|deployment| {
                    self.reservation(&deployment.entry, ask, output_tokens)?.ok()
                })
                .max();
            if let Some(amount) = needed.filter(|amount| *amount < least) {
                least = amount;
                all.push(Shorter { candidate, output_tokens, amount });
            }
        }
        all
    }

    fn reservation(
        &self,
        entry: &CatalogueEntry,
        ask: &Decide,
        most_output_tokens: u64,
    ) -> Option<Result<Usd, PriceError>> {
        let sheet = entry.model.price.as_ref()?;
        let bounds = bounds(&ask.call, entry);
        let output_tokens = self
            .settings
            .reservations
            .first_output_tokens(bounds.output_tokens, entry.model.stream_mode);
        Some(reservation(sheet, &bounds, output_tokens.min(most_output_tokens)))
    }
}

/// Is any of a model's deployments sent this call in its caller's own dialect?
pub(crate) fn speaks(call: &Call, deployments: &[Deployment]) -> bool {
    let client = call.client.dialect();
    deployments.iter().any(|deployment| {
        let entry = &deployment.entry;
        Dialect::for_call(entry.kind, call, &entry.model).is_native_to(client)
    })
}

impl Actor for RoutingBrain {
    type Context = Context<Self>;
}

impl Handler<Decide> for RoutingBrain {
    type Result = MessageResult<Decide>;

    /// A panic here would end the brain of all calls to come on this worker. It only reads, so
    /// there is nothing that a panic could leave half done.
    fn handle(&mut self, ask: Decide, _: &mut Self::Context) -> Self::Result {
        let decided = catch_unwind(AssertUnwindSafe(|| {
            crate::fault_injection::maybe_panic_over("brain", ask.request_id);
            self.decide(&ask)
        }));
        MessageResult(decided.unwrap_or(Err(ChoiceRefusal::Crashed)))
    }
}
