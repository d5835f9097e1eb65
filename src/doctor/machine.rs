//! What is found on this machine: the program, its configuration, its cache and the way to AWS; and
//! whether docker and podman ask this program, and what would keep its answer from them.

use time::OffsetDateTime;

use crate::aws::FetchError;
use crate::commands::page::CheckMark;
use crate::config::{Config, ConfigError};
use crate::configure::clients::{self, ContainerClient, HelperLookup, Severity, is_first_on_path};
use crate::env::{Env, var};
use crate::error::one_line;
use crate::get::{CacheState, Tokens};
use crate::http::{EcrxClient, shown_proxy};
use crate::identity::{Identity, IdentityError, Misspelled};
use crate::net::shown_no_proxy;
use crate::registry::{Registry, Service};

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
        checks.extend(self.chosen());
        checks.extend(self.misspelled());
        checks.push(self.cache());
        checks.extend(self.proxy());
        checks.push(self.certificates());
        checks.extend(self.clock());
        AreaReport::new(Area::Machine, checks)
    }

    fn configuration(&self) -> Check {
        if let Some(error) = self.config_error {
            return Check::bad(format!("the configuration cannot be used: {error}"))
                .fix(["until then every registry fails, with this message"]);
        }
        let files: Vec<String> = self
            .config
            .files()
            .map(|path| path.display().to_string())
            .collect();
        if files.is_empty() {
            Check::good("no config.toml: everything is as by default")
        } else {
            Check::good(format!("configuration: {}", files.join(", then ")))
        }
    }

    fn chosen(&self) -> Option<Check> {
        let identity = self.identity?.as_ref().ok()?;
        let chosen_by = format!("who asks is chosen by {}", identity.chosen_by);
        Some(if identity.passed_over.is_empty() {
            Check::good(chosen_by)
        } else {
            let variables = identity.passed_over.join(", ");
            Check::warning(format!("{chosen_by}; passed over: {variables}"))
        })
    }

    /// Variables that are misspelled. If an identity fails because of one, its area says so.
    fn misspelled(&self) -> Vec<Check> {
        let mark = match self.identity {
            None => CheckMark::Bad,
            Some(Ok(_)) => CheckMark::Warning,
            Some(Err(_)) => return Vec::new(),
        };
        let all = Misspelled::all(self.env).into_iter();
        all.map(|it| Check::new(mark, it.to_string()).fix([it.hint()]))
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
                    0 => "no token".to_owned(),
                    1 => "1 token".to_owned(),
                    many => format!("{many} tokens"),
                };
                let dir = dir.display();
                let text = format!("the cache {dir} is private, works, and holds {tokens}");
                match doubtful {
                    0 => Check::good(text),
                    many => Check::warning(format!("{text}, and {many} more that cannot be used"))
                        .fix(["the next pull puts new ones in their places; ECRX_LOG=warn says what is wrong with them"]),
                }
            }
            CacheState::Off(why) => Check::unknown(format!("tokens are not cached: {why}")),
            CacheState::Unusable(error) => Check::warning(format!(
                "tokens are not cached, each pull asks AWS: {error}"
            )),
        }
    }

    /// `None` also if it is malformed: then [`MachineExamination::certificates`] shows the error.
    fn proxy(&self) -> Option<Check> {
        let proxy = self.env.get_either_case(var::HTTPS_PROXY)?;
        let mut text = format!("HTTPS_PROXY: {}", shown_proxy(&proxy).ok()??);
        if let Some(hosts) = self.env.get_either_case(var::NO_PROXY) {
            let hosts = shown_no_proxy(&hosts);
            text.push_str(&format!("; not for NO_PROXY: {hosts}"));
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
            None => "certificate authorities: those of the system".to_owned(),
        };
        match self.client {
            Err(error) => Check::bad(one_line(&error.to_string())),
            Ok(_) => Check::good(text),
        }
    }

    fn clock(&self) -> Option<Check> {
        let (theirs, ours) = self.clocks?;
        let difference = ours - theirs;
        let direction = if difference.is_negative() {
            "behind"
        } else {
            "ahead of"
        };
        let minutes = (difference.abs().whole_seconds() + 30) / 60;
        let text = format!("this machine's clock is {minutes} min {direction} the registry's");
        // From 5 minutes on AWS refuses what is signed by it (SigV4), which the SDK corrects. If
        // that does not help, AWS's refusal says so.
        Some(if difference.abs() >= USUAL_DIFFERENCE {
            Check::warning(text)
                .fix(["set it: AWS refuses what is signed 5 min too early or too late"])
        } else {
            Check::good("this machine's clock agrees with the registry's")
        })
    }
}

/// If clients start another executable, or none, their area says so.
fn program(env: &Env) -> Check {
    let mut text = concat!("docker-credential-ecrx ", env!("CARGO_PKG_VERSION")).to_owned();
    if let Ok(path) = std::env::current_exe() {
        text.push_str(&format!(" at {}", path.display()));
        if is_first_on_path(env, &path) {
            text.push_str(", the first on PATH");
        }
    }
    Check::good(text)
}

/// For one registry, or without one for all.
pub(super) fn clients_report(env: &Env, registry: Option<&Registry>) -> AreaReport {
    let mut checks = Vec::new();
    if let Some(registry) = registry {
        let clients = [ContainerClient::Docker, ContainerClient::Podman];
        let asked = clients.map(|client| clients::look_up(env, client, registry.host()));
        let is_asked = asked
            .iter()
            .any(|asked| matches!(asked, Ok(HelperLookup::Ours { .. })));
        for (client, asked) in clients.into_iter().zip(asked) {
            // A file that cannot be read, and an old login, are among the checks below.
            if let Ok(asked) = asked {
                checks.extend(asked_helper(client, registry, &asked, is_asked));
            }
        }
    }
    for found in clients::problems(env, registry) {
        let mark = match found.severity {
            Severity::Bad => CheckMark::Bad,
            Severity::Warning => CheckMark::Warning,
        };
        checks.push(Check::new(mark, found.text).fix([found.fix]));
    }
    if checks.is_empty() {
        checks.push(Check::good(
            "nothing in their configuration stands in the way",
        ));
    }
    AreaReport::new(Area::Clients, checks)
}

/// The credential helper that a client asks. Another helper than this program is bad only if no
/// client asks this program, as many people use but one of them.
fn asked_helper(
    client: ContainerClient,
    registry: &Registry,
    asked: &HelperLookup,
    is_asked: bool,
) -> Option<Check> {
    let name = client.name();
    let other = |text: String| {
        let mark = match (&registry.service, is_asked) {
            (Service::Public, _) => CheckMark::Unknown,
            (Service::Private(_), true) => CheckMark::Warning,
            (Service::Private(_), false) => CheckMark::Bad,
        };
        Check::new(mark, text).fix([format!("{} {registry}", client.configured_by())])
    };
    Some(match asked {
        HelperLookup::Ours {
            file,
            helper,
            is_named,
        } => {
            let by = match is_named {
                true => "credHelpers",
                false => "credsStore",
            };
            let file = file.display();
            Check::good(format!(
                "{name} asks docker-credential-{helper} for {registry} ({by} in {file})"
            ))
        }
        HelperLookup::Other { file, helper } => other(format!(
            "{name} asks docker-credential-{helper} for {registry}, and not this program ({})",
            file.display()
        )),
        HelperLookup::Login { .. } => return None,
        HelperLookup::Anonymous => other(format!(
            "{name} asks nobody for {registry}: \"no basic auth credentials\""
        )),
    })
}
