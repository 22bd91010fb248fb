//! A page that uses every macro of `templates/ui`, and its handlers: what page authors can copy, and what the shell's own tests look at.

use std::collections::BTreeSet;

use actix_web::{
    HttpResponse,
    dev::ServiceRequest,
    http::StatusCode,
    middleware::{Next, from_fn},
    web::{ServiceConfig, resource, scope},
};
use askama::Template;
use countermand::{
    clock::{Instant, ManualClock},
    domain::{
        platform::HarmClass,
        role::{Permission, Role},
    },
    web::{
        Fault, Flash, FormState, Page, PageUser, Posted, Shell, Tone, Viewer, Visit, html, ok, routes, see_other,
        view::{Chip, Choice, Crumb, Fact, Step, StepState, TimelineItem},
    },
};

#[derive(Template)]
#[template(
    ext = "html",
    source = r##"{% extends "layouts/console.html" %}
{% import "ui/head.html" as head %}{% import "ui/form.html" as form %}{% import "ui/alert.html" as alert %}{% import "ui/facts.html" as facts %}
{% import "ui/steps.html" as steps %}{% import "ui/timeline.html" as timeline %}{% import "ui/table.html" as table %}{% import "ui/pager.html" as pager %}
{% import "ui/badge.html" as badge %}{% import "ui/empty.html" as empty %}
{% block title %}样例{% endblock %}
{% block main %}
{{ head::crumbs(crumbs) }}
{% call head::head("样例 Sample") %}{{ badge::badge("info", "待终审", icon="check") }} {{ page.time(sent) }} {{ page.countdown(deadline) }}{% endcall %}
{{ form::summary(form) }}
{% call alert::alert("warn", "提示") %}<p>{{ page.n("people-count", people) }}</p>{% endcall %}
{{ facts::facts(figures) }}
<section class="panel block" aria-labelledby="h-steps"><header><h2 id="h-steps">审批进度</h2></header>{{ steps::steps(way) }}</section>
<section class="panel block" aria-labelledby="h-table"><header><h2 id="h-table">表</h2></header>
{{ pager::chips(chips, "/sample", "37") }}
{% call table::open("样例表格") %}<thead><tr><th scope="col">甲</th><th scope="col" class="num">乙</th></tr></thead>
<tbody><tr><td data-label="甲" class="lead-cell"><a class="name" href="/sample">名称</a></td><td class="num" data-label="乙">{{ page.num(people) }}</td></tr></tbody>{% endcall %}
{{ pager::pager(before, after, note="按时间倒序") }}</section>
<section class="panel block" aria-labelledby="h-form"><header><h2 id="h-form">表单</h2></header><div class="body">
{% call form::open("/sample", "样例表单", files=true) %}
{{ form::device() }}
{{ form::text(form, "account", max=100, autocomplete="username") }}
{{ form::textarea(form, "reason", max=500) }}
{{ form::select(form, "category", classes, label="原因分类", empty="请选择") }}
{{ form::radios(form, "scope", classes, label="范围", cards=true) }}
{{ form::checks(form, "channels", classes, label="渠道") }}
{{ form::file(form, "files", label="附件", optional=true, multiple=true) }}
{{ form::password(form, "password") }}
{{ form::otp(form) }}
{{ form::checkbox(form, "ack", label="我已核对", required=true) }}
{{ form::submit("提交") }}
{% endcall %}
</div></section>
<section class="panel block" aria-labelledby="h-line"><header><h2 id="h-line">时间线</h2></header>{{ timeline::timeline(events) }}</section>
{% call empty::empty("没有记录", "换一个条件试试") %}<a class="btn" href="/sample">清除</a>{% endcall %}
{% endblock %}"##
)]
struct Sample {
    page: Page,
    form: FormState,
    crumbs: Vec<Crumb>,
    figures: Vec<Fact>,
    way: Vec<Step>,
    chips: Vec<Chip>,
    classes: Vec<Choice>,
    events: Vec<TimelineItem>,
    before: Option<String>,
    after: Option<String>,
    sent: Instant,
    deadline: Instant,
    people: u64,
}

fn sample(page: Page, form: FormState) -> Sample {
    let step = |state, title: &str| Step { state, title: title.into(), who: "何婧".into(), note: "17:51".into() };
    let sent = now().minus(std::time::Duration::from_secs(3600));
    Sample {
        crumbs: vec![Crumb::link("/recalls", "撤回案件"), Crumb::here("样例")],
        figures: vec![
            Fact::new("平台受理人数", "12,480", ""),
            Fact::new("已读", "3,112", "24.9%"),
            Fact::new("可撤回", "11,962", ""),
            Fact::new("无法撤回", "518", "短信"),
        ],
        way: vec![
            step(StepState::Done, "提交申请"),
            step(StepState::Now, "部门复核"),
            step(StepState::Todo, "法务合规复核"),
            step(StepState::Stopped, "终审"),
        ],
        chips: vec![Chip { label: "渠道：企业微信".into(), href: "/sample?a=1".into() }],
        classes: HarmClass::ALL.iter().map(|c| Choice::new(c.as_str(), page.word("harm-class", c)).hint("说明")).collect(),
        events: vec![TimelineItem {
            at: page.stamp(sent),
            tone: Tone::Ok,
            who: "何婧<script>".into(),
            what: page.word("action", "recall.decided"),
            details: vec!["10.0.0.1".into()],
        }],
        before: None,
        after: Some("/sample?after=x".into()),
        sent,
        deadline: now().plus(std::time::Duration::from_secs(4366)),
        people: 12_480,
        page,
        form,
    }
}

async fn show(page: Page) -> Result<HttpResponse, Fault> {
    ok(sample(page, FormState::new("sample")))
}

async fn submit(page: Page, posted: Posted) -> Result<HttpResponse, Fault> {
    let mut form = FormState::from_posted("sample", &posted);
    form.line("account", 100);
    form.paragraph("reason", 20, 500);
    form.choice("category", HarmClass::parse);
    if form.ok() { Ok(see_other("/sample?done")) } else { html(StatusCode::UNPROCESSABLE_ENTITY, sample(page, form)) }
}

async fn broken() -> Result<HttpResponse, Fault> {
    Err(Fault::internal("the secret cause"))
}

async fn often() -> Result<HttpResponse, Fault> {
    Err(Fault::too_many(std::time::Duration::from_secs(90)))
}

async fn busy() -> Result<HttpResponse, Fault> {
    Err(Fault::unavailable("x", std::time::Duration::from_millis(1500)))
}

/// The evening of the mock-ups.
pub fn now() -> Instant {
    Instant::parse("2026-11-22T19:17:14+08:00").expect("an instant")
}

/// The shell of the samples, in plain HTTP.
pub fn shell() -> Shell {
    Shell { tenant: "华辰集团".into(), secure: false, public_origin: "http://localhost:8080".into(), clock: ManualClock::at(now()) }
}

/// A person with all permissions of `roles`.
pub fn viewer(roles: &[Role]) -> Viewer {
    let permissions: BTreeSet<Permission> = roles.iter().flat_map(|r| r.permissions()).copied().collect();
    let readonly_until = roles.contains(&Role::Auditor).then(|| now().plus(std::time::Duration::from_secs(40 * 86_400)));
    Viewer {
        user: PageUser {
            name: "陈思远".into(), roles: "终审".into(), readonly: readonly_until.is_some(), readonly_until, ask: None, permissions
        },
        csrf: "csrf-of-the-session".into(),
        waiting: 4,
        alerts: 0,
        broken: None,
        flash: Some(Flash { kind: Tone::Ok, text: "已提交，编号 FR-20261122-0047。".into() }),
        lang: None,
        theme: None,
        zone: None,
    }
}

/// The sample's paths; who sends the cookie `as` with a role's word is signed in as that role.
pub fn configure(cfg: &mut ServiceConfig) {
    async fn session(
        req: ServiceRequest,
        next: Next<impl actix_web::body::MessageBody>,
    ) -> Result<actix_web::dev::ServiceResponse<impl actix_web::body::MessageBody>, actix_web::Error> {
        let role = req.cookie("as").and_then(|c| Role::parse(c.value()));
        if let (Some(visit), Some(role)) = (Visit::of(req.request()), role) {
            visit.sign_in(viewer(&[role]));
        }
        next.call(req).await
    }
    cfg.service(
        scope("")
            .wrap(from_fn(session))
            .service(resource("/sample").get(show).post(submit))
            .service(resource("/broken").get(broken))
            .service(resource("/busy").get(busy))
            .service(resource("/often").get(often))
            .service(resource("/api/v1/broken").get(broken))
            .configure(routes::routes),
    );
}
