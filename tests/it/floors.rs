//! The house: a floor imports only from floors below it. Reads every `crate::` path and every foreign crate name in `src`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What each floor may import (architecture, section 1). Anything not listed here fails.
const ARROWS: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("id", &[]),
    ("crypto", &["clock"]),
    ("i18n", &["clock", "domain"]),
    ("config", &[]),
    ("domain", &["clock", "id"]),
    ("ledger", &["clock", "id", "crypto"]),
    ("store", &["domain", "ledger", "clock", "id", "crypto", "config", "crash"]),
    ("connect", &["domain", "clock", "id", "crypto", "config"]),
    ("evidence", &["domain", "ledger", "crypto", "clock", "id", "i18n"]),
    ("app", &["domain", "ledger", "evidence", "store", "connect", "clock", "id", "crypto", "i18n", "config", "crash"]),
    ("jobs", &["app", "store", "domain", "clock", "id", "config"]),
    ("web", &["app", "domain", "i18n", "clock", "id", "crypto", "config"]),
    ("cli", &["app", "jobs", "web", "domain", "ledger", "evidence", "store", "connect", "clock", "id", "crypto", "i18n", "config"]),
    ("crash", &[]),
];

/// Foreign crates that only some floors may touch.
const FOREIGN: &[(&str, &[&str])] = &[
    ("diesel", &["store", "app", "jobs"]),
    ("rusqlite", &["store"]),
    ("actix_web", &["web", "connect", "cli"]),
    ("reqwest", &["connect", "cli"]),
    ("askama", &["web", "connect"]),
];

fn sources() -> Vec<(String, PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths
        .into_iter()
        .filter_map(|path| {
            let relative = path.strip_prefix(&root).unwrap();
            let floor = relative.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
            (floor != "lib" && floor != "main").then(|| {
                let text = fs::read_to_string(&path).unwrap();
                // Comments may speak of anything.
                let code = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
                (floor, path.clone(), code)
            })
        })
        .collect()
}

/// Floors named after `crate::`, in plain paths and in `use crate::{a::…, b}` groups.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if at > 0 && (code.as_bytes()[at - 1].is_ascii_alphanumeric() || code.as_bytes()[at - 1] == b'_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 && (c.is_ascii_alphanumeric() || c == '_') {
                    word.push(c);
                } else if depth == 0 && (c == ':' || c == ',') {
                    if !word.is_empty() {
                        found.insert(std::mem::take(&mut word));
                    }
                    if c == ':' {
                        // The rest of this path is inside the floor.
                        word.push('\0');
                    } else {
                        word.clear();
                    }
                }
            }
            found.insert(word);
        } else {
            found.insert(rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect());
        }
    }
    found.into_iter().filter(|w| !w.is_empty() && !w.starts_with('\0')).collect()
}

#[test]
fn no_floor_imports_from_above() {
    let arrows: BTreeMap<_, BTreeSet<_>> = ARROWS.iter().map(|(floor, below)| (*floor, below.iter().copied().collect())).collect();
    let mut wrong = Vec::new();
    for (floor, path, code) in sources() {
        let Some(allowed) = arrows.get(floor.as_str()) else {
            wrong.push(format!("{}: {floor} is no floor of the house", path.display()));
            continue;
        };
        for target in imports(&code) {
            if arrows.contains_key(target.as_str()) && target != floor && !allowed.contains(target.as_str()) {
                wrong.push(format!("{}: {floor} -> {target}", path.display()));
            }
        }
        for (foreign, floors) in FOREIGN {
            if !floors.contains(&floor.as_str()) && (code.contains(&format!("{foreign}::")) || code.contains(&format!("use {foreign}"))) {
                wrong.push(format!("{}: {floor} -> {foreign}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that the house does not have:\n{}", wrong.join("\n"));
}

#[test]
fn imports_are_found_in_paths_and_groups() {
    let code = "use crate::{app::{App, Caller}, web::page, clock::Instant}; let x = crate::store::Conn; my_crate::no();";
    assert_eq!(imports(code).into_iter().collect::<Vec<_>>(), ["app", "clock", "store", "web"]);
}

/// 500 lines is a stop: a file that needs more is two rooms.
#[test]
fn no_file_is_longer_than_a_room() {
    let long: Vec<_> =
        sources().into_iter().filter(|(_, path, _)| fs::read_to_string(path).unwrap().lines().count() > 500).map(|(_, p, _)| p).collect();
    assert!(long.is_empty(), "{long:?}");
}
