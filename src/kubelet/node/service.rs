//! The systemd service that runs kubelet: its restart, with the earlier configuration if it does not run
//! with the new one, and the start of its process.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tokio::process::Command;

use crate::child;
use crate::cli::KubeletRestart;
use crate::commands::Page;
use crate::commands::page::CheckMark;
use crate::env::Env;
use crate::error::{Error, escaped};

use super::configuration::{FileChange, changed_at};
use super::executable::Previous;

/// The units that contain kubelet: its own, and those of k3s, RKE2, MicroK8s and k0s.
const UNITS: [&str; 8] = [
    "kubelet",
    "k3s",
    "k3s-agent",
    "rke2-server",
    "rke2-agent",
    "snap.microk8s.daemon-kubelite",
    "k0sworker",
    "k0scontroller",
];

/// The time limit of a restart.
const LIMIT: Duration = Duration::from_secs(120);

/// The time limit of a question about a unit.
const SHORT_LIMIT: Duration = Duration::from_secs(10);

/// How long the same process has to run after a restart. kubelet ends within a second if it refuses
/// its configuration.
const STEADY: Duration = Duration::from_secs(5);

const PAUSE: Duration = Duration::from_millis(500);

/// Why kubelet was not restarted, or does not run.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServiceError {
    #[error("cannot restart kubelet: systemctl is not on PATH")]
    NoSystemd,
    #[error("cannot restart kubelet: none of its usual systemd units is active")]
    NoUnit,
    #[error("cannot run systemctl: {0}")]
    Run(#[source] io::Error),
    #[error("systemctl restart {unit} failed: {}", said(text))]
    Refused { unit: String, text: String },
    #[error("{unit} did not keep running after the restart: {state}")]
    Down { unit: String, state: String },
}

fn said(text: &str) -> String {
    match text.trim() {
        "" => "no message".to_owned(),
        text => escaped(text),
    }
}

impl From<ServiceError> for Error {
    fn from(error: ServiceError) -> Self {
        let hint = match &error {
            ServiceError::NoSystemd | ServiceError::NoUnit => {
                "Pass --unit UNIT, or restart kubelet yourself, without --restart-kubelet"
                    .to_owned()
            }
            ServiceError::Run(_) => return Self::failure(error),
            ServiceError::Refused { unit, .. } | ServiceError::Down { unit, .. } => {
                format!("Run: journalctl --unit {unit} --lines 50")
            }
        };
        Self::failure(error).hint(hint)
    }
}

/// A unit that runs kubelet.
#[derive(Debug)]
pub(super) struct Service {
    systemctl: PathBuf,
    pub unit: String,
}

/// What systemd says about a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    active: String,
    process: String,
}

/// What to do after a change without a restart.
pub(super) const RESTART_NEEDED: &str = "kubelet reads its configuration only when it starts: restart it, for example with systemctl restart kubelet";

impl Service {
    /// The unit to restart, if the options say so.
    pub(super) fn wanted(
        options: &KubeletRestart,
        env: &Env,
    ) -> Result<Option<Self>, ServiceError> {
        let find = || Self::find(options.unit.as_deref(), env);
        options.restart_kubelet.then(find).transpose()
    }

    /// The unit with this name, or else the active one of those that run kubelet.
    fn find(unit: Option<&str>, env: &Env) -> Result<Self, ServiceError> {
        let systemctl = find_program(env).ok_or(ServiceError::NoSystemd)?;
        let service = |unit: &str| Self {
            systemctl: systemctl.clone(),
            unit: unit.to_owned(),
        };
        if let Some(unit) = unit {
            return Ok(service(unit));
        }
        for unit in UNITS.map(service) {
            if unit.state()?.active == "active" {
                return Ok(unit);
            }
        }
        Err(ServiceError::NoUnit)
    }

    /// Whether the unit's process has been started before this moment, or does not run.
    fn is_older_than(&self, moment: SystemTime) -> Result<bool, ServiceError> {
        let started = started_at(&self.state()?.process);
        Ok(started.is_none_or(|started| started < moment))
    }

    /// Restarts the unit, and waits until it runs steadily.
    fn restart(&self) -> Result<(), ServiceError> {
        let ended = self.systemctl(&["restart", &self.unit], LIMIT)?;
        if !ended.status.success() {
            return Err(ServiceError::Refused {
                unit: self.unit.clone(),
                text: ended.stderr,
            });
        }
        let ends_at = Instant::now() + LIMIT;
        let mut last = State::default();
        let mut since = Instant::now();
        loop {
            let state = self.state()?;
            let now = Instant::now();
            if state != last {
                // Another process: it has been started again since.
                since = now;
            } else if state.active == "active" && now - since >= STEADY {
                return Ok(());
            }
            if state.active == "failed" || now >= ends_at {
                return Err(ServiceError::Down {
                    unit: self.unit.clone(),
                    state: state.active,
                });
            }
            last = state;
            thread::sleep(PAUSE);
        }
    }

    fn state(&self) -> Result<State, ServiceError> {
        let arguments = ["show", "--property=ActiveState,MainPID", &self.unit];
        let ended = self.systemctl(&arguments, SHORT_LIMIT)?;
        let text = String::from_utf8_lossy(&ended.stdout);
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default().trim().to_owned()
        };
        Ok(State {
            active: value("ActiveState="),
            process: value("MainPID="),
        })
    }

    fn systemctl(&self, arguments: &[&str], limit: Duration) -> Result<child::Ended, ServiceError> {
        let mut command = Command::new(&self.systemctl);
        command.args(arguments);
        child::run(command, b"", limit).map_err(ServiceError::Run)
    }
}

#[cfg(unix)]
fn find_program(env: &Env) -> Option<PathBuf> {
    child::find("systemctl", &env.search_folders()).ok()
}

#[cfg(not(unix))]
fn find_program(_: &Env) -> Option<PathBuf> {
    None
}

#[derive(Debug, thiserror::Error)]
enum RestartError {
    #[error("the earlier configuration was restored, and kubelet runs with it")]
    Restored(#[source] ServiceError),
    #[error("the earlier configuration was restored, but kubelet does not run with it either")]
    Down(#[source] ServiceError),
}

/// Whether kubelet does not run with its configuration as it is now: an earlier process of this program
/// may have been killed before the restart.
pub(super) fn is_outdated(service: &Service, config: &Path) -> Result<bool, ServiceError> {
    changed_at(config).map_or(Ok(false), |changed| service.is_older_than(changed))
}

/// Restarts kubelet. If it does not run then, restores everything that this process has changed, and
/// restarts it again.
pub(super) fn restart_or_restore(
    service: &Service,
    changes: &[FileChange],
    previous: Option<Previous>,
    page: &mut Page,
) -> Result<(), Error> {
    if changes.is_empty() {
        let text = "kubelet has not been started since the last change of its configuration";
        page.marked(CheckMark::Unknown, text);
    }
    let Err(error) = service.restart() else {
        let text = format!("restarted {}, and it runs", service.unit);
        page.marked(CheckMark::Good, &text);
        return Ok(());
    };
    if changes.is_empty() {
        return Err(error.into());
    }
    page.marked(CheckMark::Bad, &error.to_string());
    for change in changes {
        change.restore(page)?;
    }
    previous
        .map_or(Ok(()), Previous::restore)
        .map_err(Error::failure)?;
    let hint = format!("Run: journalctl --unit {} --lines 50", service.unit);
    let error = match service.restart() {
        Ok(()) => RestartError::Restored(error),
        Err(_) => RestartError::Down(error),
    };
    Err(Error::failure(error).hint(hint))
}

/// Those of Linux for the values in `/proc` (`USER_HZ`), on all architectures of releases.
const TICKS_PER_SECOND: u64 = 100;

/// The resolution of `/proc`, for the uptime and for the start.
const RESOLUTION: Duration = Duration::from_millis(20);

/// The latest moment at which a process may have started, by the clock of now. `None` if there is no
/// such process.
fn started_at(id: &str) -> Option<SystemTime> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let now = SystemTime::now();
    let age = seconds_of(uptime.split(' ').next()?)?.saturating_sub(start_of(&stat)?);
    Some(now - age + RESOLUTION)
}

/// The time from the start of the machine to that of a process (`starttime` in proc_pid_stat(5)).
fn start_of(stat: &str) -> Option<Duration> {
    // The name before can contain anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks: u64 = fields.split(' ').nth(19)?.parse().ok()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

fn seconds_of(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::process::Command;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_process_starts_between_what_was_before_and_after_it() {
        let before = SystemTime::now();
        let mut child = Command::new("sleep").arg("60").spawn().expect("a process");
        let after = SystemTime::now();
        let asked = Instant::now();
        let found = started_at(&child.id().to_string());
        let lasted = asked.elapsed();
        child.kill().expect("a child");
        child.wait().expect("a child");
        let found = found.expect("a start");
        assert!(before <= found && found <= after + 2 * RESOLUTION + lasted);
        assert_eq!(started_at("0"), None);
    }

    #[test]
    fn the_name_of_a_process_can_look_like_the_rest() {
        let stat = format!("7 (a) S 1 (b) S {} 250 9\n", "1 ".repeat(18).trim_end());
        assert_eq!(start_of(&stat), Some(Duration::from_millis(2500)));
    }
}
