//! What the tables were made with.

use std::fs;
use std::process::Command;

use super::contestant::Programs;
use super::stage::Stage;
use super::table::megabytes;

/// The machine, the peer, and how they were run, in lines of Markdown.
pub fn told(stage: &Stage, programs: &Programs, rounds: usize) -> String {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let release = read("/proc/sys/kernel/osrelease");
    let version = release.trim().split('-').next().unwrap_or_default();
    format!(
        "Linux {version} on {}, {processors} processors; an executable of {} MB;\n\
         the peer is {}.\n\
         The medians of {rounds} runs in turn, with a fake AWS on loopback {}.",
        processor(),
        megabytes(Some(&programs.ours)),
        peer(programs),
        stage.way(),
    )
}

fn peer(programs: &Programs) -> String {
    let Some(program) = &programs.peer else {
        return "not installed".to_owned();
    };
    let said = Command::new(program).arg("version").output();
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    format!("docker-credential-ecr-login {}", said.unwrap_or_default())
}

/// The processor's name, as it is on x86, and whether it is a real one.
fn processor() -> String {
    let all = read("/proc/cpuinfo");
    let name = all.lines().find_map(|line| line.strip_prefix("model name"));
    let name = name.map(|name| name.trim_start_matches([' ', '\t', ':']));
    let name = name.unwrap_or(std::env::consts::ARCH);
    if all.contains(" hypervisor") {
        format!("a virtual machine of {name}")
    } else {
        name.to_owned()
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
