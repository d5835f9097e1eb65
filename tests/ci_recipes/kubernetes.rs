//! The jobs for Kubernetes: the script of the init container, then the arguments of the builder,
//! with the variables and mounts of each container. Mounts are folders of the home directory.

use serde_json::Value;

use super::common::Outcome;
use super::files::{text, texts, yaml};
use super::job::{Job, is_installed, succeeded};
use super::systems::TOKEN;

/// The mounts of the containers of a pod: the path in the container, and the volume. Inner paths come
/// before outer ones.
struct Mounts(Vec<(String, String)>);

impl Mounts {
    fn of(pod: &Value) -> Self {
        let containers = ["initContainers", "containers"].map(|kind| pod[kind].as_array());
        let containers = containers.into_iter().flatten().flatten();
        let mounts = containers.flat_map(|container| container["volumeMounts"].as_array());
        let mut mounts: Vec<_> = mounts
            .flatten()
            .map(|mount| {
                ["mountPath", "name"]
                    .map(|key| text(mount, key).to_owned())
                    .into()
            })
            .collect();
        mounts.sort_by_key(|(path, _): &(String, String)| std::cmp::Reverse(path.len()));
        mounts.dedup();
        Self(mounts)
    }

    /// A text with paths of a container, with those of this machine.
    fn on_this_machine(&self, job: &Job, text: &str) -> String {
        for (path, volume) in &self.0 {
            if text.contains(path) {
                let folder = job.folder(&format!("mounts/{volume}"));
                let parts: Vec<_> = text.split(path).collect();
                let rest = parts
                    .into_iter()
                    .map(|part| self.on_this_machine(job, part));
                return rest.collect::<Vec<_>>().join(&folder.display().to_string());
            }
        }
        text.to_owned()
    }
}

/// Runs a container of the pod, with its variables.
fn run(job: &mut Job, mounts: &Mounts, container: &Value, line: &[&str]) -> Outcome {
    let clients = job.folder("clients").display().to_string();
    for variable in container["env"].as_array().expect("variables") {
        let (name, value) = (text(variable, "name"), text(variable, "value"));
        let value = mounts.on_this_machine(job, value);
        match name {
            // The manifest has examples of these.
            "ECRX_URL" | "ECRX_SHA256" => {}
            "PATH" => {
                job.set(name, &format!("{clients}:{value}:/usr/bin:/bin"));
            }
            _ => {
                job.set(name, &value);
            }
        }
    }
    let line: Vec<String> = line
        .iter()
        .map(|word| mounts.on_this_machine(job, word))
        .collect();
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    job.run(&line)
}

/// Runs the init container, then the builder, whose image has this entry point.
fn recipe(job: &mut Job, file: &str, entry_point: &str) -> Outcome {
    let manifest = yaml(file);
    let pod = &manifest["spec"]["template"]["spec"];
    let (init, builder) = (&pod["initContainers"][0], &pod["containers"][0]);
    let mounts = Mounts::of(pod);
    job.environment.write("mounts/token/token", TOKEN);
    job.folder("mounts/ecrx");
    let line = [texts(&init["command"]), texts(&init["args"])].concat();
    let outcome = run(job, &mounts, init, &line);
    if outcome.code != Some(0) {
        return outcome;
    }
    let line = [&[entry_point], &texts(&builder["args"])[..]].concat();
    run(job, &mounts, builder, &line)
}

#[test]
fn kaniko_on_kubernetes_pushes_to_one_account_and_pulls_from_another() {
    if is_installed("wget") {
        let mut job = Job::with_download();
        succeeded(&recipe(&mut job, "ci/kaniko.yaml", "executor"));
        job.assert_both_by_web_identity(TOKEN);
        assert!(job.environment.entries().is_empty(), "no token is cached");
    }
}

#[test]
fn buildkit_on_kubernetes_pushes_to_one_account_and_pulls_from_another() {
    if is_installed("wget") {
        let mut job = Job::with_download();
        succeeded(&recipe(
            &mut job,
            "ci/buildkit.yaml",
            "buildctl-daemonless.sh",
        ));
        job.assert_both_by_web_identity(TOKEN);
    }
}

#[test]
fn on_kubernetes_a_download_with_another_checksum_is_never_run() {
    if is_installed("wget") {
        for (file, entry_point) in [
            ("ci/kaniko.yaml", "executor"),
            ("ci/buildkit.yaml", "buildctl-daemonless.sh"),
        ] {
            let mut job = Job::with_download();
            job.set("ECRX_SHA256", &"0".repeat(64));
            let outcome = recipe(&mut job, file, entry_point);
            assert_eq!(outcome.code, Some(1), "{outcome:?}");
            job.assert_untouched();
        }
    }
}
