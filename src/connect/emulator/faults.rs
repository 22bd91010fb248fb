//! What can be broken on request (formats.md, "Emulators also answer").

use std::collections::VecDeque;

use serde::Serialize;

use super::api;
use crate::words;

words! {
    pub enum Mode {
        /// The call is carried out; no answer ever comes.
        TimeoutAfterActing = "timeout_after_acting",
        /// Nothing is done; no answer ever comes.
        TimeoutBefore = "timeout_before",
        /// Nothing is done; HTTP status 500.
        Error500 = "500",
        /// Nothing is done; HTTP status 429 with `Retry-After: 1`.
        TooMany = "429",
        /// The call is carried out; the answer is no JSON.
        Garbage = "garbage",
        /// The call is carried out and answered after two seconds.
        Slow = "slow",
        /// All tokens die before the call is looked at.
        RevokeToken = "revoke_token",
    }
}

/// One order: break the next `times` calls to `endpoint`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Order {
    pub endpoint: String,
    pub mode: Mode,
    pub times: u32,
}

/// The endpoint that is meant: `*`, `message/recall`, `/cgi-bin/message/recall`, or `recall` where the last word is enough.
fn known(typed: &str) -> Option<String> {
    let name = typed.trim().trim_matches('/').trim_start_matches("cgi-bin/");
    let all = || api::POSTS.iter().chain(&api::GETS).copied();
    let mut by_last_word = all().filter(|e| e.rsplit('/').next() == Some(name));
    match all().find(|e| *e == name).or_else(|| by_last_word.next().filter(|_| by_last_word.next().is_none())) {
        Some(endpoint) => Some(endpoint.to_owned()),
        None => (name == "*").then(|| name.to_owned()),
    }
}

#[derive(Default)]
pub(super) struct Faults(VecDeque<Order>);

impl Faults {
    /// Adds an order behind the others; `times` 0 withdraws the endpoint's orders. `false`: there is no such endpoint.
    pub fn inject(&mut self, endpoint: &str, mode: Mode, times: u32) -> bool {
        let Some(endpoint) = known(endpoint) else { return false };
        if times == 0 {
            self.0.retain(|o| o.endpoint != endpoint);
        } else {
            self.0.push_back(Order { endpoint, mode, times });
        }
        true
    }

    /// The fault that this call meets, if any; it is then used up by one.
    pub fn take(&mut self, endpoint: &str) -> Option<Mode> {
        let at = self.0.iter().position(|o| o.endpoint == endpoint || o.endpoint == "*")?;
        let order = self.0.get_mut(at)?;
        order.times -= 1;
        let mode = order.mode;
        if order.times == 0 {
            self.0.remove(at);
        }
        Some(mode)
    }

    pub fn waiting(&self) -> Vec<Order> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_met_in_turn_and_used_up() {
        let mut faults = Faults::default();
        faults.inject("/cgi-bin/message/send", Mode::Garbage, 2);
        faults.inject("*", Mode::Slow, 1);
        assert_eq!(faults.take("gettoken"), Some(Mode::Slow));
        assert_eq!(faults.take("gettoken"), None);
        assert_eq!(faults.take("message/send"), Some(Mode::Garbage));
        assert_eq!(faults.waiting().len(), 1);
        faults.inject("message/send", Mode::Garbage, 0);
        assert_eq!(faults.take("message/send"), None);
        assert!(faults.inject("recall", Mode::Slow, 1) && faults.take("message/recall").is_some(), "the last word is enough");
        assert!(!faults.inject("list", Mode::Slow, 1), "of three endpoints");
        assert!(!faults.inject("message/recal", Mode::Slow, 1) && faults.waiting().is_empty());
    }
}
