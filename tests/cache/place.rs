//! Where the cache is, and whether it is.

use super::common::fake_aws::FakeAws;
use super::common::files::names;
use super::common::{HOST, TestEnvironment};

#[test]
fn a_cache_that_is_switched_off_leaves_no_trace() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let warm = environment.get(HOST);
    assert_eq!(warm.grant().serial, 1);
    environment.config("[cache]\nenabled = false\n");
    assert_eq!(environment.get(HOST).grant().serial, 2, "nothing is read");
    assert_eq!(environment.get(HOST).grant().serial, 3);
    environment.config("");
    assert_eq!(environment.get(HOST), warm, "nothing was written");

    let environment = TestEnvironment::of_alice(&aws);
    environment.config("[cache]\nenabled = false\n");
    environment.get(HOST).grant();
    assert_eq!(names(environment.home()), [".config"]);
}

#[test]
fn the_cache_is_where_the_configuration_says() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let dir = environment.home().join("run/ecrx");
    environment.config(&format!("[cache]\ndir = {dir:?}\n"));
    let cold = environment.get(HOST);
    assert_eq!(cold.grant().serial, 1);
    assert_eq!(environment.get(HOST), cold);
    assert_eq!(names(environment.home()), [".config", "run"]);
    assert_eq!(names(&dir), ["v1"]);
    let names = names(&dir.join("v1"));
    assert_eq!(names.len(), 3, "an entry, its lock and a stamp: {names:?}");
}
