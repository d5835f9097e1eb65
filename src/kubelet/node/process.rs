//! When a process was started.

use std::fs;
use std::time::{Duration, SystemTime};

/// Those of Linux for the values in `/proc` (`USER_HZ`), on all architectures of releases.
const TICKS_PER_SECOND: u64 = 100;

/// The resolution of `/proc`, for the uptime and for the start.
const RESOLUTION: Duration = Duration::from_millis(20);

/// The latest moment at which a process may have started, by the clock of now. `None` if there is no
/// such process.
pub(super) fn started_at(id: &str) -> Option<SystemTime> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let now = SystemTime::now();
    let age = seconds(uptime.split(' ').next()?)?.saturating_sub(start(&stat)?);
    Some(now - age + RESOLUTION)
}

/// The time from the start of the machine to that of a process (`starttime` in proc_pid_stat(5)).
fn start(stat: &str) -> Option<Duration> {
    // The name before can contain anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks: u64 = fields.split(' ').nth(19)?.parse().ok()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

fn seconds(text: &str) -> Option<Duration> {
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
        assert_eq!(start(&stat), Some(Duration::from_millis(2500)));
    }
}
