//! Ages: how long a token is fresh, good, and believed.

use std::path::PathBuf;
use std::time::Duration;

use super::common::fake_aws::{ALICE, FakeAws, Fault};
use super::common::{HOST, TestEnvironment};
use super::refreshes::down_for_a_moment;
use super::{ECR, HOUR, at_once, hold_stale_tokens, no_credentials};

const MINUTE: i64 = 60;

/// What a person reads when ECR answers 503.
fn aws_is_down() -> String {
    no_credentials(
        "requesting an authorization token: AWS is unavailable: ServiceUnavailableException: \
         Service is unable to handle request.",
    )
}

#[test]
fn a_token_is_fresh_for_45_percent_of_its_life_and_renewed_in_line_before_half_of_it() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let first = environment.get(HOST);
    assert_eq!(first.grant().serial, 1);
    environment.age_cache(5 * HOUR + 22 * MINUTE);
    assert_eq!(environment.get(HOST), first);
    assert_eq!(aws.calls().len(), 1);
    environment.age_cache(38 * MINUTE + 1);
    let second = environment.get(HOST);
    assert_eq!(second.grant().serial, 2);
    assert_eq!(environment.get(HOST), second);
    assert_eq!(aws.calls().len(), 2);
    assert_eq!(environment.entries().len(), 1, "the old entry is replaced");
}

/// When `cache list` says that the one token is renewed, in seconds from its issue.
fn renewal_in_list(environment: &TestEnvironment) -> i64 {
    let listed = environment.run(&["cache", "list", "--json"], "").stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    let moment = |name: &str| {
        let text = listed["tokens"][0][name].as_str().expect("a moment");
        let moment = humantime::parse_rfc3339(text).expect(text);
        let since = moment.duration_since(std::time::UNIX_EPOCH);
        i64::try_from(since.expect("after 1970").as_secs()).expect("a number")
    };
    moment("refresh_at") - moment("obtained_at")
}

#[test]
fn a_token_is_renewed_at_the_time_in_the_list_which_differs_from_token_to_token() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let mut ages = Vec::new();
    for serial in 1..=6 {
        assert_eq!(environment.get(HOST).grant().serial, serial);
        let age = renewal_in_list(&environment);
        let least = 5 * HOUR + 24 * MINUTE;
        assert!((least..=6 * HOUR).contains(&age), "{age} s");
        ages.push(age);
        environment.age_cache(age - 60);
        // Each process finds the same time, however old the token is.
        assert_eq!(renewal_in_list(&environment), age);
        for outcome in at_once([(&environment, HOST); 8]) {
            assert_eq!(outcome.grant().serial, serial);
        }
        environment.age_cache(60);
    }
    ages.sort_unstable();
    ages.dedup();
    assert!(ages.len() >= 5, "{ages:?}");
    // An age that is set is exact.
    environment.config("[cache]\nmax_age_seconds = 43200\n");
    environment.get(HOST).grant();
    assert_eq!(renewal_in_list(&environment), 6 * HOUR);
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
fn a_token_of_session_keys_is_trusted_for_an_hour_at_most() {
    let aws = FakeAws::start();
    let keys = aws.temporary_credentials(ALICE.2, Duration::from_secs(12 * 3600));
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_session(&keys);
    assert_eq!(environment.get(HOST).grant().serial, 1);
    environment.age_cache(52 * MINUTE);
    assert_eq!(environment.get(HOST).grant().serial, 1);
    environment.age_cache(8 * MINUTE + 1);
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
    environment.age_marks(6);
    aws.on(ECR, down_for_a_moment());
    let marks = environment.cached("mark").len();
    environment.get(HOST).grant();
    assert_eq!(environment.cached("mark").len(), marks + 1);
    environment.age_cache(5 * HOUR);
    environment.age_marks(6);
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
        "docker-credential-ecrx: warn: ignoring {:?}: it is dated more than 5 minutes in the future\n",
        environment.entries()[0]
    );
    assert_eq!((told.code, told.stderr), (Some(0), warning));
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
            "docker-credential-ecrx: warn: {HOST}: the new token is not cached, because by this machine's clock it is already too old\n"
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
