//! AWS's sentence about a denial: the principal, the action, the resource, and the reason.
//!
//! ```text
//! User: PRINCIPAL is not authorized to perform: ACTION [on resource: RESOURCE]
//!     because no KIND policy allows the ACTION action
//!     with an explicit deny in a KIND policy[: ARN of the policy]
//! ```
//!
//! From the IAM user guide, "Troubleshoot access denied error messages"; that the denying
//! policy's ARN may follow, from AWS's security blog of January 2026. Not every service tells the
//! reason, and where several policies deny, AWS names one of them: what it names has to change,
//! and may not be all that has to. Across accounts, a missing identity policy has been seen told
//! as a missing resource-based one (by others, of Secrets Manager).

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
        /// The ARN of the policy. AWS tells it within one account or organization at most.
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
        let principal = bare(words.next()?);
        if !principal.starts_with("arn:") {
            return None;
        }
        for expected in ["is", "not", "authorized", "to", "perform:"] {
            if words.next()? != expected {
                return None;
            }
        }
        let action = bare(words.next()?);
        if !action.contains(':') {
            return None;
        }
        let mut rest = words.clone();
        let mut resource = None;
        if after(&mut rest, &["on", "resource:"]) {
            resource = rest
                .next()
                .map(bare)
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
            if after(&mut here, &["because", "no"]) {
                if let Some(kind) = kind(&mut here) {
                    return Self::NoneAllows(kind);
                }
            } else if after(&mut here, &["with", "an", "explicit", "deny"]) {
                return Self::parse_deny(here);
            }
            let mut here = words.clone();
            if after(&mut here, &["because"]) {
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
        let nobody = Self::Denies {
            kind: None,
            policy: None,
        };
        if words.next() != Some("in") || !matches!(words.next(), Some("a" | "an" | "the")) {
            return nobody;
        }
        let Some(kind) = kind(&mut words) else {
            return nobody;
        };
        let policy = words.next().map(bare);
        Self::Denies {
            kind: Some(kind),
            policy: policy.filter(|word| word.starts_with("arn:")).map(one_line),
        }
    }
}

/// Skips these words if they come next.
fn after(words: &mut SplitWhitespace<'_>, expected: &[&str]) -> bool {
    let mut ahead = words.clone();
    let come = expected.iter().all(|word| ahead.next() == Some(word));
    if come {
        *words = ahead;
    }
    come
}

/// Skips the name of a kind of policy if it comes next.
fn kind(words: &mut SplitWhitespace<'_>) -> Option<PolicyKind> {
    let mut ahead = words.clone();
    let mut name = String::new();
    for _ in 0..LONGEST_NAME {
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(&bare(ahead.next()?).to_ascii_lowercase());
        if let Some((_, kind)) = NAMES.iter().find(|(known, _)| *known == name) {
            *words = ahead;
            return Some(*kind);
        }
    }
    None
}

/// A word without the quotes around it and the punctuation after it.
fn bare(word: &str) -> &str {
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
        let end = bare(word);
        sentence.push_str(end);
        if word.len() > end.len() && !word.ends_with([',', ';', ':']) {
            break;
        }
    }
    one_line(&sentence)
}

#[cfg(test)]
mod tests;
