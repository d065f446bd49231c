//! What must hold of the rows at any moment, as questions that both databases understand.

use serde::Serialize;

/// One promise, and whether the rows keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invariant {
    pub name: &'static str,
    pub holds: bool,
    /// How many rows break it, and one of them.
    pub detail: String,
}

/// `sql` gives one row: how many rows break the promise, and the key of one of them as text.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    pub name: &'static str,
    pub sql: &'static str,
}

impl Question {
    pub fn answer(&self, broken: i64, example: Option<String>) -> Invariant {
        let detail = match example {
            None => "no row breaks it".to_owned(),
            Some(key) => format!("{broken} rows break it, one is {key}"),
        };
        Invariant { name: self.name, holds: broken == 0, detail }
    }
}

pub const QUESTIONS: &[Question] = &[
    Question {
        name: "balance_is_sum_of_transfers",
        sql: "SELECT count(*), min(CAST(a.agent_id AS text)) FROM accounts a LEFT JOIN (
                SELECT agent_id, sum(
                    CASE WHEN credit_account = 'wallet:' || CAST(agent_id AS text) THEN amount ELSE 0 END
                  - CASE WHEN debit_account = 'wallet:' || CAST(agent_id AS text) THEN amount ELSE 0 END) AS net
                FROM transfers GROUP BY agent_id) t ON t.agent_id = a.agent_id
              WHERE a.balance <> COALESCE(t.net, 0)",
    },
    Question {
        name: "held_is_sum_of_intents",
        sql: "SELECT count(*), min(CAST(a.agent_id AS text)) FROM accounts a LEFT JOIN (
                SELECT agent_id, sum(hold) AS total FROM intents GROUP BY agent_id) i ON i.agent_id = a.agent_id
              WHERE a.held <> COALESCE(i.total, 0)",
    },
    Question {
        name: "routed_inference_has_outcome",
        sql: "SELECT count(*), min(CAST(i.request_id AS text)) FROM inferences i
              LEFT JOIN routing_outcomes o ON o.request_id = i.request_id AND o.inference_id = i.inference_id
                AND o.outcome_status = i.outcome_status
              WHERE i.kind = 'routed' AND o.request_id IS NULL",
    },
    Question {
        name: "outcome_has_inference",
        sql: "SELECT count(*), min(CAST(o.request_id AS text)) FROM routing_outcomes o
              LEFT JOIN inferences i ON i.request_id = o.request_id
              WHERE o.inference_id IS NOT NULL AND i.request_id IS NULL",
    },
    Question {
        name: "open_call_is_not_closed",
        sql: "SELECT count(*), min(CAST(i.request_id AS text)) FROM intents i
              WHERE EXISTS (SELECT 1 FROM routing_outcomes o WHERE o.request_id = i.request_id)
                 OR EXISTS (SELECT 1 FROM closed_calls c WHERE c.request_id = i.request_id)",
    },
    Question {
        name: "direct_call_has_no_outcome",
        sql: "SELECT count(*), min(CAST(c.request_id AS text)) FROM closed_calls c
              JOIN routing_outcomes o ON o.request_id = c.request_id WHERE c.kind = 'direct'",
    },
    Question {
        name: "charge_is_posted",
        sql: "SELECT count(*), min(CAST(c.request_id AS text)) FROM (
                SELECT request_id, agent_id, cost_actual_usd AS cost FROM routing_outcomes WHERE cost_actual_usd > 0
                UNION ALL SELECT request_id, agent_id, cost_usd FROM closed_calls WHERE cost_usd > 0
                UNION ALL SELECT request_id, agent_id, cost_usd FROM inferences WHERE cost_usd > 0) c
              LEFT JOIN transfers t ON t.request_id = c.request_id AND t.agent_id = c.agent_id AND t.kind = 'post'
              WHERE t.amount IS NULL OR t.amount <> c.cost",
    },
    Question {
        name: "post_has_a_call",
        sql: "SELECT count(*), min(CAST(t.transfer_id AS text)) FROM transfers t WHERE t.kind = 'post'
                AND NOT EXISTS (SELECT 1 FROM routing_outcomes o WHERE o.request_id = t.request_id AND o.cost_actual_usd = t.amount)
                AND NOT EXISTS (SELECT 1 FROM closed_calls c WHERE c.request_id = t.request_id AND c.cost_usd = t.amount)",
    },
    Question {
        name: "audit_chain_is_contiguous",
        sql: "SELECT count(*), min(CAST(a.agent_id AS text)) FROM accounts a LEFT JOIN (
                SELECT agent_id, count(*) AS events, min(seq) AS first, max(seq) AS last FROM audit_events GROUP BY agent_id) e
                ON e.agent_id = a.agent_id
              WHERE COALESCE(e.events, 0) <> a.audit_seq OR COALESCE(e.last, 0) <> a.audit_seq OR COALESCE(e.first, 1) <> 1",
    },
    Question {
        name: "transfer_is_in_audit_chain",
        sql: "SELECT count(*), min(CAST(t.transfer_id AS text)) FROM transfers t
              LEFT JOIN audit_events e ON e.agent_id = t.agent_id AND e.seq = t.audit_seq
                AND e.event_type IN ('ledger.debited', 'wallet.topped_up')
              WHERE e.seq IS NULL",
    },
    Question {
        name: "intent_belongs_to_unclosed_boot",
        sql: "SELECT count(*), min(CAST(i.request_id AS text)) FROM intents i
              LEFT JOIN boots b ON b.boot_id = i.boot_id AND b.state IN ('open', 'fenced')
              WHERE b.boot_id IS NULL",
    },
];
