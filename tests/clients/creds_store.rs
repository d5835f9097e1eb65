//! `"credsStore": "ecrx"` alone, with pass and `docker-credential-pass` for the registries that
//! are not ECR's. The fake helpers of `tests/creds_store.rs` show the rest.

use crate::lab::MINISTACK;
use crate::person::{Home, with_every};
use crate::registry::{HONEST, OTHER, PAYMENTS, Registry};

/// A person whose passwords are in pass, locked by a key of their own without a passphrase. The
/// agent that gpg starts ends with this value.
struct Passwords<'a> {
    home: Home<'a>,
}

impl<'a> Passwords<'a> {
    fn of(mut home: Home<'a>) -> Self {
        home.private_dir("gnupg", "GNUPGHOME");
        home.docker_config("{\"credsStore\":\"ecrx\"}");
        let config = home.file("config.toml", "other_registries_helper = \"pass\"\n");
        home.set("ECRX_CONFIG", &config);
        let passwords = Self { home };
        let key = "lab@example.com";
        let home = &passwords.home;
        home.succeeds(
            "gpg",
            ["--batch", "--passphrase", "", "--quick-gen-key", key],
        );
        home.succeeds("pass", ["init", key]);
        assert_eq!(passwords.kept(), "{}\n");
        passwords
    }

    /// The logins in pass, as its own helper lists them.
    fn kept(&self) -> String {
        self.home
            .succeeds("docker-credential-pass", ["list"])
            .stdout
    }

    /// `docker login`, as a person who has typed it would be satisfied with.
    fn log_in_to(&self, registry: &Registry) {
        let Registry { host, user, .. } = registry;
        let arguments = ["login", "--username", user, "--password-stdin", host];
        let login = self
            .home
            .run_with_input("docker", arguments, registry.password);
        assert_eq!(login.code, Some(0), "{}", login.report());
        assert!(
            login.stdout.contains("Login Succeeded"),
            "{}",
            login.report()
        );
        // No warning that something is kept unencrypted, and nothing of ours.
        assert_eq!(login.stderr, "", "{}", login.report());
    }

    /// Fetches an image that the engine does not have.
    fn pull(&self, registry: &Registry) {
        self.forget(registry);
        self.home.succeeds("docker", ["pull", &registry.image()]);
    }

    fn forget(&self, registry: &Registry) {
        // It need not be there.
        self.home
            .run("docker", ["image", "rm", "--force", &registry.image()]);
    }
}

impl Drop for Passwords<'_> {
    fn drop(&mut self) {
        self.home.run("gpgconf", ["--kill", "all"]);
    }
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo, pass, docker-credential-pass and a Docker Engine: .ci/run installs them"]
fn docker_keeps_other_logins_in_pass_and_pulls_from_both_kinds_of_registries() {
    with_every("docker", |_, home| {
        let passwords = Passwords::of(home);
        let home = &passwords.home;
        passwords.forget(&OTHER);
        home.fails("docker", ["pull", &OTHER.image()]);

        passwords.log_in_to(&OTHER);
        let kept = format!("{{\"{}\":\"{}\"}}\n", OTHER.host, OTHER.user);
        assert_eq!(passwords.kept(), kept);
        let got = home.run_with_input("docker-credential-pass", ["get"], OTHER.host);
        let secret = format!("\"Secret\":\"{}\"", OTHER.password);
        assert!(got.stdout.contains(&secret), "{}", got.report());
        let config = home.read_docker_config();
        assert!(config.contains("credsStore"), "{config}");
        for plain in ["\"auth\"", OTHER.password] {
            assert!(!config.contains(plain), "{config}");
        }

        let through_us = home.run_with_input("docker-credential-ecrx", ["get"], OTHER.host);
        assert_eq!(through_us.stdout, got.stdout, "{}", through_us.report());
        let listed = home.succeeds("docker-credential-ecrx", ["list"]);
        assert_eq!(listed.stdout, kept);

        passwords.pull(&OTHER);
        passwords.pull(&PAYMENTS);
        assert_eq!(passwords.kept(), kept, "nothing of ECR goes there");

        home.succeeds("docker", ["logout", OTHER.host]);
        assert_eq!(passwords.kept(), "{}\n");
        passwords.forget(&OTHER);
        home.fails("docker", ["pull", &OTHER.image()]);
        passwords.pull(&PAYMENTS);
    });
}

/// It asks `list`, then for each login in it, and has none at all when one of them fails.
#[test]
#[ignore = "needs ministack, docker-registry, skopeo, pass, docker-credential-pass and a Docker Engine: .ci/run installs them"]
fn classic_docker_build_starts_from_both_kinds_of_registries() {
    with_every("docker", |lab, mut home| {
        home.set("AWS_ENDPOINT_URL", MINISTACK);
        let _ministack = lab.ministack();
        let passwords = Passwords::of(home);
        let home = &passwords.home;
        passwords.log_in_to(&OTHER);
        passwords.pull(&HONEST);
        let listed = home.succeeds("docker-credential-ecrx", ["list"]);
        for host in [OTHER.host, HONEST.host] {
            assert!(listed.stdout.contains(host), "{}", listed.report());
        }

        passwords.forget(&HONEST);
        passwords.forget(&OTHER);
        let stages = format!("{} AS first\nFROM {}", HONEST.image(), OTHER.image());
        let context = home.build_context(&stages);
        home.builds_classically(&context);
    });
}

#[test]
#[ignore = "needs moto, docker-registry, skopeo and a Docker Engine: .ci/run installs them"]
fn docker_pull_shows_that_the_other_helper_is_missing() {
    with_every("docker", |_, mut home| {
        home.docker_config("{\"credsStore\":\"ecrx\"}");
        let config = home.file("config.toml", "other_registries_helper = \"nobody\"\n");
        home.set("ECRX_CONFIG", &config);
        home.run("docker", ["image", "rm", "--force", &OTHER.image()]);
        let pull = home.fails("docker", ["pull", &OTHER.image()]);
        for told in [
            format!(
                "docker-credential-ecrx: no credentials for {}: docker-credential-nobody is not on PATH\n",
                OTHER.host
            ),
            format!("other_registries_helper at {config}:1\n"),
        ] {
            assert!(pull.stderr.contains(&told), "{}", pull.report());
        }
        // ECR is ours all the same.
        home.run("docker", ["image", "rm", "--force", &PAYMENTS.image()]);
        home.succeeds("docker", ["pull", &PAYMENTS.image()]);
    });
}
