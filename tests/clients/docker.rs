//! The Docker CLI: every release at hand, against Debian's engine.

use crate::person::{Home, with_every};
use crate::process::Finished;
use crate::registry::{IMAGE, PAYMENTS, PUBLIC, SEARCH};

/// Removes an image from the engine, so that the next pull has to fetch it.
fn forget(home: &Home, image: &str) {
    // It need not be there.
    home.run("docker", ["image", "rm", "--force", image]);
    home.fails("docker", ["image", "inspect", image]);
}

/// Pulls an image that the engine does not have yet.
#[track_caller]
fn pulls(home: &Home, image: &str) {
    forget(home, image);
    home.succeeds("docker", ["pull", image]);
    home.succeeds("docker", ["image", "inspect", image]);
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn docker_pull_through_cred_helpers() {
    with_every("docker", |_, home| {
        home.cred_helpers(&[PAYMENTS.host]);
        pulls(&home, &PAYMENTS.image());
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn docker_pull_without_the_cred_helpers_line_is_refused() {
    with_every("docker", |_, home| {
        let image = PAYMENTS.image();
        forget(&home, &image);
        home.cred_helpers(&[]);
        let pull = home.fails("docker", ["pull", &image]);
        assert!(
            pull.stderr.contains("no basic auth credentials"),
            "{}",
            pull.report()
        );
        home.cred_helpers(&[SEARCH.host]);
        let pull = home.fails("docker", ["pull", &image]);
        assert!(
            pull.stderr.contains("no basic auth credentials"),
            "{}",
            pull.report()
        );
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn docker_pulls_by_a_fips_name_a_dual_stack_name_and_a_port() {
    with_every("docker", |_, home| {
        let with_port = format!("{}:443", PAYMENTS.host);
        let fips_and_dual_stack = &PAYMENTS.aliases[..3];
        for host in [&[with_port.as_str()], fips_and_dual_stack].concat() {
            home.cred_helpers(&[host]);
            pulls(&home, &format!("{host}/{IMAGE}"));
        }
    });
}

/// moto knows no public ECR, so there is no token to be had.
#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn docker_pull_from_public_ecr_stays_anonymous_without_a_token() {
    with_every("docker", |_, home| {
        home.cred_helpers(&[PUBLIC.host]);
        pulls(&home, &PUBLIC.image());
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn docker_push_through_cred_helpers() {
    with_every("docker", |lab, home| {
        let image = format!("{}/docker/pushed:{}", PAYMENTS.host, home.tag());
        home.cred_helpers(&[PAYMENTS.host]);
        home.succeeds("docker", ["tag", "seed:1", &image]);
        home.succeeds("docker", ["push", &image]);
        lab.assert_holds(&PAYMENTS, "docker/pushed", home.tag());
    });
}

/// Each account's registry accepts only the token that was requested for it.
#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn docker_pulls_from_one_account_and_pushes_to_another() {
    with_every("docker", |lab, home| {
        let promoted = format!("{}/docker/promoted:{}", SEARCH.host, home.tag());
        home.cred_helpers(&[PAYMENTS.host, SEARCH.host]);
        pulls(&home, &PAYMENTS.image());
        home.succeeds("docker", ["tag", &PAYMENTS.image(), &promoted]);
        home.succeeds("docker", ["push", &promoted]);
        lab.assert_holds(&SEARCH, "docker/promoted", home.tag());
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn docker_login_succeeds_and_leaves_no_secret_in_config_json() {
    with_every("docker", |_, home| {
        home.cred_helpers(&[PAYMENTS.host]);
        home.record();

        let login = home.run("docker", ["login", PAYMENTS.host]);
        assert_eq!(home.verbs(), ["get", "store"], "{}", login.report());
        assert_logged_in(&home, login);

        // As people do it who come from `aws ecr get-login-password`.
        let arguments = [
            "login",
            "--username",
            "AWS",
            "--password-stdin",
            PAYMENTS.host,
        ];
        let login = home.run_with_input("docker", arguments, PAYMENTS.password);
        assert_logged_in(&home, login);

        home.assert_silent();
        let config = home.read_docker_config();
        assert!(config.contains("credHelpers"), "{config}");
        assert!(!config.contains("\"auth\""), "{config}");
    });
}

/// Asserts a login that has succeeded and told that nothing was kept.
#[track_caller]
fn assert_logged_in(home: &Home, login: Finished) {
    assert_eq!(login.code, Some(0), "{}", login.report());
    assert!(
        login.stdout.contains("Login Succeeded"),
        "{}",
        login.report()
    );
    let store = home.last_call();
    assert_eq!(store.verb, "store", "{}", login.report());
    assert!(store.stderr.contains(PAYMENTS.host), "{}", login.report());
    assert!(
        login.stderr.contains(store.stderr.trim()),
        "{}",
        login.report()
    );
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn docker_logout_succeeds_and_the_next_pull_works() {
    with_every("docker", |_, home| {
        home.cred_helpers(&[PAYMENTS.host]);
        pulls(&home, &PAYMENTS.image());
        home.record();
        let logout = home.succeeds("docker", ["logout", PAYMENTS.host]);
        assert!(!logout.output().contains("WARNING"), "{}", logout.report());
        let calls = home.calls();
        assert!(!calls.is_empty(), "{}", logout.report());
        for call in calls {
            assert_eq!(call.verb, "erase", "{}", logout.report());
            assert!(call.stdin.contains(PAYMENTS.host), "{}", call.stdin);
            assert_eq!(call.stdout, "", "{}", logout.report());
        }
        pulls(&home, &PAYMENTS.image());
        home.assert_silent();
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn classic_docker_build_starts_from_a_private_image() {
    with_every("docker", |_, home| {
        build(&home, &["DOCKER_BUILDKIT=0", "docker", "build"]);
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn docker_buildx_build_starts_from_a_private_image() {
    with_every("docker", |_, home| {
        home.install_buildx();
        build(&home, &["docker", "buildx", "build", "--load"]);
    });
}

/// The BuildKit client that Docker's CLI had of its own before buildx took its place.
#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn docker_build_by_the_built_in_buildkit_client_starts_from_a_private_image() {
    with_every("docker", |_, home| {
        if home
            .run("docker", ["--version"])
            .stdout
            .contains("version 20.10")
        {
            build(&home, &["DOCKER_BUILDKIT=1", "docker", "build"]);
        }
    });
}

/// Builds from the private image: refused without the line, done with it.
#[track_caller]
fn build(home: &Home, command: &[&str]) {
    let context = home.build_context(&PAYMENTS.image());
    let arguments = [
        command,
        &["--no-cache", "--pull", "--tag", "built:1", &context],
    ]
    .concat();
    forget(home, &PAYMENTS.image());
    forget(home, "built:1");

    home.cred_helpers(&[]);
    let refused = home.fails("env", &arguments[..]);
    let why = ["no basic auth credentials", "401 Unauthorized"];
    assert!(
        why.iter().any(|why| refused.output().contains(why)),
        "{}",
        refused.report()
    );

    home.cred_helpers(&[PAYMENTS.host]);
    home.succeeds("env", &arguments[..]);
    home.succeeds("docker", ["image", "inspect", "built:1"]);
}

/// The helper's stdout is lost in Docker; its stderr is what people see.
#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn docker_pull_shows_why_there_is_no_token() {
    with_every("docker", |_, mut home| {
        home.cred_helpers(&[PAYMENTS.host]);
        home.record();
        home.break_aws();
        let pull = home.fails("docker", ["pull", &PAYMENTS.image()]);
        let call = home.last_call();
        assert!(
            !call.stdout.contains("credentials not found"),
            "{}",
            pull.report()
        );
        assert!(!call.stderr.trim().is_empty(), "{}", pull.report());
        assert!(
            pull.stderr.contains(call.stderr.trim()),
            "{}",
            pull.report()
        );
    });
}

/// BuildKit shows the helper's stdout.
#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn docker_buildx_build_shows_why_there_is_no_token() {
    with_every("docker", |_, mut home| {
        home.cred_helpers(&[PAYMENTS.host]);
        home.install_buildx();
        home.record();
        home.break_aws();
        let context = home.build_context(&PAYMENTS.image());
        let build = home.fails(
            "docker",
            ["buildx", "build", "--no-cache", "--pull", &context],
        );
        let call = home.last_call();
        assert!(!call.stdout.trim().is_empty(), "{}", build.report());
        assert!(
            build.stderr.contains(call.stdout.trim()),
            "{}",
            build.report()
        );
    });
}
