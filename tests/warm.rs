//! A warm `get` opens no socket, starts no thread or process, and uses no credentials, with any
//! source: it reads small files and prints.

mod common;

use std::fs;

use common::fake_aws::{ALICE, FakeAws, Operation};
use common::files::{keeps_births, names_if_any};
use common::sources::{Expected, PROFILES, Profile, RULES};
use common::{HOST, TestEnvironment};

/// An environment with one source of credentials.
struct Case {
    name: &'static str,
    environment: TestEnvironment,
    /// The principal that requests the token.
    principal: String,
    /// What a cold `get` asks.
    calls: Vec<Operation>,
}

/// Every kind of profile, of variables and of rules.
fn cases(aws: &FakeAws) -> Vec<Case> {
    let variables: [(&str, Profile); 3] = [
        ("instance metadata", |environment, aws, _| {
            environment.set_instance_metadata(aws)
        }),
        ("a container's variables", |environment, aws, _| {
            environment.set_container(aws)
        }),
        ("a web identity's variables", |environment, _, _| {
            environment.set_web_identity()
        }),
    ];
    let mut cases = Vec::new();
    let mut add = |name, environment, expected: Expected| {
        cases.push(Case {
            name,
            environment,
            calls: expected.calls_of_get(),
            principal: expected.principal,
        });
    };
    for (name, write) in PROFILES {
        let mut environment = TestEnvironment::with_aws(aws);
        let expected = write(&mut environment, aws, "work");
        // What leads to any profile, whatever variables it needs.
        environment.config("[[registry]]\nmatch = \"*\"\nprofile = \"work\"\n");
        add(name, environment, expected);
    }
    for (name, write) in RULES {
        let mut environment = TestEnvironment::with_aws(aws);
        let expected = write(&mut environment, aws);
        add(name, environment, expected);
    }
    for (name, write) in variables {
        let mut environment = TestEnvironment::with_aws(aws);
        let expected = write(&mut environment, aws, "");
        add(name, environment, expected);
    }
    let ecr = Operation::EcrGetAuthorizationToken;
    cases.push(Case {
        name: "keys in variables",
        environment: TestEnvironment::of_alice(aws),
        principal: ALICE.2.to_owned(),
        calls: vec![ecr],
    });
    let environment = TestEnvironment::of_alice(aws);
    environment
        .config("[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::{account}:role/rule\"\n");
    cases.push(Case {
        name: "a rule's role",
        environment,
        principal: "arn:aws:sts::999999999999:assumed-role/rule/docker-credential-ecrx".to_owned(),
        calls: vec![Operation::StsAssumeRole, ecr],
    });
    cases
}

impl Case {
    /// Makes useless every file that credentials are read from. What is left names them: a
    /// sign-in has to be there, and a web identity's token to be about the same one.
    fn take_credentials_away(&self) {
        let home = self.environment.home();
        if keeps_births(home) {
            for folder in [".aws/sso/cache", ".aws/login/cache"] {
                for name in names_if_any(&home.join(folder)) {
                    self.environment
                        .write(&format!("{folder}/{name}"), "no sign-in");
                }
            }
        }
        for file in ["environment.jwt", "profile.jwt", "rule.jwt"] {
            if home.join(file).exists() {
                // {"exp":1}, and no signature: the same issuer, subject and audience, namely none.
                self.environment.write(file, "e30.eyJleHAiOjF9.");
            }
        }
        for file in ["answer.json", "process.sh"] {
            let _ = fs::remove_file(home.join(file));
        }
    }
}

#[test]
fn a_warm_get_makes_no_request_and_uses_no_credentials_whatever_their_source() {
    let aws = FakeAws::start();
    for case in cases(&aws) {
        let (name, environment) = (case.name, &case.environment);
        aws.clear();
        let cold = environment.get(HOST);
        assert_eq!(cold.grant().principal, case.principal, "{name}");
        let calls: Vec<Operation> = aws.calls().iter().map(|call| call.operation).collect();
        assert_eq!(calls, case.calls, "{name}");
        case.take_credentials_away();
        aws.clear();
        assert_eq!(environment.get(HOST), cold, "{name}");
        assert_eq!((aws.calls().len(), aws.connections()), (0, 0), "{name}");
    }
}

#[test]
fn a_warm_get_needs_no_aws_at_all() {
    let aws = FakeAws::start();
    let warmed: Vec<_> = cases(&aws)
        .into_iter()
        .map(|case| (case.environment.get(HOST), case))
        .collect();
    drop(aws);
    for (cold, case) in warmed {
        cold.grant();
        assert_eq!(case.environment.get(HOST), cold, "{}", case.name);
    }
}

/// How a `get` that answers reaches others: what strace saw.
#[cfg(target_os = "linux")]
fn traced(environment: &TestEnvironment) -> Vec<String> {
    let (outcome, calls) = common::traced(environment, "network,clone,clone3,vfork,fork");
    outcome.grant();
    calls
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs strace: .ci/run installs it"]
fn a_warm_get_opens_no_socket_and_starts_no_thread() {
    let aws = FakeAws::start();
    for case in cases(&aws) {
        let name = case.name;
        // The same trace of a cold get shows that it would be seen.
        let cold = traced(&case.environment);
        assert!(cold.iter().any(|line| line.contains("connect(")), "{name}");
        assert_eq!(traced(&case.environment), [] as [String; 0], "{name}");
    }
}
