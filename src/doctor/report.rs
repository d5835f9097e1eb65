//! The findings of doctor, and their output as text or JSON.

use serde::Serialize;

use crate::commands::Page;
use crate::commands::facts::IdentityFacts;
use crate::commands::page::CheckMark;
use crate::iam::Statement;

/// The version of the JSON form. New fields do not change it.
const VERSION: u32 = 1;

/// Part of the way from this machine to the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Area {
    /// This program, its configuration, and the way to AWS.
    Machine,
    /// The configuration of docker and podman.
    Clients,
    /// Credentials and roles.
    Identity,
    Token,
    /// The registry, the image and its layers.
    Registry,
    /// kubelet's configuration of credential providers.
    Providers,
    /// What providers answer to kubelet.
    Answer,
}

impl Area {
    fn title(self) -> &'static str {
        match self {
            Area::Machine => "This machine",
            Area::Clients => "Client configuration",
            Area::Identity => "AWS identity",
            Area::Token => "Authorization token",
            Area::Registry => "Registry",
            Area::Providers => "Credential providers of kubelet",
            Area::Answer => "Answer to kubelet",
        }
    }
}

/// A check and its finding.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    pub mark: CheckMark,
    /// One line.
    pub text: String,
    /// The finding in a few words, for the verdict; without one, that quotes the text.
    #[serde(skip)]
    pub summary: Option<String>,
    /// One line each.
    #[serde(rename = "mend", skip_serializing_if = "Vec::is_empty")]
    pub fixes: Vec<String>,
}

impl Check {
    pub(crate) fn new(mark: CheckMark, text: impl Into<String>) -> Self {
        Self {
            mark,
            text: text.into(),
            summary: None,
            fixes: Vec::new(),
        }
    }

    pub(crate) fn good(text: impl Into<String>) -> Self {
        Self::new(CheckMark::Good, text)
    }

    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self::new(CheckMark::Bad, text)
    }

    pub(crate) fn unknown(text: impl Into<String>) -> Self {
        Self::new(CheckMark::Unknown, text)
    }

    pub(crate) fn warning(text: impl Into<String>) -> Self {
        Self::new(CheckMark::Warning, text)
    }

    #[must_use]
    pub(crate) fn summary(mut self, summary: impl Into<String>) -> Self {
        self.summary = Some(summary.into());
        self
    }

    #[must_use]
    pub(crate) fn fix(mut self, fixes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.fixes.extend(fixes.into_iter().map(Into::into));
        self
    }
}

/// All findings in one area.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AreaReport {
    #[serde(rename = "place")]
    pub area: Area,
    /// The worst mark of the checks.
    pub mark: CheckMark,
    /// The name and text of each fact that is known before the checks.
    #[serde(skip)]
    facts: Vec<(String, String)>,
    #[serde(rename = "findings")]
    pub checks: Vec<Check>,
}

impl AreaReport {
    pub(crate) fn new(area: Area, checks: Vec<Check>) -> Self {
        let has = |mark| checks.iter().any(|check| check.mark == mark);
        let mark = [CheckMark::Bad, CheckMark::Warning, CheckMark::Good]
            .into_iter()
            .find(|mark| has(*mark))
            .unwrap_or(CheckMark::Unknown);
        Self {
            area,
            mark,
            facts: Vec::new(),
            checks,
        }
    }

    #[must_use]
    pub(super) fn with_facts(self, facts: Vec<(String, String)>) -> Self {
        Self { facts, ..self }
    }

    /// The same if no failure in it prevents a pull.
    #[must_use]
    pub(super) fn into_warnings(mut self) -> Self {
        for check in &mut self.checks {
            if check.mark == CheckMark::Bad {
                check.mark = CheckMark::Warning;
            }
        }
        Self::new(self.area, self.checks).with_facts(self.facts)
    }

    pub(crate) fn print(&self, page: &mut Page) {
        page.heading(self.area.title());
        page.facts(2, &self.facts);
        for check in &self.checks {
            page.marked(check.mark, &check.text);
            for fix in &check.fixes {
                page.paragraph(4, fix);
            }
        }
        page.gap();
    }
}

/// [`PathNode::what`] of the first.
pub(super) const CALLER: &str = "caller";

/// A node of the path from the caller by the roles to the registry.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PathNode {
    /// `caller`, `role` or `registry`.
    pub what: &'static str,
    /// Its ARN, or the registry's host with the image.
    pub name: String,
    pub account: Option<String>,
    /// The action of IAM that leads here from the node before; `None` at the first node, and if
    /// it takes no action of the caller's.
    pub by: Option<&'static str>,
    /// Whether that action is allowed.
    pub mark: CheckMark,
    /// The image or its repository does not exist, so no action was denied.
    #[serde(skip)]
    pub is_absent: bool,
}

/// A policy that has to change, and how.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PolicyChange {
    /// The account that the policy is in.
    pub account: Option<String>,
    /// The policy, as part of a heading: `the policy of the repository team/app`.
    pub place: String,
    pub statement: Option<Statement>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The verdict on all areas.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Conclusion {
    pub mark: CheckMark,
    /// One sentence or two.
    pub text: String,
    /// From the caller to the registry; empty without a caller.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<PathNode>,
    /// If there are several, the text says whether one is enough, or all are needed.
    #[serde(rename = "mendings", skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<PolicyChange>,
}

/// The whole report, as JSON.
#[derive(Serialize)]
pub(crate) struct Diagnosis {
    version: u32,
    /// The image or registry, as it was named.
    target: Option<String>,
    /// As `whoami` prints it; `None` without a registry, and if no identity can be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<IdentityFacts>,
    #[serde(rename = "steps")]
    areas: Vec<AreaReport>,
    #[serde(rename = "verdict")]
    conclusion: Conclusion,
}

impl Diagnosis {
    pub(crate) fn new(
        target: Option<String>,
        identity: Option<IdentityFacts>,
        areas: Vec<AreaReport>,
        conclusion: Conclusion,
    ) -> Self {
        Self {
            version: VERSION,
            target,
            identity,
            areas,
            conclusion,
        }
    }
}

impl Conclusion {
    pub(crate) fn print(&self, page: &mut Page) {
        page.heading("Verdict");
        page.marked(self.mark, &self.text);
        if !self.path.is_empty() {
            page.gap();
        }
        for node in &self.path {
            node.print(page);
        }
        for change in &self.changes {
            page.gap();
            change.print(page);
        }
    }
}

impl PathNode {
    fn print(&self, page: &mut Page) {
        let is_first = self.what == CALLER;
        let result = match self.mark {
            CheckMark::Bad if self.is_absent => "",
            CheckMark::Bad => " ✗ failed here",
            CheckMark::Unknown => " · not checked",
            CheckMark::Good | CheckMark::Warning => "",
        };
        // Nothing leads to the caller, the first node.
        if !is_first {
            let by = self.by.map_or_else(String::new, |by| format!(" {by}"));
            page.paragraph(4, &format!("│{by}{result}"));
        }
        let account = match &self.account {
            Some(account) => format!(" (account {account})"),
            None => String::new(),
        };
        let result = match (is_first, self.is_absent) {
            (true, _) => result,
            (false, true) => " ✗ does not exist",
            (false, false) => "",
        };
        let name = format!("{}{account}{result}", self.name);
        page.facts(2, &[(format!("{:<8}", self.what), name)]);
    }
}

impl PolicyChange {
    fn print(&self, page: &mut Page) {
        let place = &self.place;
        let account = self
            .account
            .as_ref()
            .map(|account| format!("In account {account}"));
        let heading = match (account, &self.statement) {
            (Some(account), Some(_)) => format!("{account}, add to {place}:"),
            (Some(account), None) => format!("{account}: {place}"),
            (None, Some(_)) => format!("Add to {place}:"),
            (None, None) => place.clone(),
        };
        page.heading(&heading);
        for note in &self.notes {
            page.paragraph(2, note);
        }
        if let Some(statement) = &self.statement {
            page.gap();
            page.json(statement);
        }
    }
}
