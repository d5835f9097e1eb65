//! The commands, run by a real shell.

use serde_json::Value;

use crate::common::TestEnvironment;
use crate::set_ups::{SET_UPS, parts, printed};

/// Replaces the AWS CLI, and logs its arguments, each followed by a mark.
const AWS: &str = "#!/bin/sh\nfor word; do printf '%s\\n\\036\\n' \"$word\"; done >>\"$LOG\"\nprintf '\\035\\n' >>\"$LOG\"\n";

/// The words of each call of `aws`, as a shell parses the commands.
fn calls(commands: &str) -> Vec<Vec<String>> {
    use std::os::unix::fs::PermissionsExt as _;

    let mut environment = TestEnvironment::new();
    let aws = environment.write("bin/aws", AWS);
    std::fs::set_permissions(&aws, std::fs::Permissions::from_mode(0o755)).expect("a program");
    let log = environment.write("log", "");
    let folder = environment.home().join("bin").display().to_string();
    environment.set("PATH", &folder);
    environment.set("LOG", &log.display().to_string());
    environment.set("INSTANCE_ARN", "the instance");
    environment.set("PERMISSION_SET_ARN_RELEASE", "the permission set");
    environment.set("ROLE_NAME", "the role");
    environment.set("ACCOUNT_ID", "444455556666");
    let outcome = environment.run_program("/bin/sh", &["-eu"], commands);
    assert_eq!(
        (outcome.code, &*outcome.stdout, &*outcome.stderr),
        (Some(0), "", "")
    );
    let text = std::fs::read_to_string(log).expect("the log");
    text.split_terminator("\u{1d}\n")
        .map(|call| {
            call.split_terminator("\n\u{1e}\n")
                .map(str::to_owned)
                .collect()
        })
        .collect()
}

#[test]
fn the_aws_cli_gets_the_documents_unchanged() {
    for (name, arguments) in SET_UPS {
        let calls = calls(&printed(arguments, &["--format", "cli"]));
        let documents: Vec<Value> = calls
            .iter()
            .filter_map(|call| call.last())
            .filter(|word| word.starts_with('{'))
            .map(|word| serde_json::from_str(word).expect("a document"))
            .collect();
        let expected: Vec<Value> = parts(arguments)
            .into_iter()
            .map(|mut part| part["document"].take())
            .collect();
        assert_eq!(documents.len(), expected.len(), "{name}");
        for document in expected {
            assert!(documents.contains(&document), "{name}: {document}");
        }
    }
}

/// The headings of the sections, each with the headings of its policies.
fn sections(commands: &str) -> Vec<(String, Vec<String>)> {
    let mut sections: Vec<(String, Vec<String>)> = Vec::new();
    let lines: Vec<&str> = commands.lines().collect();
    for pair in lines.windows(2) {
        if let Some(name) = pair[0].strip_prefix("# ==== ") {
            let name = name.strip_suffix(" ====").expect("a heading");
            assert!(pair[1].contains("with credentials of"), "{}", pair[1]);
            sections.push((name.to_owned(), Vec::new()));
        } else if let Some(heading) = pair[0].strip_prefix("# ")
            && heading.contains(" policy of ")
            && let Some((_, headings)) = sections.last_mut()
            && !heading.starts_with('-')
        {
            headings.push(heading.to_owned());
        }
    }
    sections
}

#[test]
fn the_commands_of_each_account_are_in_a_section_that_names_its_credentials() {
    for (name, arguments) in SET_UPS {
        let text = printed(arguments, &["--format", "cli"]);
        let sections = sections(&text);
        assert!(text.starts_with("# ==== "), "{name}: {text}");
        for (number, (section, headings)) in sections.iter().enumerate() {
            let is_known = |(other, _): &(String, _)| other == section;
            assert!(
                !sections[..number].iter().any(is_known),
                "{name}: {section}"
            );
            for heading in headings {
                assert!(heading.starts_with(section), "{name}: {section}: {heading}");
            }
        }
        let owners: std::collections::BTreeSet<String> = parts(arguments)
            .iter()
            .map(|part| {
                let heading = part["heading"].as_str().expect("a heading");
                let end = heading.find([':', ',']).expect("an owner");
                heading[..end].to_owned()
            })
            .collect();
        assert_eq!(sections.len(), owners.len(), "{name}: {owners:?}");
    }
}

#[test]
fn iam_commands_name_no_region_and_ecr_commands_do() {
    for (_, arguments) in SET_UPS {
        for call in calls(&printed(arguments, &["--format", "cli"])) {
            let names_a_region = call.contains(&"--region".to_owned());
            assert_eq!(names_a_region, call[0] == "ecr", "{call:?}");
        }
    }
}

#[test]
fn each_identity_policy_is_attached() {
    for (name, arguments) in SET_UPS {
        let calls = calls(&printed(arguments, &["--format", "cli"]));
        let count = |command: &str| calls.iter().filter(|call| call[1] == command).count();
        let attached = count("put-role-policy")
            + count("put-user-policy")
            + count("attach-role-policy")
            + count("provision-permission-set");
        let parts = parts(arguments);
        let policies = parts
            .iter()
            .filter(|part| part["kind"] == "identity-policy");
        assert_eq!(attached, policies.count(), "{name}");
        assert_eq!(
            count("create-policy"),
            count("attach-role-policy"),
            "{name}"
        );
    }
}

#[test]
fn a_variable_that_is_not_set_stops_the_shell() {
    let commands = printed(SET_UPS[1].1, &["--format", "cli"]);
    let environment = TestEnvironment::new();
    let attach = commands
        .lines()
        .find(|line| line.starts_with("aws iam attach-role-policy"))
        .expect("a command");
    let outcome = environment.run_program("/bin/sh", &[], format!("{attach}\n"));
    assert_ne!(outcome.code, Some(0));
    assert!(outcome.stderr.contains("ROLE_NAME"), "{}", outcome.stderr);
}

/// The calls, without the documents.
fn words(arguments: &[&str]) -> Vec<String> {
    calls(&printed(arguments, &["--format", "cli"]))
        .iter()
        .map(|call| {
            let plain: Vec<&str> = call
                .iter()
                .map(|word| if word.starts_with('{') { "{…}" } else { word })
                .collect();
            plain.join(" ")
        })
        .collect()
}

#[test]
fn the_registry_policy_scope_is_checked_and_set_first() {
    assert_eq!(
        words(SET_UPS[1].1),
        [
            "ecr get-account-setting --region us-west-2 --name REGISTRY_POLICY_SCOPE",
            "ecr put-account-setting --region us-west-2 --name REGISTRY_POLICY_SCOPE --value V2",
            "ecr get-registry-policy --region us-west-2",
            "ecr put-registry-policy --region us-west-2 --policy-text {…}",
            "iam create-policy --policy-name ecr-push-999999999999 --policy-document {…}",
            "iam attach-role-policy --role-name the role --policy-arn \
             arn:aws:iam::444455556666:policy/ecr-push-999999999999",
        ]
    );
}

#[test]
fn each_document_is_put_on_its_resource_or_identity() {
    assert_eq!(
        words(SET_UPS[0].1),
        [
            "ecr get-repository-policy --region us-west-2 --registry-id 999999999999 \
             --repository-name team/app",
            "ecr set-repository-policy --region us-west-2 --registry-id 999999999999 \
             --repository-name team/app --policy-text {…}",
            "iam put-user-policy --user-name bob --policy-name \
             ecr-pull-999999999999 --policy-document {…}",
            "iam put-role-policy --role-name ecr-pull --policy-name \
             ecr-pull-999999999999 --policy-document {…}",
            "iam create-policy --policy-name ecr-pull-999999999999 --policy-document {…}",
            "iam attach-role-policy --role-name the role --policy-arn \
             arn:aws:iam::444455556666:policy/ecr-pull-999999999999",
        ]
    );
    assert_eq!(
        words(SET_UPS[2].1),
        [
            "iam create-role --role-name ecr-push --path /team/ \
             --assume-role-policy-document {…}",
            "iam put-role-policy --role-name ecr-push --policy-name \
             ecr-push-999999999999 --policy-document {…}",
            "sso-admin get-inline-policy-for-permission-set --instance-arn the instance \
             --permission-set-arn the permission set",
            "sso-admin put-inline-policy-to-permission-set --instance-arn the instance \
             --permission-set-arn the permission set --inline-policy {…}",
            "sso-admin provision-permission-set --instance-arn the instance \
             --permission-set-arn the permission set --target-type ALL_PROVISIONED_ACCOUNTS",
            "iam put-role-policy --role-name build --policy-name \
             assume-ecr-push-999999999999 --policy-document {…}",
        ]
    );
}

#[test]
fn each_permission_set_has_its_own_variable() {
    let role = |name: &str| {
        format!("arn:aws:iam::111122223333:role/AWSReservedSSO_{name}_0123456789abcdef")
    };
    let (one, other) = (role("Release"), role("Power-User"));
    let repository = crate::set_ups::REPOSITORY;
    let arguments = [
        "--repository",
        repository,
        "--principal",
        &one,
        "--principal",
        &other,
    ];
    let text = printed(&arguments, &["--format", "cli"]);
    for variable in ["RELEASE", "POWER_USER"] {
        let option = format!("\"${{PERMISSION_SET_ARN_{variable}:?}}\" --inline-policy ");
        assert_eq!(text.matches(&option).count(), 1, "{text}");
    }
}
