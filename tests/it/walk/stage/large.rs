//! A company with ten thousand broadcasts and ten thousand open cases: what its lists look like.

use std::collections::BTreeMap;

use countermand::{
    app::{
        App,
        broadcasts::report::{self, Report},
        recalls::submit::{self, Request},
    },
    store::{Tx, broadcasts, recalls},
};

use super::{Companies, Member, hire};
use crate::support::app::TestApp;

const ROWS: usize = 10_000;
/// Rows of one write.
const AT_ONCE: usize = 1000;

/// The company and its people.
pub struct Large {
    pub app: TestApp,
    pub members: BTreeMap<&'static str, Member>,
}

impl Companies {
    /// Fills the large company, for who looks at it.
    pub async fn grow(&mut self) {
        let app = TestApp::start_with(|config| config.tenant = "华辰集团".into()).await;
        let members = hire(&app.app).await;
        fill(&app.app, &members).await;
        self.large = Some(Large { app, members });
    }
}

async fn fill(app: &App, members: &BTreeMap<&'static str, Member>) {
    let requester = &members["requester"].caller;
    let report = Report {
        channel: "华东代理商群".into(),
        sent_at: app.now().to_rfc3339(),
        audience: "wangwei, lina".into(),
        title: "2027 年度薪酬调整方案".into(),
        text: "各位同事：请查收。".into(),
        ..Report::default()
    };
    let broadcast = report::report(app, requester, report, None).await.unwrap().value;
    let request = Request {
        broadcast: broadcast.clone(), category: "leak".into(), reason: "收件范围误选为全体员工。".into(), ..Request::default()
    };
    submit::submit(app, requester, request, None).await.unwrap();
    let (message, case) = app
        .store
        .read(move |conn| {
            let case = recalls::open_case(conn, &broadcast)?.unwrap().0;
            Ok((broadcasts::find(conn, &broadcast)?.unwrap(), recalls::find(conn, &case)?.unwrap()))
        })
        .await
        .unwrap();
    for from in (0..ROWS).step_by(AT_ONCE) {
        let (message, case) = (message.clone(), case.clone());
        // What a message says is sealed under its own id: the copies have lost theirs.
        let copies = move |tx: &mut Tx<'_>| {
            for n in from..from + AT_ONCE {
                let (id, at) = (countermand::id::fresh(), message.created_at - n as i64 * 60_000_000);
                let copy = broadcasts::BroadcastRow {
                    id: id.clone(),
                    sent_at: Some(at),
                    erased_at: Some(at),
                    erased_counts: Some("[]".into()),
                    ..message.clone()
                };
                broadcasts::insert(tx.conn, copy)?;
                let copy = recalls::RecallRow {
                    id: countermand::id::fresh(),
                    number: format!("FR-20261101-{n:05}"),
                    broadcast_id: id,
                    submitted_at: at,
                    ..case.clone()
                };
                recalls::insert(tx.conn, &copy)?;
            }
            Ok(())
        };
        app.store.write(copies).await.unwrap();
    }
}
