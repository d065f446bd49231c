-- A call whose strictness refuses every model has a status of its own. Rows that are there cleared the narrower check, so they are not read again.
ALTER TABLE routing_outcomes DROP CONSTRAINT routing_outcomes_outcome_status_check;
ALTER TABLE routing_outcomes ADD CONSTRAINT routing_outcomes_outcome_status_check CHECK (outcome_status IN (
        'succeeded', 'rejected_floor', 'rejected_tools', 'rejected_strict', 'rejected_cap', 'rejected_funds', 'rejected_inactive',
        'failed_provider_error', 'failed_midstream', 'client_gone', 'client_stalled', 'timed_out', 'failed_other', 'lost')) NOT VALID;
