//! The report for people (`paper`). It repeats what the files beside it say and proves nothing of its own.

use std::fmt::Write;

use super::{
    facts::Facts,
    findings::{Case, Found},
    tables::{Access, Question},
};
use crate::{
    clock::Instant,
    domain::audit::{CONTROLS, ExceptionKind},
    evidence::{
        paper::{Page, escape, mono, name, number},
        tables::Event,
    },
    i18n::{Lang, Tr},
};

/// What a report is written from.
pub struct Material<'a> {
    pub facts: &'a Facts,
    pub found: &'a Found,
    pub access: &'a [Access],
    pub questions: &'a [Question],
    pub walk: &'a [Event],
}

/// The report in one language.
pub fn report(material: &Material<'_>, lang: Lang) -> String {
    let facts = material.facts;
    let title = |tr: &Tr| format!("{} {}", tr.t("audit-report-title"), facts.number);
    let mut page = Page::open(lang, &facts.zone, title, name(lang.other()), |_| String::new());
    let gap = if facts.organisation.is_empty() { "" } else { "　" };
    let (heading, of) = (escape(&facts.audit.title), format!("{}{gap}{}", escape(&facts.number), escape(&facts.organisation)));
    page.put(&format!("<h1>{heading}</h1>\n<p class=\"no\">{of}</p>\n"));
    basis(&mut page, material);
    population(&mut page, material);
    exceptions(&mut page, material);
    sample(&mut page, material);
    walk(&mut page, material);
    controls(&mut page, material);
    access(&mut page, material);
    questions(&mut page, material);
    limits(&mut page, facts, lang);
    page.close()
}

fn basis(page: &mut Page, material: &Material<'_>) {
    let facts = material.facts;
    let at = |text: &str| Instant::parse(text);
    let last = at(&facts.audit.to).map(|to| Instant(to.0 - 1));
    let period =
        format!("{} – {}", at(&facts.audit.from).map(|d| page.tr.date(d)).unwrap_or_default(), last.map(|d| page.tr.date(d)).unwrap_or_default());
    page.h2("audit-report-basis");
    let rows = [
        ("audit-number", escape(&facts.audit.number)),
        ("audit-period", format!("{period} ({})", escape(&facts.zone))),
        ("audit-opened-at", page.time(at(&facts.audit.opened_at))),
        ("audit-report-log", mono(&facts.log.origin)),
        ("audit-report-size", number(facts.log.size)),
        ("audit-report-root", mono(&facts.log.root)),
        ("audit-report-key", mono(&facts.log.vkey)),
        ("audit-report-time", authorities(page, facts)),
    ];
    page.form(&rows);
    let how = page.t("audit-report-how");
    page.p(&how);
}

/// Who says from outside when this was.
fn authorities(page: &Page, facts: &Facts) -> String {
    match facts.authorities.as_deref() {
        Some([]) | None => page.t("audit-report-no-authority"),
        Some(names) => escape(&page.tr.a1("audit-report-authorities", "names", names.join(", "))),
    }
}

fn outcome(page: &Page, case: &Case) -> String {
    page.word("recall-state", &case.state)
}

fn population(page: &mut Page, material: &Material<'_>) {
    let (facts, found) = (material.facts, material.found);
    page.h2("audit-report-population");
    let said = escape(&page.tr.a1("audit-report-cases", "count", number(facts.cases)));
    page.p(&said);
    let missing: Vec<String> = facts.numbers.iter().flat_map(|day| day.missing.iter().cloned()).collect();
    let gaps =
        if missing.is_empty() { page.t("audit-report-gapless") } else { escape(&page.tr.a1("audit-report-gaps", "numbers", missing.join(" "))) };
    page.p(&gaps);
    let rows = found
        .cases
        .iter()
        .map(|c| {
            let level = |n: usize| {
                c.levels[n]
                    .as_ref()
                    .map_or_else(String::new, |l| format!("{}<br>{}", page.word("recall-verb", &l.decision), page.time(Some(l.mark.at))))
            };
            vec![
                escape(&c.number),
                number(c.opened.index),
                page.time(Some(c.opened.at)),
                level(0),
                level(1),
                level(2),
                outcome(page, c),
                c.closed.as_ref().map_or_else(String::new, |m| number(m.index)),
            ]
        })
        .collect();
    page.table(
        &[
            "audit-column-case",
            "audit-column-index#",
            "audit-column-opened",
            "audit-column-level-1",
            "audit-column-level-2",
            "audit-column-level-3",
            "audit-column-state",
            "audit-column-closed#",
        ],
        rows,
        "cases.csv",
    );
}

fn exceptions(page: &mut Page, material: &Material<'_>) {
    let (facts, found) = (material.facts, material.found);
    page.h2("audit-report-exceptions");
    let mut counts = Vec::new();
    for kind in ExceptionKind::ALL {
        let count = found.exceptions.iter().filter(|e| e.kind == *kind).count();
        let said = match () {
            () if facts.absent.contains(kind) => page.t("audit-report-absent"),
            () if !facts.audit.exceptions.contains(kind) => page.t("audit-report-not-asked"),
            () => number(count as u64),
        };
        counts.push(vec![page.word("exception", kind.as_str()), said]);
    }
    page.table(&["audit-column-kind", "audit-column-count#"], counts, "exceptions.csv");
    let of = |id: &Option<String>| {
        let case = found.cases.iter().find(|c| Some(&c.id) == id.as_ref());
        case.map(|c| escape(&c.number)).unwrap_or_default()
    };
    let rows = found
        .exceptions
        .iter()
        .map(|e| vec![page.word("exception", e.kind.as_str()), of(&e.case), number(e.mark.index), page.time(Some(e.mark.at)), escape(&e.about)])
        .collect();
    page.table(&["audit-column-kind", "audit-column-case", "audit-column-index#", "audit-column-time", "audit-column-about"], rows, "exceptions.csv");
}

fn sample(page: &mut Page, material: &Material<'_>) {
    let (audit, found) = (&material.facts.audit, material.found);
    page.h2("audit-report-sample");
    let source = page.word("audit-seed", audit.seed_source.as_str());
    page.form(&[("audit-seed", format!("{} ({source})", mono(&audit.seed))), ("audit-sample-size", number(audit.sample_size))]);
    let how = page.t("audit-report-draw");
    page.p(&how);
    let rows = found
        .sample
        .iter()
        .zip(1..)
        .map(|((key, place), rank): (_, u64)| {
            let case = &found.cases[*place];
            vec![number(rank), escape(&case.number), number(case.opened.index), mono(key)]
        })
        .collect();
    page.table(&["audit-column-rank#", "audit-column-case", "audit-column-index#", "audit-column-key"], rows, "sample.csv");
}

fn walk(page: &mut Page, material: &Material<'_>) {
    page.h2("audit-report-walk");
    let rows = material
        .walk
        .iter()
        .map(|e| {
            let name = e.text("actor", "name");
            let who = if name.is_empty() { e.leaf.actor.id.clone() } else { name };
            let shown = e.text("detail", "shown");
            let short = |text: &str| text.get(..16).unwrap_or(text).to_owned();
            vec![
                number(e.index),
                page.time(Some(e.leaf.at)),
                escape(&who),
                page.word("action", &e.leaf.action),
                page.word("outcome", &e.leaf.outcome),
                mono(&short(&shown)),
                mono(&short(&e.line)),
            ]
        })
        .collect();
    page.table(
        &[
            "audit-column-index#",
            "audit-column-time",
            "audit-column-who",
            "audit-column-action",
            "audit-column-outcome",
            "audit-column-shown",
            "audit-column-line",
        ],
        rows,
        "walkthrough/walkthrough.csv",
    );
}

fn controls(page: &mut Page, material: &Material<'_>) {
    page.h2("audit-report-controls");
    let rows = CONTROLS
        .iter()
        .map(|control| {
            let mut proofs = Vec::new();
            for action in control.proofs {
                for ((_, outcome), stat) in material.found.stats.iter().filter(|((a, _), _)| a == action.as_str()) {
                    let (name, outcome) = (page.word("action", action.as_str()), page.word("outcome", outcome));
                    proofs.push(format!("{name} ({outcome}) {}: {}–{}", number(stat.count), number(stat.first), number(stat.last)));
                }
            }
            if proofs.is_empty() {
                proofs.push(page.t("audit-report-no-events"));
            }
            let name = |end: &str| page.word("control", &format!("{}{end}", control.name));
            vec![format!("<b>{}</b><br>{}", name(""), name("_source")), name("_how"), name("_test"), proofs.join("<br>")]
        })
        .collect();
    page.table(&["audit-column-control", "audit-column-how", "audit-column-test", "audit-column-proofs"], rows, "controls.csv");
}

fn access(page: &mut Page, material: &Material<'_>) {
    page.h2("audit-report-access");
    let at = Instant::parse(&material.facts.audit.as_at).map(|at| page.tr.time_full(at)).unwrap_or_default();
    let said = escape(&page.tr.a1("audit-report-as-at", "time", at));
    page.p(&said);
    let facts = &material.facts.access;
    let counted = [("accounts", number(facts.accounts)), ("replayed", number(facts.from_log)), ("differ", number(facts.differ.len() as u64))];
    let said = escape(&page.tr.a("audit-report-replayed", &counted));
    page.p(&said);
    let rows = material
        .access
        .iter()
        .map(|a| {
            let roles: Vec<String> = match a.kind.as_str() {
                "account" => a.roles.split(' ').filter(|r| !r.is_empty()).map(|r| page.word("role", r)).collect(),
                _ => vec![escape(&a.roles)],
            };
            let factor = a.second_factor.map(|yes| page.t(if yes { "audit-yes" } else { "audit-no" })).unwrap_or_default();
            let name = if a.display_name.is_empty() { &a.name } else { &a.display_name };
            vec![escape(name), escape(&a.department), roles.join("<br>"), page.word("access-state", &a.state), factor, page.time(a.last_sign_in)]
        })
        .collect();
    page.table(
        &["audit-column-name", "audit-column-department", "audit-column-roles", "audit-column-state", "audit-column-factor", "audit-column-sign-in"],
        rows,
        "access.csv",
    );
}

fn questions(page: &mut Page, material: &Material<'_>) {
    page.h2("audit-report-questions");
    let rows = material
        .questions
        .iter()
        .map(|q| {
            let answer =
                q.answer.as_ref().map_or_else(|| page.t("question-open"), |(at, text, _)| format!("{}<br>{}", escape(text), page.time(Some(*at))));
            vec![number(q.number), escape(&q.asked_by), escape(&q.asked_of), escape(&q.question), answer]
        })
        .collect();
    page.table(&["audit-column-rank#", "question-asked-by", "question-asked-of", "question-text", "question-answer"], rows, "questions.csv");
}

fn limits(page: &mut Page, facts: &Facts, lang: Lang) {
    page.h2("audit-report-limits");
    page.put("<ul>\n");
    for limit in &facts.limits {
        let text = match lang {
            Lang::ZhCn => &limit.zh,
            Lang::En => &limit.en,
        };
        let _ = writeln!(page.out, "<li>{}</li>", escape(text));
    }
    page.put("</ul>\n");
    page.sign(&["audit-report-auditor", "audit-report-date"]);
}
