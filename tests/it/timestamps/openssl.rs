//! OpenSSL's timestamp authority, made on the spot: a root, certificates under it, answers to our questions; and its judgement of ours.

use std::{
    path::Path,
    process::{Command, Output},
};

/// Runs a script in `folder` under bash, stopping at the first command that fails.
pub fn bash(folder: &Path, script: &str) -> Output {
    Command::new("bash").args(["-euo", "pipefail", "-c", script]).current_dir(folder).output().unwrap()
}

/// The same for a script that must do as told.
pub fn done(folder: &Path, script: &str) -> String {
    let out = bash(folder, script);
    assert!(out.status.success(), "{script}\n{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// How a key is made, and the digest that its owner signs with.
#[derive(Clone, Copy)]
pub struct Kind {
    pub key: &'static str,
    pub digest: &'static str,
}

pub const RSA: &str = "rsa -pkeyopt rsa_keygen_bits:2048";
pub const P256: &str = "ec -pkeyopt ec_paramgen_curve:P-256";
pub const P384: &str = "ec -pkeyopt ec_paramgen_curve:P-384";

/// What may be wrong, or otherwise, about an authority.
#[derive(Clone, Copy)]
pub struct Make<'a> {
    pub kind: Kind,
    /// The extension of the authority's certificate.
    pub usage: &'a str,
    /// Of the certificate between; empty for none.
    pub between: &'a str,
    /// Lines more for the section of the configuration.
    pub more: &'a str,
}

impl Default for Make<'_> {
    fn default() -> Self {
        Self { kind: Kind { key: P256, digest: "sha256" }, usage: "critical,timeStamping", between: "", more: "" }
    }
}

/// Makes `root.pem`, `tsa.pem` and what `openssl ts -reply` needs, in `folder`.
pub fn authority(folder: &Path, make: Make<'_>) {
    let Make { kind, usage, between, more } = make;
    let Kind { key, digest } = kind;
    let over = if between.is_empty() { "root" } else { "between" };
    let chain = if between.is_empty() { "" } else { "certs = between.pem\n" };
    std::fs::write(
        folder.join("tsa.cnf"),
        format!(
            "[tsa]\ndefault_tsa = here\n[here]\nserial = serial\nsigner_cert = tsa.pem\nsigner_key = tsa.key\n{chain}default_policy = 1.2.3.4.1\n\
             other_policies = 1.2.3.4.2\ndigests = sha256, sha512\naccuracy = secs:1, millisecs:500\nordering = yes\ntsa_name = yes\n\
             signer_digest = {digest}\n{more}\n"
        ),
    )
    .unwrap();
    std::fs::write(folder.join("usage.cnf"), format!("keyUsage = critical,digitalSignature\nextendedKeyUsage = {usage}\n")).unwrap();
    std::fs::write(folder.join("between.cnf"), format!("basicConstraints = {between}\n")).unwrap();
    let mut script = format!(
        "exec 2>&1\necho 01 > serial\n\
         for name in root between tsa; do openssl genpkey -algorithm {key} -out $name.key; done\n\
         openssl req -x509 -new -{digest} -key root.key -subj '/O=Test/CN=Root' -days 3650 -out root.pem -addext basicConstraints=critical,CA:TRUE\n"
    );
    if !between.is_empty() {
        script += &format!(
            "openssl req -new -key between.key -subj '/O=Test/CN=Between' -out between.csr\n\
             openssl x509 -req -{digest} -in between.csr -CA root.pem -CAkey root.key -CAcreateserial -days 3650 -extfile between.cnf -out between.pem\n"
        );
    }
    script += &format!(
        "openssl req -new -key tsa.key -subj '/O=Test/CN=Authority' -out tsa.csr\n\
         openssl x509 -req -{digest} -in tsa.csr -CA {over}.pem -CAkey {over}.key -CAcreateserial -days 3000 -extfile usage.cnf -out tsa.pem\n"
    );
    done(folder, &script);
}

/// What `openssl ts -reply` answers to a question.
pub fn answer(folder: &Path, question: &[u8]) -> Vec<u8> {
    std::fs::write(folder.join("q.tsq"), question).unwrap();
    done(folder, "openssl ts -reply -config tsa.cnf -section here -queryfile q.tsq -out q.tsr 2>&1");
    std::fs::read(folder.join("q.tsr")).unwrap()
}

/// Whether `openssl ts -verify` takes `token` as one over `data` and as an answer to `question`, at its own time.
pub fn accepts(folder: &Path, data: &[u8], question: &[u8], token: &[u8]) -> bool {
    for (name, bytes) in [("data", data), ("data.tsq", question), ("data.tsr", token)] {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    let at = "-attime $(date -d \"$(openssl ts -reply -in data.tsr -text 2>/dev/null | sed -n 's/^Time stamp: //p')\" +%s)";
    let by_data = format!("openssl ts -verify -data data -in data.tsr -CAfile root.pem {at}");
    let by_question = format!("openssl ts -verify -queryfile data.tsq -in data.tsr -CAfile root.pem {at}");
    [by_data, by_question].iter().all(|script| bash(folder, script).status.success())
}
