//! Documents as IAM reads them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use super::OrganizationId;

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
    effect: Effect,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<PrincipalElement>,
    #[serde(serialize_with = "one_or_list")]
    action: Vec<&'static str>,
    #[serde(serialize_with = "one_or_list", skip_serializing_if = "Vec::is_empty")]
    resource: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    condition: BTreeMap<&'static str, BTreeMap<&'static str, String>>,
}

/// What a statement does. There is no denying: nothing here takes rights away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Effect {
    Allow,
}

/// Whom a statement of a resource's policy is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PrincipalElement {
    /// These ARNs.
    Aws(Vec<String>),
    /// Everybody; only ever made together with a condition.
    Everybody,
}

/// What must hold for a statement to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// The caller is of this organization.
    Organization(OrganizationId),
    /// The caller's ARN fits this pattern.
    PrincipalLike(String),
    /// The caller of sts:AssumeRole sends this external id.
    ExternalId(String),
}

impl Document {
    /// A document of these statements. Those that would bear the same `Sid` are numbered: ECR
    /// and IAM want each only once.
    pub(crate) fn of(statements: Vec<Statement>) -> Self {
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
    pub(super) fn allow(sid: &str, action: Vec<&'static str>) -> Self {
        Self {
            sid: sid.to_owned(),
            effect: Effect::Allow,
            principal: None,
            action,
            resource: Vec::new(),
            condition: BTreeMap::new(),
        }
    }

    pub(super) fn on(mut self, resource: Vec<String>) -> Self {
        self.resource = resource;
        self
    }

    pub(super) fn to(mut self, principal: PrincipalElement) -> Self {
        self.principal = Some(principal);
        self
    }

    pub(super) fn given(mut self, condition: Condition) -> Self {
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

/// As [`Document`], for one statement that is to be added to what is there.
impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&pretty(self))
    }
}

fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("texts, lists and maps of them are JSON")
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
            Self::Everybody => serializer.serialize_str("*"),
        }
    }
}

/// A single text stands alone, as in AWS's examples.
fn one_or_list<T: Serialize, S: Serializer>(
    values: &[T],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match values {
        [one] => one.serialize(serializer),
        several => several.serialize(serializer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_in_the_order_of_awss_examples() {
        let statement = Statement::allow("PullImages", vec!["ecr:BatchGetImage"])
            .on(vec!["arn:a".to_owned(), "arn:b".to_owned()])
            .to(PrincipalElement::Everybody)
            .given(Condition::Organization("o-abcdefghij".parse().unwrap()))
            .given(Condition::ExternalId("build".to_owned()))
            .given(Condition::PrincipalLike("arn:c*".to_owned()));
        assert_eq!(
            Document::of(vec![statement]).to_string(),
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
        let document = Document::of(vec![statement(), statement(), statement()]);
        let sids: Vec<&str> = document.statement.iter().map(|s| &*s.sid).collect();
        assert_eq!(sids, ["A", "A2", "A3"]);
    }
}
