//! The generated parts of the documentation, which are in the Markdown itself, between
//! `<!-- begin generated: NAME -->` and `<!-- end generated -->`.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};

use docker_credential_ecrx::cli::{Cli, FOR_ALL, FOR_CLIENTS};

use super::man::ended;

const ENV: &str = include_str!("../../src/env.rs");

const BEGIN: &str = "<!-- begin generated: ";
const END: &str = "<!-- end generated -->";

/// The Markdown with its generated parts replaced. A part of this name is left as it is if it
/// cannot be generated on this platform.
#[track_caller]
pub fn filled_in(markdown: &str) -> String {
    let mut parts = markdown.split(BEGIN);
    let mut page = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(" -->\n").expect("the end of a marker");
        let (old, rest) = rest.split_once(END).expect(END);
        let made = generated(name).unwrap_or_else(|| old.to_owned());
        let _ = write!(page, "{BEGIN}{name} -->\n{made}{END}{rest}");
    }
    page
}

#[track_caller]
fn generated(name: &str) -> Option<String> {
    match name {
        "commands" => Some(format!("\n{}", commands())),
        "protocol commands" => Some(format!("\n{}\n", protocol_commands())),
        "environment variables" => Some(format!("\n{}\n", variables())),
        "configure-docker" => configure_docker(),
        "licences" => licences(),
        other => panic!("unknown generated part: {other}"),
    }
}

/// A first `configure-docker HOST` and its output.
#[cfg(target_os = "linux")]
fn configure_docker() -> Option<String> {
    const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
    let mut environment = super::common::TestEnvironment::new();
    let program = environment.link(super::PROGRAM);
    let folder = program.parent().expect("a folder").display().to_string();
    // Temporary paths differ in length, so no line may be wrapped.
    environment.set("PATH", &folder).set("COLUMNS", "2000");
    let outcome = environment.run(&["configure-docker", HOST], "");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    let home = environment.home().display().to_string();
    let output = outcome.stdout.replace(&home, "/home/alice");
    Some(format!(
        "```text\n$ docker-credential-ecrx configure-docker {HOST}\n{}\n```\n",
        output.trim_end()
    ))
}

#[cfg(not(target_os = "linux"))]
fn configure_docker() -> Option<String> {
    None
}

/// How many crates of each licence are linked into the executable. The names of a choice are sorted.
#[cfg(target_os = "linux")]
fn licences() -> Option<String> {
    let crates = super::common::dependencies::linked_crates();
    let mut counts = std::collections::BTreeMap::new();
    for licence in crates.values() {
        let licence = licence.replace('/', " OR ");
        let mut choice: Vec<&str> = licence.split(" OR ").collect();
        choice.sort_unstable();
        *counts.entry(choice.join(" OR ")).or_insert(0) += 1;
    }
    let mut text = "\n| licence | crates |\n|---|---:|\n".to_owned();
    for (licence, count) in &counts {
        let _ = writeln!(text, "| {licence} | {count} |");
    }
    let _ = writeln!(text, "| all | {} |\n", crates.len());
    Some(text)
}

#[cfg(not(target_os = "linux"))]
fn licences() -> Option<String> {
    None
}

fn commands() -> String {
    let mut text = String::new();
    let mut all = Cli::command();
    all.build();
    for command in all.get_subcommands() {
        let name = command.get_name();
        match command.get_subcommands().next() {
            None => describe(&mut text, name, command),
            Some(_) => {
                for below in command.get_subcommands() {
                    describe(&mut text, &format!("{name} {}", below.get_name()), below);
                }
            }
        }
    }
    text
}

/// A heading with the usage, the description, and a table of arguments.
fn describe(text: &mut String, name: &str, command: &Command) {
    let is_documented = |arg: &&Arg| arg.get_id() != "help";
    let args: Vec<&Arg> = command.get_arguments().filter(is_documented).collect();
    let _ = write!(text, "### `{name}");
    for arg in args.iter().filter(|arg| arg.is_positional()) {
        let value = values(arg);
        let _ = if arg.is_required_set() {
            write!(text, " {value}")
        } else {
            write!(text, " [{value}]")
        };
    }
    for arg in args.iter().filter(|arg| !arg.is_positional()) {
        let option = option(arg);
        let _ = if arg.is_required_set() {
            write!(text, " {option}")
        } else {
            write!(text, " [{option}]")
        };
    }
    let about = command
        .get_long_about()
        .or(command.get_about())
        .map(ToString::to_string)
        .unwrap_or_default();
    // Clap's summaries end without a full stop.
    let about: Vec<String> = about.split("\n\n").map(ended).collect();
    let _ = write!(text, "`\n\n{}\n\n", about.join("\n\n"));
    if args.is_empty() {
        return;
    }
    text.push_str("| argument | description |\n|---|---|\n");
    for arg in args {
        let term = if arg.is_positional() {
            values(arg)
        } else {
            option(arg)
        };
        let help = arg.get_long_help().or(arg.get_help());
        let help = help.map(ToString::to_string).unwrap_or_default();
        let mut help = ended(&help);
        let named: Vec<String> = arg
            .get_possible_values()
            .iter()
            .map(|value| format!("`{}`", value.get_name()))
            .collect();
        if arg.get_action().takes_values() && !named.is_empty() {
            let _ = write!(help, " Values: {}.", named.join(", "));
        }
        for default in arg.get_default_values() {
            if arg.get_action().takes_values() {
                let _ = write!(help, " Default: `{}`.", default.to_string_lossy());
            }
        }
        let _ = writeln!(text, "| `{}` | {} |", escaped(&term), escaped(&help));
    }
    text.push('\n');
}

fn option(arg: &Arg) -> String {
    let name = arg.get_long().expect("a long name");
    if arg.get_action().takes_values() {
        format!("--{name} {}", values(arg))
    } else {
        format!("--{name}")
    }
}

fn values(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let many = matches!(arg.get_action(), clap::ArgAction::Append);
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    if many && arg.is_positional() {
        format!("{}…", names.join(" "))
    } else {
        names.join(" ")
    }
}

/// The commands that clients use.
fn protocol_commands() -> String {
    let mut text = "| command | description |\n|---|---|\n".to_owned();
    for word in FOR_CLIENTS.iter().chain(&FOR_ALL) {
        let _ = writeln!(text, "| `{}` | {} |", word.name, escaped(word.long_about));
    }
    text
}

/// The variables of `src/env.rs`, with their doc comments.
#[track_caller]
fn variables() -> String {
    let (_, module) = ENV.split_once("pub mod var {\n").expect("variables");
    let (module, _) = module.split_once("\n}\n").expect("their end");
    let mut text = "| variable | description |\n|---|---|\n".to_owned();
    let mut docs: Vec<&str> = Vec::new();
    for line in module.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("///") {
            docs.push(words.trim());
        } else if let Some(name) = line.split('"').nth(1) {
            assert!(!docs.is_empty(), "{name} has no words");
            let _ = writeln!(text, "| `{name}` | {} |", escaped(&ended(&docs.join(" "))));
            docs.clear();
        }
    }
    text
}

/// As a cell of a table.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}
