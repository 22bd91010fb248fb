//! The rules, looked at and changed. A change is a version of its own and an event with before and after; one that makes a rule see less
//! fires a rule itself, so that somebody else has to see it.

use std::collections::BTreeSet;

use serde_json::json;

use super::{App, AppError, AppResult, Caller, Done, FieldError, refused};
use crate::{
    app::step_up,
    clock::Instant,
    domain::{
        alert::{
            Rule, Settings, Severity,
            hours::{self, Hours},
        },
        event::{Action, Subject},
        role::{Permission, Role},
        text,
    },
    store::{
        StoreError, Tx,
        alerts::{self, RuleRow},
        users,
    },
};

/// A rule as it is set now.
#[derive(Clone, Debug)]
pub struct Known {
    pub rule: Rule,
    /// 0: as shipped.
    pub version: i64,
    pub settings: Settings,
}

/// One change of a rule.
#[derive(Clone, Debug)]
pub struct Change {
    pub version: i64,
    pub by: String,
    pub at: Instant,
}

/// What somebody typed into a rule's form.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    pub enabled: bool,
    pub threshold: String,
    pub span: String,
    pub severity: String,
    pub roles: Vec<String>,
    pub least: String,
    pub from: String,
    pub until: String,
    pub days: Vec<String>,
    pub holidays: String,
    pub workdays: String,
    pub reason: String,
    /// A fresh one-time code.
    pub code: String,
}

fn subject(rule: Rule) -> Subject {
    Subject::new("alert_rule", rule.as_str())
}

/// Every rule as it is set now, for who may see alerts.
///
/// # Errors
/// `Forbidden`, recorded.
pub async fn list(app: &App, caller: &Caller) -> AppResult<Vec<Known>> {
    app.require(caller, Permission::AlertRead, Action::PermissionChecked, Subject::new("alert_rule", "all")).await?;
    let rules = app.store.read(alerts::rules).await?;
    Ok(rules.into_iter().map(|(rule, version, settings)| Known { rule, version, settings }).collect())
}

/// One rule with its changes, newest first.
///
/// # Errors
/// `Forbidden`, recorded; `NotFound`.
pub async fn load(app: &App, caller: &Caller, rule: &str) -> AppResult<(Known, Vec<Change>)> {
    app.require(caller, Permission::AlertRead, Action::PermissionChecked, Subject::new("alert_rule", rule)).await?;
    let rule = Rule::parse(rule).ok_or(AppError::NotFound)?;
    let found = app.store.read(move |conn| {
        let (version, settings) = alerts::rule(conn, rule)?;
        let mut changes = Vec::new();
        for row in alerts::rule_history(conn, rule, 20)? {
            let by = users::user_find(conn, &row.changed_by)?.map_or(row.changed_by, |user| user.display_name);
            changes.push(Change { version: row.version, by, at: Instant(row.changed_at) });
        }
        Ok((Known { rule, version, settings }, changes))
    });
    Ok(found.await?)
}

/// Sets a rule anew.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Conflict` where `version` is not the newest; `Refused` with kind `rule-unchanged`; `Invalid` on the fields of
/// [`Typed`] and `totp`; those of a step-up. Each is recorded.
pub async fn change(app: &App, caller: &Caller, rule: &str, version: i64, typed: Typed) -> AppResult<Done<()>> {
    let about = Subject::new("alert_rule", rule);
    app.require(caller, Permission::AlertRuleManage, Action::AlertRuleChanged, about.clone()).await?;
    let parsed = Rule::parse(rule).ok_or(AppError::NotFound).and_then(|rule| Ok((rule, read(rule, &typed)?)));
    let (rule, (settings, reason)) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return Err(app.refuse(caller, Action::AlertRuleChanged, about, None, error).await),
    };
    let (caller, ring) = (caller.clone(), app.store.keys().clone());
    let written = app.store.write(move |tx| {
        let event = || caller.event(Action::AlertRuleChanged, subject(rule));
        let refuse = |tx: &mut Tx<'_>, error: AppError| refused(tx, event(), error);
        let Some(by) = caller.user_id.clone() else { return refuse(tx, AppError::Forbidden(Permission::AlertRuleManage)) };
        let (known, before) = alerts::rule(tx.conn, rule)?;
        if known != version {
            return refuse(tx, AppError::Conflict);
        }
        if before == settings {
            return refuse(tx, AppError::refused("rule-unchanged"));
        }
        if let Err(error) = step_up::spend_totp(tx, &ring, &by, &typed.code)? {
            return refuse(tx, error);
        }
        let row = RuleRow {
            rule: rule.as_str().to_owned(),
            version: version + 1,
            settings: serde_json::to_string(&settings).map_err(|e| StoreError::Event(e.to_string()))?,
            changed_by: by,
            changed_at: tx.now().0,
        };
        alerts::rule_put(tx.conn, row)?;
        let detail = json!({ "version": version + 1, "weaker": before.weaker(rule, &settings), "before": before, "after": settings });
        tx.append(event().detail(detail).text(json!({ "reason": reason })))?;
        Ok(Ok(()))
    });
    Done::from_write(written.await?)
}

/// Settings from what was typed, all faulty fields at once.
fn read(rule: Rule, typed: &Typed) -> AppResult<(Settings, String)> {
    let shipped = rule.shipped();
    let mut errors = Vec::new();
    let mut number = |field: &'static str, text: &str, shown: bool, otherwise: u32| match text.trim().parse() {
        _ if !shown => otherwise,
        Ok(n) => n,
        Err(_) => {
            errors.push(FieldError::new(field, if text.trim().is_empty() { "required" } else { "number" }));
            otherwise
        }
    };
    let threshold = number("threshold", &typed.threshold, rule.has_threshold(), shipped.threshold);
    let span = number("span", &typed.span, true, shipped.span);
    let least = shipped.least.map(|otherwise| number("least", &typed.least, true, otherwise));
    let severity = Severity::parse(&typed.severity).unwrap_or_else(|| {
        errors.push(FieldError::new("severity", "choice"));
        shipped.severity
    });
    let roles: Option<BTreeSet<Role>> = typed.roles.iter().map(|word| Role::parse(word)).collect();
    let roles = roles.unwrap_or_else(|| {
        errors.push(FieldError::new("roles", "choice"));
        shipped.roles.clone()
    });
    let hours = shipped.hours.map(|shipped| read_hours(shipped, typed, &mut errors));
    let reason = text::paragraph(&typed.reason, 5, 2000).map_err(|e| errors.push(FieldError::text("reason", e))).unwrap_or_default();
    if typed.code.trim().is_empty() {
        errors.push(FieldError::new(step_up::FIELD, "required"));
    }
    let settings = Settings { enabled: typed.enabled, threshold, span, severity, roles, least, hours };
    for fault in settings.faults(rule) {
        if !errors.iter().any(|e| e.field == fault.field) {
            errors.push(FieldError::new(fault.field, fault.kind).arg("limit", fault.limit));
        }
    }
    if errors.is_empty() { Ok((settings, reason)) } else { Err(AppError::Invalid(errors)) }
}

fn read_hours(shipped: Hours, typed: &Typed, errors: &mut Vec<FieldError>) -> Hours {
    let mut time = |field: &'static str, text: &str, otherwise: u32| {
        hours::minutes(text).unwrap_or_else(|| {
            errors.push(FieldError::new(field, "time-of-day"));
            otherwise
        })
    };
    let (from, until) = (time("from", &typed.from, shipped.from), time("until", &typed.until, shipped.until));
    let mut dates = |field: &'static str, text: &str| {
        hours::dates(text).unwrap_or_else(|wrong| {
            errors.push(FieldError::new(field, "dates").arg("word", wrong));
            BTreeSet::new()
        })
    };
    let (holidays, workdays) = (dates("holidays", &typed.holidays), dates("workdays", &typed.workdays));
    let days = typed.days.iter().filter_map(|day| day.parse().ok()).filter(|day| (1..=7).contains(day)).collect();
    Hours { from, until, days, holidays, workdays }
}
