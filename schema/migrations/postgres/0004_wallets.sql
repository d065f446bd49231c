-- Money of tenants beside that of agents: a shared pool with caps of its own, monthly windows, wallets that can be paused, and what the
-- kill-switch needs.

-- `held` is reserved on this balance; `held_elsewhere` is what this agent's calls have reserved on its tenant's pool. Caps count both.
ALTER TABLE accounts
    ADD COLUMN held_elsewhere  numeric(20, 9) NOT NULL DEFAULT 0 CHECK (held_elsewhere >= 0),
    ADD COLUMN spent_month     date NOT NULL DEFAULT '1970-01-01',
    ADD COLUMN spent_month_usd numeric(20, 9) NOT NULL DEFAULT 0 CHECK (spent_month_usd >= 0),
    ADD COLUMN paused          boolean NOT NULL DEFAULT false;

UPDATE accounts a SET spent_month = t.month, spent_month_usd = t.spent
FROM (SELECT agent_id, CAST(date_trunc('month', now() AT TIME ZONE 'UTC') AS date) AS month, sum(amount) AS spent FROM transfers
      WHERE kind = 'post' AND created_at >= date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' GROUP BY agent_id) t
WHERE t.agent_id = a.agent_id;

-- One row for each tenant, locked after those of its agents. `balance` and `held` are the pool's; `held_elsewhere` is what its agents' calls have
-- reserved on wallets of their own; what was spent counts all its agents. The chain tells of the pool, not of calls.
CREATE TABLE tenant_accounts (
    tenant_id               uuid PRIMARY KEY REFERENCES tenants,
    spend_policy            json NOT NULL DEFAULT '{}',
    wallet_strict_per_agent boolean NOT NULL DEFAULT false,
    balance                 numeric(20, 9) NOT NULL DEFAULT 0,
    held                    numeric(20, 9) NOT NULL DEFAULT 0 CHECK (held >= 0),
    held_elsewhere          numeric(20, 9) NOT NULL DEFAULT 0 CHECK (held_elsewhere >= 0),
    spent_day               date NOT NULL DEFAULT '1970-01-01',
    spent_day_usd           numeric(20, 9) NOT NULL DEFAULT 0 CHECK (spent_day_usd >= 0),
    spent_month             date NOT NULL DEFAULT '1970-01-01',
    spent_month_usd         numeric(20, 9) NOT NULL DEFAULT 0 CHECK (spent_month_usd >= 0),
    paused                  boolean NOT NULL DEFAULT false,
    audit_seq               bigint NOT NULL DEFAULT 0 CHECK (audit_seq >= 0),
    audit_head              text CHECK (audit_head ~ '^[0-9a-f]{64}$')
) WITH (fillfactor = 50);

INSERT INTO tenant_accounts (tenant_id, held_elsewhere, spent_day, spent_day_usd, spent_month, spent_month_usd)
SELECT g.tenant_id, sum(a.held), CAST(now() AT TIME ZONE 'UTC' AS date),
  sum(CASE WHEN a.spent_day = CAST(now() AT TIME ZONE 'UTC' AS date) THEN a.spent_day_usd ELSE 0 END),
  CAST(date_trunc('month', now() AT TIME ZONE 'UTC') AS date), sum(a.spent_month_usd)
FROM accounts a JOIN agents g ON g.agent_id = a.agent_id GROUP BY g.tenant_id;
INSERT INTO tenant_accounts (tenant_id) SELECT tenant_id FROM tenants ON CONFLICT DO NOTHING;

-- Which balance the hold is on.
ALTER TABLE intents ADD COLUMN charged text NOT NULL DEFAULT 'wallet' CHECK (charged IN ('wallet', 'pool'));

-- One row, locked last by whoever admits while the kill-switch is on: the sum over all tenants must not change under it.
CREATE TABLE killswitch (
    only_row boolean PRIMARY KEY CHECK (only_row)
);
INSERT INTO killswitch VALUES (true);
