//! What a program got in a set-up.

use std::fmt;

use super::common::fake_aws::{FakeAws, Operation};

#[derive(Clone, Debug)]
pub enum Answer {
    /// A token, as this principal, by way of these callers of `sts:AssumeRole`.
    Token { principal: String, by: Vec<String> },
    /// No token, for this reason.
    Nothing(String),
    /// No answer within the time limit.
    Hang,
}

impl Answer {
    pub fn of_principal(principal: &str) -> Self {
        Self::Token {
            principal: without_default_session(principal),
            by: Vec::new(),
        }
    }

    /// With the callers of `sts:AssumeRole` that the fake AWS has on record.
    pub fn with_calls_of(self, aws: &FakeAws) -> Self {
        let Self::Token { principal, .. } = self else {
            return self;
        };
        let calls = aws.calls_of(Operation::StsAssumeRole);
        let callers = calls.iter().filter_map(|call| call.principal.as_deref());
        let by = callers.map(without_default_session).collect();
        Self::Token { principal, by }
    }

    /// Whether the same principal asks, or neither gets a token.
    pub fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Token { principal, by },
                Self::Token {
                    principal: other_principal,
                    by: other_by,
                },
            ) => principal == other_principal && by == other_by,
            (Self::Nothing(_), Self::Nothing(_)) => true,
            _ => false,
        }
    }

    /// The same kind: a difference that is made smaller stays the same difference.
    pub fn kind(&self) -> String {
        match self {
            Self::Token { principal, by } => format!("{principal} {by:?}"),
            Self::Nothing(reason) => reason.split(':').next().unwrap_or_default().to_owned(),
            Self::Hang => "hang".to_owned(),
        }
    }
}

/// Each program has a name of its own for the session of a role that has none.
fn without_default_session(principal: &str) -> String {
    match principal.rsplit_once('/') {
        Some((role, session))
            if session.starts_with("botocore-session-")
                || session == "docker-credential-ecrx"
                || session.starts_with("web-identity-token-") =>
        {
            format!("{role}/(default)")
        }
        _ => principal.to_owned(),
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token { principal, by } if by.is_empty() => write!(f, "a token as {principal}"),
            Self::Token { principal, by } => {
                write!(f, "a token as {principal}, by way of {}", by.join(", "))
            }
            Self::Nothing(reason) => write!(f, "no token: {}", reason.trim_end()),
            Self::Hang => f.write_str("no answer"),
        }
    }
}
