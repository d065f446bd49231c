//! Who may serve the call: the deployments of each candidate, in the order in which they are asked.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use ainfera_routing::deployment::order::{Preference, Share, order};
use ainfera_routing::{Deployment, DeploymentIndex};
use ainfera_wire::conversation::{Conversation, Turn, conversation_of};
use ainfera_wire::provider::Dialect;

use super::admission::{CallSetup, needs};
use super::reservation::{bounds, reservation};
use super::strict;
use crate::brain::Choice;

/// The queue of a call, and which conversation it belongs to where that matters.
pub(super) struct Queue {
    pub left: VecDeque<DeploymentIndex>,
    /// `None` where every candidate has one deployment only.
    pub conversation: Option<u64>,
}

/// The candidates in the router's order; a candidate with several deployments stands in it once for
/// each that can serve the call.
pub(super) fn queue_of(setup: &CallSetup, choice: &Choice) -> Queue {
    let mut left = VecDeque::with_capacity(choice.candidates.len());
    let mut conversation = None;
    for model in choice.candidates.iter().copied() {
        let deployments = choice.catalogue.deployments(model);
        if deployments.len() == 1 {
            left.push_back(DeploymentIndex { model, deployment: 0 });
            continue;
        }
        let conversation = *conversation.get_or_insert_with(|| {
            conversation_of(&setup.call, setup.session.as_deref(), &setup.agent.agent_id)
        });
        let fit: Vec<usize> =
            (0..deployments.len()).filter(|index| can_serve(setup, &deployments[*index])).collect();
        let shares: Vec<Share> =
            fit.iter().map(|index| share(setup, &deployments[*index])).collect();
        let preference = preference(setup, deployments, &fit, conversation);
        let ordered = order(&shares, preference, chance(setup));
        left.extend(
            ordered
                .into_iter()
                .map(|position| DeploymentIndex { model, deployment: fit[position] }),
        );
    }
    Queue { left, conversation: conversation.map(|conversation| conversation.fingerprint) }
}

/// Whether this deployment can be asked for all of the call. The router knows that one of the
/// model's deployments can.
fn can_serve(setup: &CallSetup, deployment: &Deployment) -> bool {
    let entry = &deployment.entry;
    let is_native = Dialect::for_call(entry.kind, &setup.call, &entry.model)
        .is_native_to(setup.call.client.dialect());
    let bounds = bounds(&setup.call, entry);
    let is_priced = entry
        .model
        .price
        .as_ref()
        .is_some_and(|sheet| reservation(sheet, &bounds, bounds.output_tokens).is_ok());
    is_priced
        && needs(&setup.call).unmet_by(entry).is_none()
        && (setup.call.native_only.is_none() || is_native)
        && strict::refused_coercions(setup, entry).is_empty()
}

fn share(setup: &CallSetup, deployment: &Deployment) -> Share {
    let in_flight = setup.worker.health.deployments().in_flight(&deployment.entry.model);
    Share { weight: deployment.weight, in_flight }
}

fn preference(
    setup: &CallSetup,
    deployments: &[Deployment],
    fit: &[usize],
    conversation: Conversation,
) -> Preference {
    if conversation.turn == Turn::First {
        return Preference::Any;
    }
    let served = |fingerprint| setup.worker.health.deployments().provider_of(fingerprint);
    let known = served(conversation.fingerprint).or_else(|| served(conversation.beginning));
    let is_known =
        |index: &usize| known.as_ref() == Some(&deployments[*index].entry.model.provider);
    fit.iter()
        .position(is_known)
        .map_or(Preference::Hashed(conversation.fingerprint), Preference::Kept)
}

/// A number of this call's own.
fn chance(setup: &CallSetup) -> u64 {
    let mut hasher = DefaultHasher::new();
    setup.request_id.hash(&mut hasher);
    hasher.finish()
}
