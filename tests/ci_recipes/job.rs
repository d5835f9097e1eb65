//! A job on a runner: a home directory, a checkout with a Dockerfile, clients on the `PATH`, and AWS.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::common::fake_aws::{FakeAws, Grant, Operation};
use super::common::{Outcome, PROGRAM, TestEnvironment};
use super::download::Download;
use super::{PULLED, PUSHED};

/// The directories of programs on every runner.
const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// docker, buildctl and kaniko: what a build pulls is in the Dockerfile, what they push in the
/// arguments. For each registry, the helper that `config.json` names is called as docker calls it.
const CLIENT: &str = r#"#!/bin/sh
set -e
case "${0##*/} $1" in
'docker build') images=$(cat Dockerfile) ;;
'docker push') images=$* ;;
docker*) exit 64 ;;
*) images="$* $(cat Dockerfile)" ;;
esac
hosts=$(printf '%s\n' "$images" | grep -oE '[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com' | sort -u)
[ -n "$hosts" ]
for host in $hosts; do
    helper=$(sed -n "s/.*\"$host\": *\"\([^\"]*\)\".*/\1/p" "${DOCKER_CONFIG:-$HOME/.docker}/config.json")
    if [ -z "$helper" ]; then
        echo "no basic auth credentials for $host" >&2
        exit 1
    fi
    printf %s "$host" | "docker-credential-$helper" get >>"@ANSWERS@"
done
"#;

/// How long a script may take, in seconds.
const LIMIT: &str = "120";

pub struct Job {
    pub aws: FakeAws,
    pub environment: TestEnvironment,
    pub download: Download,
}

impl Job {
    pub fn new() -> Self {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        // What is downloaded is small, and starts the executable under test.
        let executable = format!("#!/bin/sh\nexec '{PROGRAM}' \"$@\"\n");
        let clients = environment.home().join("clients");
        environment.set("PATH", &format!("{}:{SYSTEM_PATH}", clients.display()));
        environment.write("checkout/Dockerfile", &format!("FROM {PULLED}/base:1\n"));
        let job = Self {
            aws,
            environment,
            download: Download::serve(executable.into_bytes()),
        };
        let answers = job.answers_path().display().to_string();
        for name in ["docker", "buildctl-daemonless.sh", "executor"] {
            job.add_program(name, &CLIENT.replace("@ANSWERS@", &answers));
        }
        job
    }

    /// The job as [`Job::new`], with the variables that name the download.
    pub fn with_download() -> Self {
        let mut job = Self::new();
        let (url, sha256) = (job.download.url.clone(), job.download.sha256.clone());
        job.environment
            .set("ECRX_URL", &url)
            .set("ECRX_SHA256", &sha256);
        job
    }

    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.environment.set(name, value);
        self
    }

    /// A program that every job finds on its `PATH`.
    pub fn add_program(&self, name: &str, script: &str) {
        let path = self.environment.write(&format!("clients/{name}"), script);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    /// The executable, already on the runner.
    pub fn install_helper(&self) {
        let script = format!("#!/bin/sh\nexec '{PROGRAM}' \"$@\"\n");
        self.add_program("docker-credential-ecrx", &script);
    }

    /// A folder of the home directory.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.environment.home().join(name);
        fs::create_dir_all(&path).expect("a folder");
        path
    }

    /// Runs a program in the checkout to its end.
    pub fn run(&self, program: &[&str]) -> Outcome {
        let arguments = [&[LIMIT], program].concat();
        let mut command = self.environment.command_of("/usr/bin/timeout", &arguments);
        command.current_dir(self.folder("checkout"));
        command.stdin(std::process::Stdio::null());
        Outcome::of(command.spawn().expect("timeout"))
    }

    /// What the helper answered the clients, by registry.
    pub fn answers(&self) -> Vec<(String, Grant)> {
        let text = fs::read_to_string(self.answers_path()).unwrap_or_default();
        let answer = |line: &str| {
            let answer: Value = serde_json::from_str(line).expect("JSON");
            let text = |key: &str| answer[key].as_str().expect("a text").to_owned();
            assert_eq!(text("Username"), "AWS");
            (text("ServerURL"), Grant::from_password(&text("Secret")))
        };
        text.lines().map(answer).collect()
    }

    fn answers_path(&self) -> PathBuf {
        self.environment.home().join("answers")
    }

    /// The clients got the password of both registries: each by the role of its own account, and
    /// each role was assumed once, with this OIDC token.
    #[track_caller]
    pub fn assert_both_by_web_identity(&self, token: &str) {
        self.assert_both("ci-images");
        let calls = self.aws.calls_of(Operation::StsAssumeRoleWithWebIdentity);
        let mut roles: Vec<_> = calls
            .iter()
            .map(|call| {
                assert_eq!(call.param("WebIdentityToken"), Some(token));
                call.param("RoleArn").expect("a role")
            })
            .collect();
        roles.sort_unstable();
        assert_eq!(
            roles,
            [
                "arn:aws:iam::444455556666:role/ci-images",
                "arn:aws:iam::999999999999:role/ci-images"
            ]
        );
        assert_eq!(self.aws.count(Operation::StsAssumeRole), 0);
    }

    /// The clients got the password of both registries, each by this role of its own account.
    #[track_caller]
    pub fn assert_both(&self, role: &str) {
        let mut answers = self.answers();
        answers.sort_by(|one, other| one.0.cmp(&other.0));
        let found: Vec<_> = answers
            .iter()
            .map(|(host, grant)| (&**host, &*grant.principal, &grant.registry_ids[..]))
            .collect();
        let principal = |account: &str| {
            format!("arn:aws:sts::{account}:assumed-role/{role}/docker-credential-ecrx")
        };
        let (pushed, pulled) = (principal("444455556666"), principal("999999999999"));
        assert_eq!(
            found,
            [
                (PUSHED, &*pushed, &["444455556666".to_owned()][..]),
                (PULLED, &*pulled, &["999999999999".to_owned()][..]),
            ]
        );
        assert_eq!(self.aws.count(Operation::EcrGetAuthorizationToken), 2);
    }

    /// Nothing was configured, and AWS was not asked.
    #[track_caller]
    pub fn assert_untouched(&self) {
        assert!(self.aws.calls().is_empty());
        assert!(self.answers().is_empty());
        for path in [".docker", ".config", "mounts/ecrx/config.json"] {
            assert!(!self.environment.home().join(path).exists(), "{path}");
        }
    }
}

/// The outcome of a script that succeeded.
#[track_caller]
pub fn succeeded(outcome: &Outcome) {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}

/// The program that a script is written for may be missing on a small machine.
pub fn is_installed(program: &str) -> bool {
    let mut folders = SYSTEM_PATH.split(':');
    let found = folders.any(|folder| Path::new(folder).join(program).exists());
    if !found {
        super::common::files::skipped(&format!("{program} is not installed"));
    }
    found
}
