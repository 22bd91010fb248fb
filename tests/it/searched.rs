//! Holds by a saved search at their edges: what cannot be asked yet, what names nothing, who is searched for.

use std::{sync::Arc, time::Duration};

use countermand::{
    app::{App, Caller, retention},
    clock::{Clock, Instant, ManualClock, SystemClock},
    config::Config,
    domain::{
        event::{Action, Event, Subject},
        retention::Scope,
    },
    store::{
        Options, Store, holds as keeping, purge,
        reader::Filter,
        schema::{holds, log_parts, log_search},
        words::Words,
    },
};
use diesel::prelude::*;

use crate::{
    retention::{WHY, hold, house_with, settled},
    support::db::TestDb,
};

/// A store that began 240 days ago, with a hold by this search.
fn searched(db: &TestDb, found: impl FnOnce(&Store) -> Filter) -> (Store, Arc<ManualClock>) {
    let clock = ManualClock::at(SystemClock.now().minus(Duration::from_secs(240 * 86_400)));
    let store = Store::open(Options { clock: clock.clone(), ..db.options() }).unwrap();
    let (user, text) = (countermand::id::fresh(), serde_json::to_string(&found(&store)).unwrap());
    store
        .write_now(move |tx| {
            hold(tx, &user, &Scope { search: Some("s".to_owned()), ..Scope::default() })?;
            let sealed = (holds::found.eq(Some(text.clone())), holds::search_sealed.eq(Some(vec![1_u8])));
            diesel::update(holds::table.filter(holds::proposed_by.eq(&user))).set(sealed).execute(tx.conn)?;
            Ok(())
        })
        .unwrap();
    (store, clock)
}

fn changed(store: &Store, reason: &str, times: usize) {
    let reason = reason.to_owned();
    store
        .write_now(move |tx| {
            for _ in 0..times {
                tx.append(Event::system(Action::SettingChanged, Subject::new("setting", "s")).text(serde_json::json!({ "reason": reason })))?;
            }
            Ok(())
        })
        .unwrap();
}

/// A night in which words could not be made erases nothing for lack of them, and the next one looks at all of it again while the hold lasts.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_held_for_lack_of_words_is_looked_at_again() {
    for db in TestDb::each() {
        let (store, clock) = searched(&db, |store| Filter { words: Words::new(store.keys()).text("仲裁"), ..Filter::default() });
        changed(&store, "劳动仲裁", 1);
        for _ in 0..3 {
            changed(&store, "例行调整", 400);
        }
        settled(&store);
        clock.advance(Duration::from_secs(230 * 86_400));
        let app = App::new(store, Config::default());
        let ran = retention::run_within(&app, &Caller::shell(), Duration::ZERO).await.unwrap();
        assert!(ran.plan.parts == 0 && ran.plan.held >= 1_201, "{:?}", ran.plan);
        let ran = retention::run(&app, &Caller::shell()).await.unwrap();
        assert!(ran.plan.parts >= 1_200 && ran.plan.held == 1, "{:?}", ran.plan);
        let left = app.store.read_now(|c| {
            let of = log_search::table.filter(log_search::action.eq("setting.changed")).filter(log_search::at.lt(ran.plan.before.0));
            let of: Vec<String> = of.select(log_search::event_id).load(c)?;
            Ok(of.into_iter().filter(|id| log_parts::table.filter(log_parts::event_id.eq(id)).count().get_result(c) == Ok(1_i64)).count())
        });
        assert_eq!(left.unwrap(), 1);
    }
}

/// The order of the log is not that of time where clocks differ: times are asked of each event itself.
#[test]
fn a_hold_by_times_keeps_what_a_fast_clock_wrote_early() {
    for db in TestDb::each() {
        let from = Instant(SystemClock.now().0);
        let (store, _) = searched(&db, |_| Filter { from: Some(from), ..Filter::default() });
        changed(&store, "例行调整", 6);
        settled(&store);
        // Their clock ran ahead; on PostgreSQL as far as it can, so that the slack of a search does not reach.
        store
            .write_now(move |tx| {
                let of = log_search::table.filter(log_search::action.eq("setting.changed"));
                let places: Vec<i64> = of.order(log_search::idx).select(log_search::idx).load(tx.conn)?;
                for (place, at) in [(places[1], from.0 + 5), (places[4], from.0)] {
                    diesel::update(log_search::table.find(place)).set(log_search::at.eq(at)).execute(tx.conn)?;
                }
                Ok(())
            })
            .unwrap();
        let due = crate::retention::everything(Instant(from.0 + 1_000_000));
        let step = store.read_now(|c| {
            let holds = keeping::keeping(c)?;
            purge::look(c, &due, None, &holds, purge::STEP)
        });
        assert_eq!(step.unwrap().held, 2);
    }
}

/// A search for a case that does not exist holds nothing, and is refused; the number of one that does is read as people write it.
#[actix_web::test]
async fn a_hold_by_a_search_names_a_case_that_there_is() {
    for db in TestDb::each() {
        let house = house_with(db, |_| {}).await;
        let number = house.number.to_lowercase();
        for (name, field, text) in [("案号不存在", "case", "FR-20990101-0001"), ("词语中的案号不存在", "words", "fr-20990101-0001")] {
            let search = house.saved(&[("name", name), (field, text)]).await;
            let shot = house.post(&house.counsel, "/holds", &[("search", &search), ("reason", WHY)]).await;
            assert!(shot.status == 422 && shot.body.contains("已保存的检索"), "{name}: {} {}", shot.status, shot.body);
        }
        let page = house.stage.get(&house.audit, &format!("/audit?case={number}&action=recall.submitted")).await;
        assert!(page.body.contains("linyutong"), "{}", page.body);
        let search = house.saved(&[("name", "小写案号"), ("case", &format!(" {number} "))]).await;
        let shot = house.post(&house.counsel, "/holds", &[("search", &search), ("reason", WHY)]).await;
        assert_eq!(shot.status, 303, "{}", shot.body);
        let submitted = house.parts_of("recall.submitted");
        house.days(205);
        house.nightly().await;
        assert!(submitted > 0);
        assert_eq!(house.parts_of("recall.submitted"), submitted);
    }
}

/// A search finds by beginnings and pieces of names: so does the rule that nobody ends a hold on themselves.
#[actix_web::test]
async fn nobody_ends_a_hold_by_a_search_that_finds_them() {
    let house = house_with(TestDb::one(), |_| {}).await;
    let id = house.counsel.caller.user_id.clone().unwrap();
    for (nth, (field, text, own)) in
        [("actor", "tangyi", true), ("object", id.as_str(), true), ("words", "TangYiZhou", true), ("actor", "linyutong", false)]
            .into_iter()
            .enumerate()
    {
        let search = house.saved(&[("name", &format!("检索{nth}")), (field, text), ("shared", "1")]).await;
        let hold = house.post(&house.audit, "/holds", &[("search", &search), ("reason", WHY)]).await;
        assert_eq!(hold.status, 303, "{field}: {}", hold.body);
        let shot = house.post(&house.counsel, &format!("{}/refusals", hold.location), &[("version", "1")]).await;
        let refused = shot.status == 409 && shot.body.contains("本人不能解除");
        assert!(if own { refused } else { shot.status == 303 }, "{field} {text}: {} {}", shot.status, shot.body);
    }
}
