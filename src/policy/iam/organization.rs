//! The ids of organizations.

use std::fmt;
use std::str::FromStr;

/// The id of an organization: `o-` and 10 to 32 lower-case letters and digits (the Organizations
/// API reference, "Organization").
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OrganizationId(String);

/// Why a text is no organization's id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no organization's id: those are `o-` and 10 to 32 lower-case letters and digits, as \
     `aws organizations describe-organization` prints"
)]
pub(crate) struct OrganizationIdError(String);

impl FromStr for OrganizationId {
    type Err = OrganizationIdError;

    fn from_str(text: &str) -> Result<Self, OrganizationIdError> {
        let is_id = text.strip_prefix("o-").is_some_and(|rest| {
            (10..=32).contains(&rest.len())
                && rest
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
        if is_id {
            Ok(Self(text.to_owned()))
        } else {
            Err(OrganizationIdError(text.to_owned()))
        }
    }
}

impl fmt::Display for OrganizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_is_checked() {
        for right in ["o-abcdefghij", "o-0123456789abcdefghijklmnopqrstuv"] {
            assert_eq!(right.parse::<OrganizationId>().unwrap().to_string(), right);
        }
        for wrong in [
            "",
            "o-",
            "o-abcdefghi",
            "o-0123456789abcdefghijklmnopqrstuvw",
            "o-ABCDEFGHIJ",
            "o-abcdefghi_",
            "abcdefghij",
            "r-abcd",
            "ou-abcd-abcdefgh",
            " o-abcdefghij",
        ] {
            assert!(wrong.parse::<OrganizationId>().is_err(), "{wrong}");
        }
    }
}
