//! The crates that are linked into the executable for Linux, by cargo's own resolver.

use std::collections::BTreeMap;
use std::process::Command;

/// The licence of each, as its manifest has it, by "NAME VERSION". The program itself is one.
pub fn linked_crates() -> BTreeMap<String, String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--prefix", "none"])
        .args(["--edges", "normal,no-proc-macro", "--no-dedupe"])
        .args(["--format", "{p}\t{l}"])
        .args(["--target", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    let tree = String::from_utf8(output.stdout).expect("UTF-8");
    let all: BTreeMap<String, String> = tree.lines().map(parse).collect();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(all.len() > 100, "{error}");
    all
}

/// A line: `NAME vVERSION (PATH)<tab>LICENCE`.
fn parse(line: &str) -> (String, String) {
    let (package, licence) = line.split_once('\t').expect("a licence");
    let mut words = package.split(' ');
    let name = words.next().expect("a name");
    let version = words.next().and_then(|word| word.strip_prefix('v'));
    let version = version.expect("a version");
    (format!("{name} {version}"), licence.to_owned())
}
