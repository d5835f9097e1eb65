//! `list`: the logins of both helpers in one object, and our own even if the other helper fails.

use std::fs;

use super::common::fake_aws::FakeAws;
use super::common::{HOST, Outcome, TestEnvironment};
use super::{bin, is_running, pid, place, take_calls, will_answer, with_helper, with_recorder};

/// Ours, as a cached token makes it.
fn ours() -> String {
    format!("{{\"{HOST}\":\"AWS\"}}\n")
}

#[track_caller]
fn lists(environment: &TestEnvironment, stdout: &str, stderr: &str) {
    let expected = Outcome {
        code: Some(0),
        stdout: stdout.to_owned(),
        stderr: stderr.to_owned(),
    };
    assert_eq!(environment.run(&["list"], "unused"), expected);
}

#[test]
fn list_merges_both() {
    let aws = FakeAws::start();
    let environment = with_recorder(&aws);
    will_answer(&environment, b"{}\n", "", 0);
    lists(&environment, "{}\n", "");
    assert_eq!(take_calls(&environment), "list\n");
    let stdin = fs::read_to_string(environment.home().join("stdin"));
    assert_eq!(stdin.expect("a question"), "unused");

    let theirs = b" {\"ghcr.io\" : \"bob\",\n\"https://index.docker.io/v1/\":\"\"}";
    will_answer(&environment, theirs, "", 0);
    let both = "\"ghcr.io\":\"bob\",\"https://index.docker.io/v1/\":\"\"}\n";
    lists(&environment, &format!("{{{both}"), "");

    environment.get(HOST).answer();
    lists(&environment, &format!("{{\"{HOST}\":\"AWS\",{both}"), "");
    will_answer(&environment, b"null\n", "a word of its own\n", 0);
    lists(&environment, &ours(), "a word of its own\n");
    assert_eq!(aws.calls().len(), 1, "the get alone");
}

#[test]
fn ecr_logins_of_the_other_helper_are_not_listed() {
    let aws = FakeAws::start();
    let environment = with_recorder(&aws);
    let fips = HOST.replace("dkr.ecr", "dkr.ecr-fips");
    let theirs = format!(
        "{{\"{HOST}\":\"bob\",\"https://{HOST}\":\"AWS\",\"{fips}\":\"AWS\",\"public.ecr.aws\":\"AWS\",\
         \"bob@{HOST}\":\"bob\",\"ghcr.io\":\"bob\"}}"
    );
    will_answer(&environment, theirs.as_bytes(), "", 0);
    let others = format!("\"bob@{HOST}\":\"bob\",\"ghcr.io\":\"bob\"}}\n");
    lists(&environment, &format!("{{{others}"), "");
    environment.get(HOST).answer();
    lists(&environment, &format!("{{\"{HOST}\":\"AWS\",{others}"), "");
}

/// Docker requests every server in a list, and loses all logins if one request fails.
#[test]
fn a_server_that_no_get_can_ask_for_is_not_listed() {
    let aws = FakeAws::start();
    let environment = with_recorder(&aws);
    let theirs = b"{\"\":\"a\",\" \":\"b\",\"x\\ny\":\"c\",\"ghcr.io\":\"bob\"}";
    will_answer(&environment, theirs, "", 0);
    lists(&environment, "{\"ghcr.io\":\"bob\"}\n", "");
}

#[test]
fn own_entries_are_listed_if_the_other_helper_fails() {
    let aws = FakeAws::start();
    let environment = with_recorder(&aws);
    environment.get(HOST).answer();
    let told = |reason: &str| {
        format!(
            "docker-credential-ecrx: logins for other registries are not listed: docker-credential-fake {reason} (it is set by other_registries_helper at {})\n",
            place(&environment)
        )
    };
    let no_list = told("did not print a JSON object of servers and user names");
    for nonsense in ["", "{", "[]", "7", "{\"a\":1}", "{\"a\":\"b\"} x", "\u{0}"] {
        will_answer(&environment, nonsense.as_bytes(), "", 0);
        lists(&environment, &ours(), &no_list);
    }
    will_answer(&environment, b"{\"a\":\"b\"}\xff", "", 0);
    lists(&environment, &ours(), &no_list);

    will_answer(&environment, b"the keyring\nis \x1b[31mlocked\n", "", 3);
    let failed = told("failed with exit code 3: the keyring is [31mlocked");
    lists(&environment, &ours(), &failed);

    fs::remove_file(bin(&environment).join("docker-credential-fake")).expect("a file");
    lists(&environment, &ours(), &told("is not on PATH"));
}

#[test]
fn own_entries_are_listed_if_the_other_helper_hangs() {
    let aws = FakeAws::start();
    let script = "#!/bin/sh\necho $$ >\"$HOME/pid\"\nexec sleep 600 2>&-\n";
    let environment = with_helper(&aws, script);
    environment
        .config("other_registries_helper = \"fake\"\nother_registries_timeout_seconds = 3\n");
    environment.get(HOST).answer();
    let told = format!(
        "docker-credential-ecrx: logins for other registries are not listed: docker-credential-fake did not respond within 3 s and was stopped (it is set by other_registries_helper at {})\n",
        place(&environment)
    );
    lists(&environment, &ours(), &told);
    assert!(!is_running(pid(&environment)));
}
