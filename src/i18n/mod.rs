//! Words, numbers, times and durations in the person's language.
//!
//! Words live in `locales/<language>/<noun>.ftl` (Fluent), one file a noun, and are built in. Here: [`Lang`] and its negotiation, and
//! [`Tr`], which every page and every report carries. Not here: which words a page needs.
//! `tests/it/words.rs` holds both languages to the same keys and variables.

mod number;
mod time;

use std::{fmt::Display, sync::LazyLock};

use fluent_templates::{
    LanguageIdentifier,
    fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle},
};
use jiff::tz::TimeZone;
use unic_langid::langid;

pub use number::{Count, bytes, grouped, percent};
pub use time::At;

#[derive(rust_embed::Embed)]
#[folder = "locales/"]
struct Files;

type Bundle = FluentBundle<FluentResource>;

/// The words of a language. A key that stands twice is a fault which the tests find; it must not keep the product from starting, and the
/// later file wins.
fn bundle(lang: Lang) -> Bundle {
    let mut bundle = FluentBundle::new_concurrent(vec![lang.id()]);
    // Isolation marks (U+2068, U+2069) would end up in hashes, CSV files and comparisons.
    bundle.set_use_isolating(false);
    let mut names: Vec<_> = Files::iter().filter(|name| name.split('/').next() == Some(lang.as_str()) && name.ends_with(".ftl")).collect();
    names.sort();
    for file in names.iter().filter_map(|name| Files::get(name)) {
        // A message that cannot be read is left out, the others of the file stay.
        let resource = FluentResource::try_new(String::from_utf8_lossy(&file.data).into_owned()).unwrap_or_else(|(resource, _)| resource);
        bundle.add_resource_overriding(resource);
    }
    bundle
}

static ZH: LazyLock<Bundle> = LazyLock::new(|| bundle(Lang::ZhCn));
static EN: LazyLock<Bundle> = LazyLock::new(|| bundle(Lang::En));

/// The languages of the interface, complete in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Lang {
    #[default]
    ZhCn,
    En,
}

impl Lang {
    pub const ALL: [Self; 2] = [Self::ZhCn, Self::En];

    /// The BCP 47 tag, for `<html lang>`, the cookie and `?lang=`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ZhCn => "zh-CN",
            Self::En => "en",
        }
    }

    /// The other language, for the switch.
    pub const fn other(self) -> Self {
        match self {
            Self::ZhCn => Self::En,
            Self::En => Self::ZhCn,
        }
    }

    /// Reads a tag or a tag with a region (`en-GB`, `zh-Hans`); `None` for a language that we do not have.
    pub fn parse(tag: &str) -> Option<Self> {
        match tag.trim().split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "zh" => Some(Self::ZhCn),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// The best match of an `Accept-Language` header (RFC 9110, 12.5.4): highest weight first, at equal weight the earlier one.
    pub fn accepted(header: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for range in header.split(',') {
            let mut pieces = range.split(';');
            let Some(lang) = Self::parse(pieces.next().unwrap_or_default()) else { continue };
            let weight = pieces.find_map(|p| p.trim().strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
            if weight > 0.0 && best.is_none_or(|(w, _)| weight > w) {
                best = Some((weight, lang));
            }
        }
        best.map(|(_, lang)| lang)
    }

    /// What was asked for in the address, else the remembered choice, else what the browser prefers, else Chinese.
    pub fn negotiate(asked: Option<&str>, remembered: Option<&str>, accept_language: Option<&str>) -> Self {
        asked
            .and_then(Self::parse)
            .or_else(|| remembered.and_then(Self::parse))
            .or_else(|| accept_language.and_then(Self::accepted))
            .unwrap_or_default()
    }

    /// The language of a terminal, by POSIX: the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that is set; Chinese where it is none of ours.
    pub fn of_terminal(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(variable).find(|v| !v.is_empty());
        set.and_then(|v| Self::parse(&v)).unwrap_or_default()
    }

    fn id(self) -> LanguageIdentifier {
        match self {
            Self::ZhCn => langid!("zh-CN"),
            Self::En => langid!("en"),
        }
    }

    fn words(self) -> &'static Bundle {
        match self {
            Self::ZhCn => &ZH,
            Self::En => &EN,
        }
    }
}

/// A language and a time zone: whatever a person reads goes through here.
#[derive(Clone, Debug)]
pub struct Tr {
    pub lang: Lang,
    zone: TimeZone,
}

impl Tr {
    /// In the zone of the product's home, Asia/Shanghai.
    pub fn new(lang: Lang) -> Self {
        Self { lang, zone: TimeZone::get("Asia/Shanghai").unwrap_or(TimeZone::fixed(jiff::tz::offset(8))) }
    }

    /// In another IANA zone; an unknown name leaves the zone as it is.
    #[must_use]
    pub fn in_zone(mut self, iana: &str) -> Self {
        if let Ok(zone) = TimeZone::get(iana) {
            self.zone = zone;
        }
        self
    }

    /// Whether `key` has words without values.
    pub fn has(&self, key: &str) -> bool {
        self.find(key, None).is_some()
    }

    /// The words of `key`; nothing where there are none or a value is missing.
    fn find(&self, key: &str, args: Option<&FluentArgs>) -> Option<String> {
        let bundle = self.lang.words();
        let mut errors = Vec::new();
        let words = bundle.format_pattern(bundle.get_message(key)?.value()?, args, &mut errors);
        errors.is_empty().then(|| words.into_owned())
    }

    /// The words of `key`; a key without words shows itself, which the tests forbid for every key that is written down anywhere.
    pub fn t(&self, key: &str) -> String {
        self.find(key, None).unwrap_or_else(|| key.to_owned())
    }

    /// The words of `key`, or nothing.
    pub fn maybe(&self, key: &str) -> Option<String> {
        self.find(key, None)
    }

    /// The words of `key` with named values.
    pub fn a<V: Display>(&self, key: &str, args: &[(&str, V)]) -> String {
        self.maybe_a(key, args).unwrap_or_else(|| key.to_owned())
    }

    /// The words of `key` with named values, or nothing. `retry_after` in seconds is also there in words, as `time`.
    pub fn maybe_a<V: Display>(&self, key: &str, args: &[(&str, V)]) -> Option<String> {
        let mut all = FluentArgs::new();
        for (name, value) in args {
            let value = value.to_string();
            if let Some(seconds) = (*name == "retry_after").then(|| value.parse().ok()).flatten() {
                all.set("time", self.duration(std::time::Duration::from_secs(seconds)));
            }
            all.set((*name).to_owned(), value);
        }
        self.find(key, Some(&all))
    }

    /// [`Tr::a`] with one value; reads well in templates.
    pub fn a1(&self, key: &str, name: &str, value: impl Display) -> String {
        self.a(key, &[(name, &value as &dyn Display)])
    }

    /// [`Tr::a`] with two values of any types.
    pub fn a2(&self, key: &str, name: &str, value: impl Display, name2: &str, value2: impl Display) -> String {
        self.a(key, &[(name, &value as &dyn Display), (name2, &value2 as &dyn Display)])
    }

    /// The words of `key` for a count: `$n` chooses the plural form, `$n_text` is the number with thousands separators.
    pub fn n(&self, key: &str, count: impl Count) -> String {
        self.n_with::<&str>(key, count, &[])
    }

    /// [`Tr::n`] with further named values.
    pub fn n_with<V: Display>(&self, key: &str, count: impl Count, more: &[(&str, V)]) -> String {
        let n = count.count();
        let mut args = FluentArgs::new();
        for (name, value) in more {
            args.set((*name).to_owned(), value.to_string());
        }
        args.set("n", n);
        args.set("n_text", grouped(n));
        self.find(key, Some(&args)).unwrap_or_else(|| key.to_owned())
    }

    /// A number with thousands separators.
    pub fn num(&self, count: impl Count) -> String {
        grouped(count.count())
    }

    /// The words of one of the product's own words: `word("action", "recall.submitted")` is the key `action-recall-submitted`.
    pub fn word(&self, prefix: &str, word: impl Display) -> String {
        self.t(&word_key(prefix, word))
    }

    /// Several things in a row: `甲、乙` or `a, b`.
    pub fn list<T: AsRef<str>>(&self, items: &[T]) -> String {
        let comma = match self.lang {
            Lang::ZhCn => "、",
            Lang::En => ", ",
        };
        items.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(comma)
    }

    /// Several statements as one line: `甲；乙` or `a; b`; they may hold commas of their own.
    pub fn clauses<T: AsRef<str>>(&self, items: &[T]) -> String {
        let mark = match self.lang {
            Lang::ZhCn => "；",
            Lang::En => "; ",
        };
        items.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(mark)
    }

    /// A label and what it says: `甲：乙` or `a: b`.
    pub fn pair(&self, label: &str, text: &str) -> String {
        match self.lang {
            Lang::ZhCn => format!("{label}：{text}"),
            Lang::En => format!("{label}: {text}"),
        }
    }
}

/// The message key of one of the product's words: dots and underscores become hyphens.
pub fn word_key(prefix: &str, word: impl Display) -> String {
    format!("{prefix}-{}", word.to_string().replace(['.', '_'], "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_wins_over_the_cookie_and_the_cookie_over_the_browser() {
        assert_eq!(Lang::negotiate(Some("en"), Some("zh-CN"), Some("zh")), Lang::En);
        assert_eq!(Lang::negotiate(Some("tlh"), Some("en"), Some("zh")), Lang::En, "an unknown wish is no wish");
        assert_eq!(Lang::negotiate(None, None, Some("fr, en;q=0.5, zh;q=0.4")), Lang::En);
        assert_eq!(Lang::negotiate(None, None, Some("en;q=0.2, zh-TW;q=0.8")), Lang::ZhCn);
        assert_eq!(Lang::negotiate(None, None, Some("en;q=0")), Lang::ZhCn, "q=0 means not acceptable");
        assert_eq!(Lang::negotiate(None, None, None), Lang::ZhCn);
    }

    #[test]
    fn words_come_with_values_and_without_isolation_marks() {
        let (zh, en) = (Tr::new(Lang::ZhCn), Tr::new(Lang::En));
        assert_eq!(zh.n("people-count", 12_480_u64), "12,480 人");
        assert_eq!(en.n("people-count", 1_u64), "1 person");
        assert_eq!(en.n("people-count", 12_480_u64), "12,480 people");
        assert_eq!(zh.word("role", "department_reviewer"), "部门复核");
        assert_eq!(zh.t("no-such-key"), "no-such-key");
        assert!(!zh.has("no-such-key"));
    }
}
