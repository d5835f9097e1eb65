//! 100,000 entries.

use std::fs;

use super::super::common::fake_aws::FakeAws;
use super::super::common::files::chmod;
use super::super::common::{HOST, TestEnvironment};
use super::super::{ECR, OTHER};

const MANY: usize = 100_000;

/// As many of them are links to one file: under the wrong name, and so in vain, but cheap.
const ALIKE: usize = 100;

/// Fills the cache with what other identities have left.
fn fill(environment: &TestEnvironment) {
    let path = environment.entries().remove(0);
    let entry = fs::read_to_string(&path).expect("an entry");
    let own = path.file_stem().expect("a name").to_str().expect("UTF-8");
    let path_of = |slot: &str| environment.cache().join(format!("{slot}.json"));
    for n in (0..MANY).step_by(ALIKE) {
        let slot = format!("{n:064x}");
        let first = path_of(&slot);
        fs::write(&first, entry.replace(own, &slot)).expect("an entry");
        chmod(&first, 0o600);
        for n in n + 1..n + ALIKE {
            fs::hard_link(&first, path_of(&format!("{n:064x}"))).expect("a link");
        }
    }
}

#[test]
#[ignore = "takes long: .ci/run"]
fn among_a_hundred_thousand_entries_everything_works() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let warm = environment.get(HOST);
    fill(&environment);
    assert_eq!(environment.get(HOST), warm);
    let cold = environment.get(OTHER);
    assert_eq!(cold.grant().serial, 2);
    assert_eq!(environment.get(OTHER), cold);
    assert_eq!(environment.entries().len(), MANY + 2);
    let listed = environment.run(&["list"], "unused").answer();
    assert_eq!(listed, serde_json::json!({ HOST: "AWS", OTHER: "AWS" }));
    let erased = environment.run(&["erase"], OTHER);
    assert_eq!((erased.code, erased.stderr.as_str()), (Some(0), ""));
    assert_eq!(environment.entries().len(), MANY + 1);
    assert_eq!(environment.get(HOST), warm);
    assert_eq!(aws.count(ECR), 2);
}
