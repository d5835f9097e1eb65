//! Roles: `sts:AssumeRole` and `sts:AssumeRoleWithWebIdentity`, called directly, because the
//! SDK's providers drop a profile's `duration_seconds` and hide which role of a chain failed. And
//! `sts:GetCallerIdentity`, for `doctor`.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_sts::types::Credentials as StsCredentials;

use crate::identity::{Endpoint, Role, WebIdentity};
use crate::registry::RoleArn;
use crate::secret::Secret;

use super::failure::Failure;
use super::fetch::Fetch;

/// A role to assume, and the principal that assumes it.
#[derive(Clone, Copy)]
pub(super) struct Hop<'a> {
    /// The role before it; `None` where the first credentials assume it.
    pub(super) caller: Option<&'a RoleArn>,
    pub(super) role: &'a Role,
    /// The code of its device, where it has one.
    pub(super) code: Option<&'a Secret>,
    pub(super) sts: &'a Endpoint,
    /// The session policy, for the last role.
    pub(super) policy: Option<&'a str>,
}

impl Fetch<'_> {
    /// Assumes one role, with the credentials of the principal before it in the chain and, if the
    /// role has an MFA device, with its code. Returns the ARN of the session too.
    pub(super) async fn assume_role(
        &self,
        caller: Credentials,
        hop: Hop<'_>,
    ) -> Result<(Credentials, Option<String>), Failure> {
        let Hop { role, code, .. } = hop;
        let device = role.mfa_device.as_ref();
        let client = aws_sdk_sts::Client::new(&self.sdk_config(hop.sts, Some(caller)));
        let answer = client
            .assume_role()
            .role_arn(role.arn.as_str())
            .role_session_name(role.session_name())
            .set_external_id(role.external_id.as_ref().map(|id| id.expose().to_owned()))
            .set_duration_seconds(seconds(role.duration))
            .set_serial_number(device.map(|device| device.as_str().to_owned()))
            .set_policy(hop.policy.map(str::to_owned))
            .set_token_code(code.map(|code| code.expose().to_owned()))
            .send()
            .await
            .map_err(|error| Failure::from_call(self, &error))?;
        let session = answer.assumed_role_user();
        let arn = session.map(|session| self.redact(session.arn()));
        Ok((self.sts_credentials(answer.credentials())?, arn))
    }

    /// The ARN of the principal that credentials belong to. The call needs no permission.
    pub(super) async fn caller_identity(
        &self,
        credentials: Credentials,
        endpoint: &Endpoint,
    ) -> Result<String, Failure> {
        let client = aws_sdk_sts::Client::new(&self.sdk_config(endpoint, Some(credentials)));
        let answer = client
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| Failure::from_call(self, &error))?;
        answer
            .arn()
            .map(|arn| self.redact(arn))
            .ok_or_else(|| Failure::malformed(self, "the response contains no ARN"))
    }

    /// Takes a role with an OIDC token.
    pub(super) async fn assume_role_with_web_identity(
        &self,
        web: &WebIdentity,
        token: &Secret,
        endpoint: &Endpoint,
    ) -> Result<Credentials, Failure> {
        let identity = self.request.identity;
        // Roles on top are limited instead: the last one requests the token.
        let policy = identity.policy().filter(|_| identity.roles.is_empty());
        self.connect_ahead().await;
        let client = aws_sdk_sts::Client::new(&self.sdk_config(endpoint, None));
        let answer = client
            .assume_role_with_web_identity()
            .role_arn(web.role_arn.as_str())
            .role_session_name(web.session_name())
            .web_identity_token(token.expose())
            .set_duration_seconds(seconds(web.duration))
            .set_policy(policy.map(str::to_owned))
            .send()
            .await
            .map_err(|error| Failure::from_call(self, &error))?;
        self.sts_credentials(answer.credentials())
    }

    fn sts_credentials(&self, answer: Option<&StsCredentials>) -> Result<Credentials, Failure> {
        let answer = answer
            .ok_or_else(|| Failure::malformed(self, "the response contains no credentials"))?;
        Ok(Credentials::new(
            answer.access_key_id(),
            answer.secret_access_key(),
            Some(answer.session_token().to_owned()),
            SystemTime::try_from(*answer.expiration()).ok(),
            "AssumeRole",
        ))
    }
}

fn seconds(duration: Option<Duration>) -> Option<i32> {
    duration.and_then(|duration| i32::try_from(duration.as_secs()).ok())
}
