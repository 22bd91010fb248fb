DELETE FROM searches WHERE list <> 'audit';
ALTER TABLE searches DROP COLUMN list;
