//! The audit's pages: how far the chains go, what happened lately, with which key the checkpoints
//! are signed, and a caller's receipts.

use std::str::FromStr;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use ainfera_actors::reader::ask;
use ainfera_schema::audit::hex;
use ainfera_schema::{AgentId, ReceiptId, RequestId, TenantId};
use ainfera_store::PublicCursor;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::error::ApiError;
use super::query::{Parameters, refused};
use super::state::Shared;
use crate::config::audit::AuditVisibility;

pub async fn height(request: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    let height = async {
        let reader = visible(&request, &shared).await?;
        let _turn = shared.turn_of(reader.agent_id).await?;
        let height =
            ask(&shared.reader, |store| Box::pin(async move { store.audit_height().await }))
                .await?;
        Ok(json!(height))
    };
    respond(height.await)
}

pub async fn public(request: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    let list = async {
        let reader = visible(&request, &shared).await?;
        let page = Parameters::of(&request)?;
        let limit = page.limit()?;
        let before = match page.text("before") {
            None => PublicCursor::newest(),
            Some(text) => PublicCursor::parse(text)
                .ok_or_else(|| refused("before", "is not a cursor that this list has given out"))?,
        };
        let _turn = shared.turn_of(reader.agent_id).await?;
        let mut events = ask(&shared.reader, move |store| {
            Box::pin(async move { store.public_events(before, limit).await })
        })
        .await?;
        // A page shorter than the limit is the last one, so it has no cursor.
        let next = events
            .last()
            .filter(|_| events.len() == limit as usize)
            .map(|last| PublicCursor::after(last).text());
        for event in events.iter_mut().filter(|event| reader.tenant_id != Some(event.tenant_id)) {
            event.agent_name = pseudonym(event.agent_id);
        }
        Ok(json!({"events": events, "next": next}))
    };
    respond(list.await)
}

pub async fn key(request: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    let key = async {
        visible(&request, &shared).await?;
        let public_key = shared.audit_key.as_ref().ok_or(ApiError::NotFound("audit key"))?;
        Ok(json!({"alg": "Ed25519", "public_key": public_key}))
    };
    respond(key.await)
}

pub async fn receipt(request: HttpRequest, id: Path<String>, shared: Data<Shared>) -> HttpResponse {
    let receipt = async {
        let caller = shared.keys.authenticate(&request, &shared.reader).await?;
        let receipt_id = ReceiptId(Uuid::from_str(&id).map_err(|_| ApiError::NotFound("receipt"))?);
        let agent_id = caller.agent_id;
        let _turn = shared.turn_of(agent_id).await?;
        let receipt = ask(&shared.reader, move |store| {
            Box::pin(async move { store.receipt(agent_id, receipt_id).await })
        })
        .await?;
        let receipt = receipt.ok_or(ApiError::NotFound("receipt"))?;
        Ok(json!({
            "receipt_id": receipt.receipt_id, "inference_id": receipt.inference_id,
            "audit_url": format!("/v1/audit/{agent_id}"), "cost_usd": receipt.cost_usd,
            "coercions": receipt.coercions,
        }))
    };
    respond(receipt.await)
}

/// Who reads the public pages.
struct Reader {
    /// Whose turns are counted: those of the nil agent for all who need no key.
    agent_id: AgentId,
    /// `None` for a reader without a key.
    tenant_id: Option<TenantId>,
}

async fn visible(request: &HttpRequest, shared: &Shared) -> Result<Reader, ApiError> {
    match shared.parts().audit_visibility {
        AuditVisibility::Everybody => {
            Ok(Reader { agent_id: AgentId(Uuid::nil()), tenant_id: None })
        }
        AuditVisibility::Callers => {
            let caller = shared.keys.authenticate(request, &shared.reader).await?;
            Ok(Reader { agent_id: caller.agent_id, tenant_id: Some(caller.tenant_id) })
        }
    }
}

/// What other tenants read instead of an agent's name: the same for all its events, and nothing
/// else.
fn pseudonym(agent_id: AgentId) -> String {
    let digest = Sha256::digest(agent_id.0.as_bytes());
    format!("agent-{}", hex(&digest[..6]))
}

fn respond(result: Result<Value, ApiError>) -> HttpResponse {
    match result {
        Ok(value) => HttpResponse::Ok().json(value),
        Err(error) => error.response(RequestId::mint()),
    }
}
