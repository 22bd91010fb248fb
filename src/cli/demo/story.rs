//! The main job as people do it, through the pages: a notice goes to everybody, its recall is requested, three people judge, the recall
//! runs, the case is closed and sealed. A case that an earlier run left open is taken up where it stands.

use std::time::Duration;

use super::{
    cast::{Cast, Member},
    visitor::{Sheet, VisitError, Visitor},
};
use crate::{
    app::{App, Caller, Turn, evidence, recalls},
    cli::deployment::Trouble,
    crypto::totp,
    domain::role::Role,
    i18n::Tr,
};

/// The case that was told.
pub(super) struct Told {
    /// Its id.
    pub case: String,
    pub number: String,
    /// An earlier run had begun it.
    pub resumed: bool,
}

const TITLE: &str = "关于 2027 年度薪酬调整方案的通知";
const TEXT: &str = "各位同事：现将 2027 年度薪酬调整方案（征求意见稿）发送各位审阅，请于 11 月 28 日前反馈意见。";
const REASON: &str = "原定仅发送薪酬委员会 6 人，因收件范围误选「全体员工」发出。附件含职级薪酬区间，属内部机密。";

impl From<VisitError> for Trouble {
    fn from(error: VisitError) -> Self {
        Self::cannot(error)
    }
}

/// Plays the job; `say` hears what happens.
pub(super) async fn tell(app: &App, cast: &Cast, base: &str, connection: &str, tr: &Tr, say: impl Fn(&str)) -> Result<Told, Trouble> {
    let client =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(Duration::from_secs(30)).build().map_err(Trouble::cannot)?;
    let stage = Stage { app, cast, client, base: base.to_owned(), tr };
    let unfinished = stage.unfinished().await?;
    let resumed = unfinished.is_some();
    let case = match unfinished {
        Some(case) => {
            say(&tr.t("demo-told-again"));
            case
        }
        None => stage.request(connection, &say).await?,
    };
    for (role, comment) in [
        (Role::DepartmentReviewer, "情况属实，确系误发，同意撤回。"),
        (Role::LegalReviewer, "涉及个人薪酬信息，撤回有制度依据，未见劳动争议风险，同意撤回。"),
        (Role::FinalApprover, "同意，立即执行撤回。"),
    ] {
        stage.decide(&case, role, comment, &say).await?;
    }
    let number = stage.sealed(&case, &say).await?;
    Ok(Told { case, number, resumed })
}

struct Stage<'a> {
    app: &'a App,
    cast: &'a Cast,
    client: reqwest::Client,
    base: String,
    tr: &'a Tr,
}

impl Stage<'_> {
    /// A case that has not been closed and sealed yet.
    async fn unfinished(&self) -> Result<Option<String>, Trouble> {
        let page = recalls::list::list(self.app, &Caller::shell(), Default::default(), Turn::First).await?;
        for line in page.lines {
            let (loaded, bundles) = evidence::of_case(self.app, &Caller::shell(), &line.id).await?;
            if loaded.row.closed_at.is_none() || bundles.is_empty() {
                return Ok(Some(line.id));
            }
        }
        Ok(None)
    }

    /// Signs a person in. A code counts once and ascending, so the one before the present is spent here and the present one is left.
    async fn sign_in(&self, member: &Member) -> Result<Visitor, Trouble> {
        let mut visitor = Visitor::new(&self.client, &self.base);
        let page = visitor.get("/sign-in").await?;
        let page = visitor.submit(&page, "/sessions", &[("account", &member.username), ("password", &member.password)]).await?;
        let code = self.code(member, -1)?;
        match visitor.submit(&page, "/sessions/verification", &[("totp", &code)]).await {
            Err(VisitError::Answer { .. }) => {
                // Spent in a run just before: the present one.
                self.fresh_step(member).await?;
                let page = visitor.get("/sessions/verification").await?;
                let code = self.code(member, 0)?;
                visitor.submit(&page, "/sessions/verification", &[("totp", &code)]).await?;
            }
            other => drop(other?),
        }
        Ok(visitor)
    }

    /// The code `steps` before or after the present one.
    fn code(&self, member: &Member, steps: i64) -> Result<String, Trouble> {
        let secret = totp::from_base32(&member.secret).ok_or_else(|| Trouble::Cannot("demo.json holds a broken secret".to_owned()))?;
        let shift = Duration::from_secs(totp::STEP.unsigned_abs());
        let now = self.app.now();
        Ok(totp::code(
            &secret,
            if steps < 0 {
                now.minus(shift)
            } else if steps > 0 {
                now.plus(shift)
            } else {
                now
            },
        ))
    }

    /// Waits until this person has a code that was not spent yet.
    async fn fresh_step(&self, member: &Member) -> Result<(), Trouble> {
        let name = member.username.clone();
        loop {
            let name = name.clone();
            let last: i64 = self
                .app
                .store
                .read(move |conn| Ok(crate::store::users::user_by_name(conn, &name)?.map_or(0, |u| u.totp_step)))
                .await
                .map_err(Trouble::cannot)?;
            if self.app.now().unix_seconds().div_euclid(totp::STEP) > last {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Sends the notice and asks for its recall; answers the case's id.
    async fn request(&self, connection: &str, say: &impl Fn(&str)) -> Result<String, Trouble> {
        let requester = self.cast.by_role(Role::Requester)?;
        let mut visitor = self.sign_in(requester).await?;
        let page = visitor.get("/broadcasts/new").await?;
        let typed = [("connection", connection), ("audience", "all"), ("title", TITLE), ("text", TEXT)];
        let page = visitor.submit(&page, "/broadcasts", &[&typed[..], &[("step", "check")]].concat()).await?;
        let page = visitor.submit(&page, "/broadcasts", &[("step", "send")]).await?;
        let broadcast = last_segment(&page);
        say(&self.tr.a2("demo-told-sent", "who", &requester.name, "title", TITLE));
        self.until(|| async {
            let broadcast = crate::app::broadcasts::load(self.app, &broadcast).await?;
            Ok(broadcast.sent_at.is_some())
        })
        .await?;
        let page = visitor.get(&format!("/recalls/new?broadcast={broadcast}")).await?;
        let typed = [("category", "leak"), ("reason", REASON), ("basis", "《信息发布管理办法》第十四条第二款"), ("step", "check")];
        let page = visitor.submit(&page, "/recalls", &typed).await?;
        let page = visitor.submit(&page, "/recalls", &[("step", "submit")]).await?;
        say(&self.tr.a1("demo-told-asked", "who", &requester.name));
        Ok(last_segment(&page))
    }

    /// One level's decision, unless it has been taken.
    async fn decide(&self, case: &str, role: Role, comment: &str, say: &impl Fn(&str)) -> Result<(), Trouble> {
        let loaded = recalls::status::status(self.app, &Caller::shell(), case).await?.loaded;
        let level = i64::from(role.level().unwrap_or(0));
        if loaded.case.state.is_terminal() || loaded.decisions.iter().any(|d| d.level == level && d.round == loaded.row.round) {
            return Ok(());
        }
        let member = self.cast.by_role(role)?;
        let mut visitor = self.sign_in(member).await?;
        let page = visitor.get(&format!("/recalls/{case}")).await?;
        self.fresh_step(member).await?;
        let code = self.code(member, 0)?;
        let fields = [("decision", "approve"), ("comment", comment), ("totp", &code), ("ack", "1")];
        visitor.submit(&page, &format!("/recalls/{case}/decisions"), &fields).await?;
        say(&self.tr.a2("demo-told-approved", "who", &member.name, "comment", comment));
        Ok(())
    }

    /// Waits until the case is closed and its bundle sealed; answers its number.
    async fn sealed(&self, case: &str, say: &impl Fn(&str)) -> Result<String, Trouble> {
        self.until(|| async {
            let (loaded, bundles) = evidence::of_case(self.app, &Caller::shell(), case).await?;
            Ok(loaded.row.closed_at.is_some() && !bundles.is_empty())
        })
        .await?;
        let (loaded, _) = evidence::of_case(self.app, &Caller::shell(), case).await?;
        say(&self.tr.t("demo-told-sealed"));
        Ok(loaded.row.number)
    }

    /// Looks five times a second, for five minutes at most: a call that was lost is repeated only after its lease.
    async fn until<F, T>(&self, holds: F) -> Result<(), Trouble>
    where
        F: Fn() -> T,
        T: Future<Output = Result<bool, Trouble>>,
    {
        for _ in 0..1500 {
            if holds().await? {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err(Trouble::Cannot("the job did not come to its end within five minutes".to_owned()))
    }
}

/// `/recalls/<id>` and `/recalls/<id>?…` both give the id.
fn last_segment(page: &Sheet) -> String {
    page.path.split(['?', '#']).next().unwrap_or_default().trim_matches('/').split('/').nth(1).unwrap_or_default().to_owned()
}
