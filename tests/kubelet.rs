//! The image credential provider of kubelet: the answer for each kind of image, whose credentials it
//! has, and that nothing but an answer is ever on stdout.

#[path = "kubelet/answers.rs"]
mod answers;
mod common;
#[path = "kubelet/daemonset.rs"]
mod daemonset;
#[path = "kubelet/mirrors.rs"]
mod mirrors;
#[path = "kubelet/nodes.rs"]
mod nodes;
#[path = "kubelet/plugin.rs"]
mod plugin;
#[path = "kubelet/repositories.rs"]
mod repositories;
#[path = "kubelet/requests.rs"]
mod requests;
#[cfg(target_os = "linux")]
#[path = "kubelet/system_log.rs"]
mod system_log;
#[path = "kubelet/upstream.rs"]
mod upstream;
#[path = "kubelet/workloads.rs"]
mod workloads;

use serde_json::{Value, json};

use common::fake_aws::{FakeAws, Grant};
use common::files::go_program;
use common::{Outcome, TestEnvironment};

const V1: &str = "credentialprovider.kubelet.k8s.io/v1";

const IMAGE: &str = "999999999999.dkr.ecr.us-west-2.amazonaws.com/team/app";

/// The request for an image, as kubelet writes it.
fn request(image: &str) -> String {
    let request = json!({"kind": "CredentialProviderRequest", "apiVersion": V1, "image": image});
    format!("{request}\n")
}

/// A node whose identity is Alice's, without other settings.
fn node() -> (FakeAws, TestEnvironment) {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.kubelet_config("");
    (aws, environment)
}

impl TestEnvironment {
    /// `config.toml` with these settings of `[kubelet]`, and the log in a file.
    fn kubelet_config(&self, settings: &str) {
        let log = self.home().join("kubelet.log");
        let log = log.display();
        self.config(&format!("[kubelet]\nlog_file = \"{log}\"\n{settings}\n"));
    }

    fn kubelet(&self, request: &str) -> Outcome {
        self.run(&["kubelet"], request)
    }

    /// The lines of the log without the time.
    fn kubelet_log(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.home().join("kubelet.log")).unwrap_or_default();
        log.lines()
            .map(|line| line.split_once(' ').expect("a time").1.to_owned())
            .collect()
    }
}

/// How long kubelet is to keep an answer, in seconds.
fn cache_seconds(answer: &Value) -> u64 {
    let text = answer["cacheDuration"].as_str().expect("a duration");
    text.strip_suffix('s')
        .expect("seconds")
        .parse()
        .expect("a number")
}

/// The one login of an answer: its key, and whose token it is.
fn login(answer: &Value) -> (String, Grant) {
    let auth = answer["auth"].as_object().expect("an object");
    assert_eq!(auth.len(), 1, "{answer}");
    let (key, login) = auth.iter().next().expect("a login");
    assert_eq!(login["username"], "AWS");
    let password = login["password"].as_str().expect("a text");
    (key.clone(), Grant::from_password(password))
}
