//! Resources of Terraform's AWS provider.
//!
//! The HCL is written by hand: each resource has a few attributes and one document, and HCL accepts
//! a JSON object as an expression, except for template sequences. hcl-rs writes the argument of
//! `jsonencode` on one line, which is hard to review.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::iam::{friendly_name, role_name, role_path};
use crate::registry::{AccountId, Region, RoleArn};

use super::notes::{Purpose, comment, general_comments, note_comment, note_with_commands};
use super::setup::{Setup, SetupPolicy, numbered};
use super::target::{Holder, Owner, PolicyTarget};

const PROVIDERS: &str = "Providers, one for each account. Add credentials to each, for example the \
    profile of its account.";

/// A set-up in Terraform's language.
#[derive(Debug)]
pub(super) struct Configuration {
    /// Providers, variables and data sources, which the resources refer to.
    pub shared: String,
    /// The resources of each policy.
    pub policies: Vec<String>,
}

/// The whole set-up.
pub(super) fn write(setup: &Setup) -> String {
    let Configuration { shared, policies } = configuration(setup);
    let mut parts = vec![shared];
    parts.extend(policies);
    if !setup.notes.is_empty() {
        parts.push(general_comments(&setup.notes));
    }
    parts.join("\n")
}

pub(super) fn configuration(setup: &Setup) -> Configuration {
    let mut writer = Writer::new(setup);
    let policies = setup
        .policies
        .iter()
        .map(|policy| writer.policy(policy))
        .collect();
    Configuration {
        shared: comment(PROVIDERS) + &writer.shared.join("\n"),
        policies,
    }
}

#[derive(Debug)]
struct Writer<'a> {
    setup: &'a Setup,
    /// The types and names in use.
    taken: BTreeSet<(&'static str, String)>,
    /// The roles that are created, and the names of their resources.
    roles: Vec<(RoleArn, String)>,
    /// The providers in use, by alias.
    aliases: BTreeSet<String>,
    /// Blocks that are not resources.
    shared: Vec<String>,
}

type Attributes = Vec<(&'static str, String)>;

impl<'a> Writer<'a> {
    fn new(setup: &'a Setup) -> Self {
        Self {
            setup,
            taken: BTreeSet::new(),
            roles: Vec::new(),
            aliases: BTreeSet::new(),
            shared: Vec::new(),
        }
    }

    fn policy(&mut self, policy: &SetupPolicy) -> String {
        let SetupPolicy {
            target,
            notes,
            document,
        } = policy;
        let mut text = comment(&target.heading());
        for note in notes {
            // The resources below prepare and finish the change.
            text.push_str(&match note.purpose {
                Purpose::Look => note_with_commands(note),
                Purpose::Prepare => note_comment(note),
                Purpose::Finish => continue,
            });
        }
        let document = encoded(&document.to_string());
        let provider = self.provider(target);
        match target {
            PolicyTarget::Repository(repository) => {
                let attributes = [
                    ("provider", provider),
                    ("repository", string(repository.name())),
                    ("policy", document),
                ];
                let kind = "aws_ecr_repository_policy";
                self.resource(&mut text, kind, repository.name(), &attributes);
            }
            PolicyTarget::Registry { account, .. } => {
                self.registry(&mut text, account, provider, document);
            }
            PolicyTarget::Trust(role) => {
                let mut attributes =
                    vec![("provider", provider), ("name", string(role_name(role)))];
                attributes.extend(role_path(role).map(|path| ("path", string(&path))));
                attributes.push(("assume_role_policy", document));
                let name = role_name(role);
                let mut resource = String::new();
                let label = self.resource(&mut resource, "aws_iam_role", name, &attributes);
                let import = format!(
                    "If the role already exists, run: terraform import aws_iam_role.{label} {name}"
                );
                text.push_str(&note_comment(&import.into()));
                text.push_str(&resource);
                self.roles.push((role.clone(), label));
            }
            PolicyTarget::Identity { holder, name } => {
                self.identity(&mut text, holder, provider, name, document);
            }
        }
        text
    }

    fn registry(
        &mut self,
        text: &mut String,
        account: &AccountId,
        provider: String,
        document: String,
    ) {
        let label = format!("registry_{account}");
        let setting = self.resource(
            text,
            "aws_ecr_account_setting",
            &label,
            &[
                ("provider", provider.clone()),
                ("name", string("REGISTRY_POLICY_SCOPE")),
                ("value", string("V2")),
            ],
        );
        text.push('\n');
        let attributes = [
            ("provider", provider),
            ("depends_on", format!("[aws_ecr_account_setting.{setting}]")),
            ("policy", document),
        ];
        self.resource(text, "aws_ecr_registry_policy", &label, &attributes);
    }

    fn identity(
        &mut self,
        text: &mut String,
        holder: &Holder,
        provider: String,
        policy: &str,
        document: String,
    ) {
        let mut attributes: Attributes = vec![("provider", provider.clone())];
        let (kind, label) = match holder {
            Holder::Role(role) => {
                let created = self.roles.iter().find(|(created, _)| created == role);
                let reference = match created {
                    Some((_, label)) => format!("aws_iam_role.{label}.name"),
                    None => string(role_name(role)),
                };
                attributes.extend([("name", string(policy)), ("role", reference)]);
                ("aws_iam_role_policy", role_name(role))
            }
            Holder::User { user, .. } => {
                let name = string(friendly_name(user));
                attributes.extend([("name", string(policy)), ("user", name)]);
                ("aws_iam_user_policy", friendly_name(user))
            }
            Holder::PermissionSet { name, .. } => {
                let set = self.permission_set(name);
                attributes.extend([
                    ("instance_arn", format!("{set}.instance_arn")),
                    ("permission_set_arn", format!("{set}.arn")),
                ]);
                let kind = "aws_ssoadmin_permission_set_inline_policy";
                attributes.push(("inline_policy", document));
                self.resource(text, kind, name, &attributes);
                return;
            }
            Holder::Any(_) | Holder::AnyOf(_) => {
                attributes.push(("name", string(policy)));
                attributes.push(("policy", document));
                let label = self.resource(text, "aws_iam_policy", policy, &attributes);
                self.attachment(text, holder, provider, &label);
                return;
            }
        };
        attributes.push(("policy", document));
        self.resource(text, kind, label, &attributes);
    }

    /// Attaches a policy to the roles that a variable names.
    fn attachment(&mut self, text: &mut String, holder: &Holder, provider: String, policy: &str) {
        let (variable, description) = match holder.account() {
            Some(account) => (
                format!("role_names_{account}"),
                format!("Names of the roles in account {account} that need access"),
            ),
            None => (
                "role_names".to_owned(),
                "Names of the roles that need access".to_owned(),
            ),
        };
        let attributes = [
            ("description", string(&description)),
            ("type", "set(string)".to_owned()),
        ];
        let kind = format!("variable \"{variable}\"");
        self.shared.push(block(&kind, &attributes));
        text.push('\n');
        let attributes = [
            ("provider", provider),
            ("for_each", format!("var.{variable}")),
            ("role", "each.value".to_owned()),
            ("policy_arn", format!("aws_iam_policy.{policy}.arn")),
        ];
        self.resource(text, "aws_iam_role_policy_attachment", policy, &attributes);
    }

    /// A reference to the data source of a permission set.
    fn permission_set(&mut self, name: &str) -> String {
        let provider = || ("provider", "aws.identity_center".to_owned());
        let instances = "aws_ssoadmin_instances";
        if self.taken.insert((instances, "identity_center".to_owned())) {
            let kind = format!("data \"{instances}\" \"identity_center\"");
            self.shared.push(block(&kind, &[provider()]));
        }
        let kind = "aws_ssoadmin_permission_set";
        let label = self.free(kind, &identifier(name));
        let instance = format!("tolist(data.{instances}.identity_center.arns)[0]");
        self.shared.push(block(
            &format!("data \"{kind}\" \"{label}\""),
            &[
                provider(),
                ("instance_arn", instance),
                ("name", string(name)),
            ],
        ));
        format!("data.{kind}.{label}")
    }

    /// A reference to the provider for the account and region of a policy.
    fn provider(&mut self, target: &PolicyTarget) -> String {
        let (alias, attributes) = match target.owner() {
            Owner::IdentityCenter => {
                let region = "var.identity_center_region".to_owned();
                ("identity_center".to_owned(), vec![("region", region)])
            }
            Owner::Members(_) => {
                let region = string(self.setup.region.as_str());
                ("organization_member".to_owned(), vec![("region", region)])
            }
            Owner::Account(account) => self.account_provider(account, target.region()),
        };
        let reference = format!("aws.{alias}");
        if self.aliases.insert(alias.clone()) {
            if alias == "identity_center" {
                let attributes = [
                    ("description", string("Region of IAM Identity Center")),
                    ("type", "string".to_owned()),
                ];
                let variable = "variable \"identity_center_region\"";
                self.shared.push(block(variable, &attributes));
            }
            let mut all = vec![("alias", string(&alias))];
            all.extend(attributes);
            self.shared.push(block("provider \"aws\"", &all));
        }
        reference
    }

    /// The first region of an account has the plain alias; IAM resources use it.
    fn account_provider(
        &self,
        account: &AccountId,
        region: Option<&Region>,
    ) -> (String, Attributes) {
        let first = self.setup.first_region(account);
        let region = region.unwrap_or(first);
        let alias = if region == first {
            format!("account_{account}")
        } else {
            format!("account_{account}_{}", identifier(region.as_str()))
        };
        let attributes = vec![
            ("region", string(region.as_str())),
            (
                "allowed_account_ids",
                format!("[{}]", string(account.as_str())),
            ),
        ];
        (alias, attributes)
    }

    /// Writes a resource, and returns its name.
    fn resource(
        &mut self,
        text: &mut String,
        kind: &'static str,
        label: &str,
        attributes: &[(&str, String)],
    ) -> String {
        let label = self.free(kind, &identifier(label));
        text.push_str(&block(
            &format!("resource \"{kind}\" \"{label}\""),
            attributes,
        ));
        label
    }

    /// The label, with a number added if it is in use.
    fn free(&mut self, kind: &'static str, label: &str) -> String {
        numbered(label, "_", |label| {
            self.taken.insert((kind, label.to_owned()))
        })
    }
}

/// A block in the style of `terraform fmt`, which aligns the attributes that fit on one line.
fn block(kind: &str, attributes: &[(&str, String)]) -> String {
    let (short, long): (Vec<_>, Vec<_>) = attributes
        .iter()
        .partition(|(_, value)| !value.contains('\n'));
    let longest = short.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    let mut text = format!("{kind} {{\n");
    for (key, value) in &short {
        let _ = writeln!(text, "  {key:longest$} = {value}");
    }
    for (key, value) in &long {
        let gap = if short.is_empty() { "" } else { "\n" };
        let _ = writeln!(text, "{gap}  {key} = {value}");
    }
    text + "}\n"
}

/// The name of a resource: letters, digits and `_`, with no digit first.
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

/// A string in HCL: quoted as in JSON, with `${` and `%{`, which begin a template, doubled.
fn string(text: &str) -> String {
    let json = serde_json::to_string(text).expect("a text is JSON");
    literal(&json)
}

/// A document, indented by two more spaces, with blanks around colons as `terraform fmt` writes them.
fn encoded(json: &str) -> String {
    let lines: Vec<String> = literal(json)
        .lines()
        .map(|line| line.replacen("\": ", "\" : ", 1))
        .collect();
    format!("jsonencode({})", lines.join("\n  "))
}

fn literal(json: &str) -> String {
    json.replace("${", "$${").replace("%{", "%%{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_not_read_as_templates() {
        assert_eq!(string("a${b}%{c}$d\"e"), r#""a$${b}%%{c}$d\"e""#);
        assert_eq!(
            encoded("{\n  \"${x}\": 1\n}"),
            "jsonencode({\n    \"$${x}\" : 1\n  })"
        );
    }

    #[test]
    fn each_resource_has_its_own_name() {
        let setup = Setup {
            policies: Vec::new(),
            notes: Vec::new(),
            region: "us-west-2".parse().unwrap(),
        };
        let mut writer = Writer::new(&setup);
        let mut name =
            |label: &str| writer.resource(&mut String::new(), "aws_iam_role", label, &[]);
        assert_eq!(name("team/app"), "team_app");
        assert_eq!(name("team-app"), "team_app_2");
        assert_eq!(name("Team.App"), "team_app_3");
        assert_eq!(name("1app"), "_1app");
    }
}
