//! What the server's settings must be for an acknowledged commit to be there after a power cut.

use super::pool::Pool;
use crate::StoreError;

/// Each of them loses acknowledged commits when it is off. `synchronous_commit` is asked on a
/// connection of ours: the URL may set it.
const SETTINGS: [&str; 3] = ["fsync", "full_page_writes", "synchronous_commit"];

pub(super) async fn require(pool: &Pool) -> Result<(), StoreError> {
    let client = pool.get().await?;
    for setting in SETTINGS {
        let value: String = client.query_one(&format!("SHOW {setting}"), &[]).await?.try_get(0)?;
        refuse_off(setting, &value)?;
    }
    Ok(())
}

/// `local`, `remote_write` and the like are durable on the server that we asked.
fn refuse_off(setting: &str, value: &str) -> Result<(), StoreError> {
    if value != "off" {
        return Ok(());
    }
    Err(StoreError::NotDurable(format!(
        "PostgreSQL runs with {setting} = off and may lose committed calls in a crash; turn it on, or set [store] allow_unsafe_durability = true"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_off_is_refused_and_named() {
        for value in ["on", "local", "remote_write", "remote_apply"] {
            assert!(refuse_off("synchronous_commit", value).is_ok());
        }
        let refusal = refuse_off("fsync", "off").unwrap_err().to_string();
        assert!(
            refusal.contains("fsync = off") && refusal.contains("allow_unsafe_durability"),
            "{refusal}"
        );
    }
}
