DROP TABLE audit_questions;
DROP TABLE audit_packs;
DROP TABLE audits;
