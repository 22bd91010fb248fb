DROP TABLE searches;
DROP TABLE exports;
CREATE INDEX log_search_ip ON log_search(client_ip, idx);
DROP TABLE log_words;
