//! The token cache as the whole executable uses it: herds, half-life, refreshes that fail,
//! folders that cannot be trusted, locks that nobody gives back, and identities that share a home.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use common::fake_aws::{
    ALICE, BOB, Credentials, FakeAws, Fault, Grant, Operation, SSO_ACCESS_TOKEN, Times,
};
use common::files::names;
use common::{HOST, Outcome, TestEnvironment, sources};

/// A second registry with the same endpoint as [`HOST`].
const OTHER: &str = "444455556666.dkr.ecr.us-west-2.amazonaws.com";

const ECR: Operation = Operation::EcrGetAuthorizationToken;
const STS: Operation = Operation::StsAssumeRole;
const HOUR: i64 = 3600;

/// A rule that gives every registry a role in its own account.
const ROLE_PER_ACCOUNT: &str = r#"
[[registry]]
match = "*"
role_arn = "arn:aws:iam::{account}:role/ecr-pull"
"#;

/// Starts all of them before it waits for the first.
fn at_once<'a>(gets: impl IntoIterator<Item = (&'a TestEnvironment, &'a str)>) -> Vec<Outcome> {
    let children: Vec<Child> = gets
        .into_iter()
        .map(|(environment, host)| environment.start(&["get"], host.as_bytes()))
        .collect();
    children.into_iter().map(Outcome::of).collect()
}

/// Looks again and again until it is so; far longer than it can take means never.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(30), "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Files of the cache folder whose name ends so.
fn files(environment: &TestEnvironment, extension: &str) -> Vec<PathBuf> {
    fs::read_dir(environment.cache())
        .expect("a cache folder")
        .map(|item| item.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect()
}

/// As [`TestEnvironment::age_cache`], for the failures that are remembered.
fn age_marks(environment: &TestEnvironment, seconds: i64) {
    for path in files(environment, "mark") {
        let mut mark: Value =
            serde_json::from_slice(&fs::read(&path).expect("a mark")).expect("JSON");
        for key in ["made_at", "until"] {
            mark[key] = (mark[key].as_i64().expect("epoch seconds") - seconds).into();
        }
        fs::write(&path, mark.to_string()).expect("a mark");
    }
}

/// Buys tokens for both registries and lets 7 hours pass: past half of their life.
fn hold_stale_tokens(environment: &TestEnvironment) -> [Outcome; 2] {
    let held = [HOST, OTHER].map(|host| {
        let outcome = environment.get(host);
        outcome.grant();
        outcome
    });
    environment.age_cache(7 * HOUR);
    held
}

/// Puts keys of a session into variables.
fn set_session(environment: &mut TestEnvironment, keys: &Credentials) {
    let token = keys.session_token.as_deref();
    environment.set_keys(&keys.access_key_id, &keys.secret_access_key, token);
}

/// Keys as a section of `~/.aws/credentials`.
fn keys(profile: &str, (id, secret, _): (&str, &str, &str)) -> String {
    format!("[{profile}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
}

/// Signs in by SSO as the profile `sso`, and says who that is.
fn sign_in(environment: &mut TestEnvironment, aws: &FakeAws) -> String {
    let expected = sources::sso_session(environment, aws, "sso");
    environment.set("AWS_PROFILE", "sso");
    expected.principal
}

/// A night passes: the sign-in is over, and nothing in it can renew it.
fn end_sign_in(environment: &TestEnvironment) {
    environment.sso_sign_in("sso", SSO_ACCESS_TOKEN, -60);
    let folder = environment.home().join(".aws/sso/cache");
    let path = folder.join(names(&folder).remove(0));
    let mut token: Value =
        serde_json::from_slice(&fs::read(&path).expect("a sign-in")).expect("JSON");
    let sign_in = token.as_object_mut().expect("an object");
    sign_in.remove("refreshToken").expect("a refresh token");
    fs::write(&path, token.to_string()).expect("a sign-in");
}

fn no_credentials(cause: &str) -> String {
    format!("no credentials for {HOST}: {cause}")
}

/// What a person reads when ECR answers 503.
fn aws_is_down() -> String {
    no_credentials(
        "asking for the authorization token: AWS is down: ServiceUnavailableException: \
         Service is unable to handle request.",
    )
}

// Herds.

#[test]
fn thirty_two_cold_gets_at_once_make_one_call_and_get_equal_answers() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    // A call that takes its time: nobody may come late by luck.
    aws.on(ECR, Fault::Delay(Duration::from_millis(500)));
    let outcomes = at_once([(&environment, HOST); 32]);
    assert_eq!(outcomes[0].grant().principal, ALICE.2);
    for outcome in &outcomes {
        assert_eq!(outcome, &outcomes[0]);
    }
    assert_eq!(aws.calls().len(), 1, "{:?}", aws.calls());
    assert_eq!(environment.entries().len(), 1);
}

#[test]
fn thirty_two_cold_gets_with_a_role_assume_it_once() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(ROLE_PER_ACCOUNT);
    aws.on(STS, Fault::Delay(Duration::from_millis(500)));
    let outcomes = at_once([(&environment, HOST); 32]);
    assert_eq!(
        outcomes[0].grant().principal,
        "arn:aws:sts::999999999999:assumed-role/ecr-pull/docker-credential-ecrx"
    );
    for outcome in &outcomes {
        assert_eq!(outcome, &outcomes[0]);
    }
    assert_eq!(
        (aws.count(STS), aws.count(ECR), aws.calls().len()),
        (1, 1, 2)
    );
}

#[test]
fn gets_of_eight_registries_at_once_lose_no_entry() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    aws.on(ECR, Fault::Delay(Duration::from_millis(300)));
    let hosts: Vec<String> = (1..=8)
        .map(|n| format!("999999999999.dkr.ecr.{}.amazonaws.com", region(n)))
        .collect();
    let gets = (0..32).map(|n| (&environment, hosts[n % 8].as_str()));
    let outcomes = at_once(gets);
    for (n, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome, &outcomes[n % 8]);
        assert_eq!(outcome.grant().region, region(n % 8 + 1));
    }
    assert_eq!(aws.calls().len(), 8);
    assert_eq!(environment.entries().len(), 8);
    // And every one of them is found again.
    for (host, outcome) in hosts.iter().zip(&outcomes) {
        assert_eq!(&environment.get(host), outcome);
    }
    assert_eq!(aws.calls().len(), 8);
}

fn region(n: usize) -> &'static str {
    [
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "eu-central-1",
    ][n - 1]
}

#[test]
fn a_herd_before_a_dead_aws_ends_in_time() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config("timeout_seconds = 2\n");
    aws.on(ECR, Fault::Hang);
    let start = Instant::now();
    let outcomes = at_once([(&environment, HOST); 8]);
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
    for outcome in outcomes {
        let start = no_credentials("asking for the authorization token: no answer within ");
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.stdout.starts_with(&start), "{outcome:?}");
    }
}

// Ages.

#[test]
fn a_token_is_fresh_for_half_its_life_and_then_refreshed_in_line() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let first = environment.get(HOST);
    assert_eq!(first.grant().serial, 1);
    environment.age_cache(6 * HOUR - 120);
    assert_eq!(environment.get(HOST), first);
    assert_eq!(aws.calls().len(), 1);
    environment.age_cache(121);
    let second = environment.get(HOST);
    assert_eq!(second.grant().serial, 2);
    assert_eq!(environment.get(HOST), second);
    assert_eq!(aws.calls().len(), 2);
    assert_eq!(environment.entries().len(), 1, "the old entry is replaced");
}

#[test]
fn a_stale_token_is_refreshed_once_by_a_herd() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    hold_stale_tokens(&environment);
    aws.on(ECR, Fault::Delay(Duration::from_millis(300)));
    for outcome in at_once([(&environment, HOST); 16]) {
        assert_eq!(outcome.grant().serial, 3);
    }
    assert_eq!(aws.count(ECR), 3);
}

#[test]
fn max_age_seconds_refreshes_earlier() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config("[cache]\nmax_age_seconds = 1800\n");
    assert_eq!(environment.get(HOST).grant().serial, 1);
    environment.age_cache(1680);
    assert_eq!(environment.get(HOST).grant().serial, 1);
    environment.age_cache(121);
    assert_eq!(environment.get(HOST).grant().serial, 2);
    // It shortens, and never lengthens.
    environment.config("[cache]\nmax_age_seconds = 43200\n");
    environment.age_cache(6 * HOUR + 1);
    assert_eq!(environment.get(HOST).grant().serial, 3);
}

#[test]
fn a_token_of_session_keys_is_trusted_for_an_hour() {
    let aws = FakeAws::start();
    let keys = aws.temporary_credentials(ALICE.2, Duration::from_secs(12 * 3600));
    let mut environment = TestEnvironment::with_aws(&aws);
    set_session(&mut environment, &keys);
    assert_eq!(environment.get(HOST).grant().serial, 1);
    environment.age_cache(HOUR - 120);
    assert_eq!(environment.get(HOST).grant().serial, 1);
    environment.age_cache(121);
    assert_eq!(environment.get(HOST).grant().serial, 2);
}

#[test]
fn an_expired_token_is_never_answered_even_when_aws_is_down() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.get(HOST).grant();
    environment.age_cache(12 * HOUR);
    aws.on(ECR, Fault::Status(503));
    environment.get(HOST).failure(&aws_is_down());
    // A failure while a token was still good has left a mark; it does not bring the token back.
    aws.heal_all();
    environment.get(HOST).grant();
    environment.age_cache(7 * HOUR);
    aws.on(ECR, Fault::Status(503));
    environment.get(HOST).grant();
    assert_eq!(files(&environment, "mark").len(), 1);
    environment.age_cache(5 * HOUR);
    environment.get(HOST).failure(&aws_is_down());
    aws.heal_all();
    assert_eq!(environment.get(HOST).grant().serial, 3);
}

#[test]
fn a_token_from_the_future_is_not_answered_as_its_age_cannot_be_known() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    assert_eq!(environment.get(HOST).grant().serial, 1);
    // Machines that share a home do not share a clock: minutes are forgiven.
    environment.age_cache(-240);
    assert_eq!(environment.get(HOST).grant().serial, 1);
    environment.age_cache(-240);
    environment.set("ECRX_LOG", "warn");
    let told = environment.get(HOST);
    let warning = format!(
        "docker-credential-ecrx: warn: ignoring {:?}: it is dated more than 5 minutes ahead of \
         the clock\n",
        environment.entries()[0]
    );
    assert_eq!((told.code, told.stderr), (Some(0), warning.repeat(2)));
    environment.unset("ECRX_LOG");
    assert_eq!(environment.get(HOST).grant().serial, 2);
}

#[test]
fn a_token_just_minted_is_answered_and_not_kept_when_the_clock_says_it_is_over() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    aws.set_token_expires_in(-HOUR);
    assert_eq!(environment.get(HOST).grant().serial, 1);
    assert_eq!(environment.entries(), [] as [PathBuf; 0]);
    assert_eq!(environment.get(HOST).grant().serial, 2);
    environment.set("ECRX_LOG", "warn");
    let told = environment.get(HOST);
    assert_eq!(told.code, Some(0));
    assert_eq!(
        told.stderr,
        format!(
            "docker-credential-ecrx: warn: {HOST}: the new token is not kept, as by this \
             machine's clock it has no life before it\n"
        )
    );
    // With the clocks in order again, it is kept.
    environment.unset("ECRX_LOG");
    aws.set_token_expires_in(12 * HOUR);
    assert_eq!(environment.get(HOST).grant().serial, 4);
    assert_eq!(environment.get(HOST).grant().serial, 4);
}

#[test]
fn a_token_that_claims_to_live_for_ever_is_answered_and_not_kept() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    aws.set_token_expires_in(365 * 24 * HOUR);
    assert_eq!(environment.get(HOST).grant().serial, 1);
    assert_eq!(environment.get(HOST).grant().serial, 2);
    assert_eq!(environment.entries(), [] as [PathBuf; 0]);
}

// Refreshes that fail.

/// A refresh fails: the token that is still good is answered without a word, and for 60 s
/// neither this registry nor another of the same source and endpoint tries again; then both do,
/// and succeed.
fn a_failing_refresh_is_silent_and_tried_once(
    aws: &FakeAws,
    environment: &TestEnvironment,
    fail: impl FnOnce(),
    mend: impl FnOnce(),
) {
    let held = hold_stale_tokens(environment);
    fail();
    aws.clear();
    assert_eq!(environment.get(HOST), held[0]);
    let tried = (aws.calls().len(), aws.connections());
    assert_ne!(tried.1, 0, "no attempt was made");
    assert_eq!(environment.get(HOST), held[0]);
    assert_eq!(environment.get(OTHER), held[1]);
    age_marks(environment, 58);
    assert_eq!(environment.get(HOST), held[0]);
    assert_eq!(environment.get(OTHER), held[1]);
    assert_eq!((aws.calls().len(), aws.connections()), tried);
    mend();
    age_marks(environment, 3);
    assert_eq!(environment.get(HOST).grant().serial, 3);
    assert_eq!(environment.get(OTHER).grant().serial, 4);
}

fn ecr_fault_is_silent(fault: Fault) {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let fail = || aws.on(ECR, fault);
    a_failing_refresh_is_silent_and_tried_once(&aws, &environment, fail, || aws.heal_all());
}

#[test]
fn a_refresh_that_times_out_serves_the_old_token() {
    ecr_fault_is_silent(Fault::Hang);
}

#[test]
fn a_throttled_refresh_serves_the_old_token() {
    ecr_fault_is_silent(Fault::Throttle);
}

#[test]
fn a_refresh_that_meets_a_broken_aws_serves_the_old_token() {
    ecr_fault_is_silent(Fault::Status(500));
}

#[test]
fn a_refresh_that_meets_a_login_page_serves_the_old_token() {
    ecr_fault_is_silent(Fault::Garbage);
}

#[test]
fn a_refresh_whose_role_is_throttled_serves_the_old_token() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(
        r#"
        [[registry]]
        match = "*"
        role_arn = "arn:aws:iam::999999999999:role/hub"
        "#,
    );
    let fail = || aws.on(STS, Fault::Throttle);
    a_failing_refresh_is_silent_and_tried_once(&aws, &environment, fail, || aws.heal_all());
}

#[test]
fn roles_of_many_accounts_on_one_source_share_the_pause() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(ROLE_PER_ACCOUNT);
    let fail = || aws.on(STS, Fault::Status(503));
    a_failing_refresh_is_silent_and_tried_once(&aws, &environment, fail, || aws.heal_all());
}

#[test]
fn a_refresh_that_the_sso_portal_refuses_serves_the_old_token() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sign_in(&mut environment, &aws);
    let fail = || aws.end_sso_sessions();
    let mend = || aws.add_sso_access_token(SSO_ACCESS_TOKEN);
    a_failing_refresh_is_silent_and_tried_once(&aws, &environment, fail, mend);
}

#[test]
fn a_refresh_without_a_network_serves_the_old_token() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let held = hold_stale_tokens(&environment);
    let address = aws.address();
    drop(aws);
    assert_eq!(environment.get(HOST), held[0]);
    // Whoever tries again now would be heard.
    let listener = std::net::TcpListener::bind(address).expect("the fake's port");
    listener.set_nonblocking(true).expect("non-blocking");
    assert_eq!(environment.get(HOST), held[0]);
    assert_eq!(environment.get(OTHER), held[1]);
    let heard = listener.accept().expect_err("an attempt was made");
    assert_eq!(heard.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn an_expired_sign_in_serves_the_old_token_and_a_new_one_is_used_at_once() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let principal = sign_in(&mut environment, &aws);
    let held = hold_stale_tokens(&environment);
    aws.clear();
    end_sign_in(&environment);
    assert_eq!(environment.get(HOST), held[0]);
    assert_eq!(environment.get(OTHER), held[1]);
    assert_eq!(aws.connections(), 0, "the file says it all");
    assert_eq!(files(&environment, "mark").len(), 1);

    aws.add_sso_access_token("the-next-morning");
    environment.sso_sign_in("sso", "the-next-morning", 8 * HOUR);
    let grant = environment.get(HOST).grant();
    assert_eq!(grant.serial, 3);
    assert_eq!(grant.principal, principal);
    assert_eq!(environment.get(OTHER).grant().serial, 4);
}

#[test]
fn a_sign_in_that_the_portal_has_ended_is_mended_at_once_by_a_new_one() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sign_in(&mut environment, &aws);
    let held = hold_stale_tokens(&environment);
    aws.end_sso_sessions();
    assert_eq!(environment.get(HOST), held[0]);
    aws.add_sso_access_token("the-next-morning");
    assert_eq!(environment.get(HOST), held[0]);
    environment.sso_sign_in("sso", "the-next-morning", 8 * HOUR);
    assert_eq!(environment.get(HOST).grant().serial, 3);
}

#[test]
fn why_an_old_token_is_served_is_told_to_who_asks() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let held = hold_stale_tokens(&environment);
    aws.on(ECR, Fault::Status(503));
    environment.set("ECRX_LOG", "warn");
    let told = environment.get(HOST);
    assert_eq!((told.code, &told.stdout), (Some(0), &held[0].stdout));
    assert_eq!(
        told.stderr,
        format!(
            "docker-credential-ecrx: warn: {HOST}: the token could not be renewed, the old one \
             is still good: asking for the authorization token: AWS is down: \
             ServiceUnavailableException: Service is unable to handle request.\n"
        )
    );
}

#[test]
fn a_herd_with_a_stale_token_tries_a_dead_aws_once() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let held = hold_stale_tokens(&environment);
    aws.on(ECR, Fault::Hang);
    aws.clear();
    for outcome in at_once([(&environment, HOST); 16]) {
        assert_eq!(outcome, held[0]);
    }
    assert_eq!(aws.calls().len(), 1);
}

#[test]
fn that_public_ecr_gives_no_token_is_remembered_for_ten_minutes() {
    const PUBLIC: Operation = Operation::EcrPublicGetAuthorizationToken;
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    aws.on(PUBLIC, Fault::AccessDenied);
    for age in [0, 590] {
        environment
            .get("public.ecr.aws")
            .failed_with(common::NOT_FOUND, "");
        assert_eq!(aws.count(PUBLIC), 1);
        age_marks(&environment, age);
    }
    // Private registries have nothing to do with it.
    environment.get(HOST).grant();
    aws.heal_all();
    age_marks(&environment, 11);
    environment.get("public.ecr.aws").grant();
}

// Denials.

/// A denial is told, the entry is gone, and the old token does not come back when AWS is down.
fn a_denial_ends_the_token(aws: &FakeAws, environment: &TestEnvironment, line: &str) {
    assert_eq!(environment.entries().len(), 2);
    environment.get(HOST).failure(line);
    assert_eq!(environment.entries().len(), 1, "the other registry's stays");
    environment.get(HOST).failure(line);
    for operation in [ECR, STS] {
        aws.on(operation, Fault::Hang);
    }
    environment.config("timeout_seconds = 1\n");
    let outcome = environment.get(HOST);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(
        outcome.stdout.contains(": no answer within 1 s"),
        "{outcome:?}"
    );
}

#[test]
fn a_denial_by_ecr_ends_the_token() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    hold_stale_tokens(&environment);
    aws.deny_ecr(ALICE.2);
    let line = no_credentials(
        "ecr:GetAuthorizationToken is denied to the access key AKIAIOSFODNN7EXAMPLE: \
         AccessDeniedException: User: arn:aws:iam::111122223333:user/alice is not authorized to \
         perform: ecr:GetAuthorizationToken on resource: * because no identity-based policy \
         allows the ecr:GetAuthorizationToken action",
    );
    a_denial_ends_the_token(&aws, &environment, &line);
}

#[test]
fn a_denial_by_sts_ends_the_token() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("AWS_PROFILE", "deploy");
    environment.aws_credentials(&keys("alice", ALICE));
    environment.aws_config(
        "[profile deploy]\nrole_arn = arn:aws:iam::999999999999:role/deploy\n\
         source_profile = alice\n",
    );
    hold_stale_tokens(&environment);
    aws.deny_role("arn:aws:iam::999999999999:role/deploy");
    let line = no_credentials(
        "the role arn:aws:iam::999999999999:role/deploy cannot be assumed by profile deploy (the \
         access key AKIAIOSFODNN7EXAMPLE): AccessDenied: User: \
         arn:aws:iam::111122223333:user/alice is not authorized to perform: sts:AssumeRole on \
         resource: arn:aws:iam::999999999999:role/deploy",
    );
    a_denial_ends_the_token(&aws, &environment, &line);
}

#[test]
fn a_deleted_key_ends_the_token() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    hold_stale_tokens(&environment);
    aws.remove_key(ALICE.0);
    let line = no_credentials(
        "AWS does not know the access key AKIAIOSFODNN7EXAMPLE: \
         UnrecognizedClientException: The security token included in the request is invalid.",
    );
    a_denial_ends_the_token(&aws, &environment, &line);
}

// Where it is, and whether it is.

#[test]
fn a_cache_that_is_switched_off_leaves_no_trace() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let warm = environment.get(HOST);
    assert_eq!(warm.grant().serial, 1);
    environment.config("[cache]\nenabled = false\n");
    assert_eq!(environment.get(HOST).grant().serial, 2, "nothing is read");
    assert_eq!(environment.get(HOST).grant().serial, 3);
    environment.config("");
    assert_eq!(environment.get(HOST), warm, "nothing was written");

    let environment = TestEnvironment::of_alice(&aws);
    environment.config("[cache]\nenabled = false\n");
    environment.get(HOST).grant();
    assert_eq!(names(environment.home()), [".config"]);
}

#[test]
fn the_cache_is_where_the_configuration_says() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let dir = environment.home().join("run/ecrx");
    environment.config(&format!("[cache]\ndir = {dir:?}\n"));
    let cold = environment.get(HOST);
    assert_eq!(cold.grant().serial, 1);
    assert_eq!(environment.get(HOST), cold);
    assert_eq!(names(environment.home()), [".config", "run"]);
    assert_eq!(names(&dir), ["v1"]);
    assert_eq!(names(&dir.join("v1")).len(), 2, "an entry and its lock");
}

// Folders and files that cannot be used or trusted. Unix only: elsewhere the profile folder's
// access rules do this.
#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use common::files::{STRANGER, am_root, chmod, give_away, mode, skipped};
    use rustix::process::{Pid, Signal, kill_process};

    use super::*;

    /// The only entry, with another token in it: whoever answers that has read what it must not.
    fn poison(environment: &TestEnvironment) -> PathBuf {
        let path = environment.entries().remove(0);
        let mut entry: Value =
            serde_json::from_slice(&fs::read(&path).expect("an entry")).expect("JSON");
        entry["token"] = STANDARD.encode("AWS:poison").into();
        fs::write(&path, entry.to_string()).expect("an entry");
        path
    }

    /// The login works, twice, by a token bought for it each time; and who asks is told why
    /// nothing is cached, in exactly these words.
    #[track_caller]
    fn costs_only_the_caching(environment: &mut TestEnvironment, reasons: &[String]) {
        let first = environment.get(HOST).grant().serial;
        assert_eq!(environment.get(HOST).grant().serial, first + 1);
        environment.set("ECRX_LOG", "warn");
        let told = environment.get(HOST);
        environment.unset("ECRX_LOG");
        let lines: Vec<&str> = told.stderr.lines().collect();
        let expected: Vec<String> = reasons
            .iter()
            .map(|reason| format!("docker-credential-ecrx: warn: {reason}"))
            .collect();
        assert_eq!(lines, expected);
        let silent = Outcome {
            stderr: String::new(),
            ..told
        };
        assert_eq!(silent.grant().serial, first + 2);
    }

    fn twice(reason: &str) -> [String; 2] {
        [
            reason.to_owned(),
            format!("going on without the cache: {reason}"),
        ]
    }

    fn not_a_folder(path: &Path) -> String {
        format!(
            "{path:?} is not a folder, so nothing can be cached in it: remove it, or choose \
             another with `dir` under [cache]"
        )
    }

    fn foreign(path: &Path) -> String {
        format!(
            "{path:?} belongs to another user (uid {STRANGER}), so nothing is cached there: \
             choose another folder with `dir` under [cache]"
        )
    }

    fn open_to_others(path: &Path, mode: u32) -> String {
        format!(
            "{path:?} is open to other users (mode {mode:04o}), so it is not trusted: `chmod \
             go-rwx` it, or choose another folder with `dir` under [cache]"
        )
    }

    fn link(path: &Path) -> String {
        format!(
            "{path:?} is a symbolic link, which the cache does not follow: remove it, or name \
             the folder that it leads to with `dir` under [cache]"
        )
    }

    #[test]
    fn a_file_in_place_of_the_folder_costs_only_the_caching() {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        environment.write(".cache/docker-credential-ecrx/v1", "mine");
        let reason = not_a_folder(&environment.cache());
        costs_only_the_caching(&mut environment, &twice(&reason));
        let kept = fs::read_to_string(environment.cache()).expect("the file");
        assert_eq!(kept, "mine");
    }

    #[test]
    fn a_file_in_place_of_the_folders_above_costs_only_the_caching() {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        let above = environment.write(".cache", "mine");
        let reasons = [
            not_a_folder(&above.join("docker-credential-ecrx")),
            format!("going on without the cache: {}", not_a_folder(&above)),
        ];
        costs_only_the_caching(&mut environment, &reasons);
        assert_eq!(fs::read_to_string(above).expect("the file"), "mine");
    }

    /// In `/proc` nobody can make anything, not even root.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_home_in_which_nothing_can_be_made_costs_only_the_caching() {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        environment.set("HOME", "/proc");
        let reason = "going on without the cache: cannot write \
                      \"/proc/.cache/docker-credential-ecrx\" in the cache: No such file or \
                      directory (os error 2); make its folder writable, or choose another with \
                      `dir` under [cache]";
        costs_only_the_caching(&mut environment, &[reason.to_owned()]);
    }

    #[test]
    fn a_read_only_home_costs_only_the_caching() {
        if am_root() {
            skipped("modes do not stop root");
            return;
        }
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        chmod(environment.home(), 0o555);
        let folder = environment.home().join(".cache/docker-credential-ecrx");
        let reason = format!(
            "going on without the cache: cannot write {folder:?} in the cache: Permission denied \
             (os error 13); make its folder writable, or choose another with `dir` under [cache]"
        );
        costs_only_the_caching(&mut environment, &[reason]);
        assert_eq!(names(environment.home()), [] as [String; 0]);
        chmod(environment.home(), 0o755);
    }

    /// A file size limit of nothing stands in for a full disk: files can be made, not filled.
    #[test]
    fn a_full_disk_costs_only_the_caching() {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        environment.set("ECRX_LOG", "warn");
        let script = r#"trap "" XFSZ; ulimit -f 0; exec "$0" get"#;
        let arguments = ["-c", script, common::PROGRAM];
        for serial in [1, 2] {
            let outcome = environment.run_program("/bin/sh", &arguments, HOST);
            assert_eq!(outcome.code, Some(0), "{outcome:?}");
            let warning = "docker-credential-ecrx: warn: cannot write ";
            assert!(outcome.stderr.starts_with(warning), "{outcome:?}");
            assert!(outcome.stderr.contains("File too large"), "{outcome:?}");
            assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
            let silent = Outcome {
                stderr: String::new(),
                ..outcome
            };
            assert_eq!(silent.grant().serial, serial);
        }
        let left = names(&environment.cache());
        assert!(
            matches!(left.as_slice(), [lock] if lock.ends_with(".lock")),
            "no half entry, no temporary file: {left:?}"
        );
    }

    #[test]
    fn a_folder_that_others_may_write_is_not_trusted() {
        let aws = FakeAws::start();
        for bits in [0o770, 0o777, 0o702, 0o1777] {
            let mut environment = TestEnvironment::of_alice(&aws);
            environment.get(HOST).grant();
            poison(&environment);
            let path = environment.cache();
            let before = names(&path);
            chmod(&path, bits);
            let reason = open_to_others(&path, bits);
            costs_only_the_caching(&mut environment, &twice(&reason));
            assert_eq!((mode(&path), names(&path)), (bits, before));
        }
    }

    #[test]
    fn a_folder_in_a_folder_that_others_may_write_is_not_made() {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        let above = environment.home().join(".cache/docker-credential-ecrx");
        fs::create_dir_all(&above).expect("folders");
        chmod(&above, 0o777);
        let reason = format!(
            "going on without the cache: {}",
            open_to_others(&above, 0o777)
        );
        costs_only_the_caching(&mut environment, &[reason]);
        assert_eq!(names(&above), [] as [String; 0]);
    }

    #[test]
    fn a_folder_that_others_may_read_is_closed() {
        let aws = FakeAws::start();
        let environment = TestEnvironment::of_alice(&aws);
        fs::create_dir_all(environment.cache()).expect("folders");
        chmod(&environment.cache(), 0o755);
        let cold = environment.get(HOST);
        assert_eq!(mode(&environment.cache()), 0o700);
        assert_eq!(environment.get(HOST), cold);
    }

    #[test]
    fn a_folder_of_another_user_is_neither_read_nor_changed() {
        if !am_root() {
            skipped("only root can give a folder away");
            return;
        }
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        environment.get(HOST).grant();
        let entry = poison(&environment);
        let bytes = fs::read(&entry).expect("an entry");
        let before = names(&environment.cache());
        give_away(&environment.cache());
        let reason = foreign(&environment.cache());
        costs_only_the_caching(&mut environment, &twice(&reason));
        assert_eq!(names(&environment.cache()), before);
        assert_eq!(fs::read(&entry).expect("an entry"), bytes);
        assert_eq!(mode(&environment.cache()), 0o700);
    }

    #[test]
    fn nothing_is_made_in_a_folder_of_another_user() {
        if !am_root() {
            skipped("only root can give a folder away");
            return;
        }
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        let above = environment.home().join(".cache/docker-credential-ecrx");
        fs::create_dir_all(&above).expect("folders");
        give_away(&above);
        let reason = format!("going on without the cache: {}", foreign(&above));
        costs_only_the_caching(&mut environment, &[reason]);
        assert_eq!(names(&above), [] as [String; 0]);
    }

    #[test]
    fn a_link_in_place_of_the_folder_is_not_followed() {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        environment.get(HOST).grant();
        poison(&environment);
        let target = environment.home().join("elsewhere");
        fs::rename(environment.cache(), &target).expect("rename");
        let before = names(&target);
        symlink(&target, environment.cache()).expect("a link");
        let reason = link(&environment.cache());
        costs_only_the_caching(&mut environment, &twice(&reason));
        assert_eq!(names(&target), before);
        assert_eq!(
            fs::read_link(environment.cache()).expect("the link"),
            target
        );
    }

    #[test]
    fn a_link_in_place_of_the_folder_above_is_not_written_through() {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        let target = environment.home().join("elsewhere");
        fs::create_dir(&target).expect("a folder");
        fs::create_dir(environment.home().join(".cache")).expect("a folder");
        let above = environment.home().join(".cache/docker-credential-ecrx");
        symlink(&target, &above).expect("a link");
        let reason = format!("going on without the cache: {}", link(&above));
        costs_only_the_caching(&mut environment, &[reason]);
        assert_eq!(names(&target), [] as [String; 0]);
    }

    #[test]
    fn an_entry_that_makes_no_sense_is_bought_anew_and_replaced() {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        environment.get(HOST).grant();
        let path = environment.entries().remove(0);
        let good = fs::read_to_string(&path).expect("an entry");
        let slot = path.file_stem().expect("a name").to_str().expect("UTF-8");
        let newer = good.replacen("\"version\":1", "\"version\":2", 1);
        let renamed = good.replacen(slot, &"0".repeat(64), 1);
        let without_password = good.replacen("\"token\":\"", "\"token\":\"QVdT\",\"was\":\"", 1);
        for (text, doubt) in [
            ("", "is damaged"),
            ("\u{0}\u{0}\u{0}", "is damaged"),
            ("credHelpers", "is damaged"),
            (&good[..good.len() / 2], "is damaged"),
            (&good[..good.len() - 1], "is damaged"),
            (&newer, "has format 2, which this version does not know"),
            (
                "{\"version\":9}",
                "has format 9, which this version does not know",
            ),
            (&renamed, "belongs under another name"),
            (
                &without_password,
                "holds no token: the authorization token does not read AWS:<password>",
            ),
            (&" ".repeat(200_000), "is larger than 128 KiB"),
        ] {
            fs::write(&path, text).expect("an entry");
            let calls = aws.calls().len();
            environment.set("ECRX_LOG", "warn");
            let told = environment.get(HOST);
            let warning = format!("docker-credential-ecrx: warn: ignoring {path:?}: it {doubt}\n");
            // Before the lock is taken, and once more after.
            assert_eq!(told.stderr, warning.repeat(2), "{text:.40}");
            assert_eq!(aws.calls().len(), calls + 1, "{text:.40}");
            environment.unset("ECRX_LOG");
            let mended = environment.get(HOST);
            assert_eq!((mended.code, &mended.stdout), (told.code, &told.stdout));
            mended.grant();
            assert_eq!(aws.calls().len(), calls + 1, "{text:.40}");
            assert_eq!(environment.entries().len(), 1);
        }
    }

    #[test]
    fn an_entry_that_others_may_read_is_bought_anew_and_replaced() {
        let aws = FakeAws::start();
        let environment = TestEnvironment::of_alice(&aws);
        environment.get(HOST).grant();
        let path = poison(&environment);
        chmod(&path, 0o644);
        let mended = environment.get(HOST);
        assert_eq!(mended.grant().serial, 2);
        assert_eq!(mode(&path), 0o600);
        assert_eq!(environment.get(HOST), mended);
    }

    #[test]
    fn a_link_in_place_of_an_entry_is_replaced_and_its_target_left_alone() {
        let aws = FakeAws::start();
        let environment = TestEnvironment::of_alice(&aws);
        environment.get(HOST).grant();
        let path = poison(&environment);
        let target = environment.home().join("elsewhere.json");
        fs::rename(&path, &target).expect("rename");
        let bytes = fs::read(&target).expect("the target");
        symlink(&target, &path).expect("a link");
        let mended = environment.get(HOST);
        assert_eq!(mended.grant().serial, 2);
        assert_eq!(environment.get(HOST), mended);
        assert_eq!(fs::read(&target).expect("the target"), bytes);
        assert!(fs::symlink_metadata(&path).expect("the entry").is_file());
    }

    #[test]
    fn an_entry_of_another_user_is_neither_read_nor_replaced() {
        if !am_root() {
            skipped("only root can give a file away");
            return;
        }
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        environment.get(HOST).grant();
        let path = poison(&environment);
        let bytes = fs::read(&path).expect("an entry");
        give_away(&path);
        let reason = foreign(&path);
        // Looked at before the lock and under it, and not written over.
        costs_only_the_caching(&mut environment, &[reason.clone(), reason.clone(), reason]);
        assert_eq!(fs::read(&path).expect("an entry"), bytes);
        assert_eq!(fs::metadata(&path).expect("an entry").uid(), STRANGER);
    }

    /// Waits for the end, or ends what has hung.
    fn ended(mut child: Child) -> Outcome {
        let start = Instant::now();
        while child.try_wait().expect("wait").is_none() {
            if start.elapsed() > Duration::from_secs(30) {
                child.kill().expect("kill");
                child.wait().expect("wait");
                panic!("it hangs");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Outcome::of(child)
    }

    #[test]
    fn pipes_and_folders_in_place_of_files_hold_nothing_up() {
        let aws = FakeAws::start();
        let make: [fn(&Path); 2] = [
            |path| {
                let mode = rustix::fs::Mode::from(0o600);
                rustix::fs::mkfifoat(rustix::fs::CWD, path, mode).expect("a pipe");
            },
            |path| fs::create_dir(path).expect("a folder"),
        ];
        for make in make {
            for extension in ["json", "lock"] {
                let environment = TestEnvironment::of_alice(&aws);
                let first = environment.get(HOST).grant().serial;
                let path = files(&environment, extension).remove(0);
                fs::remove_file(&path).expect("a file");
                for entry in environment.entries() {
                    fs::remove_file(entry).expect("an entry");
                }
                make(&path);
                let child = environment.start(&["get"], HOST.as_bytes());
                assert_eq!(ended(child).grant().serial, first + 1);
            }
        }
    }

    #[test]
    fn what_is_cached_is_private_whatever_the_umask() {
        let aws = FakeAws::start();
        let environment = TestEnvironment::of_alice(&aws);
        let script = r#"umask 000; exec "$0" get"#;
        let arguments = ["-c", script, common::PROGRAM];
        environment.run_program("/bin/sh", &arguments, HOST).grant();
        environment.age_cache(7 * HOUR);
        // Written by hand, under this process's umask.
        chmod(&environment.entries()[0], 0o600);
        aws.on(ECR, Fault::Status(500));
        environment.run_program("/bin/sh", &arguments, HOST).grant();
        let v1 = environment.cache();
        let mut folder = v1.as_path();
        while folder != environment.home() {
            assert_eq!(mode(folder), 0o700, "{folder:?}");
            folder = folder.parent().expect("a folder above");
        }
        for kind in ["json", "lock", "mark"] {
            let files = files(&environment, kind);
            assert_eq!(files.len(), 1, "{kind}");
            assert_eq!(mode(&files[0]), 0o600, "{kind}");
        }
        assert_eq!(names(&v1).len(), 3);
    }

    // Locks.

    /// A `get` that holds the lock and waits for AWS; ended for good when dropped.
    struct Waiting(Child);

    impl Waiting {
        fn start(aws: &FakeAws, environment: &TestEnvironment) -> Self {
            aws.clear();
            aws.on_times(ECR, Fault::Hang, Times::N(1));
            let child = environment.start(&["get"], HOST.as_bytes());
            wait_until("the first get asks AWS", || aws.count(ECR) == 1);
            Self(child)
        }

        fn stop(&self) {
            kill_process(Pid::from_child(&self.0), Signal::STOP).expect("stop");
        }
    }

    impl Drop for Waiting {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_killed_get_leaves_no_lock_in_the_way() {
        let aws = FakeAws::start();
        let environment = TestEnvironment::of_alice(&aws);
        // So long that a lock in the way would be noticed.
        environment.config("timeout_seconds = 60\n");
        drop(Waiting::start(&aws, &environment));
        let start = Instant::now();
        let cold = environment.get(HOST);
        assert!(start.elapsed() < Duration::from_secs(25));
        cold.grant();
        assert_eq!(aws.count(ECR), 2);
        assert_eq!(environment.get(HOST), cold);
    }

    #[test]
    fn a_lock_that_a_stopped_process_holds_delays_a_get_by_half_of_its_time() {
        let aws = FakeAws::start();
        let environment = TestEnvironment::of_alice(&aws);
        environment.config("timeout_seconds = 4\n");
        let waiting = Waiting::start(&aws, &environment);
        waiting.stop();
        let start = Instant::now();
        environment.get(HOST).grant();
        let took = start.elapsed();
        assert!(
            took >= Duration::from_millis(1900),
            "{took:?}: no lock was held"
        );
        assert!(took < Duration::from_secs(20), "{took:?}");
        assert_eq!(environment.entries(), [] as [PathBuf; 0], "not its turn");
        // Other registries are not delayed.
        environment.get(OTHER).grant();
        assert_eq!(environment.entries().len(), 1);
        drop(waiting);
        let cold = environment.get(HOST);
        cold.grant();
        assert_eq!(environment.get(HOST), cold);
    }

    #[test]
    fn a_lock_that_a_stopped_process_holds_delays_the_old_token_little() {
        let aws = FakeAws::start();
        let environment = TestEnvironment::of_alice(&aws);
        environment.config("timeout_seconds = 60\n");
        let held = hold_stale_tokens(&environment);
        let waiting = Waiting::start(&aws, &environment);
        waiting.stop();
        let start = Instant::now();
        assert_eq!(environment.get(HOST), held[0]);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(25), "{took:?}");
        assert_eq!(aws.count(ECR), 1, "nobody else asked");
    }

    #[test]
    fn a_lock_that_a_stranger_holds_for_ever_costs_only_the_caching() {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        environment.config("timeout_seconds = 1\n");
        environment.get(HOST).grant();
        let path = files(&environment, "lock").remove(0);
        fs::remove_file(environment.entries().remove(0)).expect("an entry");
        // To other processes, a lock of this one is a stranger's.
        let file = fs::File::open(&path).expect("the lock");
        fs2::FileExt::lock_exclusive(&file).expect("lock");
        let reason = format!(
            "going on without the cache: another process has held {path:?} for too long: see \
             whether a docker-credential-ecrx hangs or is stopped"
        );
        costs_only_the_caching(&mut environment, &[reason]);
    }
}

// Identities.

#[test]
fn identities_that_share_a_home_never_get_each_others_tokens() {
    const ROUNDS: usize = 100;
    let aws = FakeAws::start();
    let home = TestEnvironment::with_aws(&aws);
    home.aws_credentials(&(keys("alice", ALICE) + &keys("bob", BOB)));
    home.aws_config(
        "[profile deploy]\nrole_arn = arn:aws:iam::999999999999:role/deploy\n\
         source_profile = alice\n\
         [profile audit]\nrole_arn = arn:aws:iam::999999999999:role/audit\n\
         source_profile = bob\n",
    );
    let pull = home.write("pull.toml", &rule("pull", "pull"));
    let push = home.write("push.toml", &rule("push", "push"));
    let renamed = home.write("renamed.toml", &rule("pull", "renamed"));
    let carol = aws.temporary_credentials(
        "arn:aws:sts::111122223333:assumed-role/ci/carol",
        Duration::from_secs(3600),
    );
    let dave = aws.temporary_credentials(
        "arn:aws:sts::111122223333:assumed-role/ci/dave",
        Duration::from_secs(3600),
    );
    let of_home = || {
        let mut environment = TestEnvironment::with_aws(&aws);
        environment.set("HOME", &home.home().display().to_string());
        environment
    };
    let of_profile = |name: &str| {
        let mut environment = of_home();
        environment.set("AWS_PROFILE", name);
        environment
    };
    let of_keys = |(id, secret, _): (&str, &str, &str)| {
        let mut environment = of_home();
        environment.set_keys(id, secret, None);
        environment
    };
    let of_rule = |path: &Path| {
        let mut environment = of_keys(ALICE);
        environment.set("ECRX_CONFIG", &path.display().to_string());
        environment
    };
    let of_session = |keys: &Credentials| {
        let mut environment = of_home();
        set_session(&mut environment, keys);
        environment
    };
    let role = |name: &str, session: &str| {
        format!("arn:aws:sts::999999999999:assumed-role/{name}/{session}")
    };
    let identities = [
        (of_keys(ALICE), ALICE.2.to_owned()),
        (of_keys(BOB), BOB.2.to_owned()),
        (
            of_profile("deploy"),
            role("deploy", "docker-credential-ecrx"),
        ),
        (of_profile("audit"), role("audit", "docker-credential-ecrx")),
        (of_rule(&pull), role("pull", "pull")),
        (of_rule(&push), role("push", "push")),
        (of_rule(&renamed), role("pull", "renamed")),
        // These two share the name of their entry, and displace each other.
        (of_session(&carol), carol.principal.clone()),
        (of_session(&dave), dave.principal.clone()),
    ];
    std::thread::scope(|scope| {
        for (environment, principal) in &identities {
            scope.spawn(move || {
                for round in 0..ROUNDS / 2 {
                    let grant: Grant = environment.get(HOST).grant();
                    assert_eq!(&grant.principal, principal, "round {round}");
                    assert_eq!(grant.registry_ids, ["999999999999"]);
                }
            });
        }
    });
    // And in step, one after the other, so that each finds what its neighbour has left.
    for round in 0..ROUNDS / 2 {
        for (environment, principal) in &identities {
            let grant = environment.get(HOST).grant();
            assert_eq!(&grant.principal, principal, "round {round}");
        }
    }
    let asked = |principal: &str| {
        let calls = aws.calls_of(ECR);
        calls
            .iter()
            .filter(|call| call.principal.as_deref() == Some(principal))
            .count()
    };
    for (_, principal) in &identities[..7] {
        assert_eq!(asked(principal), 1, "{principal} has an entry of its own");
    }
    assert_eq!(home.entries().len(), 8);
}

fn rule(role: &str, session: &str) -> String {
    format!(
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::999999999999:role/{role}\"\n\
         role_session_name = \"{session}\"\n"
    )
}

#[test]
fn a_changed_secret_or_profile_is_another_identity() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("AWS_PROFILE", "work");
    environment.aws_credentials(&keys("work", ALICE));
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
    environment.aws_credentials(&keys("work", BOB));
    assert_eq!(environment.get(HOST).grant().principal, BOB.2);
    // A wrong secret does not get what the right one has bought.
    environment.aws_credentials(&keys("work", (BOB.0, "wrong", BOB.2)));
    let outcome = environment.get(HOST);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stdout.contains("InvalidSignatureException"));
}
