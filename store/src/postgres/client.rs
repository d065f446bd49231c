//! A connection that was taken out of its pool, and the statements that are sent on it.
//!
//! Every function here sends what it sends at its first poll, so that several can be sent behind
//! each other without waiting in between.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use deadpool_postgres::{ClientWrapper, Object};
use futures_util::join;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Row, SimpleQueryMessage};

use super::parameter::Parameter;
use super::pooler::Sessions;
use super::primary::Primary;
use crate::StoreError;

/// A statement that is sent more than once.
pub(super) enum Statement {
    /// The server knows it.
    Named(tokio_postgres::Statement),
    /// It is sent whole each time, because the session that knows it may be another's by then.
    Text(String),
}

/// What is sent: one that was prepared, or a text.
pub(super) enum Sql<'s> {
    Named(&'s tokio_postgres::Statement),
    Text(&'s str),
}

impl<'s> From<&'s Statement> for Sql<'s> {
    fn from(statement: &'s Statement) -> Self {
        match statement {
            Statement::Named(statement) => Sql::Named(statement),
            Statement::Text(text) => Sql::Text(text),
        }
    }
}

impl<'s> From<&'s str> for Sql<'s> {
    fn from(text: &'s str) -> Self {
        Sql::Text(text)
    }
}

impl<'s> From<&'s String> for Sql<'s> {
    fn from(text: &'s String) -> Self {
        Sql::Text(text)
    }
}

/// What a connection was taken out for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Each statement is a transaction of its own.
    Statements,
    /// Whoever has it says where transactions begin and end.
    Transaction,
}

/// Goes back to its pool when dropped, unless an answer is still on its way: then it is closed.
pub(super) struct Client {
    object: Option<Object>,
    sessions: Sessions,
    purpose: Purpose,
    primary: Arc<Primary>,
    unanswered: AtomicUsize,
}

/// What a session of our own is told once, a shared one is told for each transaction.
const SETTINGS: &str = "SET LOCAL statement_timeout = '5s'; \
    SET LOCAL idle_in_transaction_session_timeout = '5s'; SET LOCAL TimeZone = 'UTC'";

impl Client {
    pub(super) fn new(
        object: Object,
        sessions: Sessions,
        purpose: Purpose,
        primary: Arc<Primary>,
    ) -> Self {
        Self { object: Some(object), sessions, purpose, primary, unanswered: AtomicUsize::new(0) }
    }

    fn connection(&self) -> Result<&ClientWrapper, StoreError> {
        let gone = || StoreError::Unavailable("connection was given back".to_owned());
        self.object.as_deref().ok_or_else(gone)
    }

    /// Known to the server from now on, where the session stays ours.
    pub(super) async fn prepare_cached(&self, sql: &str) -> Result<Statement, StoreError> {
        match self.sessions {
            Sessions::Own => {
                let connection = self.connection()?;
                let prepared = self.answered(connection.prepare_cached(sql)).await?;
                Ok(Statement::Named(prepared))
            }
            Sessions::Shared => Ok(Statement::Text(sql.to_owned())),
        }
    }

    pub(super) async fn query<'s>(
        &self,
        sql: impl Into<Sql<'s>>,
        parameters: &[&dyn Parameter],
    ) -> Result<Vec<Row>, StoreError> {
        let (sql, connection) = (sql.into(), self.connection()?);
        let sent = async {
            match sql {
                Sql::Named(statement) => connection.query(statement, &values(parameters)).await,
                Sql::Text(text) => connection.query_typed(text, &typed(parameters)).await,
            }
        };
        self.answered(self.whole(sent)).await
    }

    pub(super) async fn query_opt<'s>(
        &self,
        sql: impl Into<Sql<'s>>,
        parameters: &[&dyn Parameter],
    ) -> Result<Option<Row>, StoreError> {
        let mut rows = self.query(sql, parameters).await?;
        let row = rows.pop();
        if rows.is_empty() { Ok(row) } else { Err(rows_found(rows.len() + 1)) }
    }

    pub(super) async fn query_one<'s>(
        &self,
        sql: impl Into<Sql<'s>>,
        parameters: &[&dyn Parameter],
    ) -> Result<Row, StoreError> {
        self.query_opt(sql, parameters).await?.ok_or_else(|| rows_found(0))
    }

    /// Returns how many rows were written.
    pub(super) async fn execute<'s>(
        &self,
        sql: impl Into<Sql<'s>>,
        parameters: &[&dyn Parameter],
    ) -> Result<u64, StoreError> {
        let (sql, connection) = (sql.into(), self.connection()?);
        let sent = async {
            match sql {
                Sql::Named(statement) => connection.execute(statement, &values(parameters)).await,
                Sql::Text(text) => connection.execute_typed(text, &typed(parameters)).await,
            }
        };
        self.answered(self.whole(sent)).await
    }

    /// Several statements without parameters, as they stand.
    pub(super) async fn batch_execute(&self, sql: &str) -> Result<(), StoreError> {
        let connection = self.connection()?;
        self.answered(connection.batch_execute(sql)).await
    }

    /// Begins a transaction as `begin` says, under settings of its own.
    pub(super) async fn begin(&self, begin: &str, settings: &str) -> Result<(), StoreError> {
        match self.sessions {
            Sessions::Own => self.batch_execute(&format!("{begin}; {settings}")).await,
            Sessions::Shared => {
                self.batch_execute(&format!("{begin}; {SETTINGS}; {settings}")).await
            }
        }
    }

    /// Behind a pooler the server may change without the connection's end: is it the one that is
    /// known? To be asked within a transaction that writes.
    pub(super) async fn on_known_server(&self) -> Result<(), StoreError> {
        if self.sessions == Sessions::Own || !self.primary.is_known() {
            return Ok(());
        }
        let connection = self.connection()?;
        let asked = self.answered(connection.simple_query(Primary::IDENTITY)).await?;
        self.primary.judge_answer(&asked).map_err(StoreError::Unavailable)
    }

    /// How often another server was found than the one before.
    pub(super) fn server_changes(&self) -> u64 {
        self.primary.changes()
    }

    /// Whether the server takes writes, which a standby and a primary that was demoted do not.
    pub(super) async fn takes_writes(&self) -> Result<(), StoreError> {
        let connection = self.connection()?;
        let asked = self.answered(connection.simple_query(READ_ONLY)).await?;
        let read_only = asked.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        if read_only == Some("f") {
            return Ok(());
        }
        let reason = "the server takes no writes: it is a standby, or was made one";
        Err(StoreError::NotWritable(reason.to_owned()))
    }

    /// Closes the connection.
    pub(super) fn discard(mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }

    /// On a shared session a single statement gets its settings in a transaction around it.
    async fn whole<T>(
        &self,
        sent: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, tokio_postgres::Error> {
        let Some(connection) = self.object.as_deref().filter(|_| self.is_alone()) else {
            return sent.await;
        };
        let begin = format!("BEGIN; {SETTINGS}");
        // polled in this order, so sent in this order
        let (begun, answer, ended) =
            join!(connection.batch_execute(&begin), sent, connection.batch_execute("COMMIT"));
        begun?;
        let answer = answer?;
        ended?;
        Ok(answer)
    }

    fn is_alone(&self) -> bool {
        self.purpose == Purpose::Statements && self.sessions == Sessions::Shared
    }

    /// Whoever drops this half way leaves an answer on its way.
    async fn answered<T>(
        &self,
        sent: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, StoreError> {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        let answer = sent.await;
        self.unanswered.fetch_sub(1, Ordering::Relaxed);
        Ok(answer?)
    }
}

const READ_ONLY: &str =
    "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'";

impl Drop for Client {
    fn drop(&mut self) {
        if self.unanswered.load(Ordering::Relaxed) > 0
            && let Some(object) = self.object.take()
        {
            drop(Object::take(object));
        }
    }
}

fn values<'p>(parameters: &[&'p dyn Parameter]) -> Vec<&'p (dyn ToSql + Sync)> {
    parameters.iter().map(|parameter| parameter.as_sql()).collect()
}

fn typed<'p>(parameters: &[&'p dyn Parameter]) -> Vec<(&'p (dyn ToSql + Sync), Type)> {
    parameters.iter().map(|parameter| (parameter.as_sql(), parameter.sql_type())).collect()
}

fn rows_found(count: usize) -> StoreError {
    StoreError::Statement(format!("{count} rows were found where one was meant"))
}
