//! What real clients send, replayed byte for byte, and what they would see: while AWS answers,
//! while it denies, and for registries that are none of ours. The sequences were read from the
//! clients' sources and seen on their wires.

mod common;

use common::fake_aws::{ALICE, FakeAws, Fault, Operation, Times};
use common::{HOST, NOT_FOUND, Outcome, PREVIOUS_ATTEMPT, TestEnvironment};

const PUBLIC: &str = "public.ecr.aws";
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// What `list` gets from docker on stdin.
const UNUSED: &str = "unused";

/// One call of the helper by a client: the word, and the bytes on stdin.
type Step<'a> = (&'a str, String);

/// One after the other, as if each took no time at all.
fn replay(environment: &TestEnvironment, steps: &[Step<'_>]) -> Vec<Outcome> {
    let step = |(word, input): &Step<'_>| {
        let outcome = environment.run(&[word], input);
        environment.keep_marks();
        outcome
    };
    steps.iter().map(step).collect()
}

fn gets(servers: &[String]) -> Vec<Step<'static>> {
    servers
        .iter()
        .map(|server| ("get", server.clone()))
        .collect()
}

/// Every `get` was answered with its own spelling and the fake's token of this number.
#[track_caller]
fn all_answered(outcomes: &[Outcome], steps: &[Step<'_>], serial: usize) {
    assert_eq!(outcomes.len(), steps.len());
    for (outcome, (_, server)) in outcomes.iter().zip(steps) {
        let grant = outcome.grant();
        assert_eq!(grant.serial, serial, "{server}");
        assert_eq!(grant.principal, ALICE.2);
        let expected = format!(
            "{{\"ServerURL\":\"{server}\",\"Username\":\"AWS\",\"Secret\":\"{}\"}}\n",
            grant.to_password()
        );
        assert_eq!(outcome.stdout, expected);
    }
}

#[track_caller]
fn all_not_found(outcomes: &[Outcome]) {
    for outcome in outcomes {
        outcome.failed_with(NOT_FOUND, "");
    }
}

#[track_caller]
fn all_silent(outcomes: &[Outcome]) {
    for outcome in outcomes {
        assert_eq!(
            (
                outcome.code,
                outcome.stdout.as_str(),
                outcome.stderr.as_str()
            ),
            (Some(0), "", "")
        );
    }
}

/// The line for a denial: docker shows it by stderr, the others by stdout.
fn denial() -> String {
    format!(
        "no credentials for {HOST}: ecr:GetAuthorizationToken is denied to the access key {}: AccessDeniedException: User: {} is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the ecr:GetAuthorizationToken action",
        ALICE.0, ALICE.2
    )
}

#[track_caller]
/// The first two request a token. From the third on, for some seconds, the failure is remembered.
fn all_denied(outcomes: &[Outcome]) {
    for (n, outcome) in outcomes.iter().enumerate() {
        let line = if n >= 2 {
            denial().replacen(": ", &format!(": {PREVIOUS_ATTEMPT}"), 1)
        } else {
            denial()
        };
        let hints = outcome.failure(&line);
        assert_eq!(
            hints,
            [
                "In the caller's account, allow ecr:GetAuthorizationToken on resource \"*\" (the managed policy AmazonEC2ContainerRegistryPullOnly does). The registry's own policies do not affect this action".to_owned(),
                format!(
                    "identity: the access key {}; selected by the variable AWS_ACCESS_KEY_ID",
                    ALICE.0
                ),
            ]
        );
    }
}

/// An AWS that denies registry tokens to Alice.
fn denying_aws() -> FakeAws {
    let aws = FakeAws::start();
    aws.deny_ecr(ALICE.2);
    aws
}

fn token_requests(aws: &FakeAws) -> usize {
    let calls = aws.calls();
    assert!(
        calls.iter().all(|call| call.operation.is_ecr()),
        "{calls:?}"
    );
    calls.len()
}

// nerdctl, with `credsStore`: six spellings, until one is answered. With `credHelpers`, whose keys are
// hosts: the fourth alone. `tests/clients/go_clients` runs it.

fn nerdctl(host: &str) -> Vec<Step<'static>> {
    gets(&[
        format!("{host}:443"),
        format!("https://{host}:443"),
        format!("http://{host}:443"),
        host.to_owned(),
        format!("https://{host}"),
        format!("http://{host}"),
    ])
}

#[test]
fn nerdctls_six_spellings_are_answered_by_one_token() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let steps = nerdctl(HOST);
    all_answered(&replay(&environment, &steps), &steps, 1);
    assert_eq!(token_requests(&aws), 1);
}

#[test]
fn nerdctl_sees_a_denial_for_each_spelling() {
    let aws = denying_aws();
    let environment = TestEnvironment::of_alice(&aws);
    all_denied(&replay(&environment, &nerdctl(HOST)));
    assert_eq!(token_requests(&aws), 2);
}

#[test]
fn nerdctl_goes_on_anonymously_where_nothing_is_ours() {
    let aws = denying_aws();
    let environment = TestEnvironment::of_alice(&aws);
    all_not_found(&replay(&environment, &nerdctl("ghcr.io")));
    assert_eq!(aws.connections(), 0);
    all_not_found(&replay(&environment, &nerdctl(PUBLIC)));
    assert_eq!(token_requests(&aws), 1, "public ECR's denial is remembered");
}

// crane, ko, cosign, kaniko. With `credHelpers`, whose keys are hosts, they ask for the host alone;
// with `credsStore` for the repository first, and for the host if that has no credentials. A denial
// ends it, but a HEAD request that fails is repeated as GET. `tests/clients/go_clients` runs crane
// and cosign.

#[test]
fn cranes_two_spellings_are_answered_by_one_token() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let steps = gets(&[HOST.to_owned(), format!("{HOST}/team/app")]);
    all_answered(&replay(&environment, &steps), &steps, 1);
    assert_eq!(token_requests(&aws), 1);
}

#[test]
fn crane_sees_a_denial_for_head_and_get_and_not_that_nothing_was_found() {
    for server in [HOST.to_owned(), format!("{HOST}/team/app")] {
        let aws = denying_aws();
        let environment = TestEnvironment::of_alice(&aws);
        let steps = gets(&[server.clone(), server]);
        all_denied(&replay(&environment, &steps));
        assert_eq!(token_requests(&aws), 2);
    }
}

#[test]
fn crane_goes_on_anonymously_where_nothing_is_ours() {
    let aws = denying_aws();
    let environment = TestEnvironment::of_alice(&aws);
    let crane = |host: &str| gets(&[format!("{host}/team/app"), host.to_owned()]);
    all_not_found(&replay(&environment, &crane("ghcr.io")));
    assert_eq!(aws.connections(), 0);
    all_not_found(&replay(&environment, &crane(PUBLIC)));
    assert_eq!(token_requests(&aws), 1);
}

// docker login: get, then store, with a line break behind the JSON.

#[test]
fn docker_login_gets_and_stores() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let got = environment.get(HOST);
    let password = got.grant().to_password();
    let stored = environment.run(
        &["store"],
        format!("{{\"ServerURL\":\"{HOST}\",\"Username\":\"AWS\",\"Secret\":\"{password}\"}}\n"),
    );
    assert_eq!((stored.code, stored.stdout.as_str()), (Some(0), ""));
    let note = format!(
        "docker-credential-ecrx: no password was saved: credentials for {HOST} are requested on demand; identity: the access key {}; selected by the variable AWS_ACCESS_KEY_ID\n",
        ALICE.0
    );
    assert_eq!(stored.stderr, note);
    assert_eq!(environment.get(HOST), got, "the login changed nothing");
    assert_eq!(token_requests(&aws), 1);
}

#[test]
fn docker_login_with_a_password_of_ones_own_succeeds_where_aws_denies() {
    let aws = denying_aws();
    let environment = TestEnvironment::of_alice(&aws);
    all_denied(&[environment.get(HOST)]);
    let stored = environment.run(
        &["store"],
        format!("{{\"ServerURL\":\"{HOST}\",\"Username\":\"AWS\",\"Secret\":\"mine\"}}\n"),
    );
    assert_eq!((stored.code, stored.stdout.as_str()), (Some(0), ""));
    assert_eq!(token_requests(&aws), 1);
}

// docker logout: as typed, and three spellings of the host.

fn docker_logout(typed: &str, host: &str) -> Vec<Step<'static>> {
    [
        typed.to_owned(),
        host.to_owned(),
        format!("http://{host}"),
        format!("https://{host}"),
    ]
    .into_iter()
    .map(|server| ("erase", server))
    .collect()
}

#[test]
fn docker_logouts_four_erases_succeed_in_silence_and_end_the_login() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    assert_eq!(environment.get(HOST).grant().serial, 1);
    let typed = format!("https://{HOST}/v2/");
    all_silent(&replay(&environment, &docker_logout(&typed, HOST)));
    assert!(environment.entries().is_empty());
    assert_eq!(token_requests(&aws), 1);
    assert_eq!(environment.get(HOST).grant().serial, 2);
}

#[test]
fn docker_logout_succeeds_where_aws_denies_and_where_nothing_is_ours() {
    let aws = denying_aws();
    let environment = TestEnvironment::of_alice(&aws);
    for host in [HOST, PUBLIC, "ghcr.io"] {
        all_silent(&replay(&environment, &docker_logout(host, host)));
    }
    let docker_hub = docker_logout(DOCKER_HUB, "index.docker.io");
    all_silent(&replay(&environment, &docker_hub));
    assert_eq!(aws.connections(), 0);
}

// skopeo, podman and buildah logout: one erase for each configured host.

#[test]
fn podman_logout_all_erases_every_configured_host() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let other = HOST.replace("us-west-2", "eu-west-1");
    let hosts = [HOST, other.as_str(), PUBLIC];
    for host in hosts {
        environment.get(host).answer();
    }
    let erases: Vec<Step<'_>> = hosts.map(|host| ("erase", host.to_owned())).to_vec();
    all_silent(&replay(&environment, &erases));
    assert!(environment.entries().is_empty());
    assert_eq!(token_requests(&aws), 3);
}

// The classic docker build.

/// With `credsStore`: `list`, then `get` of every key. Fails as the client does: one `get` that
/// fails loses all logins.
#[track_caller]
fn classic_build(environment: &TestEnvironment) -> Vec<(String, Outcome)> {
    let listed = environment.run(&["list"], UNUSED);
    assert_eq!((listed.code, listed.stderr.as_str()), (Some(0), ""));
    let listed: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&listed.stdout).expect("an object");
    listed
        .into_iter()
        .map(|(server, user)| {
            assert_eq!(user, "AWS");
            let outcome = environment.get(&server);
            outcome.answer();
            (server, outcome)
        })
        .collect()
}

#[test]
fn a_classic_build_lists_and_gets_without_asking_aws() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    assert_eq!(classic_build(&environment), []);
    let other = HOST.replace("us-west-2", "eu-west-1");
    // Docker's own key for a login is a host; other clients have asked in other spellings.
    let private = environment.get(HOST);
    environment
        .get(&format!("https://{other}:443/v2/"))
        .answer();
    let public = environment.get(PUBLIC);
    aws.clear();
    let built = classic_build(&environment);
    let other_answer = environment.get(&other);
    assert_eq!(
        built,
        [
            (other, other_answer),
            (HOST.to_owned(), private),
            (PUBLIC.to_owned(), public),
        ]
    );
    assert_eq!(aws.connections(), 0);
}

#[test]
fn a_classic_build_keeps_its_other_logins_when_aws_denies() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let other = HOST.replace("us-west-2", "eu-west-1");
    environment.get(HOST).answer();
    environment.age_cache(6 * 3600 + 1);
    let fresh = environment.get(&other);
    aws.deny_ecr(ALICE.2);
    aws.clear();
    // The first registry's token would have to be renewed, and the denial would be the build's.
    assert_eq!(classic_build(&environment), [(other, fresh)]);
    assert_eq!(aws.connections(), 0);
    all_denied(&[environment.get(HOST)]);
    assert_eq!(token_requests(&aws), 1);
}

/// With `credHelpers`: `get` of every configured host, used or not.
#[test]
fn a_classic_build_gets_every_configured_host_once() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let other = HOST.replace("us-west-2", "eu-west-1");
    let steps = gets(&[HOST.to_owned(), other, PUBLIC.to_owned()]);
    for _ in 0..2 {
        for (index, outcome) in replay(&environment, &steps).iter().enumerate() {
            all_answered(
                std::slice::from_ref(outcome),
                &steps[index..=index],
                index + 1,
            );
        }
    }
    assert_eq!(token_requests(&aws), 3);
}

#[test]
fn a_denied_host_of_a_classic_build_fails_and_public_ecr_does_not() {
    let aws = denying_aws();
    let environment = TestEnvironment::of_alice(&aws);
    let steps = gets(&[HOST.to_owned(), PUBLIC.to_owned(), DOCKER_HUB.to_owned()]);
    let outcomes = replay(&environment, &steps);
    all_denied(&outcomes[..1]);
    all_not_found(&outcomes[1..]);
    assert_eq!(token_requests(&aws), 2);
}

// buildx: the bare host, three times when it fails.

#[test]
fn buildx_is_answered_at_its_first_call() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let steps = gets(&[HOST.to_owned()]);
    all_answered(&replay(&environment, &steps), &steps, 1);
    assert_eq!(token_requests(&aws), 1);
}

#[test]
fn buildxs_three_calls_each_show_the_denial() {
    let aws = denying_aws();
    let environment = TestEnvironment::of_alice(&aws);
    let steps = gets(&[HOST.to_owned(), HOST.to_owned(), HOST.to_owned()]);
    all_denied(&replay(&environment, &steps));
    assert_eq!(token_requests(&aws), 2);
}

#[test]
fn buildx_goes_on_with_the_call_at_which_aws_is_back() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    aws.on_times(
        Operation::EcrGetAuthorizationToken,
        Fault::AccessDenied,
        Times::N(1),
    );
    let steps = gets(&[HOST.to_owned(), HOST.to_owned(), HOST.to_owned()]);
    let outcomes = replay(&environment, &steps);
    all_denied(&outcomes[..1]);
    all_answered(&outcomes[1..], &steps[1..], 1);
    assert_eq!(token_requests(&aws), 2);
}

#[test]
fn buildx_pulls_anonymously_where_nothing_is_ours() {
    let aws = denying_aws();
    let environment = TestEnvironment::of_alice(&aws);
    for server in [DOCKER_HUB, "ghcr.io"] {
        let steps = gets(&[server.to_owned(), server.to_owned(), server.to_owned()]);
        all_not_found(&replay(&environment, &steps));
    }
    assert_eq!(aws.connections(), 0);
}

// skopeo inspect: the bare host, twice.

#[test]
fn skopeo_inspects_two_calls_cost_one_token() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    for host in [HOST.to_owned(), format!("{HOST}:443")] {
        let steps = gets(&[host.clone(), host]);
        all_answered(&replay(&environment, &steps), &steps, 1);
    }
    assert_eq!(token_requests(&aws), 1);
}

#[test]
fn skopeo_inspect_sees_the_denial_and_no_anonymous_pull() {
    let aws = denying_aws();
    let environment = TestEnvironment::of_alice(&aws);
    let steps = gets(&[HOST.to_owned(), HOST.to_owned()]);
    all_denied(&replay(&environment, &steps));
    assert_eq!(token_requests(&aws), 2);
}

#[test]
fn skopeo_inspects_public_ecr_anonymously_when_aws_denies() {
    let aws = denying_aws();
    let environment = TestEnvironment::of_alice(&aws);
    let steps = gets(&[PUBLIC.to_owned(), PUBLIC.to_owned()]);
    all_not_found(&replay(&environment, &steps));
    assert_eq!(token_requests(&aws), 1);
}

// Those who merge stderr into stdout.

#[test]
fn merged_streams_hold_the_answer_alone() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    for _ in 0..2 {
        let outcome = environment.get(HOST);
        let merged = format!("{}{}", outcome.stderr, outcome.stdout);
        let answer: serde_json::Value = serde_json::from_str(&merged).expect("JSON alone");
        assert_eq!(answer["ServerURL"], HOST);
    }
    // Even when a renewal fails.
    environment.age_cache(6 * 3600 + 1);
    aws.on(Operation::EcrGetAuthorizationToken, Fault::Throttle);
    let outcome = environment.get(HOST);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    assert_eq!(outcome.grant().serial, 1);
}
