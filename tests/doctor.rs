//! `doctor`: for each reason why an image cannot be pulled, the whole output as a snapshot
//! (`tests/doctor/snapshots`), and the same as JSON, which fits its schema and has the same texts.
//!
//! To write the snapshots anew: `INSTA_UPDATE=always cargo test --test doctor`, then read the
//! difference.

#[path = "doctor/access.rs"]
mod access;
#[path = "doctor/aws.rs"]
mod aws;
#[path = "doctor/clients.rs"]
mod clients;
#[cfg(target_os = "linux")]
#[path = "doctor/codes.rs"]
mod codes;
mod common;
#[path = "doctor/hostile.rs"]
mod hostile;
#[path = "doctor/hosts.rs"]
mod hosts;
#[path = "doctor/machine.rs"]
mod machine;
#[path = "doctor/manners.rs"]
mod manners;
#[cfg(target_os = "linux")]
#[path = "doctor/pipes.rs"]
mod pipes;
#[path = "doctor/public.rs"]
mod public;
#[cfg(target_os = "linux")]
#[path = "doctor/read_only.rs"]
mod read_only;
#[path = "doctor/registry.rs"]
mod registry;
#[path = "doctor/repositories.rs"]
mod repositories;
#[path = "doctor/several.rs"]
mod several;
#[path = "doctor/sides.rs"]
mod sides;
#[path = "doctor/sources.rs"]
mod sources;
#[cfg(target_os = "linux")]
#[path = "doctor/waiting.rs"]
mod waiting;
#[path = "doctor/well.rs"]
mod well;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use common::fake_aws::{FakeAws, FakeRegistry};
use common::{HOST, Outcome, PROGRAM, TestEnvironment};
use serde_json::Value;

/// A registry of Alice's own account.
const OWN: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

/// The same account's registry in a region where it has no repositories.
const ELSEWHERE: &str = "111122223333.dkr.ecr.us-west-2.amazonaws.com";

/// A role in the account of [`HOST`].
const PULL: &str = "arn:aws:iam::999999999999:role/ecr-pull";

/// Far above every limit in these tests, and below the 30 s that hold when none is configured.
const IN_TIME: Duration = Duration::from_secs(20);

/// The schema of the JSON output.
const SCHEMA: &str = include_str!("../packaging/doctor.schema.json");

/// AWS, a registry with two images, and Alice, whose docker uses this program.
struct Ward {
    aws: FakeAws,
    registry: FakeRegistry,
    environment: TestEnvironment,
}

impl Ward {
    fn new() -> Self {
        let aws = FakeAws::start();
        let registry = FakeRegistry::start(&[HOST, OWN, ELSEWHERE]);
        registry.add_image(&app());
        registry.add_image(&format!("{OWN}/team/app:v1"));
        let mut environment = TestEnvironment::of_alice(&aws);
        environment.trust_registry(&registry);
        let bin = environment.link("docker-credential-ecrx");
        let bin = bin.parent().expect("a folder").display().to_string();
        environment.set("PATH", &bin);
        // Paths differ in length: no line of a snapshot is to be wrapped.
        environment.set("COLUMNS", "2000");
        // The file that `podman login` writes on the test machine is not read.
        let run = environment.home().join("run").display().to_string();
        environment.set("XDG_RUNTIME_DIR", &run);
        let helpers = [HOST, OWN, ELSEWHERE].map(|host| format!("\"{host}\": \"ecrx\""));
        environment.write(
            ".docker/config.json",
            &format!("{{\"credHelpers\": {{{}}}}}\n", helpers.join(", ")),
        );
        Self {
            aws,
            registry,
            environment,
        }
    }

    /// The same, with a role for [`HOST`].
    fn with_role() -> Self {
        let ward = Self::new();
        ward.environment.config(&format!(
            "[[registry]]\nmatch = \"999999999999\"\nrole_arn = \"{PULL}\"\n"
        ));
        ward
    }

    /// The system's programs are on PATH, too.
    #[cfg(unix)]
    fn with_programs(mut self) -> Self {
        let bin = self.environment.home().join("bin");
        let path = format!("{}:/usr/bin:/bin", bin.display());
        self.environment.set("PATH", &path);
        self
    }

    fn doctor(&self, arguments: &[&str]) -> Outcome {
        let arguments = [&["doctor"], arguments].concat();
        self.environment.run(&arguments, "")
    }

    /// The same, if a server does not respond or its response has no end.
    #[track_caller]
    fn doctor_in_time(&self, arguments: &[&str]) -> Outcome {
        let started = Instant::now();
        let told = self.doctor(arguments);
        let took = started.elapsed();
        assert!(took < IN_TIME, "{took:?}: {told:?}");
        told
    }

    /// The text output equals the snapshot of this name. The JSON output fits the schema, and has
    /// the same exit code, findings and verdict.
    #[track_caller]
    fn says(&self, name: &str, code: i32, arguments: &[&str]) {
        let told = self.doctor(arguments);
        let json = self.doctor(&[arguments, &["--json"]].concat());
        assert_eq!(
            (told.code, told.stderr.as_str()),
            (Some(code), ""),
            "{told:?}"
        );
        assert_eq!(
            (json.code, json.stderr.as_str()),
            (Some(code), ""),
            "{json:?}"
        );
        let report: Value = serde_json::from_str(&json.stdout).expect("JSON");
        fits_the_schema(&report);
        for text in texts(&report) {
            let words = |text: &str| {
                without_seconds(text)
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            assert!(
                words(&told.stdout).contains(&words(text)),
                "{text}\n{}",
                told.stdout
            );
        }
        self.no_secret_is_in(&told.stdout);
        self.no_secret_is_in(&json.stdout);
        let shown = self.neutral(&told.stdout);
        insta::with_settings!({
            snapshot_path => "doctor/snapshots",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name, shown);
        });
    }

    #[track_caller]
    fn no_secret_is_in(&self, text: &str) {
        let secrets = ["wJalrXUtnFEMI", "ecr-token", "X-Amz-Signature"];
        for secret in secrets {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        for entry in self.environment.entries() {
            let entry: Value =
                serde_json::from_slice(&std::fs::read(entry).expect("a file")).expect("JSON");
            let token = entry["token"].as_str().expect("a token");
            assert!(!text.contains(token), "{text}");
        }
    }

    /// Replaces the parts that differ from run to run.
    fn neutral(&self, text: &str) -> String {
        without_seconds(text)
            .replace(&self.environment.home().display().to_string(), "~")
            .replace(PROGRAM, "PROGRAM")
            .replace(
                self.registry.proxy().url().trim_start_matches("http://"),
                "PROXY",
            )
            .replace(self.aws.url().trim_start_matches("http://"), "AWS")
            .replace(env!("CARGO_PKG_VERSION"), "VERSION")
    }
}

/// The image in the registry of another account.
fn app() -> String {
    format!("{HOST}/team/app:v1")
}

/// Replaces the time that was waited for a response with `SECONDS`, as it is the rest of the limit.
fn without_seconds(text: &str) -> String {
    const BEFORE: &str = "no response within ";
    let mut parts = text.split(BEFORE);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        format!("{text}{BEFORE}SECONDS{rest}")
    })
}

/// Every text in the findings and the verdict.
fn texts(report: &Value) -> Vec<&str> {
    let steps = report["steps"].as_array().expect("steps");
    let findings = steps
        .iter()
        .flat_map(|step| step["findings"].as_array().expect("findings"));
    let verdict = std::iter::once(&report["verdict"]);
    findings
        .chain(verdict)
        .map(|found| found["text"].as_str().expect("a text"))
        .collect()
}

#[track_caller]
fn fits_the_schema(report: &Value) {
    static VALIDATOR: OnceLock<jsonschema::Validator> = OnceLock::new();
    let validator = VALIDATOR.get_or_init(|| {
        let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
        jsonschema::validator_for(&schema).expect("a schema")
    });
    let wrong: Vec<String> = validator
        .iter_errors(report)
        .map(|error| error.to_string())
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}\n{report:#}");
}

#[test]
fn lines_are_at_most_100_columns_wide_unless_they_have_no_blank() {
    let mut ward = Ward::with_role();
    ward.aws.deny_role(PULL);
    ward.environment.unset("COLUMNS");
    let told = ward.doctor(&[&app()]);
    let width = |line: &&str| line.chars().count();
    assert!(
        told.stdout.lines().any(|line| width(&line) > 80),
        "{told:?}"
    );
    for line in told.stdout.lines().filter(|line| width(line) > 100) {
        assert!(!line.trim().contains(' '), "{line}");
    }
}

#[test]
fn the_schema_refuses_what_is_no_report() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let good = serde_json::json!({
        "version": 1,
        "target": null,
        "steps": [{"place": "machine", "mark": "good", "findings": [{"mark": "good", "text": "x"}]}],
        "verdict": {"mark": "good", "text": "x"},
    });
    assert!(validator.is_valid(&good));
    for (pointer, value) in [
        ("/version", serde_json::json!(2)),
        ("/target", serde_json::json!(1)),
        ("/steps/0/place", serde_json::json!("elsewhere")),
        ("/steps/0/findings/0/mark", serde_json::json!("fine")),
        ("/steps/0/findings/0", serde_json::json!({"mark": "good"})),
        ("/verdict", serde_json::json!({"mark": "good"})),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).expect("there") = value;
        assert!(!validator.is_valid(&bad), "{pointer}");
    }
}
