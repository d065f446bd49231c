//! Who would be asked for a call, and in which order: for those who want to know something of a
//! call before it is made.

use std::time::Instant;

use ainfera_routing::CatalogueEntry;

use super::admission::{CallSetup, question};
use super::queue::queue_of;
use super::strict::{self, Decided};

/// The deployments of the candidates as a call would ask them; what is set aside comes last. Empty
/// where the call would be refused.
pub async fn would_be_asked(setup: &CallSetup) -> Vec<CatalogueEntry> {
    let Some(Decided::Choice(choice)) = strict::decide(setup, question(setup)).await else {
        return Vec::new();
    };
    let aside = setup.worker.health.set_aside(Instant::now());
    let is_aside = |entry: &CatalogueEntry| {
        let model = &entry.model;
        aside.iter().any(|aside| {
            aside.provider == model.provider
                && aside.model.as_ref().is_none_or(|slug| *slug == model.slug)
        })
    };
    let queue = queue_of(setup, &choice).left;
    let (last, mut first): (Vec<_>, Vec<_>) =
        queue.iter().filter_map(|index| choice.catalogue.at(*index).cloned()).partition(is_aside);
    first.extend(last);
    first.truncate(usize::try_from(choice.max_attempts).unwrap_or(usize::MAX));
    first
}
