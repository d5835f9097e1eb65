//! Folders and files that cannot be used or trusted. Unix only: elsewhere the profile folder's
//! access rules do this.

mod crowd;
mod entries;
mod folders;
pub mod kills;
pub(super) mod locks;
mod meanwhile;
mod versions;

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::common::files::{STRANGER, am_root, skipped};
use super::common::{HOST, Outcome, PROGRAM, TestEnvironment, costs_only_the_caching_of};

/// The only entry, with another token in it: a `get` that answers it has read what it must not.
fn poison(environment: &TestEnvironment) -> PathBuf {
    let path = environment.entries().remove(0);
    let mut entry: Value =
        serde_json::from_slice(&fs::read(&path).expect("an entry")).expect("JSON");
    entry["token"] = STANDARD.encode("AWS:poison").into();
    fs::write(&path, entry.to_string()).expect("an entry");
    path
}

/// As [`costs_only_the_caching_of`], for an ordinary `get`.
#[track_caller]
fn costs_only_the_caching(environment: &mut TestEnvironment, reasons: &[String]) {
    costs_only_the_caching_of(environment, |environment| environment.get(HOST), reasons);
}

fn foreign(path: &Path) -> String {
    format!(
        "{path:?} is owned by another user (uid {STRANGER}) and is not used; set `dir` under [cache] to another folder"
    )
}

/// `get` of [`HOST`] by a process that modes stop, even one of root's.
fn get_as_modes_allow(environment: &TestEnvironment) -> Outcome {
    if !am_root() {
        return environment.get(HOST);
    }
    // Root is who owns the files all the same.
    let arguments = [
        "--bounding-set=-dac_override,-dac_read_search",
        "--",
        PROGRAM,
        "get",
    ];
    environment.run_program("setpriv", &arguments, HOST)
}

/// Whether modes have no effect: root runs the tests, and the system has no way to restrict it.
fn modes_mean_nothing() -> bool {
    let so = am_root() && !cfg!(target_os = "linux");
    if so {
        skipped("modes do not stop root");
    }
    so
}
