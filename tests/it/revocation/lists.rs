//! Lists by themselves: what is read, who signed it, for whom and for when it answers.

use std::time::Duration;

use countermand::{
    clock::Instant,
    connect::{
        emulator::signer::Issuer,
        revocation::{NoList, fetch},
    },
    crypto::{
        revocation::{BadList, LONGEST, List, Lists, Reason, Standing, Unknown},
        signature::{FileKey, Signer},
        timestamp::Roots,
    },
};
use x509_cert::Certificate;

use super::DAY;
use crate::{
    fake_http::{Fake, answer},
    timestamps::openssl::done,
};

fn now() -> Instant {
    Instant::parse("2026-11-22T09:42:08Z").unwrap()
}

/// An authority with its chain for one key.
fn issued() -> (Issuer, Vec<Certificate>) {
    let mut issuer = Issuer::fresh(now(), Some("http://crl.example.com/signer.crl".into())).unwrap();
    let pem = issuer.issue(FileKey::fresh().unwrap().public_key().clone(), now(), 30 * DAY).unwrap();
    (issuer, Roots::certificates(&pem))
}

fn judged(list: &[u8], chain: &[Certificate], at: Instant) -> Standing {
    let mut lists = Lists::default();
    lists.add(List::read(list).unwrap(), &chain[1..]).unwrap();
    lists.judge(chain, at)
}

#[test]
fn a_list_answers_for_its_time_and_for_whom_it_names() {
    let (mut issuer, chain) = issued();
    let list = issuer.list(now()).unwrap();
    assert_eq!(judged(&list, &chain, now()), Standing::Good);
    // It is of an hour before, and the next one comes two days later.
    assert_eq!(judged(&list, &chain, now().minus(DAY)), Standing::Good, "what was revoked before would stand in it");
    assert!(matches!(judged(&list, &chain, now().plus(3 * DAY)), Standing::Unknown(Unknown::OtherTime(_))));
    // Of a certificate that has run out nobody says anything any more.
    let late = issuer.list(now().plus(40 * DAY)).unwrap();
    assert!(matches!(judged(&late, &chain, now()), Standing::Unknown(Unknown::OtherTime(_))));

    issuer.revoke(now().plus(DAY), Reason::Superseded, now()).unwrap();
    let list = issuer.list(now()).unwrap();
    let Standing::Later(later) = judged(&list, &chain, now()) else { panic!("revoked from tomorrow on") };
    assert_eq!((later.since, later.reason), (now().plus(DAY), Reason::Superseded));
    let Standing::Revoked(revoked) = judged(&list, &chain, now().plus(DAY)) else { panic!("revoked") };
    assert_eq!(revoked.serial, hex::encode(chain[0].tbs_certificate.serial_number.as_bytes()));
    let told = revoked.to_string();
    assert!(
        told.contains("DEMO Evidence Signer")
            && told.contains(&revoked.serial)
            && told.contains("2026-11-23T09:42:08")
            && told.contains("superseded")
    );
    let (_, other) = issued();
    let mut lists = Lists::default();
    assert!(matches!(lists.add(List::read(&list).unwrap(), &other[1..]), Err(BadList::Signature(_))), "an authority of the same name");
    assert!(matches!(lists.add(List::read(&list).unwrap(), &chain[..1]), Err(BadList::Stranger(_))), "the signer is no authority");
    assert!(matches!(lists.judge(&chain, now()), Standing::Unknown(Unknown::NoList(_))));
    assert!(matches!(lists.judge(&chain[1..], now()), Standing::Unknown(Unknown::Unnamed(_))), "a root that signs by itself");
}

#[test]
fn what_is_no_list_or_was_changed_is_refused() {
    let (mut issuer, chain) = issued();
    issuer.revoke(now(), Reason::KeyCompromise, now()).unwrap();
    let der = issuer.list(now()).unwrap();
    let pem = List::read(&der).unwrap().pem();
    assert_eq!(List::read(pem.as_bytes()).unwrap().der(), der);
    assert!(matches!(List::read(pem.repeat(2).as_bytes()), Err(BadList::Malformed(_))));
    assert_eq!(List::all(&pem.repeat(2)).unwrap().len(), 2);
    assert_eq!(List::read(&vec![0; LONGEST + 1]), Err(BadList::TooLong));
    assert!(matches!(List::read(b"<html>"), Err(BadList::Malformed(_))));
    assert!(matches!(List::read(pem.replace('M', "%").as_bytes()), Err(BadList::Malformed(_))));
    for at in 0..der.len() {
        let mut changed = der.clone();
        changed[at] ^= 1;
        let Ok(list) = List::read(&changed) else { continue };
        assert!(Lists::default().add(list, &chain[1..]).is_err(), "byte {at} may be changed");
    }
}

/// An authority of OpenSSL's with a database, whose `crl EXTENSIONS` writes `ca.crl`.
const AUTHORITY: &str = r#"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout ca.key -out ca.pem -days 900 -subj "/O=Example CA/CN=Example Root" \
  -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
openssl req -x509 -key ca.key -out mute.pem -days 900 -subj "/O=Example CA/CN=Example Root" -addext keyUsage=critical,keyCertSign 2>/dev/null
openssl req -newkey rsa:2048 -nodes -keyout signer.key -out signer.csr -subj /CN=Signer 2>/dev/null
openssl x509 -req -in signer.csr -CA ca.pem -CAkey ca.key -days 300 -out signer.pem \
  -extfile <(printf 'keyUsage=digitalSignature\ncrlDistributionPoints=URI:ldap://x/,URI:http://crl.example.com/1.crl') 2>/dev/null
: > index; echo 01 > number
cat > ca.cnf <<'CNF'
[ca]
default_ca = here
[here]
database = index
crlnumber = number
certificate = ca.pem
private_key = ca.key
default_md = sha384
default_crl_days = 7
[plain]
[one]
issuingDistributionPoint = critical,@one_point
[one_point]
fullname = URI:http://crl.example.com/1.crl
onlyuser = TRUE
[other]
issuingDistributionPoint = critical,@other_point
[other_point]
fullname = URI:http://crl.example.com/2.crl
[authorities]
issuingDistributionPoint = critical,@authorities_point
[authorities_point]
onlyCA = TRUE
[indirect]
issuingDistributionPoint = critical,@indirect_point
[indirect_point]
indirectCRL = TRUE
[delta]
2.5.29.27 = critical,DER:02:01:01
CNF
"#;

#[test]
fn openssl_makes_lists_that_are_read_as_they_are_meant() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    done(path, AUTHORITY);
    let list = |extensions: &str| {
        done(path, &format!("openssl ca -config ca.cnf -gencrl -crlexts {extensions} -out ca.crl 2>/dev/null"));
        List::read(&std::fs::read(path.join("ca.crl")).unwrap())
    };
    let pem = |name: &str| std::fs::read_to_string(path.join(name)).unwrap();
    let chain = Roots::certificates(&(pem("signer.pem") + &pem("ca.pem")));
    assert_eq!(countermand::crypto::revocation::points(&chain[0]), ["http://crl.example.com/1.crl"], "what is spoken");
    let at = Instant::parse(&list("plain").unwrap().facts().this_update).unwrap();
    let judged = |list: List| {
        let mut lists = Lists::default();
        lists.add(list, &chain[1..]).unwrap();
        lists.judge(&chain, at)
    };
    assert_eq!(judged(list("plain").unwrap()), Standing::Good);
    assert_eq!(judged(list("one").unwrap()), Standing::Good, "of this part of the certificates");
    for other in ["other", "authorities"] {
        assert!(matches!(judged(list(other).unwrap()), Standing::Unknown(Unknown::NoList(_))), "{other}: of other certificates");
    }
    assert_eq!(list("indirect"), Err(BadList::Scope));
    assert!(matches!(list("delta"), Err(BadList::Critical(_))));
    let mute = Roots::certificates(&pem("mute.pem"));
    assert!(matches!(list("plain").unwrap().issued_by(&mute[0]), Err(BadList::NotAnIssuer(_))));

    done(path, "openssl ca -config ca.cnf -revoke signer.pem -crl_compromise 20260101000000Z 2>/dev/null");
    let Standing::Revoked(revoked) = judged(list("plain").unwrap()) else { panic!("revoked") };
    assert_eq!(
        (revoked.since.to_rfc3339().as_str(), revoked.reason),
        ("2026-01-01T00:00:00.000000Z", Reason::KeyCompromise),
        "since the key was lost"
    );
}

#[actix_web::test]
async fn a_place_that_is_silent_gone_inside_the_house_or_endless_gives_no_list() {
    let patience = Duration::from_millis(500);
    let ask = async |answer: Vec<u8>| {
        let server = Fake::start(move |_| answer.clone());
        fetch(&format!("{}/a.crl", server.base_url), true, patience).await
    };
    assert_eq!(ask(answer("200 OK", "", "a list")).await, Ok(b"a list".to_vec()));
    assert_eq!(ask(answer("404 Not Found", "", "")).await, Err(NoList::Status(404)));
    let elsewhere = "location: http://127.0.0.1:1/b.crl\r\n";
    assert_eq!(ask(answer("302 Found", elsewhere, "")).await, Err(NoList::Status(302)), "nobody is sent elsewhere");
    assert_eq!(ask(answer("200 OK", "", &"x".repeat(LONGEST + 1))).await, Err(NoList::TooLong));
    assert_eq!(ask(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx".to_vec()).await, Err(NoList::Cut));
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a.crl", silent.local_addr().unwrap());
    assert_eq!(fetch(&url, true, patience).await, Err(NoList::Late));
    assert!(matches!(fetch(&url, false, patience).await, Err(NoList::Address(_))), "loopback is inside");
    drop(silent);
    assert!(matches!(fetch(&url, true, patience).await, Err(NoList::Unreachable(_))));
}
