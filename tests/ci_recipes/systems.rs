//! Each CI system: what it takes from its file, the shell that it starts, and the variables that it
//! sets.

use super::common::Outcome;
use super::common::fake_aws::{ALICE, GITHUB_BEARER, Operation, github_token};
use super::files::{json_with_comments, read, text, texts, yaml};
use super::job::{Job, is_installed, succeeded};

/// The OIDC token of a job.
pub const TOKEN: &str = "e30.eyJzdWIiOiJqb2IifQ.fake-signature-EXAMPLE";

/// Runs a recipe in a job, until a step fails.
type Recipe = fn(&mut Job) -> Outcome;

/// Runs a recipe, which has to work.
#[track_caller]
fn works(mut job: Job, recipe: Recipe) -> Job {
    succeeded(&recipe(&mut job));
    job
}

/// Its `run` steps, each in a `bash` of its own (workflow syntax, `jobs.<job_id>.steps[*].shell`).
/// Between steps, the runner adds the lines of `GITHUB_PATH` to the `PATH`.
fn github_actions(job: &mut Job) -> Outcome {
    let workflow = yaml("ci/github-actions.yml");
    let only = &workflow["jobs"]["image"];
    assert_eq!(only["permissions"]["id-token"], "write");
    let url = format!("{}/github/idtoken?api-version=2.0", job.aws.url());
    let paths = job.environment.write("paths", "");
    job.set("ACTIONS_ID_TOKEN_REQUEST_URL", &url)
        .set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", GITHUB_BEARER)
        .set("GITHUB_PATH", &paths.display().to_string())
        .set("GITHUB_SHA", "1d2e3f");
    let mut last = None;
    for step in only["steps"].as_array().expect("steps") {
        let Some(script) = step["run"].as_str() else {
            continue;
        };
        for (name, value) in step["env"].as_object().into_iter().flatten() {
            // The job has the variables of the repository already, under the same names.
            assert_eq!(value.as_str(), Some(&*format!("${{{{ vars.{name} }}}}")));
        }
        let outcome = job.run(&["bash", "-e", "-c", script]);
        if outcome.code != Some(0) {
            return outcome;
        }
        let added = std::fs::read_to_string(&paths).expect("a file");
        for folder in added.lines() {
            let clients = job.folder("clients").display().to_string();
            let path = format!("{folder}:{clients}:/usr/local/bin:/usr/bin:/bin");
            job.set("PATH", &path);
        }
        last = Some(outcome);
    }
    last.expect("a step")
}

/// `before_script` and `script`, in one `sh`.
fn gitlab(job: &mut Job, file: &str) -> Outcome {
    let pipeline = yaml(file);
    let only = &pipeline["image"];
    assert_eq!(
        only["id_tokens"]["ECRX_ID_TOKEN"]["aud"],
        "sts.amazonaws.com"
    );
    for (name, value) in only["variables"].as_object().expect("variables") {
        job.set(name, value.as_str().expect("a text"));
    }
    job.set("ECRX_ID_TOKEN", TOKEN)
        .set("CI_COMMIT_SHA", "1d2e3f");
    let lines = [texts(&only["before_script"]), texts(&only["script"])].concat();
    job.run(&["sh", "-e", "-c", &lines.join("\n")])
}

fn gitlab_with_docker(job: &mut Job) -> Outcome {
    gitlab(job, "ci/gitlab-dind.yml")
}

fn gitlab_with_buildkit(job: &mut Job) -> Outcome {
    gitlab(job, "ci/gitlab.yml")
}

/// The text of its `sh` step, by `sh -xe`, as the step Shell Script does.
fn jenkins(job: &mut Job) -> Outcome {
    job.install_helper();
    let pipeline = read("ci/Jenkinsfile");
    let (binding, rest) = pipeline.split_once("sh '''").expect("a step");
    assert!(binding.contains("variable: 'ECRX_ID_TOKEN_FILE'"));
    let (script, _) = rest.split_once("'''").expect("its end");
    // In a Groovy text, the backslash at the end of a line continues it.
    let script = script.replace("\\\n", "");
    let token = job
        .environment
        .write("checkout@tmp/secretFiles/token", TOKEN);
    let temporary = job.folder("checkout@tmp").display().to_string();
    job.set("ECRX_ID_TOKEN_FILE", &token.display().to_string())
        .set("WORKSPACE_TMP", &temporary)
        .set("BUILD_NUMBER", "7");
    job.run(&["sh", "-xe", "-c", &script])
}

/// `command`, after the agent has replaced variables (buildkite/interpolate: `$$` is a `$`, and
/// `$(` is left alone), by `bash -e -c`.
fn buildkite(job: &mut Job) -> Outcome {
    job.install_helper();
    job.add_program(
        "buildkite-agent",
        &format!(
            "#!/bin/sh\n[ \"$*\" = 'oidc request-token --audience sts.amazonaws.com --lifetime 3600' ] && echo {TOKEN}\n"
        ),
    );
    let pipeline = yaml("ci/buildkite.yml");
    let command = text(&pipeline["steps"][0], "command");
    let unescaped = command.replace("$$", "").replace("$(", "");
    assert!(
        !unescaped.contains('$'),
        "the agent would replace {unescaped}"
    );
    let temporary = job.folder("tmp").display().to_string();
    job.set("BUILDKITE_COMMIT", "1d2e3f")
        .set("TMPDIR", &temporary);
    job.run(&["bash", "-e", "-c", &command.replace("$$", "$")])
}

/// The `run` step, by the shell of Linux jobs, `bash -eo pipefail`.
fn circleci(job: &mut Job) -> Outcome {
    let config = yaml("ci/circleci.yml");
    let steps = config["jobs"]["image"]["steps"].as_array().expect("steps");
    let runs: Vec<_> = steps
        .iter()
        .filter(|step| step["run"].is_object())
        .collect();
    let [only] = runs[..] else {
        panic!("{} steps", runs.len());
    };
    job.set("CIRCLE_OIDC_TOKEN_V2", TOKEN)
        .set("CIRCLE_SHA1", "1d2e3f");
    job.run(&[
        "bash",
        "-eo",
        "pipefail",
        "-c",
        text(&only["run"], "command"),
    ])
}

/// The inline script, which the task AzureCLI@2 runs by `bash`, with the token in `idToken`.
fn azure_pipelines(job: &mut Job) -> Outcome {
    let pipeline = yaml("ci/azure-pipelines.yml");
    let inputs = &pipeline["steps"][0]["inputs"];
    assert_eq!(inputs["addSpnToEnvironment"], true);
    let script = text(inputs, "inlineScript");
    assert!(!script.contains("$("), "Azure Pipelines would replace it");
    job.set("idToken", TOKEN)
        .set("BUILD_SOURCEVERSION", "1d2e3f");
    job.run(&["bash", "-c", script])
}

/// `COPY --from=ecrx` gives the image the executable, and `RUN` runs in it. Then a job of that
/// image calls docker.
fn dockerfile(job: &mut Job) -> Outcome {
    let file = read("ci/Dockerfile").replace("\\\n", "");
    let last_stage = file.rsplit("\nFROM ").next().expect("a stage");
    assert!(last_stage.contains("\nCOPY --from=ecrx /docker-credential-ecrx /usr/local/bin/\n"));
    job.install_helper();
    for line in last_stage.lines() {
        if let Some(command) = line.strip_prefix("RUN ") {
            let outcome = job.run(&["sh", "-c", command]);
            if outcome.code != Some(0) {
                return outcome;
            }
        }
    }
    job.set("ECRX_ID_TOKEN", TOKEN);
    builds_and_pushes(job)
}

/// The commands that create the container, then docker in its terminal.
fn devcontainer(job: &mut Job) -> Outcome {
    let container = json_with_comments("ci/devcontainer.json");
    let home = job.environment.home().display().to_string();
    job.environment.aws_config(&format!(
        "[profile work]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        ALICE.0, ALICE.1
    ));
    let path = text(&container["remoteEnv"], "PATH").replace("/home/vscode", &home);
    let clients = job.folder("clients").display().to_string();
    let path = path.replace("${containerEnv:PATH}", &format!("{clients}:/usr/bin:/bin"));
    let created = job.run(&["sh", "-c", text(&container, "onCreateCommand")]);
    if created.code != Some(0) {
        return created;
    }
    job.set("PATH", &path);
    let created = job.run(&["sh", "-c", text(&container, "postCreateCommand")]);
    if created.code != Some(0) {
        return created;
    }
    builds_and_pushes(job)
}

fn builds_and_pushes(job: &Job) -> Outcome {
    let push = format!("docker build . && docker push {}/app:1", super::PUSHED);
    job.run(&["sh", "-c", &push])
}

#[test]
fn github_actions_pushes_to_one_account_and_pulls_from_another() {
    if is_installed("curl") {
        let job = works(Job::with_download(), github_actions);
        job.assert_both_by_web_identity(&github_token("sts.amazonaws.com"));
        assert_eq!(job.aws.count(Operation::GitHubIdToken), 2);
    }
}

#[test]
fn gitlab_with_docker_in_docker_pushes_to_one_account_and_pulls_from_another() {
    if is_installed("wget") {
        works(Job::with_download(), gitlab_with_docker).assert_both_by_web_identity(TOKEN);
    }
}

#[test]
fn gitlab_with_buildkit_pushes_to_one_account_and_pulls_from_another() {
    if is_installed("wget") {
        works(Job::with_download(), gitlab_with_buildkit).assert_both_by_web_identity(TOKEN);
    }
}

/// The agent's own files stay as they are.
#[test]
fn jenkins_pushes_to_one_account_and_pulls_from_another() {
    let job = works(Job::new(), jenkins);
    job.assert_both_by_web_identity(TOKEN);
    for path in [".docker", ".config"] {
        assert!(!job.environment.home().join(path).exists(), "{path}");
    }
}

/// The agent's own files stay as they are, and nothing is left.
#[test]
fn buildkite_pushes_to_one_account_and_pulls_from_another() {
    let job = works(Job::new(), buildkite);
    job.assert_both_by_web_identity(TOKEN);
    for path in [".docker", ".config"] {
        assert!(!job.environment.home().join(path).exists(), "{path}");
    }
    let left = std::fs::read_dir(job.folder("tmp")).expect("a folder");
    assert_eq!(left.count(), 0);
}

#[test]
fn circleci_pushes_to_one_account_and_pulls_from_another() {
    if is_installed("curl") {
        works(Job::with_download(), circleci).assert_both_by_web_identity(TOKEN);
    }
}

#[test]
fn azure_pipelines_pushes_to_one_account_and_pulls_from_another() {
    if is_installed("curl") {
        works(Job::with_download(), azure_pipelines).assert_both_by_web_identity(TOKEN);
    }
}

#[test]
fn a_job_in_the_image_of_the_dockerfile_pushes_to_one_account_and_pulls_from_another() {
    works(Job::new(), dockerfile).assert_both_by_web_identity(TOKEN);
}

#[test]
fn a_dev_container_pushes_to_one_account_and_pulls_from_another() {
    if is_installed("curl") {
        let job = works(Job::with_download(), devcontainer);
        job.assert_both("developer");
        assert_eq!(job.aws.count(Operation::StsAssumeRole), 2);
    }
}

#[test]
fn a_download_with_another_checksum_is_never_run() {
    let recipes: [(Recipe, &str); 6] = [
        (github_actions, "curl"),
        (gitlab_with_docker, "wget"),
        (gitlab_with_buildkit, "wget"),
        (circleci, "curl"),
        (azure_pipelines, "curl"),
        (devcontainer, "curl"),
    ];
    for (recipe, program) in recipes {
        if is_installed(program) {
            let mut job = Job::with_download();
            job.set("ECRX_SHA256", &"0".repeat(64));
            let outcome = recipe(&mut job);
            assert_eq!(outcome.code, Some(1), "{outcome:?}");
            assert!(outcome.stdout.contains(": FAILED\n"), "{outcome:?}");
            job.assert_untouched();
        }
    }
}
