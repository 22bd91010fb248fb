//! A token holds or is refused, and each refusal says why. Tokens of OpenSSL's authority and of ours, judged by both.

use countermand::{
    clock::{Clock, Instant, SystemClock},
    connect::emulator::tsa::{Authority, Fault},
    crypto::timestamp::{BadRoots, Query, Refusal, Roots, verify},
};

use super::openssl::{self, Kind, Make, P256, P384, RSA};

const DATA: &[u8] = b"recall.example/countermand/7c1e\n17\nAAAA\n";

fn roots(folder: &std::path::Path, file: &str) -> Roots {
    Roots::from_pem(&std::fs::read_to_string(folder.join(file)).unwrap()).unwrap()
}

#[test]
fn openssls_tokens_are_taken_whatever_key_signs_them() {
    for (key, digest) in [(RSA, "sha256"), (RSA, "sha384"), (RSA, "sha512"), (P256, "sha256"), (P256, "sha512"), (P384, "sha384")] {
        for (between, more) in
            [("", ""), ("critical,CA:TRUE,pathlen:0", "ess_cert_id_alg = sha256"), ("", "clock_precision_digits = 6\ness_cert_id_alg = sha1")]
        {
            let folder = tempfile::tempdir().unwrap();
            openssl::authority(folder.path(), Make { kind: Kind { key, digest }, between, more, ..Make::default() });
            let query = Query::new(DATA, None);
            let answer = openssl::answer(folder.path(), &query.to_der());
            let before = SystemClock.now().unix_seconds();
            let stamp =
                verify(&query, &answer, &roots(folder.path(), "root.pem")).unwrap_or_else(|e| panic!("{key} {digest} {between:?} {more}: {e}"));
            assert!((stamp.at.unix_seconds() - before).abs() < 60, "{stamp:?}");
            assert_eq!(stamp.at.0 % 1_000_000 == 0, !more.contains("precision"), "a fraction of a second is read");
            assert_eq!((stamp.policy.as_str(), stamp.path.len()), ("1.2.3.4.1", if between.is_empty() { 2 } else { 3 }));
            assert!(stamp.signer.contains("CN=Authority"), "{stamp:?}");
            assert_eq!(Query::parse(&query.to_der()).unwrap(), query, "a question that was kept is the same");
        }
    }
}

#[test]
fn our_authority_is_taken_by_openssl_and_by_us() {
    let (folder, now) = (tempfile::tempdir().unwrap(), SystemClock.now());
    let authority = Authority::fresh(now).unwrap();
    std::fs::write(folder.path().join("root.pem"), authority.root_pem()).unwrap();
    let query = Query::new(DATA, None);
    let answer = authority.answer(&query.to_der(), now, None);
    let stamp = verify(&query, &answer, &roots(folder.path(), "root.pem")).unwrap();
    assert_eq!(stamp.at, Instant::from_unix_seconds(now.unix_seconds()));
    assert!(openssl::accepts(folder.path(), DATA, &query.to_der(), &answer));
    assert!(!openssl::accepts(folder.path(), b"other", &query.to_der(), &answer), "the other judge can say no");
    for fault in [Fault::Rejected, Fault::WrongImprint, Fault::WrongNonce, Fault::Expired, Fault::WrongPurpose, Fault::BadSignature, Fault::BadDigest]
    {
        let answer = authority.answer(&query.to_der(), now, Some(fault));
        assert!(!openssl::accepts(folder.path(), DATA, &query.to_der(), &answer), "{fault}");
    }
    // A question by OpenSSL itself.
    std::fs::write(folder.path().join("file"), DATA).unwrap();
    openssl::done(folder.path(), "openssl ts -query -data file -sha256 -cert -out file.tsq");
    let question = std::fs::read(folder.path().join("file.tsq")).unwrap();
    let query = Query::parse(&question).unwrap();
    let answer = authority.answer(&question, now, None);
    assert!(openssl::accepts(folder.path(), DATA, &question, &answer));
    assert!(verify(&query, &answer, &roots(folder.path(), "root.pem")).is_ok());
}

#[test]
fn every_fault_is_refused_for_its_own_reason() {
    let now = SystemClock.now();
    let authority = Authority::fresh(now).unwrap();
    let roots = Roots::from_pem(&authority.root_pem()).unwrap();
    let query = Query::new(DATA, Some("1.3.6.1.4.1.32473.1".parse().unwrap()));
    let refused = |fault: Fault| verify(&query, &authority.answer(&query.to_der(), now, Some(fault)), &roots).unwrap_err();
    let cases = [
        (Fault::Rejected, "status"),
        (Fault::WrongNonce, "nonce"),
        (Fault::WrongImprint, "imprint"),
        (Fault::OtherPolicy, "policy"),
        (Fault::Garbage, "malformed"),
        (Fault::TooLong, "too_long"),
        (Fault::Expired, "validity"),
        (Fault::WrongPurpose, "purpose"),
        (Fault::BadSignature, "signature"),
        (Fault::BadDigest, "message_digest"),
        (Fault::OtherCertificate, "signing_certificate"),
        (Fault::NoCertificate, "no_certificate"),
        (Fault::TwoSigners, "signers"),
    ];
    for (fault, word) in cases {
        let refusal = refused(fault);
        assert_eq!(refusal.as_str(), word, "{fault}: {refusal}");
    }
    assert_eq!(refused(Fault::Rejected), Refusal::Status { status: 2, text: "the emulator was told to reject".into() }, "in its own words");
    let good = authority.answer(&query.to_der(), now, None);
    let stamp = verify(&query, &good, &roots).unwrap();
    // The list of digests and the versions are not signed; whatever is done to them, the token says the same or nothing.
    let said: Vec<_> = (0..good.len())
        .filter_map(|n| {
            let mut touched = good.clone();
            touched[n] ^= 1;
            verify(&query, &touched, &roots).ok()
        })
        .collect();
    assert!(said.len() < 20 && said.iter().all(|s| *s == stamp), "{said:?}");
    assert_eq!(verify(&query, &authority.answer(b"no question", now, None), &roots).unwrap_err().as_str(), "status");
    assert_eq!(verify(&query, &good[..good.len() - 1], &roots).unwrap_err().as_str(), "malformed");
    let other = Roots::from_pem(&Authority::fresh(now).unwrap().root_pem()).unwrap();
    assert_ne!(verify(&query, &good, &other).unwrap_err().as_str(), "status", "a root of the same name and another key");
    assert_eq!(verify(&query, &good, &Roots::default()), Err(Refusal::Untrusted));
    let years = std::time::Duration::from_secs(3 * 366 * 86_400);
    let late = authority.answer(&query.to_der(), now.plus(years), None);
    assert_eq!(verify(&query, &late, &roots).unwrap_err().as_str(), "validity", "valid at the token's time, not at ours");
}

#[test]
fn what_is_signed_in_a_way_that_is_not_spoken_is_refused_by_its_name() {
    const P521: &str = "ec -pkeyopt ec_paramgen_curve:P-521";
    let query = Query::new(DATA, None);
    for (key, digest, named) in [(RSA, "sha224", "2.16.840.1.101.3.4.2.4"), (P521, "sha512", "1.3.132.0.35"), (P384, "sha512", "1.3.132.0.34")] {
        let folder = tempfile::tempdir().unwrap();
        openssl::authority(folder.path(), Make { kind: Kind { key, digest }, ..Make::default() });
        let answer = openssl::answer(folder.path(), &query.to_der());
        assert_eq!(verify(&query, &answer, &roots(folder.path(), "root.pem")), Err(Refusal::Algorithm(named.to_owned())), "{key} {digest}");
    }
    let folder = tempfile::tempdir().unwrap();
    let question = |options: &str| {
        std::fs::write(folder.path().join("file"), DATA).unwrap();
        openssl::done(folder.path(), &format!("openssl ts -query -data file {options} -out file.tsq"));
        Query::parse(&std::fs::read(folder.path().join("file.tsq")).unwrap())
    };
    assert_eq!(question("-sha512").unwrap_err().as_str(), "algorithm");
    assert_eq!(question("-sha256 -no_nonce").unwrap_err(), Refusal::Malformed("a question without a nonce"));
    assert_eq!(question("-sha256").unwrap().imprint, countermand::crypto::sha256(DATA));
    assert_eq!(Query::parse(b"no question").unwrap_err().as_str(), "malformed");
}

/// Certificates that OpenSSL makes as they must not be. It signs with what we would not take, so the authority is made right and its
/// certificate replaced by one with the same key.
#[test]
fn certificates_that_are_not_for_time_or_not_authorities_are_refused() {
    let query = Query::new(DATA, None);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    openssl::authority(dir, Make { between: "critical,CA:TRUE,pathlen:0", ..Make::default() });
    let good = openssl::answer(dir, &query.to_der());
    assert!(verify(&query, &good, &roots(dir, "root.pem")).is_ok());

    // The way up: not an authority, no longer valid, a path that is too long, something critical that nobody understands.
    for (extension, days, word) in [
        ("basicConstraints = critical,CA:FALSE", "3650", "not_an_authority"),
        ("keyUsage = critical,digitalSignature", "3650", "not_an_authority"),
        ("basicConstraints = critical,CA:TRUE\nkeyUsage = critical,cRLSign", "3650", "not_an_authority"),
        ("basicConstraints = critical,CA:TRUE\n1.2.3.4 = critical,ASN1:UTF8String:new", "3650", "extension"),
        ("basicConstraints = critical,CA:TRUE", "-1", "validity"),
    ] {
        std::fs::write(dir.join("between.cnf"), format!("{extension}\n")).unwrap();
        let days = if days == "-1" { "-not_before 20200101000000Z -not_after 20210101000000Z".to_owned() } else { format!("-days {days}") };
        // `openssl x509` of 3.0 cannot set dates; `openssl ca` can.
        let sign = match days.contains("-not") {
            false => format!("openssl x509 -req -in between.csr -CA root.pem -CAkey root.key -CAcreateserial {days} -extfile between.cnf -out between.pem 2>&1"),
            true => "rm -rf index index.attr; : > index; printf '[ca]\\ndefault_ca=c\\n[c]\\ndatabase=index\\nnew_certs_dir=.\\nserial=caserial\\npolicy=p\\ndefault_md=sha256\\n[p]\\nO=optional\\nCN=optional\\n' > ca.cnf; echo 77 > caserial; \
                     openssl ca -batch -config ca.cnf -in between.csr -cert root.pem -keyfile root.key -startdate 20200101000000Z -enddate 20210101000000Z -extfile between.cnf -out between.full 2>&1; openssl x509 -in between.full -out between.pem"
                .to_owned(),
        };
        openssl::done(dir, &sign);
        let answer = openssl::answer(dir, &query.to_der());
        assert_eq!(verify(&query, &answer, &roots(dir, "root.pem")).unwrap_err().as_str(), word, "{extension}");
    }
    // Longer than the one above allows.
    std::fs::write(dir.join("between.cnf"), "basicConstraints = critical,CA:TRUE\n").unwrap();
    openssl::done(
        dir,
        "openssl req -x509 -new -key root.key -subj '/O=Test/CN=Root' -days 3650 -out root.pem -addext basicConstraints=critical,CA:TRUE,pathlen:0 2>&1\n\
         openssl x509 -req -in between.csr -CA root.pem -CAkey root.key -CAcreateserial -days 3650 -extfile between.cnf -out between.pem 2>&1",
    );
    let answer = openssl::answer(dir, &query.to_der());
    assert_eq!(verify(&query, &answer, &roots(dir, "root.pem")).unwrap_err().as_str(), "not_an_authority");
}

#[test]
fn a_purpose_that_is_not_critical_or_not_alone_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    openssl::authority(dir, Make::default());
    for (usage, word) in [
        ("extendedKeyUsage = timeStamping", "purpose"),
        ("extendedKeyUsage = critical,timeStamping,emailProtection", "purpose"),
        ("keyUsage = critical,keyEncipherment\nextendedKeyUsage = critical,timeStamping", "purpose"),
    ] {
        // OpenSSL would not sign a token with such a certificate.
        std::fs::write(dir.join("usage.cnf"), format!("{usage}\n")).unwrap();
        openssl::done(
            dir,
            "openssl x509 -req -in tsa.csr -CA root.pem -CAkey root.key -CAcreateserial -days 3000 -extfile usage.cnf -out bad.pem 2>&1",
        );
        let refused = countermand::crypto::timestamp::chain::purpose(&certificate(dir, "bad.pem"));
        assert_eq!(refused.unwrap_err().as_str(), word, "{usage}");
    }
    assert!(countermand::crypto::timestamp::chain::purpose(&certificate(dir, "tsa.pem")).is_ok());
}

fn certificate(folder: &std::path::Path, file: &str) -> x509_cert::Certificate {
    use der::DecodePem;
    x509_cert::Certificate::from_pem(std::fs::read(folder.join(file)).unwrap()).unwrap()
}

#[test]
fn a_file_of_roots_says_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    openssl::authority(folder.path(), Make { between: "critical,CA:TRUE", ..Make::default() });
    let read = |file: &str| std::fs::read_to_string(folder.path().join(file)).unwrap();
    assert_eq!(Roots::from_pem(""), Err(BadRoots::Empty));
    assert_eq!(Roots::from_pem(&read("between.pem")), Err(BadRoots::NoRoot));
    assert_eq!(Roots::from_pem(&read("root.pem").replace("MII", "XII")), Err(BadRoots::Broken(1)));
    let both =
        Roots::from_pem(&format!("subject=Between\n{}subject=Root\r\n{}", read("between.pem"), read("root.pem").replace('\n', "\r\n"))).unwrap();
    assert_eq!(both.to_pem(), read("root.pem") + &read("between.pem"), "roots first");
    let fingerprint = openssl::done(folder.path(), "openssl x509 -in root.pem -noout -fingerprint -sha256");
    let ours = &both.fingerprints()[0];
    assert_eq!(fingerprint.trim().split('=').nth(1).unwrap().replace(':', "").to_lowercase(), ours.1);
    // A token without the certificate between is taken if the file has it.
    let query = Query::new(DATA, None);
    let cnf = read("tsa.cnf").replace("certs = between.pem\n", "");
    std::fs::write(folder.path().join("tsa.cnf"), cnf).unwrap();
    let answer = openssl::answer(folder.path(), &query.to_der());
    assert_eq!(verify(&query, &answer, &Roots::from_pem(&read("root.pem")).unwrap()), Err(Refusal::Untrusted));
    assert_eq!(verify(&query, &answer, &both).unwrap().path.len(), 3);
}

/// Certificates that all sign each other lead round and round: the search ends soon, and a token with so many is not looked at.
#[test]
fn a_ring_of_certificates_is_refused_soon() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    openssl::authority(dir, Make { between: "critical,CA:TRUE", ..Make::default() });
    openssl::done(
        dir,
        "for n in $(seq 40); do openssl req -x509 -new -key between.key -subj /CN=Ring -days 10 -out $n.pem -addext basicConstraints=critical,CA:TRUE 2>&1; done",
    );
    let ring: Vec<_> = (1..=40).map(|n| certificate(dir, &format!("{n}.pem"))).collect();
    let (now, begun) = (SystemClock.now(), std::time::Instant::now());
    let refused = countermand::crypto::timestamp::chain::path(&ring[0], &ring, &roots(dir, "root.pem"), now);
    assert_eq!(refused, Err(Refusal::Untrusted));
    assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
    openssl::done(dir, "cat [0-9]*.pem >> between.pem");
    let query = Query::new(DATA, None);
    let answer = openssl::answer(dir, &query.to_der());
    assert_eq!(verify(&query, &answer, &roots(dir, "root.pem")).unwrap_err(), Refusal::Malformed("more certificates than a chain has"));
}

#[test]
fn a_long_name_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("/O={0}/OU={0}/OU={0}/OU={0}", "a".repeat(60));
    openssl::done(folder.path(), &format!("openssl req -x509 -new -newkey {P256} -nodes -keyout k -subj {name} -days 10 -out root.pem 2>&1"));
    assert_eq!(roots(folder.path(), "root.pem").fingerprints()[0].0.chars().count(), 200);
}
