ALTER TABLE decisions DROP COLUMN answers;
