//! Problems that keep clients from using this program, each with its effect and a remedy.

use std::path::PathBuf;

use super::client_config::is_one_of_servers;
use crate::registry::Registry;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// A pull fails.
    Bad,
    /// A pull may fail, with another client or later; or a secret lies about.
    Warning,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientProblem {
    pub severity: Severity,
    /// What was found and what comes of it, in one line.
    pub text: String,
    /// The problem in a few words, if the text is long.
    pub summary: Option<String>,
    /// What to do about it, in one line.
    pub fix: String,
    /// What this program can do about it itself.
    pub repair: Option<Repair>,
}

impl ClientProblem {
    /// Of [`Severity::Bad`], and not for this program to repair.
    pub(crate) fn bad(text: String, fix: impl Into<String>) -> Self {
        Self {
            severity: Severity::Bad,
            text,
            summary: None,
            fix: fix.into(),
            repair: None,
        }
    }

    /// Of [`Severity::Warning`], and not for this program to repair.
    pub(crate) fn warning(text: String, fix: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::bad(text, fix)
        }
    }

    pub(super) fn summary(self, summary: String) -> Self {
        Self {
            summary: Some(summary),
            ..self
        }
    }

    pub(super) fn repaired_by(self, repair: impl Into<Option<Repair>>) -> Self {
        Self {
            repair: repair.into(),
            ..self
        }
    }
}

/// A change that puts an end to a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Repair {
    RemoveLogin {
        file: PathBuf,
        /// What the login is for, as written.
        key: String,
    },
    /// Configure this program for a host.
    SetHelper {
        file: PathBuf,
        /// The key of `credHelpers` as written.
        key: String,
        /// As it has to be.
        host: String,
        /// The name of this program that is to be asked.
        helper: String,
    },
    RemoveByteOrderMark {
        file: PathBuf,
    },
}

impl Repair {
    /// Whether it changes nothing but what is there for these hosts, or for the whole file.
    pub(crate) fn is_for(&self, hosts: &[String]) -> bool {
        let is_named = |key: &str| is_one_of_servers(key, hosts);
        match self {
            Self::RemoveLogin { key, .. } => is_named(key),
            Self::SetHelper { host, .. } => is_named(host),
            Self::RemoveByteOrderMark { .. } => true,
        }
    }
}

/// A login is for one of these hosts, or for ECR where there are none.
pub(super) fn concerns(key: &str, hosts: &[String]) -> bool {
    match hosts {
        [] => Registry::parse(key).is_some(),
        hosts => is_one_of_servers(key, hosts),
    }
}
