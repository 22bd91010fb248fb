//! What stands behind the question mark, read by the description of the operation: a parameter that is not in it, or is not of its kind, is
//! 422. A filter that nobody reads would give everything.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
};
use serde_json::Value;

use super::{
    describe::{self, Kind},
    json_ok,
};
use crate::{
    app::Turn,
    clock::Instant,
    web::{client::clean, refusal::Wrong},
};

/// The parameters of a request, each of its kind.
#[derive(Default)]
pub struct Parameters(BTreeMap<&'static str, String>);

impl Parameters {
    /// Everything wrong at once.
    pub fn of(req: &HttpRequest) -> Result<Self, Vec<Wrong>> {
        let route = req.match_pattern().unwrap_or_default();
        let known = describe::of(&route, "GET").map_or(&[][..], |operation| operation.query);
        let mut asked: BTreeMap<&'static str, String> = BTreeMap::new();
        let mut wrong = Vec::new();
        for (name, value) in url::form_urlencoded::parse(req.query_string().as_bytes()) {
            match known.iter().find(|p| p.name == name) {
                Some(parameter) => drop(asked.entry(parameter.name).or_insert_with(|| value.trim().to_owned())),
                None => wrong.push(Wrong::new(clean(&name).chars().take(60).collect::<String>(), "unknown")),
            }
        }
        for (parameter, value) in known.iter().filter_map(|p| Some((p, asked.get(p.name)?))) {
            let fault = match parameter.kind {
                Kind::Text | Kind::Line | Kind::Network => value.contains('\0').then_some("control"),
                Kind::Time => Instant::parse(value).is_none().then_some("date"),
                Kind::Number { least, most } => (!value.parse::<u64>().is_ok_and(|n| (least..=most).contains(&n))).then_some("choose"),
                Kind::Word(words) => (!words().contains(&value.as_str())).then_some("choose"),
            };
            wrong.extend(fault.map(|kind| Wrong::new(parameter.name, kind)));
        }
        if wrong.is_empty() { Ok(Self(asked)) } else { Err(wrong) }
    }

    /// A text; nothing where it is absent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    pub fn time(&self, name: &str) -> Option<Instant> {
        self.get(name).and_then(Instant::parse)
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(|n| n.parse().ok())
    }

    /// How many rows are wanted, at most `most`.
    pub fn limit(&self, most: u64) -> usize {
        self.number("limit").unwrap_or(most).min(most).try_into().unwrap_or(usize::MAX)
    }

    /// The page after a key.
    pub fn turn(&self) -> Turn {
        Turn::of(self.get("after").map(ToOwned::to_owned), None)
    }
}

/// A page of a list: `body` has the key of the next page as `next`, and the header `Link` its address, where there is one.
pub fn paged(req: &HttpRequest, body: &Value) -> HttpResponse {
    let mut res = json_ok(body);
    let next = match &body["next"] {
        Value::String(key) => key.clone(),
        Value::Number(index) => index.to_string(),
        _ => return res,
    };
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url::form_urlencoded::parse(req.query_string().as_bytes()).filter(|(name, _)| name != "after") {
        query.append_pair(&name, &value);
    }
    let link = format!("<{}?{}>; rel=\"next\"", req.path(), query.append_pair("after", &next).finish());
    if let Ok(link) = HeaderValue::from_str(&link) {
        res.headers_mut().insert(header::LINK, link);
    }
    res
}
