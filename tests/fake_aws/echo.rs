//! Answers that repeat what they were sent: AWS shows a value that it refuses, and the whole
//! request when its signature does not match.

use serde_json::Value;

use super::call::{Call, Operation, Protocol};
use super::error::{ServiceError, bad_signature};

/// What an echo is told as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    /// The signature does not match, and the canonical string follows.
    Signature,
    /// A value is not taken.
    Value,
    /// The caller is denied.
    Denial,
}

/// Headers and parameters that hold secrets.
const HEADERS: [&str; 4] = [
    "authorization",
    "x-amz-security-token",
    "x-amz-sso_bearer_token",
    "x-aws-ec2-metadata-token",
];
const PARAMETERS: [&str; 6] = [
    "ExternalId",
    "TokenCode",
    "WebIdentityToken",
    "clientSecret",
    "code",
    "refreshToken",
];

impl Call {
    /// The secrets that were sent, with the names that AWS has for them.
    pub fn secrets(&self) -> Vec<(String, String)> {
        let is_signature = |value: &str| value.starts_with("AWS4-HMAC-SHA256 ");
        let headers = self.headers.iter().filter(|(name, value)| {
            HEADERS.contains(&name.as_str()) && !is_signature(value) && !value.is_empty()
        });
        let mut secrets: Vec<(String, String)> = headers.cloned().collect();
        collect(&self.params, &mut secrets);
        secrets
    }
}

fn collect(params: &Value, secrets: &mut Vec<(String, String)>) {
    for (name, value) in params.as_object().into_iter().flatten() {
        match value {
            Value::String(text) if PARAMETERS.contains(&name.as_str()) => {
                secrets.push((name.clone(), text.clone()));
            }
            value => collect(value, secrets),
        }
    }
}

/// The words of an echo.
pub fn echo(call: &Call) -> String {
    let secrets = call.secrets();
    let forms: [fn(&str) -> String; 4] = [
        |secret| secret[..secret.len().div_ceil(2)].to_owned(),
        |secret| percent(&percent(secret)),
        percent,
        str::to_owned,
    ];
    let mut words = format!("{} errors detected:", secrets.len());
    for form in forms {
        for (name, secret) in &secrets {
            // Half a code is none.
            if secret.len() >= 16 || form(secret).len() >= secret.len() {
                words.push_str(&format!(
                    " Value '{}' at '{name}' is refused;",
                    form(secret)
                ));
            }
        }
    }
    words
}

impl Echo {
    pub(super) fn error(self, call: &Call) -> ServiceError {
        let (operation, words) = (call.operation, echo(call));
        match self {
            Self::Signature => bad_signature(operation, &format!("{words}\n\n{}", request(call))),
            Self::Value => ServiceError::new(400, value_code(operation), words),
            Self::Denial => {
                let (user, action) = (call.principal.as_deref(), operation.action());
                let message = format!(
                    "User: {} is not authorized to perform: {action} on resource: {}; {words}",
                    user.unwrap_or("anonymous"),
                    call.param("RoleArn").unwrap_or("*"),
                );
                let (json, query) = ("AccessDeniedException", "AccessDenied");
                ServiceError::signed(operation, json, query, &message)
            }
        }
    }
}

fn value_code(operation: Operation) -> &'static str {
    match operation.protocol() {
        Protocol::Query => "ValidationError",
        _ => "InvalidParameterException",
    }
}

/// As the services write it behind a signature that does not match.
fn request(call: &Call) -> String {
    let mut text = format!(
        "The Canonical String for this request should have been\n'{}\n{}\n\n",
        call.method, call.path
    );
    for (name, value) in &call.headers {
        text.push_str(&format!("{name}:{value}\n"));
    }
    let canonical = text.clone();
    text.push_str(&format!(
        "'\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n{}'\n",
        percent(&canonical)
    ));
    text
}

fn percent(text: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| {
            if kept(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
