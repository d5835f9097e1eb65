//! Logins that stand in docker's file, handed to a helper that keeps them better.

use base64_simd::STANDARD;

use super::error::ConfigureError;
use crate::configure::clients::SavedLogin;
use crate::redaction::shown_server;
use crate::secret::Secret;

/// The user name by which docker's helpers know that the secret is an identity token
/// (docker/cli, `cli/config/credentials/native_store.go`).
const TOKEN_USER: &str = "<token>";

/// A login as helpers keep it.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub key: String,
    pub username: String,
    pub secret: Secret,
}

impl Kept {
    /// Reads a login of the file.
    ///
    /// # Errors
    /// When a helper could not keep it.
    pub(super) fn of(login: &SavedLogin) -> Result<Self, ConfigureError> {
        let odd = || ConfigureError::OddLogin {
            key: shown_server(&login.key).to_owned(),
        };
        if login.registry_token.is_some() {
            return Err(odd());
        }
        let (username, secret) = match (&login.identity_token, &login.auth) {
            (Some(token), _) => (TOKEN_USER.to_owned(), token.clone()),
            (None, Some(auth)) => user_and_password(auth).ok_or_else(odd)?,
            (None, None) => {
                let user = login.username.clone().ok_or_else(odd)?;
                (user, login.password.clone().ok_or_else(odd)?)
            }
        };
        Ok(Self {
            key: login.key.clone(),
            username,
            secret,
        })
    }
}

/// `base64(user:password)`. Docker takes zero bytes at the end away.
fn user_and_password(auth: &Secret) -> Option<(String, Secret)> {
    let bytes = STANDARD.decode_to_vec(auth.expose()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    let password = password.trim_matches('\0');
    let is_whole = !user.is_empty() && !password.is_empty();
    is_whole.then(|| (user.to_owned(), Secret::new(password)))
}
