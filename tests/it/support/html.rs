//! Rules that every rendered page keeps, checked on its text: nothing inline, one `h1`, unique ids, every control labelled,
//! times with an offset. A small scanner of tags, enough for pages that our own templates write.

use std::collections::{BTreeMap, BTreeSet};

/// One start tag.
#[derive(Debug, Clone)]
pub struct Tag {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    /// Byte offset in the page.
    pub at: usize,
}

impl Tag {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

/// All start tags in order. Panics on markup that our templates must not produce (a quote that never ends).
pub fn tags(page: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let bytes = page.as_bytes();
    let mut at = 0;
    while let Some(step) = page[at..].find('<') {
        let start = at + step;
        let name_end = page[start + 1..].find(|c: char| !c.is_ascii_alphanumeric()).map_or(page.len(), |n| start + 1 + n);
        let name = page[start + 1..name_end].to_ascii_lowercase();
        if name.is_empty() {
            at = start + 1;
            continue;
        }
        let mut attributes = BTreeMap::new();
        let mut i = name_end;
        while i < bytes.len() && bytes[i] != b'>' {
            if bytes[i].is_ascii_whitespace() || bytes[i] == b'/' {
                i += 1;
                continue;
            }
            let end = page[i..].find(|c: char| c.is_ascii_whitespace() || "=>/".contains(c)).map_or(page.len(), |n| i + n);
            let key = page[i..end].to_ascii_lowercase();
            i = end;
            let mut value = String::new();
            if bytes.get(i) == Some(&b'=') {
                assert_eq!(bytes.get(i + 1), Some(&b'"'), "unquoted attribute at byte {i}: {}", &page[start..end + 2]);
                let close = page[i + 2..].find('"').unwrap_or_else(|| panic!("a quote never ends: {}", &page[start..]));
                value = page[i + 2..i + 2 + close].to_owned();
                i += close + 3;
            }
            assert!(attributes.insert(key.clone(), value).is_none(), "attribute {key} twice in {}", &page[start..i]);
        }
        found.push(Tag { name, attributes, at: start });
        at = i;
    }
    found
}

/// All rules; returns what is wrong, one line each.
pub fn problems(page: &str) -> Vec<String> {
    let tags = tags(page);
    let mut wrong = Vec::new();
    let mut ids = BTreeSet::new();
    for tag in &tags {
        for name in tag.attributes.keys() {
            if name == "style" || name.starts_with("on") {
                wrong.push(format!("<{}> has {name}=", tag.name));
            }
        }
        if let Some(id) = tag.get("id")
            && (id.is_empty() || !ids.insert(id))
        {
            wrong.push(format!("id {id:?} twice or empty"));
        }
    }
    let labelled: BTreeSet<&str> = tags.iter().filter(|t| t.name == "label").filter_map(|t| t.get("for")).collect();
    for tag in &tags {
        match tag.name.as_str() {
            "script" if tag.get("src").is_none() => wrong.push("a script without src".to_owned()),
            "style" => wrong.push("a style element".to_owned()),
            "html" if tag.get("lang").is_none_or(str::is_empty) => wrong.push("html without lang".to_owned()),
            "time" if !has_offset(tag.get("datetime").unwrap_or_default()) => wrong.push(format!("time without offset: {:?}", tag.get("datetime"))),
            "input" | "select" | "textarea" => {
                let named = matches!(tag.get("type"), Some("hidden" | "submit"))
                    || tag.get("aria-label").is_some_and(|l| !l.is_empty())
                    || tag.get("id").is_some_and(|id| labelled.contains(id))
                    || inside(page, tag.at, "<label", "</label>");
                if !named {
                    wrong.push(format!("<{} name={:?}> has no label", tag.name, tag.get("name")));
                }
            }
            "form" if tag.get("method") == Some("post") => {
                let end = page[tag.at..].find("</form>").map_or(page.len(), |n| tag.at + n);
                if !page[tag.at..end].contains(r#"name="csrf""#) {
                    wrong.push(format!("form to {:?} without the token against forged posts", tag.get("action")));
                }
            }
            "button" if tag.get("type").is_none() => wrong.push("a button without type".to_owned()),
            "a" if tag.get("href").is_none_or(str::is_empty) => wrong.push("a link without href".to_owned()),
            "svg" if tag.get("aria-hidden").is_none() && tag.get("aria-label").is_none() => {
                wrong.push("a picture that is neither hidden nor named".to_owned())
            }
            _ => {}
        }
        for reference in ["aria-describedby", "aria-labelledby", "for"] {
            for id in tag.get(reference).unwrap_or_default().split_whitespace() {
                if !ids.contains(id) {
                    wrong.push(format!("{reference} names {id:?}, which does not exist"));
                }
            }
        }
        if let Some(id) = tag.get("href").and_then(|h| h.strip_prefix('#'))
            && !ids.contains(id)
        {
            wrong.push(format!("a link leads to #{id}, which does not exist"));
        }
    }
    let count = |name: &str| tags.iter().filter(|t| t.name == name).count();
    for name in ["html", "h1", "main", "title"] {
        if count(name) != 1 {
            wrong.push(format!("{} <{name}> instead of one", count(name)));
        }
    }
    wrong
}

/// Fails with all problems of a page.
#[track_caller]
pub fn assert_sound(page: &str) {
    let wrong = problems(page);
    assert!(wrong.is_empty(), "{}\n\n{page}", wrong.join("\n"));
}

fn has_offset(datetime: &str) -> bool {
    let Some((_, time)) = datetime.split_once('T') else { return false };
    time.ends_with('Z') || time.rfind(['+', '-']).is_some_and(|at| time.len() - at == 6)
}

fn inside(page: &str, at: usize, open: &str, close: &str) -> bool {
    let before = &page[..at];
    match (before.rfind(open), before.rfind(close)) {
        (Some(open), Some(close)) => open > close,
        (Some(_), None) => true,
        _ => false,
    }
}

#[test]
fn the_rules_can_fail() {
    let page = r##"<html><body style="x" onclick="y"><h1>a</h1><h1>b</h1><script>z</script><input name="n"><time datetime="2026-11-22T10:00:00">t</time>
        <p id="i"></p><p id="i"></p><a href="#gone">l</a><form method="post" action="/x"></form></body></html>"##;
    let wrong = problems(page).join("\n");
    for part in [
        "style=",
        "onclick=",
        "script without src",
        "html without lang",
        "has no label",
        "without offset",
        "id \"i\" twice",
        "#gone",
        "without the token",
        "2 <h1>",
        "0 <main>",
        "0 <title>",
    ] {
        assert!(wrong.contains(part), "{part} is missing in:\n{wrong}");
    }
}
