//! Searches under a name: kept and removed; they are shown beside the search.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};

use super::{Forms, href, index_of, query, typed};
use crate::{
    app::{App, AppError, audit::saved},
    web::{Fault, Page, Posted, SignedIn, html, once, page::see_other},
};

/// `POST /audit/searches`: keeps the search under a name; refused, the page with what was typed.
pub async fn create(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let mut form = typed(posted.fields().flat_map(|(name, values)| values.iter().map(move |v| (name.as_str().into(), v.as_str().into()))));
    let asked = query(&page, &mut form);
    let mut forms = Forms::new();
    forms.save = forms.save.with("name", posted.get("name")).with("shared", posted.get("shared"));
    if form.ok() {
        let (name, shared) = (posted.get("name"), posted.get("shared") == "1");
        let to = href("/audit", &form, "", &[]);
        let make = |id: String| {
            let (app, me, asked) = (&app, &me, &asked);
            async move { saved::save(app, &me.caller, &id, name, asked, shared).await.map(|_| to) }
        };
        match once::form(&app, &me, &req, &posted, make).await? {
            Ok(to) => return Ok(see_other(to)),
            Err(AppError::Invalid(errors)) if errors.iter().any(|e| e.field != "name") => form.refuse_all(AppError::Invalid(errors))?,
            Err(error) => forms.save.refuse_all(error)?,
        }
    } else {
        once::turned_away(&req, "invalid");
        if !me.caller.may(crate::domain::role::Permission::AuditRead) {
            return Err(Fault::forbidden());
        }
    }
    let status = if form.ok() { forms.save.status() } else { form.status() };
    html(status, index_of(&app, &me, page.at("/audit"), form, forms, None).await?)
}

/// `POST /audit/searches/{id}/removals`
pub async fn remove(app: Data<App>, me: SignedIn, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    saved::remove(&app, &me.caller, &id).await?;
    Ok(see_other("/audit"))
}
