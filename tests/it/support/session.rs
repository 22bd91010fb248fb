//! A session that a story begins without signing in: the row, and the event that the log has of every session.

use countermand::{
    domain::event::{Action, ActorKind, Event, Subject},
    store::{
        StoreError, Tx,
        sessions::{SessionRow, session_insert},
    },
};

/// Begins it in the caller's write.
pub fn begin(tx: &mut Tx<'_>, row: &SessionRow) -> Result<(), StoreError> {
    session_insert(tx.conn, row)?;
    told(tx, &row.id, &row.user_id)
}

/// The event alone, as of a session whose row went in the meantime.
pub fn told(tx: &mut Tx<'_>, session: &str, user: &str) -> Result<(), StoreError> {
    let mut event = Event::system(Action::SessionOpened, Subject::new("user", user));
    (event.actor_kind, event.actor_id) = (ActorKind::User, user.to_owned());
    event.session = Some(session.to_owned());
    tx.append(event).map(drop)
}
