//! Credential sources with secrets of their own.

use std::time::Duration;

use serde_json::json;

use crate::common::TestEnvironment;
use crate::common::fake_aws::{
    ALICE, FakeAws, GITHUB_BEARER, LOGIN_REFRESH_TOKEN, Operation, SSO_ACCESS_TOKEN,
    SSO_REFRESH_TOKEN, github_token,
};
use crate::common::sources::{self, LOGIN_SESSION};

/// Each would have to be escaped in a URL.
pub const EXTERNAL_ID: &str = "customer:7/quixotic+jackdaw@vexed";
pub const OTHER_EXTERNAL_ID: &str = "hub=5/zephyr,bumblebee";
pub const WEB_TOKEN: &str =
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiJxdWl4b3RpYy1qYWNrZGF3In0.dmV4ZWQvemVwaHly";
const CONTAINER_TOKEN: &str = "Bearer Zq7/wombat+narwhal==";

/// A source: what it keeps secret, and the calls that can fail.
pub struct Source {
    /// Sent in some request, and so repeated by some answer.
    pub sent: Vec<String>,
    pub breaks: Vec<Break>,
}

/// The call that fails: of this operation, after so many that do not.
#[derive(Clone, Copy, Debug)]
pub struct Break {
    pub operation: Operation,
    pub after: usize,
}

const fn first(operation: Operation) -> Break {
    Break {
        operation,
        after: 0,
    }
}

const TOKEN: Break = first(Operation::EcrGetAuthorizationToken);

fn source(sent: &[&str], breaks: &[Break]) -> Source {
    Source {
        sent: sent.iter().map(|&secret| secret.to_owned()).collect(),
        breaks: breaks.to_vec(),
    }
}

pub fn keys_of_a_session(environment: &mut TestEnvironment, aws: &FakeAws) -> Source {
    let principal = "arn:aws:sts::111122223333:assumed-role/session/env";
    let keys = aws.temporary_credentials(principal, Duration::from_secs(3600));
    environment.set_session(&keys);
    // It begins as the access key id ends, which may be shown.
    let token = keys.session_token.as_deref().unwrap_or_default();
    source(&[&token["FwoEXAMPLE000001".len()..]], &[TOKEN])
}

/// A profile's role and a rule's, each with an external id.
pub fn roles_with_external_ids(environment: &mut TestEnvironment, _: &FakeAws) -> Source {
    let (id, secret, _) = ALICE;
    environment.aws_config(&format!(
        "[profile base]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n\
         [profile hub]\nsource_profile = base\nrole_arn = arn:aws:iam::111122223333:role/hub\n\
         external_id = {OTHER_EXTERNAL_ID}\n"
    ));
    environment.config(&format!(
        "[[registry]]\nmatch = \"999999999999\"\nprofile = \"hub\"\n\
         role_arn = \"arn:aws:iam::999999999999:role/pull\"\nexternal_id = \"{EXTERNAL_ID}\"\n"
    ));
    let second = Break {
        operation: Operation::StsAssumeRole,
        after: 1,
    };
    source(
        &[EXTERNAL_ID, OTHER_EXTERNAL_ID],
        &[first(Operation::StsAssumeRole), second, TOKEN],
    )
}

pub fn web_identity(environment: &mut TestEnvironment, _: &FakeAws) -> Source {
    environment.set_web_identity();
    environment.write("environment.jwt", WEB_TOKEN);
    let call = first(Operation::StsAssumeRoleWithWebIdentity);
    source(&[WEB_TOKEN], &[call, TOKEN])
}

pub fn github(environment: &mut TestEnvironment, aws: &FakeAws) -> Source {
    sources::rule_of_github(environment, aws);
    let token = github_token("sts.amazonaws.com");
    source(
        &[GITHUB_BEARER, &token],
        &[
            first(Operation::GitHubIdToken),
            first(Operation::StsAssumeRoleWithWebIdentity),
            TOKEN,
        ],
    )
}

pub fn token_in_a_variable(environment: &mut TestEnvironment, aws: &FakeAws) -> Source {
    sources::rule_of_token_variable(environment, aws);
    let call = first(Operation::StsAssumeRoleWithWebIdentity);
    source(&[&github_token("gitlab")], &[call, TOKEN])
}

pub fn container(environment: &mut TestEnvironment, aws: &FakeAws) -> Source {
    environment.set_container(aws);
    environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", CONTAINER_TOKEN);
    let call = first(Operation::EcsCredentials);
    source(&[CONTAINER_TOKEN], &[call, TOKEN])
}

pub fn container_with_a_token_file(environment: &mut TestEnvironment, aws: &FakeAws) -> Source {
    let url = format!("{}/v1/credentials", aws.url());
    let file = environment.write("pod-identity", CONTAINER_TOKEN);
    let file = file.display().to_string();
    environment
        .set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)
        .set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &file);
    let call = first(Operation::EksCredentials);
    source(&[CONTAINER_TOKEN], &[call, TOKEN])
}

#[cfg(unix)]
pub fn process(environment: &mut TestEnvironment, aws: &FakeAws) -> Source {
    sources::process(environment, aws, "default");
    source(&[], &[TOKEN])
}

/// Its access token has ended, so each step renews it first.
pub fn sso(environment: &mut TestEnvironment, aws: &FakeAws) -> Source {
    sources::sso_session(environment, aws, "default");
    environment.sso_sign_in("default", SSO_ACCESS_TOKEN, -60);
    source(
        &[SSO_REFRESH_TOKEN, "client secret"],
        &[
            first(Operation::SsoOidcCreateToken),
            first(Operation::SsoGetRoleCredentials),
            TOKEN,
        ],
    )
}

pub fn login(environment: &mut TestEnvironment, aws: &FakeAws) -> Source {
    sources::login(environment, aws, "default");
    environment.login_sign_in_of(aws, LOGIN_SESSION, -60);
    let call = first(Operation::SigninCreateOAuth2Token);
    source(&[LOGIN_REFRESH_TOKEN], &[call, TOKEN])
}

pub fn instance_metadata(environment: &mut TestEnvironment, aws: &FakeAws) -> Source {
    environment.set_instance_metadata(aws);
    source(
        &[],
        &[
            first(Operation::ImdsRoleName),
            first(Operation::ImdsCredentials),
            TOKEN,
        ],
    )
}

/// What a client hands over to keep.
pub fn login_to_store(host: &str, secret: &str) -> String {
    json!({"ServerURL": host, "Username": "AWS", "Secret": secret}).to_string()
}
