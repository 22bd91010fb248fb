//! Everything that can be wrong with module, token, PIN or key: each is named, nothing is signed, and bundles say so.

use std::os::unix::fs::PermissionsExt;

use super::{Company, Hsm, PIN, SUBJECT};
use crate::{
    certificate::AUTHORITY,
    support::{db::TestDb, judged::done},
};

const REQUEST: [&str; 5] = ["evidence", "key", "request", "--subject", SUBJECT];

#[actix_web::test]
async fn what_is_wrong_is_named() {
    let Some(hsm) = Hsm::set() else { return };
    for label in ["evidence", "twice", "twice"] {
        hsm.token(label);
    }
    done(hsm.folder(), AUTHORITY);
    let company = Company::set(TestDb::one(), &hsm).await;
    let library = hsm.library.clone();
    company.request("a.csr");
    company.certify("a.csr", "a.pem");
    company.signed("good.zip", "Example Evidence");
    // What both say: who asks for a certificate, and who looks whether bundles are signed.
    let told = |words: &[&str]| {
        for arguments in [&REQUEST[..], &["evidence", "key", "show"]] {
            let (code, said) = company.run(arguments);
            assert!(code != 0 && words.iter().any(|words| said.contains(words)), "{arguments:?}: {said}");
        }
        company.unsigned("unsigned.zip");
    };

    company.settings(&hsm.path("none.so"), "evidence", "signing");
    told(&["evidence.pkcs11.module: "]);
    std::fs::write(hsm.path("text.so"), "no module").unwrap();
    company.settings(&hsm.path("text.so"), "evidence", "signing");
    told(&["text.so cannot be loaded: "]);
    company.settings(&library, "nobody", "signing");
    told(&["evidence.pkcs11.token: the module has no token \"nobody\"; it has \"evidence\" ("]);
    company.settings(&library, "twice", "signing");
    told(&["more than one token is called \"twice\"; name one by its serial number: \"twice\" ("]);
    // Another token has not got the key, whatever is made there.
    let serials = company.run(&["evidence", "key", "show"]).1;
    let serial = serials.split("\"twice\" (").nth(1).unwrap().split(')').next().unwrap();
    company.settings(&library, serial, "signing");
    let (code, said) = company.run(&["evidence", "key", "show"]);
    assert!(code == 1 && said.contains("the token \"twice\" has no private key \"signing\""), "{said}");
    company.unsigned("unsigned.zip");

    // Keys that do not sign evidence, and two of one name.
    for (kind, label, id, words) in [
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "p384", "01", "the key is of another curve than P-256"),
        ("-algorithm ED25519", "ed25519", "02", "only P-256, and RSA with 2048 bits or more"),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:1024", "short", "03", "the key is of RSA with 1024 bits"),
    ] {
        hsm.put(kind, label, id);
        company.settings(&library, "evidence", label);
        let (code, said) = company.run(&REQUEST);
        assert!(code == 2 && said.contains(words), "{said}");
    }
    hsm.put("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "p384", "04");
    company.settings(&library, "evidence", "p384");
    assert!(company.run(&REQUEST).1.contains("has more than one private key \"p384\"; name one by its CKA_ID"));

    // The PIN's file.
    company.settings(&library, "evidence", "signing");
    let pin = company.node.data.join("pin");
    std::fs::set_permissions(&pin, std::fs::Permissions::from_mode(0o640)).unwrap();
    told(&["can be read by others: chmod 600"]);
    std::fs::remove_file(&pin).unwrap();
    told(&["evidence.pkcs11.pin_file: "]);
    company.write_pin("");
    told(&["/pin: is empty"]);
    company.write_pin(PIN);
    company.signed("again.zip", "Example Evidence");

    // The key in the token is another one than that of the certificate: same identifier, other key.
    let id = company.shown()["place"].as_str().unwrap().split("id=").nth(1).unwrap().split(';').next().unwrap().to_owned();
    done(hsm.folder(), "mkdir away && mv tokens/* away");
    hsm.token("evidence");
    hsm.put("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "signing", &percent(&id));
    let (code, said) = company.run(&["evidence", "key", "show"]);
    assert!(code == 1 && said.contains("the key in the token is not that of the certificate"), "{said}");
    company.unsigned("unsigned.zip");
    done(hsm.folder(), "rm -r tokens/* && mv away/* tokens");
    company.signed("last.zip", "Example Evidence");
}

/// The bytes behind `%0A…` in hex.
fn percent(text: &str) -> String {
    let mut rest = text;
    let mut hex = String::new();
    while let Some(first) = rest.chars().next() {
        if first == '%' {
            hex.push_str(&rest[1..3]);
            rest = &rest[3..];
        } else {
            hex.push_str(&hex::encode([first as u8]));
            rest = &rest[1..];
        }
    }
    hex
}

#[actix_web::test]
async fn a_wrong_pin_is_tried_once_and_a_locked_one_never() {
    let Some(hsm) = Hsm::set() else { return };
    hsm.token("evidence");
    done(hsm.folder(), AUTHORITY);
    let company = Company::set(TestDb::one(), &hsm).await;
    company.settings(&hsm.between(), "evidence", "signing");
    company.request("a.csr");
    company.certify("a.csr", "a.pem");
    company.signed("good.zip", "Example Evidence");

    // Whichever command comes: the token was asked once.
    company.write_pin("wrong-pin");
    let before = hsm.logins();
    for _ in 0..2 {
        for arguments in [&REQUEST[..], &["evidence", "key", "show"], &["evidence", "key", "import", &hsm.at("a.pem")]] {
            let (code, said) = company.run(arguments);
            assert!(
                code != 0 && said.contains("the token refused the PIN of ") && said.contains("not tried again") && !said.contains("wrong-pin"),
                "{said}"
            );
        }
        company.unsigned("unsigned.zip");
    }
    assert_eq!(hsm.logins(), before + 1);
    // Another wrong one is another try; the right one is taken at once.
    company.write_pin("wrong-again");
    company.unsigned("unsigned.zip");
    company.unsigned("unsigned.zip");
    assert_eq!(hsm.logins(), before + 2);
    company.write_pin(PIN);
    company.signed("right.zip", "Example Evidence");

    // Locked by what the token says of itself, about to be, or by its answer.
    for (what, words, tries) in
        [("locked", "has locked its PIN", 0), ("final", "locks its PIN if the next one is wrong", 0), ("locks", "has locked its PIN", 1)]
    {
        hsm.tell(what, true);
        let before = hsm.logins();
        for _ in 0..2 {
            let (code, said) = company.run(&["evidence", "key", "show"]);
            assert!(code == 1 && (said.contains(words) || (tries == 1 && said.contains("not tried again"))), "{what}: {said}");
        }
        company.unsigned("unsigned.zip");
        assert_eq!(hsm.logins(), before + tries, "{what}");
        hsm.tell(what, false);
    }
    company.write_pin(PIN);
    company.signed("last.zip", "Example Evidence");
    // The token looks good and then does not sign: the bundle says so all the same.
    hsm.tell("unsigned", true);
    company.unsigned("unsigned.zip");
    let (code, said) = company.run(&REQUEST);
    assert!(code == 2 && said.contains("the module refuses C_SignInit: DeviceError"), "{said}");
    hsm.tell("unsigned", false);
    // One that knows RSA without the hash alone.
    hsm.put("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "rsa", "0a0b");
    done(hsm.folder(), "openssl req -new -key rsa.pk8 -out rsa.csr -subj /CN=Rsa");
    hsm.tell("raw", true);
    company.settings(&hsm.path("between.so"), "evidence", "rsa");
    company.certify("rsa.csr", "rsa.pem");
    company.signed("rsa.zip", "Rsa");
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let load = |text: &str, variables: &[(&str, &str)]| {
        std::fs::write(folder.path().join("countermand.toml"), text).unwrap();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        countermand::config::Config::load(folder.path(), variables).map(|config| config.evidence.pkcs11).map_err(|e| e.to_string())
    };
    let all = |module: &str, token: &str| format!("module = \"{module}\", token = \"{token}\", key = \"k\", pin_file = \"pin\"");
    let file = |inside: &str| format!("[evidence]\npkcs11 = {{ {inside} }}\n");
    assert!(load(&file(&all("/m.so", "t")), &[]).unwrap().is_some());
    assert!(load(&file(&all("m.so", "t")), &[]).unwrap_err().contains("evidence.pkcs11.module must be an absolute path"));
    assert!(load(&file(&all("/m.so", " ")), &[]).unwrap_err().contains("evidence.pkcs11.token must not be empty"));
    assert!(load(&file("module = \"/m.so\""), &[]).unwrap_err().contains("token"));
    assert!(load(&file(&(all("/m.so", "t") + ", pin = \"1\"")), &[]).unwrap_err().contains("pin"), "no PIN in the settings");
    let whole = format!("{{ {} }}", all("/m.so", "t"));
    assert!(load("", &[("COUNTERMAND_EVIDENCE_PKCS11", &whole)]).unwrap().is_some());
    assert!(load("", &[("COUNTERMAND_EVIDENCE_PKCS11", "yes")]).unwrap_err().contains("must be a TOML table"));
    assert!(load("", &[("COUNTERMAND_EVIDENCE_PKCS11_TOKEN", "t")]).unwrap_err().contains("is set as a whole"));
}
