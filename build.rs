//! Passes the target and the git commit to the program, for `version`.
//!
//! A build outside of a git checkout of this repository has no commit. No build time is recorded,
//! so the same sources give the same executable.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = env::var("TARGET").expect("cargo sets TARGET");
    println!("cargo::rustc-env=ECRX_BUILD_TARGET={target}");
    let folder = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let folder = PathBuf::from(folder);
    if !is_checkout(&folder) {
        return;
    }
    watch_commit(&folder);
    let commit = git(&folder, &["rev-parse", "HEAD"]);
    let date = git(
        &folder,
        &[
            "show",
            "--no-patch",
            "--format=%cd",
            "--date=format:%Y-%m-%d",
        ],
    );
    if let (Some(commit), Some(date)) = (commit, date) {
        println!("cargo::rustc-env=ECRX_BUILD_COMMIT={commit}");
        println!("cargo::rustc-env=ECRX_BUILD_DATE={date}");
    }
}

/// Whether the folder is the top of a checkout: the sources may be unpacked in another repository.
fn is_checkout(folder: &Path) -> bool {
    let top = git(folder, &["rev-parse", "--show-toplevel"]);
    let top = top.and_then(|top| Path::new(&top).canonicalize().ok());
    top.is_some() && top == folder.canonicalize().ok()
}

/// Runs this again after a commit or a checkout: `HEAD` names a branch, and the branch's file (or
/// `packed-refs`) names the commit. Cargo takes a file that does not exist for a changed one.
fn watch_commit(folder: &Path) {
    let branch = git(folder, &["symbolic-ref", "--quiet", "HEAD"]);
    let names = [
        Some("HEAD".to_owned()),
        Some("packed-refs".to_owned()),
        branch,
    ];
    for name in names.into_iter().flatten() {
        let Some(path) = git(folder, &["rev-parse", "--git-path", &name]) else {
            continue;
        };
        let path = folder.join(path);
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
}

/// The output of a git command; `None` if git does not exist or the command fails.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
