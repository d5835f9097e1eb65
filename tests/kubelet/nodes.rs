//! What is different on a node: names, the home directory, the cache, many images at once, and the time
//! limit.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use crate::common::PROGRAM;
use crate::common::fake_aws::{ALICE, FakeAws, Fault, Operation, Times};
#[cfg(target_os = "linux")]
use crate::common::files::chmod;
#[cfg(target_os = "linux")]
use crate::common::pty::{Place, Terminal};
use crate::common::{Outcome, TestEnvironment};

use super::{IMAGE, login, node, request};

#[test]
fn a_name_of_another_provider_runs_the_command_with_any_arguments() {
    let (_aws, environment) = node();
    let program = environment.link("ecr-credential-provider");
    for arguments in [&[][..], &["get-credentials"], &["--v=4", "x"], &["kubelet"]] {
        let outcome = environment.run_program(&program, arguments, request(IMAGE));
        let (_, grant) = login(&outcome.answer());
        assert_eq!(grant.principal, ALICE.2, "{arguments:?}");
    }
}

#[test]
fn a_name_of_another_provider_still_runs_the_commands_for_users() {
    let environment = TestEnvironment::new();
    let program = environment.link("ecr-credential-provider");
    let version = environment.run_program(&program, &["--version"], "");
    assert!(
        version.stdout.starts_with("docker-credential-ecrx ("),
        "{version:?}"
    );
    let path = environment.run_program(&program, &["cache", "path"], "");
    assert_eq!(path.code, Some(0), "{path:?}");
}

#[test]
fn a_helpers_name_runs_it_only_as_a_command() {
    let environment = TestEnvironment::new();
    let outcome = environment.run(&["get-credentials"], request(IMAGE));
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome
            .stderr
            .starts_with("docker-credential-ecrx: unknown command `get-credentials`"),
        "{outcome:?}"
    );
}

#[test]
fn without_home_the_configuration_of_the_user_in_the_password_database_is_read() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.unset("HOME");
    let config = environment.write(
        "node.toml",
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::{account}:role/nodes\"\n",
    );
    environment.set("ECRX_CONFIG", &config.display().to_string());
    let (_, grant) = login(&environment.kubelet(&request(IMAGE)).answer());
    assert_eq!(
        grant.principal,
        "arn:aws:sts::999999999999:assumed-role/nodes/docker-credential-ecrx"
    );
}

#[test]
fn on_a_node_outside_aws_a_process_gives_the_credentials_with_nothing_but_a_home() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::new();
    environment.unset("AWS_EC2_METADATA_DISABLED");
    environment.aws_config(&format!(
        "[default]\nregion = eu-west-1\nendpoint_url = {}\n\
         credential_process = sh -c 'echo \"{{\\\"Version\\\":1,\\\"AccessKeyId\\\":\\\"{}\\\",\\\"SecretAccessKey\\\":\\\"{}\\\"}}\"'\n",
        aws.url(),
        ALICE.0,
        ALICE.1
    ));
    environment.kubelet_config("");
    let (_, grant) = login(&environment.kubelet(&request(IMAGE)).answer());
    assert_eq!(grant.principal, ALICE.2);
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_credential_process_has_started_ends_with_it() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::new();
    let output = format!(
        "{{\"Version\":1,\"AccessKeyId\":\"{}\",\"SecretAccessKey\":\"{}\"}}",
        ALICE.0, ALICE.1
    );
    let file = environment.home().join("pid");
    let script = format!(
        "#!/bin/sh\nsleep 300 >/dev/null 2>&1 &\necho $! > '{}'\necho '{output}'\n",
        file.display()
    );
    let program = environment.write("bin/credentials", &script);
    chmod(&program, 0o755);
    environment.set("AWS_EC2_METADATA_DISABLED", "true");
    environment.aws_config(&format!(
        "[default]\nregion = eu-west-1\nendpoint_url = {}\ncredential_process = {}\n",
        aws.url(),
        program.display()
    ));
    environment.kubelet_config("");
    login(&environment.kubelet(&request(IMAGE)).answer());
    let pid = std::fs::read_to_string(&file).expect("a process ID");
    let status = format!("/proc/{}/stat", pid.trim());
    // Where no process collects it, its state stays: it is a zombie (Z).
    let has_ended = || std::fs::read_to_string(&status).map_or(true, |stat| stat.contains(") Z "));
    for _ in 0..100 {
        if has_ended() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("it still runs: {pid}");
}

#[test]
fn nothing_is_cached_unless_a_folder_is_set_for_it() {
    let (aws, environment) = node();
    for _ in 0..2 {
        login(&environment.kubelet(&request(IMAGE)).answer());
    }
    assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 2);
    assert!(!environment.cache().exists());
}

#[test]
fn forty_images_of_one_registry_at_once_take_one_call_with_a_cache() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let dir = environment.home().join("run");
    environment.kubelet_config(&format!("cache_dir = \"{}\"", dir.display()));
    aws.on(
        Operation::EcrGetAuthorizationToken,
        Fault::Delay(Duration::from_millis(300)),
    );
    let pulls: Vec<Child> = (0..40)
        .map(|number| {
            let image = format!("{IMAGE}-{number}");
            environment.start(&["kubelet"], request(&image).as_bytes())
        })
        .collect();
    for pull in pulls {
        login(&Outcome::of(pull).answer());
    }
    assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 1);
    let cached = environment
        .kubelet_log()
        .iter()
        .filter(|line| line.contains(" from the cache, "))
        .count();
    assert_eq!(cached, 39);
}

#[cfg(unix)]
#[test]
fn a_cache_folder_that_others_can_write_to_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;

    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let dir = environment.home().join("run");
    std::fs::create_dir(&dir).expect("a folder");
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o777)).expect("a mode");
    environment.kubelet_config(&format!("cache_dir = \"{}\"", dir.display()));
    for _ in 0..2 {
        login(&environment.kubelet(&request(IMAGE)).answer());
    }
    assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 2);
}

#[test]
fn throttled_calls_are_made_more_often_than_for_a_client() {
    let (aws, environment) = node();
    aws.on_times(
        Operation::EcrGetAuthorizationToken,
        Fault::Throttle,
        Times::N(4),
    );
    login(&environment.kubelet(&request(IMAGE)).answer());
    assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 5);
}

#[test]
#[ignore = "takes long: .ci/run"]
fn when_nothing_answers_it_ends_after_50_seconds_with_the_step() {
    let (aws, environment) = node();
    aws.on(Operation::EcrGetAuthorizationToken, Fault::Hang);
    let started = Instant::now();
    let outcome = environment.kubelet(&request(IMAGE));
    assert!(started.elapsed() < Duration::from_secs(60));
    assert_eq!((outcome.code, &*outcome.stdout), (Some(1), ""));
    assert!(
        outcome
            .stderr
            .contains("requesting an authorization token: "),
        "{}",
        outcome.stderr
    );
}

#[test]
#[ignore = "takes long: .ci/run"]
fn if_stdin_is_never_closed_it_ends_in_time_with_one_line() {
    let environment = TestEnvironment::new();
    environment.kubelet_config("");
    let mut command = environment.command(&["kubelet"]);
    command.stdin(Stdio::piped());
    let started = Instant::now();
    let mut child = command.spawn().expect("start");
    let stdin = child.stdin.take();
    let outcome = Outcome::of(child);
    drop(stdin);
    assert!(started.elapsed() < Duration::from_secs(60));
    outcome.failed_with("", "docker-credential-ecrx: no answer within 50 s\n");
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_one_line_says_what_it_is() {
    let environment = TestEnvironment::new();
    let terminal = Terminal::open();
    let arguments = ["-c", "exec \"$0\" kubelet </dev/tty", PROGRAM];
    let started = environment.start_program_on(&terminal, Place::Foreground, "sh", &arguments, "");
    started.outcome().failed_with(
        "",
        "docker-credential-ecrx: kubelet runs this command, and sends a CredentialProviderRequest on stdin, which is a terminal here; To check an image, run: docker-credential-ecrx doctor IMAGE\n",
    );
}
