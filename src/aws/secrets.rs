//! The secrets of a purchase. Each becomes known to the session before it is sent, so that no
//! answer can repeat it in a message.

use aws_credential_types::Credentials;
use serde_json::Value;

use crate::identity::Source;
use crate::redaction::{Redactor, shown_url};

use super::{Purchase, Session};

/// What sign-in files hold that is secret (aws-config 1.13, `sso/cache.rs` and `login/cache.rs`).
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

/// What the configuration and the person have given, and what messages name in any case.
pub(super) fn redactor(purchase: &Purchase<'_>) -> Redactor {
    let (identity, registry) = (purchase.identity, purchase.registry);
    let mut redactor = Redactor::default();
    add_source(&mut redactor, &identity.source);
    let endpoints = [
        Some(&identity.api),
        identity.sts.as_ref(),
        Some(&identity.sign_in_api),
    ];
    for url in endpoints
        .into_iter()
        .flatten()
        .filter_map(|endpoint| endpoint.url.as_ref())
    {
        redactor.add_url(url);
        redactor.show(&shown_url(url));
    }
    let external_ids = identity
        .roles
        .iter()
        .filter_map(|role| role.external_id.as_ref());
    for secret in external_ids.chain(purchase.codes) {
        redactor.add(secret.expose());
    }
    for text in [registry.to_string(), identity.to_string()] {
        redactor.show(&text);
    }
    for role in &identity.roles {
        redactor.show(role.session_name());
        redactor.show(
            role.mfa_device
                .as_ref()
                .map_or("", |device| device.as_str()),
        );
    }
    redactor
}

fn add_source(redactor: &mut Redactor, source: &Source) {
    match source {
        Source::Keys(keys) => {
            redactor.add(keys.secret_access_key.expose());
            redactor.add(
                keys.session_token
                    .as_ref()
                    .map_or("", |token| token.expose()),
            );
        }
        Source::Container(container) => {
            redactor.add(container.token.as_ref().map_or("", |token| token.expose()));
            redactor.add_url(&container.uri);
        }
        Source::InstanceMetadata { endpoint } => redactor.add_url(endpoint),
        Source::WebIdentity(web) => redactor.show(web.session_name()),
        Source::Sso(_) | Source::Login { .. } | Source::Process { .. } => {}
    }
}

impl Session<'_> {
    /// From now on, no message shows this.
    pub(super) fn keep_secret(&self, text: &str) {
        self.redactor.borrow_mut().add(text);
    }

    /// The same of what comes with an access key id.
    pub(super) fn keep_keys_secret(&self, credentials: &Credentials) {
        self.keep_secret(credentials.secret_access_key());
        self.keep_secret(credentials.session_token().unwrap_or_default());
    }

    /// The same of what the source goes by on the disk as it is now: a sign-in, or the file of a
    /// token.
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

    /// A text from outside, without the secrets that are known by now.
    pub(super) fn redact(&self, text: &str) -> String {
        self.redactor.borrow().redact(text)
    }
}
