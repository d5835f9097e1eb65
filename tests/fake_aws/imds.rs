//! The EC2 instance metadata service, version 2, and version 1 where a test allows it.

use std::collections::HashSet;

use serde_json::json;

use super::call::Operation;
use super::clock;
use super::error::ServiceError;
use super::http::{Request, Response};
use super::state::{Credentials, State, arn_field, assumed_role};

pub(super) struct Settings {
    /// The instance profile's role; `None` for an instance without one.
    pub role_arn: Option<String>,
    pub instance_id: String,
    pub region: String,
    /// Whether everyone who asks is given the same keys, as on an instance for hours.
    pub keeps_keys: bool,
    /// Whether requests without a session token are answered (IMDSv1).
    pub allows_version_1: bool,
    kept: Option<Credentials>,
    tokens: HashSet<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            role_arn: Some("arn:aws:iam::111122223333:role/build-node".to_owned()),
            instance_id: "i-1234567890abcdef0".to_owned(),
            region: "us-west-2".to_owned(),
            keeps_keys: false,
            kept: None,
            tokens: HashSet::new(),
            allows_version_1: false,
        }
    }
}

const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const PLAIN: [&str; 2] = [
    "/latest/meta-data/iam/security-credentials/",
    "/latest/meta-data/iam/security-credentials",
];
const EXTENDED: [&str; 2] = [
    "/latest/meta-data/iam/security-credentials-extended/",
    "/latest/meta-data/iam/security-credentials-extended",
];

/// The operation behind a metadata path.
pub(super) fn operation(method: &str, path: &str) -> Operation {
    match (method, path) {
        ("PUT", "/latest/api/token") => Operation::ImdsToken,
        ("GET", "/latest/meta-data/placement/region") => Operation::ImdsRegion,
        ("GET", path) if PLAIN.contains(&path) || EXTENDED.contains(&path) => {
            Operation::ImdsRoleName
        }
        ("GET", path) if path.starts_with(PLAIN[0]) || path.starts_with(EXTENDED[0]) => {
            Operation::ImdsCredentials
        }
        _ => Operation::Unknown,
    }
}

pub(super) fn answer(
    state: &mut State,
    request: &Request,
    operation: Operation,
) -> Result<Response, ServiceError> {
    if operation == Operation::ImdsToken {
        return token(state, request);
    }
    let token = request.header("x-aws-ec2-metadata-token");
    let is_version_1 = token.is_none() && state.imds.allows_version_1;
    if !is_version_1 && !token.is_some_and(|token| state.imds.tokens.contains(token)) {
        return Err(ServiceError::new(401, "Unauthorized", "Unauthorized"));
    }
    if operation == Operation::ImdsRegion {
        return Ok(Response::text(200, &state.imds.region));
    }
    let missing = || ServiceError::new(404, "NotFound", "Not Found");
    let role_arn = state.imds.role_arn.clone().ok_or_else(missing)?;
    let name = role_arn.rsplit('/').next().unwrap_or_default();
    if operation == Operation::ImdsRoleName {
        return Ok(Response::text(200, name));
    }
    if request.path().rsplit('/').next() != Some(name) {
        return Err(missing());
    }
    let principal = assumed_role(&role_arn, &state.imds.instance_id).ok_or_else(missing)?;
    let kept = state.imds.kept.clone();
    let minted = kept.unwrap_or_else(|| state.mint(&principal, 6 * 3600));
    state.imds.kept = Some(minted.clone()).filter(|_| state.imds.keeps_keys);
    let mut document = json!({
        "Code": "Success",
        "LastUpdated": clock::iso(state.now()),
        "Type": "AWS-HMAC",
        "AccessKeyId": minted.access_key_id,
        "SecretAccessKey": minted.secret_access_key,
        "Token": minted.session_token,
        "Expiration": minted.expiration(),
    });
    if request.path().starts_with(EXTENDED[0]) {
        document["AccountId"] = json!(arn_field(&role_arn, 4));
    }
    Ok(Response::new(200, "text/plain", format!("{document:#}")))
}

fn token(state: &mut State, request: &Request) -> Result<Response, ServiceError> {
    let seconds = request.header(TTL).and_then(|ttl| ttl.parse::<u32>().ok());
    let Some(seconds) = seconds.filter(|seconds| (1..=21600).contains(seconds)) else {
        return Err(ServiceError::new(400, "BadRequest", "Bad Request"));
    };
    let token = format!("AQAEAFakeMetadataToken{:06}==", state.imds.tokens.len() + 1);
    state.imds.tokens.insert(token.clone());
    Ok(Response::text(200, &token).with_header(TTL, seconds.to_string()))
}
