//! What a simulation needs of a `get` that no file and no call belong to.

use std::time::{Duration, Instant};

use crate::aws::{self, FetchRequest};
use crate::cache::Seat;
use crate::http;
use crate::registry::Registry;
use crate::token::Renewal;

use super::tokens::{TokenRequest, Tokens};

pub(crate) use super::failure_memory::{REFRESH_PAUSE, SHARED_PAUSE};
pub(crate) use super::state::{Action, End, Event, GetState, Lock, Sight, When};

/// The time limits of a request, and the waits of a call that is throttled.
pub(crate) struct Patience {
    /// Of the whole request, without a valid token and with one.
    pub limit: [Duration; 2],
    /// For the lock of each seat, without a valid token and with one.
    pub overdue: [[Duration; 3]; 2],
    /// Those of each of many calls.
    pub waits: Vec<Vec<Duration>>,
    /// When a token is replaced.
    pub renewal: Renewal,
}

impl Patience {
    /// That of requests for a private registry.
    pub(crate) fn of(tokens: &Tokens<'_>, calls: usize) -> Self {
        let registry = Registry::parse("999999999999.dkr.ecr.us-west-2.amazonaws.com").unwrap();
        let identity = tokens.resolver.resolve((&registry).into()).unwrap();
        let request = TokenRequest::new(tokens, &registry, &identity);
        let overdue = |holds_token| {
            [Seat::First, Seat::Second, Seat::Third].map(|seat| {
                let at = request.overdue_at(Lock::Entry(seat), holds_token);
                at.saturating_duration_since(tokens.started)
            })
        };
        let settings = tokens.http_settings(Some(&identity), Instant::now());
        let fetch = FetchRequest {
            env: tokens.env,
            registry: &registry,
            identity: &identity,
            codes: &[],
            client: &http::client(&settings).unwrap(),
            max_attempts: tokens.max_attempts,
            time_left: request.limit(false),
        };
        Self {
            limit: [false, true].map(|holds_token| request.limit(holds_token)),
            overdue: [false, true].map(overdue),
            waits: aws::throttled::waits(&fetch, calls),
            renewal: tokens.renewal(&identity),
        }
    }
}
