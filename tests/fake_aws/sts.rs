//! STS: the query protocol with XML answers.

use super::call::{Call, Operation};
use super::clock;
use super::error::{
    NO_IDENTITY_POLICY, REQUEST_ID, ServiceError, denied, invalid_grant, xml_escape,
};
use super::http::{Request, Response};
use super::state::{Caller, Credentials, State, arn_field, assumed_role};

/// The operation that the `Action` parameter names.
pub(super) fn operation(action: &str) -> Operation {
    match action {
        "AssumeRole" => Operation::StsAssumeRole,
        "AssumeRoleWithWebIdentity" => Operation::StsAssumeRoleWithWebIdentity,
        "GetCallerIdentity" => Operation::StsGetCallerIdentity,
        _ => Operation::Unknown,
    }
}

pub(super) fn assume_role(
    state: &mut State,
    request: &Request,
    call: &Call,
) -> Result<Response, ServiceError> {
    let caller = state.caller(request, call.operation, "sts", None)?;
    let role = Asked::of(call)?;
    // Authentication comes before authorization.
    let with_code = has_shown_code(state, &caller, call)?;
    let trust = state.trusts.get(role.arn).cloned().unwrap_or_default();
    let by_role = |known: &String| {
        caller.principal == *known || caller.principal.starts_with(&format!("{known}/"))
    };
    let stranger = !trust.callers.is_empty() && !trust.callers.iter().any(by_role);
    let wrong_id =
        trust.external_id.is_some() && trust.external_id.as_deref() != call.param("ExternalId");
    if trust.denied || stranger || wrong_id || (trust.mfa && !with_code) {
        return Err(denied(call, NO_IDENTITY_POLICY));
    }
    if caller.temporary && role.seconds > 3600 {
        return Err(invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by \
             role chaining",
        ));
    }
    if trust.max_seconds.is_some_and(|limit| role.seconds > limit) {
        return Err(invalid(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    let credentials = session(state, call, &role);
    Ok(result(
        "AssumeRole",
        &format!(
            "{}{}",
            credentials_xml(&credentials),
            user_xml(&credentials)
        ),
    ))
}

/// Whether the caller shows a code of its MFA device. Only who has a long-lived key can, and a
/// code works once (IAM user guide, "Secure API access with MFA").
fn has_shown_code(state: &mut State, caller: &Caller, call: &Call) -> Result<bool, ServiceError> {
    let (device, code) = match (call.param("SerialNumber"), call.param("TokenCode")) {
        (Some(device), Some(code)) => (device, code),
        (None, None) => return Ok(false),
        _ => {
            return Err(mfa_failed(
                ", must provide both MFA serial number and one time pass code.",
            ));
        }
    };
    if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid(&format!(
            "1 validation error detected: Value '{code}' at 'tokenCode' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [\\d]*"
        )));
    }
    let is_theirs =
        !device.starts_with("arn:") || device.replacen(":mfa/", ":user/", 1) == caller.principal;
    if caller.temporary || !is_theirs {
        return Err(mfa_failed(
            ", unable to validate MFA code.  Please verify your MFA serial number is valid and \
             associated with this user.",
        ));
    }
    let shown = (device.to_owned(), code.to_owned());
    if !state.mfa_codes.remove(&shown) {
        return Err(mfa_failed(" with invalid MFA one time pass code. "));
    }
    Ok(true)
}

fn mfa_failed(how: &str) -> ServiceError {
    let message = format!("MultiFactorAuthentication failed{how}");
    ServiceError::new(403, "AccessDenied", &message)
}

pub(super) fn assume_role_with_web_identity(
    state: &mut State,
    call: &Call,
) -> Result<Response, ServiceError> {
    let role = Asked::of(call)?;
    let token = call.param("WebIdentityToken").unwrap_or_default();
    if token.is_empty() {
        return Err(invalid(
            "1 validation error detected: Value at 'webIdentityToken' failed to satisfy \
             constraint: Member must have length greater than or equal to 4",
        ));
    }
    let trust = state.trusts.get(role.arn).cloned().unwrap_or_default();
    if trust.denied {
        return Err(denied(call, NO_IDENTITY_POLICY));
    }
    if token.chars().any(char::is_whitespace) {
        return Err(invalid_grant(call.operation));
    }
    let credentials = session(state, call, &role);
    let body = format!(
        "{}{}<SubjectFromWebIdentityToken>system:serviceaccount:ci:builder\
         </SubjectFromWebIdentityToken><Audience>sts.amazonaws.com</Audience>\
         <Provider>arn:aws:iam::{}:oidc-provider/token.example</Provider>",
        credentials_xml(&credentials),
        user_xml(&credentials),
        arn_field(role.arn, 4),
    );
    Ok(result("AssumeRoleWithWebIdentity", &body))
}

pub(super) fn get_caller_identity(
    state: &State,
    request: &Request,
    call: &Call,
) -> Result<Response, ServiceError> {
    let caller = state.caller(request, call.operation, "sts", None)?;
    let principal = &caller.principal;
    let body = format!(
        "<Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account>",
        xml_escape(principal),
        xml_escape(&user_id(principal)),
        arn_field(principal, 4),
    );
    Ok(result("GetCallerIdentity", &body))
}

/// The credentials of a session, with its policy.
fn session(state: &mut State, call: &Call, role: &Asked<'_>) -> Credentials {
    let credentials = state.mint(&role.principal, role.seconds);
    if let Some(policy) = call.param("Policy") {
        let key = credentials.access_key_id.clone();
        state.policies.insert(key, policy.to_owned());
    }
    credentials
}

/// The role that a call asks for, with the session it would get.
struct Asked<'a> {
    arn: &'a str,
    principal: String,
    seconds: i64,
}

impl<'a> Asked<'a> {
    fn of(call: &'a Call) -> Result<Self, ServiceError> {
        let arn = call.param("RoleArn").unwrap_or_default();
        let session = call.param("RoleSessionName").unwrap_or_default();
        let seconds = match call.param("DurationSeconds") {
            Some(text) => text.parse().unwrap_or(0),
            None => 3600,
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        if !(2..=64).contains(&session.len()) || !session.chars().all(allowed) {
            return Err(invalid(&format!(
                "1 validation error detected: Value '{session}' at 'roleSessionName' failed to \
                 satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
            )));
        }
        if !(900..=43200).contains(&seconds) {
            return Err(invalid(&format!(
                "1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to \
                 satisfy constraint: Member must have value greater than or equal to 900"
            )));
        }
        if let Some(id) = call.param("ExternalId") {
            let allowed = |c: char| allowed(c) || ":/".contains(c);
            if !(2..=1224).contains(&id.len()) || !id.chars().all(allowed) {
                return Err(invalid(
                    "1 validation error detected: Value at 'externalId' failed to satisfy \
                     constraint: Member must satisfy regular expression pattern: [\\w+=,.@:\\/-]*",
                ));
            }
        }
        let principal = assumed_role(arn, session)
            .filter(|_| arn.starts_with("arn:aws"))
            .ok_or_else(|| invalid(&format!("{arn} is invalid")))?;
        Ok(Self {
            arn,
            principal,
            seconds,
        })
    }
}

fn invalid(message: &str) -> ServiceError {
    ServiceError::new(400, "ValidationError", message)
}

/// `AIDA…` for users, `AROA…:session` for assumed roles, the account for root.
fn user_id(principal: &str) -> String {
    let mut parts = arn_field(principal, 5).split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("assumed-role"), Some(_), Some(session)) => {
            format!("AROACKCEVSQ6C2EXAMPLE:{session}")
        }
        (Some("root"), ..) => arn_field(principal, 4).to_owned(),
        _ => "AIDACKCEVSQ6C2EXAMPLE".to_owned(),
    }
}

fn credentials_xml(credentials: &Credentials) -> String {
    format!(
        "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
         <SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials>",
        credentials.access_key_id,
        credentials.secret_access_key,
        credentials.session_token.as_deref().unwrap_or_default(),
        clock::iso(credentials.expires_at.unwrap_or_default()),
    )
}

fn user_xml(credentials: &Credentials) -> String {
    let arn = xml_escape(&credentials.principal);
    let id = xml_escape(&user_id(&credentials.principal));
    format!(
        "<AssumedRoleUser><AssumedRoleId>{id}</AssumedRoleId><Arn>{arn}</Arn></AssumedRoleUser>"
    )
}

fn result(name: &str, body: &str) -> Response {
    let xml = format!(
        "<{name}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{name}Result>{body}\
         </{name}Result><ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata>\
         </{name}Response>"
    );
    Response::new(200, "text/xml", xml)
}
