//! The registry hosts that a command line or `config.toml` names, as clients will name them.

use crate::commands::target::{Target, TargetError};
use crate::config::{Config, Match};
use crate::registry::{Registry, ServerName};

/// A host, and the registry behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// As in an image's name: `HOST[:PORT]`.
    pub key: String,
    pub registry: Registry,
}

/// The hosts that the arguments name.
pub(super) fn from_texts(texts: &[String], config: &Config) -> Result<Vec<Host>, TargetError> {
    let mut hosts = Vec::new();
    for text in texts {
        let registry = Target::parse(text, config)?.registry;
        let key = match config.registry(text) {
            Some(_) => key_of(text, &registry),
            // An account and a region.
            None => registry.to_string(),
        };
        add(&mut hosts, Host { key, registry });
    }
    Ok(hosts)
}

/// The hosts whose entries are to be removed. Such a host need not be a registry's any longer: the
/// rule that said so may be gone.
pub(super) fn keys_from_texts(
    texts: &[String],
    config: &Config,
) -> Result<Vec<String>, TargetError> {
    let key = |text: &String| match from_texts(std::slice::from_ref(text), config) {
        Ok(hosts) => Ok(hosts.into_iter().map(|host| host.key).collect()),
        Err(error) => match ServerName::parse(text) {
            Some(name) => Ok(name.to_string()),
            None => Err(error),
        },
    };
    texts.iter().map(key).collect()
}

/// The host with the port that was typed: clients compare both.
fn key_of(text: &str, registry: &Registry) -> String {
    let is_url = text.contains("://");
    match ServerName::parse(text) {
        Some(name) if name.port.is_some() && !(is_url && name.port == Some(443)) => {
            name.to_string()
        }
        Some(name) if ServerName::parse(registry.host()).is_some_and(|own| own.port.is_none()) => {
            name.host
        }
        _ => registry.to_string(),
    }
}

/// Every host that a rule names, and the rules that name none, each with why.
pub(super) fn from_rules(config: &Config) -> (Vec<Host>, Vec<String>) {
    let mut hosts = Vec::new();
    let mut skipped = Vec::new();
    for (rule, written) in config.rules().iter().zip(config.matches_as_written()) {
        let registry = Target::registry_of_rule(rule, &written, config);
        let what = match rule.registries() {
            Match::Private => "every private registry",
            Match::Partition(_) => "every registry of a partition",
            _ => "the registries of an account in all regions",
        };
        match registry {
            Some(registry) => add(
                &mut hosts,
                Host {
                    key: registry.to_string(),
                    registry,
                },
            ),
            None => skipped.push(format!(
                "{}: the rule for \"{}\" matches {what} and names no single host",
                rule.origin(),
                rule.registries()
            )),
        }
    }
    (hosts, skipped)
}

fn add(hosts: &mut Vec<Host>, host: Host) {
    if !hosts.iter().any(|known| known.key == host.key) {
        hosts.push(host);
    }
}
