//! The set-ups that the tests print.

use serde_json::Value;

use crate::common::{Outcome, TestEnvironment};

pub const REPOSITORY: &str = "arn:aws:ecr:us-west-2:999999999999:repository/team/app";

/// One of each kind: its name in these tests, and its arguments.
pub const SET_UPS: &[(&str, &[&str])] = &[
    (
        // By the role of a session, an account, and a user of the registry's account.
        "pull",
        &[
            "--repository",
            REPOSITORY,
            "--principal",
            "arn:aws:sts::111122223333:assumed-role/ecr-pull/i-0123456789abcdef0",
            "--principal",
            "444455556666",
            "--principal",
            "arn:aws:iam::999999999999:user/team/bob",
        ],
    ),
    (
        "push_by_organization",
        &[
            "--registry",
            "999999999999.dkr.ecr.us-west-2.amazonaws.com",
            "--org",
            "o-abcdefghij",
            "--push",
        ],
    ),
    (
        // One of the callers is a session of IAM Identity Center.
        "push_by_role",
        &[
            "--registry",
            "999999999999/us-west-2",
            "--principal",
            "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Release_0123456789abcdef/alice",
            "--principal",
            "arn:aws:iam::444455556666:role/ci/build",
            "--push",
            "--role-arn",
            "arn:aws:iam::999999999999:role/team/ecr-push",
            "--external-id",
            "build",
        ],
    ),
    (
        // From repositories in two accounts, one of them a caller's.
        "pull_and_scan_in_china",
        &[
            "--repository",
            "arn:aws-cn:ecr:cn-north-1:999999999999:repository/team/app",
            "--repository",
            "arn:aws-cn:ecr:cn-north-1:999999999999:repository/team-app",
            "--repository",
            "arn:aws-cn:ecr:cn-northwest-1:444455556666:repository/base",
            "--principal",
            "arn:aws-cn:iam::111122223333:role/ecr-pull",
            "--principal",
            "arn:aws-cn:iam::444455556666:role/audit",
            "--pull",
            "--scan",
        ],
    ),
    (
        "scan_by_role",
        &[
            "--registry",
            "999999999999/us-gov-west-1",
            "--org",
            "o-abcdefghij",
            "--scan",
            "--role-arn",
            "arn:aws-us-gov:iam::999999999999:role/findings",
        ],
    ),
    (
        "pull_within_one_account",
        &[
            "--registry",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/app:1.0",
            "--principal",
            "arn:aws:iam::111122223333:role/node",
        ],
    ),
];

pub fn policy(arguments: &[&str], form: &[&str]) -> Outcome {
    let all = [&["policy"], arguments, form].concat();
    TestEnvironment::new().run(&all, "")
}

/// The output of a run that succeeds.
#[track_caller]
pub fn printed(arguments: &[&str], form: &[&str]) -> String {
    let outcome = policy(arguments, form);
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (Some(0), ""),
        "{arguments:?}"
    );
    outcome.stdout
}

/// The parts, as `--json` prints them.
#[track_caller]
pub fn parts(arguments: &[&str]) -> Vec<Value> {
    parts_in(&printed(arguments, &["--json"]))
}

/// The parts in an output of `--json`.
#[track_caller]
pub fn parts_in(json: &str) -> Vec<Value> {
    let report: Value = serde_json::from_str(json).expect("JSON");
    report["policies"].as_array().expect("a list").clone()
}
