//! `/`: each person begins where their work is.

use actix_web::HttpResponse;

use crate::{
    domain::role::Permission,
    web::{SignedIn, see_other},
};

/// Sends people to the first page of their work.
pub async fn show(me: SignedIn) -> HttpResponse {
    const STARTS: [(Permission, &str); 6] = [
        (Permission::RecallDecide, "/approvals"),
        (Permission::RecallRequest, "/approvals"),
        (Permission::RecallExecute, "/approvals"),
        (Permission::AuditRead, "/audit"),
        (Permission::UserManage, "/users"),
        (Permission::RoleManage, "/users"),
    ];
    see_other(STARTS.iter().find(|(permission, _)| me.caller.may(*permission)).map_or("/account", |(_, path)| path))
}
