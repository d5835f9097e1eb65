//! GitHub's endpoint for the OIDC token of a job (`ACTIONS_ID_TOKEN_REQUEST_URL`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::call::Call;
use super::error::ServiceError;
use super::http::Response;

pub(super) const PATH: &str = "/github/idtoken";

/// The bearer token that the endpoint accepts. Followed by other characters, it is the one of
/// another job.
pub const GITHUB_BEARER: &str = "fake-github-bearer-EXAMPLE";

/// The token that the endpoint issues for an audience.
pub fn github_token(audience: &str) -> String {
    let claims = json!({
        "iss": "https://token.actions.githubusercontent.com",
        "sub": "repo:octo/app:ref:refs/heads/main",
        "aud": audience,
    });
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("e30.{claims}.fake-github-signature-EXAMPLE")
}

pub(super) fn answer(call: &Call) -> Result<Response, ServiceError> {
    let bearer = call.header("authorization").unwrap_or_default();
    let is_known = bearer.starts_with(&format!("Bearer {GITHUB_BEARER}"));
    if !is_known {
        return Err(ServiceError::new(401, "Unauthorized", "Unauthorized"));
    }
    let audience = call.param("audience").unwrap_or_default();
    let value = github_token(audience);
    Ok(Response::json(
        200,
        &json!({"count": value.len(), "value": value}),
    ))
}
