//! The processes above this one, where the system shows them.

/// So many calls of this program above each other are a loop: a pull within a
/// `credential_process` may make two of them.
pub(super) const A_LOOP: usize = 3;

/// How many of the processes above this one are this program, by whatever name of its own. What
/// lies between may have cleared the environment, as `sudo` does.
#[cfg(target_os = "linux")]
pub(super) fn of_this_program() -> usize {
    use rustix::process::{Pid, getppid};

    let mut count = 0;
    let mut next = getppid().map(Pid::as_raw_pid);
    while let Some(pid) = next.filter(|pid| *pid > 1 && count < A_LOOP) {
        let Some((name, parent)) = name_and_parent(pid) else {
            break;
        };
        count += usize::from(name.starts_with(b"docker-credential-ecrx"));
        next = Some(parent);
    }
    count
}

#[cfg(not(target_os = "linux"))]
pub(super) fn of_this_program() -> usize {
    0
}

/// The name that a process was called by, without folders, and its parent (`proc(5)`).
#[cfg(target_os = "linux")]
fn name_and_parent(pid: i32) -> Option<(Vec<u8>, i32)> {
    let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let program = arguments.split(|byte| *byte == 0).next()?;
    let name = program.rsplit(|byte| *byte == b'/').next()?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is in parentheses, and may hold any of them.
    let (_, rest) = stat.rsplit_once(')')?;
    let parent = rest.split_whitespace().nth(1)?.parse().ok()?;
    Some((name.to_vec(), parent))
}
