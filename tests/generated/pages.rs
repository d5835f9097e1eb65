//! The Markdown of the manual pages: prose of their own, and what is told elsewhere in its place.
//!
//! A line `{{commands}}`, `{{clients}}`, `{{variables}}`, `{{keys PLACE}}`, `{{match}}`,
//! `{{example}}` or `{{readme HEADING}}` stands for what the command line, `src/env.rs` and the
//! README say.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};

use docker_credential_ecrx::cli::{Cli, FOR_ALL, FOR_CLIENTS};

const README: &str = include_str!("../../README.md");
const ENV: &str = include_str!("../../src/env.rs");

/// The Markdown with everything in its place.
#[track_caller]
pub fn filled_in(markdown: &str) -> String {
    let mut page = String::new();
    for line in markdown.lines() {
        let slot = line
            .strip_prefix("{{")
            .and_then(|line| line.strip_suffix("}}"));
        match slot.map(|slot| slot.split_once(' ').unwrap_or((slot, ""))) {
            None => page.push_str(line),
            Some(("commands", "")) => page.push_str(&commands()),
            Some(("clients", "")) => page.push_str(&first_words()),
            Some(("variables", "")) => page.push_str(&variables()),
            Some(("keys", place)) => page.push_str(&keys(place)),
            Some(("match", "")) => page.push_str(matches()),
            Some(("example", "")) => page.push_str(example()),
            Some(("readme", heading)) => page.push_str(section(heading)),
            Some((other, _)) => panic!("nothing is known of {{{{{other}}}}}"),
        }
        page.push('\n');
    }
    page
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

/// A heading as one types it, what it does, and a table of what goes with it.
fn describe(text: &mut String, name: &str, command: &Command) {
    let is_told = |arg: &&Arg| arg.get_id() != "help";
    let args: Vec<&Arg> = command.get_arguments().filter(is_told).collect();
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
    text.push_str("| what | does |\n|---|---|\n");
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
            let _ = write!(help, " One of {}.", named.join(", "));
        }
        for default in arg.get_default_values() {
            if arg.get_action().takes_values() {
                let _ = write!(help, " Without it: `{}`.", default.to_string_lossy());
            }
        }
        let _ = writeln!(text, "| `{term}` | {help} |");
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

/// With a full stop.
fn ended(text: &str) -> String {
    let text = text.replace('\n', " ");
    if text.ends_with(['.', '!', '?']) {
        text
    } else {
        format!("{text}.")
    }
}

fn first_words() -> String {
    let mut text = "| word | does |\n|---|---|\n".to_owned();
    for word in FOR_CLIENTS.iter().chain(&FOR_ALL) {
        let _ = writeln!(text, "| `{}` | {} |", word.name, word.long_about);
    }
    text
}

/// The variables of `src/env.rs`, with what stands above them there.
#[track_caller]
fn variables() -> String {
    let (_, module) = ENV.split_once("pub mod var {\n").expect("variables");
    let (module, _) = module.split_once("\n}\n").expect("their end");
    let mut text = "| variable | does |\n|---|---|\n".to_owned();
    let mut docs: Vec<&str> = Vec::new();
    for line in module.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("///") {
            docs.push(words.trim());
        } else if let Some(name) = line.split('"').nth(1) {
            assert!(!docs.is_empty(), "{name} has no words");
            let _ = writeln!(text, "| `{name}` | {} |", docs.join(" "));
            docs.clear();
        }
    }
    text
}

/// A section of the README, without its heading and the ones below it.
#[track_caller]
fn section(heading: &str) -> &'static str {
    let (_, rest) = README
        .split_once(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("the README has no {heading}"));
    rest.split_once("\n##").map_or(rest, |(section, _)| section)
}

/// The README's table of keys, as far as they belong into this table of `config.toml`. What can
/// be told of several is told once, under the places of all.
#[track_caller]
fn keys(place: &str) -> String {
    let mut text = "| key | does |\n|---|---|\n".to_owned();
    let mut seen = 0;
    for line in section("## Roles per registry").lines() {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [key, places, does, values, without] = cells[..] else {
            continue;
        };
        if places.replace('`', "") != place {
            continue;
        }
        seen += 1;
        let _ = write!(text, "| {key} | {}", ended(&capitalized(does)));
        if !values.is_empty() {
            let _ = write!(text, " Values: {}", ended(values));
        }
        if !without.is_empty() {
            let _ = write!(text, " Without it: {}", ended(without));
        }
        text.push_str(" |\n");
    }
    assert!(seen > 0, "the README has no keys of {place}");
    text
}

/// The README's table of what `match` may be.
#[track_caller]
fn matches() -> &'static str {
    let section = section("## Roles per registry");
    let start = section
        .find("| `match` | the rule is for |")
        .expect("a table");
    let table = &section[start..];
    table.split_once("\n\n").map_or(table, |(table, _)| table)
}

/// The README's first configuration.
#[track_caller]
fn example() -> &'static str {
    let section = section("## Roles per registry");
    let start = section.find("```toml").expect("an example");
    let end = section[start..].find("\n```\n").expect("its end");
    &section[start..start + end + "\n```".len()]
}

/// With a capital letter, which may stand behind the bracket of a link.
fn capitalized(text: &str) -> String {
    let (before, rest) = text.split_at(text.len() - text.trim_start_matches('[').len());
    let mut chars = rest.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    before.chars().chain(first).chain(chars).collect()
}
