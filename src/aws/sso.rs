//! Credentials from IAM Identity Center, by calls of our own. The SDK's provider refuses sign-ins
//! that the AWS CLI reads: those whose times end in `UTC` or `+00:00`, as other tools write them.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sdk_sso::types::RoleCredentials;
use aws_types::SdkConfig;

use crate::clock;
use crate::identity::{Endpoint, RenewedSso, SignIn, Sso, SsoToken};
use crate::secret::Secret;

use super::failure::{Failure, FailureKind, SignInFault};
use super::fetch::Fetch;

/// A sign-in that ends sooner is renewed, as by all SDKs (aws-config 1.13, `sso/token.rs`).
const RENEWAL_WINDOW: Duration = Duration::from_secs(5 * 60);

impl Fetch<'_> {
    /// The credentials of a role, for the sign-in on disk.
    pub(super) async fn sso_credentials(&self, sso: &Sso) -> Result<Credentials, Failure> {
        self.keep_proof_secret();
        self.connect_ahead().await;
        let access_token = self.sso_access_token(sso).await?;
        let config = self.sso_config(sso, &self.request.identity.sign_in_api);
        let answer = aws_sdk_sso::Client::new(&config)
            .get_role_credentials()
            .role_name(&sso.role_name)
            .account_id(&sso.account_id)
            .access_token(access_token.expose())
            .send()
            .await
            .map_err(|error| Failure::from_portal(self, &error))?;
        answer
            .role_credentials()
            .and_then(credentials)
            .ok_or_else(|| Failure::without_credentials(self))
    }

    /// The access token of the sign-in, renewed if it is about to expire and can be.
    async fn sso_access_token(&self, sso: &Sso) -> Result<Secret, Failure> {
        let fault = |fault| Failure::sign_in(self, fault);
        let sign_in = self.request.identity.sign_in();
        let sign_in = sign_in.ok_or_else(|| fault(SignInFault::Absent))?;
        let unreadable = || fault(SignInFault::Unreadable);
        let token = sign_in.sso_token().ok_or_else(unreadable)?;
        let expires_at = token.expires_at().ok_or_else(unreadable)?;
        let access_token = token.access_token.clone().ok_or_else(unreadable)?;
        let now = clock::now();
        if expires_at <= now + RENEWAL_WINDOW {
            match self.renew_sso(sso, sign_in, &token).await {
                Ok(renewed) => return Ok(renewed),
                Err(failure) if expires_at <= now => return Err(failure),
                // It is valid for a few minutes more.
                Err(failure) => log::info!("the SSO sign-in was not renewed: {failure}"),
            }
        }
        Ok(access_token)
    }

    /// Renews a sign-in by its refresh token, for every program that uses it.
    async fn renew_sso(
        &self,
        sso: &Sso,
        sign_in: &SignIn,
        token: &SsoToken,
    ) -> Result<Secret, Failure> {
        let now = clock::now();
        let expired = || Failure::sign_in(self, SignInFault::Expired);
        let with = token
            .renewal()
            .filter(|with| with.registration_expires_at > now)
            .ok_or_else(expired)?;
        let config = self.sso_config(sso, &self.request.identity.renewal_api);
        let answer = aws_sdk_ssooidc::Client::new(&config)
            .create_token()
            .grant_type("refresh_token")
            .client_id(with.client_id)
            .client_secret(with.client_secret.expose())
            .refresh_token(with.refresh_token.expose())
            .send()
            .await
            .map_err(|error| {
                let failure = Failure::from_call(self, &error);
                match failure.kind {
                    // Whatever the reason, only a new sign-in helps.
                    FailureKind::Refused
                    | FailureKind::RoleDenied
                    | FailureKind::CredentialsExpired => expired(),
                    _ => failure,
                }
            })?;
        let lifetime = Duration::from_secs(u64::try_from(answer.expires_in()).unwrap_or_default());
        let renewed = RenewedSso {
            access_token: Secret::new(answer.access_token().ok_or_else(expired)?),
            expires_at: now + lifetime,
            refresh_token: answer.refresh_token().map(Secret::new),
        };
        let secrets = [&renewed.access_token].into_iter();
        for secret in secrets.chain(&renewed.refresh_token) {
            self.keep_secret(secret.expose());
        }
        if let Err(error) = sign_in.save(&renewed) {
            let file = sign_in.path().display();
            log::warn!("cannot write the renewed SSO sign-in to {file}: {error}");
        }
        Ok(renewed.access_token)
    }

    /// The services of a sign-in are called in its own region.
    fn sso_config(&self, sso: &Sso, endpoint: &Endpoint) -> SdkConfig {
        let endpoint = Endpoint {
            region: sso.region.clone(),
            ..endpoint.clone()
        };
        self.sdk_config(&endpoint, None)
    }
}

fn credentials(answer: &RoleCredentials) -> Option<Credentials> {
    // 0 is none: the SDK knows no absent number here.
    let milliseconds = u64::try_from(answer.expiration())
        .ok()
        .filter(|&end| end > 0);
    Some(Credentials::new(
        answer.access_key_id()?,
        answer.secret_access_key()?,
        answer.session_token().map(str::to_owned),
        milliseconds.map(|end| UNIX_EPOCH + Duration::from_millis(end)),
        "SSO",
    ))
}
