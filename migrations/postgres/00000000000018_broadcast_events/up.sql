-- What happened to one broadcast, for retention and holds; partial, so that no other event pays for it.
CREATE INDEX log_search_broadcast ON log_search(subject_id, idx) WHERE subject_kind = 'broadcast';
