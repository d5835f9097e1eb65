//! Every credential source buys a token as itself, once, and then nobody is asked again; and of
//! several sources the most explicit one is taken.

mod common;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use common::fake_aws::{ALICE, BOB, FakeAws, Fault, Operation};
use common::sources::{self, Expected, Profile};
use common::{HOST, Outcome, TestEnvironment};

/// How a source comes to be the one that asks.
#[derive(Clone, Copy, Debug)]
enum Way {
    Rule,
    Variable,
    Defaults,
    DefaultProfile,
    /// It is no profile.
    Itself,
}

const EVERY_WAY: [Way; 4] = [Way::Rule, Way::Variable, Way::Defaults, Way::DefaultProfile];

fn operations(aws: &FakeAws) -> Vec<Operation> {
    aws.calls().iter().map(|call| call.operation).collect()
}

/// Cold: this principal buys, by exactly these calls. Warm: the same answer, without a socket.
#[track_caller]
fn asks_once(environment: &TestEnvironment, aws: &FakeAws, expected: &Expected) {
    asks_once_by(Way::Itself, environment, aws, expected);
}

#[track_caller]
fn asks_once_by(way: Way, environment: &TestEnvironment, aws: &FakeAws, expected: &Expected) {
    aws.clear();
    let cold = environment.get(HOST);
    assert_eq!(cold.grant().principal, expected.principal, "{way:?}");
    assert_eq!(operations(aws), expected.calls_of_get(), "{way:?}");
    aws.clear();
    let warm = environment.get(HOST);
    assert_eq!(warm, cold, "{way:?}");
    assert_eq!((operations(aws), aws.connections()), (vec![], 0), "{way:?}");
}

/// A profile of this kind, chosen in each of these ways, asks once.
#[track_caller]
fn profile_asks_once(profile: Profile, ways: &[Way]) {
    for way in ways {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        let name = match way {
            Way::DefaultProfile => "default",
            _ => "work",
        };
        let expected = profile(&mut environment, &aws, name);
        match way {
            Way::Rule => {
                environment.config("[[registry]]\nmatch = \"999999999999\"\nprofile = \"work\"\n");
            }
            Way::Variable => {
                environment.set("AWS_PROFILE", "work");
            }
            Way::Defaults => {
                environment.config("[defaults]\nprofile = \"work\"\n");
            }
            Way::DefaultProfile | Way::Itself => {}
        }
        asks_once_by(*way, &environment, &aws, &expected);
    }
}

// One source at a time.

#[test]
fn long_lived_keys_in_variables_ask_once() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let expected = Expected {
        principal: ALICE.2.to_owned(),
        calls: Vec::new(),
    };
    asks_once(&environment, &aws, &expected);
}

#[test]
fn temporary_keys_in_variables_ask_once() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let principal = "arn:aws:sts::111122223333:assumed-role/session/alice";
    let keys = aws.temporary_credentials(principal, Duration::from_secs(3600));
    environment.set_keys(
        &keys.access_key_id,
        &keys.secret_access_key,
        keys.session_token.as_deref(),
    );
    let expected = Expected {
        principal: principal.to_owned(),
        calls: Vec::new(),
    };
    asks_once(&environment, &aws, &expected);
}

#[test]
fn the_old_name_of_the_secret_variable_is_read() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("AWS_ACCESS_KEY_ID", ALICE.0);
    environment.set("SECRET_ACCESS_KEY", ALICE.1);
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
}

#[test]
fn keys_of_a_profile_ask_once() {
    profile_asks_once(sources::keys, &EVERY_WAY);
}

#[test]
fn session_keys_of_a_profile_ask_once() {
    profile_asks_once(sources::session_keys, &EVERY_WAY);
}

#[test]
fn sso_in_its_old_form_asks_once() {
    profile_asks_once(sources::sso, &EVERY_WAY);
}

#[test]
fn sso_with_a_session_asks_once() {
    profile_asks_once(sources::sso_session, &EVERY_WAY);
}

#[test]
fn aws_login_asks_once() {
    profile_asks_once(sources::login, &EVERY_WAY);
}

#[test]
fn a_credential_process_asks_once() {
    profile_asks_once(sources::process, &EVERY_WAY);
}

#[test]
fn a_credential_process_is_not_run_by_a_warm_get() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::process(&mut environment, &aws, "default");
    for _ in 0..3 {
        environment.get(HOST).answer();
    }
    let runs = std::fs::read_to_string(environment.home().join("runs")).expect("it ran");
    assert_eq!(runs, "run\n");
}

#[test]
fn a_web_identity_of_a_profile_asks_once() {
    profile_asks_once(sources::web_identity, &EVERY_WAY);
}

#[test]
fn a_web_identity_in_variables_asks_once() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let expected = environment.set_web_identity();
    asks_once(&environment, &aws, &expected);
}

#[test]
fn a_web_identity_token_may_end_in_a_line_break() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let expected = environment.set_web_identity();
    environment.write("environment.jwt", "e30.e30.e30\n");
    assert_eq!(environment.get(HOST).grant().principal, expected.principal);
}

#[test]
fn the_container_endpoint_asks_once() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let expected = environment.set_container(&aws);
    asks_once(&environment, &aws, &expected);
}

#[test]
fn the_container_endpoint_gets_the_token_of_the_variable() {
    let aws = FakeAws::start();
    aws.require_container_authorization("Bearer one");
    let mut environment = TestEnvironment::with_aws(&aws);
    let url = format!("{}/v1/credentials", aws.url());
    environment.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url);
    environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer one");
    let expected = Expected {
        principal: aws.container_principal(),
        calls: vec![Operation::EksCredentials],
    };
    asks_once(&environment, &aws, &expected);
}

#[test]
fn the_container_endpoint_gets_the_token_of_the_file_before_that_of_the_variable() {
    let aws = FakeAws::start();
    aws.require_container_authorization("Bearer of the file");
    let mut environment = TestEnvironment::with_aws(&aws);
    let url = format!("{}/v1/credentials", aws.url());
    let file = environment.write("pod-identity", "Bearer of the file");
    let file = file.display().to_string();
    environment.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url);
    environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &file);
    environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer one");
    let expected = Expected {
        principal: aws.container_principal(),
        calls: vec![Operation::EksCredentials],
    };
    asks_once(&environment, &aws, &expected);
}

#[test]
fn instance_metadata_asks_once() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let expected = environment.set_instance_metadata(&aws);
    asks_once(&environment, &aws, &expected);
}

#[test]
fn a_role_of_another_profiles_keys_asks_once() {
    profile_asks_once(sources::role, &EVERY_WAY);
}

#[test]
fn a_role_of_a_role_asks_once() {
    profile_asks_once(sources::role_of_a_role, &EVERY_WAY);
}

#[test]
fn a_role_of_sso_asks_once() {
    profile_asks_once(sources::role_of_sso, &EVERY_WAY);
}

#[test]
fn a_role_of_its_own_profiles_keys_asks_once() {
    profile_asks_once(sources::role_of_itself, &EVERY_WAY);
}

#[test]
fn a_role_without_a_session_name_bears_the_programs() {
    profile_asks_once(sources::role_without_a_session_name, &EVERY_WAY);
}

#[test]
fn a_role_of_the_keys_in_variables_asks_once() {
    // Keys in variables come before AWS_PROFILE and all below it.
    profile_asks_once(sources::role_of_the_environment, &[Way::Rule]);
}

#[test]
fn a_role_of_the_container_asks_once() {
    // The container's variables come before [defaults].
    profile_asks_once(sources::role_of_the_container, &[Way::Rule, Way::Variable]);
}

#[test]
fn a_role_of_the_instance_asks_once() {
    profile_asks_once(sources::role_of_the_instance, &EVERY_WAY);
}

#[test]
fn a_credential_source_may_be_written_in_any_case() {
    // As the SDK (`profile/credentials/exec.rs`) and the AWS CLI take it.
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let expected = environment.set_instance_metadata(&aws);
    environment.aws_config(
        "[default]\nrole_arn = arn:aws:iam::999999999999:role/pull\nrole_session_name = build\n\
         credential_source = ec2instancemetadata\n",
    );
    let grant = environment.get(HOST).grant();
    assert_eq!(
        grant.principal,
        "arn:aws:sts::999999999999:assumed-role/pull/build"
    );
    let by = &aws.calls_of(Operation::StsAssumeRole)[0].principal;
    assert_eq!(by.as_deref(), Some(expected.principal.as_str()));
}

#[test]
fn each_role_of_a_chain_is_assumed_by_the_one_before() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::role_of_a_role(&mut environment, &aws, "default");
    environment.get(HOST).answer();
    let assumed: Vec<(String, String)> = aws
        .calls_of(Operation::StsAssumeRole)
        .iter()
        .map(|call| {
            let by = call.principal.clone().expect("known");
            (by, call.param("RoleArn").expect("a role").to_owned())
        })
        .collect();
    assert_eq!(
        assumed,
        [
            (
                BOB.2.to_owned(),
                "arn:aws:iam::999999999999:role/default-middle".to_owned()
            ),
            (
                "arn:aws:sts::999999999999:assumed-role/default-middle/build".to_owned(),
                "arn:aws:iam::999999999999:role/default".to_owned()
            ),
        ]
    );
}

#[test]
fn behind_the_first_profile_keys_come_before_a_role() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    environment.aws_config(&format!(
        "[default]\nrole_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = base\n\
         [profile base]\nrole_arn = arn:aws:iam::999999999999:role/never\nsource_profile = nowhere\n\
         aws_access_key_id = {}\naws_secret_access_key = {}\n",
        BOB.0, BOB.1
    ));
    environment.get(HOST).answer();
    let calls = aws.calls_of(Operation::StsAssumeRole);
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(calls[0].principal.as_deref(), Some(BOB.2));
}

#[test]
fn what_a_profile_says_of_its_role_reaches_sts() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    aws.require_external_id("arn:aws:iam::999999999999:role/pull", "client-7");
    environment.aws_config(&format!(
        "[default]\nrole_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = default\n\
         external_id = client-7\nduration_seconds = 7200\nrole_session_name = nightly\n\
         aws_access_key_id = {}\naws_secret_access_key = {}\n",
        BOB.0, BOB.1
    ));
    let grant = environment.get(HOST).grant();
    assert_eq!(
        grant.principal,
        "arn:aws:sts::999999999999:assumed-role/pull/nightly"
    );
    let call = &aws.calls_of(Operation::StsAssumeRole)[0];
    assert_eq!(call.param("DurationSeconds"), Some("7200"));
}

#[test]
fn an_sso_sign_in_that_is_over_is_renewed_where_it_can_be() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let expected = sources::sso_session(&mut environment, &aws, "default");
    environment.sso_sign_in("default", "forgotten", -60);
    assert_eq!(environment.get(HOST).grant().principal, expected.principal);
    assert_eq!(
        operations(&aws),
        [
            Operation::SsoOidcCreateToken,
            Operation::SsoGetRoleCredentials,
            Operation::EcrGetAuthorizationToken
        ]
    );
}

#[test]
fn an_aws_login_that_is_over_is_renewed() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let expected = sources::login(&mut environment, &aws, "default");
    environment.login_sign_in(&aws, -60);
    assert_eq!(environment.get(HOST).grant().principal, expected.principal);
    assert_eq!(
        operations(&aws),
        [
            Operation::SigninCreateOAuth2Token,
            Operation::EcrGetAuthorizationToken
        ]
    );
}

#[test]
fn the_sign_in_of_aws_login_may_lie_elsewhere() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let expected = sources::login(&mut environment, &aws, "default");
    let (from, to) = (".aws/login/cache", "elsewhere");
    let [from, to] = [from, to].map(|folder| environment.home().join(folder));
    std::fs::rename(from, &to).expect("moved");
    environment.set("AWS_LOGIN_CACHE_DIRECTORY", &to.display().to_string());
    asks_once(&environment, &aws, &expected);
}

#[test]
fn of_a_role_of_sso_the_profile_to_sign_in_is_the_one_with_the_sso() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::role_of_sso(&mut environment, &aws, "default");
    std::fs::remove_dir_all(environment.home().join(".aws/sso")).expect("signed out");
    let outcome = environment.get(HOST);
    let hints = outcome.failure(&format!(
        "no credentials for {HOST}: the SSO sign-in of the profile default-sso is absent"
    ));
    assert_eq!(
        hints,
        [
            "run: aws sso login --profile default-sso",
            "or, for every profile of the session: aws sso login --sso-session default-sso",
            "asked as: profile default (SSO, role ops in account 444455556666, session default-sso), then role arn:aws:iam::999999999999:role/default; chosen by no configuration at all"
        ]
    );
    assert_eq!(aws.calls().len(), 0);
}

// Where profiles are looked for.

#[test]
fn a_profile_of_the_credentials_file_alone_is_one() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_credentials(&format!(
        "[work]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        BOB.0, BOB.1
    ));
    environment.set("AWS_PROFILE", "work");
    assert_eq!(environment.get(HOST).grant().principal, BOB.2);
}

#[test]
fn a_profile_may_stand_in_both_files() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_config(
        "[profile work]\nrole_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = work\n\
         role_session_name = build\n",
    );
    environment.aws_credentials(&format!(
        "[work]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        BOB.0, BOB.1
    ));
    environment.set("AWS_PROFILE", "work");
    assert_eq!(
        environment.get(HOST).grant().principal,
        "arn:aws:sts::999999999999:assumed-role/pull/build"
    );
}

#[test]
fn variables_move_the_files_and_a_tilde_is_the_home_folder() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.write(
        "elsewhere/config",
        "[profile work]\nrole_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = base\n\
         role_session_name = build\n",
    );
    environment.write(
        "elsewhere/credentials",
        &format!(
            "[base]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            BOB.0, BOB.1
        ),
    );
    // Never read.
    environment.aws_config("[profile work]\nregion = eu-west-1\n");
    environment.set("AWS_CONFIG_FILE", "~/elsewhere/config");
    environment.set("AWS_SHARED_CREDENTIALS_FILE", "~/elsewhere/credentials");
    environment.set("AWS_PROFILE", "work");
    assert_eq!(
        environment.get(HOST).grant().principal,
        "arn:aws:sts::999999999999:assumed-role/pull/build"
    );
}

#[test]
fn a_default_profile_with_a_region_alone_leaves_the_instance_its_turn() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_config("[default]\nregion = eu-west-1\noutput = json\n");
    let expected = environment.set_instance_metadata(&aws);
    asks_once(&environment, &aws, &expected);
}

// Several sources at once.

/// The layers from the most explicit on, all at once, with who each is.
struct Layers {
    aws: FakeAws,
    environment: TestEnvironment,
    principals: Vec<(&'static str, String)>,
}

/// What takes a layer away again.
const LAYERS: [&str; 8] = [
    "rule",
    "keys",
    "AWS_PROFILE",
    "web identity",
    "container",
    "defaults",
    "default profile",
    "instance",
];

impl Layers {
    /// All layers from the `first` one down.
    fn from(first: &str) -> Self {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        let mut principals = Vec::new();
        let mut config = String::new();
        let first = LAYERS.iter().position(|layer| *layer == first);
        for layer in &LAYERS[first.expect("a layer")..] {
            let mut profile = |name: &str| {
                let expected = sources::session_keys(&mut environment, &aws, name);
                expected.principal
            };
            let principal = match *layer {
                "rule" => {
                    config
                        .push_str("[[registry]]\nmatch = \"999999999999\"\nprofile = \"ruled\"\n");
                    profile("ruled")
                }
                "AWS_PROFILE" => {
                    let principal = profile("named");
                    environment.set("AWS_PROFILE", "named");
                    principal
                }
                "defaults" => {
                    config.push_str("[defaults]\nprofile = \"usual\"\n");
                    profile("usual")
                }
                "default profile" => sources::keys(&mut environment, &aws, "default").principal,
                "keys" => {
                    environment.set_keys(ALICE.0, ALICE.1, None);
                    ALICE.2.to_owned()
                }
                "web identity" => environment.set_web_identity().principal,
                "container" => environment.set_container(&aws).principal,
                _ => environment.set_instance_metadata(&aws).principal,
            };
            principals.push((*layer, principal));
        }
        environment.config(&config);
        Self {
            aws,
            environment,
            principals,
        }
    }
}

#[test]
fn of_all_layers_the_most_explicit_asks() {
    for layer in LAYERS {
        let layers = Layers::from(layer);
        let (_, principal) = &layers.principals[0];
        let grant = layers.environment.get(HOST).grant();
        assert_eq!(&grant.principal, principal, "{layer}");
    }
}

#[test]
fn a_rules_role_is_assumed_from_what_the_layers_below_give() {
    for layer in &LAYERS[1..] {
        let layers = Layers::from(layer);
        let (environment, aws) = (&layers.environment, &layers.aws);
        let path = environment
            .home()
            .join(".config/docker-credential-ecrx/config.toml");
        let mut config = std::fs::read_to_string(path).expect("a configuration");
        config.push_str(
            "[[registry]]\nmatch = \"999999999999\"\nrole_session_name = \"build\"\n\
             role_arn = \"arn:aws:iam::999999999999:role/pull\"\n",
        );
        environment.config(&config);
        let grant = environment.get(HOST).grant();
        assert_eq!(
            grant.principal, "arn:aws:sts::999999999999:assumed-role/pull/build",
            "{layer}"
        );
        let (_, principal) = &layers.principals[0];
        let by = &aws.calls_of(Operation::StsAssumeRole)[0].principal;
        assert_eq!(by.as_ref(), Some(principal), "{layer}");
    }
}

/// The last hint of a failure: who asked, who chose, and what was not heard.
#[track_caller]
fn explanation(outcome: &Outcome) -> String {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let line = outcome.stderr.lines().last().expect("a hint");
    line.trim_start().to_owned()
}

#[test]
fn variables_that_were_passed_over_are_named_by_every_error() {
    let not_heard = [
        (
            "rule",
            "the rule at {config}:1; passed over: AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_WEB_IDENTITY_TOKEN_FILE, AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        (
            "keys",
            "the variable AWS_ACCESS_KEY_ID; passed over: AWS_PROFILE, AWS_WEB_IDENTITY_TOKEN_FILE, AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        (
            "AWS_PROFILE",
            "the variable AWS_PROFILE; passed over: AWS_WEB_IDENTITY_TOKEN_FILE, AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        (
            "web identity",
            "the variable AWS_WEB_IDENTITY_TOKEN_FILE; passed over: AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        (
            "container",
            "the variable AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        ("defaults", "[defaults] at {config}:1"),
        ("default profile", "no configuration at all"),
        ("instance", "no configuration at all"),
    ];
    for (layer, expected) in not_heard {
        let Layers {
            aws, environment, ..
        } = Layers::from(layer);
        aws.on(Operation::EcrGetAuthorizationToken, Fault::AccessDenied);
        let explanation = explanation(&environment.get(HOST));
        let (_, chosen_by) = explanation.split_once("; chosen by ").expect("who chose");
        let config = environment
            .home()
            .join(".config/docker-credential-ecrx/config.toml");
        let expected = expected.replace("{config}", &config.display().to_string());
        assert_eq!(chosen_by, expected, "{layer}");
    }
}

#[test]
fn a_variable_that_a_rules_role_builds_on_was_not_passed_over() {
    let heard = [
        ("keys", "AWS_ACCESS_KEY_ID"),
        ("AWS_PROFILE", "AWS_PROFILE"),
        ("web identity", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        ("container", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    ];
    for (layer, variable) in heard {
        let Layers {
            aws, environment, ..
        } = Layers::from(layer);
        environment.config(
            "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::999999999999:role/pull\"\n",
        );
        aws.on(Operation::EcrGetAuthorizationToken, Fault::AccessDenied);
        let explanation = explanation(&environment.get(HOST));
        let (_, passed_over) = explanation.split_once(":1").expect("the rule's line");
        assert!(!passed_over.contains(variable), "{layer}: {passed_over}");
    }
}

#[test]
fn a_variable_that_a_rules_profile_draws_on_was_not_passed_over() {
    for (profile, variable) in [
        (
            sources::role_of_the_environment as Profile,
            "AWS_ACCESS_KEY_ID",
        ),
        (
            sources::role_of_the_container,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
    ] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        profile(&mut environment, &aws, "work");
        environment.config("[[registry]]\nmatch = \"*\"\nprofile = \"work\"\n");
        aws.on(Operation::EcrGetAuthorizationToken, Fault::AccessDenied);
        let explanation = explanation(&environment.get(HOST));
        assert!(
            !explanation.contains("passed over"),
            "{variable}: {explanation}"
        );
    }
}

// Sources that give nothing.

#[test]
fn half_a_pair_of_keys_in_variables_is_an_error() {
    for (set, unset) in [
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
    ] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        // Somebody else's keys must not ask in their place.
        sources::keys(&mut environment, &aws, "default");
        environment.set(unset, " ");
        let hints_of = environment.get(HOST);
        let hints = hints_of.failure(&format!(
            "no credentials for {HOST}: {set} is set and {unset} is not: half of a pair gives no credentials"
        ));
        assert_eq!(hints, [""; 0]);
        assert_eq!(aws.calls().len(), 0);
    }
}

#[test]
fn a_rules_profile_asks_even_with_half_a_pair_of_keys_in_variables() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::keys(&mut environment, &aws, "work");
    environment.config("[[registry]]\nmatch = \"*\"\nprofile = \"work\"\n");
    environment.set("AWS_ACCESS_KEY_ID", ALICE.0);
    assert_eq!(environment.get(HOST).grant().principal, BOB.2);
}

#[test]
fn half_a_web_identity_in_variables_is_an_error() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_web_identity();
    environment.unset("AWS_ROLE_ARN");
    let outcome = environment.get(HOST);
    let hints = outcome.failure(&format!(
        "no credentials for {HOST}: AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not: half of a pair gives no credentials"
    ));
    assert_eq!(hints, [""; 0]);
}

#[test]
fn a_role_in_a_variable_alone_is_no_half_of_anything() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/other-tools");
    sources::keys(&mut environment, &aws, "default");
    assert_eq!(environment.get(HOST).grant().principal, BOB.2);
}

#[test]
fn a_profile_that_does_not_exist_is_named_with_those_that_do() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    sources::keys(&mut environment, &aws, "default");
    sources::keys(&mut environment, &aws, "work");
    let config = environment.config("[[registry]]\nmatch = \"*\"\nprofile = \"wrok\"\n");
    let home = environment.home().display().to_string();
    let outcome = environment.get(HOST);
    let hints = outcome.failure(&format!(
        "no credentials for {HOST}: the AWS profile `wrok` does not exist in {home}/.aws/config and {home}/.aws/credentials (chosen by the rule at {}:1)",
        config.display()
    ));
    assert_eq!(
        hints,
        [
            "`aws configure list-profiles` lists the profiles there are",
            "known profiles: default, work"
        ]
    );
    assert_eq!(aws.calls().len(), 0);
}

#[test]
fn a_source_profile_that_does_not_exist_is_named_with_who_names_it() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_config(
        "[profile work]\nrole_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = base\n",
    );
    environment.set("AWS_PROFILE", "work");
    let home = environment.home().display().to_string();
    environment.get(HOST).failure(&format!(
        "no credentials for {HOST}: the AWS profile `base`, which `work` names as its source_profile, does not exist in {home}/.aws/config and {home}/.aws/credentials (chosen by the variable AWS_PROFILE)"
    ));
}

/// What is wrong with `[default]`, and how it is told.
const WRONG_PROFILES: [(&str, &str); 17] = [
    (
        "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
        "is incomplete: aws_secret_access_key is missing",
    ),
    (
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "is incomplete: aws_access_key_id is missing",
    ),
    (
        "aws_session_token = FwoEXAMPLE",
        "is incomplete: aws_access_key_id is missing",
    ),
    (
        "role_arn = arn:aws:iam::999999999999:role/pull",
        "is incomplete: role_arn needs a source_profile or a credential_source beside it",
    ),
    (
        "role_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = default\ncredential_source = Environment",
        "is incomplete: it has both source_profile and credential_source, and only one can be meant",
    ),
    (
        "role_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = default",
        "holds no credentials: neither keys nor a role, SSO, aws login, a web identity or a credential_process",
    ),
    (
        "role_arn = pull\nsource_profile = default",
        "has a wrong role_arn: `pull` is not the ARN of an IAM role: those look like arn:aws:iam::111122223333:role/name",
    ),
    (
        "role_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = default\nduration_seconds = 60",
        "has a wrong duration_seconds: `60` is not a number of seconds from 900 to 43200",
    ),
    (
        "role_arn = arn:aws:iam::999999999999:role/pull\ncredential_source = Environment",
        "is incomplete: credential_source is Environment, and AWS_ACCESS_KEY_ID is not set",
    ),
    (
        "role_arn = arn:aws:iam::999999999999:role/pull\ncredential_source = EcsContainer",
        "is incomplete: credential_source is EcsContainer, and no AWS_CONTAINER_CREDENTIALS_… variable is set",
    ),
    (
        "role_arn = arn:aws:iam::999999999999:role/pull\ncredential_source = Ec2InstanceMetadata",
        "is incomplete: credential_source is Ec2InstanceMetadata, and AWS_EC2_METADATA_DISABLED is true",
    ),
    (
        "role_arn = arn:aws:iam::999999999999:role/pull\ncredential_source = Vault",
        "is incomplete: credential_source is `Vault`; it can be Environment, Ec2InstanceMetadata or EcsContainer",
    ),
    (
        "web_identity_token_file = /token",
        "is incomplete: web_identity_token_file needs a role_arn beside it",
    ),
    (
        "sso_start_url = https://d-abc123.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 111122223333",
        "is incomplete: sso_role_name is missing",
    ),
    (
        "sso_session = corp\nsso_account_id = 111122223333\nsso_role_name = dev",
        "is incomplete: there is no section [sso-session corp]",
    ),
    (
        "sso_session = corp\nsso_region = us-east-1\nsso_account_id = 111122223333\nsso_role_name = dev",
        "is incomplete: sso_region belongs into [sso-session corp], not beside sso_session",
    ),
    (
        "sso_session = corp\nsso_account_id = 111122223333\nsso_role_name = dev\n[sso-session corp]\nsso_region = us-east-1",
        "is incomplete: sso_start_url is missing",
    ),
];

#[test]
fn a_wrong_profile_is_told_and_nobody_asks_in_its_place() {
    for (lines, wrong) in WRONG_PROFILES {
        let aws = FakeAws::start();
        let environment = TestEnvironment::with_aws(&aws);
        environment.aws_config(&format!("[default]\n{lines}\n"));
        let outcome = environment.get(HOST);
        let hints = outcome.failure(&format!(
            "no credentials for {HOST}: the AWS profile `default` {wrong} (chosen by no configuration at all)"
        ));
        assert_eq!(hints, [""; 0], "{lines}");
        assert_eq!(aws.calls().len(), 0, "{lines}");
    }
}

#[test]
fn a_named_profile_without_credentials_is_an_error() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.aws_config("[profile work]\nregion = eu-west-1\n");
    sources::keys(&mut environment, &aws, "default");
    environment.set_instance_metadata(&aws);
    environment.set("AWS_PROFILE", "work");
    environment.get(HOST).failure(&format!(
        "no credentials for {HOST}: the AWS profile `work` holds no credentials: neither keys nor a role, SSO, aws login, a web identity or a credential_process (chosen by the variable AWS_PROFILE)"
    ));
    assert_eq!(aws.calls().len(), 0);
}

#[test]
fn a_circle_of_source_profiles_is_shown() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    for (name, next) in [("a", "b"), ("b", "c"), ("c", "b")] {
        environment.add_aws_config(&format!(
            "[profile {name}]\nrole_arn = arn:aws:iam::999999999999:role/{name}\nsource_profile = {next}\n"
        ));
    }
    environment.set("AWS_PROFILE", "a");
    environment.get(HOST).failure(&format!(
        "no credentials for {HOST}: the AWS profile `a` goes in a circle by its source_profile: a → b → c → b (chosen by the variable AWS_PROFILE)"
    ));
}

#[test]
fn a_role_that_wants_an_mfa_code_is_an_error_that_names_the_device() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::keys(&mut environment, &aws, "base");
    environment.add_aws_config(
        "[default]\nrole_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = base\n\
         mfa_serial = arn:aws:iam::444455556666:mfa/bob\n",
    );
    let outcome = environment.get(HOST);
    let hints = outcome.failure(&format!(
        "no credentials for {HOST}: the AWS profile `default` wants an MFA code from arn:aws:iam::444455556666:mfa/bob (mfa_serial), which this program cannot ask for yet (chosen by no configuration at all)"
    ));
    assert_eq!(
        hints,
        [
            "sign in by SSO; or get a session with a code (`aws sts get-session-token --profile base --serial-number arn:aws:iam::444455556666:mfa/bob --token-code CODE`), put it into a profile, and name that as source_profile, without mfa_serial"
        ]
    );
    assert_eq!(aws.calls().len(), 0);
}

#[test]
fn an_aws_file_that_cannot_be_read_is_an_error_where_a_profile_asks() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    // A folder: root reads every file, whatever its mode.
    let path = environment.home().join(".aws/credentials");
    std::fs::create_dir_all(&path).expect("a folder");
    environment.config("[[registry]]\nmatch = \"*\"\nprofile = \"work\"\n");
    let line = format!(
        "no credentials for {HOST}: cannot read the AWS file {}: Is a directory (os error 21)",
        path.display()
    );
    assert_eq!(environment.get(HOST).failure(&line), [""; 0]);
    // Keys in variables need no file.
    environment.set_keys(ALICE.0, ALICE.1, None);
    assert_eq!(environment.get(HOST).failure(&line), [""; 0]);
    environment.config("");
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
}

#[test]
fn an_aws_file_that_is_not_utf_8_is_an_error() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    let path = environment.aws_config("");
    std::fs::write(&path, b"[default]\naws_access_key_id = \xff\n").expect("a file");
    assert_eq!(
        environment.get(HOST).failure(&format!(
            "no credentials for {HOST}: the AWS file {} is not UTF-8 text",
            path.display()
        )),
        [""; 0]
    );
}

#[test]
fn a_malformed_aws_file_is_an_error_that_names_the_line() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    environment.aws_config("[default]\nregion = eu-west-1\n");
    let path = environment.aws_credentials("[default]\naws_access_key_id\n");
    assert_eq!(
        environment.get(HOST).failure(&format!(
            "no credentials for {HOST}: the AWS file {} cannot be parsed: line 2: Expected an '=' sign defining a property",
            path.display()
        )),
        [""; 0]
    );
}

#[test]
fn without_any_credentials_it_says_so() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::with_aws(&aws);
    let outcome = environment.get(HOST);
    let hints = outcome.failure(&format!(
        "no credentials for {HOST}: nobody is signed in to AWS: no configuration, variable or default profile names credentials, and instance metadata is switched off"
    ));
    assert_eq!(
        hints,
        [
            "sign in (`aws sso login`, `aws login`, `aws configure`), or name a profile in config.toml or AWS_PROFILE"
        ]
    );
}

/// A `get` where instance metadata gives nothing: it ends soon, and says why.
#[track_caller]
fn nobody_is_signed_in(environment: &TestEnvironment, endpoint: &str, why: &str) {
    let started = Instant::now();
    let outcome = environment.get(HOST);
    let elapsed = started.elapsed();
    let hints = outcome.failure(&format!(
        "no credentials for {HOST}: nobody is signed in to AWS: instance metadata at {endpoint} {why}"
    ));
    assert_eq!(
        hints,
        [
            "sign in (`aws sso login`, `aws login`, `aws configure`), or name a profile in config.toml or AWS_PROFILE",
            "on EC2: give the instance a role, and containers a hop limit of 2",
            &format!(
                "asked as: instance metadata at {endpoint}; chosen by no configuration at all"
            )
        ]
    );
    // A step has one second, and the machine may be busy.
    assert!(elapsed < Duration::from_secs(12), "{elapsed:?}");
}

#[test]
fn instance_metadata_that_hangs_is_asked_once_and_not_waited_for() {
    for step in [
        Operation::ImdsToken,
        Operation::ImdsRoleName,
        Operation::ImdsCredentials,
    ] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        environment.set_instance_metadata(&aws);
        aws.on(step, Fault::Hang);
        nobody_is_signed_in(
            &environment,
            &aws.url(),
            "cannot be reached: no answer within 1s",
        );
        assert_eq!(aws.count(step), 1, "{step:?}");
    }
}

#[test]
fn instance_metadata_that_fails_is_asked_once() {
    // The SDK repeats what was answered with 5xx, and not what was not answered at all.
    for step in [
        Operation::ImdsToken,
        Operation::ImdsRoleName,
        Operation::ImdsCredentials,
    ] {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        environment.set_instance_metadata(&aws);
        aws.on(step, Fault::Status(500));
        let outcome = environment.get(HOST);
        let told = format!("instance metadata at {} gives no credentials", aws.url());
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.stdout.contains(&told), "{outcome:?}");
        assert_eq!(aws.count(step), 1, "{step:?}");
    }
}

#[test]
fn a_machine_without_instance_metadata_says_so() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_instance_metadata(&aws);
    let nobody_listens = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address")
    };
    let endpoint = format!("http://{nobody_listens}");
    environment.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint);
    nobody_is_signed_in(
        &environment,
        &endpoint,
        "cannot be reached: connection refused",
    );
}

#[test]
fn an_instance_without_a_role_says_so() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    aws.set_instance_role(None);
    environment.set_instance_metadata(&aws);
    nobody_is_signed_in(&environment, &aws.url(), "knows no role of this instance");
}
