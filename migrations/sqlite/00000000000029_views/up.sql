ALTER TABLE searches ADD COLUMN list TEXT NOT NULL DEFAULT 'audit' CHECK (list IN ('audit','recalls','broadcasts','approvals'));
