DELETE FROM recall_entries WHERE kind IN ('addition','removal');
ALTER TABLE recall_entries DROP CONSTRAINT recall_entries_kind_check;
ALTER TABLE recall_entries ADD CONSTRAINT recall_entries_kind_check CHECK (kind IN ('transfer','question','answer','comment','reminder'));
ALTER TABLE decisions DROP CONSTRAINT decisions_recall_id_round_level_decider_id_key;
ALTER TABLE decisions ADD CONSTRAINT decisions_recall_id_round_level_key UNIQUE (recall_id, round, level);
