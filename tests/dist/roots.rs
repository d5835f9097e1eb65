//! File systems that a program has as `/`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::common::{Outcome, TestEnvironment};
use super::{as_root, program};

pub const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs a command in the root `$1`, with the machine's devices.
const ENTER: &str = r#"
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
exec chroot "$@"
"#;

/// A copy of a minimal Debian, which `.ci/install-roots` has made.
pub fn debian(environment: &TestEnvironment, release: &str) -> PathBuf {
    let clients = std::env::var_os("ECRX_TEST_CLIENTS").expect("ECRX_TEST_CLIENTS");
    let original = Path::new(&clients).join("roots").join(release);
    let root = environment.home().join(release);
    fs::create_dir(&root).expect("a folder");
    copy(&original.join("."), &root);
    root
}

/// One that has busybox, which is static, and no C library.
pub fn busybox(environment: &TestEnvironment) -> PathBuf {
    let root = environment.home().join("busybox");
    for folder in ["bin", "dev", "etc", "proc", "root", "tmp", "usr/bin"] {
        fs::create_dir_all(root.join(folder)).expect("a folder");
    }
    environment.write("busybox/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
    copy(Path::new("/bin/busybox"), &root.join("bin/busybox"));
    let list = Command::new("/bin/busybox").arg("--list").output();
    let list = String::from_utf8(list.expect("busybox").stdout).expect("text");
    for applet in list.lines().filter(|applet| *applet != "busybox") {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(applet)).expect("a link");
    }
    root
}

/// One that has the executable, and nothing else.
pub fn scratch(environment: &TestEnvironment) -> PathBuf {
    let root = environment.home().join("scratch");
    fs::create_dir(&root).expect("a folder");
    copy(&program(), &root.join("docker-credential-ecrx"));
    root
}

/// By a process of its own: while this one has an executable open for writing, another thread's
/// child may inherit that, and it could not be run ("text file busy").
pub fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.expect("cp").success(), "{}", from.display());
}

/// Runs a program to its end in one of them, with [`PATH`] and root's home.
pub fn run_in(
    root: &Path,
    environment: &mut TestEnvironment,
    command: &[&str],
    input: &str,
) -> Outcome {
    environment.set("PATH", PATH).set("HOME", "/root");
    let root = root.display().to_string();
    let mut all = vec!["/bin/sh", "-ec", ENTER, "enter", &root];
    all.extend(command);
    as_root(environment, &all, input)
}

/// The output of a shell script that succeeds in one of them.
#[track_caller]
pub fn shell(root: &Path, environment: &mut TestEnvironment, script: &str) -> String {
    let outcome = run_in(root, environment, &["/bin/sh", "-ec", script], "");
    assert_eq!(outcome.code, Some(0), "{script}: {outcome:?}");
    outcome.stdout
}

/// The paths of all files and folders below a folder.
pub fn paths(folder: &Path) -> BTreeSet<String> {
    let output = Command::new("find")
        .args([".", "-mindepth", "1"])
        .current_dir(folder)
        .output()
        .expect("find");
    let output = String::from_utf8(output.stdout).expect("UTF-8");
    output.lines().map(|path| path[2..].to_owned()).collect()
}
