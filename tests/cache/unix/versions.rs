//! Two versions of the program side by side.

use std::fs;

use super::super::common::fake_aws::{FakeAws, Fault};
use super::super::common::{HOST, Outcome, PROGRAM, TestEnvironment};
use super::super::{ECR, HOUR};
use super::meanwhile::UnderWay;

/// `entries.rs` has an entry of a newer format under our name: it is replaced.
#[test]
fn files_of_other_versions_are_left_alone() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let cold = environment.get(HOST);
    let slot = environment.entries().remove(0);
    let slot = slot.file_stem().expect("a name").to_str().expect("UTF-8");
    let folder = ".cache/docker-credential-ecrx";
    let theirs: Vec<_> = [
        format!("{folder}/v2/{slot}.json"),
        format!("{folder}/v2/{slot}.lock"),
        format!("{folder}/v0"),
        format!("{folder}/v1-12345/{slot}.json"),
        format!("{folder}/cache.json"),
        // Of a kind that this version does not know.
        format!("{folder}/v1/{slot}.index"),
        format!("{folder}/v1/README"),
    ]
    .into_iter()
    .map(|path| environment.write(&path, "theirs"))
    .collect();
    assert_eq!(environment.get(HOST), cold);
    environment.age_cache(7 * HOUR);
    environment.get(HOST).grant();
    let listed = environment.run(&["list"], "unused").answer();
    assert_eq!(listed, serde_json::json!({ HOST: "AWS" }));
    environment.run(&["erase"], HOST);
    environment.get(HOST).grant();
    for path in theirs {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        assert_eq!(text, "theirs", "{path:?}");
    }
}

#[test]
fn an_entry_with_a_field_more_is_answered() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let cold = environment.get(HOST);
    let path = environment.entries().remove(0);
    let entry = fs::read_to_string(&path).expect("an entry");
    let newer = entry.replacen('{', r#"{"refreshed_by":{"program":"newer"},"#, 1);
    fs::write(&path, newer).expect("an entry");
    assert_eq!(environment.get(HOST), cold);
    assert_eq!(aws.count(ECR), 1);
}

#[test]
fn an_entry_without_a_field_is_requested_again() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).grant();
    let path = environment.entries().remove(0);
    let entry = fs::read_to_string(&path).expect("an entry");
    let older = entry.replacen(r#""identity":"#, r#""was":"#, 1);
    fs::write(&path, older).expect("an entry");
    environment.set("ECRX_LOG", "warn");
    let told = environment.get(HOST);
    let warning = format!("docker-credential-ecrx: warn: ignoring {path:?}: it is damaged\n");
    assert_eq!((told.code, told.stderr), (Some(0), warning));
    // Mended: nothing is left to warn of.
    assert_eq!(environment.get(HOST).grant().serial, 2);
}

#[test]
fn a_remembered_failure_of_a_newer_version_is_not_believed() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let held = environment.get(HOST);
    environment.age_cache(7 * HOUR);
    aws.on(ECR, Fault::Status(503));
    assert_eq!(environment.get(HOST), held);
    let mut warnings: Vec<String> = Vec::new();
    for path in environment.marks() {
        let mark = fs::read_to_string(&path).expect("a mark");
        fs::write(&path, mark.replacen(":1,", ":2,", 1)).expect("a mark");
        warnings.push(format!(
            "docker-credential-ecrx: warn: ignoring {path:?}: it has format 2, which this version does not support"
        ));
    }
    aws.heal_all();
    environment.set("ECRX_LOG", "warn");
    let told = environment.get(HOST);
    assert_eq!(told.code, Some(0));
    let lines: Vec<&str> = told.stderr.lines().collect();
    assert!(!lines.is_empty());
    assert!(
        lines
            .iter()
            .all(|line| warnings.iter().any(|warning| warning == line))
    );
    environment.unset("ECRX_LOG");
    assert_eq!(environment.get(HOST).grant().serial, 2);
}

#[test]
fn what_a_newer_version_writes_into_a_lock_file_stays() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).grant();
    let lock = environment.cached("lock").remove(0);
    fs::write(&lock, "since 1700000000\n").expect("a lock");
    environment.age_cache(7 * HOUR);
    assert_eq!(environment.get(HOST).grant().serial, 2);
    let text = fs::read_to_string(&lock).expect("a lock");
    assert_eq!(text, "since 1700000000\n");
}

/// An upgrade while a `get` is under way: the old one keeps the lock, the new one waits for it.
#[test]
fn a_program_that_is_replaced_while_it_runs_shares_the_cache_with_its_successor() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let program = environment.link("ecrx");
    let next = program.with_file_name("next");
    // Not copied by this process: what it forks meanwhile would have the file open for writing,
    // and no process could start it.
    let next_name = next.display().to_string();
    let copied = environment.run_program("cp", &[PROGRAM, &next_name], "");
    assert_eq!(copied.code, Some(0), "{copied:?}");
    let old = UnderWay::start_program(&aws, &mut environment, &program);
    fs::rename(&next, &program).expect("an upgrade");
    let new = environment.start_program(&program, &["get"], HOST.as_bytes());
    let (log, old) = old.logged();
    assert_eq!(log, "");
    assert_eq!(Outcome::of(new), old);
    assert_eq!(aws.count(ECR), 1);
    assert_eq!(environment.get(HOST), old);
    assert_eq!(environment.entries().len(), 1);
    assert_eq!(environment.cached("lock").len(), 1);
}
