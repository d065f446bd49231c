//! How many tokens a call would be. Counting is no call: it leaves no row and costs nothing. It
//! asks the providers that a call would ask, in the same order, over the same connections and past
//! the same breakers.
//!
//! A provider that counts is asked, briefly. For all others, and when that one does not answer, the
//! estimate stands.

use std::time::{Duration, Instant};

use ainfera_routing::CatalogueEntry;
use ainfera_schema::CallKind;
use ainfera_wire::client::ClientDialect;
use ainfera_wire::error::StreamFault;
use ainfera_wire::provider::{Dialect, count_tokens_request};
use bytes::BytesMut;
use futures_util::StreamExt;
use serde_json::Value;
use tokio::time::timeout;

use super::admission::{CallSetup, question};
use super::queue::queue_of;
use super::strict::{self, Decided};
use super::turns::chance;
use crate::health::Turn;
use crate::provider::failure::{Broken, ProviderFailure};
use crate::provider::refusal::refused;
use crate::provider::send::Sender;

/// An agent counts before it sends its call: it must not wait.
const PROVIDER_COUNTS_WITHIN: Duration = Duration::from_millis(1_200);
/// All providers together.
const PROVIDERS_COUNT_WITHIN: Duration = Duration::from_secs(2);
const MAX_COUNT_BYTES: usize = 16 << 10;

/// Who counted.
#[derive(Debug)]
pub enum TokenCount {
    /// The provider's own answer, whole: it may have more than one figure.
    Provider(Value),
    Estimate(u64),
}

/// Counts the tokens of a call that is not made.
pub async fn count_tokens(setup: &CallSetup) -> TokenCount {
    let asked = would_be_asked(setup).await;
    let Some(first) = asked.first() else {
        return TokenCount::Estimate(setup.call.counted_for(&Dialect::Anthropic, ""));
    };
    if let Ok(Some(counted)) = timeout(PROVIDERS_COUNT_WITHIN, first_count(setup, &asked)).await {
        return TokenCount::Provider(counted);
    }
    let dialect = Dialect::for_call(first.kind, &setup.call, &first.model);
    TokenCount::Estimate(setup.call.counted_for(&dialect, &first.model.upstream_name))
}

/// The deployments of the candidates as a call would ask them. Empty where the call would be
/// refused.
async fn would_be_asked(setup: &CallSetup) -> Vec<CatalogueEntry> {
    let Some(Decided::Choice(choice)) = strict::decide(setup, question(setup)).await else {
        return Vec::new();
    };
    let queue = queue_of(setup, &choice).left;
    let entries = queue.iter().filter_map(|index| choice.catalogue.at(*index).cloned());
    entries.take(usize::try_from(choice.max_attempts).unwrap_or(usize::MAX)).collect()
}

/// The count of the first that counts: as a call would, it goes on to the next where one refuses or
/// cannot be reached. For a provider that cannot count, and for all after it, the estimate is the
/// answer.
async fn first_count(setup: &CallSetup, asked: &[CatalogueEntry]) -> Option<Value> {
    if setup.call.client.dialect() != ClientDialect::Messages {
        return None;
    }
    for entry in asked {
        if Dialect::for_call(entry.kind, &setup.call, &entry.model) != Dialect::Anthropic {
            return None;
        }
        if is_set_aside(setup, entry) {
            continue;
        }
        if let Some(counted) = count_at(setup, entry).await {
            return Some(counted);
        }
    }
    None
}

/// What is set aside is not asked for a count, also when its probe is due: a count would tell
/// nothing about calls, and would keep the first call from being the probe.
fn is_set_aside(setup: &CallSetup, entry: &CatalogueEntry) -> bool {
    let model = &entry.model;
    setup.worker.health.set_aside(Instant::now()).iter().any(|aside| {
        aside.provider == model.provider
            && aside.model.as_ref().is_none_or(|slug| *slug == model.slug)
    })
}

/// Takes a place at the provider and asks it. Only that it cannot be reached is told to its health:
/// a server that does not count, or refuses to, may well answer calls.
async fn count_at(setup: &CallSetup, entry: &CatalogueEntry) -> Option<Value> {
    let alone = std::iter::once((0, &entry.model));
    let turn = setup.worker.health.choose(CallKind::Direct, alone, Instant::now());
    let Turn::Of { mut permit, .. } = turn else { return None };
    let failure = match timeout(PROVIDER_COUNTS_WITHIN, ask(setup, entry)).await {
        Ok(Ok(counted)) => return Some(counted),
        Ok(Err(failure)) => failure,
        Err(_) => ProviderFailure::TimedOut("count_tokens"),
    };
    if let ProviderFailure::Connect(_) = failure {
        permit.failed(&failure, Instant::now(), chance(setup));
    }
    tracing::debug!(
        request_id = setup.request_id.header_value(),
        provider = %entry.model.provider,
        model = %entry.model.slug,
        cause = failure.cause().as_str(),
        "the provider did not count tokens"
    );
    None
}

async fn ask(setup: &CallSetup, entry: &CatalogueEntry) -> Result<Value, ProviderFailure> {
    let model = &entry.model;
    let Some(provider) = setup.worker.providers.get(&model.provider) else {
        return Err(ProviderFailure::Crashed);
    };
    let request = count_tokens_request(&setup.call, provider, model)
        .map_err(ProviderFailure::Untranslatable)?;
    let pool = setup.worker.pools.of(provider).map_err(ProviderFailure::Connect)?;
    let mut answer = Sender { pool: &pool, request: &request }.send(|| ()).await?;
    if !answer.head.status.is_success() {
        return Err(refused(answer.head, answer.payload).await);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.payload.next().await {
        let chunk = chunk.map_err(|error| Broken::answering(error.to_string()))?;
        body.extend_from_slice(&chunk);
        if body.len() > MAX_COUNT_BYTES {
            return Err(Broken::answering("answer too long").into());
        }
    }
    serde_json::from_slice::<Value>(&body)
        .ok()
        .filter(|counted| counted["input_tokens"].is_u64())
        .ok_or_else(|| StreamFault::malformed("the answer is no count of tokens").into())
}
