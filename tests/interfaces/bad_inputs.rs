//! Bad input, and what is answered: a table of what a user, a client or a file gets wrong. No row asks AWS
//! for a token.

use std::fmt::Write as _;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::common::fake_aws::{ALICE, FakeAws, Operation};
use super::common::files::is_committed;
use super::common::{HOST, Outcome, TestEnvironment};
use super::folder;

const TABLE: &str = include_str!("bad_inputs.tsv");

/// A row: `KIND INPUT CODE LINE`, separated by tabs, with escapes in the input. The last two are the
/// outcome.
struct Row<'t> {
    kind: &'t str,
    input: &'t str,
}

impl<'t> Row<'t> {
    fn read(line: &'t str) -> Self {
        let mut fields = line.splitn(3, '\t');
        let mut next = || fields.next().expect("two fields");
        Self {
            kind: next(),
            input: next(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = self.input.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'\\' => match rest.next().expect("an escape") {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'\\' => b'\\',
                    _ => {
                        let digits = [rest.next(), rest.next()].map(|it| it.expect("a digit"));
                        let digits = std::str::from_utf8(&digits).expect("digits").to_owned();
                        u8::from_str_radix(&digits, 16).expect("digits")
                    }
                },
                byte => byte,
            });
        }
        bytes
    }

    fn run(&self, aws: &FakeAws) -> Outcome {
        let mut environment = TestEnvironment::with_aws(aws);
        let home = environment.home().to_owned();
        let write = |path: &str| {
            let path = home.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, self.bytes()).expect("a file");
        };
        match self.kind {
            "get" | "store" => return environment.run(&[self.kind], self.bytes()),
            "config" => write(".config/docker-credential-ecrx/config.toml"),
            "aws_config" => write(".aws/config"),
            "aws_credentials" => write(".aws/credentials"),
            "variable" | "with_keys" => {
                if self.kind == "with_keys" {
                    environment.set("AWS_ACCESS_KEY_ID", ALICE.0);
                    environment.set("AWS_SECRET_ACCESS_KEY", ALICE.1);
                }
                let (name, value) = self.input.split_once('=').expect("a variable");
                environment.set(name, value);
            }
            kind => panic!("{kind}"),
        }
        let outcome = environment.get(HOST);
        let home = home.display().to_string();
        Outcome {
            stdout: outcome
                .stdout
                .replace(&home, "$HOME")
                .replace(&aws.url(), "$AWS"),
            ..outcome
        }
    }
}

/// The exit code, a tab, and the first line of stdout.
fn told(outcome: &Outcome) -> String {
    let line = outcome.stdout.lines().next().unwrap_or_default();
    let code = outcome.code.expect("no signal");
    assert!(!line.contains(|c: char| c.is_control()), "{line}");
    format!("{code}\t{line}")
}

#[test]
fn each_bad_input_has_the_outcome_of_the_table() {
    let aws = FakeAws::start();
    let mut lines = TABLE.lines();
    let heading = lines.next().expect("a heading");
    let rows: Vec<Row<'_>> = lines.map(Row::read).collect();
    assert!(rows.len() >= 200, "{}", rows.len());
    let outcomes = Mutex::new(vec![String::new(); rows.len()]);
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(row) = rows.get(number) else {
                        return;
                    };
                    let told = told(&row.run(&aws));
                    outcomes.lock().expect("no panic")[number] = told;
                }
            });
        }
    });
    assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 0);
    let outcomes = outcomes.into_inner().expect("no panic");
    let mut table = format!("{heading}\n");
    for (row, outcome) in rows.iter().zip(&outcomes) {
        let _ = writeln!(table, "{}\t{}\t{outcome}", row.kind, row.input);
    }
    is_committed(&folder().join("bad_inputs.tsv"), &table, "interfaces");
}
