//! ECR and ECR Public: GetAuthorizationToken.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::call::{Call, Operation};
use super::error::{NO_IDENTITY_POLICY, ServiceError, denied};
use super::http::{Request, Response};
use super::state::{Caller, State, arn_field, filler, partition};

/// What a registry password of the fake stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who asked.
    pub principal: String,
    /// The region of the signature.
    pub region: String,
    /// The registries asked for; the caller's account if none were named, empty for ECR Public.
    pub registry_ids: Vec<String>,
    /// Counts the tokens of one fake, from 1.
    pub serial: usize,
    /// The session policy of the caller's role.
    pub policy: Option<String>,
}

/// A registry token as the fake remembers it.
#[derive(Clone, Debug)]
pub struct Issue {
    /// What it stands for.
    pub grant: Grant,
    /// Seconds since 1970.
    pub issued_at: i64,
    /// Seconds since 1970.
    pub expires_at: i64,
    /// The call that requested it.
    pub call: Call,
}

impl Grant {
    /// Reads a password; panics, with the reason, when the fake did not make it.
    pub fn from_password(password: &str) -> Self {
        match Self::parse(password) {
            Some(grant) => grant,
            None => panic!(
                "not a password of the fake: {:.40}… ({} bytes)",
                password,
                password.len()
            ),
        }
    }

    /// Reads a token as ECR encodes it; panics when the fake did not make it.
    pub fn from_token(token: &str) -> Self {
        let text = STANDARD.decode(token).expect("base64");
        let text = String::from_utf8(text).expect("UTF-8");
        Self::from_password(text.strip_prefix("AWS:").expect("AWS:<password>"))
    }

    /// Reads a password; `None` when the fake did not make it.
    pub fn parse(password: &str) -> Option<Self> {
        let json = URL_SAFE_NO_PAD.decode(password).ok()?;
        let grant: Value = serde_json::from_slice(&json).ok()?;
        let text = |name: &str| grant.get(name)?.as_str().map(str::to_owned);
        let ids = grant.get("registryIds")?.as_array()?;
        Some(Self {
            principal: text("principal")?,
            region: text("region")?,
            registry_ids: ids
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            serial: usize::try_from(grant.get("serial")?.as_u64()?).ok()?,
            policy: text("policy"),
        })
    }

    /// The password, about 2.5 KB as ECR's are.
    pub fn to_password(&self) -> String {
        let payload = filler(&format!("payload {}", self.serial), 1400);
        let datakey = filler(&format!("data key {}", self.serial), 240);
        let grant = json!({
            "principal": self.principal,
            "region": self.region,
            "registryIds": self.registry_ids,
            "serial": self.serial,
            "policy": self.policy,
            "payload": payload,
            "datakey": datakey,
            "version": "2",
            "type": "DATA_KEY",
        });
        URL_SAFE_NO_PAD.encode(grant.to_string())
    }
}

pub(super) fn private(
    state: &mut State,
    request: &Request,
    call: &Call,
) -> Result<Response, ServiceError> {
    let caller = state.caller(request, call.operation, "ecr", None)?;
    if state.without_ecr.contains(&caller.principal) {
        return Err(denied(call, NO_IDENTITY_POLICY));
    }
    let mut registry_ids: Vec<String> =
        call.registry_ids().into_iter().map(str::to_owned).collect();
    let well_formed = |id: &String| id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit());
    let named = call
        .params
        .get("registryIds")
        .is_some_and(|ids| !ids.is_null());
    if named && (registry_ids.is_empty() || registry_ids.len() > 10)
        || !registry_ids.iter().all(well_formed)
    {
        return Err(ServiceError::new(
            400,
            "InvalidParameterException",
            "Invalid parameter at 'registryIds' failed to satisfy constraint: \
             'Member must satisfy regular expression pattern: [0-9]{12}'",
        ));
    }
    if registry_ids.is_empty() {
        registry_ids.push(arn_field(&caller.principal, 4).to_owned());
    }
    let region = caller.region.clone();
    let (password, expires_at) = issue(state, caller, registry_ids.clone(), call);
    let data: Vec<Value> = registry_ids
        .iter()
        .map(|id| {
            json!({
                "authorizationToken": token(&password),
                "expiresAt": epoch(expires_at),
                "proxyEndpoint": proxy_endpoint(id, &region),
            })
        })
        .collect();
    Ok(answer(&json!({"authorizationData": data})))
}

pub(super) fn public(
    state: &mut State,
    request: &Request,
    call: &Call,
) -> Result<Response, ServiceError> {
    let caller = state.caller(request, call.operation, "ecr-public", Some("us-east-1"))?;
    if state.without_ecr.contains(&caller.principal) {
        return Err(denied(call, NO_IDENTITY_POLICY));
    }
    let (password, expires_at) = issue(state, caller, Vec::new(), call);
    Ok(answer(&json!({"authorizationData": {
        "authorizationToken": token(&password),
        "expiresAt": epoch(expires_at),
    }})))
}

/// Makes a token and remembers it; its password, and when it ends.
fn issue(
    state: &mut State,
    caller: Caller,
    registry_ids: Vec<String>,
    call: &Call,
) -> (String, i64) {
    let grant = Grant {
        principal: caller.principal,
        region: caller.region,
        registry_ids,
        serial: state.next_token(),
        policy: caller.policy,
    };
    let password = match grant.registry_ids.first() {
        Some(registry) if state.fixed_passwords => format!("{registry}-auth-token"),
        _ => grant.to_password(),
    };
    let issued_at = state.lifetime_now();
    let expires_at = issued_at + state.token_expires_in;
    state.issues.push(Issue {
        grant,
        issued_at,
        expires_at,
        call: call.clone(),
    });
    (password, expires_at)
}

/// The operation that an `X-Amz-Target` header names.
pub(super) fn operation(target: &str) -> Operation {
    match target {
        "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken" => {
            Operation::EcrGetAuthorizationToken
        }
        "SpencerFrontendService.GetAuthorizationToken" => Operation::EcrPublicGetAuthorizationToken,
        _ => Operation::Unknown,
    }
}

fn token(password: &str) -> String {
    STANDARD.encode(format!("AWS:{password}"))
}

/// Seconds with three decimals, as ECR writes them.
#[expect(clippy::cast_precision_loss, reason = "seconds of this era fit")]
fn epoch(seconds: i64) -> f64 {
    seconds as f64 + 0.123
}

fn proxy_endpoint(id: &str, region: &str) -> String {
    let suffix = match partition(region) {
        "aws-cn" => "amazonaws.com.cn",
        "aws-eusc" => "amazonaws.eu",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        "aws-iso-e" => "cloud.adc-e.uk",
        "aws-iso-f" => "csp.hci.ic.gov",
        _ => "amazonaws.com",
    };
    format!("https://{id}.dkr.ecr.{region}.{suffix}")
}

fn answer(body: &Value) -> Response {
    Response::new(200, "application/x-amz-json-1.1", body.to_string())
}
