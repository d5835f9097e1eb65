//! Error answers in each service's spelling.

use serde_json::json;

use super::call::{Call, Operation, Protocol};
use super::clock;
use super::http::Response;

/// An error that a service answers with.
#[derive(Clone, Debug)]
pub(super) struct ServiceError {
    pub status: u16,
    pub code: String,
    pub message: String,
    /// The OAuth error code of SSO OIDC and sign-in.
    pub oauth: &'static str,
}

impl ServiceError {
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            oauth: "invalid_request",
        }
    }

    pub fn with_oauth(mut self, oauth: &'static str) -> Self {
        self.oauth = oauth;
        self
    }

    /// A code for JSON services with status 400, another for STS with status 403.
    pub fn signed(operation: Operation, json: &str, query: &str, message: &str) -> Self {
        if operation.protocol() == Protocol::Query {
            Self::new(403, query, message)
        } else {
            Self::new(400, json, message)
        }
    }

    pub fn render(&self, operation: Operation) -> Response {
        let (status, code, message) = (self.status, &self.code, &self.message);
        match operation.protocol() {
            Protocol::Json => Response::new(
                status,
                "application/x-amz-json-1.1",
                json!({"__type": code, "message": message}).to_string(),
            ),
            Protocol::Query => {
                let side = if status < 500 { "Sender" } else { "Receiver" };
                let (code, message) = (xml_escape(code), xml_escape(message));
                Response::new(
                    status,
                    "text/xml",
                    format!(
                        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
                         <Error>\n    <Type>{side}</Type>\n    <Code>{code}</Code>\n    \
                         <Message>{message}</Message>\n  </Error>\n  \
                         <RequestId>{REQUEST_ID}</RequestId>\n</ErrorResponse>\n"
                    ),
                )
            }
            Protocol::RestJson => {
                let body = match operation {
                    Operation::SsoOidcCreateToken => {
                        json!({"error": self.oauth, "error_description": message})
                    }
                    Operation::SigninCreateOAuth2Token => {
                        json!({"error": self.oauth, "message": message})
                    }
                    _ => json!({"message": message}),
                };
                Response::json(status, &body).with_header("x-amzn-errortype", code.as_str())
            }
            Protocol::Plain => match operation {
                Operation::EcsCredentials | Operation::EksCredentials => {
                    Response::json(status, &json!({"code": code, "message": message}))
                }
                _ => Response::text(status, &format!("{status} - {message}")),
            },
        }
        .with_header("x-amzn-requestid", REQUEST_ID)
    }
}

/// The request id in every answer.
pub(super) const REQUEST_ID: &str = "01234567-89ab-cdef-0123-456789abcdef";

pub(super) fn xml_escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The reason that IAM gives when nothing allows an action; `{}` is the action.
pub(super) const NO_IDENTITY_POLICY: &str = "no identity-based policy allows the {} action";

/// `User: … is not authorized to perform: … on resource: … because …`.
pub(super) fn denied(call: &Call, reason: &str) -> ServiceError {
    let operation = call.operation;
    let action = operation.action();
    let user = call.principal.as_deref().unwrap_or("anonymous");
    let resource = call.param("RoleArn").unwrap_or("*");
    let because = match reason.replace("{}", action) {
        reason if reason.is_empty() => String::new(),
        // STS does not explain itself.
        _ if operation == Operation::StsAssumeRole && reason == NO_IDENTITY_POLICY => String::new(),
        reason => format!(" because {reason}"),
    };
    let message =
        format!("User: {user} is not authorized to perform: {action} on resource: {resource}");
    match operation {
        Operation::StsAssumeRoleWithWebIdentity => ServiceError::new(
            403,
            "AccessDenied",
            format!("Not authorized to perform {action}"),
        ),
        Operation::SsoGetRoleCredentials => {
            ServiceError::new(403, "ForbiddenException", "No access")
        }
        Operation::SsoOidcCreateToken => {
            ServiceError::new(400, "AccessDeniedException", "Access denied")
                .with_oauth("access_denied")
        }
        Operation::SigninCreateOAuth2Token => {
            ServiceError::new(403, "AccessDeniedException", "Access denied")
                .with_oauth("INSUFFICIENT_PERMISSIONS")
        }
        _ if operation.protocol() == Protocol::Plain => {
            ServiceError::new(403, "AccessDenied", "Forbidden")
        }
        _ => ServiceError::signed(
            operation,
            "AccessDeniedException",
            "AccessDenied",
            &format!("{message}{because}"),
        ),
    }
}

pub(super) fn expired(operation: Operation) -> ServiceError {
    let message = "The security token included in the request is expired";
    match operation {
        Operation::SsoGetRoleCredentials => ServiceError::new(
            401,
            "UnauthorizedException",
            "Session token not found or invalid",
        ),
        Operation::SsoOidcCreateToken => {
            ServiceError::new(400, "ExpiredTokenException", "Token has expired")
                .with_oauth("expired_token")
        }
        Operation::SigninCreateOAuth2Token => {
            ServiceError::new(400, "AccessDeniedException", "The session has expired")
                .with_oauth("TOKEN_EXPIRED")
        }
        Operation::StsAssumeRoleWithWebIdentity => ServiceError::new(
            400,
            "ExpiredTokenException",
            "Token expired: the identity token's exp has passed",
        ),
        _ if operation.protocol() == Protocol::Plain => {
            ServiceError::new(401, "ExpiredToken", "Unauthorized")
        }
        _ => ServiceError::signed(operation, "ExpiredTokenException", "ExpiredToken", message),
    }
}

pub(super) fn invalid_grant(operation: Operation) -> ServiceError {
    match operation {
        Operation::SsoOidcCreateToken => ServiceError::new(
            400,
            "InvalidGrantException",
            "Invalid refresh token provided",
        )
        .with_oauth("invalid_grant"),
        Operation::SigninCreateOAuth2Token => ServiceError::new(
            400,
            "AccessDeniedException",
            "The credentials of the user have changed",
        )
        .with_oauth("USER_CREDENTIALS_CHANGED"),
        Operation::StsAssumeRoleWithWebIdentity => ServiceError::new(
            400,
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://token.example",
        ),
        _ => expired(operation),
    }
}

pub(super) fn unrecognized(operation: Operation) -> ServiceError {
    ServiceError::signed(
        operation,
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
    )
}

pub(super) fn bad_signature(operation: Operation, message: &str) -> ServiceError {
    let code = "SignatureDoesNotMatch";
    ServiceError::signed(operation, "InvalidSignatureException", code, message)
}

pub(super) fn signature_mismatch(operation: Operation) -> ServiceError {
    bad_signature(
        operation,
        "The request signature we calculated does not match the signature you provided. Check \
         your AWS Secret Access Key and signing method. Consult the service documentation for \
         details.",
    )
}

pub(super) fn skew_tolerance(operation: Operation) -> i64 {
    if operation.protocol() == Protocol::Query {
        15
    } else {
        5
    }
}

pub(super) fn signature_expired(operation: Operation, signed_at: i64, server: i64) -> ServiceError {
    let minutes = skew_tolerance(operation);
    let (signed, now) = (clock::basic(signed_at), clock::basic(server));
    let message = if signed_at < server {
        let limit = clock::basic(server - minutes * 60);
        format!("Signature expired: {signed} is now earlier than {limit} ({now} - {minutes} min.)")
    } else {
        let limit = clock::basic(server + minutes * 60);
        format!(
            "Signature not yet current: {signed} is still later than {limit} \
             ({now} + {minutes} min.)"
        )
    };
    bad_signature(operation, &message)
}

pub(super) fn throttled(operation: Operation) -> ServiceError {
    let message = "Rate exceeded";
    match operation {
        Operation::SsoGetRoleCredentials => {
            ServiceError::new(429, "TooManyRequestsException", message)
        }
        Operation::SsoOidcCreateToken => {
            ServiceError::new(400, "SlowDownException", message).with_oauth("slow_down")
        }
        Operation::SigninCreateOAuth2Token => {
            ServiceError::new(429, "TooManyRequestsError", message).with_oauth("rate_exceeded")
        }
        _ => match operation.protocol() {
            Protocol::Query => ServiceError::new(400, "Throttling", message),
            Protocol::Plain => ServiceError::new(429, "TooManyRequests", "Too Many Requests"),
            _ => ServiceError::new(400, "ThrottlingException", message),
        },
    }
}

pub(super) fn broken(operation: Operation, status: u16) -> ServiceError {
    let code = match (operation.protocol(), status) {
        (Protocol::Query, 503) => "ServiceUnavailable",
        (Protocol::Query, _) => "InternalFailure",
        (Protocol::Json, 503) => "ServiceUnavailableException",
        (Protocol::Json, _) => "ServerException",
        _ => "InternalServerException",
    };
    let message = if status == 503 {
        "Service is unable to handle request."
    } else {
        "The request processing has failed because of an unknown error, exception or failure."
    };
    ServiceError::new(status, code, message).with_oauth("server_error")
}
