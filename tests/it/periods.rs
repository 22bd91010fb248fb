//! Each class of events has its own period, bundles have theirs, and a hold by a search keeps what the search finds.

use std::{collections::BTreeMap, time::Duration};

use countermand::{
    app::{Caller, evidence, retention},
    domain::kept::EventClass,
    store::{
        reader,
        schema::{log_parts, log_search, notices, part_keys},
    },
};
use diesel::prelude::*;

use crate::{
    recalls::stage::Answer,
    retention::{DAY, House, WHY, house_with, settled},
    support::db::TestDb,
};

impl House {
    pub fn days(&self, days: u64) {
        self.stage.clock.advance(Duration::from_secs(days * DAY));
    }

    /// Parts that are left, by class.
    fn by_class(&self) -> BTreeMap<EventClass, i64> {
        let read = self.stage.app.store.read_now(|conn| {
            let of = log_parts::table.inner_join(log_search::table.on(log_search::event_id.eq(log_parts::event_id)));
            Ok(of.select(log_search::action).load::<String>(conn)?)
        });
        let mut classes = BTreeMap::new();
        for action in read.unwrap() {
            *classes.entry(EventClass::of_stored(&action)).or_default() += 1;
        }
        classes
    }

    /// Parts that are left of the events with this action.
    pub fn parts_of(&self, action: &'static str) -> i64 {
        let read = self.stage.app.store.read_now(move |conn| {
            let of = log_search::table.filter(log_search::action.eq(action)).select(log_search::event_id).load::<String>(conn)?;
            Ok(log_parts::table.filter(log_parts::event_id.eq_any(of)).count().get_result(conn)?)
        });
        read.unwrap()
    }

    /// Puts the hold through to its end: a second person confirms, two release.
    pub async fn release(&self, hold: &str) {
        for (who, what, version) in
            [(&self.audit, "confirmations", "1"), (&self.counsel, "releases", "2"), (&self.audit, "releases/confirmations", "3")]
        {
            let shot = self.post(who, &format!("{hold}/{what}"), &[("version", version), ("reason", WHY)]).await;
            assert_eq!(shot.status, 303, "{what}: {}", shot.body);
        }
    }

    pub async fn nightly(&self) -> retention::Ran {
        settled(&self.stage.app.store);
        retention::run(&self.stage.app, &Caller::shell()).await.unwrap()
    }
}

/// Decisions for two years, the rest for the usual time: the short ones go first, and with them their keys; the long ones later.
#[actix_web::test]
async fn one_class_is_kept_while_another_goes() {
    for db in TestDb::each() {
        let house = house_with(db, |config| {
            config.retention.classes.insert("decision".to_owned(), 730);
        })
        .await;
        let app = &house.stage.app;
        house.days(205);
        let plan = retention::plan(app, &Caller::shell()).await.unwrap();
        let of = |class| plan.classes.iter().find(|c| c.class == class).unwrap();
        let (long, short) = (of(EventClass::Decision), of(EventClass::Session));
        assert_eq!((long.days, long.tally.parts, long.tally.oldest), (730, 0, None));
        assert!(short.days == 200 && of(EventClass::Recall).tally.parts > 10 && long.before < short.before, "{plan:?}");
        assert_eq!(plan.to_json()["classes"].as_array().unwrap().iter().map(|c| c["parts"].as_u64().unwrap()).sum::<u64>(), plan.parts);
        let page = house.stage.get(&house.audit, "/retention").await;
        assert!(page.status == 200 && page.body.contains("730 天") && page.body.contains("审批与保留"), "{}", page.body);
        let decided = house.by_class()[&EventClass::Decision];
        assert!(decided > 5, "{decided}");

        let ran = house.nightly().await;
        assert_eq!(ran.plan.parts, plan.parts);
        let mut keys = ran.keys;
        let left = house.by_class();
        assert_eq!(left[&EventClass::Decision], decided, "decisions are kept: {left:?}");
        assert!(!left.contains_key(&EventClass::Recall) && !left.contains_key(&EventClass::Broadcast), "{left:?}");
        house.holds();
        // What happened in the course of the case is gone from the page, what was decided is there.
        let event = house.stage.events(&house.case).await.into_iter().find(|e| e.leaf.action == "recall.decided").unwrap();
        let page = house.stage.get(&house.audit, &format!("/audit/{}", event.index)).await;
        let zone = jiff::tz::TimeZone::get(&app.config.time_zone).unwrap();
        let until = countermand::domain::retention::kept_until(event.leaf.at, 730, &zone);
        let kept = format!("<time datetime=\"{}", until.timestamp().to_zoned(zone).strftime("%Y-%m-%d"));
        assert!(page.body.contains("zhouqiming") && page.body.contains("审批与保留"), "{}", page.body);
        assert!(page.body.contains(&kept), "{kept}: {}", page.body);

        // A month later the keys of the month are destroyed, but for that of the decisions.
        house.days(40);
        keys.extend(house.nightly().await.keys);
        assert!(keys.iter().any(|bucket| bucket.ends_with("/recall")) && !keys.iter().any(|bucket| bucket.ends_with("/decision")), "{keys:?}");
        let alive = |store: &countermand::store::Store| {
            store
                .read_now(|c| {
                    let of = part_keys::table.filter(part_keys::bucket.like("%/decision")).filter(part_keys::state.eq("living"));
                    Ok(of.count().get_result::<i64>(c)?)
                })
                .unwrap()
        };
        assert!(alive(&app.store) > 0);
        let parts = app.store.read_now(|c| Ok(reader::parts_of(c, app.store.keys(), &event.leaf.id)?.len())).unwrap();
        assert!(parts >= 3, "and they open: {parts}");

        house.days(740 - 245);
        let ran = house.nightly().await;
        keys = ran.keys.clone();
        assert!(ran.plan.classes.iter().any(|c| c.class == EventClass::Decision && i64::try_from(c.tally.parts).unwrap() == decided), "{ran:?}");
        assert_eq!(house.parts_of("recall.decided"), 0);
        house.days(40);
        keys.extend(house.nightly().await.keys);
        assert!(keys.iter().any(|bucket| bucket.ends_with("/decision")), "{keys:?}");
        house.holds();
    }
}

/// A period that was made shorter reaches back: what a walk for other classes went past is found.
#[actix_web::test]
async fn a_class_that_joins_others_is_looked_at_from_the_beginning() {
    for db in TestDb::each() {
        let house = house_with(db, |config| {
            config.retention.classes.insert("decision".to_owned(), 730);
        })
        .await;
        // More events than one step takes, so that a mark is left behind the decisions.
        for _ in 0..3 {
            let many = |tx: &mut countermand::store::Tx<'_>| {
                use countermand::domain::event::{Action, Event, Subject};
                for _ in 0..250 {
                    tx.append(Event::system(Action::SettingChanged, Subject::new("setting", "s")).detail(serde_json::json!({ "x": 1 })))?;
                }
                Ok(())
            };
            house.stage.app.store.write_now(many).unwrap();
        }
        house.days(205);
        house.nightly().await;
        let decided = house.parts_of("recall.decided");
        assert!(decided > 5, "{decided}");
        let mut config = (*house.stage.app.config).clone();
        config.retention.classes.clear();
        let app = countermand::app::App::new(house.stage.app.store.clone(), config);
        let ran = retention::run(&app, &Caller::shell()).await.unwrap();
        assert!(ran.plan.parts >= u64::try_from(decided).unwrap(), "{ran:?}");
        assert_eq!(house.parts_of("recall.decided"), 0);
        house.holds();
    }
}

/// Three years after it was sealed the bundle goes, not a night earlier, not while its case is held; and what says so names it.
#[actix_web::test]
async fn a_bundle_goes_after_its_years_and_its_row_says_which_it_was() {
    for db in TestDb::each() {
        let house = house_with(db, |_| {}).await;
        let app = &house.stage.app;
        house.stage.run().await;
        let (_, all) = evidence::of_case(app, &Caller::shell(), &house.case).await.unwrap();
        let (row, file) = (all[0].row.clone(), app.store.data().join(&all[0].row.path));
        assert!(file.exists());
        house.days(1000);
        assert_eq!(house.nightly().await.plan.archive.files, 0);
        // What else promises to go has gone: who was told of the case, and what was only needed for work.
        let told = app.store.read_now(|c| Ok(notices::table.count().get_result::<i64>(c)?)).unwrap();
        assert_eq!(told, 0);
        let shot = house.post(&house.counsel, "/holds", &[("case", &house.number), ("reason", WHY)]).await;
        assert_eq!(shot.status, 303, "{}", shot.body);
        house.days(97);
        let plan = retention::plan(app, &Caller::shell()).await.unwrap();
        assert_eq!((plan.archive.files, plan.archive.held), (0, 1), "{:?}", plan.archive);
        assert_eq!(plan.to_json()["bundles"]["held"], 1);
        let ran = house.nightly().await;
        assert_eq!((ran.plan.archive.files, ran.plan.archive.held), (0, 1));
        assert!(file.exists(), "held");
        house.release(&shot.location).await;
        let ran = house.nightly().await;
        assert_eq!((ran.plan.archive.files, ran.plan.archive.held), (1, 0));
        assert!(!file.exists() && !file.with_extension("zip.sha256").exists());
        assert_eq!(house.nightly().await.plan.archive.files, 0, "once");
        settled(&app.store);
        let told = house.stage.events(&house.case).await.into_iter().filter(|e| e.leaf.action == "evidence.erased").collect::<Vec<_>>();
        assert_eq!(told.len(), 1);
        let parts = app.store.read_now(|c| reader::parts_of(c, app.store.keys(), &told[0].leaf.id)).unwrap();
        let detail = String::from_utf8(parts.iter().find(|p| p.name == "detail").unwrap().value.to_vec()).unwrap();
        assert!(detail.contains(&hex::encode(&row.sha256)) && detail.contains(&row.number), "{detail}");
        house.holds();

        let page = house.stage.get(&house.counsel, &format!("/evidence/{}", row.number)).await;
        assert!(page.status == 200 && page.body.contains("已到期清除") && page.body.contains(&hex::encode(&row.sha256)), "{}", page.body);
        let shot = house.post(&house.counsel, &format!("/evidence/{}/downloads", row.number), &[]).await;
        assert!(shot.status == 409 && shot.body.contains("材料包已到期清除"), "{} {}", shot.status, shot.body);
        // A backup does not miss it, and a file that a crash left behind goes whenever somebody looks.
        house.days(60);
        std::fs::write(&file, "left behind").unwrap();
        house.nightly().await;
        assert!(!file.exists());
        let out = tempfile::tempdir().unwrap();
        let taken = countermand::app::backup::take(app, &out.path().join("a.backup"), None, None, || Ok(())).unwrap();
        assert!(taken.manifest.missing.is_empty(), "{:?}", taken.manifest.missing);
    }
}

/// What counsel searched for by words and network is held, whatever becomes of the search: what there is, and what comes.
#[actix_web::test]
async fn a_hold_by_a_search_keeps_what_it_finds_now_and_later() {
    for db in TestDb::each() {
        let house = house_with(db, |_| {}).await;
        let app = &house.stage.app;
        let fields = [("name", "误选范围"), ("words", "收件范围误选"), ("shared", "1")];
        assert_eq!(house.post(&house.counsel, "/audit/searches", &fields).await.status, 303);
        let searches = countermand::app::audit::saved::list(app, &house.counsel.caller).await.unwrap();
        let search = searches[0].id.clone();
        let page = house.stage.get(&house.counsel, &format!("/holds/new?search={search}")).await;
        assert!(page.body.contains("误选范围") && page.body.contains("收件范围误选"), "{}", page.body);

        // What cannot be a hold by a search, at its field; nothing is placed.
        let refused = async |fields: &[(&str, &str)], said: &str| {
            let shot: Answer = house.post(&house.counsel, "/holds", fields).await;
            assert!(shot.status == 422 && shot.body.contains(said) && shot.body.contains(WHY), "{} {}", shot.status, shot.body);
        };
        refused(&[("search", &search), ("case", &house.number), ("reason", WHY)], "不要填写其他范围").await;
        refused(&[("search", "no-such-search"), ("reason", WHY)], "已保存的检索").await;

        let shot = house.post(&house.counsel, "/holds", &[("search", &search), ("reason", WHY)]).await;
        assert_eq!(shot.status, 303, "{}", shot.body);
        let hold = shot.location;
        let page = house.stage.get(&house.audit, &hold).await;
        assert!(page.body.contains("误选范围") && page.body.contains("收件范围误选"), "{}", page.body);
        // The search is removed: the hold has its own copy.
        assert_eq!(house.post(&house.counsel, &format!("/audit/searches/{search}/removals"), &[]).await.status, 303);
        let page = house.stage.get(&house.audit, &hold).await;
        assert!(page.body.contains("误选范围"), "{}", page.body);

        // Something that it finds happens only now.
        let later = countermand::domain::event::Event::system(
            countermand::domain::event::Action::SettingChanged,
            countermand::domain::event::Subject::new("setting", "later"),
        )
        .text(serde_json::json!({ "reason": "因收件范围误选，调整设置" }));
        app.store.write_now(move |tx| tx.append(later.clone())).unwrap();
        settled(&app.store);
        let submitted = house.parts_of("recall.submitted");
        house.days(205);
        let (parts, held) = house.plan().await;
        assert!(parts > 20 && held >= u64::try_from(submitted).unwrap(), "{parts} {held}");
        assert_eq!(house.run().await, parts);
        assert_eq!(house.parts_of("recall.submitted"), submitted, "found by a word of the reason");
        assert!(house.parts_of("setting.changed") > 0 && house.parts_of("recall.decided") == 0, "what came later too, and nothing else");
        house.holds();
        // Held events keep their marks: they are still found, and the purge still sees it.
        let page = house.stage.get(&house.audit, "/audit?words=%E6%94%B6%E4%BB%B6%E8%8C%83%E5%9B%B4%E8%AF%AF%E9%80%89&action=recall.submitted").await;
        assert!(page.body.contains("linyutong"), "{}", page.body);
        let event = house.stage.events(&house.case).await.into_iter().find(|e| e.leaf.action == "recall.submitted").unwrap();
        let page = house.stage.get(&house.audit, &format!("/audit/{}", event.index)).await;
        assert!(page.body.contains("有，到期不清除"), "{}", page.body);
        house.days(45);
        house.nightly().await;
        assert_eq!(house.parts_of("recall.submitted"), submitted, "sealed anew under a held key");
        house.holds();

        house.release(&hold).await;
        house.nightly().await;
        assert_eq!(house.parts_of("recall.submitted"), 0);
        house.holds();
    }
}

/// Who a search asks for does not end the hold on themselves.
#[actix_web::test]
async fn nobody_ends_a_hold_by_a_search_for_themselves() {
    let house = house_with(TestDb::one(), |_| {}).await;
    let saved = house.post(&house.audit, "/audit/searches", &[("name", "查顾问"), ("actor", "tangyizhou"), ("shared", "1")]).await;
    assert_eq!(saved.status, 303, "{}", saved.body);
    let search = countermand::app::audit::saved::list(&house.stage.app, &house.audit.caller).await.unwrap()[0].id.clone();
    let hold = house.post(&house.audit, "/holds", &[("search", &search), ("reason", WHY)]).await;
    assert_eq!(hold.status, 303, "{}", hold.body);
    let shot = house.post(&house.counsel, &format!("{}/refusals", hold.location), &[("version", "1")]).await;
    assert!(shot.status == 409 && shot.body.contains("本人不能解除"), "{} {}", shot.status, shot.body);
}

/// The shell says the same: by class, and what is kept about one person, which leaves its event.
#[test]
fn the_shell_says_what_is_due_and_what_is_kept() {
    use countermand::domain::retention::Scope;

    use crate::backup::stage::{node, said};
    for db in TestDb::each() {
        let (store, user) = (db.open(), countermand::id::fresh());
        let id = user.clone();
        store.write_now(move |tx| crate::retention::hold(tx, &id, &Scope { action: Some("hold.placed".to_owned()), ..Scope::default() })).unwrap();
        drop(store);
        let node = node(&db);
        let plan = node.json(&["retention", "plan", "--json"]);
        assert_eq!((plan["parts"].as_u64(), plan["held"].as_u64(), plan["bundles"]["days"].as_u64()), (Some(0), Some(0), Some(1096)), "{plan}");
        let classes: Vec<&str> = plan["classes"].as_array().unwrap().iter().map(|c| c["class"].as_str().unwrap()).collect();
        assert_eq!(classes, countermand::config::CLASSES, "and these are the names that the settings take");
        let out = node.run(&["retention", "plan"]);
        assert!(said(&out).contains("decision     200 days") && said(&out).contains("bundles     1096 days"), "{}", said(&out));
        let kept = node.json(&["retention", "person", &user, "--json"]);
        assert!(kept["person"]["username"] == user.as_str() && kept["data"][0]["kind"] == "account", "{kept}");
        let out = node.run(&["retention", "person", &user]);
        assert!(said(&out).contains("holds_placed"), "{}", said(&out));
        let out = node.run(&["retention", "person", "nobody"]);
        assert_eq!(out.status.code(), Some(1), "{}", said(&out));
        let store = db.open();
        settled(&store);
        let read =
            store.read_now(|c| Ok(log_search::table.filter(log_search::action.eq("user.read")).select(log_search::subject_id).load::<String>(c)?));
        assert_eq!(read.unwrap(), [user.clone(), user]);
    }
}

/// On PostgreSQL a month that keeps something is vacuumed, so that the room of what went is used again.
#[actix_web::test]
async fn the_room_of_what_went_is_free_although_the_month_keeps_something() {
    for db in TestDb::each() {
        let Some(url) = db.url() else { continue };
        let house = house_with(db, |config| {
            config.retention.classes.insert("decision".to_owned(), 730);
        })
        .await;
        house.days(245);
        house.nightly().await;
        assert!(house.parts_of("recall.decided") > 0);
        #[derive(diesel::QueryableByName)]
        struct Count {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            n: i64,
        }
        let sql = "SELECT count(*) AS n FROM pg_stat_user_tables WHERE relname LIKE 'log_parts_2%' AND vacuum_count > 0";
        let count: Count = diesel::sql_query(sql).get_result(&mut diesel::PgConnection::establish(&url).unwrap()).unwrap();
        assert!(count.n >= 1, "{}", count.n);
    }
}

/// Of an event without words, or whose key a restore did not find, nobody can tell whether a search by words would find it: it is held.
#[test]
fn what_a_search_cannot_be_asked_of_is_held() {
    use countermand::{
        domain::{
            event::{Action, Event, Subject},
            retention::Scope,
        },
        store::{holds, purge, reader::Filter, words::Words},
    };
    for db in TestDb::each() {
        let store = db.open();
        let user = countermand::id::fresh();
        let found = Filter { words: Words::new(store.keys()).text("仲裁"), ..Filter::default() };
        let text = serde_json::to_string(&found).unwrap();
        assert!(!text.contains("仲裁") && serde_json::from_str::<Filter>(&text).unwrap() == found, "{text}");
        store
            .write_now(move |tx| {
                crate::retention::hold(tx, &user, &Scope { search: Some("s".to_owned()), ..Scope::default() })?;
                let of = countermand::store::schema::holds::table.filter(countermand::store::schema::holds::proposed_by.eq(&user));
                let sealed = (
                    countermand::store::schema::holds::found.eq(Some(text.clone())),
                    countermand::store::schema::holds::search_sealed.eq(Some(vec![1_u8])),
                );
                diesel::update(of).set(sealed).execute(tx.conn)?;
                for reason in ["劳动仲裁", "例行调整"] {
                    tx.append(Event::system(Action::SettingChanged, Subject::new("setting", "s")).text(serde_json::json!({ "reason": reason })))?;
                }
                Ok(())
            })
            .unwrap();
        settled(&store);
        let due = crate::retention::everything(store.now());
        let look = || {
            let step = store.read_now(|c| {
                let keeping = holds::keeping(c)?;
                purge::look(c, &due, None, &keeping, purge::STEP)
            });
            let step = step.unwrap();
            (step.due.len(), step.held)
        };
        let all = look().1;
        assert!(all >= 2 && look().0 == 0, "nothing has words yet");
        actix_web::rt::System::new().block_on(store.read_words(Duration::from_secs(60))).unwrap();
        let (free, held) = look();
        assert!(held == 1 && free as u64 == all - 1, "{free} {held}");
        store
            .write_now(|tx| {
                let key = (part_keys::state.eq("lost"), part_keys::sealed.eq(None::<Vec<u8>>));
                Ok(diesel::update(part_keys::table).set(key).execute(tx.conn)?)
            })
            .unwrap();
        assert_eq!(look(), (0, all), "their words may have been lost with the key");
    }
}
