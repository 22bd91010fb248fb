//! What the reports for people are written on: one HTML file in each language, with nothing from outside, for the screen and for A4. Not here:
//! what they say ([`super::printed`] of a case, [`super::audit::report`] of a period).

use std::fmt::Write;

use crate::{
    clock::Instant,
    i18n::{Lang, Tr, grouped, word_key},
};

/// Rows of one table; the file that it names has them all.
const ROWS: usize = 300;

const STYLE: &str = "\
:root{color-scheme:light}*{box-sizing:border-box}\
body{font:10.5pt/1.55 'Noto Sans SC','Noto Sans CJK SC','PingFang SC','Microsoft YaHei',system-ui,sans-serif;color:#1a1a1a;background:#fff;margin:0 auto;padding:14mm 12mm;max-width:190mm}\
body:lang(en){font-family:'Noto Sans','Segoe UI','Helvetica Neue',Arial,'DejaVu Sans',sans-serif}\
h1{font-size:17pt;margin:0 0 1mm}h2{font-size:12.5pt;margin:8mm 0 2mm;break-after:avoid}p,ul{margin:0 0 2mm}.no{color:#555}\
table{border-collapse:collapse;width:100%;margin:0 0 3mm;font-size:9pt}th,td{border:.2mm solid #999;padding:1mm 1.6mm;text-align:start;vertical-align:top;overflow-wrap:anywhere}\
th{background:#f2f2f2;font-weight:600}thead{display:table-header-group}tr{break-inside:avoid}.n{text-align:end;white-space:nowrap}.m{font-family:ui-monospace,'Noto Sans Mono',monospace;font-size:8pt}\
.f th{width:24%}nav{margin-bottom:5mm}.sign{display:flex;gap:8mm;margin-top:10mm;break-inside:avoid}.sign div{flex:1;border-bottom:.2mm solid #333;padding-bottom:9mm}\
.scroll{overflow-x:auto}@page{size:A4;margin:14mm 12mm}@media print{body{padding:0;max-width:none}nav{display:none}.scroll{overflow:visible}}";

/// File name in a language.
pub fn name(lang: Lang) -> &'static str {
    match lang {
        Lang::ZhCn => "report.html",
        Lang::En => "report.en.html",
    }
}

/// Text as HTML says it.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// Text as a string of CSS inside a `<style>`: whatever is not plain is written by its number.
pub(super) fn css_string(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || " .,-_:;/()（），。：　".contains(c);
    let said: String = text.chars().map(|c| if plain(c) { c.to_string() } else { format!("\\{:x} ", u32::from(c)) }).collect();
    format!("\"{said}\"")
}

/// A count with its thousands apart.
pub(super) fn number(n: u64) -> String {
    grouped(i64::try_from(n).unwrap_or(i64::MAX))
}

/// Bytes and codes, in letters of one width.
pub(super) fn mono(text: &str) -> String {
    format!("<span class=\"m\">{}</span>", escape(text))
}

/// A report while it is written.
pub(super) struct Page {
    pub tr: Tr,
    pub out: String,
}

impl Page {
    /// Begins one up to its first line in `<main>`: `title` as the window is called, `other` the file in the other language, `style` what this
    /// report has beside the common style.
    pub fn open(lang: Lang, zone: &str, title: impl Fn(&Tr) -> String, other: &str, style: impl Fn(&Tr) -> String) -> Self {
        let tr = Tr::new(lang).in_zone(zone);
        let (title, switch, style) = (escape(&title(&tr)), escape(&tr.t("other-language")), style(&tr));
        let out = format!(
            "<!DOCTYPE html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n<nav><a href=\"{other}\" lang=\"{next}\" hreflang=\"{next}\">{switch}</a></nav>\n<main>\n",
            lang = lang.as_str(),
            next = lang.other().as_str(),
        );
        Self { tr, out }
    }

    /// The whole file.
    pub fn close(mut self) -> String {
        self.put("</main>\n</body>\n</html>\n");
        self.out
    }

    pub fn t(&self, key: &str) -> String {
        escape(&self.tr.t(key))
    }

    pub fn word(&self, prefix: &str, word: &str) -> String {
        escape(&self.tr.maybe(&word_key(prefix, word)).unwrap_or_else(|| word.to_owned()))
    }

    pub fn put(&mut self, markup: &str) {
        self.out.push_str(markup);
    }

    pub fn h2(&mut self, key: &str) {
        let text = self.t(key);
        let _ = writeln!(self.out, "<h2>{text}</h2>");
    }

    pub fn p(&mut self, text: &str) {
        let _ = writeln!(self.out, "<p>{text}</p>");
    }

    /// Label and value, one a line; values are HTML.
    pub fn form(&mut self, rows: &[(&str, String)]) {
        self.put("<table class=\"f\"><tbody>\n");
        for (key, value) in rows {
            let label = self.t(key);
            let _ = writeln!(self.out, "<tr><th scope=\"row\">{label}</th><td>{value}</td></tr>");
        }
        self.put("</tbody></table>\n");
    }

    /// A table of HTML cells; says where the rest is if there are too many rows. Columns whose key ends with `#` are numbers.
    pub fn table(&mut self, columns: &[&str], rows: Vec<Vec<String>>, file: &str) {
        if rows.is_empty() {
            let none = self.t("paper-none");
            return self.p(&none);
        }
        self.put("<div class=\"scroll\"><table><thead><tr>");
        for key in columns {
            let (key, class) = key.strip_suffix('#').map_or((*key, ""), |key| (key, " class=\"n\""));
            let label = self.t(key);
            let _ = write!(self.out, "<th scope=\"col\"{class}>{label}</th>");
        }
        self.put("</tr></thead><tbody>\n");
        let count = rows.len();
        for row in rows.into_iter().take(ROWS) {
            self.put("<tr>");
            for (cell, key) in row.iter().zip(columns) {
                let class = if key.ends_with('#') { " class=\"n\"" } else { "" };
                let _ = write!(self.out, "<td{class}>{cell}</td>");
            }
            self.put("</tr>\n");
        }
        self.put("</tbody></table></div>\n");
        if count > ROWS {
            let rest = [("count", number((count - ROWS) as u64)), ("file", file.to_owned())];
            let rest = escape(&self.tr.a("paper-rest", &rest));
            self.p(&rest);
        }
    }

    /// Lines to sign on; each is a key.
    pub fn sign(&mut self, keys: &[&str]) {
        let lines: String = keys.iter().map(|key| format!("<div>{}</div>", self.t(key))).collect();
        let _ = writeln!(self.out, "<div class=\"sign\">{lines}</div>");
    }

    pub fn time(&self, at: Option<Instant>) -> String {
        at.map(|at| self.tr.time_full(at)).unwrap_or_default()
    }
}
