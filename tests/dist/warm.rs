//! What a warm `get` costs, as far as it can be counted.

use std::fs;

use super::common::fake_aws::FakeAws;
use super::common::sources::PROFILES;
use super::common::{HOST, TestEnvironment};
use super::program;

/// A warm `get` of each kind of profile.
fn each_warm_get(mut check: impl FnMut(&str, &TestEnvironment, &str)) {
    let aws = FakeAws::start();
    let program = program().display().to_string();
    for (name, write) in PROFILES {
        let mut environment = TestEnvironment::with_aws(&aws);
        write(&mut environment, &aws, "work");
        environment.set("ECRX_PROFILE", "work");
        environment.run_program(&program, &["get"], HOST).grant();
        aws.clear();
        check(name, &environment, &program);
        assert_eq!(aws.connections(), 0, "{name}");
    }
}

#[test]
#[ignore = "needs the executable of packaging/build-binary, and strace: .ci/run"]
fn a_warm_get_makes_at_most_60_system_calls() {
    each_warm_get(|name, environment, program| {
        let log = environment.home().join("trace").display().to_string();
        let arguments = ["-f", "-qq", "-e", "signal=none", "-o", &log, program, "get"];
        environment.run_program("strace", &arguments, HOST).grant();
        let calls = fs::read_to_string(&log).expect("a trace");
        let count = calls.lines().count();
        assert!((20..=60).contains(&count), "{name}: {count}\n{calls}");
        for word in ["socket(", "clone", "fork(", "execve("] {
            let seen = calls.matches(word).count();
            assert_eq!(seen, usize::from(word == "execve("), "{name}: {calls}");
        }
    });
}

#[test]
#[ignore = "needs the executable of packaging/build-binary, and valgrind: .ci/run"]
fn a_warm_get_takes_at_most_350_000_instructions() {
    let mut counts = Vec::new();
    each_warm_get(|name, environment, program| {
        let arguments = [
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            program,
            "get",
        ];
        let outcome = environment.run_program("valgrind", &arguments, HOST);
        let collected = outcome
            .stderr
            .lines()
            .find_map(|line| line.split_once("Collected : "))
            .and_then(|(_, count)| count.trim().parse::<u32>().ok());
        let count = collected.unwrap_or_else(|| panic!("{name}: {outcome:?}"));
        counts.push((count, name.to_owned()));
    });
    assert_eq!(counts.len(), PROFILES.len());
    // Each further hop of a chain is one more profile to take apart and to digest.
    let fits = |(count, name): &(u32, String)| {
        let hops = ["role of a role of keys", "role of SSO"].contains(&name.as_str());
        (100_000..=if hops { 385_000 } else { 350_000 }).contains(count)
    };
    assert!(counts.iter().all(fits), "{counts:?}");
}
