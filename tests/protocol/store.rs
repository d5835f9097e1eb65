//! `store`: nothing is kept, and nothing of what was sent is repeated.

use std::fs;

use super::common::fake_aws::{ALICE, FakeAws};
use super::common::{HOST, TestEnvironment};
use super::{BROKEN, NO_SERVER, SECRET, login, told_twice};

#[test]
fn store_for_ecr_succeeds_saves_nothing_and_names_the_identity_of_the_host() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let keys = format!(
        "identity: the access key {}; selected by the variable AWS_ACCESS_KEY_ID",
        ALICE.0
    );
    let stored = |environment: &TestEnvironment, server: &str, host: &str, who: &str| {
        let outcome = environment.run(&["store"], login(server));
        let note = format!(
            "docker-credential-ecrx: no password was saved: credentials for {host} are requested on demand; {who}\n"
        );
        assert_eq!(
            (
                outcome.code,
                outcome.stdout.as_str(),
                outcome.stderr.as_str()
            ),
            (Some(0), "", note.as_str())
        );
    };
    stored(&environment, HOST, HOST, &keys);
    stored(&environment, &format!("https://{HOST}/v2/"), HOST, &keys);
    stored(&environment, "public.ecr.aws", "public.ecr.aws", &keys);
    assert!(!environment.home().join(".cache").exists());

    let config = environment
        .config("[[registry]]\nmatch = \"999999999999\"\nrole_arn = \"arn:aws:iam::999999999999:role/ecr-pull\"\n");
    let role = format!(
        "identity: the access key {}, then role arn:aws:iam::999999999999:role/ecr-pull; selected by the rule at {}:1",
        ALICE.0,
        config.display()
    );
    stored(&environment, HOST, HOST, &role);

    environment
        .unset("AWS_ACCESS_KEY_ID")
        .unset("AWS_SECRET_ACCESS_KEY");
    fs::remove_file(&config).expect("a file");
    let got = environment.get(HOST);
    let why = told_twice(&got).strip_prefix(&format!("no credentials for {HOST}: "));
    let failing = format!("currently failing: {}", why.expect("a cause"));
    stored(&environment, HOST, HOST, &failing);
    assert_eq!(aws.connections(), 0);
}

#[test]
fn store_for_ecr_succeeds_with_a_broken_configuration() {
    let environment = TestEnvironment::new();
    let config = environment.config(BROKEN);
    let outcome = environment.run(&["store"], login(HOST));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""));
    let place = format!(
        "docker-credential-ecrx: no password was saved: credentials for {HOST} are requested on demand; currently failing: {}:2: ",
        config.display()
    );
    assert!(outcome.stderr.starts_with(&place), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1);
}

#[test]
fn store_for_another_registry_fails_with_a_sentence() {
    let environment = TestEnvironment::new();
    let hints = [
        "To store it with another helper, set other_registries_helper in config.toml",
        "Or set credsStore in Docker's config.json to that helper, and use ecrx only for ECR hosts (credHelpers)",
    ];
    for server in ["ghcr.io", "https://index.docker.io/v1/"] {
        let outcome = environment.run(&["store"], login(server));
        let line = format!(
            "docker-credential-ecrx serves only ECR registries and stores no passwords; the login to {server} was not saved"
        );
        assert_eq!(outcome.failure(&line), hints);
    }
}

#[test]
fn aws_ecr_ignore_creds_storage_lets_every_store_succeed() {
    let mut environment = TestEnvironment::new();
    for value in ["true", "TRUE"] {
        environment.set("AWS_ECR_IGNORE_CREDS_STORAGE", value);
        let outcome = environment.run(&["store"], login("ghcr.io"));
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""));
        assert_eq!(
            outcome.stderr,
            "docker-credential-ecrx: the login to ghcr.io was not saved (AWS_ECR_IGNORE_CREDS_STORAGE is true)\n"
        );
    }
    for value in ["false", "1", ""] {
        environment.set("AWS_ECR_IGNORE_CREDS_STORAGE", value);
        told_twice(&environment.run(&["store"], login("ghcr.io")));
    }
}

#[test]
fn store_without_server_or_user_name_has_its_fixed_text() {
    let environment = TestEnvironment::new();
    for (input, text) in [
        (
            format!(r#"{{"Username":"AWS","Secret":"{SECRET}"}}"#),
            NO_SERVER,
        ),
        (
            format!(r#"{{"ServerURL":" ","Username":"AWS","Secret":"{SECRET}"}}"#),
            NO_SERVER,
        ),
        ("{}".to_owned(), NO_SERVER),
        (
            format!(r#"{{"ServerURL":"{HOST}","Secret":"{SECRET}"}}"#),
            "no credentials username\n",
        ),
        (
            format!(r#"{{"ServerURL":"ghcr.io","Username":"","Secret":"{SECRET}"}}"#),
            "no credentials username\n",
        ),
    ] {
        let outcome = environment.run(&["store"], format!("{input}\n"));
        outcome.failed_with(text, "");
    }
}

#[test]
fn no_message_repeats_what_store_was_sent() {
    let mut environment = TestEnvironment::new();
    environment.set("ECRX_LOG", "debug");
    let cases = [
        format!("{SECRET}\n"),
        format!("\"{SECRET}\""),
        format!(r#"{{"ServerURL":"{HOST}","Username":"AWS","Secret":"{SECRET}"#),
        format!(r#"{{"ServerURL":"{HOST}","Username":"AWS","Secret":["{SECRET}"]}}"#),
        format!(r#"{{"ServerURL":"{HOST}","Username":{{"{SECRET}":1}},"Secret":""}}"#),
        format!(r#"{{"ServerURL":null,"Username":"AWS","Secret":"{SECRET}"}}"#),
        format!(r#"{{"{SECRET}":1,"{SECRET}":2"#),
        format!("{}{}", login(HOST), login(HOST)),
        format!("{SECRET}\0"),
    ];
    for input in &cases {
        let outcome = environment.run(&["store"], input);
        let line = told_twice(&outcome);
        let beginning = "the credentials on stdin are not a JSON object with the strings ServerURL, Username and Secret (line ";
        assert!(line.starts_with(beginning), "{input}: {line}");
        assert!(!format!("{outcome:?}").contains(SECRET), "{input}");
    }
    let mut not_text = login(HOST).into_bytes();
    not_text.push(0xff);
    let too_long = format!("{}{}", login(HOST), " ".repeat(64 * 1024));
    let elsewhere = login("ghcr.io");
    let inputs = [
        not_text.as_slice(),
        too_long.as_bytes(),
        elsewhere.as_bytes(),
    ];
    for input in inputs {
        let outcome = environment.run(&["store"], input);
        told_twice(&outcome);
        assert!(!format!("{outcome:?}").contains(SECRET));
    }
    let kept = environment.run(&["store"], login(HOST));
    assert_eq!(kept.code, Some(0));
    assert!(!format!("{kept:?}").contains(SECRET));
}

#[test]
fn a_password_inside_the_server_name_is_not_repeated() {
    let mut environment = TestEnvironment::new();
    for (server, host) in [
        (format!("https://alice:{SECRET}@ghcr.io"), "ghcr.io"),
        (format!("alice:{SECRET}@{HOST}"), HOST),
    ] {
        let outcome = environment.run(&["store"], login(&server));
        let line = told_twice(&outcome);
        let end = format!("; the login to {host} was not saved");
        assert!(line.ends_with(&end), "{line}");
        assert!(!format!("{outcome:?}").contains(SECRET), "{outcome:?}");
        environment.set("AWS_ECR_IGNORE_CREDS_STORAGE", "true");
        let ignored = environment.run(&["store"], login(&server));
        assert_eq!(ignored.code, Some(0));
        assert!(!format!("{ignored:?}").contains(SECRET), "{ignored:?}");
        environment.unset("AWS_ECR_IGNORE_CREDS_STORAGE");
    }
}

#[test]
fn a_server_name_cannot_drive_the_terminal() {
    let environment = TestEnvironment::new();
    let input = r#"{"ServerURL":"ghcr.io\u001b[31m\nx\u202e","Username":"a","Secret":"b"}"#;
    let outcome = environment.run(&["store"], input);
    let line = told_twice(&outcome);
    assert!(!line.contains(['\u{1b}', '\u{202e}']), "{line:?}");
}
