//! The people of the example company: one for each role, with passwords and second factors that are made at the first run and kept in
//! `<data>/demo.json`. Nothing of this exists outside the demonstration.

use std::{collections::BTreeSet, fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    app::{App, Caller, users},
    cli::deployment::Trouble,
    crypto::{token, totp},
    domain::role::Role,
};

/// One person who can sign in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Member {
    pub username: String,
    pub name: String,
    pub department: String,
    pub roles: Vec<Role>,
    pub password: String,
    /// Base32.
    pub secret: String,
}

/// Everybody, and how to reach the emulated platform again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Cast {
    pub members: Vec<Member>,
    pub platform_secret: String,
}

const PEOPLE: [(&str, &str, &str, Role); 10] = [
    ("linyutong", "林雨桐", "人力资源部", Role::Requester),
    ("zhouqiming", "周启明", "人力资源部", Role::DepartmentReviewer),
    ("hejing", "何婧", "法务合规部", Role::LegalReviewer),
    ("chensiyuan", "陈思远", "总裁办公室", Role::FinalApprover),
    ("luomanqing", "罗曼青", "信息技术部", Role::PlatformOperator),
    ("chengye", "程野", "信息技术部", Role::SystemAdministrator),
    ("xuman", "许曼", "信息安全部", Role::SecurityAdministrator),
    ("fangzhou", "方舟", "审计部", Role::AuditAdministrator),
    ("shenruochuan", "沈若川", "审计部", Role::Auditor),
    ("tangyizhou", "唐亦舟", "法务合规部", Role::Counsel),
];

impl Cast {
    /// Reads the cast of this folder, or makes one.
    pub(super) fn open(data: &Path) -> Result<Self, Trouble> {
        let path = data.join("demo.json");
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| Trouble::Cannot(format!("{}: {e}", path.display()))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let cast = Self::fresh();
                let bytes = serde_json::to_vec_pretty(&cast).map_err(Trouble::cannot)?;
                crate::crypto::keyring::write_private(&path, &bytes).map_err(Trouble::cannot)?;
                Ok(cast)
            }
            Err(e) => Err(Trouble::Cannot(format!("{}: {e}", path.display()))),
        }
    }

    fn fresh() -> Self {
        let member = |(username, name, department, role): (&str, &str, &str, Role)| Member {
            username: username.to_owned(),
            name: name.to_owned(),
            department: department.to_owned(),
            roles: vec![role],
            // Readable on a card, and long enough for both password profiles.
            password: token::fresh().0.chars().filter(char::is_ascii_alphanumeric).take(20).collect(),
            secret: totp::base32(&totp::fresh_secret()),
        };
        Self { members: PEOPLE.into_iter().map(member).collect(), platform_secret: token::fresh().0 }
    }

    pub(super) fn by_role(&self, role: Role) -> Result<&Member, Trouble> {
        self.members.iter().find(|m| m.roles.contains(&role)).ok_or_else(|| Trouble::Cannot(format!("demo.json names nobody who is {role}")))
    }

    /// Adds the people that the installation does not have yet.
    pub(super) async fn enter(&self, app: &App) -> Result<(), Trouble> {
        let known: BTreeSet<String> = users::list(app, &Caller::shell()).await?.into_iter().map(|p| p.username).collect();
        for member in self.members.iter().filter(|m| !known.contains(&m.username)) {
            let new = users::NewUser {
                username: member.username.clone(),
                display_name: member.name.clone(),
                roles: member.roles.iter().copied().collect(),
                department: Some(member.department.clone()),
                password: Some(member.password.clone()),
                totp_secret: Some(member.secret.clone()),
                valid_until: None,
            };
            users::add(app, &Caller::shell(), new).await?;
        }
        Ok(())
    }
}
