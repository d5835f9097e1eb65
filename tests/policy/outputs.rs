//! Each set-up in each form, to the letter.

use crate::set_ups::{REPOSITORY, SET_UPS, parts, policy, printed};

fn looks_the_same(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn all_look_the_same(form: &str) {
    for (name, arguments) in SET_UPS {
        let text = printed(arguments, &["--format", form]);
        looks_the_same(&format!("{name}_{form}"), &text);
    }
}

#[test]
fn json_documents_stand_under_headings() {
    all_look_the_same("json");
}

#[test]
fn terraform_resources_stand_under_comments() {
    all_look_the_same("terraform");
}

#[test]
fn commands_stand_under_comments() {
    all_look_the_same("cli");
}

#[test]
fn programs_get_one_list() {
    let (name, arguments) = SET_UPS[0];
    let text = printed(arguments, &["--json"]);
    looks_the_same(&format!("{name}_list"), &text);
}

#[test]
fn json_under_headings_is_the_default_and_pulling_too() {
    let arguments = ["--repository", REPOSITORY, "--principal", "111122223333"];
    let default = policy(&arguments, &[]);
    assert_eq!(default, policy(&arguments, &["--format", "json"]));
    assert_eq!(default, policy(&arguments, &["--pull"]));
}

#[test]
fn pushing_holds_pulling() {
    let arguments = ["--repository", REPOSITORY, "--principal", "111122223333"];
    assert_eq!(
        policy(&arguments, &["--push"]),
        policy(&arguments, &["--push", "--pull"])
    );
}

#[test]
fn a_role_and_its_sessions_count_once() {
    let role = "arn:aws:iam::111122223333:role/ci";
    let session = |name: &str| format!("arn:aws:sts::111122223333:assumed-role/ci/{name}");
    let (one, other) = (session("one"), session("other"));
    let of = |principals: &[&str]| {
        let mut arguments = vec!["--repository", REPOSITORY];
        for principal in principals {
            arguments.extend(["--principal", principal]);
        }
        policy(&arguments, &[])
    };
    assert_eq!(of(&[role, &one, &other]), of(&[role]));
}

#[test]
fn what_is_too_long_for_aws_is_said_to_be() {
    let too_long = |repositories: usize, principal: &str| {
        let arns: Vec<String> = (0..repositories)
            .map(|number| format!("{REPOSITORY}-{number}"))
            .collect();
        let mut arguments = vec!["--principal", principal];
        for arn in &arns {
            arguments.extend(["--repository", arn]);
        }
        let (last, others) = parts(&arguments).split_last().map_or_else(
            || panic!("no part"),
            |(last, others)| (last["notes"].to_string(), format!("{others:?}")),
        );
        assert!(!others.contains(" at most: "), "{others}");
        last.contains("AWS takes 2048 at most: ")
    };
    // A user's inline policies have 2,048 characters at most, a role's 10,240.
    let (user, role) = (
        "arn:aws:iam::111122223333:user/alice",
        "arn:aws:iam::111122223333:role/ci",
    );
    assert!(!too_long(20, user));
    assert!(too_long(40, user));
    assert!(!too_long(40, role));
}

#[test]
fn what_is_given_twice_counts_once() {
    let arguments = ["--repository", REPOSITORY, "--principal", "111122223333"];
    let once = policy(&arguments, &[]);
    let root = "arn:aws:iam::111122223333:root";
    assert_eq!(once, policy(&arguments, &["--principal", root]));
    assert_eq!(once, policy(&arguments, &["--repository", REPOSITORY]));
}

#[test]
fn within_one_account_nothing_is_opened() {
    let arguments = [
        "--repository",
        REPOSITORY,
        "--principal",
        "arn:aws:iam::999999999999:role/node",
        "--scan",
        "--push",
    ];
    let kinds: Vec<String> = parts(&arguments)
        .iter()
        .map(|part| part["kind"].as_str().expect("a text").to_owned())
        .collect();
    assert_eq!(kinds, ["identity-policy"]);
}

/// The configuration may name a registry by a host of one's own.
#[test]
fn a_registry_may_be_named_by_a_host_of_ones_own() {
    let environment = crate::common::TestEnvironment::new();
    environment.config(
        "[[registry]]\nmatch = \"images.example.com\"\naccount = \"999999999999\"\nregion = \"us-west-2\"\n",
    );
    let run = |registry| {
        let arguments = [
            "policy",
            "--registry",
            registry,
            "--principal",
            "111122223333",
        ];
        environment.run(&arguments, "")
    };
    let by_own_name = run("images.example.com");
    assert_eq!(by_own_name.code, Some(0));
    assert_eq!(by_own_name, run("999999999999/us-west-2"));
}
