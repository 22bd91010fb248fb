//! Import of tables: what Excel and WPS write is read for what it is, nothing is written before somebody says so, and then all of it or
//! nothing; what is no table, or a hostile one, is refused with words.

use std::time::Duration;

use countermand::{
    app::{
        AppError, AppResult, Caller,
        broadcasts::{
            self,
            import::{self, Import, Recipients},
            imports::{self, Given, How, ImportState, Known, New, files},
        },
        retention,
        users::{self, Change},
    },
    connect::MessageRef,
    domain::{account::UserState, role::Role, sheet},
    i18n::{Lang, Tr},
    jobs,
};

use super::stage::{Stage, person};

const HEAD: &str = "平台连接,消息编号,发送时间,标题,正文,收件人\r\n";

fn table(lines: &str) -> Vec<u8> {
    [HEAD, lines].concat().into_bytes()
}

async fn upload(stage: &Stage, bytes: impl Into<Vec<u8>>) -> AppResult<imports::Uploaded> {
    let new = New { kind: "broadcasts".into(), name: "群发.csv".into(), bytes: bytes.into(), ..New::default() };
    Ok(imports::upload(&stage.app, &stage.caller, new, countermand::id::fresh()).await?.value)
}

async fn looked(stage: &Stage, id: &str) -> Known {
    jobs::run_due(&stage.app).await.unwrap();
    imports::show(&stage.app, &stage.caller, id).await.unwrap()
}

/// Line and kind of everything that is wrong in a table.
async fn wrong(stage: &Stage, bytes: impl Into<Vec<u8>>) -> Vec<(usize, String)> {
    let id = upload(stage, bytes).await.unwrap().id;
    let known = looked(stage, &id).await;
    assert_eq!((known.state, known.is_ready()), (ImportState::Checked, known.about.problems.is_empty()));
    known.about.problems.into_iter().map(|p| (p.line, p.kind)).collect()
}

#[tokio::test]
async fn what_spreadsheets_write_is_looked_at_first_and_then_written_at_once() {
    let stage = Stage::set().await;
    let text =
        "平台连接;消息编号;发送时间;备注;正文;收件人\n企业微信;m1;2026/11/22 9:05;x;=1+1;a b a\n企业微信;m2;2026-11-22 09:06;;\"甲;\n乙\";全部\n";
    let (gb, _, _) = encoding_rs::GB18030.encode(text);
    let first = upload(&stage, gb.to_vec()).await.unwrap();
    let known = looked(&stage, &first.id).await;
    assert!(known.is_ready(), "{:?}", known.about.problems);
    let row = &known.row;
    assert_eq!((row.encoding.as_deref(), row.separator.as_deref()), (Some("gb18030"), Some("semicolon")));
    assert_eq!((row.broadcasts, row.recipients, row.doubles), (2, 2, 1));
    assert_eq!(known.about.ignored, ["备注"], "what is not read is said");
    assert_eq!(stage.count("broadcast.imported"), 0, "looking writes nothing");
    assert_eq!(upload(&stage, gb.to_vec()).await.unwrap(), imports::Uploaded { again: true, ..first.clone() }, "the same file is the same import");

    let other = person(&stage.app, "other", &[Role::Requester]).await;
    for refused in [
        imports::confirm(&stage.app, &other, &first.id).await.map(drop),
        imports::discard(&stage.app, &other, &first.id).await.map(drop),
        imports::show(&stage.app, &other, &first.id).await.map(drop),
    ] {
        assert!(matches!(refused, Err(AppError::NotFound)), "it is nobody else's business");
    }
    imports::confirm(&stage.app, &stage.caller, &first.id).await.unwrap();
    let known = looked(&stage, &first.id).await;
    assert_eq!((known.state, known.about.made.len(), known.row.file_sealed), (ImportState::Done, 2, None), "the file is gone");
    let one = broadcasts::load(&stage.app, &known.about.made[0]).await.unwrap();
    assert_eq!((one.origin.as_str(), one.recipients.count), ("imported", 2));
    assert_eq!(one.sent_at.map(|at| at.to_rfc3339()).as_deref(), Some("2026-11-22T01:05:00.000000Z"));
    let said = broadcasts::content(&stage.app, &stage.caller, &known.about.made[1], None).await.unwrap();
    assert_eq!(said.text, "甲;\n乙");
    let everybody = broadcasts::load(&stage.app, &known.about.made[1]).await.unwrap().recipients.count;
    assert_eq!(everybody, stage.emulator.access().users.len() as u64);
    assert!(matches!(imports::confirm(&stage.app, &stage.caller, &first.id).await, Err(AppError::Refused { kind: "import-not-ready", .. })));
    assert_eq!((stage.count("broadcast.imported"), stage.count("import.applied")), (2, 1));
    assert!(upload(&stage, gb.to_vec()).await.unwrap().again, "also afterwards");
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(wrong(&stage, utf16).await, [(2, "already-imported".to_owned()), (3, "already-imported".to_owned())]);
}

#[tokio::test]
async fn what_is_no_table_is_refused_at_the_door() {
    let stage = Stage::set().await;
    let gb = encoding_rs::GB18030.encode("甲乙丙,丁").0.into_owned();
    let bomb = [b"PK\x03\x04".as_slice(), &[0; 4096]].concat();
    for (bytes, kind) in [
        (Vec::new(), "empty-file"),
        (b"PK\x03\x04[Content_Types].xml".to_vec(), "workbook"),
        (bomb, "workbook"),
        ([0xff, 0xfe, b'a', 0, b','].to_vec(), "cut-off"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), "workbook"),
        (table("企业微信,m\0,2026/11/22 9:05,,正文,a\r\n"), "not-text"),
        ([table("企业微信,m1,2026/11/22 9:05,标题,正文内容,a\r\n"), gb].concat(), "mixed-encoding"),
        (vec![b'x'; (10 << 20) + 1], "too-large"),
    ] {
        match upload(&stage, bytes).await {
            Err(AppError::Invalid(errors)) => assert_eq!((errors[0].field, errors[0].kind), ("file", kind)),
            other => panic!("{kind}: {other:?}"),
        }
    }
    assert_eq!(stage.count("import.uploaded"), 8, "each refusal leaves its event");
    let auditor = person(&stage.app, "auditor", &[Role::Auditor]).await;
    let refused = imports::upload(&stage.app, &auditor, New::default(), countermand::id::fresh()).await;
    assert!(matches!(refused, Err(AppError::Forbidden(_))));
    let how = How { separator: "没有的".into(), ..How::default() };
    let refused = imports::look_again(&stage.app, &auditor, "没有的", how).await;
    assert!(matches!(refused, Err(AppError::Forbidden(_))), "first whether, then how: {refused:?}");
}

#[tokio::test]
async fn every_line_says_what_is_wrong_and_what_would_be_right() {
    let stage = Stage::set().await;
    let lines = "企业微信,=cmd|' /C calc'!A0,2026/11/22 9:05,,正文,a\r\n\
                 企业微信,m1,46348.378,,正文,a\r\n\
                 企业微信,m2,2026/11/22,,正文,a\r\n\
                 没有的,m3,2026/11/22 9:05,,,a\r\n\
                 企业微信,m4,2036/11/22 9:05,,正文,+1\r\n\
                 企业微信,m5,2026/11/22 9:05,,正文,a\r\n\
                 企业微信,m5,2026/11/22 9:05,,正文,a,多出\r\n\
                 企业微信,m5,2026/11/22 9:05,,正文,a,,,\r\n\
                 没有的,m6,2026/11/22 9:05,,\"正文,a\r\n";
    let id = upload(&stage, table(lines)).await.unwrap().id;
    let known = looked(&stage, &id).await;
    let found: Vec<(usize, &str)> = known.about.problems.iter().map(|p| (p.line, p.kind.as_str())).collect();
    let expected = [
        (2, "formula"),
        (3, "excel-serial"),
        (4, "no-clock"),
        (5, "required"),
        (6, "formula"),
        (8, "too-many-cells"),
        (9, "twice-in-table"),
        (10, "unclosed-quote"),
    ];
    assert_eq!(found, expected);
    for lang in [Lang::ZhCn, Lang::En] {
        let tr = Tr::new(lang);
        let report = files::report(&stage.app, &stage.caller, &tr, &id).await.unwrap();
        assert!(report.contains(",'=cmd|"), "a report runs nothing: {report}");
        for problem in &known.about.problems {
            assert_ne!(files::wrong(&tr, problem), problem.kind, "{lang:?} has no words");
            assert!(!files::right(&tr, problem).is_empty(), "{lang:?} {}", problem.kind);
        }
        for kind in [imports::Kind::Broadcasts, imports::Kind::Recipients] {
            let template = files::template(&tr, kind);
            let head = sheet::Rows::of(template.trim_start_matches('\u{feff}'), sheet::Separator::Comma).next().unwrap().unwrap();
            assert_eq!(head.cells.len(), imports::Column::of(kind).len());
        }
        let empty = files::template(&tr, imports::Kind::Broadcasts) + if lang == Lang::En { "," } else { "" };
        assert_eq!(wrong(&stage, empty).await, [(1, "no-rows".to_owned())], "a template is read back");
    }
    assert!(matches!(imports::confirm(&stage.app, &stage.caller, &id).await, Err(AppError::Refused { kind: "import-not-ready", .. })));
    let unknown = wrong(&stage, table("没有的,m7,2036/11/22 9:05,,正文,a\r\n")).await;
    assert_eq!(unknown, [(2, "no-such".to_owned()), (2, "in-future".to_owned())]);
    let heads = "消息编号,message id,正文\r\n1,2,3\r\n";
    assert!(wrong(&stage, heads).await.contains(&(1, "column-twice".to_owned())));
    assert!(wrong(&stage, heads.replace('\n', "")).await.contains(&(1, "column-missing".to_owned())), "a lone CR ends a line");
    let huge = table(&format!("企业微信,m1,2026/11/22 9:05,,{},a\r\n", "长".repeat(1 << 20)));
    assert_eq!(wrong(&stage, huge).await, [(2, "long-cell".to_owned())]);

    // Read with another separator, it is another table; and it can be thrown away.
    imports::look_again(&stage.app, &stage.caller, &id, How { separator: "tab".into(), ..How::default() }).await.unwrap();
    let known = looked(&stage, &id).await;
    assert!(known.about.problems.iter().all(|p| p.kind == "column-missing"), "{:?}", known.about.problems);
    imports::discard(&stage.app, &stage.caller, &id).await.unwrap();
    let known = looked(&stage, &id).await;
    assert_eq!((known.state, known.row.file_sealed, known.about.problems.len()), (ImportState::Discarded, None, 0));
    assert_eq!(stage.count("broadcast.imported"), 0);
}

#[tokio::test]
async fn all_of_it_is_written_or_nothing_and_what_nobody_confirms_goes() {
    let stage = Stage::set().await;
    let lines = "企业微信,m1,2026/11/22 9:05,,正文,a\r\n企业微信,m2,2026/11/22 9:05,,正文,a\r\n";
    let id = upload(&stage, table(lines)).await.unwrap().id;
    assert!(looked(&stage, &id).await.is_ready());
    imports::confirm(&stage.app, &stage.caller, &id).await.unwrap();
    let meanwhile = Import {
        connection: stage.connection.clone(),
        sent_at: Some("2026-11-22T09:05:00+08:00".into()),
        messages: vec![MessageRef { id: "m2".into(), room: None }],
        content: Some((String::new(), "正文".into())),
        recipients: Recipients::Listed(vec!["a".into()]),
        ..Import::default()
    };
    import::import(&stage.app, &stage.caller, meanwhile, None).await.unwrap();
    let known = looked(&stage, &id).await;
    let problem = &known.about.problems[0];
    assert_eq!((known.state, problem.line, problem.kind.as_str()), (ImportState::Failed, 3, "already-imported"));
    assert_eq!(stage.count("broadcast.imported"), 1, "the first line was not written either");

    let idle = upload(&stage, table("企业微信,m9,2026/11/22 9:05,,正文,a\r\n")).await.unwrap().id;
    looked(&stage, &idle).await;
    stage.clock.advance(Duration::from_secs(25 * 3600));
    let swept = retention::run(&stage.app, &Caller::shell()).await.unwrap().swept;
    assert_eq!(swept.imports, 2, "the idle one and the one that came to nothing");
    assert!(matches!(imports::show(&stage.app, &stage.caller, &idle).await, Err(AppError::NotFound)));
}

#[tokio::test]
async fn who_may_no_longer_import_when_it_is_written_imports_nothing() {
    let stage = Stage::set().await;
    let id = upload(&stage, table("企业微信,m1,2026/11/22 9:05,,正文,a\r\n")).await.unwrap().id;
    assert!(looked(&stage, &id).await.is_ready());
    imports::confirm(&stage.app, &stage.caller, &id).await.unwrap();
    let who = stage.caller.user_id.clone().unwrap();
    users::change(&stage.app, &Caller::shell(), &who, None, Change::State(UserState::Suspended)).await.unwrap();
    let known = looked(&stage, &id).await;
    let problem = &known.about.problems[0];
    assert_eq!((known.state, problem.kind.as_str(), known.row.file_sealed), (ImportState::Failed, "not-allowed", None));
    for lang in [Lang::ZhCn, Lang::En] {
        let tr = Tr::new(lang);
        assert!(files::wrong(&tr, problem) != problem.kind && !files::right(&tr, problem).is_empty(), "{lang:?} has no words");
    }
    assert_eq!((stage.count("broadcast.imported"), stage.count("import.applied")), (0, 1));
}

#[tokio::test]
async fn a_platform_is_asked_once_who_everybody_is() {
    let stage = Stage::set().await;
    let mut asked = Vec::new();
    for lines in ["企业微信,m1,2026/11/22 9:05,,正文,全部\r\n", "企业微信,m2,2026/11/22 9:05,,正文,全部\r\n企业微信,m3,2026/11/22 9:05,,正文,all\r\n"]
    {
        let id = upload(&stage, table(lines)).await.unwrap().id;
        assert!(looked(&stage, &id).await.is_ready());
        let before = stage.emulator.count("user/list_id");
        imports::confirm(&stage.app, &stage.caller, &id).await.unwrap();
        let known = looked(&stage, &id).await;
        asked.push(stage.emulator.count("user/list_id") - before);
        for made in &known.about.made {
            let one = broadcasts::load(&stage.app, made).await.unwrap();
            assert_eq!(one.recipients.count, stage.emulator.access().users.len() as u64);
        }
    }
    assert!(asked[0] > 0 && asked[0] == asked[1], "{asked:?}");
}

#[tokio::test]
async fn a_hundred_thousand_recipients_of_one_message() {
    let stage = Stage::set().await;
    let given = Given {
        connection: stage.connection.clone(),
        message_id: "big-1".into(),
        sent_at: "2026-11-22T18:00:00+08:00".into(),
        text: "正文".into(),
        ..Given::default()
    };
    let ids: String = (0..100_000).map(|n| format!("u{n:06}\r\n")).collect();
    let bytes = format!("\u{feff}收件人编号\r\n{ids}U000001\r\n").into_bytes();
    let new = New { kind: "recipients".into(), name: "名单.csv".into(), bytes, given, ..New::default() };
    let again = new.clone();
    let bad = New { given: Given { connection: "没有的".into(), ..new.given.clone() }, ..new.clone() };
    match imports::upload(&stage.app, &stage.caller, bad, countermand::id::fresh()).await {
        Err(AppError::Invalid(errors)) => assert_eq!((errors[0].field, errors[0].kind), ("connection", "no-such")),
        other => panic!("{other:?}"),
    }
    let id = imports::upload(&stage.app, &stage.caller, new, countermand::id::fresh()).await.unwrap().value.id;
    let known = looked(&stage, &id).await;
    assert_eq!((known.row.recipients, known.row.doubles, known.row.problems), (100_000, 1, 0), "{:?}", known.about.problems);
    imports::confirm(&stage.app, &stage.caller, &id).await.unwrap();
    let known = looked(&stage, &id).await;
    let one = broadcasts::load(&stage.app, &known.about.made[0]).await.unwrap();
    assert_eq!((one.recipients.count, known.row.total), (100_000, 100_001));
    let again = New { bytes: b"id\r\nzhang\r\n".to_vec(), ..again };
    let id = imports::upload(&stage.app, &stage.caller, again, countermand::id::fresh()).await.unwrap().value.id;
    let known = looked(&stage, &id).await;
    let wrong: Vec<(usize, &str)> = known.about.problems.iter().map(|p| (p.line, p.kind.as_str())).collect();
    assert_eq!(wrong, [(0, "message-known")], "another list of the same message");
}
