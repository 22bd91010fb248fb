//! Alerts, told through the pages: what fires each rule and what does not, who sees it, who acknowledges it, and that nothing is missed or
//! raised twice.

mod kinds;
mod log;
mod mail;
mod platforms;
mod rules;
mod seen;

use countermand::{
    app::{
        App, Turn,
        alerts::{self, Alert, Wanted, watch},
    },
    domain::{
        alert::Rule,
        event::{Action, Event, Outcome, Subject},
        role::Role,
    },
};
use serde_json::Value;

use crate::{
    recalls::stage::{Answer, Person, Stage},
    support::db::TestDb,
};

/// A company with those who watch it.
pub struct House {
    pub stage: Stage,
    pub system: Person,
    pub security: Person,
    pub audit: Person,
    pub auditor: Person,
}

impl House {
    pub async fn set(db: TestDb) -> Self {
        Self::on(Stage::set_on(db, |_| {}).await).await
    }

    pub async fn on(stage: Stage) -> Self {
        let person = async |name: &str, role: Role| stage.person(name, &[role], "审计部").await;
        Self {
            system: person("chengye", Role::SystemAdministrator).await,
            security: person("xuman", Role::SecurityAdministrator).await,
            audit: person("fangzhou", Role::AuditAdministrator).await,
            auditor: person("shenruochuan", Role::Auditor).await,
            stage,
        }
    }

    pub fn app(&self) -> &App {
        &self.stage.app
    }

    /// Asks the rules of what happened since; how many alerts were raised.
    pub async fn pass(&self) -> usize {
        watch::pass(self.app()).await.unwrap()
    }

    /// All alerts of a rule, as the audit administrator sees them, open ones first.
    pub async fn of(&self, rule: Rule) -> Vec<Alert> {
        let wanted = Wanted { rule: Some(rule), ..Wanted::default() };
        alerts::list(self.app(), &self.audit.caller, wanted, Turn::First).await.unwrap().0
    }

    /// The only alert of a rule.
    pub async fn one(&self, rule: Rule) -> Alert {
        let mut found = self.of(rule).await;
        assert_eq!(found.len(), 1, "{rule}: {found:#?}");
        found.remove(0)
    }

    /// Sends nobody anything, for want of a permission.
    pub async fn refused(&self, who: &Person) {
        assert_eq!(self.stage.post(who, "/broadcasts", &[("title", "通知")]).await.status, 403);
    }

    pub fn minutes(&self, n: u64) {
        self.stage.clock.advance(std::time::Duration::from_secs(n * 60));
    }

    /// Acknowledges by the page's form.
    pub async fn acknowledge(&self, who: &Person, alert: &Alert) -> Answer {
        let (path, version) = (format!("/alerts/{}/acknowledgements", alert.id), alert.version.to_string());
        self.stage.post(who, &path, &[("note", "已向本人核实，系误操作。"), ("version", &version)]).await
    }

    /// Changes some fields of a rule's form, by what the form shows.
    pub async fn change(&self, who: &Person, rule: Rule, fields: &[(&str, &str)]) -> Answer {
        self.stage.clock.advance(std::time::Duration::from_secs(30));
        let path = format!("/alerts/rules/{rule}");
        let known = alerts::rules::load(self.app(), &who.caller, rule.as_str()).await.unwrap().0;
        let settings = known.settings;
        let mut all: Vec<(String, String)> = vec![
            ("enabled".into(), if settings.enabled { "1" } else { "" }.into()),
            ("threshold".into(), settings.threshold.to_string()),
            ("span".into(), settings.span.to_string()),
            ("severity".into(), settings.severity.to_string()),
            ("version".into(), known.version.to_string()),
            ("reason".into(), "按年度审计意见调整".into()),
            ("totp".into(), self.stage.code(who)),
        ];
        all.extend(settings.roles.iter().map(|role| ("roles".into(), role.to_string())));
        if let Some(least) = settings.least {
            all.push(("least".into(), least.to_string()));
        }
        if let Some(hours) = settings.hours {
            all.extend([("from".into(), "07:00".into()), ("until".into(), "21:00".into())]);
            all.extend(hours.days.iter().map(|day| ("days".into(), day.to_string())));
        }
        all.retain(|(name, _)| !fields.iter().any(|(other, _)| other == name));
        let all = all.iter().map(|(k, v)| (k.as_str(), v.as_str())).chain(fields.iter().copied()).collect::<Vec<_>>();
        self.stage.post(who, &path, &all).await
    }

    /// An event that no page of the stage causes.
    pub async fn happens(&self, action: Action, subject: Subject, outcome: Outcome, detail: Value) {
        self.app().record(Event::system(action, subject).outcome(outcome).detail(detail)).await.unwrap();
    }
}
