//! Resources of Terraform's AWS provider.
//!
//! They are written by hand: each is a few attributes and one document, and HCL takes a JSON
//! object as the expression that it is, save for what it would read as a template. hcl-rs writes
//! the argument of `jsonencode` on one line, which nobody could review.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::policy::iam::{friendly_name, role_name, role_path};
use crate::registry::RoleArn;

use super::notes::{NOTES, comments};
use super::setup::{Setup, SetupPolicy};
use super::target::{Holder, PolicyTarget};

/// The whole of a set-up. Its resources belong to as many providers as there are accounts, which
/// only the person who pastes them can name: the comment above each says which.
pub(super) fn write(setup: &Setup) -> String {
    let mut writer = Writer::default();
    let mut policies: Vec<String> = setup
        .policies
        .iter()
        .map(|policy| writer.policy(policy))
        .collect();
    if !setup.notes.is_empty() {
        policies.push(comments(NOTES, &setup.notes));
    }
    policies.join("\n")
}

#[derive(Default)]
struct Writer {
    /// The types and names that are taken.
    taken: BTreeSet<(&'static str, String)>,
    /// The roles that are made, and the names they are made under.
    roles: Vec<(RoleArn, String)>,
}

impl Writer {
    fn policy(&mut self, policy: &SetupPolicy) -> String {
        let SetupPolicy {
            target,
            notes,
            document,
        } = policy;
        let mut text = comments(&target.heading(), notes);
        let document = encoded(&document.to_string());
        match target {
            PolicyTarget::Repository(repository) => {
                let attributes = [
                    ("repository", string(repository.name())),
                    ("policy", document),
                ];
                self.resource(
                    &mut text,
                    "aws_ecr_repository_policy",
                    repository.name(),
                    &attributes,
                );
            }
            PolicyTarget::Registry { account, .. } => {
                let label = format!("registry_{account}");
                let setting = self.resource(
                    &mut text,
                    "aws_ecr_account_setting",
                    &label,
                    &[
                        ("name", string("REGISTRY_POLICY_SCOPE")),
                        ("value", string("V2")),
                    ],
                );
                text.push('\n');
                let attributes = [
                    ("depends_on", format!("[aws_ecr_account_setting.{setting}]")),
                    ("policy", document),
                ];
                self.resource(&mut text, "aws_ecr_registry_policy", &label, &attributes);
            }
            PolicyTarget::Trust(role) => {
                let mut attributes = vec![("name", string(role_name(role)))];
                attributes.extend(role_path(role).map(|path| ("path", string(&path))));
                attributes.push(("assume_role_policy", document));
                let label = self.resource(&mut text, "aws_iam_role", role_name(role), &attributes);
                self.roles.push((role.clone(), label));
            }
            PolicyTarget::Identity { holder, name } => {
                self.identity(&mut text, holder, name, document)
            }
        }
        text
    }

    fn identity(&mut self, text: &mut String, holder: &Holder, policy: &str, document: String) {
        let (kind, label, attributes) = match holder {
            Holder::Role(role) => {
                let made = self.roles.iter().find(|(made, _)| made == role);
                let reference = match made {
                    Some((_, label)) => format!("aws_iam_role.{label}.name"),
                    None => string(role_name(role)),
                };
                let attributes = vec![
                    ("name", string(policy)),
                    ("role", reference),
                    ("policy", document),
                ];
                ("aws_iam_role_policy", role_name(role), attributes)
            }
            Holder::User { user, .. } => {
                let attributes = vec![
                    ("name", string(policy)),
                    ("user", string(friendly_name(user))),
                    ("policy", document),
                ];
                ("aws_iam_user_policy", friendly_name(user), attributes)
            }
            Holder::PermissionSet { name, .. } => {
                let attributes = vec![
                    ("instance_arn", "var.instance_arn".to_owned()),
                    ("permission_set_arn", "var.permission_set_arn".to_owned()),
                    ("inline_policy", document),
                ];
                (
                    "aws_ssoadmin_permission_set_inline_policy",
                    name.as_str(),
                    attributes,
                )
            }
            Holder::Any(_) | Holder::AnyOf(_) => {
                let attributes = vec![("name", string(policy)), ("policy", document)];
                ("aws_iam_policy", policy, attributes)
            }
        };
        self.resource(text, kind, label, &attributes);
    }

    /// Writes a resource; the name it got.
    fn resource(
        &mut self,
        text: &mut String,
        kind: &'static str,
        label: &str,
        attributes: &[(&str, String)],
    ) -> String {
        let label = self.free(kind, &identifier(label));
        // `terraform fmt` aligns what is on one line, and nothing else.
        let (short, long): (Vec<_>, Vec<_>) = attributes
            .iter()
            .partition(|(_, value)| !value.contains('\n'));
        let longest = short.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
        let _ = writeln!(text, "resource \"{kind}\" \"{label}\" {{");
        for (key, value) in &short {
            let _ = writeln!(text, "  {key:longest$} = {value}");
        }
        for (key, value) in &long {
            let gap = if short.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}  {key} = {value}");
        }
        text.push_str("}\n");
        label
    }

    /// The label, with a number after it if it is taken.
    fn free(&mut self, kind: &'static str, label: &str) -> String {
        let mut free = label.to_owned();
        let mut number = 1;
        while !self.taken.insert((kind, free.clone())) {
            number += 1;
            free = format!("{label}_{number}");
        }
        free
    }
}

/// The name of a resource: letters, digits and `_`, no digit first.
fn identifier(text: &str) -> String {
    let mut name: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect();
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name.insert(0, '_');
    }
    name
}

/// A text, as HCL quotes it: JSON's quoting, and `${` and `%{` doubled, which begin a template.
fn string(text: &str) -> String {
    let json = serde_json::to_string(text).expect("a text is JSON");
    literal(&json)
}

/// A document, two blanks further in.
fn encoded(json: &str) -> String {
    format!("jsonencode({})", literal(json).replace('\n', "\n  "))
}

fn literal(json: &str) -> String {
    json.replace("${", "$${").replace("%{", "%%{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_as_a_template() {
        assert_eq!(string("a${b}%{c}$d\"e"), r#""a$${b}%%{c}$d\"e""#);
        assert_eq!(
            encoded("{\n  \"${x}\": 1\n}"),
            "jsonencode({\n    \"$${x}\": 1\n  })"
        );
    }

    #[test]
    fn a_resource_has_a_name_of_its_own() {
        let mut writer = Writer::default();
        let mut name =
            |label: &str| writer.resource(&mut String::new(), "aws_iam_role", label, &[]);
        assert_eq!(name("team/app"), "team_app");
        assert_eq!(name("team-app"), "team_app_2");
        assert_eq!(name("Team.App"), "team_app_3");
        assert_eq!(name("1app"), "_1app");
    }
}
