//! The name that the program is called by: `docker-credential-ecrx-NAME`.

#[cfg(unix)]
use std::ffi::OsStr;
#[cfg(unix)]
use std::path::Path;

use super::common::fake_aws::{ALICE, BOB, FakeAws, Operation};
use super::common::{HOST, NOT_FOUND, TestEnvironment, sources};
#[cfg(unix)]
use super::common::{Outcome, PROGRAM, files::skipped};
use super::{IRELAND, PUBLIC, assumed, explained, session};

const HUB: &str = "arn:aws:iam::111122223333:role/hub";

/// Alice's keys in variables, and Bob's in a profile `release`.
pub(super) fn of_two(aws: &FakeAws) -> TestEnvironment {
    let mut environment = TestEnvironment::of_alice(aws);
    sources::keys(&mut environment, aws, "release");
    environment
}

/// `get` by whatever name a parent process gives.
#[cfg(unix)]
fn get_by(environment: &TestEnvironment, program: &OsStr, server: &str) -> Outcome {
    use std::io::Write as _;
    use std::os::unix::process::CommandExt as _;

    let mut command = environment.command_of(PROGRAM, &["get"]);
    let mut child = command.arg0(program).spawn().expect("start");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(server.as_bytes()).expect("a question");
    drop(stdin);
    Outcome::of(child)
}

#[cfg(unix)]
#[test]
fn links_and_copies_by_a_name_ask_as_the_profile_of_that_name() {
    let aws = FakeAws::start();
    let environment = of_two(&aws);
    let file = "docker-credential-ecrx-release";
    // Hard links stay within a file system, and may be the owner's alone to make.
    let target = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).ok();
    let hard = target.as_ref().map(|folder| folder.path().join(file));
    let hard = hard.filter(|link| std::fs::hard_link(PROGRAM, link).is_ok());
    if hard.is_none() {
        skipped("no hard link to the executable can be made by this user");
    }
    // Written by another process: a file cannot be run while this one has it open.
    let copy = environment.write("copies/x", "").with_file_name(file);
    let copying = ["--", PROGRAM, &copy.display().to_string()];
    let copied = environment.run_program("/bin/cp", &copying, "");
    assert_eq!(copied.code, Some(0), "{copied:?}");
    let soft = environment.called_as("release");
    let relative = Path::new("bin").join(file);
    for program in hard.iter().chain([&copy, &soft, &relative]) {
        let outcome = environment.run_program(program, &["get"], HOST);
        assert_eq!(outcome.grant().principal, BOB.2, "{program:?}");
    }
    assert_eq!(aws.calls().len(), 1, "they are one identity");
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
}

#[test]
fn table_of_a_name_is_taken_whole() {
    let aws = FakeAws::start();
    let push = "arn:aws:iam::999999999999:role/push";
    aws.trust_role(HUB, BOB.2);
    aws.trust_role(push, "arn:aws:sts::111122223333:assumed-role/hub");
    aws.require_external_id(push, "build");
    let mut environment = TestEnvironment::of_alice(&aws);
    sources::keys(&mut environment, &aws, "base");
    environment.config(&format!(
        "[identity.release]\nprofile = \"base\"\nrole_arn = [\"{HUB}\", \"{push}\"]\n\
         external_id = \"build\"\nrole_session_name = \"ci\"\nduration_seconds = 900\nregion = \"eu-west-1\"\n"
    ));
    let grant = environment.get_as("release", HOST).grant();
    assert_eq!(
        grant.principal,
        "arn:aws:sts::999999999999:assumed-role/push/ci"
    );
    assert_eq!(grant.region, "us-west-2");
    let calls = aws.calls_of(Operation::StsAssumeRole);
    for (call, (principal, role, id, seconds)) in calls.iter().zip([
        (BOB.2, HUB, None, None),
        (
            "arn:aws:sts::111122223333:assumed-role/hub/ci",
            push,
            Some("build"),
            Some("900"),
        ),
    ]) {
        assert_eq!(call.principal.as_deref(), Some(principal));
        assert_eq!(call.param("RoleArn"), Some(role));
        assert_eq!(call.param("ExternalId"), id);
        assert_eq!(call.param("DurationSeconds"), seconds);
        assert_eq!(call.signed_region.as_deref(), Some("eu-west-1"));
    }
    assert_eq!(calls.len(), 2);
}

#[test]
fn role_of_a_name_without_a_profile_is_assumed_by_who_is_there() {
    let aws = FakeAws::start();
    let mut environment = of_two(&aws);
    environment.config(
        "[identity.pull]\nrole_arn = \"arn:{partition}:iam::{account}:role/pull-{region}\"\n",
    );
    for (host, account, role) in [
        (HOST, "999999999999", "pull-us-west-2"),
        (IRELAND, "111122223333", "pull-eu-west-1"),
    ] {
        let grant = environment.get_as("pull", host).grant();
        assert_eq!(grant.principal, session(account, role));
        assert_eq!(grant.registry_ids, [account]);
    }
    environment.unset_keys().set("AWS_PROFILE", "release");
    environment.get_as("pull", HOST).answer();
    let by: Vec<String> = assumed(&aws).into_iter().map(|(by, _)| by).collect();
    assert_eq!(by, [ALICE.2, ALICE.2, BOB.2]);
}

#[test]
fn table_hides_the_profile_of_its_name() {
    let aws = FakeAws::start();
    let environment = of_two(&aws);
    environment.config(&format!("[identity.release]\nrole_arn = \"{HUB}\"\n"));
    let grant = environment.get_as("release", HOST).grant();
    assert_eq!(grant.principal, session("111122223333", "hub"));
    assert_eq!(assumed(&aws), [(ALICE.2.to_owned(), HUB.to_owned())]);
}

#[test]
fn name_comes_before_everything_and_says_what_it_passed_over() {
    let aws = FakeAws::start();
    aws.deny_ecr(BOB.2);
    let mut environment = of_two(&aws);
    environment
        .set("ECRX_PROFILE", "never")
        .set("ECRX_ROLE_ARN_999999999999", HUB)
        .set("AWS_PROFILE", "never");
    let rule =
        "[[registry]]\nmatch = \"*\"\nprofile = \"never\"\n[defaults]\nprofile = \"never\"\n";
    environment.config(rule);
    let passed_over =
        "not used: ECRX_PROFILE, ECRX_ROLE_ARN_999999999999, AWS_ACCESS_KEY_ID, AWS_PROFILE";
    assert_eq!(
        explained(&environment.get_as("release", HOST)),
        format!(
            "identity: profile release (the access key {}); selected by the name docker-credential-ecrx-release; {passed_over}",
            BOB.0
        )
    );
    let config = environment.config(&format!(
        "{rule}[identity.release]\nprofile = \"release\"\n"
    ));
    assert_eq!(
        explained(&environment.get_as("release", HOST)),
        format!(
            "identity: profile release (the access key {}); selected by the name docker-credential-ecrx-release and [identity.release] at {}:6; {passed_over}",
            BOB.0,
            config.display()
        )
    );
}

#[test]
fn names_of_all_kinds_are_found() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    for name in ["eu.prod", "the client", "größe", "-", "a=b"] {
        environment.config(&format!("[identity.\"{name}\"]\nrole_arn = \"{HUB}\"\n"));
        let outcome = environment.get_as(name, HOST);
        assert_eq!(
            outcome.grant().principal,
            session("111122223333", "hub"),
            "{name}"
        );
    }
}

#[cfg(unix)]
#[test]
fn impossible_names_are_refused_and_not_passed_over() {
    use std::os::unix::ffi::OsStrExt as _;

    let aws = FakeAws::start();
    let environment = of_two(&aws);
    environment.config("[defaults]\nprofile = \"release\"\n");
    let of_home = |path: &str| environment.home().join(path).display().to_string();
    let (config, credentials) = (of_home(".aws/config"), of_home(".aws/credentials"));
    for (name, shown) in [
        (&b""[..], ""),
        (b"rel\xff", "rel\u{fffd}"),
        (b"Release", "Release"),
        (b"release ", "release "),
        (b"release.exe", "release.exe"),
    ] {
        let program = [b"/usr/bin/docker-credential-ecrx-", name].concat();
        let outcome = get_by(&environment, OsStr::from_bytes(&program), HOST);
        let hints = outcome.failure(&format!(
            "no credentials for {HOST}: called as docker-credential-ecrx-{shown}, but neither [identity.{shown}] in config.toml nor an AWS profile `{shown}` in {config} and {credentials} exists"
        ));
        assert_eq!(hints.last(), Some(&"Known profiles: release"));
    }
    assert_eq!(aws.connections(), 0);
}

#[cfg(unix)]
#[test]
fn other_programs_names_are_no_names() {
    let aws = FakeAws::start();
    let environment = of_two(&aws);
    // Where names of files ignore case, as on macOS, this one is a link to the program.
    let capital = cfg!(target_os = "linux").then_some("Docker-credential-ecrx-release");
    let programs = [
        "docker-credential-ecrx",
        "docker-credential-ecrxrelease",
        "docker-credential-ecr-release",
        "my-docker-credential-ecrx-release",
        "docker-credential-ecrx-release/program",
        "",
    ];
    for program in programs.into_iter().chain(capital) {
        let outcome = get_by(&environment, OsStr::new(program), HOST);
        assert_eq!(outcome.grant().principal, ALICE.2, "{program}");
    }
}

/// Without `HOME` the program starts itself again.
#[cfg(unix)]
#[test]
fn name_is_kept_without_a_home() {
    let aws = FakeAws::start();
    let mut environment = of_two(&aws);
    let place = |path: &str| environment.home().join(path).display().to_string();
    let variables = [
        (
            "ECRX_CONFIG",
            environment.write("ecrx.toml", "").display().to_string(),
        ),
        ("AWS_ECR_CACHE_DIR", place("cache")),
        ("AWS_CONFIG_FILE", place(".aws/config")),
        ("AWS_SHARED_CREDENTIALS_FILE", place("no-credentials")),
    ];
    for (variable, value) in variables {
        environment.set(variable, &value);
    }
    let link = environment.called_as("release");
    environment.unset("HOME");
    for _ in ["cold", "warm"] {
        let outcome = environment.run_program(&link, &["get"], HOST);
        assert_eq!(outcome.grant().principal, BOB.2);
    }
    assert_eq!(aws.calls().len(), 1);
}

#[test]
fn aws_files_that_cannot_be_read_are_named_where_a_profile_is_needed() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    // A folder cannot be read as a file, not even by root.
    std::fs::create_dir_all(environment.home().join(".aws/config")).expect("a folder");
    environment.config(&format!("[identity.hub]\nrole_arn = \"{HUB}\"\n"));
    environment.get_as("release", HOST).failure(&format!(
        "no credentials for {HOST}: called as docker-credential-ecrx-release, but neither [identity.release] in config.toml nor an AWS profile `release` in {home}/.aws/config (it is a folder, not a file) and {home}/.aws/credentials exists",
        home = environment.home().display()
    ));
    assert_eq!(aws.connections(), 0);
    let grant = environment.get_as("hub", HOST).grant();
    assert_eq!(grant.principal, session("111122223333", "hub"));
}

#[test]
fn public_ecr_is_asked_by_name_too() {
    let aws = FakeAws::start();
    let environment = of_two(&aws);
    environment.config("[identity.pull]\nrole_arn = \"arn:aws:iam::{account}:role/pull\"\n");
    assert_eq!(
        environment.get_as("release", PUBLIC).grant().principal,
        BOB.2
    );
    aws.clear();
    // A name without a usable identity is not replaced by another: the pull is anonymous.
    for name in ["wrong", "pull"] {
        environment.get_as(name, PUBLIC).failed_with(NOT_FOUND, "");
    }
    assert_eq!(aws.connections(), 0);
}

#[test]
fn each_name_lists_and_erases_its_own() {
    let aws = FakeAws::start();
    let environment = of_two(&aws);
    environment.get_as("release", HOST).answer();
    environment.get(IRELAND).answer();
    let listed = |program: &std::path::Path| {
        let outcome = environment.run_program(program, &["list"], "unused");
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
        outcome.stdout
    };
    let release = environment.called_as("release");
    assert_eq!(listed(&release), format!("{{\"{HOST}\":\"AWS\"}}\n"));
    let plain = environment.run(&["list"], "unused").stdout;
    assert_eq!(plain, format!("{{\"{IRELAND}\":\"AWS\"}}\n"));
    environment.run(&["erase"], HOST);
    assert_eq!(listed(&release), format!("{{\"{HOST}\":\"AWS\"}}\n"));
    environment.run_program(&release, &["erase"], HOST);
    assert_eq!(listed(&release), "{}\n");
    let login = format!("{{\"ServerURL\":\"{HOST}\",\"Username\":\"AWS\",\"Secret\":\"x\"}}\n");
    let stored = environment.run_program(&release, &["store"], login);
    assert_eq!((stored.code, stored.stdout.as_str()), (Some(0), ""));
    assert_eq!(
        stored.stderr,
        format!(
            "docker-credential-ecrx: no password was saved: credentials for {HOST} are requested on demand; identity: profile release (the access key {}); selected by the name docker-credential-ecrx-release; not used: AWS_ACCESS_KEY_ID\n",
            BOB.0
        )
    );
}
