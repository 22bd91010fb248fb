//! What can go wrong under the product, over HTTP and with real processes: a full disk, a full queue, a lock, a database that goes away, a
//! bug in a write, processes that die. Nobody is told "done" who is not, and nothing is done twice.

mod disk;
mod endpoints;
mod months;
mod processes;
mod queue;
mod schema;
mod server;
