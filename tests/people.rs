//! The commands `password`, `whoami`, `cache`, `config` and `completions`: exact text and JSON.

#[path = "people/access.rs"]
mod access;
#[path = "people/cache.rs"]
mod cache;
mod common;
#[path = "people/completions.rs"]
mod completions;
#[path = "people/config_check.rs"]
mod config_check;
#[path = "people/config_show.rs"]
mod config_show;
#[path = "people/password.rs"]
mod password;
#[path = "people/registries.rs"]
mod registries;
#[path = "people/repositories.rs"]
mod repositories;
#[cfg(target_os = "linux")]
#[path = "people/terminal.rs"]
mod terminal;
#[path = "people/whoami.rs"]
mod whoami;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use common::{Outcome, TestEnvironment};

/// The name of the configuration file in the working folder: a short path.
const CONFIG: &str = "ecrx.toml";

/// Makes this text the whole configuration.
fn configure(environment: &mut TestEnvironment, text: &str) {
    environment.write(CONFIG, text);
    environment.set("ECRX_CONFIG", CONFIG);
}

/// Checks the exit code and stdout, with the home folder as `HOME`; stderr is empty.
#[track_caller]
fn prints(environment: &TestEnvironment, arguments: &[&str], code: i32, expected: &str) {
    let outcome = environment.run(arguments, "");
    let home = environment.home().display().to_string();
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (Some(code), ""),
        "{outcome:?}"
    );
    let shown = outcome.stdout.replace(&home, "HOME");
    assert_eq!(shown, expected, "\n{shown}");
}

/// Checks the exit code and the JSON on stdout, with the home folder as `HOME` and moments as
/// `MOMENT`; stderr is empty.
#[track_caller]
fn prints_json(environment: &TestEnvironment, arguments: &[&str], code: i32, expected: Value) {
    let outcome = environment.run(arguments, "");
    assert_eq!(
        (outcome.code, outcome.stderr.as_str()),
        (Some(code), ""),
        "{outcome:?}"
    );
    let home = environment.home().display().to_string();
    let mut shown = serde_json::from_str(&outcome.stdout.replace(&home, "HOME")).expect("JSON");
    hide_moments(&mut shown);
    assert_eq!(shown, expected, "\n{shown:#}");
}

fn hide_moments(value: &mut Value) {
    match value {
        Value::String(text) if OffsetDateTime::parse(text, &Rfc3339).is_ok() => {
            *text = "MOMENT".to_owned();
        }
        Value::Array(values) => values.iter_mut().for_each(hide_moments),
        Value::Object(values) => values.values_mut().for_each(hide_moments),
        _ => {}
    }
}

/// Checks a failure with this line on stderr and nothing on stdout, and returns its hints.
#[track_caller]
fn told<'o>(outcome: &'o Outcome, line: &str) -> Vec<&'o str> {
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (Some(1), ""),
        "{outcome:?}"
    );
    let mut lines = outcome.stderr.lines();
    let first = format!("docker-credential-ecrx: {line}");
    assert_eq!(lines.next(), Some(first.as_str()), "{outcome:?}");
    lines
        .map(|hint| hint.strip_prefix("  ").expect("an indented hint"))
        .collect()
}
