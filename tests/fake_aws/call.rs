//! What the fake saw: operations and recorded calls.

use std::time::SystemTime;

use serde_json::Value;

use super::fault::Fault;

/// An operation that the fake understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// `sts:AssumeRole`.
    StsAssumeRole,
    /// `sts:AssumeRoleWithWebIdentity`, unsigned.
    StsAssumeRoleWithWebIdentity,
    /// `sts:GetCallerIdentity`.
    StsGetCallerIdentity,
    /// `ecr:GetAuthorizationToken`.
    EcrGetAuthorizationToken,
    /// `ecr-public:GetAuthorizationToken`.
    EcrPublicGetAuthorizationToken,
    /// `GET /federation/credentials` of the SSO portal.
    SsoGetRoleCredentials,
    /// `POST /token` of SSO OIDC.
    SsoOidcCreateToken,
    /// `POST /v1/token` of the sign-in service (`aws login`).
    SigninCreateOAuth2Token,
    /// `PUT /latest/api/token`.
    ImdsToken,
    /// The name of the instance's role.
    ImdsRoleName,
    /// The credentials of the instance's role.
    ImdsCredentials,
    /// The instance's region.
    ImdsRegion,
    /// `GET /v2/credentials/…`, as on ECS.
    EcsCredentials,
    /// `GET /v1/credentials`, as EKS Pod Identity.
    EksCredentials,
    /// `GET /github/idtoken?…`: the OIDC token of a job in GitHub Actions.
    GitHubIdToken,
    /// Anything else: answered with 404.
    Unknown,
}

/// How an operation's service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// AWS JSON 1.1: errors carry `__type`.
    Json,
    /// AWS query: errors are XML.
    Query,
    /// REST JSON: errors carry `x-amzn-errortype`.
    RestJson,
    /// Metadata endpoints: plain text or a JSON document.
    Plain,
}

impl Operation {
    /// Whether this is one of the two calls that hand out registry tokens.
    pub fn is_ecr(self) -> bool {
        matches!(
            self,
            Self::EcrGetAuthorizationToken | Self::EcrPublicGetAuthorizationToken
        )
    }

    /// The name in IAM's terms, as denials spell it.
    pub fn action(self) -> &'static str {
        match self {
            Self::StsAssumeRole => "sts:AssumeRole",
            Self::StsAssumeRoleWithWebIdentity => "sts:AssumeRoleWithWebIdentity",
            Self::StsGetCallerIdentity => "sts:GetCallerIdentity",
            Self::EcrGetAuthorizationToken => "ecr:GetAuthorizationToken",
            Self::EcrPublicGetAuthorizationToken => "ecr-public:GetAuthorizationToken",
            Self::SsoGetRoleCredentials => "sso:GetRoleCredentials",
            Self::SsoOidcCreateToken => "sso-oauth:CreateToken",
            Self::SigninCreateOAuth2Token => "signin:CreateOAuth2Token",
            Self::ImdsToken | Self::ImdsRoleName | Self::ImdsCredentials | Self::ImdsRegion => {
                "imds"
            }
            Self::EcsCredentials | Self::EksCredentials => "container-credentials",
            Self::GitHubIdToken => "github-id-token",
            Self::Unknown => "unknown",
        }
    }

    pub(super) fn protocol(self) -> Protocol {
        match self {
            Self::StsAssumeRole
            | Self::StsAssumeRoleWithWebIdentity
            | Self::StsGetCallerIdentity => Protocol::Query,
            Self::EcrGetAuthorizationToken
            | Self::EcrPublicGetAuthorizationToken
            | Self::Unknown => Protocol::Json,
            Self::SsoGetRoleCredentials
            | Self::SsoOidcCreateToken
            | Self::SigninCreateOAuth2Token => Protocol::RestJson,
            Self::ImdsToken
            | Self::ImdsRoleName
            | Self::ImdsCredentials
            | Self::ImdsRegion
            | Self::EcsCredentials
            | Self::EksCredentials
            | Self::GitHubIdToken => Protocol::Plain,
        }
    }
}

/// One request, recorded when it arrived, whatever was answered.
#[derive(Clone, Debug)]
pub struct Call {
    /// What was asked.
    pub operation: Operation,
    /// Who signed, when the access key is known.
    pub principal: Option<String>,
    /// The access key id of the signature.
    pub access_key_id: Option<String>,
    /// The region of the signature's scope.
    pub signed_region: Option<String>,
    /// The service of the signature's scope.
    pub signed_service: Option<String>,
    /// `X-Amz-Security-Token`.
    pub session_token: Option<String>,
    /// The `Host` header.
    pub host: String,
    /// The HTTP method.
    pub method: String,
    /// Path and query as sent.
    pub path: String,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The JSON body, or the form or query parameters, as an object.
    pub params: Value,
    /// When it arrived.
    pub at: SystemTime,
    /// Which TCP connection carried it, counted from 1.
    pub connection: usize,
    /// What was done about it instead of the proper answer.
    pub fault: Option<Fault>,
}

impl Call {
    /// A header's first value; `name` in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// A text parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).and_then(Value::as_str)
    }

    /// The `registryIds` of a GetAuthorizationToken call; empty when none were sent.
    pub fn registry_ids(&self) -> Vec<&str> {
        let ids = self.params.get("registryIds").and_then(Value::as_array);
        ids.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }
}
