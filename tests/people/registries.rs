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
            }]}),
        );
    }
}

#[test]
fn without_any_registry_the_command_to_run_is_printed() {
    let environment = TestEnvironment::new();
    for command in [&["whoami"][..], &["config", "show"]] {
        prints(
            &environment,
            command,
            0,
            "No registry is configured.\nRun: docker-credential-ecrx configure-docker HOST\n",
        );
    }
}
