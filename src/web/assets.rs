//! The product's own style sheet, scripts and pictures, built into the binary and served under `/static`.
//! Addresses carry the build's version, so that browsers may keep them for a year.

use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use rust_embed::Embed;

#[derive(Embed)]
#[folder = "static/"]
struct Files;

/// Eight hex digits over the names and contents of all files: changes when one of them does.
pub static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut names: Vec<_> = Files::iter().collect();
    names.sort();
    let mut all = Vec::new();
    for name in names {
        all.extend_from_slice(name.as_bytes());
        if let Some(file) = Files::get(&name) {
            all.extend_from_slice(&crate::crypto::sha256(&file.data));
        }
    }
    hex::encode(&crate::crypto::sha256(&all)[..4])
});

/// The address of a file below `static/`, with the version.
pub fn href(path: &str) -> String {
    format!("/static/{path}?v={}", *VERSION)
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ext)| ext) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// The stand-alone verifier as one file that needs nothing beside it, for people to keep and to hand on.
static VERIFIER: LazyLock<String> = LazyLock::new(|| {
    let read = |name: &str| Files::get(&format!("verifier/{name}")).map(|f| String::from_utf8_lossy(&f.data).into_owned()).unwrap_or_default();
    let style = format!("<style>\n{}</style>", read("verifier.css"));
    let script = format!("<script>\n{}</script>", read("verifier.js"));
    read("index.html").replace(r#"<link rel="stylesheet" href="verifier.css">"#, &style).replace(r#"<script src="verifier.js"></script>"#, &script)
});

/// `GET /static/countermand-verifier.html`: always a download, because what it holds inline would not run here.
pub async fn verifier() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(media_type("verifier.html"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"countermand-verifier.html\""))
        .body(VERIFIER.as_str())
}

/// `GET /static/{path}`.
pub async fn show(req: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let Some(file) = Files::get(&path) else { return HttpResponse::NotFound().finish() };
    let etag = format!("\"{}\"", hex::encode(&crate::crypto::sha256(&file.data)[..8]));
    let versioned = req.query_string() == format!("v={}", *VERSION);
    let cache = if versioned { "public, max-age=31536000, immutable" } else { "public, max-age=300" };
    let mut res = HttpResponse::Ok();
    let known = req.headers().get(header::IF_NONE_MATCH).is_some_and(|v| v.as_bytes() == etag.as_bytes());
    if known {
        res = HttpResponse::NotModified();
    }
    res.insert_header((header::CACHE_CONTROL, cache)).insert_header((header::ETAG, etag));
    if known { res.finish() } else { res.content_type(media_type(&path)).body(file.data.into_owned()) }
}
