//! Rules for repositories in `whoami`, `config check` and `config show`: what applies to an image, and
//! what to clients that send only the host.

use serde_json::Value;

use super::common::{HOST, TestEnvironment};
use super::{configure, prints};

const RULES: &str = r#"
[[registry]]
match = "999999999999/us-west-2/team/*"
profile = "team"

[[registry]]
match = "999999999999/us-west-2"
profile = "work"
"#;

fn environment() -> TestEnvironment {
    let mut environment = TestEnvironment::new();
    let profile = |name: &str, id: &str| {
        format!("[profile {name}]\naws_access_key_id = {id}\naws_secret_access_key = secret\n")
    };
    environment.aws_config(&format!(
        "{}{}",
        profile("work", "AKIAIOSFODNN7EXAMPLE"),
        profile("team", "AKIAI44QH8DHBEXAMPLE")
    ));
    configure(&mut environment, RULES);
    environment.set("COLUMNS", "300");
    environment
}

#[test]
fn whoami_shows_the_identity_for_an_image_and_that_of_clients_that_send_only_the_host() {
    let environment = environment();
    prints(
        &environment,
        &["whoami", &format!("{HOST}/team/app:v1")],
        0,
        "\
999999999999.dkr.ecr.us-west-2.amazonaws.com
repository   team/app
selected by  the rule at ecrx.toml:2
profile      team
source       the access key AKIAI44QH8DHBEXAMPLE
ECR          us-west-2
token        not cached; the next get requests one
! clients that send only the host, such as docker and podman, use profile work (the access key AKIAIOSFODNN7EXAMPLE), selected by the rule at ecrx.toml:6
",
    );
    // An image with the same identity needs no remark.
    prints(
        &environment,
        &["whoami", &format!("{HOST}/other/app")],
        0,
        "\
999999999999.dkr.ecr.us-west-2.amazonaws.com
repository   other/app
selected by  the rule at ecrx.toml:6
profile      work
source       the access key AKIAIOSFODNN7EXAMPLE
ECR          us-west-2
token        not cached; the next get requests one
",
    );
}

#[test]
fn whoami_says_that_rules_for_repositories_do_not_apply_to_the_host_alone() {
    prints(
        &environment(),
        &["whoami", HOST],
        0,
        "\
999999999999.dkr.ecr.us-west-2.amazonaws.com
selected by  the rule at ecrx.toml:6
profile      work
source       the access key AKIAIOSFODNN7EXAMPLE
ECR          us-west-2
token        not cached; the next get requests one
· rules for repositories, such as `team/*`, do not apply to the host alone; to see the identity for an image, name the image
",
    );
}

#[test]
fn the_json_has_the_same_remark() {
    let environment = environment();
    let image = format!("{HOST}/team/app");
    let remark = "clients that send only the host, such as docker and podman, use profile work (the access key AKIAIOSFODNN7EXAMPLE), selected by the rule at ecrx.toml:6";
    for command in [&["whoami"][..], &["config", "show"]] {
        let json = |target: &str| -> Value {
            let arguments = [command, &[target, "--json"]].concat();
            serde_json::from_str(&environment.run(&arguments, "").stdout).expect("JSON")
        };
        let report = json(&image);
        assert_eq!(report["repository"], "team/app", "{report}");
        assert_eq!(report["host_only"], remark, "{report}");
        let report = json(&format!("{HOST}/other/app"));
        assert_eq!(report["repository"], "other/app", "{report}");
        assert_eq!(report["host_only"], Value::Null, "{report}");
    }
}

#[test]
fn config_show_has_the_rules_that_match_an_image() {
    let environment = environment();
    let shown = |target: &str| {
        let outcome = environment.run(&["config", "show", target], "");
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        outcome.stdout
    };
    let rule = "  ecrx.toml:2: match = \"999999999999/us-west-2/team/*\"\n    profile team\n";
    let of_image = shown(&format!("{HOST}/team/app"));
    assert!(
        of_image.starts_with(&format!("{HOST}/team/app\n")),
        "{of_image}"
    );
    assert!(of_image.contains(rule), "{of_image}");
    assert!(!shown(HOST).contains(rule));
}

#[test]
fn each_rule_for_repositories_is_listed_with_its_identity() {
    prints(
        &environment(),
        &["whoami"],
        0,
        "\
REGISTRY                                      IDENTITY
999999999999/us-west-2/team/*                 profile team (the access key AKIAI44QH8DHBEXAMPLE)
                                              selected by the rule at ecrx.toml:2
999999999999.dkr.ecr.us-west-2.amazonaws.com  profile work (the access key AKIAIOSFODNN7EXAMPLE)
                                              selected by the rule at ecrx.toml:6
",
    );
}

#[test]
fn config_check_says_which_clients_the_rules_apply_to() {
    prints(
        &environment(),
        &["config", "check"],
        0,
        "\
ECRX_CONFIG  ecrx.toml: 2 rules
✓ no mistakes found
note: the rules for repositories apply to the kubelet and to clients that send the repository, not to clients that send only the host, such as docker and podman: ecrx.toml:2
",
    );
}

#[test]
fn config_check_finds_rules_for_repositories_after_one_for_their_registry() {
    let mut environment = environment();
    let late = "[[registry]]\nmatch = \"999999999999/us-west-2/late/*\"\nprofile = \"team\"\n";
    configure(&mut environment, &format!("{RULES}{late}"));
    let outcome = environment.run(&["config", "check"], "");
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let line = "✗ ecrx.toml:9: the rule for `999999999999/us-west-2/late/*` is never used because an earlier rule matches first: line 6\n";
    assert!(outcome.stdout.contains(line), "{outcome:?}");
}

#[test]
fn configure_docker_skips_rules_for_repositories() {
    let environment = environment();
    let outcome = environment.run(&["configure-docker", "--all", "--dry-run"], "");
    let skipped = "the rule for `999999999999/us-west-2/team/*` matches repositories, and clients send only the host";
    let told = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(told.contains(skipped), "{outcome:?}");
    assert!(told.contains(HOST), "{outcome:?}");
}
