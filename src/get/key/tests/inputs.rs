//! Every input that this program or the SDK reads to find out who asks, for whom and where: the
//! table that a missing one is missing from.

use std::collections::BTreeMap;

use super::endpoints::Endpoints;
use super::kind::SourceKind;
use super::plan::{LAYERS, Layer, SituationPlan};
use super::situation::KeyEffect;

/// What an input can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InputRole {
    /// Some change of it, in some situation, makes another key.
    Counts,
    /// None does, and why.
    Never(&'static str),
    /// It is in no generated situation, and why.
    Elsewhere(&'static str),
}

use InputRole::{Counts, Elsewhere, Never};

const INPUTS: &[(&str, InputRole)] = &[
    ("the server", Counts),
    ("the name called by", Counts),
    ("sign-in", Counts),
    // The environment.
    (
        "HOME",
        Elsewhere("what is read in it decides; its name is what a credential_process sees"),
    ),
    ("USERPROFILE", Elsewhere("as HOME, on Windows")),
    ("HOMEDRIVE", Elsewhere("as HOME, on Windows")),
    ("HOMEPATH", Elsewhere("as HOME, on Windows")),
    ("AWS_ACCESS_KEY_ID", Counts),
    ("AWS_SECRET_ACCESS_KEY", Counts),
    ("AWS_SECURITY_TOKEN", Counts),
    (
        "AWS_CREDENTIAL_EXPIRATION",
        Elsewhere("keys that have expired are not used; those that follow are other keys"),
    ),
    ("AWS_SESSION_TOKEN", Counts),
    ("AWS_PROFILE", Counts),
    ("AWS_DEFAULT_PROFILE", Counts),
    ("AWS_CONFIG_FILE", Counts),
    ("AWS_SHARED_CREDENTIALS_FILE", Counts),
    ("AWS_ROLE_ARN", Counts),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", Counts),
    ("AWS_ROLE_SESSION_NAME", Counts),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", Counts),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", Counts),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN", Counts),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", Counts),
    ("AWS_EC2_METADATA_DISABLED", Counts),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", Counts),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", Counts),
    (
        "AWS_EC2_METADATA_V1_DISABLED",
        Elsewhere("how instance metadata is asked, which gives the same credentials"),
    ),
    (
        "AWS_METADATA_SERVICE_TIMEOUT",
        Elsewhere("how instance metadata is asked, which gives the same credentials"),
    ),
    (
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
        Elsewhere("how instance metadata is asked, which gives the same credentials"),
    ),
    // For `aws login` itself the ARN that signed in says who it is, wherever the file lies.
    ("AWS_LOGIN_CACHE_DIRECTORY", Counts),
    ("AWS_ENDPOINT_URL", Counts),
    ("AWS_ENDPOINT_URL_STS", Counts),
    ("AWS_ENDPOINT_URL_SSO", Counts),
    ("AWS_ENDPOINT_URL_SSO_OIDC", Counts),
    ("AWS_ENDPOINT_URL_SIGNIN", Counts),
    ("AWS_ENDPOINT_URL_ECR", Counts),
    ("AWS_ENDPOINT_URL_ECR_PUBLIC", Counts),
    ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", Counts),
    ("AWS_USE_FIPS_ENDPOINT", Counts),
    ("AWS_USE_DUALSTACK_ENDPOINT", Counts),
    ("AWS_REGION", Counts),
    ("AWS_DEFAULT_REGION", Counts),
    ("AWS_CA_BUNDLE", Never("the way to AWS, not who asks")),
    ("ECRX_PROFILE", Counts),
    ("ECRX_PROFILE_999999999999", Counts),
    ("ECRX_ROLE_ARN", Counts),
    ("ECRX_ROLE_ARN_999999999999", Counts),
    ("ECRX_EXTERNAL_ID", Counts),
    ("ECRX_ROLE_SESSION_NAME", Counts),
    ("ECRX_REGION", Counts),
    ("ECRX_LOG", Never("for people")),
    // Profiles.
    ("profile: role_arn", Counts),
    ("profile: source_profile", Counts),
    ("profile: credential_source", Counts),
    ("profile: external_id", Counts),
    ("profile: role_session_name", Counts),
    ("profile: mfa_serial", Counts),
    (
        "profile: duration_seconds",
        Never("how long the session lives; the token outlives it"),
    ),
    ("profile: web_identity_token_file", Counts),
    ("profile: sso_session", Counts),
    ("profile: sso_account_id", Counts),
    ("profile: sso_role_name", Counts),
    ("profile: sso_start_url", Counts),
    ("profile: sso_region", Counts),
    ("sso-session: sso_start_url", Counts),
    ("sso-session: sso_region", Counts),
    (
        "sso-session: sso_registration_scopes",
        Never("read when signing in, by others"),
    ),
    ("profile: login_session", Counts),
    ("profile: credential_process", Counts),
    ("profile: aws_access_key_id", Counts),
    ("profile: aws_secret_access_key", Counts),
    ("profile: aws_session_token", Counts),
    ("profile: endpoint_url", Counts),
    ("profile: services", Counts),
    ("profile: ecr.endpoint_url", Counts),
    ("profile: ecr_public.endpoint_url", Counts),
    ("profile: sts.endpoint_url", Counts),
    ("profile: sso.endpoint_url", Counts),
    ("profile: sso_oidc.endpoint_url", Counts),
    ("profile: ignore_configured_endpoint_urls", Counts),
    ("profile: region", Counts),
    ("profile: use_fips_endpoint", Counts),
    ("profile: use_dualstack_endpoint", Counts),
    ("profile: ec2_metadata_service_endpoint", Counts),
    ("profile: ec2_metadata_service_endpoint_mode", Counts),
    ("profile: ca_bundle", Never("the way to AWS, not who asks")),
    ("profile: output", Never("for people")),
    // config.toml.
    ("config.toml: identity profile", Counts),
    ("config.toml: identity source_profile", Counts),
    ("config.toml: identity role_arn", Counts),
    ("config.toml: identity external_id", Counts),
    ("config.toml: identity role_session_name", Counts),
    ("config.toml: identity mfa_serial", Counts),
    ("config.toml: identity region", Counts),
    (
        "config.toml: identity duration_seconds",
        Never("as a profile's"),
    ),
    ("config.toml: defaults profile", Counts),
    ("config.toml: defaults source_profile", Counts),
    ("config.toml: defaults role_arn", Counts),
    ("config.toml: defaults external_id", Counts),
    ("config.toml: defaults role_session_name", Counts),
    ("config.toml: defaults mfa_serial", Counts),
    ("config.toml: defaults region", Counts),
    (
        "config.toml: defaults duration_seconds",
        Never("as a profile's"),
    ),
    (
        "config.toml: sso_… and web_identity… of any identity, and what they name",
        Elsewhere("without_profile.rs"),
    ),
    ("config.toml: registry match", Counts),
    (
        "config.toml: registry accounts",
        Elsewhere("fills {account}, which the server decides"),
    ),
    (
        "config.toml: registry account",
        Elsewhere("of an own name: the registry itself"),
    ),
    ("config.toml: registry profile", Counts),
    ("config.toml: registry source_profile", Counts),
    ("config.toml: registry role_arn", Counts),
    ("config.toml: registry external_id", Counts),
    ("config.toml: registry role_session_name", Counts),
    ("config.toml: registry mfa_serial", Counts),
    ("config.toml: registry region", Counts),
    (
        "config.toml: registry duration_seconds",
        Never("as a profile's"),
    ),
    ("config.toml: registry endpoint_url", Counts),
    ("config.toml: registry sts_endpoint_url", Counts),
    ("config.toml: registry access", Counts),
    ("config.toml: registry access_repositories", Counts),
    ("config.toml: registry access_pull_through", Counts),
    (
        "config.toml: registry max_age_seconds",
        Never("how old an entry may be, not whose it is"),
    ),
    ("config.toml: cache max_age_seconds", Never("as a rule's")),
    (
        "config.toml: timeout_seconds",
        Never("how long a get may take"),
    ),
    (
        "config.toml: connect_timeout_seconds",
        Never("how long a get may take"),
    ),
    // Files that those name.
    ("file: token.jwt", Counts),
    ("file: pod.token", Counts),
    (
        "file: the sign-in, written over",
        Never("that is how the SDK renews it"),
    ),
];

/// Every plan, with each detail in one of its spellings or another.
fn all_plans() -> impl Iterator<Item = SituationPlan> {
    let layers = LAYERS.into_iter();
    let of_layer = |layer: Layer| SourceKind::ALL.into_iter().map(move |kind| (layer, kind));
    let of_kind = |(layer, kind)| {
        Endpoints::ALL
            .into_iter()
            .map(move |ends| (layer, kind, ends))
    };
    let details = (0..16usize).map(|bits| move |bit: usize| bits >> bit & 1);
    let details: Vec<_> = details.collect();
    layers
        .flat_map(of_layer)
        .flat_map(of_kind)
        .flat_map(move |(layer, kind, endpoints)| {
            details.clone().into_iter().map(move |bit| {
                SituationPlan {
                    layer,
                    kind,
                    chain: bit(0) + bit(1),
                    role: bit(1) == 1,
                    endpoints,
                    public: bit(2) == 1,
                    source: bit(3),
                    last_role: bit(2),
                    session_name: bit(0),
                    external_id: bit(2),
                    device: bit(3) == 1,
                    region: bit(0) == 1,
                }
                .possible()
            })
        })
}

#[test]
fn every_input_is_in_the_table_with_its_effects() {
    let mut seen: BTreeMap<String, bool> = BTreeMap::new();
    for plan in all_plans() {
        for input in plan.situation().inputs {
            let name = match input.place.name() {
                name if name.starts_with("file: ") && name.ends_with(".json") => {
                    "file: the sign-in, written over".to_owned()
                }
                name => name,
            };
            let counts = input
                .changes
                .iter()
                .any(|(_, effect)| *effect != KeyEffect::Nothing);
            let bystanders = input.changes.is_empty() && name.starts_with("file: ");
            if !bystanders {
                *seen.entry(name).or_default() |= counts;
            }
        }
    }
    for (name, role) in INPUTS {
        let expected = match role {
            Counts => Some(true),
            Never(_) => Some(false),
            Elsewhere(_) => None,
        };
        assert_eq!(seen.remove(*name), expected, "{name}: {role:?}");
    }
    assert_eq!(seen, BTreeMap::new(), "not in the table");
}
