//! `config show`: each layer, the matching rules, and the settings with their sources.

use serde_json::json;

use super::common::{HOST, TestEnvironment};
use super::{configure, prints, prints_json};

const CONFIG: &str = r#"timeout_seconds = 20
other_registries_helper = "pass"

[cache]
max_age_seconds = 7200

[defaults]
role_arn = "arn:aws:iam::{account}:role/pull"

[[registry]]
match = "999999999999/us-west-2"
endpoint_url = "https://vpce-0abc.api.ecr.us-west-2.vpce.amazonaws.com"
max_age_seconds = 600

[[registry]]
match = "*"
accounts = ["999999999999"]
profile = "work"
role_arn = "arn:aws:iam::{account}:role/push"
external_id = "not-to-be-seen"
"#;

fn environment() -> TestEnvironment {
    let mut environment = TestEnvironment::new();
    environment.aws_config(
        "[profile work]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n\
         aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n",
    );
    configure(&mut environment, CONFIG);
    environment
        .set("AWS_ACCESS_KEY_ID", "AKIAI44QH8DHBEXAMPLE")
        .set(
            "AWS_SECRET_ACCESS_KEY",
            "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
        )
        .set("AWS_ENDPOINT_URL_STS", "https://sts.example.com")
        .set("AWS_ECR_CACHE_DIR", "/run/ecrx");
    environment
}

#[test]
fn a_rule_selects_the_identity_and_every_value_has_its_source() {
    prints(
        &environment(),
        &["config", "show", HOST],
        0,
        "\
999999999999.dkr.ecr.us-west-2.amazonaws.com
✓ uses profile work (the access key AKIAIOSFODNN7EXAMPLE), then role
  arn:aws:iam::999999999999:role/push

   SOURCE               IDENTITY
   1 helper name        -
   2 ECRX_ variables    -
→  3 rules              profile work, then role arn:aws:iam::999999999999:role/push; the rule at
                        ecrx.toml:15
   4 AWS_ variables     the access key AKIAI44QH8DHBEXAMPLE; the variable AWS_ACCESS_KEY_ID
   5 [defaults]         role arn:aws:iam::999999999999:role/pull, assumed with the next identity in
                        this list; [defaults] at ecrx.toml:7
   6 AWS default chain  -

Matching rules
  ecrx.toml:10: match = \"999999999999/us-west-2\"
    endpoint_url = \"https://vpce-0abc.api.ecr.us-west-2.vpce.amazonaws.com\"
    max_age_seconds = 600
  ecrx.toml:15: match = \"*\"
    profile work, then role arn:aws:iam::999999999999:role/push

SETTING                           VALUE (SOURCE)
timeout_seconds                   20 s (ecrx.toml:1)
connect_timeout_seconds           3 s
endpoint_url                      https://vpce-0abc.api.ecr.us-west-2.vpce.amazonaws.com
                                  (ecrx.toml:10)
sts_endpoint_url                  https://sts.example.com (AWS_ENDPOINT_URL_STS)
max_age_seconds                   600 s, at most half the token's lifetime (ecrx.toml:10)
cache folder                      /run/ecrx (AWS_ECR_CACHE_DIR)
other_registries_helper           docker-credential-pass (ecrx.toml:2)
other_registries_timeout_seconds  120 s
",
    );
}

#[test]
fn a_variable_takes_precedence_over_a_rule() {
    let mut environment = environment();
    environment.set(
        "ECRX_ROLE_ARN_999999999999",
        "arn:aws:iam::999999999999:role/ci",
    );
    let outcome = environment.run(&["config", "show", HOST], "");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    for line in [
        "✓ uses the access key AKIAI44QH8DHBEXAMPLE, then role arn:aws:iam::999999999999:role/ci\n",
        "→  2 ECRX_ variables    role arn:aws:iam::999999999999:role/ci, assumed with the next identity in\n                        \
         this list; the variable ECRX_ROLE_ARN_999999999999\n",
        "   3 rules              profile work",
    ] {
        assert!(outcome.stdout.contains(line), "{line}: {}", outcome.stdout);
    }
}

#[test]
fn without_a_usable_identity_the_reason_is_shown_and_it_fails() {
    let mut environment = TestEnvironment::new();
    environment.set("AWS_PROFILE", "wrok");
    let outcome = environment.run(&["config", "show", HOST], "");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(1), ""));
    for part in [
        "✗ no credentials for 999999999999.dkr.ecr.us-west-2.amazonaws.com: the AWS profile `wrok`",
        "   4 AWS_ variables     error: the AWS profile `wrok` does not exist in",
        "To list the profiles, run: aws configure list-profiles",
        "\nNo matching rule\n",
    ] {
        assert!(outcome.stdout.contains(part), "{part}: {}", outcome.stdout);
    }
}

#[test]
fn the_same_facts_are_printed_as_json() {
    let environment = environment();
    let layer = |layer: &str, says: Option<&str>, by: Option<&str>| {
        json!({
            "layer": layer,
            "decides": layer == "rules",
            "says": says,
            "by": by,
            "error": null,
        })
    };
    let setting =
        |name: &str, value: &str, from: &str| json!({ "name": name, "value": value, "from": from });
    let push = "profile work, then role arn:aws:iam::999999999999:role/push";
    prints_json(
        &environment,
        &["config", "show", "999999999999/us-west-2", "--json"],
        0,
        json!({
            "registry": HOST,
            "decides": "rules",
            "asks_as": "profile work (the access key AKIAIOSFODNN7EXAMPLE), then role \
                        arn:aws:iam::999999999999:role/push",
            "error": null,
            "hints": [],
            "layers": [
                layer("name", None, None),
                layer("ecrx_variables", None, None),
                layer("rules", Some(push), Some("the rule at ecrx.toml:15")),
                layer(
                    "aws_variables",
                    Some("the access key AKIAI44QH8DHBEXAMPLE"),
                    Some("the variable AWS_ACCESS_KEY_ID"),
                ),
                layer(
                    "defaults",
                    Some("role arn:aws:iam::999999999999:role/pull, assumed with the next identity in this list"),
                    Some("[defaults] at ecrx.toml:7"),
                ),
                layer("sdk", None, None),
            ],
            "rules": [
                {
                    "file": "ecrx.toml",
                    "line": 10,
                    "match": "999999999999/us-west-2",
                    "accounts": [],
                    "says": null,
                    "error": null,
                    "endpoint_url": "https://vpce-0abc.api.ecr.us-west-2.vpce.amazonaws.com",
                    "sts_endpoint_url": null,
                    "max_age_seconds": 600,
                },
                {
                    "file": "ecrx.toml",
                    "line": 15,
                    "match": "*",
                    "accounts": ["999999999999"],
                    "says": push,
                    "error": null,
                    "endpoint_url": null,
                    "sts_endpoint_url": null,
                    "max_age_seconds": null,
                },
            ],
            "settings": [
                setting("timeout_seconds", "20 s", "ecrx.toml:1"),
                setting("connect_timeout_seconds", "3 s", "default"),
                setting(
                    "endpoint_url",
                    "https://vpce-0abc.api.ecr.us-west-2.vpce.amazonaws.com",
                    "ecrx.toml:10",
                ),
                setting("sts_endpoint_url", "https://sts.example.com", "AWS_ENDPOINT_URL_STS"),
                setting(
                    "max_age_seconds",
                    "600 s, at most half the token's lifetime",
                    "ecrx.toml:10",
                ),
                setting("cache folder", "/run/ecrx", "AWS_ECR_CACHE_DIR"),
                setting("other_registries_helper", "docker-credential-pass", "ecrx.toml:2"),
                setting("other_registries_timeout_seconds", "120 s", "default"),
            ],
        }),
    );
}

#[test]
fn the_renewal_age_is_shown_with_its_source() {
    let said = |environment: &TestEnvironment, host: &str| {
        let outcome = environment.run(&["config", "show", host, "--json"], "");
        let report: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        let settings = report["settings"].as_array().expect("a list");
        let age = settings
            .iter()
            .find(|setting| setting["name"] == "max_age_seconds")
            .expect("an age");
        let text = |key: &str| age[key].as_str().expect("a text").to_owned();
        (text("value"), text("from"))
    };
    let pair = |value: &str, from: &str| (value.to_owned(), from.to_owned());
    let mut environment = environment();
    let of_cache = said(&environment, "111122223333/eu-west-1");
    assert_eq!(
        of_cache,
        pair("7200 s, at most half the token's lifetime", "ecrx.toml:5")
    );
    environment.set("AWS_SESSION_TOKEN", "token");
    let of_source = said(&environment, "111122223333/eu-west-1");
    assert_eq!(
        of_source,
        pair(
            "3240 to 3600 s, at most half the token's lifetime",
            "limit of this credential source"
        )
    );
    let mut environment = TestEnvironment::new();
    environment
        .set("AWS_ACCESS_KEY_ID", "AKIAI44QH8DHBEXAMPLE")
        .set(
            "AWS_SECRET_ACCESS_KEY",
            "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
        );
    assert_eq!(
        said(&environment, HOST),
        pair("45 to 50 % of the token's lifetime", "default")
    );
    configure(
        &mut environment,
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::111122223333:role/r\"\n\
         mfa_serial = \"arn:aws:iam::111122223333:mfa/alice\"\n",
    );
    assert_eq!(
        said(&environment, HOST),
        pair("until shortly before expiry (MFA)", "default")
    );
}
