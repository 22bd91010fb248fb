//! `GET /api/v1/event-types`: the catalogue of events for programs, made from the code, in both languages.

use actix_web::{HttpResponse, web::Data};
use serde_json::{Value, json};

use super::json_ok;
use crate::{
    app::{App, retention},
    domain::{catalogue, event::Action},
    i18n::{Lang, Tr},
    web::extract::Bearer,
};

/// Any token will do: it holds nothing of anybody.
pub async fn index(app: Data<App>, _: Bearer) -> HttpResponse {
    let periods = retention::periods(&app);
    let (zh, en) = (Tr::new(Lang::ZhCn), Tr::new(Lang::En));
    let one = |action: &Action| -> Value {
        let words = json!({ Lang::ZhCn.as_str(): zh.word("action", action), Lang::En.as_str(): en.word("action", action) });
        catalogue::to_json(*action, &words, &periods)
    };
    json_ok(
        &json!({ "common_parts": catalogue::COMMON, "refusal_fields": catalogue::REFUSAL, "types": Action::ALL.iter().map(one).collect::<Vec<_>>() }),
    )
}
