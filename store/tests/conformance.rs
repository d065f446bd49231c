//! One suite, run against both stores: whatever a test says holds of each of them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must say so")]

#[path = "conformance/admission.rs"]
mod admission;
#[path = "conformance/audit.rs"]
mod audit;
#[path = "conformance/call.rs"]
mod call;
#[path = "conformance/database.rs"]
mod database;
#[path = "conformance/faults.rs"]
mod faults;
#[path = "conformance/lost.rs"]
mod lost;
#[path = "conformance/money.rs"]
mod money;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "conformance/reads.rs"]
mod reads;
#[path = "conformance/retry.rs"]
mod retry;
#[path = "conformance/schema.rs"]
mod schema;

macro_rules! conformance {
    ($($module:ident { $($name:ident)* })*) => {
        mod on_sqlite {
            $($(#[tokio::test]
            async fn $name() {
                crate::$module::$name(crate::database::Database::sqlite().await.migrated().await).await;
            })*)*
        }

        mod on_postgres {
            $($(#[tokio::test]
            async fn $name() {
                crate::$module::$name(crate::database::Database::postgres().await.migrated().await).await;
            })*)*
        }
    };
}

conformance! {
    admission {
        exactly_as_many_fit_as_the_cap_allows_in_one_batch
        exactly_as_many_fit_as_the_wallet_allows_across_racing_batches
        what_a_call_did_not_cost_can_be_held_again
        every_refusal_leaves_its_row_and_its_events
    }
    retry {
        a_batch_sent_again_answers_the_same_and_writes_nothing
        an_admission_that_was_lost_on_the_way_is_not_held_twice
        racing_closers_leave_one_row
        a_call_closed_in_the_batch_that_admits_it_is_whole
        a_call_that_was_never_admitted_is_unknown
        a_batch_with_one_impossible_row_leaves_nothing
    }
    lost {
        the_next_boot_closes_what_the_last_one_left_open
        more_calls_than_fit_one_transaction_are_all_closed
        a_drained_boot_leaves_nothing_to_close
    }
    money {
        a_nano_dollar_is_kept
        a_call_that_cost_nothing_moves_no_money
        a_call_may_cost_more_than_was_held
        an_amount_that_does_not_fit_is_refused_whole
        a_ledger_of_nobody_is_none
    }
    audit {
        a_call_tells_its_story_in_order
        a_pinned_call_is_marked_direct_and_leaves_no_outcome
        odd_characters_survive
        tampering_is_found_where_it_was_done
        a_long_chain_is_walked_in_pages
        an_empty_chain_verifies_nothing
    }
    reads {
        an_inference_comes_back_as_it_was
        every_status_can_be_kept
        an_agent_is_made_once
        a_key_of_nobody_is_refused
        a_store_that_is_there_answers
        broken_promises_are_noticed
    }
    schema {
        replicas_may_migrate_together_and_again
        an_edited_history_is_refused
        a_newer_schema_is_refused
        what_is_written_stays_written
        a_status_of_no_meaning_is_refused
    }
}
