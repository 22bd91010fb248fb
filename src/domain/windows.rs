//! The catalogue of recall windows as the field describes them, with source and grade: what a company may adopt as its own rule
//! and amend (`domain::policy`), what remediation consists of, and what remains after a recall. Its rows are facts about platforms and carry an
//! edition; every version of a policy keeps the rows that it adopts.
//! Not here: what our connectors can do (`connect`), what stops an execution (`domain::recall`), the words (`locales/*/catalogue.ftl`).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::words;

/// The edition of the rows below: one more whenever a row is changed.
pub const EDITION: u32 = 1;

words! {
    /// A platform as the catalogue names it; where a connector exists, with the word of its `Platform`.
    pub enum Channel {
        Wechat = "wechat",
        OfficialAccount = "official_account",
        Wecom = "wecom",
        Qq = "qq",
        Dingtalk = "dingtalk",
        Telegram = "telegram",
    }
}

words! {
    /// Whose clock decides.
    pub enum Ruling {
        Server = "server",
        EnterpriseServer = "enterprise_server",
        /// The sender's own device: the skew is measured and shown.
        Client = "client",
        Cloud = "cloud",
    }
}

words! {
    /// How well something is known. Only the first is a fact; the others are leads.
    pub enum Grade {
        /// Read in the platform's own documentation.
        Official = "official",
        /// Seen in other people's code, copies and threads.
        ThirdParty = "third_party",
        /// Told or remembered; to be tried on a real tenant.
        Untested = "untested",
        /// Looked for and not found.
        NoSource = "no_source",
    }
}

/// A length of time in which something can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    Seconds(u64),
    Unlimited,
    /// No such way exists.
    Nothing,
}

/// A statement with where it was read; an empty source is one that was not found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stated {
    pub span: Span,
    pub grade: Grade,
    pub source: Cow<'static, str>,
}

/// A row of "Recall windows". Who, what and what comes after have their words under `catalogue-row-<id>-…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    pub id: &'static str,
    pub channel: Channel,
    pub clock: Ruling,
    /// As the field describes it.
    pub field: Stated,
    /// What the platform's interface for programs takes.
    pub api: Stated,
}

impl Window {
    /// The stricter of catalogue and interface; without an interface the catalogue alone.
    pub const fn governing(&self) -> Span {
        match (self.field.span, self.api.span) {
            (Span::Seconds(a), Span::Seconds(b)) => Span::Seconds(if a < b { a } else { b }),
            (Span::Seconds(a), _) | (Span::Unlimited, Span::Seconds(a)) => Span::Seconds(a),
            (Span::Unlimited, _) => Span::Unlimited,
            (Span::Nothing, _) => Span::Nothing,
        }
    }

    /// The limit in seconds that adopting this row sets, 0 where nothing can be taken back; `None` where it sets none.
    pub const fn limit(&self) -> Option<u64> {
        match self.field.span {
            Span::Seconds(s) => Some(s),
            Span::Nothing => Some(0),
            Span::Unlimited => None,
        }
    }
}

const fn stated(span: Span, grade: Grade, source: &'static str) -> Stated {
    Stated { span, grade, source: Cow::Borrowed(source) }
}

const fn row(id: &'static str, channel: Channel, clock: Ruling, field: Stated, api: Stated) -> Window {
    Window { id, channel, clock, field, api }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const WECOM_RECALL: Stated = stated(Span::Seconds(24 * HOUR), Grade::Official, "developer.work.weixin.qq.com/document/path/96460");
const QQ_RECALL: Stated = stated(Span::Seconds(2 * MINUTE), Grade::ThirdParty, "DELETE /v2/groups/{group}/messages/{message}");

/// The rows, in the order in which they are shown.
pub static WINDOWS: [Window; 8] = [
    row(
        "wechat-own",
        Channel::Wechat,
        Ruling::Server,
        stated(Span::Seconds(2 * MINUTE), Grade::NoSource, ""),
        stated(Span::Nothing, Grade::NoSource, ""),
    ),
    row(
        "official-article",
        Channel::OfficialAccount,
        Ruling::Server,
        stated(Span::Seconds(5 * MINUTE), Grade::NoSource, ""),
        stated(Span::Unlimited, Grade::Official, "developers.weixin.qq.com/doc/service/api/notify/message/api_deletemassmsg"),
    ),
    row("wecom-notice", Channel::Wecom, Ruling::EnterpriseServer, stated(Span::Seconds(30 * MINUTE), Grade::NoSource, ""), WECOM_RECALL),
    row("wecom-forced", Channel::Wecom, Ruling::EnterpriseServer, stated(Span::Seconds(24 * HOUR), Grade::NoSource, ""), WECOM_RECALL),
    row("qq-member", Channel::Qq, Ruling::Client, stated(Span::Seconds(2 * MINUTE), Grade::NoSource, ""), QQ_RECALL),
    row("qq-owner", Channel::Qq, Ruling::Client, stated(Span::Unlimited, Grade::NoSource, ""), QQ_RECALL),
    row(
        "dingtalk-notice",
        Channel::Dingtalk,
        Ruling::Server,
        stated(Span::Seconds(24 * HOUR), Grade::Official, "open.dingtalk.com: topapi/message/corpconversation/recall"),
        stated(Span::Seconds(24 * HOUR), Grade::Official, "open.dingtalk.com: topapi/message/corpconversation/recall"),
    ),
    row(
        "telegram-any",
        Channel::Telegram,
        Ruling::Cloud,
        stated(Span::Unlimited, Grade::NoSource, ""),
        stated(Span::Seconds(48 * HOUR), Grade::Official, "core.telegram.org: deleteMessages"),
    ),
];

/// The row of that id.
pub fn window(id: &str) -> Option<&'static Window> {
    WINDOWS.iter().find(|w| w.id == id)
}

words! {
    /// What is done when a recall comes too late or is not complete; words `remedy-<as_str>`, `-does`, `-due`.
    pub enum Remedy {
        Timeliness = "timeliness",
        Clarification = "clarification",
        NewChannel = "new_channel",
        Deletion = "deletion",
        Tracing = "tracing",
        Statement = "statement",
    }
}

words! {
    /// What remains after a recall that worked; words `remains-<as_str>`, `-lasts`, `-reach`, `-response`.
    pub enum Remains {
        LocalCache = "local_cache",
        Screenshots = "screenshots",
        Scrapers = "scrapers",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stricter_of_catalogue_and_interface_governs() {
        let of = |id: &str| window(id).map(Window::governing);
        assert_eq!(of("wecom-notice"), Some(Span::Seconds(30 * MINUTE)));
        assert_eq!(of("official-article"), Some(Span::Seconds(5 * MINUTE)), "the interface would take it at any time");
        assert_eq!(of("qq-owner"), Some(Span::Seconds(2 * MINUTE)), "the interface is stricter than the field");
        assert_eq!(of("telegram-any"), Some(Span::Seconds(48 * HOUR)));
        assert_eq!(of("wechat-own"), Some(Span::Seconds(2 * MINUTE)), "no interface: by hand");
    }

    #[test]
    fn whoever_claims_a_source_names_it() {
        for stated in WINDOWS.iter().flat_map(|w| [&w.field, &w.api]) {
            let claims = matches!(stated.grade, Grade::Official | Grade::ThirdParty);
            assert!(!claims || !stated.source.is_empty(), "{stated:?}");
        }
    }
}
