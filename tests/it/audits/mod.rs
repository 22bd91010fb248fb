//! Audits: what an auditor asks for is in the log before it is looked at; the pack proves that its population is complete, to programs that
//! are not ours too, and names what somebody took away; questions are put and answered.

mod command;
pub mod stage;
mod tampered;
mod whole;
