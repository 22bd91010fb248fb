//! A request's JSON body, read member by member, so that everything wrong with it is named at once: wrong types, missing and unknown members.

use serde_json::{Map, Value};

use crate::web::refusal::Wrong;

/// The members of an object, and what is wrong with them so far.
pub struct Fields {
    object: Map<String, Value>,
    /// `content.` inside an object.
    path: String,
    wrong: Vec<Wrong>,
}

impl Fields {
    /// Reads a body. Anything but a JSON object is one error at no field.
    pub fn of(body: &[u8]) -> Result<Self, Vec<Wrong>> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => {
                let mut wrong = Vec::new();
                broken(&object, "", &mut wrong);
                if wrong.is_empty() { Ok(Self { object, path: String::new(), wrong }) } else { Err(wrong) }
            }
            _ => Err(vec![Wrong::new("", "json")]),
        }
    }

    /// Reads a body that need not be there.
    pub fn or_none(body: &[u8]) -> Result<Self, Vec<Wrong>> {
        Self::of(if body.is_empty() { b"{}" } else { body })
    }

    /// Names a member of the wrong type; `wanted` is `text`, `list`, `object`, `flag` or `number`.
    pub fn complain(&mut self, name: &str, wanted: &str) {
        let mut wrong = Wrong::new(format!("{}{name}", self.path), "type");
        wrong.args.push(("wanted".to_owned(), wanted.to_owned()));
        self.wrong.push(wrong);
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.object.remove(name).filter(|v| !v.is_null())
    }

    /// A text, or nothing if it is absent: whether it must be there is the use case's to say.
    pub fn text(&mut self, name: &str) -> String {
        self.maybe_text(name).unwrap_or_default()
    }

    pub fn maybe_text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            _ => {
                self.complain(name, "text");
                None
            }
        }
    }

    /// True or false; absent is false.
    pub fn flag(&mut self, name: &str) -> bool {
        match self.take(name) {
            None => false,
            Some(Value::Bool(flag)) => flag,
            Some(_) => {
                self.complain(name, "flag");
                false
            }
        }
    }

    pub fn number(&mut self, name: &str) -> Option<i64> {
        let value = self.take(name)?;
        // JSON knows one kind of number: 3.0 is as whole as 3.
        let whole = |n: f64| (n.fract() == 0.0).then(|| format!("{n:.0}").parse().ok()).flatten();
        let number = value.as_i64().or_else(|| value.as_f64().and_then(whole));
        if number.is_none() {
            self.complain(name, "number");
        }
        number
    }

    /// A list of texts; absent is empty.
    pub fn texts(&mut self, name: &str) -> Vec<String> {
        let mut out = Vec::new();
        for (n, value) in self.list(name).into_iter().enumerate() {
            match value {
                Value::String(text) => out.push(text),
                _ => self.complain(&format!("{name}.{n}"), "text"),
            }
        }
        out
    }

    /// A list of anything; absent is empty.
    pub fn list(&mut self, name: &str) -> Vec<Value> {
        match self.take(name) {
            None => Vec::new(),
            Some(Value::Array(list)) => list,
            Some(_) => {
                self.complain(name, "list");
                Vec::new()
            }
        }
    }

    /// Anything at all.
    pub fn value(&mut self, name: &str) -> Option<Value> {
        self.take(name)
    }

    /// An object inside, read by `read`; absent is `None`.
    pub fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Fields) -> T) -> Option<T> {
        let value = self.take(name)?;
        self.inside(name, value, read)
    }

    /// `value` as an object called `name`, read by `read`.
    pub fn inside<T>(&mut self, name: &str, value: Value, read: impl FnOnce(&mut Fields) -> T) -> Option<T> {
        let Value::Object(object) = value else {
            self.complain(name, "object");
            return None;
        };
        let mut inner = Fields { object, path: format!("{}{name}.", self.path), wrong: Vec::new() };
        let read = read(&mut inner);
        if let Err(wrong) = inner.end() {
            self.wrong.extend(wrong);
        }
        Some(read)
    }

    /// Names an error at a member.
    pub fn refuse(&mut self, name: &str, kind: &str) {
        self.wrong.push(Wrong::new(format!("{}{name}", self.path), kind));
    }

    /// Everything that is wrong, members that nobody asked for included.
    pub fn end(self) -> Result<(), Vec<Wrong>> {
        let mut wrong = self.wrong;
        wrong.extend(self.object.keys().map(|name| Wrong::new(format!("{}{name}", self.path), "unknown")));
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

/// Names the texts that hold U+0000: no database keeps it, and nobody means it.
fn broken(object: &Map<String, Value>, path: &str, wrong: &mut Vec<Wrong>) {
    fn look(value: &Value, at: String, wrong: &mut Vec<Wrong>) {
        match value {
            Value::String(text) if text.contains('\0') => wrong.push(Wrong::new(at, "control")),
            Value::Array(list) => list.iter().enumerate().for_each(|(n, value)| look(value, format!("{at}.{n}"), wrong)),
            Value::Object(object) => broken(object, &format!("{at}."), wrong),
            _ => {}
        }
    }
    for (name, value) in object {
        look(value, format!("{path}{name}"), wrong);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_wrong_is_named_at_once() {
        let mut fields = Fields::of(br#"{"a":1,"b":["x",2],"c":{"d":[],"e":0},"f":"yes","g":null,"h":1.5}"#).unwrap();
        assert_eq!(fields.text("a"), "");
        assert_eq!(fields.texts("b"), ["x"]);
        fields.object("c", |c| c.text("d"));
        assert!(!fields.flag("f"));
        assert_eq!(fields.maybe_text("g"), None, "null is absent");
        assert_eq!(fields.number("h"), None);
        let wrong: Vec<(String, String)> = fields.end().unwrap_err().into_iter().map(|w| (w.field, w.kind)).collect();
        let expected = [("a", "type"), ("b.1", "type"), ("c.d", "type"), ("c.e", "unknown"), ("f", "type"), ("h", "type")];
        assert_eq!(wrong, expected.map(|(f, k)| (f.to_owned(), k.to_owned())));
        let wrong = Fields::of(br#"{"a":"\u0000","b":["x",{"c":"y\u0000"}],"d":1}"#).err().unwrap();
        assert_eq!(wrong.iter().map(|w| (w.field.as_str(), w.kind.as_str())).collect::<Vec<_>>(), [("a", "control"), ("b.1.c", "control")]);
        assert!(Fields::of(b"[]").is_err() && Fields::of(b"{").is_err() && Fields::of(b"\xff").is_err());
    }
}
