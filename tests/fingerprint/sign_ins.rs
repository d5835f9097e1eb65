//! Signing out and in, with SSO and `aws login`.

use std::fs;
use std::path::PathBuf;

use super::common::fake_aws::{FakeAws, Operation, SSO_ACCESS_TOKEN};
use super::common::files::{keeps_births, names, skipped};
use super::common::sources::{self, LOGIN_SESSION, Profile, START_URL};
use super::common::{HOST, PROGRAM, TestEnvironment};
use super::{ECR, hits_for, requests_for};

/// A profile `work` of one kind, chosen by `AWS_PROFILE` and signed in; and who that is.
fn signed_in(aws: &FakeAws, profile: Profile) -> (TestEnvironment, String) {
    let mut environment = TestEnvironment::with_aws(aws);
    environment.set("AWS_PROFILE", "work");
    let expected = profile(&mut environment, aws, "work");
    (environment, expected.principal)
}

/// The file of the one sign-in there is.
fn sign_in(environment: &TestEnvironment) -> PathBuf {
    let folders = [".aws/sso/cache", ".aws/login/cache"].map(|path| environment.home().join(path));
    let folder = folders.into_iter().find(|folder| folder.exists());
    let folder = folder.expect("a sign-in");
    match names(&folder).as_slice() {
        [name] => folder.join(name),
        names => panic!("{names:?}"),
    }
}

fn sign_out(environment: &TestEnvironment) {
    fs::remove_file(sign_in(environment)).expect("signed in");
}

fn list(environment: &TestEnvironment) -> String {
    let outcome = environment.run(&["list"], "unused");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    outcome.stdout
}

#[test]
fn signing_out_ends_the_hits_and_takes_the_entry_along() {
    let aws = FakeAws::start();
    let table: [(Profile, &str, Option<&str>); 4] = [
        (
            sources::sso_session,
            "the SSO sign-in for profile work (session work) is missing; run: aws sso login --profile work",
            Some(
                "To sign in for every profile of the session, run: aws sso login --sso-session work",
            ),
        ),
        (
            sources::sso,
            "the SSO sign-in for profile work is missing; run: aws sso login --profile work",
            None,
        ),
        (
            sources::role_of_sso,
            "the SSO sign-in for profile work-sso (session work-sso) is missing; run: aws sso login --profile work-sso",
            Some(
                "To sign in for every profile of the session, run: aws sso login --sso-session work-sso",
            ),
        ),
        (
            sources::login,
            "the aws login sign-in for profile work is missing; run: aws login --profile work",
            None,
        ),
    ];
    for (profile, message, remedy) in table {
        let (environment, principal) = signed_in(&aws, profile);
        requests_for(&environment, &aws, &principal);
        hits_for(&environment, &aws, &principal);
        assert_eq!(list(&environment), format!("{{\"{HOST}\":\"AWS\"}}\n"));

        sign_out(&environment);
        aws.clear();
        assert_eq!(list(&environment), "{}\n");
        // Nor is it shown as what the next `get` answers, or renews.
        let shown = environment.run(&["whoami", HOST], "").stdout;
        assert!(!shown.contains("good until"), "{shown}");
        let listed = environment.run(&["cache", "list", "--json"], "").stdout;
        assert!(listed.contains("\"refresh_at\": null"), "{listed}");
        let outcome = environment.get(HOST);
        let hints = outcome.failure(&format!("no credentials for {HOST}: {message}"));
        let (asked, remedies) = hints.split_last().expect("hints");
        assert!(asked.starts_with("identity: profile work ("), "{asked}");
        assert_eq!(remedies, remedy.as_slice());
        assert_eq!(environment.entries(), [] as [PathBuf; 0], "{message}");
        assert_eq!(aws.connections(), 0, "{message}");
    }
}

/// Without a home folder there is no place to look for a sign-in.
#[test]
fn without_a_home_directory_there_is_no_sign_in() {
    let table: [(Profile, &str); 2] = [
        (
            sources::sso_session,
            "the SSO sign-in for profile work (session work) is missing; run: aws sso login --profile work",
        ),
        (
            sources::login,
            "the aws login sign-in for profile work is missing; run: aws login --profile work",
        ),
    ];
    for (profile, message) in table {
        let aws = FakeAws::start();
        let (mut environment, principal) = signed_in(&aws, profile);
        let path = |path: &str| environment.home().join(path).display().to_string();
        let (config, cache) = (path(".aws/config"), path("cache"));
        environment
            .set("AWS_CONFIG_FILE", &config)
            .set("AWS_ECR_CACHE_DIR", &cache);
        assert_eq!(environment.get(HOST).grant().principal, principal);
        assert_eq!(list(&environment), format!("{{\"{HOST}\":\"AWS\"}}\n"));
        // The SDK would look for one below the working folder.
        environment.set("HOME", ".");
        let in_home = format!(
            "cd '{}' && exec '{PROGRAM}' get",
            environment.home().display()
        );
        aws.clear();
        let outcome = environment.run_program("sh", &["-c", &in_home], HOST);
        outcome.failure(&format!("no credentials for {HOST}: {message}"));
        assert_eq!(list(&environment), "{}\n");
        assert_eq!(aws.connections(), 0);
    }
}

#[test]
fn who_signs_in_to_sso_next_never_sees_the_token_of_the_one_before() {
    let forms: [(Profile, &str, &str, &str); 2] = [
        (sources::sso_session, "work", "444455556666", "ops"),
        (sources::sso, START_URL, "111122223333", "dev"),
    ];
    for (profile, key, account, role) in forms {
        for asked_between in [false, true] {
            let aws = FakeAws::start();
            let (environment, alice) = signed_in(&aws, profile);
            requests_for(&environment, &aws, &alice);
            sign_out(&environment);
            if asked_between {
                assert_eq!(environment.get(HOST).code, Some(1));
            }
            aws.set_sso_user("bob");
            let bob = aws.sso_principal(account, role);
            assert_ne!(alice, bob);
            environment.sso_sign_in(key, SSO_ACCESS_TOKEN, 3600);
            assert_eq!(list(&environment), "{}\n");
            requests_for(&environment, &aws, &bob);
            hits_for(&environment, &aws, &bob);
        }
    }
}

/// `aws sso login` without signing out, as botocore 1.43 writes it: another file takes the name.
#[test]
fn a_sign_in_that_replaces_another_is_another() {
    let aws = FakeAws::start();
    let (environment, alice) = signed_in(&aws, sources::sso_session);
    requests_for(&environment, &aws, &alice);
    let path = sign_in(&environment);
    let replacement = environment.home().join("replacement");
    fs::copy(&path, &replacement).expect("a copy");
    fs::rename(&replacement, &path).expect("replaced");
    aws.set_sso_user("bob");
    let bob = aws.sso_principal("444455556666", "ops");
    requests_for(&environment, &aws, &bob);
}

#[test]
fn a_sign_in_that_is_renewed_in_its_file_keeps_the_hit() {
    let aws = FakeAws::start();
    let (environment, principal) = signed_in(&aws, sources::sso_session);
    if !keeps_births(environment.home()) {
        return skipped("the file system does not keep when files were made");
    }
    // Renewed by the SDK, within the `get` that requests the token.
    environment.sso_sign_in("work", "forgotten", -60);
    let before = fs::read(sign_in(&environment)).expect("a sign-in");
    requests_for(&environment, &aws, &principal);
    assert_eq!(aws.count(Operation::SsoOidcCreateToken), 1);
    assert_ne!(fs::read(sign_in(&environment)).expect("a sign-in"), before);
    hits_for(&environment, &aws, &principal);
    // Renewed by another program, later.
    environment.sso_sign_in("work", "another token", 7200);
    hits_for(&environment, &aws, &principal);
}

#[test]
fn aws_login_is_whom_its_arn_says_however_often_it_is_renewed() {
    let aws = FakeAws::start();
    let (environment, principal) = signed_in(&aws, sources::login);
    // Renewed by the SDK, within the `get` that requests the token.
    environment.login_sign_in(&aws, -60);
    requests_for(&environment, &aws, &principal);
    assert_eq!(aws.count(Operation::SigninCreateOAuth2Token), 1);
    hits_for(&environment, &aws, &principal);
    // In its file, and by one that takes its name.
    environment.login_sign_in(&aws, 900);
    hits_for(&environment, &aws, &principal);
    sign_out(&environment);
    environment.login_sign_in(&aws, 900);
    hits_for(&environment, &aws, &principal);
}

#[test]
fn who_signs_in_by_aws_login_next_never_sees_the_token_of_the_one_before() {
    let aws = FakeAws::start();
    let (environment, alice) = signed_in(&aws, sources::login);
    requests_for(&environment, &aws, &alice);
    let session_of_bob = "arn:aws:iam::444455556666:user/bob";
    let profile = format!("[profile work]\nlogin_session = {session_of_bob}\nregion = us-east-1\n");
    environment.aws_config(&profile);
    // Alice is still signed in; Bob is not.
    aws.clear();
    let outcome = environment.get(HOST);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    environment.login_sign_in_of(&aws, session_of_bob, 3600);
    assert_eq!(environment.get(HOST).grant().principal, session_of_bob);
    assert_eq!(aws.count(ECR), 1);
    // Each has an entry of their own.
    environment.aws_config(&profile.replace(session_of_bob, LOGIN_SESSION));
    hits_for(&environment, &aws, &alice);
}
