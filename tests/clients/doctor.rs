//! `doctor`, before a registry and clients as people have them.

use crate::person::{Home, with_every};
use crate::process::Finished;
use crate::registry::PAYMENTS;

fn doctor(home: &Home, arguments: &[&str]) -> Finished {
    let arguments = [&["doctor"], arguments].concat();
    home.run("docker-credential-ecrx", &arguments[..])
}

#[track_caller]
fn says(told: &Finished, code: i32, words: &[&str]) {
    assert_eq!(told.code, Some(code), "{}", told.report());
    assert_eq!(told.stderr, "", "{}", told.report());
    // However it is wrapped.
    let text: Vec<&str> = told.stdout.split_whitespace().collect();
    let text = text.join(" ");
    for words in words {
        assert!(text.contains(words), "{words}: {}", told.report());
    }
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn the_doctor_says_why_a_pull_fails_and_that_it_works_after_one_command() {
    with_every("docker", |_, home| {
        let (host, image) = (PAYMENTS.host, PAYMENTS.image());
        home.docker_config("{}");
        home.run("docker", ["image", "rm", "--force", &image]);
        let pull = home.fails("docker", ["pull", &image]);
        assert!(
            pull.stderr.contains("no basic auth credentials"),
            "{}",
            pull.report()
        );
        says(
            &doctor(&home, &[&image]),
            1,
            &[
                &format!("✗ docker has no credential helper for {host}"),
                &format!("docker-credential-ecrx configure-docker {host}"),
                "✓ the new token is accepted",
                "exists: sha256:",
                "AWS and the registry allow the request.",
            ],
        );

        let configured = home.run("docker-credential-ecrx", ["configure-docker", host]);
        assert_eq!(configured.code, Some(0), "{}", configured.report());
        home.succeeds("docker", ["pull", &image]);
        says(
            &doctor(&home, &[&image, "--push"]),
            0,
            &[
                &format!("✓ docker uses docker-credential-ecrx for {host}"),
                "✓ the smallest layer can be downloaded",
                "✓ an upload was started and cancelled",
            ],
        );

        let absent = format!("{host}/nobody/knows:it");
        says(
            &doctor(&home, &[&absent]),
            1,
            &["✗ Failed at registry: the image does not exist"],
        );
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn the_doctor_finds_the_old_login_that_podman_sends() {
    with_every("podman", |_, home| {
        let host = PAYMENTS.host;
        home.docker_config(&format!("{{\"credHelpers\":{{\"{host}\":\"ecrx\"}}}}"));
        home.succeeds("podman", ["pull", &PAYMENTS.image()]);
        home.succeeds("podman", ["image", "rm", &PAYMENTS.image()]);
        // "AWS:old".
        let sibling = std::path::PathBuf::from(home.file("x", ""));
        std::fs::create_dir_all(sibling.with_file_name(".config/containers")).expect("folders");
        let login = format!("{{\"auths\":{{\"{host}\":{{\"auth\":\"QVdTOm9sZA==\"}}}}}}");
        home.file(".config/containers/auth.json", &login);
        home.fails("podman", ["pull", &PAYMENTS.image()]);
        let mending = ["configure-docker", "--podman", "--fix", host];
        let command = format!("docker-credential-ecrx {}", mending.join(" "));
        says(
            &doctor(&home, &[&PAYMENTS.image()]),
            1,
            &["auth.json contains a saved login", &command],
        );
        let mended = home.run("docker-credential-ecrx", mending);
        assert_eq!(mended.code, Some(0), "{}", mended.report());
        home.succeeds("podman", ["pull", &PAYMENTS.image()]);
    });
}
