//! Keys that a token keeps to itself, on SoftHSM2: OpenSSL judges what they sign, and whatever is wrong with module, token, PIN or key is
//! said, never tried again at the token's cost, and never papered over by another key or by silence. Where SoftHSM2 is not installed the
//! stories say that they were skipped; `tests/run` installs it.

mod serving;
mod trouble;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use countermand::evidence::{
    certificate::P7S,
    zip::{self, Files, Limits},
};
use serde_json::Value;

use crate::{
    certificate::{AUTHORITY, certificate, openssl},
    recalls::stage::Stage,
    support::{db::TestDb, judged::done, log, process::Node},
};

const PIN: &str = "pin-7781-unlikely";
const SUBJECT: &str = "CN=Example Evidence,O=Example,C=CN";

/// SoftHSM2 with tokens of its own, and files for the story.
pub(super) struct Hsm {
    folder: tempfile::TempDir,
    library: PathBuf,
}

impl Hsm {
    /// `None`, and a line that says so, where it is not installed.
    pub(super) fn set() -> Option<Self> {
        let places = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"];
        let library = places.iter().map(PathBuf::from).find(|path| path.exists());
        let (Some(library), Ok(_)) = (library, Command::new("softhsm2-util").arg("--version").output()) else {
            eprintln!("skipped: SoftHSM2 is not installed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tokens")).unwrap();
        let told = format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", folder.path().join("tokens").display());
        std::fs::write(folder.path().join("softhsm2.conf"), told).unwrap();
        Some(Self { folder, library })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn at(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// For every process that loads it.
    pub(super) fn config(&self) -> (&'static str, PathBuf) {
        ("SOFTHSM2_CONF", self.path("softhsm2.conf"))
    }

    fn util(&self, arguments: &[&str]) {
        let (name, value) = self.config();
        let out = Command::new("softhsm2-util").args(arguments).env(name, value).output().unwrap();
        assert!(out.status.success(), "{arguments:?}: {}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    }

    pub(super) fn token(&self, label: &str) {
        self.util(&["--init-token", "--free", "--label", label, "--so-pin", "so-12345678", "--pin", PIN]);
    }

    /// Puts a key of OpenSSL's into the token `evidence`.
    pub(super) fn put(&self, openssl: &str, label: &str, id: &str) {
        done(self.folder(), &format!("openssl genpkey {openssl} -out {label}.pk8 2>/dev/null"));
        self.util(&["--import", &self.at(&format!("{label}.pk8")), "--token", "evidence", "--label", label, "--id", id, "--pin", PIN, "--force"]);
    }

    /// The module that stands in front, whose files are in `control`.
    pub(super) fn between(&self) -> PathBuf {
        let (source, control) = (concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/pkcs11/between.c"), self.path("control"));
        std::fs::create_dir(&control).unwrap();
        let define = [format!("-DCONTROL=\"{}\"", control.display()), format!("-DBEHIND=\"{}\"", self.library.display())];
        let out =
            Command::new("cc").args(["-shared", "-fPIC", "-w", "-o"]).arg(self.path("between.so")).args(define).arg(source).arg("-ldl").output();
        let out = out.unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        self.path("between.so")
    }

    /// Tells the module in front, or takes it back.
    pub(super) fn tell(&self, what: &str, on: bool) {
        let path = self.path("control").join(what);
        if on { std::fs::write(path, "").unwrap() } else { std::fs::remove_file(path).unwrap() }
    }

    /// How often somebody has logged in through the module in front.
    pub(super) fn logins(&self) -> usize {
        std::fs::read(self.path("control/logins")).map_or(0, |notes| notes.len())
    }
}

/// An installation whose settings name the token.
pub(super) struct Company<'h> {
    pub(super) hsm: &'h Hsm,
    pub(super) node: Node,
    pub(super) case: String,
    pub(super) stage: Stage,
}

impl<'h> Company<'h> {
    pub(super) async fn set(db: TestDb, hsm: &'h Hsm) -> Self {
        let stage = Stage::set_with(db, |_| {}, |_, _| {}).await;
        let cast = stage.cast().await;
        let case = stage.approved(&cast).await;
        stage.settle(4, 5).await;
        let node = Node { data: stage.app.store.data().to_owned(), database: stage.app.store.database().clone() };
        let company = Self { hsm, node, case, stage };
        company.write_pin(PIN);
        company.settings(&hsm.library, "evidence", "signing");
        company
    }

    pub(super) fn settings(&self, module: &Path, token: &str, key: &str) {
        let text = format!("[evidence.pkcs11]\nmodule = {:?}\ntoken = {token:?}\nkey = {key:?}\npin_file = \"pin\"\n", module.to_str().unwrap());
        std::fs::write(self.node.data.join("countermand.toml"), text).unwrap();
    }

    /// Anew each time, so that the file is another one.
    pub(super) fn write_pin(&self, pin: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.node.data.join("pin");
        let _ = std::fs::remove_file(&path);
        std::fs::write(&path, format!("{pin}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Exit code and all that was said; never the PIN.
    pub(super) fn run(&self, arguments: &[&str]) -> (i32, String) {
        let (name, value) = self.hsm.config();
        let out = self.node.command(arguments).env(name, value).output().unwrap();
        let told = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(!told.contains(PIN), "{told}");
        (out.status.code().unwrap_or_else(|| panic!("{arguments:?} was killed: {told}")), told)
    }

    pub(super) fn done(&self, arguments: &[&str]) -> String {
        let (code, told) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {told}");
        told
    }

    pub(super) fn shown(&self) -> Value {
        serde_json::from_str(self.run(&["evidence", "key", "show", "--json"]).1.lines().next().unwrap()).unwrap()
    }

    pub(super) fn request(&self, name: &str) {
        self.done(&["evidence", "key", "request", "--subject", SUBJECT, "--out", &self.hsm.at(name)]);
    }

    /// A certificate for the request, taken in.
    pub(super) fn certify(&self, request: &str, chain: &str) -> String {
        certificate(self.hsm.folder(), request, "digitalSignature,nonRepudiation", chain);
        self.done(&["evidence", "key", "import", &self.hsm.at(chain)])
    }

    /// What the command says, and the files of the bundle.
    pub(super) fn export(&self, name: &str) -> (String, Files) {
        let told = self.done(&["evidence", "export", "--case", &self.case, "--out", &self.hsm.at(name)]);
        (told, zip::read(&std::fs::read(self.hsm.path(name)).unwrap(), &Limits::default()).unwrap().1)
    }

    /// Exported, signed, and good by OpenSSL and by the installation.
    pub(super) fn signed(&self, name: &str, signer: &str) {
        let (_, files) = self.export(name);
        let (good, told) = openssl(&files);
        assert!(good && told.contains("CAdES Verification successful") && told.contains(signer), "{told}");
        self.verified(name);
    }

    pub(super) fn verified(&self, name: &str) {
        let data = self.node.data.to_str().unwrap();
        let out = Command::new(env!("CARGO_BIN_EXE_countermand")).args(["evidence", "verify", &self.hsm.at(name), "--data", data]).output().unwrap();
        assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stdout));
    }

    /// Exported, and it says on its face that the module did not sign.
    pub(super) fn unsigned(&self, name: &str) {
        let (told, files) = self.export(name);
        assert!(told.contains("without a signature by certificate: the module that holds the key does not sign"), "{told}");
        let text = |path: &str| String::from_utf8(files[path].clone()).unwrap();
        assert!(
            !files.contains_key(P7S) && text("bag-info.txt").contains("Certificate-Signature: none (key_unreachable)"),
            "{}",
            text("bag-info.txt")
        );
        assert!(text("data/VERIFY.zh-CN.md").contains("出具时系统未能使用存放在密码模块中的签名私钥"));
        self.verified(name);
    }
}

#[actix_web::test]
async fn a_key_in_a_token_is_made_certified_signs_and_is_replaced() {
    for db in TestDb::each() {
        let Some(hsm) = Hsm::set() else { return };
        hsm.token("evidence");
        hsm.token("other");
        done(hsm.folder(), AUTHORITY);
        let company = Company::set(db, &hsm).await;
        let kept = |name: &str| std::fs::read_to_string(company.node.data.join("keys").join(name)).unwrap();

        // Made in the token, never to leave it; asked for again, the same one.
        company.request("a.csr");
        done(hsm.folder(), "openssl req -in a.csr -noout -verify && openssl req -in a.csr -noout -pubkey > a.pub");
        assert!(kept("evidence.key.new").starts_with("pkcs11:token=evidence;serial=") && !kept("evidence.key.new").contains("KEY"));
        company.request("again.csr");
        done(hsm.folder(), "openssl req -in again.csr -noout -pubkey | cmp - a.pub");
        let dumped = done(
            hsm.folder(),
            "for f in tokens/*/*.object; do softhsm2-dump-file $f || true; done | grep -A2 'CKA_EXTRACTABLE\\|CKA_SENSITIVE' | tr -d '\\n'",
        );
        let never = |name: &str| dumped.split(name).nth(1).unwrap().split("CKA").next().unwrap().to_owned();
        assert!(never("CKA_EXTRACTABLE").contains("FALSE") && never("CKA_SENSITIVE").contains("TRUE"), "{dumped}");

        // A certificate of another key is none for this one.
        done(hsm.folder(), "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout x.key -out x.csr -subj /CN=Other 2>/dev/null");
        certificate(hsm.folder(), "x.csr", "digitalSignature", "x.pem");
        let (code, told) = company.run(&["evidence", "key", "import", &hsm.at("x.pem")]);
        assert!(code == 1 && told.contains("another key than the one that was requested"), "{told}");

        let told = company.certify("a.csr", "a.pem");
        assert!(told.contains("the key stays in its token"), "{told}");
        let shown = company.shown();
        assert!(shown["signs"] == true && shown["place"].as_str().unwrap().contains("object=signing;"), "{shown}");
        assert!(kept("evidence.pem").starts_with("pkcs11:token=evidence;") && !kept("evidence.pem").contains("PRIVATE KEY"));
        assert!(!company.node.data.join("keys/evidence.key.new").exists());
        company.signed("first.zip", "Example Evidence");

        // Another key of the token: the one before signs until the certificate is there.
        company.settings(&hsm.library, "evidence", "second");
        company.request("b.csr");
        assert!(company.shown()["place"].as_str().unwrap().contains("object=signing;") && company.shown()["requested"] == true);
        company.signed("meanwhile.zip", "Example Evidence");
        company.certify("b.csr", "b.pem");
        assert!(company.shown()["place"].as_str().unwrap().contains("object=second;"));
        company.signed("second.zip", "Example Evidence");

        // RSA, put there by others and named by its identifier; nobody asked for its certificate here.
        hsm.put("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "rsa", "0a0b");
        done(hsm.folder(), "openssl req -new -key rsa.pk8 -out rsa.csr -subj /CN=Rsa");
        company.settings(&hsm.library, "evidence", "0a0b");
        company.certify("rsa.csr", "rsa.pem");
        company.signed("rsa.zip", "Rsa");

        // SM2 stays in a file.
        company.done(&["evidence", "key", "request", "--sm2", "--subject", SUBJECT]);
        assert!(kept("evidence-sm2.key.new").contains("BEGIN PRIVATE KEY"));

        // To a file and back. Without the settings the key in the token signs nothing, and no other takes its place by itself.
        std::fs::write(company.node.data.join("countermand.toml"), "").unwrap();
        let (code, told) = company.run(&["evidence", "key", "show"]);
        assert!(code == 1 && told.contains("it lies in a module (pkcs11:token=evidence;") && told.contains("set evidence.pkcs11"), "{told}");
        company.unsigned("unset.zip");
        company.request("file.csr");
        company.certify("file.csr", "file.pem");
        assert_eq!(company.shown()["place"], "file");
        company.signed("file.zip", "Example Evidence");
        company.request("waits.csr");
        company.settings(&hsm.library, "evidence", "signing");
        company.request("c.csr");
        assert!(kept("evidence.key.new").starts_with("pkcs11:") && kept("evidence.key.new.~1~").contains("BEGIN PRIVATE KEY"), "nothing is lost");
        company.certify("c.csr", "c.pem");
        company.signed("back.zip", "Example Evidence");
        for name in ["first.zip", "meanwhile.zip", "second.zip", "rsa.zip", "unset.zip", "file.zip"] {
            company.verified(name);
        }

        let events = log::events_from(&company.stage.app.store, 0).await;
        let places = |action: &str, at: &str| {
            let of = events.iter().filter(|e| e["action"] == action && e["outcome"] == "success");
            of.map(|e| e["parts"]["detail"].pointer(at).and_then(Value::as_str).unwrap_or("?").split(";serial").next().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let token = "pkcs11:token=evidence";
        assert_eq!(places("evidence_key.requested", "/place"), [token, token, token, "file", "file", "file", token]);
        assert_eq!(places("evidence_certificate.imported", "/after/place"), [token, token, token, "file", token]);
        assert!(!serde_json::to_string(&events).unwrap().contains(PIN));
    }
}
