//! IAM policy documents: the statements that a set-up needs, and session policies. `principal` has the
//! callers that they name, and `repository` the repositories.
//!
//! Nothing here makes a network call. A policy made from parsed values allows only these values. A
//! `Deny`, an `ecr:*`, or a wildcard principal without a condition cannot be written.
//!
//! Within one account, either side can allow access. Across accounts, both must: the identity policy
//! of the caller, and the policy of the repository or its registry. Or the caller assumes a role in
//! the registry's account: the role's trust policy and the caller's identity policy must allow it.
//!
//! The actions for pulls and pushes are from the ECR user guide ("Required IAM permissions for
//! pushing an image", "Repository policy examples"), those of public ECR from the ECR public user guide
//! ("Pushing a Docker image", "Registry authentication").
//!
//! The documents are our own structs. Crates that model IAM documents hold principals, actions and
//! conditions as strings, which would have to be checked anyway. They also bring an evaluator
//! (iam-rs), or regexes, random IDs and a log subscriber (aws-iam).

mod principal;
mod repository;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::registry::{AccountId, Region, RoleArn};

pub(crate) use principal::{
    Callers, OrganizationId, OrganizationIdError, Principal, PrincipalError, PrincipalKind,
    friendly_name, permission_set, role_name, role_path,
};
pub(crate) use repository::{Repositories, RepositoryArn, RepositoryError};

/// A policy document. Written with [`fmt::Display`] it is JSON with an indentation of two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Document {
    version: &'static str,
    statement: Vec<Statement>,
}

/// One statement. Its keys are written in the order of AWS's own examples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Statement {
    sid: String,
    /// Always "Allow".
    effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<PrincipalElement>,
    #[serde(serialize_with = "one_or_list")]
    action: Vec<&'static str>,
    #[serde(serialize_with = "one_or_list", skip_serializing_if = "Vec::is_empty")]
    resource: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    condition: BTreeMap<&'static str, BTreeMap<&'static str, String>>,
}

/// The principal of a statement in a resource policy.
#[derive(Clone, Debug, PartialEq, Eq)]
enum PrincipalElement {
    Aws(Vec<String>),
    /// `*`; only used together with a condition.
    Anyone,
}

/// A condition of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    /// The caller belongs to this organization.
    Organization(OrganizationId),
    /// The caller's ARN matches this pattern.
    PrincipalLike(String),
    /// The caller of sts:AssumeRole sends this external ID.
    ExternalId(String),
}

impl Document {
    /// A document of these statements. A repeated `Sid` gets a number: ECR and IAM require it to
    /// be unique.
    pub(crate) fn new(statements: Vec<Statement>) -> Self {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut statement = statements;
        for each in &mut statement {
            let count = seen.entry(each.sid.clone()).or_default();
            *count += 1;
            if *count > 1 {
                each.sid.push_str(&count.to_string());
            }
        }
        Self {
            version: "2012-10-17",
            statement,
        }
    }
}

impl Statement {
    /// Allows these actions, under this `Sid` (letters and digits).
    fn allow(sid: &str, action: Vec<&'static str>) -> Self {
        Self {
            sid: sid.to_owned(),
            effect: "Allow",
            principal: None,
            action,
            resource: Vec::new(),
            condition: BTreeMap::new(),
        }
    }

    fn on(mut self, resource: Vec<String>) -> Self {
        self.resource = resource;
        self
    }

    fn to(mut self, principal: PrincipalElement) -> Self {
        self.principal = Some(principal);
        self
    }

    fn given(mut self, condition: Condition) -> Self {
        let (operator, key, value) = match condition {
            Condition::Organization(id) => ("StringEquals", "aws:PrincipalOrgID", id.to_string()),
            Condition::PrincipalLike(pattern) => ("ArnLike", "aws:PrincipalArn", pattern),
            Condition::ExternalId(id) => ("StringEquals", "sts:ExternalId", id),
        };
        self.condition
            .entry(operator)
            .or_default()
            .insert(key, value);
        self
    }
}

/// JSON with an indentation of two, without a line break at its end.
impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&pretty(self))
    }
}

/// As [`Document`], for one statement that is added to an existing policy.
impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&pretty(self))
    }
}

fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("texts, lists and maps of them are JSON")
}

impl Document {
    /// JSON without white space.
    pub(crate) fn compact(&self) -> String {
        serde_json::to_string(self).expect("texts, lists and maps of them are JSON")
    }
}

impl Serialize for PrincipalElement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Aws<'a> {
            #[serde(rename = "AWS", serialize_with = "one_or_list")]
            arns: &'a [String],
        }
        match self {
            Self::Aws(arns) => Aws { arns }.serialize(serializer),
            Self::Anyone => serializer.serialize_str("*"),
        }
    }
}

/// A list of one is written as a plain string, as in AWS's examples.
fn one_or_list<T: Serialize, S: Serializer>(
    values: &[T],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match values {
        [one] => one.serialize(serializer),
        several => several.serialize(serializer),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Access {
    Pull,
    /// Push images, and pull them.
    Push,
    /// Read image scan findings.
    Scan,
}

impl Access {
    fn sid(self) -> &'static str {
        match self {
            Access::Pull => "PullImages",
            Access::Push => "PushImages",
            Access::Scan => "ReadScanFindings",
        }
    }

    /// The actions on the repository.
    pub(crate) fn actions(self) -> &'static [&'static str] {
        match self {
            Access::Pull => &[
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            ],
            Access::Push => &[
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:CompleteLayerUpload",
                "ecr:GetDownloadUrlForLayer",
                "ecr:InitiateLayerUpload",
                "ecr:PutImage",
                "ecr:UploadLayerPart",
            ],
            Access::Scan => &["ecr:DescribeImageScanFindings", "ecr:DescribeImages"],
        }
    }

    /// The actions on a repository of public ECR. Anyone can pull from it.
    fn public_actions(self) -> &'static [&'static str] {
        match self {
            Access::Pull | Access::Scan => &["ecr-public:BatchCheckLayerAvailability"],
            Access::Push => &[
                "ecr-public:BatchCheckLayerAvailability",
                "ecr-public:CompleteLayerUpload",
                "ecr-public:InitiateLayerUpload",
                "ecr-public:PutImage",
                "ecr-public:UploadLayerPart",
            ],
        }
    }

    fn statement(self) -> Statement {
        Statement::allow(self.sid(), self.actions().to_vec())
    }
}

/// For a repository policy, which has no `Resource` element: allows these callers access.
pub(crate) fn in_repository_policy(callers: &Callers, access: Access) -> Vec<Statement> {
    allow_callers(callers, &access.statement())
}

/// For a registry policy: allows these callers access to these repositories.
pub(crate) fn in_registry_policy(
    callers: &Callers,
    access: Access,
    repositories: &Repositories,
) -> Vec<Statement> {
    allow_callers(callers, &access.statement().on(repositories.arns()))
}

/// For the identity policy of the caller: access to these repositories.
pub(crate) fn in_identity_policy(access: Access, repositories: &Repositories) -> Statement {
    access.statement().on(repositories.arns())
}

/// For the identity policy of a caller that pulls or pushes: requesting a token. A token is not
/// specific to a repository, so the resource must be `*`.
pub(crate) fn get_token() -> Statement {
    let action = vec!["ecr:GetAuthorizationToken"];
    Statement::allow("GetToken", action).on(vec!["*".to_owned()])
}

/// The same for public ECR.
fn get_public_token() -> Statement {
    let actions = vec![
        "ecr-public:GetAuthorizationToken",
        "sts:GetServiceBearerToken",
    ];
    Statement::allow("GetToken", actions).on(vec!["*".to_owned()])
}

/// For the first pull of an image by a pull-through cache, which creates its repository (the ECR user
/// guide, "IAM permissions required to sync an upstream registry").
fn pull_through() -> Statement {
    let actions = vec!["ecr:BatchImportUpstreamImage", "ecr:CreateRepository"];
    Statement::allow("PullThroughCache", actions)
}

/// A session policy: a token for a private registry, and access to its repositories of these names,
/// which may have wildcards.
pub(crate) fn session_policy(
    access: Access,
    has_pull_through: bool,
    (account, region): (&AccountId, &Region),
    names: &[&str],
) -> Document {
    let arn = |name: &&str| repository::arn_of(region, account, name);
    let arns: Vec<String> = names.iter().map(arn).collect();
    let mut statements = vec![get_token(), access.statement().on(arns.clone())];
    if has_pull_through {
        statements.push(pull_through().on(arns));
    }
    Document::new(statements)
}

/// The same for public ECR: the repositories of this account.
pub(crate) fn public_session_policy(
    access: Access,
    account: &AccountId,
    names: &[&str],
) -> Document {
    let arn = |name: &&str| format!("arn:aws:ecr-public::{account}:repository/{name}");
    let actions = access.public_actions().to_vec();
    let statement = Statement::allow(access.sid(), actions);
    let arns = names.iter().map(arn).collect();
    Document::new(vec![get_public_token(), statement.on(arns)])
}

/// For an identity policy in the registry's account: reading the Amazon Inspector findings of the
/// account.
pub(crate) fn read_inspector() -> Statement {
    let actions = vec!["inspector2:ListCoverage", "inspector2:ListFindings"];
    Statement::allow("ReadInspector", actions).on(vec!["*".to_owned()])
}

/// For the identity policy of the caller: assuming a role.
pub(crate) fn assume_role(role: &RoleArn) -> Statement {
    let action = vec!["sts:AssumeRole"];
    Statement::allow("AssumeRole", action).on(vec![role.to_string()])
}

/// For the trust policy of a role: allows these callers to assume it, if they send the external ID
/// (as `config::parse_external_id` accepts it).
pub(crate) fn in_trust_policy(callers: &Callers, external_id: Option<&str>) -> Vec<Statement> {
    let statement = Statement::allow("AssumeRole", vec!["sts:AssumeRole"]);
    allow_callers(
        callers,
        &match external_id {
            Some(id) => statement.given(Condition::ExternalId(id.to_owned())),
            None => statement,
        },
    )
}

/// The statements for these callers: one for all, and one more for each that needs its own
/// condition. `*` is only used with a condition.
fn allow_callers(callers: &Callers, statement: &Statement) -> Vec<Statement> {
    let principals = match callers {
        Callers::Organization(id) => {
            let statement = statement.clone().to(PrincipalElement::Anyone);
            return vec![statement.given(Condition::Organization(id.clone()))];
        }
        Callers::Principals(principals) => principals,
    };
    let plain: Vec<String> = principals
        .iter()
        .filter(|principal| principal.arn_pattern().is_none())
        .map(Principal::arn)
        .collect();
    let mut statements = Vec::new();
    if !plain.is_empty() {
        statements.push(statement.clone().to(PrincipalElement::Aws(plain)));
    }
    for principal in principals {
        if let Some(pattern) = principal.arn_pattern() {
            let element = PrincipalElement::Aws(vec![principal.arn()]);
            let condition = Condition::PrincipalLike(pattern);
            statements.push(statement.clone().to(element).given(condition));
        }
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::RepositoryArn;
    use crate::registry::Partition;

    fn principal(text: &str) -> Principal {
        Principal::parse(text, Partition::Aws).unwrap()
    }

    fn json(statements: Vec<Statement>) -> serde_json::Value {
        serde_json::to_value(Document::new(statements)).unwrap()["Statement"].clone()
    }

    #[test]
    fn pushing_takes_all_that_pulling_takes() {
        for action in Access::Pull.actions() {
            assert!(Access::Push.actions().contains(action), "{action}");
        }
    }

    #[test]
    fn the_two_sides_of_a_pull() {
        let alice = Callers::from(principal("arn:aws:iam::111122223333:user/alice"));
        let arn = "arn:aws:ecr:us-west-2:999999999999:repository/app";
        let repository: RepositoryArn = arn.parse().unwrap();
        let theirs = json(in_repository_policy(&alice, Access::Pull));
        assert_eq!(
            theirs,
            serde_json::json!([{
                "Sid": "PullImages",
                "Effect": "Allow",
                "Principal": { "AWS": "arn:aws:iam::111122223333:user/alice" },
                "Action": Access::Pull.actions(),
            }])
        );
        let ours = in_identity_policy(Access::Pull, &repository.into());
        assert_eq!(
            json(vec![get_token(), ours]),
            serde_json::json!([
                {
                    "Sid": "GetToken",
                    "Effect": "Allow",
                    "Action": "ecr:GetAuthorizationToken",
                    "Resource": "*",
                },
                {
                    "Sid": "PullImages",
                    "Effect": "Allow",
                    "Action": Access::Pull.actions(),
                    "Resource": arn,
                },
            ])
        );
    }

    #[test]
    fn the_two_sides_of_a_role() {
        let alice = Callers::from(principal("arn:aws:iam::111122223333:user/alice"));
        assert_eq!(
            json(in_trust_policy(&alice, Some("build"))),
            serde_json::json!([{
                "Sid": "AssumeRole",
                "Effect": "Allow",
                "Principal": { "AWS": "arn:aws:iam::111122223333:user/alice" },
                "Action": "sts:AssumeRole",
                "Condition": { "StringEquals": { "sts:ExternalId": "build" } },
            }])
        );
        let role = "arn:aws:iam::999999999999:role/ecr-push";
        assert_eq!(
            json(vec![assume_role(&role.parse().unwrap())]),
            serde_json::json!([{
                "Sid": "AssumeRole",
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Resource": role,
            }])
        );
    }

    #[test]
    fn an_identity_center_role_is_matched_by_the_name_of_its_permission_set() {
        let callers = Callers::Principals(vec![
            principal(
                "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Pull_0123456789abcdef/alice",
            ),
            principal("444455556666"),
        ]);
        assert_eq!(
            json(in_trust_policy(&callers, None)),
            serde_json::json!([
                {
                    "Sid": "AssumeRole",
                    "Effect": "Allow",
                    "Principal": { "AWS": "arn:aws:iam::444455556666:root" },
                    "Action": "sts:AssumeRole",
                },
                {
                    "Sid": "AssumeRole2",
                    "Effect": "Allow",
                    "Principal": { "AWS": "arn:aws:iam::111122223333:root" },
                    "Action": "sts:AssumeRole",
                    "Condition": { "ArnLike": { "aws:PrincipalArn":
                        "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com*/AWSReservedSSO_Pull_*"
                    } },
                },
            ])
        );
    }

    #[test]
    fn keys_are_in_the_order_of_awss_examples() {
        let statement = Statement::allow("PullImages", vec!["ecr:BatchGetImage"])
            .on(vec!["arn:a".to_owned(), "arn:b".to_owned()])
            .to(PrincipalElement::Anyone)
            .given(Condition::Organization("o-abcdefghij".parse().unwrap()))
            .given(Condition::ExternalId("build".to_owned()))
            .given(Condition::PrincipalLike("arn:c*".to_owned()));
        assert_eq!(
            Document::new(vec![statement]).to_string(),
            r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "PullImages",
      "Effect": "Allow",
      "Principal": "*",
      "Action": "ecr:BatchGetImage",
      "Resource": [
        "arn:a",
        "arn:b"
      ],
      "Condition": {
        "ArnLike": {
          "aws:PrincipalArn": "arn:c*"
        },
        "StringEquals": {
          "aws:PrincipalOrgID": "o-abcdefghij",
          "sts:ExternalId": "build"
        }
      }
    }
  ]
}"#
        );
    }

    #[test]
    fn a_sid_is_given_once() {
        let statement = || Statement::allow("A", vec!["ecr:PutImage"]);
        let document = Document::new(vec![statement(), statement(), statement()]);
        let sids: Vec<&str> = document.statement.iter().map(|s| &*s.sid).collect();
        assert_eq!(sids, ["A", "A2", "A3"]);
    }
}
