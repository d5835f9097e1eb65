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
        told.ends_with("✓ made ~/.config/containers/auth.json\n"),
        "{told}"
    );
    assert_eq!(mode(&person.path(OWN)), 0o600);
    assert!(!person.docker_file().exists());
    assert!(!person.path("run").exists());
    let told = person.configured(&[HOST, "--podman"]);
    assert_eq!(
        told,
        "✓ nothing is to be changed in ~/.config/containers/auth.json\n"
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
            "✗ auths of ~/run/containers/auth.json holds an old login for {HOST}: podman sends it and asks no helper, and 12 hours after it was made a pull fails with \"no basic auth credentials\" or \"Your authorization token has expired\" to mend it: podman logout {HOST} (--fix does it)\n"
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
            "✗ ~/run/containers/auth.json is read before ~/.config/containers/auth.json, and names the helper other for {HOST}: this program is not asked to mend it: take {HOST} out of the former (--fix does it)\n"
        )),
        "{outcome:?}"
    );
    person.configured(&[HOST, "--podman", "--fix"]);
    let now = fs::read_to_string(person.path(OF_LOGIN)).expect("a file");
    assert_eq!(now, format!("{{\"credHelpers\":{{\"{HOST}\":\"ecrx\"}}}}"));
}

#[test]
fn a_file_that_is_read_earlier_and_broken_is_told() {
    for (broken, told) in [
        (
            "",
            "✗ ~/run/containers/auth.json is empty, which podman takes for broken: a pull fails with \"unexpected end of JSON input\" to mend it: remove the file, or write {} into it\n",
        ),
        (
            "{",
            "✗ ~/run/containers/auth.json:1:1: EOF while parsing an object: docker and podman cannot read the file either (they know neither comments nor trailing commas) to mend it: correct the file, which is read before the one that is changed here\n",
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
fn what_is_offered_is_what_podman_knows() {
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
