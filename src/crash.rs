//! Named steps at which a test build dies on request, so that tests can show that a crash there neither loses nor doubles anything.
//! Release builds have no such steps.

/// Aborts the process if `COUNTERMAND_CRASH_AT` names this step.
#[cfg(debug_assertions)]
pub fn point(name: &str) {
    if std::env::var_os("COUNTERMAND_CRASH_AT").is_some_and(|wanted| wanted == name) {
        std::process::abort();
    }
}

#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn point(_name: &str) {}
