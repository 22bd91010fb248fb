//! Timestamps by a third party: tokens against OpenSSL's own authority, the emulated one and its faults, the jobs, the bundle.

mod asking;
mod bundle;
mod command;
mod openssl;
mod token;
