//! The executable as it is shipped: `packaging/build-binary` makes it, and `ECRX_TEST_DIST` is its
//! path. What differs from an ordinary build is tested here: it is linked statically, with its own
//! way to names, and needs nothing of the machine.

#![cfg(target_os = "linux")]

#[path = "dist/archive.rs"]
mod archive;
mod common;
#[path = "dist/home.rs"]
mod home;
#[path = "dist/image.rs"]
mod image;
#[path = "dist/install.rs"]
mod install;
#[path = "dist/manifests.rs"]
mod manifests;
#[path = "dist/minimal.rs"]
mod minimal;
#[path = "dist/name_server.rs"]
mod name_server;
#[path = "dist/name_services.rs"]
mod name_services;
#[path = "dist/names.rs"]
mod names;
#[path = "dist/packages.rs"]
mod packages;
#[path = "dist/roots.rs"]
mod roots;
#[path = "dist/warm.rs"]
mod warm;

use std::path::PathBuf;
use std::process::Command;

use common::files::am_root;
use common::{HOST, Outcome, TestEnvironment};

/// The executable.
fn program() -> PathBuf {
    let path = std::env::var_os("ECRX_TEST_DIST").expect("ECRX_TEST_DIST");
    PathBuf::from(path).canonicalize().expect("an executable")
}

/// Runs the executable to its end in a file system that holds the home folder alone, as `/`: in
/// an image made from scratch.
fn run_from_scratch(environment: &TestEnvironment, arguments: &[&str], input: &str) -> Outcome {
    let root = environment.home();
    // By a process of its own: while this one has it open for writing, another thread's child may
    // inherit that, and it could not be run ("text file busy").
    let copied = Command::new("cp")
        .args([program(), root.join("ecrx")])
        .status();
    assert!(copied.expect("cp").success());
    let root = root.display().to_string();
    let mut all = vec!["/usr/sbin/chroot", &root, "/ecrx"];
    all.extend(arguments);
    as_root(environment, &all, input)
}

/// Puts files in place of the machine's, and goes on as what stands behind `--`.
const BIND: &str = r#"
while [ "$1" != -- ]; do
    /bin/mount --bind "$1" "$2"
    shift 2
done
shift
exec "$@"
"#;

/// Runs `get` to its end where these files of the machine hold these texts.
fn get_with_files(environment: &TestEnvironment, files: &[(&str, &str)]) -> Outcome {
    let mut all: Vec<String> = ["/bin/sh", "-ec", BIND, "bind"].map(str::to_owned).into();
    for (path, text) in files {
        let own = environment.write(path.trim_start_matches('/'), text);
        all.extend([own.display().to_string(), (*path).to_owned()]);
    }
    all.extend(["--".into(), program().display().to_string(), "get".into()]);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    as_root(environment, &all, HOST)
}

/// Runs a program to its end as root, or as what looks like root, with mounts of its own.
fn as_root(environment: &TestEnvironment, program: &[&str], input: &str) -> Outcome {
    let mut arguments = vec!["--mount", "--"];
    if !am_root() {
        arguments.insert(0, "--map-root-user");
    }
    arguments.extend(program);
    environment.run_program("/usr/bin/unshare", &arguments, input)
}

#[test]
#[ignore = "needs the executable of packaging/build-binary: .ci/run"]
fn it_runs_where_there_is_nothing_else() {
    let environment = TestEnvironment::new();
    let outcome = run_from_scratch(&environment, &["--version"], "");
    let version = concat!(
        "docker-credential-ecrx (docker-credential-ecrx) ",
        env!("CARGO_PKG_VERSION"),
        "\n"
    );
    let expected = Outcome {
        code: Some(0),
        stdout: version.to_owned(),
        stderr: String::new(),
    };
    assert_eq!(outcome, expected);
}

#[test]
#[ignore = "needs the executable of packaging/build-binary: .ci/run"]
fn it_is_position_independent_and_its_relocations_are_read_only() {
    let output = Command::new("readelf")
        .args(["--wide", "--file-header", "--program-headers", "--dynamic"])
        .arg(program())
        .env("LC_ALL", "C")
        .output()
        .expect("readelf");
    let headers = String::from_utf8(output.stdout).expect("text");
    let has = |words: &[&str]| {
        headers
            .lines()
            .any(|line| words.iter().all(|word| line.contains(word)))
    };
    assert!(has(&["Type:", "DYN"]), "{headers}");
    assert!(has(&["GNU_RELRO"]), "{headers}");
    assert!(has(&["FLAGS", "BIND_NOW"]), "{headers}");
    assert!(has(&["GNU_STACK", " RW "]), "{headers}");
    assert!(!has(&["INTERP"]) && !has(&["NEEDED"]), "{headers}");
}
