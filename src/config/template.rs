//! Role ARNs with blanks in them: `arn:{partition}:iam::{account}:role/ecr-pull` is one rule
//! for a whole organization.

use super::problem::Problem;
use crate::nearest::nearest;
use crate::registry::{Partition, Registry, RoleArn};

/// What the blanks are filled in with: the parts of a private registry's name.
#[derive(Debug, Clone, Copy)]
pub struct Blanks<'a> {
    account: &'a str,
    region: &'a str,
    partition: &'a str,
}

impl<'a> Blanks<'a> {
    /// The parts of a registry's name; `None` for public ECR, which has none.
    pub fn of(registry: &'a Registry) -> Option<Self> {
        registry.private().map(|private| Self {
            account: private.account.as_str(),
            region: private.region.as_str(),
            partition: registry.partition().name(),
        })
    }

    fn sample(partition: Partition) -> Self {
        Self {
            account: "111122223333",
            region: "eu-west-1",
            partition: partition.name(),
        }
    }
}

/// A role's ARN, written out or with blanks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleArnTemplate {
    /// Written out.
    Literal(RoleArn),
    /// With at least one blank, known to become an ARN when they are filled in.
    Blanks {
        /// As written.
        text: String,
        /// `None` when that is a blank too.
        partition: Option<Partition>,
    },
}

const ACCOUNT: &str = "account";
const REGION: &str = "region";
const PARTITION: &str = "partition";

impl RoleArnTemplate {
    /// Reads a template, and fills it in with samples as a trial.
    ///
    /// # Errors
    /// When a brace stands alone, a blank has no meaning, or no ARN can come of it.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut blanks = false;
        for piece in pieces(text) {
            match piece {
                Piece::Text(_) => {}
                Piece::Blank(ACCOUNT | REGION | PARTITION) => blanks = true,
                Piece::Blank(word) => {
                    return Err(Problem::Placeholder {
                        word: word.to_owned(),
                        nearest: nearest(word, [ACCOUNT, REGION, PARTITION]),
                    });
                }
                Piece::LoneBrace => return Err(Problem::Brace(text.to_owned())),
            }
        }
        if !blanks {
            return Ok(Self::Literal(text.parse()?));
        }
        let of = |partition| fill_in(text, Blanks::sample(partition)).map(|arn| arn.partition());
        let (first, second) = (of(Partition::Aws)?, of(Partition::AwsCn)?);
        Ok(Self::Blanks {
            text: text.to_owned(),
            partition: (first == second).then_some(first),
        })
    }

    /// It is not written out.
    pub fn has_blanks(&self) -> bool {
        matches!(self, Self::Blanks { .. })
    }

    /// The partition that the role is in, whatever the blanks are filled in with.
    pub fn partition(&self) -> Option<Partition> {
        match self {
            Self::Literal(arn) => Some(arn.partition()),
            Self::Blanks { partition, .. } => *partition,
        }
    }

    /// The role is another for each account.
    pub fn has_account(&self) -> bool {
        matches!(self, Self::Blanks { text, .. } if pieces(text).any(|piece| piece == Piece::Blank(ACCOUNT)))
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Literal(arn) => arn.as_str(),
            Self::Blanks { text, .. } => text,
        }
    }

    /// The role for one registry; `None` is public ECR, which has nothing to fill in with.
    ///
    /// # Errors
    /// When something is to be filled in and there is nothing, or the result is no role ARN.
    pub fn expand(&self, values: Option<Blanks<'_>>) -> Result<RoleArn, Problem> {
        match (self, values) {
            (Self::Literal(arn), _) => Ok(arn.clone()),
            (Self::Blanks { text, .. }, Some(values)) => fill_in(text, values),
            (Self::Blanks { text, .. }, None) => Err(Problem::TemplateForPublic(text.clone())),
        }
    }
}

fn fill_in(template: &str, values: Blanks<'_>) -> Result<RoleArn, Problem> {
    let expanded: String = pieces(template)
        .map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Blank(ACCOUNT) => values.account,
            Piece::Blank(REGION) => values.region,
            Piece::Blank(PARTITION) => values.partition,
            Piece::Blank(_) | Piece::LoneBrace => "",
        })
        .collect();
    expanded.parse().map_err(|_| Problem::Template {
        template: template.to_owned(),
        expanded,
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Blank(&'a str),
    LoneBrace,
}

/// Takes a template apart, left to right.
fn pieces(mut rest: &str) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        if first == '{' || first == '}' {
            let blank = rest[1..]
                .split_once('}')
                .filter(|(word, _)| first == '{' && !word.contains('{'));
            let (piece, after) = match blank {
                Some((word, after)) => (Piece::Blank(word), after),
                None => (Piece::LoneBrace, &rest[1..]),
            };
            rest = after;
            return Some(piece);
        }
        let (text, after) = rest.split_at(rest.find(['{', '}']).unwrap_or(rest.len()));
        rest = after;
        Some(Piece::Text(text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(template: &str) -> Result<String, String> {
        let values = Blanks {
            account: "999999999999",
            region: "cn-north-1",
            partition: "aws-cn",
        };
        RoleArnTemplate::parse(template)
            .and_then(|template| template.expand(Some(values)))
            .map(|arn| arn.to_string())
            .map_err(|problem| problem.to_string())
    }

    #[test]
    fn blanks_are_filled_in() {
        for (template, expected) in [
            (
                "arn:aws:iam::111122223333:role/pull",
                "arn:aws:iam::111122223333:role/pull",
            ),
            (
                "arn:{partition}:iam::{account}:role/ecr/pull-{region}",
                "arn:aws-cn:iam::999999999999:role/ecr/pull-cn-north-1",
            ),
            (
                "arn:aws-cn:iam::111122223333:role/{account}{region}{partition}",
                "arn:aws-cn:iam::111122223333:role/999999999999cn-north-1aws-cn",
            ),
        ] {
            assert_eq!(expand(template).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn wrong_templates_say_what_is_wrong() {
        let brace = |template: &str| {
            format!(
                "`{template}` holds a brace without its other half: write {{account}}, {{region}} or {{partition}}"
            )
        };
        for lone in [
            "{",
            "}",
            "arn:aws:iam::{account:role/x",
            "a}b",
            "{a{account}",
            "{account}}",
        ] {
            assert_eq!(expand(lone), Err(brace(lone)));
        }
        for (template, expected) in [
            (
                "{acount}",
                "`{acount}` stands for nothing, did you mean `{account}`?",
            ),
            (
                "{Account}",
                "`{Account}` stands for nothing, did you mean `{account}`?",
            ),
            (
                "{}",
                "`{}` stands for nothing: known are {account}, {region} and {partition}",
            ),
            (
                "{host}",
                "`{host}` stands for nothing: known are {account}, {region} and {partition}",
            ),
            (
                "arn:aws:iam::{region}:role/x",
                "`arn:aws:iam::{region}:role/x` would become `arn:aws:iam::eu-west-1:role/x`, \
                 which is not the ARN of an IAM role: those look like arn:aws:iam::111122223333:role/name",
            ),
            (
                "pull",
                "`pull` is not the ARN of an IAM role: those look like arn:aws:iam::111122223333:role/name",
            ),
        ] {
            assert_eq!(expand(template), Err(expected.to_owned()), "{template}");
        }
    }

    #[test]
    fn partition_is_known_unless_it_is_a_blank() {
        for (template, expected) in [
            (
                "arn:aws-cn:iam::111122223333:role/x",
                Some(Partition::AwsCn),
            ),
            ("arn:aws-cn:iam::{account}:role/x", Some(Partition::AwsCn)),
            (
                "arn:aws:iam::{account}:role/{partition}",
                Some(Partition::Aws),
            ),
            ("arn:{partition}:iam::111122223333:role/x", None),
        ] {
            let template = RoleArnTemplate::parse(template).unwrap();
            assert_eq!(template.partition(), expected, "{}", template.as_str());
        }
    }

    #[test]
    fn public_ecr_has_nothing_to_fill_in_with() {
        let template = RoleArnTemplate::parse("arn:aws:iam::{account}:role/pull").unwrap();
        assert!(template.expand(None).is_err());
        let literal = RoleArnTemplate::parse("arn:aws:iam::111122223333:role/pull").unwrap();
        assert!(literal.expand(None).is_ok());
    }
}
