//! `--creds-store`: all registries at once, and no login lost.

use std::fs;
use std::process::{Command, Stdio};

use super::{AUTH, HOST, PASSWORD, Setup};

/// A helper that stores each login in a file, and returns it.
const KEEPER: &str = r#"#!/bin/sh
kept() { printf '%s/kept-%s' "$HOME" "$(printf %s "$1" | tr -c 'a-z0-9.\n' _)"; }
input=$(cat)
case $1 in
store)
  server=$(printf %s "$input" | sed 's/.*"ServerURL":"\([^"]*\)".*/\1/')
  printf '%s\n' "$input" >"$(kept "$server")" ;;
get) cat "$(kept "$input")" ;;
esac
"#;

/// Reports success, but stores another password.
const LIAR: &str = r#"#!/bin/sh
cat >/dev/null
[ "$1" = store ] || echo '{"ServerURL":"x","Username":"bob","Secret":"other"}'
"#;

fn with_helper(setup: &mut Setup, script: &str) {
    let home = setup.environment.home().display().to_string();
    setup
        .environment
        .set("PATH", &format!("{home}/bin:/usr/bin:/bin"));
    // By another process: see `tests/creds_store.rs`.
    let mut install = Command::new("install")
        .args(["-m", "755", "/dev/stdin"])
        .arg(setup.path("bin/docker-credential-keeper"))
        .stdin(Stdio::piped())
        .spawn()
        .expect("install");
    std::io::Write::write_all(&mut install.stdin.take().expect("piped"), script.as_bytes())
        .expect("a script");
    assert!(install.wait().expect("install").success());
}

/// Two logins, and one of ECR.
fn logins() -> String {
    format!(
        "{{\n\t\"auths\": {{\n\t\t\"https://index.docker.io/v1/\": {{\n\t\t\t\"auth\": \"{AUTH}\"\n\t\t}},\n\t\t\"{HOST}\": {{\n\t\t\t\"auth\": \"{AUTH}\"\n\t\t}},\n\t\t\"ghcr.io\": {{\n\t\t\t\"identitytoken\": \"{PASSWORD}\"\n\t\t}}\n\t}}\n}}"
    )
}

#[test]
fn creds_store_adds_one_line_if_no_login_would_be_ignored() {
    let setup = Setup::with("{\n  \"auths\": {\n    \"ghcr.io\": {}\n  }\n}\n");
    setup.configured(&["--creds-store"]);
    assert_eq!(
        setup.docker(),
        "{\n  \"auths\": {\n    \"ghcr.io\": {}\n  },\n  \"credsStore\": \"ecrx\"\n}\n"
    );
    setup.nothing_to_do(&["--creds-store"]);
    setup.configured(&["--undo", "--creds-store"]);
    assert_eq!(
        setup.docker(),
        "{\n  \"auths\": {\n    \"ghcr.io\": {}\n  }\n}\n"
    );
}

#[test]
fn creds_store_is_refused_if_logins_would_be_ignored() {
    let mut setup = Setup::with(logins());
    let what = format!(
        "docker-credential-ecrx: ~/.docker/config.json contains logins that docker ignores once credsStore is set: https://index.docker.io/v1/, {HOST}, ghcr.io\n"
    );
    let how = "  Set other_registries_helper in config.toml (secretservice, pass, osxkeychain, wincred), then pass --fix to move the logins to that helper\n  Or, to keep the logins as they are, pass hosts instead of --creds-store\n";
    for arguments in [&["--creds-store"][..], &["--creds-store", "--fix"]] {
        assert_eq!(setup.refused(arguments), format!("{what}{how}"));
    }
    setup
        .environment
        .config("other_registries_helper = \"keeper\"\n");
    with_helper(&mut setup, KEEPER);
    let how = "  Pass --fix to move them to docker-credential-keeper and remove those for ECR, which are not needed\n";
    assert_eq!(setup.refused(&["--creds-store"]), format!("{what}{how}"));
}

#[test]
fn fix_moves_the_logins_and_drops_those_of_ecr() {
    let mut setup = Setup::with(logins());
    setup
        .environment
        .config("other_registries_helper = \"keeper\"\n");
    with_helper(&mut setup, KEEPER);
    let before = setup.files();
    let told = setup.configured(&["--creds-store", "--fix", "--dry-run"]);
    assert_eq!(setup.files(), before);
    assert!(
        told.ends_with(
            "
· would move the login for https://index.docker.io/v1/ to docker-credential-keeper
· would move the login for ghcr.io to docker-credential-keeper
· dry run: nothing was changed
"
        ),
        "{told}"
    );

    let told = setup.configured(&["--creds-store", "--fix"]);
    let (_, told) = told.split_once("\n\n").expect("a gap");
    assert_eq!(
        told,
        "\
✓ moved the login for https://index.docker.io/v1/ to docker-credential-keeper
✓ moved the login for ghcr.io to docker-credential-keeper
✓ changed ~/.docker/config.json; backup: ~/.docker/config.json.before-ecrx
! ~/.docker/config.json.before-ecrx still contains the removed logins; delete it after you have verified that pulls work
"
    );
    assert_eq!(
        setup.docker(),
        "{\n\t\"auths\": {},\n\t\"credsStore\": \"ecrx\"\n}"
    );
    // This program returns them.
    for (server, user) in [
        ("https://index.docker.io/v1/", "bob"),
        ("ghcr.io", "<token>"),
    ] {
        let answer = setup.environment.get(server).answer();
        assert_eq!(answer["Username"], user);
        assert_eq!(answer["Secret"], PASSWORD);
    }
    setup.nothing_to_do(&["--creds-store", "--fix"]);
}

#[test]
fn undo_restores_moved_logins_and_says_which_helper_has_later_ones() {
    let mut setup = Setup::with(logins());
    setup
        .environment
        .config("other_registries_helper = \"keeper\"\n");
    with_helper(&mut setup, KEEPER);
    setup.configured(&["--creds-store", "--fix"]);
    let told = setup.configured(&["--undo", "--creds-store"]);
    assert!(
        told.contains(
            "· logins saved since then are stored by docker-credential-keeper; to use them, set credsStore to \"keeper\"\n"
        ),
        "{told}"
    );
    assert_eq!(setup.docker(), logins());
}

#[test]
fn a_login_that_the_other_helper_does_not_return_is_not_removed() {
    for (script, why) in [
        (
            LIAR,
            "docker-credential-keeper does not return the login that it stored",
        ),
        (
            "#!/bin/sh\necho locked; exit 1\n",
            "docker-credential-keeper failed with exit code 1: locked",
        ),
        (
            "#!/bin/sh\nexit 1\n",
            "docker-credential-keeper failed with exit code 1 and no message",
        ),
        (
            "#!/bin/sh\nread login; echo \"cannot keep $login\"; exit 1\n",
            "docker-credential-keeper failed with exit code 1: cannot keep {\"ServerURL\":\"https://index.docker.io/v1/\",\"Username\":\"bob\",\"Secret\":\"…\"}",
        ),
    ] {
        let mut setup = Setup::with(logins());
        setup
            .environment
            .config("other_registries_helper = \"keeper\"\n");
        with_helper(&mut setup, script);
        let outcome = setup.configure(&["--creds-store", "--fix"]);
        assert_eq!(outcome.code, Some(1));
        assert_eq!(
            setup.shortened(&outcome.stderr),
            format!(
                "docker-credential-ecrx: cannot move the login for https://index.docker.io/v1/ out of ~/.docker/config.json: {why}\n  It is set by other_registries_helper at ~/.config/docker-credential-ecrx/config.toml:1\n"
            )
        );
        assert_eq!(setup.docker(), logins());
    }
}

/// Like most helpers, it stores one login for all spellings of a server.
#[test]
fn two_logins_that_the_other_helper_takes_for_one_both_stay() {
    let carol = "Y2Fyb2w6c3dvcmRmaXNo";
    let before = format!(
        "{{\"auths\":{{\"ghcr.io\":{{\"auth\":\"{AUTH}\"}},\"https://ghcr.io\":{{\"auth\":\"{carol}\"}}}}}}"
    );
    let mut setup = Setup::with(&before);
    setup
        .environment
        .config("other_registries_helper = \"keeper\"\n");
    with_helper(
        &mut setup,
        "#!/bin/sh\ncase $1 in store) cat >\"$HOME/kept\" ;; get) cat \"$HOME/kept\" ;; esac\n",
    );
    let outcome = setup.configure(&["--creds-store", "--fix"]);
    assert_eq!(outcome.code, Some(1));
    let told = outcome.stderr;
    assert!(
        told.contains("cannot move the login for ghcr.io out of "),
        "{told}"
    );
    assert_eq!(setup.docker(), before);
}

#[test]
fn a_login_in_a_form_that_helpers_cannot_store_is_not_moved() {
    for login in [
        "{\"auth\":\"%%%\"}",
        "{\"auth\":\"Ym9i\"}",
        "{\"registrytoken\":\"t\"}",
        "{\"password\":\"p\"}",
    ] {
        let setup = Setup::with(format!("{{\"auths\":{{\"ghcr.io\":{login}}}}}"));
        setup
            .environment
            .config("other_registries_helper = \"keeper\"\n");
        assert_eq!(
            setup.refused(&["--creds-store", "--fix"]),
            "docker-credential-ecrx: the login for ghcr.io has a form that credential helpers cannot store\n"
        );
    }
}

#[test]
fn another_store_is_replaced_if_config_toml_names_it() {
    let setup = Setup::with("{\"credsStore\":\"pass\"}");
    assert_eq!(
        setup.refused(&["--creds-store"]),
        "docker-credential-ecrx: credsStore of ~/.docker/config.json is already `pass`, which stores the logins for other registries\n  Pass --fix to set other_registries_helper = \"pass\" in config.toml, which keeps that helper for registries other than ECR\n  Or, to keep that helper for all other registries, pass hosts instead of --creds-store\n"
    );
    let rules = "timeout_seconds = 5\n\n# identity\n[defaults]\nprofile = \"work\"\n";
    setup.environment.config(rules);
    setup.configured(&["--creds-store", "--fix"]);
    assert_eq!(setup.docker(), "{\"credsStore\":\"ecrx\"}");
    assert_eq!(
        setup.rules(),
        rules.replace(
            "# identity",
            "other_registries_helper = \"pass\"\n\n# identity"
        )
    );
    setup.nothing_to_do(&["--creds-store"]);

    fs::write(setup.docker_file(), "{\"credsStore\":\"desktop\"}").expect("a file");
    assert_eq!(
        setup.refused(&["--creds-store", "--fix"]),
        "docker-credential-ecrx: other_registries_helper at ~/.config/docker-credential-ecrx/config.toml:3 is docker-credential-pass, but credsStore of ~/.docker/config.json is `desktop`: change one to match the other\n"
    );
    // It stores nothing.
    fs::write(setup.docker_file(), "{\"credsStore\":\"ecr-login\"}").expect("a file");
    setup.configured(&["--creds-store"]);
    assert_eq!(setup.docker(), "{\"credsStore\":\"ecrx\"}");
}

#[test]
fn other_registries_helper_finds_its_place() {
    for (before, after) in [
        ("", "other_registries_helper = \"pass\"\n"),
        (
            "[cache]\n",
            "other_registries_helper = \"pass\"\n\n[cache]\n",
        ),
        (
            "timeout_seconds = 5",
            "timeout_seconds = 5\nother_registries_helper = \"pass\"\n",
        ),
        (
            "cache.enabled = true\n\n# mine\n  [[registry]]\n  match = \"*\"\n  profile = \"p\"\n",
            "cache.enabled = true\n\nother_registries_helper = \"pass\"\n\n# mine\n  [[registry]]\n  match = \"*\"\n  profile = \"p\"\n",
        ),
        (
            "[identity.release]\nprofile = \"p\"\n[cache]\n",
            "other_registries_helper = \"pass\"\n\n[identity.release]\nprofile = \"p\"\n[cache]\n",
        ),
    ] {
        let setup = Setup::with("{\"credsStore\":\"pass\"}");
        setup.environment.config(before);
        setup.configured(&["--creds-store", "--fix"]);
        assert_eq!(setup.rules(), after);
    }
}

#[test]
fn hosts_and_rules_are_configured_together_with_creds_store() {
    let setup = Setup::new();
    setup.configured(&[HOST, "--creds-store", "--profile", "work"]);
    assert_eq!(
        setup.docker(),
        format!(
            "{{\n\t\"credHelpers\": {{\n\t\t\"{HOST}\": \"ecrx\"\n\t}},\n\t\"credsStore\": \"ecrx\"\n}}\n"
        )
    );
    assert!(setup.rules().contains("profile = \"work\""));
}
