-- What people are told is a word of the program, which reads no other; the database does not name the words a second time, so that a new one
-- builds no table anew.
ALTER TABLE notices DROP CONSTRAINT notices_kind_check;
