//! Files that no table is, or that mean harm, through the same door as people use: each is refused with words or imported for what it says;
//! none breaks a page, and none is imported by half.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use countermand::{
    app::broadcasts::{self, imports},
    evidence::csv,
    i18n::{Lang, Tr},
    jobs,
    web::{self, Shell},
};
use reqwest::header;

use super::stage::{Stage, signed_in};
use crate::support::serving::Serving;

const HEAD: &str = "平台连接,消息编号,发送时间,标题,正文,收件人\r\n";

/// A company and a browser of its requester.
struct Desk {
    stage: Stage,
    base: String,
    cookie: String,
    csrf: String,
    _serving: Serving,
}

/// What became of a file.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// Refused beside the field, with these words.
    Refused(String),
    /// Looked at; lines and kinds of what is wrong.
    Faulty(Vec<(usize, String)>),
    /// Imported: how many broadcasts and recipients.
    Imported(i64, i64),
}

impl Desk {
    async fn open() -> Self {
        let stage = Stage::set().await;
        let (cookie, csrf) = signed_in(&stage, &stage.caller).await;
        let (base, serving) = Serving::anywhere(Shell::of(&stage.app), web::console(stage.app.clone()));
        Self { stage, base, cookie, csrf, _serving: serving }
    }

    async fn page(&self, path: &str) -> (u16, String) {
        let res = client().get(format!("{}{path}", self.base)).header(header::COOKIE, self.cookies()).send().await.unwrap();
        (res.status().as_u16(), res.text().await.unwrap())
    }

    fn cookies(&self) -> String {
        format!("session={}; lang=zh-CN", self.cookie)
    }

    /// Uploads a file, looks at its pages, confirms where that can be done.
    async fn bring(&self, name: &str, file: &[u8]) -> Fate {
        let mut body: Vec<u8> = Vec::new();
        for (field, value) in [("csrf", self.csrf.as_str()), ("kind", "broadcasts")] {
            body.extend(format!("--cut\r\ncontent-disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n").bytes());
        }
        body.extend(b"--cut\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n");
        body.extend(file);
        body.extend(b"\r\n--cut--\r\n");
        let request = client().post(format!("{}/broadcasts/imports", self.base)).header(header::COOKIE, self.cookies());
        let res = request.header(header::CONTENT_TYPE, "multipart/form-data; boundary=cut").body(body).send().await.unwrap();
        let (status, location) = (res.status().as_u16(), res.headers().get(header::LOCATION).map(|at| at.to_str().unwrap().to_owned()));
        let Some(location) = location else {
            let page = res.text().await.unwrap();
            assert_eq!(status, 422, "{name}: {page}");
            let words = page.split("id=\"file-e\">").nth(1).and_then(|rest| rest.split("</svg>").nth(1)).and_then(|rest| rest.split('<').next());
            return Fate::Refused(words.unwrap_or_else(|| panic!("{name}: {page}")).to_owned());
        };
        assert_eq!(status, 303, "{name}");
        let (status, page) = self.page(&location).await;
        assert!(status == 200 && page.contains("正在检查"), "{name}: {page}");
        jobs::run_due(&self.stage.app).await.unwrap();
        for path in [location.clone(), format!("{location}/report"), "/broadcasts/imports".to_owned()] {
            assert_eq!(self.page(&path).await.0, 200, "{name}: {path}");
        }
        let id = location.trim_start_matches("/broadcasts/imports/").to_owned();
        let (stage, tr) = (&self.stage, Tr::new(Lang::ZhCn));
        let known = imports::show(&stage.app, &stage.caller, &id).await.unwrap();
        if !known.is_ready() {
            let report = imports::files::report(&stage.app, &stage.caller, &tr, &id).await.unwrap();
            for line in report.trim_start_matches(csv::BOM).lines() {
                assert!(!line.split(',').any(|cell| cell.trim_start_matches('"').starts_with(['=', '+', '@'])), "{name}: {line}");
            }
            assert!(report.len() < 400_000, "{name}: a report that can be opened");
            return Fate::Faulty(known.about.problems.into_iter().map(|p| (p.line, p.kind)).collect());
        }
        imports::confirm(&stage.app, &stage.caller, &id).await.unwrap();
        jobs::run_due(&stage.app).await.unwrap();
        let known = imports::show(&stage.app, &stage.caller, &id).await.unwrap();
        assert_eq!(known.state, imports::ImportState::Done, "{name}: {:?}", known.about.problems);
        assert_eq!(self.page(&location).await.0, 200, "{name}: done");
        Fate::Imported(known.row.broadcasts, known.row.recipients)
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().pool_max_idle_per_host(0).build().unwrap()
}

fn table(lines: &str) -> Vec<u8> {
    [HEAD, lines].concat().into_bytes()
}

fn gb(text: &str) -> Vec<u8> {
    encoding_rs::GB18030.encode(text).0.into_owned()
}

fn line(id: &str, at: &str, text: &str) -> String {
    format!("企业微信,{id},{at},,{text},a b\r\n")
}

#[tokio::test]
async fn what_is_no_table_is_refused_with_words() {
    let desk = Desk::open().await;
    let right = String::from_utf8(table(&line("m1", "2026/11/20 9:05", "正文内容"))).unwrap();
    let utf16: Vec<u8> = right.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let zip = [b"PK\x03\x04".as_slice(), &[0; 5000]].concat();
    let files: [(&str, Vec<u8>, &str); 14] = [
        ("an empty file", Vec::new(), "空"),
        ("only a mark", b"\xef\xbb\xbf".to_vec(), "空"),
        ("only blanks", b" \r\n\r\n\t".to_vec(), "空"),
        ("a workbook", zip, "另存为"),
        ("an empty archive", [b"PK\x05\x06".as_slice(), &[0; 18]].concat(), "另存为"),
        ("an old workbook", [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".as_slice(), &[0; 512]].concat(), "另存为"),
        ("a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), "不是文字"),
        ("one NUL", right.replace("m1", "m\0").into_bytes(), "不是文字"),
        ("many NULs", [right.as_bytes(), &[0; 100]].concat(), "不是文字"),
        ("a terminal's commands", right.replace("m1", "\x1b]0;x\x07").into_bytes(), "不是文字"),
        ("UTF-16 cut within a character", [&[0xff, 0xfe], &utf16[..utf16.len() - 1]].concat(), "不完整"),
        ("half a pair of UTF-16", [&[0xff, 0xfe], utf16.as_slice(), &[0x00, 0xd8]].concat(), "第 3 行"),
        ("two encodings", [right.as_bytes(), &gb("企业微信,m2,2026/11/20 9:05,标题,正文内容,a\r\n")].concat(), "第 3 行的编码"),
        ("no encoding", [&gb(&right), b"\xff\xff\xff\r\n".as_slice()].concat(), "第 3 行"),
    ];
    let mut strange = Vec::new();
    for (name, bytes, words) in &files {
        let fate = desk.bring(name, bytes).await;
        if !matches!(&fate, Fate::Refused(said) if said.contains(words)) {
            strange.push(format!("{name}: {fate:?}"));
        }
    }
    assert_eq!(strange, Vec::<String>::new());
    assert_eq!(desk.stage.count("import.uploaded"), files.len() as i64, "each refusal leaves its event");
    assert_eq!(desk.stage.count("broadcast.imported"), 0);
}

#[tokio::test]
async fn a_faulty_table_is_told_line_by_line_and_nothing_of_it_is_written() {
    let desk = Desk::open().await;
    let at = "2026/11/20 9:05";
    let good = line("m1", at, "正文");
    let digits = "9".repeat(400);
    let rows = |count: usize, text: &str| text.repeat(count);
    let crowd = (0..36_000).map(|n| format!("u{n:05} ")).collect::<String>();
    let crowds = (0..12).map(|n| line(&format!("c{n}"), at, "正文").replace("a b", &crowd)).collect::<String>();
    let ids = |n: usize| (0..200).map(|m| format!("i{n}-{m}|")).collect::<String>();
    let pieces = (0..26).map(|n| line(&ids(n), at, "正文")).collect::<String>();
    let heads = |heads: &str| format!("{heads}\r\n{good}").into_bytes();
    let files: Vec<(&str, Vec<u8>, Vec<(usize, &str)>)> = vec![
        ("only heads", table(""), vec![(1, "no-rows")]),
        ("heads twice", heads("平台连接,消息编号,发送时间,标题,正文,正文,收件人"), vec![(1, "column-twice")]),
        ("heads missing", heads("平台连接,消息编号,标题,正文"), vec![(1, "column-missing"), (1, "column-missing")]),
        ("no heads", good.replace("正文", "各位").into_bytes(), vec![(1, "column-missing"); 5]),
        ("a web page", b"<html><body>\r\n<table>".to_vec(), vec![(1, "column-missing"); 5]),
        ("a quote that is not closed", table(&[&good, "企业微信,m2,", at, ",,\"正文,a\r\n", &good].concat()), vec![(3, "unclosed-quote")]),
        ("text behind a quote", table(&[&good, "企业微信,\"m\"2,", at, ",,正文,a\r\n"].concat()), vec![(3, "after-quote")]),
        ("one line of 8 MiB", "长".repeat(8 << 20 >> 2).into_bytes(), vec![(1, "long-cell")]),
        ("a line of 8 MiB in quotes", table(&format!("企业微信,m1,{at},,\"{}\",a\r\n", "x".repeat(8 << 20))), vec![(2, "unclosed-quote")]),
        ("a million columns", table(&rows(1_000_000, ",x")), vec![(2, "long-row")]),
        ("a million heads", rows(1_000_000, "x,").into_bytes(), vec![(1, "long-row")]),
        ("a hundred thousand faults", table(&rows(100_000, "企业微信,m,x,,t,a\r\n")), (2..1002).map(|line| (line, "not-a-time")).collect()),
        ("two thousand broadcasts", table(&(0..2000).map(|n| line(&format!("n{n}"), at, "正文")).collect::<String>()), vec![(1003, "too-many-rows")]),
        ("four hundred thousand recipients and more", table(&crowds), vec![(13, "too-many-people")]),
        ("five thousand messages and more", table(&pieces), vec![(27, "too-many-ids")]),
        (
            "a room without end",
            {
                let room = format!("平台连接,消息编号,房间编号,发送时间,正文,收件人\r\n企业微信,m1,{},{at},正文,a\r\n", "r".repeat(513));
                room.into_bytes()
            },
            vec![(2, "bad-id")],
        ),
        ("formulas", table(&line("=cmd|' /C calc'!A0", at, "正文").replace("a b", "@SUM(1) +1")), vec![(2, "formula"), (2, "formula")]),
        ("a shortened number", table(&line("1.23457E+17", at, "正文").replace("a b", "1.38E+10")), vec![(2, "excel-number"), (2, "excel-number")]),
        (
            "times",
            table(
                &["46346.378", "2026/11/20", "20/11/2026 9:05", "2026/13/1 9:05", &digits, "2147483648", "1e999"]
                    .map(|at| line("t", at, "正文"))
                    .concat(),
            ),
            vec![
                (2, "excel-serial"),
                (3, "no-clock"),
                (4, "not-a-time"),
                (5, "not-a-time"),
                (6, "excel-serial"),
                (7, "excel-serial"),
                (8, "excel-serial"),
            ],
        ),
        (
            "far times",
            table(&["2036/11/20 9:05", "1999/11/20 9:05"].map(|at| line("t", at, "正文")).concat()),
            vec![(2, "in-future"), (3, "too-early")],
        ),
        ("an id of 400 digits", table(&line("m1", at, "正文").replace("a b", &digits)), vec![(2, "bad-id")]),
    ];
    let mut strange = Vec::new();
    for (name, bytes, wrong) in &files {
        let wrong: Vec<(usize, String)> = wrong.iter().map(|(line, kind)| (*line, (*kind).to_owned())).collect();
        let fate = desk.bring(name, bytes).await;
        if fate != Fate::Faulty(wrong) {
            strange.push(format!("{name}: {fate:?}").chars().take(300).collect::<String>());
        }
    }
    assert_eq!(strange, Vec::<String>::new());
    assert_eq!(desk.stage.count("broadcast.imported"), 0, "nothing is written, not by half either");
}

#[tokio::test]
async fn what_spreadsheets_make_of_a_table_is_imported_for_what_it_says() {
    let desk = Desk::open().await;
    let mut n = 0;
    for separator in [',', ';', '\t'] {
        for at in ["2026/11/20 9:05", "2026-11-20 09:05:00", "2026年11月20日 9:05", "2026-11-20T09:05:00+08:00"] {
            let text = |n: usize| {
                let table = String::from_utf8(table(&line(&format!("m{n}"), at, "\"甲,乙;\"\"丙\"\"\r\n丁\""))).unwrap();
                // The text's own separators stand between quotes.
                let mut quoted = false;
                let other = |c: char| {
                    quoted ^= c == '"';
                    if c == ',' && !quoted { separator } else { c }
                };
                table.chars().map(other).collect::<String>()
            };
            let wide =
                |text: &str, big: bool| text.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect::<Vec<u8>>();
            for (name, file) in [
                ("utf-8", text(n).into_bytes()),
                ("utf-8 with a mark", [b"\xef\xbb\xbf", text(n + 1).as_bytes()].concat()),
                ("gb18030", gb(&text(n + 2))),
                ("utf-16le", [&[0xff, 0xfe], wide(&text(n + 3), false).as_slice()].concat()),
                ("utf-16be without a mark", wide(&text(n + 4), true)),
                ("lone carriage returns", text(n + 5).replace("\r\n", "\r").into_bytes()),
            ] {
                assert_eq!(desk.bring(name, &file).await, Fate::Imported(1, 2), "{name} {separator:?} {at}");
            }
            n += 6;
        }
    }
    let (stage, all) = (&desk.stage, n as i64);
    assert_eq!(stage.count("broadcast.imported"), all);
    let newest: Vec<String> = imports::list(&stage.app, &stage.caller).await.unwrap().into_iter().flat_map(|known| known.about.made).collect();
    assert_eq!(newest.len(), 50, "as many as the list shows");
    for id in newest {
        let one = broadcasts::load(&stage.app, &id).await.unwrap();
        assert_eq!(one.sent_at.map(|at| at.to_rfc3339()).as_deref(), Some("2026-11-20T01:05:00.000000Z"));
        let said = broadcasts::content(&stage.app, &stage.caller, &id, None).await.unwrap().text;
        assert_eq!(said.replace("\r\n", "\n").replace('\r', "\n"), "甲,乙;\"丙\"\n丁");
    }

    // What people write may begin like a formula: kept as it is, and harmless in every table that is made of it.
    let text = "=HYPERLINK(\"\"http://x\"\",\"\"y\"\")";
    let fate = desk.bring("a formula as text", &table(&line("f1", "2026/11/20 9:05", &format!("\"{text}\"")))).await;
    assert_eq!(fate, Fate::Imported(1, 2));
    assert_eq!(csv::line(&[csv::Cell::text("=HYPERLINK(1)")]), "'=HYPERLINK(1)\r\n");
}

/// Far more than a form may carry, made while it is sent, in one line: all of it is taken and thrown away piece by piece, so that the browser
/// gets to the page that says what is wrong.
#[tokio::test]
async fn a_line_without_end_is_answered_with_a_page() {
    const PIECE: usize = 1 << 20;
    const PIECES: usize = 192;
    let desk = Desk::open().await;
    let (csrf, cookies, address) = (desk.csrf.clone(), desk.cookies(), desk.base.trim_start_matches("http://").to_owned());
    let begin = format!(
        "--cut\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--cut\r\n\
         content-disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n"
    );
    let end = "\r\n--cut--\r\n";
    for chunked in [true, false] {
        let (begin, cookies, address) = (begin.clone(), cookies.clone(), address.clone());
        let answer = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            let size = if chunked {
                "transfer-encoding: chunked".to_owned()
            } else {
                format!("content-length: {}", begin.len() + PIECE * PIECES + end.len())
            };
            let head = format!(
                "POST /broadcasts/imports HTTP/1.1\r\nhost: {address}\r\ncookie: {cookies}\r\nconnection: close\r\n\
                 content-type: multipart/form-data; boundary=cut\r\n{size}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).unwrap();
            let mut send = |bytes: &[u8]| {
                let framed = if chunked { [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat() } else { bytes.to_vec() };
                stream.write_all(&framed).expect("whoever sends is listened to");
            };
            send(begin.as_bytes());
            let piece = vec![b'x'; PIECE];
            (0..PIECES).for_each(|_| send(&piece));
            send(end.as_bytes());
            if chunked {
                stream.write_all(b"0\r\n\r\n").unwrap();
            }
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).expect("an answer, not a broken connection");
            String::from_utf8_lossy(&answer).into_owned()
        })
        .await
        .unwrap();
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert!(answer.contains("文件过大，没有上传"), "{answer}");
    }
    assert_eq!(desk.stage.count("import.uploaded"), 0);
    let (status, page) = desk.page("/broadcasts/imports").await;
    assert!(status == 200 && !page.contains("a.csv"), "nothing of it is kept");
}
