//! The same principal as the SDK's own chain chooses, in the same environment: for every source,
//! and for every set of them. Where this program differs, it does so on purpose, and a test here
//! shows both outcomes.
//!
//! The chain reads the environment of its process. So this executable starts itself once more,
//! with the test's environment, to run [`the_chain`] alone.

mod common;

use std::error::Error as StdError;
use std::process::{Command, Stdio};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::SdkConfig;
use aws_types::region::Region;
use docker_credential_ecrx::http::{self, HttpSettings};

use common::fake_aws::{ALICE, BOB, FakeAws, Operation};
use common::sources;
use common::{HOST, TestEnvironment};

/// Where the child leaves its answer. Without it, [`the_chain`] is no child.
const ANSWER: &str = "THE_CHAINS_ANSWER";

/// The child: who the chain's credentials are, as AWS says, or why there are none.
#[test]
#[ignore = "the tests here run it, each in an environment of its own"]
fn the_chain() {
    let Some(path) = std::env::var_os(ANSWER) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let answer = match runtime.block_on(ask_the_chain()) {
        Ok(principal) => format!("principal {principal}"),
        Err(error) => format!("error {error}"),
    };
    std::fs::write(path, answer).expect("a file");
}

async fn ask_the_chain() -> Result<String, Box<dyn StdError>> {
    let client = http::client(&HttpSettings::default())?;
    let config = ProviderConfig::empty()
        .with_http_client(client.clone())
        .with_sleep_impl(TokioSleep::new());
    let chain = DefaultCredentialsChain::builder().configure(config);
    let credentials = chain.build().await.provide_credentials().await?;
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-west-2"))
        .endpoint_url(std::env::var("AWS_ENDPOINT_URL")?)
        .http_client(client)
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    let identity = aws_sdk_sts::Client::new(&config)
        .get_caller_identity()
        .send()
        .await?;
    Ok(identity.arn().ok_or("no ARN")?.to_owned())
}

/// The principal of the SDK's chain here, or why there is none.
#[track_caller]
fn sdk(environment: &TestEnvironment) -> Result<String, String> {
    let answer = environment.home().join("answer");
    let _ = std::fs::remove_file(&answer);
    let ours = environment.command(&[]);
    let variables = ours
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let output = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "--include-ignored", "the_chain"])
        .env_clear()
        .envs(variables)
        .env(ANSWER, &answer)
        .current_dir(environment.home())
        .stdin(Stdio::null())
        .output()
        .expect("start");
    let text = std::fs::read_to_string(&answer).unwrap_or_else(|error| {
        let output = String::from_utf8_lossy(&output.stdout);
        panic!("no answer: {error}\n{output}");
    });
    match text.split_once(' ') {
        Some(("principal", principal)) => Ok(principal.to_owned()),
        _ => Err(text),
    }
}

/// The principal that requested this program's token, or why there is none.
fn ours(environment: &TestEnvironment) -> Result<String, String> {
    let outcome = environment.get(HOST);
    match outcome.code {
        Some(0) => Ok(outcome.grant().principal),
        _ => Err(outcome.stdout),
    }
}

/// Both are this one.
#[track_caller]
fn same(environment: &TestEnvironment, expected: &str, what: &str) {
    assert_eq!(ours(environment).as_deref(), Ok(expected), "{what}");
    assert_eq!(sdk(environment).as_deref(), Ok(expected), "{what}");
}

/// An environment whose STS has a region: without one, the SDK calls none.
fn environment(aws: &FakeAws) -> TestEnvironment {
    let mut environment = TestEnvironment::with_aws(aws);
    environment.set("AWS_REGION", "us-west-2");
    environment
}

/// A session's ARN without the session's name.
fn role_of(principal: &str) -> &str {
    principal.rsplit_once('/').expect("a session").0
}

// The same.

/// A profile of each kind, under this name, is whom the SDK takes it for.
#[track_caller]
fn every_profile_is_the_same(name: &str, kinds: impl Fn(&str) -> bool) {
    for (kind, profile) in sources::PROFILES {
        if !kinds(kind) {
            continue;
        }
        let aws = FakeAws::start();
        let mut environment = environment(&aws);
        let expected = profile(&mut environment, &aws, name).principal;
        if name != "default" {
            environment.set("AWS_PROFILE", name);
        }
        match kind {
            // Keys in variables come before every profile.
            "role of the environment" => same(&environment, ALICE.2, kind),
            "role without a session name" => {
                let sdk = sdk(&environment).expect("a principal");
                assert_eq!(ours(&environment).as_deref(), Ok(expected.as_str()));
                assert_eq!(role_of(&sdk), role_of(&expected));
            }
            _ => same(&environment, &expected, kind),
        }
    }
}

#[test]
fn every_named_profile_is_who_the_sdk_says() {
    every_profile_is_the_same("work", |_| true);
}

#[test]
fn every_default_profile_is_who_the_sdk_says() {
    every_profile_is_the_same("default", |_| true);
}

/// What one environment can contain together.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Layer {
    Keys,
    NamedProfile,
    WebIdentity,
    Container,
    DefaultProfile,
    Instance,
}

const LAYERS: [Layer; 6] = [
    Layer::Keys,
    Layer::WebIdentity,
    Layer::NamedProfile,
    Layer::DefaultProfile,
    Layer::Container,
    Layer::Instance,
];

/// Puts these layers into one environment; who each is, in the order of this program.
fn layered(aws: &FakeAws, layers: &[Layer]) -> (TestEnvironment, Vec<(Layer, String)>) {
    let mut environment = environment(aws);
    let mut principals = Vec::new();
    for layer in layers {
        let principal = match layer {
            Layer::Keys => {
                environment.set_keys(ALICE.0, ALICE.1, None);
                ALICE.2.to_owned()
            }
            Layer::NamedProfile => {
                environment.set("AWS_PROFILE", "work");
                sources::sso(&mut environment, aws, "work").principal
            }
            Layer::WebIdentity => environment.set_web_identity().principal,
            Layer::Container => environment.set_container(aws).principal,
            Layer::DefaultProfile => sources::keys(&mut environment, aws, "default").principal,
            Layer::Instance => environment.set_instance_metadata(aws).principal,
        };
        principals.push((*layer, principal));
    }
    (environment, principals)
}

/// The SDK's choice. It uses a profile before a web identity in variables, unlike the AWS CLI.
fn sdks_choice(principals: &[(Layer, String)]) -> &str {
    let is_profile = |layer: Layer| matches!(layer, Layer::NamedProfile | Layer::DefaultProfile);
    let profile = principals.iter().find(|(layer, _)| is_profile(*layer));
    match (&principals[0], profile) {
        ((Layer::WebIdentity, _), Some((_, principal))) => principal,
        ((_, first), _) => first,
    }
}

#[test]
fn of_every_set_of_sources_the_same_one_asks() {
    for set in 0..1 << LAYERS.len() {
        let layers: Vec<Layer> = (0..LAYERS.len())
            .filter(|bit| set & (1 << bit) != 0)
            .map(|bit| LAYERS[bit])
            .collect();
        let aws = FakeAws::start();
        let (environment, principals) = layered(&aws, &layers);
        let (ours, sdk) = (ours(&environment), sdk(&environment));
        let Some((_, first)) = principals.first() else {
            assert!(ours.is_err() && sdk.is_err(), "{ours:?} {sdk:?}");
            continue;
        };
        assert_eq!(ours.as_ref(), Ok(first), "{layers:?}");
        assert_eq!(sdk.as_deref(), Ok(sdks_choice(&principals)), "{layers:?}");
    }
}

#[test]
fn a_default_profile_with_a_region_alone_leaves_the_next_source_its_turn() {
    let aws = FakeAws::start();
    let mut environment = environment(&aws);
    environment.aws_config("[default]\nregion = eu-west-1\n");
    let expected = environment.set_instance_metadata(&aws);
    same(&environment, &expected.principal, "instance");
}

#[test]
fn temporary_keys_in_variables_are_who_the_sdk_says() {
    let aws = FakeAws::start();
    let mut environment = environment(&aws);
    let principal = "arn:aws:sts::111122223333:assumed-role/session/alice";
    let keys = aws.temporary_credentials(principal, std::time::Duration::from_secs(3600));
    let token = format!(" {} ", keys.session_token.expect("a session"));
    environment.set_keys(&keys.access_key_id, &keys.secret_access_key, Some(&token));
    same(&environment, principal, "temporary keys");
}

#[test]
fn blank_variables_are_no_keys() {
    let aws = FakeAws::start();
    let mut environment = environment(&aws);
    environment.set_keys(" ", "", Some(""));
    let expected = sources::keys(&mut environment, &aws, "default");
    same(&environment, &expected.principal, "the default profile");
}

#[test]
fn both_files_count_wherever_variables_put_them() {
    let aws = FakeAws::start();
    let mut environment = environment(&aws);
    environment.write(
        "a/config",
        "[profile work]\nrole_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = base\n\
         role_session_name = build\n",
    );
    environment.write(
        "b/credentials",
        &format!(
            "[base]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            BOB.0, BOB.1
        ),
    );
    environment.set("AWS_CONFIG_FILE", "~/a/config");
    environment.set("AWS_SHARED_CREDENTIALS_FILE", "~/b/credentials");
    environment.set("AWS_PROFILE", "work");
    same(
        &environment,
        "arn:aws:sts::999999999999:assumed-role/pull/build",
        "both files",
    );
}

/// What `~/.aws/config` contains with Bob's keys in `~/.aws/credentials`, and the principal that results.
const CONTRADICTIONS: [(&str, &str); 4] = [
    (
        "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n",
        BOB.2,
    ),
    (
        "[default]\nrole_arn = arn:aws:iam::111122223333:role/web\nrole_session_name = job\nweb_identity_token_file = {home}/token\n",
        "arn:aws:sts::111122223333:assumed-role/web/job",
    ),
    (
        "[default]\nrole_arn = arn:aws:iam::111122223333:role/web\nrole_session_name = job\nweb_identity_token_file = {home}/token\nsource_profile = nowhere\n",
        "arn:aws:sts::111122223333:assumed-role/web/job",
    ),
    ("[default]\nregion = nowhere-1\noutput = text\n", BOB.2),
];

#[test]
fn of_contradictions_in_one_profile_the_same_is_made() {
    for (config, expected) in CONTRADICTIONS {
        let aws = FakeAws::start();
        let environment = environment(&aws);
        environment.write("token", "e30.e30.e30");
        let home = environment.home().display().to_string();
        environment.aws_config(&config.replace("{home}", &home));
        environment.aws_credentials(&format!(
            "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            BOB.0, BOB.1
        ));
        same(&environment, expected, config);
    }
}

// On purpose not the same.

#[test]
fn keys_in_the_credentials_file_come_before_a_process_as_in_the_aws_cli() {
    let aws = FakeAws::start();
    let environment = environment(&aws);
    environment.aws_config("[default]\ncredential_process = false\n");
    environment.aws_credentials(&format!(
        "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        BOB.0, BOB.1
    ));
    assert_eq!(ours(&environment).as_deref(), Ok(BOB.2));
    assert!(sdk(&environment).is_err());
}

#[test]
fn a_web_identity_in_variables_comes_before_a_profile_as_in_the_aws_cli() {
    for profile in [Layer::NamedProfile, Layer::DefaultProfile] {
        let aws = FakeAws::start();
        let (environment, principals) = layered(&aws, &[Layer::WebIdentity, profile]);
        assert_eq!(ours(&environment).as_ref(), Ok(&principals[0].1));
        assert_eq!(sdk(&environment).as_ref(), Ok(&principals[1].1));
    }
}

/// The SDK goes on to the instance in silence, and this program says what is wrong.
#[track_caller]
fn is_an_error_here(change: impl FnOnce(&mut TestEnvironment), message: &str) {
    let aws = FakeAws::start();
    let mut environment = environment(&aws);
    let instance = environment.set_instance_metadata(&aws);
    change(&mut environment);
    let outcome = environment.get(HOST);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stdout.contains(message), "{outcome:?}");
    assert_eq!(aws.calls().len(), 0);
    assert_eq!(sdk(&environment), Ok(instance.principal));
}

#[test]
fn half_a_pair_of_keys_is_an_error_and_not_the_next_source() {
    is_an_error_here(
        |environment| {
            environment.set("AWS_ACCESS_KEY_ID", ALICE.0);
        },
        "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not",
    );
}

#[test]
fn half_a_web_identity_is_an_error_and_not_the_next_source() {
    is_an_error_here(
        |environment| {
            environment.set_web_identity();
            environment.unset("AWS_ROLE_ARN");
        },
        "AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not",
    );
}

#[test]
fn a_misspelled_profile_is_an_error_and_not_the_next_source() {
    is_an_error_here(
        |environment| {
            environment.aws_config("[profile work]\nregion = eu-west-1\n");
            environment.set("AWS_PROFILE", "wrok");
        },
        "the AWS profile `wrok` does not exist",
    );
}

#[test]
fn who_names_the_default_profile_means_it() {
    // As the AWS CLI sees it, too.
    is_an_error_here(
        |environment| {
            environment.set("AWS_PROFILE", "default");
        },
        "the AWS profile `default` does not exist",
    );
}

#[test]
fn half_an_sso_profile_is_an_error_and_not_the_next_source() {
    is_an_error_here(
        |environment| {
            environment.aws_config(
                "[default]\nsso_account_id = 111122223333\nsso_role_name = dev\n\
                 sso_start_url = https://d-abc123.awsapps.com/start\n",
            );
        },
        "is incomplete: sso_region is missing",
    );
}

#[test]
fn a_missing_source_profile_is_an_error_and_not_the_next_source() {
    is_an_error_here(
        |environment| {
            environment.aws_config(
                "[default]\nrole_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = base\n",
            );
        },
        "the AWS profile `base` (source_profile of `default`) does not exist",
    );
}

#[test]
fn a_role_that_wants_an_mfa_code_is_not_asked_for_without_one() {
    let aws = FakeAws::start();
    let mut environment = environment(&aws);
    sources::role(&mut environment, &aws, "default");
    environment.add_aws_config("mfa_serial = arn:aws:iam::444455556666:mfa/bob\n");
    assert!(ours(&environment).is_err_and(|error| error.contains("requires an MFA code")));
    assert_eq!(aws.calls().len(), 0);
    // The SDK ignores the setting, and leaves it to the role to refuse.
    assert_eq!(
        sdk(&environment).as_deref(),
        Ok("arn:aws:sts::999999999999:assumed-role/default/build")
    );
}

#[test]
fn the_duration_of_a_profile_reaches_sts_from_here_alone() {
    let aws = FakeAws::start();
    let mut environment = environment(&aws);
    sources::role(&mut environment, &aws, "default");
    environment.add_aws_config("duration_seconds = 900\n");
    let expected = "arn:aws:sts::999999999999:assumed-role/default/build";
    same(&environment, expected, "duration");
    let calls = aws.calls_of(Operation::StsAssumeRole);
    let durations: Vec<Option<&str>> = calls
        .iter()
        .map(|call| call.param("DurationSeconds"))
        .collect();
    assert_eq!(durations, [Some("900"), None]);
}

#[test]
fn a_line_break_behind_a_web_identity_token_is_forgiven() {
    let aws = FakeAws::start();
    let mut environment = environment(&aws);
    let expected = environment.set_web_identity();
    environment.write("environment.jwt", "e30.e30.e30\n");
    assert_eq!(ours(&environment), Ok(expected.principal));
    assert!(sdk(&environment).is_err());
}

#[test]
fn a_blank_aws_profile_is_none() {
    // The SDK looks for a profile of that name.
    let aws = FakeAws::start();
    let mut environment = environment(&aws);
    let expected = sources::keys(&mut environment, &aws, "default");
    environment.set("AWS_PROFILE", "");
    assert_eq!(ours(&environment), Ok(expected.principal));
    assert!(sdk(&environment).is_err());
}

#[test]
fn aws_default_profile_names_a_profile_as_for_the_aws_cli() {
    // The SDK for Rust does not read it, and uses the profile `default`.
    let aws = FakeAws::start();
    let mut environment = environment(&aws);
    let other = sources::keys(&mut environment, &aws, "default");
    let expected = sources::session_keys(&mut environment, &aws, "work");
    environment.set("AWS_DEFAULT_PROFILE", "work");
    assert_eq!(ours(&environment), Ok(expected.principal.clone()));
    assert_eq!(sdk(&environment), Ok(other.principal.clone()));
    // For the AWS CLI it comes before AWS_PROFILE.
    environment.set("AWS_PROFILE", "default");
    assert_eq!(ours(&environment), Ok(expected.principal));
    assert_eq!(sdk(&environment), Ok(other.principal));
}
