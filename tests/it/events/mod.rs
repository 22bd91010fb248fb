//! The table of route -> action -> required parts, and the stories that it drives: every post, its refusals included, leaves exactly its
//! event. `table` is the contract, `house` the company that posts, `done` what works, `refused` what is refused on every route alike, `streams` what works of them, `policies` how
//! rules are changed, `never`
//! what each role is refused, `broken` attempts to break in. `commands` and `jobs` are such tables for the shell and for jobs, `starts` what processes start with. `commands` is the same table for the shell, `starts` what a process starts with.

mod broken;
mod commands;
mod done;
mod first;
pub mod house;
mod jobs;
mod never;
mod passkeys;
mod policies;
mod reads;
mod refused;
mod starts;
mod streams;
mod table;
