//! An answer that is an error: what it says, at a bounded cost.

use std::time::Duration;

use actix_http::Payload;
use ainfera_wire::error::{Fault, fault_of, retry_after_seconds};
use bytes::BytesMut;
use futures_util::StreamExt;
use jiff::Timestamp;
use tokio::time::timeout;

use super::failure::ProviderFailure;
use super::send::Head;

/// More of an error than this is not read.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// How long to wait for it.
const ERROR_WITHIN: Duration = Duration::from_millis(500);

/// Reads the error and says what it means.
pub async fn refused(head: Head, mut body: Payload) -> ProviderFailure {
    let status = head.status.as_u16();
    let mut text = BytesMut::new();
    let read = async {
        while let Some(Ok(chunk)) = body.next().await {
            text.extend_from_slice(&chunk[..chunk.len().min(MAX_ERROR_BYTES - text.len())]);
            if text.len() == MAX_ERROR_BYTES {
                break;
            }
        }
    };
    let _ = timeout(ERROR_WITHIN, read).await;
    if head.unreadable_encoding().is_some() {
        // compressed, although nothing of the kind was asked for: the status has to do
        text.clear();
    }
    let Fault { kind, message, .. } = fault_of(status, &text);
    let retry_after_seconds =
        retry_after_seconds(|name| head.header(name), &text, Timestamp::now());
    ProviderFailure::Refused { status, kind, message, retry_after_seconds }
}
