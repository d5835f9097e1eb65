//! Notes on policies, each with the commands that belong to it.

use serde::Serialize;

use crate::commands::page::MAX_WIDTH;
use crate::iam::{Access, Callers, Document, RepositoryArn};
use crate::registry::{AccountId, Partition, Region, RoleArn};
use crate::shell_word::shell_word;

use super::grant::Grant;
use super::target::{Holder, PolicyTarget};

/// The heading of the notes on the whole set-up.
pub(super) const NOTES: &str = "Notes";

/// The options that name a permission set. The shell stops if a variable is not set.
pub(super) fn permission_set_options(name: &str) -> String {
    let variable = permission_set_variable(name);
    format!("--instance-arn \"${{INSTANCE_ARN:?}}\" --permission-set-arn \"${{{variable}:?}}\"")
}

/// Each permission set has its own variable, so that no policy is set on the wrong one.
fn permission_set_variable(name: &str) -> String {
    let word = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    format!("PERMISSION_SET_ARN_{}", word.to_ascii_uppercase())
}

const ONE_ACCOUNT: &str = "No other policy is needed. Within one account, an identity policy is \
    enough, unless the repository policy denies access.";

/// A note of a few sentences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Note {
    pub text: String,
    pub commands: Vec<String>,
    #[serde(skip)]
    pub purpose: Purpose,
}

/// The purpose of the commands of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// They read, or they are run elsewhere.
    Look,
    /// They change a setting before the policy is attached.
    Prepare,
    /// They complete the change after the policy is attached.
    Finish,
}

impl Note {
    fn with(text: impl Into<String>, purpose: Purpose, commands: &[String]) -> Self {
        Self {
            text: text.into(),
            commands: commands.to_vec(),
            purpose,
        }
    }
}

impl From<String> for Note {
    fn from(text: String) -> Self {
        Self::with(text, Purpose::Look, &[])
    }
}

impl From<&str> for Note {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

pub(super) fn one_account() -> Note {
    ONE_ACCOUNT.into()
}

/// The scope that a registry policy must have to control pulls and pushes: the ECR user guide,
/// "Private registry permissions". These commands have no option for a registry ID.
fn scope(region: &Region) -> Note {
    let of_scope = format!("--region {region} --name REGISTRY_POLICY_SCOPE");
    Note::with(
        "The registry policy scope must be V2. Older registries may have V1, which does not support \
         these actions. Check the scope, then set it to V2:",
        Purpose::Prepare,
        &[
            format!("aws ecr get-account-setting {of_scope}"),
            format!("aws ecr put-account-setting {of_scope} --value V2"),
        ],
    )
}

pub(super) fn scanning(region: &Region) -> Vec<Note> {
    vec![
        Note::with(
            "The role for scan findings is needed with enhanced scanning only, not with basic \
             scanning. To see the scanning type of a registry, run:",
            Purpose::Look,
            &[format!(
                "aws ecr get-registry-scanning-configuration --region {region}"
            )],
        ),
        "In an organization, the delegated administrator of Amazon Inspector can read the findings \
         of all member accounts without a role."
            .into(),
    ]
}

/// The AWS managed policy that allows the same and more, except for `missing`. `whose` is the
/// caller or the role that it is attached to.
pub(super) fn managed_policy(grant: &Grant, whose: &str, missing: &[&str]) -> Note {
    let partition = Partition::of_region(grant.region());
    let name = match grant.access[..] {
        [Access::Pull] => "PullOnly",
        [Access::Push, ..] => "PowerUser",
        _ => "ReadOnly",
    };
    let exception = match missing {
        [] => String::new(),
        missing => format!(" It does not allow {}.", missing.join(" or ")),
    };
    format!(
        "The AWS managed policy arn:{partition}:iam::aws:policy/AmazonEC2ContainerRegistry{name} \
         can be attached instead.{exception} It is broader: it also covers all repositories in the \
         {whose}'s own account, and every other repository that allows the {whose}."
    )
    .into()
}

/// `owner` has the policy, a repository or the registry; `get` prints the current one.
fn resource_policy(grant: &Grant, callers: &Callers, owner: &str, get: String) -> Vec<Note> {
    let mut notes = vec![Note::with(
        format!(
            "Setting this policy replaces the current {owner} policy. If one exists, add these \
             statements to it. To print the current policy, run:"
        ),
        Purpose::Look,
        &[get],
    )];
    notes.extend(callers.caveats().into_iter().map(Note::from));
    if grant.access.contains(&Access::Scan) {
        let text = "For scan findings, this policy is enough with basic scanning only.";
        notes.push(text.into());
    }
    notes
}

pub(super) fn repository_policy(
    grant: &Grant,
    callers: &Callers,
    repository: &RepositoryArn,
) -> Vec<Note> {
    let get = format!(
        "aws ecr get-repository-policy {}",
        repository_options(repository)
    );
    resource_policy(grant, callers, "repository", get)
}

/// The options that name a repository.
pub(super) fn repository_options(repository: &RepositoryArn) -> String {
    format!(
        "--region {} --registry-id {} --repository-name {}",
        repository.region(),
        repository.account(),
        shell_word(repository.name())
    )
}

pub(super) fn registry_policy(grant: &Grant, callers: &Callers, region: &Region) -> Vec<Note> {
    let get = format!("aws ecr get-registry-policy --region {region}");
    let mut notes = vec![scope(region)];
    notes.extend(resource_policy(grant, callers, "registry", get));
    notes
}

pub(super) fn orchestrators(grant: &Grant) -> Vec<Note> {
    if !grant.needs_tokens() {
        return Vec::new();
    }
    vec![
        "On Amazon ECS, the principal is the task execution role (executionRoleArn), not the task \
         role."
            .into(),
        "On Amazon EKS, the principal is the node role, or the pod execution role on Fargate. The \
         kubelet pulls images, so the role of a pod's service account is not used."
            .into(),
    ]
}

/// How an identity policy is attached, if putting it does not attach it.
pub(super) fn attachment(grant: &Grant, holder: &Holder, policy: &str) -> Vec<Note> {
    let partition = Partition::of_region(grant.region());
    let account = match holder {
        Holder::Role(_) | Holder::User { .. } => return Vec::new(),
        Holder::PermissionSet { name, .. } => return permission_set(name),
        Holder::Any(account) => account.to_string(),
        Holder::AnyOf(_) => "${ACCOUNT_ID:?}".to_owned(),
    };
    let variables = match holder {
        Holder::AnyOf(_) => "ROLE_NAME to the role and ACCOUNT_ID to its account",
        _ => "ROLE_NAME to the name of the role",
    };
    vec![Note::with(
        format!(
            "After the policy {policy} is created, attach it to each role that needs access. Set \
             {variables}. For a user, run attach-user-policy with --user-name."
        ),
        Purpose::Finish,
        &[format!(
            "aws iam attach-role-policy --role-name \"${{ROLE_NAME:?}}\" --policy-arn \
             \"arn:{partition}:iam::{account}:policy/{policy}\""
        )],
    )]
}

fn permission_set(name: &str) -> Vec<Note> {
    let options = permission_set_options(name);
    let variable = permission_set_variable(name);
    vec![
        Note::from(format!(
            "A role of IAM Identity Center cannot be changed directly. The policy belongs to the \
             permission set {name}, in the account that manages Identity Center."
        )),
        Note::with(
            format!(
                "Setting this policy replaces the current inline policy. If one exists, add these \
                 statements to it. Set INSTANCE_ARN and {variable}. To print the current policy, run:"
            ),
            Purpose::Look,
            &[format!(
                "aws sso-admin get-inline-policy-for-permission-set {options}"
            )],
        ),
        Note::with(
            format!("Then provision {name} again, so that its roles get the policy:"),
            Purpose::Finish,
            &[format!(
                "aws sso-admin provision-permission-set {options} --target-type \
                 ALL_PROVISIONED_ACCOUNTS"
            )],
        ),
    ]
}

/// A note on a document that is longer than AWS accepts.
///
/// The limits are from the ECR API reference ("SetRepositoryPolicy", "PutRegistryPolicy"), which
/// counts whitespace, and from the IAM user guide ("IAM and STS character limits"), which does not.
pub(super) fn excess_length(target: &PolicyTarget, document: &Document) -> Option<Note> {
    let text = document.to_string();
    let without_blanks = text.chars().filter(|c| !c.is_whitespace()).count();
    let all = (text.len(), "");
    let dense = (without_blanks, " (whitespace excluded)");
    let ((length, how), limit) = match target {
        PolicyTarget::Repository(_) | PolicyTarget::Registry { .. } => (all, 10_240),
        PolicyTarget::Trust(_) => (dense, 2_048),
        PolicyTarget::Identity { holder, .. } => match holder {
            Holder::User { .. } => (dense, 2_048),
            Holder::Role(_) => (dense, 10_240),
            Holder::PermissionSet { .. } => (all, 32_768),
            Holder::Any(_) | Holder::AnyOf(_) => (dense, 6_144),
        },
    };
    let text = format!(
        "This document has {length} characters{how}, but AWS accepts at most {limit}. Name the \
         whole registry or whole accounts, or run policy several times with fewer repositories or \
         principals."
    );
    (length > limit).then(|| text.into())
}

/// For a role that reads the findings of Amazon Inspector.
pub(super) fn scan_role(account: &AccountId) -> Note {
    format!(
        "This role is needed for enhanced scanning. Amazon Inspector has no resource policies, so \
         other accounts cannot read its findings directly. The callers assume this role in account \
         {account} to read them."
    )
    .into()
}

pub(super) fn assumed_role(grant: &Grant, role: &RoleArn) -> Vec<Note> {
    if !grant.needs_tokens() {
        return Vec::new();
    }
    let external_id = match &grant.external_id {
        Some(id) => format!(" --external-id {}", shell_word(id)),
        None => String::new(),
    };
    let mut notes = vec![Note::with(
        "To use the role, run this command on each caller's machine:",
        Purpose::Look,
        &[format!(
            "docker-credential-ecrx configure-docker HOST --role-arn {role}{external_id}"
        )],
    )];
    notes.push(
        "Amazon ECS pulls with the task execution role and assumes no other role. For ECS, omit \
         --role-arn."
            .into(),
    );
    notes
}

/// For the AWS CLI outside the partition `aws`, as IAM commands name no region.
pub(super) fn partition_of_commands(region: &Region) -> Option<Note> {
    let partition = Partition::of_region(region);
    let text = format!(
        "The IAM commands name no region. Configure the AWS CLI for the partition {partition}, for \
         example with AWS_REGION={region}."
    );
    (partition != Partition::Aws).then(|| text.into())
}

/// A heading as a comment: Terraform, shells and YAML use `#`.
pub(super) fn comment(text: &str) -> String {
    wrapped(MAX_WIDTH, "# ", "# ", text)
}

/// The text of a note as a comment.
pub(super) fn note_comment(note: &Note) -> String {
    wrapped(MAX_WIDTH, "# - ", "#   ", &note.text)
}

/// A note as a comment, with its commands below it, each on one line.
pub(super) fn note_with_commands(note: &Note) -> String {
    let commands = note.commands.iter().map(|each| format!("#     {each}\n"));
    note_comment(note) + &commands.collect::<String>()
}

/// The notes on the whole set-up as comments; empty if there are none.
pub(super) fn general_comments(notes: &[Note]) -> String {
    if notes.is_empty() {
        return String::new();
    }
    let notes = notes.iter().map(note_with_commands);
    comment(NOTES) + &notes.collect::<String>()
}

/// Lines of at most `width` columns, with `first` before the first line and `others` before the
/// rest.
pub(super) fn wrapped(width: usize, first: &str, others: &str, text: &str) -> String {
    let options = textwrap::Options::new(width)
        .initial_indent(first)
        .subsequent_indent(others)
        // ARNs are copied: they stay whole.
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::fill(text, options) + "\n"
}
