//! What a test tells the fake before it asks: principals, roles, rights and settings.

use std::time::Duration;

use super::FakeAws;
use super::sso;
use super::state::{Credentials, Trust, assumed_role};

impl FakeAws {
    // Principals.

    /// Makes a long-lived key known, or changes its secret and principal.
    pub fn add_user(&self, access_key_id: &str, secret: &str, arn: &str) {
        let user = Credentials {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: secret.to_owned(),
            session_token: None,
            principal: arn.to_owned(),
            expires_at: None,
        };
        self.state()
            .credentials
            .insert(access_key_id.to_owned(), user);
    }

    /// Forgets a key, long-lived or temporary: from now on it is not recognized.
    pub fn remove_key(&self, access_key_id: &str) {
        self.state().credentials.remove(access_key_id);
    }

    /// New temporary credentials for any principal, to put into a file or the environment.
    pub fn temporary_credentials(&self, principal: &str, lifetime: Duration) -> Credentials {
        self.state().mint(principal, seconds(lifetime))
    }

    /// Credentials that have already expired.
    pub fn expired_credentials(&self, principal: &str) -> Credentials {
        self.state().mint(principal, -3600)
    }

    // Roles.

    fn trust(&self, role_arn: &str, change: impl FnOnce(&mut Trust)) {
        change(self.state().trusts.entry(role_arn.to_owned()).or_default());
    }

    /// No principal may assume this role.
    pub fn deny_role(&self, role_arn: &str) {
        self.trust(role_arn, |trust| trust.denied = true);
    }

    /// Everyone may assume this role again, without any condition.
    pub fn allow_role(&self, role_arn: &str) {
        self.state().trusts.remove(role_arn);
    }

    /// Only this caller, and others named so, may assume the role: a principal's ARN, or
    /// `arn:…:assumed-role/NAME` for all sessions of a role.
    pub fn trust_role(&self, role_arn: &str, caller: &str) {
        self.trust(role_arn, |trust| trust.callers.push(caller.to_owned()));
    }

    /// The role wants this external id.
    pub fn require_external_id(&self, role_arn: &str, external_id: &str) {
        self.trust(role_arn, |trust| {
            trust.external_id = Some(external_id.to_owned());
        });
    }

    /// The role wants an MFA code, and this device shows this one.
    pub fn require_mfa(&self, role_arn: &str, serial_number: &str, token_code: &str) {
        self.trust(role_arn, |trust| trust.mfa = true);
        self.show_code(serial_number, token_code);
    }

    /// An MFA device shows this code, which works once. A device with an ARN belongs to
    /// the user of that name, a serial number to every user with a long-lived key.
    pub fn show_code(&self, serial_number: &str, token_code: &str) {
        let code = (serial_number.to_owned(), token_code.to_owned());
        self.state().mfa_codes.insert(code);
    }

    /// The role's maximum session duration.
    pub fn set_max_session(&self, role_arn: &str, limit: Duration) {
        self.trust(role_arn, |trust| trust.max_seconds = Some(seconds(limit)));
    }

    // Registry tokens and checks.

    /// This principal has no right to registry tokens, private or public.
    pub fn deny_ecr(&self, principal: &str) {
        self.state().without_ecr.insert(principal.to_owned());
    }

    /// How far ahead `expiresAt` of registry tokens lies, in seconds; negative for the past.
    pub fn set_token_expires_in(&self, seconds: i64) {
        self.state().token_expires_in = seconds;
    }

    /// From now on, each registry has one password, `REGISTRY-auth-token` as with moto, so that a
    /// registry that does not know the fake can check it. It holds no
    /// [`Grant`](super::Grant); [`FakeAws::issues`] has them.
    pub fn fix_passwords(&self) {
        self.state().fixed_passwords = true;
    }

    /// How far the server's clock is ahead, in seconds. Signatures made too far from it are
    /// refused, and every answer's `Date` tells it.
    pub fn set_clock_offset(&self, seconds: i64) {
        let mut state = self.state();
        state.clock_offset = seconds;
        state.check_dates = true;
    }

    /// Tokens and sessions end by this clock, in seconds since 1970, so that days can pass in
    /// seconds; the dates of signatures are judged by the server's.
    pub fn set_lifetime_clock(&self, now: impl Fn() -> i64 + Send + 'static) {
        self.state().lifetime_clock = Some(Box::new(now));
    }

    /// Whether signatures and their dates are verified; they are by default.
    pub fn check_signatures(&self, check: bool) {
        self.state().check_signatures = check;
    }

    /// Whether keys work in the regions of their own partition only; not by default.
    pub fn check_partitions(&self, check: bool) {
        self.state().check_partitions = check;
    }

    // IAM Identity Center and sign-in.

    /// Makes an SSO access token known, in addition to [`SSO_ACCESS_TOKEN`].
    pub fn add_sso_access_token(&self, token: &str) {
        self.state().sso.access_tokens.insert(token.to_owned());
    }

    /// Forgets all SSO access tokens: every one is refused with 401.
    pub fn end_sso_sessions(&self) {
        self.state().sso.access_tokens.clear();
    }

    /// Makes an SSO refresh token known, in addition to [`SSO_REFRESH_TOKEN`].
    pub fn add_sso_refresh_token(&self, token: &str) {
        self.state().sso.refresh_tokens.insert(token.to_owned());
    }

    /// The SSO user may not have this role in this account.
    pub fn deny_sso_role(&self, account: &str, role: &str) {
        let pair = (account.to_owned(), role.to_owned());
        self.state().sso.denied.insert(pair);
    }

    /// Who the SSO user is from now on.
    pub fn set_sso_user(&self, user: &str) {
        user.clone_into(&mut self.state().sso.user);
    }

    /// The principal behind an SSO profile.
    pub fn sso_principal(&self, account: &str, role: &str) -> String {
        sso::principal(account, role, &self.state().sso.user)
    }

    /// Makes a refresh token of `aws login` known, in addition to [`LOGIN_REFRESH_TOKEN`].
    pub fn add_login_refresh_token(&self, token: &str) {
        let mut state = self.state();
        state.sso.login_refresh_tokens.insert(token.to_owned());
    }

    /// The principal behind renewed credentials of `aws login`; alice by default.
    pub fn set_login_principal(&self, principal: &str) {
        principal.clone_into(&mut self.state().sso.login_principal);
    }

    // Instances and containers.

    /// The role of the instance profile; `None` for an instance without one.
    pub fn set_instance_role(&self, role_arn: Option<&str>) {
        self.state().imds.role_arn = role_arn.map(str::to_owned);
    }

    /// The principal of the instance's credentials.
    pub fn instance_principal(&self) -> String {
        let state = self.state();
        let role_arn = state.imds.role_arn.as_deref().unwrap_or_default();
        assumed_role(role_arn, &state.imds.instance_id).unwrap_or_default()
    }

    /// The instance's region; us-west-2 by default.
    pub fn set_instance_region(&self, region: &str) {
        region.clone_into(&mut self.state().imds.region);
    }

    /// From now on, instance metadata answers requests without a session token (IMDSv1).
    pub fn allow_metadata_without_token(&self) {
        self.state().imds.allows_version_1 = true;
    }

    /// From now on, the keys of the instance are those that are asked for next.
    pub fn keep_instance_keys(&self) {
        self.state().imds.keeps_keys = true;
    }

    /// The role of container credentials.
    pub fn set_container_role(&self, role_arn: &str) {
        role_arn.clone_into(&mut self.state().container.role_arn);
    }

    /// The principal of container credentials.
    pub fn container_principal(&self) -> String {
        let state = self.state();
        let container = &state.container;
        assumed_role(&container.role_arn, &container.session).unwrap_or_default()
    }

    /// Both container endpoints want this `Authorization` header. Without it, ECS takes none
    /// and EKS takes any.
    pub fn require_container_authorization(&self, value: &str) {
        self.state().container.authorization = Some(value.to_owned());
    }

    /// From now on, the container endpoint answers with credentials that have expired.
    pub fn expire_container_credentials(&self) {
        self.state().container.has_expired = true;
    }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}
