//! A chain of programs that leads back to this one is told as a loop, after few starts.

use std::fs;
use std::path::Path;
use std::time::Instant;

use super::common::fake_aws::{ALICE, FakeAws};
use super::common::{HOST, Outcome, PROGRAM, TestEnvironment};
use super::{AT_ONCE, lines, of_command};

/// Those above the one that sees it.
const MOST_STARTS: usize = 2;

const LOOP: &str = "called docker-credential-ecrx, which would start it again";

/// Each start of the command leaves a line in `starts`, and asks for the same registry again.
fn of_loop(aws: &FakeAws, call: &str) -> TestEnvironment {
    let environment = of_command(aws, "sh $HOME/again.sh");
    let home = environment.home().display();
    let script = format!("echo start >>'{home}/starts'\necho {HOST} | {call} get\n");
    environment.write("again.sh", &script);
    environment.aws_config(&format!(
        "[profile work]\ncredential_process = sh '{home}/again.sh'\n"
    ));
    environment
}

/// `env -i`, with what the chain needs to go on.
fn cleared(environment: &TestEnvironment, aws: &FakeAws, cache: &str) -> String {
    format!(
        "env -i HOME='{}' PATH=/usr/bin:/bin AWS_PROFILE=work AWS_ENDPOINT_URL={} AWS_ECR_DISABLE_CACHE={cache} AWS_EC2_METADATA_DISABLED=true",
        environment.home().display(),
        aws.url()
    )
}

#[track_caller]
fn ends_as_a_loop(environment: &TestEnvironment, most: usize) -> Outcome {
    let started = Instant::now();
    let outcome = environment.get(HOST);
    let took = started.elapsed();
    let starts = lines(environment, "starts");
    assert!((1..=most).contains(&starts), "{starts}: {outcome:?}");
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stdout.contains(LOOP), "{outcome:?}");
    assert!(took < AT_ONCE, "{took:?}");
    outcome
}

#[test]
fn a_credential_process_that_calls_back_is_a_loop_with_and_without_a_cache() {
    for cache in ["", "1"] {
        let aws = FakeAws::start();
        let mut environment = of_loop(&aws, &format!("'{PROGRAM}'"));
        environment.set("AWS_ECR_DISABLE_CACHE", cache);
        let outcome = ends_as_a_loop(&environment, 1);
        assert!(outcome.stdout.contains("profile work"), "{outcome:?}");
    }
}

#[test]
fn the_hint_of_a_loop_is_right_if_the_command_asks_for_another_registry() {
    let aws = FakeAws::start();
    let environment = of_loop(&aws, &format!("'{PROGRAM}'"));
    let script = environment.home().join("again.sh");
    let text = fs::read_to_string(&script).expect("a script");
    let other = format!("111122223333.{}", HOST.split_once('.').expect("a host").1);
    assert_ne!(other, HOST);
    fs::write(&script, text.replace(HOST, &other)).expect("a script");
    let outcome = ends_as_a_loop(&environment, 1);
    let hint = "Set credential_process to a program that prints AWS credentials without calling docker-credential-ecrx";
    assert!(outcome.stderr.contains(hint), "{outcome:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_loop_is_seen_when_the_command_detaches_itself_from_its_parent() {
    let aws = FakeAws::start();
    let mut environment = of_loop(&aws, &format!("setsid -f '{PROGRAM}'"));
    environment.set("AWS_ECR_DISABLE_CACHE", "1");
    let outcome = environment.get(HOST);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert_eq!(lines(&environment, "starts"), 1, "{outcome:?}");
}

/// As an agent does that the command has once started.
#[test]
fn what_an_earlier_call_has_left_in_the_environment_is_not_a_loop() {
    let aws = FakeAws::start();
    let mut environment = of_command(&aws, "sh ./get.sh");
    environment.set("AWS_ECR_DISABLE_CACHE", "1");
    environment.write(
        "get.sh",
        "echo \"$ECRX_HANDED_OVER\" >chain\ncat answer.json\n",
    );
    environment.get(HOST).grant();
    let chain = fs::read_to_string(environment.home().join("chain")).expect("a chain");
    let chain = chain.trim();
    environment.set("ECRX_HANDED_OVER", chain);
    let outcome = environment.get(HOST);
    assert!(outcome.stdout.contains(LOOP), "{outcome:?}");
    let (name, until) = chain.split_once('@').expect("a time");
    // A day earlier.
    let until = until.parse::<u64>().expect("seconds") - 24 * 60 * 60;
    environment.set("ECRX_HANDED_OVER", &format!("{name}@{until}"));
    environment.get(HOST).grant();
}

#[test]
fn a_loop_is_seen_by_a_copy_and_a_link_of_another_name() {
    let aws = FakeAws::start();
    for make in [
        (|from, to| fs::copy(from, to).map(drop)) as fn(&str, &str) -> std::io::Result<()>,
        |from, to| std::os::unix::fs::symlink(from, to),
        |from, to| fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop)),
    ] {
        let environment = of_loop(&aws, "./tool");
        let tool = environment.home().join("tool").display().to_string();
        make(PROGRAM, &tool).expect("a tool");
        ends_as_a_loop(&environment, 1);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_loop_is_seen_when_the_environment_is_cleared_and_the_name_is_another() {
    let copy = |from: &str, to: &Path| fs::copy(from, to).map(drop);
    let link = |from: &str, to: &Path| std::os::unix::fs::symlink(from, to);
    for (is_copy, cache) in [(false, ""), (false, "1"), (true, ""), (true, "1")] {
        let aws = FakeAws::start();
        let mut environment = of_loop(&aws, "CALL");
        environment.set("AWS_ECR_DISABLE_CACHE", cache);
        let tool = environment.home().join("tool");
        if is_copy {
            copy(PROGRAM, &tool).expect("a copy")
        } else {
            link(PROGRAM, &tool).expect("a link")
        }
        let call = format!(
            "{} '{}'",
            cleared(&environment, &aws, cache),
            tool.display()
        );
        let script = environment.home().join("again.sh");
        let text = fs::read_to_string(&script).expect("a script");
        fs::write(&script, text.replace("CALL", &call)).expect("a script");
        ends_as_a_loop(&environment, MOST_STARTS);
    }
}

#[test]
fn a_credential_process_may_pull_with_another_identity() {
    let aws = FakeAws::start();
    let environment = of_command(&aws, "sh ./get.sh");
    let (id, secret, _) = ALICE;
    environment.add_aws_config(&format!(
        "[profile inner]\ncredential_process = sh ./inner.sh\n\
         [profile alice]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"
    ));
    // It may be a credential_process as well.
    environment.write(
        "inner.sh",
        &format!(
            "echo '{{\"Version\":1,\"AccessKeyId\":\"{id}\",\"SecretAccessKey\":\"{secret}\"}}'\n"
        ),
    );
    for inner in ["alice", "inner"] {
        environment.write(
            "get.sh",
            &format!(
                "echo {HOST} | AWS_PROFILE={inner} '{PROGRAM}' get >inner.json && cat answer.json\n"
            ),
        );
        environment.run(&["erase"], HOST);
        environment.get(HOST).grant();
    }
}

#[test]
fn another_registrys_helper_under_another_name_is_a_loop() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let bin = environment.home().join("bin");
    fs::create_dir(&bin).expect("a folder");
    environment.set("PATH", &format!("{}:/usr/bin:/bin", bin.display()));
    environment.config("other_registries_helper = \"fake\"\n");
    fs::copy(PROGRAM, environment.home().join("tool")).expect("a copy");
    let script = format!(
        "#!/bin/sh\necho start >>'{home}/starts'\nexec env -i HOME='{home}' PATH=\"$PATH\" '{home}/tool' \"$@\"\n",
        home = environment.home().display()
    );
    let helper = environment.write("bin/docker-credential-fake", &script);
    super::common::files::chmod(&helper, 0o700);
    let outcome = environment.get("ghcr.io");
    assert!(
        outcome.stdout.contains("back, which is a loop"),
        "{outcome:?}"
    );
    let starts = lines(&environment, "starts");
    assert!((1..=MOST_STARTS).contains(&starts), "{starts}");
}
