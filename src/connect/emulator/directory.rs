//! The directory: departments, members, tags (platforms.md §1.10).

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    api::Body,
    codes::{self, Reply},
    company::{Party, User},
    state::State,
};

const NEEDS_CONTACT_SECRET: &str = "the real platform wants the contact-sync secret here";

/// `user/list_id`: ids only, in pages; the last page carries no `next_cursor`.
pub(super) fn list_id(state: &State, body: &Body) -> Reply {
    if state.strict_contacts {
        return Reply::from(codes::NO_PERMISSION).note(NEEDS_CONTACT_SECRET);
    }
    let limit = usize::try_from(body.int("limit").unwrap_or(10_000).clamp(1, 10_000)).unwrap_or(1);
    let from: usize = body.text("cursor").strip_prefix("after-").and_then(|n| n.parse().ok()).unwrap_or(0);
    let users = &state.company.users;
    let page: Vec<Value> = users.iter().skip(from).take(limit).map(|u| json!({ "userid": u.id, "department": u.party })).collect();
    let mut fields = json!({ "dept_user": page });
    if from + limit < users.len() {
        fields["next_cursor"] = format!("after-{}", from + limit).into();
    }
    Reply::ok(fields).note(NEEDS_CONTACT_SECRET)
}

/// The endpoints that are read with GET.
pub(super) fn read(state: &State, endpoint: &str, query: &HashMap<String, String>) -> Reply {
    let company = &state.company;
    let number = |key: &str| query.get(key).and_then(|v| v.trim().parse::<i64>().ok());
    match endpoint {
        "department/list" | "department/simplelist" => {
            let top = number("id");
            if top.is_some_and(|id| company.party(id).is_none()) {
                return codes::NO_SUCH_PARTY.into();
            }
            let parties = company.parties.iter().filter(|p| top.is_none_or(|id| company.within(p.id, id)));
            if endpoint == "department/list" {
                Reply::ok(json!({ "department": parties.map(|p| party(p, true)).collect::<Vec<_>>() }))
            } else {
                Reply::ok(json!({ "department_id": parties.map(|p| party(p, false)).collect::<Vec<_>>() }))
            }
        }
        "user/simplelist" | "user/list" => {
            let Some(id) = number("department_id").filter(|id| company.party(*id).is_some()) else { return codes::NO_SUCH_PARTY.into() };
            let whole = number("fetch_child") == Some(1);
            let users = company.users.iter().filter(|u| u.party == id || (whole && company.within(u.party, id)));
            Reply::ok(json!({ "userlist": users.map(|u| user(u, endpoint == "user/list")).collect::<Vec<_>>() }))
        }
        "user/get" => match query.get("userid").and_then(|id| company.user(id)) {
            Some(at) => Reply::ok(user(&company.users[at], true)),
            None => codes::NO_SUCH_USER.into(),
        },
        "tag/list" => Reply::ok(json!({ "taglist": company.tags.iter().map(|t| json!({ "tagid": t.id, "tagname": t.name })).collect::<Vec<_>>() })),
        "tag/get" => match number("tagid").and_then(|id| company.tag(id)) {
            Some(tag) => {
                let users: Vec<Value> = tag.users.iter().map(|at| &company.users[*at]).map(|u| json!({ "userid": u.id, "name": u.name })).collect();
                Reply::ok(json!({ "tagname": tag.name, "userlist": users, "partylist": [] }))
            }
            None => codes::BAD_TAG.into(),
        },
        _ => codes::NO_SUCH_PATH.into(),
    }
}

fn party(p: &Party, whole: bool) -> Value {
    let mut value = json!({ "id": p.id, "parentid": p.parent, "order": p.id });
    if whole {
        value["name"] = p.name.into();
        value["department_leader"] = json!([]);
    }
    value
}

fn user(u: &User, whole: bool) -> Value {
    let mut value = json!({ "userid": u.id, "name": u.name, "department": [u.party] });
    if whole {
        value["main_department"] = u.party.into();
        value["status"] = 1.into();
        value["enable"] = 1.into();
    }
    value
}
