//! What a `credential_process` repeats of its command line, its environment and its answer.

use crate::common::fake_aws::FakeAws;
use crate::common::{HOST, TestEnvironment};
use crate::search::{Search, Tokens};

const SECRET: &str = "Quixotic-jackdaw/7+vexed";

const COMMANDS: [(&[&str], &str); 6] = [
    (&["get"], HOST),
    (&["get"], HOST),
    (&["whoami", HOST], ""),
    (&["cache", "list", "--json"], ""),
    (&["doctor", HOST], ""),
    (&["config", "show", HOST], ""),
];

/// Runs this script as the process of a profile, and looks for the secret wherever it could be.
/// `shown` must be there.
#[track_caller]
fn is_hidden(arguments: &str, script: &str, shown: &str) {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_config(&format!(
        "[profile work]\ncredential_process = sh ./tool.sh {arguments}\n"
    ));
    environment
        .set("AWS_PROFILE", "work")
        .set("PATH", "/usr/bin:/bin")
        .set("VAULT_TOKEN", SECRET)
        .set("ECRX_LOG", "debug");
    environment.write("tool.sh", script);
    let mut search = Search::new(&environment, &[SECRET.to_owned()]);
    let mut all = String::new();
    for (command, input) in COMMANDS {
        let outcome = environment.run(command, input);
        let what = format!("{arguments}, {script}, {command:?}");
        search.look(&aws, &environment, &what, &outcome, Tokens::Hidden);
        all.push_str(&outcome.stdout);
        environment.keep_marks();
    }
    assert!(all.contains(shown), "{all}");
}

#[test]
fn arguments_that_a_process_repeats_are_never_shown_or_kept() {
    for arguments in [
        format!("--token {SECRET}"),
        format!("--token='{SECRET}'"),
        format!("get {SECRET}"),
        "--token \"$VAULT_TOKEN\"".to_owned(),
    ] {
        is_hidden(
            &arguments,
            "echo \"tool: refused: $*\" >&2\nexit 3\n",
            "tool: refused: ",
        );
    }
}

#[test]
fn an_environment_that_a_process_prints_is_never_shown_or_kept() {
    is_hidden("", "env | grep VAULT >&2\nexit 3\n", "VAULT_TOKEN=…");
}

#[test]
fn keys_that_a_process_prints_with_its_complaint_are_never_shown_or_kept() {
    for answer in [
        format!(r#"{{"Version": 1, "SecretAccessKey": "{SECRET}""#),
        format!("AWS_SECRET_ACCESS_KEY={SECRET}"),
        SECRET.to_owned(),
    ] {
        let script = format!("echo '{answer}'\necho 'no {SECRET} today' >&2\nexit 3\n");
        is_hidden("", &script, "no … today");
    }
    let script = format!("echo 'got SessionToken: \"{SECRET}\"' >&2\nexit 3\n");
    is_hidden("", &script, "got SessionToken: ");
}
