//! `version`: the version in the protocol's form, and the commit and target that the executable was
//! built from.

use serde::Serialize;

/// What `version` prints. `build.rs` sets the commit; a build outside of git has none.
#[derive(Serialize)]
pub(crate) struct VersionReport {
    name: &'static str,
    version: &'static str,
    commit: Option<&'static str>,
    /// The commit's date.
    date: Option<&'static str>,
    target: &'static str,
}

impl VersionReport {
    pub(crate) fn of_this_program() -> Self {
        Self {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("ECRX_BUILD_COMMIT"),
            date: option_env!("ECRX_BUILD_DATE"),
            target: env!("ECRX_BUILD_TARGET"),
        }
    }

    /// `NAME (PACKAGE) VERSION`, which clients parse.
    pub(crate) fn line(&self) -> String {
        format!("docker-credential-ecrx ({}) {}\n", self.name, self.version)
    }

    /// The line, then the commit and the target.
    pub(crate) fn text(&self) -> String {
        let commit = match (self.commit, self.date) {
            (Some(commit), Some(date)) => format!("{commit} ({date})"),
            _ => "unknown (built outside of git)".to_owned(),
        };
        format!("{}commit: {commit}\ntarget: {}\n", self.line(), self.target)
    }

    pub(crate) fn json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("a report of ours is JSON");
        format!("{text}\n")
    }
}
