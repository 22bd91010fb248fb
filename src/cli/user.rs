//! `countermand user …`: accounts from the machine's shell.

use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

use serde_json::json;

use super::deployment::{Deployment, Trouble, secret_file};
use crate::{
    app::{
        App, Caller,
        looks::{self, Look},
        notices,
        people::Person,
        users::{self, Change, NewUser},
    },
    clock::Instant,
    connect::mail,
    domain::{account::UserState, role::Role},
};

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    deployment: Deployment,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// Add an account
    Add(Add),
    /// List accounts
    List {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Suspend an account and end its sessions
    Suspend {
        #[arg(long)]
        username: String,
        /// Give the account back instead
        #[arg(long)]
        undo: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Debug, clap::Args)]
struct Add {
    #[arg(long)]
    username: String,
    #[arg(long)]
    display_name: String,
    /// A role, e.g. `requester` or `final_approver`; may be given several times
    #[arg(long = "role", required = true, value_parser = parse_role)]
    roles: Vec<Role>,
    /// Name of the department; made if there is none of that name
    #[arg(long)]
    department: Option<String>,
    /// Where mail about cases goes
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// File with the password; without it one is made up and printed once
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// File with the TOTP secret in base32; without it the person enrols at the first sign-in
    #[arg(long, value_name = "FILE")]
    totp_secret_file: Option<PathBuf>,
    /// End of the account's validity, RFC 3339, e.g. for an external auditor
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    valid_until: Option<Instant>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn parse_role(word: &str) -> Result<Role, String> {
    Role::parse(word).ok_or_else(|| format!("one of {}", Role::ALL.iter().map(|r| r.as_str()).collect::<Vec<_>>().join(", ")))
}

pub(super) fn parse_time(text: &str) -> Result<Instant, String> {
    Instant::parse(text).ok_or_else(|| "a time like 2026-12-31T00:00:00Z".to_owned())
}

pub fn run(args: &Args) -> ExitCode {
    args.deployment.run("user", async |app| match args.command.clone() {
        Command::Add(new) => add(&app, new).await,
        Command::List { json } => list(&app, json).await,
        Command::Suspend { username, undo, json } => suspend(&app, &username, undo, json).await,
    })
}

async fn add(app: &App, new: Add) -> Result<(), Trouble> {
    if new.email.as_deref().is_some_and(|address| !mail::is_address(address)) {
        return Err(Trouble::No("--email: this is not a mail address".to_owned()));
    }
    let given = new.password_file.as_deref().map(secret_file).transpose()?;
    let made_up = given.is_none().then(|| crate::crypto::token::fresh().0.chars().take(24).collect::<String>());
    let totp_secret = new.totp_secret_file.as_deref().map(secret_file).transpose()?;
    let roles: BTreeSet<Role> = new.roles.iter().copied().collect();
    let account = NewUser {
        username: new.username,
        display_name: new.display_name,
        roles,
        department: new.department,
        password: given.or_else(|| made_up.clone()),
        totp_secret,
        valid_until: new.valid_until,
    };
    let done = users::add(app, &Caller::shell(), account).await?;
    if let Some(address) = &new.email {
        notices::set_for(app, &Caller::shell(), &done.value, address).await?;
    }
    let person = users::get(app, &Caller::shell(), &done.value).await?;
    let mut object = describe(&person);
    if let Some(password) = &made_up {
        object["password"] = json!(password);
    }
    object["receipt"] = json!(done.receipt.map(|r| json!({ "event": r.event.as_str(), "index": r.index })));
    if new.json {
        say!("{object}");
    } else {
        say!("{}  {}", person.username, person.id);
        if let Some(password) = made_up {
            say!("password, shown once: {password}");
        }
    }
    Ok(())
}

async fn list(app: &App, json: bool) -> Result<(), Trouble> {
    let people = users::list(app, &Caller::shell()).await?;
    looks::record(app, &Caller::shell(), Look::command("user list", "users")).await?;
    if json {
        say!("{}", json!({ "users": people.iter().map(describe).collect::<Vec<_>>() }));
        return Ok(());
    }
    for p in people {
        let roles: Vec<_> = p.roles.iter().map(|r| r.as_str()).collect();
        say!("{:<24} {:<10} {}  {}", p.username, p.state, roles.join(","), p.name);
    }
    Ok(())
}

async fn suspend(app: &App, username: &str, undo: bool, json: bool) -> Result<(), Trouble> {
    let people = users::list(app, &Caller::shell()).await?;
    let person = people.iter().find(|p| p.username == username).ok_or_else(|| Trouble::No(format!("no account named {username}")))?;
    let state = if undo { UserState::Active } else { UserState::Suspended };
    let done = users::change(app, &Caller::shell(), &person.id, None, Change::State(state)).await?;
    if json {
        let receipt = done.receipt.map(|r| json!({ "event": r.event.as_str(), "index": r.index }));
        say!("{}", json!({ "id": person.id, "username": person.username, "state": state, "receipt": receipt }));
    }
    Ok(())
}

fn describe(p: &Person) -> serde_json::Value {
    json!({
        "id": p.id, "username": p.username, "display_name": p.name, "roles": p.roles, "department": p.department, "state": p.state,
        "second_factor": p.has_second_factor, "valid_until": p.valid_until.map(Instant::to_rfc3339),
    })
}
