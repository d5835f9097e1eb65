//! Notes on policies, a sentence or two each.

use crate::commands::page::MAX_WIDTH;
use crate::policy::iam::{Access, Callers, Document};
use crate::registry::{AccountId, Partition, RoleArn};

use super::grant::Grant;
use super::target::{Holder, PolicyTarget};

/// The heading of the notes that belong to no document.
pub(super) const NOTES: &str = "To know";

/// What has to be so before a registry's policy can speak of pulls and pushes: the ECR user
/// guide, "Private registry permissions".
const SCOPE: &str = "The scope of the registry's policy must be V2. Older registries may have V1, \
    which knows nothing of these actions.";

pub(super) const ONE_ACCOUNT: &str = "This is all it takes: within one account, an identity policy is \
    enough, and the repository needs no policy, unless one there denies.";

pub(super) const SCANNING: &str = "With basic scanning, no role is needed for the findings. Which \
    scanning a registry has: aws ecr get-registry-scanning-configuration. In an organization, \
    Inspector's delegated administrator sees the findings of all members without a role.";

/// AWS's own policy that allows as much and more, but for what is said to be `missing` from it.
pub(super) fn managed_policy(grant: &Grant, missing: &[&str]) -> String {
    let partition = Partition::of_region(grant.region());
    let name = match grant.access[..] {
        [Access::Pull] => "PullOnly",
        [Access::Push, ..] => "PowerUser",
        _ => "ReadOnly",
    };
    let besides = match missing {
        [] => String::new(),
        missing => format!(", save for {}", missing.join(" and ")),
    };
    format!(
        "The AWS managed policy arn:{partition}:iam::aws:policy/AmazonEC2ContainerRegistry{name} \
         would do instead{besides}: it allows this for every repository that lets the caller in."
    )
}

/// `what` has the policy: a repository, or the registry.
pub(super) fn resource_policy(grant: &Grant, callers: &Callers, what: &str) -> Vec<String> {
    let mut notes = vec![format!(
        "It replaces the policy that the {what} has: if there is one, add these statements to it."
    )];
    notes.extend(callers.caveats());
    if grant.access.contains(&Access::Scan) {
        notes.push("For the findings, this is enough with basic scanning alone.".to_owned());
    }
    notes
}

pub(super) fn orchestrators(grant: &Grant) -> Vec<String> {
    if !grant.needs_tokens() {
        return Vec::new();
    }
    vec![
        "On ECS, the principal is the execution role of the task (executionRoleArn), not its task \
         role."
            .to_owned(),
        "On EKS, it is the role of the node, and on Fargate the pod execution role: the kubelet \
         pulls, not the pod with the role of its service account."
            .to_owned(),
    ]
}

pub(super) fn permission_set(holder: &Holder) -> Vec<String> {
    match holder {
        Holder::PermissionSet { name, .. } => vec![format!(
            "The role cannot be changed itself. This replaces the inline policy that {name} has: \
             if there is one, add these statements to it. Then have {name} provisioned again."
        )],
        Holder::Role(_) | Holder::User { .. } | Holder::Any(_) | Holder::AnyOf(_) => Vec::new(),
    }
}

/// Of a document that is longer than AWS takes there.
///
/// The limits are from the ECR API reference ("SetRepositoryPolicy", "PutRegistryPolicy"), which
/// counts blanks, and from the IAM user guide ("IAM and STS character limits"), which does not.
pub(super) fn excess_length(target: &PolicyTarget, document: &Document) -> Option<String> {
    let text = document.to_string();
    let without_blanks = text.chars().filter(|c| !c.is_whitespace()).count();
    let all = (text.len(), "");
    let dense = (without_blanks, ", blanks not counted");
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
    (length > limit).then(|| {
        format!(
            "It has {length} characters{how}, and AWS takes {limit} at most: name the whole \
             registry, or whole accounts, or make two set-ups of it."
        )
    })
}

pub(super) fn registry_policy(grant: &Grant, callers: &Callers) -> Vec<String> {
    let mut notes = vec![SCOPE.to_owned()];
    notes.extend(resource_policy(grant, callers, "registry"));
    notes
}

/// Of a role that the findings of Amazon Inspector are read by.
pub(super) fn scan_role(account: &AccountId) -> String {
    format!(
        "For enhanced scanning. Amazon Inspector keeps its findings, and has no policies that \
         could let another account in: they are read as a role of the account {account}, which \
         the callers assume."
    )
}

pub(super) fn assumed_role(grant: &Grant, role: &RoleArn) -> Vec<String> {
    if !grant.needs_tokens() {
        return Vec::new();
    }
    let external_id = grant.external_id.as_ref().map_or_else(String::new, |id| {
        format!(", and write external_id = \"{id}\" into the rule that it makes")
    });
    vec![
        format!(
            "Have the callers' machines ask by the role: docker-credential-ecrx configure-docker \
             HOST --role-arn {role}{external_id}"
        ),
        "ECS pulls as the execution role of the task, and assumes no other: for it, leave out \
         --role-arn."
            .to_owned(),
    ]
}

/// A heading and what is to be known below it, as comments: Terraform and shells take `#`.
pub(super) fn comments(heading: &str, notes: &[String]) -> String {
    let mut text = wrapped(MAX_WIDTH, "# ", "# ", heading);
    for note in notes {
        text.push_str(&wrapped(MAX_WIDTH, "# - ", "#   ", note));
    }
    text
}

/// Lines of at most so many columns, with these texts before the first and the others.
pub(super) fn wrapped(width: usize, first: &str, others: &str, text: &str) -> String {
    let options = textwrap::Options::new(width)
        .initial_indent(first)
        .subsequent_indent(others)
        // ARNs are copied: they stay whole.
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::fill(text, options) + "\n"
}
