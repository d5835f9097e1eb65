//! The console's sign-in, by `aws login`.

use std::fmt;
use std::path::PathBuf;

use crate::digest::DigestParts;
use crate::digest::{hex, sha256};
use crate::env::{Env, var};
use crate::identity::aws_files::Profile;
use crate::identity::error::ProfileError;
use crate::identity::local_state::{LocalState, values};
use crate::identity::sign_in::SignIn;
use crate::redaction::Redactor;
use crate::registry::{Partition, Region};

use super::keys::try_the_cli;
use super::{CredentialSource, Lineage, Properties, SignInMethod, Trouble, foreign};

/// What a profile of `aws login` says.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub profile: String,
    /// `login_session` of the profile: the ARN that signed in.
    pub session_arn: String,
    /// The region whose sign-in service renews it.
    pub region: Option<String>,
}

/// What the SDK's provider reads itself.
const READ_BY_PROVIDER: [&str; 3] = [
    var::AWS_ENDPOINT_URL,
    var::AWS_ENDPOINT_URL_SIGNIN,
    var::AWS_LOGIN_CACHE_DIRECTORY,
];

impl Login {
    pub(crate) fn from_profile(
        profile: &Profile<'_>,
        env: &Env,
    ) -> Result<Option<Self>, ProfileError> {
        let Some(session_arn) = profile.get("login_session") else {
            return Ok(None);
        };
        ProfileError::refuse_blank(profile, env, &READ_BY_PROVIDER)?;
        // Any other text does not count, as in the AWS CLI with `--region`.
        let region = profile.get("region");
        let region = region.filter(|region| region.parse::<Region>().is_ok());
        Ok(Some(Self {
            profile: profile.name().to_owned(),
            session_arn: session_arn.to_owned(),
            region: region.map(str::to_owned),
        }))
    }

    /// Where the sign-in is kept (aws-config 1.13, `login/cache.rs`).
    fn sign_in_path(&self, env: &Env) -> Option<PathBuf> {
        let folder = env
            .get_os(var::AWS_LOGIN_CACHE_DIRECTORY)
            .map(PathBuf::from)
            .or_else(|| Some(env.home()?.join(".aws/login/cache")))?;
        Some(folder.join(hex(&sha256(self.session_arn.trim().as_bytes())) + ".json"))
    }
}

impl CredentialSource for Login {
    fn properties(&self) -> Properties<'_> {
        Properties {
            kind: "login",
            remark: "",
            lineage: Lineage::Same,
            max_age: None,
            sign_in: Some(SignInMethod {
                name: "aws login",
                command: "aws login",
                profile: Some(&self.profile),
                session: None,
                start_url: None,
            }),
            token_file: None,
            web_identity: None,
            role: None,
            access_key_id: None,
            local_endpoint: None,
            runs_a_program: false,
        }
    }

    fn fingerprint(&self, parts: &mut DigestParts) {
        parts.text("login");
        parts.text(&self.session_arn);
    }

    /// The name of the sign-in's file is a digest of the ARN that signed in: when it was written
    /// tells nothing more.
    fn local_state(&self, env: &Env) -> LocalState {
        let variables = [var::AWS_ENDPOINT_URL, var::AWS_ENDPOINT_URL_SIGNIN];
        LocalState {
            sign_in: self
                .sign_in_path(env)
                .map(|path| SignIn::at(path, |_, _| None)),
            variables: Some(values(&variables, None, env)),
            ..LocalState::default()
        }
    }

    fn foreign_part(&self, ours: Partition, profile: &str) -> Option<(String, Partition)> {
        let arn = &self.session_arn;
        let partition = arn.split(':').nth(1)?.parse().ok();
        let partition = foreign(partition, ours)?;
        let what = format!("the aws login sign-in for profile {profile} ({arn})");
        Some((what, partition))
    }

    fn is_from(&self, _: &str, _: bool, _: &Env) -> bool {
        false
    }

    fn add_secrets(&self, _: &mut Redactor) {}

    fn hints(&self, trouble: Trouble, profile: Option<&str>) -> Vec<String> {
        match trouble {
            Trouble::NoCredentials => vec![try_the_cli(profile)],
            Trouble::NoAnswer
            | Trouble::MalformedAnswer
            | Trouble::Unreachable
            | Trouble::UnknownKey => Vec::new(),
        }
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "aws login as {}", self.session_arn)
    }
}
