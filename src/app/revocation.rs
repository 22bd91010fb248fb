//! Whether certificates are revoked, when a token is taken and when evidence is sealed: the lists that the certificates name are fetched
//! anew each time, held against the authority that issued the certificate, and kept; where none can be had, one that is kept and still good
//! counts, and where there is no network one that was imported ([`import`]). That it cannot be told stops nothing and is said; that a certificate
//! is revoked refuses what it signed.
//!
//! Not here: what a list says (`crypto::revocation`), the wire (`connect::revocation`), what a bundle carries (`evidence::revocation`).

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use x509_cert::Certificate;

use super::{App, AppError, AppResult, Caller, Done, FieldError, StoreError, timestamps};
use crate::{
    clock::Instant,
    connect::revocation as wire,
    crypto::{
        revocation::{BadList, Facts, List, Lists, Revoked, Standing, Unknown, points},
        signature::files,
        timestamp::Roots,
    },
    domain::{
        event::{Action, Subject},
        role::Permission,
    },
    evidence::revocation::{Known, Why},
    store::{
        Conn,
        revocation_lists::{self as rows, RevocationListRow, Source},
        timestamps as tokens,
    },
};

/// How long lists of one chain are waited for.
pub(super) const PATIENT: Duration = Duration::from_secs(10);

/// How it stands with a chain, signer first: what goes along with what it signed, or that its certificate is revoked. Never inside a write.
///
/// # Errors
/// Those of the store.
pub(in crate::app) async fn look(app: &App, chain: Vec<Certificate>, at: Instant, patience: Duration) -> AppResult<Result<Known, Revoked>> {
    let (fetched, mut why) = fetch(app, &chain, patience).await;
    keep(app, fetched, Source::Fetched).await?;
    let found = app.store.read(move |conn| judge(conn, &chain, at));
    let (standing, lists) = found.await?;
    let lists = lists.iter().map(List::pem).collect();
    Ok(match standing {
        // What is revoked from a later moment on is given up as well.
        Standing::Revoked(revoked) | Standing::Later(revoked) => Err(revoked),
        Standing::Good => Ok(Known { unknown: None, lists }),
        Standing::Unknown(Unknown::Unnamed(_)) => Ok(Known { unknown: Some(Why::Unnamed), lists }),
        Standing::Unknown(told) => {
            why.get_or_insert(Why::Unreachable);
            tracing::warn!(reason = %told, "revocation is unknown");
            Ok(Known { unknown: why, lists })
        }
    })
}

/// Whether a certificate of the chain is revoked by what is kept, without the network.
///
/// # Errors
/// Those of the store.
pub(in crate::app) async fn kept(app: &App, chain: Vec<Certificate>, at: Instant) -> AppResult<Option<Revoked>> {
    let (standing, _) = app.store.read(move |conn| judge(conn, &chain, at)).await?;
    Ok(match standing {
        Standing::Revoked(revoked) | Standing::Later(revoked) => Some(revoked),
        Standing::Good | Standing::Unknown(_) => None,
    })
}

/// The newest lists for each certificate of a chain, as they are kept, and what they say of `at`.
fn judge(conn: &mut Conn, chain: &[Certificate], at: Instant) -> Result<(Standing, Vec<List>), StoreError> {
    let found = newest(conn, chain, at, false)?;
    let mut lists = Lists::default();
    // Each was held against its issuer.
    found.iter().for_each(|list| drop(lists.add(list.clone(), &chain[1.min(chain.len())..])));
    Ok((lists.judge(chain, at), found))
}

/// For each certificate the newest list by its issuer; `then`: also the newest of those that are good at `at`.
fn newest(conn: &mut Conn, chain: &[Certificate], at: Instant, then: bool) -> Result<Vec<List>, StoreError> {
    let mut found: Vec<List> = Vec::new();
    for pair in chain.windows(2) {
        let rows = rows::of(conn, &issuer_key(&pair[1]), at)?;
        let of =
            rows.iter().filter_map(|row| List::read(&row.list).ok()).filter(|list| list.applies_to(&pair[0]) && list.issued_by(&pair[1]).is_ok());
        let of: Vec<List> = of.collect();
        let covering = of.iter().find(|list| list.covers(at)).filter(|_| then);
        for list in of.first().into_iter().chain(covering) {
            if !found.contains(list) {
                found.push(list.clone());
            }
        }
    }
    Ok(found)
}

fn issuer_key(authority: &Certificate) -> String {
    use der::Encode;
    hex::encode(crate::crypto::sha256(&authority.tbs_certificate.subject.to_der().unwrap_or_default()))
}

/// Lists about a chain in PEM that a token of `at` carries in a bundle: those of its day and, for what came to light since, the newest.
pub(in crate::app) fn about(conn: &mut Conn, chain: &str, at: Instant) -> Result<String, StoreError> {
    let chain = Roots::certificates(chain);
    Ok(newest(conn, &chain, at, true)?.iter().map(List::pem).collect())
}

/// Asks every place that a certificate of the chain names, until one gives a list that is good now. Why a list is missing, if one is.
async fn fetch(app: &App, chain: &[Certificate], patience: Duration) -> (Vec<List>, Option<Why>) {
    let now = app.now();
    let one = |certificate: &Certificate, authority: &Certificate| {
        let (certificate, authority, places) = (certificate.clone(), authority.clone(), points(certificate));
        async move {
            let mut why = None;
            for place in places {
                let answer = match wire::fetch(&place, app.config.allow_private_destinations, patience).await {
                    Ok(answer) => answer,
                    Err(error) => {
                        tracing::warn!(place, %error, "no revocation list");
                        why.get_or_insert(Why::Unreachable);
                        continue;
                    }
                };
                let (certificate, authority) = (certificate.clone(), authority.clone());
                // Signatures take their time; the thread that waits for others must not.
                let checked = tokio::task::spawn_blocking(move || usable(&answer, &certificate, &authority, now)).await;
                match checked.unwrap_or(Err(Unusable::List(BadList::Malformed("the check ended before its time")))) {
                    Ok(list) => return (Some(list), None),
                    Err(error) => {
                        tracing::warn!(place, %error, "no revocation list");
                        why = Some(Why::Unusable);
                    }
                }
            }
            (None, why)
        }
    };
    let all = join_all(chain.windows(2).map(|pair| one(&pair[0], &pair[1])));
    let found = tokio::time::timeout(patience, all).await.unwrap_or_else(|_| vec![(None, Some(Why::Unreachable))]);
    let why = found.iter().find_map(|(_, why)| *why);
    (found.into_iter().filter_map(|(list, _)| list).collect(), why)
}

/// Why a list cannot be used now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Unusable {
    #[error("{0}")]
    List(#[from] BadList),
    #[error("it is for other certificates of its issuer")]
    Other,
    #[error("it is good from {0} to {1}")]
    Time(String, String),
}

fn usable(bytes: &[u8], certificate: &Certificate, authority: &Certificate, now: Instant) -> Result<List, Unusable> {
    let list = List::read(bytes)?;
    list.issued_by(authority)?;
    if !list.applies_to(certificate) {
        return Err(Unusable::Other);
    }
    if list.covers(now) { Ok(list) } else { Err(Unusable::Time(list.begins().to_rfc3339(), list.ends().to_rfc3339())) }
}

fn row(list: &List, source: Source, now: Instant) -> RevocationListRow {
    RevocationListRow {
        id: list.facts().sha256,
        issuer: list.issuer_key(),
        begins: list.begins().0,
        ends: list.ends().0,
        source: source.as_str().to_owned(),
        kept_at: now.0,
        list: list.der().to_vec(),
    }
}

/// Keeps what is not here yet; most of the time the place still has the list of before.
async fn keep(app: &App, lists: Vec<List>, source: Source) -> AppResult<()> {
    let ids: Vec<String> = lists.iter().map(|list| list.facts().sha256).collect();
    let there = app.store.read(move |conn| ids.iter().map(|id| rows::has(conn, id)).collect::<Result<Vec<_>, _>>()).await?;
    let new: Vec<List> = lists.into_iter().zip(there).filter(|(_, there)| !there).map(|(list, _)| list).collect();
    if !new.is_empty() {
        app.store.write(move |tx| new.iter().try_for_each(|list| rows::put(tx.conn, row(list, source, tx.now())))).await?;
    }
    Ok(())
}

fn subject(list: &List) -> Subject {
    Subject::new("revocation_list", list.facts().sha256)
}

/// Takes in a list from a file, PEM or DER, for where there is no network: by an authority of the certificate that signs evidence, of those
/// before it, or of the timestamp authorities that the settings name.
///
/// # Errors
/// `Forbidden`; `Invalid` on `list`. Each is recorded.
pub async fn import(app: &App, caller: &Caller, bytes: &[u8]) -> AppResult<Done<Facts>> {
    let unread = Subject::new("revocation_list", "file");
    app.require(caller, Permission::ConnectionManage, Action::RevocationListImported, unread.clone()).await?;
    let authorities = authorities(app).await?;
    let list = match List::read(bytes).and_then(|list| Lists::default().add(list.clone(), &authorities).map(|()| list)) {
        Ok(list) => list,
        Err(why) => {
            let kind = match why {
                BadList::Stranger(_) => "crl-stranger",
                BadList::Signature(_) | BadList::NotAnIssuer(_) => "crl-signature",
                _ => "crl-unreadable",
            };
            let error = AppError::Invalid(vec![FieldError::new("list", kind).arg("reason", why)]);
            return Err(app.refuse(caller, Action::RevocationListImported, unread, None, error).await);
        }
    };
    if !list.covers(app.now()) {
        let facts = list.facts();
        let error = FieldError::new("list", "crl-time").arg("from", facts.this_update).arg("until", facts.next_update);
        return Err(app.refuse(caller, Action::RevocationListImported, subject(&list), None, AppError::Invalid(vec![error])).await);
    }
    let (facts, about, caller) = (list.facts(), subject(&list), caller.clone());
    let detail = json!(facts);
    let write = move |tx: &mut crate::store::Tx<'_>| {
        rows::put(tx.conn, row(&list, Source::Imported, tx.now()))?;
        tx.append(caller.event(Action::RevocationListImported, about.clone()).detail(detail.clone()))?;
        Ok(Ok(()))
    };
    let done = Done::from_write(app.store.write(write).await?)?;
    Ok(Done { value: facts, receipt: done.receipt })
}

/// Certificates whose lists are of use here.
async fn authorities(app: &App) -> AppResult<Vec<Certificate>> {
    let names: Vec<String> = app.config.timestamp.authorities.iter().map(|authority| authority.name.clone()).collect();
    let newest = app.store.read(move |conn| names.iter().map(|name| tokens::newest(conn, name)).collect::<Result<Vec<_>, _>>()).await?;
    let chains = newest.into_iter().flatten().filter_map(|row| row.chain);
    let roots = [files::roots(app.store.data()).to_pem(), timestamps::roots(&app.config).to_pem()];
    Ok(roots.into_iter().chain(chains).flat_map(|pem| Roots::certificates(&pem)).collect())
}
