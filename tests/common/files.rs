//! Looking at files, and at what their owner and mode do to the executable.

use std::fs;
use std::path::{Path, PathBuf};

/// The names of everything in a folder, in order.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("a folder")
        .map(|item| item.expect("an item").file_name())
        .map(|name| name.into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

/// As [`names`]; none where there is no folder.
pub fn names_if_any(folder: &Path) -> Vec<String> {
    if folder.is_dir() {
        names(folder)
    } else {
        Vec::new()
    }
}

/// Whether the file system below this path keeps when files were made.
pub fn keeps_births(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.created().is_ok())
}

/// The committed file has this text, or is updated if `ECRX_BLESS` is set. The test program is named if
/// it has not.
#[track_caller]
pub fn is_committed(path: &Path, made: &str, test: &str) {
    if std::env::var_os("ECRX_BLESS").is_some() {
        fs::write(path, made).expect("a file");
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    if committed == made {
        return;
    }
    let (number, line) = made
        .lines()
        .enumerate()
        .find(|(number, line)| committed.lines().nth(*number) != Some(line))
        .unwrap_or((made.lines().count(), "(the end)"));
    panic!(
        "{}:{}: should be {line:?}: run `ECRX_BLESS=1 cargo test --test {test}` and look at the \
         difference",
        path.display(),
        number + 1
    );
}

/// Says that a test, or the rest of it, cannot be run here, and why.
#[allow(clippy::print_stderr, reason = "the user who runs the tests must know")]
pub fn skipped(reason: &str) {
    eprintln!("skipped: {reason}");
}

/// The folder that `.ci/install-clients` and `.ci/install-go-clients` have filled.
pub fn clients_folder() -> PathBuf {
    std::env::var_os("ECRX_TEST_CLIENTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients"),
        PathBuf::from,
    )
}

/// The folder with the programs that `.ci/install-go-clients` has built.
pub fn go_programs() -> PathBuf {
    clients_folder().join("go/bin")
}

/// One of the [`go_programs`].
#[track_caller]
pub fn go_program(name: &str) -> PathBuf {
    let program = go_programs().join(name);
    let clients = clients_folder();
    let clients = clients.display();
    assert!(
        program.exists(),
        "no {name}: run .ci/install-go-clients {clients} {name}"
    );
    program
}

/// The user that [`give_away`] gives to.
#[cfg(unix)]
pub const STRANGER: u32 = 12345;

/// Whether root runs the tests: no mode stops it, and only it can give files away.
#[cfg(unix)]
pub fn am_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// What makes `unshare` give a program mounts of its own.
#[cfg(unix)]
pub fn own_mounts() -> Vec<&'static str> {
    let mut options = vec!["--mount", "--propagation", "private"];
    if !am_root() {
        options.push("--map-root-user");
    }
    options
}

#[cfg(unix)]
pub fn chmod(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;

    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}

/// The permission bits, of a link itself and not its target.
#[cfg(unix)]
pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt as _;

    fs::symlink_metadata(path).expect("a file").mode() & 0o7777
}

/// Makes [`STRANGER`] the owner.
#[cfg(unix)]
pub fn give_away(path: &Path) {
    std::os::unix::fs::lchown(path, Some(STRANGER), Some(STRANGER)).expect("chown");
}
