//! This machine: the program, its configuration, its cache, and the way to AWS.

use time::OffsetDateTime;

use crate::aws::FetchError;
use crate::commands::page::Mark;
use crate::config::{Config, ConfigError};
use crate::configure::clients::is_first_on_path;
use crate::env::{Env, var};
use crate::error::one_line;
use crate::get::{CacheState, Provider};
use crate::http::{EcrxClient, shown_proxy};
use crate::identity::{Identity, IdentityError, Misspelled};
use crate::net::shown_no_proxy;

use super::report::{Finding, Place, Step};

/// By how much they differ where both are kept right.
const USUAL_DIFFERENCE: time::Duration = time::Duration::minutes(1);

/// What is found without asking anybody, and the registry's clock where it has told it.
pub(super) struct Machine<'a> {
    pub env: &'a Env,
    pub config: &'a Config,
    pub config_error: Option<&'a ConfigError>,
    pub provider: &'a Provider<'a>,
    pub identity: Option<&'a Result<Identity, IdentityError>>,
    /// What AWS and the registry are reached by.
    pub client: &'a Result<EcrxClient, FetchError>,
    /// What time it is by the registry, and what it was here when it said so.
    pub clocks: Option<(OffsetDateTime, OffsetDateTime)>,
}

impl Machine<'_> {
    /// Looks at all of it.
    pub(super) fn step(&self) -> Step {
        let mut findings = vec![program(self.env), self.configuration()];
        findings.extend(self.chosen());
        findings.extend(self.misspelled());
        findings.push(self.cache());
        findings.extend(self.proxy());
        findings.push(self.certificates());
        findings.extend(self.clock());
        Step::new(Place::Machine, findings)
    }

    fn configuration(&self) -> Finding {
        if let Some(error) = self.config_error {
            return Finding::bad(format!("the configuration cannot be used: {error}"))
                .mend(["until then every registry fails, with this message"]);
        }
        let files: Vec<String> = self
            .config
            .files()
            .map(|path| path.display().to_string())
            .collect();
        if files.is_empty() {
            Finding::good("no config.toml: everything is as by default")
        } else {
            Finding::good(format!("configuration: {}", files.join(", then ")))
        }
    }

    fn chosen(&self) -> Option<Finding> {
        let identity = self.identity?.as_ref().ok()?;
        let chosen_by = format!("who asks is chosen by {}", identity.chosen_by);
        Some(if identity.passed_over.is_empty() {
            Finding::good(chosen_by)
        } else {
            let variables = identity.passed_over.join(", ");
            Finding::warning(format!("{chosen_by}; passed over: {variables}"))
        })
    }

    /// Variables that are misspelled. If an identity fails because of one, its step says so.
    fn misspelled(&self) -> Vec<Finding> {
        let mark = match self.identity {
            None => Mark::Bad,
            Some(Ok(_)) => Mark::Warning,
            Some(Err(_)) => return Vec::new(),
        };
        let all = Misspelled::all(self.env).into_iter();
        all.map(|it| Finding::new(mark, it.to_string()).mend([it.hint()]))
            .collect()
    }

    fn cache(&self) -> Finding {
        match self.provider.cache_state() {
            CacheState::Usable {
                dir,
                entries,
                doubtful,
            } => {
                let tokens = match entries {
                    0 => "no token".to_owned(),
                    1 => "1 token".to_owned(),
                    many => format!("{many} tokens"),
                };
                let dir = dir.display();
                let text = format!("the cache {dir} is private, works, and holds {tokens}");
                match doubtful {
                    0 => Finding::good(text),
                    many => Finding::warning(format!("{text}, and {many} more that cannot be used"))
                        .mend(["the next pull puts new ones in their places; ECRX_LOG=warn says what is wrong with them"]),
                }
            }
            CacheState::Off(why) => Finding::unknown(format!("tokens are not cached: {why}")),
            CacheState::Unusable(error) => Finding::warning(format!(
                "tokens are not cached, each pull asks AWS: {error}"
            )),
        }
    }

    /// `None` also if it is malformed: then [`Machine::certificates`] shows the error.
    fn proxy(&self) -> Option<Finding> {
        let proxy = self.env.get_either_case(var::HTTPS_PROXY)?;
        let mut text = format!("HTTPS_PROXY: {}", shown_proxy(&proxy).ok()??);
        if let Some(hosts) = self.env.get_either_case(var::NO_PROXY) {
            let hosts = shown_no_proxy(&hosts);
            text.push_str(&format!("; not for NO_PROXY: {hosts}"));
        }
        Some(Finding::good(text))
    }

    fn certificates(&self) -> Finding {
        let named = [var::AWS_CA_BUNDLE, var::SSL_CERT_FILE, var::SSL_CERT_DIR];
        let variable = named
            .into_iter()
            .find_map(|name| Some((name, self.env.path(name)?)));
        let identity = self.identity.and_then(|identity| identity.as_ref().ok());
        let of_profile = || {
            let bundle = identity?.ca_bundle.clone()?;
            Some(("ca_bundle of the profile", bundle))
        };
        let text = match variable.or_else(of_profile) {
            Some((by, path)) => format!("certificate authorities: {} ({by})", path.display()),
            None => "certificate authorities: those of the system".to_owned(),
        };
        match self.client {
            Err(error) => Finding::bad(one_line(&error.to_string())),
            Ok(_) => Finding::good(text),
        }
    }

    fn clock(&self) -> Option<Finding> {
        let (theirs, ours) = self.clocks?;
        let difference = ours - theirs;
        let direction = if difference.is_negative() {
            "behind"
        } else {
            "ahead of"
        };
        let minutes = (difference.abs().whole_seconds() + 30) / 60;
        let text = format!("this machine's clock is {minutes} min {direction} the registry's");
        // From 5 minutes on AWS refuses what is signed by it (SigV4), which the SDK corrects. Where
        // that does not help, AWS's refusal says so.
        Some(if difference.abs() >= USUAL_DIFFERENCE {
            Finding::warning(text)
                .mend(["set it: AWS refuses what is signed 5 min too early or too late"])
        } else {
            Finding::good("this machine's clock agrees with the registry's")
        })
    }
}

/// Where clients start another one, or none, the step about them says so.
fn program(env: &Env) -> Finding {
    let mut text = concat!("docker-credential-ecrx ", env!("CARGO_PKG_VERSION")).to_owned();
    if let Ok(path) = std::env::current_exe() {
        text.push_str(&format!(" at {}", path.display()));
        if is_first_on_path(env, &path) {
            text.push_str(", the first on PATH");
        }
    }
    Finding::good(text)
}
