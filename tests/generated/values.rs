//! Completes configured values in the shells: registries, profiles and identities, which the hidden
//! command `__complete` prints. clap_complete completes only what is known when it generates.

use std::fmt::Write as _;

use clap::{Arg, Command, ValueHint};

use super::PROGRAM;

/// A kind of values, as an argument of `__complete`. In the text that clap_complete generates, a hint
/// that no other argument has marks it.
const KINDS: [(&str, ValueHint, &str, &str); 3] = [
    (
        "registries",
        ValueHint::Hostname,
        ":_hosts'",
        "(__fish_print_hostnames)",
    ),
    (
        "profiles",
        ValueHint::Username,
        ":_users'",
        "(__fish_complete_users)",
    ),
    (
        "identities",
        ValueHint::CommandName,
        ":_command_names -e'",
        "(__fish_complete_command)",
    ),
];

/// The kind of values that an argument takes.
fn kind(arg: &Arg) -> Option<&'static str> {
    if !arg.get_action().takes_values() {
        return None;
    }
    let names = arg.get_value_names().unwrap_or_default();
    let name = names.first().map(|name| name.as_str());
    match (arg.get_id().as_str(), name) {
        ("identity", _) => Some("identities"),
        (_, Some("PROFILE")) => Some("profiles"),
        (_, Some("HOST" | "IMAGE|HOST")) => Some("registries"),
        _ => None,
    }
}

/// Gives each such argument its hint.
pub fn with_hints(command: Command) -> Command {
    let hint = |arg: &Arg| {
        let kind = kind(arg)?;
        let known = KINDS.into_iter().find(|(name, ..)| *name == kind)?;
        Some(known.1)
    };
    command
        .mut_args(|arg| match hint(&arg) {
            Some(hint) => arg.value_hint(hint),
            None => arg,
        })
        .mut_subcommands(with_hints)
}

/// A place on the command line where a value is expected.
struct Place {
    /// The commands before it.
    path: Vec<String>,
    /// `None` for an argument without a name.
    option: Option<String>,
    /// `None` if other values are expected.
    kind: Option<&'static str>,
}

fn places(command: &Command) -> Vec<Place> {
    let mut found = Vec::new();
    collect(command, &[], &mut found);
    found
}

fn collect(command: &Command, path: &[String], found: &mut Vec<Place>) {
    for arg in command.get_arguments() {
        let takes_values = arg.get_action().takes_values();
        let option = arg.get_long().map(|long| format!("--{long}"));
        if takes_values && (option.is_some() || kind(arg).is_some()) {
            found.push(Place {
                path: path.to_vec(),
                option,
                kind: kind(arg),
            });
        }
    }
    for below in command.get_subcommands() {
        let mut path = path.to_vec();
        path.push(below.get_name().to_owned());
        collect(below, &path, found);
    }
}

/// The function that completes values first, and calls clap_complete's.
pub fn in_bash(text: &str, command: &Command) -> String {
    let mut options = String::new();
    let mut arguments = String::new();
    for Place { path, option, kind } in places(command) {
        let first = &path[0];
        match (option, kind) {
            (Some(option), Some(kind)) => {
                let _ = writeln!(options, "        \"{first} {option}\") kind={kind} ;;");
            }
            (Some(option), None) => {
                let _ = writeln!(options, "        \"{first} {option}\") return ;;");
            }
            (None, Some(kind)) => {
                let depth = path.len();
                let path = path.join(" ");
                let _ = writeln!(
                    arguments,
                    "            \"{path} \"*) depth={depth} kind={kind} ;;"
                );
            }
            (None, None) => {}
        }
    }
    let function = format!(
        r#"# Completes configured registries, profiles and identities.
_docker_credential_ecrx() {{
    local cur="${{COMP_WORDS[COMP_CWORD]}}" prev="${{COMP_WORDS[COMP_CWORD - 1]}}"
    local kind="" depth=0 value values=()
    _docker__credential__ecrx "$@"
    case "${{COMP_WORDS[1]}} ${{prev}}" in
{options}    esac
    if [[ -z ${{kind}} && ${{cur}} != -* ]] ; then
        case "${{COMP_WORDS[*]:1}} " in
{arguments}        esac
    fi
    if [[ -z ${{kind}} || ${{COMP_CWORD}} -le ${{depth}} ]] ; then
        return 0
    fi
    while IFS= read -r value ; do
        if [[ ${{value}} == "${{cur}}"* ]] ; then
            values+=("${{value}}")
        fi
    done < <({PROGRAM} __complete "${{kind}}" 2>/dev/null)
    if [[ ${{#values[@]}} -gt 0 ]] ; then
        COMPREPLY=("${{values[@]}}")
    fi
    compopt +o nospace 2>/dev/null
    return 0
}}

"#
    );
    let end = text
        .find("if [[ \"${BASH_VERSINFO[0]}\" -eq 4 && ")
        .expect("the end of clap_complete's text");
    let (start, end) = text.split_at(end);
    let end = end.replace(
        "complete -F _docker__credential__ecrx ",
        "complete -F _docker_credential_ecrx ",
    );
    format!("{start}{function}{end}")
}

pub fn in_zsh(text: &str) -> String {
    const START: &str = "autoload -U is-at-least\n";
    let function = format!(
        r#"{START}
# Completes configured registries, profiles and identities.
_docker_credential_ecrx_values() {{
    local -a values
    values=(${{(f)"$({PROGRAM} __complete $@[-1] 2>/dev/null)"}})
    compadd "${{@[1,-2]}}" -a values
}}
"#
    );
    assert_eq!(text.matches(START).count(), 1);
    let mut text = text.replace(START, &function);
    for (kind, _, action, _) in KINDS {
        text = text.replace(action, &format!(":_docker_credential_ecrx_values {kind}'"));
    }
    text
}

pub fn in_fish(text: &str, command: &Command) -> String {
    let values = |kind: &str| format!("({PROGRAM} __complete {kind} 2>/dev/null)");
    let mut text = text.to_owned();
    for (kind, _, _, action) in KINDS {
        text = text.replace(action, &values(kind));
    }
    for Place { path, option, kind } in places(command) {
        let (None, Some(kind)) = (option, kind) else {
            continue;
        };
        let below: String = path[1..]
            .iter()
            .map(|word| format!("; and __fish_seen_subcommand_from {word}"))
            .collect();
        let _ = writeln!(
            text,
            "complete -c {PROGRAM} -n \"__fish_docker_credential_ecrx_using_subcommand {}{below}\" \
             -f -a \"{}\"",
            path[0],
            values(kind),
        );
    }
    text
}

pub fn in_powershell(text: &str, command: &Command) -> String {
    let mut cases = String::new();
    for Place { path, option, kind } in places(command) {
        let Some(kind) = kind else {
            continue;
        };
        let previous = option.as_ref().or(path.last()).expect("a word");
        let path = path.join(";");
        let _ = writeln!(
            cases,
            "        '{PROGRAM};{path} {previous}' {{ '{kind}' }}"
        );
    }
    let values = format!(
        r#"    # Configured registries, profiles and identities.
    $previous = $commandElements |
        Where-Object {{ $_.Extent.EndOffset -lt $cursorPosition }} |
        Select-Object -Last 1
    $kind = switch ("$command $previous") {{
{cases}    }}
    if ($kind) {{
        $completions += @({PROGRAM} __complete $kind 2>$null | ForEach-Object {{
            [CompletionResult]::new($_, $_, [CompletionResultType]::ParameterValue, $_)
        }})
    }}

"#
    );
    let end = "    $completions.Where{";
    assert_eq!(text.matches(end).count(), 1);
    text.replace(end, &format!("{values}{end}"))
}
