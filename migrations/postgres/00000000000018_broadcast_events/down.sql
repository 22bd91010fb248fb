DROP INDEX log_search_broadcast;
