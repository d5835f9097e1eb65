//! Asking the registry as somebody: by password, or by the token that a password, or nothing, is
//! exchanged for (Bearer, of public ECR). The exchange is done at the registry's own host alone.

use base64_simd::STANDARD;
use http::{HeaderValue, Method, Request, header};
use serde::Deserialize;

use crate::http::Received;
use crate::secret::Secret;
use crate::token::USERNAME;

use super::location::Location;
use super::refusal::{self, Refusal, RefusalKind, Step};
use super::{Ask, Challenge, Client, Scheme, url};

/// What a Bearer challenge's realm gives, by its older and its newer name.
#[derive(Deserialize)]
struct Exchanged {
    #[serde(alias = "access_token")]
    token: String,
}

impl Client<'_> {
    /// Asks the registry, which is the one host that is sent the password.
    pub(super) async fn ask(
        &self,
        ask: &Ask,
        password: Option<&Secret>,
    ) -> Result<Received, Refusal> {
        if let Some(password) = password {
            self.redactor.borrow_mut().add(password.expose());
        }
        let received = self.ask_with(ask, password.map(basic)).await?;
        let is_bare_ping = ask.step == Step::Ping && password.is_none();
        match challenge(&received) {
            Some(challenge) if challenge.scheme == Scheme::Bearer && !is_bare_ping => {
                let bearer = self.exchange_token(&challenge, password, &received).await?;
                self.ask_with(ask, Some(bearer)).await
            }
            _ => Ok(received),
        }
    }

    async fn ask_with(&self, ask: &Ask, login: Option<HeaderValue>) -> Result<Received, Refusal> {
        let invalid = |_| Refusal::unanswered(RefusalKind::InvalidName, ask.step, &self.host);
        let url = url(&self.host, &ask.path).map_err(invalid)?;
        let mut request = Request::new(());
        *request.method_mut() = ask.method.clone();
        *request.uri_mut() = url;
        let headers = request.headers_mut();
        if let Some((name, value)) = &ask.header {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(login) = login {
            self.keep_secret(&login);
            headers.insert(header::AUTHORIZATION, login);
        }
        self.exchange(ask.step, &self.host, request, ask.limit)
            .await
    }

    /// Masks what follows the scheme in every message from now on.
    fn keep_secret(&self, login: &HeaderValue) {
        let (_, secret) = login
            .to_str()
            .unwrap_or_default()
            .split_once(' ')
            .unwrap_or_default();
        self.redactor.borrow_mut().add(secret);
    }

    async fn exchange_token(
        &self,
        challenge: &Challenge,
        password: Option<&Secret>,
        received: &Received,
    ) -> Result<HeaderValue, Refusal> {
        let refused = |kind| Refusal::because(kind, Step::Token, &self.host, received);
        let realm = Location::of_upload(challenge.realm.as_deref(), &self.host)
            .map_err(|why| refused(RefusalKind::Location(why)))?;
        let mut path = realm.expose().path().to_owned();
        let mut mark = '?';
        for (name, value) in [("service", &challenge.service), ("scope", &challenge.scope)] {
            if let Some(value) = value {
                path.push(mark);
                path.push_str(&format!("{name}={}", percent_encoded(value)));
                mark = '&';
            }
        }
        let ask = Ask::new(Step::Token, Method::GET, path);
        let received = self.ask_with(&ask, password.map(basic)).await?;
        if received.status != 200 {
            return Err(self.refused(&ask, &received, password));
        }
        let exchanged: Option<Exchanged> = serde_json::from_slice(&received.body).ok();
        let bearer = exchanged.and_then(|exchanged| login("Bearer", &exchanged.token));
        let senseless = || {
            let kind = refusal::not_a_registry("it answers with what is no token");
            Refusal::because(kind, Step::Token, &self.host, &received)
        };
        bearer.ok_or_else(senseless)
    }
}

/// The login that an answer wants.
pub(super) fn challenge(received: &Received) -> Option<Challenge> {
    let value = received.headers.get(header::WWW_AUTHENTICATE);
    let value = value.filter(|_| received.status == 401)?;
    Challenge::parse(value.to_str().ok()?)
}

pub(super) fn basic(password: &Secret) -> HeaderValue {
    let pair = format!("{USERNAME}:{}", password.expose());
    login("Basic", &STANDARD.encode_to_string(pair)).expect("base64 is printable")
}

/// `None` when it holds what no header may.
fn login(scheme: &str, token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("{scheme} {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/,".contains(&byte) {
            encoded.push(char::from(byte))
        } else {
            encoded.push_str(&format!("%{byte:02X}"))
        }
    }
    encoded
}
