//! `--podman`: the files of podman, skopeo and buildah.

use std::fs;

use super::common::files::mode;
use super::{AUTH, HOST, Person, inserted};

const OWN: &str = ".config/containers/auth.json";
const OF_LOGIN: &str = "run/containers/auth.json";

#[test]
fn the_file_that_outlives_a_restart_is_changed() {
    let person = Person::new();
    let told = person.configured(&[HOST, "--podman"]);
    assert!(
        told.ends_with("✓ created ~/.config/containers/auth.json\n"),
        "{told}"
    );
    assert_eq!(mode(&person.path(OWN)), 0o600);
    assert!(!person.docker_file().exists());
    assert!(!person.path("run").exists());
    let told = person.configured(&[HOST, "--podman"]);
    assert_eq!(
        told,
        "✓ already configured: ~/.config/containers/auth.json\n"
    );
    person.configured(&["--undo", "--podman"]);
    assert_eq!(
        fs::read_to_string(person.path(OWN)).expect("a file"),
        "{}\n"
    );
}

#[test]
fn variables_name_other_places() {
    let mut person = Person::new();
    let elsewhere = person.path("elsewhere").display().to_string();
    person.environment.set("XDG_CONFIG_HOME", &elsewhere);
    person.configured(&[HOST, "--podman"]);
    assert!(person.path("elsewhere/containers/auth.json").exists());
    let file = person.path("mine.json");
    person
        .environment
        .set("REGISTRY_AUTH_FILE", &file.display().to_string());
    person.configured(&[HOST, "--podman"]);
    assert!(fs::read_to_string(file).expect("a file").contains(HOST));
}

#[test]
fn a_login_that_is_read_earlier_is_in_the_way() {
    let person = Person::new();
    let login = format!(
        "{{\n\t\"auths\": {{\n\t\t\"x.io\": {{\"auth\": \"{AUTH}\"}},\n\t\t\"{HOST}\": {{\"auth\": \"{AUTH}\"}}\n\t}}\n}}"
    );
    person.environment.write(OF_LOGIN, &login);
    let outcome = person.configure(&[HOST, "--podman"]);
    assert_eq!(outcome.code, Some(1));
    assert!(
        person.shortened(&outcome.stdout).ends_with(&format!(
            "✗ ~/run/containers/auth.json contains a saved login for {HOST} under auths: podman uses it instead of a helper; 12 hours after the login, pulls fail with \"no basic auth credentials\" or \"Your authorization token has expired\" Run: podman logout {HOST} Pass --fix to do this automatically\n"
        )),
        "{outcome:?}"
    );
    person.configured(&[HOST, "--podman", "--fix"]);
    let left = fs::read_to_string(person.path(OF_LOGIN)).expect("a file");
    assert!(!left.contains(HOST));
    assert!(inserted(&left, &login).contains(HOST));
}

#[test]
fn a_helper_that_is_read_earlier_is_in_the_way() {
    let person = Person::new();
    person.environment.write(
        OF_LOGIN,
        &format!("{{\"credHelpers\":{{\"{HOST}\":\"other\"}}}}"),
    );
    let outcome = person.configure(&[HOST, "--podman"]);
    assert_eq!(outcome.code, Some(1));
    assert!(
        person.shortened(&outcome.stdout).ends_with(&format!(
            "✗ ~/run/containers/auth.json takes precedence over ~/.config/containers/auth.json and sets the helper other for {HOST}, so docker-credential-ecrx is not used Remove {HOST} from the first file Pass --fix to do this automatically\n"
        )),
        "{outcome:?}"
    );
    person.configured(&[HOST, "--podman", "--fix"]);
    let now = fs::read_to_string(person.path(OF_LOGIN)).expect("a file");
    assert_eq!(now, format!("{{\"credHelpers\":{{\"{HOST}\":\"ecrx\"}}}}"));
}

#[test]
fn a_broken_file_that_takes_precedence_is_reported() {
    for (broken, told) in [
        (
            "",
            "✗ ~/run/containers/auth.json is empty, so pulls with podman fail with \"unexpected end of JSON input\" Remove the file, or set its content to {}\n",
        ),
        (
            "{",
            "✗ ~/run/containers/auth.json:1:1: EOF while parsing an object; docker and podman cannot read the file either (JSON allows no comments or trailing commas) Correct the file: it takes precedence over the one changed here\n",
        ),
    ] {
        let person = Person::new();
        person.environment.write(OF_LOGIN, broken);
        let outcome = person.configure(&[HOST, "--podman"]);
        assert_eq!(outcome.code, Some(1));
        let out = person.shortened(&outcome.stdout);
        assert!(out.ends_with(told), "{out}");
        assert!(person.path(OWN).exists());
    }
}

#[test]
fn a_file_in_the_place_of_a_folder_holds_nothing() {
    let person = Person::new();
    person.environment.write("run", "");
    person.configured(&[HOST, "--podman"]);
    assert!(person.path(OWN).exists());
}

#[test]
fn podman_is_offered_only_options_that_it_supports() {
    let person = Person::new();
    person.environment.write(
        OWN,
        "{\"credsStore\":\"ecr-login\",\"credHelpers\":{\"*\":\"ecrx\",\"public.ecr.aws\":\"ecr-login\"}}",
    );
    person
        .environment
        .config("[[registry]]\nmatch = \"*\"\nprofile = \"work\"\n");
    let outcome = person.configure(&[HOST, "--podman", "--all"]);
    assert_eq!(outcome.code, Some(0));
    let told = person.shortened(&outcome.stdout);
    assert!(!told.contains("--creds-store"), "{told}");
    assert!(
        told.contains("docker-credential-ecrx configure-docker --podman public.ecr.aws"),
        "{told}"
    );
}
