//! No home folder, and a home folder that cannot be used.

use std::fs;
use std::path::Path;

use super::common::fake_aws::{ALICE, FakeAws};
#[cfg(windows)]
use super::common::sources;
use super::common::{HOST, NOT_FOUND, TestEnvironment};
use super::{NO_SERVER, answer, login, succeeds};

/// An environment that needs no file in the home folder.
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
    for home in [None, Some(""), Some("relative"), Some("$HOME/absent")] {
        let mut environment = without_home(&aws);
        let real = environment.home().display().to_string();
        match home {
            Some(home) => environment.set("HOME", &home.replace("$HOME", &real)),
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

/// The SDK and the processes that it starts read only the variable.
#[cfg(target_os = "linux")]
#[test]
#[expect(clippy::print_stderr, reason = "says that it was skipped")]
fn without_home_the_sdk_and_its_processes_use_the_password_database() {
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

/// As the AWS CLI and docker do there, which do not read `HOME`.
#[cfg(windows)]
#[test]
fn the_folders_are_those_that_windows_names_and_not_home() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let folder = |name: &str| environment.home().join(name).display().to_string();
    let [home, profile, roaming, local] = ["git", "alice", "roaming", "local"].map(folder);
    environment
        .set("HOME", &home)
        .set("USERPROFILE", &profile)
        .set("APPDATA", &roaming)
        .set("LOCALAPPDATA", &local);
    let keys = format!(
        "[profile work]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        ALICE.0, ALICE.1
    );
    environment.write("alice/.aws/config", &keys);
    environment.write(
        "roaming/docker-credential-ecrx/config.toml",
        "[[registry]]\nmatch = \"*\"\nprofile = \"work\"\n",
    );
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
    let cache = Path::new(&local).join("docker-credential-ecrx").join("v1");
    assert!(fs::read_dir(cache).expect("a folder").count() > 0);
    assert!(!Path::new(&home).exists());
}

#[cfg(windows)]
#[test]
fn doctor_says_that_access_rights_are_not_checked_and_shows_usual_paths() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.write(".docker/config.json", "{}");
    let doctor = environment.run(&["doctor", HOST], "").stdout;
    let text = doctor.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "access rights are not checked",
        "to a folder on PATH as docker-credential-ecrx.exe",
    ] {
        assert!(text.contains(part), "{doctor}");
    }
    assert!(!text.contains(r"\\?\"), "{doctor}");
}

/// The SDK, which reads the sign-ins of `aws login`, takes `HOME` first.
#[cfg(windows)]
#[test]
fn sign_ins_are_found_in_the_windows_profile_if_home_is_another_folder() {
    let aws = FakeAws::start();
    for sign_in in [sources::sso, sources::sso_session, sources::login] {
        let mut environment = TestEnvironment::with_aws(&aws);
        let expected = sign_in(&mut environment, &aws, "work");
        let profile = environment.home().display().to_string();
        let home = environment.home().join("git").display().to_string();
        environment
            .set("AWS_PROFILE", "work")
            .set("USERPROFILE", &profile)
            .set("HOME", &home);
        let grant = environment.get(HOST).grant();
        assert_eq!(grant.principal, expected.principal);
    }
}

#[test]
fn a_home_that_cannot_contain_a_cache_disables_only_the_cache() {
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

/// `sudo -E`: the owner could neither use nor change what root creates in the folder, and could not
/// create a `.cache` there.
#[cfg(unix)]
#[test]
#[expect(clippy::print_stderr, reason = "says that it was skipped")]
fn root_creates_nothing_in_a_folder_of_another_user() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not tested: that takes root");
        return;
    }
    let aws = FakeAws::start();
    for (variable, path) in [
        ("HOME", ""),
        ("XDG_CACHE_HOME", ".cache"),
        ("XDG_CACHE_HOME", ""),
        ("AWS_ECR_CACHE_DIR", ".ecr"),
        ("AWS_ECR_CACHE_DIR", "deep/.ecr"),
    ] {
        let mut environment = TestEnvironment::of_alice(&aws);
        let theirs = environment.home().join("theirs");
        fs::create_dir(&theirs).expect("a folder");
        std::os::unix::fs::chown(&theirs, Some(12345), Some(12345)).expect("root");
        let folder = theirs.join(path).display().to_string();
        environment.set(variable, &folder);
        assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
        let made = fs::read_dir(&theirs).expect("a folder").count();
        assert_eq!(made, 0, "{variable} {path}");
    }
}

#[test]
fn a_home_that_does_not_exist_is_not_created() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let absent = environment.home().join("absent");
    environment.set("HOME", &absent.display().to_string());
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
    assert!(!absent.exists());
}
