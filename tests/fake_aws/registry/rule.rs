//! Who may do what, and how AWS says no.

use serde_json::Value;

/// The ends of AWS's denials, for [`FakeRegistry::deny`](super::FakeRegistry::deny); `{}` is the
/// action. Wording: "Access denied error messages" in the IAM user guide.
pub mod denial {
    /// Nothing on the caller's side allows it.
    pub const NO_IDENTITY_POLICY: &str = "because no identity-based policy allows the {} action";
    /// Nothing on the side of the repository or registry allows it.
    pub const NO_RESOURCE_POLICY: &str = "because no resource-based policy allows the {} action";
    /// A policy on the caller's side denies it.
    pub const EXPLICIT_IN_IDENTITY: &str = "with an explicit deny in an identity-based policy";
    /// The policy of the repository or registry denies it.
    pub const EXPLICIT_IN_RESOURCE: &str = "with an explicit deny in a resource-based policy";
    /// The boundary of the role or user does not hold it.
    pub const NO_BOUNDARY: &str = "because no permissions boundary allows the {} action";
    /// The organization does not allow it.
    pub const NO_SCP: &str = "because no service control policy allows the {} action";
    /// The organization denies it.
    pub const EXPLICIT_IN_SCP: &str = "with an explicit deny in a service control policy";
    /// The session was taken with a policy that does not hold it.
    pub const NO_SESSION_POLICY: &str = "because no session policy allows the {} action";
    /// The endpoint in the caller's network does not let it through.
    pub const NO_VPC_ENDPOINT_POLICY: &str = "because no VPC endpoint policy allows the {} action";
    /// As older denials end.
    pub const UNEXPLAINED: &str = "";
}

/// How a token is turned down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// 403 `DENIED`: "Your authorization token has expired. Reauthenticate and try again."
    Denied,
    /// 401 with the challenge, as when there is no token.
    Unauthorized,
}

pub(super) struct Rule {
    principal: String,
    action: String,
    denial: Option<String>,
}

impl Rule {
    pub fn new(principal: &str, action: &str, denial: Option<&str>) -> Self {
        Self {
            principal: principal.to_owned(),
            action: action.to_owned(),
            denial: denial.map(str::to_owned),
        }
    }

    fn fits(&self, principal: &str, action: &str) -> bool {
        let is_theirs = match self.principal.strip_suffix('*') {
            Some(start) => principal.starts_with(start),
            None => principal == self.principal,
        };
        is_theirs && (self.action == "*" || self.action == action)
    }
}

/// Whether a session policy allows this: its statements allow, and have no conditions.
fn is_allowed(policy: &str, action: &str, resource: &str) -> bool {
    let policy: Value = serde_json::from_str(policy).expect("a policy");
    let has = |element: &Value, matches: &dyn Fn(&str) -> bool| match element {
        Value::Array(list) => list.iter().filter_map(Value::as_str).any(matches),
        one => one.as_str().is_some_and(matches),
    };
    let statements = policy["Statement"].as_array().expect("statements");
    statements.iter().any(|statement| {
        has(&statement["Action"], &|known| known == action)
            && has(&statement["Resource"], &|pattern| {
                is_like(pattern, resource)
            })
    })
}

/// Whether a text is like a pattern of IAM, with `*` for anything.
fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            let mut ends = (0..=text.len()).filter(|at| text.is_char_boundary(*at));
            ends.any(|at| is_like(rest, &text[at..]))
        }),
    }
}

/// AWS's sentence, when the session policy does not allow this, or the rules deny it.
pub(super) fn judge_session(
    policy: Option<&str>,
    rules: &[Rule],
    principal: &str,
    action: &str,
    resource: &str,
) -> Option<String> {
    match policy {
        Some(policy) if !is_allowed(policy, action, resource) => {
            let rule = Rule::new("*", "*", Some(denial::NO_SESSION_POLICY));
            judge(&[rule], principal, action, resource)
        }
        _ => judge(rules, principal, action, resource),
    }
}

/// AWS's sentence, when the rules deny this.
fn judge(rules: &[Rule], principal: &str, action: &str, resource: &str) -> Option<String> {
    let rule = rules.iter().rfind(|rule| rule.fits(principal, action))?;
    let end = rule.denial.as_ref()?.replace("{}", action);
    let sentence =
        format!("User: {principal} is not authorized to perform: {action} on resource: {resource}");
    Some(if end.is_empty() {
        sentence
    } else {
        format!("{sentence} {end}")
    })
}
