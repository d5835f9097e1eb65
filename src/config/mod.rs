//! The configuration: `config.toml` of the user and of the machine, as validated values.
//!
//! ```text
//! ConfigPaths ─ load ─▶ ConfigText ─ section, settings ─▶ Rule, IdentityTemplate ─ load ─▶ Config
//! Config + Registry ─ rule, identity ─▶ IdentitySettings
//! ```
//!
//! - The user's rules come before the machine's, and the first that fits is the one. Of all
//!   other settings the user's wins, key by key, `[defaults]` and each `[identity.NAME]` as a
//!   whole: an identity is never made up from two places.
//! - A file is either right or refused, with file, line and key. Nothing in it is skipped, as
//!   a rule that is skipped would let somebody else ask.
//! - The environment is not read here: the caller hands in paths.

mod check;
mod endpoint_url;
mod error;
mod excerpt;
mod identity;
mod load;
mod rule;
mod section;
mod settings;

#[cfg(test)]
mod tests;

pub use check::{Unreachable, Why};
pub use endpoint_url::EndpointUrl;
pub use error::{ConfigError, Origin, Problem};
pub use excerpt::Excerpt;
pub use identity::{
    Blanks, IdentitySettings, RoleArnTemplate, RoleSettings, parse_external_id, parse_session_name,
};
pub(crate) use load::RegionWarning;
pub use load::{
    CacheSettings, Config, ConfigPaths, DEFAULT_CONNECT_TIMEOUT, DEFAULT_OTHER_REGISTRIES_TIMEOUT,
    DEFAULT_TIMEOUT,
};
pub use rule::{Match, OwnName, RegistrySettings, Rule};
pub use section::MAX_FILE_BYTES;
pub use settings::OtherHelperName;
