//! The same principal as with the AWS CLI, or no token from either, in the same set-up: AWS's two
//! files, the variables, and what the machine answers. The set-ups are made by chance.
//!
//! ```text
//! cargo test --test as_the_cli -- --ignored
//! ```
//!
//! `ECRX_AS_THE_CLI_SETUPS` says how many, 300 by default, and `ECRX_AS_THE_CLI_SEED` repeats the
//! ones of an earlier run. Each is given to this program and to botocore, the AWS CLI's library, and
//! a tenth of them to `aws ecr get-login-password` of version 2 as well, in front of the same fake
//! AWS, in a network namespace from which no way leads out. Which principal asks is read from the
//! token that the fake AWS issues. A set-up in which they differ is made as small as it gets while
//! they differ in the same way, and then printed. The established helper is asked for comparison:
//! its answers are counted and not judged.

#![cfg(target_os = "linux")]

#[path = "as_the_cli/answer.rs"]
mod answer;
#[path = "as_the_cli/bench.rs"]
mod bench;
mod common;
#[path = "as_the_cli/differences.rs"]
mod differences;
#[path = "as_the_cli/generator.rs"]
mod generator;
#[path = "as_the_cli/installed.rs"]
mod installed;
#[path = "as_the_cli/oracle.rs"]
mod oracle;
#[path = "as_the_cli/profiles.rs"]
mod profiles;
#[path = "as_the_cli/programs.rs"]
mod programs;
#[path = "as_the_cli/report.rs"]
mod report;
#[path = "as_the_cli/set_up.rs"]
mod set_up;
#[path = "as_the_cli/spelling.rs"]
mod spelling;
#[path = "as_the_cli/variables.rs"]
mod variables;

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use bench::{Asked, Bench, Peers};
use common::files::skipped;
use common::network::with_own;
use common::random::Random;
use report::Report;

/// What the run inside the network namespace has found.
const REPORT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/as_the_cli.txt");

/// They wait more than they compute.
const WORKERS_PER_PROCESSOR: usize = 3;

/// In one of so many set-ups, version 2 of the AWS CLI and the established helper are asked too.
const ONE_ASKS_ALL: usize = 10;

#[test]
#[ignore = "needs a network namespace, and botocore from PyPI: .ci/run"]
fn the_same_principal_asks_as_with_the_aws_cli() {
    let botocore = match installed::botocore() {
        Ok(python) => python,
        Err(error) if std::env::var_os("CI").is_some_and(|ci| ci == "true") => panic!("{error}"),
        Err(error) => return skipped(&format!("botocore is not installed: {error}")),
    };
    // Debian's mirrors drop a release when the next one comes: the report says if it was absent.
    let version_2 = installed::version_2();
    if let Err(error) = &version_2 {
        let _ = writeln!(
            std::io::stdout(),
            "version 2 of the AWS CLI is not installed: {error}"
        );
    }
    compare(&Peers {
        botocore,
        version_2: version_2.ok(),
        established_helper: installed::established_helper(),
    });
    let report = std::fs::read_to_string(REPORT).expect("a report");
    // The counts are to be seen even if the test passes.
    let _ = std::io::stdout().write_all(report.as_bytes());
}

/// The whole of the test above, inside.
fn compare(peers: &Peers) {
    with_own(&[], "the_same_principal_asks_as_with_the_aws_cli", || {
        let seed = setting("ECRX_AS_THE_CLI_SEED").unwrap_or_else(|| std::process::id().into());
        let count = setting("ECRX_AS_THE_CLI_SETUPS").unwrap_or(300);
        let count = usize::try_from(count).expect("a number of set-ups");
        let report = Mutex::new(Report::new(seed));
        let next = AtomicUsize::new(0);
        let work = || {
            let mut bench = Bench::new(peers);
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return;
                }
                let set_up = generator::set_up(&mut random_of(seed, number));
                let asked = if number.is_multiple_of(ONE_ASKS_ALL) {
                    Asked::All
                } else {
                    Asked::Botocore
                };
                let verdict = bench.judge(&set_up, asked);
                let helper = (asked == Asked::All).then(|| bench.helper_agrees(&set_up));
                let mut report = report.lock().expect("no panic");
                report.add(number, verdict);
                if asked == Asked::All && peers.version_2.is_some() {
                    report.add_version_2();
                }
                if let Some(agrees) = helper.flatten() {
                    report.add_helper(agrees);
                }
            }
        };
        let processors = thread::available_parallelism().map_or(2, usize::from);
        thread::scope(|scope| {
            for _ in 0..processors * WORKERS_PER_PROCESSOR {
                scope.spawn(work);
            }
        });
        let report = report.into_inner().expect("no panic");
        std::fs::write(REPORT, report.to_string()).expect("a report");
        assert!(report.passes(), "{report}");
    });
}

/// The choices of one of many set-ups.
fn random_of(seed: u64, number: usize) -> Random {
    Random::new(seed, u64::try_from(number).expect("64 bits"))
}

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

#[test]
fn a_seed_repeats_its_set_ups() {
    for number in 0..200 {
        let [first, second] = [(); 2].map(|()| generator::set_up(&mut random_of(1, number)));
        assert_eq!(first, second);
    }
}

#[test]
fn every_part_of_a_set_up_can_be_taken_out() {
    for number in 0..200 {
        let mut set_up = generator::set_up(&mut random_of(1, number));
        while let Some(smaller) = set_up.smaller().into_iter().next() {
            set_up = smaller;
        }
        let nothing = set_up::SetUp::new();
        assert_eq!(set_up.to_string(), nothing.to_string());
    }
}
