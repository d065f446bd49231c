//! What can be read back: inferences and their decisions, the audit chain, the ledger, the models.
//! An agent sees its own rows alone.

use std::str::FromStr;
use std::time::Duration;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use ainfera_actors::capture::Settle;
use ainfera_actors::reader::ask;
use ainfera_schema::{AgentId, InferenceId, RequestId, RoutingOutcome};
use ainfera_store::{BareCall, CallView, Owner, Refusal, StoreError};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;
use uuid::Uuid;

use super::error::ApiError;
use super::query::Parameters;
use super::state::Shared;

/// A verification reads and hashes a whole chain: one after the other for a key.
const VERIFICATIONS_PER_KEY: usize = 1;
/// The longest wait for rows that are being written.
const ROW_IS_ON_ITS_WAY: Duration = Duration::from_secs(2);

pub async fn inference(
    request: HttpRequest,
    id: Path<String>,
    shared: Data<Shared>,
) -> HttpResponse {
    respond(find(&request, &id, &shared).await.map(|outcome| inference_json(&outcome)))
}

pub async fn decision(
    request: HttpRequest,
    id: Path<String>,
    shared: Data<Shared>,
) -> HttpResponse {
    respond(find(&request, &id, &shared).await.map(|outcome| decision_json(&outcome)))
}

/// A call by the id that its answer's head and the log have.
pub async fn call(request: HttpRequest, id: Path<String>, shared: Data<Shared>) -> HttpResponse {
    let found = async {
        let caller = shared.keys.authenticate(&request, &shared.reader).await?;
        let request_id = RequestId::parse(&id).ok_or(ApiError::NotFound("call"))?;
        let agent_id = caller.agent_id;
        let _turn = shared.turn_of(agent_id).await?;
        let read = || {
            ask(&shared.reader, move |store| {
                Box::pin(async move { store.call(agent_id, request_id).await })
            })
        };
        written(read, &shared).await?.ok_or(ApiError::NotFound("call"))
    };
    respond(found.await.map(|view| match view {
        CallView::Inference(view) => inference_json(&view.outcome),
        CallView::Bare(call) => bare_call_json(&call),
    }))
}

pub async fn audit(request: HttpRequest, id: Path<String>, shared: Data<Shared>) -> HttpResponse {
    let events = async {
        let agent_id = own_agent(&request, &id, &shared).await?;
        let page = Parameters::of(&request)?;
        let (since_seq, limit) = (page.cursor("since_seq", 0)?.unwrap_or(0), page.limit()?);
        let _turn = shared.turn_of(agent_id).await?;
        let events = ask(&shared.reader, move |store| {
            Box::pin(async move { store.audit_events(agent_id, since_seq, limit).await })
        })
        .await?;
        Ok(json!({"agent_id": agent_id, "events": events}))
    };
    respond(events.await)
}

pub async fn verify_audit(
    request: HttpRequest,
    id: Path<String>,
    shared: Data<Shared>,
) -> HttpResponse {
    let verdict = async {
        let agent_id = own_agent(&request, &id, &shared).await?;
        let _turn = shared.verifications.take(agent_id, VERIFICATIONS_PER_KEY).await?;
        let verdict = ask(&shared.reader, move |store| {
            Box::pin(async move { store.verify_audit(agent_id).await })
        })
        .await?;
        Ok(json!(verdict))
    };
    respond(verdict.await)
}

/// Newest first; `next` is what the next page begins after.
pub async fn ledger(request: HttpRequest, id: Path<String>, shared: Data<Shared>) -> HttpResponse {
    let view = async {
        let agent_id = own_agent(&request, &id, &shared).await?;
        let page = Parameters::of(&request)?;
        let (after, limit) = (page.cursor("after", 1)?, page.limit()?);
        let _turn = shared.turn_of(agent_id).await?;
        let view = ask(&shared.reader, move |store| {
            Box::pin(async move { store.ledger(agent_id, after, limit).await })
        })
        .await?;
        let view = view.ok_or(ApiError::NotFound("agent"))?;
        // A short page is the last one.
        let next = view
            .entries
            .last()
            .filter(|_| view.entries.len() == limit as usize)
            .map(|last| last.seq.to_string());
        let mut body = json!(view);
        body["next"] = json!(next);
        Ok(body)
    };
    respond(view.await)
}

pub async fn wallet(request: HttpRequest, id: Path<String>, shared: Data<Shared>) -> HttpResponse {
    let view = async {
        let agent_id = own_agent(&request, &id, &shared).await?;
        let _turn = shared.turn_of(agent_id).await?;
        let view = ask(&shared.reader, move |store| {
            Box::pin(async move { store.wallet(Owner::Agent(agent_id)).await })
        })
        .await?;
        let view = view.ok_or(ApiError::NotFound("agent"))?;
        let mut body = json!({
            "agent_id": agent_id, "funding": view.funding, "balance_usd": view.balance_usd, "held_usd": view.held_usd,
            "paused": view.paused, "spent_today_usd": view.spent_today_usd, "spent_this_month_usd": view.spent_this_month_usd,
            "per_call_cap_usd": view.spend_policy.per_call_cap_usd, "daily_cap_usd": view.spend_policy.daily_cap_usd,
            "monthly_cap_usd": view.spend_policy.monthly_cap_usd,
        });
        if let Some(owed_usd) = view.owed_usd {
            body["owed_usd"] = json!(owed_usd);
        }
        Ok(body)
    };
    respond(view.await)
}

/// The agent in the path, if it is the caller. Another agent's id is answered like one that does
/// not exist.
async fn own_agent(request: &HttpRequest, id: &str, shared: &Shared) -> Result<AgentId, ApiError> {
    let caller = shared.keys.authenticate(request, &shared.reader).await?;
    match Uuid::from_str(id) {
        Ok(uuid) if uuid == caller.agent_id.0 => Ok(caller.agent_id),
        _ => Err(ApiError::NotFound("agent")),
    }
}

async fn find(
    request: &HttpRequest,
    id: &str,
    shared: &Shared,
) -> Result<RoutingOutcome, ApiError> {
    let caller = shared.keys.authenticate(request, &shared.reader).await?;
    let inference_id =
        InferenceId(Uuid::from_str(id).map_err(|_| ApiError::NotFound("inference"))?);
    let agent_id = caller.agent_id;
    let _turn = shared.turn_of(agent_id).await?;
    let read = || {
        ask(&shared.reader, move |store| {
            Box::pin(async move { store.inference(agent_id, inference_id).await })
        })
    };
    written(read, shared).await?.map(|view| view.outcome).ok_or(ApiError::NotFound("inference"))
}

/// What is read, now or when what is on its way is written: a client that has just got the end of
/// its answer is faster than the row.
async fn written<T, R>(read: impl Fn() -> R, shared: &Shared) -> Result<Option<T>, ApiError>
where
    R: Future<Output = Result<Option<T>, StoreError>>,
{
    if let Some(found) = read().await? {
        return Ok(Some(found));
    }
    let (done, settled) = oneshot::channel();
    shared.capture.do_send(Settle { done });
    let _ = timeout(ROW_IS_ON_ITS_WAY, settled).await;
    Ok(read().await?)
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

/// The members of an inference that a call without one has.
fn bare_call_json(call: &BareCall) -> Value {
    json!({
        "inference_id": null, "request_id": call.request_id, "agent_id": call.agent_id, "kind": call.kind,
        "outcome_status": call.outcome_status, "cost_usd": call.cost_usd, "task_type": call.task_type,
        "decision_rule": call.decision_rule, "policy_version": call.policy_version, "candidates": call.candidates,
        "refusal": call.refusal.as_ref().map(Refusal::facts), "attempts": [], "closed_at": call.closed_at,
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
