//! `config check`: the files that count, what in them can never work, and misspelled variables.

use std::path::PathBuf;

use serde::Serialize;

use crate::commands::page::Mark;
use crate::commands::{Page, Verdict};
use crate::config::{Config, ConfigError, Origin, Unreachable, Why};
use crate::env::{Env, var};
use crate::error::Error;

use crate::identity::{Misspelled, Resolver};

/// So many places are named in one finding.
const MOST_PLACES: usize = 3;

#[derive(Serialize)]
struct CheckReport {
    files: Vec<FileFacts>,
    findings: Vec<CheckFinding>,
}

#[derive(Serialize)]
struct FileFacts {
    path: String,
    /// `user`, `machine` or `ECRX_CONFIG`.
    whose: &'static str,
    there: bool,
    rules: usize,
}

/// Something to be mended.
#[derive(Serialize)]
struct CheckFinding {
    mark: Mark,
    file: Option<String>,
    line: Option<usize>,
    message: String,
}

pub(super) fn run(env: &Env, json: bool, page: &mut Page) -> Result<Verdict, Error> {
    let config = match Config::from_env(env) {
        Ok(config) => config,
        // For people it is told as every error is.
        Err(error) if !json => return Err(Error::failure(error)),
        Err(error) => {
            page.json(&CheckReport {
                files: files(env, &Config::default()),
                findings: vec![CheckFinding::from_error(&error)],
            });
            return Ok(Verdict::Bad);
        }
    };
    let mut findings: Vec<CheckFinding> = config
        .unreachable_rules()
        .iter()
        .map(CheckFinding::from_rule)
        .collect();
    findings.extend(missing_profiles(env, &config));
    findings.extend(Misspelled::all(env).iter().map(CheckFinding::from_variable));
    let report = CheckReport {
        files: files(env, &config),
        findings,
    };
    if json {
        page.json(&report)
    } else {
        report.print(page)
    }
    Ok(if report.findings.is_empty() {
        Verdict::Good
    } else {
        Verdict::Bad
    })
}

/// The files that count, in the order in which they are asked.
fn files(env: &Env, config: &Config) -> Vec<FileFacts> {
    let named: Vec<(&'static str, Option<PathBuf>)> = match env.path(var::ECRX_CONFIG) {
        Some(path) => vec![(var::ECRX_CONFIG, Some(path))],
        None => vec![
            ("user", env.user_config()),
            ("machine", env.machine_config()),
        ],
    };
    let facts = |(whose, path): (&'static str, Option<PathBuf>)| {
        let path = path?;
        Some(FileFacts {
            whose,
            there: path.is_file(),
            rules: config
                .rules()
                .iter()
                .filter(|rule| *rule.origin().file == *path)
                .count(),
            path: path.display().to_string(),
        })
    };
    named.into_iter().filter_map(facts).collect()
}

/// Profiles that rules, `[defaults]` and `[identity.NAME]` name, and AWS's files do not have.
fn missing_profiles(env: &Env, config: &Config) -> Vec<CheckFinding> {
    let mut named: Vec<(&str, &Origin)> = config.profiles().collect();
    if named.is_empty() {
        return Vec::new();
    }
    let resolver = Resolver::new(env, config);
    let known = match resolver.profile_names() {
        Ok(known) => known,
        Err(error) => {
            return vec![CheckFinding {
                mark: Mark::Bad,
                file: None,
                line: None,
                message: error.to_string(),
            }];
        }
    };
    named.sort_by(|(_, one), (_, other)| (&one.file, one.line).cmp(&(&other.file, other.line)));
    named.retain(|(profile, _)| !known.contains(profile));
    named
        .into_iter()
        .map(|(profile, origin)| {
            CheckFinding::at(
                Mark::Warning,
                origin,
                format!("the AWS profile `{profile}` does not exist"),
            )
        })
        .collect()
}

impl CheckFinding {
    fn at(mark: Mark, origin: &Origin, message: String) -> Self {
        Self {
            mark,
            file: Some(origin.file.display().to_string()),
            line: Some(origin.line),
            message,
        }
    }

    fn from_error(error: &ConfigError) -> Self {
        Self {
            mark: Mark::Bad,
            file: Some(error.path().display().to_string()),
            line: error.line(),
            message: error.to_string(),
        }
    }

    fn from_variable(misspelled: &Misspelled) -> Self {
        Self {
            mark: Mark::Bad,
            file: None,
            line: None,
            message: misspelled.to_string(),
        }
    }

    fn from_rule(rule: &Unreachable) -> Self {
        let registries = &rule.registries;
        let message = match &rule.why {
            Why::SaidBefore(origins) => {
                let file = &rule.origin.file;
                let place = |origin: &Origin| {
                    if origin.file == *file {
                        format!("line {}", origin.line)
                    } else {
                        origin.to_string()
                    }
                };
                let mut places: Vec<String> = origins.iter().take(MOST_PLACES).map(place).collect();
                if let Some(more) = origins.len().checked_sub(MOST_PLACES).filter(|n| *n > 0) {
                    places.push(format!("{more} more"));
                }
                format!(
                    "the rule for `{registries}` never has a say: all it says is said before, by {}",
                    places.join(", ")
                )
            }
            Why::Taken { by, registry } => format!(
                "the host `{registries}` is defined twice: by the rule at {by} it is {registry}, and \
                 this one never has a say"
            ),
        };
        Self::at(Mark::Bad, &rule.origin, message)
    }

    fn text(&self) -> String {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => format!("{file}:{line}: {}", self.message),
            _ => self.message.clone(),
        }
    }
}

impl CheckReport {
    fn print(&self, page: &mut Page) {
        let facts: Vec<(&str, String)> = self
            .files
            .iter()
            .map(|file| {
                let rules = match (file.there, file.rules) {
                    (false, _) => "not there".to_owned(),
                    (true, 1) => "1 rule".to_owned(),
                    (true, rules) => format!("{rules} rules"),
                };
                let whose = match file.whose {
                    "user" => "the user's",
                    "machine" => "the machine's",
                    other => other,
                };
                (whose, format!("{}: {rules}", file.path))
            })
            .collect();
        page.facts(0, &facts);
        for finding in &self.findings {
            page.marked(finding.mark, &finding.text());
        }
        if self.findings.is_empty() {
            page.marked(Mark::Good, "nothing to mend");
        }
    }
}
