-- Lists stand in the order of time, then of ids: each filter has an index that ends in that order, so that a page is read and never sorted.
-- A broadcast stands where it was sent, or, where that is not known, registered.
CREATE INDEX broadcasts_listed ON broadcasts(coalesce(sent_at, created_at), id);
CREATE INDEX broadcasts_platform ON broadcasts(platform, coalesce(sent_at, created_at), id);
CREATE INDEX broadcasts_state ON broadcasts(state, coalesce(sent_at, created_at), id);
CREATE INDEX broadcasts_department ON broadcasts(department_id, coalesce(sent_at, created_at), id);
CREATE INDEX broadcasts_sender ON broadcasts(sender_id, coalesce(sent_at, created_at), id);
-- What is said of the message is said of its cases too, so that lists of cases can be narrowed by it.
ALTER TABLE recalls ADD COLUMN platform TEXT NOT NULL DEFAULT '';
ALTER TABLE recalls ADD COLUMN sender_id TEXT;
UPDATE recalls SET platform = (SELECT b.platform FROM broadcasts b WHERE b.id = recalls.broadcast_id), sender_id = (SELECT b.sender_id FROM broadcasts b WHERE b.id = recalls.broadcast_id);
DROP INDEX recalls_requester;
CREATE INDEX recalls_requester ON recalls(requester_id, submitted_at, id);
CREATE INDEX recalls_class ON recalls(harm_class, submitted_at, id);
CREATE INDEX recalls_department ON recalls(department_id, submitted_at, id);
CREATE INDEX recalls_platform ON recalls(platform, submitted_at, id);
CREATE INDEX recalls_sender ON recalls(sender_id, submitted_at, id);
CREATE INDEX recalls_broadcast ON recalls(broadcast_id, id);
CREATE INDEX recalls_finished ON recalls(finished_at, id);
