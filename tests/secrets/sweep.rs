//! Every command, at every level of the log, with AWS repeating what it was sent: at first, when
//! that is remembered, when a token is to be renewed, and when all is well again.
//!
//! How much was searched: `cargo test --test secrets sweep -- --nocapture`.

use crate::common::fake_aws::{Echo, FakeAws, FakeRegistry, Fault, Operation, Times, echo};
use crate::common::{HOST, Outcome, TestEnvironment};
use crate::search::{Search, Tokens};
use crate::sources::{self, Break, Source};

/// What `store` is handed.
const STORED: &str = "flummoxed-gazebo";

const PUBLIC: &str = "public.ecr.aws";

const LEVELS: [Option<&str>; 5] = [
    Some("debug"),
    Some("error"),
    Some("warn"),
    Some("info"),
    None,
];

const ECHOES: [Echo; 3] = [Echo::Value, Echo::Signature, Echo::Denial];

/// A command, its input, and whether it prints a token.
struct Step {
    arguments: Vec<&'static str>,
    input: String,
    tokens: Tokens,
}

fn step(arguments: &[&'static str], input: &str) -> Step {
    let tokens = match arguments[0] {
        "get" | "password" => Tokens::Answered,
        _ => Tokens::Hidden,
    };
    Step {
        arguments: arguments.to_vec(),
        input: input.to_owned(),
        tokens,
    }
}

/// An image of [`HOST`].
const IMAGE: &str = "999999999999.dkr.ecr.us-west-2.amazonaws.com/team/app:v1";

fn steps() -> Vec<Step> {
    let principal = "--principal=arn:aws:iam::111122223333:user/alice";
    vec![
        step(&["get"], HOST),
        step(&["get"], HOST),
        // Of two that have failed, the third is told.
        step(&["get"], HOST),
        step(&["list"], "unused"),
        step(&["get"], PUBLIC),
        step(&["whoami", HOST], ""),
        step(&["whoami", HOST, "--json"], ""),
        step(&["cache", "list"], ""),
        step(&["cache", "list", "--json"], ""),
        step(&["doctor", IMAGE], ""),
        step(&["doctor", "--push", "--json", IMAGE], ""),
        step(&["password", HOST], ""),
        step(&["config", "show", HOST], ""),
        step(&["config", "show", HOST, "--json"], ""),
        step(&["config", "check"], ""),
        step(&["config", "check", "--json"], ""),
        step(&["policy", "--registry", HOST, principal], ""),
        step(&["configure-docker", HOST, "--dry-run"], ""),
        step(&["store"], &sources::login_to_store(HOST, STORED)),
        step(&["erase"], HOST),
    ]
}

/// What shows the words of AWS, and what is remembered of them.
fn shows_failures(step: &Step) -> bool {
    matches!(
        step.arguments[..],
        ["get" | "doctor", ..] | ["cache", "list"]
    )
}

struct Sweep {
    aws: FakeAws,
    environment: TestEnvironment,
    search: Search,
    source: Source,
    /// What AWS has said.
    echoes: Vec<String>,
    /// Outputs that show some of that, and those of failures that were remembered.
    told: usize,
    remembered: usize,
    first_level: usize,
    runs: usize,
}

impl Sweep {
    fn run(&mut self, step: &Step) -> Outcome {
        let level = LEVELS[(self.first_level + self.runs) % LEVELS.len()];
        self.runs += 1;
        match level {
            Some(level) => self.environment.set("ECRX_LOG", level),
            None => self.environment.unset("ECRX_LOG"),
        };
        let outcome = self.environment.run(&step.arguments, &step.input);
        let what = format!("{:?} at {level:?}", step.arguments);
        let (aws, environment) = (&self.aws, &self.environment);
        self.search
            .look(aws, environment, &what, &outcome, step.tokens);
        let shown = format!("{}{}", outcome.stdout, outcome.stderr);
        self.told += usize::from(shown.contains("errors detected"));
        self.remembered += usize::from(shown.contains("(previous attempt, "));
        for call in self.aws.calls() {
            if let Some(Fault::Echo(_)) = call.fault {
                self.echoes.push(echo(&call));
            }
        }
        // What a mark says is searched once it is told.
        self.environment.keep_marks();
        self.aws.clear();
        outcome
    }

    /// This call fails, and those whose failure others do not notice.
    fn break_at(&self, broken: Break, echo: Echo) {
        let fault = Fault::Echo(echo);
        self.aws.heal_all();
        let Break { operation, after } = broken;
        if after > 0 {
            let none = Fault::Delay(std::time::Duration::ZERO);
            self.aws.on_times(operation, none, Times::N(after));
        }
        for operation in [
            operation,
            Operation::EcrPublicGetAuthorizationToken,
            Operation::StsGetCallerIdentity,
        ] {
            self.aws.on(operation, fault.clone());
        }
    }

    fn forget_everything(&self) {
        // There may be none.
        let _ = std::fs::remove_dir_all(self.environment.cache());
    }

    fn break_everywhere(&mut self) {
        for (number, broken) in self.source.breaks.clone().into_iter().enumerate() {
            // One of them for every command.
            let chosen = ECHOES[number % ECHOES.len()];
            for echo in ECHOES {
                self.forget_everything();
                let all = steps();
                let of_failures = |step: &Step| echo == chosen || shows_failures(step);
                for step in all.iter().filter(|step| of_failures(step)) {
                    self.break_at(broken, echo);
                    self.run(step);
                }
            }
            self.aws.heal_all();
            self.forget_everything();
            let get = step(&["get"], HOST);
            assert_eq!(self.run(&get).code, Some(0), "{broken:?}");
            self.environment.age_cache(7 * 3600);
            for step in [get, step(&["get"], HOST), step(&["cache", "list"], "")] {
                // A denial would end the old token.
                self.break_at(broken, Echo::Value);
                assert_eq!(self.run(&step).code, Some(0), "{broken:?}");
            }
        }
    }
}

/// Puts a source to the test. With each number from 0 to 4, every command is run at another level.
#[track_caller]
fn sweep(number: usize, name: &str, set: fn(&mut TestEnvironment, &FakeAws) -> Source) {
    let aws = FakeAws::start();
    let registry = FakeRegistry::start(&[HOST]);
    registry.add_image(IMAGE);
    let mut environment = TestEnvironment::with_aws(&aws);
    let source = set(&mut environment, &aws);
    environment.trust_registry(&registry);
    let mut secrets = source.sent.clone();
    secrets.push(STORED.to_owned());
    let search = Search::new(&environment, &secrets);
    let mut sweep = Sweep {
        aws,
        environment,
        search,
        source,
        echoes: Vec::new(),
        told: 0,
        remembered: 0,
        first_level: number,
        runs: 0,
    };
    sweep.break_everywhere();
    sweep.aws.heal_all();
    sweep.forget_everything();
    for step in steps() {
        assert_ne!(sweep.run(&step).code, None, "{:?}", step.arguments);
    }

    for secret in &sweep.source.sent {
        let is_sent = sweep.echoes.iter().any(|words| words.contains(secret));
        assert!(is_sent, "{name}: no answer has repeated {secret}");
    }
    assert!(sweep.remembered > 0, "{name}: nothing was remembered");
    let Sweep {
        search,
        echoes,
        told,
        remembered,
        runs,
        ..
    } = sweep;
    assert!(told > 0, "{name}: no answer was shown");
    println!(
        "{name}: {runs} runs, {} answers that repeat secrets, {told} outputs that show them \
         ({remembered} remembered); searched: {} outputs, {} files",
        echoes.len(),
        search.outputs,
        search.files
    );
}

#[test]
fn no_secret_of_session_keys_is_shown_or_kept() {
    sweep(0, "keys of a session", sources::keys_of_a_session);
}

#[test]
fn no_secret_of_roles_with_external_ids_is_shown_or_kept() {
    sweep(
        1,
        "roles with external ids",
        sources::roles_with_external_ids,
    );
}

#[test]
fn no_secret_of_a_web_identity_is_shown_or_kept() {
    sweep(2, "web identity", sources::web_identity);
}

#[test]
fn no_secret_of_a_ci_job_is_shown_or_kept() {
    sweep(4, "GitHub's token", sources::github);
    sweep(0, "token in a variable", sources::token_in_a_variable);
}

#[test]
fn no_secret_of_a_container_is_shown_or_kept() {
    sweep(3, "container", sources::container);
    sweep(
        4,
        "container with a token file",
        sources::container_with_a_token_file,
    );
}

#[cfg(unix)]
#[test]
fn no_secret_of_a_process_is_shown_or_kept() {
    sweep(0, "process", sources::process);
}

#[test]
fn no_secret_of_sso_is_shown_or_kept() {
    sweep(1, "SSO", sources::sso);
}

#[test]
fn no_secret_of_aws_login_is_shown_or_kept() {
    sweep(2, "aws login", sources::login);
}

#[test]
fn no_secret_of_an_instance_is_shown_or_kept() {
    sweep(3, "instance metadata", sources::instance_metadata);
}
