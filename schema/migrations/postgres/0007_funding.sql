-- What an agent's calls are paid from. On account: the balance is minus what its calls have cost, and only caps limit it. Prepaid: a wallet, whose
-- money can run out. Agents that were made before this had a wallet, and keep it.
ALTER TABLE accounts ADD COLUMN funding text NOT NULL DEFAULT 'prepaid' CHECK (funding IN ('on_account', 'prepaid'));
