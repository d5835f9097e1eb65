//! `--podman`: the files of podman, skopeo and buildah.

use std::fs;

use super::common::files::mode;
use super::{AUTH, HOST, Setup, inserted};

const OWN: &str = ".config/containers/auth.json";
const OF_LOGIN: &str = "run/containers/auth.json";

#[test]
fn the_file_that_outlives_a_restart_is_changed() {
    let setup = Setup::new();
    let told = setup.configured(&[HOST, "--podman"]);
    assert!(
        told.ends_with("✓ created ~/.config/containers/auth.json\n"),
        "{told}"
    );
    assert_eq!(mode(&setup.path(OWN)), 0o600);
    assert!(!setup.docker_file().exists());
    assert!(!setup.path("run").exists());
    let told = setup.configured(&[HOST, "--podman"]);
    assert_eq!(
        told,
        "✓ already configured: ~/.config/containers/auth.json\n"
    );
    fs::create_dir_all(setup.path("run/containers")).expect("a folder");
    fs::write(setup.path(OF_LOGIN), "{}").expect("a file");
    let told = setup.configured(&[HOST, "--podman"]);
    assert_eq!(
        told,
        "✓ already configured: ~/.config/containers/auth.json, ~/run/containers/auth.json\n"
    );
    setup.configured(&["--undo", "--podman"]);
    assert_eq!(fs::read_to_string(setup.path(OWN)).expect("a file"), "{}\n");
}

#[test]
fn variables_select_other_files() {
    let mut setup = Setup::new();
    let elsewhere = setup.path("elsewhere").display().to_string();
    setup.environment.set("XDG_CONFIG_HOME", &elsewhere);
    setup.configured(&[HOST, "--podman"]);
    assert!(setup.path("elsewhere/containers/auth.json").exists());
    let file = setup.path("mine.json");
    setup
        .environment
        .set("REGISTRY_AUTH_FILE", &file.display().to_string());
    setup.configured(&[HOST, "--podman"]);
    assert!(fs::read_to_string(file).expect("a file").contains(HOST));
}

#[test]
fn a_login_in_an_earlier_file_is_reported() {
    let setup = Setup::new();
    let login = format!(
        "{{\n\t\"auths\": {{\n\t\t\"x.io\": {{\"auth\": \"{AUTH}\"}},\n\t\t\"{HOST}\": {{\"auth\": \"{AUTH}\"}}\n\t}}\n}}"
    );
    setup.environment.write(OF_LOGIN, &login);
    let outcome = setup.configure(&[HOST, "--podman"]);
    assert_eq!(outcome.code, Some(1));
    assert!(
        setup.shortened(&outcome.stdout).ends_with(&format!(
            "✗ ~/run/containers/auth.json contains a saved login for {HOST} under auths: podman uses it instead of a helper. 12 hours after the login, pulls fail with \"no basic auth credentials\" or \"Your authorization token has expired\" Run: podman logout {HOST} Pass --fix to do this automatically\n"
        )),
        "{outcome:?}"
    );
    setup.configured(&[HOST, "--podman", "--fix"]);
    let left = fs::read_to_string(setup.path(OF_LOGIN)).expect("a file");
    assert!(!left.contains(HOST));
    assert!(inserted(&left, &login).contains(HOST));
}

#[test]
fn a_helper_in_an_earlier_file_is_reported() {
    let setup = Setup::new();
    setup.environment.write(
        OF_LOGIN,
        &format!("{{\"credHelpers\":{{\"{HOST}\":\"other\"}}}}"),
    );
    let outcome = setup.configure(&[HOST, "--podman"]);
    assert_eq!(outcome.code, Some(1));
    assert!(
        setup.shortened(&outcome.stdout).ends_with(&format!(
            "✗ ~/run/containers/auth.json takes precedence over ~/.config/containers/auth.json and sets the helper other for {HOST}, so docker-credential-ecrx is not used Remove {HOST} from the first file Pass --fix to do this automatically\n"
        )),
        "{outcome:?}"
    );
    setup.configured(&[HOST, "--podman", "--fix"]);
    let now = fs::read_to_string(setup.path(OF_LOGIN)).expect("a file");
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
        let setup = Setup::new();
        setup.environment.write(OF_LOGIN, broken);
        let outcome = setup.configure(&[HOST, "--podman"]);
        assert_eq!(outcome.code, Some(1));
        let out = setup.shortened(&outcome.stdout);
        assert!(out.ends_with(told), "{out}");
        assert!(setup.path(OWN).exists());
    }
}

#[test]
fn a_file_instead_of_a_folder_counts_as_an_absent_folder() {
    let setup = Setup::new();
    setup.environment.write("run", "");
    setup.configured(&[HOST, "--podman"]);
    assert!(setup.path(OWN).exists());
}

#[test]
fn podman_is_offered_only_options_that_it_supports() {
    let setup = Setup::new();
    setup.environment.write(
        OWN,
        "{\"credsStore\":\"ecr-login\",\"credHelpers\":{\"*\":\"ecrx\",\"public.ecr.aws\":\"ecr-login\"}}",
    );
    setup
        .environment
        .config("[[registry]]\nmatch = \"*\"\nprofile = \"work\"\n");
    let outcome = setup.configure(&[HOST, "--podman", "--all"]);
    assert_eq!(outcome.code, Some(0));
    let told = setup.shortened(&outcome.stdout);
    assert!(!told.contains("--creds-store"), "{told}");
    assert!(
        told.contains("docker-credential-ecrx configure-docker --podman public.ecr.aws"),
        "{told}"
    );
}

#[test]
fn a_list_of_helpers_without_the_files_is_reported() {
    let setup = Setup::new();
    let conf = ".config/containers/registries.conf";
    let list = |names: &str| {
        let text = format!("credential-helpers = [{names}]\n");
        setup.environment.write(conf, &text);
    };
    list("\"secretservice\"");
    let problem = "✗ credential-helpers in ~/.config/containers/registries.conf does not contain \"containers-auth.json\", so podman does not read ~/.config/containers/auth.json and does not use docker-credential-ecrx Add \"containers-auth.json\" to credential-helpers in ~/.config/containers/registries.conf\n";
    let outcome = setup.configure(&[HOST, "--podman"]);
    assert_eq!(outcome.code, Some(1));
    let told = setup.shortened(&outcome.stdout);
    assert!(told.ends_with(problem), "{told}");
    for names in [
        "",
        "\"containers-auth.json\", \"secretservice\"",
        "\"ecrx\"",
    ] {
        list(names);
        let told = setup.configured(&[HOST, "--podman"]);
        assert!(told.starts_with("✓ already configured: "), "{told}");
        assert!(!told.contains("credential-helpers"), "{told}");
    }
}
