//! One suite, run against both stores: whatever a test says holds of each of them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must say so")]

#[path = "conformance/admission.rs"]
mod admission;
#[path = "conformance/audit.rs"]
mod audit;
#[path = "conformance/call.rs"]
mod call;
#[path = "conformance/checkpoint.rs"]
mod checkpoint;
#[path = "conformance/database.rs"]
mod database;
#[path = "conformance/doctor.rs"]
mod doctor;
#[path = "conformance/extend.rs"]
mod extend;
#[path = "conformance/faults.rs"]
mod faults;
#[path = "conformance/funding.rs"]
mod funding;
#[path = "conformance/idempotency.rs"]
mod idempotency;
#[path = "conformance/lost.rs"]
mod lost;
#[path = "conformance/money.rs"]
mod money;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "conformance/quarantine.rs"]
mod quarantine;
#[path = "conformance/reads.rs"]
mod reads;
#[path = "conformance/replicas.rs"]
mod replicas;
#[path = "conformance/retry.rs"]
mod retry;
#[path = "conformance/schema.rs"]
mod schema;
#[path = "conformance/upgrade.rs"]
mod upgrade;
#[path = "conformance/wallets.rs"]
mod wallets;

macro_rules! conformance {
    ($($module:ident { $($name:ident)* })*) => {
        mod on_sqlite {
            $($(#[tokio::test]
            async fn $name() {
                let database = crate::database::Database::sqlite().await.migrated().await;
                crate::$module::$name(database).await;
            })*)*
        }

        mod on_postgres {
            $($(#[tokio::test]
            async fn $name() {
                let database = crate::database::Database::postgres().await.migrated().await;
                crate::$module::$name(database).await;
            })*)*
        }

        mod on_shared_sessions_of_postgres {
            $($(#[tokio::test]
            async fn $name() {
                let database = crate::database::Database::postgres_on_shared_sessions().await;
                crate::$module::$name(database.migrated().await).await;
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
    idempotency {
        of_racing_calls_with_one_key_one_is_admitted
        of_calls_with_one_key_in_one_batch_the_first_is_admitted
        a_refused_call_holds_no_key
        a_completed_call_is_answered_again_whatever_is_left
        a_key_is_released_by_a_failure_that_cost_nothing
        a_call_that_cost_something_without_an_answer_is_not_run_again
        a_key_is_forgotten_after_a_day
        the_owner_of_an_expired_key_cannot_end_the_one_that_replaced_it
        a_lost_call_keeps_its_key_if_it_is_charged
        a_key_is_one_agents
    }
    extend {
        a_hold_grows_once_however_often_it_is_sent_and_is_given_back_whole
        a_call_that_is_closed_in_the_same_batch_holds_no_more
        what_refuses_a_call_refuses_more_for_it_and_the_hold_stays
        a_lost_call_gives_back_what_it_had_grown_to
        the_pool_takes_over_a_call_that_outgrows_its_wallet
        exactly_as_many_grow_as_there_is_room_for_however_they_race
    }
    lost {
        the_next_boot_closes_what_the_last_one_left_open
        more_calls_than_fit_one_transaction_are_all_closed
        a_drained_boot_leaves_nothing_to_close
        calls_that_a_closed_boot_left_open_are_closed
        a_call_that_is_given_up_has_its_row_and_holds_nothing
    }
    quarantine {
        a_refused_record_waits_whole_and_the_doctor_counts_it
        a_record_that_is_put_back_adjusts_its_call_once
        a_record_whose_call_is_still_open_closes_it_when_it_is_put_back
        a_record_that_is_dismissed_moves_no_money_and_says_who_and_why
        a_record_of_a_call_that_the_database_does_not_know_can_only_be_dismissed
        a_decision_that_fails_changes_nothing
        what_is_in_quarantine_cannot_be_deleted
    }
    replicas {
        a_heartbeat_keeps_a_boot_alive
        what_a_silent_boot_left_open_is_closed_and_the_boot_fenced
        the_next_life_of_a_replica_fences_the_last_one_at_once
        racing_reapers_close_every_call_once
        a_late_close_adjusts_the_charge_once_and_writes_no_second_row
        what_the_pool_paid_for_a_lost_call_is_adjusted_on_the_pool
        a_store_that_may_forget_is_refused_by_name
    }
    funding {
        an_agent_on_account_spends_within_its_caps_and_owes_what_it_spent
        a_refused_or_paused_account_leaves_the_reason
        a_ledger_is_read_page_by_page_without_gaps
        a_call_is_found_by_its_request_and_by_its_owner_only
        a_strict_refusal_says_what_would_have_been_lost
        tenants_are_listed_with_their_names
    }
    money {
        a_nano_dollar_is_kept
        a_call_that_cost_nothing_moves_no_money
        a_call_may_cost_more_than_was_held
        an_amount_that_does_not_fit_is_refused_whole
        an_unknown_agent_has_no_ledger
    }
    audit {
        a_call_tells_its_story_in_order
        a_pinned_call_is_marked_direct_and_leaves_no_outcome
        odd_characters_survive
        tampering_is_found_where_it_was_done
        a_long_chain_is_walked_in_pages
        an_empty_chain_verifies_nothing
    }
    checkpoint {
        checkpoints_follow_the_chains
        what_was_cut_off_is_not_signed_again
        replicas_that_sign_together_leave_one_chain_of_checkpoints
        a_database_that_lacks_what_was_signed_signs_nothing_until_the_break_is_declared
        another_branch_is_told_from_one_that_goes_on
    }
    reads {
        an_inference_comes_back_as_it_was
        every_status_can_be_kept
        an_agent_is_made_once
        a_key_of_an_unknown_agent_is_refused
        a_store_that_is_there_answers
        broken_promises_are_noticed
        a_tenant_has_a_name_and_internal_ones_are_not_public
    }
    doctor {
        a_pinned_call_with_an_outcome_is_found
        an_intent_older_than_a_call_can_be_is_found
        what_is_damaged_is_found_without_reading_all
        a_second_charge_is_found_without_reading_all
        a_look_reads_what_is_new_and_not_what_is_old
    }
    wallets {
        exactly_as_many_fit_each_kind_of_cap_however_they_race
        exactly_as_many_fit_wallet_and_pool_together_however_they_race
        the_kill_switch_counts_everybody_and_stops_pins_too
        months_and_days_roll_by_the_stores_clock
        the_pool_pays_for_whom_it_may_and_the_ledger_says_who_paid
        an_operators_change_is_made_once_and_told_once
    }
    schema {
        replicas_may_migrate_together_and_again
        an_edited_history_is_refused
        a_newer_schema_is_refused
        what_is_written_stays_written
        a_status_of_no_meaning_is_refused
    }
}
