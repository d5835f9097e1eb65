//! The secrets that a `credential_process` is given: those of its command line and of its environment.
//! It may repeat any of them when it complains.

use crate::env::Env;
use crate::registry::AccountId;

use super::output::{add_long_words, split_name};
use super::{Redactor, is_file};

/// Anywhere in the name of a variable whose value may be secret, in upper case.
const IN_NAMES_OF_SECRETS: [&str; 6] = [
    "CRED",
    "EXTERNAL_ID",
    "PASSPHRASE",
    "PASSW",
    "SECRET",
    "TOKEN",
];

/// Whole parts of such names, between underscores.
const PARTS_OF_NAMES_OF_SECRETS: [&str; 4] = ["AUTH", "MFA", "PAT", "SESSION"];

/// The ends of parts of such names: `MYSQL_PWD`, `APIKEY`.
const ENDS_OF_PARTS: [&str; 5] = ["AUTHORIZATION", "KEY", "KEYS", "PASS", "PWD"];

/// The ends of names of variables that say where something is, what it is called, or how long it is
/// valid.
const ENDS_OF_OTHER_NAMES: [&str; 9] = [
    "_DIR",
    "_EXPIRATION",
    "_FILE",
    "_ID",
    "_NAME",
    "_PATH",
    "_SOCK",
    "_TYPE",
    "_URI",
];

/// Variables that are no secret, though they are called like one.
const OTHER_NAMES: [&str; 4] = ["AWS_SSO_SESSION", "DESKTOP_SESSION", "OLDPWD", "PWD"];

/// The beginnings of names of a desktop's variables.
const DESKTOP: [&str; 2] = ["DBUS_SESSION_", "XDG_"];

/// Options and variables of the AWS CLI whose values are names.
const NAMES: [&str; 6] = [
    "--profile",
    "--region",
    "AWS_DEFAULT_PROFILE",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_REGION",
];

/// Programs that run the program named after them.
const WRAPPERS: [&str; 7] = ["command", "doas", "env", "exec", "nice", "nohup", "sudo"];

/// Programs that take a command line after `-c` (POSIX, `sh`).
const SHELLS: [&str; 6] = ["ash", "bash", "dash", "ksh", "sh", "zsh"];

/// Shorter arguments are not secret. `1` is in too many sentences.
const SHORTEST_ARGUMENT: usize = 4;

/// The same of those that are small letters alone, such as `json`.
const SHORTEST_WORD: usize = 6;

/// A first word after the program that is no longer, and of small letters, is taken for a subcommand.
const LONGEST_SUBCOMMAND: usize = 7;

/// Adds the arguments of a command line, but no names of programs, subcommands, options and files.
pub(crate) fn add_command(redactor: &mut Redactor, command: &str, env: &Env) {
    add_line(redactor, command);
    for value in expanded_variables(command, env) {
        add_argument(redactor, &value);
    }
}

fn add_line(redactor: &mut Redactor, line: &str) {
    for words in commands(line) {
        add_words(redactor, &words);
    }
}

fn add_words(redactor: &mut Redactor, words: &[String]) {
    let mut words = words.iter().map(String::as_str).peekable();
    let (mut program, mut previous) = ("", "");
    // A shell's own options precede its first operand.
    let mut has_operand = false;
    while let Some(word) = words.next() {
        let before = std::mem::replace(&mut previous, word);
        if program.is_empty() {
            if let Some((name, value)) = word.split_once('=').filter(|_| is_assignment(word)) {
                add_value(redactor, name, value);
            } else if word.contains(char::is_whitespace) {
                // `env -S 'tool --password …'`
                add_line(redactor, word);
            } else if !WRAPPERS.contains(&word) && !word.starts_with('-') {
                program = word.rsplit(['/', '\\']).next().unwrap_or_default();
                words.next_if(|next| is_subcommand(next));
            }
        } else if SHELLS.contains(&program) && !has_operand && is_cluster_with_c(before) {
            add_line(redactor, word);
            has_operand = true;
        } else if NAMES.contains(&before) {
            redactor.show(word);
        } else {
            add_option(redactor, word);
            has_operand |= !word.starts_with('-');
        }
    }
}

/// Adds what the variables of an environment hold that are called like secrets, and the passwords of
/// URLs.
pub(crate) fn add_environment(redactor: &mut Redactor, env: &Env) {
    for (name, value) in env.variables() {
        let name = name.to_ascii_uppercase();
        if value.contains("://") || name.ends_with("_PROXY") {
            redactor.add_url(&value);
        }
        if is_name_of_secret(&name) && !is_shown(&value) {
            redactor.add(value.trim());
            // It may be JSON, of which only some is repeated.
            add_long_words(redactor, &value);
        }
    }
}

fn is_name_of_secret(name: &str) -> bool {
    if name.ends_with("EXTERNAL_ID") {
        return true;
    }
    let is_other = OTHER_NAMES.contains(&name)
        || ENDS_OF_OTHER_NAMES.iter().any(|end| name.ends_with(end))
        || DESKTOP.iter().any(|start| name.starts_with(start));
    let is_part = |part: &str| {
        PARTS_OF_NAMES_OF_SECRETS.contains(&part)
            || ENDS_OF_PARTS.iter().any(|end| part.ends_with(end))
    };
    let holds = |part: &&str| name.contains(part);
    !is_other && (IN_NAMES_OF_SECRETS.iter().any(holds) || name.split('_').any(is_part))
}

/// The words of each simple command of a line, without their quotes (POSIX, "Shell Command
/// Language", 2.2 and 2.9).
fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words) = (Vec::new(), Vec::new());
    let (mut word, mut quote) = (None::<String>, None);
    let mut letters = line.chars();
    while let Some(c) = letters.next() {
        match (c, quote) {
            ('\\', None | Some('"')) if cfg!(not(windows)) => {
                let word = word.get_or_insert_default();
                let escaped = letters.next();
                // Within quotes it escapes these alone, and before others it is itself.
                let escapes = escaped.is_some_and(|c| "$`\"\\\n".contains(c));
                if quote.is_some() && !escapes {
                    word.push('\\');
                }
                word.extend(escaped);
            }
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() || ";|&()`<>".contains(c) => {
                words.extend(word.take());
                if ";|&()`\n".contains(c) {
                    commands.push(std::mem::take(&mut words));
                }
            }
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    commands.push(words);
    commands
}

fn is_assignment(word: &str) -> bool {
    let (name, behind) = split_name(word);
    !name.is_empty() && behind.starts_with('=')
}

fn is_small_letters(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn is_subcommand(word: &str) -> bool {
    word.len() <= LONGEST_SUBCOMMAND && is_small_letters(word)
}

/// `-c`, also combined with other letters.
fn is_cluster_with_c(option: &str) -> bool {
    option.starts_with('-') && !option.starts_with("--") && option.contains('c')
}

/// Adds the value of `--option=VALUE` and `-pVALUE`, or the whole word.
fn add_option(redactor: &mut Redactor, word: &str) {
    match word.split_once('=') {
        Some((name, value)) if name.starts_with("--") => add_value(redactor, name, value),
        _ if is_name_of_option(word) => {}
        _ if word.starts_with('-') && !word.starts_with("--") => {
            add_argument(redactor, word.get(2..).unwrap_or_default());
        }
        _ => add_argument(redactor, word),
    }
}

fn add_value(redactor: &mut Redactor, name: &str, value: &str) {
    if NAMES.contains(&name) {
        redactor.show(value);
    } else {
        add_argument(redactor, value);
    }
}

/// `-p`, `--profile`, and what could be words, as in `-no-pager`.
fn is_name_of_option(word: &str) -> bool {
    let is_words = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    word.strip_prefix('-')
        .is_some_and(|name| name.len() < 2 || is_words(name))
}

/// Adds an argument: whole, and each part of it, as a tool may repeat one alone.
fn add_argument(redactor: &mut Redactor, argument: &str) {
    if is_shown(argument) {
        return;
    }
    if argument.contains("://") {
        redactor.add_url(argument);
    } else {
        redactor.add(argument);
    }
    let mut parts = argument;
    while let Some(start) = parts.find(|c: char| is_of_part(c)) {
        let end = parts[start..].find(|c| !is_of_part(c));
        let (part, rest) = parts[start..].split_at(end.unwrap_or(parts.len() - start));
        parts = rest;
        if !is_shown(part) && !argument.contains("://") {
            redactor.add(part);
        }
    }
}

fn is_of_part(c: char) -> bool {
    !c.is_whitespace() && !"\"'=:;,|&()<>{}$?@`".contains(c)
}

/// Whether a value is too short to be a secret, or plainly something else.
fn is_shown(value: &str) -> bool {
    let shortest = if is_small_letters(value) {
        SHORTEST_WORD
    } else {
        SHORTEST_ARGUMENT
    };
    value.len() < shortest || is_arn(value) || is_account_id(value) || is_file(value)
}

fn is_arn(text: &str) -> bool {
    text.starts_with("arn:aws") && text.split(':').count() >= 6
}

fn is_account_id(text: &str) -> bool {
    text.parse::<AccountId>().is_ok()
}

/// The values of the variables that a shell puts in the place of their names.
fn expanded_variables(line: &str, env: &Env) -> Vec<String> {
    let names = line.split('$').skip(1).map(|rest| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        split_name(rest).0
    });
    names.filter_map(|name| env.get(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown_by_command(command: &str, complaint: &str) -> String {
        let mut redactor = Redactor::default();
        let env = Env::from_variables([("VAULT", "quixotic jackdaw"), ("HOME", "/usr")]);
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
            "tool --password --Quixotic-jackdaw",
            "PASSWORD=quixotic-jackdaw tool",
            "sh -c 'tool --password quixotic-jackdaw'",
            "tool 2>&1 | other quixotic-jackdaw",
            "tool $(other quixotic-jackdaw)",
            r"tool quixotic\-jackdaw",
            "tool 'quixotic'-'jackdaw'",
            "tool -u alice:quixotic-jackdaw",
            "tool https://alice:quixotic-jackdaw@example.com",
            "tool https://alice:quixotic-jackdaw@example.com/?x=y",
            "tool 'https://example.com/?token=quixotic-jackdaw'",
            "tool --url=https://example.com/?token=quixotic-jackdaw",
            "tool --password 'abc;quixotic-jackdaw'",
            "tool --password 'a|b&c(quixotic-jackdaw)'",
            "tool -H 'Cookie: a=b; quixotic-jackdaw'",
            "tool --password ${NONE:-quixotic-jackdaw}",
            "tool --password=$HOME-quixotic-jackdaw",
            "tool -c quixotic-jackdaw",
            "sh ./tool -c quixotic-jackdaw",
            "sh ./tool -access-key quixotic-jackdaw",
            "env -S 'tool --password quixotic-jackdaw'",
            "tool quixotic-jackdaw=",
            "tool -p7-quixotic-jackdaw=1",
            "bash -ec 'tool quixotic-jackdaw'",
            "tool usr/quixotic-jackdaw",
            "tool arn:quixotic-jackdaw",
        ] {
            let shown = shown_by_command(command, "wrong: quixotic-jackdaw");
            assert_eq!(shown.replace(' ', ""), "wrong:…", "{command}");
        }
        for command in ["tool -u alice:vexed7", "tool vexed7", "tool -p vexed7"] {
            assert_eq!(shown_by_command(command, "no 'vexed7'"), "no '…'");
        }
        let backslash = r#"tool --password "hunt3r\Z9\$xy\\Q""#;
        let repeated = r"no hunt3r\Z9$xy\Q";
        assert_eq!(shown_by_command(backslash, repeated), "no …");
        let short = "tool --password 'a1X b2Y c3Z d4W'";
        assert_eq!(shown_by_command(short, "no a1X b2Y c3Z d4W"), "no …");
        for command in ["tool \"$VAULT\"", "tool ${VAULT}", "tool --x=$VAULT"] {
            let shown = shown_by_command(command, "wrong: quixotic jackdaw");
            assert_eq!(shown, "wrong: …", "{command}");
        }
    }

    #[test]
    #[cfg_attr(windows, ignore = "its paths are those of Unix")]
    fn what_a_complaint_is_about_stays_readable() {
        for (command, complaint) in [
            ("tool exec --json", "tool: exec: --json is not known"),
            ("sh -c 'tool exec'", "sh: 1: tool: not found"),
            ("cat keys | jq .a", "sh: 1: jq: not found"),
            ("exec my-tool", "my-tool: not found"),
            ("env A=b my-tool", "my-tool: not found"),
            (
                "AWS_PROFILE=base-account tool",
                "profile base-account not found",
            ),
            (
                "tool --profile=base-account",
                "profile base-account not found",
            ),
            ("tool --output json", "the output is no json"),
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
    fn names_stay_readable_although_a_secret_contains_them() {
        let command = "tool --profile quixotic-base quixotic-base-jackdaw";
        let complaint = "profile quixotic-base not found";
        assert_eq!(shown_by_command(command, complaint), complaint);
        let host = "111122223333.dkr.ecr.eu-west-1.amazonaws.com in account 111122223333";
        assert_eq!(shown_by_command("tool 111122223333", host), host);
    }

    #[test]
    fn variables_that_only_sound_like_secrets_are_none() {
        for name in [
            "DBUS_SESSION_BUS_ADDRESS",
            "DESKTOP_SESSION",
            "XDG_SESSION_DESKTOP",
            "PYTHONPATH",
            "PSMODULEPATH",
            "AWS_CREDENTIAL_EXPIRATION",
            "AWS_SESSION_EXPIRATION",
            "AWS_SSO_SESSION",
            "GIT_AUTHOR_EMAIL",
            "XDG_RUNTIME_DIR",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        ] {
            let mut redactor = Redactor::default();
            add_environment(
                &mut redactor,
                &Env::from_variables([(name, "quixotic-jackdaw")]),
            );
            assert_eq!(
                redactor.redact("quixotic-jackdaw"),
                "quixotic-jackdaw",
                "{name}"
            );
        }
    }

    #[test]
    #[cfg_attr(windows, ignore = "its paths are those of Unix")]
    fn variables_named_like_secrets_are_secret() {
        for (name, value) in [
            ("AWS_SECRET_ACCESS_KEY", "quixotic-jackdaw"),
            ("ECRX_EXTERNAL_ID", "quixotic-jackdaw"),
            ("VAULT_TOKEN", " quixotic-jackdaw\n"),
            ("db_password", "quixotic-jackdaw"),
            ("DB_PASSWD", "quixotic-jackdaw"),
            ("MYSQL_PWD", "quixotic-jackdaw"),
            ("BW_SESSION", "quixotic-jackdaw"),
            ("GITHUB_PAT", "quixotic-jackdaw"),
            ("AWS_SECRET_ACCESS_KEY_PROD", "quixotic-jackdaw"),
            ("DATABASE_URL", "postgres://alice:quixotic-jackdaw@db/x"),
            ("HTTPS_PROXY", "http://alice:quixotic-jackdaw@proxy"),
            ("https_proxy", "http:/alice:quixotic-jackdaw"),
            (
                "DOCKER_AUTH_CONFIG",
                r#"{"a":{"auth":"Quixotic-jackdaw7"}}"#,
            ),
        ] {
            let mut redactor = Redactor::default();
            add_environment(&mut redactor, &Env::from_variables([(name, value)]));
            assert_eq!(redactor.redact("is quixotic-jackdaw"), "is …", "{name}");
        }
        let mut redactor = Redactor::default();
        let env =
            Env::from_variables([("AWS_WEB_IDENTITY_TOKEN", "/usr/token"), ("TERM", "xterm")]);
        add_environment(&mut redactor, &env);
        assert_eq!(redactor.redact("/usr/token xterm"), "/usr/token xterm");
    }
}
