//! One `config.json`, one home folder and one cache; five registries, and five identities of five
//! kinds. And one registry once more, by a name of one's own, where a sixth asks. Whatever happens
//! at once, each host gets the token of its own identity.

mod common;

use std::collections::BTreeSet;
use std::process::Child;

use serde_json::{Value, json};

use common::fake_aws::{ALICE, BOB, FakeAws, Operation};
use common::{Outcome, TestEnvironment, sources};

const ROUNDS: usize = 200;
const HOSTS: usize = 6;
const HOUR: i64 = 3600;

/// A registry, the helper that `config.json` names for it, and who has to ask.
struct Registry {
    host: &'static str,
    helper: &'static str,
    account: &'static str,
    region: &'static str,
    principal: String,
}

/// What the next `get` of a registry may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// There is no entry that holds: a new token.
    Cold,
    /// Half of the token's life is over: a new one, or the old one where that took too long.
    Renewing,
    /// The same token again.
    Warm,
}

/// Two accounts appear twice, and one registry.
fn set_up(aws: &FakeAws, environment: &mut TestEnvironment) -> [Registry; HOSTS] {
    aws.check_partitions(true);
    let (hub, push) = (
        "arn:aws:iam::111122223333:role/hub",
        "arn:aws:iam::999999999999:role/push",
    );
    let li = "arn:aws-cn:iam::111122223333:user/li";
    aws.add_user(ALICE.0, ALICE.1, li);
    let work = sources::sso_session(environment, aws, "work").principal;
    sources::keys(environment, aws, "client");
    let base = sources::session_keys(environment, aws, "base").principal;
    aws.trust_role(hub, &base);
    aws.trust_role(push, "arn:aws:sts::111122223333:assumed-role/hub");
    aws.require_external_id(push, "build");
    environment.add_aws_config(&format!(
        "[profile china]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        ALICE.0, ALICE.1
    ));
    environment.config(&format!(
        "[[registry]]\nmatch = \"999999999999\"\nsource_profile = \"base\"\nrole_arn = [\"{hub}\", \"{push}\"]\nexternal_id = \"build\"\n\
         [[registry]]\nmatch = \"aws-cn\"\nprofile = \"china\"\n\
         [[registry]]\nmatch = \"images.example.com\"\naccount = \"111122223333\"\nregion = \"eu-west-1\"\n\
         [identity.client-two]\nprofile = \"client\"\n\
         [identity.audit]\nprofile = \"client\"\nrole_arn = \"arn:aws:iam::{{account}}:role/audit\"\n"
    ));
    environment.set_web_identity();
    environment.set(
        "ECRX_ROLE_ARN_444455556666",
        "arn:{partition}:iam::{account}:role/ci",
    );
    let session = "docker-credential-ecrx";
    let registry = |host, helper, account, region, principal: &str| Registry {
        host,
        helper,
        account,
        region,
        principal: principal.to_owned(),
    };
    [
        registry(
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            "ecrx-work",
            "111122223333",
            "eu-west-1",
            &work,
        ),
        registry(
            "444455556666.dkr.ecr.us-east-1.amazonaws.com",
            "ecrx-client-two",
            "444455556666",
            "us-east-1",
            BOB.2,
        ),
        registry(
            "999999999999.dkr.ecr.us-west-2.amazonaws.com",
            "ecrx",
            "999999999999",
            "us-west-2",
            &format!("arn:aws:sts::999999999999:assumed-role/push/{session}"),
        ),
        registry(
            "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "ecrx",
            "111122223333",
            "cn-north-1",
            li,
        ),
        registry(
            "444455556666.dkr.ecr.eu-west-1.amazonaws.com",
            "ecrx",
            "444455556666",
            "eu-west-1",
            &format!("arn:aws:sts::444455556666:assumed-role/ci/{session}"),
        ),
        registry(
            "images.example.com",
            "ecrx-audit",
            "111122223333",
            "eu-west-1",
            &format!("arn:aws:sts::111122223333:assumed-role/audit/{session}"),
        ),
    ]
}

/// Writes `~/.docker/config.json`, and the programs that it names into a folder of `PATH`.
fn write_docker_config(environment: &mut TestEnvironment, registries: &[Registry]) {
    let helpers: serde_json::Map<String, Value> = registries
        .iter()
        .map(|registry| (registry.host.to_owned(), registry.helper.into()))
        .collect();
    let config = json!({ "credHelpers": helpers });
    environment.write(".docker/config.json", &config.to_string());
    for registry in registries {
        environment.link(&format!("docker-credential-{}", registry.helper));
    }
    let path = environment.home().join("bin").display().to_string();
    environment.set("PATH", &path);
}

/// Starts what docker would start for a host: the program that `credHelpers` names, from `PATH`.
fn start(environment: &TestEnvironment, host: &str) -> Child {
    let config = environment.home().join(".docker/config.json");
    let config: Value =
        serde_json::from_slice(&std::fs::read(config).expect("config.json")).expect("JSON");
    let helper = config["credHelpers"][host].as_str().expect("a helper");
    environment.start_program(
        format!("docker-credential-{helper}"),
        &["get"],
        host.as_bytes(),
    )
}

/// Changes the cache before some rounds, and says what that does to each registry's entry.
fn disturb(
    environment: &TestEnvironment,
    registries: &[Registry; HOSTS],
    round: usize,
    next: &mut [Next; HOSTS],
) {
    match round % 20 {
        0 => {
            for entry in environment.entries() {
                std::fs::remove_file(entry).expect("an entry");
            }
            *next = [Next::Cold; HOSTS];
        }
        // Past half of each token's life, and past its end.
        5 => {
            environment.age_cache(7 * HOUR);
            *next = [Next::Renewing; HOSTS];
        }
        10 => {
            environment.age_cache(13 * HOUR);
            *next = [Next::Cold; HOSTS];
        }
        // One of the five logs out.
        15 => {
            let one = round / 20 % 5;
            let (host, helper) = (registries[one].host, registries[one].helper);
            let program = environment.link(&format!("docker-credential-{helper}"));
            let outcome = environment.run_program(program, &["erase"], host);
            assert_eq!(outcome.code, Some(0), "{outcome:?}");
            next[one] = Next::Cold;
        }
        _ => {}
    }
}

#[test]
fn no_identity_ever_gets_anothers_token() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    let registries = set_up(&aws, &mut environment);
    write_docker_config(&mut environment, &registries);
    let principals: BTreeSet<&str> = registries.iter().map(|one| &*one.principal).collect();
    assert_eq!(principals.len(), HOSTS);

    let mut next = [Next::Cold; HOSTS];
    let mut serials = [0; HOSTS];
    let mut seen = BTreeSet::new();
    let (mut cold, mut renewed, mut warm) = (0, 0, 0);
    for round in 0..ROUNDS {
        disturb(&environment, &registries, round, &mut next);
        let running: Vec<Child> = registries
            .iter()
            .map(|registry| start(&environment, registry.host))
            .collect();
        for (index, child) in running.into_iter().enumerate() {
            let (registry, expected) = (&registries[index], next[index]);
            let grant = Outcome::of(child).grant();
            let place = format!("round {round}, {}: {expected:?}", registry.host);
            assert_eq!(grant.principal, registry.principal, "{place}");
            assert_eq!(grant.registry_ids, [registry.account], "{place}");
            assert_eq!(grant.region, registry.region, "{place}");
            let is_new = seen.insert(grant.serial);
            if !is_new {
                assert_eq!(grant.serial, serials[index], "{place}: an older token");
            }
            match (expected, is_new) {
                (Next::Cold, true) => cold += 1,
                (Next::Renewing, true) => renewed += 1,
                // It took longer than a renewal may, and is tried again.
                (Next::Renewing, false) => continue,
                (Next::Warm, false) => warm += 1,
                (Next::Cold, false) | (Next::Warm, true) => panic!("{place}, new: {is_new}"),
            }
            serials[index] = grant.serial;
            next[index] = Next::Warm;
        }
    }
    assert!(
        cold >= 100 && renewed > 0 && warm > 500,
        "{cold} {renewed} {warm}"
    );
    assert_eq!(environment.entries().len(), HOSTS);

    // As AWS saw it: each of them for the own registry, and for nothing else.
    let expected: BTreeSet<_> = registries
        .iter()
        .map(|one| {
            (
                one.principal.clone(),
                one.account.to_owned(),
                one.region.to_owned(),
            )
        })
        .collect();
    let asked: BTreeSet<_> = aws
        .calls_of(Operation::EcrGetAuthorizationToken)
        .into_iter()
        .map(|call| {
            let account = call.registry_ids().concat();
            let region = call.signed_region.expect("a region");
            (call.principal.expect("a known key"), account, region)
        })
        .collect();
    assert_eq!(asked, expected);
}
