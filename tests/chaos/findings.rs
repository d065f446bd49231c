//! What one fault did on one store: one line.

use std::fmt;

use crate::scale::Scale;

/// Whether the row of a call that was answered may say that it is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostAnswers {
    Never,
    /// It was given up in its sleep; when it woke, it went on answering.
    WhereAReplicaSlept,
}

pub struct Findings {
    pub fault: &'static str,
    pub store: &'static str,
    pub target: &'static str,
    pub calls: usize,
    pub kills: usize,
    pub lost_answers: LostAnswers,
    /// Calls that a client knows of, or that were let in, without a row.
    pub missing: usize,
    /// Calls with more than one row or charge.
    pub duplicates: usize,
    pub ledger_difference_nanos: i64,
    pub figures: Vec<(&'static str, String)>,
    /// Whatever missed the target, in words.
    pub breaches: Vec<String>,
    /// Times over their limits that are only reported.
    pub slow: Vec<String>,
}

impl Findings {
    pub fn new(fault: &'static str, store: &'static str, target: &'static str) -> Self {
        Self {
            fault,
            store,
            target,
            calls: 0,
            kills: 0,
            lost_answers: LostAnswers::Never,
            missing: 0,
            duplicates: 0,
            ledger_difference_nanos: 0,
            figures: Vec::new(),
            breaches: Vec::new(),
            slow: Vec::new(),
        }
    }

    pub fn figure(&mut self, name: &'static str, value: impl fmt::Display) {
        self.figures.push((name, value.to_string()));
    }

    /// Notes a breach unless `holds`.
    pub fn require(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.breaches.push(otherwise());
        }
    }

    /// A time that must not be over its limit. The short form only reports it: there it runs beside
    /// a test suite, on a machine that may be busy with something else.
    pub fn require_within_ms(&mut self, scale: Scale, what: &str, ms: u64, limit_ms: u64) {
        let over = ms > limit_ms;
        match scale {
            Scale::Short if over => self.slow.push(format!("{what}: {ms} ms, limit {limit_ms} ms")),
            Scale::Full | Scale::Published if over => {
                self.breaches.push(format!("{what}: {ms} ms, limit {limit_ms} ms"))
            }
            Scale::Short | Scale::Full | Scale::Published => {}
        }
    }

    pub fn passed(&self) -> bool {
        self.breaches.is_empty()
            && self.missing == 0
            && self.duplicates == 0
            && self.ledger_difference_nanos == 0
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<4} {:<9} calls {}  kills {}  missing {}  duplicates {}  ledger difference {} nanos",
            self.fault,
            self.store,
            self.calls,
            self.kills,
            self.missing,
            self.duplicates,
            self.ledger_difference_nanos
        )?;
        for (name, value) in &self.figures {
            write!(f, "  {name} {value}")?;
        }
        write!(f, "  {} (target: {})", if self.passed() { "PASS" } else { "FAIL" }, self.target)?;
        for slow in &self.slow {
            write!(f, "\n     slow, not judged in the short form: {slow}")?;
        }
        for breach in self.breaches.iter().take(10) {
            write!(f, "\n     breach: {breach}")?;
        }
        if self.breaches.len() > 10 {
            write!(f, "\n     and {} more breaches", self.breaches.len() - 10)?;
        }
        Ok(())
    }
}

/// The value below which so many of a thousand lie, of values in any order.
pub fn per_mille(values: &[u64], place: usize) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted
        .get((sorted.len() * place / 1000).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0)
}
