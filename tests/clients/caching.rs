//! What only honest tokens can show. ministack's live 12 hours, as ECR's do; moto's are
//! born expired.

use crate::lab::MINISTACK;
use crate::person::with_every;
use crate::registry::HONEST;

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn second_get_is_answered_from_the_cache_when_aws_is_gone() {
    with_every("sh", |lab, mut home| {
        home.set("AWS_ENDPOINT_URL", MINISTACK);
        let get = || home.run_with_input("docker-credential-ecrx", ["get"], HONEST.host);
        let ministack = lab.ministack();
        let first = get();
        assert_eq!(first.code, Some(0), "{}", first.report());
        assert!(first.stdout.contains(HONEST.password), "{}", first.report());

        drop(ministack);
        let second = get();
        assert_eq!(second.code, Some(0), "{}", second.report());
        assert_eq!(second.stdout, first.stdout);
        assert_eq!(second.stderr, "");
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn warm_get_opens_no_socket() {
    with_every("strace", |lab, mut home| {
        home.set("AWS_ENDPOINT_URL", MINISTACK);
        let _ministack = lab.ministack();
        let get = [
            "-f",
            "-e",
            "trace=socket,connect",
            "docker-credential-ecrx",
            "get",
        ];
        let cold = home.run_with_input("strace", get, HONEST.host);
        assert!(cold.stdout.contains(HONEST.password), "{}", cold.report());
        assert!(cold.stderr.contains("connect("), "{}", cold.report());

        let warm = home.run_with_input("strace", get, HONEST.host);
        assert_eq!(warm.stdout, cold.stdout);
        assert!(!warm.stderr.contains("socket("), "{}", warm.report());
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn every_client_pulls_with_the_cached_token_when_aws_is_gone() {
    with_every("docker", |lab, mut home| {
        home.cred_helpers(&[HONEST.host]);
        home.set("AWS_ENDPOINT_URL", MINISTACK);
        let ministack = lab.ministack();
        let image = format!("docker://{}", HONEST.image());
        home.succeeds("skopeo", ["inspect", &image]);

        drop(ministack);
        home.run("docker", ["image", "rm", "--force", &HONEST.image()]);
        home.succeeds("docker", ["pull", &HONEST.image()]);
        home.succeeds("podman", ["pull", &HONEST.image()]);
        home.succeeds("buildah", ["pull", &HONEST.image()]);
        home.succeeds("skopeo", ["inspect", &image]);

        // The counter-proof: logout forgets the token, and AWS is really gone.
        home.succeeds("docker", ["logout", HONEST.host]);
        home.fails("docker", ["pull", &HONEST.image()]);
    });
}

/// With `credsStore`, a classic build asks `list` first and then for each host in it.
#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn classic_docker_build_through_creds_store_after_a_pull() {
    with_every("docker", |lab, mut home| {
        home.docker_config("{\"credsStore\":\"ecrx\"}");
        home.set("AWS_ENDPOINT_URL", MINISTACK);
        let _ministack = lab.ministack();
        home.succeeds("docker", ["pull", &HONEST.image()]);

        home.run("docker", ["image", "rm", "--force", &HONEST.image()]);
        home.record();
        let context = home.build_context(&HONEST.image());
        let built = home.builds_classically(&context);
        assert_eq!(
            home.verbs().first().map(String::as_str),
            Some("list"),
            "{}",
            built.report()
        );
    });
}

/// Where version 1 of instance metadata names the role.
fn version_1() -> String {
    format!("{MINISTACK}/latest/meta-data/iam/security-credentials/")
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn docker_pull_with_instance_metadata_as_the_only_source() {
    with_every("docker", |lab, mut home| {
        home.cred_helpers(&[HONEST.host]);
        home.set("AWS_ENDPOINT_URL", MINISTACK);
        home.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", MINISTACK);
        home.unset("AWS_ACCESS_KEY_ID");
        home.unset("AWS_SECRET_ACCESS_KEY");
        let _ministack = lab.ministack();
        home.run("docker", ["image", "rm", "--force", &HONEST.image()]);
        home.fails("docker", ["pull", &HONEST.image()]);
        // A `get` waits for it for one second, and what it is asked first may take it longer.
        home.fails("busybox", ["wget", "-qO-", &version_1()]);

        home.unset("AWS_EC2_METADATA_DISABLED");
        home.succeeds("docker", ["pull", &HONEST.image()]);
    });
}

/// ministack makes up a session of its own for every instance, so the access key is all that
/// it can tell of who asks.
#[test]
#[ignore = "needs moto, docker-registry, skopeo, podman, buildah and a Docker Engine: .ci/run installs them"]
fn second_get_needs_no_instance_metadata_and_the_first_speaks_its_version_2() {
    with_every("sh", |lab, mut home| {
        home.set("AWS_ENDPOINT_URL", MINISTACK);
        home.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", MINISTACK);
        home.unset("AWS_EC2_METADATA_DISABLED");
        home.unset("AWS_ACCESS_KEY_ID");
        home.unset("AWS_SECRET_ACCESS_KEY");
        let ministack = lab.ministack();
        // Version 1 has no session tokens. This also spares the `get`, which waits for one
        // second, ministack's start-up.
        let version_1 = home.fails("busybox", ["wget", "-qO-", &version_1()]);
        assert!(version_1.stderr.contains("401"), "{}", version_1.report());

        let get = || home.run_with_input("docker-credential-ecrx", ["get"], HONEST.host);
        let first = get();
        assert_eq!(first.code, Some(0), "{}", first.report());
        assert!(first.stdout.contains(HONEST.password), "{}", first.report());
        let calls = lab.cloud_trail();
        let names: Vec<&str> = calls.iter().map(|(name, _)| name.as_str()).collect();
        let requested = ["PUT.imds", "GET.imds", "GET.imds", "GetAuthorizationToken"];
        assert_eq!(names, [&["GET.imds"][..], &requested].concat());
        let (_, access_key) = &calls[4];
        assert!(access_key.starts_with("ASIA"), "no session: {access_key}");

        drop(ministack);
        let second = get();
        assert_eq!(second.code, Some(0), "{}", second.report());
        assert_eq!(
            (second.stdout, second.stderr),
            (first.stdout, String::new())
        );

        // The counter-proof: no source gives credentials any more.
        home.run_with_input("docker-credential-ecrx", ["erase"], HONEST.host);
        let third = get();
        assert_eq!(third.code, Some(1), "{}", third.report());
        assert!(
            third.stdout.contains("instance metadata"),
            "{}",
            third.report()
        );
    });
}
