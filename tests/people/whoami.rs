//! `whoami`: the identity that would be used, and why. It makes no network calls.

use serde_json::json;

use super::common::fake_aws::{FakeAws, SSO_ACCESS_TOKEN};
use super::common::sources::{START_URL, sso_session};
use super::common::{HOST, TestEnvironment};
use super::{configure, prints, prints_json, told};

const ACCESS_KEY: &str = "[profile work]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
";

const CHAIN: &str = r#"
[[registry]]
match = "999999999999/us-west-2"
endpoint_url = "https://vpce-0abc.api.ecr.us-west-2.vpce.amazonaws.com"

[[registry]]
match = "999999999999"
profile = "work"
role_arn = ["arn:aws:iam::111122223333:role/hub", "arn:aws:iam::999999999999:role/ecr-push"]
external_id = "not-to-be-seen"
role_session_name = "build-4711"
duration_seconds = 1800
mfa_serial = "arn:aws:iam::111122223333:mfa/alice"
"#;

#[test]
fn a_chain_of_roles_is_shown_without_its_external_id() {
    let mut environment = TestEnvironment::new();
    environment.aws_config(ACCESS_KEY);
    configure(&mut environment, CHAIN);
    environment.set("AWS_PROFILE", "other");
    environment.set("AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
    prints(
        &environment,
        &["whoami", HOST],
        0,
        "\
999999999999.dkr.ecr.us-west-2.amazonaws.com
selected by  the rule at ecrx.toml:6
profile      work
source       the access key AKIAIOSFODNN7EXAMPLE
role 1       arn:aws:iam::111122223333:role/hub, session build-4711, no external ID, MFA device
             arn:aws:iam::111122223333:mfa/alice
role 2       arn:aws:iam::999999999999:role/ecr-push, session build-4711 for 1800 s, external ID set
ECR          us-west-2, at https://vpce-0abc.api.ecr.us-west-2.vpce.amazonaws.com
STS          us-west-2
not used     AWS_PROFILE, AWS_WEB_IDENTITY_TOKEN_FILE
token        not cached; the next get requests one
",
    );
    prints_json(
        &environment,
        &["whoami", HOST, "--json"],
        0,
        json!({
            "registry": HOST,
            "account": "999999999999",
            "region": "us-west-2",
            "chosen_by": {
                "layer": "rules",
                "by": "the rule at ecrx.toml:6",
                "file": "ecrx.toml",
                "line": 6,
            },
            "profile": "work",
            "source": { "kind": "keys", "is": "the access key AKIAIOSFODNN7EXAMPLE" },
            "sign_in": null,
            "roles": [
                {
                    "arn": "arn:aws:iam::111122223333:role/hub",
                    "session_name": "build-4711",
                    "external_id": false,
                    "mfa_device": "arn:aws:iam::111122223333:mfa/alice",
                    "duration_seconds": null,
                },
                {
                    "arn": "arn:aws:iam::999999999999:role/ecr-push",
                    "session_name": "build-4711",
                    "external_id": true,
                    "mfa_device": null,
                    "duration_seconds": 1800,
                },
            ],
            "ecr": {
                "region": "us-west-2",
                "url": "https://vpce-0abc.api.ecr.us-west-2.vpce.amazonaws.com",
                "fips": false,
                "dual_stack": false,
            },
            "sts": { "region": "us-west-2", "url": null, "fips": false, "dual_stack": false },
            "passed_over": ["AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"],
            "cache": { "off": null, "token": null },
        }),
    );
}

#[test]
fn a_cached_token_is_shown_without_network_calls() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    // The age of a renewal is a matter of chance otherwise.
    configure(&mut environment, "[cache]\nmax_age_seconds = 21600\n");
    environment.get(HOST).answer();
    environment.age_cache(3600 + 30);
    aws.clear();
    let url = aws.url();
    let line = |token: &str| {
        format!(
            "999999999999.dkr.ecr.us-west-2.amazonaws.com\n\
             selected by  the variable AWS_ACCESS_KEY_ID\n\
             source       the access key AKIAIOSFODNN7EXAMPLE\n\
             ECR          us-west-2, at {url}\n\
             token        {token}\n"
        )
    };
    let until = |environment: &TestEnvironment| {
        let entry = std::fs::read(&environment.entries()[0]).expect("a file");
        let entry: serde_json::Value = serde_json::from_slice(&entry).expect("JSON");
        let end = entry["expires_at"].as_i64().expect("a moment");
        let end = time::OffsetDateTime::from_unix_timestamp(end).expect("a moment");
        end.format(&time::format_description::well_known::Rfc3339)
            .expect("a text")
    };
    let token = format!(
        "cached, requested 1 h ago, renewal in 4 h 59 min, expires {}",
        until(&environment)
    );
    prints(&environment, &["whoami", HOST], 0, &line(&token));
    environment.age_cache(6 * 3600);
    let token = format!(
        "cached, requested 7 h ago, renewal at the next get, expires {}",
        until(&environment)
    );
    prints(&environment, &["whoami", HOST], 0, &line(&token));
    environment.age_cache(6 * 3600);
    let token = "cached, requested 13 h ago, expired 1 h ago";
    prints(&environment, &["whoami", HOST], 0, &line(token));
    environment.set("AWS_ECR_DISABLE_CACHE", "yes");
    let token = "not cached: AWS_ECR_DISABLE_CACHE is set";
    prints(&environment, &["whoami", HOST], 0, &line(token));
    assert_eq!(aws.connections(), 0);
}

#[test]
fn the_state_of_a_sign_in_is_read_from_its_file() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::new();
    sso_session(&mut environment, &aws, "work");
    environment.set("AWS_PROFILE", "work");
    let outcome = environment.run(&["whoami", HOST], "");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let last = outcome.stdout.lines().last().expect("a line");
    assert!(
        last.starts_with("✓ signed in with SSO, expires in 719 h 59 min ("),
        "{outcome:?}"
    );
    assert_eq!(aws.connections(), 0);
}

#[test]
fn an_expired_or_absent_sign_in_fails_with_the_command_to_run() {
    let environment = TestEnvironment::new();
    environment.aws_config(&format!(
        "[default]\nsso_account_id = 111122223333\nsso_role_name = dev\n\
         sso_start_url = {START_URL}\nsso_region = us-east-1\n"
    ));
    let report = |sign_in: &str| {
        format!(
            "999999999999.dkr.ecr.us-west-2.amazonaws.com\n\
             selected by  the default AWS credential chain\n\
             profile      default\n\
             source       the SSO role dev in account 111122223333\n\
             ECR          us-west-2\n\
             token        not cached; the next get requests one\n\
             {sign_in}\n"
        )
    };
    let absent = "✗ not signed in with SSO; run: aws sso login --profile default";
    prints(&environment, &["whoami", HOST], 1, &report(absent));
    environment.sso_sign_in(START_URL, SSO_ACCESS_TOKEN, -7200 - 30);
    // Without a refresh token it cannot be renewed.
    let folder = environment.home().join(".aws/sso/cache");
    for file in super::common::files::names(&folder) {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path).expect("a file");
        std::fs::write(&path, text.replace("refreshToken", "x")).expect("a file");
    }
    let outcome = environment.run(&["whoami", HOST], "");
    assert_eq!(outcome.code, Some(1));
    let last = outcome.stdout.lines().last().expect("a line");
    assert!(
        last.starts_with("✗ the SSO sign-in expired 2 h ago (")
            && last.ends_with("Z); run: aws sso login --profile default"),
        "{outcome:?}"
    );
    let outcome = environment.run(&["whoami", HOST, "--json"], "");
    assert_eq!(outcome.code, Some(1));
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(report["sign_in"]["state"], "expired");
    assert_eq!(report["source"]["kind"], "sso");
}

#[test]
fn an_identity_that_cannot_be_resolved_is_an_error_with_hints() {
    let mut environment = TestEnvironment::new();
    environment.aws_config(ACCESS_KEY);
    environment.set("AWS_PROFILE", "wrok");
    let outcome = environment.run(&["whoami", HOST], "");
    let home = environment.home().display();
    let line = format!(
        "no credentials for {HOST}: the AWS profile `wrok` does not exist in {home}/.aws/config and \
         {home}/.aws/credentials (selected by the variable AWS_PROFILE)"
    );
    assert_eq!(
        told(&outcome, &line),
        [
            "To list the profiles, run: aws configure list-profiles",
            "Known profiles: work",
        ]
    );
    // With --json, the error is on stdout, too.
    let outcome = environment.run(&["whoami", HOST, "--json"], "");
    assert_eq!((outcome.code, &*outcome.stderr), (Some(1), ""));
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(report["registry"], HOST);
    assert_eq!(report["error"], line);
    assert_eq!(report["hints"][1], "Known profiles: work");
}

#[test]
fn a_custom_host_is_shown_with_its_registry() {
    let mut environment = TestEnvironment::new();
    environment.aws_config(ACCESS_KEY);
    configure(
        &mut environment,
        "[[registry]]\nmatch = \"images.example.com\"\naccount = \"111122223333\"\n\
         region = \"eu-west-1\"\n[identity.release]\nprofile = \"work\"\n",
    );
    let outcome = environment.run_program(
        environment.called_as("release"),
        &["whoami", "images.example.com/app"],
        "",
    );
    assert_eq!(
        (
            outcome.code,
            outcome.stdout.as_str(),
            outcome.stderr.as_str()
        ),
        (
            Some(0),
            "\
images.example.com
registry     111122223333/eu-west-1
repository   app
selected by  the name docker-credential-ecrx-release and [identity.release] at ecrx.toml:5
profile      work
source       the access key AKIAIOSFODNN7EXAMPLE
ECR          eu-west-1
token        not cached; the next get requests one
",
            ""
        )
    );
}
