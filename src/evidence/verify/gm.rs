//! The profile "gm": the list of the payload by SM3, and the signature by SM2 over the root manifest, by the certificate that the bundle
//! names and under a root that is trusted. A bundle that says nothing of the profile has none of its files; one that should have had the
//! signature and says why it has none is none the worse, as with the signature by certificate beside it, and the list says so.

use super::{
    Answer, Checks, Pin,
    bag::{self, ROOT},
    file, judged_at, revocation,
    signature::{self, Of, asked},
};
use crate::{
    clock::Instant,
    crypto::{signature::Suite, sm2},
    evidence::{
        certificate::Uncertified,
        gm::{Facts, LISTED, SM2_LISTS, SM2_SIGNATURE, SM3_MANIFEST, TRUST},
        zip::Files,
    },
};

const NAME: &str = "sm2_signature";
const REPORT: &str = "data/evidence.json";
const EITHER: &str = "a signature by SM2, or the reason why there is none";
const SM2: Of = Of {
    certificate: "sm2_certificate",
    validity: "sm2_validity",
    root: "sm2_root",
    file: SM2_SIGNATURE,
    trust: TRUST,
    lists: SM2_LISTS,
    suite: Suite::Sm2,
};

/// What the report says of the profile, and when the bundle was made; `None` where it says nothing, as auditors' packs do. `vouched`: the log's
/// key is one that is trusted, and signed the list that the certificates are in.
pub(super) fn check(files: &Files, said: Option<(&Facts, Instant)>, vouched: bool, pins: &[Pin], checks: &mut Checks) {
    let Some((gm, stated)) = said else {
        return none(files, LISTED.into_iter().chain([SM2_SIGNATURE]), None, pins, checks);
    };
    bag::sm3_manifest(files, checks);
    // Which of the two it is must be told before anything is made of it.
    let facts = match (&gm.signer, gm.unsigned.as_deref()) {
        (Some(facts), None) => facts,
        (None, Some(word)) => {
            let Some(why) = Uncertified::parse(word) else { return checks.fail(NAME, REPORT, "a reason that is known", format!("none: {word}")) };
            let others = LISTED.into_iter().filter(|path| *path != SM3_MANIFEST).chain([SM2_SIGNATURE]);
            return none(files, others, Some(why), pins, checks);
        }
        (Some(_), Some(word)) => return checks.fail(NAME, REPORT, EITHER, format!("both: {word}")),
        (None, None) => return checks.fail(NAME, REPORT, EITHER, "neither"),
    };
    let (Some(signature), Some(manifest)) = (file(files, SM2_SIGNATURE, checks), file(files, ROOT, checks)) else { return };
    let Some(chain) = signature::chain(files, facts, &SM2, checks) else { return };
    if !sm2::verify(&chain.signer().tbs_certificate.subject_public_key_info, manifest, signature) {
        return checks.fail(NAME, SM2_SIGNATURE, format!("signed by {}", facts.subject), "another file, or another signature");
    }
    checks.add(NAME, Answer::Pass, SM2_SIGNATURE, &facts.subject, &facts.subject);
    // It says no time of its own, and no token is over it: what counts is when the bundle says that it was made.
    signature::validity(stated, &chain, None, judged_at(pins), &SM2, checks);
    revocation::signer(files, &chain, (stated, None), gm.revocation.is_some(), &SM2, pins, checks);
    signature::trust(&chain, (stated, None), vouched, &SM2, pins, checks);
}

/// There is no signature: nothing of it may be there either. `why`: the reason that the report gives; `None` where it says nothing of the
/// profile.
fn none(files: &Files, others: impl Iterator<Item = &'static str>, why: Option<Uncertified>, pins: &[Pin], checks: &mut Checks) {
    let before = checks.0.len();
    others.filter(|path| files.contains_key(*path)).for_each(|path| checks.fail(NAME, path, "not in the report", "added"));
    if checks.0.len() > before {
        return;
    }
    let said = why.map_or_else(|| "none".to_owned(), |why| format!("none: {why}"));
    if asked(Suite::Sm2, pins) {
        checks.add(NAME, Answer::Unknown, "", "a signature by SM2", said);
    } else if why.is_some() {
        checks.add(NAME, Answer::Pass, "", &said, &said);
    }
}
