//! Variables whose names are almost those of this program.

use super::common::fake_aws::{ALICE, BOB, FakeAws};
use super::common::{HOST, NOT_FOUND, TestEnvironment, sources};
use super::{IRELAND, PUBLIC};

const LINE: &str = "unknown variable ECRX_PROFIL; did you mean ECRX_PROFILE?";

/// Alice's keys in variables, and Bob's in a profile `work` that a misspelled variable names.
fn misspelled(aws: &FakeAws) -> TestEnvironment {
    let mut environment = TestEnvironment::of_alice(aws);
    sources::keys(&mut environment, aws, "work");
    environment.set("ECRX_PROFIL", "work");
    environment
}

#[test]
fn a_misspelled_variable_is_an_error_before_anything_is_asked() {
    let aws = FakeAws::start();
    let mut environment = misspelled(&aws);
    let expected = format!("no credentials for {HOST}: {LINE}");
    let outcome = environment.get(HOST);
    assert_eq!(outcome.failure(&expected), ["Rename or unset ECRX_PROFIL"]);
    // A right one does not hide it.
    environment.set("ECRX_PROFILE", "work");
    environment.get(HOST).failure(&expected);
    assert_eq!(aws.connections(), 0);
    environment.set("ECRX_PROFIL", " \t");
    assert_eq!(environment.get(HOST).grant().principal, BOB.2);
}

#[test]
fn a_variable_whose_name_begins_wrong_is_an_error_and_shows_its_blanks() {
    let aws = FakeAws::start();
    for (name, shown) in [
        ("ERCX_PROFILE", "ERCX_PROFILE"),
        (" ECRX_PROFILE", "` ECRX_PROFILE`"),
    ] {
        let mut environment = misspelled(&aws);
        environment.unset("ECRX_PROFIL");
        environment.set(name, "work");
        let expected = format!(
            "no credentials for {HOST}: unknown variable {shown}; did you mean ECRX_PROFILE?"
        );
        let outcome = environment.get(HOST);
        assert_eq!(
            outcome.failure(&expected),
            [format!("Rename or unset {shown}")]
        );
    }
    assert_eq!(aws.connections(), 0);
}

#[test]
fn a_token_in_the_cache_does_not_hide_a_misspelled_variable() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).answer();
    environment.set(
        "ECRX_ROLE_ARN_99999999999",
        "arn:aws:iam::999999999999:role/pull",
    );
    environment.get(HOST).failure(&format!(
        "no credentials for {HOST}: unknown variable ECRX_ROLE_ARN_99999999999; did you mean ECRX_ROLE_ARN_<account>, with a 12-digit account ID?"
    ));
}

#[test]
fn every_command_that_needs_an_identity_tells_of_a_misspelled_variable() {
    let aws = FakeAws::start();
    let environment = misspelled(&aws);
    for command in [
        &["whoami", HOST][..],
        &["whoami", HOST, "--json"],
        &["config", "show", HOST],
        &["config", "show", HOST, "--json"],
        &["config", "check"],
        &["config", "check", "--json"],
        &["password", HOST],
        &["doctor", HOST],
    ] {
        let outcome = environment.run(command, "");
        assert_eq!(outcome.code, Some(1), "{command:?}: {outcome:?}");
        let told = format!("{}{}", outcome.stdout, outcome.stderr);
        let words: Vec<&str> = told.split_whitespace().collect();
        assert!(words.join(" ").contains(LINE), "{command:?}: {told}");
    }
}

#[test]
fn list_store_and_erase_succeed_in_spite_of_a_misspelled_variable() {
    let aws = FakeAws::start();
    let mut environment = misspelled(&aws);
    environment.unset("ECRX_PROFIL");
    environment.get(HOST).answer();
    environment.set("ECRX_PROFIL", "work");
    let login = format!(r#"{{"ServerURL":"{HOST}","Username":"AWS","Secret":"x"}}"#);
    for (action, input, stdout) in [
        ("list", "unused", "{}\n"),
        ("erase", HOST, ""),
        ("store", login.as_str(), ""),
    ] {
        let outcome = environment.run(&[action], input);
        let found = (outcome.code, outcome.stdout.as_str());
        assert_eq!(found, (Some(0), stdout), "{action}: {outcome:?}");
    }
}

#[test]
fn public_ecr_ignores_a_misspelled_variable_and_the_log_tells_of_it() {
    let aws = FakeAws::start();
    let mut environment = misspelled(&aws);
    let outcome = environment.get(PUBLIC);
    assert_eq!(
        (outcome.grant().principal.as_str(), outcome.stderr.as_str()),
        (ALICE.2, "")
    );
    environment.set("ECRX_LOG", "warn");
    let logged = format!("docker-credential-ecrx: warn: {LINE}\n");
    assert_eq!(environment.get(PUBLIC).stderr, logged);
}

#[test]
fn a_host_that_is_not_known_is_not_found_and_the_log_tells_of_a_misspelled_ecrx_config() {
    let aws = FakeAws::start();
    let mut environment = misspelled(&aws);
    environment.set("ECRX_CONFG", "ecrx.toml");
    environment.get("mirror.example").failed_with(NOT_FOUND, "");
    environment.set("ECRX_LOG", "warn");
    environment.get("mirror.example").failed_with(
        NOT_FOUND,
        "docker-credential-ecrx: warn: unknown variable ECRX_CONFG; did you mean ECRX_CONFIG?\n",
    );
}

/// The file that the variable names may say which registry it is.
#[test]
fn every_command_for_a_host_that_is_not_known_tells_of_a_misspelled_ecrx_config() {
    const OWN_NAME: &str = "mirror.example";
    let aws = FakeAws::start();
    let mut environment = misspelled(&aws);
    environment.set("ECRX_CONFG", "ecrx.toml");
    for command in [
        &["whoami", OWN_NAME][..],
        &["password", OWN_NAME],
        &["doctor", OWN_NAME],
        &["config", "show", OWN_NAME],
        &["cache", "clear", OWN_NAME],
        &["configure-docker", OWN_NAME],
        &["configure-docker", "--undo", "two words"],
        &[
            "policy",
            "--principal",
            "111122223333",
            "--registry",
            OWN_NAME,
        ],
    ] {
        let outcome = environment.run(command, "");
        assert_eq!(outcome.code, Some(2), "{command:?}: {outcome:?}");
        assert_eq!(outcome.stdout, "", "{command:?}");
        let lines: Vec<&str> = outcome.stderr.lines().collect();
        assert!(
            lines[0].contains(" is not an ECR registry. "),
            "{command:?}: {lines:?}"
        );
        // The misspelled ECRX_PROFIL would change nothing here.
        assert_eq!(
            lines[1..],
            [
                "  unknown variable ECRX_CONFG; did you mean ECRX_CONFIG?",
                "  Rename or unset ECRX_CONFG"
            ],
            "{command:?}"
        );
    }
}

/// By a name, no variable chooses; `ECRX_CONFIG` says where the name is explained.
#[test]
fn called_by_a_name_only_a_misspelled_ecrx_config_is_an_error() {
    let aws = FakeAws::start();
    let mut environment = misspelled(&aws);
    for host in [HOST, IRELAND] {
        let grant = environment.get_as("work", host).grant();
        assert_eq!(grant.principal, BOB.2);
    }
    environment.set("ECRX_CONFG", "ecrx.toml");
    environment.get_as("work", HOST).failure(&format!(
        "no credentials for {HOST}: unknown variable ECRX_CONFG; did you mean ECRX_CONFIG?"
    ));
}

#[test]
fn the_variables_of_a_kubernetes_service_called_ecrx_change_nothing() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.set("ECRX_LOG", "warn");
    for service in [
        "ECRX",
        "ECRX_2",
        "ECRX_PROFILE",
        "ECRX_LOG",
        "ECRX_ROLE",
        "ERCX",
        "ERCX_PROFILE",
    ] {
        for (end, value) in [
            ("SERVICE_HOST", "10.0.0.1"),
            ("SERVICE_PORT", "443"),
            ("SERVICE_PORT_HTTPS", "443"),
            ("PORT", "tcp://10.0.0.1:443"),
            ("PORT_443_TCP", "tcp://10.0.0.1:443"),
            ("PORT_443_TCP_PROTO", "tcp"),
            ("PORT_443_TCP_PORT", "443"),
            ("PORT_443_TCP_ADDR", "10.0.0.1"),
        ] {
            environment.set(&format!("{service}_{end}"), value);
        }
    }
    let outcome = environment.get(HOST);
    assert_eq!(
        (outcome.grant().principal.as_str(), outcome.stderr.as_str()),
        (ALICE.2, "")
    );
}
