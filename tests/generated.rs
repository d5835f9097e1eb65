//! Generated files that are committed: completions, the generated parts of README and manual, the
//! manual pages in roff, and the picture of `doctor`. `ECRX_BLESS=1 cargo test --test generated`
//! writes them.

#[path = "generated/command.rs"]
mod command;
#[cfg(target_os = "linux")]
mod common;
#[path = "generated/man.rs"]
mod man;
#[path = "generated/pages.rs"]
mod pages;
#[path = "generated/picture.rs"]
mod picture;
#[cfg(target_os = "linux")]
#[path = "generated/shells.rs"]
mod shells;

use std::fs;
use std::path::{Path, PathBuf};

use clap_complete::aot::{Bash, Fish, Generator, PowerShell, Zsh};

const PROGRAM: &str = "docker-credential-ecrx";

/// The manual pages.
const PAGES: [&str; 5] = [
    "docker-credential-ecrx.1",
    "docker-credential-ecrx-config.5",
    "docker-credential-ecrx-benchmarks.7",
    "docker-credential-ecrx-cache.7",
    "docker-credential-ecrx-troubleshooting.7",
];

fn packaging(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging")
        .join(file)
}

/// What is committed is this; or is made so, where that is wished.
#[track_caller]
fn is_committed(file: &str, made: &str) {
    let path = packaging(file);
    if std::env::var_os("ECRX_BLESS").is_some() {
        fs::write(&path, made).expect("a file");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    if committed == made {
        return;
    }
    let (number, line) = made
        .lines()
        .enumerate()
        .find(|(number, line)| committed.lines().nth(*number) != Some(line))
        .unwrap_or((made.lines().count(), "(the end)"));
    panic!(
        "{file}:{}: should be {line:?}: run `ECRX_BLESS=1 cargo test --test generated` and look at \
         the difference",
        number + 1
    );
}

fn completions(shell: impl Generator) -> String {
    let mut made = Vec::new();
    clap_complete::generate(shell, &mut command::for_people(), PROGRAM, &mut made);
    let made = String::from_utf8(made).expect("UTF-8");
    // Some of its lines end in blanks.
    let lines: Vec<&str> = made.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim_end())
}

/// What clap_complete leaves out for fish: the values of arguments without a name; and that no
/// other is a file.
fn arguments_in_fish() -> String {
    let mut text = format!("complete -c {PROGRAM} -f\n");
    for below in command::for_people().get_subcommands() {
        for arg in below.get_positionals() {
            let values = arg.get_possible_values();
            let values: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
            if !values.is_empty() {
                text.push_str(&format!(
                    "complete -c {PROGRAM} -n \"__fish_docker_credential_ecrx_using_subcommand {}\" -f -a \"{}\"\n",
                    below.get_name(),
                    values.join(" ")
                ));
            }
        }
    }
    text
}

#[test]
fn completions_are_those_of_the_command_line() {
    let file = |name: &str| format!("completions/{name}");
    // clap_complete 4.6.11 calls a program with a hyphen by one name where it asks for the command,
    // and by another where it answers.
    let bash = completions(Bash).replace(
        "docker__subcmd__credential__subcmd__ecrx",
        "docker__credential__ecrx",
    );
    is_committed(&file("docker-credential-ecrx.bash"), &bash);
    is_committed(&file("_docker-credential-ecrx"), &completions(Zsh));
    let fish = completions(Fish) + &arguments_in_fish();
    is_committed(&file("docker-credential-ecrx.fish"), &fish);
    is_committed(
        &file("docker-credential-ecrx.ps1"),
        &completions(PowerShell),
    );
}

#[test]
fn manual_pages_say_what_the_definitions_say() {
    for name in PAGES {
        let file = format!("man/{name}");
        let markdown = fs::read_to_string(packaging(&format!("{file}.md"))).expect("a page");
        let filled_in = pages::filled_in(&markdown);
        is_committed(&format!("{file}.md"), &filled_in);
        is_committed(&file, &man::page(&filled_in));
    }
}

#[test]
fn outputs_in_the_readme_are_those_of_the_program() {
    let readme = fs::read_to_string(packaging("../README.md")).expect("the README");
    is_committed("../README.md", &pages::filled_in(&readme));
}

#[test]
fn the_picture_of_doctor_shows_its_snapshot() {
    let snapshot = include_str!("doctor/snapshots/repository_policy_missing_for_role.snap");
    is_committed("doctor.svg", &picture::of_doctor(snapshot));
}

/// PowerShell is at hand on no machine of the tests: at least nothing is missing in its file.
#[test]
fn the_completions_of_powershell_name_every_command_and_option() {
    fn look(file: &str, command: &clap::Command, path: &str) {
        let (_, block) = file
            .split_once(&format!("'{path}' {{"))
            .unwrap_or_else(|| panic!("{path} is missing"));
        let block = block.split_once("break").map_or(block, |(block, _)| block);
        let has = |what: &str| {
            let result = format!("[CompletionResult]::new('{what}',");
            assert!(block.contains(&result), "{path} {what}");
        };
        for arg in command.get_arguments() {
            if let Some(long) = arg.get_long() {
                has(&format!("--{long}"));
            }
        }
        for below in command.get_subcommands() {
            has(below.get_name());
            look(file, below, &format!("{path};{}", below.get_name()));
        }
    }
    let file = fs::read_to_string(packaging("completions/docker-credential-ecrx.ps1"));
    let mut command = command::for_people();
    command.build();
    look(&file.expect("a file"), &command, PROGRAM);
}
