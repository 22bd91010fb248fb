//! The people of the stories, and who decides in whose name. Not here: what they do and what must never come of it (`super`).

use std::{collections::BTreeSet, sync::LazyLock};

use crate::{
    clock::Instant,
    domain::{
        recall::{approval::Decider, delegation::Grant},
        role::Role,
    },
};

/// When what was handed on in the stories ends.
pub(super) const ENDS: Instant = Instant(500_000_000);

/// The people of the stories. Some hold role sets that no administration would hand out: the machine must not rely on it.
pub(super) fn people() -> &'static [Decider] {
    static PEOPLE: LazyLock<Vec<Decider>> = LazyLock::new(make_people);
    &PEOPLE
}

fn make_people() -> Vec<Decider> {
    use Role::*;
    let person = |name: &str, roles: &[Role], department: &str, person: bool| Decider {
        user: name.into(),
        roles: roles.iter().copied().collect(),
        department: Some(department.into()),
        person,
        grants: Vec::new(),
    };
    vec![
        person("requester", &[Requester, DepartmentReviewer, LegalReviewer, FinalApprover], "hr", true),
        person("reviewer", &[DepartmentReviewer], "hr", true),
        person("lawyer", &[LegalReviewer], "law", true),
        person("executive", &[FinalApprover], "board", true),
        person("stranger", &[DepartmentReviewer], "sales", true),
        person("everything", &[DepartmentReviewer, LegalReviewer, FinalApprover, Counsel], "hr", true),
        person("robot", &[DepartmentReviewer, LegalReviewer, FinalApprover], "hr", false),
        person("administrator", &[SystemAdministrator, DepartmentReviewer, LegalReviewer, FinalApprover], "hr", true),
        person("operator", &[PlatformOperator], "it", true),
        person("counsel", &[Counsel], "law", true),
    ]
}

/// Who was handed something, with the place among all people: after [`people`].
pub(super) fn deputies() -> &'static [Decider] {
    static DEPUTIES: LazyLock<Vec<Decider>> = LazyLock::new(make_deputies);
    &DEPUTIES
}

fn make_deputies() -> Vec<Decider> {
    use Role::*;
    const ALL: [Role; 3] = [DepartmentReviewer, LegalReviewer, FinalApprover];
    let grant = |by: &str, roles: &[Role], department: &str, level: u8| Grant {
        id: format!("{level} of {by}"),
        principal: by.into(),
        name: by.to_owned(),
        roles: roles.iter().copied().collect(),
        department: Some(department.into()),
        levels: BTreeSet::from([level]),
        within: None,
        from: Instant(0),
        until: ENDS,
    };
    let to = |name: &str, role: Role, grants: Vec<Grant>| Decider {
        user: name.into(),
        roles: [role].into(),
        department: Some("it".into()),
        person: true,
        grants,
    };
    let narrow = Grant { within: Some("sales".into()), ..grant("reviewer", &[DepartmentReviewer], "hr", 1) };
    vec![
        to("deputy", Requester, vec![grant("reviewer", &[DepartmentReviewer], "hr", 1), grant("lawyer", &[LegalReviewer], "law", 2)]),
        to("second", Requester, vec![grant("everything", &ALL, "hr", 2)]),
        to("first", Requester, vec![grant("everything", &ALL, "hr", 1)]),
        // Who must never decide.
        to("of the requester", Requester, vec![grant("requester", &ALL, "hr", 2)]),
        to("of the stranger", Requester, vec![grant("stranger", &[DepartmentReviewer], "sales", 1)]),
        to("narrow", Requester, vec![narrow]),
        to("of the operator", Requester, vec![grant("operator", &[PlatformOperator], "it", 2)]),
        to("of the executive", Requester, vec![grant("executive", &[FinalApprover], "board", 3)]),
        to("keeper", AuditAdministrator, vec![grant("lawyer", &[LegalReviewer], "law", 2)]),
    ]
}

/// Everybody, in one row.
pub(super) fn everybody(index: usize) -> &'static Decider {
    people().iter().chain(deputies()).nth(index).expect("one of them")
}

/// In whose name one of [`deputies`] decides a level, where they do.
pub(super) fn principal(index: usize, level: u8) -> Option<&'static str> {
    match (index, level) {
        (10, 1) => Some("reviewer"),
        (10, 2) => Some("lawyer"),
        (11, 2) | (12, 1) => Some("everything"),
        _ => None,
    }
}
