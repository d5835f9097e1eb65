//! Commands of the AWS CLI, for a POSIX shell.

use crate::policy::iam::{friendly_name, role_name, role_path};
use crate::registry::Region;
use crate::shell_word::shell_word;

use super::notes::{NOTES, comments};
use super::setup::{Setup, SetupPolicy};
use super::target::{Holder, PolicyTarget};

/// All can be pasted at once where all accounts are one's own, each with its credentials.
pub(super) fn write(setup: &Setup) -> String {
    let mut policies: Vec<String> = setup
        .policies
        .iter()
        .map(|policy| write_policy(policy, setup))
        .collect();
    if !setup.notes.is_empty() {
        policies.push(comments(NOTES, &setup.notes));
    }
    policies.join("\n")
}

fn write_policy(policy: &SetupPolicy, setup: &Setup) -> String {
    let SetupPolicy {
        target,
        notes,
        document,
    } = policy;
    let mut notes = notes.clone();
    let document = document.to_string();
    let document = shell_word(&document);
    let region = &setup.region;
    let commands = match target {
        PolicyTarget::Repository(repository) => {
            let which = format!(
                "--region {} --registry-id {} --repository-name {}",
                repository.region(),
                repository.account(),
                shell_word(repository.name())
            );
            vec![
                format!("aws ecr get-repository-policy {which}"),
                format!("aws ecr set-repository-policy {which} --policy-text {document}"),
            ]
        }
        PolicyTarget::Registry { region, .. } => {
            let mut commands = scope(region).to_vec();
            commands.push(format!("aws ecr get-registry-policy --region {region}"));
            commands.push(format!(
                "aws ecr put-registry-policy --region {region} --policy-text {document}"
            ));
            commands
        }
        PolicyTarget::Trust(role) => {
            let path = role_path(role)
                .map_or_else(String::new, |path| format!(" --path {}", shell_word(&path)));
            let role = shell_word(role_name(role));
            notes.push(format!(
                "Where the role is there already: aws iam update-assume-role-policy --role-name \
                 {role} --policy-document, with the same document; it replaces the one there."
            ));
            vec![format!(
                "aws iam create-role --region {region} --role-name {role}{path} \
                 --assume-role-policy-document {document}"
            )]
        }
        PolicyTarget::Identity { holder, name } => {
            vec![identity(holder, &shell_word(name), region, &document)]
        }
    };
    let mut text = comments(&target.heading(), &notes);
    for command in commands {
        text.push_str(&command);
        text.push('\n');
    }
    text
}

/// IAM has no regions, but its endpoint is the partition's, which the region tells.
fn identity(holder: &Holder, policy: &str, region: &Region, document: &str) -> String {
    match holder {
        Holder::Role(role) => format!(
            "aws iam put-role-policy --region {region} --role-name {} --policy-name {policy} \
             --policy-document {document}",
            shell_word(role_name(role))
        ),
        Holder::User { user, .. } => format!(
            "aws iam put-user-policy --region {region} --user-name {} --policy-name {policy} \
             --policy-document {document}",
            shell_word(friendly_name(user))
        ),
        Holder::PermissionSet { .. } => format!(
            "aws sso-admin put-inline-policy-to-permission-set --instance-arn \"$INSTANCE_ARN\" \
             --permission-set-arn \"$PERMISSION_SET_ARN\" --inline-policy {document}"
        ),
        Holder::Any(_) | Holder::AnyOf(_) => format!(
            "aws iam create-policy --region {region} --policy-name {policy} \
             --policy-document {document}"
        ),
    }
}

/// Looks at the scope of a registry's policy, and sets it. These take no registry id.
pub(super) fn scope(region: &Region) -> [String; 2] {
    [
        format!("aws ecr get-account-setting --region {region} --name REGISTRY_POLICY_SCOPE"),
        format!(
            "aws ecr put-account-setting --region {region} --name REGISTRY_POLICY_SCOPE --value V2"
        ),
    ]
}
