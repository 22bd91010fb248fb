//! The rules as they are shipped. Chosen so that a company's ordinary day raises nothing: what is written here is what somebody has to
//! answer for, in the README too.

use std::collections::BTreeSet;

use super::{Rule, Settings, Severity, hours::Hours};
use crate::domain::role::Role::{self, AuditAdministrator as Audit, Auditor, SecurityAdministrator as Security, SystemAdministrator as System};

/// Settings of `rule`: threshold, span in minutes, severity, who is told.
pub(super) fn of(rule: Rule) -> Settings {
    const DAY: u32 = 24 * 60;
    let (threshold, span, severity, roles): (u32, u32, Severity, &[Role]) = match rule {
        Rule::RecallBurst => (5, 60, Severity::Medium, &[Security, Audit, Auditor]),
        Rule::ReadingBurst => (60, 10, Severity::Medium, &[Security, Audit, Auditor]),
        Rule::OffHours => (1, 60, Severity::Low, &[Audit, Auditor]),
        Rule::NewDevice => (1, DAY, Severity::Medium, &[Security, Audit, Auditor]),
        Rule::Refusals => (5, 10, Severity::Medium, &[Security, Audit, Auditor]),
        Rule::SignInsAccount => (5, 15, Severity::Medium, &[Security, Audit, Auditor]),
        Rule::SignInsAddress => (20, 15, Severity::High, &[System, Security, Audit, Auditor]),
        Rule::TwoNetworks => (2, 10, Severity::Medium, &[Security, Audit, Auditor]),
        Rule::ExportBurst => (10, 60, Severity::High, &[Security, Audit, Auditor]),
        Rule::ExportRows => (10_000, DAY, Severity::High, &[Security, Audit, Auditor]),
        Rule::PurgeLarge => (5, 60, Severity::High, &[System, Audit, Auditor]),
        Rule::LogBroken => (1, DAY, Severity::Critical, &[System, Security, Audit, Auditor]),
        Rule::LogReplaced => (1, 60, Severity::High, &[System, Security, Audit, Auditor]),
        Rule::WitnessLost => (1, 60, Severity::Medium, &[System, Audit, Auditor]),
        Rule::StreamStuck => (1, 60, Severity::Medium, &[System, Audit, Auditor]),
        Rule::TimestampExpiring => (1, DAY, Severity::High, &[System, Audit, Auditor]),
        Rule::CertificateExpiring => (1, DAY, Severity::High, &[System, Audit, Auditor]),
        Rule::CertificateRevoked => (1, DAY, Severity::High, &[System, Audit, Auditor]),
        Rule::DiskLow | Rule::JobsStuck => (1, DAY, Severity::High, &[System, Audit, Auditor]),
        Rule::CheckpointOverdue => (1, DAY, Severity::High, &[System, Security, Audit, Auditor]),
        Rule::ReviewersMissing => (1, 60, Severity::High, &[Security, Audit, Auditor]),
        Rule::LevelOverdue => (1, 60, Severity::Medium, &[Security, Audit, Auditor]),
        Rule::Clock => (5, 60, Severity::High, &[System, Audit, Auditor]),
        Rule::RecallFirst | Rule::RatificationOverdue => (1, 60, Severity::High, &[Security, Audit, Auditor]),
        Rule::RatificationRefused => (1, 60, Severity::Critical, &[Security, Audit, Auditor]),
        Rule::RuleWeakened => (1, 60, Severity::High, &[Security, Audit, Auditor]),
    };
    Settings {
        enabled: true,
        threshold,
        span,
        severity,
        roles: BTreeSet::from_iter(roles.iter().copied()),
        least: (rule == Rule::PurgeLarge).then_some(1000),
        hours: (rule == Rule::OffHours).then(Hours::office),
    }
}
