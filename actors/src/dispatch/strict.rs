//! Calls that want to arrive as they were sent: candidates that cannot take them so are passed over
//! before anybody is asked, at no cost.

use ainfera_routing::CatalogueEntry;
use ainfera_wire::disclosure::Strictness;
use ainfera_wire::provider::Dialect;

use super::admission::CallSetup;
use crate::brain::{Choice, ChoiceRefusal, Decide};

/// A candidate that would not get the call as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    pub model: String,
    /// The fields that would change, or why the call has no form for this model at all.
    pub coercions: Vec<String>,
}

/// How a strict call fares.
pub(super) enum Decided {
    Choice(Box<Choice>),
    Refused(ChoiceRefusal),
    /// Nobody else is left.
    Unfit {
        unfit: Vec<Unfit>,
        /// The record of a routed call.
        refusal: Option<ChoiceRefusal>,
    },
}

/// Asks the brain; for a strict call a second time, without those that would lose something.
/// `None`: the brain is gone.
pub(super) async fn decide(setup: &CallSetup, ask: Decide) -> Option<Decided> {
    let choice = match setup.worker.brain.send(ask.clone()).await.ok()? {
        Ok(choice) => choice,
        Err(refusal) => return Some(Decided::Refused(refusal)),
    };
    let found = unfit(setup, &choice);
    if found.is_empty() {
        return Some(Decided::Choice(Box::new(choice)));
    }
    let (positions, unfit): (Vec<usize>, Vec<Unfit>) = found.into_iter().unzip();
    if choice.plan.is_none() {
        return Some(Decided::Unfit { unfit, refusal: None });
    }
    match setup.worker.brain.send(Decide { unfit: positions, ..ask }).await.ok()? {
        Ok(choice) => Some(Decided::Choice(Box::new(choice))),
        Err(refusal) => Some(Decided::Unfit { unfit, refusal: Some(refusal) }),
    }
}

/// Those before the last that will be tried who would lose something, each with its position in the
/// catalogue.
fn unfit(setup: &CallSetup, choice: &Choice) -> Vec<(usize, Unfit)> {
    if setup.strictness == Strictness::Disclose {
        return Vec::new();
    }
    let ranked = choice.plan.as_ref().map_or(choice.candidates.as_slice(), |plan| plan.ranked());
    let mut wanted = choice.candidates.len();
    let mut unfit = Vec::new();
    for index in ranked {
        let Some(entry) = choice.catalogue.get(*index).filter(|_| wanted > 0) else { break };
        let mut lost = choice
            .catalogue
            .deployments(*index)
            .iter()
            .map(|deployment| lost_by(setup, &deployment.entry));
        // one deployment that gets the call as it was sent is enough
        let first_lost =
            lost.next().filter(|first| !first.is_empty() && lost.all(|other| !other.is_empty()));
        match first_lost {
            None => wanted -= 1,
            Some(coercions) => {
                unfit.push((*index, Unfit { model: entry.model.slug.to_string(), coercions }))
            }
        }
    }
    unfit
}

/// What of a strict call would be changed on its way to this deployment. Nothing of a call that is
/// not strict.
pub(super) fn refused_coercions(setup: &CallSetup, entry: &CatalogueEntry) -> Vec<String> {
    if setup.strictness == Strictness::Disclose { Vec::new() } else { lost_by(setup, entry) }
}

fn lost_by(setup: &CallSetup, entry: &CatalogueEntry) -> Vec<String> {
    // who is not configured is found out when its turn comes
    let Some(provider) = setup.worker.providers.get(&entry.model.provider) else {
        return Vec::new();
    };
    let dialect = Dialect::for_call(provider.kind, &setup.call, &entry.model);
    match dialect.losses(&setup.call, provider, &entry.model) {
        Ok(losses) => losses
            .iter()
            .filter(|coercion| setup.strictness.refuses(coercion))
            .map(ToString::to_string)
            .collect(),
        Err(bad) => vec![bad.to_string()],
    }
}
