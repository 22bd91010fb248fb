//! Who is asking: the person or token, their session, client address and device. Every use case takes a [`Caller`]; every event of
//! theirs carries it in its parts.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::domain::{
    event::{Action, ActorKind, Event, Outcome, Subject},
    recall::delegation::{self, Grant},
    role::{self, Permission, Role},
};

/// The network side of a request (formats.md, part `client`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The socket's peer.
    pub peer_ip: String,
    pub peer_port: u16,
    /// `X-Forwarded-For` verbatim.
    pub forwarded_for: String,
    /// `peer` or `rightmost-untrusted`.
    pub proxy_rule: &'static str,
    /// The address by that rule.
    pub client_ip: String,
    pub user_agent: String,
    /// `1.3`, `1.2` or empty.
    pub tls: String,
}

impl Client {
    pub fn to_part(&self) -> Value {
        json!({
            "peer_ip": self.peer_ip, "peer_port": self.peer_port, "forwarded_for": self.forwarded_for, "proxy_rule": self.proxy_rule,
            "client_ip": self.client_ip, "user_agent": self.user_agent, "tls": self.tls,
        })
    }
}

/// The device side of a request (formats.md, part `device`; reference/ui.md, section 4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// From the signed cookie.
    pub device_id: String,
    /// `known`, `new`, `changed` or `absent` (no script, no traits).
    pub state: String,
    /// HMAC over the canonical components, hex; empty where there are none.
    pub fingerprint: String,
    /// The nine components as sent.
    pub components: Value,
}

impl Device {
    pub fn to_part(&self) -> Value {
        json!({ "device_id": self.device_id, "state": self.state, "fingerprint": self.fingerprint, "components": self.components, "version": 1 })
    }

    /// `D7-4F19`: the first six hex digits of the fingerprint, or of the id where there is no fingerprint.
    pub fn code(&self) -> String {
        code(if self.fingerprint.is_empty() { &self.device_id } else { &self.fingerprint })
    }
}

/// Display code of a fingerprint or device id.
pub fn code(text: &str) -> String {
    let hex: String = text.chars().filter(char::is_ascii_hexdigit).take(6).collect::<String>().to_uppercase();
    if hex.len() < 6 { hex } else { format!("{}-{}", &hex[..2], &hex[2..]) }
}

/// Who is asking.
#[derive(Clone, Debug)]
pub struct Caller {
    pub kind: ActorKind,
    /// User, token or job id; `anonymous` before sign-in.
    pub id: String,
    /// The person behind a personal token; the same as `id` for a person; absent for service tokens and jobs.
    pub user_id: Option<String>,
    pub name: String,
    pub roles: BTreeSet<Role>,
    /// What others handed them and is in force: decisions that they may take on somebody's behalf.
    pub grants: Vec<Grant>,
    pub department_id: Option<String>,
    pub department: Option<String>,
    pub session: Option<String>,
    /// Scopes of a token; `None` for people, who have what their roles give.
    pub scopes: Option<BTreeSet<String>>,
    pub client: Option<Client>,
    pub device: Option<Device>,
}

impl Caller {
    /// A job of the product itself.
    pub fn job(name: &str) -> Self {
        Self { kind: ActorKind::Job, ..Self::nobody(name) }
    }

    /// The command line of the machine's administrator.
    pub fn shell() -> Self {
        Self { kind: ActorKind::System, ..Self::nobody("shell") }
    }

    /// Somebody who has not signed in.
    pub fn anonymous(client: Client, device: Option<Device>) -> Self {
        Self { client: Some(client), device, ..Self::nobody("anonymous") }
    }

    fn nobody(id: &str) -> Self {
        Self {
            kind: ActorKind::User,
            id: id.to_owned(),
            user_id: None,
            name: String::new(),
            roles: BTreeSet::new(),
            grants: Vec::new(),
            department_id: None,
            department: None,
            session: None,
            scopes: None,
            client: None,
            device: None,
        }
    }

    /// Deny by default: a person needs a role that carries it, or for deciding on somebody's behalf a delegation; a token needs it among its scopes too; jobs and the shell come in past
    /// this check by calling what they may call.
    pub fn may(&self, permission: Permission) -> bool {
        let scoped = self.scopes.as_ref().is_none_or(|s| s.contains(permission.as_str()));
        match (self.kind, &self.user_id) {
            (ActorKind::Job | ActorKind::System, _) => true,
            // A service token has no roles: its scopes are its rights, but it never decides.
            (ActorKind::Token, None) => scoped && permission != Permission::RecallDecide,
            _ => scoped && (role::allows(&self.roles, permission) || delegation::allows(&self.grants, &self.roles, permission)),
        }
    }

    /// The same without what others handed them: for what is not deciding a case.
    pub fn may_themself(&self, permission: Permission) -> bool {
        self.may(permission) && (self.grants.is_empty() || role::allows(&self.roles, permission))
    }

    /// A person who may read the trail: what they do to read it may use the reserve of a full disk (`store`).
    pub fn audits(&self) -> bool {
        self.kind == ActorKind::User && self.user_id.is_some() && self.may(Permission::AuditRead)
    }

    /// An event by this caller, with the parts `actor`, `client` and `device` filled in.
    pub fn event(&self, action: Action, subject: Subject) -> Event {
        let mut event = Event::system(action, subject).outcome(Outcome::Success);
        event.actor_kind = self.kind;
        event.actor_id = self.id.clone();
        event.session = self.session.clone();
        if !self.name.is_empty() {
            let roles: Vec<_> = self.roles.iter().map(|r| r.as_str()).collect();
            let mut actor = json!({ "name": self.name, "roles": roles });
            if let Some(department) = &self.department {
                actor["department"] = json!(department);
            }
            event = event.part("actor", actor);
        }
        if let Some(client) = &self.client {
            event = event.part("client", client.to_part());
        }
        if let Some(device) = &self.device {
            event = event.part("device", device.to_part());
        }
        event
    }
}
