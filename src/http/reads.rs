//! What can be read back: inferences and their decisions, the audit chain, the ledger, the models. An agent sees its own and nobody else's.

use std::str::FromStr;
use std::time::Duration;

use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use ainfera_actors::capture::Settle;
use ainfera_actors::reader::ask;
use ainfera_schema::{AgentId, InferenceId, RequestId, RoutingOutcome};
use ainfera_store::Owner;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;
use uuid::Uuid;

use super::error::ApiError;
use super::state::Shared;

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 500;
/// A verification reads and hashes a whole chain: one after the other for a key.
const VERIFICATIONS_PER_KEY: usize = 1;
/// The longest wait for rows that are being written.
const ROW_IS_ON_ITS_WAY: Duration = Duration::from_secs(2);

/// Paging of a list.
#[derive(Deserialize)]
pub struct Page {
    limit: Option<u32>,
    /// Exclusive.
    since_seq: Option<i64>,
}

impl Page {
    fn limit(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
    }
}

pub async fn inference(request: HttpRequest, id: Path<String>, shared: Data<Shared>) -> HttpResponse {
    respond(find(&request, &id, &shared).await.map(|outcome| inference_json(&outcome)))
}

pub async fn decision(request: HttpRequest, id: Path<String>, shared: Data<Shared>) -> HttpResponse {
    respond(find(&request, &id, &shared).await.map(|outcome| decision_json(&outcome)))
}

pub async fn audit(request: HttpRequest, id: Path<String>, page: Query<Page>, shared: Data<Shared>) -> HttpResponse {
    let events = async {
        let agent_id = own_agent(&request, &id, &shared).await?;
        let _turn = shared.turn_of(agent_id).await?;
        let (since_seq, limit) = (page.since_seq.unwrap_or(0), page.limit());
        let events =
            ask(&shared.reader, move |store| Box::pin(async move { store.audit_events(agent_id, since_seq, limit).await })).await?;
        Ok(json!({"agent_id": agent_id, "events": events}))
    };
    respond(events.await)
}

pub async fn verify_audit(request: HttpRequest, id: Path<String>, shared: Data<Shared>) -> HttpResponse {
    let verdict = async {
        let agent_id = own_agent(&request, &id, &shared).await?;
        let _turn = shared.verifications.take(agent_id, VERIFICATIONS_PER_KEY).await?;
        let verdict = ask(&shared.reader, move |store| Box::pin(async move { store.verify_audit(agent_id).await })).await?;
        Ok(json!(verdict))
    };
    respond(verdict.await)
}

pub async fn ledger(request: HttpRequest, id: Path<String>, page: Query<Page>, shared: Data<Shared>) -> HttpResponse {
    let view = async {
        let agent_id = own_agent(&request, &id, &shared).await?;
        let _turn = shared.turn_of(agent_id).await?;
        let limit = page.limit();
        let view = ask(&shared.reader, move |store| Box::pin(async move { store.ledger(agent_id, limit).await })).await?;
        view.map(|view| json!(view)).ok_or(ApiError::NotFound("agent"))
    };
    respond(view.await)
}

pub async fn wallet(request: HttpRequest, id: Path<String>, shared: Data<Shared>) -> HttpResponse {
    let view = async {
        let agent_id = own_agent(&request, &id, &shared).await?;
        let _turn = shared.turn_of(agent_id).await?;
        let view = ask(&shared.reader, move |store| Box::pin(async move { store.wallet(Owner::Agent(agent_id)).await })).await?;
        let view = view.ok_or(ApiError::NotFound("agent"))?;
        Ok(json!({"agent_id": agent_id, "balance_usd": view.balance_usd, "held_usd": view.held_usd, "paused": view.paused}))
    };
    respond(view.await)
}

/// The agent in the path, if it is the caller. Somebody else's is answered like nobody's.
async fn own_agent(request: &HttpRequest, id: &str, shared: &Shared) -> Result<AgentId, ApiError> {
    let caller = shared.keys.authenticate(request, &shared.reader).await?;
    match Uuid::from_str(id) {
        Ok(uuid) if uuid == caller.agent_id.0 => Ok(caller.agent_id),
        _ => Err(ApiError::NotFound("agent")),
    }
}

async fn find(request: &HttpRequest, id: &str, shared: &Shared) -> Result<RoutingOutcome, ApiError> {
    let caller = shared.keys.authenticate(request, &shared.reader).await?;
    let inference_id = InferenceId(Uuid::from_str(id).map_err(|_| ApiError::NotFound("inference"))?);
    let agent_id = caller.agent_id;
    let _turn = shared.turn_of(agent_id).await?;
    let read = || ask(&shared.reader, move |store| Box::pin(async move { store.inference(agent_id, inference_id).await }));
    if let Some(view) = read().await? {
        return Ok(view.outcome);
    }
    // a client that has just got the end of its answer is faster than the row: what is known here becomes durable first
    let (done, settled) = oneshot::channel();
    shared.capture.do_send(Settle { done });
    let _ = timeout(ROW_IS_ON_ITS_WAY, settled).await;
    read().await?.map(|view| view.outcome).ok_or(ApiError::NotFound("inference"))
}

fn inference_json(outcome: &RoutingOutcome) -> Value {
    json!({
        "inference_id": outcome.inference_id, "request_id": outcome.request_id, "receipt_id": outcome.receipt_id,
        "agent_id": outcome.agent_id, "kind": outcome.kind, "model": outcome.model_requested,
        "model_used": outcome.chosen_model, "provider": outcome.provider,
        "task_type": outcome.task_type, "task_type_source": outcome.task_type_source,
        "policy_version": outcome.policy_version, "cell": outcome.cell,
        "outcome_status": outcome.status, "stop_reason": outcome.stop_reason, "streamed": outcome.streamed,
        "usage": outcome.usage, "usage_basis": outcome.usage_basis, "cost_usd": outcome.cost_actual_usd,
        "attempts": outcome.attempts, "coercions": outcome.coercions,
        "first_content_ms": outcome.first_content_ms, "latency_ms": outcome.latency_ms, "created_at": outcome.created_at,
    })
}

fn decision_json(outcome: &RoutingOutcome) -> Value {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    json!({
        "inference_id": outcome.inference_id, "candidates": parsed(&outcome.candidates_json),
        "decision_rule": outcome.decision_rule, "policy_version": outcome.policy_version, "ruleset_hash": outcome.ruleset_hash,
        "q_prior_used": outcome.q_prior_used, "m_allowed_set": parsed(&outcome.m_allowed_set_json),
        "cost_projected": outcome.cost_projected_usd, "cost_actual": outcome.cost_actual_usd,
        "observed_latency_ms": outcome.latency_ms, "outcome_status": outcome.status, "seed": null,
        "chosen_model_slug": outcome.chosen_model,
    })
}

fn respond(result: Result<Value, ApiError>) -> HttpResponse {
    match result {
        Ok(value) => HttpResponse::Ok().json(value),
        Err(error) => error.response(RequestId::mint()),
    }
}
