//! Carries out the actions of the cache protocol: on the files of the cache, and on AWS.

use std::thread;
use std::time::Instant;

use crate::cache::{Cache, CacheError, EntryLock, LockFile, Pauses, Seat};
use crate::token::AuthorizationToken;

use super::error::Obstacle;
use super::failure_memory::FailureMemory;
use super::state::{Action, End, Event, GetState, Lock, Sight, When};
use super::tokens::TokenRequest;

/// One `get` on its way through the protocol, with all that it has opened, found and obtained.
pub(super) struct Walk<'a> {
    request: &'a TokenRequest<'a>,
    cache: &'a Cache,
    state: GetState,
    /// Made when it is first needed: a warm `get` needs none.
    memory: Option<FailureMemory<'a>>,
    seen: Option<AuthorizationToken>,
    file: Option<LockFile>,
    pauses: Option<Pauses>,
    lock: Option<EntryLock>,
    prompt: Option<EntryLock>,
    fetched: Option<AuthorizationToken>,
    obstacle: Option<Obstacle>,
}

impl TokenRequest<'_> {
    /// A token, from the cache or from AWS.
    pub(super) fn token(&self) -> Result<AuthorizationToken, Obstacle> {
        self.refuse_prompt_for_public()?;
        match &self.tokens.cache {
            None => self.fetch(self.limit(false)),
            Some(cache) => Walk::new(self, cache).finish(),
        }
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(request: &'a TokenRequest<'a>, cache: &'a Cache) -> Self {
        Self {
            request,
            cache,
            state: GetState::first(),
            memory: None,
            seen: None,
            file: None,
            pauses: None,
            lock: None,
            prompt: None,
            fetched: None,
            obstacle: None,
        }
    }

    /// A token, or why there is none.
    pub(super) fn finish(mut self) -> Result<AuthorizationToken, Obstacle> {
        loop {
            let event = match self.state.action() {
                Action::Look => self.look(),
                Action::Recall(when) => self.recall(when),
                Action::Open(lock) => self.open(lock),
                Action::Claim(lock) => self.claim(lock),
                Action::Wait(lock) => self.wait(lock),
                Action::Fetch => self.fetch(),
                Action::Keep => self.keep(),
                Action::Remember => self.remember(),
                Action::Drop => self.drop_entry(),
                Action::End(end) => return self.answer(end),
            };
            self.state = self.state.after(event);
        }
    }

    fn look(&mut self) -> Event {
        self.seen = self.request.look(self.cache);
        Event::Saw(match &self.seen {
            None => Sight::Nothing,
            Some(token) if self.request.is_fresh(token) => Sight::Fresh,
            Some(_) => Sight::Stale,
        })
    }

    fn memory(&mut self) -> &FailureMemory<'a> {
        let Self { request, cache, .. } = self;
        self.memory.get_or_insert_with(|| {
            let tokens = request.tokens;
            let (env, resolver) = (tokens.env, &tokens.resolver);
            FailureMemory::new(cache, env, resolver, request.registry, request.identity)
        })
    }

    fn recall(&mut self, when: When) -> Event {
        let holds_token = self.state.holds_token();
        let failure = self.memory().remembered(holds_token, when);
        let is_known = failure.is_some();
        self.obstacle = failure.or(self.obstacle.take());
        Event::Recalled(is_known)
    }

    fn open(&mut self, lock: Lock) -> Event {
        let file = match lock {
            Lock::Entry(seat) => self.cache.open_lock(&self.request.key, seat),
            Lock::Prompt => match self.memory().prompt_key() {
                Some(key) => self.cache.open_lock(&key, Seat::First),
                None => return Event::Needless,
            },
        };
        match file {
            Ok(file) => {
                self.file = Some(file);
                Event::Opened
            }
            Err(error) => without(lock, &error),
        }
    }

    fn claim(&mut self, lock: Lock) -> Event {
        let Some(file) = self.file.take() else {
            return Event::Theirs;
        };
        let path = file.path().to_owned();
        match file.claim() {
            Ok(Some(held)) => {
                match lock {
                    Lock::Entry(_) => self.lock = Some(held),
                    Lock::Prompt => self.prompt = Some(held),
                }
                Event::Claimed
            }
            Ok(None) => {
                self.obstacle = Some(Obstacle::Overdue(CacheError::LockTimeout { path }));
                Event::Theirs
            }
            Err(error) => without(lock, &error),
        }
    }

    fn wait(&mut self, lock: Lock) -> Event {
        let until = self.request.overdue_at(lock, self.state.holds_token());
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            if let Some(Obstacle::Overdue(error)) = &self.obstacle {
                log::warn!("stopped waiting for the lock: {error}");
            }
            return Event::Overdue;
        }
        let pauses = self.pauses.get_or_insert_default();
        thread::sleep(pauses.next_pause().min(left));
        Event::Waited
    }

    fn fetch(&mut self) -> Event {
        let limit = self.request.limit(self.state.holds_token());
        match self.request.fetch(limit) {
            Ok(token) => {
                self.fetched = Some(token);
                Event::Fetched
            }
            Err(error) => {
                let is_final = error.is_denial() || self.request.identity.is_signed_out();
                self.obstacle = Some(error);
                if is_final {
                    Event::Denied
                } else {
                    Event::Failed
                }
            }
        }
    }

    fn keep(&mut self) -> Event {
        if let (Some(lock), Some(token)) = (&self.lock, &self.fetched) {
            self.request.keep(lock, token);
        }
        Event::Done
    }

    /// Under the lock, so that the next process in line finds the failure.
    fn remember(&mut self) -> Event {
        let holds_token = self.state.holds_token();
        let registry = self.request.registry;
        if let Some(obstacle) = self.obstacle.take() {
            self.memory().remember(&obstacle, holds_token);
            if holds_token {
                log::warn!(
                    "{registry}: cannot renew the token; the cached one is still valid: {obstacle}"
                );
            }
            self.obstacle = Some(obstacle);
        }
        Event::Done
    }

    fn drop_entry(&mut self) -> Event {
        if let Some(Err(error)) = self.lock.take().map(|lock| lock.remove()) {
            log::warn!("{error}");
        }
        Event::Done
    }

    fn answer(self, end: End) -> Result<AuthorizationToken, Obstacle> {
        let token = match end {
            End::Cached | End::Stale => self.seen,
            End::Fetched => self.fetched,
            End::Remembered | End::Overdue | End::Denied | End::Failed => None,
        };
        if end == End::Cached {
            log::debug!("{}: from the cache", self.request.registry);
        }
        match (token, self.obstacle) {
            (Some(token), _) => Ok(token),
            (None, Some(obstacle)) => Err(obstacle),
            (None, None) => unreachable!("{end:?} has a reason"),
        }
    }
}

/// Logs why there is no lock.
fn without(lock: Lock, error: &CacheError) -> Event {
    match lock {
        Lock::Entry(_) => log::warn!("continuing without the cache: {error}"),
        Lock::Prompt => log::warn!("prompting without a lock: {error}"),
    }
    Event::Unusable
}
