//! The secrets of a `credential_process`: those of its command line, of its environment and of what
//! it has printed. It may repeat any of them when it complains.

use std::path::Path;

use crate::env::Env;

use super::Redactor;

/// The ends of the names of variables that hold a secret, in upper case.
const NAMES_OF_SECRETS: [&str; 9] = [
    "AUTH_CONFIG",
    "CREDENTIALS",
    "EXTERNAL_ID",
    "KEY",
    "PASS",
    "PASSPHRASE",
    "PASSWORD",
    "SECRET",
    "TOKEN",
];

/// Options of the AWS CLI whose values are not secret.
const OPTIONS_WITH_NAMES: [&str; 2] = ["--profile", "--region"];

/// Names under which tools of AWS print secrets, in lower case.
const LABELS: [&str; 8] = [
    "secretaccesskey",
    "secret_access_key",
    "secret access key",
    "sessiontoken",
    "session_token",
    "session token",
    "securitytoken",
    "security_token",
];

/// An unlabelled word of the output that is shorter is not taken for a secret. A secret access key
/// has 40 characters (AWS IAM, "Access key IDs and secret access keys").
const SHORTEST_UNLABELLED: usize = 16;

/// Shorter arguments are not secret. `1` is in too many sentences.
const SHORTEST_ARGUMENT: usize = 4;

/// A first word after the program that is no longer is taken for a subcommand.
const LONGEST_SUBCOMMAND: usize = 7;

/// Adds the arguments of a command line, but no names of programs, subcommands, options and files.
pub(crate) fn add_command(redactor: &mut Redactor, command: &str, env: &Env) {
    let unquoted = command.replace(['"', '\''], "");
    // A backslash escapes in a shell, and separates folders on Windows.
    let unescaped = unquoted.replace('\\', "");
    for line in [command, &unquoted, &unescaped] {
        for argument in arguments(line) {
            add_argument(redactor, argument);
        }
        for value in expanded_variables(line, env) {
            add_argument(redactor, &value);
        }
    }
}

/// Adds what the variables of an environment hold that are named like secrets, and the passwords of
/// proxies.
pub(crate) fn add_environment(redactor: &mut Redactor, env: &Env) {
    for (name, value) in env.variables() {
        let name = name.to_ascii_uppercase();
        if name.ends_with("_PROXY") {
            redactor.add_url(&value);
        } else if NAMES_OF_SECRETS.iter().any(|end| name.ends_with(end)) && !is_file(&value) {
            redactor.add(value.trim());
            // It may be JSON, of which only some is repeated.
            add_long_words(redactor, &value);
        }
    }
}

/// Adds the secrets of what a process has printed, whole or not.
pub(crate) fn add_output(redactor: &mut Redactor, output: &str) {
    add_labelled(redactor, output);
    add_long_words(redactor, output);
}

/// Adds what stands behind the names of secrets.
pub(crate) fn add_labelled(redactor: &mut Redactor, text: &str) {
    let lower = text.to_ascii_lowercase();
    let ends = LABELS.iter().flat_map(|label| {
        let places = lower.match_indices(label);
        places.map(|(at, label)| at + label.len())
    });
    for end in ends {
        let rest = &text[end..];
        let value = rest.trim_start_matches([' ', '\t', '"', '\'', '\\', '=', ':', '>']);
        let between = &rest[..rest.len() - value.len()];
        if between.contains(['=', ':', '>']) {
            let value = value.split(is_end_of_value).next().unwrap_or_default();
            redactor.add(&value.replace('\\', ""));
        }
    }
}

fn is_end_of_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '<' | '}' | ')')
}

/// Adds what may be a key or a token: long, and of more than words.
fn add_long_words(redactor: &mut Redactor, text: &str) {
    let text = text.replace('\\', "");
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=_-%".contains(c))) {
        let has = |is: fn(&u8) -> bool| word.as_bytes().iter().any(is);
        let is_mixed =
            has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
        if word.len() >= SHORTEST_UNLABELLED && is_mixed {
            redactor.add(word);
        }
    }
}

/// The words of a command line that may be a secret.
fn arguments(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for command in line.split([';', '|', '&', '(', ')', '`', '\n']) {
        let mut words = command.split_whitespace().peekable();
        let mut previous = "";
        let mut is_program = true;
        while let Some(word) = words.next() {
            if is_program && is_assignment(word) {
                found.push(word);
                continue;
            }
            // A shell's.
            let is_command = is_program || previous == "-c";
            if is_command {
                words.next_if(|next| is_subcommand(next));
            } else if !OPTIONS_WITH_NAMES.contains(&previous) {
                found.push(word);
            }
            (previous, is_program) = (word, false);
        }
    }
    found
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    !name.is_empty() && name.chars().all(is_of_name)
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_subcommand(word: &str) -> bool {
    word.len() <= LONGEST_SUBCOMMAND && word.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn add_argument(redactor: &mut Redactor, word: &str) {
    if word.contains("://") {
        redactor.add_url(word.split_once('=').map_or(word, |(_, value)| value));
        return;
    }
    let value = match word.split_once('=') {
        Some((_, value)) if word.starts_with('-') || is_assignment(word) => value,
        None if word.starts_with('-') => value_of_short_option(word),
        _ => word,
    };
    if value.starts_with("arn:") || value.starts_with('$') || is_file(value) {
        return;
    }
    // `user:password`
    let password = value.split_once(':').map(|(_, password)| password);
    for value in [value].into_iter().chain(password) {
        if value.len() >= SHORTEST_ARGUMENT {
            redactor.add(value);
        }
    }
}

/// What follows the letter in `-pPASSWORD`. What could be words, as in `-no-pager`, is a name.
fn value_of_short_option(word: &str) -> &str {
    let value = word.get(2..).unwrap_or_default();
    let is_words = value.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    if is_words || word.starts_with("--") {
        ""
    } else {
        value
    }
}

/// Whether a file or its folder exists. `/` holds too many to tell by.
fn is_file(text: &str) -> bool {
    let path = Path::new(text);
    let is_in_a_folder = |folder: &Path| {
        folder.parent().is_some() && !folder.as_os_str().is_empty() && folder.is_dir()
    };
    path.exists() || path.parent().is_some_and(is_in_a_folder)
}

/// The values of the variables that a shell puts in the place of their names.
fn expanded_variables(line: &str, env: &Env) -> Vec<String> {
    let names = line.split('$').skip(1).map(|rest| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        rest.split(|c| !is_of_name(c)).next().unwrap_or_default()
    });
    names.filter_map(|name| env.get(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown_by_command(command: &str, complaint: &str) -> String {
        let mut redactor = Redactor::default();
        let env = Env::of([("VAULT", "quixotic jackdaw"), ("HOME", "/usr")]);
        add_command(&mut redactor, command, &env);
        redactor.redact(complaint)
    }

    #[test]
    fn an_argument_is_a_secret_however_it_is_written() {
        for command in [
            "tool --password quixotic-jackdaw",
            "tool --password=quixotic-jackdaw",
            "tool --password='quixotic-jackdaw'",
            "tool quixotic-jackdaw",
            "tool get quixotic-jackdaw",
            "tool -p7-quixotic-jackdaw",
            "PASSWORD=quixotic-jackdaw tool",
            "sh -c 'tool --password quixotic-jackdaw'",
            "tool 2>&1 | other quixotic-jackdaw",
            "tool $(other quixotic-jackdaw)",
            r"tool quixotic\-jackdaw",
            "tool 'quixotic'-'jackdaw'",
            "tool -u alice:quixotic-jackdaw",
            "tool https://alice:quixotic-jackdaw@example.com",
        ] {
            let shown = shown_by_command(command, "wrong: quixotic-jackdaw");
            assert_eq!(shown, "wrong: …", "{command}");
        }
        for command in ["tool -u alice:vexed7", "tool vexed7", "tool -p vexed7"] {
            assert_eq!(shown_by_command(command, "no 'vexed7'"), "no '…'");
        }
        for command in ["tool \"$VAULT\"", "tool ${VAULT}", "tool --x=$VAULT"] {
            let shown = shown_by_command(command, "wrong: quixotic jackdaw");
            assert_eq!(shown, "wrong: …", "{command}");
        }
    }

    #[test]
    fn what_a_complaint_is_about_stays_readable() {
        for (command, complaint) in [
            ("tool exec --json", "tool: exec: --json is not known"),
            ("sh -c 'tool exec'", "sh: 1: tool: not found"),
            ("cat keys | jq .a", "sh: 1: jq: not found"),
            (
                "aws configure --profile base-account --region eu-west-1",
                "profile base-account not found in eu-west-1",
            ),
            (
                "tool -no-pager --role-arn arn:aws:iam::111122223333:role/pull",
                "-no-pager: arn:aws:iam::111122223333:role/pull",
            ),
            (
                "tool --key /usr/missing-file $HOME",
                "cannot open /usr/missing-file in /usr",
            ),
        ] {
            assert_eq!(shown_by_command(command, complaint), complaint, "{command}");
        }
    }

    #[test]
    fn variables_named_like_secrets_are_secret() {
        for (name, value) in [
            ("AWS_SECRET_ACCESS_KEY", "quixotic-jackdaw"),
            ("ECRX_EXTERNAL_ID", "quixotic-jackdaw"),
            ("VAULT_TOKEN", " quixotic-jackdaw\n"),
            ("db_password", "quixotic-jackdaw"),
            ("HTTPS_PROXY", "http://alice:quixotic-jackdaw@proxy"),
            ("https_proxy", "http:/alice:quixotic-jackdaw"),
            (
                "DOCKER_AUTH_CONFIG",
                r#"{"a":{"auth":"Quixotic-jackdaw7"}}"#,
            ),
        ] {
            let mut redactor = Redactor::default();
            add_environment(&mut redactor, &Env::of([(name, value)]));
            assert_eq!(redactor.redact("is quixotic-jackdaw"), "is …", "{name}");
        }
        let mut redactor = Redactor::default();
        let env = Env::of([("AWS_WEB_IDENTITY_TOKEN", "/usr/token"), ("TERM", "xterm")]);
        add_environment(&mut redactor, &env);
        assert_eq!(redactor.redact("/usr/token xterm"), "/usr/token xterm");
    }

    #[test]
    fn secrets_of_an_output_are_known_whole_or_not() {
        let key = "Quixotic/7jackdaw+vexed/zephyr";
        for output in [
            format!(r#"{{"SecretAccessKey": "{key}""#),
            format!(r#"{{"SecretAccessKey": "{}"#, key.replace('/', "\\/")),
            format!("export AWS_SECRET_ACCESS_KEY={key}\nmore"),
            format!("<SecretAccessKey>{key}</SecretAccessKey>"),
            format!("AKIAIOSFODNN7EXAMPLE {key}"),
        ] {
            let mut redactor = Redactor::default();
            add_output(&mut redactor, &output);
            let shown = redactor.redact(&format!("{key} is no SecretAccessKey"));
            assert_eq!(shown, "… is no SecretAccessKey", "{output}");
        }
    }

    #[test]
    fn what_stands_behind_the_name_of_a_secret_is_one() {
        for (complaint, expected) in [
            ("SessionToken='vexed' is old", "SessionToken='…' is old"),
            (
                r#"{\"SessionToken\":\"vexed\"}"#,
                r#"{\"SessionToken\":\"…\"}"#,
            ),
            ("aws_session_token = vexed", "aws_session_token = …"),
            (
                "the session token has expired",
                "the session token has expired",
            ),
            ("ü SecretAccessKey", "ü SecretAccessKey"),
        ] {
            let mut redactor = Redactor::default();
            add_labelled(&mut redactor, complaint);
            assert_eq!(redactor.redact(complaint), expected);
        }
    }
}
