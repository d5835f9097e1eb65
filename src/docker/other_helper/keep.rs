//! Handing a login over for good.

use std::borrow::Cow;

use super::{Answer, Fault, OtherHelper, OtherHelperError};
use crate::docker::question::Credentials;
use crate::env::Env;
use crate::secret::Secret;

impl OtherHelper<'_> {
    /// Gives it a login to keep.
    ///
    /// # Errors
    /// When it does not take it.
    pub(crate) fn keep(
        &self,
        env: &Env,
        server: &str,
        username: &str,
        secret: &Secret,
    ) -> Result<(), OtherHelperError> {
        let login = Credentials {
            server_url: server.into(),
            username: username.into(),
            secret: secret.expose().into(),
        };
        let mut line = serde_json::to_vec(&login).expect("texts are JSON");
        line.push(b'\n');
        let stored = self.ask(env, "store", &line)?;
        if stored.code != 0 {
            return Err(self.refused(stored, secret));
        }
        Ok(())
    }

    /// Sees that it gives back a login that it was given. Another that it was given later may have
    /// taken the place: many helpers know one login for all spellings of a server.
    ///
    /// # Errors
    /// When it does not, for whatever reason. Then nobody may throw the login away.
    pub(crate) fn check_kept(
        &self,
        env: &Env,
        server: &str,
        username: &str,
        secret: &Secret,
    ) -> Result<(), OtherHelperError> {
        let got = self.ask(env, "get", server.as_bytes())?;
        if got.code != 0 {
            return Err(self.refused(got, secret));
        }
        let is_same = serde_json::from_slice::<Credentials<'_>>(&got.stdout).is_ok_and(|got| {
            let is = |one: &Cow<'_, str>, other: &str| *one == other;
            is(&got.username, username) && is(&got.secret, secret.expose())
        });
        if is_same {
            Ok(())
        } else {
            Err(self.error(Fault::NotKept))
        }
    }

    /// It may repeat what it was given to keep.
    fn refused(&self, answer: Answer, secret: &Secret) -> OtherHelperError {
        let text = String::from_utf8_lossy(&answer.stdout).replace(secret.expose(), "…");
        self.failed(&Answer {
            stdout: text.into_bytes(),
            ..answer
        })
    }
}
