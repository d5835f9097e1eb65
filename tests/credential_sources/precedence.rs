//! Several sources at once: the most explicit one is taken.

use super::common::fake_aws::{ALICE, FakeAws, Fault, Operation};
use super::common::sources::{self, Profile};
use super::common::{HOST, Outcome, TestEnvironment};

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
    "web identity",
    "AWS_PROFILE",
    "defaults",
    "default profile",
    "container",
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
            "the rule at {config}:1; not used: AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_WEB_IDENTITY_TOKEN_FILE, AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        (
            "keys",
            "the variable AWS_ACCESS_KEY_ID; not used: AWS_PROFILE, AWS_WEB_IDENTITY_TOKEN_FILE, AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        (
            "AWS_PROFILE",
            "the variable AWS_PROFILE; not used: AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        (
            "web identity",
            "the variable AWS_WEB_IDENTITY_TOKEN_FILE; not used: AWS_PROFILE, AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        (
            "container",
            "the variable AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        (
            "defaults",
            "[defaults] at {config}:1; not used: AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        (
            "default profile",
            "the default AWS credential chain; not used: AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        ("instance", "the default AWS credential chain"),
    ];
    for (layer, expected) in not_heard {
        let Layers {
            aws, environment, ..
        } = Layers::from(layer);
        aws.on(Operation::EcrGetAuthorizationToken, Fault::AccessDenied);
        let explanation = explanation(&environment.get(HOST));
        let (_, chosen_by) = explanation.split_once("; selected by ").expect("who chose");
        let config = environment
            .home()
            .join(".config/docker-credential-ecrx/config.toml");
        let expected = expected.replace("{config}", &config.display().to_string());
        assert_eq!(chosen_by, expected, "{layer}");
    }
}

#[test]
fn aws_default_profile_is_used_before_aws_profile_and_the_other_is_named() {
    let Layers {
        aws,
        mut environment,
        ..
    } = Layers::from("AWS_PROFILE");
    let first = sources::keys(&mut environment, &aws, "first").principal;
    environment.set("AWS_DEFAULT_PROFILE", "first");
    assert_eq!(environment.get(HOST).grant().principal, first);
    environment.set("ECRX_LOG", "warn");
    assert_eq!(
        environment.get(HOST).stderr,
        "docker-credential-ecrx: warn: AWS_PROFILE is not used; AWS_DEFAULT_PROFILE sets another profile and takes precedence, as in the AWS CLI\n"
    );
    let told = environment.run(&["whoami", HOST], "").stdout;
    assert!(
        told.contains("\nselected by  the variable AWS_DEFAULT_PROFILE\n"),
        "{told}"
    );
    assert!(
        told.contains("\nnot used     AWS_PROFILE, AWS_CONTAINER"),
        "{told}"
    );
    // The same profile by both is no choice.
    environment.set("AWS_PROFILE", "first");
    assert_eq!(environment.get(HOST).stderr, "");
    let told = environment.run(&["whoami", HOST], "").stdout;
    assert!(told.contains("\nnot used     AWS_CONTAINER"), "{told}");
}

#[test]
fn settings_come_from_the_profile_of_aws_default_profile_too() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment
        .aws_config("[profile first]\nregion = eu-west-1\n[profile second]\nregion = eu-west-2\n");
    environment.config(
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::999999999999:role/pull\"\n",
    );
    environment
        .unset("AWS_REGION")
        .set("AWS_PROFILE", "second")
        .set("AWS_DEFAULT_PROFILE", "first");
    environment.get(HOST).answer();
    let calls = aws.calls_of(Operation::StsAssumeRole);
    assert_eq!(calls[0].signed_region.as_deref(), Some("eu-west-1"));
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
            !explanation.contains("not used"),
            "{variable}: {explanation}"
        );
    }
}
