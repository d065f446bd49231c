//! Refusals of what a model cannot do, which the model table should have foreseen: then the request
//! would have been changed before it went out, and the change disclosed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ainfera_schema::{Lack, ModelSlug, ProviderId};

/// Where a refusal came from, and what it was about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unforeseen {
    pub provider: ProviderId,
    pub model: ModelSlug,
    /// As the causes of failures name it, such as `sampling`.
    pub about: &'static str,
}

/// Shared by every actor of a process; there are as many keys as refusing models.
#[derive(Debug, Default)]
pub struct UnforeseenRefusals(Mutex<BTreeMap<Unforeseen, u64>>);

impl UnforeseenRefusals {
    /// Counts the refusal and tells the operator which entry is missing. A prompt that does not fit
    /// a window is none: nobody can foresee how a vendor counts.
    pub fn note(&self, request_id: &str, provider: &ProviderId, model: &ModelSlug, lack: Lack) {
        let Some(entry) = entry(lack) else { return };
        let about = about(lack);
        tracing::warn!(
            request_id, %provider, %model, about, entry,
            "the provider refused what the model table does not know that it refuses; until the table has it, the entry under this model's \
             [[models]] table has the request changed before it is sent"
        );
        let key = Unforeseen { provider: provider.clone(), model: model.clone(), about };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(key).or_default() += 1;
    }

    pub fn counts(&self) -> Vec<(Unforeseen, u64)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|(key, count)| (key.clone(), *count)).collect()
    }
}

fn about(lack: Lack) -> &'static str {
    match lack {
        Lack::Window => "window",
        Lack::Attachment => "attachment",
        Lack::Tools => "tools",
        Lack::Schema => "schema",
        Lack::Effort => "effort",
        Lack::Sampling => "sampling",
        Lack::OutputLimit => "output_limit",
    }
}

/// What an operator writes until the table knows better.
fn entry(lack: Lack) -> Option<&'static str> {
    match lack {
        Lack::Window => None,
        Lack::Attachment => Some("takes.images = false"),
        Lack::Tools => Some("takes.forced_tools = false, or supports_tools = false"),
        Lack::Schema => Some("none: an answer's schema has no entry yet"),
        Lack::Effort => Some("takes.efforts = [...]"),
        Lack::Sampling => Some("takes.sampling = \"none\", or takes.prefill = false"),
        Lack::OutputLimit => Some("max_output_tokens"),
    }
}
