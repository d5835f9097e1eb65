//! What a warm `get` costs, as far as it can be counted.

use super::common::cost::{instructions, peak_memory, system_calls};
use super::common::fake_aws::FakeAws;
use super::common::sources::{PROFILES, RULES, keys};
use super::common::{HOST, TestEnvironment};
use super::program;

/// A warm `get` of each kind of profile and of rules.
fn each_warm_get(mut check: impl FnMut(&str, &TestEnvironment, &str)) {
    let aws = FakeAws::start();
    let program = program().display().to_string();
    let mut each = |name, environment: TestEnvironment| {
        environment.run_program(&program, &["get"], HOST).grant();
        aws.clear();
        check(name, &environment, &program);
        assert_eq!(aws.connections(), 0, "{name}");
    };
    for (name, write) in PROFILES {
        let mut environment = TestEnvironment::with_aws(&aws);
        write(&mut environment, &aws, "work");
        environment.set("ECRX_PROFILE", "work");
        each(name, environment);
    }
    for (name, write) in RULES {
        let mut environment = TestEnvironment::with_aws(&aws);
        write(&mut environment, &aws);
        each(name, environment);
    }
}

/// The instructions of a warm `get` by the keys of the profile `work`, among what is added.
fn instructions_among(add: impl FnOnce(&TestEnvironment)) -> u64 {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    keys(&mut environment, &aws, "work");
    environment.set("AWS_PROFILE", "work");
    let program = program().display().to_string();
    environment.run_program(&program, &["get"], HOST).grant();
    add(&environment);
    aws.clear();
    let count = instructions(&environment, &program).expect("valgrind");
    assert_eq!(aws.connections(), 0);
    count
}

#[test]
#[ignore = "needs the executable of packaging/build-binary, and strace: .ci/run"]
fn a_warm_get_makes_at_most_68_system_calls() {
    each_warm_get(|name, environment, program| {
        let calls = system_calls(environment, program).expect("strace");
        let count = calls.lines().count();
        assert!((20..=68).contains(&count), "{name}: {count}\n{calls}");
        for word in ["socket(", "clone", "fork(", "execve("] {
            let seen = calls.matches(word).count();
            assert_eq!(seen, usize::from(word == "execve("), "{name}: {calls}");
        }
    });
}

#[test]
#[ignore = "needs the executable of packaging/build-binary, and GNU time: .ci/run"]
fn a_warm_get_holds_less_than_3_mib_of_memory() {
    each_warm_get(|name, environment, program| {
        let peak = peak_memory(environment, program).expect("GNU time");
        assert!((1024..3 * 1024).contains(&peak), "{name}: {peak} KiB");
    });
}

#[test]
#[ignore = "needs the executable of packaging/build-binary, and valgrind: .ci/run"]
fn a_warm_get_takes_at_most_410_000_instructions() {
    let mut counts = Vec::new();
    each_warm_get(|name, environment, program| {
        let count = instructions(environment, program);
        let count = count.unwrap_or_else(|why| panic!("{name}: {why}"));
        counts.push((count, name.to_owned()));
    });
    assert_eq!(counts.len(), PROFILES.len() + RULES.len());
    let fits = |(count, _): &(u64, String)| (100_000..=410_000).contains(count);
    assert!(counts.iter().all(fits), "{counts:?}");
}

#[test]
#[ignore = "needs the executable of packaging/build-binary, and valgrind: .ci/run"]
fn a_warm_get_costs_the_same_among_100_000_tokens() {
    let alone = instructions_among(|_| {});
    let among = instructions_among(|environment| environment.add_entries(99_999));
    assert!(among.abs_diff(alone) * 20 <= alone, "{alone}, {among}");
}

#[test]
#[ignore = "needs the executable of packaging/build-binary, and valgrind: .ci/run"]
fn a_warm_get_among_500_profiles_takes_at_most_1_500_000_instructions() {
    let adders: [(&str, u64, Add); 2] = [
        ("roles", 1_200_000, TestEnvironment::add_profiles),
        ("SSO", 1_500_000, TestEnvironment::add_sso_profiles),
    ];
    for (name, limit, add) in adders {
        let count = instructions_among(|environment| {
            add(environment, 500);
        });
        assert!((400_000..=limit).contains(&count), "{name}: {count}");
    }
}

/// Adds as many of something, and says how many bytes that is.
type Add = fn(&TestEnvironment, usize) -> usize;

/// They are parsed and checked each time, all of them: a mistake anywhere is told.
#[test]
#[ignore = "needs the executable of packaging/build-binary, and valgrind: .ci/run"]
fn rules_and_profiles_of_others_cost_no_more_than_reading_each_byte_of_them() {
    let alone = instructions_among(|_| {});
    let adders: [(&str, usize, Add); 2] = [
        ("rules", 1000, TestEnvironment::config_with_rules),
        ("profiles", 500, TestEnvironment::add_profiles),
    ];
    for (name, count, add) in adders {
        let mut bytes = 0;
        let mut added = |count| {
            let among = instructions_among(|environment| bytes = add(environment, count) as u64);
            among - alone
        };
        let (half, all) = (added(count / 2), added(count));
        let told = format!("{name}: {half} and {all} instructions, {bytes} bytes");
        assert!(all * 10 <= half * 21, "{told}");
        assert!((bytes * 10..bytes * 250).contains(&all), "{told}");
    }
}
