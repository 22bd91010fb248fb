//! Error codes and the shape of an answer. Codes below 999000 are WeCom's own (platforms.md §1); those from 999000 on are invented here,
//! because nobody has documented what the real platform answers.

use serde_json::{Map, Value};

/// One kind of error: number and wording. The real wording changes at any time; clients decide on the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code(pub i64, pub &'static str);

/// Documented as "try again".
pub(super) const BUSY: Code = Code(-1, "system busy");
pub(super) const BAD_SECRET: Code = Code(40001, "invalid credential");
pub(super) const BAD_MSGTYPE: Code = Code(40008, "invalid message type");
pub(super) const BAD_CORP_ID: Code = Code(40013, "invalid corpid");
pub(super) const BAD_TOKEN: Code = Code(40014, "invalid access_token");
pub(super) const BAD_AGENT: Code = Code(40056, "invalid agentid");
pub(super) const BAD_TAG: Code = Code(40068, "invalid tagid");
pub(super) const NO_TOKEN: Code = Code(41001, "access_token missing");
pub(super) const NO_CORP_ID: Code = Code(41002, "corpid missing");
pub(super) const NO_SECRET: Code = Code(41004, "corpsecret missing");
pub(super) const NO_AGENT: Code = Code(41011, "agentid missing");
pub(super) const EXPIRED_TOKEN: Code = Code(42001, "access_token expired");
pub(super) const EMPTY_TEXT: Code = Code(44004, "text content is empty");
pub(super) const TOO_MANY_CALLS: Code = Code(45009, "api freq out of limit");
pub(super) const NO_PERMISSION: Code = Code(48002, "api forbidden for this secret");
pub(super) const NOBODY: Code = Code(81013, "user & party & tag all invalid");
pub(super) const TOO_MANY_USERS: Code = Code(82001, "too many users in one call");
pub(super) const TOO_MANY_PARTIES: Code = Code(82002, "too many parties in one call");
pub(super) const TOO_MANY_TAGS: Code = Code(82003, "too many tags in one call");
// From memory, not from a page that was read.
pub(super) const WANTS_GET: Code = Code(43001, "require GET method");
pub(super) const WANTS_POST: Code = Code(43002, "require POST method");
pub(super) const BAD_JSON: Code = Code(47001, "data format error");
pub(super) const NO_SUCH_PARTY: Code = Code(60003, "department not found");
pub(super) const NO_SUCH_USER: Code = Code(60111, "userid not found");
// Invented.
pub(super) const NO_SUCH_PATH: Code = Code(999_000, "no such api");
pub(super) const NO_SUCH_MESSAGE: Code = Code(999_001, "msgid unknown");
pub(super) const MESSAGE_TOO_OLD: Code = Code(999_002, "message older than 24 hours");
pub(super) const ALREADY_RECALLED: Code = Code(999_003, "message already recalled");

pub(super) const INVENTED: &str = "invented code: what the real platform answers here is not documented";
const FROM_MEMORY: &str = "code from memory, not from a documentation page";

impl Code {
    /// What is doubtful about this code, for the header `x-emulator-note`.
    pub fn note(self) -> Option<&'static str> {
        match self {
            WANTS_GET | WANTS_POST | BAD_JSON | NO_SUCH_PARTY | NO_SUCH_USER | TOO_MANY_USERS => Some(FROM_MEMORY),
            Self(999_000.., _) => Some(INVENTED),
            _ => None,
        }
    }
}

/// An answer of the API before it becomes JSON.
#[derive(Debug)]
pub(super) struct Reply {
    pub code: Code,
    pub fields: Map<String, Value>,
    /// Some member had the wrong JSON type and was read all the same.
    pub odd_types: bool,
    pub notes: Vec<&'static str>,
}

impl Reply {
    pub fn ok(fields: Value) -> Self {
        let fields = if let Value::Object(map) = fields { map } else { Map::new() };
        Self { code: Code(0, "ok"), fields, odd_types: false, notes: Vec::new() }
    }

    #[must_use]
    pub fn note(mut self, note: &'static str) -> Self {
        self.notes.push(note);
        self
    }

    /// The answer as the platform writes it. `hint` is a number that the platform's support would ask for.
    pub fn json(&self, hint: &str, ip: &str) -> Value {
        let Code(code, words) = self.code;
        let warning = if self.odd_types { "Warning: wrong json format. " } else { "" };
        let message = match code {
            0 if self.odd_types => format!("ok. {warning}"),
            0 => words.to_owned(),
            _ => format!("{warning}{words}, hint: [{hint}], from ip: {ip}, more info at https://open.work.weixin.qq.com/devtool/query?e={code}"),
        };
        let mut object = Map::new();
        object.insert("errcode".to_owned(), code.into());
        object.insert("errmsg".to_owned(), message.into());
        object.extend(self.fields.clone());
        Value::Object(object)
    }
}

impl From<Code> for Reply {
    fn from(code: Code) -> Self {
        Self { code, fields: Map::new(), odd_types: false, notes: code.note().into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_platforms_shape() {
        assert_eq!(Reply::ok(serde_json::json!({ "a": 1 })).json("1", "::1"), serde_json::json!({ "errcode": 0, "errmsg": "ok", "a": 1 }));
        let error = Reply::from(BAD_SECRET).json("16430094540001", "1.2.3.4");
        assert_eq!(
            error["errmsg"],
            "invalid credential, hint: [16430094540001], from ip: 1.2.3.4, more info at https://open.work.weixin.qq.com/devtool/query?e=40001"
        );
        let mut odd = Reply::ok(Value::Null);
        odd.odd_types = true;
        assert!(odd.json("", "")["errmsg"].as_str().unwrap().contains("Warning: wrong json format."));
        assert_eq!(NO_SUCH_MESSAGE.note(), Some(INVENTED));
        assert_eq!(BAD_SECRET.note(), None);
    }
}
