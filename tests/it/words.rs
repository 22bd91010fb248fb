//! Both languages say the same things: the same keys, the same variables, a word for everything that the code names, and Chinese that is
//! punctuated as Chinese.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use countermand::{
    app::retention::TableClass,
    domain::{
        account::{SessionState, UserState},
        catalogue,
        event::{Action, ActorKind, Outcome},
        kept::EventClass,
        outcome::RecipientOutcome,
        personal,
        platform::{HarmClass, Platform, RecallPath},
        privilege::Privilege,
        recall,
        role::{Permission, Role},
        windows,
    },
    i18n::{Lang, Tr, word_key},
};

/// Key -> the text of its message, over all files of a language.
fn messages(lang: &str) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for file in files(&format!("locales/{lang}"), &["ftl"]) {
        let mut key = String::new();
        for line in fs::read_to_string(&file).expect("a file").lines() {
            match line.split_once(" =") {
                Some((name, text)) if !line.starts_with([' ', '#', '}']) => {
                    key = name.to_owned();
                    assert!(all.insert(key.clone(), text.trim().to_owned()).is_none(), "{key} twice, the second time in {file}");
                }
                _ if line.starts_with([' ', '}']) => {
                    let text = all.get_mut(&key).expect("a continued line follows a message");
                    text.push('\n');
                    text.push_str(line);
                }
                _ => assert!(line.is_empty() || line.starts_with('#'), "{file}: {line}"),
            }
        }
    }
    all
}

/// Paths below `dir` with one of the endings, in order.
fn files(dir: &str, endings: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(dir)];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if endings.iter().any(|e| path.extension().is_some_and(|x| x == *e)) {
                found.push(path.display().to_string());
            }
        }
    }
    found.sort();
    found
}

fn variables(text: &str) -> BTreeSet<String> {
    text.split('$').skip(1).map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect()).collect()
}

#[test]
fn both_languages_have_the_same_keys_and_variables() {
    let (zh, en) = (messages("zh-CN"), messages("en"));
    let only = |a: &BTreeMap<String, String>, b: &BTreeMap<String, String>| a.keys().filter(|k| !b.contains_key(*k)).cloned().collect::<Vec<_>>();
    assert_eq!(only(&zh, &en), Vec::<String>::new(), "in Chinese only");
    assert_eq!(only(&en, &zh), Vec::<String>::new(), "in English only");
    for (key, text) in &zh {
        let (mut here, mut there) = (variables(text), variables(&en[key]));
        // Chinese has no plural: the number in digits alone will do.
        for set in [&mut here, &mut there] {
            if set.contains("n_text") {
                set.remove("n");
            }
        }
        assert_eq!(here, there, "variables of {key}");
    }
    let names = |lang: &str| files(&format!("locales/{lang}"), &["ftl"]).iter().map(|f| f.rsplit('/').next().map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(names("zh-CN"), names("en"), "one file a noun in both");
}

#[test]
fn everything_the_product_names_has_a_word() {
    let mut missing = Vec::new();
    let (zh, en) = (messages("zh-CN"), messages("en"));
    let mut all = |prefix: &str, words: Vec<&'static str>| {
        for word in words {
            let key = word_key(prefix, word);
            if !zh.contains_key(&key) || !en.contains_key(&key) {
                missing.push(key);
            }
        }
    };
    all("action", Action::ALL.iter().map(|w| w.as_str()).collect());
    all("subject", Action::ALL.iter().filter_map(|action| catalogue::shape(*action)).flat_map(|shape| shape.subjects).copied().collect());
    all("privilege", Privilege::ALL.iter().map(|w| w.as_str()).collect());
    all("role", Role::ALL.iter().map(|w| w.as_str()).collect());
    all("permission", Permission::ALL.iter().map(|w| w.as_str()).collect());
    all("outcome", Outcome::ALL.iter().map(|w| w.as_str()).collect());
    all("actor-kind", ActorKind::ALL.iter().map(|w| w.as_str()).collect());
    all("recipient-outcome", RecipientOutcome::ALL.iter().map(|w| w.as_str()).collect());
    all("platform", Platform::ALL.iter().map(|w| w.as_str()).collect());
    all("channel", windows::Channel::ALL.iter().map(|w| w.as_str()).collect());
    all("ruling", windows::Ruling::ALL.iter().map(|w| w.as_str()).collect());
    for prefix in ["grade", "grade-means"] {
        all(prefix, windows::Grade::ALL.iter().map(|w| w.as_str()).collect());
    }
    for end in ["who", "what", "after"] {
        for window in &windows::WINDOWS {
            all("catalogue-row", vec![&*format!("{}-{end}", window.id).leak()]);
        }
    }
    all("harm-class", HarmClass::ALL.iter().map(|w| w.as_str()).collect());
    all("recall-path", RecallPath::ALL.iter().map(|w| w.as_str()).collect());
    all("recall-state", recall::State::ALL.iter().map(|w| w.as_str()).collect());
    all("recall-mode", recall::Mode::ALL.iter().map(|w| w.as_str()).collect());
    all("recall-verb", recall::Verb::ALL.iter().map(|w| w.as_str()).collect());
    all("refusal", recall::Guard::ALL.iter().map(|w| w.as_str()).collect());
    all("user-state", UserState::ALL.iter().map(|w| w.as_str()).collect());
    all("timestamp-refusal", [&countermand::crypto::timestamp::Refusal::WORDS[..], &["unreachable", "settings", "revoked"]].concat());
    all("certificate-module", countermand::crypto::signature::pkcs11::ModuleError::WORDS.to_vec());
    all("certificate-unsigned", countermand::evidence::certificate::Uncertified::ALL.iter().map(|w| w.as_str()).collect());
    for prefix in ["kept-class", "kept-class-about"] {
        all(prefix, EventClass::ALL.iter().map(|w| w.as_str()).collect());
    }
    for prefix in ["retention-rows", "retention-rows-long", "retention-rows-why"] {
        all(prefix, TableClass::ALL.iter().map(|w| w.as_str()).collect());
    }
    all("personal", personal::Kind::ALL.iter().map(|w| w.as_str()).collect());
    all("personal-basis", personal::Basis::ALL.iter().map(|w| w.as_str()).collect());
    all("personal-erasure", personal::Erasure::ALL.iter().map(|w| w.as_str()).collect());
    all("session-state", SessionState::ALL.iter().map(|w| w.as_str()).collect());
    assert_eq!(missing, Vec::<String>::new());
}

/// `FieldError::new("field", "kind")`, `invalid("field", "kind")` and `refused("kind")` of the use cases.
#[test]
fn every_refusal_of_a_use_case_can_be_explained() {
    let words = messages("zh-CN");
    let mut missing = Vec::new();
    let mut seen = 0;
    for file in files("src/app", &["rs"]) {
        let text = fs::read_to_string(&file).expect("a file");
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (call, nth, prefix) in
            [("FieldError::new(", 1, "error"), ("::invalid(", 1, "error"), ("::refused(", 0, "refusal"), ("Refused { kind:", 0, "refusal")]
        {
            for rest in text.split(call).skip(1) {
                let end = rest.find([')', '}', ';']).unwrap_or(rest.len());
                let literals: Vec<&str> = rest[..end].split('"').skip(1).step_by(2).collect();
                let Some(kind) = literals.get(nth).filter(|_| rest.trim_start().starts_with('"')) else { continue };
                seen += 1;
                let general = format!("{prefix}-{kind}");
                if !words.contains_key(&general) && !words.keys().any(|k| k.starts_with("error-") && k.ends_with(&format!("-{kind}"))) {
                    missing.push(format!("{file}: {general}"));
                }
            }
        }
    }
    assert!(seen > 10, "the scan found {seen} refusals: it is blind");
    assert_eq!(missing, Vec::<String>::new());
}

/// Keys written down as `t("key")`, `a1("key", …)`, `n("key", …)`, `because("key")` and so on.
fn keys_in(text: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for call in [".t(\"", ".a(\"", ".a1(\"", ".a2(\"", ".n(\"", ".n_with(\"", ".maybe(\"", ".because(\""] {
        for rest in text.split(call).skip(1) {
            keys.extend(rest.split_once('"').map(|(key, _)| key.to_owned()));
        }
    }
    keys
}

#[test]
fn every_key_that_is_written_down_has_words() {
    let words = messages("zh-CN");
    let mut missing = Vec::new();
    let mut seen = 0;
    for file in [files("templates", &["html", "txt"]), files("src", &["rs"])].concat() {
        let text = fs::read_to_string(&file).expect("a file");
        // Tests ask for keys that do not exist, and comments for any.
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code: String = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        for key in keys_in(&code) {
            seen += 1;
            if !words.contains_key(&key) {
                missing.push(format!("{file}: {key}"));
            }
        }
    }
    assert!(seen > 20, "the scan found {seen} keys: it is blind");
    assert_eq!(missing, Vec::<String>::new());
}

/// `form::text(state, "reason", …)` without a label of its own: some `field-…` must name the field.
#[test]
fn every_field_has_a_label() {
    let words = messages("zh-CN");
    let mut missing = Vec::new();
    for file in files("templates", &["html"]).into_iter().filter(|f| !f.contains("/templates/ui/")) {
        let text = fs::read_to_string(&file).expect("a file");
        for call in ["text", "textarea", "select", "radios", "checks", "checkbox", "file", "password", "otp"] {
            for rest in text.split(&format!("form::{call}(")).skip(1) {
                let call = &rest[..rest.find("}}").unwrap_or(rest.len())];
                let mut literals = call.split('"');
                let Some(name) = literals.nth(1).filter(|_| !call.contains("label=")) else { continue };
                let end = format!("-{}", name.replace('_', "-"));
                if !words.keys().any(|k| k.starts_with("field-") && k.ends_with(&end)) {
                    missing.push(format!("{file}: {name}"));
                }
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

/// An ASCII comma, colon, semicolon, bracket or question mark right after a Chinese character, and a middle dot anywhere.
fn misprints(text: &str) -> Vec<String> {
    let han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    for (i, pair) in chars.windows(2).enumerate() {
        if (han(pair[0]) && matches!(pair[1], ',' | ':' | ';' | '(' | ')' | '?' | '!')) || matches!(pair[1], '·' | '・') {
            found.push(chars[i.saturating_sub(8)..(i + 10).min(chars.len())].iter().collect());
        }
    }
    found
}

#[test]
fn chinese_is_punctuated_as_chinese() {
    assert_eq!(misprints("好,坏").len() + misprints("甲 · 乙").len() + misprints("好，a, b").len(), 2, "the lint can fail");
    let mut wrong = Vec::new();
    for (key, text) in messages("zh-CN") {
        wrong.extend(misprints(&text).into_iter().map(|m| format!("{key}: {m}")));
    }
    for file in files("templates", &["html", "txt"]) {
        wrong.extend(misprints(&fs::read_to_string(&file).expect("a file")).into_iter().map(|m| format!("{file}: {m}")));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn english_holds_no_chinese_but_the_names() {
    for (key, text) in messages("en") {
        let chinese = text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        assert!(!chinese || matches!(key.as_str(), "product-name" | "other-language"), "{key}: {text}");
    }
}

#[test]
fn every_message_without_variables_can_be_said() {
    for (lang, name) in [(Lang::ZhCn, "zh-CN"), (Lang::En, "en")] {
        let tr = Tr::new(lang);
        for (key, text) in messages(name).into_iter().filter(|(_, text)| variables(text).is_empty()) {
            assert!(tr.has(&key), "{name} {key}: {text}");
            assert!(!tr.t(&key).contains(['\u{2068}', '\u{2069}']), "isolation marks in {key}");
        }
    }
}

/// What the guides print in bold is on the screen, letter by letter, and their Chinese is punctuated like the console's.
#[test]
fn the_guides_name_what_the_console_shows() {
    for lang in ["zh-CN", "en"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/guide.{lang}.md"));
        let text = fs::read_to_string(path).expect("a guide");
        let labels: BTreeSet<String> = messages(lang).into_values().map(|label| label.to_lowercase()).collect();
        let bold: Vec<&str> = text.split("**").skip(1).step_by(2).collect();
        let strange: Vec<_> = bold.iter().filter(|b| !labels.contains(&b.trim_end_matches(['。', '.']).to_lowercase())).collect();
        assert!(bold.len() > 15 && strange.is_empty(), "{lang}: {strange:?}");
    }
    let chinese = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide.zh-CN.md")).expect("a guide");
    assert_eq!(misprints(&chinese), Vec::<String>::new());
}

/// Each guide shows the same pages in its own language, says what is on each picture, and no picture lies there that nobody looks at.
#[test]
fn the_guides_show_the_console_in_their_own_language() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let named = |lang: &str| -> Vec<String> {
        let text = fs::read_to_string(docs.join(format!("guide.{lang}.md"))).expect("a guide");
        let pictures = text.lines().filter_map(|line| line.strip_prefix("![")?.strip_suffix(&format!(".{lang}.png)")));
        pictures.filter_map(|line| line.split_once("](pictures/")).filter(|(says, _)| says.len() > 20).map(|(_, name)| name.to_owned()).collect()
    };
    let (chinese, english) = (named("zh-CN"), named("en"));
    assert_eq!(chinese, english);
    assert!(chinese.len() > 8, "{chinese:?}");
    let there: BTreeSet<String> = fs::read_dir(docs.join("pictures"))
        .expect("a directory")
        .map(|file| file.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    let expected: BTreeSet<String> = chinese.iter().flat_map(|name| ["zh-CN", "en"].map(|lang| format!("{name}.{lang}.png"))).collect();
    assert_eq!(there, expected);
}
