//! Whose entry is answered.

use std::time::Duration;

use super::common::fake_aws::{ALICE, BOB, FakeAws, Operation};
use super::common::{HOST, TestEnvironment, sources};

#[test]
fn two_identities_never_share_an_entry() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    sources::keys(&mut environment, &aws, "one");
    sources::session_keys(&mut environment, &aws, "two");
    let pull = "role_arn = \"arn:aws:iam::999999999999:role/pull\"";
    let variants = [
        "profile = \"one\"".to_owned(),
        "profile = \"two\"".to_owned(),
        format!("profile = \"one\"\n{pull}"),
        format!("profile = \"two\"\n{pull}"),
        format!("profile = \"one\"\n{pull}\nrole_session_name = \"ci\""),
        format!("profile = \"one\"\n{pull}\nregion = \"eu-west-1\""),
        "profile = \"one\"\nrole_arn = \"arn:aws:iam::999999999999:role/push\"".to_owned(),
        "profile = \"one\"\nrole_arn = [\"arn:aws:iam::999999999999:role/push\", \"arn:aws:iam::999999999999:role/pull\"]".to_owned(),
        "profile = \"one\"\nrole_arn = [\"arn:aws:iam::999999999999:role/pull\", \"arn:aws:iam::999999999999:role/push\"]".to_owned(),
    ];
    let match_ours = |lines: &str| {
        environment.config(&format!(
            "[[registry]]\nmatch = \"999999999999\"\n{lines}\n"
        ));
    };
    let external = format!("profile = \"one\"\n{pull}\nexternal_id = \"a-client\"");
    let other = format!("profile = \"one\"\n{pull}\nexternal_id = \"b-client\"");
    let variants: Vec<String> = variants.into_iter().chain([external, other]).collect();
    // Each is a miss, however many lie in the cache already.
    let mut answers = Vec::new();
    for lines in &variants {
        aws.clear();
        match_ours(lines);
        let answer = environment.get(HOST);
        answer.answer();
        assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 1, "{lines}");
        answers.push(answer);
    }
    assert_eq!(environment.entries().len(), variants.len());
    // And each finds its own again.
    aws.clear();
    for (lines, answer) in variants.iter().zip(&answers) {
        match_ours(lines);
        assert_eq!(&environment.get(HOST), answer, "{lines}");
    }
    assert_eq!(aws.connections(), 0);
}

#[test]
fn two_rules_for_one_registry_never_share_an_entry() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    sources::keys(&mut environment, &aws, "work");
    environment.config("[[registry]]\nmatch = \"999999999999\"\nprofile = \"work\"\n");
    assert_eq!(environment.get(HOST).grant().principal, BOB.2);
    environment.config("");
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
}

#[test]
fn another_key_is_a_miss_and_so_is_another_secret() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
    environment.set_keys(BOB.0, BOB.1, None);
    assert_eq!(environment.get(HOST).grant().principal, BOB.2);
    environment.set_keys(ALICE.0, ALICE.1, None);
    aws.clear();
    assert_eq!(environment.get(HOST).grant().principal, ALICE.2);
    assert_eq!(aws.connections(), 0);
    // A key's id with a wrong secret is no identity.
    environment.set_keys(ALICE.0, BOB.1, None);
    assert_eq!(environment.get(HOST).code, Some(1));
}

#[test]
fn how_the_aws_files_are_written_does_not_matter() {
    let (id, secret, _) = BOB;
    let keys = format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    let role = "role_arn = arn:aws:iam::999999999999:role/pull\nrole_session_name = build\n";
    let first = format!("[profile base]\n{keys}[profile work]\n{role}source_profile = base\n");
    let rewritten = [
        // Reordered.
        format!(
            "[profile work]\nsource_profile = base\nrole_session_name = build\nrole_arn = arn:aws:iam::999999999999:role/pull\n\
             [profile base]\naws_secret_access_key = {secret}\naws_access_key_id = {id}\n"
        ),
        // Commented, and with blanks.
        format!("# mine\n{first}\n\n; the end\n").replace(" = ", "   =\t"),
        // With settings that say nothing of who asks.
        format!("{first}output = json\n[profile other]\nregion = eu-west-1\n"),
        // With a session that lasts longer.
        format!("{first}duration_seconds = 7200\n"),
        // With carriage returns.
        first.replace('\n', "\r\n"),
    ];
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("AWS_PROFILE", "work");
    environment.aws_config(&first);
    let cold = environment.get(HOST);
    cold.answer();
    aws.clear();
    for text in rewritten {
        environment.aws_config(&text);
        assert_eq!(environment.get(HOST), cold, "{text}");
    }
    // Moved to the other file.
    environment.aws_config(&format!("[profile work]\n{role}source_profile = base\n"));
    environment.aws_credentials(&format!("[base]\n{keys}"));
    assert_eq!(environment.get(HOST), cold);
    assert_eq!((aws.connections(), environment.entries().len()), (0, 1));
}

#[test]
fn every_change_of_a_profile_that_changes_the_identity_is_a_cache_miss() {
    let (id, secret, _) = BOB;
    let keys = format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    let profile = |role: &str, session: &str, more: &str| {
        format!(
            "[profile base]\n{keys}[profile work]\nsource_profile = base\n\
             role_arn = arn:aws:iam::999999999999:role/{role}\nrole_session_name = {session}\n{more}"
        )
    };
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("AWS_PROFILE", "work");
    for text in [
        profile("pull", "build", ""),
        profile("push", "build", ""),
        profile("pull", "nightly", ""),
        profile("pull", "build", "external_id = client-1\n"),
        profile("pull", "build", "external_id = client-2\n"),
        profile("pull", "build", "region = eu-west-1\n"),
        profile("pull", "build", "")
            .replace(id, ALICE.0)
            .replace(secret, ALICE.1),
    ] {
        aws.clear();
        environment.aws_config(&text);
        environment.get(HOST).answer();
        assert_eq!(aws.count(Operation::StsAssumeRole), 1, "{text}");
        assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 1, "{text}");
    }
}

#[test]
fn rotated_session_keys_replace_the_entry_of_their_predecessors() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let principal = "arn:aws:sts::111122223333:assumed-role/session/alice";
    let mut answers = Vec::new();
    for _ in 0..3 {
        let keys = aws.temporary_credentials(principal, Duration::from_secs(3600));
        environment.set_session(&keys);
        let answer = environment.get(HOST);
        assert_eq!(answer.grant().principal, principal);
        assert!(!answers.contains(&answer));
        assert_eq!(environment.get(HOST), answer);
        answers.push(answer);
        assert_eq!(environment.entries().len(), 1);
    }
}

#[test]
fn a_rotated_container_token_replaces_the_entry_of_its_predecessor() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let url = format!("{}/v1/credentials", aws.url());
    environment.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url);
    for token in ["monday", "tuesday"] {
        environment.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", token);
        environment.get(HOST).answer();
        let calls = aws.calls_of(Operation::EksCredentials);
        let last = calls.last().expect("a call");
        assert_eq!(last.header("authorization"), Some(token));
        assert_eq!(environment.entries().len(), 1);
    }
}

#[test]
fn another_ones_session_keys_never_get_the_entry_of_the_first() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let names = ["alice", "carol", "alice"];
    for name in names {
        let principal = format!("arn:aws:sts::111122223333:assumed-role/session/{name}");
        let keys = aws.temporary_credentials(&principal, Duration::from_secs(3600));
        environment.set_session(&keys);
        assert_eq!(environment.get(HOST).grant().principal, principal);
    }
}
