//! CloudFormation templates: one for each account and region, as a stack is in one of each.
//!
//! The templates are JSON after YAML comments, which is YAML: the comments hold the notes.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::iam::{friendly_name, role_name, role_path};
use crate::registry::RoleArn;

use super::notes::{Note, Purpose, comment, general_comments, note_with_commands};
use super::setup::{OutputFile, Setup, SetupPolicy, numbered};
use super::target::{Holder, Owner, PolicyTarget};

/// The account and region of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stack {
    /// The name of the file, without an extension.
    stem: String,
    /// The account and region.
    place: String,
    region: Option<String>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Template {
    #[serde(rename = "AWSTemplateFormatVersion")]
    version: &'static str,
    description: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    parameters: BTreeMap<String, Value>,
    resources: BTreeMap<String, Resource>,
    /// The notes on the resources, as comments.
    #[serde(skip)]
    comments: String,
    /// The roles that are created, and the names of their resources.
    #[serde(skip)]
    roles: Vec<(RoleArn, String)>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Resource {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_policy: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    update_replace_policy: Option<&'static str>,
    properties: Value,
}

/// All templates, separated as YAML documents.
pub(super) fn write(setup: &Setup) -> String {
    let mut parts: Vec<String> = templates(setup).into_iter().map(|it| it.text).collect();
    if let (Some(last), false) = (parts.last_mut(), setup.notes.is_empty()) {
        last.push_str(&general_comments(&setup.notes));
    }
    parts.join("---\n")
}

/// A file for each template, with its notes.
pub(super) fn templates(setup: &Setup) -> Vec<OutputFile> {
    let mut stacks: Vec<(Stack, Template)> = Vec::new();
    for policy in &setup.policies {
        let stack = Stack::from_target(&policy.target, setup);
        let index = match stacks.iter().position(|(known, _)| *known == stack) {
            Some(index) => index,
            None => {
                stacks.push((stack.clone(), Template::new(&stack)));
                stacks.len() - 1
            }
        };
        stacks[index].1.add(policy);
    }
    stacks.into_iter().map(file).collect()
}

fn file((stack, template): (Stack, Template)) -> OutputFile {
    let region = stack
        .region
        .map_or_else(String::new, |region| format!(" --region {region}"));
    let names: Vec<String> = template
        .parameters
        .keys()
        .map(|name| format!(" {name}=VALUE"))
        .collect();
    let parameters = if names.is_empty() {
        String::new()
    } else {
        format!(" --parameter-overrides{}", names.concat())
    };
    let deploy = format!(
        "#     aws cloudformation deploy{region} --stack-name NAME --template-file {}.yaml \
         --capabilities CAPABILITY_NAMED_IAM{parameters}\n",
        stack.stem
    );
    let json = serde_json::to_string_pretty(&template).expect("a template is JSON");
    let text = format!(
        "{}{deploy}{}{json}\n",
        comment(&format!("Template for {}. To deploy it, run:", stack.place)),
        template.comments
    );
    OutputFile {
        stem: stack.stem,
        text,
    }
}

impl Stack {
    /// IAM resources belong to the first stack of their account.
    fn from_target(target: &PolicyTarget, setup: &Setup) -> Self {
        match target.owner() {
            Owner::IdentityCenter => Self {
                stem: "identity-center-cloudformation".to_owned(),
                place: "the account and region of IAM Identity Center".to_owned(),
                region: None,
            },
            Owner::Members(organization) => Self {
                stem: format!("{organization}-cloudformation"),
                place: format!("each account of the organization {organization}"),
                region: Some(setup.region.to_string()),
            },
            Owner::Account(account) => {
                let region = target.region();
                let region = region.unwrap_or_else(|| setup.first_region(account));
                Self {
                    stem: format!("{account}-{region}-cloudformation"),
                    place: format!("account {account}, region {region}"),
                    region: Some(region.to_string()),
                }
            }
        }
    }
}

impl Template {
    fn new(stack: &Stack) -> Self {
        Self {
            version: "2010-09-09",
            description: format!("Amazon ECR access policies for {}", stack.place),
            ..Self::default()
        }
    }

    fn add(&mut self, policy: &SetupPolicy) {
        let SetupPolicy {
            target,
            notes,
            document,
        } = policy;
        self.comments.push_str(&comment(&target.heading()));
        for note in notes.iter().filter(|note| is_needed(target, note)) {
            self.comments.push_str(&note_with_commands(note));
        }
        let document = serde_json::to_value(document).expect("a document is JSON");
        match target {
            PolicyTarget::Repository(repository) => {
                self.note(format!(
                    "If {} already exists, add RepositoryPolicyText to the template that creates \
                     it, or import the repository into this stack.",
                    repository.name()
                ));
                let properties = json!({
                    "RepositoryName": repository.name(),
                    "RepositoryPolicyText": document,
                });
                self.retained(repository.name(), "AWS::ECR::Repository", properties);
            }
            PolicyTarget::Registry { .. } => {
                let properties = json!({ "PolicyText": document });
                self.resource("Registry", "AWS::ECR::RegistryPolicy", properties);
            }
            PolicyTarget::Trust(role) => self.role(role, document),
            PolicyTarget::Identity { holder, name } => self.identity(holder, name, document),
        }
    }

    fn role(&mut self, role: &RoleArn, document: Value) {
        self.note(format!(
            "If the role {} already exists, import it into this stack.",
            role_name(role)
        ));
        let mut properties = json!({
            "RoleName": role_name(role),
            "AssumeRolePolicyDocument": document,
        });
        if let Some(path) = role_path(role) {
            properties["Path"] = path.into();
        }
        let id = self.retained(role_name(role), "AWS::IAM::Role", properties);
        self.roles.push((role.clone(), id));
    }

    fn identity(&mut self, holder: &Holder, policy: &str, document: Value) {
        match holder {
            Holder::Role(role) => {
                let created = self.roles.iter().find(|(created, _)| created == role);
                let name = match created {
                    Some((_, id)) => json!({ "Ref": id }),
                    None => role_name(role).into(),
                };
                let properties =
                    json!({ "RoleName": name, "PolicyName": policy, "PolicyDocument": document });
                self.resource(role_name(role), "AWS::IAM::RolePolicy", properties);
            }
            Holder::User { user, .. } => {
                let user = friendly_name(user);
                let properties =
                    json!({ "UserName": user, "PolicyName": policy, "PolicyDocument": document });
                self.resource(user, "AWS::IAM::UserPolicy", properties);
            }
            Holder::PermissionSet { name, .. } => {
                self.note(format!(
                    "If {name} already exists, add InlinePolicy to the template that creates it."
                ));
                let description = "ARN of the IAM Identity Center instance";
                self.parameter("InstanceArn", "String", description);
                let properties = json!({
                    "InstanceArn": { "Ref": "InstanceArn" },
                    "Name": name,
                    "InlinePolicy": document,
                });
                self.retained(name, "AWS::SSO::PermissionSet", properties);
            }
            Holder::Any(_) | Holder::AnyOf(_) => {
                let description = "Names of the roles that need access, separated by commas";
                self.parameter("RoleNames", "CommaDelimitedList", description);
                let properties = json!({
                    "ManagedPolicyName": policy,
                    "PolicyDocument": document,
                    "Roles": { "Ref": "RoleNames" },
                });
                self.resource(policy, "AWS::IAM::ManagedPolicy", properties);
            }
        }
    }

    fn note(&mut self, text: String) {
        self.comments.push_str(&note_with_commands(&text.into()));
    }

    fn parameter(&mut self, name: &str, kind: &str, description: &str) {
        let parameter = json!({ "Type": kind, "Description": description });
        self.parameters.insert(name.to_owned(), parameter);
    }

    fn resource(&mut self, name: &str, kind: &'static str, properties: Value) -> String {
        self.insert(name, kind, None, properties)
    }

    /// Adds a resource that outlives its stack, as an import requires.
    fn retained(&mut self, name: &str, kind: &'static str, properties: Value) -> String {
        self.insert(name, kind, Some("Retain"), properties)
    }

    /// Adds a resource, and returns its logical ID.
    fn insert(
        &mut self,
        name: &str,
        kind: &'static str,
        policy: Option<&'static str>,
        properties: Value,
    ) -> String {
        let kind_name = kind.rsplit("::").next().unwrap_or(kind);
        let wanted = format!("{}{kind_name}", logical_id(name));
        let id = numbered(&wanted, "", |id| !self.resources.contains_key(id));
        let resource = Resource {
            r#type: kind,
            deletion_policy: policy,
            update_replace_policy: policy,
            properties,
        };
        self.resources.insert(id.clone(), resource);
        id
    }
}

/// A `ManagedPolicy` attaches itself; its roles are a parameter.
fn is_needed(target: &PolicyTarget, note: &Note) -> bool {
    let attaches_itself = matches!(
        target,
        PolicyTarget::Identity {
            holder: Holder::Any(_) | Holder::AnyOf(_),
            ..
        }
    );
    !(attaches_itself && note.purpose == Purpose::Finish)
}

/// Letters and digits only: `team/app` becomes `TeamApp`.
fn logical_id(name: &str) -> String {
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logical_ids_have_letters_and_digits_only() {
        for (name, id) in [
            ("team/app", "TeamApp"),
            ("alice@example.com", "AliceExampleCom"),
            ("ecr-pull-999999999999", "EcrPull999999999999"),
        ] {
            assert_eq!(logical_id(name), id);
        }
    }

    #[test]
    fn each_resource_has_its_own_logical_id() {
        let mut template = Template::default();
        let mut id = |name| template.resource(name, "AWS::IAM::RolePolicy", Value::Null);
        assert_eq!(id("team-app"), "TeamAppRolePolicy");
        assert_eq!(id("team/app"), "TeamAppRolePolicy2");
    }
}
