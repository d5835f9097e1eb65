//! What a rule limits tokens to, in every command that shows it.

use serde_json::json;

use super::common::fake_aws::FakeAws;
use super::common::{HOST, TestEnvironment};
use super::{configure, prints};

const RULES: &str = r#"
[[registry]]
match = "999999999999"
role_arn = "arn:aws:iam::999999999999:role/ecr"

[[registry]]
match = "*"
access = "pull"
access_repositories = ["team/*", "base"]
access_pull_through = true
"#;

const LIMITED: &str = "limited to pull of team/*, base, including pull-through caches";

fn json_of(environment: &TestEnvironment, arguments: &[&str]) -> serde_json::Value {
    let outcome = environment.run(arguments, "");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    serde_json::from_str(&outcome.stdout).expect("JSON")
}

#[test]
fn whoami_shows_the_access_and_its_policy() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    configure(&mut environment, RULES);
    let url = aws.url();
    prints(
        &environment,
        &["whoami", HOST],
        0,
        &format!(
            "\
999999999999.dkr.ecr.us-west-2.amazonaws.com
selected by  the rule at ecrx.toml:2
source       the access key AKIAIOSFODNN7EXAMPLE
role         arn:aws:iam::999999999999:role/ecr, session docker-credential-ecrx, no external ID
access       {LIMITED} (ecrx.toml:6)
ECR          us-west-2, at {url}
STS          us-west-2, at {url}
token        not cached; the next get requests one
"
        ),
    );
    let report = json_of(&environment, &["whoami", HOST, "--json"]);
    let arns = json!([
        "arn:aws:ecr:us-west-2:999999999999:repository/team/*",
        "arn:aws:ecr:us-west-2:999999999999:repository/base"
    ]);
    assert_eq!(
        report["access"],
        json!({
            "access": "pull",
            "repositories": ["team/*", "base"],
            "pull_through": true,
            "rule": "ecrx.toml:6",
            "policy": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "GetToken",
                        "Effect": "Allow",
                        "Action": "ecr:GetAuthorizationToken",
                        "Resource": "*",
                    },
                    {
                        "Sid": "PullImages",
                        "Effect": "Allow",
                        "Action": [
                            "ecr:BatchCheckLayerAvailability",
                            "ecr:BatchGetImage",
                            "ecr:GetDownloadUrlForLayer",
                        ],
                        "Resource": arns,
                    },
                    {
                        "Sid": "PullThroughCache",
                        "Effect": "Allow",
                        "Action": ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository"],
                        "Resource": arns,
                    },
                ],
            },
        })
    );
    assert_eq!(aws.connections(), 0);
}

#[test]
fn cache_list_and_config_show_have_it_too() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    configure(&mut environment, RULES);
    environment.get(HOST).answer();
    let identity = format!(
        "the access key AKIAIOSFODNN7EXAMPLE, then role arn:aws:iam::999999999999:role/ecr, {LIMITED}"
    );
    let list = json_of(&environment, &["cache", "list", "--json"]);
    assert_eq!(list["tokens"][0]["identity"], identity);
    let text = environment.run(&["cache", "list"], "").stdout;
    assert!(one_line(&text).contains(&identity), "{text}");

    let report = json_of(&environment, &["config", "show", HOST, "--json"]);
    assert_eq!(report["asks_as"], identity);
    let access = json!({
        "access": "pull",
        "repositories": ["team/*", "base"],
        "pull_through": true,
    });
    assert_eq!(report["rules"][1]["access"], access);
    assert_eq!(report["rules"][0].get("access"), None);
    let text = environment.run(&["config", "show", HOST], "").stdout;
    for expected in [
        "access = pull of team/*, base, including pull-through caches",
        "access pull of team/*, base, including pull-through caches (ecrx.toml:6)",
    ] {
        assert!(one_line(&text).contains(expected), "{text}");
    }
}

/// The words of a text.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn config_check_finds_a_profile_without_the_role_that_is_needed() {
    let mut environment = TestEnvironment::new();
    environment.aws_config(
        "[profile keys]\naws_access_key_id = a\naws_secret_access_key = b\n\
         [profile role]\nsource_profile = keys\nrole_arn = arn:aws:iam::111122223333:role/r\n",
    );
    let rule = |account: &str, lines: &str| {
        format!("[[registry]]\nmatch = \"{account}\"\n{lines}\naccess = \"pull\"\n")
    };
    let rules = [
        rule("999999999999", "profile = \"keys\""),
        rule("444455556666", "profile = \"role\""),
        rule(
            "111122223333",
            "profile = \"keys\"\nrole_arn = \"arn:aws:iam::111122223333:role/r\"",
        ),
    ];
    configure(&mut environment, &rules.concat());
    prints(
        &environment,
        &["config", "check"],
        1,
        "\
ECRX_CONFIG  ecrx.toml: 3 rules
✗ ecrx.toml:1: `access` needs a role, but the AWS profile `keys` has none; add `role_arn` to the
  rule or remove `access`
",
    );
}

#[test]
fn clients_that_send_only_the_host_are_told_of_if_their_access_differs() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    configure(
        &mut environment,
        "[[registry]]\nmatch = \"999999999999/us-west-2/team/*\"\naccess = \"push\"\n\
         [[registry]]\nmatch = \"999999999999\"\nrole_arn = \"arn:aws:iam::999999999999:role/ecr\"\naccess = \"pull\"\n",
    );
    let image = format!("{HOST}/team/app");
    let text = environment.run(&["whoami", &image], "").stdout;
    for expected in [
        "access limited to push and pull (ecrx.toml:1)",
        "! clients that send only the host, such as docker and podman, use the access key \
         AKIAIOSFODNN7EXAMPLE, then role arn:aws:iam::999999999999:role/ecr, limited to pull",
    ] {
        assert!(one_line(&text).contains(expected), "{text}");
    }
}
