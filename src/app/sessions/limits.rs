//! What slows guessing at a sign-in down: counters by address, by device and by account. None of them can lock another person out for
//! long: an account's lock ends after 15 minutes at most, and does not hold for a device that has signed in to it before.

use crate::{
    app::{App, Caller, throttle},
    clock::Instant,
    crypto,
    domain::account,
    store::{
        StoreError, Tx,
        users::{self, UserRow},
    },
};

/// The device's id, if the request has one.
pub(super) fn device_id(caller: &Caller) -> Option<String> {
    caller.device.as_ref().map(|d| d.device_id.clone()).filter(|id| !id.is_empty())
}

/// Counts a failure on the account. From a device that the account knows it locks nothing; that device has a limit of its own.
pub(super) fn count_failure(tx: &mut Tx<'_>, user: &UserRow, lenient: bool) -> Result<(), StoreError> {
    if lenient {
        return Ok(());
    }
    let failures = user.failures + 1;
    let until = account::lock_after(failures).map(|lock| tx.now().plus(lock).0);
    users::user_failures_set(tx.conn, &user.id, failures, until)
}

/// Which counters a sign-in touches.
pub(super) struct Keys {
    pub(super) address: String,
    /// Set where the device has signed in to the account before: then it alone counts.
    device: Option<String>,
    /// Set where no such account exists: it then locks like one that does.
    nobody: Option<String>,
}

impl Keys {
    pub(super) fn new(caller: &Caller, user_id: Option<&str>, known_device: bool, username: &str) -> Self {
        let address = caller.client.as_ref().map_or("", |c| c.client_ip.as_str());
        let device = known_device.then(|| format!("device/{}/{}", device_id(caller).unwrap_or_default(), user_id.unwrap_or_default()));
        let nobody = user_id.is_none().then(|| format!("nobody/{}", hex::encode(crypto::sha256(username.as_bytes()))));
        Self { address: throttle::address_key(address), device, nobody }
    }

    /// Seconds to wait, if there is a lock.
    pub(super) fn wait(&self, app: &App, user: Option<&UserRow>, now: Instant) -> Option<u64> {
        if let Some(device) = &self.device {
            return app.throttle.wait(device, throttle::FAILURES_PER_DEVICE, now);
        }
        let by_address = app.throttle.wait(&self.address, throttle::FAILURES_PER_ADDRESS, now);
        let by_account = match (&self.nobody, user) {
            (Some(key), _) => {
                let (count, last) = app.throttle.failures(key, now);
                let until = last.zip(account::lock_after(i64::from(count))).map(|(last, lock)| last.plus(lock).0);
                account::seconds_left(until, now)
            }
            (None, Some(user)) => account::seconds_left(user.locked_until, now),
            (None, None) => None,
        };
        by_address.max(by_account)
    }

    /// Counts a failure.
    pub(super) fn count(&self, app: &App, now: Instant) {
        match &self.device {
            Some(device) => {
                app.throttle.count(device, now);
            }
            None => {
                app.throttle.count(&self.address, now);
                if let Some(key) = &self.nobody {
                    app.throttle.count(key, now);
                }
            }
        }
    }

    /// Forgets the device's failures after a success.
    pub(super) fn forget(&self, app: &App) {
        if let Some(device) = &self.device {
            app.throttle.forget(device);
        }
    }
}
