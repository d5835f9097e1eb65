//! What `/etc/nsswitch.conf` names besides files and DNS: the machine's `getent` is asked.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use super::common::files::chmod;
use super::common::{HOST, Outcome, TestEnvironment};
use super::get_with_files;
use super::name_server::NameServer;
use super::names::{Machine, with_machine};

/// As a desktop has it: `.local` is asked for on the local network.
const MDNS: &str = "hosts: files mdns4_minimal [NOTFOUND=return] dns\n";

/// Asks for a token on a machine with these name services.
fn get(machine: &mut Machine, nsswitch: &str) -> Outcome {
    machine.name_aws("aws.test");
    let files = [
        ("/etc/nsswitch.conf", nsswitch),
        ("/etc/resolv.conf", "nameserver 127.0.0.53\n"),
    ];
    get_with_files(&machine.environment, &files)
}

/// A `getent` before the machine's own, which does as the script says.
pub fn set_getent(environment: &mut TestEnvironment, script: &str) {
    let text =
        format!("#!/bin/sh\ncd \"${{0%/*}}/..\"\necho \"$@\" >>asked\necho $$ >pid\n{script}");
    let draft = environment.write("bin/draft", &text);
    let getent = draft.with_file_name("getent");
    // By a process of its own: while this one has it open for writing, another thread's child may
    // inherit that, and it could not be run ("text file busy").
    let copied = Command::new("cp").args([&draft, &getent]).status();
    assert!(copied.expect("cp").success());
    chmod(&getent, 0o700);
    let path = getent.parent().expect("a folder").display().to_string();
    let path = format!("{path}:/usr/bin:/bin:/usr/sbin:/sbin");
    environment.set("PATH", &path);
}

fn line(machine: &Machine, why: &str) -> String {
    let port = machine.aws.address().port();
    format!(
        "no credentials for {HOST}: requesting an authorization token: cannot reach aws.test:{port}: the host name cannot be resolved ({why})"
    )
}

#[test]
#[ignore = "needs the executable of packaging/build-binary and namespaces: .ci/run"]
fn where_there_are_other_services_getent_is_asked() {
    with_machine(|mut machine| {
        let server = NameServer::start("127.0.0.53", &[], false);
        set_getent(
            &mut machine.environment,
            "echo '127.0.0.1  STREAM aws.test'\n",
        );
        get(&mut machine, MDNS).grant();
        let asked = fs::read_to_string(machine.environment.home().join("asked"));
        assert_eq!(asked.expect("a call"), "ahosts -- aws.test\n");
        assert_eq!(server.asked(), []);
    });
}

/// It passes over services that are not installed.
#[test]
#[ignore = "needs the executable of packaging/build-binary and namespaces: .ci/run"]
fn the_machines_own_getent_understands_the_question() {
    with_machine(|mut machine| {
        NameServer::start("127.0.0.53", &[("aws.test", &["127.0.0.1"])], false);
        machine.environment.set("PATH", "/nowhere");
        get(&mut machine, "hosts: nosuchservice dns\n").grant();
    });
}

#[test]
#[ignore = "needs the executable of packaging/build-binary and namespaces: .ci/run"]
fn a_getent_of_the_working_folder_is_not_run() {
    with_machine(|mut machine| {
        NameServer::start("127.0.0.53", &[("aws.test", &["127.0.0.1"])], false);
        set_getent(&mut machine.environment, "exit 2\n");
        let home = machine.environment.home().to_owned();
        fs::copy(home.join("bin/getent"), home.join("getent")).expect("a copy");
        for path in [":/usr/bin:/bin", ".:/usr/bin:/bin", "bin:/usr/bin:/bin", ""] {
            machine.environment.set("PATH", path);
            machine.environment.run(&["erase"], HOST);
            get(&mut machine, "hosts: nosuchservice dns\n").grant();
        }
        assert_eq!(machine.aws.calls().len(), 4);
        // It would run in the folder above its own, or in the one above that.
        for folder in [&*home, home.parent().expect("a folder")] {
            assert!(!folder.join("asked").exists(), "{}", folder.display());
        }
    });
}

#[test]
#[ignore = "needs the executable of packaging/build-binary and namespaces: .ci/run"]
fn getent_is_given_no_credentials() {
    with_machine(|mut machine| {
        machine.environment.set("RES_OPTIONS", "timeout:1");
        set_getent(
            &mut machine.environment,
            "env >given\necho '127.0.0.1  STREAM aws.test'\n",
        );
        get(&mut machine, MDNS).grant();
        let given = fs::read_to_string(machine.environment.home().join("given"));
        let given = given.expect("a list");
        assert!(given.contains("RES_OPTIONS=timeout:1"), "{given}");
        assert!(!given.contains("AWS_"), "{given}");
    });
}

#[test]
#[ignore = "needs the executable of packaging/build-binary and namespaces: .ci/run"]
fn files_and_dns_are_not_left_to_getent() {
    with_machine(|mut machine| {
        NameServer::start("127.0.0.53", &[("aws.test", &["127.0.0.1"])], false);
        set_getent(&mut machine.environment, "exit 2\n");
        get(&mut machine, "hosts: files dns\n").grant();
        assert!(!machine.environment.home().join("asked").exists());
    });
}

#[test]
#[ignore = "needs the executable of packaging/build-binary and namespaces: .ci/run"]
fn what_getent_does_not_find_has_no_address() {
    with_machine(|mut machine| {
        set_getent(&mut machine.environment, "exit 2\n");
        let outcome = get(&mut machine, MDNS);
        outcome.failure(&line(&machine, "Name or service not known"));
    });
}

#[test]
#[ignore = "needs the executable of packaging/build-binary and namespaces: .ci/run"]
fn a_getent_that_hangs_ends_at_the_deadline() {
    with_machine(|mut machine| {
        machine.environment.config("connect_timeout_seconds = 4\n");
        set_getent(&mut machine.environment, "exec sleep 600\n");
        let outcome = get(&mut machine, MDNS);
        outcome.failure(&line(&machine, "no response within 3.6s"));
        let pid = fs::read_to_string(machine.environment.home().join("pid")).expect("a pid");
        let process = format!("/proc/{}/cmdline", pid.trim());
        let deadline = Instant::now() + Duration::from_secs(10);
        // Its new parent may reap it late; it has no command line then.
        while !fs::read(&process).unwrap_or_default().is_empty() {
            assert!(Instant::now() < deadline, "getent is still there");
            std::thread::sleep(Duration::from_millis(20));
        }
    });
}
