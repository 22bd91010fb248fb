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
