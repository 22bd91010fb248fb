//! The printed report of a case (电子数据固定报告): what a judge reads alone. It repeats what the files beside it say, in the order in which a
//! court asks (reference: report chapters A to K), and proves nothing of its own; every page bears the digest of the list of those files.
//! Not here: `evidence.json`, the machine's form of the same ([`super::report`]); the sheet it is written on ([`super::paper`]).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    collected::Recipient,
    integrity,
    paper::{Page, css_string, escape, mono, name, number},
    remedied,
    report::{FileFacts, Report},
    tables::Event,
};
use crate::{
    clock::Instant,
    crypto::sha256,
    domain::recall::weighing::{Answers, Reply},
    i18n::{Lang, Tr, bytes},
};

const STYLE: &str = "body{font-size:10pt;line-height:1.45}h1{text-align:center;font-size:19pt;letter-spacing:.1em;margin-top:2mm}\
h2{font-size:12pt;margin:5mm 0 1.5mm}h3{font-size:10.5pt;margin:4mm 0 1mm}.no{text-align:center;margin-bottom:3mm}.sheet{break-before:page}.sign{margin-top:6mm}\
.t{white-space:nowrap}.course th:nth-child(1){width:24%}.course th:nth-child(2){width:17%}.course th:nth-child(4){width:11%}\
.said th:nth-child(1){width:14%}.said th:nth-child(2){width:11%}.said th:nth-child(3){width:12%}.said th:nth-child(5){width:24%}.said th:nth-child(6){width:19%}\
.files th:nth-child(1){width:38%}.files th:nth-child(2){width:11%}";

/// What a report is written from; all of it lies in the bundle.
pub(super) struct Material<'a> {
    /// Without its list of files.
    pub report: &'a Report,
    pub events: &'a [Event],
    pub recipients: &'a Counts,
    pub calls: usize,
    /// `environment.json`.
    pub environment: &'a Value,
    /// The payload without reports and `evidence.json`, in order of path.
    pub files: &'a [FileFacts],
}

/// Recipients counted by what is known of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    total: u64,
    /// By a word of `recipients.csv`'s columns `delivery`, `read_state`, `outcome`; no outcome is an empty word.
    delivery: BTreeMap<String, u64>,
    read: BTreeMap<String, u64>,
    outcome: BTreeMap<String, u64>,
    /// Read at a known time, which lies before the recall was ordered; `None` where nobody ordered one.
    read_before: Option<u64>,
}

impl Counts {
    /// `ordered`: when the last level approved, or whoever could order it did.
    pub fn of(recipients: &[Recipient], ordered: Option<Instant>) -> Self {
        let mut counts = Self { read_before: ordered.map(|_| 0), ..Self::default() };
        for r in recipients {
            counts.total += 1;
            *counts.delivery.entry(r.delivery.clone()).or_default() += 1;
            *counts.read.entry(r.read_state.clone()).or_default() += 1;
            *counts.outcome.entry(r.outcome.clone().unwrap_or_default()).or_default() += 1;
            let before = r.read_at.zip(ordered).is_some_and(|(read, ordered)| read < ordered);
            counts.read_before = counts.read_before.map(|n| n + u64::from(before));
        }
        counts
    }
}

/// When the recall was ordered: by the last approval, or before its review by the officer on duty.
pub(super) fn ordered(report: &Report, events: &[Event]) -> Option<Instant> {
    let first = || events.iter().find(|e| e.leaf.action == "recall.ordered" && e.leaf.outcome == "success").map(|e| e.leaf.at);
    report.case.approved_at.as_deref().and_then(Instant::parse).or_else(first)
}

/// The lines of `manifest-sha256.txt` that [`Material::files`] have there, whose SHA-256 stands on every page.
pub(super) fn inventory(files: &[FileFacts]) -> String {
    files.iter().map(|f| format!("{}  data/{}\n", f.sha256, f.path)).collect()
}

/// The report in one language, and the name of its file.
pub(super) fn report(m: &Material<'_>, lang: Lang) -> (&'static str, String) {
    let r = m.report;
    let digest = hex::encode(sha256(inventory(m.files).as_bytes()));
    let title = |tr: &Tr| format!("{} {}", tr.t("printed-title"), r.number);
    let mut page = Page::open(lang, &r.zone, title, name(lang.other()), |tr| format!("{STYLE}{}", margins(tr, r, &digest)));
    let (heading, number) = (page.t("printed-title"), escape(&page.tr.a1("printed-number", "number", &r.number)));
    page.put(&format!("<h1>{heading}</h1>\n<p class=\"no\">{number}</p>\n"));
    basis(&mut page, m);
    source(&mut page, m);
    conclusion(&mut page, m, &digest);
    course(&mut page, m);
    approvals(&mut page, m);
    results(&mut page, m);
    integrity::chapter(&mut page, r);
    files(&mut page, m);
    withheld(&mut page, r);
    limits(&mut page, r, lang);
    rules(&mut page, m);
    attachments(&mut page, r);
    for form in ["notary", "examiner"] {
        hand_over(&mut page, r, form, &digest);
    }
    (name(lang), page.close())
}

/// Running head and foot of the printed pages.
fn margins(tr: &Tr, r: &Report, digest: &str) -> String {
    let head = css_string(&format!("{}　撤回有据 Countermand", r.organisation));
    let foot = css_string(&tr.a1("printed-foot", "digest", digest));
    // The numbers are the printer's: each stands where the words have its mark.
    let count = |of: &str| format!("\" counter({of}) \"");
    let pages = css_string(&tr.a("printed-page", &[("page", "[page]"), ("pages", "[pages]")]));
    let pages = pages.replace("\\5b pages\\5d ", &count("pages")).replace("\\5b page\\5d ", &count("page"));
    format!(
        "@page{{margin:16mm 14mm 17mm;@top-left{{content:{head};font-size:8pt}}@top-right{{content:{};font-size:8pt}}\
         @bottom-left{{content:{foot};font-size:7.5pt;white-space:nowrap}}@bottom-right{{content:{pages};font-size:8pt;white-space:nowrap}}}}",
        css_string(&r.number),
    )
}

/// The text of an RFC 3339 time.
fn at(page: &Page, text: &str) -> String {
    page.time(Instant::parse(text))
}

/// A time in a column: day and time stay on one line.
fn moment(page: &Page, at: Instant) -> String {
    let text = page.time(Some(at));
    let (time, offset) = text.rsplit_once(' ').unwrap_or((text.as_str(), ""));
    format!("<span class=\"t\">{time}</span> {offset}")
}

fn optional(page: &Page, text: Option<&str>) -> String {
    text.map_or_else(|| page.t("printed-nothing"), |text| at(page, text))
}

/// The name that events know an account by; its id where they say none.
fn who(m: &Material<'_>, id: &str) -> String {
    let named = m.events.iter().filter(|e| e.leaf.actor.id == id).map(|e| e.text("actor", "name")).find(|name| !name.is_empty());
    named.map_or_else(|| mono(id), |name| escape(&name))
}

fn part<'e>(event: &'e Event, name: &str) -> Option<&'e Value> {
    event.parts.get(name)
}

fn submitted<'m>(m: &'m Material<'_>) -> Option<&'m Event> {
    m.events.iter().find(|e| e.leaf.action == "recall.submitted" && e.leaf.outcome == "success")
}

fn basis(page: &mut Page, m: &Material<'_>) {
    let r = m.report;
    page.h2("printed-basis");
    let nothing = page.t("printed-nothing");
    let said = |key: &str| submitted(m).map(|e| e.text("text", key)).filter(|text| !text.is_empty()).map_or_else(|| nothing.clone(), |t| escape(&t));
    let operator = match r.issue.operator_kind.as_str() {
        "user" if !r.issue.operator_name.is_empty() => escape(&r.issue.operator_name),
        kind => format!("{} {}", page.word("printed-operator", kind), mono(&r.issue.operator_id)),
    };
    let span = m.events.first().zip(m.events.last()).map(|(first, last)| (first.index, last.index)).unwrap_or_default();
    let scope = [
        ("events", number(m.events.len() as u64)),
        ("first", number(span.0)),
        ("last", number(span.1)),
        ("recipients", number(m.recipients.total)),
        ("calls", number(m.calls as u64)),
    ];
    let department = submitted(m).map(|e| e.text("actor", "department")).filter(|d| !d.is_empty());
    // Both are HTML already.
    let and = |one: String, two: Option<String>| match two {
        Some(two) => page.tr.a2("printed-and", "one", one, "two", two),
        None => one,
    };
    let requester = and(who(m, &r.case.requester), department.map(|d| escape(&d)));
    let source = r.case.sent_at_source.as_deref().map(|source| page.word("printed-sent-source", source));
    let sent = and(optional(page, r.case.sent_at.as_deref()), source);
    let rows = [
        ("printed-case", escape(&r.case.number)),
        ("printed-cause", page.word("harm-class", &r.case.harm_class)),
        ("printed-reason", said("reason")),
        ("printed-rule", said("basis")),
        ("printed-requester", requester),
        ("printed-channel", format!("{} · {}", page.word("platform", &r.case.platform), escape(&r.case.channel))),
        ("printed-sent", sent),
        ("printed-state", page.word("recall-state", &r.case.state)),
        ("printed-purpose", r.issue.purpose.as_deref().map_or_else(|| page.word("printed-kind", &r.issue.kind), escape)),
        ("printed-operator", operator),
        ("printed-made-at", page.time(Some(r.issue.made_at))),
        ("printed-scope", escape(&page.tr.a("printed-scope-said", &scope))),
        (
            "printed-left-out",
            match r.withheld.len() {
                0 => page.t("paper-none"),
                count => escape(&page.tr.n("printed-left-out-said", count)),
            },
        ),
    ];
    page.form(&rows);
}

fn source(page: &mut Page, m: &Material<'_>) {
    let text = |key: &str| m.environment[key].as_str().unwrap_or_default();
    page.h2("printed-source");
    let clock = &m.environment["clock"];
    let told = [("source", clock["source"].as_str().unwrap_or_default()), ("zone", m.report.zone.as_str())];
    let clock = escape(&page.tr.a("printed-clock-said", &told));
    page.form(&[
        ("printed-product", format!("{} {}", escape(text("product")), escape(text("version")))),
        ("printed-deployment", mono(&m.report.log.origin)),
        ("printed-system", format!("{} · {} · {}", escape(text("system")), escape(text("database")), mono(text("node")))),
        ("printed-clock", clock),
    ]);
}

fn conclusion(page: &mut Page, m: &Material<'_>, digest: &str) {
    let r = m.report;
    page.h2("printed-conclusion");
    let total: u64 = m.files.iter().map(|f| f.bytes).sum();
    let object = page.tr.a("printed-object-said", &[("files", number(m.files.len() as u64)), ("size", bytes(total))]);
    let stamped = r.anchors.iter().rev().find_map(|a| a.tokens.first().map(|t| (t.authority.clone(), t.at.clone())));
    let fixed = match stamped {
        Some((authority, time)) => escape(&page.tr.a("printed-stamped", &[("authority", authority), ("time", at(page, &time))])),
        None => escape(&page.tr.a1("printed-unstamped", "time", page.time(Some(r.issue.made_at)))),
    };
    page.form(&[
        ("printed-finding", page.t("printed-finding-said")),
        ("printed-object", escape(&object)),
        ("printed-digest", mono(digest)),
        ("printed-fixed", fixed),
        ("printed-check", page.t("printed-check-said")),
    ]);
    for key in ["printed-how", "printed-proves"] {
        let text = page.t(key);
        page.p(&text);
    }
    page.sign(&["printed-sign-operator", "printed-sign-witness", "printed-sign-date"]);
}

/// Events that tell of the case; who read and who was written to stands in `events.csv`.
fn tells(event: &Event) -> bool {
    let action = event.leaf.action.as_str();
    let beside = ["content.", "evidence.", "notice.", "search.", "list."];
    !action.ends_with(".call_started") && !beside.iter().any(|prefix| action.starts_with(prefix))
}

/// What an event says beyond its name: what was decided, counted, answered, written.
fn fact(page: &Page, e: &Event) -> String {
    let mut said = vec![page.word("action", &e.leaf.action)];
    if e.leaf.outcome != "success" {
        said.push(page.word("outcome", &e.leaf.outcome));
    }
    let null = Value::Null;
    let detail = part(e, "detail").unwrap_or(&null);
    let count = |value: &Value| number(value.as_u64().unwrap_or_default());
    match e.leaf.action.as_str() {
        action if action.starts_with("remediation.") && !detail.is_null() => said.push(page.word("remedy", &e.text("detail", "strategy"))),
        "recall.decided" => said.push(page.word("recall-verb", &e.text("detail", "decision"))),
        "ratification.decided" => said.push(page.word("ratification-made", &e.text("detail", "verdict"))),
        "broadcast.sent" | "recall.finished" => {
            let counts = if e.leaf.action == "broadcast.sent" { &detail["recipients"] } else { &detail["tally"] };
            let prefix = if e.leaf.action == "broadcast.sent" { "delivery" } else { "printed-outcome" };
            let told = counts.as_object().into_iter().flatten().filter(|(key, n)| *key != "total" && n.as_u64() != Some(0));
            said.extend(told.map(|(key, n)| format!("{} {}", page.word(prefix, key), count(n))));
        }
        "reading.captured" if detail["available"] == false => said.push(page.t("printed-reading-none")),
        "reading.captured" => {
            said.push(escape(&page.tr.a("printed-reading", &[("read", count(&detail["read"])), ("unread", count(&detail["unread"]))])));
        }
        action if action.ends_with(".call_answered") => said.push(page.word("call-result", &e.text("detail", "result"))),
        _ => {}
    }
    let written = part(e, "text").and_then(Value::as_object).into_iter().flatten().filter_map(|(_, text)| text.as_str());
    said.extend(written.filter(|text| !text.is_empty()).map(|text| escape(&page.tr.a1("printed-quoted", "text", text))));
    page.tr.clauses(&said)
}

fn course(page: &mut Page, m: &Material<'_>) {
    page.h2("printed-course");
    let rows = m.events.iter().filter(|e| tells(e)).map(|e| {
        let roles: Vec<_> = e.roles().split_whitespace().map(|role| page.word("role", role)).collect();
        let name = e.text("actor", "name");
        let actor = match e.leaf.actor.kind.as_str() {
            "user" if !name.is_empty() => escape(&name),
            "user" => mono(&e.leaf.actor.id),
            kind => page.word("printed-operator", kind),
        };
        vec![moment(page, e.leaf.at), [vec![actor], roles].concat().join("<br>"), fact(page, e), number(e.index)]
    });
    let rows = rows.collect();
    page.put("<div class=\"course\">\n");
    page.table(&["printed-time", "printed-who", "printed-fact", "printed-index#"], rows, "events.csv");
    page.put("</div>\n");
    let rest = page.t("printed-course-rest");
    page.p(&rest);
}

/// What level 2 was asked, a line for each answer.
fn answered(page: &Page, answers: &Answers) -> Vec<String> {
    let line = |reply: &Reply| {
        let matters: Vec<String> = answers.with(*reply).map(|matter| page.word("matter", matter.as_str())).collect();
        (!matters.is_empty()).then(|| format!("<br>{}", page.tr.pair(&page.word("reply", reply.as_str()), &page.tr.clauses(&matters))))
    };
    Reply::ALL.iter().filter_map(line).collect()
}

fn approvals(page: &mut Page, m: &Material<'_>) {
    let r = m.report;
    page.h2("printed-approvals");
    let by_id: BTreeMap<&str, &Event> = m.events.iter().map(|e| (e.leaf.id.as_str(), e)).collect();
    let rows = r.decisions.iter().map(|d| {
        let event = by_id.get(d.event.as_str());
        let told = |name: &str, key: &str| event.map(|e| e.text(name, key)).unwrap_or_default();
        let mut decider = who(m, &d.decider);
        if let Some(principal) = &d.principal {
            let named = told("principal", "name");
            let named = if named.is_empty() { principal.clone() } else { named };
            decider = format!("{decider}<br>{}", escape(&page.tr.a1("printed-behalf", "name", named)));
        }
        let mut comment = d.comment.as_deref().map_or_else(|| page.t("printed-purged"), escape);
        comment.extend(d.answers.iter().flat_map(|answers| answered(page, answers)));
        vec![
            page.word("printed-level", &d.level.to_string()),
            decider,
            page.word("recall-verb", &d.decision),
            comment,
            format!("{}<br>{}", moment(page, d.at), page.word("printed-method", &d.method)),
            [told("client", "client_ip"), told("device", "device_id")].map(|text| mono(&text)).join("<br>"),
        ]
    });
    let rows = rows.collect();
    page.put("<div class=\"said\">\n");
    page.table(
        &["printed-column-level", "printed-who", "printed-decision", "printed-comment", "printed-decided-at", "printed-origin"],
        rows,
        "approvals.csv",
    );
    page.put("</div>\n");
    let approved: Vec<_> = r.decisions.iter().filter(|d| d.decision == "approve").collect();
    let people: BTreeSet<_> = approved.iter().map(|d| d.decider.as_str()).collect();
    let levels: BTreeSet<_> = approved.iter().map(|d| d.level).collect();
    let key = match () {
        () if levels.len() == 3 && people.len() >= 3 && !people.contains(r.case.requester.as_str()) => "printed-separate",
        () => "printed-not-three",
    };
    let said = page.t(key);
    page.p(&said);
}

fn results(page: &mut Page, m: &Material<'_>) {
    let counts = m.recipients;
    page.h2("printed-results");
    let group = |page: &Page, title: &str, prefix: &str, counted: &BTreeMap<String, u64>| -> Vec<Vec<String>> {
        let word = |word: &str| if word.is_empty() { page.t("printed-outcome-none") } else { page.word(prefix, word) };
        counted.iter().map(|(key, n)| vec![page.t(title), word(key), number(*n)]).collect()
    };
    let rows = [
        vec![vec![page.t("printed-recipients"), String::new(), number(counts.total)]],
        group(page, "printed-taken", "delivery", &counts.delivery),
        group(page, "printed-read", "reading", &counts.read),
        vec![vec![page.t("printed-read-before"), String::new(), counts.read_before.map_or_else(|| page.t("printed-nothing"), number)]],
        group(page, "printed-outcome", "printed-outcome", &counts.outcome),
    ];
    page.table(&["printed-what", "printed-value", "printed-people#"], rows.concat(), "recipients.csv");
    for key in ["printed-accepted-means", "printed-unknown-means"] {
        let text = page.t(key);
        page.p(&text);
    }
    remedied::table(page, m.events, |id| who(m, id));
}

fn files(page: &mut Page, m: &Material<'_>) {
    page.h2("printed-files");
    let how = page.t("printed-files-how");
    page.p(&how);
    page.put("<p class=\"m\">grep -v -e ' data/evidence.json$' -e ' data/report.*html$' manifest-sha256.txt | sha256sum</p>\n");
    let rows = m.files.iter().map(|f| vec![mono(&format!("data/{}", f.path)), number(f.bytes), mono(&f.sha256)]).collect();
    page.put("<div class=\"files\">\n");
    page.table(&["printed-file", "printed-bytes#", "printed-sha256"], rows, "manifest-sha256.txt");
    page.put("</div>\n");
}

fn withheld(page: &mut Page, r: &Report) {
    page.h2("printed-withheld");
    let rows = r.withheld.iter().map(|w| vec![mono(&w.what), page.word("printed-why", &w.reason)]).collect();
    page.table(&["printed-what-withheld", "printed-why"], rows, "evidence.json");
}

fn limits(page: &mut Page, r: &Report, lang: Lang) {
    page.h2("printed-limits");
    let text = |limit: &super::report::Limit| match lang {
        Lang::ZhCn => format!("<li>{}</li>\n", escape(&limit.zh)),
        Lang::En => format!("<li>{}</li>\n", escape(&limit.en)),
    };
    let list: String = r.limits.iter().map(text).collect();
    page.put(&format!("<ul>\n{list}</ul>\n"));
}

/// The rules that the case was judged by, as its first event recorded them.
fn rules(page: &mut Page, m: &Material<'_>) {
    let case = &m.report.case;
    page.h2("printed-rules");
    let null = Value::Null;
    let rules = submitted(m).and_then(|e| part(e, "detail")).map_or(&null, |detail| &detail["rules"]);
    let seconds = |value: &Value| value.as_u64().map(|s| page.tr.duration(std::time::Duration::from_secs(s)));
    let nothing = page.t("printed-nothing");
    let mut rows = vec![
        (
            "printed-policy",
            escape(&page.tr.a("printed-policy-said", &[("id", case.policy_id.clone()), ("version", case.policy_version.to_string())])),
        ),
        ("printed-levels", escape(&page.tr.a1("printed-levels-said", "count", rules["different_people"].as_u64().unwrap_or(3)))),
        ("printed-budget", seconds(&rules["budget_seconds_per_level"][&case.harm_class]).map_or_else(|| nothing.clone(), |t| escape(&t))),
        ("printed-reserve", seconds(&rules["execution_reserve_seconds"]).map_or_else(|| nothing.clone(), |t| escape(&t))),
        ("printed-cut-off", optional(page, case.cut_off.as_deref())),
    ];
    let adopted = rules["adopted"].as_array().into_iter().flatten().map(|window| {
        let api = &window["api"];
        let span = seconds(&api["span"]["seconds"]).unwrap_or_default();
        let (id, grade) = (mono(window["id"].as_str().unwrap_or_default()), page.word("grade", api["grade"].as_str().unwrap_or_default()));
        format!("{id} {} · {grade} {}", escape(&span), escape(api["source"].as_str().unwrap_or_default()))
    });
    let adopted = adopted.collect::<Vec<_>>().join("<br>");
    rows.push(("printed-windows", if adopted.is_empty() { nothing.clone() } else { adopted }));
    page.form(&rows);
}

fn attachments(page: &mut Page, r: &Report) {
    page.h2("printed-attachments");
    let rows = r.attachments.iter().map(|a| {
        let file = a.file.as_deref().map_or_else(|| page.t("printed-not-in"), mono);
        vec![page.word("printed-kind", &a.kind), escape(&a.name), number(a.size), at(page, &a.uploaded_at), file, mono(&a.sha256)]
    });
    let rows = rows.collect();
    let columns = ["printed-kind", "printed-name", "printed-bytes#", "printed-uploaded", "printed-file", "printed-sha256"];
    page.table(&columns, rows, "evidence.json");
}

/// A form to be filled in by hand when the bundle is handed over: what comes after sealing cannot be inside.
fn hand_over(page: &mut Page, r: &Report, to: &str, digest: &str) {
    page.put("<section class=\"sheet\">\n");
    page.h2(&format!("printed-hand-over-{to}"));
    let blank = String::new;
    page.form(&[
        ("printed-hand-over-bundle", escape(&r.number)),
        ("printed-case", escape(&r.case.number)),
        ("printed-digest", mono(digest)),
        ("printed-hand-over-zip", blank()),
        ("printed-hand-over-medium", blank()),
        ("printed-hand-over-condition", blank()),
        ("printed-hand-over-to", blank()),
        ("printed-hand-over-reference", blank()),
        ("printed-hand-over-checked", page.t("printed-hand-over-boxes")),
        ("printed-hand-over-when", blank()),
    ]);
    page.sign(&["printed-sign-giver", "printed-sign-taker", "printed-sign-date"]);
    let note = page.t("printed-hand-over-note");
    page.p(&note);
    page.put("</section>\n");
}
