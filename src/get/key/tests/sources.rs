//! Where the first credentials come from.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha1::{Digest as _, Sha1};

use super::kind::SourceKind::*;
use super::plan::{Layer, SituationPlan};
use super::situation::KeyEffect::{Decides, Nothing, Rotates};
use super::situation::{InputPlace, Situation};

pub(super) fn add(plan: &SituationPlan, s: &mut Situation) {
    let kind = match plan.kind {
        EnvironmentKeys | BorrowedKeys => Keys,
        EnvironmentWebIdentity => WebIdentity,
        BorrowedContainer => EnvironmentContainer,
        BorrowedInstance => InstanceMetadata,
        kind => kind,
    };
    s.is(format!("{kind:?} {}", plan.source));
    let section = plan.section(plan.chain);
    let aws = |key| InputPlace::Aws(section, key);
    match plan.kind {
        Keys | Session => keys(plan, s, aws, plan.kind == Session),
        SsoSession | SsoOldForm => sso(plan, s, section),
        Login => login(plan, s, section),
        Process => {
            let command = ["get --for a", "get --for b"][plan.source];
            s.add(
                aws("credential_process"),
                Some(command),
                Some("get"),
                Rotates,
            );
        }
        WebIdentity => web_identity(plan, s, aws),
        EnvironmentWebIdentity => web_identity(plan, s, |key| {
            InputPlace::Variable(match key {
                "web_identity_token_file" => "AWS_WEB_IDENTITY_TOKEN_FILE",
                "role_arn" => "AWS_ROLE_ARN",
                _ => "AWS_ROLE_SESSION_NAME",
            })
        }),
        BorrowedKeys | EnvironmentKeys => keys(plan, s, variable, false),
        EnvironmentSession => keys(plan, s, variable, true),
        BorrowedContainer | EnvironmentContainer => container(plan, s, false),
        EnvironmentContainerFile => container(plan, s, true),
        BorrowedInstance => instance(plan, s, plan.section(plan.chain - 1)),
        InstanceMetadata => instance(plan, s, "default"),
    }
    // Session keys and processes of two profiles are no successors of each other.
    if matches!(plan.kind, Session | Process) {
        s.is(plan.profile());
    }
    let sees_the_variable = matches!(plan.layer, Layer::AwsProfile | Layer::AwsDefaultProfile);
    if plan.kind == Process && sees_the_variable {
        s.is(format!("{:?}", plan.layer));
    }
}

/// The variable for a key of a profile.
fn variable(key: &'static str) -> InputPlace {
    InputPlace::Variable(match key {
        "aws_access_key_id" => "AWS_ACCESS_KEY_ID",
        "aws_secret_access_key" => "AWS_SECRET_ACCESS_KEY",
        "aws_session_token" => "AWS_SESSION_TOKEN",
        other => unreachable!("{other}"),
    })
}

fn keys(
    plan: &SituationPlan,
    s: &mut Situation,
    place: impl Fn(&'static str) -> InputPlace,
    is_session: bool,
) {
    let effect = if is_session { Rotates } else { Decides };
    let [one, other] = match plan.source {
        0 => ["AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE"],
        _ => ["AKIAI44QH8DHBEXAMPLE", "AKIAIOSFODNN7EXAMPLE"],
    };
    s.add(place("aws_access_key_id"), Some(one), Some(other), effect);
    let secret = place("aws_secret_access_key");
    let is_of_environment = secret == InputPlace::Variable("AWS_SECRET_ACCESS_KEY");
    s.add(secret, Some("secret"), Some("other"), effect);
    if is_of_environment {
        // The old name of the session token, which comes first.
        let effect = if is_session { Rotates } else { Decides };
        s.absent(InputPlace::Variable("AWS_SECURITY_TOKEN"), "old", effect);
    }
    if is_session {
        s.add(
            place("aws_session_token"),
            Some("token"),
            Some("other"),
            Rotates,
        );
        s.or(None, Decides);
    } else {
        s.absent(place("aws_session_token"), "token", Decides)
    }
}

fn sso(plan: &SituationPlan, s: &mut Situation, section: &'static str) {
    let aws = |key| InputPlace::Aws(section, key);
    let [account, other] = match plan.source {
        0 => ["111122223333", "444455556666"],
        _ => ["444455556666", "111122223333"],
    };
    s.decides(aws("sso_account_id"), account, other);
    s.decides(aws("sso_role_name"), "dev", "ops");
    let [url, other_url] = ["https://one.example/start", "https://other.example/start"];
    let key = if plan.kind == SsoSession {
        s.decides(aws("sso_session"), "corp", "club");
        for session in ["sso-session corp", "sso-session club"] {
            let effect = match session {
                "sso-session corp" => Decides,
                _ => Nothing,
            };
            let place = |key| InputPlace::Aws(session, key);
            s.add(place("sso_start_url"), Some(url), Some(other_url), effect);
            s.add(
                place("sso_region"),
                Some("us-east-1"),
                Some("eu-west-1"),
                effect,
            );
        }
        let scopes = InputPlace::Aws("sso-session corp", "sso_registration_scopes");
        s.absent(scopes, "sso:account:access", Nothing);
        "corp"
    } else {
        s.decides(aws("sso_start_url"), url, other_url);
        s.decides(aws("sso_region"), "us-east-1", "eu-west-1");
        url
    };
    let name: String = Sha1::digest(key)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let file = format!(".aws/sso/cache/{name}.json");
    // Renewed where it is.
    let token = |number: u8| format!(r#"{{"accessToken":"{number}"}}"#);
    s.add(
        InputPlace::File(file.clone()),
        Some(&token(1)),
        Some(&token(2)),
        Nothing,
    );
    s.add(InputPlace::SignIn(file), Some("1"), Some("2"), Rotates);
}

fn login(plan: &SituationPlan, s: &mut Situation, section: &'static str) {
    let [one, other] = match plan.source {
        0 => ["alice", "bob"],
        _ => ["bob", "alice"],
    };
    let session = |user| format!("arn:aws:iam::111122223333:user/{user}");
    s.decides(
        InputPlace::Aws(section, "login_session"),
        &session(one),
        &session(other),
    );
}

fn web_identity(
    plan: &SituationPlan,
    s: &mut Situation,
    place: impl Fn(&'static str) -> InputPlace,
) {
    let role = |user| format!("arn:aws:iam::111122223333:role/{user}");
    let [one, other] = match plan.source {
        0 => ["one", "other"],
        _ => ["other", "one"],
    };
    let token = |claims: &str| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
    let first = token(r#"{"iss":"https://ci.example","sub":"repo:a","aud":"sts","exp":1}"#);
    let renewed = token(r#"{"iss":"https://ci.example","sub":"repo:a","aud":"sts","exp":2}"#);
    let anothers = token(r#"{"iss":"https://ci.example","sub":"repo:b","aud":"sts","exp":1}"#);
    s.decides(place("role_arn"), &role(one), &role(other));
    s.decides(
        place("web_identity_token_file"),
        "{home}/token.jwt",
        "{home}/copy.jwt",
    );
    s.add(
        InputPlace::File("token.jwt".into()),
        Some(&first),
        Some(&renewed),
        Nothing,
    );
    s.or(Some(&anothers), Rotates);
    s.fixed(InputPlace::File("copy.jwt".into()), &first);
    s.absent(place("role_session_name"), "pod", Decides);
    // The default, written out.
    s.or(Some("docker-credential-ecrx"), Nothing);
}

fn container(plan: &SituationPlan, s: &mut Situation, by_file: bool) {
    let [one, other] = match plan.source {
        0 => ["http://127.0.0.1:1/a", "http://127.0.0.1:1/b"],
        _ => ["http://127.0.0.1:1/b", "http://127.0.0.1:1/a"],
    };
    let uri = InputPlace::Variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    s.add(uri, Some(one), Some(other), Rotates);
    let relative = InputPlace::Variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    s.absent(relative, "/v2/credentials/1", Rotates);
    let token = InputPlace::Variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    let file = InputPlace::Variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    s.fixed(InputPlace::File("other.token".into()), "other");
    if by_file {
        s.add(
            file,
            Some("{home}/pod.token"),
            Some("{home}/other.token"),
            Rotates,
        );
        s.add(
            InputPlace::File("pod.token".into()),
            Some("one"),
            Some("two"),
            Rotates,
        );
        s.absent(token, "one", Rotates);
    } else {
        s.add(token, Some("one"), Some("two"), Rotates);
        s.or(None, Rotates);
        s.absent(file, "{home}/other.token", Rotates);
    }
}

fn instance(plan: &SituationPlan, s: &mut Situation, section: &'static str) {
    let endpoint = InputPlace::Variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    let mode = InputPlace::Variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    let of_profile = InputPlace::Aws(section, "ec2_metadata_service_endpoint");
    let mode_of_profile = InputPlace::Aws(section, "ec2_metadata_service_endpoint_mode");
    match (plan.source, plan.last_role) {
        (0, 0) => {
            s.decides(endpoint, "http://127.0.0.1:1", "http://127.0.0.1:2");
            s.absent(of_profile, "http://127.0.0.1:3", Nothing);
            s.absent(mode, "IPv6", Nothing);
        }
        (0, _) => {
            s.decides(of_profile, "http://127.0.0.1:1", "http://127.0.0.1:2");
            s.absent(endpoint, "http://127.0.0.1:3", Decides);
            s.absent(mode_of_profile, "IPv6", Nothing);
        }
        (_, 0) => {
            s.absent(endpoint, "http://127.0.0.1:3", Decides);
            s.absent(mode, "IPv6", Decides);
            s.or(Some("ipv4"), Nothing);
            s.absent(mode_of_profile, "IPv6", Decides);
        }
        (..) => {
            s.absent(endpoint, "http://127.0.0.1:3", Decides);
            s.decides(mode, "IPv6", "IPv4");
            s.absent(mode_of_profile, "IPv4", Nothing);
        }
    }
    if plan.source == 1 {
        s.is(format!("mode {}", plan.last_role));
    }
    s.absent(
        InputPlace::Variable("AWS_EC2_METADATA_DISABLED"),
        "true",
        Decides,
    );
}
