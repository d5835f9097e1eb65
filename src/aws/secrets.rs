//! The secrets of a purchase. The session learns each one before it is sent, and masks it in every
//! answer.

use aws_credential_types::Credentials;
use serde_json::Value;

use crate::redaction::{Redactor, shown_url};

use super::{Purchase, Session};

/// The secret values of sign-in files (aws-config 1.13, `sso/cache.rs` and `login/cache.rs`).
const IN_SIGN_INS: [&str; 8] = [
    "accessToken",
    "clientSecret",
    "dpopKey",
    "idToken",
    "refreshToken",
    "registrationAccessToken",
    "secretAccessKey",
    "sessionToken",
];

/// Knows the secrets of the configuration and the MFA codes, and what messages show anyway.
pub(super) fn redactor(purchase: &Purchase<'_>) -> Redactor {
    let identity = purchase.identity;
    let mut redactor = Redactor::default();
    let source = identity.source.get();
    source.add_secrets(&mut redactor, purchase.env);
    let external_ids = identity.roles.iter().flat_map(|role| &role.external_id);
    for secret in external_ids.chain(purchase.codes) {
        redactor.add(secret.expose());
    }
    let endpoints = identity
        .sts
        .iter()
        .chain([&identity.api, &identity.sign_in_api]);
    for url in endpoints.flat_map(|endpoint| &endpoint.url) {
        redactor.add_url(url);
        redactor.show(&shown_url(url));
    }
    redactor.show(purchase.registry.host());
    redactor.show(&identity.to_string());
    for role in &identity.roles {
        redactor.show(role.session_name());
        role.mfa_device
            .iter()
            .for_each(|device| redactor.show(device.as_str()));
    }
    redactor
}

impl Session<'_> {
    /// Masks this text in every message from now on.
    pub(super) fn keep_secret(&self, text: &str) {
        self.redactor.borrow_mut().add(text);
    }

    /// Does so with the secret access key and the session token.
    pub(super) fn keep_keys_secret(&self, credentials: &Credentials) {
        self.keep_secret(credentials.secret_access_key());
        self.keep_secret(credentials.session_token().unwrap_or_default());
    }

    /// Does so with the secrets that the source reads from disk, as they are now: those of a sign-in,
    /// or a token file.
    pub(super) fn keep_proof_secret(&self) {
        let identity = self.purchase.identity;
        let proof = identity.proof();
        match serde_json::from_slice(&proof) {
            Ok(sign_in) if identity.sign_in().is_some() => self.keep_sign_in_secret(&sign_in),
            _ => self.keep_secret(String::from_utf8_lossy(&proof).trim()),
        }
    }

    fn keep_sign_in_secret(&self, sign_in: &Value) {
        let Some(sign_in) = sign_in.as_object() else {
            return;
        };
        for (name, value) in sign_in {
            match value {
                Value::String(text) if IN_SIGN_INS.contains(&name.as_str()) => {
                    self.keep_secret(text);
                }
                value => self.keep_sign_in_secret(value),
            }
        }
    }

    /// A text from outside, without the secrets that are known so far.
    pub(super) fn redact(&self, text: &str) -> String {
        // Of a token that the SDK has fetched or read itself, only the request tells.
        for secret in self.purchase.client.sent_secrets() {
            self.keep_secret(secret.expose());
        }
        self.redactor.borrow().redact(text)
    }
}
