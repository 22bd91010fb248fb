//! What a company amends in the catalogue of recall windows, as a form says it. Not here: what follows from it (`domain::policy`), who may propose
//! and confirm it (`proposals`).

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    app::FieldError,
    domain::{
        policy::Policy,
        text,
        windows::{self, Grade, Span, Stated},
    },
};

/// An amendment of one row of the catalogue, as somebody typed it; all empty for none.
#[derive(Clone, Debug, Default)]
pub struct Amendment {
    /// Id of the row.
    pub row: String,
    /// One of [`SPANS`].
    pub span: String,
    /// For `limited`.
    pub minutes: String,
    pub grade: String,
    pub source: String,
}

/// The longest source, in characters.
pub(super) const SOURCE: usize = 300;

/// What may be stated of a window, in the order of the form: so many minutes, no limit, no way at all.
pub const SPANS: [&str; 3] = ["limited", "unlimited", "nothing"];

/// An amendment with its row: what a form says of one that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amended {
    pub row: String,
    pub field: Stated,
}

impl Amended {
    /// The value of its box.
    pub fn kept(&self) -> String {
        json!(self).to_string()
    }

    /// All of a policy, in the order of the catalogue.
    pub fn of(policy: &Policy) -> Vec<Self> {
        let amended = |w: &windows::Window| Some(Self { row: w.id.to_owned(), field: policy.amended.get(w.id)?.clone() });
        windows::WINDOWS.iter().filter_map(amended).collect()
    }
}

/// The amendment that was typed, if one was; all faulty fields at once. Whether its minutes are in range is the policy's to say.
pub(super) fn amendment(typed: &Amendment) -> Result<Option<Amended>, Vec<FieldError>> {
    let Amendment { row, span, minutes, grade, source } = typed;
    if [row, span, minutes, grade, source].iter().all(|text| text.trim().is_empty()) {
        return Ok(None);
    }
    let mut errors = Vec::new();
    let mut wrong = |field, text: &str| errors.push(FieldError::new(field, if text.is_empty() { "required" } else { "choice" }));
    if windows::window(row).is_none() {
        wrong("amend_row", row);
    }
    let span = match span.as_str() {
        "limited" => Some(Span::Seconds(minutes.trim().parse::<u32>().map_or(0, |minutes| u64::from(minutes) * 60))),
        "unlimited" => Some(Span::Unlimited),
        "nothing" => Some(Span::Nothing),
        other => {
            wrong("amend_span", other);
            None
        }
    };
    let known = Grade::parse(grade);
    if known.is_none() {
        wrong("amend_grade", grade);
    }
    let source = match source.trim() {
        "" => String::new(),
        source => text::line(source, SOURCE).map_err(|e| errors.push(FieldError::text("amend_source", e))).unwrap_or_default(),
    };
    match (span, known) {
        (Some(span), Some(grade)) if errors.is_empty() => {
            Ok(Some(Amended { row: row.clone(), field: Stated { span, grade, source: source.into() } }))
        }
        _ => Err(errors),
    }
}
