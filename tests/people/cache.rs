//! `cache list`, `cache clear` and `cache path`.

use std::fs;

use serde_json::json;

use super::common::fake_aws::{BOB, FakeAws, Fault, Operation};
use super::common::{HOST, TestEnvironment};
use super::{configure, prints, prints_json, told};

const IRELAND: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
const FIPS: &str = "111122223333.dkr.ecr-fips.eu-west-1.amazonaws.com";
const OWN: &str = "images.example.com";

/// A custom host for [`IRELAND`], and a role for the other registries. Without `max_age_seconds`, the
/// age of a renewal is a matter of chance.
const RULES: &str = r#"
[cache]
max_age_seconds = 21600

[[registry]]
match = "images.example.com"
account = "111122223333"
region = "eu-west-1"

[[registry]]
match = "999999999999"
role_arn = "arn:aws:iam::999999999999:role/ecr-pull"
max_age_seconds = 10800
"#;

/// Alice's environment with a token of each kind, requested 2 h 3 min 30 s ago.
fn full(aws: &FakeAws) -> TestEnvironment {
    let mut environment = TestEnvironment::of_alice(aws);
    configure(&mut environment, RULES);
    environment.get(HOST).answer();
    environment.get(IRELAND).answer();
    environment.age_cache(2 * 3600 + 210);
    environment
}

#[test]
fn an_empty_cache_is_listed_as_empty() {
    let environment = TestEnvironment::new();
    let folder = "HOME/.cache/docker-credential-ecrx/v1";
    prints(&environment, &["cache", "path"], 0, &format!("{folder}\n"));
    prints(
        &environment,
        &["cache", "list"],
        0,
        &format!("no cached tokens in {folder}\n"),
    );
    prints(&environment, &["cache", "clear"], 0, "nothing to delete\n");
    prints_json(
        &environment,
        &["cache", "list", "--json"],
        0,
        json!({
            "folder": folder,
            "state": "used",
            "reason": null,
            "tokens": [],
            "unusable": 0,
            "failures": [],
        }),
    );
    assert!(!environment.home().join(".cache").exists());
}

#[test]
fn tokens_are_listed_with_their_identities_and_ages() {
    let aws = FakeAws::start();
    let mut environment = full(&aws);
    prints(
        &environment,
        &["cache", "list"],
        0,
        "\
AGE        RENEWAL        EXPIRY         REGISTRY, IDENTITY
2 h 3 min  in 3 h 56 min  in 9 h 56 min  111122223333.dkr.ecr.eu-west-1.amazonaws.com
                                         the access key AKIAIOSFODNN7EXAMPLE
2 h 3 min  in 56 min      in 9 h 56 min  999999999999.dkr.ecr.us-west-2.amazonaws.com
                                         the access key AKIAIOSFODNN7EXAMPLE, then role
                                         arn:aws:iam::999999999999:role/ecr-pull
",
    );
    // Bob cannot use Alice's tokens, and his settings do not renew them.
    environment.set("AWS_ACCESS_KEY_ID", BOB.0);
    environment.set("AWS_SECRET_ACCESS_KEY", BOB.1);
    prints(
        &environment,
        &["cache", "list"],
        0,
        "\
AGE        RENEWAL  EXPIRY         REGISTRY, IDENTITY
2 h 3 min  -        in 9 h 56 min  111122223333.dkr.ecr.eu-west-1.amazonaws.com
                                   the access key AKIAIOSFODNN7EXAMPLE
2 h 3 min  -        in 9 h 56 min  999999999999.dkr.ecr.us-west-2.amazonaws.com
                                   the access key AKIAIOSFODNN7EXAMPLE, then role
                                   arn:aws:iam::999999999999:role/ecr-pull

No renewal time: the token belongs to an identity not currently selected for that registry.
",
    );
    environment.age_cache(10 * 3600);
    environment.get(HOST).answer();
    environment.age_cache(330);
    prints(
        &environment,
        &["cache", "list"],
        0,
        "\
AGE         RENEWAL        EXPIRY             REGISTRY, IDENTITY
12 h 9 min  -              expired 9 min ago  111122223333.dkr.ecr.eu-west-1.amazonaws.com
                                              the access key AKIAIOSFODNN7EXAMPLE
5 min       in 2 h 54 min  in 11 h 54 min     999999999999.dkr.ecr.us-west-2.amazonaws.com
                                              the access key AKIAI44QH8DHBEXAMPLE, then role
                                              arn:aws:iam::999999999999:role/ecr-pull
12 h 9 min  -              expired 9 min ago  999999999999.dkr.ecr.us-west-2.amazonaws.com
                                              the access key AKIAIOSFODNN7EXAMPLE, then role
                                              arn:aws:iam::999999999999:role/ecr-pull
",
    );
    environment.age_cache(4 * 3600);
    let listed = environment.run(&["cache", "list"], "").stdout;
    assert!(
        listed.contains("4 h 5 min   next get  in 7 h 54 min"),
        "{listed}"
    );
}

#[test]
fn tokens_and_failures_are_listed_as_json() {
    let aws = FakeAws::start();
    let environment = full(&aws);
    environment.age_cache(10 * 3600);
    aws.on(Operation::EcrGetAuthorizationToken, Fault::Status(400));
    environment.run(&["password", "444455556666/eu-west-1"], "");
    environment.keep_marks();
    let outcome = environment.run(&["cache", "list", "--json"], "");
    let failure = serde_json::from_str::<serde_json::Value>(&outcome.stdout).expect("JSON")
        ["failures"][0]["message"]
        .clone();
    assert!(failure.is_string(), "{outcome:?}");
    prints_json(
        &environment,
        &["cache", "list", "--json"],
        0,
        json!({
            "folder": "HOME/.cache/docker-credential-ecrx/v1",
            "state": "used",
            "reason": null,
            "tokens": [
                {
                    "registry": IRELAND,
                    "identity": "the access key AKIAIOSFODNN7EXAMPLE",
                    "obtained_at": "MOMENT",
                    "refresh_at": "MOMENT",
                    "expires_at": "MOMENT",
                    "expired": true,
                },
                {
                    "registry": HOST,
                    "identity": "the access key AKIAIOSFODNN7EXAMPLE, then role \
                                 arn:aws:iam::999999999999:role/ecr-pull",
                    "obtained_at": "MOMENT",
                    "refresh_at": "MOMENT",
                    "expires_at": "MOMENT",
                    "expired": true,
                },
            ],
            "unusable": 0,
            "failures": [{ "until": "MOMENT", "message": failure }],
        }),
    );
}

/// `doctor` counts them, too.
#[test]
fn entries_that_cannot_be_read_are_counted() {
    let aws = FakeAws::start();
    let environment = full(&aws);
    let [one, other] = &environment.entries()[..] else {
        panic!("two entries");
    };
    fs::write(one, "garbage").expect("a file");
    let listed = environment.run(&["cache", "list"], "");
    assert_eq!(
        (listed.code, listed.stderr.as_str()),
        (Some(0), ""),
        "{listed:?}"
    );
    assert_eq!(listed.stdout.matches("the access key").count(), 1);
    let expected = "
! 1 cached token cannot be read. The next request replaces it, and `cache clear` deletes it.
  ECRX_LOG=warn logs the reason
";
    assert!(listed.stdout.ends_with(expected), "{listed:?}");
    fs::write(other, "").expect("a file");
    prints(
        &environment,
        &["cache", "list"],
        0,
        "\
no cached tokens in HOME/.cache/docker-credential-ecrx/v1

! 2 cached tokens cannot be read. The next request replaces them, and `cache clear` deletes them.
  ECRX_LOG=warn logs the reason
",
    );
    prints_json(
        &environment,
        &["cache", "list", "--json"],
        0,
        json!({
            "folder": "HOME/.cache/docker-credential-ecrx/v1",
            "state": "used",
            "reason": null,
            "tokens": [],
            "unusable": 2,
            "failures": [],
        }),
    );
    environment.run(&["cache", "clear"], "");
    let listed = environment.run(&["cache", "list"], "").stdout;
    assert!(!listed.contains("cannot be read"), "{listed}");
}

#[test]
fn clear_deletes_the_tokens_of_all_identities_and_names_of_a_registry() {
    let aws = FakeAws::start();
    for name in [IRELAND, FIPS, OWN, "111122223333/eu-west-1"] {
        let environment = full(&aws);
        prints(
            &environment,
            &["cache", "clear", name],
            0,
            "deleted the token for 111122223333.dkr.ecr.eu-west-1.amazonaws.com: the access key\n\
             AKIAIOSFODNN7EXAMPLE\n",
        );
        assert_eq!(environment.entries().len(), 1);
        prints(
            &environment,
            &["cache", "clear", name],
            0,
            "nothing to delete\n",
        );
    }
    let mut environment = full(&aws);
    for host in [FIPS, OWN] {
        environment.get(host).answer();
    }
    environment.set("AWS_ACCESS_KEY_ID", BOB.0);
    environment.set("AWS_SECRET_ACCESS_KEY", BOB.1);
    environment.get(IRELAND).answer();
    let before = environment.entries().len();
    assert_eq!(before, 3);
    let outcome = environment.run(&["cache", "clear", IRELAND], "");
    assert_eq!(
        outcome.stdout.matches("deleted the token for ").count(),
        before - 1
    );
    assert_eq!(environment.entries().len(), 1);
}

/// The rule was removed or names another host; `cache list` still shows the old host.
#[test]
fn clear_deletes_the_tokens_of_a_host_that_no_rule_names_any_more() {
    let aws = FakeAws::start();
    for name in [
        OWN,
        "IMAGES.example.com.",
        "https://images.example.com:443/",
        "images.example.com/team/app:v1",
    ] {
        let mut environment = full(&aws);
        environment.run(&["cache", "clear", OWN], "");
        environment.get(OWN).answer();
        assert_eq!(environment.entries().len(), 2);
        configure(&mut environment, "");
        prints(
            &environment,
            &["cache", "clear", name],
            0,
            "deleted the token for images.example.com: the access key AKIAIOSFODNN7EXAMPLE\n",
        );
        assert_eq!(environment.entries().len(), 1);
        let again = environment.run(&["cache", "clear", name], "");
        assert_eq!(again.code, Some(2), "{again:?}");
    }
}

#[test]
fn clear_deletes_nothing_for_a_host_that_is_mistyped() {
    let aws = FakeAws::start();
    let mut environment = full(&aws);
    environment.run(&["cache", "clear", OWN], "");
    environment.get(OWN).answer();
    aws.on(Operation::EcrGetAuthorizationToken, Fault::Status(400));
    environment.run(&["password", "444455556666/eu-west-1"], "");
    configure(&mut environment, "");
    let kept = || [environment.entries(), environment.marks()];
    let before = kept();
    assert!(before.iter().all(|files| !files.is_empty()), "{before:?}");
    for host in [
        "image.example.com",
        "example.com",
        "alice@images.example.com",
    ] {
        let refused = environment.run(&["cache", "clear", host], "");
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
        let told = "is not an ECR registry. Expected HOST";
        assert!(refused.stderr.contains(told), "{refused:?}");
    }
    assert_eq!(kept(), before);
}

#[test]
fn clear_deletes_only_the_files_of_the_cache() {
    let aws = FakeAws::start();
    let environment = full(&aws);
    aws.on(Operation::EcrGetAuthorizationToken, Fault::Status(400));
    environment.run(&["password", "444455556666/eu-west-1"], "");
    let notes = environment.cache().join("notes");
    fs::write(&notes, "").expect("a file");
    fs::write(environment.cache().join(".abcdef.tmp"), "").expect("a file");
    let damaged = environment.cache().join(format!("{}.json", "0".repeat(64)));
    fs::write(damaged, "garbage").expect("a file");
    let marks = environment.marks().len();
    assert!(marks > 0);
    let failures = match marks {
        1 => "1 remembered failure".to_owned(),
        more => format!("{more} remembered failures"),
    };
    prints(
        &environment,
        &["cache", "clear"],
        0,
        &format!(
            "\
deleted the token for 111122223333.dkr.ecr.eu-west-1.amazonaws.com: the access key
AKIAIOSFODNN7EXAMPLE
deleted the token for 999999999999.dkr.ecr.us-west-2.amazonaws.com: the access key
AKIAIOSFODNN7EXAMPLE, then role arn:aws:iam::999999999999:role/ecr-pull
deleted 1 file without a usable token
deleted 1 incomplete file
deleted {failures}
"
        ),
    );
    assert!(environment.entries().is_empty() && environment.marks().is_empty());
    assert!(notes.exists());
}

#[test]
fn gets_succeed_while_the_cache_is_cleared() {
    let aws = FakeAws::start();
    let environment = full(&aws);
    std::thread::scope(|scope| {
        for host in [HOST, IRELAND, OWN] {
            let environment = &environment;
            scope.spawn(move || {
                for _ in 0..10 {
                    environment.get(host).answer();
                }
            });
        }
        for _ in 0..10 {
            let cleared = environment.run(&["cache", "clear"], "");
            assert_eq!((cleared.code, cleared.stderr.as_str()), (Some(0), ""));
        }
    });
    environment.run(&["cache", "clear"], "");
    assert!(environment.entries().is_empty());
}

#[test]
fn a_disabled_cache_is_listed_as_unused_and_can_be_cleared() {
    let aws = FakeAws::start();
    let mut environment = full(&aws);
    environment.set("AWS_ECR_DISABLE_CACHE", "1");
    let listed = environment.run(&["cache", "list"], "");
    assert_eq!(listed.code, Some(0));
    let heading = "! the cache is disabled: AWS_ECR_DISABLE_CACHE is set. These tokens are not \
                   used:\nAGE        RENEWAL  EXPIRY ";
    assert!(listed.stdout.starts_with(heading), "{listed:?}");
    // A token that is not used is not renewed, for any identity.
    let is_token = |line: &&str| line.starts_with("2 h 3 min");
    for line in listed.stdout.lines().filter(is_token) {
        assert!(
            line.starts_with("2 h 3 min  -        in 9 h 56 min  "),
            "{line}"
        );
    }
    assert!(!listed.stdout.contains("No renewal time"), "{listed:?}");
    environment.unset("AWS_ECR_DISABLE_CACHE");
    configure(&mut environment, "[cache]\nenabled = false\n");
    let cleared = environment.run(&["cache", "clear"], "");
    assert_eq!(cleared.code, Some(0), "{cleared:?}");
    prints_json(
        &environment,
        &["cache", "list", "--json"],
        0,
        json!({
            "folder": "HOME/.cache/docker-credential-ecrx/v1",
            "state": "off",
            "reason": "`enabled` under [cache] is false",
            "tokens": [],
            "unusable": 0,
            "failures": [],
        }),
    );
}

#[test]
fn a_cache_that_cannot_be_used_is_a_failure_with_its_reason() {
    let mut environment = TestEnvironment::new();
    let file = environment.write("cache", "");
    environment.set("AWS_ECR_CACHE_DIR", &file.display().to_string());
    let reason =
        "\"HOME/cache\" is not a folder; remove it, or set `dir` under [cache] to another folder";
    prints_json(
        &environment,
        &["cache", "list", "--json"],
        1,
        json!({
            "folder": "HOME/cache/v1",
            "state": "unusable",
            "reason": reason,
            "tokens": [],
            "unusable": 0,
            "failures": [],
        }),
    );
    let outcome = environment.run(&["cache", "list"], "");
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.stdout.starts_with("✗ the cache cannot be used: "),
        "{outcome:?}"
    );
    assert!(
        outcome.stdout.ends_with(
            "no cached tokens in HOME/cache/v1\n"
                .replace("HOME", &environment.home().display().to_string())
                .as_str()
        ),
        "{outcome:?}"
    );
    let cleared = environment.run(&["cache", "clear"], "");
    let line = reason.replace("HOME", &environment.home().display().to_string());
    assert_eq!(told(&cleared, &line), [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_folder_that_others_may_write_to_is_neither_listed_nor_cleared() {
    use std::os::unix::fs::PermissionsExt as _;

    let aws = FakeAws::start();
    let environment = full(&aws);
    fs::set_permissions(environment.cache(), fs::Permissions::from_mode(0o777)).expect("a mode");
    let listed = environment.run(&["cache", "list"], "");
    assert_eq!(listed.code, Some(1));
    assert!(
        listed
            .stdout
            .replace("\n  ", " ")
            .contains("is accessible to other users"),
        "{listed:?}"
    );
    let cleared = environment.run(&["cache", "clear"], "");
    assert_eq!((cleared.code, cleared.stdout.as_str()), (Some(1), ""));
    assert_eq!(environment.entries().len(), 2);
}

#[cfg(unix)]
#[test]
fn a_home_directory_that_does_not_exist_is_named() {
    let mut environment = TestEnvironment::new();
    let absent = environment.home().join("absent").display().to_string();
    environment.set("HOME", &absent);
    let outcome = environment.run(&["cache", "path"], "");
    assert_eq!(
        told(
            &outcome,
            &format!("there is no cache folder: the home directory {absent} does not exist")
        ),
        ["Set `dir` under [cache] in config.toml, or AWS_ECR_CACHE_DIR"]
    );
    prints(
        &environment,
        &["cache", "list"],
        0,
        "! the cache is disabled: the home directory HOME/absent does not exist\nno cached tokens\n",
    );
}

/// Old home folders have Latin-1 names, and a name can contain an escape character.
#[cfg(target_os = "linux")]
#[test]
fn the_folder_is_printed_byte_by_byte() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let environment = TestEnvironment::new();
    for name in [
        b"/tmp/b\xfccher".as_slice(),
        b"/tmp/\x1b[31m",
        b"/tmp/\xc2\x9b",
        "/tmp/büch er".as_bytes(),
    ] {
        let output = environment
            .command(&["cache", "path"])
            .env("AWS_ECR_CACHE_DIR", OsStr::from_bytes(name))
            .output()
            .expect("output");
        assert!(output.status.success(), "{output:?}");
        assert_eq!(output.stdout, [name, b"/v1\n"].concat());
    }
}
