//! The WeCom connector against the emulator: the job, every fault, the limits, the secrets.

use std::{sync::Arc, time::Duration};

use countermand::{
    clock::{Clock, Instant, SystemClock},
    connect::{
        Audience, ConnectError, Connector, MessageRef, Outgoing, RawCall,
        emulator::{Emulator, Mode, Options},
        http::{BadBaseUrl, Client, Limits},
        wecom::Wecom,
    },
};

use crate::fake_http::{Fake, answer};

fn emulator() -> Emulator {
    Emulator::start_local(Options::default()).unwrap()
}

fn limits(whole: u64) -> Limits {
    Limits { connect: Duration::from_secs(2), whole: Duration::from_millis(whole), ..Limits::default() }
}

/// A connector to `base_url` whose calls may take `whole` milliseconds.
fn connect(emulator: &Emulator, base_url: &str, secret: &str, whole: u64) -> Wecom {
    Wecom::new(Client::with_limits(base_url, true, Arc::new(SystemClock), limits(whole)).unwrap(), &emulator.settings(), secret)
}

fn patient(emulator: &Emulator) -> Wecom {
    connect(emulator, &emulator.access().base_url, &emulator.access().secret, 15_000)
}

/// For faults that end in a time-out.
fn hasty(emulator: &Emulator) -> Wecom {
    connect(emulator, &emulator.access().base_url, &emulator.access().secret, 400)
}

fn notice() -> Outgoing {
    Outgoing { title: "关于年度薪酬调整的通知".to_owned(), text: "各位同事：请于 11 月 28 日前反馈意见。".to_owned() }
}

fn to(users: &[&str]) -> Audience {
    Audience { users: users.iter().map(|u| (*u).to_owned()).collect(), ..Audience::default() }
}

async fn send(wecom: &Wecom, users: &[&str]) -> MessageRef {
    wecom.send(&to(users), &notice()).await.result.unwrap().message
}

/// Whether a recipient's client still shows the text of a message.
fn visible(emulator: &Emulator, user: &str, message: &MessageRef) -> bool {
    let inbox = emulator.inbox(user).unwrap();
    inbox.messages.iter().find(|m| m.msgid == message.id).unwrap().text.is_some()
}

fn no_secret(emulator: &Emulator, calls: &[RawCall]) {
    let kept = serde_json::to_string(calls).unwrap();
    assert!(!kept.contains(&emulator.access().secret), "the secret is in the record");
    for key in ["access_token=", "\\\"access_token\\\":\\\""] {
        assert!(kept.split(key).skip(1).all(|rest| rest.starts_with("***")), "a token is in the record: {kept}");
    }
    assert!(kept.contains("access_token"), "there was something to hide");
}

#[tokio::test]
async fn a_notice_is_sent_and_taken_back_and_the_record_tells_it_without_secrets() {
    let emulator = emulator();
    let wecom = patient(&emulator);
    let before = SystemClock.now().minus(Duration::from_secs(2));
    let sent = wecom.send(&to(&["LinYuTong", "SuMu", "Gone-Since-May"]), &notice()).await;
    let done = sent.result.clone().unwrap();
    assert_eq!(done.refused_users, ["Gone-Since-May"], "in our spelling, though the platform answers in lower case");
    assert!(done.platform_time.unwrap() >= before);
    assert!(visible(&emulator, "SuMu", &done.message));
    assert!(emulator.inbox("GuYuan").unwrap().messages.is_empty());
    let recalled = wecom.recall(&done.message, "误发", "key").await;
    assert_eq!(recalled.result, Ok(()));
    assert!(!visible(&emulator, "SuMu", &done.message));
    assert!(!visible(&emulator, "LinYuTong", &done.message));

    assert_eq!(sent.calls.len(), 2, "token and send");
    assert_eq!(recalled.calls.len(), 1, "the token is kept");
    let call = &recalled.calls[0];
    assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", "/cgi-bin/message/recall?access_token=***"));
    assert_eq!(call.request, format!(r#"{{"msgid":"{}"}}"#, done.message.id));
    assert_eq!((call.status, call.response.as_deref()), (Some(200), Some(r#"{"errcode":0,"errmsg":"ok"}"#)));
    assert!(call.date.is_some() && call.answered_at.unwrap() >= call.started_at && call.fault.is_none());
    assert_eq!(sent.calls[0].path, "/cgi-bin/gettoken?corpid=wwc0ffee0ddba11fee&corpsecret=***");
    for calls in [&sent.calls, &recalled.calls] {
        no_secret(&emulator, calls);
    }
}

#[tokio::test]
async fn every_fault_of_a_recall_is_told_as_what_it_is() {
    let emulator = emulator();
    let hasty = hasty(&emulator);
    let unknown = |e: &ConnectError| matches!(e, ConnectError::Unknown(_));
    let limited = |e: &ConnectError| *e == ConnectError::RateLimited { retry_after: Duration::from_secs(1) };
    type Says<'a> = &'a dyn Fn(&ConnectError) -> bool;
    let cases: [(Mode, Says<'_>, bool); 5] = [
        (Mode::TimeoutAfterActing, &unknown, false),
        (Mode::TimeoutBefore, &unknown, true),
        (Mode::Error500, &unknown, true),
        (Mode::TooMany, &limited, true),
        (Mode::Garbage, &unknown, false),
    ];
    for (n, (mode, says, still_there)) in cases.into_iter().enumerate() {
        let user = emulator.access().users[n].clone();
        let message = send(&hasty, &[&user]).await;
        emulator.inject("message/recall", mode, 1);
        let tried = hasty.recall(&message, "", "").await;
        let error = tried.result.unwrap_err();
        assert!(says(&error), "{mode}: {error}");
        let call = tried.calls.last().unwrap();
        assert_eq!(call.status.is_none(), matches!(mode, Mode::TimeoutAfterActing | Mode::TimeoutBefore), "{mode}");
        assert_eq!(call.fault.is_some(), call.status.is_none(), "{mode}: a fault below HTTP is named");
        assert_eq!(visible(&emulator, &user, &message), still_there, "{mode}");
        no_secret(&emulator, &tried.calls);

        let again = hasty.recall(&message, "", "").await.result;
        if still_there {
            assert_eq!(again, Ok(()), "{mode}: once the platform is well, the recall goes through");
        } else {
            assert!(matches!(again, Err(ConnectError::Refused { .. })), "{mode}: the platform does not say that it had been done");
        }
        assert!(!visible(&emulator, &user, &message), "{mode}");
    }
}

#[tokio::test]
async fn a_slow_platform_is_waited_for() {
    let emulator = emulator();
    let wecom = patient(&emulator);
    let message = send(&wecom, &["SuMu"]).await;
    emulator.inject("message/recall", Mode::Slow, 1);
    let done = wecom.recall(&message, "", "").await;
    assert_eq!(done.result, Ok(()));
    let call = &done.calls[0];
    assert!(call.answered_at.unwrap().since(call.started_at) >= Duration::from_secs(2));
}

#[tokio::test]
async fn a_revoked_or_expired_token_is_refreshed_once() {
    let emulator = emulator();
    let wecom = patient(&emulator);
    let message = send(&wecom, &["SuMu"]).await;
    emulator.inject("message/recall", Mode::RevokeToken, 1);
    let done = wecom.recall(&message, "", "").await;
    assert_eq!(done.result, Ok(()));
    let paths: Vec<&str> = done.calls.iter().map(|c| c.path.split('?').next().unwrap()).collect();
    assert_eq!(paths, ["/cgi-bin/message/recall", "/cgi-bin/gettoken", "/cgi-bin/message/recall"]);
    no_secret(&emulator, &done.calls);

    let message = send(&wecom, &["GuYuan"]).await;
    emulator.set_offset(7201);
    assert_eq!(wecom.recall(&message, "", "").await.result, Ok(()), "42001");
    assert_eq!(emulator.count("gettoken"), 3);

    let message = send(&wecom, &["BaiLu"]).await;
    emulator.inject("message/recall", Mode::RevokeToken, 2);
    let error = wecom.recall(&message, "", "").await.result.unwrap_err();
    assert!(matches!(&error, ConnectError::Unauthorized { code, .. } if code == "40014"), "{error}: twice is enough");
    assert!(visible(&emulator, "BaiLu", &message));
}

#[tokio::test]
async fn without_a_token_nothing_was_done() {
    for mode in [Mode::TimeoutBefore, Mode::TimeoutAfterActing, Mode::Error500, Mode::Garbage] {
        let emulator = emulator();
        emulator.inject("gettoken", mode, 1);
        let wecom = hasty(&emulator);
        let tried = wecom.send(&to(&["SuMu"]), &notice()).await;
        assert!(matches!(tried.result, Err(ConnectError::NotReached(_))), "{mode}: {:?}", tried.result);
        assert_eq!(emulator.count("message/send"), 0, "{mode}");
        assert!(wecom.send(&to(&["SuMu"]), &notice()).await.result.is_ok(), "{mode}: a failure is not kept");
    }
    let emulator = emulator();
    emulator.inject("gettoken", Mode::TooMany, 1);
    assert!(matches!(patient(&emulator).test().await.result, Err(ConnectError::RateLimited { .. })));
}

#[tokio::test]
async fn many_callers_refresh_the_token_once() {
    let emulator = emulator();
    let wecom = patient(&emulator);
    let burst = || async {
        let calls = (0..24).map(|n| {
            let wecom = &wecom;
            let user = emulator.access().users[n].clone();
            async move { wecom.send(&to(&[&user]), &notice()).await.result.is_ok() }
        });
        assert!(futures_util::future::join_all(calls).await.into_iter().all(|ok| ok));
    };
    burst().await;
    assert_eq!(emulator.count("gettoken"), 1, "the first burst");
    burst().await;
    assert_eq!(emulator.count("gettoken"), 1, "kept");

    assert_eq!(wecom.test().await.result, Ok(()));
    emulator.inject("message/send", Mode::RevokeToken, 1);
    burst().await;
    assert_eq!(emulator.count("gettoken"), 3, "all were rejected at once, one of them asked again");
}

#[tokio::test]
async fn many_callers_share_a_failed_refresh() {
    let emulator = emulator();
    emulator.inject("gettoken", Mode::Slow, 1);
    let wecom = connect(&emulator, &emulator.access().base_url, "a wrong secret", 15_000);
    let (audience, message) = (to(&["SuMu"]), notice());
    let calls = (0..8).map(|_| wecom.send(&audience, &message));
    for tried in futures_util::future::join_all(calls).await {
        assert!(matches!(&tried.result, Err(ConnectError::Unauthorized { code, .. }) if code == "40001"), "{:?}", tried.result);
        assert!(!serde_json::to_string(&tried.calls).unwrap().contains("a wrong secret"));
        assert!(!tried.result.unwrap_err().to_string().contains("a wrong secret"));
    }
    assert_eq!(emulator.count("gettoken"), 1, "2000 wrong calls an hour block the application");
}

#[tokio::test]
async fn a_large_audience_goes_out_in_documented_pieces_and_comes_back() {
    let emulator = Emulator::start_local(Options { extra_users: 2500, ..Options::default() }).unwrap();
    let wecom = patient(&emulator);
    let users: Vec<String> = (1..=2500).map(|n| format!("Staff{n:06}")).collect();
    let audience = Audience { users, parties: vec!["2".to_owned(), "404".to_owned()], tags: vec!["1".to_owned(), "x".to_owned()], all: false };
    let pieces = wecom.split(&audience);
    assert_eq!(pieces.len(), 3);
    let mut messages = Vec::new();
    for (n, piece) in pieces.iter().enumerate() {
        let sent = wecom.send(piece, &notice()).await.result.unwrap();
        assert_eq!(
            (sent.refused_parties, sent.refused_tags),
            if n == 0 { (vec!["404".to_owned()], vec!["x".to_owned()]) } else { Default::default() }
        );
        messages.push(sent.message);
    }
    for user in ["Staff000001", "Staff001001", "Staff002500", "LinYuTong", "SuMu"] {
        assert_eq!(emulator.inbox(user).unwrap().messages.len(), 1, "{user}");
    }
    assert!(emulator.inbox("GuYuan").unwrap().messages.is_empty());
    for message in &messages {
        assert_eq!(wecom.recall(message, "", "").await.result, Ok(()));
    }
    for user in ["Staff000001", "Staff002500", "LinYuTong"] {
        assert!(emulator.inbox(user).unwrap().messages.iter().all(|m| m.recalled), "{user}");
    }
    assert_eq!(wecom.members().await.result.unwrap().len(), 2525);
}

#[tokio::test]
async fn everybody_is_one_message_and_the_members_can_be_listed() {
    let emulator = Emulator::start_local(Options { extra_users: 12_000, ..Options::default() }).unwrap();
    let wecom = patient(&emulator);
    let all = Audience { all: true, ..Audience::default() };
    assert_eq!(wecom.split(&all), std::slice::from_ref(&all));
    let sent = wecom.send(&all, &notice()).await.result.unwrap();
    assert!(visible(&emulator, "Staff012000", &sent.message));
    let listed = wecom.members().await;
    let pages = listed.calls.iter().filter(|c| c.path.contains("list_id")).count();
    assert_eq!((listed.result.unwrap().len(), pages), (12_025, 3), "the last page omits next_cursor");
}

#[tokio::test]
async fn members_are_listed_by_department_where_the_secret_may_not_list_ids() {
    let emulator = Emulator::start_local(Options { strict_contacts: true, ..Options::default() }).unwrap();
    let members = patient(&emulator).members().await.result.unwrap();
    let mut expected = emulator.access().users.clone();
    expected.sort();
    assert_eq!(members, expected);
}

#[tokio::test]
async fn the_platforms_refusals_keep_their_code_and_words() {
    let emulator = emulator();
    let wecom = patient(&emulator);
    let refused = |result: Result<(), ConnectError>, wanted: &str| match result {
        Err(ConnectError::Refused { code, message }) => {
            assert_eq!(code, wanted);
            assert!(message.contains("hint: ["), "{message}");
        }
        other => panic!("{wanted}: {other:?}"),
    };
    refused(wecom.send(&to(&["nobody", "no-one"]), &notice()).await.result.map(|_| ()), "81013");
    let lost = MessageRef { id: "no-such-message".to_owned(), room: None };
    refused(wecom.recall(&lost, "", "").await.result, "999001");
    let message = send(&wecom, &["SuMu"]).await;
    assert_eq!(wecom.recall(&message, "", "").await.result, Ok(()));
    refused(wecom.recall(&message, "", "").await.result, "999003");
    let old = send(&wecom, &["GuYuan"]).await;
    emulator.set_offset(24 * 3600 + 5);
    refused(wecom.recall(&old, "", "").await.result, "999002");
    assert!(visible(&emulator, "GuYuan", &old));
    let wrong = connect(&emulator, &emulator.access().base_url, "wrong", 15_000);
    assert!(matches!(wrong.test().await.result, Err(ConnectError::Unauthorized { code, .. }) if code == "40001"));
    assert_eq!(wecom.test().await.result, Ok(()));
}

#[tokio::test]
async fn what_the_platform_would_garble_is_refused_before_any_call() {
    let emulator = emulator();
    let wecom = patient(&emulator);
    let long = Outgoing { title: String::new(), text: "长".repeat(683) };
    for (audience, message) in [(to(&["SuMu"]), &long), (to(&["SuMu", "@all"]), &notice()), (to(&["SuMu|GuYuan"]), &notice()), (to(&[]), &notice())] {
        let tried = wecom.send(&audience, message).await;
        assert!(matches!(tried.result, Err(ConnectError::Refused { .. })), "{:?}", tried.result);
        assert!(tried.calls.is_empty());
    }
    assert!(emulator.calls().is_empty());
    assert_eq!(wecom.read_back(&MessageRef { id: "x".to_owned(), room: None }).await.result, Err(ConnectError::Unsupported));
    assert_eq!(wecom.reading(&MessageRef { id: "x".to_owned(), room: None }).await.result, Err(ConnectError::Unsupported));
    assert_eq!(wecom.fetch(&MessageRef { id: "x".to_owned(), room: None }).await.result, Err(ConnectError::Unsupported));
}

#[tokio::test]
async fn too_many_calls_are_told_with_a_wait() {
    let emulator = Emulator::start_local(Options { calls_per_minute: 2, ..Options::default() }).unwrap();
    let wecom = patient(&emulator);
    let lost = MessageRef { id: "x".to_owned(), room: None };
    for _ in 0..2 {
        assert!(matches!(wecom.recall(&lost, "", "").await.result, Err(ConnectError::Refused { .. })));
    }
    let wait = ConnectError::RateLimited { retry_after: Duration::from_secs(60) };
    assert_eq!(wecom.recall(&lost, "", "").await.result, Err(wait), "45009");
    emulator.set_offset(61);
    assert!(matches!(wecom.recall(&lost, "", "").await.result, Err(ConnectError::Refused { .. })), "the minute is over");
}

/// A connector whose platform answers every call with `reply`.
async fn asked(reply: impl Fn() -> Vec<u8> + Send + 'static) -> (Result<(), ConnectError>, Vec<RawCall>) {
    let emulator = emulator();
    let token = answer("200 OK", "", r#"{"errcode":0,"errmsg":"ok","access_token":"t-o-k-e-n-1","expires_in":7200}"#);
    let fake = Fake::start(move |asked| if asked.path.contains("gettoken") { token.clone() } else { reply() });
    let wecom = connect(&emulator, &fake.base_url, "s-e-c-r-e-t", 5_000);
    let tried = wecom.recall(&MessageRef { id: "m".to_owned(), room: None }, "", "").await;
    let kept = serde_json::to_string(&tried.calls).unwrap() + &format!("{:?}", tried.result);
    assert!(!kept.contains("t-o-k-e-n-1") && !kept.contains("s-e-c-r-e-t"), "{kept}");
    (tried.result, tried.calls)
}

#[tokio::test]
async fn odd_answers_of_a_server_leave_it_unknown() {
    let unknown = |result: &Result<(), ConnectError>| matches!(result, Err(ConnectError::Unknown(_)));
    let (result, calls) = asked(|| answer("302 Found", "location: http://127.0.0.1:9/elsewhere\r\n", "")).await;
    assert!(unknown(&result), "a redirect is not followed: {result:?}");
    assert_eq!((calls.len(), calls[1].status), (2, Some(302)));

    let (result, calls) = asked(|| answer("200 OK", "", &"x".repeat((1 << 20) + 1))).await;
    assert!(unknown(&result), "{result:?}");
    assert_eq!(calls[1].response.as_ref().unwrap().len(), 1 << 20, "1 MiB is read and kept, no more");

    let (result, _) = asked(|| b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"errcode\":0".to_vec()).await;
    assert!(unknown(&result), "cut within the answer: {result:?}");
    let (result, _) = asked(Vec::new).await;
    assert!(unknown(&result), "cut before the answer: {result:?}");
    let (result, _) = asked(|| b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()).await;
    assert!(unknown(&result), "not HTTP: {result:?}");
    let (result, calls) = asked(|| answer("200 OK", "", r#"{"errcode":0,"errmsg":"you sent t-o-k-e-n-1"}"#)).await;
    assert_eq!(result, Ok(()));
    assert!(calls[1].response.as_ref().unwrap().contains("you sent ***"), "an echo is blotted too");
    let (result, _) = asked(|| answer("200 OK", "", r#"{"errcode":-1,"errmsg":"system busy"}"#)).await;
    assert!(matches!(result, Err(ConnectError::RateLimited { .. })));
}

#[tokio::test]
async fn nobody_at_the_address_means_nothing_was_done() {
    let emulator = emulator();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let wecom = connect(&emulator, &format!("http://{free}"), "s-e-c-r-e-t", 5_000);
    let tried = wecom.test().await;
    let error = tried.result.unwrap_err();
    assert!(matches!(error, ConnectError::NotReached(_)), "{error}");
    assert!(!error.to_string().contains("s-e-c-r-e-t"));
    assert!(tried.calls[0].status.is_none() && tried.calls[0].fault.is_some());
}

#[tokio::test]
async fn private_addresses_are_refused_unless_allowed() {
    let emulator = emulator();
    let mut settings = emulator.settings();
    let make = |settings: &countermand::connect::Settings, allow| countermand::connect::connector(settings, "s", allow, Arc::new(SystemClock)).err();
    assert_eq!(make(&settings, true), None);
    assert_eq!(make(&settings, false), Some(BadBaseUrl::Clear));
    settings.base_url = settings.base_url.replace("http:", "https:");
    assert_eq!(make(&settings, false), Some(BadBaseUrl::Private("127.0.0.1".to_owned())));
}

#[tokio::test]
async fn the_window_starts_by_the_platforms_own_clock() {
    let emulator = emulator();
    emulator.set_offset(-3600);
    let sent = patient(&emulator).send(&to(&["SuMu"]), &notice()).await.result.unwrap();
    let hour_ago = SystemClock.now().minus(Duration::from_secs(3600));
    let apart = Instant(sent.platform_time.unwrap().0.max(hour_ago.0)).since(Instant(sent.platform_time.unwrap().0.min(hour_ago.0)));
    assert!(apart < Duration::from_secs(5), "{apart:?}");
}
