//! `timestamp.authorities`: what is read, and what is refused by name.

use countermand::config::Config;

fn load(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("countermand.toml"), text).unwrap();
    Config::load(folder.path(), std::iter::empty::<(String, String)>()).map_err(|e| e.to_string())
}

#[test]
fn several_authorities_are_read() {
    let text = "[[timestamp.authorities]]\nname = \"first\"\nurl = \"http://time.example.com/tsr\"\nroot = \"first.pem\"\n\
                [[timestamp.authorities]]\nname = \"second-2\"\nurl = \"https://tsa.example.org\"\nroot = \"/etc/tsa.pem\"\npolicy = \"1.2.3\"\n";
    let read = load(text).unwrap().timestamp.authorities;
    assert_eq!((read.len(), read[0].name.as_str(), read[1].policy.as_deref()), (2, "first", Some("1.2.3")));
    assert!(load("").unwrap().timestamp.authorities.is_empty());
}

#[test]
fn what_is_wrong_is_named() {
    let one = |name: &str, url: &str| format!("[[timestamp.authorities]]\nname = \"{name}\"\nurl = \"{url}\"\nroot = \"r.pem\"\n");
    for (text, words) in [
        (one("a", "http://a.example") + &one("a", "http://b.example"), "\"a\" stands there twice"),
        (one("", "http://a.example"), "is no name"),
        (one("../a", "http://a.example"), "is no name"),
        (one(&"a".repeat(33), "http://a.example"), "is no name"),
        (one("a", "ftp://a.example"), "\"a\" has no address"),
        (one("a", "a.example/tsr"), "\"a\" has no address"),
        (one("a", "http://a.example") + "digest = \"md5\"\n", "unknown field `digest`"),
        ("[timestamp]\nauthority = []\n".to_owned(), "unknown field `authority`"),
    ] {
        let refused = load(&text).unwrap_err();
        assert!(refused.contains(words), "{words}: {refused}");
    }
}
