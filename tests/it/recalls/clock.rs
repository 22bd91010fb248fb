//! A case while the clocks of its company or its host are changed: the window is so many hours of time, whatever the clocks on walls say.

use std::time::Duration;

use countermand::{
    clock::{Clock, Instant},
    store::verify::Against,
};

use super::stage::Stage;
use crate::support::db::TestDb;

/// On the nights on which a day has 25 or 23 hours, and on the day that most years lack: the zone, when the notice goes out, and what the
/// case is called and its last moment for decisions, on the company's clocks.
const NIGHTS: [(&str, &str, &str, &str); 3] = [
    ("Europe/Berlin", "2027-10-30T23:30:00Z", "FR-20271031-0001", "2027-11-01T00:28:00+01:00"),
    ("Europe/Berlin", "2027-03-27T23:30:00Z", "FR-20270328-0001", "2027-03-29T01:28:00+02:00"),
    ("Asia/Shanghai", "2028-02-28T17:00:00Z", "FR-20280229-0001", "2028-03-01T00:58:00+08:00"),
];

#[actix_web::test]
async fn a_window_is_as_long_on_the_nights_on_which_clocks_are_changed() {
    for (zone, sent, number, end) in NIGHTS {
        for db in TestDb::each() {
            let sent = Instant::parse(sent).unwrap();
            let set = |config: &mut countermand::config::Config, clock: std::sync::Arc<countermand::clock::ManualClock>| {
                config.time_zone = zone.into();
                clock.advance(sent.since(clock.now()));
            };
            let stage = Stage::set_with(db, |_| {}, set).await;
            let cast = stage.cast().await;
            let case = stage.case(&cast).await;
            let loaded = stage.loaded(&case).await;
            let cut_off = loaded.case.cut_off.unwrap();
            assert_eq!((loaded.row.number.as_str(), cut_off), (number, sent.plus(Duration::from_secs(24 * 3600 - 120))), "{zone}");
            assert_eq!(Instant::parse(end), Some(cut_off), "{zone}");
            let page = stage.get(&cast.requester, &format!("/recalls/{case}")).await;
            let minute = &end[..16];
            let offset = &end[19..];
            let shown = page.body.split("<time datetime=\"").filter_map(|rest| rest.split('"').next());
            assert!(shown.clone().any(|at| at.starts_with(minute) && at.ends_with(offset)), "{end}: {:?}", shown.collect::<Vec<_>>());
            // The first level in its last second, and the second in none.
            stage.clock.advance(cut_off.since(stage.app.now()) - Duration::from_secs(1));
            assert_eq!(stage.decide(&cast.reviewer, &case, "approve").await.status, 303);
            let row = stage.loaded(&case).await.row;
            assert!(row.due_2 <= cut_off.0 && row.due_3 <= cut_off.0, "no level is due after the window");
            stage.clock.advance(Duration::from_secs(1));
            assert_eq!(stage.decide(&cast.lawyer, &case, "approve").await.status, 409);
            assert_eq!(stage.last_refusal(&case).await, "past-cut-off");
            stage.run().await;
            assert_eq!(stage.state(&case).await, "expired");
        }
    }
}

#[actix_web::test]
async fn a_host_whose_clock_is_set_back_goes_on_with_its_cases() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let case = stage.case(&cast).await;
        let cut_off = stage.loaded(&case).await.case.cut_off;
        stage.clock.advance(Duration::from_secs(60));
        assert_eq!(stage.decide(&cast.reviewer, &case, "approve").await.status, 303);
        stage.clock.set_back(Duration::from_secs(3600));
        let again = stage.decide(&cast.reviewer, &case, "approve").await;
        assert_eq!((again.status, stage.last_refusal(&case).await.as_str()), (409, "role-not-for-level"), "{}", again.body);
        for who in [&cast.lawyer, &cast.executive] {
            let done = stage.decide(who, &case, "approve").await;
            assert_eq!(done.status, 303, "{}", done.body);
        }
        // What is due by the clock that went wrong is not forgotten: it comes when its time comes.
        for _ in 0..70 {
            stage.run().await;
            stage.clock.advance(Duration::from_secs(60));
        }
        let loaded = stage.loaded(&case).await;
        assert_eq!((loaded.row.state.as_str(), loaded.case.cut_off), ("recall_accepted", cut_off), "the window stays where it was");
        assert_eq!(stage.emulator.count("message/recall"), 1);
        let report = stage.app.store.verify(&Against::default()).unwrap();
        assert!(report.ok && report.problems.is_empty(), "{:?}", report.problems);
    }
}
