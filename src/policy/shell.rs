//! AWS CLI commands, for a POSIX shell: a section or script for each account, as the commands take
//! its credentials.

use crate::iam::{friendly_name, role_name, role_path};
use crate::shell_word::shell_word;

use super::notes::{
    Note, Purpose, comment, general_comments, note_comment, note_with_commands,
    partition_of_commands, permission_set_options, repository_options,
};
use super::setup::{OutputFile, Setup, SetupPolicy};
use super::target::{Holder, Owner, PolicyTarget};

/// The sections of all accounts.
pub(super) fn write(setup: &Setup) -> String {
    let mut parts: Vec<String> = scripts(setup).into_iter().map(|it| it.text).collect();
    let notes = general_notes(setup);
    if !notes.is_empty() {
        parts.push(notes);
    }
    parts.join("\n")
}

/// The commands for each account, in the order of its first policy.
pub(super) fn scripts(setup: &Setup) -> Vec<OutputFile> {
    let mut sections: Vec<(Owner<'_>, Vec<String>)> = Vec::new();
    for policy in &setup.policies {
        let (owner, text) = (policy.target.owner(), write_policy(policy));
        match sections.iter_mut().find(|(known, _)| *known == owner) {
            Some((_, texts)) => texts.push(text),
            None => sections.push((owner, vec![section_heading(owner), text])),
        }
    }
    sections
        .into_iter()
        .map(|(owner, texts)| OutputFile {
            stem: match owner {
                Owner::Account(account) => format!("{account}-commands"),
                Owner::IdentityCenter => "identity-center-commands".to_owned(),
                Owner::Members(organization) => format!("{organization}-commands"),
            },
            text: texts.join("\n"),
        })
        .collect()
}

/// Names the account and its credentials.
fn section_heading(owner: Owner<'_>) -> String {
    let (name, credentials) = match owner {
        Owner::Account(account) => (
            format!("Account {account}"),
            "Run these commands with credentials of this account.",
        ),
        Owner::IdentityCenter => (
            "IAM Identity Center".to_owned(),
            "Run these commands with credentials of the account that manages IAM Identity Center.",
        ),
        Owner::Members(organization) => (
            format!("Each account of the organization {organization}"),
            "Run these commands once in each account, with credentials of that account.",
        ),
    };
    format!("# ==== {name} ====\n{}", comment(credentials))
}

/// The notes on the whole set-up, as comments.
pub(super) fn general_notes(setup: &Setup) -> String {
    let mut notes = setup.notes.clone();
    notes.extend(partition_of_commands(&setup.region));
    general_comments(&notes)
}

/// Each command follows the note that it belongs to.
fn write_policy(policy: &SetupPolicy) -> String {
    let mut text = comment(&policy.target.heading());
    let (plain, with_commands): (Vec<_>, Vec<_>) = policy
        .notes
        .iter()
        .partition(|note| note.commands.is_empty());
    let (last, first): (Vec<_>, Vec<_>) = with_commands
        .into_iter()
        .partition(|note| note.purpose == Purpose::Finish);
    text.extend(plain.into_iter().chain(first).map(step));
    text.push_str(&main_commands(policy));
    text.extend(last.into_iter().map(step));
    text
}

/// A note as a comment, and its commands, each on one line.
fn step(note: &Note) -> String {
    let commands = note.commands.iter().map(|command| format!("{command}\n"));
    note_comment(note) + &commands.collect::<String>()
}

/// The commands that set the policy, after a note.
fn main_commands(policy: &SetupPolicy) -> String {
    let document = policy.document.to_string();
    let document = shell_word(&document);
    let (note, command) = match &policy.target {
        PolicyTarget::Repository(repository) => (
            "To set the policy, run:",
            format!(
                "aws ecr set-repository-policy {} --policy-text {document}",
                repository_options(repository)
            ),
        ),
        PolicyTarget::Registry { region, .. } => (
            "To set the policy, run:",
            format!("aws ecr put-registry-policy --region {region} --policy-text {document}"),
        ),
        PolicyTarget::Trust(role) => {
            let path = role_path(role)
                .map_or_else(String::new, |path| format!(" --path {}", shell_word(&path)));
            let role = shell_word(role_name(role));
            return create_role(&role, &path, &document);
        }
        PolicyTarget::Identity { holder, name } => identity(holder, &shell_word(name), &document),
    };
    note_comment(&note.into()) + &command + "\n"
}

/// Commands that create a role, and a comment with the command for an existing one.
fn create_role(role: &str, path: &str, document: &str) -> String {
    let mut text = note_comment(&"To create the role, run:".into());
    text.push_str(&format!(
        "TRUST_POLICY={document}\n\
         aws iam create-role --role-name {role}{path} --assume-role-policy-document \
         \"$TRUST_POLICY\"\n"
    ));
    let mut note = Note::from("If the role already exists, replace its trust policy instead:");
    note.commands.push(format!(
        "aws iam update-assume-role-policy --role-name {role} --policy-document \"$TRUST_POLICY\""
    ));
    text + &note_with_commands(&note)
}

/// A note, and the command that attaches or creates the policy. IAM commands have no region.
fn identity(holder: &Holder, policy: &str, document: &str) -> (&'static str, String) {
    match holder {
        Holder::Role(role) => (
            "To attach the policy, run:",
            format!(
                "aws iam put-role-policy --role-name {} --policy-name {policy} --policy-document \
                 {document}",
                shell_word(role_name(role))
            ),
        ),
        Holder::User { user, .. } => (
            "To attach the policy, run:",
            format!(
                "aws iam put-user-policy --user-name {} --policy-name {policy} --policy-document \
                 {document}",
                shell_word(friendly_name(user))
            ),
        ),
        Holder::PermissionSet { name, .. } => (
            "To set the policy, run:",
            format!(
                "aws sso-admin put-inline-policy-to-permission-set {} --inline-policy {document}",
                permission_set_options(name)
            ),
        ),
        Holder::Any(_) | Holder::AnyOf(_) => (
            "To create the policy, run:",
            format!("aws iam create-policy --policy-name {policy} --policy-document {document}"),
        ),
    }
}
