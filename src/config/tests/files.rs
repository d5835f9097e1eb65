//! Files on disk: which are read, and what is said of those that cannot be.

use std::fs;
use std::path::Path;

use super::super::*;
use crate::registry::Registry;

fn rule(profile: &str) -> String {
    format!("[[registry]]\nmatch = \"*\"\nprofile = \"{profile}\"\n")
}

fn profiles(config: &Config) -> Vec<String> {
    let registry = Registry::parse("111122223333.dkr.ecr.eu-west-1.amazonaws.com").unwrap();
    let identity = |rule: &Rule| rule.identity_for(&registry).unwrap().unwrap();
    config
        .rules()
        .iter()
        .filter_map(|rule| identity(rule).source?.profile().map(str::to_owned))
        .collect()
}

#[test]
fn absent_files_are_fine_and_ecrx_config_replaces_both() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| Some(dir.path().join(name));
    for name in ["user", "machine", "explicit"] {
        fs::write(dir.path().join(name), rule(name)).unwrap();
    }
    let below_a_file = Some(dir.path().join("user/config.toml"));
    for (user, machine, explicit, expected) in [
        (None, None, None, vec![]),
        (path("absent"), path("absent"), None, vec![]),
        (path("no/such/folder"), below_a_file, None, vec![]),
        (path("user"), path("machine"), None, vec!["user", "machine"]),
        (path("absent"), path("machine"), None, vec!["machine"]),
        (
            path("user"),
            path("machine"),
            path("explicit"),
            vec!["explicit"],
        ),
    ] {
        let paths = ConfigPaths {
            explicit,
            user,
            machine,
        };
        let config = Config::load(&paths).unwrap();
        assert_eq!(profiles(&config), expected, "{paths:?}");
        assert_eq!(config.files().count(), expected.len());
    }
}

fn load_user(path: &Path) -> Result<Config, ConfigError> {
    Config::load(&ConfigPaths {
        user: Some(path.to_owned()),
        ..ConfigPaths::default()
    })
}

/// The message without the temporary folder's name.
fn message(path: &Path) -> String {
    let error = load_user(path).unwrap_err();
    assert_eq!(error.path(), path);
    let name = path.parent().unwrap().display().to_string();
    error.to_string().replace(&name, "DIR")
}

#[test]
fn explicit_file_must_be_there() {
    let error = Config::load(&ConfigPaths {
        explicit: Some("/no/such/config.toml".into()),
        ..ConfigPaths::default()
    });
    assert_eq!(
        error.unwrap_err().to_string(),
        "/no/such/config.toml: file not found, but ECRX_CONFIG is set to it; correct or unset ECRX_CONFIG"
    );
}

#[test]
#[cfg_attr(windows, ignore = "its paths are those of Unix")]
fn what_cannot_be_read_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");

    fs::create_dir(&path).unwrap();
    assert_eq!(
        message(&path),
        "DIR/config.toml: is not a regular file; if you want no settings, use an empty file"
    );
    fs::remove_dir(&path).unwrap();

    let mut large = rule("large");
    large.push_str(&" ".repeat(MAX_FILE_BYTES as usize - large.len()));
    fs::write(&path, &large).unwrap();
    assert_eq!(profiles(&load_user(&path).unwrap()), ["large"]);
    fs::write(&path, large + "\n").unwrap();
    assert_eq!(
        message(&path),
        "DIR/config.toml: is larger than 1 MiB, the maximum size of a configuration file"
    );

    fs::write(&path, b"# one\n# two \xe9\n").unwrap();
    assert_eq!(
        message(&path),
        "DIR/config.toml:2: is not UTF-8 text; save the file as UTF-8"
    );
    assert_eq!(load_user(&path).unwrap_err().line(), Some(2));

    fs::write(
        &path,
        b"\xef\xbb\xbf[[registry]]\r\nmatch = \"*\"\r\nprofile = \"bom\"\r\n",
    )
    .unwrap();
    assert_eq!(profiles(&load_user(&path).unwrap()), ["bom"]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_pipes_are_not_opened_and_loops_are_said() {
    use std::os::unix::fs::symlink;

    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("real"), rule("linked")).unwrap();
    symlink("real", path("link")).unwrap();
    assert_eq!(profiles(&load_user(&path("link")).unwrap()), ["linked"]);

    symlink("loop", path("loop")).unwrap();
    assert!(message(&path("loop")).starts_with("DIR/loop: cannot be read: "));

    // Not by binding one: its path may be no longer than 107 characters, and TMPDIR may.
    #[cfg(target_os = "linux")]
    rustix::fs::mknodat(
        rustix::fs::CWD,
        path("socket"),
        rustix::fs::FileType::Socket,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    #[cfg(not(target_os = "linux"))]
    let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    assert!(message(&path("socket")).starts_with("DIR/socket: is not a regular file"));
}

#[test]
fn a_wrong_file_of_the_machine_is_an_error_for_the_user_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("user"), rule("user")).unwrap();
    fs::write(path("machine"), "x\n").unwrap();
    let error = Config::load(&ConfigPaths {
        explicit: None,
        user: Some(path("user")),
        machine: Some(path("machine")),
    });
    assert_eq!(error.unwrap_err().path(), path("machine"));
}
