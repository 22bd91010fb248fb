//! Bundles of the sample case before our verification and before commands of a shell. Not here: making them (`case_sample`).

use std::{path::Path, process::Command};

use countermand::{
    clock::Instant,
    crypto::{signature::Certified, timestamp::Roots},
    evidence::{
        verify::{Outcome, Pin, verify},
        zip::{self, Files, Limits},
    },
};

use super::case_sample as sample;

pub fn made_at() -> Instant {
    sample::collected("x").issue.made_at
}

pub fn roots(of: &Certified) -> Roots {
    Roots::from_pem(&of.chain.root_pem()).unwrap()
}

pub fn judge(files: &Files, pins: &[Pin]) -> Outcome {
    let number = sample::collected("x").number;
    verify(&zip::write(&number, files).unwrap(), pins, &Limits::default())
}

/// With the log's key, the root and the day.
pub fn check(files: &Files, by: &Certified, now: Instant) -> Outcome {
    judge(files, &[Pin::Log(sample::vkey()), Pin::Signers(roots(by)), Pin::At(now)])
}

/// What was said of `name`.
pub fn said<'o>(outcome: &'o Outcome, name: &str) -> (&'o str, &'o str) {
    let check = outcome.checks.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("{name}: {:?}", outcome.checks));
    (check.result.as_str(), &check.actual)
}

pub fn sh(folder: &Path, script: &str) -> (bool, String) {
    let out = Command::new("bash").args(["-euo", "pipefail", "-c", script]).current_dir(folder).output().unwrap();
    (out.status.success(), format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
}

pub fn done(folder: &Path, script: &str) -> String {
    let (good, told) = sh(folder, script);
    assert!(good, "{script}\n{told}");
    told
}
