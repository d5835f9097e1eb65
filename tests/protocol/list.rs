//! `list`: the registries with a usable cached token.

use std::fs;

use super::common::fake_aws::{BOB, FakeAws};
use super::common::{HOST, Outcome, TestEnvironment};
use super::{BROKEN, succeeds};

const HALF_LIFE: i64 = 6 * 3600;

/// The least age at which a token is renewed.
const RENEWAL: i64 = HALF_LIFE * 9 / 10;

#[test]
fn list_names_registries_with_a_usable_token_without_network_calls() {
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
fn list_omits_tokens_that_are_due_for_renewal() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).answer();
    let listed = format!("{{\"{HOST}\":\"AWS\"}}\n");
    environment.age_cache(RENEWAL - 600);
    succeeds(&environment.run(&["list"], "unused"), &listed);

    let config = environment.config("[cache]\nmax_age_seconds = 3600\n");
    succeeds(&environment.run(&["list"], "unused"), "{}\n");
    fs::remove_file(config).expect("a file");
    succeeds(&environment.run(&["list"], "unused"), &listed);

    environment.age_cache(HALF_LIFE - RENEWAL + 600);
    succeeds(&environment.run(&["list"], "unused"), "{}\n");
    environment.age_cache(HALF_LIFE);
    succeeds(&environment.run(&["list"], "unused"), "{}\n");
    assert_eq!(aws.calls().len(), 1);
}

#[test]
fn list_omits_erased_tokens() {
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

    // A damaged file next to the entry is ignored.
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

    // Docker asks for what is listed, and for nothing else: here it is told why there is nothing.
    let says_why = |environment: &TestEnvironment, file: &str| {
        let listed = environment.run(&["list"], "unused");
        assert_eq!((listed.code, listed.stdout.as_str()), (Some(0), nothing));
        let why = format!("docker-credential-ecrx: no logins are listed: {file}:");
        assert!(listed.stderr.starts_with(&why), "{listed:?}");
        assert_eq!(listed.stderr.lines().count(), 1, "{listed:?}");
    };
    let config = environment.config(BROKEN);
    says_why(&environment, &config.display().to_string());
    fs::remove_file(config).expect("a file");

    environment.set("ECRX_CONFIG", "/nonexistent/ecrx.toml");
    says_why(&environment, "/nonexistent/ecrx.toml");
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
fn list_does_not_read_stdin() {
    let environment = TestEnvironment::new();
    let mut command = environment.command(&["list"]);
    command.stdin(std::process::Stdio::null());
    succeeds(&Outcome::of(command.spawn().expect("start")), "{}\n");
    let much = vec![0xff; 1024 * 1024];
    succeeds(&environment.run(&["list"], much), "{}\n");
}
