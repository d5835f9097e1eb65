//! `--creds-store`: all registries at once, and no login lost.

use std::fs;
use std::process::{Command, Stdio};

use super::{AUTH, HOST, PASSWORD, Person};

/// A helper that keeps what it is given in a file a server, and gives it back.
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

/// Says that all is well, and keeps nothing but another password.
const LIAR: &str = r#"#!/bin/sh
cat >/dev/null
[ "$1" = store ] || echo '{"ServerURL":"x","Username":"bob","Secret":"other"}'
"#;

fn with_helper(person: &mut Person, script: &str) {
    let home = person.environment.home().display().to_string();
    person
        .environment
        .set("PATH", &format!("{home}/bin:/usr/bin:/bin"));
    // By another process: see `tests/creds_store.rs`.
    let mut install = Command::new("install")
        .args(["-m", "755", "/dev/stdin"])
        .arg(person.path("bin/docker-credential-keeper"))
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
fn with_nothing_to_lose_it_is_one_line() {
    let person = Person::with("{\n  \"auths\": {\n    \"ghcr.io\": {}\n  }\n}\n");
    person.configured(&["--creds-store"]);
    assert_eq!(
        person.docker(),
        "{\n  \"auths\": {\n    \"ghcr.io\": {}\n  },\n  \"credsStore\": \"ecrx\"\n}\n"
    );
    person.nothing_to_do(&["--creds-store"]);
    person.configured(&["--undo", "--creds-store"]);
    assert_eq!(
        person.docker(),
        "{\n  \"auths\": {\n    \"ghcr.io\": {}\n  }\n}\n"
    );
}

#[test]
fn it_refuses_while_logins_would_be_ignored() {
    let mut person = Person::with(logins());
    let what = format!(
        "docker-credential-ecrx: ~/.docker/config.json contains logins that docker ignores once credsStore is set: https://index.docker.io/v1/, {HOST}, ghcr.io\n"
    );
    let how = "  Set other_registries_helper in config.toml (secretservice, pass, osxkeychain, wincred), then pass --fix to move the logins to that helper\n  Or pass hosts instead of --creds-store, which keeps the logins as they are\n";
    for arguments in [&["--creds-store"][..], &["--creds-store", "--fix"]] {
        assert_eq!(person.refused(arguments), format!("{what}{how}"));
    }
    person
        .environment
        .config("other_registries_helper = \"keeper\"\n");
    with_helper(&mut person, KEEPER);
    let how = "  Pass --fix to move them to docker-credential-keeper and remove those for ECR, which are not needed\n";
    assert_eq!(person.refused(&["--creds-store"]), format!("{what}{how}"));
}

#[test]
fn fix_moves_the_logins_and_drops_those_of_ecr() {
    let mut person = Person::with(logins());
    person
        .environment
        .config("other_registries_helper = \"keeper\"\n");
    with_helper(&mut person, KEEPER);
    let before = person.files();
    let told = person.configured(&["--creds-store", "--fix", "--dry-run"]);
    assert_eq!(person.files(), before);
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

    let told = person.configured(&["--creds-store", "--fix"]);
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
        person.docker(),
        "{\n\t\"auths\": {},\n\t\"credsStore\": \"ecrx\"\n}"
    );
    // And they come back through this program.
    for (server, user) in [
        ("https://index.docker.io/v1/", "bob"),
        ("ghcr.io", "<token>"),
    ] {
        let answer = person.environment.get(server).answer();
        assert_eq!(answer["Username"], user);
        assert_eq!(answer["Secret"], PASSWORD);
    }
    person.nothing_to_do(&["--creds-store", "--fix"]);
}

#[test]
fn undo_puts_back_logins_that_were_moved_and_says_where_later_ones_are() {
    let mut person = Person::with(logins());
    person
        .environment
        .config("other_registries_helper = \"keeper\"\n");
    with_helper(&mut person, KEEPER);
    person.configured(&["--creds-store", "--fix"]);
    let told = person.configured(&["--undo", "--creds-store"]);
    assert!(
        told.contains(
            "· later logins are stored by docker-credential-keeper; to use them, set credsStore to \"keeper\"\n"
        ),
        "{told}"
    );
    assert_eq!(person.docker(), logins());
}

#[test]
fn a_login_that_the_other_helper_does_not_give_back_stays() {
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
        let mut person = Person::with(logins());
        person
            .environment
            .config("other_registries_helper = \"keeper\"\n");
        with_helper(&mut person, script);
        let outcome = person.configure(&["--creds-store", "--fix"]);
        assert_eq!(outcome.code, Some(1));
        assert_eq!(
            person.shortened(&outcome.stderr),
            format!(
                "docker-credential-ecrx: cannot move the login for https://index.docker.io/v1/ out of ~/.docker/config.json: {why}\n  It is set by other_registries_helper at ~/.config/docker-credential-ecrx/config.toml:1\n"
            )
        );
        assert_eq!(person.docker(), logins());
    }
}

/// As most keep them: one login for all spellings of a server.
#[test]
fn two_logins_that_the_other_helper_takes_for_one_both_stay() {
    let carol = "Y2Fyb2w6c3dvcmRmaXNo";
    let before = format!(
        "{{\"auths\":{{\"ghcr.io\":{{\"auth\":\"{AUTH}\"}},\"https://ghcr.io\":{{\"auth\":\"{carol}\"}}}}}}"
    );
    let mut person = Person::with(&before);
    person
        .environment
        .config("other_registries_helper = \"keeper\"\n");
    with_helper(
        &mut person,
        "#!/bin/sh\ncase $1 in store) cat >\"$HOME/kept\" ;; get) cat \"$HOME/kept\" ;; esac\n",
    );
    let outcome = person.configure(&["--creds-store", "--fix"]);
    assert_eq!(outcome.code, Some(1));
    let told = outcome.stderr;
    assert!(
        told.contains("cannot move the login for ghcr.io out of "),
        "{told}"
    );
    assert_eq!(person.docker(), before);
}

#[test]
fn a_login_in_an_odd_form_stays() {
    for login in [
        "{\"auth\":\"%%%\"}",
        "{\"auth\":\"Ym9i\"}",
        "{\"registrytoken\":\"t\"}",
        "{\"password\":\"p\"}",
    ] {
        let person = Person::with(format!("{{\"auths\":{{\"ghcr.io\":{login}}}}}"));
        person
            .environment
            .config("other_registries_helper = \"keeper\"\n");
        assert_eq!(
            person.refused(&["--creds-store", "--fix"]),
            "docker-credential-ecrx: the login for ghcr.io has a form that credential helpers cannot store\n"
        );
    }
}

#[test]
fn another_store_gives_way_when_config_toml_names_it() {
    let person = Person::with("{\"credsStore\":\"pass\"}");
    assert_eq!(
        person.refused(&["--creds-store"]),
        "docker-credential-ecrx: credsStore of ~/.docker/config.json is already `pass`, which stores the logins for other registries\n  Pass --fix to set other_registries_helper = \"pass\" in config.toml, which keeps that helper for registries other than ECR\n  Or pass hosts instead of --creds-store, which keeps that helper for all other registries\n"
    );
    let rules = "timeout_seconds = 5\n\n# who asks\n[defaults]\nprofile = \"work\"\n";
    person.environment.config(rules);
    person.configured(&["--creds-store", "--fix"]);
    assert_eq!(person.docker(), "{\"credsStore\":\"ecrx\"}");
    assert_eq!(
        person.rules(),
        rules.replace("# who", "other_registries_helper = \"pass\"\n\n# who")
    );
    person.nothing_to_do(&["--creds-store"]);

    fs::write(person.docker_file(), "{\"credsStore\":\"desktop\"}").expect("a file");
    assert_eq!(
        person.refused(&["--creds-store", "--fix"]),
        "docker-credential-ecrx: other_registries_helper at ~/.config/docker-credential-ecrx/config.toml:3 is docker-credential-pass, but credsStore of ~/.docker/config.json is `desktop`: change one to match the other\n"
    );
    // It keeps nothing.
    fs::write(person.docker_file(), "{\"credsStore\":\"ecr-login\"}").expect("a file");
    person.configured(&["--creds-store"]);
    assert_eq!(person.docker(), "{\"credsStore\":\"ecrx\"}");
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
        let person = Person::with("{\"credsStore\":\"pass\"}");
        person.environment.config(before);
        person.configured(&["--creds-store", "--fix"]);
        assert_eq!(person.rules(), after);
    }
}

#[test]
fn hosts_and_rules_are_configured_together_with_it() {
    let person = Person::new();
    person.configured(&[HOST, "--creds-store", "--profile", "work"]);
    assert_eq!(
        person.docker(),
        format!(
            "{{\n\t\"credHelpers\": {{\n\t\t\"{HOST}\": \"ecrx\"\n\t}},\n\t\"credsStore\": \"ecrx\"\n}}\n"
        )
    );
    assert!(person.rules().contains("profile = \"work\""));
}
