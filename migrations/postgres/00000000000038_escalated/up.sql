-- Levels of the round whose time was over before they were decided, comma-separated as the open ones are.
ALTER TABLE recalls ADD COLUMN escalated TEXT COLLATE "C" NOT NULL DEFAULT '';
