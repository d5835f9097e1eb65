//! Moving over from amazon-ecr-credential-helper: its variables mean the same, its files are left
//! alone, and the one change is a word in `config.json`.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};

use common::fake_aws::{ALICE, Call, FakeAws, FakeProxy, Fault, Grant, Operation};
use common::files::{go_programs, names};
use common::{HOST, NOT_FOUND, Outcome, TestEnvironment};

/// The cache of the established helper: tokens of an identity that only it knows.
const THEIR_CACHE: &str = r#"{"Registries":{"us-west-2-1B2M2Y8AsgTpgAmY7PhCfg==-999999999999":{"AuthorizationToken":"QVdTOnRoZWlycw==","RequestedAt":"2026-11-22T09:00:00Z","ExpiresAt":"2099-01-01T00:00:00Z","ProxyEndpoint":"https://999999999999.dkr.ecr.us-west-2.amazonaws.com","Service":"ecr","Username":"AWS"}},"Version":"1.0"}"#;

/// Everything below a folder: contents and times. A folder that is written in gets another time.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, (Option<Vec<u8>>, SystemTime)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(&folder).expect("a folder") {
            let path = item.expect("an item").path();
            let seen = fs::symlink_metadata(&path).expect("an item");
            let contents = seen.is_file().then(|| fs::read(&path).expect("a file"));
            if seen.is_dir() {
                folders.push(path.clone());
            }
            found.insert(path, (contents, seen.modified().expect("a time")));
        }
    }
    found
}

/// A folder of the established helper, with its cache and its log.
fn their_folder(environment: &TestEnvironment, name: &str) -> PathBuf {
    environment.write(&format!("{name}/cache.json"), THEIR_CACHE);
    environment.write(&format!("{name}/log/ecr-login.log"), "level=debug\n");
    environment.home().join(name)
}

// AWS_ECR_DISABLE_CACHE

#[test]
fn disable_cache_means_its_presence_whatever_its_value() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let warm = environment.get(HOST);
    assert_eq!(warm.grant().serial, 1);
    let before = snapshot(&environment.cache());
    for (index, value) in ["true", "1", "yes", "false", "0", " "]
        .into_iter()
        .enumerate()
    {
        environment.set("AWS_ECR_DISABLE_CACHE", value);
        let grant = environment.get(HOST).grant();
        assert_eq!(grant.serial, index + 2, "{value:?} was not heard");
        let listed = environment.run(&["list"], "unused");
        assert_eq!(listed.answer(), json!({}), "{value:?}");
    }
    assert_eq!(snapshot(&environment.cache()), before);
    // Set and empty is unset, to both helpers.
    environment.set("AWS_ECR_DISABLE_CACHE", "");
    assert_eq!(environment.get(HOST), warm);
}

// AWS_ECR_CACHE_DIR

#[test]
fn cache_dir_is_where_the_cache_is_and_wins_over_the_configuration() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let (dir, other) = (
        environment.home().join("tmp/ecr"),
        environment.home().join("other"),
    );
    environment.config(&format!("[cache]\ndir = {other:?}\n"));
    environment.set("AWS_ECR_CACHE_DIR", &dir.display().to_string());
    let cold = environment.get(HOST);
    assert_eq!(cold.grant().serial, 1);
    assert_eq!(environment.get(HOST), cold);
    assert_eq!(names(environment.home()), [".config", "tmp"]);
    assert_eq!(names(&dir), ["v1"]);
    // The variable selects the location, so without it the token is not found.
    environment.unset("AWS_ECR_CACHE_DIR");
    assert_eq!(environment.get(HOST).grant().serial, 2);
    assert_eq!(names(&other), ["v1"]);
}

#[test]
fn a_tilde_in_cache_dir_is_the_home_folder() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.set("AWS_ECR_CACHE_DIR", "~/.ecr");
    let cold = environment.get(HOST);
    assert_eq!(cold.grant().serial, 1);
    assert_eq!(environment.get(HOST), cold);
    assert_eq!(names(environment.home()), [".ecr"]);
    assert_eq!(names(&environment.home().join(".ecr")), ["v1"]);
}

#[test]
fn a_cache_dir_of_the_established_helper_is_shared_and_its_files_left_alone() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let dir = their_folder(&environment, "theirs");
    environment.set("AWS_ECR_CACHE_DIR", &dir.display().to_string());
    let theirs = |dir: &Path| {
        let mut files = snapshot(dir);
        files.retain(|path, _| !path.starts_with(dir.join("v1")));
        files
    };
    let before = theirs(&dir);
    let cold = environment.get(HOST);
    assert_eq!(cold.grant().principal, ALICE.2);
    assert_eq!(environment.get(HOST), cold);
    assert_eq!(
        environment.run(&["list"], "unused").answer(),
        json!({ HOST: "AWS" })
    );
    assert_eq!(environment.run(&["erase"], HOST).code, Some(0));
    assert_eq!(environment.get(HOST).grant().serial, 2);
    assert_eq!(theirs(&dir), before);
    assert_eq!(names(&dir), ["cache.json", "log", "v1"]);
}

#[test]
fn files_of_the_established_helper_are_not_touched_if_no_setting_names_them() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let folders = [".ecr", ".cache/ecr"].map(|name| their_folder(&environment, name));
    let before = folders.each_ref().map(|folder| snapshot(folder));
    let cold = environment.get(HOST);
    assert_eq!(cold.grant().principal, ALICE.2);
    assert_eq!(environment.get(HOST), cold);
    environment.run(&["list"], "unused").answer();
    assert_eq!(environment.run(&["erase"], HOST).code, Some(0));
    assert_eq!(folders.each_ref().map(|folder| snapshot(folder)), before);
    assert_eq!(names(&environment.home().join(".cache")).len(), 2);
}

#[cfg(unix)]
mod unix {
    use common::files::{am_root, chmod, give_away, mode, skipped};

    use super::*;

    /// Each login requests a new token, one line reports the problem with the folder, and nothing
    /// in the folder changes.
    fn cannot_be_used(environment: &mut TestEnvironment, dir: &Path, why: &str) {
        let before = snapshot(dir);
        let serial = environment.get(HOST).grant().serial;
        environment.set("ECRX_LOG", "warn");
        let told = environment.get(HOST);
        environment.unset("ECRX_LOG");
        let line =
            format!("docker-credential-ecrx: warn: continuing without the cache: {dir:?} {why}");
        assert!(told.stderr.starts_with(&line), "{told:?}");
        assert_eq!(told.stderr.lines().count(), 1, "{told:?}");
        assert_eq!(environment.get(HOST).grant().serial, serial + 2);
        assert_eq!(snapshot(dir), before);
    }

    #[test]
    fn in_a_cache_dir_that_others_may_read_a_private_folder_is_made() {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        let dir = their_folder(&environment, "theirs");
        chmod(&dir, 0o755);
        environment.set("AWS_ECR_CACHE_DIR", &dir.display().to_string());
        let cold = environment.get(HOST);
        assert_eq!(cold.grant().serial, 1);
        assert_eq!(environment.get(HOST), cold);
        assert_eq!(mode(&dir), 0o755, "theirs, as it was");
        assert_eq!(mode(&dir.join("v1")), 0o700);
        for name in names(&dir.join("v1")) {
            assert_eq!(mode(&dir.join("v1").join(&name)), 0o600, "{name}");
        }
    }

    #[test]
    fn a_cache_dir_that_is_made_is_private() {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        let dir = environment.home().join("new/ecr");
        environment.set("AWS_ECR_CACHE_DIR", &dir.display().to_string());
        environment.get(HOST).grant();
        for folder in [dir.parent().expect("a folder"), &dir, &dir.join("v1")] {
            assert_eq!(mode(folder), 0o700, "{folder:?}");
        }
    }

    #[test]
    fn a_cache_dir_that_any_user_can_write_to_is_not_used() {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        let dir = their_folder(&environment, "theirs");
        chmod(&dir, 0o777);
        environment.set("AWS_ECR_CACHE_DIR", &dir.display().to_string());
        cannot_be_used(
            &mut environment,
            &dir,
            "is accessible to other users (mode 0777) and is not trusted",
        );
        assert_eq!(mode(&dir), 0o777);
    }

    #[test]
    fn in_a_cache_dir_like_tmp_a_private_folder_is_made() {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        let dir = their_folder(&environment, "theirs");
        chmod(&dir, 0o1777);
        environment.set("AWS_ECR_CACHE_DIR", &dir.display().to_string());
        let cold = environment.get(HOST);
        assert_eq!(cold.grant().serial, 1);
        assert_eq!(environment.get(HOST), cold);
        assert_eq!(names(&dir), ["cache.json", "log", "v1"]);
        assert_eq!(mode(&dir.join("v1")), 0o700);
        if !am_root() {
            skipped("only root can give a folder away");
            return;
        }
        // Another user was first: each user has a folder.
        give_away(&dir.join("v1"));
        let before = snapshot(&dir.join("v1"));
        let cold = environment.get(HOST);
        assert_eq!(cold.grant().serial, 2);
        assert_eq!(environment.get(HOST), cold);
        assert_eq!(names(&dir), ["cache.json", "log", "v1", "v1-0"]);
        assert_eq!(snapshot(&dir.join("v1")), before);
    }

    #[test]
    fn a_cache_dir_of_another_user_is_not_used() {
        if !am_root() {
            skipped("only root can give a folder away");
            return;
        }
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        let dir = their_folder(&environment, "theirs");
        chmod(&dir, 0o755);
        give_away(&dir);
        environment.set("AWS_ECR_CACHE_DIR", &dir.display().to_string());
        cannot_be_used(
            &mut environment,
            &dir,
            "is owned by another user (uid 12345) and is not used",
        );
    }
}

// AWS_ECR_IGNORE_CREDS_STORAGE

#[test]
fn ignore_creds_storage_lets_any_login_succeed() {
    let mut environment = TestEnvironment::new();
    let login = json!({"ServerURL": "docker.io", "Username": "u", "Secret": "hunter2"}).to_string();
    let refused = "docker-credential-ecrx serves only ECR registries and stores no passwords; the login to docker.io was not saved";
    for value in ["", "false", "0"] {
        environment.set("AWS_ECR_IGNORE_CREDS_STORAGE", value);
        environment.run(&["store"], &login).failure(refused);
    }
    environment.set("AWS_ECR_IGNORE_CREDS_STORAGE", "true");
    assert_eq!(
        environment.run(&["store"], &login),
        Outcome {
            code: Some(0),
            stdout: String::new(),
            stderr: "docker-credential-ecrx: the login to docker.io was not saved \
                     (AWS_ECR_IGNORE_CREDS_STORAGE is true)\n"
                .to_owned(),
        }
    );
    let silent = Outcome {
        code: Some(0),
        stdout: String::new(),
        stderr: String::new(),
    };
    assert_eq!(environment.run(&["erase"], "docker.io"), silent);
    assert_eq!(names(environment.home()), [] as [String; 0]);
}

// Both helpers on one machine.

/// Both helpers on one `PATH`, in one home, with one AWS: the established one knows no
/// `AWS_ENDPOINT_URL`, so a proxy leads both to the fake.
struct SideBySide {
    aws: FakeAws,
    _proxy: FakeProxy,
    environment: TestEnvironment,
}

/// Runs `test` with Debian's release of the established helper, and with the one that
/// `.ci/install-go-clients` has built, if it has.
fn with_every_release(test: impl Fn(&mut SideBySide)) {
    let built = go_programs();
    test(&mut SideBySide::of_alice(Path::new("/usr/bin")));
    if built.join("docker-credential-ecr-login").exists() {
        test(&mut SideBySide::of_alice(&built));
    }
}

impl SideBySide {
    /// With the established helper of this folder.
    fn of_alice(release: &Path) -> Self {
        let aws = FakeAws::start_tls(&[
            "api.ecr.us-west-2.amazonaws.com",
            "api.ecr.eu-west-1.amazonaws.com",
            "api.ecr-public.us-east-1.amazonaws.com",
            "sts.us-west-2.amazonaws.com",
        ]);
        let proxy = FakeProxy::start(aws.address());
        let mut environment = TestEnvironment::new();
        let program = Path::new(common::PROGRAM);
        let folder = program.parent().expect("a folder").display();
        let release = release.display();
        environment.set("PATH", &format!("{folder}:{release}:/usr/bin:/bin"));
        environment.set("HTTPS_PROXY", &proxy.url());
        let bundle = environment.write("ca.pem", aws.ca_pem());
        environment.set("SSL_CERT_FILE", &bundle.display().to_string());
        environment.set("AWS_REGION", "us-west-2");
        environment.write(
            ".aws/credentials",
            &format!(
                "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
                ALICE.0, ALICE.1
            ),
        );
        Self {
            aws,
            _proxy: proxy,
            environment,
        }
    }

    /// Acts as a client that finds this word in `config.json`. Returns the AWS calls as well.
    fn ask(&self, word: &str, action: &str, input: &str) -> (Outcome, Vec<Call>) {
        self.aws.clear();
        let program = format!("docker-credential-{word}");
        let outcome = self.environment.run_program(&program, &[action], input);
        (outcome, self.aws.calls())
    }
}

const THEIRS: &str = "ecr-login";
const OURS: &str = "ecrx";

#[test]
#[ignore = "needs amazon-ecr-credential-helper: .ci/run installs it"]
fn moving_over_is_one_word() {
    with_every_release(|side_by_side| {
        let config = json!({"credHelpers": {HOST: THEIRS, "public.ecr.aws": THEIRS}}).to_string();
        let moved = config.replace(THEIRS, OURS);
        let word = |config: &str| -> String {
            let config: Value = serde_json::from_str(config).expect("JSON");
            config["credHelpers"][HOST]
                .as_str()
                .expect("a word")
                .to_owned()
        };
        let (theirs, ours) = (word(&config), word(&moved));

        // The same answers: identity, endpoint, registry, and the server in the client's spelling.
        for server in [
            HOST,
            "https://999999999999.dkr.ecr.us-west-2.amazonaws.com",
            "999999999999.dkr.ecr.us-west-2.amazonaws.com:443",
            "999999999999.dkr.ecr.us-west-2.amazonaws.com/team/app",
            "https://999999999999.dkr.ecr.us-west-2.amazonaws.com/v2/",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            "public.ecr.aws",
        ] {
            let (their_answer, their_calls) = side_by_side.ask(&theirs, "get", server);
            let (our_answer, our_calls) = side_by_side.ask(&ours, "get", server);
            assert_eq!(our_answer.answer()["ServerURL"], server);
            for key in ["ServerURL", "Username"] {
                assert_eq!(our_answer.answer()[key], their_answer.answer()[key]);
            }
            let serial = 0;
            assert_eq!(
                Grant {
                    serial,
                    policy: None,
                    ..our_answer.grant()
                },
                Grant {
                    serial,
                    policy: None,
                    ..their_answer.grant()
                },
                "{server}"
            );
            let on_the_wire = |calls: &[Call]| -> Vec<_> {
                let told = |call: &Call| {
                    let ids = call.registry_ids().join(",");
                    let region = call.signed_region.clone();
                    (call.operation, ids, region, call.access_key_id.clone())
                };
                calls.iter().map(told).collect()
            };
            assert_eq!(on_the_wire(&our_calls), on_the_wire(&their_calls));
            // And from the cache.
            for (word, answer) in [(&theirs, their_answer), (&ours, our_answer)] {
                let (warm, calls) = side_by_side.ask(word, "get", server);
                assert_eq!((warm, calls.len()), (answer, 0), "{word} {server}");
            }
        }

        // The same answers without credentials.
        for (server, nothing) in [
            ("docker.io", NOT_FOUND),
            ("https://index.docker.io/v1/", NOT_FOUND),
            ("", "no credentials server URL\n"),
        ] {
            let (their_answer, _) = side_by_side.ask(&theirs, "get", server);
            let (our_answer, our_calls) = side_by_side.ask(&ours, "get", server);
            our_answer.failed_with(nothing, "");
            assert_eq!(our_answer, their_answer);
            assert_eq!(our_calls.len(), 0);
        }
    });
}

#[test]
#[ignore = "needs amazon-ecr-credential-helper: .ci/run installs it"]
fn the_two_helpers_differ_where_users_complained() {
    with_every_release(|side_by_side| {
        for word in [THEIRS, OURS] {
            side_by_side.ask(word, "get", HOST).0.grant();
        }

        // `list` with a URL as key, and with the caller's own registry, for which it calls AWS.
        let (theirs, their_calls) = side_by_side.ask(THEIRS, "list", "unused");
        let (ours, our_calls) = side_by_side.ask(OURS, "list", "unused");
        assert_eq!(
            theirs.answer(),
            json!({
                "https://111122223333.dkr.ecr.us-west-2.amazonaws.com": "AWS",
                "https://999999999999.dkr.ecr.us-west-2.amazonaws.com": "AWS",
                "https://public.ecr.aws": "AWS",
            })
        );
        assert!(!their_calls.is_empty());
        assert_eq!(ours.answer(), json!({ HOST: "AWS" }));
        assert_eq!(our_calls.len(), 0);

        // What docker login and logout do.
        let login = json!({"ServerURL": HOST, "Username": "AWS", "Secret": "s"}).to_string();
        for (action, input) in [("store", login.as_str()), ("erase", HOST)] {
            let (theirs, _) = side_by_side.ask(THEIRS, action, input);
            theirs.failed_with("not implemented\n", "");
            let (ours, _) = side_by_side.ask(OURS, action, input);
            assert_eq!((ours.code, ours.stdout.as_str()), (Some(0), ""), "{ours:?}");
        }

        // A denial that is reported.
        side_by_side.aws.deny_ecr(ALICE.2);
        let denied = "444455556666.dkr.ecr.us-west-2.amazonaws.com";
        let (theirs, _) = side_by_side.ask(THEIRS, "get", denied);
        theirs.failed_with(NOT_FOUND, "");
        let (ours, _) = side_by_side.ask(OURS, "get", denied);
        assert_eq!(ours.code, Some(1));
        let told = format!(
            "no credentials for {denied}: ecr:GetAuthorizationToken is denied to profile default \
             (the access key AKIAIOSFODNN7EXAMPLE): AccessDeniedException: "
        );
        assert!(ours.stdout.starts_with(&told), "{ours:?}");
    });
}

#[test]
#[ignore = "needs amazon-ecr-credential-helper: .ci/run installs it"]
fn with_a_role_only_one_of_the_two_helpers_has_a_warm_cache() {
    with_every_release(|side_by_side| {
        side_by_side.environment.aws_config(
            "[profile deploy]\nrole_arn = arn:aws:iam::999999999999:role/deploy\n\
             source_profile = default\nregion = us-west-2\n",
        );
        side_by_side.environment.set("AWS_PROFILE", "deploy");
        for (word, calls_when_warm) in [
            (
                THEIRS,
                vec![
                    Operation::StsAssumeRole,
                    Operation::EcrGetAuthorizationToken,
                ],
            ),
            (OURS, Vec::new()),
        ] {
            side_by_side.ask(word, "get", HOST).0.grant();
            let (warm, calls) = side_by_side.ask(word, "get", HOST);
            assert!(
                warm.grant().principal.contains(":assumed-role/deploy/"),
                "{word}"
            );
            let operations: Vec<Operation> = calls.iter().map(|call| call.operation).collect();
            assert_eq!(operations, calls_when_warm, "{word}");
        }
    });
}

#[test]
#[ignore = "needs amazon-ecr-credential-helper: .ci/run installs it"]
fn both_helpers_can_share_a_cache_dir() {
    with_every_release(|side_by_side| {
        let dir = side_by_side.environment.home().join("shared");
        let value = dir.display().to_string();
        side_by_side.environment.set("AWS_ECR_CACHE_DIR", &value);
        let held: Vec<Outcome> = [THEIRS, OURS]
            .into_iter()
            .map(|word| side_by_side.ask(word, "get", HOST).0)
            .collect();
        assert_eq!(names(&dir), ["cache.json", "log", "v1"]);
        // Each finds its own tokens without AWS.
        side_by_side
            .aws
            .on(Operation::EcrGetAuthorizationToken, Fault::CloseConnection);
        for (word, held) in [THEIRS, OURS].into_iter().zip(held) {
            assert_eq!(side_by_side.ask(word, "get", HOST).0, held, "{word}");
        }
        // Each can be removed without the other.
        fs::remove_file(dir.join("cache.json")).expect("theirs");
        side_by_side.ask(OURS, "get", HOST).0.grant();
    });
}

#[test]
fn a_relative_cache_folder_is_not_made_in_the_working_folder() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.set("AWS_ECR_CACHE_DIR", "here");
    environment.get(HOST).answer();
    environment.get(HOST).answer();
    assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 1);
    assert!(!environment.home().join("here").exists());
    assert_eq!(environment.entries().len(), 1);
}
