//! The credential-helper protocol (docker/docker-credential-helpers) as a client meets it: exact
//! streams and exit codes, whatever is sent and whatever state the machine is in.

mod common;

use std::fs;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use common::fake_aws::{ALICE, BOB, FakeAws, FakeProxy, Fault, Operation, SSO_ACCESS_TOKEN};
use common::{HOST, NOT_FOUND, Outcome, TestEnvironment};

/// A configuration that cannot be used.
const BROKEN: &str = "[cache]\nenabled = maybe\n";

/// What a person typed at `docker login`, which no output may ever hold.
const SECRET: &str = "correct-horse-battery-staple";

const NO_SERVER: &str = "no credentials server URL\n";

const HALF_LIFE: i64 = 6 * 3600;

/// Success, with exactly this on stdout and nothing on stderr.
#[track_caller]
fn succeeds(outcome: &Outcome, stdout: &str) {
    assert_eq!(
        (
            outcome.code,
            outcome.stdout.as_str(),
            outcome.stderr.as_str()
        ),
        (Some(0), stdout, "")
    );
}

/// The one line of a failure, on stdout and again, first, on stderr.
#[track_caller]
fn told_twice(outcome: &Outcome) -> &str {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let line = outcome.stdout.strip_suffix('\n').expect("a whole line");
    assert!(!line.is_empty() && !line.contains('\n'), "{outcome:?}");
    outcome.failure(line);
    line
}

/// The answer to `get`, byte for byte.
fn answer(server: &str, outcome: &Outcome) -> String {
    let secret = outcome.answer()["Secret"].as_str().map(str::to_owned);
    let server = serde_json::to_string(server).expect("JSON");
    let secret = secret.expect("a text");
    format!("{{\"ServerURL\":{server},\"Username\":\"AWS\",\"Secret\":\"{secret}\"}}\n")
}

/// What `docker login` sends to `store`.
fn login(server: &str) -> String {
    format!("{{\"ServerURL\":\"{server}\",\"Username\":\"AWS\",\"Secret\":\"{SECRET}\"}}\n")
}

fn is_root() -> bool {
    #[cfg(unix)]
    return rustix::process::geteuid().is_root();
    #[cfg(not(unix))]
    false
}

// Arguments.

#[test]
fn wrong_arguments_print_the_usage_and_fail() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let usage = environment.run(&["help"], "").stdout;
    let wrong: &[&[&str]] = &[
        &[],
        &[""],
        &["GET"],
        &["gets"],
        &[" get"],
        &["-x"],
        &["--get"],
        &["-V"],
        &["get", "get"],
        &["get", ""],
        &["get", HOST],
        &["version", "--version"],
        &["--help", "get"],
        &["list", "unused", "unused"],
    ];
    for arguments in wrong {
        let outcome = environment.run(arguments, HOST);
        assert_eq!(
            (
                outcome.code,
                outcome.stdout.as_str(),
                outcome.stderr.as_str()
            ),
            (Some(1), usage.as_str(), ""),
            "{arguments:?}"
        );
    }
    assert_eq!(aws.connections(), 0);
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_no_text_prints_the_usage_and_fails() {
    use std::os::unix::ffi::OsStrExt as _;

    let environment = TestEnvironment::new();
    let usage = environment.run(&["help"], "").stdout;
    let mut command = environment.command(&[]);
    command.arg(std::ffi::OsStr::from_bytes(b"get\xff"));
    let outcome = Outcome::of(command.spawn().expect("start"));
    outcome.failed_with(&usage, "");
}

#[test]
fn help_is_the_usage_and_no_failure() {
    let environment = TestEnvironment::new();
    let usage = environment.run(&["help"], "").stdout;
    assert!(
        usage.starts_with("Usage: docker-credential-ecrx "),
        "{usage}"
    );
    for word in ["get", "store", "erase", "list", "version", "ECRX_LOG"] {
        assert!(usage.contains(word), "{word}");
    }
    for word in ["help", "--help", "-h"] {
        succeeds(&environment.run(&[word], ""), &usage);
    }
}

#[test]
fn version_names_program_package_and_version() {
    let environment = TestEnvironment::new();
    let version = concat!(
        "docker-credential-ecrx (docker-credential-ecrx) ",
        env!("CARGO_PKG_VERSION"),
        "\n"
    );
    for word in ["version", "--version", "-v"] {
        succeeds(&environment.run(&[word], ""), version);
    }
}

#[test]
fn version_and_help_need_no_usable_configuration() {
    let mut environment = TestEnvironment::new();
    environment.config(BROKEN);
    environment.set("HOME", "/nonexistent");
    for word in ["version", "help"] {
        let outcome = environment.run(&[word], "");
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    }
}

// get: what is ours.

#[test]
fn get_echoes_every_spelling_as_it_was_sent() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let upper = HOST.to_ascii_uppercase();
    let spellings = [
        HOST.to_owned(),
        format!("{HOST}:443"),
        format!("{HOST}:5000"),
        format!("{HOST}."),
        format!("http://{HOST}"),
        format!("https://{HOST}"),
        format!("https://{HOST}/"),
        format!("https://{HOST}/v2/"),
        format!("http://{HOST}:443/v1/"),
        format!("{HOST}/team/app"),
        format!("{HOST}/team/app:tag@sha256:00"),
        format!("{HOST}?ns=docker.io"),
        format!("{HOST}/quo\"ted\\path/é"),
        upper.clone(),
        format!("HTTPS://{upper}:443/V2/"),
    ];
    for spelling in &spellings {
        let outcome = environment.get(spelling);
        succeeds(&outcome, &answer(spelling, &outcome));
        assert_eq!(outcome.grant().serial, 1, "{spelling}");
    }
    assert_eq!(aws.calls().len(), 1, "all spellings share one entry");
}

#[test]
fn white_space_around_the_server_is_not_echoed() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    for (before, after) in [("", "\n"), ("", "\r\n"), (" \t", " "), ("\n\n", "\n\n")] {
        let outcome = environment.get(&format!("{before}{HOST}{after}"));
        succeeds(&outcome, &answer(HOST, &outcome));
    }
}

// get: what is not ours.

#[test]
fn what_is_not_ecr_is_not_found_and_neither_configuration_nor_aws_is_asked() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(BROKEN);
    environment.aws_config("[default\nregion");
    for server in [
        "https://index.docker.io/v1/",
        "docker.io",
        "ghcr.io",
        "localhost:5000",
        "192.0.2.10",
        "[::1]:5000",
        "registry.example.com/team/app",
        "/",
        "a b",
        "é.example",
        // What looks like ECR.
        "999999999999.dkr.ecr.us-west-2.amazonaws.com.evil.example",
        "evil.example/999999999999.dkr.ecr.us-west-2.amazonaws.com",
        "evil.example?999999999999.dkr.ecr.us-west-2.amazonaws.com",
        "evil.example#999999999999.dkr.ecr.us-west-2.amazonaws.com",
        "999999999999.dkr.ecr.us-west-2.amazonaws.com@evil.example",
        "evil.example@999999999999.dkr.ecr.us-west-2.amazonaws.com",
        "https://AWS:secret@999999999999.dkr.ecr.us-west-2.amazonaws.com",
        "99999999999.dkr.ecr.us-west-2.amazonaws.com",
        "9999999999999.dkr.ecr.us-west-2.amazonaws.com",
        "x.999999999999.dkr.ecr.us-west-2.amazonaws.com",
        "999999999999.dkr.ecr.us-west-2.amazonaws.com.cn",
        "999999999999.dkr-ecr.cn-north-1.on.aws.com.cn",
        "999999999999.dkr-ecr.cn-north-1.on.aws",
        "999999999999.dkr.ecr.amazonaws.com",
        "999999999999.dkr.ecr.us-west-2.amazonaws.com:port",
        "999999999999.dkr.ecr.us-west-2.amazonaws.com:0",
        "999999999999.dkr.ecr.us-west-2.amazonaws.com\\@evil.example",
        "ftp://999999999999.dkr.ecr.us-west-2.amazonaws.com",
        "https://https://999999999999.dkr.ecr.us-west-2.amazonaws.com",
        "api.ecr.us-west-2.amazonaws.com",
        "*.dkr.ecr.us-west-2.amazonaws.com",
        "public.ecr.aws.evil.example",
        "xpublic.ecr.aws",
    ] {
        let outcome = environment.get(server);
        assert_eq!(
            (
                outcome.code,
                outcome.stdout.as_str(),
                outcome.stderr.as_str()
            ),
            (Some(1), NOT_FOUND, ""),
            "{server}"
        );
    }
    assert_eq!(aws.connections(), 0);
    assert!(!environment.home().join(".cache").exists());
}

#[test]
fn a_missing_config_file_does_not_touch_other_registries() {
    let mut environment = TestEnvironment::new();
    environment.set("ECRX_CONFIG", "/nonexistent/ecrx.toml");
    let docker_hub = "https://index.docker.io/v1/";
    environment.get(docker_hub).failed_with(NOT_FOUND, "");
}

#[test]
fn a_missing_config_file_is_named() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.set("ECRX_CONFIG", "/nonexistent/ecrx.toml");
    let hints = environment.get(HOST);
    let line = format!(
        "no credentials for {HOST}: /nonexistent/ecrx.toml: there is no such file, though ECRX_CONFIG names it: correct or unset ECRX_CONFIG"
    );
    assert_eq!(hints.failure(&line), Vec::<&str>::new());
    assert_eq!(aws.connections(), 0);
}

#[test]
fn a_broken_config_file_fails_an_ecr_registry_and_names_file_and_line() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let config = environment.config(BROKEN);
    let outcome = environment.get(HOST);
    let line = told_twice(&outcome);
    let place = format!("no credentials for {HOST}: {}:2: ", config.display());
    assert!(line.starts_with(&place), "{line}");
    assert_eq!(aws.connections(), 0);
}

#[test]
fn a_broken_config_file_leaves_anonymous_pulls_from_public_ecr_alive() {
    let environment = TestEnvironment::new();
    environment.config(BROKEN);
    environment.get("public.ecr.aws").failed_with(NOT_FOUND, "");
}

// Input.

#[test]
fn an_empty_question_has_its_fixed_text() {
    let environment = TestEnvironment::new();
    for input in ["", "\n", " ", "\r\n\t \n", "\u{a0}\u{2003}"] {
        environment.get(input).failed_with(NO_SERVER, "");
        succeeds(&environment.run(&["erase"], input), "");
    }
}

#[test]
fn a_closed_stdin_is_an_empty_question() {
    let environment = TestEnvironment::new();
    let mut command = environment.command(&["get"]);
    command.stdin(std::process::Stdio::null());
    Outcome::of(command.spawn().expect("start")).failed_with(NO_SERVER, "");
}

#[cfg(unix)]
#[test]
fn a_stdin_that_cannot_be_read_is_a_clear_error() {
    let environment = TestEnvironment::new();
    let folder = fs::File::open(environment.home()).expect("a folder");
    let mut command = environment.command(&["get"]);
    command.stdin(folder);
    let outcome = Outcome::of(command.spawn().expect("start"));
    let line = told_twice(&outcome);
    let beginning = "cannot read the question from stdin: ";
    assert!(line.starts_with(beginning), "{line}");
}

#[test]
fn what_is_no_question_is_a_clear_error() {
    let environment = TestEnvironment::new();
    let control = "the server name on stdin holds a control character";
    let not_text = "the question on stdin is not UTF-8 text";
    let too_long = "the question on stdin is longer than 64 KiB";
    let long = "a".repeat(64 * 1024 + 1);
    let blank = " ".repeat(64 * 1024 + 1);
    let huge = "\n".repeat(1024 * 1024);
    let cases: &[(&[u8], &str)] = &[
        (b"\0", control),
        (b"999999999999.dkr.ecr.us-west-2.amazonaws.com\0", control),
        (
            b"999999999999.dkr.ecr.us-west-2.amazonaws.com\nghcr.io",
            control,
        ),
        (b"ghcr\x1b[31m.io", control),
        (b"ghcr.io\x7f", control),
        ("ghcr.io/\u{9b}".as_bytes(), control),
        (b"\xff", not_text),
        (b"ghcr.io\xc3", not_text),
        (long.as_bytes(), too_long),
        (blank.as_bytes(), too_long),
        (huge.as_bytes(), too_long),
    ];
    for (input, line) in cases {
        let outcome = environment.run(&["get"], input);
        assert_eq!(outcome.failure(line), Vec::<&str>::new());
        succeeds(&environment.run(&["erase"], input), "");
    }
}

#[test]
fn sixty_four_kibibytes_are_not_too_much() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let server = format!("{HOST}/{}", "a".repeat(64 * 1024 - HOST.len() - 1));
    assert_eq!(server.len(), 64 * 1024);
    let outcome = environment.get(&server);
    succeeds(&outcome, &answer(&server, &outcome));
    let host = "a".repeat(64 * 1024);
    environment.get(&host).failed_with(NOT_FOUND, "");
}

// store.

#[test]
fn store_for_ecr_succeeds_keeps_nothing_and_says_who_serves_the_host() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let keys = format!(
        "asked as: the access key {}; chosen by the variable AWS_ACCESS_KEY_ID",
        ALICE.0
    );
    let stored = |environment: &TestEnvironment, server: &str, host: &str, who: &str| {
        let outcome = environment.run(&["store"], login(server));
        let note = format!(
            "docker-credential-ecrx: no password was saved: credentials for {host} are bought when they are needed, {who}\n"
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
        "asked as: the access key {}, then role arn:aws:iam::999999999999:role/ecr-pull; chosen by the rule at {}:1",
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
    let nobody = format!("but not now: {}", why.expect("a cause"));
    stored(&environment, HOST, HOST, &nobody);
    assert_eq!(aws.connections(), 0);
}

#[test]
fn store_for_ecr_succeeds_with_a_broken_configuration() {
    let environment = TestEnvironment::new();
    let config = environment.config(BROKEN);
    let outcome = environment.run(&["store"], login(HOST));
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""));
    let place = format!(
        "docker-credential-ecrx: no password was saved: credentials for {HOST} are bought when they are needed, but not now: {}:2: ",
        config.display()
    );
    assert!(outcome.stderr.starts_with(&place), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1);
}

#[test]
fn store_for_another_registry_fails_with_a_sentence() {
    let environment = TestEnvironment::new();
    let hint =
        "name this helper for ECR hosts only (credHelpers), and another for the rest (credsStore)";
    for server in ["ghcr.io", "https://index.docker.io/v1/"] {
        let outcome = environment.run(&["store"], login(server));
        let line = format!(
            "docker-credential-ecrx serves ECR registries only and keeps no passwords, so the login to {server} was not saved"
        );
        assert_eq!(outcome.failure(&line), [hint]);
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
        let beginning = "the credentials on stdin are not a JSON object with the texts ServerURL, Username and Secret (line ";
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
        let end = format!("so the login to {host} was not saved");
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

// erase.

#[test]
fn erase_succeeds_in_silence_whatever_is_sent_and_whatever_is_broken() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let inputs = [HOST, "https://index.docker.io/v1/", "public.ecr.aws", "{}"];
    let all_succeed = |environment: &TestEnvironment| {
        for input in inputs {
            succeeds(&environment.run(&["erase"], input), "");
        }
    };
    all_succeed(&environment);
    assert!(
        !environment.home().join(".cache").exists(),
        "nothing to erase, nothing made"
    );

    environment.get(HOST).answer();
    environment.config(BROKEN);
    all_succeed(&environment);
    fs::remove_file(
        environment
            .home()
            .join(".config/docker-credential-ecrx/config.toml"),
    )
    .expect("a file");

    environment.aws_config("[default\n");
    all_succeed(&environment);

    environment.set("ECRX_CONFIG", "/nonexistent/ecrx.toml");
    all_succeed(&environment);
    environment.unset("ECRX_CONFIG");

    let file = environment.write("file", "");
    environment.set("AWS_ECR_CACHE_DIR", &file.display().to_string());
    all_succeed(&environment);
    environment.set("AWS_ECR_CACHE_DIR", "/nonexistent/cache");
    all_succeed(&environment);
    environment.unset("AWS_ECR_CACHE_DIR");
    environment.set("AWS_ECR_DISABLE_CACHE", "1");
    all_succeed(&environment);

    assert_eq!(aws.calls().len(), 1, "the get alone");
}

#[test]
fn erase_drops_an_entry_that_is_garbage() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).answer();
    let entries = environment.entries();
    fs::write(&entries[0], "garbage").expect("an entry");
    succeeds(&environment.run(&["erase"], HOST), "");
    assert_eq!(environment.entries(), Vec::<std::path::PathBuf>::new());
}

#[cfg(unix)]
#[test]
fn erase_succeeds_in_silence_when_the_cache_is_read_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).answer();
    let mode = |mode| {
        fs::set_permissions(environment.cache(), fs::Permissions::from_mode(mode)).expect("mode");
    };
    mode(0o500);
    succeeds(&environment.run(&["erase"], HOST), "");
    // Root may write everywhere: then the entry is gone.
    assert_eq!(environment.entries().len(), usize::from(!is_root()));
    mode(0o000);
    succeeds(&environment.run(&["erase"], HOST), "");
    mode(0o700);
}

#[test]
fn erase_in_any_spelling_drops_what_get_would_answer() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let spellings = [
        HOST.to_owned(),
        format!("https://{HOST}"),
        format!("http://{HOST}:443/v2/\n"),
        HOST.to_ascii_uppercase(),
    ];
    for (index, spelling) in spellings.iter().enumerate() {
        assert_eq!(environment.get(HOST).grant().serial, index + 1);
        succeeds(&environment.run(&["erase"], spelling), "");
        assert!(environment.entries().is_empty(), "{spelling}");
    }
    assert_eq!(aws.calls().len(), spellings.len());
}

#[test]
fn erase_leaves_other_registries_and_other_identities_alone() {
    let aws = FakeAws::start();
    let alice = TestEnvironment::of_alice(&aws);
    let cache = alice.home().join("cache").display().to_string();
    let with_cache = |keys: (&str, &str, &str)| {
        let mut environment = TestEnvironment::with_aws(&aws);
        environment
            .set("AWS_ECR_CACHE_DIR", &cache)
            .set("AWS_ACCESS_KEY_ID", keys.0)
            .set("AWS_SECRET_ACCESS_KEY", keys.1);
        environment
    };
    let (alice, bob) = (with_cache(ALICE), with_cache(BOB));
    let other = HOST.replace("us-west-2", "eu-west-1");
    for environment in [&alice, &bob] {
        environment.get(HOST).answer();
        environment.get(&other).answer();
    }
    assert_eq!(aws.calls().len(), 4);

    succeeds(&bob.run(&["erase"], HOST), "");
    alice.get(HOST).answer();
    alice.get(&other).answer();
    bob.get(&other).answer();
    assert_eq!(aws.calls().len(), 4, "these entries stay");
    bob.get(HOST).answer();
    assert_eq!(aws.calls().len(), 5, "this one is gone");
}

#[test]
fn erase_with_old_session_keys_leaves_the_entry_of_the_new_ones() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let hour = Duration::from_secs(3600);
    let session = |environment: &mut TestEnvironment| {
        let keys = aws.temporary_credentials(ALICE.2, hour);
        let token = keys.session_token.expect("a session");
        environment
            .set("AWS_ACCESS_KEY_ID", &keys.access_key_id)
            .set("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key)
            .set("AWS_SESSION_TOKEN", &token);
        (keys.access_key_id, keys.secret_access_key, token)
    };
    let old = session(&mut environment);
    let new = session(&mut environment);
    environment.get(HOST).answer();
    let use_keys = |environment: &mut TestEnvironment, keys: &(String, String, String)| {
        environment
            .set("AWS_ACCESS_KEY_ID", &keys.0)
            .set("AWS_SECRET_ACCESS_KEY", &keys.1)
            .set("AWS_SESSION_TOKEN", &keys.2);
    };
    use_keys(&mut environment, &old);
    succeeds(&environment.run(&["erase"], HOST), "");
    use_keys(&mut environment, &new);
    environment.get(HOST).answer();
    assert_eq!(aws.calls().len(), 1);
}

// list.

#[test]
fn list_names_what_get_would_answer_now_and_asks_nobody() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    succeeds(&environment.run(&["list"], "unused"), "{}\n");
    assert!(!environment.home().join(".cache").exists());

    let other = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
    for server in [
        format!("https://{HOST}:443/v2/"),
        other.to_owned(),
        "public.ecr.aws".to_owned(),
    ] {
        environment.get(&server).answer();
    }
    aws.clear();
    let all = format!("{{\"{other}\":\"AWS\",\"{HOST}\":\"AWS\",\"public.ecr.aws\":\"AWS\"}}\n");
    succeeds(&environment.run(&["list"], "unused"), &all);
    succeeds(&environment.run(&["list"], ""), &all);

    environment
        .set("AWS_ACCESS_KEY_ID", BOB.0)
        .set("AWS_SECRET_ACCESS_KEY", BOB.1);
    succeeds(&environment.run(&["list"], "unused"), "{}\n");
    environment
        .unset("AWS_ACCESS_KEY_ID")
        .unset("AWS_SECRET_ACCESS_KEY");
    succeeds(&environment.run(&["list"], "unused"), "{}\n");
    assert_eq!(aws.connections(), 0);
}

#[test]
fn list_leaves_out_what_get_would_have_to_refresh() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).answer();
    let listed = format!("{{\"{HOST}\":\"AWS\"}}\n");
    environment.age_cache(HALF_LIFE - 600);
    succeeds(&environment.run(&["list"], "unused"), &listed);

    let config = environment.config("[cache]\nmax_age_seconds = 3600\n");
    succeeds(&environment.run(&["list"], "unused"), "{}\n");
    fs::remove_file(config).expect("a file");
    succeeds(&environment.run(&["list"], "unused"), &listed);

    environment.age_cache(600);
    succeeds(&environment.run(&["list"], "unused"), "{}\n");
    environment.age_cache(HALF_LIFE);
    succeeds(&environment.run(&["list"], "unused"), "{}\n");
    assert_eq!(aws.calls().len(), 1);
}

#[test]
fn list_leaves_out_what_was_erased() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).answer();
    succeeds(&environment.run(&["erase"], HOST), "");
    succeeds(&environment.run(&["list"], "unused"), "{}\n");
}

#[test]
fn list_never_fails() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).answer();
    let listed = format!("{{\"{HOST}\":\"AWS\"}}\n");
    let nothing = "{}\n";

    // Garbage beside the entry costs nothing.
    let cache = environment.cache();
    let junk = "a".repeat(64);
    for (name, contents) in [
        (format!("{junk}.json"), "garbage"),
        ("notes.json".to_owned(), "{}"),
        (".x.tmp".to_owned(), ""),
    ] {
        fs::write(cache.join(name), contents).expect("a file");
    }
    fs::create_dir(cache.join(format!("{}.json", "b".repeat(64)))).expect("a folder");
    succeeds(&environment.run(&["list"], "unused"), &listed);

    let config = environment.config(BROKEN);
    succeeds(&environment.run(&["list"], "unused"), nothing);
    fs::remove_file(config).expect("a file");

    environment.set("ECRX_CONFIG", "/nonexistent/ecrx.toml");
    succeeds(&environment.run(&["list"], "unused"), nothing);
    environment.unset("ECRX_CONFIG");

    environment.set("AWS_PROFILE", "missing");
    environment
        .unset("AWS_ACCESS_KEY_ID")
        .unset("AWS_SECRET_ACCESS_KEY");
    succeeds(&environment.run(&["list"], "unused"), nothing);
    environment.aws_config("[default\n");
    succeeds(&environment.run(&["list"], "unused"), nothing);

    let file = environment.write("file", "");
    environment.set("AWS_ECR_CACHE_DIR", &file.display().to_string());
    succeeds(&environment.run(&["list"], "unused"), nothing);
    environment.set("AWS_ECR_DISABLE_CACHE", "1");
    succeeds(&environment.run(&["list"], "unused"), nothing);
    assert_eq!(aws.calls().len(), 1);
}

#[test]
fn list_reads_no_question() {
    let environment = TestEnvironment::new();
    let mut command = environment.command(&["list"]);
    command.stdin(std::process::Stdio::null());
    succeeds(&Outcome::of(command.spawn().expect("start")), "{}\n");
    let much = vec![0xff; 1024 * 1024];
    succeeds(&environment.run(&["list"], much), "{}\n");
}

// Streams.

#[test]
fn every_failure_is_told_in_one_line_on_stdout_and_again_on_stderr() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    aws.on(Operation::EcrGetAuthorizationToken, Fault::AccessDenied);
    let denied = environment.get(HOST);
    assert_eq!(
        told_twice(&denied),
        format!(
            "no credentials for {HOST}: ecr:GetAuthorizationToken is denied to the access key {}: AccessDeniedException: User: {} is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the ecr:GetAuthorizationToken action",
            ALICE.0, ALICE.2
        )
    );
    assert!(denied.stderr.lines().count() > 1, "hints: {denied:?}");
    for fault in [
        Fault::UnrecognizedClient,
        Fault::ExpiredToken,
        Fault::Garbage,
        Fault::UndecodableToken,
        Fault::EmptyAuthorizationData,
        Fault::RawResponse(400, Vec::new(), "two\nlines\u{1b}[31m".to_owned()),
    ] {
        aws.on(Operation::EcrGetAuthorizationToken, fault);
        told_twice(&environment.get(HOST));
    }
    environment
        .unset("AWS_ACCESS_KEY_ID")
        .unset("AWS_SECRET_ACCESS_KEY");
    told_twice(&environment.get(HOST));
    environment.set("AWS_PROFILE", "two\nlines\u{1b}[31m");
    let line = told_twice(&environment.get(HOST)).to_owned();
    assert!(!line.contains('\u{1b}'), "{line:?}");
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_gone_is_a_failure_and_no_panic() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).answer();
    let gone = || {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        writer
    };
    let broken =
        "docker-credential-ecrx: cannot write the answer to stdout: Broken pipe (os error 32)\n";
    let cases: [(&str, &str, Option<i32>, &str); 6] = [
        ("get", HOST, Some(1), broken),
        ("get", "ghcr.io", Some(1), ""),
        ("list", "unused", Some(1), broken),
        ("erase", HOST, Some(0), ""),
        ("version", "", Some(1), ""),
        ("nonsense", "", Some(1), ""),
    ];
    for (word, input, code, stderr) in cases {
        let mut command = environment.command(&[word]);
        let outcome = run(command.stdout(gone()), input);
        assert_eq!(
            (outcome.code, outcome.stderr.as_str()),
            (code, stderr),
            "{word}"
        );
    }
    let cases: [(&str, &str, Option<i32>, &str); 4] = [
        (
            "get",
            "\0",
            Some(1),
            "the server name on stdin holds a control character\n",
        ),
        ("get", "ghcr.io", Some(1), NOT_FOUND),
        ("store", &login(HOST), Some(0), ""),
        ("erase", "\0", Some(0), ""),
    ];
    for (word, input, code, stdout) in cases {
        let mut command = environment.command(&[word]);
        let outcome = run(command.env("ECRX_LOG", "debug").stderr(gone()), input);
        assert_eq!(
            (outcome.code, outcome.stdout.as_str()),
            (code, stdout),
            "{word}"
        );
    }
    let mut command = environment.command(&["get"]);
    let outcome = run(command.stdout(gone()).stderr(gone()), HOST);
    assert_eq!(outcome.code, Some(1));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_stdout_is_a_failure() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    for (word, input) in [("get", HOST), ("list", "unused"), ("help", "")] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full");
        let mut command = environment.command(&[word]);
        let outcome = run(command.stdout(full.expect("/dev/full")), input);
        assert_eq!(outcome.code, Some(1), "{word}");
        assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
    }
}

/// A stream that is closed, not merely redirected: the next file that is opened would take its
/// number, and the answer or a message would land in the cache or on a socket.
#[cfg(unix)]
#[test]
fn closed_streams_put_no_output_into_other_files() {
    let aws = FakeAws::start();
    for streams in [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"] {
        let environment = TestEnvironment::of_alice(&aws);
        let mut shell = std::process::Command::new("/bin/sh");
        let plain = environment.command(&[]);
        shell
            .arg("-c")
            .arg(format!("exec \"$0\" get {streams}"))
            .arg(common::PROGRAM)
            .env_clear()
            .env("ECRX_LOG", "debug")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        for (name, value) in plain.get_envs() {
            shell.env(name, value.expect("a value"));
        }
        let outcome = run(&mut shell, HOST);
        let expected = if streams.starts_with('<') { 1 } else { 0 };
        assert_eq!(outcome.code, Some(expected), "{streams}: {outcome:?}");
        for entry in environment.entries() {
            let text = fs::read_to_string(&entry).expect("an entry");
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }
        environment.get(HOST).answer();
    }
}

/// Runs a command that is ready but for its input.
fn run(command: &mut std::process::Command, input: &str) -> Outcome {
    use std::io::Write as _;

    let mut child = command.spawn().expect("start");
    let mut stdin = child.stdin.take().expect("piped");
    // Whoever does not read may have closed the pipe.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    Outcome::of(child)
}

// The log.

/// The levels of the lines of a log.
#[track_caller]
fn levels(outcome: &Outcome) -> Vec<&str> {
    outcome
        .stderr
        .lines()
        .map(|line| {
            let line = line.strip_prefix("docker-credential-ecrx: ").expect("name");
            line.split_once(": ").expect("a level").0
        })
        .collect()
}

#[test]
fn the_log_is_off_by_default_and_each_level_holds_those_above() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let mut levels_of = |word: &str| {
        environment.set("ECRX_LOG", word);
        environment.run(&["erase"], HOST);
        let cold = environment.get(HOST);
        assert_eq!(cold.code, Some(0), "{cold:?}");
        // Something to warn of, and something to be told by debug alone.
        fs::write(
            environment.cache().join(format!("{}.json", "a".repeat(64))),
            "x",
        )
        .expect("file");
        let warned = environment.run(&["list"], "unused");
        let warm = environment.get(HOST);
        let mut seen: Vec<String> = [&cold, &warned, &warm]
            .into_iter()
            .flat_map(levels)
            .map(str::to_owned)
            .collect();
        seen.sort();
        seen.dedup();
        seen
    };
    assert_eq!(levels_of(""), Vec::<String>::new());
    assert_eq!(levels_of("off"), Vec::<String>::new());
    assert_eq!(levels_of("error"), Vec::<String>::new());
    assert_eq!(levels_of("warn"), ["warn"]);
    assert_eq!(levels_of("info"), ["info", "warn"]);
    assert_eq!(levels_of("debug"), ["debug", "info", "warn"]);
    assert_eq!(levels_of(" DEBUG "), ["debug", "info", "warn"]);
}

#[test]
fn a_level_that_is_none_is_told_and_warnings_are_logged() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.set("ECRX_LOG", "lo\u{1b}ud");
    let outcome = environment.get(HOST);
    assert_eq!(outcome.code, Some(0));
    assert_eq!(
        outcome.stderr,
        "docker-credential-ecrx: warn: ECRX_LOG is `loud`; it can be error, warn, info or debug\n"
    );
    assert_eq!(outcome.stdout, environment.get(HOST).stdout);
}

#[test]
fn a_log_never_changes_stdout() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let silent = environment.get(HOST);
    environment.set("ECRX_LOG", "debug");
    let logged = environment.get(HOST);
    assert_eq!((logged.code, &logged.stdout), (silent.code, &silent.stdout));
    assert!(!logged.stderr.is_empty());
    let lost = environment.get("ghcr.io");
    assert_eq!((lost.code, lost.stdout.as_str()), (Some(1), NOT_FOUND));
}

/// Looks for secrets in everything that came out, but for the answer itself.
#[track_caller]
fn holds_no_secret(outcome: &Outcome, secrets: &[&str]) {
    let mut secrets: Vec<String> = secrets.iter().map(|secret| (*secret).to_owned()).collect();
    let mut output = outcome.stderr.clone();
    if outcome.code == Some(0) {
        let answer: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        let password = answer["Secret"].as_str().expect("a text");
        secrets.push(password.to_owned());
        secrets.push(STANDARD.encode(format!("AWS:{password}")));
    } else {
        output.push_str(&outcome.stdout);
    }
    for secret in secrets {
        assert!(secret.len() >= 8, "too short to look for");
        // A part of it would be too much as well.
        let end = secret.len().min(16);
        assert!(!output.contains(&secret[..end]), "{secret:.16}…\n{output}");
        let start = secret.len() - end;
        assert!(!output.contains(&secret[start..]), "…{secret}\n{output}");
    }
}

/// What the fake makes temporary secrets and session tokens from.
const TEMPORARY: [&str; 2] = ["fake/secret/", "FwoEXAMPLE"];

#[test]
fn the_log_never_holds_a_secret_whoever_asks() {
    let aws = FakeAws::start();
    let role = "arn:aws:iam::999999999999:role/ecr-pull";
    let hour = Duration::from_secs(3600);
    let session = aws.temporary_credentials(ALICE.2, hour);
    let session_token = session.session_token.clone().expect("a session");
    let external_id = "external-id-of-the-customer";
    let web_token = "eyJhbGciOiJub25lIn0.web-identity-token.signature";
    let authorization = "Bearer container-authorization-token";

    let keys = |environment: &mut TestEnvironment| {
        environment
            .set("AWS_ACCESS_KEY_ID", ALICE.0)
            .set("AWS_SECRET_ACCESS_KEY", ALICE.1);
    };
    type Setup<'a> = Box<dyn Fn(&mut TestEnvironment) + 'a>;
    let setups: Vec<(&str, Setup<'_>)> = vec![
        ("keys", Box::new(keys)),
        (
            "session keys",
            Box::new(|environment| {
                environment
                    .set("AWS_ACCESS_KEY_ID", &session.access_key_id)
                    .set("AWS_SECRET_ACCESS_KEY", &session.secret_access_key)
                    .set("AWS_SESSION_TOKEN", &session_token);
            }),
        ),
        (
            "a rule's role",
            Box::new(|environment| {
                keys(environment);
                environment.config(&format!(
                    "[[registry]]\nmatch = \"999999999999\"\nrole_arn = \"{role}\"\nexternal_id = \"{external_id}\"\n"
                ));
            }),
        ),
        (
            "a profile's role",
            Box::new(|environment| {
                environment.aws_config(&format!(
                    "[profile work]\nrole_arn = {role}\nsource_profile = base\nexternal_id = {external_id}\n[profile base]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
                    ALICE.0, ALICE.1
                ));
                environment.set("AWS_PROFILE", "work");
            }),
        ),
        (
            "a web identity",
            Box::new(|environment| {
                let file = environment.write("token", web_token);
                environment
                    .set("AWS_WEB_IDENTITY_TOKEN_FILE", &file.display().to_string())
                    .set("AWS_ROLE_ARN", role);
            }),
        ),
        (
            "SSO",
            Box::new(|environment| {
                environment.aws_config(
                    "[default]\nsso_session = company\nsso_account_id = 111122223333\nsso_role_name = Developer\n[sso-session company]\nsso_start_url = https://company.awsapps.com/start\nsso_region = us-east-1\n",
                );
                // `aws sso login` names its file by the SHA-1 of the session's name.
                environment.write(
                    ".aws/sso/cache/71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json",
                    &format!(
                        r#"{{"startUrl":"https://company.awsapps.com/start","region":"us-east-1","accessToken":"{SSO_ACCESS_TOKEN}","expiresAt":"2099-01-01T00:00:00Z"}}"#
                    ),
                );
            }),
        ),
        (
            "a container",
            Box::new(|environment| {
                environment
                    .set(
                        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                        &format!("{}/v1/credentials", aws.url()),
                    )
                    .set("AWS_CONTAINER_AUTHORIZATION_TOKEN", authorization);
            }),
        ),
    ];
    let mut secrets = vec![
        ALICE.1,
        external_id,
        web_token,
        authorization,
        session.secret_access_key.as_str(),
        session_token.as_str(),
        SSO_ACCESS_TOKEN,
    ];
    secrets.extend(TEMPORARY);
    for (name, setup) in &setups {
        for level in ["debug", "trace"] {
            let mut environment = TestEnvironment::with_aws(&aws);
            setup(&mut environment);
            environment.set("ECRX_LOG", level);
            let cold = environment.get(HOST);
            assert_eq!(cold.code, Some(0), "{name}: {cold:?}");
            assert!(levels(&cold).contains(&"info"), "{name}: {cold:?}");
            holds_no_secret(&cold, &secrets);
            holds_no_secret(&environment.get(HOST), &secrets);
        }
    }
    // The same, with AWS failing in every way.
    for (name, setup) in &setups {
        for fault in [
            Fault::AccessDenied,
            Fault::SignatureMismatch,
            Fault::UndecodableToken,
            Fault::TruncatedAnswer,
        ] {
            aws.on(Operation::EcrGetAuthorizationToken, fault.clone());
            let mut environment = TestEnvironment::with_aws(&aws);
            setup(&mut environment);
            environment.set("ECRX_LOG", "debug");
            let failed = environment.get(HOST);
            assert_eq!(failed.code, Some(1), "{name} {fault:?}: {failed:?}");
            holds_no_secret(&failed, &secrets);
        }
    }
}

#[cfg(unix)]
#[test]
fn the_log_never_holds_what_a_credential_process_says_or_was_told() {
    let aws = FakeAws::start();
    let argument = "password-on-the-command-line";
    let answer = format!(
        "{{\"Version\":1,\"AccessKeyId\":\"{}\",\"SecretAccessKey\":\"{}\"}}",
        ALICE.0, ALICE.1
    );
    for answer in [answer.as_str(), &answer[..answer.len() - 1]] {
        let mut environment = TestEnvironment::with_aws(&aws);
        let file = environment.write("answer", answer);
        environment.aws_config(&format!(
            "[default]\ncredential_process = /bin/cat {} # {argument}\n",
            file.display()
        ));
        environment.set("ECRX_LOG", "debug").set("PATH", "/bin");
        let outcome = environment.get(HOST);
        assert_eq!(
            outcome.code == Some(0),
            answer.ends_with('}'),
            "{outcome:?}"
        );
        holds_no_secret(&outcome, &[ALICE.1, argument]);
    }
}

#[test]
fn the_log_never_holds_a_proxys_password() {
    let aws = FakeAws::start_tls(&["api.ecr.us-west-2.amazonaws.com"]);
    let proxy = FakeProxy::start(aws.address());
    let password = "password-of-the-proxy";
    proxy.require_auth("alice", password);
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.unset("AWS_ENDPOINT_URL");
    let bundle = environment.write("ca.pem", aws.ca_pem());
    environment
        .set("AWS_CA_BUNDLE", &bundle.display().to_string())
        .set("ECRX_LOG", "debug")
        .set("HTTPS_PROXY", &proxy.url_with("alice", password));
    let encoded = STANDARD.encode(format!("alice:{password}"));
    let cold = environment.get(HOST);
    assert_eq!(cold.code, Some(0), "{cold:?}");
    holds_no_secret(&cold, &[ALICE.1, password, &encoded]);

    environment.run(&["erase"], HOST);
    proxy.refuse(Some(502));
    let refused = environment.get(HOST);
    assert_eq!(refused.code, Some(1));
    holds_no_secret(&refused, &[ALICE.1, password, &encoded]);

    for wrong in [
        format!("http://alice:{password}@127.0.0.1:port"),
        format!("ftp://alice:{password}@127.0.0.1"),
        format!("alice:{password}@"),
    ] {
        environment.set("HTTPS_PROXY", &wrong);
        let malformed = environment.get(HOST);
        assert_eq!(malformed.code, Some(1), "{malformed:?}");
        holds_no_secret(&malformed, &[ALICE.1, password, &encoded]);
    }
}

// The home folder.

/// An environment in which nothing is looked for below the home folder.
fn without_home(aws: &FakeAws) -> TestEnvironment {
    let mut environment = TestEnvironment::of_alice(aws);
    let path = |path: &Path| path.display().to_string();
    let config = path(&environment.write("ecrx.toml", ""));
    let cache = path(&environment.home().join("cache"));
    let (one, other) = (
        path(&environment.write("aws-config", "")),
        path(&environment.write("aws-credentials", "")),
    );
    environment
        .set("ECRX_CONFIG", &config)
        .set("AWS_ECR_CACHE_DIR", &cache)
        .set("AWS_CONFIG_FILE", &one)
        .set("AWS_SHARED_CREDENTIALS_FILE", &other);
    environment
}

#[test]
fn every_action_works_without_home() {
    let aws = FakeAws::start();
    for home in [None, Some(""), Some("relative"), Some("/nonexistent")] {
        let mut environment = without_home(&aws);
        match home {
            Some(home) => environment.set("HOME", home),
            None => environment.unset("HOME"),
        };
        aws.clear();
        let cold = environment.get(HOST);
        succeeds(&cold, &answer(HOST, &cold));
        assert_eq!(environment.get(HOST), cold, "{home:?}: warm");
        assert_eq!(aws.calls().len(), 1, "{home:?}");
        let listed = format!("{{\"{HOST}\":\"AWS\"}}\n");
        succeeds(&environment.run(&["list"], "unused"), &listed);
        assert_eq!(environment.run(&["store"], login(HOST)).code, Some(0));
        succeeds(&environment.run(&["erase"], HOST), "");
        succeeds(&environment.run(&["list"], "unused"), "{}\n");
        environment.get("ghcr.io").failed_with(NOT_FOUND, "");
        environment.get("\n").failed_with(NO_SERVER, "");
    }
}

/// The SDK and the processes it starts know the variable alone.
#[cfg(target_os = "linux")]
#[test]
#[expect(clippy::print_stderr, reason = "says that it was skipped")]
fn without_home_the_password_databases_is_everybodys() {
    let uid = rustix::process::getuid().as_raw().to_string();
    let users = fs::read_to_string("/etc/passwd").expect("users");
    let home = users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(2) == Some(&uid.as_str())).then(|| fields[5].to_owned())
    });
    let Some(home) = home.filter(|home| home.starts_with('/')) else {
        eprintln!("not tested: this user has no home in /etc/passwd");
        return;
    };
    let aws = FakeAws::start();
    let mut environment = without_home(&aws);
    let seen = environment.home().join("seen");
    let script = environment.write(
        "script",
        &format!(
            "printf %s \"$HOME\" >'{}'\necho '{{\"Version\":1,\"AccessKeyId\":\"{}\",\"SecretAccessKey\":\"{}\"}}'\n",
            seen.display(),
            ALICE.0,
            ALICE.1
        ),
    );
    environment.write(
        "aws-config",
        &format!(
            "[default]\ncredential_process = /bin/sh {}\n",
            script.display()
        ),
    );
    environment
        .unset("AWS_ACCESS_KEY_ID")
        .unset("AWS_SECRET_ACCESS_KEY");
    for variable in [None, Some("")] {
        match variable {
            Some(home) => environment.set("HOME", home),
            None => environment.unset("HOME"),
        };
        assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
        assert_eq!(fs::read_to_string(&seen).expect("a path"), home);
        environment.run(&["erase"], HOST);
        fs::remove_file(&seen).expect("a file");
    }
}

#[test]
fn a_home_that_cannot_hold_a_cache_costs_the_caching_and_not_the_login() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let file = environment.write("file", "");
    environment.set("HOME", &format!("{}/alice", file.display()));
    for calls in 1..3 {
        let outcome = environment.get(HOST);
        succeeds(&outcome, &answer(HOST, &outcome));
        assert_eq!(aws.calls().len(), calls);
    }
    succeeds(&environment.run(&["erase"], HOST), "");
    succeeds(&environment.run(&["list"], "unused"), "{}\n");
}

#[test]
fn a_home_that_does_not_exist_is_no_obstacle() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    // With a cache, root would make the folder.
    environment
        .set("HOME", "/nonexistent")
        .set("AWS_ECR_DISABLE_CACHE", "1");
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
}
