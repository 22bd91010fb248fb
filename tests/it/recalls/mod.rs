//! Recall cases over HTTP against the emulated platform: the whole story, every refusal, every fault, pages and API.

mod api;
mod clock;
mod correction;
mod delegation;
mod escalation;
mod execution;
mod first;
mod guided;
mod matrix;
mod model;
mod pages;
mod policy;
mod refusals;
mod self_filed;
pub(crate) mod stage;
mod story;
mod take_part;
mod watched;
mod weighing;
mod witnessed;
