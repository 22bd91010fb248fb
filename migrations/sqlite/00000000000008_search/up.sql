CREATE VIRTUAL TABLE log_words USING fts5(words, content='', contentless_delete=1, detail=none, tokenize='ascii');
DROP INDEX log_search_ip;
