//! Identities that share a home.

use std::path::Path;
use std::time::Duration;

use super::common::fake_aws::{ALICE, BOB, Credentials, FakeAws, Grant};
use super::common::{HOST, TestEnvironment};
use super::{ECR, keys};

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
        environment.set_session(keys);
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
    // With a wrong secret, the token of the right one is not the answer.
    environment.aws_credentials(&keys("work", (BOB.0, "wrong", BOB.2)));
    let outcome = environment.get(HOST);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stdout.contains("InvalidSignatureException"));
}

/// One line of `~/.aws/config`, and in each checkout another program.
#[cfg(unix)]
#[test]
fn a_relative_credential_process_is_another_in_another_folder() {
    for command in ["sh './credentials.sh'", "sh credentials.sh"] {
        is_another_in_another_folder(command);
    }
}

#[cfg(unix)]
fn is_another_in_another_folder(command: &str) {
    use std::io::Write as _;

    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("AWS_PROFILE", "work");
    environment.aws_config(&format!("[profile work]\ncredential_process = {command}\n"));
    let checkout = |name: &str| {
        let principal = format!("arn:aws:sts::111122223333:assumed-role/{name}/tool");
        let keys = aws.temporary_credentials(&principal, Duration::from_secs(3600));
        let answer = serde_json::json!({
            "Version": 1,
            "AccessKeyId": keys.access_key_id,
            "SecretAccessKey": keys.secret_access_key,
            "SessionToken": keys.session_token,
            "Expiration": keys.expiration(),
        });
        let script = environment.write(
            &format!("{name}/credentials.sh"),
            &format!("echo '{answer}'\n"),
        );
        (principal, script.parent().expect("a folder").to_owned())
    };
    let checkouts = [checkout("one"), checkout("other")];
    // They take turns in one entry: it is the same line of the same profile.
    for ((principal, folder), requests) in
        [(&checkouts[0], 1), (&checkouts[1], 2), (&checkouts[0], 3)]
    {
        for _ in 0..2 {
            let mut command = environment.command(&["get"]);
            let mut child = command.current_dir(folder).spawn().expect("start");
            let mut stdin = child.stdin.take().expect("piped");
            stdin.write_all(HOST.as_bytes()).expect("a question");
            drop(stdin);
            assert_eq!(
                &super::common::Outcome::of(child).grant().principal,
                principal
            );
        }
        assert_eq!(aws.count(ECR), requests, "in its folder it is the same");
    }
}
