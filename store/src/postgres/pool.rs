//! Connections of one kind of work.

use std::sync::Arc;

use super::client::{Client, Purpose};
use super::pooler::Pooler;
use super::primary::Primary;
use crate::StoreError;

pub(super) struct Pool {
    connections: deadpool_postgres::Pool,
    pooler: Arc<Pooler>,
    primary: Arc<Primary>,
}

impl Pool {
    pub(super) fn new(
        connections: deadpool_postgres::Pool,
        pooler: Arc<Pooler>,
        primary: Arc<Primary>,
    ) -> Self {
        Self { connections, pooler, primary }
    }

    /// For single statements.
    pub(super) async fn get(&self) -> Result<Client, StoreError> {
        self.take(Purpose::Statements).await
    }

    /// For whoever begins and ends transactions.
    pub(super) async fn get_for_transactions(&self) -> Result<Client, StoreError> {
        self.take(Purpose::Transaction).await
    }

    async fn take(&self, purpose: Purpose) -> Result<Client, StoreError> {
        let object = self.connections.get().await?;
        Ok(Client::new(object, self.pooler.sessions(), purpose, Arc::clone(&self.primary)))
    }
}
