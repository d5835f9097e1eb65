//! `config`: checks the configuration files for mistakes (`check`), and shows the identity sources,
//! rules and settings that apply to a registry (`show`).

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::{ConfigArguments, ConfigCommand};
use crate::config::{
    Config, ConfigError, ConfigPaths, Excerpt, IdentitySettings, Origin, RegionWarning, Rule,
    Unreachable, Why,
};
use crate::env::{Env, var};
use crate::error::Error;
use crate::identity::{ExplainedLayer, LayerName, Misspelled, Resolver};
use crate::registry::{Lookup, Registry};

use super::facts::{AccessFacts, DEFAULT, Facts, HostOnly, Setting};
use super::page::CheckMark;
use super::registries::{Columns, RegistriesReport};
use super::{Page, Target, Verdict};

/// The maximum number of rules that a finding names.
const MAX_PLACES: usize = 3;

pub(crate) fn run(
    arguments: &ConfigArguments,
    env: &Env,
    page: &mut Page,
) -> Result<Verdict, Error> {
    match &arguments.command {
        ConfigCommand::Check { json } => check(env, *json, page),
        ConfigCommand::Show { host, json } => show(env, host.as_deref(), *json, page),
    }
}

#[derive(Serialize)]
struct CheckReport {
    files: Vec<FileFacts>,
    findings: Vec<CheckFinding>,
    /// What is right and may be unexpected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

#[derive(Serialize)]
struct FileFacts {
    path: String,
    /// `user`, `machine` or `ECRX_CONFIG`.
    whose: &'static str,
    there: bool,
    rules: usize,
}

/// A mistake in the configuration.
#[derive(Serialize)]
struct CheckFinding {
    mark: CheckMark,
    file: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
    message: String,
    /// The source line, and a line with carets.
    #[serde(skip)]
    excerpt: Vec<String>,
}

fn check(env: &Env, json: bool, page: &mut Page) -> Result<Verdict, Error> {
    let paths = ConfigPaths::from_env(env);
    let (config, mistakes) = Config::load_with_mistakes(&paths);
    let mut findings: Vec<CheckFinding> = mistakes.iter().map(CheckFinding::from_error).collect();
    let idle_rules = config.unreachable_rules();
    findings.extend(idle_rules.iter().map(CheckFinding::from_rule));
    findings.extend(
        config
            .unknown_regions()
            .iter()
            .map(CheckFinding::from_region),
    );
    findings.extend(unusable_profiles(env, &config));
    findings.extend(Misspelled::all(env).iter().map(CheckFinding::from_variable));
    let report = CheckReport {
        files: files(&paths, &config),
        findings,
        notes: note_of_repositories(&config).into_iter().collect(),
    };
    if json {
        page.json(&report)
    } else {
        report.print(page)
    }
    Ok(Verdict::good_if(report.findings.is_empty()))
}

/// The files that are read, the one that takes precedence first.
fn files(paths: &ConfigPaths, config: &Config) -> Vec<FileFacts> {
    let named = match &paths.explicit {
        Some(path) => vec![(var::ECRX_CONFIG, Some(path))],
        None => vec![
            ("user", paths.user.as_ref()),
            ("machine", paths.machine.as_ref()),
        ],
    };
    let facts = |(whose, path): (&'static str, Option<&PathBuf>)| {
        let path = path?;
        Some(FileFacts {
            whose,
            there: path.is_file(),
            rules: config.rule_count(path),
            path: path.display().to_string(),
        })
    };
    named.into_iter().filter_map(facts).collect()
}

/// Says which clients rules for repositories apply to, if there are any.
fn note_of_repositories(config: &Config) -> Option<String> {
    let rules = config.rules().iter();
    let places: Vec<String> = rules
        .filter(|rule| rule.registries().repositories().is_some())
        .map(|rule| rule.origin().to_string())
        .collect();
    (!places.is_empty()).then(|| {
        format!(
            "the rules for repositories apply to the kubelet and to clients that send the repository, not \
             to clients that send only the host, such as docker and podman: {}",
            shortened(places)
        )
    })
}

/// The first places, and how many more there are.
fn shortened(mut places: Vec<String>) -> String {
    if let Some(more) = places.len().checked_sub(MAX_PLACES).filter(|n| *n > 0) {
        places.truncate(MAX_PLACES);
        places.push(format!("{more} more"));
    }
    places.join(", ")
}

/// Finds profiles and SSO sessions that rules, `[defaults]` and `[identity.NAME]` name, but that do
/// not exist, and profiles without the role that a rule needs.
fn unusable_profiles(env: &Env, config: &Config) -> Vec<CheckFinding> {
    if config
        .profiles()
        .chain(config.sso_sessions())
        .next()
        .is_none()
    {
        return Vec::new();
    }
    let resolver = Resolver::new(env, config);
    let known = match resolver.profile_names() {
        Ok(known) => known,
        Err(error) => {
            return vec![CheckFinding {
                mark: CheckMark::Bad,
                file: None,
                line: None,
                column: None,
                message: error.to_string(),
                excerpt: Vec::new(),
            }];
        }
    };
    let without_role = config
        .limited_profiles()
        .filter(|(name, _)| known.contains(name) && resolver.has_role(name) == Some(false));
    let without_role = without_role.map(|(name, origin)| {
        let message = format!(
            "`access` needs a role, but the AWS profile `{name}` has none; add `role_arn` to the rule \
             or remove `access`"
        );
        CheckFinding::at(CheckMark::Bad, origin, message)
    });
    let profiles = config.profiles().filter(|(name, _)| !known.contains(name));
    let profiles = profiles.map(|(name, origin)| {
        let message = format!("the AWS profile `{name}` does not exist");
        (origin, message)
    });
    let is_absent = |name| resolver.has_sso_session(name).is_ok_and(|exists| !exists);
    let sessions = config.sso_sessions().filter(|(name, _)| is_absent(name));
    let sessions = sessions.map(|(name, origin)| {
        let message = format!("[sso-session {name}] does not exist in ~/.aws/config");
        (origin, message)
    });
    let mut missing: Vec<(&Origin, String)> = profiles.chain(sessions).collect();
    missing.sort_by(|(one, _), (other, _)| (&one.file, one.line).cmp(&(&other.file, other.line)));
    missing
        .into_iter()
        .map(|(origin, message)| CheckFinding::at(CheckMark::Warning, origin, message))
        .chain(without_role)
        .collect()
}

impl CheckFinding {
    fn at(mark: CheckMark, origin: &Origin, message: String) -> Self {
        Self {
            mark,
            file: Some(origin.file.display().to_string()),
            line: Some(origin.line),
            column: None,
            message,
            excerpt: Vec::new(),
        }
    }

    fn with_excerpt(mut self, excerpt: Option<&Excerpt>) -> Self {
        self.column = excerpt.map(|excerpt| excerpt.column);
        self.excerpt = excerpt.map(|it| it.lines().to_vec()).unwrap_or_default();
        self
    }

    fn from_region(warning: &RegionWarning) -> Self {
        let suggestion = match &warning.nearest {
            Some(nearest) => format!("; did you mean `{nearest}`?"),
            None => String::new(),
        };
        let message = format!(
            "no partition has the region `{}`{suggestion}",
            warning.region
        );
        Self::at(CheckMark::Warning, &warning.origin, message)
            .with_excerpt(warning.excerpt.as_deref())
    }

    fn from_error(error: &ConfigError) -> Self {
        Self {
            mark: CheckMark::Bad,
            file: Some(error.path().display().to_string()),
            line: error.line(),
            column: None,
            message: error.message(),
            excerpt: Vec::new(),
        }
        .with_excerpt(error.excerpt())
    }

    fn from_variable(misspelled: &Misspelled) -> Self {
        Self {
            mark: CheckMark::Bad,
            file: None,
            line: None,
            column: None,
            message: misspelled.to_string(),
            excerpt: Vec::new(),
        }
    }

    fn from_rule(rule: &Unreachable) -> Self {
        let registries = &rule.registries;
        let message = match &rule.why {
            Why::EarlierRules(origins) => {
                let file = &rule.origin.file;
                let place = |origin: &Origin| {
                    if origin.file == *file {
                        format!("line {}", origin.line)
                    } else {
                        origin.to_string()
                    }
                };
                format!(
                    "the rule for `{registries}` is never used because an earlier rule matches first: {}",
                    shortened(origins.iter().map(place).collect())
                )
            }
            Why::HostTaken { by, registry } => format!(
                "the host `{registries}` is defined twice: the rule at {by} maps it to {registry}, \
                 and this rule is never used"
            ),
        };
        Self::at(CheckMark::Bad, &rule.origin, message)
    }

    fn text(&self) -> String {
        let places = [self.line, self.column].into_iter().flatten();
        let mut text = self.file.clone().unwrap_or_default();
        for place in places {
            text.push_str(&format!(":{place}"));
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text + &self.message
    }
}

impl CheckReport {
    fn print(&self, page: &mut Page) {
        let facts: Vec<(&str, String)> = self
            .files
            .iter()
            .map(|file| {
                let rules = match (file.there, file.rules) {
                    (false, _) => "does not exist".to_owned(),
                    (true, 1) => "1 rule".to_owned(),
                    (true, rules) => format!("{rules} rules"),
                };
                (file.whose, format!("{}: {rules}", file.path))
            })
            .collect();
        page.facts(0, &facts);
        for finding in &self.findings {
            page.marked(finding.mark, &finding.text());
            for line in &finding.excerpt {
                page.raw(&format!("    {line}\n"));
            }
        }
        if self.findings.is_empty() {
            page.marked(CheckMark::Good, "no mistakes found");
        }
        for note in &self.notes {
            page.paragraph(0, &format!("note: {note}"));
        }
    }
}

#[derive(Serialize)]
struct ShowReport {
    registry: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    /// The layer that selects the identity; `None` if there is no identity.
    decides: Option<LayerName>,
    /// The identity in one line.
    asks_as: Option<String>,
    error: Option<String>,
    hints: Vec<String>,
    layers: Vec<LayerFacts>,
    rules: Vec<RuleFacts>,
    settings: Vec<Setting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_only: Option<HostOnly>,
}

#[derive(Serialize)]
struct LayerFacts {
    layer: LayerName,
    decides: bool,
    /// The identity that the layer names, if it names one.
    says: Option<String>,
    /// The rule, table or variable that names it.
    by: Option<String>,
    error: Option<String>,
}

#[derive(Serialize)]
struct RuleFacts {
    file: String,
    line: usize,
    r#match: String,
    accounts: Vec<String>,
    says: Option<String>,
    error: Option<String>,
    endpoint_url: Option<String>,
    sts_endpoint_url: Option<String>,
    max_age_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<AccessFacts>,
}

fn show(env: &Env, host: Option<&str>, json: bool, page: &mut Page) -> Result<Verdict, Error> {
    let config = Config::from_env(env).map_err(Error::failure)?;
    let Some(host) = host else {
        let report = RegistriesReport::read(env, &config);
        return Ok(report.show(Columns::Configuration, json, page));
    };
    let target = Target::parse(host, &config).map_err(|error| error.told(env))?;
    let report = ShowReport::new(&Facts::read(env, &config, target.lookup()));
    if json {
        page.json(&report)
    } else {
        report.print(page)
    }
    Ok(Verdict::good_if(report.error.is_none()))
}

impl ShowReport {
    fn new(facts: &Facts<'_>) -> Self {
        let Lookup {
            registry,
            repository,
        } = facts.lookup;
        let identity = facts.identity();
        let decides = identity.map(|identity| identity.chosen_by.layer());
        let layers = facts.layers().into_iter();
        let rules = facts.rules();
        Self {
            registry: registry.to_string(),
            repository: repository.map(str::to_owned),
            decides,
            asks_as: identity.map(ToString::to_string),
            error: facts.error(),
            hints: facts.hints(),
            layers: layers
                .map(|layer| LayerFacts::new(layer, decides))
                .collect(),
            rules: rules.map(|rule| RuleFacts::new(rule, registry)).collect(),
            settings: facts.settings(),
            host_only: facts.host_only(),
        }
    }

    fn print(&self, page: &mut Page) {
        match &self.repository {
            Some(repository) => page.heading(&format!("{}/{repository}", self.registry)),
            None => page.heading(&self.registry),
        }
        match (&self.asks_as, &self.error) {
            (Some(who), _) => page.marked(CheckMark::Good, &format!("uses {who}")),
            (None, error) => {
                page.marked(CheckMark::Bad, error.as_deref().unwrap_or_default());
                for hint in &self.hints {
                    page.paragraph(2, hint);
                }
            }
        }
        if let Some(host_only) = &self.host_only {
            page.marked(host_only.mark, &host_only.text);
        }
        page.gap();
        let rows: Vec<Vec<String>> = self
            .layers
            .iter()
            .enumerate()
            .map(|(index, layer)| layer.row(index))
            .collect();
        page.table(&["", "SOURCE", "IDENTITY"], &rows);
        page.gap();
        self.print_rules(page);
        page.gap();
        self.print_settings(page);
    }

    fn print_rules(&self, page: &mut Page) {
        page.heading(if self.rules.is_empty() {
            "No matching rule"
        } else {
            "Matching rules"
        });
        for rule in &self.rules {
            page.paragraph(
                2,
                &format!("{}:{}: match = {:?}", rule.file, rule.line, rule.r#match),
            );
            for line in rule.lines() {
                page.paragraph(4, &line);
            }
        }
    }

    fn print_settings(&self, page: &mut Page) {
        let row = |setting: &Setting| {
            let text = match setting.from.as_str() {
                DEFAULT => setting.value.clone(),
                from => format!("{} ({from})", setting.value),
            };
            vec![setting.name.to_owned(), text]
        };
        let rows: Vec<Vec<String>> = self.settings.iter().map(row).collect();
        page.table(&["SETTING", "VALUE (SOURCE)"], &rows);
    }
}

impl LayerFacts {
    fn new(layer: ExplainedLayer, decides: Option<LayerName>) -> Self {
        let (says, by, error) = match layer.choice {
            Ok(Some(said)) => (Some(said.who), Some(said.chosen_by.to_string()), None),
            Ok(None) => (None, None, None),
            Err(error) => (None, None, Some(error.to_string())),
        };
        Self {
            layer: layer.layer,
            decides: decides == Some(layer.layer),
            says,
            by,
            error,
        }
    }

    fn row(&self, index: usize) -> Vec<String> {
        let text = match (&self.says, &self.by, &self.error) {
            (Some(says), Some(by), _) => format!("{says}; {by}"),
            (_, _, Some(error)) => format!("error: {error}"),
            _ => "-".to_owned(),
        };
        let sign = if self.decides { "→" } else { " " };
        vec![
            sign.to_owned(),
            format!("{} {}", index + 1, self.layer),
            text,
        ]
    }
}

impl RuleFacts {
    fn new(rule: &Rule, registry: &Registry) -> Self {
        let settings = rule.settings();
        let (says, error) = match rule.identity_for(registry) {
            Ok(identity) => (identity.as_ref().map(identity_text), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let origin = rule.origin();
        Self {
            file: origin.file.display().to_string(),
            line: origin.line,
            r#match: rule.registries().to_string(),
            accounts: rule.accounts().iter().map(ToString::to_string).collect(),
            says,
            error,
            endpoint_url: settings.endpoint_url.as_ref().map(ToString::to_string),
            sts_endpoint_url: settings.sts_endpoint_url.as_ref().map(ToString::to_string),
            max_age_seconds: settings.max_age.map(|age| age.as_secs()),
            access: settings.access.as_ref().map(AccessFacts::from_limit),
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.says.iter().chain(&self.error).cloned().collect();
        let urls = [
            ("endpoint_url", &self.endpoint_url),
            ("sts_endpoint_url", &self.sts_endpoint_url),
        ];
        for (name, url) in urls {
            lines.extend(url.as_ref().map(|url| format!("{name} = {url:?}")));
        }
        let age = self.max_age_seconds;
        lines.extend(age.map(|seconds| format!("max_age_seconds = {seconds}")));
        lines.extend(self.access.as_ref().map(AccessFacts::line));
        if lines.is_empty() {
            lines.push("account and region of the host".to_owned());
        }
        lines
    }
}

/// The identity of a rule in one line.
fn identity_text(identity: &IdentitySettings) -> String {
    let source = identity.source.iter().map(ToString::to_string);
    let roles = identity
        .roles
        .iter()
        .map(|role| format!("role {}", role.arn));
    source.chain(roles).collect::<Vec<_>>().join(", then ")
}
