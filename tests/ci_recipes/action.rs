//! The action of `packaging/action`: its steps, as the runner runs them.

use std::fs;
use std::path::Path;

use super::common::fake_aws::{GITHUB_BEARER, Operation, github_token};
use super::common::{Outcome, PROGRAM};
use super::download::Download;
use super::files::{text, yaml};
use super::job::{Job, is_installed, succeeded};
use super::{PULLED, PUSHED};

const NAME: &str = "docker-credential-ecrx-0.1.0-x86_64-unknown-linux-gnu";

/// Inputs by name.
type Inputs = Vec<(&'static str, String)>;

/// A runner whose downloads are the archive of a release.
fn runner() -> Job {
    let mut job = Job::new();
    let program = format!("archive/{NAME}/docker-credential-ecrx");
    let program = job
        .environment
        .write(&program, &format!("#!/bin/sh\nexec '{PROGRAM}' \"$@\"\n"));
    let folder = job.folder("archive").display().to_string();
    let program = program.display().to_string();
    succeeded(&job.run(&["chmod", "755", &program]));
    succeeded(&job.run(&["tar", "-czf", "../archive.tar.gz", "-C", &folder, NAME]));
    let archive = fs::read(job.environment.home().join("archive.tar.gz")).expect("an archive");
    job.download = Download::serve(archive);
    let url = format!("{}/github/idtoken?api-version=2.0", job.aws.url());
    let action = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/action");
    let temporary = job.folder("temp").display().to_string();
    job.set("ACTIONS_ID_TOKEN_REQUEST_URL", &url)
        .set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", GITHUB_BEARER)
        .set("GITHUB_ACTION_PATH", &action.display().to_string())
        .set("RUNNER_TEMP", &temporary)
        .set("RUNNER_OS", "Linux")
        .set("RUNNER_ARCH", "X64");
    for (name, file) in [("GITHUB_PATH", "path"), ("GITHUB_ENV", "env")] {
        let file = job.environment.write(file, "");
        job.set(name, &file.display().to_string());
    }
    job
}

fn inputs(job: &Job) -> Inputs {
    vec![
        ("base-url", format!("{}/ecrx", job.download.url)),
        ("version", "0.1.0".to_owned()),
        ("sha256", job.download.sha256.clone()),
        (
            "registries",
            "444455556666/eu-central-1 arn:aws:iam::444455556666:role/ci-push\n\n  \
             999999999999/us-west-2\tarn:aws:iam::{account}:role/ci-pull\n"
                .to_owned(),
        ),
    ]
}

/// Runs the steps, each in a `bash` of its own. Inputs reach them in variables only.
fn run(job: &mut Job, inputs: &Inputs) -> Outcome {
    let action = yaml("action/action.yml");
    let mut last = None;
    for step in action["runs"]["steps"].as_array().expect("steps") {
        let script = text(step, "run");
        assert!(!script.contains("${{"), "{script}");
        assert_eq!(step["shell"], "bash");
        let variables = step["env"].as_object().expect("variables");
        for (variable, value) in variables {
            let name = value.as_str().and_then(|value| {
                let name = value.strip_prefix("${{ inputs.")?;
                name.strip_suffix(" }}")
            });
            let name = name.expect("an input");
            let input = &action["inputs"][name];
            assert!(input.is_object(), "{name}");
            let given = inputs.iter().find(|(key, _)| *key == name);
            let default = input["default"].as_str().unwrap_or_default().to_owned();
            let value = given.map_or(default, |(_, value)| value.clone());
            job.set(variable, &value);
        }
        let outcome = job.run(&[
            "bash",
            "--noprofile",
            "--norc",
            "-eo",
            "pipefail",
            "-c",
            script,
        ]);
        for variable in variables.keys() {
            job.environment.unset(variable);
        }
        if outcome.code != Some(0) {
            return outcome;
        }
        let read = |file| fs::read_to_string(job.environment.home().join(file)).expect("a file");
        let (paths, set) = (read("path"), read("env"));
        let clients = job.folder("clients").display().to_string();
        let paths = paths.lines().map(|folder| format!("{folder}:"));
        let path = format!("{}{clients}:/usr/bin:/bin", paths.collect::<String>());
        job.set("PATH", &path);
        for line in set.lines() {
            let (name, value) = line.split_once('=').expect("NAME=VALUE");
            job.set(name, value);
        }
        last = Some(outcome);
    }
    last.expect("a step")
}

fn build_and_push(job: &Job) -> Outcome {
    let script = format!("docker build . && docker push {PUSHED}/app:1");
    job.run(&["bash", "-e", "-c", &script])
}

#[test]
fn after_the_action_a_job_pushes_to_one_account_and_pulls_from_another() {
    if !is_installed("curl") {
        return;
    }
    let mut job = runner();
    let inputs = inputs(&job);
    succeeded(&run(&mut job, &inputs));
    assert_eq!(job.download.paths(), [format!("/ecrx/0.1.0/{NAME}.tar.gz")]);
    succeeded(&build_and_push(&job));

    let mut answers = job.answers();
    answers.sort_by(|one, other| one.0.cmp(&other.0));
    let principals: Vec<_> = answers
        .iter()
        .map(|(host, grant)| (&**host, &*grant.principal))
        .collect();
    let session = "docker-credential-ecrx";
    assert_eq!(
        principals,
        [
            (
                PUSHED,
                &*format!("arn:aws:sts::444455556666:assumed-role/ci-push/{session}")
            ),
            (
                PULLED,
                &*format!("arn:aws:sts::999999999999:assumed-role/ci-pull/{session}")
            ),
        ]
    );
    let calls = job.aws.calls_of(Operation::StsAssumeRoleWithWebIdentity);
    assert_eq!(calls.len(), 2);
    let token = github_token("sts.amazonaws.com");
    for call in calls {
        assert_eq!(call.param("WebIdentityToken"), Some(&*token));
    }
    // The rules are those of the job, not of the runner's user.
    assert!(!job.environment.home().join(".config").exists());
}

#[test]
fn without_roles_the_action_leaves_the_identity_to_the_job() {
    if !is_installed("curl") {
        return;
    }
    let mut job = runner();
    let mut inputs = inputs(&job);
    inputs[3].1 = format!("{PUSHED}\n{PULLED}");
    succeeded(&run(&mut job, &inputs));
    let (id, secret, principal) = super::common::fake_aws::ALICE;
    job.set("AWS_ACCESS_KEY_ID", id)
        .set("AWS_SECRET_ACCESS_KEY", secret);
    succeeded(&build_and_push(&job));
    let answers = job.answers();
    assert_eq!(answers.len(), 2);
    assert!(
        answers
            .iter()
            .all(|(_, grant)| grant.principal == principal)
    );
}

#[test]
fn an_archive_with_another_checksum_is_not_unpacked() {
    if !is_installed("curl") {
        return;
    }
    let mut job = runner();
    let mut inputs = inputs(&job);
    inputs[2].1 = "0".repeat(64);
    let outcome = run(&mut job, &inputs);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let found = format!("has the SHA-256 {}", job.download.sha256);
    assert!(outcome.stdout.contains(&found), "{outcome:?}");
    job.assert_untouched();
    assert_eq!(
        super::common::files::names(&job.folder("temp/docker-credential-ecrx/bin")),
        [""; 0]
    );
}

/// Blanks, quotes, line ends, commands of shells and of the runner, and options.
#[test]
fn hostile_inputs_of_the_action_are_refused_as_data() {
    const HOSTILE: [&str; 12] = [
        "$(touch pwned)",
        "`touch pwned`",
        "\"; touch pwned; \"",
        "'; touch pwned; '",
        "x\ntouch pwned",
        "x; touch pwned",
        "../../x y",
        "--undo",
        "-o pwned",
        "::set-output name=x::y",
        "a\n::stop-commands::x\nb",
        "${IFS}*",
    ];
    for name in [
        "base-url",
        "version",
        "sha256",
        "registries",
        "web-identity",
    ] {
        for hostile in HOSTILE {
            let mut values = vec![hostile.to_owned()];
            match name {
                "base-url" => values.push(format!("https://127.0.0.1/{hostile}")),
                "registries" => values.push(format!("{PULLED} {hostile}")),
                _ => {}
            }
            for value in values {
                let mut job = runner();
                if matches!(name, "registries" | "web-identity") && !is_installed("curl") {
                    return;
                }
                let mut inputs = inputs(&job);
                inputs.retain(|(key, _)| *key != name);
                inputs.push((name, value.clone()));
                let outcome = run(&mut job, &inputs);
                assert_eq!(outcome.code, Some(1), "{name}: {value:?}: {outcome:?}");
                for line in format!("{}\n{}", outcome.stdout, outcome.stderr).lines() {
                    let line = line.trim_start();
                    let is_ours = line.starts_with("::error title=docker-credential-ecrx::");
                    assert!(
                        is_ours || !line.starts_with("::"),
                        "{name}: {value:?}: {line}"
                    );
                }
                for place in ["checkout", ".", "temp/docker-credential-ecrx"] {
                    assert!(
                        !job.environment.home().join(place).join("pwned").exists(),
                        "{value:?}"
                    );
                }
                job.assert_untouched();
                let set = fs::read_to_string(job.environment.home().join("env")).expect("a file");
                assert_eq!(set, "", "{name}: {value:?}");
                if !matches!(name, "registries" | "web-identity") {
                    assert!(job.download.paths().is_empty(), "{name}: {value:?}");
                }
            }
        }
    }
}
