//! `"credsStore": "ecrx"` with `other_registries_helper`: this program answers for ECR, and passes
//! everything else to another helper unchanged. Here that helper is a script;
//! `tests/clients/creds_store.rs` uses a real one.

#![cfg(unix)]

mod common;
#[path = "creds_store/configuration.rs"]
mod configuration;
#[path = "creds_store/failures.rs"]
mod failures;
#[path = "creds_store/handing_over.rs"]
mod handing_over;
#[path = "creds_store/list.rs"]
mod list;
#[path = "creds_store/loops.rs"]
mod loops;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::{Pid, test_kill_process};

use common::TestEnvironment;
use common::fake_aws::FakeAws;

/// The password of a `docker login`, which no output may contain.
const SECRET: &str = "correct-horse-battery-staple";

/// Records its arguments and input, and answers with the content of files.
const RECORDER: &str = r#"#!/bin/sh
echo "$@" >>"$HOME/calls"
cat >"$HOME/stdin"
cat "$HOME/stdout"
cat "$HOME/stderr" >&2
exit "$(cat "$HOME/code")"
"#;

/// An environment whose other helper is `docker-credential-fake`, this script.
fn with_helper(aws: &FakeAws, script: &str) -> TestEnvironment {
    let mut environment = TestEnvironment::of_alice(aws);
    let path = format!("{}:/usr/bin:/bin", bin(&environment).display());
    environment.set("PATH", &path);
    environment.config("other_registries_helper = \"fake\"\n");
    install(&environment, "docker-credential-fake", script);
    environment
}

/// As [`with_helper`], with the [`RECORDER`].
fn with_recorder(aws: &FakeAws) -> TestEnvironment {
    let environment = with_helper(aws, RECORDER);
    will_answer(&environment, b"", "", 0);
    environment
}

/// `get` and `store` fail with this reason and these hints; `erase`, whose failure crashes skopeo
/// and podman, prints the same and succeeds. None prints a secret.
#[track_caller]
fn all_fail(environment: &TestEnvironment, reason: &str, hints: &[&str]) {
    let cases = [
        ("get", "ghcr.io\n".to_owned(), "no credentials for ghcr.io"),
        (
            "store",
            login("ghcr.io"),
            "the login to ghcr.io was not saved",
        ),
    ];
    for (action, input, what) in cases {
        let outcome = environment.run(&[action], input);
        assert_eq!(outcome.failure(&format!("{what}: {reason}")), hints);
        assert!(!format!("{outcome:?}").contains(SECRET));
    }
    let mut told =
        format!("docker-credential-ecrx: the login to ghcr.io was not erased: {reason}\n");
    for hint in hints {
        told.push_str(&format!("  {hint}\n"));
    }
    let outcome = environment.run(&["erase"], "ghcr.io");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""));
    assert_eq!(outcome.stderr, told);
}

/// Sets the answer of the [`RECORDER`].
fn will_answer(environment: &TestEnvironment, stdout: &[u8], stderr: &str, code: u8) {
    fs::write(environment.home().join("stdout"), stdout).expect("a file");
    environment.write("stderr", stderr);
    environment.write("code", &code.to_string());
}

/// The arguments of the [`RECORDER`], one line per call since the last time.
fn take_calls(environment: &TestEnvironment) -> String {
    let path = environment.home().join("calls");
    let calls = fs::read_to_string(&path).unwrap_or_default();
    if !calls.is_empty() {
        fs::remove_file(path).expect("a file");
    }
    calls
}

/// The first folder on PATH.
fn bin(environment: &TestEnvironment) -> PathBuf {
    environment.home().join("bin")
}

/// Installs a script. Another process writes the file. If this process had it open for writing, a
/// child that another test has just forked would hold it open too, and the system does not start
/// files that are open for writing.
fn install(environment: &TestEnvironment, name: &str, script: &str) -> PathBuf {
    fs::create_dir_all(bin(environment)).expect("a folder");
    let path = bin(environment).join(name);
    let mut install = Command::new("install")
        .args(["-m", "755", "/dev/stdin"])
        .arg(&path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("install");
    let mut stdin = install.stdin.take().expect("piped");
    stdin.write_all(script.as_bytes()).expect("a script");
    drop(stdin);
    assert!(install.wait().expect("install").success());
    path
}

/// `FILE:LINE` of the other helper's name.
fn place(environment: &TestEnvironment) -> String {
    let file = environment
        .home()
        .join(".config/docker-credential-ecrx/config.toml");
    format!("{}:1", file.display())
}

/// The input that `docker login` sends to `store`.
fn login(server: &str) -> String {
    format!("{{\"ServerURL\":\"{server}\",\"Username\":\"bob\",\"Secret\":\"{SECRET}\"}}\n")
}

/// The process whose ID a script has written to the file `pid`.
fn pid(environment: &TestEnvironment) -> Pid {
    let text = fs::read_to_string(environment.home().join("pid")).expect("a pid");
    let number = text.trim().parse().expect("a number");
    Pid::from_raw(number).expect("a pid")
}

fn is_running(process: Pid) -> bool {
    test_kill_process(process).is_ok()
}
