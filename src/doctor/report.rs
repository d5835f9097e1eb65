//! What the doctor has found, and how it is told: to people line by line, to programs as JSON.

use serde::Serialize;

use crate::commands::Page;
use crate::commands::page::Mark;
use crate::policy::iam::Statement;

/// The number of the JSON form. Fields may be added under the same one.
const VERSION: u32 = 1;

/// Where on the way from this machine to the registry something was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Place {
    /// This program, its configuration, and the way to AWS.
    Machine,
    /// What docker and podman are configured to do.
    Clients,
    /// Credentials and roles.
    Identity,
    /// The authorization token.
    Token,
    /// The registry, the image and its layers.
    Registry,
}

impl Place {
    fn title(self) -> &'static str {
        match self {
            Place::Machine => "This machine",
            Place::Clients => "Docker and podman",
            Place::Identity => "Who asks",
            Place::Token => "The token",
            Place::Registry => "The registry",
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    /// How it is.
    pub mark: Mark,
    /// What it is, in one line.
    pub text: String,
    /// What to do about it, a line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mend: Vec<String>,
}

impl Finding {
    /// With nothing to do about it.
    pub(super) fn new(mark: Mark, text: impl Into<String>) -> Self {
        Self {
            mark,
            text: text.into(),
            mend: Vec::new(),
        }
    }

    /// As it should be.
    pub(super) fn good(text: impl Into<String>) -> Self {
        Self::new(Mark::Good, text)
    }

    /// Fails.
    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self::new(Mark::Bad, text)
    }

    /// Not known, or not looked at.
    pub(super) fn unknown(text: impl Into<String>) -> Self {
        Self::new(Mark::Unknown, text)
    }

    /// May not be what is meant.
    pub(super) fn warning(text: impl Into<String>) -> Self {
        Self::new(Mark::Warning, text)
    }

    /// Adds what to do.
    #[must_use]
    pub(super) fn mend(mut self, steps: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.mend.extend(steps.into_iter().map(Into::into));
        self
    }
}

/// All that was found at one place.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Step {
    /// Where.
    pub place: Place,
    /// The worst of what was found.
    pub mark: Mark,
    /// What.
    pub findings: Vec<Finding>,
}

impl Step {
    /// Takes findings together.
    pub(super) fn new(place: Place, findings: Vec<Finding>) -> Self {
        let has = |mark| findings.iter().any(|finding| finding.mark == mark);
        let mark = [Mark::Bad, Mark::Warning, Mark::Good]
            .into_iter()
            .find(|mark| has(*mark))
            .unwrap_or(Mark::Unknown);
        Self {
            place,
            mark,
            findings,
        }
    }

    /// The same, where what fails keeps nobody from pulling.
    #[must_use]
    pub(super) fn without_harm(mut self) -> Self {
        for finding in &mut self.findings {
            if finding.mark == Mark::Bad {
                finding.mark = Mark::Warning;
            }
        }
        Self::new(self.place, self.findings)
    }

    /// Writes it for a person.
    pub(super) fn print(&self, page: &mut Page) {
        page.heading(self.place.title());
        for Finding { mark, text, mend } in &self.findings {
            page.marked(*mark, text);
            for step in mend {
                page.paragraph(4, step);
            }
        }
        page.gap();
    }
}

/// The first station.
pub(super) const CALLER: &str = "caller";

/// One station on the way from the caller to the registry.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Station {
    /// `caller`, `role` or `registry`.
    pub what: &'static str,
    /// Its ARN, or the registry's host with the image.
    pub name: String,
    /// The account that it is in, where that is known.
    pub account: Option<String>,
    /// What leads here from the station before: an action of IAM; `None` at the first station,
    /// and where no action of the caller's has a part in it.
    pub by: Option<&'static str>,
    /// Whether the step from the station before is allowed.
    pub mark: Mark,
}

/// Where something has to change, and what.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Mending {
    /// The account in which it is changed.
    pub account: Option<String>,
    /// What is changed there, as a heading: `the policy of the repository team/app`.
    pub place: String,
    /// The statement to add.
    pub statement: Option<Statement>,
    /// What else is to be known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What it all comes to.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Verdict {
    /// Good, or what is wrong.
    pub mark: Mark,
    /// In one sentence or two.
    pub text: String,
    /// The way, from the caller to the registry. Empty where it did not come to that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<Station>,
    /// What has to change; several where one of them is enough, or all are needed, as the text says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mendings: Vec<Mending>,
}

/// The whole, for programs.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    version: u32,
    /// The image or registry that was asked about.
    target: Option<String>,
    steps: Vec<Step>,
    verdict: Verdict,
}

impl Report {
    /// Takes it together.
    pub(super) fn new(target: Option<String>, steps: Vec<Step>, verdict: Verdict) -> Self {
        Self {
            version: VERSION,
            target,
            steps,
            verdict,
        }
    }
}

impl Verdict {
    /// Writes it for a person.
    pub(super) fn print(&self, page: &mut Page) {
        page.heading("Verdict");
        page.marked(self.mark, &self.text);
        if !self.path.is_empty() {
            page.gap();
        }
        for station in &self.path {
            station.print(page);
        }
        for mending in &self.mendings {
            page.gap();
            mending.print(page);
        }
    }
}

impl Station {
    fn print(&self, page: &mut Page) {
        let breaks = match self.mark {
            Mark::Bad => " ✗ breaks here",
            Mark::Unknown => " · not asked",
            Mark::Good | Mark::Warning => "",
        };
        // Nothing leads to the caller: that is where it begins, or ends at once.
        let is_first = self.what == CALLER;
        if !is_first {
            let by = self.by.map_or_else(String::new, |by| format!(" {by}"));
            page.paragraph(4, &format!("│{by}{breaks}"));
        }
        let account = match &self.account {
            Some(account) => format!(" (account {account})"),
            None => String::new(),
        };
        let breaks = if is_first { breaks } else { "" };
        let name = format!("{}{account}{breaks}", self.name);
        page.facts(2, &[(format!("{:<8}", self.what), name)]);
    }
}

impl Mending {
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
