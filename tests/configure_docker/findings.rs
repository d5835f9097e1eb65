//! What would keep the program from being asked: each told with what comes of it, and mended by
//! `--fix` where that can be.

use std::fs;
use std::os::unix::fs::symlink;

use super::common::files::{am_root, chmod, give_away};
use super::{AUTH, HOST, OTHER_HOST, PASSWORD, Person};

/// What is told behind the difference and what was done, with the exit code.
#[track_caller]
fn found(person: &Person, arguments: &[&str]) -> (Option<i32>, String) {
    let outcome = person.configure(arguments);
    assert_eq!(outcome.stderr, "", "{outcome:?}");
    let told = person.shortened(&outcome.stdout);
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
fn an_old_login_of_the_host_in_any_spelling() {
    for key in [
        HOST.to_owned(),
        format!("https://{HOST}"),
        format!("http://{HOST}/v1/"),
        format!("{HOST}:443"),
        HOST.to_uppercase(),
    ] {
        let person = Person::with(login(&key));
        let told = format!(
            "! auths of ~/.docker/config.json holds an old login for {key}: clients that look there first send it, and 12 hours after it was made a pull fails with \"no basic auth credentials\" or \"Your authorization token has expired\" to mend it: docker logout {key} (--fix does it)"
        );
        assert_eq!(found(&person, &[HOST]), (Some(0), told));
        let told = "! ~/.docker/config.json.before-ecrx still holds the logins that were taken out: delete it when all works";
        assert_eq!(found(&person, &[HOST, "--fix"]), (Some(0), told.to_owned()));
        assert_eq!(
            person.docker(),
            format!(
                "{{\n  \"auths\": {{\n    \"x.io\": {{\"auth\": \"{AUTH}\"}}\n  }},\n  \"credHelpers\": {{\n    \"{HOST}\": \"ecrx\"\n  }}\n}}\n"
            )
        );
        person.nothing_to_do(&[HOST, "--fix"]);
    }
}

#[test]
fn an_entry_without_a_password_is_no_login() {
    let person = Person::with(format!(
        "{{\"auths\":{{\"{HOST}\":{{}},\"{OTHER_HOST}\":{{\"auth\":\"{AUTH}\"}}}}}}"
    ));
    assert_eq!(found(&person, &[HOST]), (Some(0), String::new()));
}

#[test]
fn what_ecr_login_has_left() {
    let before = format!(
        "{{\n\t\"credsStore\": \"ecr-login\",\n\t\"credHelpers\": {{\n\t\t\"{OTHER_HOST}\": \"ecr-login\",\n\t\t\"public.ecr.aws\": \"ecr-login\"\n\t}}\n}}"
    );
    let person = Person::with(before);
    let cache = person.environment.write(".ecr/cache.json", "{}");
    person.environment.write(".ecr/log/ecr-login.log", "");
    let one = |host: &str| {
        format!(
            "! credHelpers of ~/.docker/config.json still has ecr-login for {host}: it asks by rules of its own, and keeps tokens in plain text in ~/.ecr to mend it: docker-credential-ecrx configure-docker {host}\n"
        )
    };
    let told = one(OTHER_HOST)
        + "! credsStore of ~/.docker/config.json is ecr-login, which is asked for every host that credHelpers does not name and keeps no login: docker login fails with \"not implemented\" to mend it: remove credsStore, or put this program there: configure-docker --creds-store\n\
           ! ~/.ecr/cache.json holds tokens in plain text, left by ecr-login to mend it: first replace ecr-login in ~/.docker/config.json";
    for arguments in [&["public.ecr.aws"][..], &["public.ecr.aws", "--fix"]] {
        assert_eq!(found(&person, arguments), (Some(0), told.clone()));
    }
    assert!(cache.exists());
    assert_eq!(
        person.docker(),
        format!(
            "{{\n\t\"credsStore\": \"ecr-login\",\n\t\"credHelpers\": {{\n\t\t\"{OTHER_HOST}\": \"ecr-login\",\n\t\t\"public.ecr.aws\": \"ecrx\"\n\t}}\n}}"
        )
    );
}

#[test]
fn a_key_that_never_matches() {
    let table = [
        (format!("https://{HOST}"), "clients leave the scheme away"),
        (
            format!("{HOST}/team/app"),
            "clients ask for the host without a path",
        ),
        (HOST.to_uppercase(), "hosts are in lower case"),
    ];
    for (key, why) in table {
        let before = format!("{{\"credHelpers\":{{\"{key}\":\"ecrx\"}}}}");
        let person = Person::with(&before);
        let told = format!(
            "credHelpers of ~/.docker/config.json has the key {key}, which never matches, as {why}: the helper is not asked, and a pull fails with \"no basic auth credentials\" to mend it: write \"{HOST}\": \"ecrx\""
        );
        let bad = format!("✗ {told} (--fix does it)");
        assert_eq!(found(&person, &[HOST]), (Some(1), bad));
        assert_eq!(found(&person, &[HOST, "--fix"]), (Some(0), String::new()));
        assert_eq!(
            person.docker(),
            format!("{{\"credHelpers\":{{\"{HOST}\":\"ecrx\"}}}}")
        );
        // It keeps no other host's pull from working, and is not that one's to change.
        let person = Person::with(&before);
        for arguments in [&[OTHER_HOST][..], &[OTHER_HOST, "--fix"]] {
            assert_eq!(found(&person, arguments), (Some(0), format!("! {told}")));
            assert!(person.docker().contains(&key));
        }
    }
    let before = "{\"credHelpers\":{\"*.dkr.ecr.eu-west-1.amazonaws.com\":\"ecr-login\"}}";
    let person = Person::with(before);
    let told = "! credHelpers of ~/.docker/config.json has the key *.dkr.ecr.eu-west-1.amazonaws.com, which never matches, as no client knows wildcards: the helper is not asked, and a pull fails with \"no basic auth credentials\" to mend it: take the key out: each host needs a line of its own, or docker-credential-ecrx configure-docker --creds-store has this program asked for all";
    for arguments in [&[HOST][..], &[HOST, "--fix"]] {
        assert_eq!(found(&person, arguments), (Some(0), told.to_owned()));
        super::inserted(before, &person.docker());
    }
    let person = Person::with(format!(
        "{{\"credHelpers\":{{\"bob:{PASSWORD}@{HOST}\":\"ecr-login\"}}}}"
    ));
    let (_, told) = found(&person, &[HOST]);
    assert!(
        told.contains("clients leave the user before a host away"),
        "{told}"
    );
    // Docker Hub's key is what docker asks for.
    let person = Person::with("{\"credHelpers\":{\"https://index.docker.io/v1/\":\"pass\"}}");
    assert_eq!(found(&person, &[HOST]), (Some(0), String::new()));
}

#[test]
fn the_identity_that_a_host_is_left_to_is_told() {
    for (before, after) in [
        ("\"https://OTHER\":\"ecrx-release\"", "ecrx-release"),
        (
            "\"OTHER\":\"ecrx-release\",\"https://OTHER\":\"ecr-login\"",
            "ecrx-release",
        ),
        ("\"https://OTHER\":\"ecr-login\"", "ecrx"),
    ] {
        let before = before.replace("OTHER", OTHER_HOST);
        let person = Person::with(format!("{{\"credHelpers\":{{{before}}}}}"));
        let (_, told) = found(&person, &[HOST]);
        let line = format!("write \"{OTHER_HOST}\": \"{after}\"");
        assert!(told.contains(&line), "{told}");
        person.configured(&[HOST, "--fix"]);
        assert!(person.docker().contains(&before), "{}", person.docker());
    }
}

#[test]
fn docker_auth_config() {
    let mut person = Person::new();
    let logins = |key: &str| format!("{{\"auths\":{{\"{key}\":{{\"auth\":\"{AUTH}\"}}}}}}");
    person
        .environment
        .set("DOCKER_AUTH_CONFIG", &logins("x.io"));
    let told = "! DOCKER_AUTH_CONFIG is set: docker 28.3 and later, and GitLab's runner, take the logins in it before those of config.json to mend it: unset DOCKER_AUTH_CONFIG";
    assert_eq!(found(&person, &[HOST]), (Some(0), told.to_owned()));
    person.environment.set("DOCKER_AUTH_CONFIG", &logins(HOST));
    let told = "✗ DOCKER_AUTH_CONFIG holds a login for this registry, which docker 28.3 and later sends without asking a helper: when it has ended, a pull fails with \"Your authorization token has expired\" to mend it: unset DOCKER_AUTH_CONFIG";
    assert_eq!(found(&person, &[HOST]), (Some(1), told.to_owned()));
    assert_eq!(
        found(&person, &[HOST, "--podman"]),
        (Some(0), String::new())
    );
}

#[test]
fn the_executable_is_not_on_path_or_another_is() {
    let mut person = Person::new();
    let this = std::path::Path::new(super::common::PROGRAM)
        .canonicalize()
        .expect("the executable")
        .display()
        .to_string();
    person.environment.set("PATH", "/nonexistent:bin");
    let told = format!(
        "✗ docker-credential-ecrx is not on PATH: no client can start it, and a pull fails with \"executable file not found in $PATH\" or \"no basic auth credentials\" to mend it: ln -s {this} /usr/local/bin/docker-credential-ecrx"
    );
    assert_eq!(found(&person, &[HOST]), (Some(1), told));
    // What cannot be started does not count.
    let other = person.environment.write("other/docker-credential-ecrx", "");
    let home = person.environment.home().display().to_string();
    let path = format!("{home}/other:{home}/bin");
    person.environment.set("PATH", &path);
    chmod(&other, 0o644);
    assert_eq!(found(&person, &[HOST]), (Some(0), String::new()));
    chmod(&other, 0o755);
    let told = format!(
        "! another docker-credential-ecrx comes first on PATH: clients start ~/other/docker-credential-ecrx, and not {this} to mend it: remove the one that is not meant, or change the order of PATH"
    );
    assert_eq!(found(&person, &[HOST]), (Some(0), told));
}

#[test]
fn sudo_with_the_wrong_home() {
    if !am_root() {
        super::common::files::skipped("only root runs as with sudo");
        return;
    }
    let mut person = Person::new();
    person.environment.set("SUDO_USER", "alice");
    let told = "! this runs under sudo with the home folder of root, ~: the clients that alice runs read other files to mend it: run it without sudo; with sudo only for clients that are run with sudo";
    assert_eq!(found(&person, &[HOST]), (Some(0), told.to_owned()));
    give_away(&person.path(""));
    let told = "! this runs as root with another user's home folder, ~: root's own clients read other files to mend it: run it as that user, or for root with sudo -H";
    assert_eq!(found(&person, &[HOST]), (Some(0), told.to_owned()));
    person.environment.set("SUDO_USER", "root");
    person.environment.unset("SUDO_USER");
    assert_eq!(found(&person, &[HOST]), (Some(0), told.to_owned()));
}

/// A snap's commands are links to one program.
#[test]
fn docker_from_a_snap() {
    let person = Person::new();
    let snap = person.environment.write("usr/bin/snap", "");
    chmod(&snap, 0o755);
    symlink(&snap, person.path("bin/docker")).expect("a link");
    let told = "✗ ~/bin/docker is a snap: it reads ~/snap/docker/current/.docker/config.json and cannot start a helper outside of the snap, so a pull fails with \"no basic auth credentials\" to mend it: install docker from the distribution or from docker.com in place of the snap";
    assert_eq!(found(&person, &[HOST]), (Some(1), told.to_owned()));
    assert_eq!(
        found(&person, &[HOST, "--podman"]),
        (Some(0), String::new())
    );
}

#[test]
fn docker_desktop_keeps_the_file() {
    for config in [
        "{\"credsStore\":\"desktop\"}",
        "{\"currentContext\":\"desktop-linux\"}",
    ] {
        let person = Person::with(config);
        let told = "! Docker Desktop keeps ~/.docker/config.json: at its start it sets credsStore to its own helper again (lines in credHelpers come before that) to mend it: name the hosts, not --creds-store; should a line vanish, run this again";
        assert_eq!(found(&person, &[HOST]), (Some(0), told.to_owned()));
    }
}

/// A name of a server, a helper or a folder is text from outside.
#[test]
fn nothing_in_a_file_can_drive_a_terminal() {
    let person = Person::with(
        "{\"a\\u001b[31mb\": 1, \"credHelpers\": {\"\u{202e}\u{9b}31mx\": \"ecr-login\"}}",
    );
    let outcome = person.configure(&[HOST]);
    let told = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(!told.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{told:?}");
    assert!(
        fs::read_to_string(person.backup())
            .expect("a file")
            .contains('\u{202e}')
    );
}

/// What is told to be pasted into a shell is one word there, whatever somebody has put into the
/// file.
#[test]
fn a_login_for_an_odd_name_is_quoted() {
    let person = Person::with(format!(
        "{{\"auths\": {{\"https://{HOST}/$(id)\": {{\"auth\": \"{AUTH}\"}}}}, \
         \"credHelpers\": {{\"{HOST}\": \"ecrx\"}}}}"
    ));
    let told = person.configure(&[HOST]).stdout;
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    let fix = format!("to mend it: docker logout 'https://{HOST}/$(id)' (--fix does it)");
    assert!(told.contains(&fix), "{told}");
}
