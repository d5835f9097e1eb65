//! What the configuration chooses for a host: `[identity.NAME]`, `source_profile`, the settings of rules,
//! custom host names, rules for repositories, and rules that never have a say.

use crate::config::Why;
use crate::registry::{Lookup, ServerName};

use super::*;

/// The message after the name of the file.
fn refused(text: &str) -> String {
    let message = match read(text) {
        Ok(config) => panic!("this should be refused:\n{text}\nand gave {config:?}"),
        Err(error) => error.to_string(),
    };
    message
        .strip_prefix("/c.toml:")
        .expect("the file")
        .to_owned()
}

/// The identity of a name in one line.
fn who_by_name(config: &Config, name: &str) -> String {
    match config.identity_for(name, &registry(OREGON)) {
        Ok(Some(identity)) => {
            let roles = identity.roles.iter().map(|role| role.arn.to_string());
            let profile = identity.source.as_ref().and_then(SourceSettings::profile);
            let words = profile.map(str::to_owned).into_iter().chain(roles);
            words.collect::<Vec<_>>().join(" ")
        }
        Ok(None) => "none".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn identities_of_user_and_machine_are_one_list_and_each_is_taken_whole() {
    let user = source(
        "/home/u/c.toml",
        "[identity.release]\nprofile = \"mine\"\n[identity.only-mine]\nprofile = \"one\"\n",
    );
    let machine = source(
        "/etc/c.toml",
        "[identity.release]\nrole_arn = \"arn:aws:iam::{account}:role/machine\"\n\
         [identity.only-theirs]\nsource_profile = \"two\"\nrole_arn = \"arn:aws:iam::{account}:role/r\"\n",
    );
    let config = Config::from_sources(vec![user, machine]).unwrap();
    let names: Vec<&str> = config.identity_names().collect();
    assert_eq!(names, ["only-mine", "only-theirs", "release"]);
    for (name, expected) in [
        ("release", "mine"),
        ("only-mine", "one"),
        ("only-theirs", "two arn:aws:iam::999999999999:role/r"),
        ("Release", "none"),
        ("", "none"),
    ] {
        assert_eq!(who_by_name(&config, name), expected, "{name}");
    }
    let origin = |name| {
        let identity = config.identity_for(name, &registry(OREGON)).unwrap();
        identity.unwrap().origin.to_string()
    };
    assert_eq!(origin("release"), "/home/u/c.toml:1");
    assert_eq!(origin("only-theirs"), "/etc/c.toml:3");
}

#[test]
fn identity_is_for_names_alone() {
    let config = config("[identity.release]\nprofile = \"p\"\n");
    for host in [IRELAND, BEIJING, PUBLIC] {
        assert_eq!(who(&config, host), "none");
    }
}

#[test]
fn identity_with_blanks_cannot_be_for_public_ecr() {
    let config = config("[identity.pull]\nrole_arn = \"arn:aws:iam::{account}:role/r\"\n");
    let error = config.identity_for("pull", &registry(PUBLIC)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/c.toml:1: identity.pull.role_arn: `arn:aws:iam::{account}:role/r` contains placeholders, which have no values for public ECR; write the full role ARN"
    );
}

#[test]
fn names_may_hold_whatever_a_files_name_may() {
    for name in [
        "release",
        "eu.prod",
        "the client",
        "größe",
        "-",
        "..",
        "{account}",
        "*",
    ] {
        let config = config(&format!("[identity.\"{name}\"]\nprofile = \"p\"\n"));
        assert_eq!(who_by_name(&config, name), "p", "{name}");
    }
    let not_a_file = |name: &str| {
        format!(
            "2: identity.{name}: the name must be valid in a file name, docker-credential-ecrx-NAME; remove slashes, backslashes and control characters"
        )
    };
    for (written, shown) in [
        ("", ""),
        ("a/b", "a/b"),
        ("a\\\\b", "a\\b"),
        ("a\\nb", "a\\nb"),
    ] {
        let text = format!("\n[identity.\"{written}\"]\nprofile = \"p\"\n");
        assert_eq!(refused(&text), not_a_file(shown));
    }
}

#[test]
fn identities_that_cannot_be() {
    for (text, expected) in [
        (
            "[identity.a.b]\nprofile = \"p\"\n",
            "1: identity.a.b: is a nested table; quote a name that contains a dot, [identity.\"a.b\"]",
        ),
        (
            "identity.x.profile = \"p\"\nidentity.x.y.profile = \"p\"\n",
            "1: identity.x.y: is a nested table; quote a name that contains a dot, [identity.\"x.y\"]",
        ),
        (
            "[identity.z]\nx = 1\n[identity.a]\nx = 1\n",
            "2: identity.z.x: unknown key; the keys of this table are profile, source_profile, sso_session, sso_start_url, sso_region, sso_role_name, sso_account_id, web_identity, web_identity_audience, role_arn, external_id, \
             role_session_name, duration_seconds, mfa_serial, region",
        ),
        (
            "identity = \"release\"\n",
            "1: identity: must be written as [identity.NAME], not as text",
        ),
        (
            "[identity.release]\nmatch = \"*\"\nprofile = \"p\"\n",
            "2: identity.release.match: unknown key in this table: `match` belongs in [[registry]]",
        ),
        (
            "[identity.release]\nprofile = [\"p\"]\n",
            "2: identity.release.profile: must be text in quotes, not a list",
        ),
        (
            "[identity.release]\nprofile = { name = \"p\" }\n",
            "2: identity.release.profile: must be text in quotes, not a table",
        ),
        (
            "[identity.release]\nrole_arn = [\"arn:aws:iam::111122223333:role/a\", \"arn:aws-cn:iam::111122223333:role/b\"]\n",
            "2: identity.release.role_arn: `arn:aws-cn:iam::111122223333:role/b` is in the partition aws-cn, \
             and `arn:aws:iam::111122223333:role/a` in aws; AWS identities and registries must be in the same partition",
        ),
        (
            "[identity.release]\nrole_arn = \"arn:aws:iam::111122223333:role/a\"\nmfa_serial = \"arn:aws-cn:iam::111122223333:mfa/li\"\n",
            "3: identity.release.mfa_serial: `arn:aws-cn:iam::111122223333:mfa/li` is in the partition aws-cn, \
             and `arn:aws:iam::111122223333:role/a` in aws; AWS identities and registries must be in the same partition",
        ),
    ] {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn source_profile_is_profile_beside_a_role() {
    let role = "role_arn = \"arn:aws:iam::{account}:role/r\"";
    let one = |key: &str| {
        config(&format!(
            "[[registry]]\nmatch = \"*\"\n{key} = \"p\"\n{role}\n"
        ))
    };
    assert_eq!(
        who(&one("source_profile"), OREGON),
        "p arn:aws:iam::999999999999:role/r"
    );
    assert_eq!(
        one("source_profile").rule_for(&registry(OREGON)).unwrap(),
        one("profile").rule_for(&registry(OREGON)).unwrap()
    );
    for table in ["[[registry]]\nmatch = \"*\"", "[defaults]", "[identity.x]"] {
        let text = format!("{table}\nsource_profile = \"p\"\n{role}\nprofile = \"p\"\n");
        let message = refused(&text);
        assert!(
            message.ends_with(
                "source_profile: means the same as `profile`, which is also set; remove one of them"
            ),
            "{message}"
        );
        let message = refused(&format!("{table}\nsource_profile = \"p\"\n"));
        assert!(
            message.ends_with(
                "source_profile: applies only to assumed roles; add `role_arn` or remove the line"
            ),
            "{message}"
        );
    }
}

#[test]
fn first_role_of_a_chain_has_the_device_and_the_last_the_external_id() {
    let config = config(
        "[identity.x]\nmfa_serial = \"GAHT12345678\"\nexternal_id = \"build\"\n\
         role_arn = [\"arn:aws:iam::111122223333:role/a\", \"arn:aws:iam::111122223333:role/b\", \"arn:aws:iam::111122223333:role/c\"]\n",
    );
    let identity = config
        .identity_for("x", &registry(OREGON))
        .unwrap()
        .unwrap();
    let who: Vec<(bool, bool)> = identity
        .roles
        .iter()
        .map(|role| (role.mfa_device.is_some(), role.external_id.is_some()))
        .collect();
    assert_eq!(who, [(true, false), (false, false), (false, true)]);
}

#[test]
fn each_setting_is_that_of_the_first_rule_that_has_it() {
    let config = config(
        "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nsts_endpoint_url = \"https://one.example\"\n\
         [[registry]]\nmatch = \"aws\"\naccounts = [\"999999999999\"]\nendpoint_url = \"https://never.example\"\nmax_age_seconds = 60\n\
         [[registry]]\nmatch = \"111122223333\"\nprofile = \"p\"\nmax_age_seconds = 600\n\
         [[registry]]\nmatch = \"*\"\nprofile = \"last\"\nendpoint_url = \"https://two.example\"\n\
         sts_endpoint_url = \"https://three.example\"\nmax_age_seconds = 700\n",
    );
    let settings = config.settings_for(&registry(IRELAND));
    let shown = |url: Option<EndpointUrl>| url.map(|url| url.to_string());
    assert_eq!(
        shown(settings.endpoint_url).as_deref(),
        Some("https://two.example")
    );
    assert_eq!(
        shown(settings.sts_endpoint_url).as_deref(),
        Some("https://one.example")
    );
    assert_eq!(settings.max_age, Some(Duration::from_secs(600)));
    assert_eq!(settings.access, None);
    assert_eq!(who(&config, IRELAND), "p");
    assert_eq!(
        config.settings_for(&registry(PUBLIC)),
        RegistrySettings::default()
    );
}

#[test]
fn access_is_taken_as_a_whole_from_the_first_rule_that_has_it() {
    let config = config(
        "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"p\"\n\
         [[registry]]\nmatch = \"111122223333\"\naccess = \"push\"\n\
         [[registry]]\nmatch = \"*\"\naccess = \"pull\"\naccess_repositories = [\"team/*\"]\naccess_pull_through = true\n",
    );
    let of = |host| {
        let access = config.settings_for(&registry(host)).access;
        access.map(|access| access.to_string())
    };
    assert_eq!(of(IRELAND).as_deref(), Some("push and pull"));
    assert_eq!(of(PUBLIC), None);
    assert_eq!(
        of("444455556666.dkr.ecr.eu-west-1.amazonaws.com").as_deref(),
        Some("pull of team/*, including pull-through caches")
    );
}

#[test]
fn a_rule_needs_an_identity_or_a_setting() {
    let no_identity =
        "1: registry: has no identity; add `profile`, `sso_session`, `web_identity` or `role_arn`";
    for lines in [
        "",
        "accounts = [\"111122223333\"]",
        "region = \"eu-west-1\"",
    ] {
        assert_eq!(
            refused(&format!("[[registry]]\nmatch = \"*\"\n{lines}\n")),
            no_identity
        );
    }
    for lines in [
        "endpoint_url = \"https://x\"",
        "sts_endpoint_url = \"http://localhost\"",
        "max_age_seconds = 60",
        "access = \"pull\"",
    ] {
        config(&format!("[[registry]]\nmatch = \"*\"\n{lines}\n"));
        // Without an identity, no role is assumed.
        assert_eq!(
            refused(&format!(
                "[[registry]]\nmatch = \"*\"\n{lines}\nregion = \"eu-west-1\"\n"
            )),
            "4: registry.region: is the STS region for assuming roles, but this rule has no identity; add `profile` or `role_arn`, or remove the line"
        );
    }
}

const OWN: &str = "images.example.com";

#[test]
fn own_name_is_the_registry_that_its_rule_says() {
    let config = config(
        "[[registry]]\nmatch = \"https://Images.Example.com/\"\naccount = \"111122223333\"\nregion = \"eu-west-1\"\n\
         [[registry]]\nmatch = \"10.0.0.5:5000\"\naccount = \"444455556666\"\nregion = \"cn-north-1\"\n\
         [[registry]]\nmatch = \"mirror.example.com:443\"\naccount = \"111122223333\"\nregion = \"eu-west-1\"\n",
    );
    for (server, expected) in [
        (OWN, Some(IRELAND)),
        ("IMAGES.example.com:5000/team/app", Some(IRELAND)),
        ("10.0.0.5:5000", Some(BEIJING)),
        ("mirror.example.com", Some(IRELAND)),
        ("mirror.example.com:443", Some(IRELAND)),
        ("mirror.example.com:80", None),
        ("10.0.0.5", None),
        ("images.example.com.evil.example", None),
        (IRELAND, Some(IRELAND)),
        ("ghcr.io", None),
    ] {
        let found = config
            .registry(server)
            .and_then(|registry| registry.by_ecrs_name());
        let host = found.as_ref().map(Registry::host);
        assert_eq!(host, expected, "{server}");
    }
    let hosts: Vec<&str> = config.own_registries().map(Registry::host).collect();
    assert_eq!(hosts, [OWN, "10.0.0.5:5000", "mirror.example.com:443"]);
    let registries: Vec<String> = config
        .rules()
        .iter()
        .map(|rule| rule.registries().to_string())
        .collect();
    assert_eq!(registries, [OWN, "10.0.0.5:5000", "mirror.example.com:443"]);
}

#[test]
fn rules_of_an_own_name_are_those_of_its_port_its_host_and_its_registry() {
    let own = |name: &str, profile: &str| {
        format!(
            "[[registry]]\nmatch = \"{name}\"\naccount = \"111122223333\"\nregion = \"eu-west-1\"\n{profile}\n"
        )
    };
    let config = config(&format!(
        "{}{}{}[[registry]]\nmatch = \"111122223333\"\nprofile = \"account\"\n",
        own("images.example.com:5000", ""),
        own("images.example.com:6000", "profile = \"port\""),
        own("images.example.com", "profile = \"host\""),
    ));
    for (server, expected) in [
        ("images.example.com:5000", "host"),
        ("images.example.com:6000", "port"),
        ("images.example.com:7000", "host"),
        ("images.example.com", "host"),
        (IRELAND, "account"),
    ] {
        let registry = config.registry(server).unwrap();
        let identity = config.rule_for(&registry).unwrap().unwrap();
        let profile = identity.source.as_ref().and_then(SourceSettings::profile);
        assert_eq!(profile, Some(expected), "{server}");
    }
    // Each port of a name may be another registry, and no other rule matches it.
    let name = ServerName::parse("images.example.com").unwrap();
    let other = Registry::behind(
        &name,
        "111122223333".parse().unwrap(),
        "eu-west-2".parse().unwrap(),
    );
    let identity = config.rule_for(&other).unwrap().unwrap();
    let profile = identity.source.as_ref().and_then(SourceSettings::profile);
    assert_eq!(profile, Some("account"));
}

#[test]
fn own_names_that_cannot_be() {
    let with = |name: &str, lines: &str| format!("[[registry]]\nmatch = \"{name}\"\n{lines}\n");
    let both = "account = \"111122223333\"\nregion = \"eu-west-1\"";
    let of_ecr = "3: registry.account: is only for custom host names, and `match` is an ECR registry; to limit the rule to some accounts, use `accounts`";
    for name in [
        "*",
        "aws",
        "111122223333",
        "111122223333/eu-west-1",
        IRELAND,
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com:8443",
        PUBLIC,
    ] {
        assert_eq!(refused(&with(name, both)), of_ecr, "{name}");
    }
    for name in [
        "*.example.com",
        "images example.com",
        "alice@images.example.com",
        "images.example.com:0",
        "images.example.com:https",
        "[::1]:5000",
        "ftp://images.example.com",
    ] {
        assert_eq!(
            refused(&with(name, both)),
            format!(
                "2: registry.match: `{name}` is not a host name; if `account` is set, `match` must be a custom host name"
            )
        );
    }
    assert_eq!(
        refused(&with("11112222333", both)),
        "2: registry.match: `11112222333` is not an AWS account ID: expected 12 digits"
    );
    for (lines, expected) in [
        (
            "account = \"111122223333\"",
            "1: registry.region: is missing; a custom host name needs both `account` and `region`",
        ),
        (
            "region = \"eu-west-1\"",
            "2: registry.match: `images.example.com` is not an account ID, an account and region \
             (111122223333/eu-west-1), repositories of these (111122223333/eu-west-1/team/*), a partition \
             (aws-cn), an ECR host, public.ecr.aws or *; if it is a custom host name for an ECR registry, add `account` and `region`",
        ),
        (
            "account = \"111122223333\"\nregion = \"eu-west-1\"\naccounts = [\"444455556666\"]",
            "5: registry.accounts: does not list 111122223333, the account in `match`, so the rule is never used; add the account or correct `match`",
        ),
        (
            "account = \"111122223333\"\nregion = \"cn-north-1\"\nrole_arn = \"arn:aws:iam::{account}:role/r\"",
            "5: registry.role_arn: `arn:aws:iam::{account}:role/r` is in the partition aws, and `match` = \
             `images.example.com` in aws-cn; AWS identities and registries must be in the same partition",
        ),
    ] {
        assert_eq!(refused(&with(OWN, lines)), expected);
    }
}

#[test]
fn own_name_knows_its_account_so_an_external_id_may_go_there() {
    let config = config(
        "[[registry]]\nmatch = \"images.example.com\"\naccount = \"111122223333\"\nregion = \"eu-west-1\"\n\
         role_arn = \"arn:aws:iam::{account}:role/r\"\nexternal_id = \"build\"\n",
    );
    let registry = config.registry(OWN).unwrap();
    let identity = config.rule_for(&registry).unwrap().unwrap();
    assert_eq!(
        identity.roles[0].arn.as_str(),
        "arn:aws:iam::111122223333:role/r"
    );
    assert_eq!(who(&config, IRELAND), "none");
}

const RULES: &str = r#"
    [[registry]]
    match = "111122223333/eu-west-1/team/app"
    profile = "app"
    [[registry]]
    match = "111122223333.DKR.ecr.eu-west-1.amazonaws.com:443/team/*"
    profile = "team"
    max_age_seconds = 600
    [[registry]]
    match = "111122223333/eu-west-1"
    profile = "registry"
    max_age_seconds = 700
    [[registry]]
    match = "111122223333/eu-west-1/late/*"
    profile = "never"
"#;

/// The profile for a lookup, and the age of its tokens in seconds.
fn chosen(config: &Config, lookup: Lookup<'_>) -> (String, Option<u64>) {
    let identity = config.rule_for(lookup).unwrap();
    let profile = identity.as_ref().map_or("none", |identity| {
        identity.source.as_ref().unwrap().profile().unwrap()
    });
    let max_age = config.settings_for(lookup).max_age;
    (profile.to_owned(), max_age.map(|age| age.as_secs()))
}

#[test]
fn the_first_rule_that_matches_registry_and_repository_is_used() {
    let config = config(RULES);
    for (host, repository, profile, max_age) in [
        (IRELAND, None, "registry", Some(700)),
        (IRELAND, Some("team/app"), "app", Some(600)),
        (IRELAND, Some("team/other"), "team", Some(600)),
        (IRELAND, Some("team/sub/app"), "team", Some(600)),
        (IRELAND, Some("team"), "registry", Some(700)),
        (IRELAND, Some("team2/app"), "registry", Some(700)),
        (IRELAND, Some("late/app"), "registry", Some(700)),
        (OREGON, Some("team/app"), "none", None),
        (PUBLIC, Some("team/app"), "none", None),
    ] {
        let registry = &registry(host);
        let lookup = Lookup {
            registry,
            repository,
        };
        let expected = (profile.to_owned(), max_age);
        assert_eq!(chosen(&config, lookup), expected, "{host} {repository:?}");
    }
    config.index_rules();
    let registry = &registry(IRELAND);
    let repository = Some("team/app");
    let lookup = Lookup {
        registry,
        repository,
    };
    assert_eq!(chosen(&config, lookup), ("app".to_owned(), Some(600)));
}

#[test]
fn a_rule_for_repositories_is_also_for_the_custom_host_name_of_their_registry() {
    let config = config(&format!(
        "{RULES}\n[[registry]]\nmatch = \"images.example.com\"\naccount = \"111122223333\"\nregion = \"eu-west-1\"\n"
    ));
    let own = config.registry("images.example.com/team/app").unwrap();
    let lookup = Lookup::from_server("images.example.com/team/app", &own);
    assert_eq!(chosen(&config, lookup).0, "app");
    assert_eq!(chosen(&config, (&own).into()).0, "registry");
}

#[test]
fn a_match_is_shown_by_account_and_region() {
    let config = config(RULES);
    let matches = config.rules().iter().map(|rule| rule.registries());
    let matches: Vec<String> = matches.map(ToString::to_string).collect();
    assert_eq!(
        matches,
        [
            "111122223333/eu-west-1/team/app",
            "111122223333/eu-west-1/team/*",
            "111122223333/eu-west-1",
            "111122223333/eu-west-1/late/*",
        ]
    );
}

/// The lines of the rules that never have a say, each with those that have it instead.
fn unreachable(rules: &[&str]) -> Vec<String> {
    let text: Vec<String> = rules
        .iter()
        .map(|rule| format!("[[registry]]\n{}\n", rule.replace("; ", "\n")))
        .collect();
    // Every rule has six lines, so that the places are easy to tell.
    let text: String = text
        .iter()
        .map(|rule| format!("{rule}{}", "\n".repeat(6 - rule.lines().count())))
        .collect();
    let number = |line: usize| line.div_ceil(6);
    config(&text)
        .unreachable_rules()
        .iter()
        .map(|rule| {
            let this = number(rule.origin.line);
            match &rule.why {
                Why::EarlierRules(origins) => {
                    let by: Vec<String> = origins
                        .iter()
                        .map(|origin| number(origin.line).to_string())
                        .collect();
                    format!("{this} by {}", by.join(","))
                }
                Why::HostTaken { by, registry } => {
                    format!("{this} taken by {} for {registry}", number(by.line))
                }
            }
        })
        .collect()
}

const OWN_RULE: &str =
    "match = \"images.example.com\"; account = \"111122223333\"; region = \"eu-west-1\"";

#[test]
fn a_rule_is_idle_when_all_it_says_is_said_before_for_all_its_registries() {
    let all = "match = \"*\"; profile = \"a\"";
    let account = "match = \"111122223333\"; profile = \"a\"";
    let other_account = "match = \"999999999999\"; profile = \"a\"";
    let region = "match = \"111122223333/eu-west-1\"; profile = \"a\"";
    let china = "match = \"aws-cn\"; profile = \"a\"";
    let in_china = "match = \"111122223333/cn-north-1\"; profile = \"a\"";
    let two = "match = \"*\"; accounts = [\"111122223333\", \"999999999999\"]; profile = \"a\"";
    let public = "match = \"public.ecr.aws\"; profile = \"a\"";
    let cases: [(&[&str], &[&str]); 14] = [
        (&[], &[]),
        (&[all, account], &["2 by 1"]),
        (&[account, all], &[]),
        (&[account, region], &["2 by 1"]),
        (&[region, account], &[]),
        (&[region, region], &["2 by 1"]),
        (&[china, in_china], &["2 by 1"]),
        (&[china, region], &[]),
        (&[china, account], &[]),
        (&[all, public], &[]),
        (&[public, all, public], &["3 by 1"]),
        // Together they leave nothing over.
        (&[account, other_account, two], &["3 by 1,2"]),
        (&[account, two], &[]),
        (&[two, account, other_account, all], &["2 by 1", "3 by 1"]),
    ];
    for (rules, expected) in cases {
        assert_eq!(unreachable(rules), expected, "{rules:?}");
    }
}

#[test]
fn a_rule_for_repositories_is_idle_after_one_for_all_of_them() {
    let all = "match = \"*\"; profile = \"a\"";
    let registry = "match = \"111122223333/eu-west-1\"; profile = \"a\"";
    let other_registry = "match = \"111122223333/eu-west-2\"; profile = \"a\"";
    let team = "match = \"111122223333/eu-west-1/team/*\"; profile = \"a\"";
    let by_host =
        "match = \"111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/*\"; profile = \"a\"";
    let sub = "match = \"111122223333/eu-west-1/team/sub/*\"; profile = \"a\"";
    let app = "match = \"111122223333/eu-west-1/team/app\"; profile = \"a\"";
    let team2 = "match = \"111122223333/eu-west-1/team2/app\"; profile = \"a\"";
    let age = "match = \"111122223333/eu-west-1\"; max_age_seconds = 600";
    let team_and_age =
        "match = \"111122223333/eu-west-1/team/*\"; profile = \"a\"; max_age_seconds = 700";
    let cases: [(&[&str], &[&str]); 12] = [
        (&[all, team], &["2 by 1"]),
        (&[registry, app], &["2 by 1"]),
        (&[other_registry, app], &[]),
        (&[team, registry, all], &[]),
        (&[team, by_host], &["2 by 1"]),
        (&[team, sub, app], &["2 by 1", "3 by 1"]),
        (&[app, sub, team], &[]),
        (&[team, team2], &[]),
        (&[app, app], &["2 by 1"]),
        (&[age, team], &[]),
        (&[age, team_and_age], &[]),
        (&[age, team, team_and_age], &["3 by 1,2"]),
    ];
    for (rules, expected) in cases {
        assert_eq!(unreachable(rules), expected, "{rules:?}");
    }
}

#[test]
fn every_partition_together_is_everything() {
    let partitions = [
        "aws",
        "aws-cn",
        "aws-us-gov",
        "aws-eusc",
        "aws-iso",
        "aws-iso-b",
        "aws-iso-e",
        "aws-iso-f",
    ];
    let rules: Vec<String> = partitions
        .iter()
        .chain([&"*"])
        .map(|name| format!("match = \"{name}\"; profile = \"a\""))
        .collect();
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    assert_eq!(unreachable(&rules), ["9 by 1,2,3,4,5,6,7,8"]);
    assert_eq!(unreachable(&rules[1..]), [""; 0]);
}

#[test]
fn what_a_rule_says_besides_counts_by_itself() {
    let url = "endpoint_url = \"https://a.example\"";
    let sts = "sts_endpoint_url = \"https://b.example\"";
    let all = |says: &str| format!("match = \"*\"; {says}");
    let one = |says: &str| format!("match = \"111122223333\"; {says}");
    let cases: [(Vec<String>, &[&str]); 10] = [
        // A rule without an identity leaves that to the next.
        (vec![all(url), one("profile = \"a\"")], &[]),
        (vec![all("profile = \"a\""), one(url)], &[]),
        (vec![all(url), one(url)], &["2 by 1"]),
        (vec![all(url), one(sts)], &[]),
        (vec![all(url), one(&format!("{url}; profile = \"a\""))], &[]),
        (
            vec![
                all(url),
                all("profile = \"a\""),
                one(&format!("{url}; profile = \"b\"")),
            ],
            &["3 by 1,2"],
        ),
        (
            vec![all("max_age_seconds = 600"), one("max_age_seconds = 60")],
            &["2 by 1"],
        ),
        (
            vec![all("access = \"pull\""), one("access = \"push\"")],
            &["2 by 1"],
        ),
        (vec![all("profile = \"a\""), one("access = \"push\"")], &[]),
        (
            vec![
                all("max_age_seconds = 600"),
                all(sts),
                one(&format!("max_age_seconds = 60; {sts}; profile = \"a\"")),
            ],
            &[],
        ),
    ];
    for (rules, expected) in cases {
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        assert_eq!(unreachable(&rules), expected, "{rules:?}");
    }
}

#[test]
fn a_host_of_ones_own_says_which_registry_it_is() {
    let named = format!("{OWN_RULE}; profile = \"a\"");
    let with_port = OWN_RULE.replace("example.com", "example.com:8443");
    let other = OWN_RULE.replace("eu-west-1", "eu-west-2");
    let other_with_port = with_port.replace("eu-west-1", "eu-west-2");
    let all = "match = \"*\"; profile = \"a\"";
    let cases: [(&[&str], &[&str]); 10] = [
        // No other rule maps the host to a registry.
        (&[all, OWN_RULE], &[]),
        (&[all, &named], &[]),
        (&[OWN_RULE, OWN_RULE], &["2 by 1"]),
        // The first one has no identity.
        (&[OWN_RULE, &named], &[]),
        (&[all, OWN_RULE, &named], &["3 by 1,2"]),
        (
            &[OWN_RULE, &other],
            &["2 taken by 1 for 111122223333/eu-west-1"],
        ),
        // A name without a port is for every port, and its registry is called by it.
        (
            &[OWN_RULE, &with_port],
            &["2 taken by 1 for 111122223333/eu-west-1"],
        ),
        (&[&with_port, OWN_RULE], &[]),
        (
            &[OWN_RULE, &other_with_port],
            &["2 taken by 1 for 111122223333/eu-west-1"],
        ),
        (&[&other_with_port, OWN_RULE], &[]),
    ];
    for (rules, expected) in cases {
        assert_eq!(unreachable(rules), expected, "{rules:?}");
    }
}

#[test]
fn a_thousand_rules_are_judged_in_no_time() {
    let mut text = String::new();
    for number in 0..1000 {
        text.push_str(&format!(
            "[[registry]]\nmatch = \"{number:012}\"\nprofile = \"a\"\n"
        ));
    }
    text.push_str("[[registry]]\nmatch = \"*\"\nprofile = \"a\"\n");
    assert_eq!(config(&text).unreachable_rules(), []);
}
