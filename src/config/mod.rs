//! The configuration: `config.toml` of the user and of the machine, as validated values.
//!
//! ```text
//! ConfigPaths ─ load ─▶ ConfigText ─ section, settings ─▶ Rule, IdentityTemplate ─ load ─▶ Config
//! Config + Registry ─ rule, identity ─▶ IdentitySettings
//! ```
//!
//! - The user's rules take precedence over the machine's, and the first matching rule is used. The
//!   user's other settings take precedence key by key. `[defaults]` and each `[identity.NAME]` are
//!   taken as a whole: an identity is never combined from two files.
//! - A file with a mistake is refused, with file, line and key. Nothing in it is skipped, since
//!   without a rule another identity would be used.
//! - The environment is not read here: the caller passes paths.

mod access;
mod check;
mod error;
mod identity;
mod kubelet;
mod load;
mod rule;
mod section;
mod settings;
mod source;

#[cfg(test)]
mod tests;

pub use access::AccessLimit;
pub use check::{Unreachable, Why};
pub use error::{ConfigError, Excerpt, Origin, Problem};
pub use identity::{
    Blanks, IdentitySettings, RoleArnTemplate, RoleSettings, parse_external_id, parse_session_name,
};
pub use kubelet::{KubeletSettings, WorkloadPolicy};
pub(crate) use load::RegionWarning;
pub use load::{
    CacheSettings, Config, ConfigPaths, DEFAULT_CONNECT_TIMEOUT, DEFAULT_OTHER_REGISTRIES_TIMEOUT,
    DEFAULT_TIMEOUT,
};
pub use rule::{EndpointUrl, Match, OwnName, RegistrySettings, Rule};
pub use section::MAX_FILE_BYTES;
pub use settings::OtherHelperName;
pub(crate) use source::is_role_name;
pub use source::{SourceSettings, SsoSettings, SsoSignIn, StartUrl, WebIdentitySettings};
