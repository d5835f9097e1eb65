//! The token of a web identity: from a file, a variable, or GitHub on request.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Request};
use serde_json::Value;

use crate::fs::{self, Pipes};
use crate::http::Received;
use crate::identity::{GitHubRequest, MAX_TOKEN_LENGTH, WebIdentityToken};
use crate::runtime;
use crate::secret::Secret;

use super::failure::Failure;
use super::fetch::Fetch;

/// More of GitHub's answer is not read, in bytes. A token has about 2 KiB.
const MAX_ANSWER: usize = 64 * 1024;

/// The statuses after which another attempt may succeed: those of the SDK (aws-smithy-runtime 1.16,
/// `retries/classifiers.rs`), and GitHub's rate limit.
const TRANSIENT: [u16; 5] = [429, 500, 502, 503, 504];

impl Fetch<'_> {
    /// The token, as it is now.
    pub(super) async fn web_identity_token(
        &self,
        token: &WebIdentityToken,
    ) -> Result<Secret, Failure> {
        let text = match token {
            WebIdentityToken::File(path) => self.token_of_file(path).await.map_err(|error| {
                Failure::no_credentials(self, &format!("the file cannot be read: {error}"))
            })?,
            WebIdentityToken::Variable { token, .. } | WebIdentityToken::ServiceAccount(token) => {
                token.expose().to_owned()
            }
            WebIdentityToken::GitHub(request) => self.github_token(request).await?,
        };
        let text = text.trim();
        if text.is_empty() {
            return Err(Failure::no_credentials(self, "the token is empty"));
        }
        self.keep_secret(text);
        Ok(Secret::new(text))
    }

    /// Reads in a thread of its own, so that a network drive that hangs ends at the deadline. The
    /// limit for a pipe is half of the time, so that the error can say that it is a pipe.
    async fn token_of_file(&self, path: &Path) -> io::Result<String> {
        let path = path.to_owned();
        let pipes = Pipes::Until(Instant::now() + self.request.time_left / 2);
        let token = runtime::apart(move || fs::read(&path, MAX_TOKEN_LENGTH, pipes)).await??;
        String::from_utf8(token).map_err(|_| io::Error::other("it is not UTF-8 text"))
    }

    /// Requests the token of this job (GitHub's documentation, "OpenID Connect reference").
    async fn github_token(&self, github: &GitHubRequest) -> Result<String, Failure> {
        let unusable = |what: &str| {
            let detail = format!("{what} contains a character that a request cannot contain");
            Failure::no_credentials(self, &detail)
        };
        let mut request = Request::new(());
        let url = github.url.parse();
        *request.uri_mut() = url.map_err(|_| unusable("ACTIONS_ID_TOKEN_REQUEST_URL"))?;
        let bearer = format!("Bearer {}", github.bearer.expose());
        let bearer = HeaderValue::try_from(bearer);
        let mut bearer = bearer.map_err(|_| unusable("ACTIONS_ID_TOKEN_REQUEST_TOKEN"))?;
        bearer.set_sensitive(true);
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let received = self.send_to_github(request).await?;
        match received.status {
            200 => {}
            status if TRANSIENT.contains(&status) => {
                let detail = format!("HTTP status {status}");
                return Err(Failure::unavailable(self, &detail));
            }
            status => {
                let detail = format!("GitHub refused to issue it, with HTTP status {status}");
                return Err(Failure::no_credentials(self, &detail));
            }
        }
        let answer: Option<Value> = serde_json::from_slice(&received.body).ok();
        let token = answer
            .as_ref()
            .and_then(|answer| answer.get("value")?.as_str());
        let token = token.ok_or_else(|| Failure::malformed(self, "it contains no token"))?;
        Ok(token.to_owned())
    }

    /// Sends a request as often as the SDK would, and with its pauses. The time of the whole `get`
    /// ends it.
    async fn send_to_github(&self, request: Request<()>) -> Result<Received, Failure> {
        let mut attempts = 0;
        loop {
            let sent = self.request.client.send(request.clone(), MAX_ANSWER).await;
            attempts += 1;
            let is_transient = match &sent {
                Ok(received) => TRANSIENT.contains(&received.status),
                Err(failure) => failure.cause.is_transient(),
            };
            if !is_transient || attempts >= self.request.max_attempts() {
                return sent.map_err(|failure| Failure::transport(self, failure));
            }
            log::info!("requesting the OIDC token from GitHub again");
            tokio::time::sleep(pause_after(attempts)).await;
        }
    }
}

/// A random part of 1 s, doubled with each attempt up to 20 s, as the SDK's (aws-smithy-runtime 1.16,
/// `retries/strategy/standard.rs`).
fn pause_after(attempts: u32) -> Duration {
    let longest = 1000_u64.checked_shl(attempts - 1).unwrap_or(u64::MAX);
    Duration::from_millis(fastrand::u64(..longest.clamp(1, 20_000)))
}
