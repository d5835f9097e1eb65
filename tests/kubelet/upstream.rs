//! The program and `ecr-credential-provider` 1.37 with the same requests, compared field by field. The
//! intended differences are a table in the manual's page on Kubernetes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::common::fake_aws::{FakeAws, Fault, Grant, Operation};
use crate::common::{Outcome, TestEnvironment};

use super::workloads::{self, KEY};
use super::{IMAGE, V1, go_program, request};

const HALF_A_DAY: u64 = 12 * 3600;

const NOT_ECR: &str = "an image that is not in ECR";
const PORT: &str = "a host with a port";
const SHARE: &str = "`cacheDuration` of a token";
const EXPIRED: &str = "`cacheDuration` of an expired token";
const REGISTRY_ID: &str = "the registry's account";
const PUBLIC: &str = "public ECR without permission for a token";
const SESSION: &str = "the session name of a pod's role";
const VERSIONS: &str = "the versions `v1beta1` and `v1alpha1`";

/// The rows of the manual's table, in order.
const INTENDED: [&str; 8] = [
    NOT_ECR,
    PORT,
    SHARE,
    EXPIRED,
    REGISTRY_ID,
    PUBLIC,
    SESSION,
    VERSIONS,
];

/// The fields of an answer that can be compared.
type Fields = BTreeMap<&'static str, String>;

/// The fields of what came of a request; `shares` are those of the token's lifetime, in permille, that
/// are expected as its duration.
fn fields(outcome: &Outcome, life: u64, shares: (u64, u64)) -> Fields {
    let mut fields = Fields::new();
    if outcome.code != Some(0) {
        assert_eq!(outcome.stdout, "", "{outcome:?}");
        fields.insert("outcome", "failure".to_owned());
        return fields;
    }
    let answer: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    for field in ["kind", "apiVersion", "cacheKeyType"] {
        fields.insert(field, answer[field].to_string());
    }
    let duration = match answer["cacheDuration"].as_str().map(go_seconds) {
        None => "none".to_owned(),
        Some(seconds) if seconds == 0 || answer["auth"] == json!({}) => format!("{seconds} s"),
        Some(seconds) => {
            // The programs need a moment.
            let least = (life - 30) * shares.0 / 1000;
            let most = life * shares.1 / 1000;
            assert!((least..=most).contains(&seconds), "{seconds} of {life}");
            format!("{} to {} permille", shares.0, shares.1)
        }
    };
    fields.insert("duration", duration);
    let auth = answer["auth"].as_object().expect("an object");
    let Some((key, login)) = auth.iter().next() else {
        fields.insert("outcome", "no credentials".to_owned());
        return fields;
    };
    assert_eq!(auth.len(), 1, "{answer}");
    let grant = Grant::from_password(login["password"].as_str().expect("a text"));
    fields.insert("outcome", "credentials".to_owned());
    fields.insert("key", key.clone());
    fields.insert("username", login["username"].to_string());
    fields.insert("principal", grant.principal);
    fields.insert("region", grant.region);
    fields.insert("registries", grant.registry_ids.join(" "));
    fields
}

/// The seconds of a Go duration such as `5h59m59s`.
fn go_seconds(text: &str) -> u64 {
    let mut seconds = 0;
    let mut number = 0;
    for byte in text.bytes() {
        let unit = match byte {
            b'0'..=b'9' => {
                number = number * 10 + u64::from(byte - b'0');
                continue;
            }
            b'h' => 3600,
            b'm' => 60,
            b's' => 1,
            _ => panic!("{text} is not a duration"),
        };
        seconds += number * unit;
        number = 0;
    }
    seconds
}

/// The row that allows a field to differ.
fn row(field: &str, ours: &str, theirs: &str) -> Option<&'static str> {
    let is_port = |rest: &str| rest.starts_with(':');
    let row = match (field, ours, theirs) {
        ("outcome", "no credentials", "credentials") => NOT_ECR,
        ("outcome", "no credentials", "failure") => PUBLIC,
        ("outcome", "credentials", "failure") => VERSIONS,
        ("duration", "450 to 500 permille", "500 to 500 permille") => SHARE,
        ("duration", "0 s", "none") => EXPIRED,
        ("key", ..) if ours.strip_prefix(theirs).is_some_and(is_port) => PORT,
        ("registries", ..) if theirs.len() == 12 => REGISTRY_ID,
        ("principal", ..) => {
            let role = theirs.strip_suffix("/ecr-credential-provider")?;
            ours.strip_prefix(role)?
                .starts_with('/')
                .then_some(SESSION)?
        }
        _ => return None,
    };
    Some(row)
}

/// The rows that allow all differences between both answers. If only one program has credentials, the
/// other fields are not compared.
#[track_caller]
fn differences(environment: &TestEnvironment, request: &str, life: u64) -> BTreeSet<&'static str> {
    let ours = environment.kubelet(request);
    let theirs = environment.run_program(go_program("ecr-credential-provider"), &[], request);
    let shown = format!("{request}\n{ours:?}\n{theirs:?}");
    let ours = fields(&ours, life, (450, 500));
    let theirs = fields(&theirs, life, (500, 500));
    let pairs: Vec<(&str, &str, &str)> = if ours["outcome"] == theirs["outcome"] {
        assert!(ours.keys().eq(theirs.keys()), "{shown}");
        let fields = ours
            .iter()
            .map(|(field, value)| (*field, &**value, &*theirs[field]));
        fields.collect()
    } else {
        vec![("outcome", &ours["outcome"], &theirs["outcome"])]
    };
    pairs
        .into_iter()
        .filter(|(_, ours, theirs)| ours != theirs)
        .map(|(field, ours, theirs)| {
            row(field, ours, theirs)
                .unwrap_or_else(|| panic!("{field}: {ours}, not {theirs}: {shown}"))
        })
        .collect()
}

/// Both programs have Alice's keys and this region for hosts that have none.
fn environment(aws: &FakeAws) -> TestEnvironment {
    let mut environment = TestEnvironment::of_alice(aws);
    environment.set("AWS_REGION", "us-west-2");
    environment.kubelet_config("");
    environment
}

/// The hosts in upstream's own tests, and others, with the rows that apply.
fn images() -> Vec<(String, Vec<&'static str>)> {
    let ecr = [
        "dkr.ecr.us-west-2.amazonaws.com",
        "dkr.ecr-fips.us-west-2.amazonaws.com",
        "dkr.ecr.cn-north-1.amazonaws.com.cn",
        "dkr.ecr.us-gov-east-1.amazonaws.com",
        "dkr.ecr.us-iso-east-1.c2s.ic.gov",
        "dkr.ecr.us-isob-east-1.sc2s.sgov.gov",
        "dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk",
        "dkr.ecr.us-isof-east-1.csp.hci.ic.gov",
        "dkr.ecr.eusc-de-east-1.amazonaws.eu",
        "dkr.ecr-fips.eusc-de-east-1.amazonaws.eu",
        "dkr-ecr.us-west-2.on.aws",
        "dkr-ecr-fips.us-west-2.on.aws",
        "dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
        "dkr-ecr.us-gov-east-1.on.aws",
        "dkr-ecr-fips.us-gov-east-1.on.aws",
    ];
    let others = [
        "1234567890123.dkr.ecr.us-west-2.amazonaws.com",
        "12345678901.dkr.ecr.us-west-2.amazonaws.com",
        "12345678901A.dkr.ecr.us-west-2.amazonaws.com",
        "123456789012.dkr.ecr.us-west-2.amazonaws.hacker.com",
        "123456789012.dkr.ecr.us-west-2.hacker.com",
        "123456789012.dkr.ecr.us-west-2.amazonaws.lol",
        "123456789012.dog.ecr.us-west-2.amazonaws.com",
        "123456789012.dkr.cat.us-west-2.amazonaws.com",
        "123456789012.dkr.ecr.us-west-2.awsamazon.com",
        "123456789012.us-west-2.amazonaws.com",
        "123456789012.dkr.ecr.us-iso-east-1.amazonaws.gov",
        "registry.k8s.io",
        "private.example/public.ecr.aws",
    ];
    let mut images = Vec::new();
    for host in ecr {
        // Of another account, and of the caller's own.
        images.push((
            format!("123456789012.{host}/foo/bar"),
            vec![REGISTRY_ID, SHARE],
        ));
        images.push((format!("111122223333.{host}/foo/bar"), vec![SHARE]));
    }
    for host in others {
        images.push((format!("{host}/foo/bar"), vec![NOT_ECR]));
    }
    for host in ["public.ecr.aws", "ecr-public.aws.com"] {
        images.push((format!("{host}/foo/bar"), vec![SHARE]));
    }
    images.push((format!("https://{IMAGE}"), vec![REGISTRY_ID, SHARE]));
    let with_port = "111122223333.dkr.ecr.us-west-2.amazonaws.com:443/foo";
    images.push((with_port.to_owned(), vec![PORT, SHARE]));
    images.push(("foobar".to_owned(), vec![NOT_ECR]));
    images.push(("http://foobar".to_owned(), vec![NOT_ECR]));
    // Both refuse these.
    images.push((String::new(), vec![]));
    images.push(("foobar  ".to_owned(), vec![]));
    images
}

#[test]
#[ignore = "needs ecr-credential-provider: .ci/run builds it"]
fn each_image_is_answered_as_by_ecr_credential_provider_but_for_the_rows_of_the_table() {
    let aws = FakeAws::start();
    let environment = environment(&aws);
    for (image, rows) in images() {
        let found = differences(&environment, &request(&image), HALF_A_DAY);
        assert_eq!(found, rows.into_iter().collect(), "{image}");
    }
}

#[test]
#[ignore = "needs ecr-credential-provider: .ci/run builds it"]
fn a_pod_has_the_same_principal_but_for_the_session_name() {
    let aws = FakeAws::start();
    let mut environment = environment(&aws);
    let role = "arn:aws:iam::999999999999:role/pull";
    // Without a registry ID, a role's token is for its own account, which is also the registry's.
    let of_a_role = [SESSION, SHARE];
    let of_the_node = [REGISTRY_ID, SHARE];
    let other = "arn:aws:iam::444455556666:role/other";
    for (annotations, variable, rows) in [
        (json!({KEY: role}), "", of_a_role),
        (json!({KEY: role}), other, of_a_role),
        (json!({}), role, of_a_role),
        (json!({}), "", of_the_node),
        (json!({KEY: ""}), role, of_the_node),
    ] {
        environment.set("AWS_ECR_ROLE_ARN", variable);
        let request = workloads::request(annotations);
        let found = differences(&environment, &request, HALF_A_DAY);
        assert_eq!(found, rows.into(), "{request}");
    }
    aws.on(Operation::StsAssumeRoleWithWebIdentity, Fault::AccessDenied);
    let refused = workloads::request(json!({KEY: role}));
    assert!(differences(&environment, &refused, HALF_A_DAY).is_empty());
}

#[test]
#[ignore = "needs ecr-credential-provider: .ci/run builds it"]
fn tokens_about_to_expire_public_ecr_and_versions_differ_as_the_table_has_it() {
    let aws = FakeAws::start();
    let environment = environment(&aws);
    for version in ["v1beta1", "v1alpha1"] {
        let version = format!("credentialprovider.kubelet.k8s.io/{version}");
        let request = request(IMAGE).replace(V1, &version);
        let found = differences(&environment, &request, HALF_A_DAY);
        assert_eq!(found, [VERSIONS].into());
    }
    aws.set_token_expires_in(1);
    let own = "111122223333.dkr.ecr.us-west-2.amazonaws.com/app";
    let found = differences(&environment, &request(own), HALF_A_DAY);
    assert_eq!(found, [EXPIRED].into());
    aws.on(
        Operation::EcrPublicGetAuthorizationToken,
        Fault::AccessDenied,
    );
    let found = differences(&environment, &request("public.ecr.aws/app"), HALF_A_DAY);
    assert_eq!(found, [PUBLIC].into());
}

#[test]
fn the_manual_lists_every_difference_from_ecr_credential_provider() {
    let page = include_str!("../../packaging/man/docker-credential-ecrx-kubernetes.7.md");
    let (_, table) = page
        .split_once("## Differences from ecr-credential-provider")
        .expect("a section");
    let (table, _) = table.split_once("\n## ").expect("another section");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| "));
    let rows = rows.filter_map(|line| Some(line.split_once(" |")?.0));
    let rows: Vec<&str> = rows.skip(1).collect();
    assert_eq!(rows, INTENDED);
}
