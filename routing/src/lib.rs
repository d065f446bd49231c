//! What to pick: the cheapest model that clears the caller's quality floor inside the caller's
//! caps. Pure: no I/O, no async, no clock, no randomness, no environment.
//!
//! In reading order:
//!
//! - [`target`]: is the caller's model string a routing name or a pin?
//! - [`policy`]: what the caller and the agent's owner ask for, as one [`Policy`]; [`preset`] names
//!   it.
//! - [`catalogue`]: the models that can be had; [`deployment`]: where each of them can be had, and
//!   in which order those places are asked.
//! - [`estimate`]: how many tokens a text is.
//! - [`mod@decide`]: the decision itself; [`ruleset`] is the fingerprint of its rules.
//! - [`mod@plan`]: hard filters, then `decide`: the order in which the catalogue is tried;
//!   [`mod@pin`] is the same for a pinned model.
//! - [`bounds`]: the most that a call can use at a model, its images by [`mod@image_tokens`];
//!   [`reservation`]: what is reserved of it, and when.
//! - [`case`]: one decision as a line of JSON in, a line of JSON out.

// `pub` means that another crate may use it
#![cfg_attr(not(test), deny(unreachable_pub))]

pub mod bounds;
pub mod case;
pub mod catalogue;
pub mod decide;
pub mod deployment;
pub mod estimate;

pub mod image_tokens;
pub mod pin;
pub mod plan;
pub mod policy;
pub mod preset;
pub mod reservation;
pub mod ruleset;
pub mod target;

pub use bounds::{CallSize, UNKNOWN_WINDOW_TOKENS, bounds_at};
pub use case::{CaseError, decide_line};
pub use catalogue::{Catalogue, CatalogueEntry, CatalogueError};
pub use decide::{
    Candidate, ConsideredCandidate, DecideOptions, DecideRequest, Decision, DropReason,
    FloorSource, ListPrice, ModelId, Ranking, RuleFired, decide,
};
pub use deployment::{Deployment, DeploymentError, DeploymentIndex};
pub use estimate::estimate_tokens;
pub use pin::{PinRefusal, pin};
pub use plan::{Needs, Plan, RejectReason, candidates_json, plan, plan_without};
pub use policy::{Dial, Policy, PolicySettings, TierFloors, resolve_policy};
pub use preset::Preset;
pub use reservation::{
    ReservationError, ReservationMode, amounts_to_ask_for, is_running_out, next_output_tokens,
    output_within, shorter_outputs,
};
pub use ruleset::{RulesetHash, policy_version, ruleset_hash};
pub use target::{ROUTING_ALIASES, ROUTING_TARGET, RouteTarget};
