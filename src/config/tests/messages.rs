//! Every way a file can be wrong, with its exact message.

use std::collections::BTreeSet;

use super::read;
use crate::config::error::SHOWN_KEYS;
use crate::config::settings::ALL;

/// Each file must be refused with exactly this message after the name of the file.
fn check(table: &[(&str, &str)]) {
    for (text, expected) in table {
        let message = match read(text) {
            Ok(config) => panic!("this should be refused:\n{text}\nand gave {config:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(message, format!("/c.toml:{expected}"), "\n{text}");
        assert!(!message.contains('\n'), "{message}");
    }
}

/// A rule that is right but for the lines at its end.
fn rule(end: &str) -> String {
    format!("[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::111122223333:role/r\"\n{end}\n")
}

fn check_rules(table: &[(&str, &str)]) {
    for (end, expected) in table {
        check(&[(&rule(end), expected)]);
    }
}

#[test]
fn syntax_errors_are_told_in_our_own_words() {
    check(&[
        (
            "# x\nprofile = \"x",
            "2: invalid TOML: the text is not closed; add `\"`",
        ),
        (
            "\n\n[cache",
            "3: invalid TOML: the table header is not closed; add `]`",
        ),
        (
            "a = 1\na = 2\n",
            "2: invalid TOML: `a` is defined twice; remove one of the two",
        ),
        (
            "[cache]\n[defaults]\n[cache]\n",
            "3: invalid TOML: `cache` is defined twice; remove one of the two",
        ),
        (
            "timeout_seconds = yes\n",
            "1: invalid TOML: the value of `timeout_seconds` is not valid; write text in quotes, but numbers, true and false without quotes",
        ),
        (
            "timeout_seconds = 3s\n",
            "1: invalid TOML: the value of `timeout_seconds` is not valid; write text in quotes, but numbers, true and false without quotes",
        ),
        (
            "profile\n",
            "1: invalid TOML: expected `key = value` or a table header such as [cache]",
        ),
    ]);
}

/// All mistakes of a file, each with its column, its source line and the carets.
fn all(text: &str) -> Vec<String> {
    let source = super::source("/c.toml", text);
    super::super::settings::FileSettings::read(&source);
    let told = |error: crate::config::ConfigError| {
        let mut told = error.to_string();
        if let Some(excerpt) = error.excerpt() {
            let [line, carets] = excerpt.lines();
            told += &format!("\n{}\n{line}\n{carets}", excerpt.column);
        }
        told
    };
    source.take_mistakes().into_iter().map(told).collect()
}

#[test]
fn an_excerpt_never_shows_an_external_id_or_a_password() {
    for text in [
        "[defaults]\nexternal_id = \"vexed7\nprofile = 1\n",
        "[defaults]\nexternal_id = [\"vexed7\"]\n",
        "[defaults]\nexternal_id = \"\"\"\nvexed7 vexed7\"\"\"\n",
        "[defaults]\nexternal_id = \"\"\"\nvexed7 \u{1} vexed7\"\"\"\n",
        "[defaults]\nexternal-id = \"vexed7\"\n",
        "[defaults]\nexternalId = \"vexed7\"\n",
        "[defaults]\nexternal_id: \"vexed7\"\n",
        "external_id \"vexed7\"\n",
        "password = \"vexed7\"\n",
        "profle = \"work\" # vexed7\n",
        "timeout_seconds = x # vexed7\n",
        "[defaults]\nprofile = \"work\", external_id = \"vexed7\"\n",
        "\"vexed7\n",
        "[[registry]]\nmatch = \"https://alice:vexed7@example.com\"\n",
        "defaults = { macth = 1, external_id = \"vexed7\" }\n",
        "\"https://alice:vexed7@example.com\" = 1",
        "[\"https://alice:vexed7\"]\nx = 1",
        "\"alice:vexed7\" = 1",
        "[[registry]]\nmatch = \"*\"\nendpoint_url = \"https://alice:vexed7\"\n",
        "[[registry]]\nmatch = \"*\"\nendpoint_url = \"https://example.com?key=vexed7\"\n",
    ] {
        let told = all(text).join("\n");
        assert!(
            !told.is_empty() && !told.contains("vexed7"),
            "{text}: {told}"
        );
    }
}

#[test]
fn of_all_settings_only_the_external_id_is_hidden_in_an_excerpt() {
    let settings: BTreeSet<&str> = ALL.iter().flat_map(|shape| shape.keys()).collect();
    let is_table =
        |key: &str| ["cache", "kubelet", "defaults", "identity", "registry"].contains(&key);
    let hidden = settings.iter().filter(|key| !SHOWN_KEYS.contains(key));
    let hidden: Vec<&str> = hidden.copied().filter(|key| !is_table(key)).collect();
    assert_eq!(hidden, ["external_id"]);
    assert!(SHOWN_KEYS.iter().all(|key| settings.contains(key)));
}

#[test]
fn every_mistake_is_found_with_its_place() {
    assert_eq!(
        all("timeout_seconds = 0\n[[registry]]\nmacth = \"*\"\nregion = \"x\"\nrole_arn = 3\n"),
        [
            "/c.toml:1: timeout_seconds: must be between 1 and 300, not 0\n1\ntimeout_seconds = 0\n^^^^^^^^^^^^^^^",
            "/c.toml:3: registry.macth: unknown key; did you mean `match`?\n1\nmacth = …\n^^^^^",
            "/c.toml:5: registry.role_arn: must be text or a list of text, not a whole number\n12\nrole_arn = 3\n           ^",
            "/c.toml:4: registry.region: `x` is not an AWS region: expected a name such as eu-west-1\n10\nregion = \"x\"\n         ^^^",
        ]
    );
    // Two syntax errors, and an unknown key on another line.
    assert_eq!(all("a = yes\nb = \"c\nd = 1\n").len(), 3);
}

#[test]
fn unknown_keys_and_tables() {
    check(&[
        (
            "timeout_secs = 3\n",
            "1: timeout_secs: unknown key; did you mean `timeout_seconds`?",
        ),
        (
            "Timeout-Seconds = 3\n",
            "1: Timeout-Seconds: unknown key; did you mean `timeout_seconds`?",
        ),
        (
            "timeout = 3\n",
            "1: timeout: unknown key; did you mean `timeout_seconds`?",
        ),
        (
            "[chache]\n",
            "1: chache: unknown key; did you mean `cache`?",
        ),
        (
            "[[registries]]\n",
            "1: registries: unknown key; did you mean `registry`?",
        ),
        (
            "[cache]\nmax_age = 3\n",
            "2: cache.max_age: unknown key; did you mean `max_age_seconds`?",
        ),
        (
            "[[registry]]\nmatch = \"*\"\nrole_arm = \"x\"\n",
            "3: registry.role_arm: unknown key; did you mean `role_arn`?",
        ),
        (
            "[[registry]]\nmatch = \"*\"\naccount = \"111122223333\"\n",
            "3: registry.account: is only for custom host names, and `match` is an ECR registry; to limit the rule to some accounts, use `accounts`",
        ),
        // The first by line, not by letter.
        (
            "[[registry]]\nzzz = 1\naaa = 2\n",
            "2: registry.zzz: unknown key; the keys of this table are match, accounts, profile, source_profile, \
             sso_session, sso_start_url, sso_region, sso_role_name, sso_account_id, web_identity, \
             web_identity_audience, role_arn, external_id, role_session_name, duration_seconds, mfa_serial, region, account, \
             endpoint_url, sts_endpoint_url, max_age_seconds, access, access_repositories, access_pull_through",
        ),
        (
            "role_arn = \"x\"\n",
            "1: role_arn: unknown key in this table: `role_arn` belongs in [defaults] or in [[registry]] or in [identity.NAME]",
        ),
        (
            "rolearn = \"x\"\n",
            "1: rolearn: unknown key in this table: `role_arn` belongs in [defaults] or in [[registry]] or in [identity.NAME]",
        ),
        (
            "[cache]\ntimeout_seconds = 3\n",
            "2: cache.timeout_seconds: unknown key in this table: `timeout_seconds` belongs at the top of the file, before the first table",
        ),
        (
            "[defaults]\naccounts = [\"111122223333\"]\n",
            "2: defaults.accounts: unknown key in this table: `accounts` belongs in [[registry]]",
        ),
        (
            "other_registry_helper = \"secretservice\"\n",
            "1: other_registry_helper: unknown key; did you mean `other_registries_helper`?",
        ),
        (
            "\"a\\nb\\u001b\" = 1\n",
            "1: a\\nb\\u{1b}: unknown key; the keys of this table are timeout_seconds, connect_timeout_seconds, \
             other_registries_helper, other_registries_timeout_seconds, cache, kubelet, defaults, registry, identity",
        ),
    ]);
}

#[test]
fn a_password_in_the_place_of_a_key_is_not_shown() {
    for text in [
        "\"https://alice:vexed7@example.com\" = 1",
        "[[registry]]\nmatch = \"*\"\n\"alice:vexed7@example.com\" = 1",
        "[\"https://alice:vexed7\"]\nx = 1",
        "\"alice:vexed7\" = 1",
        "\"wJalrXUtnFEMI/K7MDENG/vexed7\" = 1",
    ] {
        let message = read(text).unwrap_err().to_string();
        assert!(message.contains("unknown key"), "{message}");
        assert!(!message.contains("vexed7"), "{message}");
    }
}

#[test]
fn wrong_types() {
    check(&[
        (
            "timeout_seconds = \"30\"\n",
            "1: timeout_seconds: must be a whole number without quotes, not text",
        ),
        (
            "timeout_seconds = 1.5\n",
            "1: timeout_seconds: must be a whole number without quotes, not a decimal number",
        ),
        (
            "[cache]\nenabled = \"no\"\n",
            "2: cache.enabled: must be true or false without quotes, not text",
        ),
        (
            "[cache]\ndir = 2026-11-22\n",
            "2: cache.dir: must be text in quotes, not a date or time",
        ),
        (
            "cache = true\n",
            "1: cache: must be written as [cache], not as true or false",
        ),
        (
            "[[cache]]\n",
            "1: cache: must be written as [cache], not as a list of tables",
        ),
        (
            "[registry]\nmatch = \"*\"\n",
            "1: registry: must be written as [[registry]], not as a table",
        ),
        (
            "registry = [\n  \"*\"\n]\n",
            "2: registry: must be written as [[registry]], not as text",
        ),
        (
            "[[registry]]\nmatch = [\"*\"]\nprofile = \"p\"\n",
            "2: registry.match: must be text in quotes, not a list",
        ),
        (
            "[[registry]]\nmatch = 111122223333\nprofile = \"p\"\n",
            "2: registry.match: must be text in quotes, not a whole number",
        ),
        (
            "[defaults]\nrole_arn = { a = 1 }\n",
            "2: defaults.role_arn: must be text or a list of text, not a table",
        ),
    ]);
    check_rules(&[
        (
            "accounts = \"111122223333\"",
            "4: registry.accounts: must be a list of text, not text",
        ),
        (
            "accounts = [\n  \"111122223333\",\n  444455556666,\n]",
            "6: registry.accounts: must be a list of text in quotes, not a whole number",
        ),
    ]);
}

#[test]
fn numbers_out_of_range() {
    check(&[
        (
            "timeout_seconds = 0\n",
            "1: timeout_seconds: must be between 1 and 300, not 0",
        ),
        (
            "timeout_seconds = 301\n",
            "1: timeout_seconds: must be between 1 and 300, not 301",
        ),
        (
            "timeout_seconds = -1\n",
            "1: timeout_seconds: must be between 1 and 300, not -1",
        ),
        (
            "timeout_seconds = 0xFFF\n",
            "1: timeout_seconds: must be between 1 and 300, not 0xFFF",
        ),
        (
            "timeout_seconds = 99999999999999999999\n",
            "1: timeout_seconds: must be between 1 and 300, not 99999999999999999999",
        ),
        (
            "connect_timeout_seconds = 61\n",
            "1: connect_timeout_seconds: must be between 1 and 60, not 61",
        ),
        (
            "[cache]\nmax_age_seconds = 59\n",
            "2: cache.max_age_seconds: must be between 60 and 43200, not 59",
        ),
        (
            "[cache]\nmax_age_seconds = 43201\n",
            "2: cache.max_age_seconds: must be between 60 and 43200, not 43201",
        ),
        (
            "other_registries_timeout_seconds = 0\n",
            "1: other_registries_timeout_seconds: must be between 1 and 3600, not 0",
        ),
        (
            "other_registries_timeout_seconds = 3601\n",
            "1: other_registries_timeout_seconds: must be between 1 and 3600, not 3601",
        ),
    ]);
    check_rules(&[
        (
            "duration_seconds = 899",
            "4: registry.duration_seconds: must be between 900 and 43200, not 899",
        ),
        (
            "duration_seconds = 43201",
            "4: registry.duration_seconds: must be between 900 and 43200, not 43201",
        ),
    ]);
}

#[test]
fn texts_that_cannot_be_meant() {
    let long = format!("[defaults]\nprofile = \"{}\"\n", "x".repeat(2049));
    check(&[
        (
            "[defaults]\nprofile = \"\"\n",
            "2: defaults.profile: is empty; give it a value or remove the line",
        ),
        (
            "[cache]\ndir = \"\"\n",
            "2: cache.dir: is empty; give it a value or remove the line",
        ),
        (
            "[cache]\ndir = \"~/.cache/ecrx\"\n",
            "2: cache.dir: must be an absolute path (`~` and variables are not expanded), not `~/.cache/ecrx`",
        ),
        (
            "[defaults]\nprofile = \" work\"\n",
            "2: defaults.profile: begins or ends with white space, or contains a control character; remove it",
        ),
        (
            "[defaults]\nprofile = \"wo\\u0007rk\"\n",
            "2: defaults.profile: begins or ends with white space, or contains a control character; remove it",
        ),
        (&long, "2: defaults.profile: is longer than 2048 bytes"),
    ]);
    check_rules(&[
        (
            "accounts = []",
            "4: registry.accounts: is an empty list; add a value or remove the line",
        ),
        (
            "accounts = [\n  \"111122223333\",\n  \"11112222333\"\n]",
            "6: registry.accounts: `11112222333` is not an AWS account ID: expected 12 digits",
        ),
        (
            "region = \"Ireland\"",
            "4: registry.region: `Ireland` is not an AWS region: expected a name such as eu-west-1",
        ),
    ]);
}

#[test]
fn matches_of_no_kind() {
    const KINDS: &str = "an account ID, an account and region (111122223333/eu-west-1), \
                         repositories of these (111122223333/eu-west-1/team/*), a partition (aws-cn), an ECR host, public.ecr.aws or *";
    let none = |text: &str| {
        format!(
            "`{text}` is not {KINDS}; if it is a custom host name for an ECR registry, add `account` and `region`"
        )
    };
    let wildcard = |text: &str| {
        format!(
            "`{text}` contains a wildcard, but `*` is only supported alone or at the end of repositories; use {KINDS}"
        )
    };
    let path = |text: &str| {
        format!(
            "`{text}` contains a path, but only private ECR registries can be followed by repositories (111122223333/eu-west-1/team/*); remove everything after the host"
        )
    };
    let repositories = |text: &str| {
        format!(
            "`{text}` must end in a repository (team/app) or in a prefix and `/*` (team/*), with names of ECR: lower-case letters and digits, separated by single `.`, `_`, `-` or `/`, without tag and digest"
        )
    };
    let every = |text: &str| {
        format!(
            "`{text}/*` matches every repository, but not clients that send only the host; write `{text}`, which matches both"
        )
    };
    for (text, expected) in [
        ("images.example.com", none("images.example.com")),
        ("eu-west-1", none("eu-west-1")),
        ("aws-xx", none("aws-xx")),
        ("index.docker.io", none("index.docker.io")),
        (
            "11112222333.dkr.ecr.eu-west-1.amazonaws.com",
            none("11112222333.dkr.ecr.eu-west-1.amazonaws.com"),
        ),
        (
            "user@111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            none("user@111122223333.dkr.ecr.eu-west-1.amazonaws.com"),
        ),
        ("**", wildcard("**")),
        ("111122223333/*", wildcard("111122223333/*")),
        (
            "*.dkr.ecr.eu-west-1.amazonaws.com",
            wildcard("*.dkr.ecr.eu-west-1.amazonaws.com"),
        ),
        ("*/x", wildcard("*/x")),
        (
            "111122223333/*/team/app",
            wildcard("111122223333/*/team/app"),
        ),
        (
            "https://111122223333.dkr.ecr.eu-west-1.amazonaws.com/v2/",
            repositories("https://111122223333.dkr.ecr.eu-west-1.amazonaws.com/v2/"),
        ),
        (
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com/x://y",
            repositories("111122223333.dkr.ecr.eu-west-1.amazonaws.com/x://y"),
        ),
        (
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com/*",
            every("111122223333.dkr.ecr.eu-west-1.amazonaws.com"),
        ),
        ("111122223333/eu-west-1/*", every("111122223333/eu-west-1")),
        ("public.ecr.aws/x", path("public.ecr.aws/x")),
        ("public.ecr.aws/team/*", path("public.ecr.aws/team/*")),
        (
            "111122223333/Ireland/team/*",
            "`Ireland` is not an AWS region: expected a name such as eu-west-1".to_owned(),
        ),
        (
            "11112222333",
            "`11112222333` is not an AWS account ID: expected 12 digits".to_owned(),
        ),
        (
            "1111222233334/eu-west-1",
            "`1111222233334` is not an AWS account ID: expected 12 digits".to_owned(),
        ),
        (
            "111122223333/",
            "`` is not an AWS region: expected a name such as eu-west-1".to_owned(),
        ),
    ] {
        let file = format!("[[registry]]\nmatch = \"{text}\"\nprofile = \"p\"\n");
        check(&[(&file, &format!("2: registry.match: {expected}"))]);
    }
    for end in [
        "team*",
        "*/x",
        "team/*/x",
        "team//app",
        "/team",
        "team/",
        "Team/app",
        "team/app:v1",
        "team/app@sha256:00",
        "a",
        "team/app?x",
    ] {
        for registry in [
            "111122223333/eu-west-1",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
        ] {
            let text = format!("{registry}/{end}");
            let expected = format!("2: registry.match: {}", repositories(&text));
            let file = format!("[[registry]]\nmatch = \"{text}\"\nprofile = \"p\"\n");
            check(&[(&file, &expected)]);
        }
    }
}

#[test]
fn rules_that_say_too_little_or_too_much() {
    check(&[
        (
            "\n[[registry]]\nprofile = \"p\"\n",
            "2: registry.match: is missing; set it to the registries of this rule, or to `*` for all private registries",
        ),
        (
            "[[registry]]\nmatch = \"*\"\n\n[[registry]]\nmatch = \"aws\"\n",
            "1: registry: has no identity; add `profile`, `sso_session`, `web_identity` or `role_arn`",
        ),
        (
            "[[registry]]\nmatch = \"*\"\nregion = \"eu-west-1\"\n",
            "1: registry: has no identity; add `profile`, `sso_session`, `web_identity` or `role_arn`",
        ),
        (
            "[defaults]\nregion = \"eu-west-1\"\n",
            "1: defaults: has no identity; add `profile`, `sso_session`, `web_identity` or `role_arn`",
        ),
        (
            "[[registry]]\nmatch = \"public.ecr.aws\"\nprofile = \"p\"\naccounts = [\"111122223333\"]\n",
            "4: registry.accounts: does not apply to public ECR; remove the line",
        ),
        (
            "[[registry]]\nmatch = \"999999999999\"\nprofile = \"p\"\naccounts = [\"111122223333\"]\n",
            "4: registry.accounts: does not list 999999999999, the account in `match`, so the rule is never used; add the account or correct `match`",
        ),
    ]);
    for key in [
        "external_id = \"xy\"",
        "role_session_name = \"xy\"",
        "duration_seconds = 900",
    ] {
        let name = key.split(' ').next().unwrap();
        let expected = "applies only to assumed roles; add `role_arn` or remove the line";
        check(&[
            (
                &format!("[[registry]]\nmatch = \"*\"\nprofile = \"p\"\n{key}\n"),
                &format!("4: registry.{name}: {expected}"),
            ),
            (
                &format!("[defaults]\n{key}\n"),
                &format!("2: defaults.{name}: {expected}"),
            ),
        ]);
    }
}

/// Lines of a rule for all private registries, and the mistake from its line on.
#[test]
fn sources_that_need_no_profile_say_what_is_missing_or_contradicts() {
    let sso = "sso_session = \"corp\"\nsso_role_name = \"dev\"";
    let start_url = "sso_start_url = \"https://d-abc123.awsapps.com/start\"";
    let role = "role_arn = \"arn:aws:iam::111122223333:role/r\"";
    let web = format!("web_identity = \"github\"\n{role}");
    let lines = |lines: &[&str]| lines.join("\n");
    for (lines, expected) in [
        (
            lines(&["profile = \"p\"", sso]),
            "4: registry.sso_session: cannot be used with `profile`: an identity has one credential source; remove one of them",
        ),
        (
            lines(&["source_profile = \"p\"", &web]),
            "4: registry.web_identity: cannot be used with `source_profile`: an identity has one credential source; remove one of them",
        ),
        (
            lines(&[sso, &web]),
            "5: registry.web_identity: cannot be used with `sso_session`: an identity has one credential source; remove one of them",
        ),
        (
            "sso_session = \"corp\"".to_owned(),
            "1: registry.sso_role_name: is missing; SSO needs the role name of a permission set",
        ),
        (
            "sso_role_name = \"dev\"".to_owned(),
            "3: registry.sso_role_name: applies only to SSO; add `sso_session`, or `sso_start_url` with `sso_region`, or remove the line",
        ),
        (
            lines(&["sso_account_id = \"111122223333\"", role]),
            "3: registry.sso_account_id: applies only to SSO; add `sso_session`, or `sso_start_url` with `sso_region`, or remove the line",
        ),
        (
            lines(&[sso, "sso_region = \"us-east-1\""]),
            "5: registry.sso_region: cannot be used with `sso_session`, whose section in ~/.aws/config sets it; remove the line",
        ),
        (
            lines(&[sso, start_url]),
            "5: registry.sso_start_url: cannot be used with `sso_session`, whose section in ~/.aws/config sets it; remove the line",
        ),
        (
            lines(&[start_url, "sso_role_name = \"dev\""]),
            "1: registry.sso_region: is missing; `sso_start_url` needs the region of IAM Identity Center",
        ),
        (
            "sso_start_url = \"d-abc123\"".to_owned(),
            "3: registry.sso_start_url: `d-abc123` must be https://HOST, optionally with a path",
        ),
        (
            lines(&["sso_session = \"corp\"", "sso_role_name = \"a/b\""]),
            "4: registry.sso_role_name: `a/b` is not a role name; use 1 to 64 characters from A-Z a-z 0-9 and _+=,.@-",
        ),
        (
            lines(&[sso, "sso_account_id = \"1\""]),
            "5: registry.sso_account_id: `1` is not an AWS account ID: expected 12 digits",
        ),
        (
            lines(&[sso, "external_id = \"xy\""]),
            "5: registry.external_id: applies only to assumed roles; add `role_arn` or remove the line",
        ),
        (
            "web_identity = \"github\"".to_owned(),
            "3: registry.web_identity: needs `role_arn`, the role that is assumed with the token",
        ),
        (
            lines(&["web_identity = \"gitlab\"", role]),
            "3: registry.web_identity: `gitlab` must be `github`, `env:NAME` with the name of a variable, or an absolute path (`~` and variables are not expanded)",
        ),
        (
            lines(&["web_identity = \"env:1\"", role]),
            "3: registry.web_identity: `env:1` must be `github`, `env:NAME` with the name of a variable, or an absolute path (`~` and variables are not expanded)",
        ),
        (
            lines(&["web_identity = \"~/x\"", role]),
            "3: registry.web_identity: `~/x` must be `github`, `env:NAME` with the name of a variable, or an absolute path (`~` and variables are not expanded)",
        ),
        (
            lines(&[
                "web_identity = \"env:CI\"",
                role,
                "web_identity_audience = \"a\"",
            ]),
            "5: registry.web_identity_audience: applies only to `web_identity = \"github\"`; remove the line",
        ),
        (
            lines(&[&web, "external_id = \"xy\""]),
            "5: registry.external_id: cannot be used with `web_identity`: AWS does not accept it with a web identity token; remove the line",
        ),
        (
            lines(&[&web, "mfa_serial = \"arn:aws:iam::111122223333:mfa/a\""]),
            "5: registry.mfa_serial: cannot be used with `web_identity`: AWS does not accept it with a web identity token; remove the line",
        ),
    ] {
        check(&[(&format!("[[registry]]\nmatch = \"*\"\n{lines}\n"), expected)]);
    }
    check(&[
        (
            &format!("[[registry]]\nmatch = \"public.ecr.aws\"\n{sso}\n"),
            "1: registry.sso_account_id: is missing; public ECR has no account, so name the account of the SSO role",
        ),
        (
            "[[registry]]\nmatch = \"aws-cn\"\nsso_start_url = \"https://a.example\"\nsso_region = \"us-east-1\"\nsso_role_name = \"dev\"\n",
            "4: registry.sso_region: `us-east-1` is in the partition aws, and `match` = `aws-cn` in aws-cn; AWS identities and registries must be in the same partition",
        ),
    ]);
}

#[test]
fn roles_that_cannot_be() {
    let role = |role: &str| format!("[[registry]]\nmatch = \"aws\"\nrole_arn = {role}\n");
    for (written, expected) in [
        ("[]", "is an empty list; add a value or remove the line"),
        (
            "[\"a\", \"b\", \"c\", \"d\", \"e\", \"f\"]",
            "lists 6 roles; the maximum is 5",
        ),
        (
            "\"ecr-pull\"",
            "`ecr-pull` is not an IAM role ARN: expected arn:aws:iam::111122223333:role/NAME",
        ),
        (
            "\"arn:aws:iam::{acount}:role/r\"",
            "`{acount}` is not a placeholder; did you mean `{account}`?",
        ),
        (
            "\"arn:aws:iam::{account:role/r\"",
            "`arn:aws:iam::{account:role/r` contains an unmatched brace; write {account}, {region} or {partition}",
        ),
        (
            "\"arn:aws:iam::1{account}:role/r\"",
            "`arn:aws:iam::1{account}:role/r` would become `arn:aws:iam::1111122223333:role/r`, \
             which is not an IAM role ARN: expected arn:aws:iam::111122223333:role/NAME",
        ),
        (
            "\"arn:aws-cn:iam::{account}:role/r\"",
            "`arn:aws-cn:iam::{account}:role/r` is in the partition aws-cn, and `match` = `aws` in aws; \
             AWS identities and registries must be in the same partition",
        ),
    ] {
        check(&[(&role(written), &format!("3: registry.role_arn: {expected}"))]);
    }
    check(&[
        (
            "[[registry]]\nmatch = \"*\"\nrole_arn = [\n  \"arn:aws:iam::111122223333:role/r\",\n  \"x\",\n]\n",
            "5: registry.role_arn: `x` is not an IAM role ARN: expected arn:aws:iam::111122223333:role/NAME",
        ),
        (
            "[[registry]]\nmatch = \"public.ecr.aws\"\nrole_arn = \"arn:aws:iam::{account}:role/r\"\n",
            "3: registry.role_arn: `arn:aws:iam::{account}:role/r` contains placeholders, which have no values for public ECR; write the full role ARN",
        ),
        (
            "[[registry]]\nmatch = \"111122223333/cn-north-1\"\nrole_arn = \"arn:aws:iam::111122223333:role/r\"\n",
            "3: registry.role_arn: `arn:aws:iam::111122223333:role/r` is in the partition aws, \
             and `match` = `111122223333/cn-north-1` in aws-cn; AWS identities and registries must be in the same partition",
        ),
        (
            "[defaults]\nrole_arn = [\"arn:aws:iam::111122223333:role/a\", \"arn:aws-cn:iam::111122223333:role/b\"]\n",
            "2: defaults.role_arn: `arn:aws-cn:iam::111122223333:role/b` is in the partition aws-cn, \
             and `arn:aws:iam::111122223333:role/a` in aws; AWS identities and registries must be in the same partition",
        ),
    ]);
    check_rules(&[(
        "region = \"cn-north-1\"",
        "4: registry.region: `cn-north-1` is in the partition aws-cn, \
         and `arn:aws:iam::111122223333:role/r` in aws; AWS identities and registries must be in the same partition",
    )]);
}

#[test]
fn settings_of_roles_that_cannot_be() {
    let external_id =
        "4: registry.external_id: must be 2 to 1224 characters from A-Z a-z 0-9 and _+=,.@:/-";
    let long = format!("external_id = \"{}\"", "x".repeat(1225));
    check_rules(&[
        ("external_id = \"x\"", external_id),
        ("external_id = \"hush hush\"", external_id),
        ("external_id = \"é{account}\"", external_id),
        (&long, external_id),
        (
            "role_session_name = \"me@home/x\"",
            "4: registry.role_session_name: `me@home/x` is not a valid session name; use 2 to 64 characters from A-Z a-z 0-9 and _+=,.@-",
        ),
    ]);
    let roles = "[\"arn:aws:iam::111122223333:role/a\", \"arn:aws:iam::111122223333:role/b\"]";
    check(&[
        (
            &format!("[defaults]\nduration_seconds = 3601\nrole_arn = {roles}\n"),
            "2: defaults.duration_seconds: must be at most 3600, because AWS limits chained roles to one hour, not 3601",
        ),
        (
            "[defaults]\nrole_arn = \"arn:aws:iam::{account}:role/r\"\nexternal_id = \"hush\"\n",
            "3: defaults.external_id: would be sent to the account of any image, because `role_arn` contains {account}; \
             move it to a [[registry]] rule that lists the trusted `accounts`",
        ),
    ]);
    for registries in ["*", "aws"] {
        check(&[(
            &format!(
                "[[registry]]\nmatch = \"{registries}\"\nexternal_id = \"hush\"\n\
                 role_arn = [\"arn:aws:iam::{{account}}:role/a\", \"arn:aws:iam::111122223333:role/b\"]\n"
            ),
            "3: registry.external_id: would be sent to the account of any image, because `role_arn` contains {account}; \
             list the trusted `accounts`",
        )]);
    }
}

#[test]
fn what_names_no_other_helper() {
    let refused = |name: &str, problem: &str| {
        check(&[(
            &format!("# x\nother_registries_helper = '{name}'\n"),
            &format!("2: other_registries_helper: {problem}"),
        )]);
    };
    refused("", "is empty; give it a value or remove the line");
    let too_long = "x".repeat(65);
    for name in [
        "a/b",
        "../pass",
        "/usr/bin/docker-credential-pass",
        "pass list",
        "pass;id",
        "päss",
        ".pass",
        "-pass",
        "C:\\pass",
        &too_long,
    ] {
        let problem = format!(
            "`{name}` is not a valid helper name; use 1 to 64 characters from A-Z a-z 0-9 and ._-, without . or - at the start"
        );
        refused(name, &problem);
    }
    refused(
        "docker-credential-pass",
        "`docker-credential-pass` is the full program name; write only `pass`",
    );
    for name in [
        "ecrx",
        "ECRX",
        "ecrx-work",
        "ecrx.exe",
        "docker-credential-ecrx",
        "docker-credential-ecrx-work",
    ] {
        refused(
            name,
            &format!(
                "`{name}` is this program, which cannot call itself; name the helper that stores your other logins, such as `secretservice`"
            ),
        );
    }
}

#[test]
fn errors_tell_file_line_and_key() {
    let error = read("\n[cache]\nmax_age_seconds = 0\n").unwrap_err();
    assert_eq!(error.path().to_str(), Some("/c.toml"));
    assert_eq!(error.line(), Some(3));
    assert_eq!(error.key(), Some("cache.max_age_seconds"));
}
