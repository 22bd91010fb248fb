//! 误发上报: what a person typed in a client, reported with text or pictures; hostile text is kept as evidence and does no harm.

use countermand::{
    app::{
        AppError, Turn,
        broadcasts::{
            self, reading, report,
            report::{Report, Upload},
            view,
        },
        content,
    },
    domain::platform::{Platform, RecallPath},
};

use super::stage::Stage;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n not a whole picture";

fn new() -> Report {
    Report {
        channel: "销售二部微信群".into(),
        sent_at: "2026-11-22T19:10:00+08:00".into(),
        audience: "张三、李四\n全体代理商".into(),
        text: "报价单（错）".into(),
        ..Report::default()
    }
}

fn kinds(result: Result<impl Sized, AppError>) -> Vec<(&'static str, &'static str)> {
    match result {
        Err(AppError::Invalid(errors)) => errors.iter().map(|e| (e.field, e.kind)).collect(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it went through"),
    }
}

#[tokio::test]
async fn a_report_by_hand_is_sealed_counted_and_open_to_a_guided_recall() {
    let stage = Stage::set().await;
    let mut wanted = new();
    wanted.files = vec![Upload { name: "../截图.png".into(), bytes: PNG.to_vec() }];
    let id = report::report(&stage.app, &stage.caller, wanted, None).await.unwrap().value;
    let broadcast = broadcasts::load(&stage.app, &id).await.unwrap();
    assert_eq!((broadcast.platform, broadcast.origin.as_str(), broadcast.recipients.count), (Platform::Manual, "reported", 3));
    assert_eq!(broadcast.sent_at_source.as_deref(), Some("reported"));
    assert_eq!(broadcast.may_recall(stage.app.now(), []), Ok(RecallPath::Guided));
    let detail = view::detail(&stage.app, &stage.caller, &id, Turn::First).await.unwrap();
    assert_eq!((detail.title.as_deref(), detail.files.len(), detail.counts.reported), (Some("报价单（错）"), 1, 3));
    assert_eq!(detail.files[0].name, "截图.png");
    let (_, media_type, bytes) = broadcasts::file(&stage.app, &stage.caller, &id, &detail.files[0].id).await.unwrap();
    assert_eq!((media_type.as_str(), bytes.as_slice()), ("image/png", PNG));
    assert_eq!(stage.count("content.read"), 1);
    let said = content::open(&stage.app.store.keys().envelope, &broadcast.row).unwrap();
    assert_eq!(said.attachments[0].sha256, hex::encode(countermand::crypto::sha256(PNG)), "the commitment binds the picture");
    let capture = reading::capture(&stage.app, &stage.caller, &id, Some("case-1")).await.unwrap();
    assert!(!capture.available && capture.complete, "where nothing is revealed, that is what is recorded");
    assert_eq!(stage.count("reading.captured"), 1);
}

#[tokio::test]
async fn hostile_text_is_kept_as_it_came_and_shown_for_what_it_is() {
    let stage = Stage::set().await;
    let mut wanted = new();
    wanted.text = "<script>alert(1)</script> \u{202e}cod.exe 𠮷 =HYPERLINK(\"x\")".into();
    let id = report::report(&stage.app, &stage.caller, wanted.clone(), None).await.unwrap().value;
    let said = broadcasts::content(&stage.app, &stage.caller, &id, None).await.unwrap();
    assert_eq!(said.text, wanted.text);
    assert!(report::visible(&said.text).contains("[U+202E]cod.exe"));
    let title = view::detail(&stage.app, &stage.caller, &id, Turn::First).await.unwrap().title.unwrap();
    assert!(!title.contains('\u{202e}'), "titles stand among our own words and never turn them around: {title}");
}

#[tokio::test]
async fn what_is_no_report_is_refused_field_by_field() {
    let stage = Stage::set().await;
    let caller = &stage.caller;
    let send = async |wanted: Report| kinds(report::report(&stage.app, caller, wanted, None).await);
    let empty = send(Report::default()).await;
    assert_eq!(empty, [("channel", "required"), ("sent_at", "not-a-time"), ("audience", "required")]);
    assert_eq!(send(Report { text: "a\0b".into(), ..new() }).await, [("text", "control")]);
    assert_eq!(send(Report { text: "x".repeat(10 << 20), ..new() }).await, [("text", "too-long")]);
    assert_eq!(send(Report { text: String::new(), ..new() }).await, [("text", "text-or-picture")]);
    assert_eq!(send(Report { sent_at: "2026-11-22T20:30:00+08:00".into(), ..new() }).await, [("sent_at", "in-future")]);
    assert_eq!(send(Report { sent_at: "1999-01-01T00:00:00Z".into(), ..new() }).await, [("sent_at", "too-early")]);
    assert_eq!(send(Report { channel: "\u{202e}微信".into(), ..new() }).await, [("channel", "control")]);
    assert_eq!(send(Report { sender: "nobody".into(), ..new() }).await, [("sender", "no-such")]);
    let upload = |bytes: Vec<u8>| Report { files: vec![Upload { name: "x.png".into(), bytes }], ..new() };
    assert_eq!(send(upload(b"<svg onload=alert(1)>".to_vec())).await, [("files", "not-a-picture")]);
    assert_eq!(send(upload(Vec::new())).await, [("files", "empty-file")]);
    let large = [PNG, vec![0; report::LARGEST_FILE].as_slice()].concat();
    assert_eq!(send(upload(large)).await, [("files", "too-large")]);
    assert_eq!(stage.count("broadcast.reported"), 11, "each refusal leaves its event");
}

#[tokio::test]
async fn ten_megabytes_of_picture_are_taken() {
    let stage = Stage::set().await;
    let bytes = [PNG, vec![7; report::LARGEST_FILE - PNG.len()].as_slice()].concat();
    let wanted = Report { text: String::new(), files: vec![Upload { name: "大图.png".into(), bytes: bytes.clone() }], ..new() };
    let id = report::report(&stage.app, &stage.caller, wanted, None).await.unwrap().value;
    let detail = view::detail(&stage.app, &stage.caller, &id, Turn::First).await.unwrap();
    assert_eq!(detail.title.as_deref(), Some("销售二部微信群"), "a picture alone is called by its channel");
    let (_, _, kept) = broadcasts::file(&stage.app, &stage.caller, &id, &detail.files[0].id).await.unwrap();
    assert!(kept == bytes);
}

#[tokio::test]
async fn a_report_on_a_connection_has_no_id_that_its_api_would_take() {
    let stage = Stage::set().await;
    let wanted = Report { connection: "企业微信".into(), channel: String::new(), ..new() };
    let id = report::report(&stage.app, &stage.caller, wanted, None).await.unwrap().value;
    let broadcast = broadcasts::load(&stage.app, &id).await.unwrap();
    assert_eq!((broadcast.platform, broadcast.channel.as_str()), (Platform::Wecom, "企业微信"));
    assert_eq!(broadcast.path(stage.app.now()), RecallPath::Guided);
    assert_eq!(broadcast.window_seconds(), Some(24 * 3600), "the console's window, by the catalogue");
}
