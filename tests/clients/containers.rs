//! skopeo, podman and buildah, which share one library; oras, which has its own; and ctr,
//! which makes no request.

use std::path::Path;

use crate::lab;
use crate::person::{Home, with_every};
use crate::registry::{IMAGE, PAYMENTS, PUBLIC, SEARCH};

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn skopeo_inspect_through_cred_helpers() {
    with_every("skopeo", |_, home| {
        home.cred_helpers(&[PAYMENTS.host]);
        let inspect = home.succeeds("skopeo", ["inspect", &docker(&PAYMENTS.image())]);
        assert!(
            inspect.stdout.contains("\"Digest\": \"sha256:"),
            "{}",
            inspect.report()
        );
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn skopeo_without_the_cred_helpers_line_is_refused() {
    with_every("skopeo", |_, home| {
        home.cred_helpers(&[SEARCH.host]);
        let inspect = home.fails("skopeo", ["inspect", &docker(&PAYMENTS.image())]);
        let refused = ["authentication required", "unauthorized"];
        assert!(
            refused.iter().any(|why| inspect.stderr.contains(why)),
            "{}",
            inspect.report()
        );
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn skopeo_inspects_fips_dual_stack_and_other_partitions() {
    with_every("skopeo", |_, home| {
        home.cred_helpers(PAYMENTS.aliases);
        for host in PAYMENTS.aliases {
            home.succeeds("skopeo", ["inspect", &docker(&format!("{host}/{IMAGE}"))]);
        }
    });
}

/// Each account's registry accepts only the token that was requested for it.
#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn skopeo_copy_between_two_accounts() {
    with_every("skopeo", |lab, home| {
        let to = format!("{}/skopeo/copied:{}", SEARCH.host, home.tag());
        home.cred_helpers(&[PAYMENTS.host, SEARCH.host]);
        home.succeeds("skopeo", ["copy", &docker(&PAYMENTS.image()), &docker(&to)]);
        lab.assert_holds(&SEARCH, "skopeo/copied", home.tag());
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn podman_pull_through_cred_helpers() {
    with_every("podman", |_, home| {
        home.cred_helpers(&[PAYMENTS.host]);
        home.succeeds("podman", ["pull", &PAYMENTS.image()]);
        home.succeeds("podman", ["image", "exists", &PAYMENTS.image()]);
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn podman_push_through_cred_helpers() {
    with_every("podman", |lab, home| {
        let image = format!("{}/podman/pushed:{}", PAYMENTS.host, home.tag());
        home.cred_helpers(&[PAYMENTS.host]);
        home.succeeds("podman", ["import", &lab.root_tar(), &image]);
        home.succeeds("podman", ["push", &image]);
        lab.assert_holds(&PAYMENTS, "podman/pushed", home.tag());
    });
}

/// moto knows no public ECR, so there is no token to be had.
#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn podman_pull_from_public_ecr_stays_anonymous_without_a_token() {
    with_every("podman", |_, home| {
        home.cred_helpers(&[PUBLIC.host]);
        home.succeeds("podman", ["pull", &PUBLIC.image()]);
    });
}

/// podman writes logins to `auth.json`, and looks there for the helper that keeps them.
#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn podman_login_and_logout_through_auth_json() {
    with_every("podman", |_, mut home| {
        let host = PAYMENTS.host;
        let helpers = format!("{{\"credHelpers\":{{\"{host}\":\"ecrx\"}}}}");
        let auth = home.file("auth.json", &helpers);
        home.set("REGISTRY_AUTH_FILE", &auth);
        home.record();

        let arguments = ["login", "--username", "AWS", "--password-stdin", host];
        let login = home.run_with_input("podman", arguments, PAYMENTS.password);
        assert_eq!(login.code, Some(0), "{}", login.report());
        assert!(
            login.stdout.contains("Login Succeeded"),
            "{}",
            login.report()
        );
        assert_eq!(home.last_call().verb, "store", "{}", login.report());
        home.succeeds("podman", ["pull", &PAYMENTS.image()]);

        let logout = home.succeeds("podman", ["logout", host]);
        assert_eq!(home.last_call().verb, "erase", "{}", logout.report());
        home.succeeds("podman", ["pull", &PAYMENTS.image()]);

        // This one takes the `credHelpers` lines themselves out of auth.json: no pull
        // after it.
        let logout = home.succeeds("podman", ["logout", "--all"]);
        assert_eq!(home.last_call().verb, "erase", "{}", logout.report());
        home.assert_silent();
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn buildah_pull_through_cred_helpers() {
    with_every("buildah", |_, home| {
        home.cred_helpers(&[PAYMENTS.host]);
        home.succeeds("buildah", ["pull", &PAYMENTS.image()]);
        home.succeeds("buildah", ["inspect", "--type", "image", &PAYMENTS.image()]);
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn buildah_build_starts_from_a_private_image() {
    with_every("buildah", |_, home| {
        let context = home.build_context(&PAYMENTS.image());
        home.cred_helpers(&[PAYMENTS.host]);
        home.succeeds(
            "buildah",
            ["bud", "--isolation", "chroot", "--tag", "built:1", &context],
        );
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn oras_reads_a_manifest_through_cred_helpers() {
    with_every("oras", |_, home| {
        home.cred_helpers(&[PAYMENTS.host]);
        let fetch = home.succeeds("oras", ["manifest", "fetch", &PAYMENTS.image()]);
        assert!(fetch.stdout.contains("\"layers\""), "{}", fetch.report());
        home.cred_helpers(&[]);
        home.fails("oras", ["manifest", "fetch", &PAYMENTS.image()]);
    });
}

/// containerd calls no helpers; this is what its people do instead.
#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn ctr_pull_with_the_password() {
    let lab = lab::enter();
    // That of the containerd of the lab: a newer one calls services that this does not have.
    let home = Home::new(&lab, Path::new("/usr/bin"));
    let pull = r#"
        ctr --address /run/docker/containerd/containerd.sock images pull --snapshotter native \
            --user "AWS:$(docker-credential-ecrx password "$0")" "$1""#;
    home.succeeds("sh", ["-c", pull, PAYMENTS.host, &PAYMENTS.image()]);
}

/// Where nothing names the helper: a login by its password, as with `aws ecr get-login-password`.
#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn podman_login_with_the_password() {
    with_every("podman", |_, mut home| {
        let auth = home.file("auth.json", "{}");
        home.set("REGISTRY_AUTH_FILE", &auth);
        home.fails("podman", ["pull", &PAYMENTS.image()]);
        let login = r#"
            docker-credential-ecrx password "$0" |
                podman login --username AWS --password-stdin "$0""#;
        let login = home.succeeds("sh", ["-c", login, PAYMENTS.host]);
        assert!(
            login.stdout.contains("Login Succeeded"),
            "{}",
            login.report()
        );
        home.succeeds("podman", ["pull", &PAYMENTS.image()]);
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn skopeo_shows_why_there_is_no_token() {
    with_every("skopeo", |_, home| {
        shows_why(home, "skopeo", ["inspect", &docker(&PAYMENTS.image())]);
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn podman_shows_why_there_is_no_token() {
    with_every("podman", |_, home| {
        shows_why(home, "podman", ["pull", &PAYMENTS.image()])
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn buildah_shows_why_there_is_no_token() {
    with_every("buildah", |_, home| {
        shows_why(home, "buildah", ["pull", &PAYMENTS.image()])
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn oras_shows_why_there_is_no_token() {
    with_every("oras", |_, home| {
        shows_why(home, "oras", ["manifest", "fetch", &PAYMENTS.image()]);
    });
}

/// These clients show the helper's stdout.
#[track_caller]
fn shows_why<'s>(mut home: Home, client: &str, arguments: impl AsRef<[&'s str]>) {
    home.cred_helpers(&[PAYMENTS.host]);
    home.record();
    home.break_aws();
    let failed = home.fails(client, arguments);
    let call = home.last_call();
    assert!(
        !call.stdout.contains("credentials not found"),
        "{}",
        failed.report()
    );
    assert!(!call.stdout.trim().is_empty(), "{}", failed.report());
    assert!(
        failed.stderr.contains(call.stdout.trim()),
        "{}",
        failed.report()
    );
}

fn docker(image: &str) -> String {
    format!("docker://{image}")
}
