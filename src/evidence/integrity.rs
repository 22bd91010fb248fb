//! The chapter of the printed report that tells by which keys and certificates the bundle holds together. Not here: the rest of the report
//! ([`super::printed`]), whether any of it holds ([`super::verify`]).

use super::{
    paper::{Page, escape, mono, number},
    report::Report,
};
use crate::{clock::Instant, crypto::signature::chain::Facts as Signer};

/// The text of an RFC 3339 time.
fn moment(page: &Page, text: &str) -> String {
    page.time(Instant::parse(text))
}

/// Log, keys, certificates, timestamps.
pub(super) fn chapter(page: &mut Page, r: &Report) {
    page.h2("printed-integrity");
    let tree = page.tr.a("printed-tree", &[("size", number(r.log.size)), ("proofs", number(r.events.len() as u64))]);
    let mut rows = vec![
        ("printed-log", format!("{}<br>{}", escape(&tree), mono(&r.log.root))),
        ("printed-log-key", mono(&r.log.vkey)),
        (
            "printed-second-key",
            match &r.log.mldsa {
                // Its name and id; the key itself is two thousand letters long, and stands in `evidence.json`.
                Some(key) => format!("ML-DSA-44 {}", mono(&key.splitn(3, '+').take(2).collect::<Vec<_>>().join("+"))),
                None => page.t("paper-none"),
            },
        ),
    ];
    match &r.signer {
        Some(s) => rows.extend(certificate(page, s, ["printed-signer", "printed-certificate"])),
        None => rows.push(("printed-signer", page.t("printed-unsigned"))),
    }
    if let Some(gm) = &r.gm {
        rows.push(("printed-profile", page.t(if gm.signer.is_some() { "printed-profile-gm" } else { "printed-profile-unsigned" })));
        rows.extend(gm.signer.iter().flat_map(|s| certificate(page, s, ["printed-signer-sm2", "printed-certificate-sm2"])));
    }
    let tokens: Vec<_> = r.anchors.iter().flat_map(|a| a.tokens.iter().map(move |t| (a.size, t))).collect();
    let stamps = tokens.iter().map(|(size, t)| {
        let told = [("authority", t.authority.clone()), ("time", moment(page, &t.at)), ("size", number(*size))];
        escape(&page.tr.a("printed-anchor", &told))
    });
    let stamps = stamps.collect::<Vec<_>>().join("<br>");
    rows.push(("printed-anchors", if stamps.is_empty() { page.t("printed-no-anchors") } else { stamps }));
    page.form(&rows);
}

/// Two rows about the certificate of a signature.
fn certificate(page: &Page, s: &Signer, [name, details]: [&'static str; 2]) -> [(&'static str, String); 2] {
    let dates = format!("{} – {}", moment(page, &s.not_before), moment(page, &s.not_after));
    [
        (name, format!("{}<br>{}", escape(&s.subject), escape(&s.issuer))),
        (details, format!("{}<br>{dates}<br>SHA-256 {}", mono(&s.serial), mono(&s.sha256))),
    ]
}
