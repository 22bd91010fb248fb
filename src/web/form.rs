//! A form with its values and errors: empty on GET, filled and judged on POST, drawn by the macros in `templates/ui/form.html`.
//!
//! Words by convention. For a form of the noun `recall` and its field `reason`: label `field-recall-reason`, else `field-reason`;
//! hint `hint-recall-reason`, else `hint-reason`, else none; error of the kind `required`: `error-recall-reason-required`, else
//! `error-reason-required`, else `error-required`. Underscores become hyphens. Passwords and codes are never shown again.

use std::{collections::BTreeMap, fmt::Display};

use actix_web::http::StatusCode;

use super::posted::Posted;
use crate::{
    domain::text::{self, TextError},
    i18n::{Tr, word_key},
};

/// One thing to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Empty: the form as a whole.
    pub field: String,
    pub kind: String,
    pub args: Vec<(String, String)>,
}

/// Values by name and errors by field.
#[derive(Clone, Debug, Default)]
pub struct FormState {
    noun: &'static str,
    prefix: &'static str,
    labels: BTreeMap<&'static str, String>,
    values: BTreeMap<String, Vec<String>>,
    errors: Vec<FieldError>,
}

/// A field as the macros draw it.
pub struct FieldView {
    pub id: String,
    pub label: String,
    /// Empty: none.
    pub hint: String,
    /// Empty: none.
    pub error: String,
    pub value: String,
    /// Ids of hint and error; empty: none.
    pub described_by: String,
}

/// A line of the error summary.
pub struct SummaryLine {
    /// Id of the field; empty for the form as a whole.
    pub id: String,
    pub text: String,
}

/// Fields whose text is never sent back: passwords, codes, tokens.
pub fn is_secret(field: &str) -> bool {
    field.contains("password") || field.contains("secret") || field.contains("token") || field.ends_with("otp") || field.ends_with("code")
}

impl FormState {
    /// An empty form of `noun`.
    pub fn new(noun: &'static str) -> Self {
        Self { noun, ..Self::default() }
    }

    /// What was posted, without secrets, with the errors of the door (text that is not UTF-8, control characters).
    pub fn from_posted(noun: &'static str, posted: &Posted) -> Self {
        let mut form = Self::new(noun);
        for (name, values) in posted.fields() {
            if !is_secret(name) {
                form.values.insert(name.clone(), values.clone());
            }
        }
        for field in posted.damaged() {
            form.refuse(field, "control");
        }
        form
    }

    /// Starts the ids of this form's fields with `prefix-`, for a page with several forms.
    #[must_use]
    pub fn ids(mut self, prefix: &'static str) -> Self {
        self.prefix = prefix;
        self
    }

    /// Names a field whose label is no word of the convention, e.g. one that tells how many; for the error summary.
    #[must_use]
    pub fn named(mut self, field: &'static str, label: impl Into<String>) -> Self {
        self.labels.insert(field, label.into());
        self
    }

    /// A value that the form starts with.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<String>) -> Self {
        self.values.entry(field.to_owned()).or_default().push(value.into());
        self
    }

    /// The (first) value of a field, or nothing.
    pub fn value(&self, field: &str) -> &str {
        self.values.get(field).and_then(|v| v.first()).map_or("", String::as_str)
    }

    /// All values of a field.
    pub fn all(&self, field: &str) -> &[String] {
        self.values.get(field).map_or(&[], Vec::as_slice)
    }

    /// Whether `value` is among the field's values: a radio, a box or an option is chosen.
    pub fn is(&self, field: &str, value: &str) -> bool {
        self.all(field).iter().any(|v| v == value)
    }

    /// Names an error at a field; an empty field is the form as a whole. One error a field: the first stands.
    pub fn refuse(&mut self, field: &str, kind: impl Into<String>) {
        self.refuse_with(field, kind, &[]);
    }

    /// [`FormState::refuse`] with values for the words.
    pub fn refuse_with(&mut self, field: &str, kind: impl Into<String>, args: &[(&str, &dyn Display)]) {
        if field.is_empty() || self.error(field).is_none() {
            let args = args.iter().map(|(k, v)| ((*k).to_owned(), v.to_string())).collect();
            self.errors.push(FieldError { field: field.to_owned(), kind: kind.into(), args });
        }
    }

    /// Names why a text was refused.
    pub fn refuse_text(&mut self, field: &str, error: TextError) {
        match error {
            TextError::Required => self.refuse(field, "required"),
            TextError::TooShort { min } => self.refuse_with(field, "too-short", &[("min", &min)]),
            TextError::TooLong { max } => self.refuse_with(field, "too-long", &[("max", &max)]),
            TextError::Control => self.refuse(field, "control"),
        }
    }

    /// The field's text of one line, 1 to `max` characters; an error is named at the field.
    pub fn line(&mut self, field: &str, max: usize) -> Option<String> {
        text::line(self.value(field), max).map_err(|e| self.refuse_text(field, e)).ok()
    }

    /// The field's text of several lines, `min` to `max` characters; an error is named at the field.
    pub fn paragraph(&mut self, field: &str, min: usize, max: usize) -> Option<String> {
        text::paragraph(self.value(field), min, max).map_err(|e| self.refuse_text(field, e)).ok()
    }

    /// The field's choice; nothing chosen and an unknown value are errors at the field.
    pub fn choice<T>(&mut self, field: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let chosen = parse(self.value(field));
        if chosen.is_none() {
            self.refuse(field, "choice");
        }
        chosen
    }

    pub fn ok(&self) -> bool {
        self.errors.is_empty()
    }

    /// Nothing in the fields is wrong, and yet it cannot be done: a rule or somebody else's change stands against it.
    pub fn refused(&self) -> bool {
        !self.ok() && self.errors.iter().all(|e| e.field.is_empty())
    }

    /// The status of a page that shows the form again: 409 where a rule or somebody else's change stands against it, 422 where a field has
    /// to be mended.
    pub fn status(&self) -> StatusCode {
        if self.refused() { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY }
    }

    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    pub fn error(&self, field: &str) -> Option<&FieldError> {
        self.errors.iter().find(|e| e.field == field)
    }

    fn by_convention(&self, tr: &Tr, start: &str, field: &str, end: &str) -> Option<String> {
        let field = field.replace(['_', '.'], "-");
        [format!("{start}-{}-{field}{end}", self.noun), format!("{start}-{field}{end}")].iter().find_map(|key| tr.maybe(key))
    }

    fn label(&self, tr: &Tr, field: &str) -> Option<String> {
        self.labels.get(field).cloned().or_else(|| self.by_convention(tr, "field", field, ""))
    }

    fn message(&self, tr: &Tr, error: &FieldError) -> String {
        let kind = error.kind.replace('_', "-");
        let field = error.field.replace('_', "-");
        let now = self.value(&error.field).trim().chars().count().to_string();
        let mut args: Vec<(&str, &str)> = error.args.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        args.push(("now", &now));
        // A rule's refusal has its words under `refusal-`.
        let general = if kind.starts_with("refusal-") { kind.clone() } else { format!("error-{kind}") };
        let mut keys = vec![format!("error-{}-{field}-{kind}", self.noun), format!("error-{field}-{kind}"), format!("error-{}-{kind}", self.noun)];
        if now != "0" && !is_secret(&error.field) {
            keys.push(format!("{general}-now"));
        }
        keys.iter().find_map(|key| tr.maybe_a(key, &args)).unwrap_or_else(|| tr.a(&general, &args))
    }

    /// The id of a field's control.
    pub fn id(&self, field: &str) -> String {
        if self.prefix.is_empty() { field.to_owned() } else { format!("{}-{field}", self.prefix) }
    }

    /// What the macros need to draw a field; a label or hint that is not empty goes before the convention.
    pub fn view(&self, tr: &Tr, field: &str, label: &str, hint: &str) -> FieldView {
        let id = self.id(field);
        let hint = if hint.is_empty() { self.by_convention(tr, "hint", field, "").unwrap_or_default() } else { hint.to_owned() };
        let error = self.error(field).map(|e| self.message(tr, e)).unwrap_or_default();
        let mut described_by = String::new();
        if !hint.is_empty() {
            described_by = format!("{id}-h");
        }
        if !error.is_empty() {
            described_by = format!("{described_by} {id}-e").trim_start().to_owned();
        }
        let label = if label.is_empty() { self.label(tr, field).unwrap_or_else(|| word_key("field", field)) } else { label.to_owned() };
        let value = if is_secret(field) { String::new() } else { self.value(field).to_owned() };
        FieldView { id, label, hint, error, value, described_by }
    }

    /// The lines of the error summary, in the order in which the errors were found.
    pub fn summary(&self, tr: &Tr) -> Vec<SummaryLine> {
        let line = |e: &FieldError| {
            let message = self.message(tr, e);
            if e.field.is_empty() {
                return SummaryLine { id: String::new(), text: message };
            }
            let text = match self.label(tr, &e.field) {
                Some(label) => tr.pair(&label, &message),
                None => message,
            };
            SummaryLine { id: self.id(&e.field), text }
        };
        self.errors.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{app::AppError, i18n::Lang};

    #[test]
    fn an_error_is_named_at_the_field_and_in_the_summary_and_the_text_is_kept() {
        let mut form = FormState::new("recall").with("reason", "太短");
        assert_eq!(form.paragraph("reason", 20, 500), None);
        form.refuse("reason", "choice");
        form.refuse_all(AppError::Conflict).expect("a form can show it");
        let tr = Tr::new(Lang::ZhCn);
        let view = form.view(&tr, "reason", "情况说明", "");
        assert_eq!(view.value, "太短");
        assert_eq!(view.error, "至少 20 字，现为 2 字", "the first error of a field stands");
        assert!(view.described_by.ends_with("reason-e"));
        let lines = form.summary(&tr);
        assert_eq!(lines.iter().map(|l| l.id.as_str()).collect::<Vec<_>>(), ["reason", ""]);
    }

    #[test]
    fn secrets_are_never_shown_again() {
        let form = FormState::new("session").with("password", "hunter2").with("otp", "123456");
        let tr = Tr::new(Lang::En);
        for field in ["password", "new_password", "otp", "recovery_code"] {
            assert_eq!(form.view(&tr, field, "", "").value, "");
        }
    }

    #[test]
    fn what_the_use_case_found_is_shown_where_it_belongs() {
        let mut form = FormState::new("session").with("account", "lin");
        form.refuse_all(AppError::invalid("account", "exists")).expect("a form can show it");
        form.refuse_all(AppError::Refused { kind: "step-up-locked", detail: serde_json::json!({ "retry_after": 90 }) }).expect("a form can show it");
        let lines = form.summary(&Tr::new(Lang::En));
        assert_eq!(
            lines.iter().map(|l| l.text.as_str()).collect::<Vec<_>>(),
            ["Account: This is taken already", "Too many wrong codes. Please try again in 1 min."]
        );
        let fault = form.refuse_all(AppError::NotFound).expect_err("no form can mend this");
        assert_eq!(fault.status().as_u16(), 404);
    }

    #[test]
    fn an_unknown_choice_is_an_error() {
        let mut form = FormState::new("recall").with("class", "nonsense");
        assert_eq!(form.choice("class", crate::domain::platform::HarmClass::parse), None);
        assert_eq!(form.error("class").map(|e| e.kind.as_str()), Some("choice"));
    }
}
