//! What does not renew: a token that came too late or too early, one of a stranger, one that a bundle vouches for by itself; and what is
//! told of it, by the job, by the trail's own check and by a restore.

use countermand::{
    clock::ManualClock,
    connect::emulator::tsa::{Authority, Tsa},
    crypto::timestamp::{BadRoots, Query, Roots, chain, verify as token},
    evidence::timestamps::{anchored, list},
};

use super::{
    super::{named, openssl},
    *,
};
use crate::{
    backup::stage::{back_up, newest_in, node, passphrase_in},
    keys::execute,
};

const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

fn days(n: u64) -> std::time::Duration {
    std::time::Duration::from_secs(n * DAY)
}

fn roots(pem: &str) -> Roots {
    Roots::from_pem(pem).unwrap()
}

/// An authority whose certificates hold from the day before `at` for three years.
fn authority(at: Instant) -> Authority {
    Authority::lasting(at.minus(days(1)), days(3 * 366)).unwrap()
}

#[actix_web::test]
async fn a_renewal_counts_in_time_and_under_a_root_that_is_trusted() {
    let (timed, counsel, _, number) = Timed::stamped(TestDb::one()).await;
    let app = &timed.stage.app;
    let (_, handed) = evidence::again(app, &counsel.caller, &number).await.unwrap();
    let (folder, files) = zip::read(&handed, &Limits::default()).unwrap();
    let row = timed.tokens().await.into_iter().find(|row| row.subject == rows::BUNDLE).unwrap();
    let (at, until) = (Instant(row.stamped_at.unwrap()), Instant(row.valid_until.unwrap()));
    let (known, stranger) = (authority(at), authority(at));
    let mut trusted = timestamps::roots(&app.config);
    trusted.extend(&roots(&known.root_pem()));
    let signature = format!("{SIGNATURE}.tsr");
    for (what, of_token, by, counts) in [
        ("at the last moment", until, &known, true),
        ("a second too late", until.plus(SECOND), &known, false),
        ("before the token", at.minus(SECOND), &known, false),
        ("by a stranger", until.minus(SECOND), &stranger, false),
    ] {
        let mut files = files.clone();
        let hashes = list([(files[&signature].clone(), "a".to_owned()), (files[SIGNATURE].clone(), "b".to_owned())]);
        let query = Query::new(&hashes, None).to_der();
        let name = "signatures/renewal/0001";
        files.insert(format!("{name}.sha256.tsr"), by.answer(&query, of_token, None));
        files.insert(format!("{name}.sha256.tsq"), query);
        files.insert(format!("{name}.sha256"), hashes);
        files.insert(format!("{name}.pem"), by.root_pem().into_bytes());
        let pins = [Pin::Log(app.store.vkey().unwrap()), Pin::Authorities(trusted.clone()), Pin::At(until.plus(days(10)))];
        let outcome = verify(&zip::write(&folder, &files).unwrap(), &pins, &Limits::default());
        assert_eq!(outcome.result, if counts { Answer::Pass } else { Answer::Unknown }, "{what}: {:#?}", outcome.checks);
        let renewed = of(&outcome, "timestamp_renewed", if counts { Answer::Pass } else { Answer::Unknown });
        assert!(renewed.contains(&signature.as_str()), "{what}: {:#?}", outcome.checks);
    }
}

/// Whoever changes a bundle can add certificates, of the same name and even the same key; the end of a token is that of those we trust.
#[actix_web::test]
async fn a_token_ends_with_the_certificates_that_are_trusted() {
    let (timed, counsel, _, number) = Timed::stamped(TestDb::one()).await;
    let app = &timed.stage.app;
    let (_, handed) = evidence::again(app, &counsel.caller, &number).await.unwrap();
    let (folder, mut files) = zip::read(&handed, &Limits::default()).unwrap();
    let temp = tempfile::tempdir().unwrap();
    openssl::authority(temp.path(), openssl::Make::default());
    openssl::done(
        temp.path(),
        "openssl req -x509 -new -sha256 -key root.key -subj '/O=Test/CN=Root' -days 10 -out short.pem -addext basicConstraints=critical,CA:TRUE",
    );
    let read = |file: &str| std::fs::read_to_string(temp.path().join(file)).unwrap();
    let query = Query::new(&files[SIGNATURE], None);
    let answer = openssl::answer(temp.path(), &query.to_der());
    let at = token(&query, &answer, &roots(&read("root.pem"))).unwrap().at;
    files.insert(format!("{SIGNATURE}.2.tsq"), query.to_der());
    files.insert(format!("{SIGNATURE}.2.tsr"), answer);
    files.get_mut("trust/tsa-root.pem").unwrap().extend_from_slice(read("root.pem").as_bytes());
    let bytes = zip::write(&folder, &files).unwrap();
    let judged = |root: &str, after: u64| {
        let mut trusted = timestamps::roots(&app.config);
        trusted.extend(&roots(&read(root)));
        let pins = [Pin::Log(app.store.vkey().unwrap()), Pin::Authorities(trusted), Pin::At(at.plus(days(after)))];
        let outcome = verify(&bytes, &pins, &Limits::default());
        let file = format!("{SIGNATURE}.2.tsr");
        of(&outcome, "timestamp_renewed", Answer::Unknown).contains(&file.as_str())
    };
    assert!(!judged("short.pem", 9) && judged("short.pem", 11), "it has run out by the certificate that is trusted");
    assert!(!judged("root.pem", 11));

    // It names itself as its issuer, and another key signed it.
    openssl::done(
        temp.path(),
        "exec 2>&1\nopenssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out other.key\n\
         openssl req -x509 -new -sha256 -key other.key -subj '/O=Test/CN=Root' -days 10 -out other.pem\n\
         openssl req -new -key root.key -subj '/O=Test/CN=Root' -out again.csr\n\
         openssl x509 -req -sha256 -in again.csr -CA other.pem -CAkey other.key -CAcreateserial -days 3650 -out forged.pem",
    );
    assert_eq!(Roots::from_pem(&read("forged.pem")), Err(BadRoots::NoRoot));
}

#[actix_web::test]
async fn an_answer_that_comes_too_late_renews_nothing() {
    for db in TestDb::each() {
        let timed = Timed::set(db).await;
        timed.begin().await;
        let app = &timed.stage.app;
        let ahead = Tsa::start_local(ManualClock::at(app.now().plus(days(400)))).unwrap();
        let mut config = (*app.config).clone();
        config.timestamp.authorities = vec![named("ahead", &ahead, &config.data)];
        let late = App { config: Arc::new(config), ..app.clone() };
        timed.stage.clock.advance(days(350));
        assert!(renewal::step(&late).await.unwrap().is_some());
        let told = timed.renewals().await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((told[0]["action"].as_str(), &told[0]["parts"]["detail"]["reason"]), (Some("timestamp.expiring"), &"out_of_time".into()));
        assert!(timed.tokens().await.iter().all(|row| row.renewed_by.is_none()));
        let report = app.store.verify(&Default::default()).unwrap();
        assert!(report.ok, "{:?}", report.problems);
        assert!(timed.settings().await.contains("不在待续期时间戳的签发时间与到期时间之间"));
    }
}

#[actix_web::test]
async fn what_ran_out_is_told_once_and_a_later_warning_is_told_again() {
    for db in TestDb::each() {
        let timed = Timed::set(db).await;
        timed.begin().await;
        timed.tsa.inject(Fault::Rejected, 100_000);
        timed.days(350).await;
        assert_eq!(timed.renewals().await.len(), 1);
        let over = || async {
            let all = timed.events().await;
            all.into_iter().filter(|e| e["action"] == "timestamp.expired").collect::<Vec<_>>()
        };
        assert!(over().await.is_empty(), "sixteen days are left");
        timed.days(20).await;
        timed.days(1).await;
        let told = over().await;
        assert_eq!((told.len(), told[0]["outcome"].as_str(), &told[0]["parts"]["detail"]["tokens"]), (1, Some("failed"), &1.into()), "{told:?}");
        let page = timed.settings().await;
        assert!(page.contains("1 份时间戳") && !page.contains("（已请求"), "nobody is asked for it any more: {page}");

        // Another token, and the same reason a year later.
        timed.tsa.inject(Fault::Rejected, 0);
        timed.tsa.roll().unwrap();
        timed.something().await;
        timed.later(7200).await;
        assert!(timed.newest().await.unwrap().valid_until > Some(timed.stage.app.now().0), "a new one");
        timed.tsa.inject(Fault::Rejected, 100_000);
        timed.days(350).await;
        let told = timed.renewals().await;
        assert_eq!((told.len(), told[1]["action"].as_str()), (2, Some("timestamp.expiring")), "{told:?}");
        timed.days(20).await;
        assert_eq!(over().await.len(), 2);
    }
}

/// The last quarter of a lead time of one day is six hours: the job comes back when it begins, and not a day later.
#[actix_web::test]
async fn a_short_lead_time_does_not_miss_its_last_chance() {
    let timed = Timed::set(TestDb::one()).await;
    timed.begin().await;
    let mut config = (*timed.stage.app.config).clone();
    config.timestamp.renew_before_days = 1;
    let app = App { config: Arc::new(config), ..timed.stage.app.clone() };
    let end = Instant(timed.newest().await.unwrap().valid_until.unwrap());
    let at = |hours: u64| {
        let wanted = end.minus(std::time::Duration::from_secs(hours * 3600));
        timed.stage.clock.advance(wanted.since(app.now()));
    };
    at(30);
    assert_eq!(renewal::step(&app).await.unwrap(), Some(end.minus(days(1))), "when the lead time begins");
    at(20);
    assert_eq!(renewal::step(&app).await.unwrap(), Some(end.minus(std::time::Duration::from_secs(6 * 3600))), "when its last quarter does");
    // A certificate that lasts a little longer is taken then, and the next one is asked for after an hour.
    at(5);
    let brief = Tsa::start_lasting(timed.stage.clock.clone(), std::time::Duration::from_secs(6 * 3600)).unwrap();
    let mut config = (*app.config).clone();
    config.timestamp.authorities = vec![named("brief", &brief, &config.data)];
    let app = App { config: Arc::new(config), ..app };
    assert_eq!(renewal::step(&app).await.unwrap(), Some(app.now().plus(std::time::Duration::from_secs(3600))));
    assert_eq!(timed.renewals().await.last().unwrap()["action"], "timestamp.renewed");
}

#[actix_web::test]
async fn the_trails_check_wants_renewals_in_time_and_holds_tokens_against_their_events() {
    for db in TestDb::each() {
        let timed = Timed::set(db).await;
        timed.begin().await;
        timed.something().await;
        timed.later(3600).await;
        let app = &timed.stage.app;
        let first = timed.newest().await.unwrap();
        let (at, until) = (Instant(first.stamped_at.unwrap()), Instant(first.valid_until.unwrap()));
        let said = || app.store.verify(&Default::default()).unwrap().problems.iter().map(|p| format!("{}\n", p.detail)).collect::<String>();
        assert_eq!(said(), "");
        let by = authority(at);
        for (of_token, in_time) in [(until, true), (until.plus(SECOND), false), (at.minus(SECOND), false)] {
            let answer = first.answer.clone().unwrap();
            let hashes = list([(first.stamped.clone(), first.id.clone()), (answer, format!("{}.tsr", first.id))]);
            let query = Query::new(&hashes, None);
            let answer = by.answer(&query.to_der(), of_token, None);
            let stamp = token(&query, &answer, &roots(&by.root_pem())).unwrap();
            let row = TimestampRow {
                id: countermand::id::fresh(),
                subject: rows::RENEWAL.to_owned(),
                stamped: hashes,
                query: query.to_der(),
                answer: Some(answer),
                chain: Some(chain::pem_of(&stamp.path)),
                stamped_at: Some(stamp.at.0),
                valid_until: Some(stamp.until.0),
                ..first.clone()
            };
            let id = row.id.clone();
            app.store.write(move |tx| rows::put(tx.conn, row.clone())).await.unwrap();
            execute(&timed.stage.db, &format!("UPDATE timestamps SET renewed_by = '{id}' WHERE id = '{}'", first.id));
            let found = said();
            assert_eq!(found.contains("came too late"), !in_time, "{found}");
            assert!(found.contains(&format!("{id}: no event of the log tells of this token")), "{found}");
            execute(&timed.stage.db, &format!("UPDATE timestamps SET renewed_by = NULL; DELETE FROM timestamps WHERE id = '{id}'"));
        }
        let of_row = |set: &str| execute(&timed.stage.db, &format!("UPDATE timestamps SET {set} WHERE id = '{}'", first.id));
        of_row("subject = 'renewal'");
        assert!(said().contains("tells of this token for checkpoint"), "{}", said());
        of_row("subject = 'checkpoint'");
        assert_eq!(said(), "");
        execute(&timed.stage.db, &format!("DELETE FROM timestamps WHERE id = '{}'", first.id));
        assert!(said().contains(&format!("the token for checkpoint {}, of which this event tells, is missing", first.log_size)), "{}", said());
    }
}

/// A bundle that was sealed while no authority answered has the stamped checkpoints of its day, and what renewed those.
#[actix_web::test]
async fn a_bundle_without_a_token_of_its_own_gets_the_renewals_of_its_checkpoints() {
    for db in TestDb::each() {
        let (timed, counsel, _, number) = Timed::stamped(db).await;
        let app = &timed.stage.app;
        execute(&timed.stage.db, "DELETE FROM timestamps WHERE subject = 'bundle'");
        let (_, sealed) = evidence::again(app, &counsel.caller, &number).await.unwrap();
        assert!(!anchored(&sealed).unwrap().is_empty());
        let began = app.now();
        timed.days(290).await;
        timed.tsa.roll().unwrap();
        timed.days(1).await;
        let (_, handed) = evidence::again(app, &counsel.caller, &number).await.unwrap();
        let (_, files) = zip::read(&handed, &Limits::default()).unwrap();
        assert!(files.contains_key("signatures/renewal/0001.sha256"), "{:?}", files.keys());
        let outcome = timed.judge(&handed, began.plus(days(400)));
        passes(&outcome);
        assert_eq!(of(&outcome, "timestamp_renewed", Answer::Pass).len(), 1);
        told(&handed);
    }
}

#[actix_web::test]
async fn a_timestamp_that_does_not_hold_is_told_by_a_restore_and_does_not_stop_it() {
    for db in TestDb::each() {
        let timed = Timed::set(db).await;
        timed.begin().await;
        let (first, folder) = (node(&timed.stage.db), tempfile::tempdir().unwrap());
        execute(&timed.stage.db, "UPDATE timestamps SET stamped_at = stamped_at + 1 WHERE state = 'obtained'");
        let file = back_up(&first, folder.path());
        let newest = newest_in(&file).to_string();
        let (target, passphrase) = (TestDb::sqlite(), passphrase_in(folder.path()));
        let arguments = ["restore", file.to_str().unwrap(), "--passphrase-file", &passphrase, "--newest", &newest, "--json"];
        let restored = node(&target).json(&arguments);
        assert_eq!(restored["read_only"], Value::Null, "{restored}");
        assert!(restored["timestamps"][0].as_str().is_some_and(|said| said.contains("its times are not the token's")), "{restored}");
        let out = node(&target).run(&["ledger", "verify"]);
        assert_eq!(out.status.code(), Some(1), "the check says so still");
    }
}
