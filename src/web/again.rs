//! What a person typed, kept when the store could not take it: the page that says so carries it, and sends it again.
//! Not here: forms that are shown again because something in them has to be mended (`form`).

use super::{
    form::{FormState, is_secret},
    posted::Posted,
};
use crate::i18n::Tr;

/// A post as it came in, without secrets.
#[derive(Clone, Debug)]
pub struct Kept {
    fields: Vec<(String, String)>,
    /// It needs a code, which has to be typed anew.
    code: bool,
    /// It can be sent again as it is: no password and no file was part of it.
    whole: bool,
}

/// The only secret that is asked for again on the spot.
const CODE: &str = "totp";
/// What the page itself puts into the form.
const OWN: [&str; 2] = ["csrf", "device"];

impl Kept {
    pub(super) fn of(posted: &Posted) -> Self {
        let secret = |name: &str| is_secret(name) && !OWN.contains(&name);
        let fields = posted.fields().filter(|(name, _)| !is_secret(name) && !OWN.contains(&name.as_str()));
        Self {
            code: posted.fields().any(|(name, _)| name == CODE),
            whole: !posted.has_files() && !posted.fields().any(|(name, _)| secret(name) && name != CODE),
            fields: fields.flat_map(|(name, values)| values.iter().map(move |v| (name.clone(), v.clone()))).collect(),
        }
    }
}

/// The part of a page that keeps what was typed.
pub(super) struct Again {
    pub action: String,
    /// Everything that is sent again; the form's one-time value too, so that nothing is done twice.
    pub fields: Vec<(String, String)>,
    /// What a person wrote, with the name of its field where that has one outside of its form.
    pub texts: Vec<(String, String)>,
    pub code: bool,
    pub whole: bool,
    pub form: FormState,
}

impl Again {
    pub(super) fn of(kept: &Kept, action: &str, tr: &Tr) -> Self {
        // Choices and ids mean nothing to people.
        let written =
            |text: &str| !text.trim().is_empty() && !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.".contains(&b));
        let label = |name: &str| tr.maybe(&format!("field-{}", name.replace('_', "-"))).unwrap_or_default();
        let texts = kept.fields.iter().filter(|(_, v)| written(v)).map(|(name, v)| (label(name), v.clone()));
        Self {
            action: action.to_owned(),
            texts: texts.collect(),
            fields: kept.fields.clone(),
            code: kept.code,
            whole: kept.whole,
            form: FormState::new("again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    fn posted(fields: &[(&str, &str)]) -> Posted {
        Posted::of(fields)
    }

    #[test]
    fn secrets_are_not_kept_and_a_form_with_a_password_is_not_sent_again() {
        let kept = Kept::of(&posted(&[("csrf", "t"), ("nonce", "n1"), ("decision", "approve"), ("comment", "情况属实"), ("totp", "123456")]));
        assert!(kept.whole && kept.code);
        assert!(!format!("{kept:?}").contains("123456"));
        let again = Again::of(&kept, "/recalls/1/decisions", &Tr::new(Lang::ZhCn));
        assert_eq!(again.texts.iter().map(|t| t.1.as_str()).collect::<Vec<_>>(), ["情况属实"]);
        assert!(again.fields.iter().any(|(n, v)| n == "nonce" && v == "n1") && again.fields.iter().all(|(n, _)| n != "csrf" && n != "totp"));
        assert!(!Kept::of(&posted(&[("account", "a"), ("password", "secret horse")])).whole);
    }
}
