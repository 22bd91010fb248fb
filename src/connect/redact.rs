//! Takes secrets out of what is kept: by value where the value is known, by key where it is not (a token in the answer that grants it).

use std::borrow::Cow;

/// What stands in a secret's place.
const BLOT: &str = "***";
/// Query parameters and JSON members whose value is never kept.
const KEYS: [&str; 4] = ["access_token", "corpsecret", "refresh_token", "password"];

/// Replaces secrets in the texts of one call.
pub(super) struct Redactor<'a> {
    values: Vec<Cow<'a, str>>,
}

impl<'a> Redactor<'a> {
    /// `secrets` are the values in use; each is also looked for as it stands in a query and in JSON.
    pub fn new(secrets: impl Iterator<Item = &'a str>) -> Self {
        let mut values = Vec::new();
        for secret in secrets.filter(|s| !s.is_empty()) {
            let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            let json = serde_json::Value::from(secret).to_string();
            let json = json[1..json.len() - 1].to_owned();
            values.push(Cow::Borrowed(secret));
            values.extend([form, json].into_iter().filter(|v| v != secret).map(Cow::Owned));
        }
        // The longer first: a value within another must not leave the rest of it standing.
        values.sort_by_key(|v| std::cmp::Reverse(v.len()));
        Self { values }
    }

    /// A body or a message.
    pub fn text(&self, text: &str) -> String {
        let mut out = self.by_value(text);
        for key in KEYS {
            out = blot_member(&out, key);
        }
        out
    }

    /// A path with a query.
    pub fn query(&self, path: &str) -> String {
        let Some((path, query)) = path.split_once('?') else { return self.by_value(path) };
        let pairs: Vec<String> = query
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((key, _)) if KEYS.contains(&key) => format!("{key}={BLOT}"),
                _ => self.by_value(pair),
            })
            .collect();
        format!("{}?{}", self.by_value(path), pairs.join("&"))
    }

    fn by_value(&self, text: &str) -> String {
        self.values.iter().fold(text.to_owned(), |out, value| if out.contains(value.as_ref()) { out.replace(value.as_ref(), BLOT) } else { out })
    }
}

/// Blots the string behind `"key":`, also in a text that is not whole JSON.
fn blot_member(text: &str, key: &str) -> String {
    let name = format!("\"{key}\"");
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(&name) {
        let (before, after) = rest.split_at(at + name.len());
        out.push_str(before);
        rest = after;
        let value = after.trim_start();
        let Some(value) = value.strip_prefix(':') else { continue };
        let Some(value) = value.trim_start().strip_prefix('"') else { continue };
        let mut escaped = false;
        let end = value.find(|c| match c {
            _ if escaped => {
                escaped = false;
                false
            }
            '\\' => {
                escaped = true;
                false
            }
            c => c == '"',
        });
        out.push_str(&after[..after.len() - value.len()]);
        out.push_str(BLOT);
        rest = end.map_or("", |end| &value[end..]);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_by_value_and_by_key() {
        let r = Redactor::new(["s+/1\"x", "t0k9"].into_iter());
        assert_eq!(r.query("/cgi-bin/gettoken?corpid=ww1&corpsecret=anything"), "/cgi-bin/gettoken?corpid=ww1&corpsecret=***");
        assert_eq!(r.query("/a/t0k9?x=s%2B%2F1%22x"), "/a/***?x=***");
        assert_eq!(
            r.text(r#"{"errcode":0,"access_token" : "new\"one","expires_in":7200}"#),
            r#"{"errcode":0,"access_token" : "***","expires_in":7200}"#
        );
        assert_eq!(r.text(r#"echo s+/1\"x and t0k9"#), "echo *** and ***");
        assert_eq!(r.text(r#"{"access_token":"cut off"#), r#"{"access_token":"***"#);
        assert_eq!(r.text(r#"{"access_token":null,"access_token":"b"}"#), r#"{"access_token":null,"access_token":"***"}"#);
    }

    #[test]
    fn an_empty_secret_blots_nothing() {
        assert_eq!(Redactor::new([""].into_iter()).text("abc"), "abc");
    }
}
