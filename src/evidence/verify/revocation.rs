//! Whether certificates had been revoked when they were used: the signer's at the time of the signature, each timestamp authority's at the
//! time of its token. The lists are in the bundle, or brought along by the person who verifies; each must be signed by the authority that issued the
//! certificate. A bundle of an older version has none and is as good as it ever was, and the list says so.

use x509_cert::Certificate;

use super::{Answer, Checks, Pin, aging::Aged, signature::Of};
use crate::{
    clock::Instant,
    crypto::{
        revocation::{List, Lists, Reason, Revoked, Standing, Unknown, certificates},
        signature::Chain,
    },
    evidence::{
        revocation::{LATER_LISTS, TSA_LISTS},
        zip::Files,
    },
};

const NAME: &str = "revocation";
/// Bytes of lists and number of lists that are looked at in one file.
const BYTES: usize = 16 << 20;
const COUNT: usize = 64;

/// What is asked of a bundle that has no list for a certificate.
#[derive(Clone, Copy)]
struct Strict {
    /// The report speaks of revocation: a certificate that names a list should have it here.
    said: bool,
    /// The person who verifies brought lists along.
    asked: bool,
}

impl Strict {
    fn of(said: bool, pins: &[Pin]) -> Self {
        Self { said, asked: pins.iter().any(|pin| matches!(pin, Pin::Lists(_))) }
    }

    /// Whether it cannot be told is an answer that counts.
    const fn counts(self, why: &Unknown) -> bool {
        self.asked || matches!(why, Unknown::OtherTime(_)) || self.said && matches!(why, Unknown::NoList(_))
    }
}

/// Lists of `paths`, each by one of `authorities`, and those that were brought along.
fn lists(files: &Files, paths: &[&str], authorities: &[Certificate], pins: &[Pin], checks: &mut Checks) -> Lists {
    let mut all = Lists::default();
    for path in paths {
        let Some(bytes) = files.get(*path) else { continue };
        let text = String::from_utf8_lossy(bytes);
        let count = text.matches("-----BEGIN X509 CRL-----").count();
        if bytes.len() > BYTES || count > COUNT {
            checks.fail(NAME, path, format!("{COUNT} lists, {BYTES} bytes"), format!("{count} lists, {} bytes", bytes.len()));
            continue;
        }
        match List::all(&text) {
            Ok(found) if found.is_empty() => checks.fail(NAME, path, "lists of revoked certificates", "none"),
            Ok(found) => {
                for list in found {
                    if let Err(why) = all.add(list, authorities) {
                        checks.fail(NAME, path, "a list signed by an authority of a certificate in this bundle", why);
                    }
                }
            }
            Err(why) => checks.fail(NAME, path, "lists of revoked certificates", why),
        }
    }
    for list in pins.iter().filter_map(|pin| if let Pin::Lists(lists) = pin { Some(lists) } else { None }).flatten() {
        // Of other authorities: nobody said that it must count here.
        let _ = all.add(list.clone(), authorities);
    }
    all
}

fn expected(at: Instant) -> String {
    format!("not revoked at {}", at.to_rfc3339())
}

/// Says what cannot be told.
fn untold(why: &Unknown, strict: Strict, file: &str, at: Instant, checks: &mut Checks) {
    if strict.counts(why) {
        checks.add(NAME, Answer::Unknown, file, expected(at), why);
    } else {
        let said = format!("not shipped: {why}");
        checks.add(NAME, Answer::Pass, file, &said, &said);
    }
}

/// The signer's certificate at the time that a token proves (`proven`), and at the one that the signature states itself (`stated`). Once it
/// is revoked, what it states itself proves nothing: who has its key can state any time. `said`: the report speaks of revocation.
pub(super) fn signer(
    files: &Files,
    chain: &Chain,
    (stated, proven): (Instant, Option<Instant>),
    said: bool,
    of: &Of,
    pins: &[Pin],
    checks: &mut Checks,
) {
    let file = of.file;
    let strict = Strict::of(said, pins);
    let certificates = chain.certificates();
    let lists = lists(files, &[of.lists], &certificates[1..], pins, checks);
    let at = proven.unwrap_or(stated);
    let unproven = |revoked: &Revoked| format!("{revoked}; no timestamp that you trust shows that it was signed before");
    match (lists.judge(certificates, stated), lists.judge(certificates, at)) {
        (Standing::Revoked(revoked), _) => checks.fail(NAME, file, expected(stated), revoked),
        (_, Standing::Revoked(revoked)) => checks.add(NAME, Answer::Unknown, file, expected(at), unproven(&revoked)),
        (_, Standing::Later(revoked)) if proven.is_none() => checks.add(NAME, Answer::Unknown, file, expected(at), unproven(&revoked)),
        (_, Standing::Later(revoked)) => checks.add(NAME, Answer::Pass, file, expected(at), format!("signed before: {revoked}")),
        (_, Standing::Good) => checks.add(NAME, Answer::Pass, file, expected(at), expected(at)),
        (_, Standing::Unknown(why)) => untold(&why, strict, file, at, checks),
    }
}

/// The authorities' certificates, each at the time of its token. The answer: tokens that do not count, by their paths.
pub(super) fn tokens<'f>(files: &Files, tokens: &[Aged<'f>], said: bool, pins: &[Pin], checks: &mut Checks) -> Vec<&'f str> {
    let strict = Strict::of(said, pins);
    let chains: Vec<Vec<Certificate>> = tokens.iter().map(|token| certificates(&token.chain)).collect();
    let mut authorities: Vec<Certificate> = Vec::new();
    for authority in chains.iter().flat_map(|chain| chain.iter().skip(1)) {
        if !authorities.contains(authority) {
            authorities.push(authority.clone());
        }
    }
    let lists = lists(files, &[TSA_LISTS, LATER_LISTS], &authorities, pins, checks);
    let mut bad = Vec::new();
    for (token, chain) in tokens.iter().zip(&chains) {
        let (path, at) = (token.path, token.at);
        match lists.judge(chain, at) {
            Standing::Good => checks.add(NAME, Answer::Pass, path, expected(at), expected(at)),
            Standing::Unknown(why) => untold(&why, strict, path, at, checks),
            Standing::Later(revoked) => {
                let answer = since(revoked.reason);
                checks.add(NAME, answer, path, expected(at), format!("taken before: {revoked}"));
                bad.extend((answer != Answer::Pass).then_some(path));
            }
            Standing::Revoked(revoked) => {
                checks.fail(NAME, path, expected(at), revoked);
                bad.push(path);
            }
        }
    }
    bad
}

/// What a revocation makes of tokens that were taken before it (RFC 3161 §4): with these reasons they stay good; with a key that was lost,
/// whoever has it can make tokens of any time. By the letter they are lost where no reason is given, too; but many authorities give none for
/// `unspecified`, as certificates for the web must not name it, so that it cannot be told.
const fn since(reason: Reason) -> Answer {
    match reason {
        Reason::Unspecified | Reason::AffiliationChanged | Reason::Superseded | Reason::CessationOfOperation => Answer::Pass,
        Reason::KeyCompromise | Reason::CaCompromise | Reason::AaCompromise => Answer::Fail,
        Reason::NotGiven | Reason::CertificateHold | Reason::PrivilegeWithdrawn => Answer::Unknown,
    }
}
