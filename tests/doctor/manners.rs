//! How the report treats its readers: what it judges, and what its verdict says.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::common::fake_aws::{Fault, Operation};
use super::common::{HOST, TestEnvironment};
use super::{PULL, Ward, app};

/// The verdict's text and path.
fn verdict(stdout: &str) -> &str {
    stdout.split_once("Verdict\n").expect("a verdict").1
}

/// The verdict's text alone.
fn conclusion(stdout: &str) -> &str {
    verdict(stdout).lines().next().expect("a line")
}

fn without_client_files() -> Ward {
    let ward = Ward::new();
    std::fs::remove_file(ward.environment.home().join(".docker/config.json")).expect("removed");
    ward
}

/// Puts a program of this name on PATH.
fn install(ward: &Ward, program: &str) {
    ward.environment.link(program);
}

#[test]
fn without_any_setup_the_verdict_names_what_is_missing_and_the_next_command() {
    let mut environment = TestEnvironment::new();
    environment.set("COLUMNS", "2000").set("PATH", "/nowhere");
    environment.set("XDG_RUNTIME_DIR", "/nowhere");
    for client in [&[][..], &["--client", "docker"]] {
        let told = environment.run(&[&["doctor"], client].concat(), "");
        assert_eq!(told.code, Some(1), "{told:?}");
        let next = "Run: docker-credential-ecrx configure-docker HOST";
        let conclusion = conclusion(&told.stdout);
        assert!(conclusion.ends_with(next), "{conclusion}");
        assert!(
            conclusion.starts_with("✗ Failed at client configuration: "),
            "{conclusion}"
        );
        assert!(!told.stdout.contains("nothing is wrong"), "{told:?}");
    }
}

#[test]
fn an_installed_docker_without_a_helper_is_named_in_the_verdict() {
    let ward = without_client_files();
    install(&ward, "docker");
    ward.says("nothing_set_up", 1, &[]);
}

/// The entries of a file that cannot be read are unknown, so `configure-docker` is not the next step.
#[test]
fn an_unreadable_client_file_is_the_first_failure_and_no_other_command_is_next() {
    for arguments in [&[][..], &[&*app()]] {
        let mut ward = Ward::new();
        let file = ward.environment.write("a: b/config.json", "{");
        let folder = file.parent().expect("a folder").display().to_string();
        ward.environment.set("DOCKER_CONFIG", &folder);
        let told = ward.doctor(arguments);
        assert_eq!(told.code, Some(1), "{told:?}");
        let expected = format!(
            "✗ Failed at client configuration: {} cannot be read.",
            file.display()
        );
        let conclusion = conclusion(&told.stdout);
        assert!(conclusion.starts_with(&expected), "{conclusion}");
        assert!(!told.stdout.contains("configure-docker"), "{}", told.stdout);
    }
}

#[test]
fn a_path_with_a_colon_is_whole_in_the_verdict() {
    let mut ward = Ward::new();
    let file = ward.environment.write("a: b/config.json", &login(-1));
    let folder = file.parent().expect("a folder").display().to_string();
    ward.environment.set("DOCKER_CONFIG", &folder);
    let told = ward.doctor(&[&app()]);
    let expected = format!(
        "✗ Failed at client configuration: {} contains a saved login for {HOST} under auths.",
        file.display()
    );
    let conclusion = conclusion(&told.stdout);
    assert!(conclusion.starts_with(&expected), "{conclusion}");
}

#[test]
fn a_client_that_is_not_installed_is_not_judged() {
    let ward = Ward::new();
    for arguments in [&[][..], &[&*app()]] {
        let told = ward.doctor(arguments);
        assert_eq!(told.code, Some(0), "{told:?}");
        assert!(!told.stdout.contains("podman"), "{}", told.stdout);
    }
    let ward = without_client_files();
    let auth = format!("{{\"credHelpers\": {{\"{HOST}\": \"ecrx\"}}}}\n");
    ward.environment
        .write(".config/containers/auth.json", &auth);
    for arguments in [&[][..], &[&*app()]] {
        let told = ward.doctor(arguments);
        assert_eq!(told.code, Some(0), "{told:?}");
        assert!(!told.stdout.contains("docker uses"), "{}", told.stdout);
        assert!(!told.stdout.contains("docker has"), "{}", told.stdout);
    }
}

#[test]
fn a_program_that_reads_a_clients_file_counts_as_that_client() {
    for (program, client) in [("crane", "docker"), ("skopeo", "podman")] {
        let ward = without_client_files();
        install(&ward, program);
        let told = ward.doctor(&[&app()]);
        assert_eq!(told.code, Some(1), "{told:?}");
        let line = format!("✗ {client} has no credential helper for {HOST}");
        assert!(told.stdout.contains(&line), "{}", told.stdout);
    }
}

#[test]
fn without_any_client_an_image_is_checked_with_a_warning() {
    let told = without_client_files().doctor(&[&app()]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(
        conclusion(&told.stdout)
            .starts_with("! Works, with a warning about the client configuration: neither docker"),
        "{}",
        told.stdout
    );
}

#[test]
fn the_client_option_limits_the_check_to_one_client() {
    let ward = Ward::new();
    install(&ward, "docker");
    install(&ward, "podman");
    ward.environment.write(".docker/config.json", "{}\n");
    let auth = format!("{{\"credHelpers\": {{\"{HOST}\": \"ecrx\"}}}}\n");
    ward.environment
        .write(".config/containers/auth.json", &auth);
    for (client, code, line) in [
        ("docker", 1, "✗ docker has no credential helper"),
        ("podman", 0, "✓ podman uses docker-credential-ecrx"),
    ] {
        for target in [Some(app()), None] {
            let mut arguments = vec!["--client", client];
            arguments.extend(target.as_deref());
            let told = ward.doctor(&arguments);
            assert_eq!(told.code, Some(code), "{client}: {told:?}");
            let other = if client == "docker" {
                "podman"
            } else {
                "docker"
            };
            for verb in ["uses", "has"] {
                let line = format!("{other} {verb} ");
                assert!(!told.stdout.contains(&line), "{}", told.stdout);
            }
            if target.is_some() {
                assert!(told.stdout.contains(line), "{}", told.stdout);
            }
        }
    }
    let refused = ward.doctor(&["--client", "kubelet"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
}

#[test]
fn the_verdict_is_a_sentence_that_does_not_repeat_the_finding() {
    let throttled = Ward::new();
    throttled
        .aws
        .on(Operation::EcrGetAuthorizationToken, Fault::Throttle);
    let no_file = Ward::new();
    no_file.environment.write(".docker/config.json", "{}\n");
    let clock = Ward::new();
    clock.registry.set_clock_offset(600);
    let untrusted = Ward::with_role();
    untrusted.aws.deny_role(PULL);
    let absent = format!("{HOST}/team/app:v2");
    for (ward, image, start) in [
        (throttled, app(), "✗ Failed at authorization token: "),
        (no_file, app(), "✗ Failed at client configuration: "),
        (clock, app(), "! Works, with a warning about this machine: "),
        (untrusted, app(), "✗ Failed at AWS identity: "),
        (Ward::new(), absent, "✗ Failed at registry: "),
    ] {
        let told = ward.doctor(&[&image]);
        let conclusion = conclusion(&told.stdout);
        assert!(conclusion.starts_with(start), "{conclusion}");
        let findings = told.stdout.split("Verdict\n").next().expect("findings");
        let bad = findings
            .lines()
            .filter_map(|line| line.strip_prefix("✗ ").or(line.strip_prefix("! ")));
        for finding in bad {
            assert!(!conclusion.contains(finding), "{conclusion}");
        }
    }
}

#[test]
fn a_missing_tag_is_not_drawn_as_a_denied_action() {
    for image in ["team/app:v2", "team/other:v1"] {
        let image = format!("{HOST}/{image}");
        let ward = Ward::new();
        let told = ward.doctor(&[&image]);
        assert_eq!(told.code, Some(1), "{told:?}");
        let verdict = verdict(&told.stdout);
        assert!(!verdict.contains("ecr:BatchGetImage"), "{verdict}");
        let node = format!("{image} (account 999999999999) ✗ does not exist");
        assert!(verdict.contains(&node), "{verdict}");
        let json = ward.doctor(&[&image, "--json"]);
        let report: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
        let last = &report["verdict"]["path"][1];
        assert_eq!(last["by"], serde_json::Value::Null, "{last}");
    }
}

#[test]
fn a_push_of_a_new_tag_is_good() {
    let told = Ward::new().doctor(&[&format!("{HOST}/team/app:v2"), "--push"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let expected = format!("✓ Works: team/app:v2 can be pushed to {HOST}");
    assert!(
        conclusion(&told.stdout).starts_with(&expected),
        "{}",
        told.stdout
    );
    assert!(!told.stdout.contains("\n! "), "{}", told.stdout);
}

#[test]
fn an_image_may_be_named_by_account_and_region() {
    let ward = Ward::new();
    let named = ward.doctor(&["999999999999/us-west-2/team/app:v1"]);
    assert_eq!(named, ward.doctor(&[&app()]));
    assert_eq!(named.code, Some(0), "{named:?}");
}

/// A login with an ECR password that expires in so many seconds.
fn login(seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("now");
    let now = i64::try_from(now.as_secs()).expect("seconds");
    let password = serde_json::json!({
        "payload": "cGF5bG9hZA==",
        "datakey": "ZGF0YWtleQ==",
        "version": "2",
        "type": "DATA_KEY",
        "expiration": now + seconds,
    });
    let password = STANDARD.encode(password.to_string());
    let auth = STANDARD.encode(format!("AWS:{password}"));
    format!("{{\"auths\": {{\"{HOST}\": {{\"auth\": \"{auth}\"}}}}}}\n")
}

#[test]
fn a_login_with_a_valid_token_is_not_an_old_login() {
    let files = [
        ("docker", ".docker/config.json"),
        ("podman", ".config/containers/auth.json"),
    ];
    for (client, file) in files {
        let ward = without_client_files();
        ward.environment.write(file, &login(12 * 3600 - 30));
        for arguments in [&[][..], &[&*app()]] {
            let told = ward.doctor(arguments);
            assert_eq!(told.code, Some(0), "{told:?}");
            assert!(!told.stdout.contains("saved login"), "{}", told.stdout);
        }
        let told = ward.doctor(&[&app()]);
        let end = format!("for {HOST}, valid for another 11 h 59 min\n");
        let line = format!("✓ {client} uses the login saved in ");
        assert!(told.stdout.contains(&line), "{}", told.stdout);
        assert!(told.stdout.contains(&end), "{}", told.stdout);

        ward.environment.write(file, &login(-30));
        let told = ward.doctor(&[&app()]);
        assert_eq!(told.code, Some(1), "{told:?}");
        assert!(told.stdout.contains("saved login"), "{}", told.stdout);
    }
}

#[test]
fn the_hint_names_the_setting_of_an_endpoint_that_is_unreachable() {
    const URL: &str = "http://127.0.0.1:1";
    let variable = |name: &str| {
        let mut ward = Ward::new();
        ward.environment.set(name, URL);
        ward
    };
    let rule = Ward::new();
    rule.environment.config(&format!(
        "[[registry]]\nmatch = \"*\"\nendpoint_url = \"{URL}\"\n"
    ));
    let mut profile = Ward::new();
    profile.environment.unset("AWS_ENDPOINT_URL");
    profile.environment.aws_config(&format!(
        "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n\
         aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\nendpoint_url = {URL}\n"
    ));
    profile
        .environment
        .unset("AWS_ACCESS_KEY_ID")
        .unset("AWS_SECRET_ACCESS_KEY");
    let role = Ward::with_role();
    let config = format!(
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"{PULL}\"\nsts_endpoint_url = \"{URL}\"\n"
    );
    role.environment.config(&config);
    for (ward, setting) in [
        (role, "sts_endpoint_url in config.toml"),
        (variable("AWS_ENDPOINT_URL"), "AWS_ENDPOINT_URL"),
        (variable("AWS_ENDPOINT_URL_ECR"), "AWS_ENDPOINT_URL_ECR"),
        (rule, "endpoint_url in config.toml"),
        (profile, "the AWS profile `default`"),
    ] {
        let told = ward.doctor(&[&app()]);
        assert_eq!(told.code, Some(1), "{setting}: {told:?}");
        let mut lines = told.stdout.lines();
        let failed = lines.find(|line| line.starts_with("✗ "));
        assert!(failed.is_some(), "{told:?}");
        let first_hint = lines.next();
        let hint = format!("    Check {setting}. It sets the endpoint to {URL}");
        assert_eq!(first_hint, Some(&*hint), "{}", told.stdout);
    }
}
