CREATE TABLE log_words (idx BIGINT PRIMARY KEY, words TEXT[] COLLATE "C" NOT NULL);
CREATE INDEX log_words_words ON log_words USING gin (words);
DROP INDEX log_search_ip;
