-- Money of tenants beside that of agents: a shared pool with caps of its own, monthly windows, wallets that can be paused. Only one writes here at a
-- time, so the kill-switch needs no row to lock.

-- `held` is reserved on this balance; `held_elsewhere` is what this agent's calls have reserved on its tenant's pool. Caps count both.
ALTER TABLE accounts ADD COLUMN held_elsewhere INTEGER NOT NULL DEFAULT 0 CHECK (held_elsewhere >= 0);
ALTER TABLE accounts ADD COLUMN spent_month TEXT NOT NULL DEFAULT '1970-01-01';
ALTER TABLE accounts ADD COLUMN spent_month_usd INTEGER NOT NULL DEFAULT 0 CHECK (spent_month_usd >= 0);
ALTER TABLE accounts ADD COLUMN paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1));

UPDATE accounts SET spent_month = strftime('%Y-%m-01', 'now'), spent_month_usd = (
    SELECT COALESCE(sum(amount), 0) FROM transfers
    WHERE kind = 'post' AND transfers.agent_id = accounts.agent_id AND created_at >= strftime('%Y-%m-01', 'now'));

-- One row for each tenant. `balance` and `held` are the pool's; `held_elsewhere` is what its agents' calls have reserved on wallets of their own; what
-- was spent counts all its agents. The chain tells of the pool, not of calls.
CREATE TABLE tenant_accounts (
    tenant_id               TEXT PRIMARY KEY REFERENCES tenants,
    spend_policy            TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(spend_policy)),
    wallet_strict_per_agent INTEGER NOT NULL DEFAULT 0 CHECK (wallet_strict_per_agent IN (0, 1)),
    balance                 INTEGER NOT NULL DEFAULT 0,
    held                    INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),
    held_elsewhere          INTEGER NOT NULL DEFAULT 0 CHECK (held_elsewhere >= 0),
    spent_day               TEXT NOT NULL DEFAULT '1970-01-01',
    spent_day_usd           INTEGER NOT NULL DEFAULT 0 CHECK (spent_day_usd >= 0),
    spent_month             TEXT NOT NULL DEFAULT '1970-01-01',
    spent_month_usd         INTEGER NOT NULL DEFAULT 0 CHECK (spent_month_usd >= 0),
    paused                  INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    audit_seq               INTEGER NOT NULL DEFAULT 0 CHECK (audit_seq >= 0),
    audit_head              TEXT CHECK (length(audit_head) = 64)
) STRICT;

INSERT INTO tenant_accounts (tenant_id, held_elsewhere, spent_day, spent_day_usd, spent_month, spent_month_usd)
SELECT g.tenant_id, sum(a.held), date('now'), sum(CASE WHEN a.spent_day = date('now') THEN a.spent_day_usd ELSE 0 END),
  strftime('%Y-%m-01', 'now'), sum(a.spent_month_usd)
FROM accounts a JOIN agents g ON g.agent_id = a.agent_id GROUP BY g.tenant_id;
INSERT INTO tenant_accounts (tenant_id) SELECT tenant_id FROM tenants WHERE tenant_id NOT IN (SELECT tenant_id FROM tenant_accounts);

-- Which balance the hold is on.
ALTER TABLE intents ADD COLUMN charged TEXT NOT NULL DEFAULT 'wallet' CHECK (charged IN ('wallet', 'pool'));
