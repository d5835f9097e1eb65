//! `whoami` and `config show` without a host: every registry that is configured.

use serde_json::json;

use super::common::{HOST, TestEnvironment};
use super::{configure, prints, prints_json};

const RULES: &str = r#"
[[registry]]
match = "999999999999/us-west-2"
profile = "work"

[[registry]]
match = "111122223333"
role_arn = "arn:aws:iam::111122223333:role/pull"

[[registry]]
match = "images.example.com"
account = "444455556666"
region = "eu-west-1"
profile = "wrok"

[identity.release]
profile = "work"
"#;

const IRELAND: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

/// Rules, and entries of docker and podman.
fn environment() -> TestEnvironment {
    let mut environment = TestEnvironment::new();
    environment.aws_config(
        "[profile work]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n\
         aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n",
    );
    configure(&mut environment, RULES);
    environment
        .set("AWS_ACCESS_KEY_ID", "AKIAI44QH8DHBEXAMPLE")
        .set(
            "AWS_SECRET_ACCESS_KEY",
            "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
        )
        .set("REGISTRY_AUTH_FILE", "auth.json")
        // The length of the home folder must not decide where lines are wrapped.
        .set("COLUMNS", "300");
    let entries = json!({ "credHelpers": {
        HOST: "ecrx",
        IRELAND: "ecrx-release",
        "quay.io": "ecrx",
        "public.ecr.aws": "ecr-login",
    }});
    environment.write(".docker/config.json", &entries.to_string());
    let entries = json!({ "credHelpers": { IRELAND: "ecrx" } });
    environment.write("auth.json", &entries.to_string());
    environment
}

#[test]
fn whoami_without_a_host_shows_the_identity_of_every_configured_registry() {
    prints(
        &environment(),
        &["whoami"],
        1,
        "\
REGISTRY                                                   IDENTITY
999999999999.dkr.ecr.us-west-2.amazonaws.com               profile work (the access key AKIAIOSFODNN7EXAMPLE)
                                                           selected by the rule at ecrx.toml:2
111122223333                                               depends on the registry
images.example.com                                         ✗ no credentials for images.example.com: the AWS profile `wrok` does not exist in HOME/.aws/config and HOME/.aws/credentials (selected by the rule at ecrx.toml:10)
111122223333.dkr.ecr.eu-west-1.amazonaws.com (as release)  profile work (the access key AKIAIOSFODNN7EXAMPLE)
                                                           selected by the name docker-credential-ecrx-release and [identity.release] at ecrx.toml:16
public.ecr.aws                                             ! clients run docker-credential-ecr-login for this registry, not docker-credential-ecrx
quay.io                                                    ! not an ECR registry, so docker-credential-ecrx has no credentials for it
111122223333.dkr.ecr.eu-west-1.amazonaws.com               the access key AKIAI44QH8DHBEXAMPLE, then role arn:aws:iam::111122223333:role/pull
                                                           selected by the rule at ecrx.toml:6
",
    );
}

#[test]
fn config_show_without_a_host_shows_where_every_registry_is_configured() {
    prints(
        &environment(),
        &["config", "show"],
        1,
        "\
REGISTRY                                                   SELECTED BY    CONFIGURED IN
999999999999.dkr.ecr.us-west-2.amazonaws.com               rules          ecrx.toml:2, HOME/.docker/config.json
111122223333                                               -              ecrx.toml:6
images.example.com                                         ✗ no identity  ecrx.toml:10
111122223333.dkr.ecr.eu-west-1.amazonaws.com (as release)  helper name    HOME/.docker/config.json
public.ecr.aws                                             -              HOME/.docker/config.json
                                                                          ! clients run docker-credential-ecr-login for this registry, not docker-credential-ecrx
quay.io                                                    -              HOME/.docker/config.json
                                                                          ! not an ECR registry, so docker-credential-ecrx has no credentials for it
111122223333.dkr.ecr.eu-west-1.amazonaws.com               rules          auth.json
",
    );
}

#[test]
fn the_configured_registries_are_printed_as_json_by_both_commands() {
    let mut environment = environment();
    configure(
        &mut environment,
        "[[registry]]\nmatch = \"999999999999/us-west-2\"\nprofile = \"work\"\n",
    );
    environment.write("auth.json", "{}");
    environment.write(
        ".docker/config.json",
        &json!({ "credHelpers": { HOST: "ecrx" } }).to_string(),
    );
    for command in [&["whoami", "--json"][..], &["config", "show", "--json"]] {
        prints_json(
            &environment,
            command,
            0,
            json!({ "registries": [{
                "registry": HOST,
                "run_as": null,
                "configured_in": ["ecrx.toml:1", "HOME/.docker/config.json"],
                "layer": "rules",
                "identity": "profile work (the access key AKIAIOSFODNN7EXAMPLE)",
                "chosen_by": "the rule at ecrx.toml:1",
                "error": null,
                "warning": null,
            }], "errors": [] }),
        );
    }
}

#[test]
fn a_client_file_that_cannot_be_read_is_told_and_fails() {
    let environment = environment();
    environment.write(
        "auth.json",
        "{ \"credHelpers\": { \"public.ecr.aws\": \"ecrx\", } }",
    );
    for command in [&["whoami"][..], &["config", "show"]] {
        let outcome = environment.run(command, "");
        assert_eq!((outcome.code, &*outcome.stderr), (Some(1), ""));
        assert!(
            outcome.stdout.contains(
                "\n✗ auth.json:1:46: key must be a string; docker and podman cannot read"
            ),
            "{}",
            outcome.stdout
        );
    }
    let environment = TestEnvironment::new();
    std::fs::create_dir_all(environment.home().join(".docker/config.json")).expect("a folder");
    prints(
        &environment,
        &["whoami"],
        1,
        "✗ HOME/.docker/config.json is not a regular file\n",
    );
    prints_json(
        &environment,
        &["whoami", "--json"],
        1,
        json!({
            "registries": [],
            "errors": ["HOME/.docker/config.json is not a regular file"],
        }),
    );
}

/// A folder with executable files of these names.
#[cfg(unix)]
fn programs(environment: &TestEnvironment, names: &[&str]) -> String {
    use std::os::unix::fs::PermissionsExt as _;

    for name in names {
        let path = environment.write(&format!("bin/{name}"), "");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
            .expect("permissions");
    }
    environment.home().join("bin").display().to_string()
}

#[cfg(unix)]
#[test]
fn a_registry_whose_helper_is_absent_or_another_program_is_told() {
    let mut environment = TestEnvironment::new();
    let path = programs(
        &environment,
        &["docker-credential-ecrx", "docker-credential-ecr-login"],
    );
    environment
        .set("PATH", &path)
        .set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .set(
            "AWS_SECRET_ACCESS_KEY",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        )
        .set("COLUMNS", "300");
    let entries = json!({ "credHelpers": {
        HOST: "ecrx",
        IRELAND: "ecrx-release",
        "public.ecr.aws": "ecr-login",
        "444455556666.dkr.ecr.eu-west-1.amazonaws.com": "absent",
        "ghcr.io": "absent",
    }});
    environment.write(".docker/config.json", &entries.to_string());
    environment
        .config("[identity.release]\nrole_arn = \"arn:aws:iam::111122223333:role/release\"\n");
    prints(
        &environment,
        &["whoami"],
        0,
        "\
REGISTRY                                                   IDENTITY
111122223333.dkr.ecr.eu-west-1.amazonaws.com (as release)  the access key AKIAIOSFODNN7EXAMPLE, then role arn:aws:iam::111122223333:role/release
                                                           selected by the name docker-credential-ecrx-release and [identity.release] at HOME/.config/docker-credential-ecrx/config.toml:1
                                                           ! docker-credential-ecrx-release is not on PATH, so clients cannot run it
444455556666.dkr.ecr.eu-west-1.amazonaws.com               ! docker-credential-absent is not on PATH, so clients cannot run it
999999999999.dkr.ecr.us-west-2.amazonaws.com               the access key AKIAIOSFODNN7EXAMPLE
                                                           selected by the variable AWS_ACCESS_KEY_ID
public.ecr.aws                                             ! clients run docker-credential-ecr-login for this registry, not docker-credential-ecrx
",
    );
}

#[test]
fn a_host_that_is_handed_to_another_helper_is_shown_with_it() {
    let mut environment = TestEnvironment::new();
    configure(&mut environment, "other_registries_helper = \"pass\"\n");
    environment.write(
        ".docker/config.json",
        r#"{"credHelpers":{"quay.io":"ecrx"}}"#,
    );
    prints(
        &environment,
        &["whoami"],
        0,
        "\
REGISTRY  IDENTITY
quay.io   a login saved by docker-credential-pass
          selected by other_registries_helper at ecrx.toml:1
",
    );
}

#[test]
fn without_any_registry_the_command_to_run_is_printed() {
    let environment = TestEnvironment::new();
    for command in [&["whoami"][..], &["config", "show"]] {
        prints(
            &environment,
            command,
            0,
            "no registries are configured\nRun: docker-credential-ecrx configure-docker HOST\n",
        );
    }
}
