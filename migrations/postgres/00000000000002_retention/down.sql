DROP TABLE log_purges;
DROP TABLE holds;
