//! AWS's sentence about a denial: the principal, the action, the resource, and the reason.
//!
//! ```text
//! User: PRINCIPAL is not authorized to perform: ACTION [on resource: RESOURCE]
//!     because no KIND policy allows the ACTION action
//!     with an explicit deny in a KIND policy[: ARN of the policy]
//! ```
//!
//! From the IAM user guide, "Troubleshoot access denied error messages"; that the denying
//! policy's ARN may follow, from AWS's security blog of January 2026. Not every service reports
//! the reason. If several policies deny, AWS names one of them: it has to change, and others may have
//! to. Across accounts, a missing identity policy has been seen reported as a missing resource-based
//! one (by others, of Secrets Manager).

use std::str::SplitWhitespace;

use crate::error::one_line;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Denial {
    /// The caller's ARN as AWS writes it: often `arn:…:assumed-role/ROLE/SESSION`.
    pub principal: String,
    /// `ecr:BatchGetImage`.
    pub action: String,
    /// If AWS names it: mostly an ARN, `*` for a token.
    pub resource: Option<String>,
    pub reason: DenialReason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DenialReason {
    /// No policy of this kind allows it: one has to be added or widened.
    NoneAllows(PolicyKind),
    /// A policy denies it explicitly, which no other policy can outweigh.
    Denies {
        kind: Option<PolicyKind>,
        /// The ARN of the policy. AWS reports it within one account or organization at most.
        policy: Option<String>,
    },
    /// Something else, in AWS's words (one line).
    Other(String),
    Unstated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum PolicyKind {
    /// A user's or role's own.
    Identity,
    /// A repository's or registry's.
    Resource,
    RoleTrust,
    /// The most that a user's or role's own policies can allow.
    PermissionsBoundary,
    /// Of the organization, for callers of its accounts.
    ServiceControl,
    /// Of the organization, for resources of its accounts.
    ResourceControl,
    /// Passed when a session was created.
    Session,
    VpcEndpoint,
}

/// How AWS names the kinds, in lower case. `sessions` is in AWS's own examples.
const NAMES: &[(&str, PolicyKind)] = &[
    ("identity-based policy", PolicyKind::Identity),
    ("resource-based policy", PolicyKind::Resource),
    ("role trust policy", PolicyKind::RoleTrust),
    ("permissions boundary", PolicyKind::PermissionsBoundary),
    ("service control policy", PolicyKind::ServiceControl),
    ("resource control policy", PolicyKind::ResourceControl),
    ("session policy", PolicyKind::Session),
    ("sessions policy", PolicyKind::Session),
    ("vpc endpoint policy", PolicyKind::VpcEndpoint),
];

/// The longest name has three words.
const LONGEST_NAME: usize = 3;

impl Denial {
    /// Finds the first such sentence in a text, whatever is around it and however it is broken into
    /// lines.
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.match_indices("User:")
            .find_map(|(start, mark)| Self::parse_after(&text[start + mark.len()..]))
    }

    fn parse_after(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let principal = trimmed(words.next()?);
        if !principal.starts_with("arn:") {
            return None;
        }
        for expected in ["is", "not", "authorized", "to", "perform:"] {
            if words.next()? != expected {
                return None;
            }
        }
        let action = trimmed(words.next()?);
        if !action.contains(':') {
            return None;
        }
        let mut rest = words.clone();
        let mut resource = None;
        if skip(&mut rest, &["on", "resource:"]) {
            resource = rest
                .next()
                .map(trimmed)
                .filter(|resource| !resource.is_empty());
            words = rest;
        }
        Some(Self {
            principal: one_line(principal),
            action: one_line(action),
            resource: resource.map(one_line),
            reason: DenialReason::parse(words),
        })
    }
}

impl DenialReason {
    fn parse(mut words: SplitWhitespace<'_>) -> Self {
        loop {
            let mut here = words.clone();
            if skip(&mut here, &["because", "no"]) {
                if let Some(kind) = policy_kind(&mut here) {
                    return Self::NoneAllows(kind);
                }
            } else if skip(&mut here, &["with", "an", "explicit", "deny"]) {
                return Self::parse_deny(here);
            }
            let mut here = words.clone();
            if skip(&mut here, &["because"]) {
                return Self::Other(sentence(here));
            }
            // The sentence ends, and another begins.
            match words.next() {
                Some("User:") | None => return Self::Unstated,
                Some(_) => {}
            }
        }
    }

    fn parse_deny(mut words: SplitWhitespace<'_>) -> Self {
        let unnamed = Self::Denies {
            kind: None,
            policy: None,
        };
        if words.next() != Some("in") || !matches!(words.next(), Some("a" | "an" | "the")) {
            return unnamed;
        }
        let Some(kind) = policy_kind(&mut words) else {
            return unnamed;
        };
        let policy = words.next().map(trimmed);
        Self::Denies {
            kind: Some(kind),
            policy: policy.filter(|word| word.starts_with("arn:")).map(one_line),
        }
    }
}

/// Skips these words if they come next.
fn skip(words: &mut SplitWhitespace<'_>, expected: &[&str]) -> bool {
    let mut ahead = words.clone();
    let come = expected.iter().all(|word| ahead.next() == Some(word));
    if come {
        *words = ahead;
    }
    come
}

/// Skips the name of a kind of policy if it comes next.
fn policy_kind(words: &mut SplitWhitespace<'_>) -> Option<PolicyKind> {
    let mut ahead = words.clone();
    let mut name = String::new();
    for _ in 0..LONGEST_NAME {
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(&trimmed(ahead.next()?).to_ascii_lowercase());
        if let Some((_, kind)) = NAMES.iter().find(|(known, _)| *known == name) {
            *words = ahead;
            return Some(*kind);
        }
    }
    None
}

/// A word without the quotes around it and the punctuation after it.
fn trimmed(word: &str) -> &str {
    word.trim_matches(|c| matches!(c, '"' | '\\' | '\'' | '`' | '}' | ']'))
        .trim_end_matches(['.', ',', ';', ':', '"', '\\', '}', ']'])
}

/// The rest of a sentence, on one line.
fn sentence(words: SplitWhitespace<'_>) -> String {
    let mut sentence = String::new();
    for word in words {
        if !sentence.is_empty() {
            sentence.push(' ');
        }
        let end = trimmed(word);
        sentence.push_str(end);
        if word.len() > end.len() && !word.ends_with([',', ';', ':']) {
            break;
        }
    }
    one_line(&sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: &str = "arn:aws:sts::111122223333:assumed-role/ecr-pull/i-0123456789abcdef0";
    const WHAT: &str = "arn:aws:ecr:us-west-2:999999999999:repository/team/app";

    fn denial(reason: DenialReason) -> Denial {
        Denial {
            principal: WHO.to_owned(),
            action: "ecr:BatchGetImage".to_owned(),
            resource: Some(WHAT.to_owned()),
            reason,
        }
    }

    fn denies(kind: Option<PolicyKind>) -> DenialReason {
        DenialReason::Denies { kind, policy: None }
    }

    /// The IAM user guide has an example of each.
    #[test]
    fn the_policy_to_change_is_read_from_the_reason() {
        use DenialReason::{NoneAllows, Other, Unstated};
        use PolicyKind as P;
        let none_allows = [
            ("identity-based policy", P::Identity),
            ("resource-based policy", P::Resource),
            ("role trust policy", P::RoleTrust),
            ("permissions boundary", P::PermissionsBoundary),
            ("service control policy", P::ServiceControl),
            ("resource control policy", P::ResourceControl),
            ("session policy", P::Session),
            ("VPC endpoint policy", P::VpcEndpoint),
        ];
        for (name, kind) in none_allows {
            let words = format!("because no {name} allows the ecr:BatchGetImage action");
            assert_reason(&words, NoneAllows(kind));
        }
        let denying = [
            ("an identity-based policy", P::Identity),
            ("a resource-based policy", P::Resource),
            ("the role trust policy", P::RoleTrust),
            ("a permissions boundary", P::PermissionsBoundary),
            ("a service control policy", P::ServiceControl),
            ("a Service Control Policy.", P::ServiceControl),
            ("a resource control policy", P::ResourceControl),
            ("a sessions policy", P::Session),
            ("a VPC endpoint policy", P::VpcEndpoint),
        ];
        for (name, kind) in denying {
            assert_reason(
                &format!("with an explicit deny in {name}"),
                denies(Some(kind)),
            );
        }
        assert_reason("with an explicit deny", denies(None));
        let absent = "the resource does not exist or you have no access to it";
        assert_reason(&format!("because {absent}"), Other(absent.to_owned()));
        assert_reason(
            "because no moon policy shines. Status code: 400",
            Other("no moon policy shines".to_owned()),
        );
        assert_reason("", Unstated);
        assert_reason("(status code: 400)", Unstated);
    }

    #[track_caller]
    fn assert_reason(words: &str, reason: DenialReason) {
        let text = format!(
            "User: {WHO} is not authorized to perform: ecr:BatchGetImage on resource: {WHAT} {words}"
        );
        assert_eq!(Denial::parse(&text), Some(denial(reason)), "{words}");
    }

    #[test]
    fn the_denying_policys_arn_is_read_if_aws_reports_it() {
        let policy = "arn:aws:organizations::999999999999:policy/o-abcdefghij/service_control_policy/p-examplep";
        let text = format!(
            "User: {WHO} is not authorized to perform: ecr:BatchGetImage on resource: {WHAT} \
             with an explicit deny in a service control policy: {policy}"
        );
        let reason = DenialReason::Denies {
            kind: Some(PolicyKind::ServiceControl),
            policy: Some(policy.to_owned()),
        };
        assert_eq!(Denial::parse(&text), Some(denial(reason)));
    }

    #[test]
    fn the_sentence_is_found_in_other_text() {
        let sentence = format!(
            "User: {WHO} is not authorized to perform: ecr:BatchGetImage on resource: {WHAT} \
             because no identity-based policy allows the ecr:BatchGetImage action"
        );
        let quoted = sentence.replace(WHAT, &format!("\"{WHAT}\""));
        let denial = denial(DenialReason::NoneAllows(PolicyKind::Identity));
        for text in [
            format!("AccessDeniedException: {sentence}"),
            format!("denied: {sentence}\n"),
            format!("User: nobody. {sentence}, request id: 1"),
            format!(r#"{{"errors":[{{"code":"DENIED","message":"{sentence}"}}]}}"#),
            serde_json::json!({ "message": quoted }).to_string(),
            sentence.replace(' ', "\n   "),
            format!("{sentence} {}", sentence.replace("identity", "resource")),
        ] {
            assert_eq!(Denial::parse(&text), Some(denial.clone()), "{text}");
        }
    }

    #[test]
    fn the_resource_may_be_missing() {
        let text = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: \
                    sts:AssumeRole because no role trust policy allows the sts:AssumeRole action";
        let denial = Denial::parse(text).unwrap();
        assert_eq!(denial.principal, "arn:aws:iam::111122223333:user/alice");
        assert_eq!(denial.action, "sts:AssumeRole");
        assert_eq!(denial.resource, None);
        assert_eq!(
            denial.reason,
            DenialReason::NoneAllows(PolicyKind::RoleTrust)
        );

        let text = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: \
                    ecr:GetAuthorizationToken on resource: * because no identity-based policy allows";
        let denial = Denial::parse(text).unwrap();
        assert_eq!(denial.resource.as_deref(), Some("*"));
        assert_eq!(
            denial.reason,
            DenialReason::NoneAllows(PolicyKind::Identity)
        );
    }

    #[test]
    fn other_texts_are_not_denials() {
        for text in [
            "",
            "User:",
            "User: alice is not authorized to perform: ecr:BatchGetImage",
            "User: arn:aws:iam::111122223333:user/alice is not authorized to",
            "User: arn:aws:iam::111122223333:user/alice is not authorized to perform:",
            "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: everything",
            "User: arn:aws:iam::111122223333:user/alice is authorized to perform: ecr:BatchGetImage",
            "no basic auth credentials",
            "You are not authorized to perform this operation.",
        ] {
            assert_eq!(Denial::parse(text), None, "{text}");
        }
    }

    #[test]
    fn control_characters_do_not_pass() {
        let text = "User: arn:aws:iam::111122223333:user/al\x1b[31mice is not authorized to perform: \
                    ecr:BatchGetImage on resource: arn:\x07x because \x1b[0mof it";
        let denial = Denial::parse(text).unwrap();
        assert_eq!(denial.principal, "arn:aws:iam::111122223333:user/al[31mice");
        assert_eq!(denial.resource.as_deref(), Some("arn:x"));
        assert_eq!(denial.reason, DenialReason::Other("[0mof it".to_owned()));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(User: |arn:|is not authorized to perform: |a:b |on resource: |because |no |with an explicit deny |in a |\\PC)*") {
            let _ = Denial::parse(&text);
        }
    }
}
