//! The bag: every file against its manifests, nothing missing, nothing added, and the bag's own lines.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha512};

use super::{Answer, Checks, Problem, file};
use crate::{
    crypto::{sha256, sm2::sm3},
    evidence::{
        bundle::{ROOT_MANIFEST, SIGNATURE},
        certificate::{P7S, SIGNER, SIGNER_CHAIN, SIGNER_ROOT},
        gm::{self, SM2_SIGNATURE, SM3_MANIFEST},
        paper, printed,
        report::Report,
        revocation::{LATER_LISTS, SIGNER_LISTS, TSA_LISTS},
        succession,
        timestamps::{self, CHAIN, RENEWED_SIGNATURE, ROOTS},
        zip::Files,
    },
    i18n::Lang,
};

/// The root: lists the other manifests; nothing lists it.
pub(super) const ROOT: &str = ROOT_MANIFEST;
const TAGS: [&str; 5] = ["bag-info.txt", "bagit.txt", "manifest-sha256.txt", "manifest-sha512.txt", "trust/log-ed25519.pub.pem"];
/// Where authorities are configured or checkpoints were stamped, and where there is a certificate that signs.
const SOMETIMES: [&str; 7] = [CHAIN, ROOTS, SIGNER, SIGNER_CHAIN, SIGNER_ROOT, SIGNER_LISTS, TSA_LISTS];

/// The same, and those of the profile "gm".
fn sometimes() -> impl Iterator<Item = &'static str> {
    SOMETIMES.into_iter().chain(gm::LISTED)
}

pub(super) fn check(files: &Files, checks: &mut Checks) {
    if let Some(bytes) = file(files, "bagit.txt", checks) {
        checks.same("bag_declaration", "bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n", String::from_utf8_lossy(bytes));
    }
    let hash256 = |bytes: &[u8]| hex::encode(sha256(bytes));
    let hash512 = |bytes: &[u8]| hex::encode(Sha512::digest(bytes));
    let payload: BTreeSet<&str> = files.keys().map(String::as_str).filter(|p| p.starts_with("data/")).collect();
    let tags = manifest(files, ROOT, 64, hash256, checks);
    let present: BTreeSet<&str> = TAGS.into_iter().chain(sometimes().filter(|p| files.contains_key(*p) || tags.contains(*p))).collect();
    complete("tag_files_complete", ROOT, &tags, &present, checks);
    for (name, digits, digest) in [("manifest-sha256.txt", 64, &hash256 as &dyn Fn(&[u8]) -> String), ("manifest-sha512.txt", 128, &hash512)] {
        let listed = manifest(files, name, digits, digest, checks);
        complete("payload_complete", name, &listed, &payload, checks);
    }
    let known: BTreeSet<&str> = TAGS.into_iter().chain(sometimes()).chain([ROOT, SIGNATURE, P7S, SM2_SIGNATURE]).collect();
    let added = |p: &str| p == succession::LATER || p == LATER_LISTS || timestamps::over_signature(p) || timestamps::is_renewal(p, RENEWED_SIGNATURE);
    let stray = files.keys().filter(|p| !p.starts_with("data/") && !known.contains(p.as_str()) && !added(p));
    checks.all("no_other_files", "", files.len(), stray.map(|p| Problem::of(p, "not in the bag", "added")).collect());
}

/// Checks each file that a manifest lists against its hash; answers the paths.
fn manifest(files: &Files, name: &str, digits: usize, digest: impl Fn(&[u8]) -> String, checks: &mut Checks) -> BTreeSet<String> {
    let Some(bytes) = file(files, name, checks) else { return BTreeSet::new() };
    let mut listed = BTreeMap::new();
    let mut problems = Vec::new();
    let text = String::from_utf8_lossy(bytes);
    if !text.is_empty() && !text.ends_with('\n') {
        problems.push(Problem::new("a line feed at the end", "none"));
    }
    for line in text.lines() {
        match line.split_once("  ").filter(|(hash, _)| hash.len() == digits) {
            Some((hash, path)) if listed.insert(path.to_owned(), hash.to_owned()).is_none() => {}
            Some((_, path)) => problems.push(Problem::of(path, "listed once", "listed twice")),
            None => problems.push(Problem::new("hash and path", line)),
        }
    }
    for (path, hash) in &listed {
        match files.get(path) {
            None => problems.push(Problem::of(path, "present", "missing")),
            Some(bytes) => {
                let actual = digest(bytes);
                if actual != *hash {
                    problems.push(Problem::of(path, hash, actual));
                }
            }
        }
    }
    checks.all("file_hashes", name, listed.len(), problems);
    listed.into_keys().collect()
}

/// The list by SM3: of the form and in the order of the one by SHA-256, each file in it and no other.
pub(super) fn sm3_manifest(files: &Files, checks: &mut Checks) {
    const NAME: &str = "sm3_manifest";
    let Some(bytes) = file(files, SM3_MANIFEST, checks) else { return };
    let payload: Vec<(&String, &Vec<u8>)> = files.iter().filter(|(path, _)| path.starts_with("data/")).collect();
    let text = String::from_utf8_lossy(bytes);
    let listed: BTreeMap<&str, &str> =
        text.split_terminator('\n').filter_map(|line| line.split_once("  ")).map(|(hash, path)| (path, hash)).collect();
    let mut problems = Vec::new();
    for (path, bytes) in &payload {
        let actual = hex::encode(sm3(bytes));
        match listed.get(path.as_str()) {
            None => problems.push(Problem::of(path, "listed", "not listed")),
            Some(hash) if **hash != *actual => problems.push(Problem::of(path, hash, actual)),
            Some(_) => {}
        }
    }
    let there = |path: &str| path.starts_with("data/") && files.contains_key(path);
    problems.extend(listed.keys().filter(|path| !there(path)).map(|path| Problem::of(path, "present", "missing")));
    // Whatever else it could hold: a line twice, another order, another form.
    let expected: String = payload.iter().map(|(path, _)| format!("{}  {path}\n", listed.get(path.as_str()).unwrap_or(&""))).collect();
    if problems.is_empty() && expected != text {
        problems.push(Problem::new("hash and path of each file, in order", "another form"));
    }
    checks.all(NAME, SM3_MANIFEST, payload.len(), problems);
}

fn complete(name: &'static str, manifest: &str, listed: &BTreeSet<String>, present: &BTreeSet<&str>, checks: &mut Checks) {
    let mut problems: Vec<_> = present.iter().filter(|p| !listed.contains(**p)).map(|p| Problem::of(p, "listed", "added")).collect();
    problems.extend(listed.iter().filter(|p| !present.contains(p.as_str())).map(|p| Problem::of(p, "present", "missing")));
    checks.all(name, manifest, present.len(), problems);
}

/// What `bag-info.txt` says; of the profile what the report says of it, and nothing where that says nothing.
pub(super) fn info(files: &Files, number: &str, profile: Option<&gm::Facts>, checks: &mut Checks) {
    let Some(info) = file(files, "bag-info.txt", checks) else { return };
    let (mut octets, mut count) = (0, 0);
    for (_, bytes) in files.iter().filter(|(p, _)| p.starts_with("data/")) {
        (octets, count) = (octets + bytes.len(), count + 1);
    }
    let info = String::from_utf8_lossy(info);
    let value = |key: &str| info.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(": ")).unwrap_or_default();
    checks.same("payload_oxum", "bag-info.txt", format!("{octets}.{count}"), value("Payload-Oxum"));
    checks.same("bag_number", "bag-info.txt", number, value("External-Identifier"));
    for (label, expected) in gm::told(profile) {
        let of_label = |line: &str| line.split_once(':').is_some_and(|(found, _)| found.trim().eq_ignore_ascii_case(label));
        let told: Vec<&str> = info.lines().filter(|line| of_label(line)).collect();
        let expected = if expected.is_empty() { expected } else { format!("{label}: {expected}") };
        if !expected.is_empty() || !told.is_empty() {
            checks.same("bag_profile", "bag-info.txt", expected, told.join(", "));
        }
    }
}

/// What `bag-info.txt` says, and the list of files in the report.
pub(super) fn facts(files: &Files, report: &Report, checks: &mut Checks) {
    info(files, &report.number, report.gm.as_ref(), checks);
    let payload: Vec<_> = files.iter().filter(|(p, _)| p.starts_with("data/")).collect();
    let listed: BTreeMap<_, _> = report.files.iter().map(|f| (format!("data/{}", f.path), (f.bytes, &f.sha256))).collect();
    let mut problems = Vec::new();
    for (path, bytes) in payload.iter().filter(|(p, _)| p.as_str() != "data/evidence.json") {
        let actual = hex::encode(sha256(bytes));
        if listed.get(*path).is_none_or(|(len, hash)| *len != bytes.len() as u64 || **hash != actual) {
            problems.push(Problem::of(path, listed.get(*path).map_or("not listed", |(_, hash)| hash.as_str()), actual));
        }
    }
    problems.extend(listed.keys().filter(|p| !files.contains_key(*p)).map(|p| Problem::of(p, "present", "missing")));
    checks.all("report_files", "data/evidence.json", listed.len(), problems);
    on_paper(files, report, checks);
    let shown = report.withheld.len();
    checks.add("withheld", Answer::Pass, "data/evidence.json", shown, shown);
}

/// The reports for people bear the digest of the files that they speak of. Bundles of older versions have none.
fn on_paper(files: &Files, report: &Report, checks: &mut Checks) {
    let names = Lang::ALL.map(|lang| format!("data/{}", paper::name(lang)));
    let listed: Vec<_> = report.files.iter().filter(|f| names.iter().all(|name| name.strip_prefix("data/") != Some(&f.path))).cloned().collect();
    let digest = hex::encode(sha256(printed::inventory(&listed).as_bytes()));
    for name in &names {
        let Some(bytes) = files.get(name) else { continue };
        let text = String::from_utf8_lossy(bytes);
        // Once in the finding and in each form for handing over, and once at the foot of the pages.
        let told = [format!(">{digest}<"), format!(" {digest}\"")].iter().all(|form| text.contains(form));
        checks.same("printed_report", name, &digest, if told { digest.as_str() } else { "another digest" });
    }
}
