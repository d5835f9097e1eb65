//! What a `get` costs, as far as it can be counted, by the tools that count. Each of them runs
//! it, and wants the right answer.

use std::fs;
use std::process::Stdio;

use super::{HOST, Outcome, TestEnvironment};

/// The instructions of the process, by valgrind; or why they were not counted. In the folder that
/// `ECRX_TEST_CALLGRIND` names, valgrind says which functions they are of, for
/// packaging/list-warm-functions.
pub fn instructions(environment: &TestEnvironment, program: &str) -> Result<u64, String> {
    let folder = std::env::var("ECRX_TEST_CALLGRIND");
    let file = folder.map_or("/dev/null".to_owned(), |folder| format!("{folder}/%p"));
    let file = format!("--callgrind-out-file={file}");
    let outcome = run(
        environment,
        "valgrind",
        &["--tool=callgrind", "--demangle=no", &file, program, "get"],
        HOST,
    )?;
    let collected = outcome
        .stderr
        .lines()
        .find_map(|line| line.split_once("Collected : "))
        .and_then(|(_, count)| count.trim().parse().ok());
    collected.ok_or_else(|| format!("{outcome:?}"))
}

/// The system calls of the process and of those that it starts, one a line, by strace.
pub fn system_calls(environment: &TestEnvironment, program: &str) -> Result<String, String> {
    let log = environment.home().join("trace");
    let path = log.display().to_string();
    let arguments = [
        "-f",
        "-qq",
        "-e",
        "signal=none",
        "-o",
        &path,
        program,
        "get",
    ];
    let outcome = run(environment, "strace", &arguments, HOST)?;
    fs::read_to_string(&log).map_err(|error| format!("{error}: {outcome:?}"))
}

/// The most memory that the process held at a time, in KiB, by GNU time.
pub fn peak_memory(environment: &TestEnvironment, program: &str) -> Result<u64, String> {
    peak_memory_of(environment, &[program, "get"], HOST)
}

/// The same for any command that answers with a login; `stdin` is its request.
pub fn peak_memory_of(
    environment: &TestEnvironment,
    command: &[&str],
    stdin: &str,
) -> Result<u64, String> {
    let log = environment.home().join("memory");
    let path = log.display().to_string();
    let arguments = [&["-f", "%M", "-o", &path], command].concat();
    let outcome = run(environment, "time", &arguments, stdin)?;
    let told = fs::read_to_string(&log).map_err(|error| format!("{error}: {outcome:?}"))?;
    let peak = told.trim().parse();
    peak.map_err(|error| format!("{error}: {told:?}"))
}

fn run(
    environment: &TestEnvironment,
    tool: &str,
    arguments: &[&str],
    request: &str,
) -> Result<Outcome, String> {
    use std::io::Write as _;

    let mut command = environment.command_of(tool, arguments);
    let child = command.stdin(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| format!("{tool}: {error}"))?;
    let mut stdin = child.stdin.take().ok_or("no stdin")?;
    let _ = stdin.write_all(request.as_bytes());
    drop(stdin);
    let outcome = Outcome::of(child);
    let logins = [r#""Username":"AWS""#, r#""username":"AWS""#];
    let answered =
        outcome.code == Some(0) && logins.iter().any(|login| outcome.stdout.contains(login));
    if answered {
        Ok(outcome)
    } else {
        Err(format!("{outcome:?}"))
    }
}
