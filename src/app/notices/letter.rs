//! What a mail says: which case, what is to be done until when, and a link. In the reader's language; nothing of the message itself.

use super::Matter;
use crate::{
    app::App,
    clock::Instant,
    connect::mail::{Letter, Sheet},
    domain::notice::Notice,
    i18n::{Lang, Tr},
    store::users::UserRow,
};

/// The letter of a notice about `matter` to `user`, whose address is `to`; `id` is the notice's.
pub(super) fn write(app: &App, kind: Notice, level: u8, matter: &Matter, user: &UserRow, to: String, id: &str) -> Letter {
    let loaded = &matter.loaded;
    let lang = user.lang.as_deref().and_then(Lang::parse).unwrap_or_default();
    let tr = Tr::new(lang).in_zone(&app.config.time_zone);
    let row = &loaded.row;
    let moment = |at: Instant| format!("{} {}", tr.time(at), tr.zone_note(at)).trim().to_owned();
    let mut facts = vec![
        (tr.t("mail-case"), row.number.clone()),
        (tr.t("mail-class"), tr.word("harm-class", &row.harm_class)),
        (tr.t("mail-requester"), matter.requester.clone()),
        (tr.t("mail-state"), tr.word("recall-state", &row.state)),
    ];
    match kind {
        Notice::Decide | Notice::Remind | Notice::Escalated => {
            facts.push((tr.t("mail-level"), tr.t(&format!("level-{level}"))));
            facts.extend(matter.behalf.clone().map(|name| (tr.t("mail-behalf"), name)));
            facts.push((tr.t("mail-due"), moment(row.due_of(level))));
            facts.extend(row.cut_off.map(|end| (tr.t("mail-cut-off"), moment(Instant(end)))));
        }
        Notice::Removed => facts.push((tr.t("mail-level"), tr.t(&format!("level-{level}")))),
        Notice::Returned | Notice::CarryOut | Notice::Confirm | Notice::Asked | Notice::Answered | Notice::Commented => {
            facts.extend(row.cut_off.map(|end| (tr.t("mail-cut-off"), moment(Instant(end)))))
        }
        Notice::Ordered | Notice::Skipped | Notice::Ratify | Notice::RatifyRemind => {
            if level > 0 {
                facts.push((tr.t("mail-level"), tr.t(&format!("level-{level}"))));
            }
            if let Some((order, _)) = &loaded.order {
                facts.push((tr.t("mail-ordered-at"), moment(Instant(order.at))));
                facts.push((tr.t("mail-ratify-due"), moment(Instant(order.due_at))));
            }
        }
        Notice::Remedy | Notice::RemedyOverdue => facts.extend(matter.steps.iter().map(|step| {
            let due = step.due.map_or_else(|| tr.t("remediation-tracked"), |due| tr.a1("mail-step-due", "due", moment(due)));
            (tr.word("remedy", step.strategy), tr.a2("mail-step", "owner", &step.owner, "due", due))
        })),
        Notice::Ended => facts.extend(row.finished_at.map(|end| (tr.t("mail-ended-at"), moment(Instant(end))))),
    }
    let head = tr.word("mail-head", kind);
    let subject = tr.a2("mail-subject", "what", tr.word("mail-what", kind), "number", &row.number);
    let link = format!("{}/recalls/{}", app.config.public_url.trim_end_matches('/'), row.id);
    let lines: String = facts.iter().map(|(label, value)| format!("{}\n", tr.pair(label, value))).collect();
    let text = format!("{head}\n\n{lines}\n{}\n{link}\n\n{}\n", tr.t("mail-open"), tr.t("mail-foot"));
    let sheet = Sheet { lang: lang.as_str(), subject, head, facts, link, open: tr.t("mail-open"), foot: tr.t("mail-foot"), below: None };
    Letter { to, to_name: user.display_name.clone(), text, sheet, message_id: format!("{id}@{}", app.config.host()) }
}
