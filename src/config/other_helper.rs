//! `other_registries_helper`: who keeps the logins of registries that are not ECR's.

use super::error::{ConfigError, Origin};
use super::problem::Problem;
use super::section::Section;
use crate::helper_name::OWN_NAME;

/// What every credential helper's name begins with
/// (docker/docker-credential-helpers, `client/command.go`).
const PREFIX: &str = "docker-credential-";

/// The longest name, in characters.
const LONGEST_NAME: usize = 64;

/// Another credential helper, named as Docker's `credsStore` names it: `secretservice`, `pass`,
/// `osxkeychain`. The name holds no slash and no blank, and is not our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherHelperName {
    name: String,
    origin: Origin,
}

impl OtherHelperName {
    /// Reads the key at the top of a file.
    ///
    /// # Errors
    /// When it is no helper's name, or would be our own.
    pub(super) fn read(top: &Section<'_>) -> Result<Option<Self>, ConfigError> {
        const KEY: &str = "other_registries_helper";
        let Some(text) = top.text(KEY)? else {
            return Ok(None);
        };
        check(text.text).map_err(|problem| top.error_in(&text, KEY, problem))?;
        Ok(Some(Self {
            name: text.text.to_owned(),
            origin: top.origin_of(&text),
        }))
    }

    /// As `credsStore` names it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The executable's name: `docker-credential-NAME`.
    pub fn program(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    /// Where it stands.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

fn check(name: &str) -> Result<(), Problem> {
    let end = name.strip_prefix(PREFIX);
    // In any case: there are file systems that do not tell capitals from small letters.
    let lower = end.unwrap_or(name).to_ascii_lowercase();
    if let Some(rest) = lower.strip_prefix(OWN_NAME)
        && (rest.is_empty() || rest.starts_with(['-', '.']))
    {
        return Err(Problem::OwnHelperName(name.to_owned()));
    }
    if let Some(end) = end {
        return Err(Problem::WholeHelperName {
            name: name.to_owned(),
            end: end.to_owned(),
        });
    }
    let allowed = |char: char| char.is_ascii_alphanumeric() || "._-".contains(char);
    if name.len() > LONGEST_NAME || name.starts_with(['.', '-']) || !name.chars().all(allowed) {
        return Err(Problem::HelperName(name.to_owned()));
    }
    Ok(())
}
