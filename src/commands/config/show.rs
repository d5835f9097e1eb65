//! `config show`: what decides for a registry, layer by layer.

use serde::Serialize;

use crate::commands::facts::{DEFAULT, Facts, Setting};
use crate::commands::page::Mark;
use crate::commands::{Page, Target, Verdict};
use crate::config::Config;
use crate::config::{IdentitySettings, Rule};
use crate::env::Env;
use crate::error::Error;
use crate::identity::{LayerName, LayerSays};
use crate::registry::Registry;

#[derive(Serialize)]
struct ShowReport {
    registry: String,
    /// The layer that decides; `None` where nobody can ask.
    decides: Option<LayerName>,
    /// Who asks, put together.
    asks_as: Option<String>,
    error: Option<String>,
    hints: Vec<String>,
    layers: Vec<LayerFacts>,
    rules: Vec<RuleFacts>,
    settings: Vec<Setting>,
}

#[derive(Serialize)]
struct LayerFacts {
    layer: LayerName,
    decides: bool,
    /// Who would ask by it; `None` where it is silent.
    says: Option<String>,
    /// Where that stands.
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
}

pub(super) fn run(env: &Env, host: &str, json: bool, page: &mut Page) -> Result<Verdict, Error> {
    let config = Config::from_env(env).map_err(Error::failure)?;
    let target = Target::parse(host, &config).map_err(|error| error.told(env))?;
    let report = ShowReport::new(&Facts::read(env, &config, &target.registry));
    if json {
        page.json(&report)
    } else {
        report.print(page)
    }
    Ok(match report.error {
        None => Verdict::Good,
        Some(_) => Verdict::Bad,
    })
}

impl ShowReport {
    fn new(facts: &Facts<'_>) -> Self {
        let identity = facts.identity();
        let decides = identity.map(|identity| identity.chosen_by.layer());
        let layers = facts.layers().into_iter();
        let rules = facts.rules();
        Self {
            registry: facts.registry.to_string(),
            decides,
            asks_as: identity.map(ToString::to_string),
            error: facts.error(),
            hints: facts.hints(),
            layers: layers
                .map(|layer| LayerFacts::new(layer, decides))
                .collect(),
            rules: rules
                .map(|rule| RuleFacts::new(rule, facts.registry))
                .collect(),
            settings: facts.settings(),
        }
    }

    fn print(&self, page: &mut Page) {
        page.heading(&self.registry);
        match (&self.asks_as, &self.error) {
            (Some(who), _) => page.marked(Mark::Good, &format!("asks as {who}")),
            (None, error) => {
                page.marked(Mark::Bad, error.as_deref().unwrap_or_default());
                for hint in &self.hints {
                    page.paragraph(2, hint);
                }
            }
        }
        page.gap();
        let rows: Vec<Vec<String>> = self
            .layers
            .iter()
            .enumerate()
            .map(|(index, layer)| layer.row(index))
            .collect();
        page.table(&["", "LAYER", "WHAT IT SAYS"], &rows);
        page.gap();
        page.heading(match self.rules.len() {
            0 => "No rule fits",
            _ => "Rules that fit",
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
        page.gap();
        let rows: Vec<Vec<String>> = self
            .settings
            .iter()
            .map(|setting| {
                let text = match setting.from.as_str() {
                    DEFAULT => setting.value.clone(),
                    from => format!("{} ({from})", setting.value),
                };
                vec![setting.name.to_owned(), text]
            })
            .collect();
        page.table(&["SETTING", "VALUE, AND WHERE IT STANDS"], &rows);
    }
}

impl LayerFacts {
    fn new(layer: LayerSays, decides: Option<LayerName>) -> Self {
        let (says, by, error) = match layer.says {
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
            (_, _, Some(error)) => format!("wrong: {error}"),
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
            Ok(identity) => (identity.as_ref().map(who), None),
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
        if lines.is_empty() {
            lines.push("which registry the host is, and nothing else".to_owned());
        }
        lines
    }
}

/// Who asks by a rule.
fn who(identity: &IdentitySettings) -> String {
    let profile = identity
        .profile
        .iter()
        .map(|name| format!("profile {name}"));
    let roles = identity
        .roles
        .iter()
        .map(|role| format!("role {}", role.arn));
    profile.chain(roles).collect::<Vec<_>>().join(", then ")
}
