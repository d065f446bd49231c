//! Where one model can be had: at one provider, or at several that serve it side by side, each with
//! its share of the model's calls.
//!
//! The router decides about models; a model is one candidate however many deployments it has.
//! [`order`] says in which order they are asked.

pub mod order;

use ainfera_schema::{ModelSlug, ProviderId};

use crate::catalogue::CatalogueEntry;

/// One place where a model can be had.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// The model as it is served there: the provider, its name for the model, its price.
    pub entry: CatalogueEntry,
    /// Its share of the model's calls, in proportion to the weights of the others. Never 0.
    pub weight: u64,
}

/// Which deployment of which model in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeploymentIndex {
    pub model: usize,
    pub deployment: usize,
}

/// Why deployments are no deployments of a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeploymentError {
    #[error("model {slug} has no deployment")]
    None { slug: ModelSlug },
    #[error("model {slug} has provider {provider} twice")]
    ProviderTwice { slug: ModelSlug, provider: ProviderId },
    #[error("model {slug} has a deployment of model {other}")]
    OtherModel { slug: ModelSlug, other: ModelSlug },
}

/// Whether these can stand behind one slug.
pub(crate) fn check(slug: &ModelSlug, deployments: &[Deployment]) -> Result<(), DeploymentError> {
    if deployments.is_empty() {
        return Err(DeploymentError::None { slug: slug.clone() });
    }
    for (position, deployment) in deployments.iter().enumerate() {
        let model = &deployment.entry.model;
        if model.slug != *slug {
            return Err(DeploymentError::OtherModel {
                slug: slug.clone(),
                other: model.slug.clone(),
            });
        }
        if deployments[..position]
            .iter()
            .any(|earlier| earlier.entry.model.provider == model.provider)
        {
            return Err(DeploymentError::ProviderTwice {
                slug: slug.clone(),
                provider: model.provider.clone(),
            });
        }
    }
    Ok(())
}
