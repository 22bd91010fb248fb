ALTER TABLE decisions DROP COLUMN principal_id;
DROP TABLE delegations;
