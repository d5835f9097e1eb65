//! `config check`: the files that are read, and the mistakes in them.

use serde_json::json;

use super::common::TestEnvironment;
use super::{configure, prints, prints_json, told};

const WORK: &str = "[profile work]\naws_access_key_id = a\naws_secret_access_key = b\n";

#[test]
fn without_files_there_are_no_mistakes() {
    let environment = TestEnvironment::new();
    prints(
        &environment,
        &["config", "check"],
        0,
        "\
user     HOME/.config/docker-credential-ecrx/config.toml: does not exist
machine  /etc/docker-credential-ecrx/config.toml: does not exist
✓ no mistakes found
",
    );
    prints_json(
        &environment,
        &["config", "check", "--json"],
        0,
        json!({
            "files": [
                {
                    "path": "HOME/.config/docker-credential-ecrx/config.toml",
                    "whose": "user",
                    "there": false,
                    "rules": 0,
                },
                {
                    "path": "/etc/docker-credential-ecrx/config.toml",
                    "whose": "machine",
                    "there": false,
                    "rules": 0,
                },
            ],
            "findings": [],
        }),
    );
}

#[test]
fn a_good_file_is_counted() {
    let environment = TestEnvironment::new();
    environment.aws_config(WORK);
    environment.config(
        "[[registry]]\nmatch = \"999999999999\"\nprofile = \"work\"\n\
         [[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::111122223333:role/r\"\n",
    );
    prints(
        &environment,
        &["config", "check"],
        0,
        "\
user     HOME/.config/docker-credential-ecrx/config.toml: 2 rules
machine  /etc/docker-credential-ecrx/config.toml: does not exist
✓ no mistakes found
",
    );
}

const IDLE: &str = r#"[[registry]]
match = "*"
profile = "work"

[[registry]]
match = "999999999999"
profile = "work"

[[registry]]
match = "images.example.com"
account = "111122223333"
region = "eu-west-1"

[[registry]]
match = "images.example.com"
account = "111122223333"
region = "eu-west-2"

[defaults]
profile = "absent"

[identity.release]
profile = "also-absent"
"#;

#[test]
fn unused_rules_and_profiles_that_do_not_exist_are_reported() {
    let mut environment = TestEnvironment::new();
    environment.aws_config(WORK);
    configure(&mut environment, IDLE);
    prints(
        &environment,
        &["config", "check"],
        1,
        "\
ECRX_CONFIG  ecrx.toml: 4 rules
✗ ecrx.toml:5: the rule for `999999999999` is never used because an earlier rule matches first: line
  1
✗ ecrx.toml:14: the host `images.example.com` is defined twice: the rule at ecrx.toml:9 maps it to
  111122223333/eu-west-1, and this rule is never used
! ecrx.toml:19: the AWS profile `absent` does not exist
! ecrx.toml:22: the AWS profile `also-absent` does not exist
",
    );
    let finding = |mark: &str, line: usize, message: &str| json!({ "mark": mark, "file": "ecrx.toml", "line": line, "column": null, "message": message });
    prints_json(
        &environment,
        &["config", "check", "--json"],
        1,
        json!({
            "files": [
                { "path": "ecrx.toml", "whose": "ECRX_CONFIG", "there": true, "rules": 4 },
            ],
            "findings": [
                finding(
                    "bad",
                    5,
                    "the rule for `999999999999` is never used because an earlier rule matches \
                     first: line 1",
                ),
                finding(
                    "bad",
                    14,
                    "the host `images.example.com` is defined twice: the rule at ecrx.toml:9 maps \
                     it to 111122223333/eu-west-1, and this rule is never used",
                ),
                finding("warning", 19, "the AWS profile `absent` does not exist"),
                finding("warning", 22, "the AWS profile `also-absent` does not exist"),
            ],
        }),
    );
}

#[test]
fn config_check_tells_every_mistake_with_its_line_and_a_caret() {
    let mut environment = TestEnvironment::new();
    configure(
        &mut environment,
        "timeout_seconds = 0\n\n[[registry]]\nmacth = \"*\"\nprofile = 3\n",
    );
    prints(
        &environment,
        &["config", "check"],
        1,
        "\
ECRX_CONFIG  ecrx.toml: 1 rule
✗ ecrx.toml:1:1: timeout_seconds: must be between 1 and 300, not 0
    timeout_seconds = 0
    ^^^^^^^^^^^^^^^
✗ ecrx.toml:4:1: registry.macth: unknown key; did you mean `match`?
    macth = …
    ^^^^^
✗ ecrx.toml:5:11: registry.profile: must be text in quotes, not a whole number
    profile = 3
              ^
",
    );
    let finding = |line: usize, column: usize, message: &str| {
        json!({
            "mark": "bad", "file": "ecrx.toml", "line": line, "column": column, "message": message,
        })
    };
    prints_json(
        &environment,
        &["config", "check", "--json"],
        1,
        json!({
            "files": [
                { "path": "ecrx.toml", "whose": "ECRX_CONFIG", "there": true, "rules": 1 },
            ],
            "findings": [
                finding(1, 1, "timeout_seconds: must be between 1 and 300, not 0"),
                finding(4, 1, "registry.macth: unknown key; did you mean `match`?"),
                finding(5, 11, "registry.profile: must be text in quotes, not a whole number"),
            ],
        }),
    );
}

#[test]
fn mistakes_of_all_kinds_are_told_in_one_run() {
    let mut environment = TestEnvironment::new();
    environment.aws_config(WORK);
    configure(
        &mut environment,
        r#"timeout_seconds = yes

[[registry]]
match = "*"
profile = "work" oops

[[registry]]
match = "*"
profile = "wrok"

[[registry]]
match = "111122223333/eu-wets-1"
profile = "work"
duration_seconds = 900

[[registry]]
match = "111122223333/eu-west-1"
profile = "work"
"#,
    );
    prints(
        &environment,
        &["config", "check"],
        1,
        "\
ECRX_CONFIG  ecrx.toml: 4 rules
✗ ecrx.toml:1:19: invalid TOML: the value of `timeout_seconds` is not valid; write text in quotes,
  but numbers, true and false without quotes
    timeout_seconds = yes
                      ^^^
✗ ecrx.toml:5:18: invalid TOML: unexpected text after the value of `profile`; remove it
    profile = \"work\" oops
                     ^^^^
✗ ecrx.toml:14:1: registry.duration_seconds: applies only to assumed roles; add `role_arn` or remove
  the line
    duration_seconds = 900
    ^^^^^^^^^^^^^^^^
✗ ecrx.toml:16: the rule for `111122223333/eu-west-1` is never used because an earlier rule matches
  first: line 7
! ecrx.toml:12:9: no partition has the region `eu-wets-1`; did you mean `eu-west-1`?
    match = \"111122223333/eu-wets-1\"
            ^^^^^^^^^^^^^^^^^^^^^^^^
! ecrx.toml:7: the AWS profile `wrok` does not exist
",
    );
}

#[test]
fn a_key_on_a_line_with_a_syntax_error_is_not_told_as_missing() {
    let mut environment = TestEnvironment::new();
    configure(
        &mut environment,
        "[[registry]]\nmatch x\nprofile = \"work\"\n[identity.release]\nprofile\n",
    );
    prints(
        &environment,
        &["config", "check"],
        1,
        "\
ECRX_CONFIG  ecrx.toml: 1 rule
✗ ecrx.toml:2: invalid TOML: expected `key = value` or a table header such as [cache]
✗ ecrx.toml:5: invalid TOML: expected `key = value` or a table header such as [cache]
",
    );
}

#[test]
fn text_after_a_value_is_marked_and_told() {
    for (line, caret, what) in [
        ("profile = \"work\" oops # a", 18, "the value of `profile`"),
        ("profile = 'work', x", 17, "the value of `profile`"),
        (
            "timeout_seconds = 30 s",
            22,
            "the value of `timeout_seconds`",
        ),
        ("[cache] x", 9, "the table header"),
    ] {
        let mut environment = TestEnvironment::new();
        configure(&mut environment, line);
        let outcome = environment.run(&["config", "check"], "");
        let told = format!(
            "✗ ecrx.toml:1:{caret}: invalid TOML: unexpected text after {what}; remove it\n"
        );
        assert!(outcome.stdout.contains(&told), "{line}: {}", outcome.stdout);
        let findings = outcome.stdout.matches('✗').count();
        assert_eq!(findings, 1, "{line}: {}", outcome.stdout);
    }
}

#[test]
fn a_mistake_is_told_once() {
    let mut environment = TestEnvironment::new();
    configure(
        &mut environment,
        "timeout_seconds == 3\n[[registry]]\nmatch = \"*\"\nprofile = \"p\"\naccounts = [\"111122223333\"\n",
    );
    let outcome = environment.run(&["config", "check"], "");
    assert_eq!(outcome.stdout.matches('✗').count(), 2, "{}", outcome.stdout);
    assert!(
        outcome.stdout.contains("the list is not closed; add `]`"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn carets_are_below_their_text_after_wide_characters_and_tabs() {
    let mut environment = TestEnvironment::new();
    configure(
        &mut environment,
        "[defaults]\nprofile\t= \"仕事🚀\" 余分\nrole_arn = \"C:\\\\temp\"\n",
    );
    prints(
        &environment,
        &["config", "check"],
        1,
        "\
ECRX_CONFIG  ecrx.toml: 0 rules
✗ ecrx.toml:2:17: invalid TOML: unexpected text after the value of `profile`; remove it
    profile    = \"仕事🚀\" 余分
                          ^^^^
✗ ecrx.toml:3:12: defaults.role_arn: `C:\\temp` is not an IAM role ARN: expected
  arn:aws:iam::111122223333:role/NAME
    role_arn = \"C:\\\\temp\"
               ^^^^^^^^^^
",
    );
}

#[test]
fn other_commands_stop_at_the_first_mistake_with_one_line() {
    let mut environment = TestEnvironment::new();
    configure(
        &mut environment,
        "timeout_seconds = yes\nconnect_timeout_seconds = no\n",
    );
    let outcome = environment.run(&["config", "show", "public.ecr.aws"], "");
    let line = "ecrx.toml:1: invalid TOML: the value of `timeout_seconds` is not valid; write text in \
                quotes, but numbers, true and false without quotes";
    assert_eq!(told(&outcome, line), [""; 0]);
}

#[test]
fn config_check_tells_every_syntax_error_in_its_own_words() {
    let mut environment = TestEnvironment::new();
    configure(
        &mut environment,
        "timeout_seconds = yes\n[cache\nenabled = true\n",
    );
    prints(
        &environment,
        &["config", "check"],
        1,
        "\
ECRX_CONFIG  ecrx.toml: 0 rules
✗ ecrx.toml:1:19: invalid TOML: the value of `timeout_seconds` is not valid; write text in quotes,
  but numbers, true and false without quotes
    timeout_seconds = yes
                      ^^^
✗ ecrx.toml:2:7: invalid TOML: the table header is not closed; add `]`
    [cache
          ^
",
    );
}

#[test]
fn config_check_tells_that_ecrx_config_names_no_file() {
    let mut environment = TestEnvironment::new();
    environment.set("ECRX_CONFIG", "absent.toml");
    prints(
        &environment,
        &["config", "check"],
        1,
        "\
ECRX_CONFIG  absent.toml: does not exist
✗ absent.toml: file not found, but ECRX_CONFIG is set to it; correct or unset ECRX_CONFIG
",
    );
}

#[test]
fn config_check_warns_of_regions_that_no_partition_has() {
    let mut environment = TestEnvironment::new();
    environment.aws_config(WORK);
    configure(
        &mut environment,
        "[[registry]]\nmatch = \"111122223333/eu-wets-1\"\nprofile = \"work\"\n",
    );
    prints(
        &environment,
        &["config", "check"],
        1,
        "\
ECRX_CONFIG  ecrx.toml: 1 rule
! ecrx.toml:2:9: no partition has the region `eu-wets-1`; did you mean `eu-west-1`?
    match = \"111122223333/eu-wets-1\"
            ^^^^^^^^^^^^^^^^^^^^^^^^
",
    );
}

#[test]
fn a_misspelled_variable_is_reported() {
    let mut environment = TestEnvironment::new();
    configure(&mut environment, "");
    environment.set("ECRX_REGION_111122223333", "eu-west-1");
    environment.set("ecrx_profile", "work");
    prints(
        &environment,
        &["config", "check"],
        1,
        "\
ECRX_CONFIG  ecrx.toml: 0 rules
✗ unknown variable ECRX_REGION_111122223333; did you mean ECRX_REGION, which has no per-account
  form?
✗ unknown variable ecrx_profile; did you mean ECRX_PROFILE?
",
    );
}

#[test]
fn aws_files_that_cannot_be_used_are_reported() {
    let mut environment = TestEnvironment::new();
    environment.aws_config("[profile work\n");
    configure(&mut environment, "[defaults]\nprofile = \"work\"\n");
    let outcome = environment.run(&["config", "check"], "");
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stdout.contains("✗ the AWS file "), "{outcome:?}");
}
