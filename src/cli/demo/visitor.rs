//! A person at a browser, as far as the demonstration needs one: cookies, pages, and forms filled in and posted with the hidden fields
//! that the page gave them. It knows nothing that a page does not say.

use std::collections::BTreeMap;

/// What went wrong on the way through the pages.
#[derive(Debug, thiserror::Error)]
pub(super) enum VisitError {
    #[error("{path}: {source}")]
    Unreachable { path: String, source: reqwest::Error },
    #[error("{path} answered {status}: {excerpt}")]
    Answer { path: String, status: u16, excerpt: String },
    #[error("{page} has no form for {action}")]
    NoForm { page: String, action: String },
}

/// A page as received.
pub(super) struct Sheet {
    pub path: String,
    pub html: String,
}

/// One browser.
pub(super) struct Visitor {
    client: reqwest::Client,
    base: String,
    cookies: BTreeMap<String, String>,
}

impl Visitor {
    /// `base` is scheme, host and port.
    pub(super) fn new(client: &reqwest::Client, base: &str) -> Self {
        Self { client: client.clone(), base: base.to_owned(), cookies: BTreeMap::new() }
    }

    /// Opens a page and follows redirects.
    pub(super) async fn get(&mut self, path: &str) -> Result<Sheet, VisitError> {
        let request = self.client.get(format!("{}{path}", self.base));
        self.follow(path, request).await
    }

    /// Fills in the form of `sheet` that posts to `action` and sends it; answers the page behind the redirect.
    pub(super) async fn submit(&mut self, sheet: &Sheet, action: &str, fields: &[(&str, &str)]) -> Result<Sheet, VisitError> {
        let form = form(&sheet.html, action).ok_or_else(|| VisitError::NoForm { page: sheet.path.clone(), action: action.to_owned() })?;
        let mut values: Vec<(String, String)> = hidden(form);
        for (name, value) in fields {
            values.retain(|(n, _)| n != name);
            values.push(((*name).to_owned(), (*value).to_owned()));
        }
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&values).finish();
        let request = self
            .client
            .post(format!("{}{action}", self.base))
            .header("Origin", &self.base)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body);
        self.follow(action, request).await
    }

    async fn follow(&mut self, path: &str, request: reqwest::RequestBuilder) -> Result<Sheet, VisitError> {
        let mut path = path.to_owned();
        let mut request = request;
        loop {
            let cookie = self.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join("; ");
            let unreachable = |source| VisitError::Unreachable { path: path.clone(), source };
            let answer = request
                .header("Cookie", cookie)
                .header("Accept", "text/html")
                .header("Accept-Language", "zh-CN")
                .header("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) CountermandDemo/1.0")
                .send()
                .await
                .map_err(unreachable)?;
            for value in answer.headers().get_all("set-cookie").iter().filter_map(|v| v.to_str().ok()) {
                if let Some((name, value)) = value.split(';').next().and_then(|pair| pair.split_once('=')) {
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
            let status = answer.status();
            let location = answer.headers().get("location").and_then(|v| v.to_str().ok()).map(ToOwned::to_owned);
            if let (true, Some(location)) = (status.is_redirection(), location) {
                path = location.strip_prefix(&self.base).unwrap_or(&location).to_owned();
                request = self.client.get(format!("{}{path}", self.base));
                continue;
            }
            let html = answer.text().await.map_err(|source| VisitError::Unreachable { path: path.clone(), source })?;
            if status.is_client_error() || status.is_server_error() {
                return Err(VisitError::Answer { path, status: status.as_u16(), excerpt: text(&html).chars().take(400).collect() });
            }
            return Ok(Sheet { path, html });
        }
    }
}

/// The inside of the form that posts to `action`.
fn form<'a>(html: &'a str, action: &str) -> Option<&'a str> {
    html.split("<form").skip(1).map(|part| part.split("</form>").next().unwrap_or(part)).find(|part| {
        let tag = part.split('>').next().unwrap_or("");
        attribute(tag, "action").is_some_and(|a| a == action)
    })
}

/// The hidden fields of a form, name and value.
fn hidden(form: &str) -> Vec<(String, String)> {
    form.split("<input")
        .skip(1)
        .filter_map(|part| part.split('>').next())
        .filter(|tag| attribute(tag, "type").is_some_and(|t| t == "hidden"))
        .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())))
        .collect()
}

/// The value of an attribute, with character references resolved.
pub(super) fn attribute(tag: &str, name: &str) -> Option<String> {
    let rest = tag.split_once(&format!(" {name}=\""))?.1;
    Some(unescape(rest.split('"').next()?))
}

fn unescape(text: &str) -> String {
    let mut out = text.to_owned();
    for (reference, character) in [
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#x27;", "'"),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&#60;", "<"),
        ("&gt;", ">"),
        ("&#62;", ">"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ] {
        out = out.replace(reference, character);
    }
    out
}

/// What a page says, without its markup: the main part only.
fn text(html: &str) -> String {
    let main = html.split_once("<main").map_or(html, |(_, rest)| rest);
    let words: String = main.split('<').filter_map(|piece| piece.split_once('>').map(|(_, text)| text)).collect::<Vec<_>>().join(" ");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn hidden_fields_of_the_right_form() {
        let html = r#"<form method="post" action="/a"><input type="hidden" name="x" value="1"></form>
            <form class="body" method="post" action="/b"><input type="hidden" name="csrf" value="a&#38;b"><input type="text" name="t" value="no"></form>"#;
        assert_eq!(super::hidden(super::form(html, "/b").unwrap()), [("csrf".to_owned(), "a&b".to_owned())]);
        assert!(super::form(html, "/c").is_none());
    }
}
