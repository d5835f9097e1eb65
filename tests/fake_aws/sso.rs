//! IAM Identity Center's portal and OIDC service, and the sign-in service of `aws login`.

use std::collections::HashSet;

use serde_json::json;

use super::call::Call;
use super::error::{ServiceError, denied, expired, invalid_grant};
use super::http::{Request, Response};
use super::state::{State, is_account_id, is_role_name};

/// An SSO access token that every fake knows.
pub const SSO_ACCESS_TOKEN: &str = "fake-sso-access-token-EXAMPLE";
/// An SSO refresh token that every fake knows.
pub const SSO_REFRESH_TOKEN: &str = "fake-sso-refresh-token-EXAMPLE";
/// A refresh token of `aws login` that every fake knows.
pub const LOGIN_REFRESH_TOKEN: &str = "fake-login-refresh-token-EXAMPLE";

pub(super) struct Settings {
    pub access_tokens: HashSet<String>,
    pub refresh_tokens: HashSet<String>,
    /// Account and role name.
    pub denied: HashSet<(String, String)>,
    pub user: String,
    pub login_refresh_tokens: HashSet<String>,
    pub login_principal: String,
    renewals: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            access_tokens: HashSet::from([SSO_ACCESS_TOKEN.to_owned()]),
            refresh_tokens: HashSet::from([SSO_REFRESH_TOKEN.to_owned()]),
            denied: HashSet::new(),
            user: "alice".to_owned(),
            login_refresh_tokens: HashSet::from([LOGIN_REFRESH_TOKEN.to_owned()]),
            login_principal: "arn:aws:iam::111122223333:user/alice".to_owned(),
            renewals: 0,
        }
    }
}

/// The principal of an SSO session.
pub(super) fn principal(account: &str, role: &str, user: &str) -> String {
    format!("arn:aws:sts::{account}:assumed-role/AWSReservedSSO_{role}_0123456789abcdef/{user}")
}

pub(super) fn role_credentials(
    state: &mut State,
    request: &Request,
    call: &Call,
) -> Result<Response, ServiceError> {
    let bearer = request.header("x-amz-sso_bearer_token").unwrap_or_default();
    if !state.sso.access_tokens.contains(bearer) {
        return Err(expired(call.operation));
    }
    let account = call.param("account_id").unwrap_or_default();
    let role = call.param("role_name").unwrap_or_default();
    if !is_account_id(account) || !is_role_name(role) {
        let message = "account_id and role_name are required, in the form that AWS gives them";
        return Err(ServiceError::new(400, "InvalidRequestException", message));
    }
    let pair = (account.to_owned(), role.to_owned());
    if state.sso.denied.contains(&pair) {
        return Err(denied(call, ""));
    }
    let principal = principal(account, role, &state.sso.user);
    let minted = state.mint(&principal, 3600);
    let body = json!({"roleCredentials": {
        "accessKeyId": minted.access_key_id,
        "secretAccessKey": minted.secret_access_key,
        "sessionToken": minted.session_token,
        "expiration": minted.expires_at.unwrap_or_default() * 1000,
    }});
    Ok(Response::json(200, &body))
}

pub(super) fn create_token(state: &mut State, call: &Call) -> Result<Response, ServiceError> {
    if call.param("grantType") != Some("refresh_token") {
        let message = "only refresh_token is supported";
        let error = ServiceError::new(400, "UnsupportedGrantTypeException", message);
        return Err(error.with_oauth("unsupported_grant_type"));
    }
    if call.param("clientId").is_none() || call.param("clientSecret").is_none() {
        let error = ServiceError::new(401, "InvalidClientException", "Invalid client provided");
        return Err(error.with_oauth("invalid_client"));
    }
    let refresh = call.param("refreshToken").unwrap_or_default();
    if !state.sso.refresh_tokens.contains(refresh) {
        return Err(invalid_grant(call.operation));
    }
    state.sso.renewals += 1;
    let renewal = state.sso.renewals;
    let access = format!("fake-sso-access-token-renewed-{renewal}");
    let next = format!("fake-sso-refresh-token-renewed-{renewal}");
    state.sso.access_tokens.insert(access.clone());
    state.sso.refresh_tokens.insert(next.clone());
    let body = json!({
        "accessToken": access,
        "expiresIn": 8 * 3600,
        "refreshToken": next,
        "tokenType": "Bearer",
    });
    Ok(Response::json(200, &body))
}

pub(super) fn create_oauth2_token(
    state: &mut State,
    call: &Call,
) -> Result<Response, ServiceError> {
    if call.param("grantType") != Some("refresh_token") || call.param("clientId").is_none() {
        let error = ServiceError::new(400, "ValidationException", "Invalid grant type or client");
        return Err(error.with_oauth("INVALID_REQUEST"));
    }
    if call
        .header("dpop")
        .is_none_or(|proof| proof.split('.').count() != 3)
    {
        let error = ServiceError::new(400, "ValidationException", "Invalid DPoP proof");
        return Err(error.with_oauth("INVALID_REQUEST"));
    }
    let refresh = call.param("refreshToken").unwrap_or_default();
    if !state.sso.login_refresh_tokens.contains(refresh) {
        return Err(expired(call.operation));
    }
    state.sso.renewals += 1;
    let next = format!("fake-login-refresh-token-renewed-{}", state.sso.renewals);
    state.sso.login_refresh_tokens.insert(next.clone());
    let principal = state.sso.login_principal.clone();
    let minted = state.mint(&principal, 900);
    let body = json!({
        "accessToken": {
            "accessKeyId": minted.access_key_id,
            "secretAccessKey": minted.secret_access_key,
            "sessionToken": minted.session_token,
        },
        "tokenType": "aws_sigv4",
        "expiresIn": 900,
        "refreshToken": next,
    });
    Ok(Response::json(200, &body))
}
