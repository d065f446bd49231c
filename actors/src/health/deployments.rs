//! What is known of the deployments of models that have several: how many calls each has in flight,
//! and where each conversation was served.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ainfera_routing::Catalogue;
use ainfera_schema::{Model, ModelSlug, ProviderId};

use super::conversations::Conversations;
use super::lock;
use super::seats::{Seat, Seats};

/// See the module.
#[derive(Debug)]
pub struct DeploymentLoads {
    by_model: HashMap<ModelSlug, Vec<(ProviderId, Seats)>>,
    conversations: Arc<Mutex<Conversations>>,
}

impl DeploymentLoads {
    pub fn new(catalogue: &Catalogue) -> Self {
        let several = (0..catalogue.entries().len())
            .map(|index| catalogue.deployments(index))
            .filter(|deployments| deployments.len() > 1);
        let loads = several.filter_map(|deployments| {
            let models = deployments.iter().map(|deployment| &deployment.entry.model);
            let slug = deployments.first()?.entry.model.slug.clone();
            Some((slug, models.map(|model| (model.provider.clone(), Seats::unlimited())).collect()))
        });
        Self { by_model: loads.collect(), conversations: Arc::default() }
    }

    /// After a reload: the calls in flight are the same, and so are the conversations.
    pub fn follow(&mut self, former: &DeploymentLoads) {
        for (slug, loads) in &mut self.by_model {
            for (provider, load) in loads {
                if let Some(known) = former.load(slug, provider) {
                    load.count_with(known);
                }
            }
        }
        self.conversations = Arc::clone(&former.conversations);
    }

    /// Counts a call until the seat is dropped. `None` where the model has one deployment only.
    pub fn begin(&self, model: &Model) -> Option<Seat> {
        self.load(&model.slug, &model.provider)?.take().ok()
    }

    pub fn in_flight(&self, model: &Model) -> u32 {
        self.load(&model.slug, &model.provider).map_or(0, Seats::taken)
    }

    pub fn provider_of(&self, conversation: u64) -> Option<ProviderId> {
        lock(&self.conversations).provider_of(conversation).cloned()
    }

    pub fn served_by(&self, conversation: u64, provider: &ProviderId) {
        lock(&self.conversations).served_by(conversation, provider.clone());
    }

    fn load(&self, slug: &ModelSlug, provider: &ProviderId) -> Option<&Seats> {
        self.by_model.get(slug)?.iter().find(|(id, _)| id == provider).map(|(_, load)| load)
    }
}
