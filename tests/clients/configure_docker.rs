//! `configure-docker`: before, the clients are refused; after the one command, they pull.

use crate::person::{Home, with_every};
use crate::process::Finished;
use crate::registry::{PAYMENTS, SEARCH};

/// Runs the command; nothing is in the way, so it is all well.
#[track_caller]
fn configure(home: &Home, arguments: &[&str]) -> Finished {
    let arguments = [&["configure-docker"], arguments].concat();
    let done = home.run("docker-credential-ecrx", &arguments[..]);
    assert_eq!(done.code, Some(0), "{}", done.report());
    assert_eq!(done.stderr, "", "{}", done.report());
    done
}

#[track_caller]
fn docker_is_refused(home: &Home) {
    // It need not be there.
    home.run("docker", ["image", "rm", "--force", &PAYMENTS.image()]);
    let pull = home.fails("docker", ["pull", &PAYMENTS.image()]);
    let why = "no basic auth credentials";
    assert!(pull.stderr.contains(why), "{}", pull.report());
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn docker_pulls_after_one_command_and_not_after_its_undo() {
    with_every("docker", |_, home| {
        let before = "{\n\t\"auths\": {},\n\t\"HttpHeaders\": {}\n}";
        home.docker_config(before);
        docker_is_refused(&home);
        configure(&home, &[PAYMENTS.host]);
        home.succeeds("docker", ["pull", &PAYMENTS.image()]);
        // Docker writes the file anew, and what was added is still there.
        home.run("docker", ["logout", SEARCH.host]);
        let again = configure(&home, &[PAYMENTS.host]);
        assert!(
            again.stdout.starts_with("✓ already configured"),
            "{}",
            again.report()
        );
        configure(&home, &["--undo"]);
        docker_is_refused(&home);
    });
}

/// What a leftover of ecr-login, an old login and a key with a scheme make of a pull.
#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn docker_pulls_after_fix_has_mended_what_was_in_the_way() {
    with_every("docker", |_, home| {
        let host = PAYMENTS.host;
        let stale = format!("{{\"{host}\":{{\"auth\":\"QVdTOm9sZA==\"}}}}");
        let helpers = format!("{{\"https://{host}\":\"ecrx\"}}");
        home.docker_config(&format!("{{\"auths\":{stale},\"credHelpers\":{helpers}}}"));
        home.run("docker", ["image", "rm", "--force", &PAYMENTS.image()]);
        home.fails("docker", ["pull", &PAYMENTS.image()]);
        configure(&home, &[host, "--fix"]);
        assert_eq!(
            home.read_docker_config(),
            format!("{{\"auths\":{{}},\"credHelpers\":{{\"{host}\":\"ecrx\"}}}}")
        );
        home.succeeds("docker", ["pull", &PAYMENTS.image()]);
    });
}

/// A byte order mark makes the whole file unreadable.
#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn docker_reads_no_file_with_a_byte_order_mark_and_the_one_that_fix_makes() {
    with_every("docker", |_, home| {
        let helpers = format!(
            "\u{feff}{{\"credHelpers\":{{\"{}\":\"ecrx\"}}}}",
            PAYMENTS.host
        );
        home.docker_config(&helpers);
        docker_is_refused(&home);
        configure(&home, &[PAYMENTS.host, "--fix"]);
        home.succeeds("docker", ["pull", &PAYMENTS.image()]);
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn docker_pulls_from_all_that_config_toml_names() {
    with_every("docker", |_, mut home| {
        let rule =
            |account: &str| format!("[[registry]]\nmatch = \"{account}\"\nmax_age_seconds = 600\n");
        let config = home.file(
            "rules.toml",
            &[PAYMENTS.host, SEARCH.host].map(rule).concat(),
        );
        home.set("ECRX_CONFIG", &config);
        configure(&home, &["--all"]);
        for registry in [&PAYMENTS, &SEARCH] {
            home.run("docker", ["image", "rm", "--force", &registry.image()]);
            home.succeeds("docker", ["pull", &registry.image()]);
        }
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn podman_pulls_after_one_command_and_not_after_its_undo() {
    with_every("podman", |_, home| {
        let image = PAYMENTS.image();
        podman_is_refused(&home);
        configure(&home, &[PAYMENTS.host, "--podman"]);
        home.succeeds("podman", ["pull", &image]);
        home.succeeds("podman", ["image", "rm", &image]);
        configure(&home, &["--undo", "--podman"]);
        podman_is_refused(&home);
    });
}

#[track_caller]
fn podman_is_refused(home: &Home) {
    let pull = home.fails("podman", ["pull", &PAYMENTS.image()]);
    let refused = ["authentication required", "unauthorized"];
    assert!(
        refused.iter().any(|why| pull.stderr.contains(why)),
        "{}",
        pull.report()
    );
}

/// `podman login` writes to a file that is read before the one that is changed.
#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn skopeo_reads_the_login_of_the_run_time_before_the_line_and_fix_takes_it_out() {
    with_every("skopeo", |_, mut home| {
        // The outer one last: that is what the variable names.
        home.private_dir("run/containers", "XDG_RUNTIME_DIR");
        home.private_dir("run", "XDG_RUNTIME_DIR");
        let login = "{\"auth\":\"QVdTOm9sZA==\"}";
        let auth = format!("{{\"auths\":{{\"{}\":{login}}}}}", PAYMENTS.host);
        home.file("run/containers/auth.json", &auth);
        let image = format!("docker://{}", PAYMENTS.image());

        let arguments = ["configure-docker", PAYMENTS.host, "--podman"];
        let done = home.run("docker-credential-ecrx", arguments);
        assert_eq!(done.code, Some(1), "{}", done.report());
        assert!(done.stdout.contains("podman logout"), "{}", done.report());
        home.fails("skopeo", ["inspect", &image]);
        configure(&home, &[PAYMENTS.host, "--podman", "--fix"]);
        home.succeeds("skopeo", ["inspect", &image]);
    });
}

/// An empty `auth.json` is one that podman, skopeo and buildah cannot read.
#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn skopeo_reads_what_was_an_empty_file() {
    with_every("skopeo", |_, mut home| {
        let file = home.file("auth.json", "");
        home.set("REGISTRY_AUTH_FILE", &file);
        let image = format!("docker://{}", PAYMENTS.image());
        let inspect = home.fails("skopeo", ["inspect", &image]);
        let why = "unexpected end of JSON input";
        assert!(inspect.stderr.contains(why), "{}", inspect.report());
        configure(&home, &[PAYMENTS.host, "--podman"]);
        home.succeeds("skopeo", ["inspect", &image]);
    });
}
