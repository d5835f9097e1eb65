//! Each set-up in each format, to the letter.

use crate::set_ups::{REPOSITORY, SET_UPS, parts, parts_in, policy, printed};

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
fn text_is_json_documents_under_headings() {
    all_look_the_same("text");
}

#[test]
fn terraform_resources_are_under_comments() {
    all_look_the_same("terraform");
}

#[test]
fn commands_are_under_the_notes_they_belong_to() {
    all_look_the_same("cli");
}

#[test]
fn cloudformation_templates_are_under_comments() {
    all_look_the_same("cloudformation");
}

#[test]
fn format_json_is_one_json_object_with_a_list_of_all_documents() {
    for (name, arguments) in SET_UPS {
        let list = parts_in(&printed(arguments, &["--format", "json"]));
        assert!(!list.is_empty(), "{name}");
        assert!(
            list.iter().all(|part| part["document"].is_object()),
            "{name}"
        );
    }
    let (name, arguments) = SET_UPS[0];
    looks_the_same(&format!("{name}_json"), &printed(arguments, &["--json"]));
}

#[test]
fn json_means_the_same_as_format_json() {
    for (_, arguments) in SET_UPS {
        assert_eq!(
            printed(arguments, &["--json"]),
            printed(arguments, &["--format", "json"])
        );
    }
}

#[test]
fn text_and_pulling_are_the_defaults() {
    let arguments = ["--repository", REPOSITORY, "--principal", "111122223333"];
    let default = policy(&arguments, &[]);
    assert_eq!(default, policy(&arguments, &["--format", "text"]));
    assert_eq!(default, policy(&arguments, &["--pull"]));
}

#[test]
fn push_includes_pull() {
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
fn a_document_that_is_too_long_for_aws_has_a_note() {
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
        assert!(!others.contains("accepts at most"), "{others}");
        last.contains("but AWS accepts at most 2048. ")
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
fn a_repeated_argument_counts_once() {
    let arguments = ["--repository", REPOSITORY, "--principal", "111122223333"];
    let once = policy(&arguments, &[]);
    let root = "arn:aws:iam::111122223333:root";
    assert_eq!(once, policy(&arguments, &["--principal", root]));
    assert_eq!(once, policy(&arguments, &["--repository", REPOSITORY]));
}

#[test]
fn within_one_account_an_identity_policy_is_enough() {
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

#[test]
fn a_registry_can_be_named_by_a_custom_host() {
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
