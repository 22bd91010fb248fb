-- Says that this program moved the head; a head from before has none until the next start.
ALTER TABLE log_head ADD COLUMN mac BLOB;
