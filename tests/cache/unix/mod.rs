//! Folders and files that cannot be used or trusted. Unix only: elsewhere the profile folder's
//! access rules do this.

mod entries;
mod folders;
mod locks;

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::common::files::STRANGER;
use super::common::{HOST, Outcome, TestEnvironment};

/// The only entry, with another token in it: whoever answers that has read what it must not.
fn poison(environment: &TestEnvironment) -> PathBuf {
    let path = environment.entries().remove(0);
    let mut entry: Value =
        serde_json::from_slice(&fs::read(&path).expect("an entry")).expect("JSON");
    entry["token"] = STANDARD.encode("AWS:poison").into();
    fs::write(&path, entry.to_string()).expect("an entry");
    path
}

/// The login works, twice, by a token bought for it each time; and who asks is told why
/// nothing is cached, in exactly these words.
#[track_caller]
fn costs_only_the_caching(environment: &mut TestEnvironment, reasons: &[String]) {
    let first = environment.get(HOST).grant().serial;
    assert_eq!(environment.get(HOST).grant().serial, first + 1);
    environment.set("ECRX_LOG", "warn");
    let told = environment.get(HOST);
    environment.unset("ECRX_LOG");
    let lines: Vec<&str> = told.stderr.lines().collect();
    let expected: Vec<String> = reasons
        .iter()
        .map(|reason| format!("docker-credential-ecrx: warn: {reason}"))
        .collect();
    assert_eq!(lines, expected);
    let silent = Outcome {
        stderr: String::new(),
        ..told
    };
    assert_eq!(silent.grant().serial, first + 2);
}

fn foreign(path: &Path) -> String {
    format!(
        "{path:?} belongs to another user (uid {STRANGER}), so nothing is cached there: \
         choose another folder with `dir` under [cache]"
    )
}
