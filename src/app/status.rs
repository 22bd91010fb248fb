//! The state of the installation, for administrators: what runs, on what, and how far the log has come. No contents, no secrets.

use diesel::prelude::*;

use super::{
    App, AppResult, Caller,
    clocks::standing::{self, Against},
    evidence::signing,
    streams::{self, Stream},
    timestamps::overview::{self, Ends, OfLog},
    witness::{self, Standing},
};
use crate::{
    crypto::signature::Suite,
    domain::{
        alert::{Rule, Severity},
        event::{Action, Subject},
        role::Permission,
    },
    store::{
        Room, alerts,
        schema::{jobs, log_checkpoints, log_head, log_pending},
        timestamps,
    },
};

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Status {
    pub version: &'static str,
    /// `sqlite` or `postgres`.
    pub database: &'static str,
    pub public_url: String,
    pub https: bool,
    pub private_destinations: bool,
    pub retention_days: u32,
    pub log_origin: String,
    /// Events with an index.
    pub log_size: u64,
    /// Size that the newest signed checkpoint covers.
    pub signed_size: u64,
    /// Events that wait for their index.
    pub pending: u64,
    /// Jobs that wait, and those of them that have failed before.
    pub jobs_waiting: u64,
    pub jobs_failing: u64,
    pub room: Room,
    /// Who is asked to cosign, and whether enough of them have cosigned what is signed.
    pub witnesses: Vec<Standing>,
    pub cosigned: bool,
    /// How it stands with each timestamp authority.
    pub timestamps: Vec<OfLog>,
    /// How long the tokens last.
    pub timestamp_ends: Ends,
    /// How it stands with the certificate that signs evidence.
    pub certificate: signing::Standing,
    /// The same of the one that signs by SM2; `None` where bundles are not to bear that signature, and nobody has asked for a certificate or its
    /// files cannot be read.
    pub certificate_sm2: Option<signing::Standing>,
    /// Things that an authority has refused a token for, so far.
    pub timestamps_waiting: u64,
    /// Open alerts by severity.
    pub alerts: Vec<(Severity, u64)>,
    /// Streams of the audit trail, and how far each has come.
    pub streams: Vec<Stream>,
    /// How our clock stands to others', as far as this process has asked or heard them.
    pub clocks: Vec<Against>,
}

/// Reads the state; needs [`Permission::SystemRead`].
pub async fn status(app: &App, caller: &Caller) -> AppResult<Status> {
    app.require(caller, Permission::SystemRead, Action::PermissionChecked, Subject::new("system", "status")).await?;
    read(app).await
}

/// The same for who has been let in already.
pub async fn read(app: &App) -> AppResult<Status> {
    let n = |n: i64| u64::try_from(n).unwrap_or_default();
    let all: Vec<&str> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    let (size, signed, pending, waiting, failing, unstamped, open) = app
        .store
        .read(move |conn| {
            let size: i64 = log_head::table.select(log_head::size).first(conn).optional()?.unwrap_or_default();
            let newest = log_checkpoints::table.order(log_checkpoints::seq.desc()).select(log_checkpoints::size);
            let signed: i64 = newest.first(conn).optional()?.unwrap_or_default();
            let pending: i64 = log_pending::table.count().get_result(conn)?;
            let ready = || jobs::table.filter(jobs::state.eq("ready"));
            let waiting: i64 = ready().count().get_result(conn)?;
            let failing: i64 = ready().filter(jobs::last_error.is_not_null()).count().get_result(conn)?;
            Ok((size, signed, pending, waiting, failing, timestamps::waiting(conn)?, alerts::open(conn, &all)?))
        })
        .await?;
    let (witnesses, cosigned) = witness::standing(app, n(signed)).await?;
    Ok(Status {
        witnesses,
        cosigned,
        version: env!("CARGO_PKG_VERSION"),
        database: app.store.database().kind(),
        public_url: app.config.public_url.clone(),
        https: app.config.https(),
        private_destinations: app.config.allow_private_destinations,
        retention_days: app.config.retention.days,
        log_origin: app.store.origin().to_owned(),
        log_size: n(size),
        signed_size: n(signed),
        pending: n(pending),
        jobs_waiting: n(waiting),
        jobs_failing: n(failing),
        room: app.store.room(),
        timestamps: overview::of_log(app).await?,
        timestamp_ends: overview::ends(app).await?,
        certificate: signing::standing(app, Suite::Standard).await?,
        certificate_sm2: national(app).await?,
        timestamps_waiting: n(unstamped),
        alerts: Severity::ALL.iter().map(|s| (*s, open.iter().find(|(word, _)| word == s.as_str()).map_or(0, |(_, count)| n(*count)))).collect(),
        streams: streams::standing(app).await?,
        clocks: standing::standing(app).await?,
    })
}

/// How it stands with the certificate of SM2. Where nothing is signed with it, what is wrong with its files is no trouble of this page.
async fn national(app: &App) -> AppResult<Option<signing::Standing>> {
    match signing::standing(app, Suite::Sm2).await {
        Err(error) if !signing::wanted(app, Suite::Sm2) => {
            tracing::debug!(%error, "the key of SM2 cannot be read, and is not needed");
            Ok(None)
        }
        standing => Ok(Some(standing?).filter(|s| s.wanted || s.requested || s.certificate.is_some())),
    }
}
