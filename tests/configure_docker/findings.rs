//! Problems that keep clients from using the program: each is reported with its effect, and
//! repaired by `--fix` if possible.

use std::fs;
use std::os::unix::fs::symlink;

use super::common::files::{am_root, chmod, give_away};
use super::{AUTH, HOST, OTHER_HOST, PASSWORD, Setup};

/// The exit code and the reported problems.
#[track_caller]
fn found(setup: &Setup, arguments: &[&str]) -> (Option<i32>, String) {
    let outcome = setup.configure(arguments);
    assert_eq!(outcome.stderr, "", "{outcome:?}");
    let told = setup.shortened(&outcome.stdout);
    let lines = told.lines().filter(|line| line.starts_with(['!', '✗']));
    (outcome.code, lines.collect::<Vec<_>>().join("\n"))
}

/// `{"auths": …}` with a login of this key.
fn login(key: &str) -> String {
    format!(
        "{{\n  \"auths\": {{\n    \"{key}\": {{\"auth\": \"{AUTH}\"}},\n    \"x.io\": {{\"auth\": \"{AUTH}\"}}\n  }}\n}}\n"
    )
}

#[test]
fn an_old_login_of_the_host_is_found_in_any_spelling() {
    for key in [
        HOST.to_owned(),
        format!("https://{HOST}"),
        format!("http://{HOST}/v1/"),
        format!("{HOST}:443"),
        HOST.to_uppercase(),
    ] {
        let setup = Setup::with(login(&key));
        let told = format!(
            "! ~/.docker/config.json contains a saved login for {key} under auths: some clients use it before the helper. 12 hours after the login, pulls fail with \"no basic auth credentials\" or \"Your authorization token has expired\" Run: docker logout {key} Pass --fix to do this automatically"
        );
        assert_eq!(found(&setup, &[HOST]), (Some(0), told));
        let told = "! ~/.docker/config.json.before-ecrx still contains the removed logins; delete it after you have verified that pulls work";
        assert_eq!(found(&setup, &[HOST, "--fix"]), (Some(0), told.to_owned()));
        assert_eq!(
            setup.docker(),
            format!(
                "{{\n  \"auths\": {{\n    \"x.io\": {{\"auth\": \"{AUTH}\"}}\n  }},\n  \"credHelpers\": {{\n    \"{HOST}\": \"ecrx\"\n  }}\n}}\n"
            )
        );
        setup.nothing_to_do(&[HOST, "--fix"]);
    }
}

#[test]
fn an_entry_without_a_password_is_not_a_login() {
    let setup = Setup::with(format!(
        "{{\"auths\":{{\"{HOST}\":{{}},\"{OTHER_HOST}\":{{\"auth\":\"{AUTH}\"}}}}}}"
    ));
    assert_eq!(found(&setup, &[HOST]), (Some(0), String::new()));
}

#[test]
fn leftovers_of_ecr_login_are_reported() {
    let before = format!(
        "{{\n\t\"credsStore\": \"ecr-login\",\n\t\"credHelpers\": {{\n\t\t\"{OTHER_HOST}\": \"ecr-login\",\n\t\t\"public.ecr.aws\": \"ecr-login\"\n\t}}\n}}"
    );
    let setup = Setup::with(before);
    let cache = setup.environment.write(".ecr/cache.json", "{}");
    setup.environment.write(".ecr/log/ecr-login.log", "");
    let one = |host: &str| {
        format!(
            "! credHelpers of ~/.docker/config.json still uses ecr-login for {host}, which ignores config.toml and caches tokens in plain text in ~/.ecr Run: docker-credential-ecrx configure-docker {host}\n"
        )
    };
    let told = one(OTHER_HOST)
        + "! credsStore of ~/.docker/config.json is ecr-login, which cannot store logins, so docker login fails with \"not implemented\" Remove credsStore, or run: docker-credential-ecrx configure-docker --creds-store\n\
           ! ~/.ecr/cache.json contains tokens in plain text, written by ecr-login First replace ecr-login in ~/.docker/config.json";
    for arguments in [&["public.ecr.aws"][..], &["public.ecr.aws", "--fix"]] {
        assert_eq!(found(&setup, arguments), (Some(0), told.clone()));
    }
    assert!(cache.exists());
    assert_eq!(
        setup.docker(),
        format!(
            "{{\n\t\"credsStore\": \"ecr-login\",\n\t\"credHelpers\": {{\n\t\t\"{OTHER_HOST}\": \"ecr-login\",\n\t\t\"public.ecr.aws\": \"ecrx\"\n\t}}\n}}"
        )
    );
}

#[test]
fn a_key_that_never_matches_is_reported_and_corrected() {
    let table = [
        (
            format!("https://{HOST}"),
            "clients look up the bare host name",
        ),
        (
            format!("{HOST}/team/app"),
            "clients look up the host without a path",
        ),
        (HOST.to_uppercase(), "clients look up hosts in lower case"),
    ];
    for (key, why) in table {
        let before = format!("{{\"credHelpers\":{{\"{key}\":\"ecrx\"}}}}");
        let setup = Setup::with(&before);
        let told = format!(
            "credHelpers of ~/.docker/config.json has the key {key}, which never matches because {why}; pulls fail with \"no basic auth credentials\" Replace the entry with \"{HOST}\": \"ecrx\""
        );
        let bad = format!("✗ {told} Pass --fix to do this automatically");
        assert_eq!(found(&setup, &[HOST]), (Some(1), bad));
        assert_eq!(found(&setup, &[HOST, "--fix"]), (Some(0), String::new()));
        assert_eq!(
            setup.docker(),
            format!("{{\"credHelpers\":{{\"{HOST}\":\"ecrx\"}}}}")
        );
        // It does not affect pulls from another host, and `--fix` for that host does not change it.
        let setup = Setup::with(&before);
        for arguments in [&[OTHER_HOST][..], &[OTHER_HOST, "--fix"]] {
            assert_eq!(found(&setup, arguments), (Some(0), format!("! {told}")));
            assert!(setup.docker().contains(&key));
        }
    }
    let before = "{\"credHelpers\":{\"*.dkr.ecr.eu-west-1.amazonaws.com\":\"ecr-login\"}}";
    let setup = Setup::with(before);
    let told = "! credHelpers of ~/.docker/config.json has the key *.dkr.ecr.eu-west-1.amazonaws.com, which never matches because clients do not support wildcards; pulls fail with \"no basic auth credentials\" Replace the key with one key per host. To cover every registry, run: docker-credential-ecrx configure-docker --creds-store";
    for arguments in [&[HOST][..], &[HOST, "--fix"]] {
        assert_eq!(found(&setup, arguments), (Some(0), told.to_owned()));
        super::inserted(before, &setup.docker());
    }
    let setup = Setup::with(format!(
        "{{\"credHelpers\":{{\"bob:{PASSWORD}@{HOST}\":\"ecr-login\"}}}}"
    ));
    let (_, told) = found(&setup, &[HOST]);
    assert!(
        told.contains("clients look up the host without a user name"),
        "{told}"
    );
    // docker looks up exactly this key for Docker Hub.
    let setup = Setup::with("{\"credHelpers\":{\"https://index.docker.io/v1/\":\"pass\"}}");
    assert_eq!(found(&setup, &[HOST]), (Some(0), String::new()));
}

#[test]
fn the_identity_that_remains_for_a_host_is_reported() {
    for (before, after) in [
        ("\"https://OTHER\":\"ecrx-release\"", "ecrx-release"),
        (
            "\"OTHER\":\"ecrx-release\",\"https://OTHER\":\"ecr-login\"",
            "ecrx-release",
        ),
        ("\"https://OTHER\":\"ecr-login\"", "ecrx"),
    ] {
        let before = before.replace("OTHER", OTHER_HOST);
        let setup = Setup::with(format!("{{\"credHelpers\":{{{before}}}}}"));
        let (_, told) = found(&setup, &[HOST]);
        let line = format!("Replace the entry with \"{OTHER_HOST}\": \"{after}\"");
        assert!(told.contains(&line), "{told}");
        setup.configured(&[HOST, "--fix"]);
        assert!(setup.docker().contains(&before), "{}", setup.docker());
    }
}

#[test]
fn logins_in_docker_auth_config_are_reported() {
    let mut setup = Setup::new();
    let logins = |key: &str| format!("{{\"auths\":{{\"{key}\":{{\"auth\":\"{AUTH}\"}}}}}}");
    setup.environment.set("DOCKER_AUTH_CONFIG", &logins("x.io"));
    let told = "! DOCKER_AUTH_CONFIG is set, so docker 28.3 and later and GitLab Runner use its logins before those in config.json Run: unset DOCKER_AUTH_CONFIG";
    assert_eq!(found(&setup, &[HOST]), (Some(0), told.to_owned()));
    setup.environment.set("DOCKER_AUTH_CONFIG", &logins(HOST));
    let told = "✗ DOCKER_AUTH_CONFIG contains a login for this registry, which docker 28.3 and later uses instead of a helper. When it expires, pulls fail with \"Your authorization token has expired\" Run: unset DOCKER_AUTH_CONFIG";
    assert_eq!(found(&setup, &[HOST]), (Some(1), told.to_owned()));
    assert_eq!(found(&setup, &[HOST, "--podman"]), (Some(0), String::new()));
}

#[test]
fn an_executable_that_is_not_the_first_on_path_is_reported() {
    let mut setup = Setup::new();
    let this = std::path::Path::new(super::common::PROGRAM)
        .canonicalize()
        .expect("the executable")
        .display()
        .to_string();
    setup.environment.set("PATH", "/nonexistent:bin");
    let told = format!(
        "✗ docker-credential-ecrx is not on PATH, so pulls fail with \"executable file not found in $PATH\" or \"no basic auth credentials\" Add /usr/local/bin to PATH, then run: ln -s {this} /usr/local/bin/docker-credential-ecrx"
    );
    assert_eq!(found(&setup, &[HOST]), (Some(1), told));
    // A file that is not executable is ignored.
    let other = setup.environment.write("other/docker-credential-ecrx", "");
    let home = setup.environment.home().display().to_string();
    let path = format!("{home}/other:{home}/bin");
    setup.environment.set("PATH", &path);
    chmod(&other, 0o644);
    assert_eq!(found(&setup, &[HOST]), (Some(0), String::new()));
    chmod(&other, 0o755);
    let told = format!(
        "! another docker-credential-ecrx comes first on PATH, so clients start ~/other/docker-credential-ecrx instead of {this} Remove the one that you do not use, or change the order of folders on PATH"
    );
    assert_eq!(found(&setup, &[HOST]), (Some(0), told));
}

#[test]
fn a_link_is_suggested_in_a_folder_that_is_on_path_and_writable() {
    let mut setup = Setup::new();
    let home = setup.environment.home().display().to_string();
    for folder in ["first", ".local/bin"] {
        fs::create_dir_all(setup.path(folder)).expect("a folder");
    }
    for (path, folder) in [
        (format!("/proc:{home}/first"), "~/first"),
        (format!("{home}/first:{home}/.local/bin"), "~/.local/bin"),
        (format!("{home}/absent:{home}/first"), "~/first"),
    ] {
        setup.environment.set("PATH", &path);
        let (_, told) = found(&setup, &[HOST]);
        let link = format!(" {folder}/docker-credential-ecrx");
        assert!(
            told.contains("Run: ln -s ") && told.ends_with(&link),
            "{told}"
        );
    }
}

#[test]
fn sudo_with_the_wrong_home_is_reported() {
    if !am_root() {
        super::common::files::skipped("only root runs as with sudo");
        return;
    }
    let mut setup = Setup::new();
    setup.environment.set("SUDO_USER", "alice");
    let told = "! this command runs under sudo with root's home directory, ~; clients that alice runs use other files Run it without sudo, unless you also run the client with sudo";
    assert_eq!(found(&setup, &[HOST]), (Some(0), told.to_owned()));
    give_away(&setup.path(""));
    let told = "! this command runs as root with the home directory of another user, ~; clients that root runs use other files Run it as that user, or with sudo -H to configure root's clients";
    assert_eq!(found(&setup, &[HOST]), (Some(0), told.to_owned()));
    setup.environment.set("SUDO_USER", "root");
    setup.environment.unset("SUDO_USER");
    assert_eq!(found(&setup, &[HOST]), (Some(0), told.to_owned()));
}

/// A snap's commands are links to one program.
#[test]
fn docker_from_a_snap_is_reported() {
    let setup = Setup::new();
    let snap = setup.environment.write("usr/bin/snap", "");
    chmod(&snap, 0o755);
    symlink(&snap, setup.path("bin/docker")).expect("a link");
    let told = "✗ ~/bin/docker is a snap, which cannot start helpers outside the snap, so pulls fail with \"no basic auth credentials\" Remove the snap, then install docker from your distribution or from docker.com";
    assert_eq!(found(&setup, &[HOST]), (Some(1), told.to_owned()));
    assert_eq!(found(&setup, &[HOST, "--podman"]), (Some(0), String::new()));
}

#[test]
fn a_file_of_docker_desktop_is_reported() {
    for config in [
        "{\"credsStore\":\"desktop\"}",
        "{\"currentContext\":\"desktop-linux\"}",
    ] {
        let setup = Setup::with(config);
        let told = "! Docker Desktop manages ~/.docker/config.json and resets credsStore to its own helper when it starts (entries in credHelpers take precedence) Configure hosts instead of --creds-store, and run this command again if an entry disappears";
        assert_eq!(found(&setup, &[HOST]), (Some(0), told.to_owned()));
    }
}

/// A name of a server, a helper or a folder is text from outside.
#[test]
fn nothing_in_a_file_can_drive_a_terminal() {
    let setup = Setup::with(
        "{\"a\\u001b[31mb\": 1, \"credHelpers\": {\"\u{202e}\u{9b}31mx\": \"ecr-login\"}}",
    );
    let outcome = setup.configure(&[HOST]);
    let told = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(!told.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{told:?}");
    assert!(
        fs::read_to_string(setup.backup())
            .expect("a file")
            .contains('\u{202e}')
    );
}

/// In a command to paste into a shell, a key of the file is one word, whatever it contains.
#[test]
fn a_login_for_an_odd_name_is_quoted() {
    let setup = Setup::with(format!(
        "{{\"auths\": {{\"https://{HOST}/$(id)\": {{\"auth\": \"{AUTH}\"}}}}, \
         \"credHelpers\": {{\"{HOST}\": \"ecrx\"}}}}"
    ));
    let told = setup.configure(&[HOST]).stdout;
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    let fix =
        format!("Run: docker logout 'https://{HOST}/$(id)' Pass --fix to do this automatically");
    assert!(told.contains(&fix), "{told}");
}
