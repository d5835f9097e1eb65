//! A file that is mounted by itself, as in a dev container or by a Kubernetes `subPath`: nothing can
//! be renamed to it.

use std::fs;
use std::path::Path;

use super::common::files::{mode, names, own_mounts, skipped};
use super::common::{Outcome, PROGRAM};
use super::{HOST, Setup, inserted};

const BEFORE: &str = "{\n\t\"auths\": {}\n}\n";

/// Mounts `$1` over `$2`, and runs the rest there.
const OVER: &str =
    r#"/bin/mount --bind "$1" "$2" || { echo unmounted; exit; }; shift 2; exec "$@""#;

/// The same from a disk of 64 KiB at `$1` (whole pages, however large they are), which the file `f`
/// on it shares with nothing.
const OVER_FROM_FULL_DISK: &str = r#"
/bin/mount -t tmpfs -o size=65536 tmpfs "$1" && /bin/cp "$2" "$1/f" && /bin/mount --bind "$1/f" "$2" \
    || { echo unmounted; exit; }
file=$2; shift 2; "$@"; code=$?; /bin/cat "$file" >&3; exit $code"#;

/// Runs `configure-docker` in its own mount namespace; `None` if none can be created.
fn run(setup: &Setup, script: &str, over: [&str; 2], arguments: &[&str]) -> Option<Outcome> {
    // PATH has none of the machine's programs.
    if !Path::new("/usr/bin/unshare").exists() {
        skipped("this machine has no unshare");
        return None;
    }
    let [what, where_to] = over.map(|path| setup.path(path).display().to_string());
    let mut words = own_mounts();
    words.extend(["--", "/bin/sh", "-c", script, "sh", &what, &where_to]);
    words.extend([PROGRAM, "configure-docker"]);
    words.extend(arguments);
    let outcome = setup
        .environment
        .run_program("/usr/bin/unshare", &words, "");
    if outcome.stdout == "unmounted\n" || outcome.stderr.starts_with("unshare:") {
        skipped("nothing can be mounted here (neither root nor user namespaces)");
        return None;
    }
    Some(outcome)
}

#[test]
fn a_mounted_file_is_written_in_place_and_kept_before() {
    let setup = Setup::with("");
    let outside = setup.path("outside.json");
    fs::write(&outside, BEFORE).expect("a file");
    let bits = mode(&outside);
    let over = ["outside.json", ".docker/config.json"];
    let Some(outcome) = run(&setup, OVER, over, &[HOST]) else {
        return;
    };
    assert_eq!(
        (outcome.code, &*outcome.stderr),
        (Some(0), ""),
        "{outcome:?}"
    );
    let told = setup.shortened(&outcome.stdout);
    assert!(
        told.ends_with(
            "\
✓ changed ~/.docker/config.json; backup: ~/.docker/config.json.before-ecrx
! the file is a mount point, so it was overwritten in place instead of replaced
"
        ),
        "{told}"
    );
    let after = fs::read_to_string(&outside).expect("a file");
    assert!(inserted(BEFORE, &after).contains(HOST));
    assert_eq!(mode(&outside), bits);
    assert_eq!(fs::read_to_string(setup.backup()).expect("a file"), BEFORE);
    // The file under the mount is not touched, and no half-written file remains.
    assert_eq!(setup.docker(), "");
    let all = ["config.json", "config.json.before-ecrx"];
    assert_eq!(names(&setup.path(".docker")), all);

    // It can become shorter too.
    let undone = run(&setup, OVER, over, &["--undo"]).expect("a mount");
    assert_eq!(undone.code, Some(0), "{undone:?}");
    assert_eq!(fs::read_to_string(&outside).expect("a file"), BEFORE);
}

#[test]
fn a_mounted_file_on_a_full_disk_stays_as_it_was() {
    // With the entry, it is longer than the disk.
    let long = format!("{{\n\t\"x\": \"{}\"\n}}\n", "y".repeat(65536 - 56));
    let setup = Setup::with(&long);
    fs::create_dir(setup.path("disk")).expect("a folder");
    let seen = setup.path("seen");
    let script = format!("exec 3>'{}'\n{OVER_FROM_FULL_DISK}", seen.display());
    let over = ["disk", ".docker/config.json"];
    let Some(outcome) = run(&setup, &script, over, &[HOST]) else {
        return;
    };
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert_eq!(
        setup.shortened(&outcome.stderr),
        "docker-credential-ecrx: cannot write ~/.docker/config.json (not changed): No space left on device (os error 28)\n"
    );
    assert_eq!(fs::read_to_string(seen).expect("a file"), long);
    assert_eq!(fs::read_to_string(setup.backup()).expect("a file"), long);
}
