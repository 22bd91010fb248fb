//! The shell around every page: headers, languages, error pages, forms against forged and damaged posts.

use actix_web::{App, body::to_bytes, cookie::Cookie, dev::ServiceResponse, http::StatusCode, middleware::from_fn, test, web::Data};
use countermand::web::security;

use crate::support::{html::assert_sound, sample};

/// The sample's application, ready to be called.
macro_rules! app {
    () => {
        app!(sample::shell())
    };
    ($shell:expr) => {
        test::init_service(App::new().app_data(Data::new($shell)).wrap(from_fn(security::shell)).configure(sample::configure)).await
    };
}

async fn text(res: ServiceResponse) -> String {
    String::from_utf8(to_bytes(res.into_body()).await.expect("a body").to_vec()).expect("UTF-8")
}

fn header<'a>(res: &'a ServiceResponse, name: &str) -> &'a str {
    res.headers().get(name).map_or("", |v| v.to_str().expect("ASCII"))
}

#[actix_web::test]
async fn every_macro_draws_sound_html_in_both_languages() {
    let app = app!();
    for (lang, word) in [("zh-CN", "跳至主要内容"), ("en", "Skip to main content")] {
        let req = test::TestRequest::get().uri(&format!("/sample?lang={lang}")).cookie(Cookie::new("as", "auditor")).to_request();
        let res = test::call_service(&app, req).await;
        assert_eq!(res.status(), StatusCode::OK);
        let page = text(res).await;
        assert_sound(&page);
        assert!(page.contains(&format!("<html lang=\"{lang}\">")) && page.contains(word), "{page}");
        assert!(!page.contains("何婧<script>"), "what people typed is escaped");
    }
}

#[actix_web::test]
async fn every_answer_carries_the_security_headers_and_a_request_id() {
    let app = app!();
    for path in ["/sample", "/nowhere", "/static/css/console.css", "/healthz"] {
        let res = test::call_service(&app, test::TestRequest::get().uri(path).to_request()).await;
        let csp = header(&res, "content-security-policy");
        assert!(csp.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{path}: {csp}");
        assert!(!csp.contains("unsafe") && !csp.contains("data:"), "{csp}");
        assert_eq!(header(&res, "x-content-type-options"), "nosniff");
        assert_eq!(header(&res, "referrer-policy"), "same-origin");
        assert_eq!(header(&res, "x-request-id").len(), 36);
        assert_eq!(header(&res, "strict-transport-security"), "", "plain HTTP must not promise HTTPS");
        let kept = header(&res, "cache-control");
        assert!(if path.starts_with("/static") { kept.starts_with("public") } else { kept == "no-store" }, "{path}: {kept}");
    }
}

#[actix_web::test]
async fn over_https_cookies_are_bound_to_the_host_and_the_browser_is_told_to_stay() {
    let mut shell = sample::shell();
    shell.secure = true;
    let app = app!(shell);
    let res = test::call_service(&app, test::TestRequest::get().uri("/sample?lang=en").to_request()).await;
    assert!(header(&res, "strict-transport-security").starts_with("max-age=31536000"));
    let cookies: Vec<String> = res.response().cookies().map(|c| c.to_string()).collect();
    assert!(
        cookies.iter().any(|c| c.starts_with("__Host-pre=")
            && c.contains("Secure")
            && c.contains("HttpOnly")
            && c.contains("Path=/")
            && !c.contains("Domain")),
        "{cookies:?}"
    );
    assert!(cookies.iter().any(|c| c.starts_with("lang=en") && c.contains("Secure")), "{cookies:?}");
}

#[actix_web::test]
async fn the_language_asked_for_is_remembered_and_the_switch_keeps_the_filters() {
    let app = app!();
    let res = test::call_service(&app, test::TestRequest::get().uri("/sample?q=%E6%8A%A5%E4%BB%B7&lang=en").to_request()).await;
    let lang = res.response().cookies().find(|c| c.name() == "lang").expect("the choice is remembered").into_owned();
    let page = text(res).await;
    assert!(page.contains("?q=%E6%8A%A5%E4%BB%B7&#38;lang=zh-CN"), "{page}");
    let next = test::call_service(&app, test::TestRequest::get().uri("/sample").cookie(lang).to_request()).await;
    assert!(next.response().cookies().all(|c| c.name() != "lang"), "nothing new to remember");
    assert!(text(next).await.contains("<html lang=\"en\">"));
    let french = test::TestRequest::get().uri("/sample").insert_header(("accept-language", "fr, en;q=0.8")).to_request();
    assert!(text(test::call_service(&app, french).await).await.contains("<html lang=\"en\">"));
}

#[actix_web::test]
async fn a_theme_cookie_reaches_the_page_and_nonsense_in_it_does_not() {
    let app = app!();
    for (value, expected) in [("dark", "<html lang=\"zh-CN\" data-theme=\"dark\">"), ("\"><script>", "<html lang=\"zh-CN\">")] {
        let req = test::TestRequest::get().uri("/sample").insert_header(("cookie", format!("theme={value}"))).to_request();
        assert!(text(test::call_service(&app, req).await).await.contains(expected));
    }
}

#[actix_web::test]
async fn faults_are_pages_in_both_languages_and_tell_no_secrets() {
    let app = app!();
    let cases = [
        ("GET", "/nowhere", 404, "找不到此页", "Page not found"),
        ("DELETE", "/sample", 405, "不支持这种访问方式", "does not work that way"),
        ("GET", "/broken", 500, "系统出错", "Something broke"),
        ("GET", "/busy", 503, "请在 2 秒后再试", "try again in 2 s"),
    ];
    for (method, path, status, zh, en) in cases {
        for (lang, word) in [("zh-CN", zh), ("en", en)] {
            for role in [None, Some("requester")] {
                let mut req = test::TestRequest::with_uri(path).method(method.parse().expect("a method")).cookie(Cookie::new("lang", lang));
                if let Some(role) = role {
                    req = req.cookie(Cookie::new("as", role));
                }
                let res = test::call_service(&app, req.to_request()).await;
                assert_eq!(res.status().as_u16(), status, "{path}");
                assert_eq!(header(&res, "retry-after"), if status == 503 { "2" } else { "" });
                let id = header(&res, "x-request-id").to_owned();
                let page = text(res).await;
                assert_sound(&page);
                assert!(page.contains(word) && page.contains(&id), "{path}: {page}");
                assert!(!page.contains("secret cause"), "{page}");
                assert_eq!(page.contains("class=\"sidenav\""), role.is_some(), "who is signed in keeps the navigation");
            }
        }
    }
}

#[actix_web::test]
async fn programs_get_problems() {
    let app = app!();
    for (path, status) in [("/api/v1/broken", 500), ("/api/v1/nowhere", 404)] {
        let res = test::call_service(&app, test::TestRequest::get().uri(path).insert_header(("accept-language", "en")).to_request()).await;
        assert_eq!(header(&res, "content-type"), "application/problem+json");
        let id = header(&res, "x-request-id").to_owned();
        let body = text(res).await;
        let problem: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("urn:countermand:problem:{status}"));
        assert_eq!(problem["instance"], format!("urn:uuid:{id}"));
        assert!(!body.contains("secret cause"));
    }
}

#[actix_web::test]
async fn a_typed_text_is_kept_and_each_error_is_named_three_times() {
    let app = app!();
    let body = "csrf=csrf-of-the-session&account=lin&reason=%E5%A4%AA%E7%9F%AD&password=hunter2&category=leak";
    let res = test::call_service(&app, post("/sample", body).to_request()).await;
    assert_eq!(res.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = text(res).await;
    assert_sound(&page);
    assert!(page.contains(r##"<a href="#reason">情况说明：至少 20 字，现为 2 字</a>"##), "the summary: {page}");
    assert!(page.contains(r#"aria-invalid="true" aria-describedby="reason-e""#), "the control: {page}");
    assert!(page.contains(r#"id="reason-e""#), "the field: {page}");
    assert!(page.contains(">\n太短</textarea>") && page.contains(r#"value="lin""#) && page.contains(r#"value="leak" selected"#), "{page}");
    assert!(!page.contains("hunter2"), "a password never comes back");
}

fn post(path: &str, body: impl Into<Vec<u8>>) -> test::TestRequest {
    test::TestRequest::post()
        .uri(path)
        .cookie(Cookie::new("as", "requester"))
        .insert_header(("content-type", "application/x-www-form-urlencoded"))
        .set_payload(body.into())
}

const GOOD: &str = "csrf=csrf-of-the-session&account=lin&reason=%E6%94%B6%E4%BB%B6%E8%8C%83%E5%9B%B4%E8%AF%AF%E9%80%89%E5%85%A8%E4%BD%93%E5%91%98%E5%B7%A5%E5%8F%91%E5%87%BA%E4%BA%86%E6%9C%AC%E5%BA%94%E5%8F%AA%E7%BB%99%E8%96%AA%E9%85%AC%E5%A7%94%E5%91%98%E4%BC%9A%E7%9A%84&category=leak";

#[actix_web::test]
async fn only_a_form_of_ours_is_accepted() {
    let app = app!();
    let same = test::call_service(
        &app,
        post("/sample", GOOD)
            .insert_header(("host", "console.test"))
            .insert_header(("origin", "https://console.test"))
            .insert_header(("sec-fetch-site", "same-origin"))
            .to_request(),
    )
    .await;
    assert_eq!(same.status(), StatusCode::SEE_OTHER);
    let public = test::call_service(&app, post("/sample", GOOD).insert_header(("origin", "http://localhost:8080")).to_request()).await;
    assert_eq!(public.status(), StatusCode::SEE_OTHER, "behind a proxy the public address counts");
    let second = post("https://console.test/sample", GOOD).insert_header(("origin", "https://console.test"));
    assert_eq!(test::call_service(&app, second.to_request()).await.status(), StatusCode::SEE_OTHER, "HTTP/2 names the host in the request line");
    let second = post("https://console.test/sample", GOOD).insert_header(("origin", "https://evil.test"));
    assert_eq!(test::call_service(&app, second.to_request()).await.status(), StatusCode::FORBIDDEN, "and another site stays another site");
    let refused = [
        ("another site by its origin", post("/sample", GOOD).insert_header(("origin", "https://evil.test"))),
        ("an opaque origin", post("/sample", GOOD).insert_header(("origin", "null"))),
        ("another site by fetch metadata", post("/sample", GOOD).insert_header(("sec-fetch-site", "cross-site"))),
        ("a sibling host", post("/sample", GOOD).insert_header(("sec-fetch-site", "same-site"))),
        ("a wrong token", post("/sample", GOOD.replace("csrf-of", "csrf-of-not"))),
        ("no token", post("/sample", GOOD.replace("csrf=", "x="))),
    ];
    for (what, req) in refused {
        let res = test::call_service(&app, req.to_request()).await;
        assert_eq!(res.status(), StatusCode::FORBIDDEN, "{what}");
    }
    let json = test::TestRequest::post()
        .uri("/sample")
        .cookie(Cookie::new("as", "requester"))
        .insert_header(("content-type", "text/plain"))
        .set_payload(GOOD);
    assert_eq!(
        test::call_service(&app, json.to_request()).await.status(),
        StatusCode::BAD_REQUEST,
        "a body that forms of other sites could send as text"
    );
}

#[actix_web::test]
async fn before_sign_in_the_token_is_a_cookie_and_a_field() {
    let app = app!();
    let res = test::call_service(&app, test::TestRequest::get().uri("/sample").to_request()).await;
    let cookie = res.response().cookies().find(|c| c.name() == "pre").expect("a token").into_owned();
    assert!(text(res).await.contains(&format!(r#"name="csrf" value="{}""#, cookie.value())));
    let body = GOOD.replace("csrf-of-the-session", cookie.value());
    let form = |body: &str| {
        test::TestRequest::post().uri("/sample").insert_header(("content-type", "application/x-www-form-urlencoded")).set_payload(body.to_owned())
    };
    assert_eq!(test::call_service(&app, form(&body).cookie(cookie.clone()).to_request()).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(test::call_service(&app, form(&body).to_request()).await.status(), StatusCode::FORBIDDEN, "the field alone");
    let empty = GOOD.replace("csrf-of-the-session", "");
    assert_eq!(
        test::call_service(&app, form(&empty).cookie(Cookie::new("pre", "")).to_request()).await.status(),
        StatusCode::FORBIDDEN,
        "empty equals empty is no proof"
    );
}

#[actix_web::test]
async fn damaged_text_is_an_error_at_its_field() {
    let app = app!();
    for damage in ["%ff%fe", "a%00b"] {
        let res = test::call_service(&app, post("/sample", GOOD.replace("account=lin", &format!("account={damage}"))).to_request()).await;
        assert_eq!(res.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(text(res).await.contains("账号：含有无法识别的字符"));
    }
}

fn multipart(parts: &[(&str, Option<&str>, &[u8])]) -> test::TestRequest {
    let mut body = Vec::new();
    for (name, file, bytes) in parts {
        body.extend_from_slice(format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"").as_bytes());
        if let Some(file) = file {
            body.extend_from_slice(format!("; filename=\"{file}\"\r\nContent-Type: application/pdf").as_bytes());
        }
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--XX--\r\n");
    post("/sample", body).insert_header(("content-type", "multipart/form-data; boundary=XX"))
}

#[actix_web::test]
async fn uploads_are_taken_up_to_their_limits_and_refused_in_words_beyond() {
    let app = app!();
    let reason = "收件范围误选全体员工发出了本应只给薪酬委员会的附件".as_bytes();
    let fields: [(&str, Option<&str>, &[u8]); 4] =
        [("csrf", None, b"csrf-of-the-session"), ("account", None, b"lin"), ("category", None, b"leak"), ("reason", None, reason)];
    let with = |more: &[(&'static str, Option<&'static str>, &'static [u8])]| multipart(&[&fields[..], more].concat());
    let big: &'static [u8] = Box::leak(vec![b'x'; 10 << 20].into_boxed_slice());
    let bigger: &'static [u8] = Box::leak(vec![b'x'; (10 << 20) + 1].into_boxed_slice());
    let long: &'static [u8] = Box::leak(vec![b'x'; (256 << 10) + 1].into_boxed_slice());
    assert_eq!(test::call_service(&app, with(&[("files", Some("a.pdf"), big)]).to_request()).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(test::call_service(&app, with(&[("files", Some(""), b"")]).to_request()).await.status(), StatusCode::SEE_OTHER, "no file chosen");
    for (what, req) in [
        ("one file", with(&[("files", Some("a.pdf"), bigger)])),
        ("all files", with(&[("files", Some("a"), big), ("files", Some("b"), big)])),
        ("a text", with(&[("note", None, long)])),
    ] {
        let res = test::call_service(&app, req.to_request()).await;
        assert_eq!(res.status(), StatusCode::PAYLOAD_TOO_LARGE, "{what}");
        let page = text(res).await;
        assert_sound(&page);
        assert!(page.contains("提交的内容过大"), "{page}");
    }
    let cut = post("/sample", "--XX\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\ncsrf")
        .insert_header(("content-type", "multipart/form-data; boundary=XX"));
    assert_eq!(test::call_service(&app, cut.to_request()).await.status(), StatusCode::BAD_REQUEST, "cut off on the way");
}

#[actix_web::test]
async fn files_of_ours_are_kept_for_a_year_under_their_version() {
    let app = app!();
    let page = text(test::call_service(&app, test::TestRequest::get().uri("/sample").to_request()).await).await;
    let mut seen = 0;
    for href in page.split('"').filter(|s| s.starts_with("/static/")) {
        let href = href.split('#').next().expect("an address");
        let res = test::call_service(&app, test::TestRequest::get().uri(href).to_request()).await;
        assert_eq!(res.status(), StatusCode::OK, "{href}");
        assert_eq!(header(&res, "cache-control"), "public, max-age=31536000, immutable", "{href}");
        let kind = header(&res, "content-type").to_owned();
        let expected = if href.contains(".css") {
            "text/css; charset=utf-8"
        } else if href.contains(".js") {
            "text/javascript; charset=utf-8"
        } else {
            "image/svg+xml"
        };
        assert_eq!(kind, expected, "{href}");
        let again = test::TestRequest::get().uri(href).insert_header(("if-none-match", header(&res, "etag"))).to_request();
        assert_eq!(test::call_service(&app, again).await.status(), StatusCode::NOT_MODIFIED);
        seen += 1;
    }
    assert!(seen > 5);
    for path in ["/static/../Cargo.toml", "/static/%2e%2e/Cargo.toml", "/static//etc/passwd", "/static/css/none.css"] {
        assert_eq!(test::call_service(&app, test::TestRequest::get().uri(path).to_request()).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[actix_web::test]
async fn the_navigation_shows_what_a_person_may_see_and_an_auditor_is_told_the_limits() {
    let app = app!();
    let of = |role: &'static str| test::TestRequest::get().uri("/sample").cookie(Cookie::new("as", role)).to_request();
    let approver = text(test::call_service(&app, of("final_approver")).await).await;
    assert!(approver.contains(r#"href="/approvals""#) && approver.contains("<span class=\"vh\">待办</span>4"), "{approver}");
    assert!(!approver.contains(r#"href="/audit""#) && !approver.contains("只读审计账号"));
    let auditor = text(test::call_service(&app, of("auditor")).await).await;
    assert!(auditor.contains(r#"href="/audit""#) && auditor.contains("只读审计账号") && auditor.contains("2027-01-01"), "{auditor}");
    assert!(!auditor.contains(r#"href="/approvals""#));
}
