DROP TABLE log_cosignatures;
DROP TABLE witnesses;
