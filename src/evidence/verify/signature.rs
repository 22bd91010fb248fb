//! The signature by a certificate: over the root manifest, by the certificate that the bundle names, under a root that is trusted, and made
//! while the certificate was valid. A bundle without one is none the worse, and the list says so.

use super::{Answer, Checks, Pin, bag::ROOT, file, judged_at, revocation};
use crate::{
    clock::Instant,
    crypto::{
        signature::{Chain, Refusal, Signed, Suite, chain::Facts, cms},
        timestamp::Roots,
    },
    evidence::{
        certificate::{P7S, TRUST},
        revocation::SIGNER_LISTS,
        zip::Files,
    },
};

const NAME: &str = "certificate_signature";

/// One of the two signatures by certificate: the names of its checks, and its files.
pub(super) struct Of {
    pub certificate: &'static str,
    pub validity: &'static str,
    pub root: &'static str,
    /// The signature.
    pub file: &'static str,
    /// The signer's certificate, the chain, the root.
    pub trust: [&'static str; 3],
    pub lists: &'static str,
    pub suite: Suite,
}

const CMS: Of = Of {
    certificate: "signer_certificate",
    validity: "signer_validity",
    root: "signer_root",
    file: P7S,
    trust: TRUST,
    lists: SIGNER_LISTS,
    suite: Suite::Standard,
};

/// Bytes of certificates that are looked at.
const LONGEST: usize = 256 << 10;

/// What the report says of the signature.
pub(super) enum Said<'a> {
    /// And whether it speaks of revocation.
    By(&'a Facts, bool),
    /// The reason, where it gives one.
    None(&'a str),
}

/// `proven`: the earliest time at which a token that is trusted saw the signature. `vouched`: the log's key is one that is trusted, and signed
/// the list that the certificates are in.
pub(super) fn check(files: &Files, said: Said<'_>, proven: Option<Instant>, vouched: bool, pins: &[Pin], checks: &mut Checks) {
    let (facts, revocable) = match said {
        Said::By(facts, revocable) => (facts, revocable),
        Said::None(why) => {
            let added = [P7S, SIGNER_LISTS].into_iter().chain(TRUST).filter(|path| files.contains_key(*path));
            let before = checks.0.len();
            added.for_each(|path| checks.fail(NAME, path, "not in the report", "added"));
            if checks.0.len() == before {
                let none = if why.is_empty() { "none".to_owned() } else { format!("none: {why}") };
                checks.add(NAME, Answer::Pass, "", &none, &none);
            }
            return;
        }
    };
    let (Some(signature), Some(manifest)) = (file(files, P7S, checks), file(files, ROOT, checks)) else { return };
    let Some(chain) = chain(files, facts, &CMS, checks) else { return };
    let signed = match cms::open(signature, manifest) {
        Ok(signed) => signed,
        Err(why) => return checks.fail(NAME, P7S, format!("signed by {}", facts.subject), why),
    };
    if !of_chain(&signed, &chain) {
        let (expected, actual) = (format!("{} {}", facts.subject, facts.sha256), cms::named(&signed.signer));
        return checks.fail(NAME, P7S, expected, format!("{actual}, or with other certificates"));
    }
    checks.add(NAME, Answer::Pass, P7S, &facts.subject, &facts.subject);
    // Anybody may have a token made later: one from after the certificate's end takes nothing away from the signature, and proves nothing.
    let in_time = proven.filter(|at| *at <= chain.until());
    validity(signed.at, &chain, in_time, judged_at(pins).or(proven), &CMS, checks);
    revocation::signer(files, &chain, (signed.at, in_time), revocable, &CMS, pins, checks);
    trust(&chain, (signed.at, in_time), vouched, &CMS, pins, checks);
}

/// The chain in `trust/`, in its three files and as the report names it.
pub(super) fn chain(files: &Files, facts: &Facts, of: &Of, checks: &mut Checks) -> Option<Chain> {
    let (name, [signer_pem, chain_pem, root_pem]) = (of.certificate, of.trust);
    let [signer, all, root] = of.trust.map(|path| file(files, path, checks));
    let (signer, all, root) = (signer?, all?, root?);
    if all.len() > LONGEST {
        checks.fail(name, chain_pem, LONGEST, all.len());
        return None;
    }
    let chain = match Chain::from_pem(&String::from_utf8_lossy(all)) {
        Ok(chain) => chain,
        Err(why) => {
            checks.fail(name, chain_pem, "from the signer to the root", why);
            return None;
        }
    };
    for (path, bytes, pem) in [(signer_pem, signer, chain.signer_pem()), (chain_pem, all, chain.pem()), (root_pem, root, chain.root_pem())] {
        if bytes != pem.as_bytes() {
            checks.fail(name, path, "the certificates of the chain", "others");
            return None;
        }
    }
    if !chain.is_all(of.suite) {
        checks.fail(name, chain_pem, of.suite, "certificates of other algorithms");
        return None;
    }
    let own = chain.facts();
    let say = |facts: &Facts| serde_json::to_string(facts).unwrap_or_default();
    if !checks.same(name, signer_pem, say(facts), say(&own)) {
        return None;
    }
    Some(chain)
}

/// Signed by the certificate of the chain, with these certificates and no others beside it.
fn of_chain(signed: &Signed, chain: &Chain) -> bool {
    let all = chain.certificates();
    signed.signer == *chain.signer() && signed.certificates.len() == all.len() && all.iter().all(|c| signed.certificates.contains(c))
}

/// Every certificate was valid when the signature was made: at the time that it states, and at the one that a token proves. Where no token
/// that is trusted proves one, a certificate that has run out by `now` says nothing any more.
pub(super) fn validity(stated: Instant, chain: &Chain, proven: Option<Instant>, now: Option<Instant>, of: &Of, checks: &mut Checks) {
    let (name, file) = (of.validity, of.file);
    let facts = chain.facts();
    let expected = format!("{} to {}", facts.not_before, chain.until().to_rfc3339());
    for (at, what) in [(Some(stated), "signed at"), (proven, "seen by a timestamp at")] {
        let Some(at) = at else { continue };
        if let Err(why) = chain.check(at) {
            return checks.fail(name, file, expected, format!("{what} {}: {why}", at.to_rfc3339()));
        }
    }
    match (proven, now) {
        (Some(at), _) => checks.add(name, Answer::Pass, file, expected, at.to_rfc3339()),
        (None, Some(now)) if now > chain.until() => {
            let actual = format!("has run out, and no timestamp that you trust shows that it was signed before; it states {}", stated.to_rfc3339());
            checks.add(name, Answer::Unknown, file, expected, actual);
        }
        (None, _) => checks.add(name, Answer::Pass, file, expected, format!("{}, as it states itself", stated.to_rfc3339())),
    }
}

/// Whether the root is one that we trust. Where none is pinned for it, a log key that is trusted vouches for the certificate: it signed the
/// list that the certificate is in, and the answer says that this is all. Roots that are pinned for either purpose were used by the token
/// that proves a time; where there is none they are meant for this certificate, and the log's word is not what was asked for.
pub(super) fn trust(chain: &Chain, (stated, proven): (Instant, Option<Instant>), vouched: bool, of: &Of, pins: &[Pin], checks: &mut Checks) {
    let (name, file) = (of.root, of.trust[2]);
    let root = chain.root_facts();
    let mut trusted = Roots::default();
    for pin in pins {
        if let Pin::Certificate(roots) | Pin::Signers(roots) = pin {
            trusted.extend(&roots.of_sm2(of.suite == Suite::Sm2));
        }
    }
    let asked = proven.is_none() && asked(of.suite, pins);
    match chain.leads_to(&trusted, proven.unwrap_or(stated)) {
        Ok(()) => checks.add(name, Answer::Pass, file, &root, &root),
        // Of this name, but its key did not sign.
        Err(Refusal::Untrusted | Refusal::Signature) if trusted.fingerprints().iter().any(|(subject, _)| *subject == chain.root_subject()) => {
            checks.fail(name, file, "the root of this name that you trust", root);
        }
        Err(_) if vouched && !asked => {
            checks.add(name, Answer::Pass, file, "a root that you trust, or the log's word for it", format!("the log's word for {root}"))
        }
        Err(_) => checks.add(name, Answer::Unknown, file, "a root that you trust", root),
    }
}

/// Whether a root was asked for that a signature of this suite can lead to.
pub(super) fn asked(suite: Suite, pins: &[Pin]) -> bool {
    pins.iter().any(|pin| matches!(pin, Pin::Certificate(roots) if !roots.of_sm2(suite == Suite::Sm2).is_empty()))
}
