//! The checks of this machine: the program, its configuration, its cache and the connection to AWS.

use time::OffsetDateTime;

use crate::aws::FetchError;
use crate::commands::page::CheckMark;
use crate::config::{Config, ConfigError};
use crate::configure::clients::is_first_on_path;
use crate::env::{Env, var};
use crate::error::one_line;
use crate::get::{CacheState, Tokens};
use crate::http::{EcrxClient, shown_proxy};
use crate::identity::{Identity, IdentityError, Misspelled};
use crate::net::shown_no_proxy;

use super::report::{Area, AreaReport, Check};

/// Between two clocks that are both synchronised.
const USUAL_DIFFERENCE: time::Duration = time::Duration::minutes(1);

/// What is found without a network, and the registry's clock if that is known.
pub(super) struct MachineExamination<'a> {
    pub env: &'a Env,
    pub config: &'a Config,
    pub config_error: Option<&'a ConfigError>,
    pub tokens: &'a Tokens<'a>,
    pub identity: Option<&'a Result<Identity, IdentityError>>,
    pub client: &'a Result<EcrxClient, FetchError>,
    /// The registry's time, and this machine's at the same moment.
    pub clocks: Option<(OffsetDateTime, OffsetDateTime)>,
}

impl MachineExamination<'_> {
    pub(super) fn report(&self) -> AreaReport {
        let mut checks = vec![program(self.env), self.configuration()];
        checks.extend(self.misspelled());
        checks.push(self.cache());
        checks.extend(self.proxy());
        checks.push(self.certificates());
        checks.extend(self.clock());
        AreaReport::new(Area::Machine, checks)
    }

    fn configuration(&self) -> Check {
        if let Some(error) = self.config_error {
            return Check::bad(format!("invalid configuration: {error}"))
                .fix(["Correct the file. Until then, every request for credentials fails with this message"])
                .summary("the configuration is invalid");
        }
        let files: Vec<String> = self
            .config
            .files()
            .map(|path| path.display().to_string())
            .collect();
        if files.is_empty() {
            Check::good("no config.toml: defaults apply")
        } else {
            Check::good(format!("configuration: {}", files.join(", then ")))
        }
    }

    /// Variables that are misspelled. If an identity fails because of one, its area reports it.
    fn misspelled(&self) -> Vec<Check> {
        let mark = match self.identity {
            None => CheckMark::Bad,
            Some(Ok(_)) => CheckMark::Warning,
            Some(Err(_)) => return Vec::new(),
        };
        let all = Misspelled::all(self.env).into_iter();
        all.map(|it| {
            Check::new(mark, it.to_string())
                .summary("an unknown variable is set")
                .fix([it.hint()])
        })
        .collect()
    }

    fn cache(&self) -> Check {
        match self.tokens.cache_state() {
            CacheState::Usable {
                dir,
                entries,
                doubtful,
            } => {
                let tokens = match entries {
                    0 => "no tokens".to_owned(),
                    1 => "1 token".to_owned(),
                    many => format!("{many} tokens"),
                };
                let dir = dir.display();
                let text = if cfg!(unix) {
                    format!("cache: {dir} is private and writable, {tokens}")
                } else {
                    format!("cache: {dir}, whose access rights are not checked, {tokens}")
                };
                match doubtful {
                    0 => Check::good(text),
                    many => Check::warning(format!("{text}, {many} unusable"))
                        .summary("some cached tokens are unusable")
                        .fix(["The next pull replaces them. To see the cause, set ECRX_LOG=warn"]),
                }
            }
            CacheState::Off(why) => Check::unknown(format!("tokens are not cached: {why}")),
            CacheState::Unusable(error) => Check::warning(format!(
                "tokens are not cached, so each pull sends a request to AWS: {error}"
            ))
            .summary("tokens are not cached"),
        }
    }

    /// `None` also if it is malformed: then [`MachineExamination::certificates`] shows the error.
    fn proxy(&self) -> Option<Check> {
        let proxy = self.env.get_either_case(var::HTTPS_PROXY)?;
        let mut text = format!("HTTPS_PROXY: {}", shown_proxy(&proxy).ok()??);
        if let Some(hosts) = self.env.get_either_case(var::NO_PROXY) {
            let hosts = shown_no_proxy(&hosts);
            text.push_str(&format!(", except for NO_PROXY: {hosts}"));
        }
        Some(Check::good(text))
    }

    fn certificates(&self) -> Check {
        let named = [var::AWS_CA_BUNDLE, var::SSL_CERT_FILE, var::SSL_CERT_DIR];
        let variable = named
            .into_iter()
            .find_map(|name| Some((name, self.env.path(name)?)));
        let identity = self.identity.and_then(|identity| identity.as_ref().ok());
        let profile_bundle = || {
            let bundle = identity?.ca_bundle.clone()?;
            Some(("ca_bundle of the profile", bundle))
        };
        let text = match variable.or_else(profile_bundle) {
            Some((by, path)) => format!("certificate authorities: {} ({by})", path.display()),
            None => "certificate authorities: system default".to_owned(),
        };
        match self.client {
            Err(error) => Check::bad(one_line(&error.to_string()))
                .summary("the certificate or proxy settings are not usable"),
            Ok(_) => Check::good(text),
        }
    }

    fn clock(&self) -> Option<Check> {
        let (theirs, ours) = self.clocks?;
        let difference = ours - theirs;
        let direction = if difference.is_negative() {
            "slow"
        } else {
            "fast"
        };
        let minutes = (difference.abs().whole_seconds() + 30) / 60;
        let text = format!(
            "this machine's clock is {minutes} min {direction} compared with the registry's clock"
        );
        // From 5 minutes on AWS refuses what is signed by it (SigV4), which the SDK corrects. If
        // that does not help, AWS's error is reported.
        Some(if difference.abs() >= USUAL_DIFFERENCE {
            Check::warning(text)
                .summary(format!("the clock is {minutes} min {direction}"))
                .fix([
                    "Set this machine's clock. AWS rejects requests signed more than 5 minutes early or late",
                ])
        } else {
            Check::good("this machine's clock matches the registry's clock")
        })
    }
}

/// If clients start another executable, or none, their area reports it.
fn program(env: &Env) -> Check {
    let mut text = concat!("docker-credential-ecrx ", env!("CARGO_PKG_VERSION")).to_owned();
    if let Ok(path) = std::env::current_exe() {
        text.push_str(&format!(" at {}", path.display()));
        if is_first_on_path(env, &path) {
            text.push_str(", first on PATH");
        }
    }
    Check::good(text)
}
