//! Places that are known to break a rule. A line is deleted when its place keeps the rule: the
//! tests refuse an exception that is no longer needed. No line is added for new code.

use crate::{FILE_LENGTH, FUNCTION_LENGTH};

pub struct Exception {
    pub rule: &'static str,
    pub path: &'static str,
    /// The function or the word; empty where the whole file is meant.
    pub item: &'static str,
}

const fn of(rule: &'static str, path: &'static str, item: &'static str) -> Exception {
    Exception { rule, path, item }
}

pub const EXCEPTIONS: &[Exception] = &[
    of(FILE_LENGTH, "tests/it/chat_client.rs", ""),
    of(FILE_LENGTH, "tests/it/matrix.rs", ""),
    of(FILE_LENGTH, "tests/it/responses_requests.rs", ""),
    of(FILE_LENGTH, "tests/it/transport.rs", ""),
    of(FUNCTION_LENGTH, "fidelity/tests/pairs/messages.rs", "blocks"),
    of(FUNCTION_LENGTH, "store/src/audit_verify/tests.rs", "tamper"),
    of(FUNCTION_LENGTH, "store/tests/conformance.rs", "$name"),
    of(FUNCTION_LENGTH, "tests/chaos/faults/clock_jumps.rs", "on"),
    of(FUNCTION_LENGTH, "tests/chaos/faults/replicas_killed.rs", "run"),
    of(FUNCTION_LENGTH, "tests/chaos/faults/store_away.rs", "on"),
    of(FUNCTION_LENGTH, "tests/chaos/faults/wallet_race.rs", "on"),
    of(
        FUNCTION_LENGTH,
        "tests/it/audit.rs",
        "a_chain_and_its_checkpoints_can_be_verified_by_anybody",
    ),
    of(
        FUNCTION_LENGTH,
        "tests/it/audit.rs",
        "the_public_list_names_no_agent_and_hides_internal_tenants",
    ),
    of(
        FUNCTION_LENGTH,
        "tests/it/bad_input.rs",
        "each_mistake_gets_its_status_and_names_its_field",
    ),
    of(
        FUNCTION_LENGTH,
        "tests/it/restored.rs",
        "a_database_that_was_put_back_is_found_served_declared_and_verified",
    ),
    of(FUNCTION_LENGTH, "tests/it/secrets.rs", "canaries_stay_where_they_belong"),
];
