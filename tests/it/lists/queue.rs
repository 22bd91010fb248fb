//! What waits for somebody: narrowed, leafed through, and said plainly where nothing matches.

use std::time::Duration;

use countermand::{
    domain::role::Role,
    store::{
        Tx,
        broadcasts::{self, BroadcastRow},
        recalls::{self, RecallRow},
    },
};

use super::{leaf, there_and_back};
use crate::recalls::stage::Stage;

#[actix_web::test]
async fn what_waits_is_narrowed_by_what_somebody_knows_of_it() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let leak = stage.case(&cast).await;
    stage.decide(&cast.reviewer, &leak, "approve").await;
    let cast = stage.cast2(&cast).await;
    let people = stage.recipients();
    let broadcast = stage.notice(&cast.requester, &people.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let fields = [("broadcast", broadcast.as_str()), ("category", "wrong_fact"), ("reason", "附件中的日期写错了"), ("step", "submit")];
    let other = stage.post(&cast.requester, "/recalls", &fields).await.case();
    let both = stage.person("both", &[Role::DepartmentReviewer, Role::LegalReviewer], "人力资源部").await;
    let number = async |case: &str| stage.loaded(case).await.row.number;
    let (leak, other) = (number(&leak).await, number(&other).await);
    for (query, found) in [
        ("", &[&leak, &other][..]),
        ("task=level-1", &[&other]),
        ("task=level-2", &[&leak]),
        ("task=confirm", &[]),
        ("class=leak", &[&leak]),
        ("class=wrong_fact&task=level-2", &[]),
        ("platform=wecom", &[&leak, &other]),
        ("platform=matrix", &[]),
        ("q=%E8%96%AA%E9%85%AC", &[&leak, &other]),
        ("q=LinYu", &[&leak, &other]),
        (&format!("q={}", other.to_lowercase()), &[&other]),
        ("q=%25", &[]),
        ("left=late", &[]),
        ("left=hour", &[]),
        ("left=day", &[&leak, &other]),
        ("left=later", &[]),
        ("task=no-such&left=no-such&class=no-such&platform=no-such", &[&leak, &other]),
        ("before=nowhere", &[]),
        ("after=no.where", &[]),
    ] {
        let body = stage.get(&both, &format!("/approvals?{query}")).await.body;
        for case in [&leak, &other] {
            assert_eq!(body.contains(case.as_str()), found.contains(&case), "{query}: {case}");
        }
        let told = if query.contains('=') && !query.contains("no-such") && !query.contains("where") { "当前筛选" } else { "待办事项" };
        assert!(body.contains(told), "{query}: {body}");
        if found.is_empty() {
            assert!(body.contains("没有符合条件的待办") && body.contains("href=\"/approvals\""), "{query}: {body}");
        }
    }
    // A condition is taken away alone.
    let body = stage.get(&both, "/approvals?task=level-1&class=leak&lang=en").await.body;
    for href in ["/approvals?class=leak", "/approvals?task=level-1"] {
        assert!(body.contains(&format!("<a class=\"chip\" href=\"{href}\"")), "{href}: {body}");
    }
    assert!(body.contains("Nothing that waits matches"), "{body}");
    // Time goes on: the level is late, then the window is near its end.
    let row = stage.app.store.read(move |conn| recalls::find(conn, &other)).await.unwrap().unwrap();
    stage.clock.advance(Duration::from_micros(u64::try_from(row.due_1 - stage.app.now().0).unwrap() + 1));
    let body = stage.get(&both, "/approvals?left=late&task=level-1").await.body;
    assert!(body.contains(&row.number) && body.contains("本级已超时"), "{body}");
    // Whoever has nothing to do is told so, without a form.
    let body = stage.get(&cast.executive, "/approvals?lang=zh-CN").await.body;
    assert!(body.contains("没有待办") && !body.contains("name=\"task\""), "{body}");
}

#[actix_web::test]
async fn what_waits_is_leafed_through_the_most_urgent_first() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let case = stage.case(&cast).await;
    let row = stage.loaded(&case).await.row;
    let of = row.broadcast_id.clone();
    let message = stage.app.store.read(move |conn| broadcasts::find(conn, &of)).await.unwrap().unwrap();
    let copies = move |tx: &mut Tx<'_>| {
        for n in 0..44_i64 {
            // What a message says is sealed under its own id: the copies have lost theirs.
            let id = countermand::id::fresh();
            let erased_at = message.sent_at;
            broadcasts::insert(tx.conn, BroadcastRow { id: id.clone(), erased_at, erased_counts: Some("[]".into()), ..message.clone() })?;
            // Every fourth has no window; many end at one instant.
            let cut_off = (n % 4 != 0).then_some(row.cut_off.unwrap() + n / 8 * 60_000_000);
            let number = format!("FR-20270101-{n:04}");
            recalls::insert(tx.conn, &RecallRow { id: countermand::id::fresh(), broadcast_id: id, number, cut_off, ..row.clone() })?;
        }
        Ok(())
    };
    stage.app.store.write(copies).await.unwrap();
    let browser = stage.browser(&cast.reviewer).await;
    let pages = there_and_back(&browser, "/approvals", "/recalls/").await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [20, 20, 5]);
    let ids: Vec<String> = pages.concat().iter().map(|href| href.trim_start_matches("/recalls/").trim_end_matches("#decision").to_owned()).collect();
    let mut left = Vec::new();
    for id in ids.clone() {
        let row = stage.app.store.read(move |conn| recalls::find(conn, &id)).await.unwrap().unwrap();
        left.push(row.cut_off.unwrap_or(i64::MAX));
    }
    assert!(left.is_sorted(), "{left:?}");
    let first = leaf(&browser, "/approvals", "/recalls/").await;
    assert!(first.body.contains("45 件待处理"), "{}", first.body);
    // One that was decided meanwhile moves nothing: the page beside it is the one that was announced.
    let (first, last) = (first, ids[19].clone());
    stage.db.execute(&format!("UPDATE recalls SET state = 'withdrawn', open_levels = '' WHERE id = '{last}'"));
    assert_eq!(leaf(&browser, &first.next.unwrap(), "/recalls/").await.rows, pages[1]);
}
