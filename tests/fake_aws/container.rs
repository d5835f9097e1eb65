//! Container credentials: the ECS agent and the EKS Pod Identity agent.

use serde_json::json;

use super::call::{Call, Operation};
use super::error::ServiceError;
use super::http::Response;
use super::state::{State, arn_field, assumed_role};

pub(super) struct Settings {
    pub role_arn: String,
    pub session: String,
    /// What `Authorization` must say; without it, Pod Identity takes any.
    pub authorization: Option<String>,
    /// Whether its credentials have expired by their own `Expiration`.
    pub has_expired: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            role_arn: "arn:aws:iam::111122223333:role/task".to_owned(),
            session: "task-1234567890abcdef0".to_owned(),
            authorization: None,
            has_expired: false,
        }
    }
}

/// The operation behind a path of the two agents.
pub(super) fn operation(method: &str, path: &str) -> Operation {
    match (method, path) {
        ("GET", "/v1/credentials") => Operation::EksCredentials,
        ("GET", path) if path.starts_with("/v2/credentials/") => Operation::EcsCredentials,
        _ => Operation::Unknown,
    }
}

pub(super) fn answer(state: &mut State, call: &Call) -> Result<Response, ServiceError> {
    let presented = call.header("authorization");
    let welcome = match &state.container.authorization {
        Some(expected) => presented == Some(expected),
        None => presented.is_some() || call.operation == Operation::EcsCredentials,
    };
    if !welcome {
        let message = "Invalid or missing Authorization header";
        return Err(ServiceError::new(401, "AccessDeniedException", message));
    }
    let role_arn = state.container.role_arn.clone();
    let principal = assumed_role(&role_arn, &state.container.session)
        .ok_or_else(|| ServiceError::new(404, "NotFound", "no such role"))?;
    let minted = state.mint(&principal, 6 * 3600);
    let mut document = json!({
        "AccessKeyId": minted.access_key_id,
        "SecretAccessKey": minted.secret_access_key,
        "Token": minted.session_token,
        "Expiration": minted.expiration(),
    });
    if state.container.has_expired {
        document["Expiration"] = json!("2026-01-01T00:00:00Z");
    }
    if call.operation == Operation::EksCredentials {
        document["AccountId"] = json!(arn_field(&role_arn, 4));
    } else {
        document["RoleArn"] = json!(role_arn);
    }
    Ok(Response::json(200, &document))
}
