//! The table of route -> action -> required parts, and the stories that it drives: every post, its refusals included, leaves exactly its
//! event. `table` is the contract, `house` the company that posts, `done` what works, `refused` what is refused on every route alike, `streams` what works of them, `never`
//! what each role is refused, `broken` attempts to break in.

mod broken;
mod done;
mod house;
mod never;
mod reads;
mod refused;
mod streams;
mod table;
