//! No privileged reading is without its event: every route that answers a GET, asked by who may see it. A route of `src/web/routes.rs` that
//! is not here fails the test, and so does a line without a route.

use std::collections::BTreeSet;

use countermand::{
    app::{Turn, alerts, departments},
    domain::{
        alert::Rule,
        event::{Action, Event, Outcome, Subject},
        role::Role,
    },
    web::looks::is_unrecorded,
};
use reqwest::Method;
use serde_json::json;

use super::house::{By, Crew, House, PICTURE, Shot};

/// Who asks.
#[derive(Clone, Copy)]
enum Who {
    /// Nobody needs to be known.
    Anybody,
    System,
    Security,
    /// The audit administrator.
    Keeper,
    Auditor,
    Operator,
    /// An everyday reader, who is not privileged.
    Requester,
    Counsel,
    Reviewer,
    /// A token of the reviewer's.
    Hand,
    /// A token of the requester's.
    Asker,
    /// The auditor, in the session that made the export.
    Exporter,
    /// A program.
    Token,
}

/// A route, who asks, and the action of the one event that it leaves; none for what is not privileged.
struct Line(&'static str, Who, Option<&'static str>);

const fn line(route: &'static str, who: Who, action: &'static str) -> Line {
    Line(route, who, Some(action))
}

const fn free(route: &'static str, who: Who) -> Line {
    Line(route, who, None)
}

const TABLE: &[Line] = &[
    free("/static/{path:.*}", Who::Anybody),
    free("/static/countermand-verifier.html", Who::Anybody),
    free("/healthz", Who::Anybody),
    free("/readyz", Who::Anybody),
    free("/metrics", Who::Token),
    free("/log/checkpoint", Who::Token),
    free("/log/tile/{path:.*}", Who::Token),
    line("/", Who::Auditor, "page.read"),
    free("/", Who::Requester),
    line("/settings", Who::System, "setting.read"),
    line("/settings/jobs", Who::Security, "setting.read"),
    free("/setup/{token}", Who::Anybody),
    free("/invitations/{token}", Who::Anybody),
    free("/sign-in", Who::Anybody),
    free("/sessions/verification", Who::Anybody),
    free("/sessions/enrolment", Who::Anybody),
    free("/account", Who::Auditor),
    free("/account/api", Who::Auditor),
    free("/account/personal-data", Who::Auditor),
    free("/account/passkeys", Who::Auditor),
    free("/account/second-factor", Who::Auditor),
    line("/sessions", Who::Security, "user.read"),
    line("/tokens", Who::System, "user.read"),
    line("/departments", Who::System, "user.read"),
    line("/departments/{id}", Who::Security, "user.read"),
    line("/users", Who::System, "user.read"),
    line("/users/invitations", Who::System, "user.read"),
    line("/users/{id}", Who::System, "user.read"),
    line("/users/{id}/suspensions", Who::System, "user.read"),
    line("/users/{id}/personal-data", Who::System, "user.read"),
    line("/users/{id}/personal-data", Who::Counsel, "user.read"),
    free("/approvals", Who::Operator),
    line("/recalls", Who::Auditor, "recall.read"),
    free("/recalls", Who::Requester),
    free("/recalls/new", Who::Requester),
    line("/recalls/{id}", Who::Auditor, "recall.read"),
    line("/recalls/{id}", Who::Requester, "content.read"),
    line("/recalls/{id}/captures/{attachment}", Who::Operator, "content.read"),
    free("/recalls/{id}/progress", Who::Auditor),
    line("/recalls/{id}/receipts/{event}", Who::Auditor, "recall.read"),
    free("/recalls/{id}/receipts/{event}", Who::Requester),
    line("/recalls/{id}/evidence", Who::Counsel, "evidence.read"),
    line("/delegations", Who::Security, "page.read"),
    free("/delegations", Who::Reviewer),
    free("/delegations/new", Who::Reviewer),
    line("/delegations/{id}", Who::Security, "page.read"),
    free("/delegations/{id}", Who::Reviewer),
    line("/duty", Who::Auditor, "page.read"),
    free("/duty", Who::Requester),
    line("/duty/uses", Who::Auditor, "page.read"),
    free("/duty/uses", Who::Counsel),
    line("/remediations", Who::Auditor, "recall.read"),
    free("/remediations", Who::Requester),
    line("/self-recalls", Who::Auditor, "recall.read"),
    free("/self-recalls", Who::Requester),
    free("/self-recalls/new", Who::Requester),
    line("/self-recalls/{id}", Who::Auditor, "recall.read"),
    free("/self-recalls/{id}", Who::Requester),
    line("/audit", Who::Auditor, "audit.searched"),
    free("/audit/event-types", Who::Auditor),
    line("/audit/exports/{id}", Who::Exporter, "audit.read"),
    line("/audit/exports/{id}/file", Who::Exporter, "audit.read"),
    line("/audit/{index}", Who::Auditor, "audit.read"),
    line("/audits", Who::Auditor, "audit.read"),
    free("/audits/new", Who::Auditor),
    line("/audits/{id}", Who::Auditor, "audit.read"),
    free("/questions", Who::Requester),
    line("/questions", Who::Auditor, "page.read"),
    line("/questions/{id}", Who::Auditor, "page.read"),
    line("/evidence", Who::Counsel, "evidence.read"),
    free("/evidence/verification", Who::Auditor),
    line("/evidence/{number}", Who::Counsel, "evidence.read"),
    line("/alerts", Who::Auditor, "audit.read"),
    line("/alerts/{id}", Who::System, "audit.read"),
    line("/alerts/rules", Who::System, "audit.read"),
    line("/alerts/rules/{rule}", Who::Auditor, "audit.read"),
    line("/holds", Who::Counsel, "hold.read"),
    free("/users/imports", Who::System),
    free("/holds/new", Who::Counsel),
    line("/holds/{id}", Who::Auditor, "hold.read"),
    line("/retention", Who::System, "setting.read"),
    free("/catalogue", Who::Auditor),
    line("/policies", Who::Auditor, "page.read"),
    free("/policies", Who::Requester),
    line("/policies/compare", Who::Auditor, "page.read"),
    free("/policies/compare", Who::Requester),
    free("/policies/proposals/new", Who::Security),
    line("/policies/proposals/{id}", Who::Auditor, "page.read"),
    free("/policies/proposals/{id}", Who::Requester),
    line("/retention", Who::Counsel, "setting.read"),
    free("/api/v1/event-types", Who::Token),
    line("/api/v1/events", Who::Token, "audit.read"),
    line("/api/v1/events/{index}", Who::Token, "audit.read"),
    line("/api/v1/remediations", Who::Token, "recall.read"),
    line("/api/v1/recalls/{id}/remediations", Who::Token, "recall.read"),
    line("/api/v1/self-recalls", Who::Token, "recall.read"),
    line("/api/v1/self-recalls/{id}", Who::Token, "recall.read"),
    line("/api/v1/broadcasts/{id}/recipients", Who::Token, "broadcast.read"),
    line("/api/v1/imports", Who::Asker, "broadcast.read"),
    line("/api/v1/imports/{id}", Who::Asker, "broadcast.read"),
    free("/api/v1/openapi.json", Who::Anybody),
    line("/api/v1/broadcasts", Who::Token, "broadcast.read"),
    line("/api/v1/recalls", Who::Token, "recall.read"),
    line("/api/v1/delegations", Who::Hand, "page.read"),
    line("/api/v1/approvals", Who::Token, "recall.read"),
    line("/api/v1/recalls/{id}/evidence", Who::Token, "evidence.read"),
    line("/api/v1/evidence", Who::Token, "evidence.read"),
    line("/api/v1/evidence/{number}", Who::Token, "evidence.read"),
    line("/api/v1/recalls/{id}", Who::Token, "recall.read"),
    line("/broadcasts", Who::Auditor, "broadcast.read"),
    free("/broadcasts", Who::Requester),
    free("/broadcasts/new", Who::Requester),
    line("/broadcasts/{id}", Who::Auditor, "broadcast.read"),
    line("/broadcasts/{id}", Who::Requester, "content.read"),
    line("/broadcasts/{id}/attachments/{attachment}", Who::Requester, "content.read"),
    free("/broadcasts/imports", Who::Requester),
    free("/broadcasts/imports/new", Who::Requester),
    free("/broadcasts/imports/templates/{kind}", Who::Requester),
    free("/broadcasts/imports/{id}", Who::Requester),
    free("/broadcasts/imports/{id}/report", Who::Requester),
    free("/reports/new", Who::Requester),
    line("/streams", Who::Keeper, "stream.read"),
    free("/streams/new", Who::Keeper),
    line("/streams/{id}", Who::Keeper, "stream.read"),
    line("/connections", Who::System, "connection.read"),
    free("/connections/new", Who::System),
    line("/connections/{id}", Who::System, "connection.read"),
    line("/api/v1/broadcasts/{id}", Who::Token, "broadcast.read"),
];

/// Every route of the list that answers a GET.
fn gets() -> BTreeSet<String> {
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/web/routes.rs")).unwrap();
    let text: String = source.split_whitespace().collect();
    text.split("resource(\"")
        .skip(1)
        .filter(|r| r.split(';').next().unwrap().contains(".get("))
        .map(|r| r.split('"').next().unwrap().to_owned())
        .collect()
}

#[test]
fn every_route_that_can_be_read_is_in_the_table() {
    let listed: BTreeSet<String> = TABLE.iter().map(|l| l.0.to_owned()).collect();
    assert_eq!(listed, gets());
    for Line(route, _, action) in TABLE {
        assert!(action.is_none_or(|a| countermand::domain::event::Action::parse(a).is_some()), "{route}");
    }
}

/// Where the thing is that a post has made.
fn made(shot: Shot) -> String {
    assert_eq!(shot.status, 303, "{}", shot.body);
    shot.location
}

/// What the addresses of the table name.
struct Things {
    case: String,
    receipt: String,
    guided: String,
    capture: String,
    broadcast: String,
    reported: String,
    filing: String,
    delegation: String,
    hand: String,
    asker: String,
    import: String,
    file: String,
    bundle: String,
    audit: String,
    question: String,
    hold: String,
    proposal: String,
    export: String,
    exporter: String,
    alert: String,
    user: String,
    department: String,
    connection: String,
    stream: String,
    token: String,
}

impl Things {
    async fn of(house: &House, crew: &Crew) -> Self {
        let stage = &house.stage;
        let case = stage.case(&crew.cast).await;
        let receipt = stage.events(&case).await[0].leaf.id.clone();
        let guided = house.guided(&crew.cast).await;
        let fields = [("outcome", "accepted"), ("note", "已在后台撤回该消息")];
        house.upload(By::Person(&crew.operator), &format!("/recalls/{guided}/captures"), &fields, "capture", PICTURE).await;
        let fields =
            [("channel", "QQ 群"), ("sent_at", &stage.app.now().to_rfc3339()), ("audience", "代理商群"), ("title", "报价单"), ("text", "内部价九折")];
        let shot = house.upload(By::Person(&crew.cast.requester), "/reports", &fields, "attachments", PICTURE).await;
        let reported = made(shot).trim_start_matches("/broadcasts/").to_owned();
        let fields = [("broadcast", reported.as_str()), ("withdrawn_at", &stage.app.now().to_rfc3339()), ("extent", "whole")];
        let filing = made(house.post(By::Person(&crew.cast.requester), "/self-recalls", &fields).await);
        let until = stage.app.now().plus(std::time::Duration::from_secs(3600)).to_rfc3339();
        let code = house.fresh_code(&crew.cast.reviewer);
        let fields = [("to", "hejing"), ("levels", "1"), ("until", until.as_str()), ("reason", "出差期间请代为复核"), ("totp", &code)];
        let delegation = made(house.post(By::Person(&crew.cast.reviewer), "/delegations", &fields).await);
        let sheet = [("kind", "broadcasts")];
        let shot = house.upload(By::Person(&crew.cast.requester), "/broadcasts/imports", &sheet, "file", "平台连接,正文\r\n".as_bytes()).await;
        let import = made(shot).trim_start_matches("/broadcasts/imports/").to_owned();
        let code = house.fresh_code(&crew.counsel);
        let fields = [("case", guided.as_str()), ("purpose", "劳动仲裁举证"), ("totp", &code)];
        let bundle = made(house.post(By::Person(&crew.counsel), "/evidence/exports", &fields).await);
        let code = house.fresh_code(&crew.counsel);
        let fields = [("case", guided.as_str()), ("reason", "劳动仲裁委员会已受理，案号 2026-118"), ("totp", &code)];
        let hold = made(house.post(By::Person(&crew.counsel), "/holds", &fields).await);
        let code = house.fresh_code(&crew.security);
        let fields = crate::policies::rules(&[("budget_leak", "2"), ("reason", "泄密类案件每级五分钟太长，两分钟足够。"), ("totp", &code)]);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let proposal = made(house.post(By::Person(&crew.security), "/policies/proposals", &fields).await);
        let code = house.fresh_code(&crew.auditor);
        let exporter = stage.session_of(&crew.auditor).await.0;
        assert_eq!(stage.post_as(&exporter, "/audit/exports", &[("case", guided.as_str()), ("totp", &code)]).await.status, 200);
        let page = stage.get_as(&exporter, "/audit").await.body;
        let export = page.split("\"/audit/exports/").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let day = crate::audits::stage::day(stage, 0);
        let fields = [("title", "专项审计"), ("from", day.as_str()), ("to", &day), ("sample_size", "1")];
        let audit = made(house.post(By::Person(&crew.auditor), "/audits", &fields).await);
        let fields = [("audit", audit.trim_start_matches("/audits/")), ("person", "hejing"), ("question", "依据哪一条制度？")];
        let shot = house.post(By::Person(&crew.auditor), "/questions", &fields).await;
        let question = format!("/questions/{}", shot.one("a question")["subject"]["id"].as_str().unwrap());
        let lost = Event::system(Action::WitnessLost, Subject::new("witness", "w")).outcome(Outcome::Failed);
        stage.app.record(lost).await.unwrap();
        alerts::watch::pass(&stage.app).await.unwrap();
        let wanted = alerts::Wanted { rule: Some(Rule::WitnessLost), ..alerts::Wanted::default() };
        let alert = alerts::list(&stage.app, &crew.system.caller, wanted, Turn::First).await.unwrap().0.remove(0).id;
        let (of_case, of_message) = (guided.clone(), reported.clone());
        let (capture, file) = stage
            .app
            .store
            .read(move |conn| {
                use countermand::store::attachments;
                let capture = attachments::of_recall(conn, &of_case)?.into_iter().find(|a| a.kind == "capture");
                Ok((capture.unwrap().id, attachments::of_broadcast(conn, &of_message)?.remove(0).id))
            })
            .await
            .unwrap();
        let code = house.fresh_code(&crew.audit);
        let fields = [("name", "siem"), ("kind", "file"), ("destination", "siem"), ("format", "ocsf"), ("totp", &code)];
        let stream = made(house.post(By::Person(&crew.audit), "/streams", &fields).await);
        Self {
            broadcast: stage.loaded(&case).await.row.broadcast_id,
            case,
            filing,
            delegation,
            hand: stage.token(Some(&crew.cast.reviewer), &["recall.decide"]).await,
            asker: stage.token(Some(&crew.cast.requester), &["broadcast.send"]).await,
            receipt,
            guided,
            capture,
            reported,
            import,
            file,
            bundle,
            audit,
            question,
            hold,
            proposal,
            export,
            exporter,
            alert,
            user: crew.nobody.caller.id.clone(),
            department: departments::choices(&stage.app).await.unwrap().remove(0).id,
            connection: stage.connection.clone(),
            stream,
            token: stage.token(None, &["recall.read", "broadcast.read", "audit.read", "system.read", "log.read", "evidence.export"]).await,
        }
    }

    /// An address of the route.
    fn path(&self, route: &str) -> String {
        match route {
            "/static/{path:.*}" => "/static/css/base.css".to_owned(),
            "/log/tile/{path:.*}" => "/log/tile/0/000".to_owned(),
            "/departments/{id}" => format!("/departments/{}", self.department),
            "/users/{id}" => format!("/users/{}", self.user),
            "/users/{id}/suspensions" => format!("/users/{}/suspensions", self.user),
            "/users/{id}/personal-data" => format!("/users/{}/personal-data", self.user),
            "/recalls/new" => format!("/recalls/new?broadcast={}", self.reported),
            "/self-recalls/new" => format!("/self-recalls/new?broadcast={}", self.broadcast),
            "/self-recalls/{id}" => self.filing.clone(),
            "/delegations/{id}" => self.delegation.clone(),
            "/recalls/{id}/captures/{attachment}" => format!("/recalls/{}/captures/{}", self.guided, self.capture),
            "/recalls/{id}/receipts/{event}" => format!("/recalls/{}/receipts/{}", self.case, self.receipt),
            "/broadcasts/{id}/attachments/{attachment}" => format!("/broadcasts/{}/attachments/{}", self.reported, self.file),
            "/broadcasts/imports/templates/{kind}" => "/broadcasts/imports/templates/recipients".to_owned(),
            route if route.starts_with("/broadcasts/imports/") => route.replace("{id}", &self.import),
            "/evidence/{number}" => self.bundle.clone(),
            "/api/v1/evidence/{number}" => format!("/api/v1{}", self.bundle),
            "/api/v1/events/{index}" => "/api/v1/events/3".to_owned(),
            "/api/v1/self-recalls/{id}" => format!("/api/v1{}", self.filing),
            "/api/v1/imports/{id}" => format!("/api/v1/imports/{}", self.import),
            "/audits/{id}" => self.audit.clone(),
            "/questions/{id}" => self.question.clone(),
            "/holds/{id}" => self.hold.clone(),
            "/policies/proposals/{id}" => self.proposal.clone(),
            "/audit/exports/{id}" => format!("/audit/exports/{}", self.export),
            "/audit/exports/{id}/file" => format!("/audit/exports/{}/file", self.export),
            "/alerts/{id}" => format!("/alerts/{}", self.alert),
            "/alerts/rules/{rule}" => "/alerts/rules/refusals".to_owned(),
            "/audit/{index}" => "/audit/3".to_owned(),
            "/api/v1/events" => format!("/api/v1/events?case={}", self.case),
            "/streams/{id}" => self.stream.clone(),
            "/connections/{id}" => format!("/connections/{}", self.connection),
            route if route.contains("/recalls/{id}") => route.replace("{id}", &self.case),
            route => route.replace("{id}", &self.broadcast).replace("{token}", "nothing"),
        }
    }
}

async fn get(house: &House, by: By<'_>, path: &str) -> Shot {
    let (request, _) = house.request(by, Method::GET, path).await;
    house.shoot(request).await
}

#[actix_web::test]
async fn every_privileged_page_leaves_its_event_and_no_other_does() {
    let house = House::set().await;
    let crew = house.crew().await;
    let things = Things::of(&house, &crew).await;
    for Line(route, who, action) in TABLE {
        let by = match who {
            Who::Anybody => By::Stranger,
            Who::System => By::Person(&crew.system),
            Who::Security => By::Person(&crew.security),
            Who::Keeper => By::Person(&crew.audit),
            Who::Auditor => By::Person(&crew.auditor),
            Who::Operator => By::Person(&crew.operator),
            Who::Requester => By::Person(&crew.cast.requester),
            Who::Counsel => By::Person(&crew.counsel),
            Who::Reviewer => By::Person(&crew.cast.reviewer),
            Who::Hand => By::Token(&things.hand),
            Who::Asker => By::Token(&things.asker),
            Who::Exporter => By::Cookie(&things.exporter),
            Who::Token => By::Token(&things.token),
        };
        let path = things.path(route);
        let shot = get(&house, by, &path).await;
        let Some(action) = action else {
            assert!(shot.events.is_empty(), "{path}: {:#?}", shot.events);
            continue;
        };
        assert!(!is_unrecorded(route) || *route == "/audit", "{route}");
        assert_eq!(shot.status, 200, "{path}: {}", shot.body);
        let event = shot.one(&path);
        assert_eq!((event["action"].as_str(), event["outcome"].as_str()), (Some(*action), Some("success")), "{path}: {event:#}");
        assert!(event["parts"]["client"]["peer_port"].as_u64().is_some_and(|port| port > 0), "{path}: {event:#}");
        match by {
            By::Person(person) => assert_eq!(event["parts"]["actor"]["name"], json!(person.caller.name), "{path}"),
            By::Cookie(_) => assert_eq!(event["parts"]["actor"]["name"], json!(crew.auditor.caller.name), "{path}"),
            _ => assert_eq!(event["actor"]["kind"], "token", "{path}"),
        }
        let of_case = route.starts_with("/recalls/{id}") || route.starts_with("/api/v1/recalls/{id}");
        assert!(!of_case || event["case"].is_string(), "{path}: {event:#}");
    }
}

/// What is looked for is kept where it can be erased, and the subject is who was looked at.
#[actix_web::test]
async fn the_event_of_a_reading_says_what_was_looked_at_and_for_what() {
    let house = House::set().await;
    let crew = house.crew().await;
    let shot = get(&house, By::Person(&crew.system), "/users?q=%E6%9E%97").await;
    let event = shot.one("a search for people");
    assert_eq!((&event["subject"]["id"], &event["parts"]["text"]["query"]["q"]), (&json!("all"), &json!("林")), "{event:#}");
    let path = format!("/users/{}", crew.nobody.caller.id);
    let shot = get(&house, By::Person(&crew.security), &path).await;
    assert_eq!(shot.one(&path)["subject"], json!({ "kind": "user", "id": crew.nobody.caller.id }));
    assert_eq!(shot.events[0]["parts"]["detail"]["shown"], "/users/{id}");
}

#[actix_web::test]
async fn a_reading_that_is_refused_leaves_one_event_too() {
    let house = House::set().await;
    let crew = house.crew().await;
    for (who, path) in [(&crew.nobody, "/users"), (&crew.nobody, "/settings"), (&crew.cast.requester, "/audit"), (&crew.audit, "/connections")] {
        let shot = get(&house, By::Person(who), path).await;
        let event = shot.one(path);
        assert_eq!((shot.status, event["outcome"].as_str()), (403, Some("refused")), "{path}: {event:#}");
    }
    let token = house.stage.token(None, &["log.read"]).await;
    let shot = get(&house, By::Token(&token), "/api/v1/events?case=FR-20261122-0001").await;
    assert_eq!((shot.status, shot.one("a token without the scope")["outcome"].as_str()), (403, Some("refused")));
}

/// What cannot be recorded is not shown.
#[actix_web::test]
async fn nothing_privileged_is_shown_that_cannot_be_recorded() {
    let house = House::set().await;
    let system = house.stage.person("system", &[Role::SystemAdministrator], "信息部").await;
    house.stage.person("tangwei", &[Role::Requester], "信息部").await;
    let shot = get(&house, By::Person(&system), "/users").await;
    assert!(shot.status == 200 && shot.body.contains("tangwei"));
    let (request, _) = house.request(By::Person(&system), Method::GET, "/users").await;
    house.stage.no_more_events();
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_server_error(), "{}", answer.status());
    assert!(!answer.text().await.unwrap().contains("tangwei"), "nobody is named");
}
