//! The secrets of a `credential_process`: those of its command line, of its environment and of what
//! it has printed. It may repeat any of them when it complains.

use std::path::Path;

use crate::env::Env;

use super::Redactor;

/// What the names of variables hold whose values may be secret, in upper case.
const IN_NAMES_OF_SECRETS: [&str; 11] = [
    "AUTH",
    "CRED",
    "EXTERNAL_ID",
    "KEY",
    "MFA",
    "PASS",
    "PAT",
    "PWD",
    "SECRET",
    "SESSION",
    "TOKEN",
];

/// The ends of names of variables that say where something is, or how it is called.
const ENDS_OF_OTHER_NAMES: [&str; 7] = ["_DIR", "_FILE", "_ID", "_NAME", "_PATH", "_SOCK", "_TYPE"];

/// Variables that are no secret, though they are called like one.
const OTHER_NAMES: [&str; 3] = ["OLDPWD", "PATH", "PWD"];

/// Options and variables of the AWS CLI whose values are names.
const NAMES: [&str; 6] = [
    "--profile",
    "--region",
    "AWS_DEFAULT_PROFILE",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_REGION",
];

/// Programs that run the program behind them.
const WRAPPERS: [&str; 7] = ["command", "doas", "env", "exec", "nice", "nohup", "sudo"];

/// Programs that take a command line behind `-c` (POSIX, `sh`).
const SHELLS: [&str; 6] = ["ash", "bash", "dash", "ksh", "sh", "zsh"];

/// Between identifiers and their values, in the formats that tools print.
const SEPARATORS: [char; 11] = [' ', '\t', '"', '\'', '\\', '=', ':', '>', ',', '`', '|'];

/// An unlabelled word of the output that is shorter is not taken for a secret. A secret access key
/// has 40 characters (AWS IAM, "Access key IDs and secret access keys").
const SHORTEST_UNLABELLED: usize = 16;

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
    while let Some(word) = words.next() {
        let before = std::mem::replace(&mut previous, word);
        if program.is_empty() {
            if is_assignment(word) {
                add_option(redactor, word);
            } else if !WRAPPERS.contains(&word) && !word.starts_with('-') {
                program = word.rsplit(['/', '\\']).next().unwrap_or_default();
                words.next_if(|next| is_subcommand(next));
            }
        } else if SHELLS.contains(&program) && is_cluster_with_c(before) {
            add_line(redactor, word);
        } else if !NAMES.contains(&before) {
            add_option(redactor, word);
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
    let is_other =
        OTHER_NAMES.contains(&name) || ENDS_OF_OTHER_NAMES.iter().any(|end| name.ends_with(end));
    name.ends_with("EXTERNAL_ID")
        || !is_other && IN_NAMES_OF_SECRETS.iter().any(|part| name.contains(part))
}

/// Adds the secrets of what a process has printed, whole or not.
pub(crate) fn add_output(redactor: &mut Redactor, output: &str) {
    // It may be UTF-16, of which each other byte is zero.
    let output = output.replace('\0', "");
    add_labelled(redactor, &output);
    add_long_words(redactor, &output);
}

/// Adds what stands behind identifiers that are called like secrets, such as `SecretAccessKey` and
/// `aws_session_token`.
pub(crate) fn add_labelled(redactor: &mut Redactor, text: &str) {
    const LABELS: [&str; 4] = ["secret", "token", "passw", "pwd"];
    let mut rest = text;
    while let Some(start) = rest.find(is_of_name) {
        let (name, behind) = split_name(&rest[start..]);
        rest = behind;
        let name = name.to_ascii_lowercase();
        if LABELS.iter().any(|label| name.contains(label)) {
            add_value(redactor, behind);
        }
    }
}

fn add_value(redactor: &mut Redactor, behind: &str) {
    let value = behind.trim_start_matches(SEPARATORS);
    let between = &behind[..behind.len() - value.len()];
    if !between.contains(['=', ':', '>', ',', '\t']) {
        return;
    }
    let value = match between.chars().next_back() {
        Some(quote @ ('"' | '\'')) => value.split(quote).next(),
        _ => value.split(is_end_of_value).next(),
    };
    let value = value.unwrap_or_default().replace('\\', "");
    // `token: expired`
    if !is_subcommand(&value) {
        redactor.add(&value);
    }
}

fn is_end_of_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '<' | '}' | ')')
}

/// Adds what may be a key or a token: long, and no word.
fn add_long_words(redactor: &mut Redactor, text: &str) {
    let text = text.replace('\\', "");
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c))) {
        let has = |is: fn(&u8) -> bool| word.as_bytes().iter().any(is);
        let is_mixed =
            has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
        let is_no_path = !word.contains('/');
        if word.len() >= SHORTEST_UNLABELLED && (is_mixed || is_no_path) && !is_label(word) {
            redactor.add(word);
        }
    }
}

/// `SecretAccessKey=` is no secret.
fn is_label(word: &str) -> bool {
    let name = word.trim_matches(['/', '=']);
    name.ends_with("Key") || name.ends_with("Token") || name.ends_with("Id")
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

fn split_name(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c| !is_of_name(c)).unwrap_or(text.len()))
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_small_letters(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn is_subcommand(word: &str) -> bool {
    word.len() <= LONGEST_SUBCOMMAND && is_small_letters(word)
}

/// `-c`, also beside other letters.
fn is_cluster_with_c(option: &str) -> bool {
    option.starts_with('-') && !option.starts_with("--") && option.contains('c')
}

/// Adds the value of `--option=VALUE`, `NAME=VALUE` and `-pVALUE`, or the whole word.
fn add_option(redactor: &mut Redactor, word: &str) {
    let is_option = word.starts_with('-');
    match word.split_once('=') {
        Some((name, _)) if NAMES.contains(&name) => {}
        Some((_, value)) if is_option || is_assignment(word) => add_argument(redactor, value),
        None if is_option => add_argument(redactor, value_of_short_option(word)),
        _ => add_argument(redactor, word),
    }
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

/// Whether a value is too short to be a secret, or plainly something else.
fn is_shown(value: &str) -> bool {
    let shortest = if is_small_letters(value) {
        SHORTEST_WORD
    } else {
        SHORTEST_ARGUMENT
    };
    value.len() < shortest || is_arn(value) || is_file(value)
}

fn is_arn(text: &str) -> bool {
    text.starts_with("arn:aws") && text.split(':').count() >= 6
}

/// Whether it is the path of a file, or an absolute one in a folder that exists. `/` holds too many
/// to tell by.
fn is_file(text: &str) -> bool {
    let path = Path::new(text);
    let is_in_a_folder = |folder: &Path| folder.parent().is_some() && folder.is_dir();
    path.exists() || path.is_absolute() && path.parent().is_some_and(is_in_a_folder)
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
            "tool https://alice:quixotic-jackdaw@example.com/?x=y",
            "tool 'https://example.com/?token=quixotic-jackdaw'",
            "tool --url=https://example.com/?token=quixotic-jackdaw",
            "tool --password 'abc;quixotic-jackdaw'",
            "tool --password 'a|b&c(quixotic-jackdaw)'",
            "tool -H 'Cookie: a=b; quixotic-jackdaw'",
            "tool --password ${NONE:-quixotic-jackdaw}",
            "tool --password=$HOME-quixotic-jackdaw",
            "tool -c quixotic-jackdaw",
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
            format!("SecretAccessKey\t{key}"),
            format!("('SecretAccessKey', '{key}')"),
            format!("SecretKey={key}"),
            format!(r#"{{"Version":1,"Token":["{key}"]}}"#),
            format!("SecretAccessKey: {key}").replace("", "\0"),
        ] {
            let mut redactor = Redactor::default();
            add_output(&mut redactor, &output);
            let shown = redactor.redact(&format!("{key} is no SecretAccessKey"));
            assert_eq!(shown, "… is no SecretAccessKey", "{output}");
        }
    }

    #[test]
    fn a_long_word_of_an_output_is_a_secret_without_a_name() {
        for secret in [
            "0123456789abcdef0123456789abcdef",
            "abcdefghijklmnopqrstuvwxyz",
        ] {
            let mut redactor = Redactor::default();
            add_output(&mut redactor, &format!("key {secret}"));
            assert_eq!(redactor.redact(&format!("bad {secret}")), "bad …");
        }
        let mut redactor = Redactor::default();
        let text = "docker-credential-ecrx: set credential_process in /usr/share/config";
        add_output(&mut redactor, text);
        assert_eq!(redactor.redact(text), text);
    }

    #[test]
    fn what_stands_behind_the_name_of_a_secret_is_one() {
        for (complaint, expected) in [
            ("SessionToken='vexed7' is old", "SessionToken='…' is old"),
            (
                r#"{\"SessionToken\":\"vexed7\"}"#,
                r#"{\"SessionToken\":\"…\"}"#,
            ),
            ("aws_session_token = vexed7", "aws_session_token = …"),
            (
                r#"{"SecretAccessKey": "vexed zephyr bold fox"#,
                r#"{"SecretAccessKey": "…"#,
            ),
            ("session token: expired", "session token: expired"),
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
