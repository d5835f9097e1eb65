//! Credential sources, put into a test environment: where a profile's or a variable's
//! credentials come from, who that is, and which calls it takes.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::KeyPair;
use serde_json::json;
use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::TestEnvironment;
use super::fake_aws::{
    ALICE, BOB, Credentials, FakeAws, GITHUB_BEARER, LOGIN_REFRESH_TOKEN, Operation,
    SSO_ACCESS_TOKEN, SSO_REFRESH_TOKEN, github_token,
};

/// The start page of the tests' SSO.
pub const START_URL: &str = "https://d-abc123.awsapps.com/start";

/// What signed in by `aws login`.
pub const LOGIN_SESSION: &str = "arn:aws:iam::111122223333:user/login";

/// Who a source turns out to be, and the calls to find out, in order.
#[derive(Clone, Debug)]
pub struct Expected {
    pub principal: String,
    pub calls: Vec<Operation>,
}

impl Expected {
    fn new(principal: impl Into<String>, calls: &[Operation]) -> Self {
        let calls = calls.to_vec();
        let principal = principal.into();
        Self { principal, calls }
    }

    /// The calls of a cold `get`: these, and the one for the token.
    pub fn calls_of_get(&self) -> Vec<Operation> {
        let mut calls = self.calls.clone();
        calls.push(Operation::EcrGetAuthorizationToken);
        calls
    }
}

/// Writes one profile, with all that it draws on, and says who it is.
pub type Profile = fn(&mut TestEnvironment, &FakeAws, &str) -> Expected;

/// Every kind of profile.
pub const PROFILES: [(&str, Profile); 15] = [
    ("keys", keys),
    ("session keys", session_keys),
    ("SSO, old form", sso),
    ("SSO, with an sso-session", sso_session),
    ("aws login", login),
    ("credential_process", process),
    ("web identity", web_identity),
    ("role of keys", role),
    ("role of a role of keys", role_of_a_role),
    ("role of SSO", role_of_sso),
    ("role of its own keys", role_of_itself),
    ("role of the environment", role_of_the_environment),
    ("role of the instance", role_of_the_instance),
    ("role of the container", role_of_the_container),
    ("role without a session name", role_without_a_session_name),
];

/// Writes a rule for every private registry, with all that it draws on, and says who requests the
/// token of [`super::HOST`].
pub type Rule = fn(&mut TestEnvironment, &FakeAws) -> Expected;

/// Every kind of source that a rule can name without a profile.
pub const RULES: [(&str, Rule); 5] = [
    ("SSO of a rule, with an sso-session", rule_of_sso_session),
    ("SSO of a rule, with a start URL", rule_of_sso_start_url),
    ("GitHub's token of a rule", rule_of_github),
    ("token of a rule, in a variable", rule_of_token_variable),
    ("token of a rule, in a file", rule_of_token_file),
];

impl TestEnvironment {
    /// Adds to `~/.aws/config`.
    pub fn add_aws_config(&self, text: &str) {
        let path = self.home().join(".aws/config");
        let mut contents = std::fs::read_to_string(path).unwrap_or_default();
        contents.push_str(text);
        self.aws_config(&contents);
    }

    /// `~/.aws/credentials`.
    pub fn aws_credentials(&self, contents: &str) -> std::path::PathBuf {
        self.write(".aws/credentials", contents)
    }

    /// What `aws sso login` leaves behind, good for as many seconds; `key` is the name of the
    /// sso-session, or the start URL of the old form.
    pub fn sso_sign_in(&self, key: &str, access_token: &str, seconds: i64) {
        let name = hex(&Sha1::digest(key.as_bytes()));
        let token = json!({
            "startUrl": START_URL,
            "region": "us-east-1",
            "accessToken": access_token,
            "expiresAt": moment(seconds),
            "clientId": "client",
            "clientSecret": "client secret",
            "registrationExpiresAt": moment(30 * 86400),
            "refreshToken": SSO_REFRESH_TOKEN,
        });
        self.write(&format!(".aws/sso/cache/{name}.json"), &token.to_string());
    }

    /// What `aws login` leaves behind, with keys that are good for as many seconds.
    pub fn login_sign_in(&self, aws: &FakeAws, seconds: i64) {
        self.login_sign_in_of(aws, LOGIN_SESSION, seconds);
    }

    /// The same of another one, by ARN.
    pub fn login_sign_in_of(&self, aws: &FakeAws, session: &str, seconds: i64) {
        let name = hex(&Sha256::digest(session.as_bytes()));
        let keys = aws.temporary_credentials(session, Duration::from_secs(3600));
        let token = json!({
            "accessToken": {
                "accessKeyId": keys.access_key_id,
                "secretAccessKey": keys.secret_access_key,
                "sessionToken": keys.session_token,
                "accountId": "111122223333",
                "expiresAt": moment(seconds),
            },
            "tokenType": "aws_sigv4",
            "refreshToken": LOGIN_REFRESH_TOKEN,
            "idToken": "e30.e30.e30",
            "clientId": "arn:aws:signin:::devtools/same-device",
            "dpopKey": possession_key(),
        });
        self.write(&format!(".aws/login/cache/{name}.json"), &token.to_string());
        aws.set_login_principal(session);
    }

    /// Keys in variables.
    pub fn set_keys(&mut self, id: &str, secret: &str, session_token: Option<&str>) -> &mut Self {
        self.set("AWS_ACCESS_KEY_ID", id);
        self.set("AWS_SECRET_ACCESS_KEY", secret);
        match session_token {
            Some(token) => self.set("AWS_SESSION_TOKEN", token),
            None => self.unset("AWS_SESSION_TOKEN"),
        }
    }

    /// Keys of a session in variables.
    pub fn set_session(&mut self, keys: &Credentials) -> &mut Self {
        let token = keys.session_token.as_deref();
        self.set_keys(&keys.access_key_id, &keys.secret_access_key, token)
    }

    /// No keys in variables.
    pub fn unset_keys(&mut self) -> &mut Self {
        self.unset("AWS_ACCESS_KEY_ID")
            .unset("AWS_SECRET_ACCESS_KEY")
            .unset("AWS_SESSION_TOKEN")
    }

    /// Instance metadata, which [`TestEnvironment::new`] switches off, is the fake's.
    pub fn set_instance_metadata(&mut self, aws: &FakeAws) -> Expected {
        use Operation::{ImdsCredentials, ImdsRoleName, ImdsToken};
        self.unset("AWS_EC2_METADATA_DISABLED");
        self.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &aws.url());
        Expected::new(
            aws.instance_principal(),
            &[ImdsToken, ImdsRoleName, ImdsCredentials],
        )
    }

    /// The container credential endpoint is the fake's.
    pub fn set_container(&mut self, aws: &FakeAws) -> Expected {
        let url = format!("{}/v2/credentials/1234", aws.url());
        self.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url);
        Expected::new(aws.container_principal(), &[Operation::EcsCredentials])
    }

    /// The variables of a job in GitHub Actions that may request an OIDC token.
    pub fn set_github_job(&mut self, aws: &FakeAws) {
        let url = format!("{}/github/idtoken?api-version=2.0", aws.url());
        self.set("ACTIONS_ID_TOKEN_REQUEST_URL", &url);
        self.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", GITHUB_BEARER);
    }

    /// `config.toml` with one rule for every private registry.
    pub fn config_with_rule(&self, lines: &str) -> std::path::PathBuf {
        self.config(&format!("[[registry]]\nmatch = \"*\"\n{lines}\n"))
    }

    /// A web identity in variables.
    pub fn set_web_identity(&mut self) -> Expected {
        let file = self.write("environment.jwt", "e30.e30.e30");
        self.set("AWS_WEB_IDENTITY_TOKEN_FILE", &file.display().to_string());
        self.set("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/irsa");
        self.set("AWS_ROLE_SESSION_NAME", "pod");
        Expected::new(
            "arn:aws:sts::111122223333:assumed-role/irsa/pod",
            &[Operation::StsAssumeRoleWithWebIdentity],
        )
    }
}

/// Bob's keys.
pub fn keys(environment: &mut TestEnvironment, _: &FakeAws, name: &str) -> Expected {
    let (id, secret, principal) = BOB;
    let section = section(name);
    environment.add_aws_config(&format!(
        "{section}\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"
    ));
    Expected::new(principal, &[])
}

/// Keys of a session, named like the profile.
pub fn session_keys(environment: &mut TestEnvironment, aws: &FakeAws, name: &str) -> Expected {
    let principal = format!("arn:aws:sts::111122223333:assumed-role/session/{name}");
    let keys = aws.temporary_credentials(&principal, Duration::from_secs(3600));
    let (id, secret) = (&keys.access_key_id, &keys.secret_access_key);
    let token = keys.session_token.as_deref().unwrap_or_default();
    environment.add_aws_config(&format!(
        "{}\naws_access_key_id = {id}\naws_secret_access_key = {secret}\naws_session_token = {token}\n",
        section(name)
    ));
    Expected::new(principal, &[])
}

/// SSO as it was written before there were sso-sessions.
pub fn sso(environment: &mut TestEnvironment, aws: &FakeAws, name: &str) -> Expected {
    environment.add_aws_config(&format!(
        "{}\nsso_start_url = {START_URL}\nsso_region = us-east-1\nsso_account_id = 111122223333\nsso_role_name = dev\n",
        section(name)
    ));
    environment.sso_sign_in(START_URL, SSO_ACCESS_TOKEN, 3600);
    Expected::new(
        aws.sso_principal("111122223333", "dev"),
        &[Operation::SsoGetRoleCredentials],
    )
}

/// SSO with an `[sso-session]`, named like the profile.
pub fn sso_session(environment: &mut TestEnvironment, aws: &FakeAws, name: &str) -> Expected {
    environment.add_aws_config(&format!(
        "{}\nsso_session = {name}\nsso_account_id = 444455556666\nsso_role_name = ops\n\
         [sso-session {name}]\nsso_start_url = {START_URL}\nsso_region = us-east-1\n",
        section(name)
    ));
    environment.sso_sign_in(name, SSO_ACCESS_TOKEN, 3600);
    Expected::new(
        aws.sso_principal("444455556666", "ops"),
        &[Operation::SsoGetRoleCredentials],
    )
}

/// The console's sign-in.
pub fn login(environment: &mut TestEnvironment, aws: &FakeAws, name: &str) -> Expected {
    environment.add_aws_config(&format!(
        "{}\nlogin_session = {LOGIN_SESSION}\nregion = us-east-1\n",
        section(name)
    ));
    environment.login_sign_in(aws, 3600);
    Expected::new(LOGIN_SESSION, &[])
}

/// A process that prints keys. Each run adds a line to `runs` in the home folder.
pub fn process(environment: &mut TestEnvironment, aws: &FakeAws, name: &str) -> Expected {
    let principal = "arn:aws:sts::111122223333:assumed-role/process/tool";
    let keys = aws.temporary_credentials(principal, Duration::from_secs(3600));
    let answer = json!({
        "Version": 1,
        "AccessKeyId": keys.access_key_id,
        "SecretAccessKey": keys.secret_access_key,
        "SessionToken": keys.session_token,
        "Expiration": keys.expiration(),
    });
    let answer = environment.write("answer.json", &answer.to_string());
    let runs = environment.home().join("runs");
    let (runs, answer) = (runs.display(), answer.display());
    // The environment of a test has no PATH: the shell's own words do.
    let script = environment.write(
        "process.sh",
        &format!("echo run >> '{runs}'\nread -r line < '{answer}' || true\necho \"$line\"\n"),
    );
    environment.add_aws_config(&format!(
        "{}\ncredential_process = /bin/sh '{}'\n",
        section(name),
        script.display()
    ));
    Expected::new(principal, &[])
}

/// A role taken with a token from a file.
pub fn web_identity(environment: &mut TestEnvironment, _: &FakeAws, name: &str) -> Expected {
    let file = environment.write("profile.jwt", "e30.e30.e30");
    environment.add_aws_config(&format!(
        "{}\nrole_arn = arn:aws:iam::111122223333:role/web\nweb_identity_token_file = {}\nrole_session_name = job\n",
        section(name),
        file.display()
    ));
    Expected::new(
        "arn:aws:sts::111122223333:assumed-role/web/job",
        &[Operation::StsAssumeRoleWithWebIdentity],
    )
}

/// A role, assumed by another profile's keys.
pub fn role(environment: &mut TestEnvironment, aws: &FakeAws, name: &str) -> Expected {
    let base = format!("{name}-base");
    let first = keys(environment, aws, &base);
    role_on(
        environment,
        name,
        &format!("source_profile = {base}"),
        first,
    )
}

/// A role, assumed by the role of another profile.
pub fn role_of_a_role(environment: &mut TestEnvironment, aws: &FakeAws, name: &str) -> Expected {
    let middle = format!("{name}-middle");
    let first = role(environment, aws, &middle);
    role_on(
        environment,
        name,
        &format!("source_profile = {middle}"),
        first,
    )
}

/// A role, assumed by another profile's SSO.
pub fn role_of_sso(environment: &mut TestEnvironment, aws: &FakeAws, name: &str) -> Expected {
    let base = format!("{name}-sso");
    let first = sso_session(environment, aws, &base);
    role_on(
        environment,
        name,
        &format!("source_profile = {base}"),
        first,
    )
}

/// A role, assumed by keys that stand in the same profile.
pub fn role_of_itself(environment: &mut TestEnvironment, _: &FakeAws, name: &str) -> Expected {
    let (id, secret, principal) = BOB;
    let source = format!(
        "source_profile = {name}\naws_access_key_id = {id}\naws_secret_access_key = {secret}"
    );
    role_on(environment, name, &source, Expected::new(principal, &[]))
}

/// A role, assumed by the keys in variables. They are taken before any profile but a rule's, so
/// with them set only a rule leads here.
pub fn role_of_the_environment(
    environment: &mut TestEnvironment,
    _: &FakeAws,
    name: &str,
) -> Expected {
    environment.set_keys(ALICE.0, ALICE.1, None);
    let first = Expected::new(ALICE.2, &[]);
    role_on(environment, name, "credential_source = Environment", first)
}

/// A role, assumed by the instance's.
pub fn role_of_the_instance(
    environment: &mut TestEnvironment,
    aws: &FakeAws,
    name: &str,
) -> Expected {
    let first = environment.set_instance_metadata(aws);
    role_on(
        environment,
        name,
        "credential_source = Ec2InstanceMetadata",
        first,
    )
}

/// A role, assumed by the container's. As with keys: only a rule and `AWS_PROFILE` lead here.
pub fn role_of_the_container(
    environment: &mut TestEnvironment,
    aws: &FakeAws,
    name: &str,
) -> Expected {
    let first = environment.set_container(aws);
    role_on(environment, name, "credential_source = EcsContainer", first)
}

/// A role without a session name.
pub fn role_without_a_session_name(
    environment: &mut TestEnvironment,
    aws: &FakeAws,
    name: &str,
) -> Expected {
    let base = format!("{name}-base");
    keys(environment, aws, &base);
    environment.add_aws_config(&format!(
        "{}\nrole_arn = arn:aws:iam::999999999999:role/nameless\nsource_profile = {base}\n",
        section(name)
    ));
    Expected::new(
        "arn:aws:sts::999999999999:assumed-role/nameless/docker-credential-ecrx",
        &[Operation::StsAssumeRole],
    )
}

fn rule_of_sso_session(environment: &mut TestEnvironment, aws: &FakeAws) -> Expected {
    environment.add_aws_config(&format!(
        "[sso-session corp]\nsso_start_url = {START_URL}\nsso_region = us-east-1\n"
    ));
    rule_of_sso(environment, aws, "corp", "sso_session = \"corp\"")
}

fn rule_of_sso_start_url(environment: &mut TestEnvironment, aws: &FakeAws) -> Expected {
    let sign_in = format!("sso_start_url = \"{START_URL}\"\nsso_region = \"us-east-1\"");
    rule_of_sso(environment, aws, START_URL, &sign_in)
}

fn rule_of_sso(
    environment: &mut TestEnvironment,
    aws: &FakeAws,
    key: &str,
    sign_in: &str,
) -> Expected {
    environment.sso_sign_in(key, SSO_ACCESS_TOKEN, 3600);
    environment.config_with_rule(&format!("{sign_in}\nsso_role_name = \"dev\""));
    Expected::new(
        aws.sso_principal("999999999999", "dev"),
        &[Operation::SsoGetRoleCredentials],
    )
}

pub fn rule_of_github(environment: &mut TestEnvironment, aws: &FakeAws) -> Expected {
    environment.set_github_job(aws);
    let mut expected = rule_of_token(environment, "github");
    expected.calls.insert(0, Operation::GitHubIdToken);
    expected
}

pub fn rule_of_token_variable(environment: &mut TestEnvironment, _: &FakeAws) -> Expected {
    environment.set("CI_TOKEN", &github_token("gitlab"));
    rule_of_token(environment, "env:CI_TOKEN")
}

fn rule_of_token_file(environment: &mut TestEnvironment, _: &FakeAws) -> Expected {
    let file = environment.write("rule.jwt", "e30.e30.e30");
    rule_of_token(environment, &file.display().to_string())
}

fn rule_of_token(environment: &TestEnvironment, token: &str) -> Expected {
    environment.config_with_rule(&format!(
        "web_identity = \"{token}\"\nrole_arn = \"arn:aws:iam::{{account}}:role/ci-pull\""
    ));
    Expected::new(
        "arn:aws:sts::999999999999:assumed-role/ci-pull/docker-credential-ecrx",
        &[Operation::StsAssumeRoleWithWebIdentity],
    )
}

/// A role named like the profile, on top of who is first.
fn role_on(
    environment: &mut TestEnvironment,
    name: &str,
    source: &str,
    first: Expected,
) -> Expected {
    environment.add_aws_config(&format!(
        "{}\nrole_arn = arn:aws:iam::999999999999:role/{name}\nrole_session_name = build\n{source}\n",
        section(name)
    ));
    let mut calls = first.calls;
    calls.push(Operation::StsAssumeRole);
    let principal = format!("arn:aws:sts::999999999999:assumed-role/{name}/build");
    Expected::new(principal, &calls)
}

/// A profile's first line.
pub fn section(name: &str) -> String {
    match name {
        "default" => "[default]".to_owned(),
        _ => format!("[profile {name}]"),
    }
}

/// In a SEC 1 key of P-256, the private key ends before this byte.
const PRIVATE_KEY_END: usize = 39;

/// The curve P-256, as a SEC 1 key names it (RFC 5915, `parameters`).
const P_256: [u8; 12] = [
    0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
];

/// A key of this run's own that proves possession to the sign-in service, in the form in which
/// `aws login` writes it down (SEC 1, PEM).
fn possession_key() -> String {
    let key = KeyPair::generate().expect("a P-256 key");
    // PKCS #8 wraps the SEC 1 key into its last element.
    let pkcs8 = key.serialize_der();
    let at = pkcs8
        .windows(3)
        .position(|bytes| bytes[0] == 0x30 && bytes[2] == 0x02 && bytes[1] == 0x6b)
        .expect("a SEC 1 key of 109 bytes");
    // PKCS #8 names the curve outside the key, and the file of `aws login` inside it.
    let (head, public) = pkcs8[at + 2..].split_at(PRIVATE_KEY_END - 2);
    let length = u8::try_from(head.len() + P_256.len() + public.len()).expect("short");
    let key = [&[0x30, length], head, &P_256, public].concat();
    let mut text = STANDARD.encode(key);
    text.insert(128, '\n');
    text.insert(64, '\n');
    format!("-----BEGIN EC PRIVATE KEY-----\n{text}\n-----END EC PRIVATE KEY-----\n")
}

fn moment(seconds: i64) -> String {
    let at = OffsetDateTime::from(SystemTime::now()) + time::Duration::seconds(seconds);
    let at = at.replace_nanosecond(0).expect("whole seconds");
    at.format(&Rfc3339).expect("a moment")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
