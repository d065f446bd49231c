//! What must hold of the rows at any moment, as questions that both databases understand.

pub mod recent;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// How long a call may be open under the default deadlines of the gateway.
pub const LONGEST_CALL: Duration = Duration::from_secs(3765);

/// One promise, and whether the rows keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invariant {
    pub name: &'static str,
    pub class: InvariantClass,
    pub holds: bool,
    /// Rows that break it.
    pub broken: i64,
    /// How many rows break it, and one of them.
    pub detail: String,
}

/// What a promise is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InvariantClass {
    /// Balances and sums are those of the transfers.
    Ledger,
    /// What is held is what open calls hold.
    Holds,
    /// One row for each call, and for a pinned one none.
    Outcomes,
    /// What a call cost is what was charged.
    Bills,
    /// Each chain is without gaps and tells of all money.
    Audit,
    /// Open calls are somebody's, and none is older than a call can be.
    Intents,
    Idempotency,
    Other,
    /// No record that the database refused waits for an operator.
    Quarantine,
}

/// `sql` gives one row: how many rows break the promise, and the key of one of them as text.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    pub name: &'static str,
    pub class: InvariantClass,
    sql: &'static str,
}

impl Question {
    /// The statement, for a gateway whose calls are open for at most `longest_call`.
    pub fn sql(&self, longest_call: Duration) -> String {
        let age = SignedDuration::try_from(longest_call).unwrap_or(SignedDuration::MAX);
        let oldest = Timestamp::now()
            .checked_sub(age)
            .unwrap_or(Timestamp::UNIX_EPOCH)
            .max(Timestamp::UNIX_EPOCH);
        // the form in which SQLite keeps times, and PostgreSQL reads it too
        self.sql.replace("$oldest", &format!("'{oldest:.6}'"))
    }

    pub fn answer(&self, broken: i64, example: Option<String>) -> Invariant {
        let detail = match example {
            None => "no row breaks it".to_owned(),
            Some(key) => format!("{broken} rows break it, one is {key}"),
        };
        Invariant { name: self.name, class: self.class, holds: broken == 0, broken, detail }
    }
}

/// A pinned call that left a row to learn from: contamination.
pub const DIRECT_CALL_HAS_NO_OUTCOME: &str = "direct_call_has_no_outcome";

/// A record that the database refused waits for an operator.
pub const NOTHING_WAITS_IN_QUARANTINE: &str = "nothing_waits_in_quarantine";

pub const QUESTIONS: &[Question] = &[
    Question {
        name: "balance_is_sum_of_transfers",
        class: InvariantClass::Ledger,
        sql: "SELECT count(*), min(CAST(a.agent_id AS text)) FROM accounts a LEFT JOIN (
                SELECT agent_id, sum(
                    CASE WHEN credit_account = 'wallet:' || CAST(agent_id AS text) THEN amount ELSE 0 END
                  - CASE WHEN debit_account = 'wallet:' || CAST(agent_id AS text) THEN amount ELSE 0 END) AS net
                FROM transfers GROUP BY agent_id) t ON t.agent_id = a.agent_id
              WHERE a.balance <> COALESCE(t.net, 0)",
    },
    Question {
        name: "held_is_sum_of_intents",
        class: InvariantClass::Holds,
        sql: "SELECT count(*), min(CAST(a.agent_id AS text)) FROM accounts a LEFT JOIN (
                SELECT agent_id, sum(CASE WHEN charged = 'wallet' THEN hold ELSE 0 END) AS own,
                  sum(CASE WHEN charged = 'pool' THEN hold ELSE 0 END) AS pooled FROM intents GROUP BY agent_id) i ON i.agent_id = a.agent_id
              WHERE a.held <> COALESCE(i.own, 0) OR a.held_elsewhere <> COALESCE(i.pooled, 0)",
    },
    Question {
        name: "pool_balance_is_sum_of_transfers",
        class: InvariantClass::Ledger,
        sql: "SELECT count(*), min(CAST(p.tenant_id AS text)) FROM tenant_accounts p LEFT JOIN (
                SELECT account, sum(amount) AS net FROM (
                  SELECT credit_account AS account, amount FROM transfers WHERE credit_account LIKE 'pool:%'
                  UNION ALL SELECT debit_account, -amount FROM transfers WHERE debit_account LIKE 'pool:%') moved GROUP BY account) t
                ON t.account = 'pool:' || CAST(p.tenant_id AS text)
              WHERE p.balance <> COALESCE(t.net, 0)",
    },
    Question {
        name: "tenant_holds_are_those_of_its_agents",
        class: InvariantClass::Holds,
        sql: "SELECT count(*), min(CAST(p.tenant_id AS text)) FROM tenant_accounts p LEFT JOIN (
                SELECT g.tenant_id, sum(a.held) AS held, sum(a.held_elsewhere) AS pooled
                FROM accounts a JOIN agents g ON g.agent_id = a.agent_id GROUP BY g.tenant_id) s ON s.tenant_id = p.tenant_id
              WHERE p.held <> COALESCE(s.pooled, 0) OR p.held_elsewhere <> COALESCE(s.held, 0)",
    },
    Question {
        name: "tenant_spending_is_that_of_its_agents",
        class: InvariantClass::Ledger,
        sql: "SELECT count(*), min(CAST(p.tenant_id AS text)) FROM tenant_accounts p JOIN (
                SELECT g.tenant_id, a.spent_month, sum(a.spent_month_usd) AS spent
                FROM accounts a JOIN agents g ON g.agent_id = a.agent_id GROUP BY g.tenant_id, a.spent_month) s
                ON s.tenant_id = p.tenant_id AND s.spent_month = p.spent_month
              WHERE p.spent_month_usd <> s.spent",
    },
    Question {
        name: "tenant_has_an_account",
        class: InvariantClass::Other,
        sql: "SELECT count(*), min(CAST(t.tenant_id AS text)) FROM tenants t
              LEFT JOIN tenant_accounts p ON p.tenant_id = t.tenant_id WHERE p.tenant_id IS NULL",
    },
    Question {
        name: "routed_inference_has_outcome",
        class: InvariantClass::Outcomes,
        sql: "SELECT count(*), min(CAST(i.request_id AS text)) FROM inferences i
              LEFT JOIN routing_outcomes o ON o.request_id = i.request_id AND o.inference_id = i.inference_id
                AND o.outcome_status = i.outcome_status
              WHERE i.kind = 'routed' AND o.request_id IS NULL",
    },
    Question {
        name: "outcome_has_inference",
        class: InvariantClass::Outcomes,
        sql: "SELECT count(*), min(CAST(o.request_id AS text)) FROM routing_outcomes o
              LEFT JOIN inferences i ON i.request_id = o.request_id
              WHERE o.inference_id IS NOT NULL AND i.request_id IS NULL",
    },
    Question {
        name: "open_call_is_not_closed",
        class: InvariantClass::Outcomes,
        sql: "SELECT count(*), min(CAST(i.request_id AS text)) FROM intents i
              WHERE EXISTS (SELECT 1 FROM routing_outcomes o WHERE o.request_id = i.request_id)
                 OR EXISTS (SELECT 1 FROM closed_calls c WHERE c.request_id = i.request_id)",
    },
    Question {
        name: DIRECT_CALL_HAS_NO_OUTCOME,
        class: InvariantClass::Outcomes,
        sql: "SELECT count(*), min(CAST(c.request_id AS text)) FROM (
                SELECT request_id FROM closed_calls WHERE kind = 'direct' UNION SELECT request_id FROM inferences WHERE kind = 'direct') c
              JOIN routing_outcomes o ON o.request_id = c.request_id",
    },
    Question {
        name: "charge_is_posted",
        class: InvariantClass::Bills,
        sql: "SELECT count(*), min(CAST(c.request_id AS text)) FROM (
                SELECT request_id, agent_id, cost_actual_usd AS cost FROM routing_outcomes WHERE cost_actual_usd > 0
                UNION ALL SELECT request_id, agent_id, cost_usd FROM closed_calls WHERE cost_usd > 0
                UNION ALL SELECT request_id, agent_id, cost_usd FROM inferences WHERE cost_usd > 0) c
              LEFT JOIN transfers t ON t.request_id = c.request_id AND t.kind = 'post'
              WHERE t.amount IS NULL OR t.amount <> c.cost OR t.agent_id <> c.agent_id",
    },
    Question {
        name: "post_has_a_call",
        class: InvariantClass::Bills,
        sql: "SELECT count(*), min(CAST(t.transfer_id AS text)) FROM transfers t WHERE t.kind = 'post'
                AND NOT EXISTS (SELECT 1 FROM routing_outcomes o WHERE o.request_id = t.request_id AND o.cost_actual_usd = t.amount)
                AND NOT EXISTS (SELECT 1 FROM closed_calls c WHERE c.request_id = t.request_id AND c.cost_usd = t.amount)",
    },
    Question {
        name: "adjust_is_of_a_lost_call",
        class: InvariantClass::Bills,
        sql: "SELECT count(*), min(CAST(t.transfer_id AS text)) FROM transfers t WHERE t.kind = 'adjust' AND (
                NOT EXISTS (SELECT 1 FROM routing_outcomes o WHERE o.request_id = t.request_id AND o.outcome_status = 'lost'
                  UNION ALL SELECT 1 FROM closed_calls c WHERE c.request_id = t.request_id AND c.outcome_status = 'lost')
                OR t.request_id IN (SELECT a.request_id FROM transfers a WHERE a.kind = 'adjust' GROUP BY a.request_id HAVING count(*) > 1))",
    },
    Question {
        name: "audit_chain_is_contiguous",
        class: InvariantClass::Audit,
        sql: "SELECT count(*), min(CAST(a.agent_id AS text)) FROM (
                SELECT agent_id, audit_seq FROM accounts UNION ALL SELECT tenant_id, audit_seq FROM tenant_accounts) a LEFT JOIN (
                SELECT agent_id, count(*) AS events, min(seq) AS first, max(seq) AS last FROM audit_events GROUP BY agent_id) e
                ON e.agent_id = a.agent_id
              WHERE COALESCE(e.events, 0) <> a.audit_seq OR COALESCE(e.last, 0) <> a.audit_seq OR COALESCE(e.first, 1) <> 1",
    },
    Question {
        name: "transfer_is_in_audit_chain",
        class: InvariantClass::Audit,
        sql: "SELECT count(*), min(CAST(t.transfer_id AS text)) FROM transfers t
              LEFT JOIN audit_events e ON e.agent_id = t.agent_id AND e.seq = t.audit_seq
                AND e.event_type IN ('ledger.debited', 'ledger.adjusted', 'wallet.topped_up')
              WHERE e.seq IS NULL",
    },
    Question {
        name: "intent_belongs_to_unclosed_boot",
        class: InvariantClass::Intents,
        sql: "SELECT count(*), min(CAST(i.request_id AS text)) FROM intents i
              LEFT JOIN boots b ON b.boot_id = i.boot_id AND b.state IN ('open', 'fenced')
              WHERE b.boot_id IS NULL",
    },
    Question {
        name: "intent_is_no_older_than_a_call",
        class: InvariantClass::Intents,
        sql: "SELECT count(*), min(CAST(i.request_id AS text)) FROM intents i WHERE i.created_at < $oldest",
    },
    Question {
        name: "key_in_flight_has_an_intent",
        class: InvariantClass::Idempotency,
        sql: "SELECT count(*), min(CAST(k.request_id AS text)) FROM idempotency_keys k
              WHERE k.state = 'in_flight' AND NOT EXISTS (SELECT 1 FROM intents i WHERE i.request_id = k.request_id)",
    },
    Question {
        name: NOTHING_WAITS_IN_QUARANTINE,
        class: InvariantClass::Quarantine,
        sql: "SELECT count(*), min(CAST(q.request_id AS text)) FROM quarantine q WHERE q.state = 'waiting'",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_has_a_name_of_its_own_and_can_be_asked() {
        let mut names: Vec<&str> = QUESTIONS.iter().map(|question| question.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), QUESTIONS.len());
        for question in QUESTIONS {
            assert!(!question.sql(LONGEST_CALL).contains('$'), "{}", question.name);
            assert_eq!(question.answer(0, None).class, question.class);
            assert!(!question.answer(2, Some("a".to_owned())).holds);
        }
    }

    #[test]
    fn an_age_that_no_call_can_have_asks_for_nothing() {
        let question = QUESTIONS
            .iter()
            .find(|question| question.name == "intent_is_no_older_than_a_call")
            .unwrap();
        assert!(
            question.sql(Duration::MAX).contains("< '1970-"),
            "{}",
            question.sql(Duration::MAX)
        );
        assert!(question.sql(Duration::ZERO).contains("< '2"));
    }
}
