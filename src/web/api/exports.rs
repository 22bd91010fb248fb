//! `/api/v1/recalls/exports` and `/api/v1/broadcasts/exports`: a list as a CSV file, against a person's fresh code.

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use serde_json::{Map, Value, json};

use super::{AUDIT_EVENT, Answer, Body, Refusal, describe::operations::broadcast_states, fields::Fields, once};
use crate::{
    app::{
        App,
        broadcasts::view,
        listed::{self, Source},
        recalls::list,
    },
    clock::Instant,
    domain::{
        platform::{HarmClass, Platform},
        recall::State,
    },
    web::{Bearer, Fault, extract::visit, pieces::streamed},
};

/// What narrows a list, read from a body, each of its kind; and what of it was asked, for the event.
struct Filters<'f> {
    fields: &'f mut Fields,
    asked: Map<String, Value>,
}

impl Filters<'_> {
    fn text(&mut self, name: &'static str) -> Option<String> {
        let given = self.fields.maybe_text(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if let Some(text) = &given {
            self.asked.insert(name.to_owned(), json!(text));
        }
        given
    }

    /// What `parse` makes of it; `kind` says what it is not.
    fn parsed<T>(&mut self, name: &'static str, kind: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = self.text(name)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            self.fields.refuse(name, kind);
        }
        parsed
    }

    fn time(&mut self, name: &'static str) -> Option<Instant> {
        self.parsed(name, "date", Instant::parse)
    }
}

/// `POST /api/v1/recalls/exports` `{"totp"}`, and what narrows the list as in `GET /api/v1/recalls`.
pub async fn recalls(app: Data<App>, who: Bearer, req: HttpRequest, body: Body) -> Result<HttpResponse, Fault> {
    export(&app, &who, &req, &body, |f| {
        Source::Recalls(list::Wanted {
            states: f.parsed("state", "choose", State::parse).into_iter().collect(),
            class: f.parsed("category", "choose", HarmClass::parse),
            from: f.time("from"),
            until: f.time("until"),
            number: f.text("number").map(|number| number.to_uppercase()),
            ..list::Wanted::default()
        })
    })
    .await
}

/// `POST /api/v1/broadcasts/exports` `{"totp"}`, and what narrows the list as in `GET /api/v1/broadcasts`.
pub async fn broadcasts(app: Data<App>, who: Bearer, req: HttpRequest, body: Body) -> Result<HttpResponse, Fault> {
    export(&app, &who, &req, &body, |f| {
        let filter = view::Filter {
            from: f.time("from").map(|at| at.0),
            until: f.time("until").map(|at| at.0),
            platform: f.parsed("platform", "choose", Platform::parse).map(|platform| platform.as_str().to_owned()),
            state: f.parsed("state", "choose", |state| broadcast_states().into_iter().find(|known| *known == state)).map(ToOwned::to_owned),
            departments: None,
            sender: None,
        };
        Source::Broadcasts(view::Wanted { filter, keyword: f.text("words"), ..view::Wanted::default() })
    })
    .await
}

/// The file that `read` narrows. A repetition under the same `Idempotency-Key` spends no second code and leaves no second event.
async fn export(app: &App, who: &Bearer, req: &HttpRequest, body: &Body, read: impl Fn(&mut Filters<'_>) -> Source) -> Result<HttpResponse, Fault> {
    let tr = visit(req)?.tr();
    let wanted = || {
        let mut fields = Fields::of(&body.0)?;
        let totp = fields.text("totp");
        let mut filters = Filters { fields: &mut fields, asked: Map::new() };
        let source = read(&mut filters);
        let asked = Value::Object(filters.asked);
        fields.end()?;
        Ok::<_, Refusal>((source, asked, totp))
    };
    let mut handed = None;
    let res = once(app, &who.caller, req, &body.0, async |_| {
        let (source, asked, totp) = wanted()?;
        let done = listed::export(app, &who.caller, source, &tr, asked, &totp).await?;
        // The answer that is kept for a repetition is not the file but that it was handed out.
        let answer = Answer::changed(&done, json!({ "list": done.value.list() }));
        handed = Some(done.value);
        Ok::<_, Refusal>(answer)
    })
    .await?;
    if !res.status().is_success() {
        return Ok(res);
    }
    let file = match (handed, wanted()) {
        (Some(file), _) => file,
        (None, Ok((source, ..))) => listed::again(app, &who.caller, source, &tr).await?,
        (None, Err(_)) => return Err(Fault::internal("a body that was read once is read no more")),
    };
    let mut answer = HttpResponse::Ok();
    if let Some(event) = res.headers().get(AUDIT_EVENT) {
        answer.insert_header((AUDIT_EVENT, event.clone()));
    }
    answer.insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.csv\"", file.list())));
    Ok(streamed(answer, "text/csv; charset=utf-8", file))
}
