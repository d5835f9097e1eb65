//! What other programs rely on, in one golden file: a change of it is deliberate, and has a line in the
//! CHANGELOG. `ECRX_BLESS=1 cargo test --test interfaces` writes it.

#[path = "interfaces/bad_inputs.rs"]
mod bad_inputs;
mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use common::fake_aws::{FakeAws, Fault, Operation};
use common::files::is_committed;
use common::{HOST, TestEnvironment};

const VARIABLES: &str = include_str!("../src/env.rs");
const KEYS: &str = include_str!("../src/config/error.rs");

/// Where the files are that these tests compare with.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interfaces")
}

/// The paths of all values, with their types: `identity.source: text`.
fn shape(path: &str, value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                shape(&format!("{path}{dot}{key}"), value, into);
            }
        }
        Value::Array(items) if items.is_empty() => drop(into.insert(format!("{path}[]"))),
        Value::Array(items) => {
            for item in items {
                shape(&format!("{path}[]"), item, into);
            }
        }
        Value::String(_) => drop(into.insert(format!("{path}: text"))),
        Value::Number(_) => drop(into.insert(format!("{path}: number"))),
        Value::Bool(_) => drop(into.insert(format!("{path}: true or false"))),
        Value::Null => drop(into.insert(format!("{path}: null"))),
    }
}

fn add_shape(golden: &mut String, heading: &str, text: &str) {
    let value: Value =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{heading}: {error}: {text}"));
    let mut lines = BTreeSet::new();
    shape("", &value, &mut lines);
    add(golden, heading, lines);
}

fn add(golden: &mut String, heading: &str, lines: impl IntoIterator<Item = String>) {
    let _ = writeln!(golden, "\n# {heading}");
    for line in lines {
        let _ = writeln!(golden, "{line}");
    }
}

/// The texts in quotes after `start`, up to `end`.
fn quoted(source: &str, start: &str, end: &str) -> BTreeSet<String> {
    let (_, rest) = source.split_once(start).expect(start);
    let (part, _) = rest.split_once(end).expect(end);
    part.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// An environment in which each command has something to show.
fn environment(aws: &FakeAws) -> TestEnvironment {
    let environment = TestEnvironment::of_alice(aws);
    environment.config(
        "[[registry]]\nmatch = \"999999999999\"\nrole_arn = \"arn:aws:iam::999999999999:role/pull\"\naccess = \"pull\"\n",
    );
    environment
}

/// The JSON of each command that has some.
fn add_json(golden: &mut String) {
    let aws = FakeAws::start();
    let environment = environment(&aws);
    environment.get(HOST).grant();
    for words in [
        &["version", "--json"][..],
        &["whoami", HOST, "--json"],
        &["cache", "list", "--json"],
        &["config", "show", "--json"],
        &["config", "show", HOST, "--json"],
        &[
            "policy",
            "--repository",
            "arn:aws:ecr:us-west-2:111122223333:repository/team/app",
            "--principal",
            "arn:aws:iam::444455556666:role/ci",
            "--json",
        ],
    ] {
        let outcome = environment.run(words, "");
        assert!(
            outcome.code == Some(0) || outcome.code == Some(1),
            "{outcome:?}"
        );
        let shown = words.join(" ").replace(HOST, "HOST");
        add_shape(golden, &format!("JSON of {shown}"), &outcome.stdout);
    }
}

/// The files that another release, or another program, reads.
fn add_files(golden: &mut String) {
    let aws = FakeAws::start();
    let environment = environment(&aws);
    environment.get(HOST).grant();
    for entry in environment.entries() {
        let text = fs::read_to_string(entry).expect("an entry");
        add_shape(golden, "cache entry: v1/*.json", &text);
    }
    // It fails, as the executable is not on PATH, but only after it has written.
    environment.run(&["configure-docker", HOST], "");
    let config = environment.home().join(".docker/config.json");
    let text = fs::read_to_string(config).expect("a configuration");
    add(
        golden,
        "config.json after configure-docker",
        text.lines().map(str::to_owned),
    );
}

/// The answers of Docker's protocol and of kubelet's.
fn add_answers(golden: &mut String) {
    let aws = FakeAws::start();
    let environment = environment(&aws);
    let answer = environment.get(HOST);
    add_shape(golden, "answer of get", &answer.stdout);
    let request = |image: &str| {
        json!({
            "kind": "CredentialProviderRequest",
            "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
            "image": image,
        })
        .to_string()
    };
    let outcome = environment.run(&["kubelet"], request(&format!("{HOST}/app")));
    let text = outcome.stdout.replace(HOST, "HOST");
    add_shape(golden, "answer of kubelet", &text);
    let outcome = environment.run(&["kubelet"], request("registry.example/app"));
    add(
        golden,
        "answer of kubelet for another registry",
        [outcome.stdout],
    );

    aws.on(
        Operation::EcrPublicGetAuthorizationToken,
        Fault::AccessDenied,
    );
    let mut lines = Vec::new();
    for (action, input) in [
        ("get", "registry.example"),
        ("get", "public.ecr.aws"),
        ("get", ""),
        ("store", r#"{"ServerURL":"","Username":"x","Secret":"x"}"#),
        (
            "store",
            r#"{"ServerURL":"https://registry.example","Username":"","Secret":"x"}"#,
        ),
        ("erase", HOST),
        ("list", ""),
        ("unknown", ""),
    ] {
        let outcome = environment.run(&[action], input);
        let first = outcome.stdout.lines().next().unwrap_or_default();
        let input = input.replace(HOST, "HOST");
        lines.push(format!(
            "{action} {input:?} -> {}: {first}",
            outcome.code.expect("a code")
        ));
    }
    add(
        golden,
        "exit codes and messages that clients compare",
        lines,
    );
}

fn add_exit_codes(golden: &mut String) {
    let aws = FakeAws::start();
    let environment = environment(&aws);
    let lines = [
        &["version"][..],
        &["--help"],
        &["whoami", HOST],
        &["whoami", "registry.example"],
        &["whoami"],
        &["config", "check"],
        &["config"],
        &["cache", "clear"],
        &["cache", "list", "--unknown"],
        &["password", "registry.example"],
        &["configure-docker"],
        &["kubelet"],
        &[],
    ]
    .map(|words| {
        let code = environment.run(words, "").code.expect("a code");
        format!("{} -> {code}", words.join(" ").replace(HOST, "HOST"))
    });
    add(golden, "exit codes of commands", lines);
}

#[test]
fn what_other_programs_rely_on_is_as_in_the_golden_file() {
    let mut golden = String::from(
        "What other programs rely on. Written by: ECRX_BLESS=1 cargo test --test interfaces\n",
    );
    let named = |line: &str| {
        Some(
            line.split_once("pub const ")?
                .1
                .split('"')
                .nth(1)?
                .to_owned(),
        )
    };
    let variables: BTreeSet<String> = VARIABLES.lines().filter_map(named).collect();
    add(&mut golden, "variables", variables);
    let keys = quoted(KEYS, "const SHOWN_KEYS", "];");
    add(
        &mut golden,
        "keys of config.toml, without external_id",
        keys,
    );
    add_answers(&mut golden);
    add_exit_codes(&mut golden);
    add_files(&mut golden);
    add_json(&mut golden);

    is_committed(&folder().join("golden.txt"), &golden, "interfaces");
}
