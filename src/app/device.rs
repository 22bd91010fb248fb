//! Which device a request came from: a signed cookie, headers and nine plain traits. A hint, never a proof: nothing is refused because of
//! it, but it is recorded, and known devices are treated better at sign-in.

use serde_json::{Map, Value, json};

use super::{App, Device};
use crate::{
    crypto,
    store::{Conn, StoreError, sessions},
};

/// The nine traits that `device.js` sends (reference/ui.md, section 4); anything else is dropped.
const TRAITS: [&str; 9] = ["platform", "platform_version", "mobile", "languages", "timezone", "screen", "colour_depth", "touch_points", "pdf_viewer"];

/// What a request shows of its device before anybody knows whose it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// From the cookie if its signature holds, else fresh.
    pub device_id: String,
    /// Whether the cookie was there and genuine.
    pub genuine: bool,
    pub user_agent: String,
    pub accept_language: String,
    pub sec_ch_ua: String,
}

/// Reads the cookie's value, or makes a new device.
pub fn read(app: &App, cookie: Option<&str>) -> Shown {
    let known = cookie.and_then(|c| {
        let (id, mac) = c.split_once('.')?;
        let fits = id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        (fits && crypto::same(mac.as_bytes(), mac_of(app, id).as_bytes())).then(|| id.to_owned())
    });
    Shown { genuine: known.is_some(), device_id: known.unwrap_or_else(|| hex::encode(crypto::random::<16>())), ..Shown::default() }
}

/// The cookie's value for a device.
pub fn cookie(app: &App, device_id: &str) -> String {
    format!("{device_id}.{}", mac_of(app, device_id))
}

fn mac_of(app: &App, device_id: &str) -> String {
    let mac = crypto::hmac_sha256(app.store.keys().device_key().as_bytes(), format!("cookie/{device_id}").as_bytes());
    hex::encode(&mac[..16])
}

/// The device of a request, with the traits that were posted, if any. `state` is what can be said without knowing the person:
/// `absent` without traits, `new` without a genuine cookie, else `known`.
pub fn describe(app: &App, shown: &Shown, posted: Option<&Value>) -> Device {
    let traits = posted.map(clean).filter(|t| !t.is_empty());
    let fingerprint = traits.as_ref().map(|t| fingerprint(app, t)).unwrap_or_default();
    let mut components = json!({ "user_agent": shown.user_agent, "accept_language": shown.accept_language, "sec_ch_ua": shown.sec_ch_ua });
    for (name, value) in traits.unwrap_or_default() {
        components[name] = value;
    }
    let state = match (fingerprint.is_empty(), shown.genuine) {
        (true, _) => "absent",
        (false, false) => "new",
        (false, true) => "known",
    };
    Device { device_id: shown.device_id.clone(), state: state.to_owned(), fingerprint, components }
}

/// HMAC over the canonical traits: sorted keys, integers and strings only, hence RFC 8785 as it stands.
fn fingerprint(app: &App, traits: &Map<String, Value>) -> String {
    let text = Value::Object(traits.clone()).to_string();
    hex::encode(crypto::hmac_sha256(app.store.keys().device_key().as_bytes(), format!("traits/{text}").as_bytes()))
}

/// The nine traits, with short texts and whole numbers only: this comes from a browser that may lie.
fn clean(posted: &Value) -> Map<String, Value> {
    let short = |text: &str| text.chars().filter(|c| !c.is_control()).take(64).collect::<String>();
    let mut traits = Map::new();
    for name in TRAITS {
        let value = match posted.get(name) {
            Some(Value::String(text)) => Value::String(short(text)),
            Some(Value::Bool(b)) => Value::Bool(*b),
            Some(Value::Number(n)) if n.as_i64().is_some_and(|n| n.unsigned_abs() < 1 << 53) => Value::Number(n.clone()),
            Some(Value::Array(items)) => Value::Array(items.iter().filter_map(Value::as_str).take(2).map(|t| Value::String(short(t))).collect()),
            _ => continue,
        };
        traits.insert(name.to_owned(), value);
    }
    traits
}

/// Says what the device is to this person: `known`, `new`, `changed` (other traits than last time) or `absent` (no traits sent).
pub(super) fn judge(conn: &mut Conn, device: &mut Device, user_id: &str) -> Result<(), StoreError> {
    let before = sessions::device_find(conn, &device.device_id, user_id)?;
    device.state = match (&before, device.fingerprint.is_empty()) {
        (_, true) => "absent",
        (None, false) => "new",
        (Some(row), false) if row.fingerprint.as_ref().is_none_or(|f| *f == device.fingerprint) => "known",
        (Some(_), false) => "changed",
    }
    .to_owned();
    Ok(())
}

/// Says what the device is to a running session, from what the session remembers; for requests after sign-in.
pub fn judge_session(device: &mut Device, session_device: Option<&str>, session_fingerprint: Option<&str>) {
    let same_cookie = session_device == Some(device.device_id.as_str());
    if device.fingerprint.is_empty() {
        // No traits with this request: those of the sign-in stand for it, as far as the cookie is the same.
        if same_cookie && let Some(fingerprint) = session_fingerprint {
            fingerprint.clone_into(&mut device.fingerprint);
            device.state = "known".to_owned();
        } else {
            device.state = if same_cookie { "absent" } else { "changed" }.to_owned();
        }
        return;
    }
    let same_traits = session_fingerprint.is_none_or(|f| f == device.fingerprint);
    device.state = if same_cookie && same_traits { "known" } else { "changed" }.to_owned();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traits_from_a_lying_browser_are_cut_to_size() {
        let posted = json!({
            "platform": "Linux\u{0}", "platform_version": "x".repeat(500), "mobile": false, "languages": ["zh-CN", 7, "en", "fr"],
            "timezone": { "a": 1 }, "touch_points": 1e300, "colour_depth": 24, "canvas": "tracking",
        });
        let traits = clean(&posted);
        assert_eq!(traits["platform"], "Linux");
        assert_eq!(traits["platform_version"].as_str().map(str::len), Some(64));
        assert_eq!(traits["languages"], json!(["zh-CN", "en"]));
        assert_eq!(traits["colour_depth"], 24);
        for dropped in ["timezone", "touch_points", "canvas", "screen"] {
            assert!(!traits.contains_key(dropped), "{dropped}");
        }
    }

    #[test]
    fn a_session_that_moves_to_another_device_is_told() {
        let device = |fingerprint: &str| Device { device_id: "d1".into(), fingerprint: fingerprint.into(), ..Device::default() };
        for (mut device, session, fingerprint, state) in [
            (device(""), Some("d1"), Some("f1"), "known"),
            (device(""), Some("d1"), None, "absent"),
            (device(""), Some("d2"), Some("f1"), "changed"),
            (device("f1"), Some("d1"), Some("f1"), "known"),
            (device("f2"), Some("d1"), Some("f1"), "changed"),
            (device("f1"), Some("d1"), None, "known"),
        ] {
            judge_session(&mut device, session, fingerprint);
            assert_eq!(device.state, state, "{device:?}");
        }
    }
}
