//! The commands, given to a real shell.

use serde_json::Value;

use crate::common::TestEnvironment;
use crate::set_ups::{SET_UPS, parts, printed};

/// In place of the AWS CLI: its arguments, each on lines of its own before a mark.
const AWS: &str = "#!/bin/sh\nfor word; do printf '%s\\n\\036\\n' \"$word\"; done >>\"$LOG\"\nprintf '\\035\\n' >>\"$LOG\"\n";

/// What a shell makes of the commands: the words of each call of `aws`.
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
    environment.set("PERMISSION_SET_ARN", "the permission set");
    let outcome = environment.run_program("/bin/sh", &["-eu"], commands);
    assert_eq!(
        (outcome.code, &*outcome.stdout, &*outcome.stderr),
        (Some(0), "", "")
    );
    let text = std::fs::read_to_string(log).expect("what was called");
    text.split_terminator("\u{1d}\n")
        .map(|call| {
            call.split_terminator("\n\u{1e}\n")
                .map(str::to_owned)
                .collect()
        })
        .collect()
}

#[test]
fn a_shell_hands_the_cli_the_very_documents() {
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
        assert_eq!(documents, expected, "{name}");
        for call in &calls {
            let is_of_identity_center = call[0] == "sso-admin";
            assert!(
                is_of_identity_center || call.contains(&"--region".to_owned()),
                "{call:?}"
            );
        }
    }
}

/// What it is called with, its documents aside.
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
fn a_registrys_scope_is_looked_at_and_switched_first() {
    assert_eq!(
        words(SET_UPS[1].1),
        [
            "ecr get-account-setting --region us-west-2 --name REGISTRY_POLICY_SCOPE",
            "ecr put-account-setting --region us-west-2 --name REGISTRY_POLICY_SCOPE --value V2",
            "ecr get-registry-policy --region us-west-2",
            "ecr put-registry-policy --region us-west-2 --policy-text {…}",
            "iam create-policy --region us-west-2 --policy-name ecr-push-999999999999 \
             --policy-document {…}",
        ]
    );
}

#[test]
fn each_document_is_put_where_it_belongs() {
    assert_eq!(
        words(SET_UPS[0].1),
        [
            "ecr get-repository-policy --region us-west-2 --registry-id 999999999999 \
             --repository-name team/app",
            "ecr set-repository-policy --region us-west-2 --registry-id 999999999999 \
             --repository-name team/app --policy-text {…}",
            "iam put-role-policy --region us-west-2 --role-name ecr-pull --policy-name \
             ecr-pull-999999999999 --policy-document {…}",
            "iam create-policy --region us-west-2 --policy-name ecr-pull-999999999999 \
             --policy-document {…}",
            "iam put-user-policy --region us-west-2 --user-name bob --policy-name \
             ecr-pull-999999999999 --policy-document {…}",
        ]
    );
    assert_eq!(
        words(SET_UPS[2].1),
        [
            "iam create-role --region us-west-2 --role-name ecr-push --path /team/ \
             --assume-role-policy-document {…}",
            "iam put-role-policy --region us-west-2 --role-name ecr-push --policy-name \
             ecr-push-999999999999 --policy-document {…}",
            "sso-admin put-inline-policy-to-permission-set --instance-arn the instance \
             --permission-set-arn the permission set --inline-policy {…}",
            "iam put-role-policy --region us-west-2 --role-name build --policy-name \
             assume-ecr-push-999999999999 --policy-document {…}",
        ]
    );
}
