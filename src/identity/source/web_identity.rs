//! A role taken with an OIDC token, by `AssumeRoleWithWebIdentity`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::config::WebIdentitySettings;
use crate::digest::{Digest, DigestParts, hex};
use crate::env::{Env, var};
use crate::identity::Role;
use crate::identity::aws_files::Profile;
use crate::identity::error::{EnvironmentError, ProfileError};
use crate::identity::local_state::{LocalState, read_token};
use crate::net::{HttpUrl, is_loopback};
use crate::redaction::Redactor;
use crate::registry::{Partition, RoleArn};
use crate::secret::Secret;

use super::{CredentialSource, Lineage, Properties, Trouble, foreign};

/// The session name of roles for which nothing else is configured: what an administrator will
/// read in CloudTrail.
pub(crate) const DEFAULT_SESSION_NAME: &str = "docker-credential-ecrx";

/// What `AssumeRoleWithWebIdentity` needs.
#[derive(Clone, Debug)]
pub(crate) struct WebIdentity {
    pub token: WebIdentityToken,
    pub role_arn: RoleArn,
    pub session_name: Option<String>,
    /// How long the session lives; AWS's default is an hour.
    pub duration: Option<Duration>,
}

/// The OIDC token that is sent to STS.
#[derive(Clone, Debug)]
pub(crate) enum WebIdentityToken {
    /// A file, read when it is used: its owner renews it.
    File(PathBuf),
    /// The value of a variable, as in GitLab's CI jobs.
    Variable { name: String, token: Secret },
    /// GitHub issues it on request.
    GitHub(GitHubRequest),
    /// In a request of kubelet: the token of a pod's service account.
    ServiceAccount(Secret),
}

/// The request for the OIDC token of a job in GitHub Actions.
#[derive(Clone, Debug)]
pub(crate) struct GitHubRequest {
    /// With the audience.
    pub url: String,
    /// What the job proves itself with.
    pub bearer: Secret,
    audience: String,
}

/// Why a web identity of `config.toml` cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum WebIdentityTokenError {
    #[error("web_identity needs the variable {name}, which is {}", if *.is_blank { "empty" } else { "not set" })]
    Absent {
        name: String,
        is_blank: bool,
        is_github: bool,
    },
    /// `config.toml` is refused before.
    #[error("web_identity needs role_arn")]
    NoRole,
    #[error(
        "{} is invalid: expected an https:// URL",
        var::ACTIONS_ID_TOKEN_REQUEST_URL
    )]
    Url,
}

impl WebIdentityTokenError {
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Absent {
                name,
                is_github: false,
                ..
            } => format!(
                "Set {name} to an OIDC token; in GitLab, define it under `id_tokens` of the job"
            ),
            Self::Absent { .. } | Self::Url => GITHUB_PERMISSION.to_owned(),
            Self::NoRole => "Add role_arn to the table in config.toml".to_owned(),
        }
    }
}

/// The usual reason if a job of GitHub Actions gets no token.
const GITHUB_PERMISSION: &str =
    "In the GitHub Actions workflow, give the job the permission `id-token: write`";

impl WebIdentityToken {
    /// The token that a table of `config.toml` names.
    fn from_config(
        settings: &WebIdentitySettings,
        env: &Env,
    ) -> Result<Self, WebIdentityTokenError> {
        let is_github = matches!(settings, WebIdentitySettings::GitHub { .. });
        let get = |name: &str| {
            env.get(name).ok_or_else(|| WebIdentityTokenError::Absent {
                name: name.to_owned(),
                is_blank: env.is_set_but_blank(name),
                is_github,
            })
        };
        Ok(match settings {
            WebIdentitySettings::File(path) => Self::File(path.clone()),
            WebIdentitySettings::Variable(name) => Self::Variable {
                name: name.clone(),
                token: Secret::new(get(name)?.trim()),
            },
            WebIdentitySettings::GitHub { audience } => {
                let url = get(var::ACTIONS_ID_TOKEN_REQUEST_URL)?;
                let bearer = get(var::ACTIONS_ID_TOKEN_REQUEST_TOKEN)?;
                Self::GitHub(GitHubRequest {
                    url: with_audience(url.trim(), audience)?,
                    bearer: Secret::new(bearer.trim()),
                    audience: audience.clone(),
                })
            }
        })
    }

    /// What tells whether the platform has renewed the token.
    pub(in crate::identity) fn proof(&self) -> Option<Vec<u8>> {
        match self {
            Self::File(path) => read_token(path),
            Self::Variable { token: secret, .. }
            | Self::GitHub(GitHubRequest { bearer: secret, .. })
            | Self::ServiceAccount(secret) => Some(secret.expose().as_bytes().to_vec()),
        }
    }

    /// The principal of the token, which differs between CI jobs with the same configuration.
    /// That of GitHub's token is not known offline, but its bearer belongs to one job.
    fn subject(&self) -> Option<Digest> {
        match self {
            Self::File(path) => subject(&read_token(path)?),
            Self::Variable { token, .. } | Self::ServiceAccount(token) => {
                subject(token.expose().as_bytes())
            }
            Self::GitHub(GitHubRequest { url, bearer, .. }) => {
                let mut parts = DigestParts::named("job");
                parts.text(url);
                parts.text(bearer.expose());
                Some(parts.digest())
            }
        }
    }

    fn fingerprint(&self, parts: &mut DigestParts) {
        match self {
            Self::File(path) => {
                parts.text("web-identity");
                parts.add(path.as_os_str().as_encoded_bytes());
            }
            Self::Variable { name, .. } => {
                parts.text("web-identity-variable");
                parts.text(name);
            }
            Self::GitHub(GitHubRequest { audience, .. }) => {
                parts.text("web-identity-github");
                parts.text(audience);
            }
            Self::ServiceAccount(_) => parts.text("web-identity-service-account"),
        }
    }
}

impl fmt::Display for WebIdentityToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable { name, .. } => write!(f, "in {name}"),
            Self::GitHub(_) => f.write_str("from GitHub"),
            Self::ServiceAccount(token) => match ServiceAccount::from_token(token) {
                Some(account) => write!(f, "of the service account {account}"),
                None => f.write_str("of a service account"),
            },
        }
    }
}

/// The URL of GitHub's token endpoint for an audience. The bearer token is sent there, so it must
/// be https, or on this machine.
fn with_audience(url: &str, audience: &str) -> Result<String, WebIdentityTokenError> {
    let is_safe = HttpUrl::parse(url).is_some_and(|url| url.is_https || is_loopback(url.host));
    if !is_safe || url.contains('#') {
        return Err(WebIdentityTokenError::Url);
    }
    let mut url = url.to_owned();
    url.push(if url.contains('?') { '&' } else { '?' });
    url.push_str("audience=");
    for byte in audience.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    Ok(url)
}

/// The service account that a token of a Kubernetes cluster belongs to: its subject is
/// `system:serviceaccount:NAMESPACE:NAME` (Kubernetes, "Authenticating", "Service account tokens").
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ServiceAccount {
    namespace: String,
    name: String,
}

/// The longest session name that AWS allows, in bytes (STS, `RoleSessionName`).
const LONGEST_SESSION_NAME: usize = 64;

impl ServiceAccount {
    /// Not verified, and only for names: STS verifies the token.
    pub(crate) fn from_token(token: &Secret) -> Option<Self> {
        let claims = claims(token.expose().as_bytes())?;
        let subject = claims.get("sub")?.as_str()?;
        let (namespace, name) = subject
            .strip_prefix("system:serviceaccount:")?
            .split_once(':')?;
        // DNS names, as Kubernetes requires.
        let in_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        let is_name = |text: &str| !text.is_empty() && text.bytes().all(in_names);
        (is_name(namespace) && is_name(name)).then(|| Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    /// `NAMESPACE.NAME`, as a namespace contains no dot. A longer one than AWS allows is cut, and
    /// told apart from others by the end of its digest.
    pub(crate) fn session_name(&self) -> String {
        let Self { namespace, name } = self;
        let whole = format!("{namespace}.{name}");
        if whole.len() <= LONGEST_SESSION_NAME {
            return whole;
        }
        let mut parts = DigestParts::named("session name");
        parts.text(&whole);
        let digest = hex(&parts.digest().as_bytes()[..4]);
        format!("{}-{digest}", &whole[..LONGEST_SESSION_NAME - 9])
    }
}

impl fmt::Display for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl WebIdentity {
    /// The web identity of a table of `config.toml`, with its first role.
    pub(in crate::identity) fn from_config(
        settings: &WebIdentitySettings,
        role: Option<Role>,
        env: &Env,
    ) -> Result<Self, WebIdentityTokenError> {
        let role = role.ok_or(WebIdentityTokenError::NoRole)?;
        Ok(Self {
            token: WebIdentityToken::from_config(settings, env)?,
            role_arn: role.arn,
            session_name: role.session_name,
            duration: role.duration,
        })
    }

    /// The web identity of a profile. Each of its settings may be a variable instead, which comes
    /// first (botocore, `AssumeRoleWithWebIdentityProvider`).
    pub(crate) fn from_settings(
        profile: &Profile<'_>,
        env: Option<&Env>,
    ) -> Result<Option<Self>, ProfileError> {
        let variable = var::AWS_WEB_IDENTITY_TOKEN_FILE;
        if env.is_some_and(|env| env.is_set_but_blank(variable)) {
            return Ok(None);
        }
        let token_file = match env.and_then(|env| env.get_os(variable)) {
            Some(token_file) => token_file.into(),
            None => match profile.get("web_identity_token_file") {
                None | Some("") => return Ok(None),
                Some(token_file) => PathBuf::from(token_file),
            },
        };
        let setting = |variable: &str, key: &str| {
            // A blank variable takes precedence, too.
            if env.is_some_and(|env| env.is_set_but_blank(variable)) {
                return None;
            }
            let variable = env.and_then(|env| env.get(variable));
            variable.or_else(|| profile.get(key).map(str::to_owned))
        };
        Ok(Some(Self {
            token: WebIdentityToken::File(token_file),
            role_arn: role_arn(profile, env)?,
            session_name: setting(var::AWS_ROLE_SESSION_NAME, "role_session_name")
                .filter(|name| !name.is_empty()),
            // The AWS CLI does not read it here, so a wrong one is no error.
            duration: ProfileError::duration(profile).ok().flatten(),
        }))
    }

    /// The session's name, never absent.
    pub(crate) fn session_name(&self) -> &str {
        self.session_name.as_deref().unwrap_or(DEFAULT_SESSION_NAME)
    }
}

/// The role of a web identity: `AWS_ROLE_ARN`, else the profile's.
fn role_arn(profile: &Profile<'_>, env: Option<&Env>) -> Result<RoleArn, ProfileError> {
    if let Some(text) = env.and_then(|env| env.get(var::AWS_ROLE_ARN)) {
        let role = text.parse().map_err(EnvironmentError::RoleArn);
        return role.map_err(ProfileError::Environment);
    }
    let variable = var::AWS_WEB_IDENTITY_TOKEN_FILE;
    let is_blank = env.is_some_and(|env| env.is_set_but_blank(var::AWS_ROLE_ARN));
    match profile.get("role_arn").filter(|_| !is_blank) {
        Some(text) => ProfileError::parse(profile, "role_arn", text),
        None if is_blank || env.is_some_and(|env| env.is_set(variable)) => {
            Err(ProfileError::Environment(EnvironmentError::Half {
                set: variable,
                unset: var::AWS_ROLE_ARN,
            }))
        }
        None => Err(ProfileError::incomplete(
            profile,
            "web_identity_token_file requires a role_arn in the same profile",
        )),
    }
}

/// The principal of an OIDC token, which stays the same when the token is renewed: its issuer,
/// subject and audience (RFC 7519, section 4.1), which a role's trust policy checks. `None` for
/// anything else.
fn subject(token: &[u8]) -> Option<Digest> {
    let claims = claims(token)?;
    let mut parts = DigestParts::named("subject");
    for name in ["iss", "sub", "aud"] {
        let claim = claims.get(name).map(Value::to_string);
        parts.option(claim.as_deref());
    }
    Some(parts.digest())
}

/// The claims of a token, which are not verified.
fn claims(token: &[u8]) -> Option<Value> {
    let token = std::str::from_utf8(token).ok()?;
    let claims = URL_SAFE_NO_PAD
        .decode_to_vec(token.trim().split('.').nth(1)?)
        .ok()?;
    serde_json::from_slice(&claims).ok()
}

impl CredentialSource for WebIdentity {
    fn properties(&self) -> Properties<'_> {
        Properties {
            kind: "web_identity",
            remark: "",
            lineage: Lineage::Same,
            max_age: None,
            sign_in: None,
            token_file: None,
            web_identity: Some(&self.token),
            role: Some(&self.role_arn),
            access_key_id: None,
            local_endpoint: None,
            runs_a_program: false,
        }
    }

    fn fingerprint(&self, parts: &mut DigestParts) {
        self.token.fingerprint(parts);
        parts.text(self.role_arn.as_str());
        parts.text(self.session_name());
    }

    /// The tokens of two CI jobs differ, while the names of their files do not.
    fn local_state(&self, _: &Env) -> LocalState {
        LocalState {
            token: self.token.subject(),
            ..LocalState::default()
        }
    }

    fn foreign_part(&self, ours: Partition, _: &str) -> Option<(String, Partition)> {
        let partition = foreign(Some(self.role_arn.partition()), ours)?;
        Some((format!("the role {}", self.role_arn), partition))
    }

    fn is_from(&self, variable: &str, has_profile: bool, _: &Env) -> bool {
        match &self.token {
            WebIdentityToken::File(_) => {
                variable == var::AWS_WEB_IDENTITY_TOKEN_FILE && !has_profile
            }
            WebIdentityToken::Variable { name, .. } => variable == name,
            WebIdentityToken::GitHub(_) | WebIdentityToken::ServiceAccount(_) => false,
        }
    }

    fn add_secrets(&self, redactor: &mut Redactor) {
        redactor.show(self.session_name());
        match &self.token {
            // Its content is read when it is used.
            WebIdentityToken::File(_) => {}
            WebIdentityToken::Variable { token, .. } | WebIdentityToken::ServiceAccount(token) => {
                redactor.add(token.expose());
            }
            WebIdentityToken::GitHub(GitHubRequest { url, bearer, .. }) => {
                redactor.add(bearer.expose());
                redactor.add_url(url);
            }
        }
    }

    fn hints(&self, trouble: Trouble, _: Option<&str>) -> Vec<String> {
        let is_github = matches!(self.token, WebIdentityToken::GitHub(_));
        let hint = match (trouble, &self.token) {
            (Trouble::NoCredentials, WebIdentityToken::File(_)) => {
                "Check that the token file exists at the path set in AWS_WEB_IDENTITY_TOKEN_FILE, the profile or config.toml, and that this user can read it"
            }
            (Trouble::NoCredentials, WebIdentityToken::Variable { .. }) => {
                "Check that the CI system sets the variable to an OIDC token"
            }
            (Trouble::NoCredentials, WebIdentityToken::GitHub(_)) => GITHUB_PERMISSION,
            (Trouble::MalformedAnswer | Trouble::Unreachable | Trouble::NoAnswer, _)
                if is_github =>
            {
                "Check the runner's network, HTTPS_PROXY and NO_PROXY"
            }
            _ => return Vec::new(),
        };
        vec![hint.to_owned()]
    }
}

impl fmt::Display for WebIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            token, role_arn, ..
        } = self;
        write!(f, "the web identity token {token} for {role_arn}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> Secret {
        let claims = URL_SAFE_NO_PAD.encode_to_string(claims);
        Secret::new(format!("e30.{claims}.c2ln"))
    }

    #[test]
    fn a_service_accounts_session_is_named_by_its_namespace_and_name() {
        let account = |subject: &str| {
            ServiceAccount::from_token(&token(&format!(r#"{{"sub":"{subject}"}}"#)))
        };
        let team = account("system:serviceaccount:team-a:builder").unwrap();
        assert_eq!(team.to_string(), "team-a/builder");
        assert_eq!(team.session_name(), "team-a.builder");
        let name = "n".repeat(100);
        let long = |namespace: &str| {
            let subject = format!("system:serviceaccount:{namespace}:{name}");
            account(&subject).unwrap().session_name()
        };
        let first = long("a");
        assert_eq!(first.len(), LONGEST_SESSION_NAME);
        assert!(first.starts_with("a.nnn"), "{first}");
        // Names that are cut at the same place stay apart.
        let other = account(&format!("system:serviceaccount:a:{name}m")).unwrap();
        assert_ne!(other.session_name(), first);
        for other in [
            "",
            "repo:a",
            "system:serviceaccount:a",
            "system:serviceaccount::b",
            "system:serviceaccount:a:b/c",
            "system:node:a:b",
        ] {
            assert_eq!(account(other), None, "{other}");
        }
        assert_eq!(ServiceAccount::from_token(&Secret::new("no token")), None);
    }

    #[test]
    fn another_jobs_subject_is_another_identity_and_a_renewed_token_is_not() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let of = |claims: &str| {
            let claims = URL_SAFE_NO_PAD.encode_to_string(claims);
            std::fs::write(file.path(), format!("e30.{claims}.c2ln\n")).unwrap();
            let web = WebIdentity {
                token: WebIdentityToken::File(file.path().to_owned()),
                role_arn: "arn:aws:iam::111122223333:role/ci".parse().unwrap(),
                session_name: None,
                duration: None,
            };
            web.local_state(&Env::from_variables([])).digest()
        };
        let job = of(r#"{"iss":"https://ci.example","sub":"repo:a","aud":"sts","exp":1}"#);
        let renewed = r#"{"exp":2,"aud":"sts","sub":"repo:a","iss":"https://ci.example"}"#;
        assert_eq!(of(renewed), job);
        for other in [
            renewed.replace("repo:a", "repo:b"),
            renewed.replace("ci.example", "id.example"),
            renewed.replace(r#""sts""#, r#"["sts"]"#),
            "{}".to_owned(),
            "no token".to_owned(),
        ] {
            assert_ne!(of(&other), job, "{other}");
        }
    }
}
