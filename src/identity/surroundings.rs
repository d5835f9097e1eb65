//! What decides who asks and stands in no configuration: it is read from the machine, in the same
//! moment as the configuration is, and without network.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::env::{Env, var};
use crate::fs::{self, Pipes};

use super::fingerprint::{Fingerprint, Hasher};
use super::sign_in::SignIn;
use super::source::Source;
use super::working_folder;

/// A longer token file is not read. STS takes 20,000 characters at most.
pub const MAX_TOKEN_LENGTH: u64 = 64 << 10;

/// The surroundings of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The sign-in on disk that the source draws on.
    pub sign_in: Option<SignIn>,
    /// Which machine this is, since when, where the source is something on this machine: a cache
    /// that came with a machine image or a shared home is another machine's.
    machine: Option<String>,
    /// A digest of what a token file says: the tokens of two pods or two CI jobs differ, while
    /// the names of their files do not.
    token: Option<Fingerprint>,
    /// A digest of the variables that decide who asks, and that others than this program read; and
    /// of the working folder, where it decides.
    variables: Option<Fingerprint>,
}

impl Surroundings {
    /// Looks around.
    pub(super) fn of(source: &Source, env: &Env) -> Self {
        Self {
            sign_in: SignIn::of(source, env),
            machine: source.is_of_this_machine().then(|| machine(env)).flatten(),
            token: match source {
                Source::Container(container) => container.token_file.as_ref().and_then(whole),
                Source::WebIdentity(web) => subject(&web.token_file),
                _ => None,
            },
            variables: variables_of_others(source)
                .map(|names| values(names, working_folder::of(source, env).as_deref(), env)),
        }
    }

    /// Feeds what tells apart who asks, though the configuration is the same.
    pub(super) fn fingerprint(&self, hasher: &mut Hasher) {
        if let Some(sign_in) = &self.sign_in {
            sign_in.fingerprint(hasher);
        }
        let parts: [Option<&[u8]>; 3] = [
            self.machine.as_deref().map(str::as_bytes),
            self.token.as_ref().map(Fingerprint::as_bytes),
            self.variables.as_ref().map(Fingerprint::as_bytes),
        ];
        for part in parts {
            hasher.optional_bytes(part);
        }
    }
}

/// The variables that somebody else reads to find out who asks: a `credential_process`, which
/// often is an AWS tool itself, and the SDK's sign-in providers.
fn variables_of_others(source: &Source) -> Option<&'static [&'static str]> {
    match source {
        Source::Process { .. } => Some(&[
            var::HOME,
            var::AWS_PROFILE,
            var::AWS_DEFAULT_PROFILE,
            var::AWS_CONFIG_FILE,
            var::AWS_SHARED_CREDENTIALS_FILE,
            var::AWS_ACCESS_KEY_ID,
            var::AWS_SECRET_ACCESS_KEY,
            var::AWS_SESSION_TOKEN,
            var::AWS_ROLE_ARN,
            var::AWS_ROLE_SESSION_NAME,
            var::AWS_WEB_IDENTITY_TOKEN_FILE,
            var::AWS_CONTAINER_CREDENTIALS_RELATIVE_URI,
            var::AWS_CONTAINER_CREDENTIALS_FULL_URI,
            var::AWS_CONTAINER_AUTHORIZATION_TOKEN,
            var::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE,
            var::AWS_LOGIN_CACHE_DIRECTORY,
        ]),
        Source::Sso(_) => Some(&[
            var::AWS_ENDPOINT_URL,
            var::AWS_ENDPOINT_URL_SSO,
            var::AWS_ENDPOINT_URL_SSO_OIDC,
        ]),
        Source::Login { .. } => Some(&[var::AWS_ENDPOINT_URL, var::AWS_ENDPOINT_URL_SIGNIN]),
        _ => None,
    }
}

fn values(names: &[&str], working_folder: Option<&Path>, env: &Env) -> Fingerprint {
    let mut hasher = Hasher::new("variables");
    for name in names {
        let value = env.get_os(name);
        hasher.optional_bytes(value.as_ref().map(|value| value.as_encoded_bytes()));
    }
    if let Some(folder) = working_folder {
        hasher.bytes(folder.as_os_str().as_encoded_bytes());
    }
    hasher.finish()
}

/// All of a token that says nothing about itself.
fn whole(path: &String) -> Option<Fingerprint> {
    let mut hasher = Hasher::new("token");
    hasher.bytes(&read(path.as_ref())?);
    Some(hasher.finish())
}

/// Whom an OIDC token is about, which stays when it is renewed: issuer, subject and audience (RFC
/// 7519, section 4.1) are what a role's trust policy goes by. `None` for what is no such token.
fn subject(path: &Path) -> Option<Fingerprint> {
    let token = String::from_utf8(read(path)?).ok()?;
    let claims = URL_SAFE_NO_PAD
        .decode_to_vec(token.trim().split('.').nth(1)?)
        .ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let mut hasher = Hasher::new("subject");
    for name in ["iss", "sub", "aud"] {
        let claim = claims.get(name).map(Value::to_string);
        hasher.option(claim.as_deref());
    }
    Some(hasher.finish())
}

/// A token's file, where it is one.
pub(super) fn read(path: &Path) -> Option<Vec<u8>> {
    // The one who uses the token reads a pipe.
    fs::read(path, MAX_TOKEN_LENGTH, Pipes::Refused).ok()
}

/// Linux draws an id anew at each boot, which no image carries along (`random(4)`).
#[cfg(target_os = "linux")]
fn machine(env: &Env) -> Option<String> {
    boot_id().or_else(|| node_name(env))
}

/// The kernel gives such a file in one read.
#[cfg(target_os = "linux")]
fn boot_id() -> Option<String> {
    let mut id = [0; 64];
    let length = File::open("/proc/sys/kernel/random/boot_id")
        .and_then(|mut file| file.read(&mut id))
        .ok()?;
    let id = str::from_utf8(id.get(..length)?).ok()?;
    (!id.is_empty()).then(|| id.to_owned())
}

#[cfg(not(target_os = "linux"))]
fn machine(env: &Env) -> Option<String> {
    node_name(env)
}

#[cfg(unix)]
fn node_name(_: &Env) -> Option<String> {
    let names = rustix::system::uname();
    Some(names.nodename().to_string_lossy().into_owned())
}

#[cfg(not(unix))]
fn node_name(env: &Env) -> Option<String> {
    env.get("COMPUTERNAME")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::source::{Container, WebIdentity};

    fn fingerprint(surroundings: &Surroundings) -> [u8; 32] {
        let mut hasher = Hasher::new("test");
        surroundings.fingerprint(&mut hasher);
        hasher.finish().as_bytes().try_into().unwrap()
    }

    #[test]
    fn another_machine_is_another_identity() {
        let here = Surroundings {
            machine: Some("here".into()),
            ..Surroundings::default()
        };
        let there = Surroundings {
            machine: Some("there".into()),
            ..Surroundings::default()
        };
        assert_ne!(fingerprint(&here), fingerprint(&there));
        assert_ne!(fingerprint(&here), fingerprint(&Surroundings::default()));
    }

    #[test]
    fn a_machine_knows_which_it_is() {
        let instance = Source::InstanceMetadata {
            endpoint: "http://127.0.0.1".into(),
        };
        let surroundings = Surroundings::of(&instance, &Env::of([]));
        assert!(surroundings.machine.is_some_and(|id| !id.trim().is_empty()));
    }

    #[test]
    fn another_pods_token_is_another_identity() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let of = |token: &str| {
            std::fs::write(file.path(), token).unwrap();
            let source = Source::Container(Container {
                uri: "http://127.0.0.1/v1/credentials".into(),
                token_file: Some(file.path().display().to_string()),
                token: None,
            });
            fingerprint(&Surroundings::of(&source, &Env::of([])))
        };
        assert_eq!(of("one"), of("one"));
        assert_ne!(of("one"), of("other"));
    }

    #[test]
    fn another_jobs_subject_is_another_identity_and_a_renewed_token_is_not() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let of = |claims: &str| {
            let claims = URL_SAFE_NO_PAD.encode_to_string(claims);
            std::fs::write(file.path(), format!("e30.{claims}.c2ln\n")).unwrap();
            let source = Source::WebIdentity(WebIdentity {
                token_file: file.path().to_owned(),
                role_arn: "arn:aws:iam::111122223333:role/ci".parse().unwrap(),
                session_name: None,
                duration: None,
            });
            fingerprint(&Surroundings::of(&source, &Env::of([])))
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
