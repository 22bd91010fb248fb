ALTER TABLE searches ADD COLUMN list TEXT COLLATE "C" NOT NULL DEFAULT 'audit' CHECK (list IN ('audit','recalls','broadcasts','approvals'));
