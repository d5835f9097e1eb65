//! Which requests are passed to the other helper.

use std::fs;

use rustix::process::{Signal, kill_process};

use super::common::fake_aws::{ALICE, FakeAws};
use super::common::{HOST, NOT_FOUND, Outcome, TestEnvironment};
use super::{SECRET, is_running, login, pid, take_calls, will_answer, with_helper, with_recorder};

/// Hosts that are not ECR's, some of which look like it.
const OTHERS: [&str; 11] = [
    "https://index.docker.io/v1/",
    "ghcr.io",
    "ghcr.io\n",
    " \tlocalhost:5000/team/app \r\n\n",
    "registry.example.com:443?ns=x",
    "bob@ghcr.io",
    "a b",
    "é.example",
    "111122223333.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
    "https://AWS:secret@111122223333.dkr.ecr.eu-west-1.amazonaws.com",
    "11112222333.dkr.ecr.eu-west-1.amazonaws.com",
];

fn outcome(code: u8, stdout: &str, stderr: &str) -> Outcome {
    Outcome {
        code: Some(code.into()),
        stdout: stdout.to_owned(),
        stderr: stderr.to_owned(),
    }
}

#[track_caller]
fn stdin_was(environment: &TestEnvironment, expected: &str) {
    let stdin = fs::read_to_string(environment.home().join("stdin")).expect("a question");
    assert_eq!(stdin, expected);
}

#[test]
fn a_question_about_another_host_and_its_answer_pass_unchanged() {
    let aws = FakeAws::start();
    let environment = with_recorder(&aws);
    let answers = [
        (
            0,
            "{ \"ServerURL\":\"x\",\"Username\":\"<token>\",\"Secret\":\"s\"}\n",
            "",
        ),
        (0, "", "please touch the key\n"),
        (1, NOT_FOUND, ""),
        (1, "no trailing line break", "two\nlines\u{1b}[31m\n"),
        (3, "\n\n", ""),
        (255, "", "x"),
    ];
    for (index, server) in OTHERS.iter().enumerate() {
        let (code, stdout, stderr) = answers[index % answers.len()];
        will_answer(&environment, stdout.as_bytes(), stderr, code);
        for action in ["get", "erase"] {
            let said = environment.run(&[action], server);
            assert_eq!(said, outcome(code, stdout, stderr), "{action} {server:?}");
            assert_eq!(take_calls(&environment), format!("{action}\n"));
            stdin_was(&environment, server);
        }
    }
    let questions = [
        login("ghcr.io"),
        login("ghcr.io").trim_end().to_owned(),
        login("https://index.docker.io/v1/"),
        format!(
            " {{ \"More\" : [1] ,\r\n\t\"Secret\":\"{SECRET}\\u00e9\" ,\"Username\":\" bob \", \"ServerURL\" : \" ghcr.io \" }}\n\n"
        ),
    ];
    for (question, (code, stdout, stderr)) in questions.iter().zip(answers) {
        will_answer(&environment, stdout.as_bytes(), stderr, code);
        let said = environment.run(&["store"], question);
        assert_eq!(said, outcome(code, stdout, stderr), "{question:?}");
        assert_eq!(take_calls(&environment), "store\n");
        stdin_was(&environment, question);
    }
    assert_eq!(aws.connections(), 0);
    assert!(!environment.home().join(".cache").exists());
}

#[test]
fn a_long_answer_of_any_bytes_arrives_whole() {
    let aws = FakeAws::start();
    let environment = with_recorder(&aws);
    let long: Vec<u8> = (0..4 * 1024 * 1024)
        .map(|index| (index % 251) as u8)
        .collect();
    assert!(String::from_utf8(long.clone()).is_err());
    will_answer(&environment, &long, "", 0);
    let output = environment.start(&["get"], b"ghcr.io").wait_with_output();
    let output = output.expect("output");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout == long, "{} bytes", output.stdout.len());
    assert!(output.stderr.is_empty());
}

#[test]
fn a_helper_need_not_read_its_input() {
    let aws = FakeAws::start();
    let question = login("ghcr.io").replace(SECRET, &SECRET.repeat(2000));
    for beginning in ["exec <&-", "read -r part", ":"] {
        let script = format!("#!/bin/sh\n{beginning}\necho answer\necho complaint >&2\nexit 7\n");
        let environment = with_helper(&aws, &script);
        let said = environment.run(&["store"], &question);
        assert_eq!(said, outcome(7, "answer\n", "complaint\n"), "{beginning}");
    }
}

#[test]
fn a_process_that_a_helper_leaves_running_is_not_waited_for() {
    let aws = FakeAws::start();
    // stdout stays open in it; stderr does not, which this test itself reads to the end.
    let script = "#!/bin/sh\necho answer\nsleep 600 2>&- & echo $! >\"$HOME/pid\"\n";
    let environment = with_helper(&aws, script);
    let said = environment.get("ghcr.io");
    let left = pid(&environment);
    let was_running = is_running(left);
    kill_process(left, Signal::TERM).expect("kill");
    assert_eq!(said, outcome(0, "answer\n", ""));
    assert!(was_running);
}

#[test]
fn the_helper_gets_our_environment_and_folder_and_a_sign_that_we_called() {
    let aws = FakeAws::start();
    let script = "#!/bin/sh\necho \"${ECRX_HANDED_OVER%@*} $MINE $(pwd -P)\"\n";
    let mut environment = with_helper(&aws, script);
    environment.set("MINE", "yes");
    let home = environment.home().canonicalize().expect("a folder");
    let expected = format!("1 yes {}\n", home.display());
    assert_eq!(environment.get("ghcr.io"), outcome(0, &expected, ""));
}

#[test]
fn ecr_hosts_are_never_handed_over() {
    let aws = FakeAws::start();
    let environment = with_recorder(&aws);
    let fips = HOST.replace("dkr.ecr", "dkr.ecr-fips");
    let spellings = [
        HOST,
        &format!("https://{HOST}/v2/"),
        &fips,
        "public.ecr.aws",
    ];
    for server in spellings {
        assert_eq!(
            environment.get(server).grant().principal,
            ALICE.2,
            "{server}"
        );
        let stored = environment.run(&["store"], login(server));
        assert_eq!((stored.code, stored.stdout.as_str()), (Some(0), ""));
        assert!(
            stored
                .stderr
                .starts_with("docker-credential-ecrx: no password was saved: "),
            "{stored:?}"
        );
        assert_eq!(environment.run(&["erase"], server), outcome(0, "", ""));
    }
    assert_eq!(take_calls(&environment), "");
    assert!(environment.entries().is_empty());
}

#[test]
fn hosts_of_ones_own_in_front_of_ecr_are_never_handed_over() {
    let aws = FakeAws::start();
    let environment = with_recorder(&aws);
    environment.config(
        "other_registries_helper = \"fake\"\n\
         [[registry]]\nmatch = \"images.example.com\"\naccount = \"999999999999\"\nregion = \"us-west-2\"\n",
    );
    let own = "images.example.com";
    assert_eq!(environment.get(own).grant().principal, ALICE.2);
    assert_eq!(environment.run(&["store"], login(own)).code, Some(0));
    will_answer(&environment, b"{\"images.example.com\":\"bob\"}", "", 0);
    // The registry that it maps to gets the same token.
    let listed = format!("{{\"{HOST}\":\"AWS\",\"{own}\":\"AWS\"}}\n");
    assert_eq!(environment.run(&["list"], ""), outcome(0, &listed, ""));
    assert_eq!(take_calls(&environment), "list\n");
    assert_eq!(environment.run(&["erase"], own), outcome(0, "", ""));
    assert_eq!(take_calls(&environment), "");
    assert!(environment.entries().is_empty());

    // Without the rule, it is passed to the other helper.
    environment.config("other_registries_helper = \"fake\"\n");
    environment.get(own);
    assert_eq!(take_calls(&environment), "get\n");
}

#[test]
fn invalid_input_is_not_passed_to_the_other_helper() {
    let aws = FakeAws::start();
    let environment = with_recorder(&aws);
    let no_server = "no credentials server URL\n";
    environment.get(" \n").failed_with(no_server, "");
    let control = "the server name on stdin contains a control character";
    environment.get("ghcr.io\nghcr.io").failure(control);
    environment.get("gh\0cr.io").failure(control);
    environment
        .run(&["store"], login("gh\\u0007cr.io"))
        .failure(control);
    environment
        .run(&["store"], login(""))
        .failed_with(no_server, "");
    environment
        .run(&["store"], login("ghcr.io").replace("bob", ""))
        .failed_with("no credentials username\n", "");
    assert_eq!(environment.run(&["store"], SECRET).code, Some(1));
    assert_eq!(environment.run(&["erase"], ""), outcome(0, "", ""));
    assert_eq!(environment.run(&["erase"], "a\nb"), outcome(0, "", ""));
    assert_eq!(take_calls(&environment), "");
}

#[test]
fn a_login_that_can_be_kept_is_kept_also_with_ignore_creds_storage() {
    let aws = FakeAws::start();
    let mut environment = with_recorder(&aws);
    environment.set("AWS_ECR_IGNORE_CREDS_STORAGE", "true");
    let said = environment.run(&["store"], login("ghcr.io"));
    assert_eq!(said, outcome(0, "", ""));
    assert_eq!(take_calls(&environment), "store\n");
}

#[test]
fn no_log_holds_what_was_handed_over() {
    let aws = FakeAws::start();
    let mut environment = with_recorder(&aws);
    environment.set("ECRX_LOG", "debug");
    will_answer(&environment, b"", "", 1);
    let said = environment.run(&["store"], login("ghcr.io"));
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
    assert!(!said.stderr.contains(SECRET), "{said:?}");

    let answer = login("ghcr.io");
    will_answer(&environment, answer.as_bytes(), "", 0);
    let said = environment.get("ghcr.io");
    assert_eq!((said.code, said.stdout), (Some(0), answer));
    assert!(!said.stderr.contains(SECRET), "{}", said.stderr);
}
