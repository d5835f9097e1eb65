//! Whole files: their settings, two files together, matching rules, identities.

mod choosing;
mod messages;

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::registry::Registry;

use super::section::ConfigText;
use super::*;

fn source(path: &str, text: &str) -> ConfigText {
    ConfigText::new(Path::new(path), text.as_bytes().to_vec()).expect("the text is UTF-8")
}

fn read(text: &str) -> Result<Config, ConfigError> {
    Config::from_sources(vec![source("/c.toml", text)])
}

fn config(text: &str) -> Config {
    read(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn registry(host: &str) -> Registry {
    Registry::parse(host).expect("a registry")
}

/// The identity for a host in one line, of a rule or of `[defaults]`.
fn who(config: &Config, host: &str) -> String {
    let registry = registry(host);
    let identity = match config.rule_for(&registry) {
        Ok(None) => config.defaults_for(&registry),
        by_rule => by_rule,
    };
    match identity {
        Ok(Some(identity)) => {
            let roles = identity.roles.iter().map(|role| role.arn.to_string());
            let profile = identity.source.as_ref().and_then(SourceSettings::profile);
            let profile = profile.map(str::to_owned).into_iter();
            profile.chain(roles).collect::<Vec<_>>().join(" ")
        }
        Ok(None) => "none".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// The other helper's executable, and where it is named.
fn other_helper(config: &Config) -> Option<String> {
    let helper = config.other_registries_helper.as_ref()?;
    Some(format!(
        "{}, named at {}",
        helper.program(),
        helper.origin()
    ))
}

const IRELAND: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
const OREGON: &str = "999999999999.dkr.ecr.us-west-2.amazonaws.com";
const BEIJING: &str = "444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn";
const PUBLIC: &str = "public.ecr.aws";

#[test]
fn no_file_and_empty_files_mean_the_defaults() {
    let none = Config::from_sources(vec![]).unwrap();
    for config in [
        none,
        Config::default(),
        config(""),
        config("# nothing\n[cache]\n[defaults]\n"),
    ] {
        assert_eq!(config.timeout, Duration::from_secs(30));
        assert_eq!(config.connect_timeout, Duration::from_secs(3));
        assert_eq!(other_helper(&config), None);
        assert_eq!(config.other_registries_timeout, Duration::from_secs(120));
        assert_eq!(config.cache, CacheSettings::default());
        assert!(config.cache.enabled);
        assert!(config.rules().is_empty());
        assert_eq!(who(&config, IRELAND), "none");
    }
}

#[test]
#[cfg_attr(windows, ignore = "its paths are those of Unix")]
fn every_setting_arrives() {
    let config = config(
        r#"
        timeout_seconds = 300
        connect_timeout_seconds = 60
        other_registries_helper = "secret.Service_2-x"
        other_registries_timeout_seconds = 3600
        [cache]
        enabled = false
        dir = "/run/user/1000/ecrx"
        max_age_seconds = 43_200
        [[registry]]
        match = "*"
        accounts = ["111122223333", "999999999999"]
        profile = "work"
        role_arn = ["arn:aws:iam::111122223333:role/hub", "arn:aws:iam::{account}:role/pull"]
        external_id = "id+=,.@:/-_"
        role_session_name = "me+=,.@-_"
        duration_seconds = 3600
        mfa_serial = "arn:aws:iam::111122223333:mfa/alice"
        region = "us-east-2"
        endpoint_url = "https://vpce-0abc.api.ecr.us-west-2.vpce.amazonaws.com"
        sts_endpoint_url = "http://localhost:4566"
        max_age_seconds = 60
        "#,
    );
    assert_eq!(config.timeout, Duration::from_secs(300));
    assert_eq!(config.connect_timeout, Duration::from_secs(60));
    assert_eq!(
        other_helper(&config).as_deref(),
        Some("docker-credential-secret.Service_2-x, named at /c.toml:4")
    );
    assert_eq!(config.other_registries_timeout, Duration::from_secs(3600));
    assert_eq!(
        config.cache,
        CacheSettings {
            enabled: false,
            dir: Some("/run/user/1000/ecrx".into()),
            max_age: Some(Duration::from_secs(43200)),
        }
    );
    let registry = registry(OREGON);
    let rule = &config.rules()[0];
    assert_eq!(*rule.registries(), Match::Private);
    assert_eq!(rule.accounts().len(), 2);
    let role = |arn: &str, external_id, duration, mfa_device: Option<&str>| RoleSettings {
        arn: arn.parse().unwrap(),
        external_id,
        session_name: Some("me+=,.@-_".to_owned()),
        duration,
        mfa_device: mfa_device.map(|device| device.parse().unwrap()),
    };
    assert_eq!(
        rule.identity_for(&registry).unwrap().unwrap(),
        IdentitySettings {
            source: Some(SourceSettings::Profile("work".to_owned())),
            roles: vec![
                role(
                    "arn:aws:iam::111122223333:role/hub",
                    None,
                    None,
                    Some("arn:aws:iam::111122223333:mfa/alice"),
                ),
                role(
                    "arn:aws:iam::999999999999:role/pull",
                    Some(crate::secret::Secret::new("id+=,.@:/-_")),
                    Some(Duration::from_secs(3600)),
                    None,
                ),
            ],
            region: Some("us-east-2".parse().unwrap()),
            origin: Origin {
                file: Path::new("/c.toml").into(),
                line: 10,
            },
        }
    );
    let settings = config.settings_for(&registry);
    assert_eq!(
        settings.endpoint_url.unwrap().as_str(),
        "https://vpce-0abc.api.ecr.us-west-2.vpce.amazonaws.com"
    );
    assert_eq!(
        settings.sts_endpoint_url.unwrap().as_str(),
        "http://localhost:4566"
    );
    assert_eq!(settings.max_age, Some(Duration::from_secs(60)));
    assert!(
        !format!("{config:?}").contains("id+="),
        "external ids are not for logs"
    );
}

#[test]
fn dotted_and_inline_forms_mean_the_same() {
    let config = config(
        "cache.enabled = false\r\ndefaults = { profile = 'work' }\r\n\
         registry = [\r\n  { match = \"aws\", profile = \"one\" },\r\n  { match = \"aws-cn\", profile = \"two\" },\r\n]\r\n",
    );
    assert!(!config.cache.enabled);
    assert_eq!(who(&config, OREGON), "one");
    assert_eq!(who(&config, BEIJING), "two");
    assert_eq!(who(&config, PUBLIC), "work");
    let lines: Vec<usize> = config
        .rules()
        .iter()
        .map(|rule| rule.origin().line)
        .collect();
    assert_eq!(lines, [4, 5]);
}

#[test]
#[cfg_attr(windows, ignore = "its paths are those of Unix")]
fn the_users_settings_come_first_and_defaults_are_taken_whole() {
    let user = source(
        "/home/u/c.toml",
        "timeout_seconds = 5\nother_registries_helper = \"pass\"\n[cache]\ndir = \"/u\"\n[defaults]\nprofile = \"mine\"\n\
         [[registry]]\nmatch = \"111122223333\"\nprofile = \"user\"\n",
    );
    let machine = source(
        "/etc/c.toml",
        "timeout_seconds = 6\nconnect_timeout_seconds = 7\nother_registries_helper = \"machine\"\n\
         other_registries_timeout_seconds = 8\n\
         [cache]\ndir = \"/m\"\nenabled = false\nmax_age_seconds = 60\n\
         [defaults]\nrole_arn = \"arn:aws:iam::111122223333:role/machine\"\n\
         [[registry]]\nmatch = \"*\"\nprofile = \"machine\"\n\
         [[registry]]\nmatch = \"111122223333\"\nprofile = \"never\"\n",
    );
    let config = Config::from_sources(vec![user, machine]).unwrap();
    assert_eq!(config.timeout, Duration::from_secs(5));
    assert_eq!(config.connect_timeout, Duration::from_secs(7));
    assert_eq!(
        config.cache,
        CacheSettings {
            enabled: false,
            dir: Some("/u".into()),
            max_age: Some(Duration::from_secs(60)),
        }
    );
    assert_eq!(
        other_helper(&config).as_deref(),
        Some("docker-credential-pass, named at /home/u/c.toml:2")
    );
    assert_eq!(config.other_registries_timeout, Duration::from_secs(8));
    assert_eq!(who(&config, IRELAND), "user");
    assert_eq!(who(&config, OREGON), "machine");
    assert_eq!(
        who(&config, PUBLIC),
        "mine",
        "no role of the machine's file comes with it"
    );
    let origins: Vec<String> = config
        .rules()
        .iter()
        .map(|rule| rule.origin().to_string())
        .collect();
    assert_eq!(
        origins,
        ["/home/u/c.toml:7", "/etc/c.toml:11", "/etc/c.toml:14"]
    );
    let files: Vec<&Path> = config.files().collect();
    assert_eq!(
        files,
        [Path::new("/home/u/c.toml"), Path::new("/etc/c.toml")]
    );
}

#[test]
fn all_spellings_of_a_registry_match_alike() {
    let spellings = [
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
        "111122223333.DKR.ecr.EU-West-1.amazonaws.com",
        "111122223333.dkr.ecr-fips.eu-west-1.amazonaws.com",
        "111122223333.dkr-ecr.eu-west-1.on.aws",
        "111122223333.dkr-ecr-fips.eu-west-1.on.aws",
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com:8443",
        "https://111122223333.dkr.ecr.eu-west-1.amazonaws.com/",
        "HTTP://111122223333.dkr.ecr.eu-west-1.amazonaws.com:443/",
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com.",
    ];
    let written = spellings.into_iter().chain(["111122223333/eu-west-1"]);
    for written in written {
        let registries: Match = written.parse().unwrap();
        assert_eq!(
            registries.to_string(),
            "111122223333/eu-west-1",
            "{written}"
        );
        for sent in spellings {
            assert!(
                registries.contains((&registry(sent)).into()),
                "{written} {sent}"
            );
        }
        for other in [
            "444455556666.dkr.ecr.eu-west-1.amazonaws.com",
            "111122223333.dkr.ecr.eu-west-2.amazonaws.com",
            PUBLIC,
        ] {
            assert!(
                !registries.contains((&registry(other)).into()),
                "{written} {other}"
            );
        }
    }
}

#[test]
fn each_kind_of_match_has_its_registries() {
    let hosts = [
        IRELAND,
        "111122223333.dkr.ecr.us-gov-west-1.amazonaws.com",
        OREGON,
        BEIJING,
        PUBLIC,
        "ecr-public.aws.com",
    ];
    for (written, expected) in [
        ("*", [true, true, true, true, false, false]),
        ("aws", [true, false, true, false, false, false]),
        ("aws-cn", [false, false, false, true, false, false]),
        ("aws-us-gov", [false, true, false, false, false, false]),
        ("111122223333", [true, true, false, false, false, false]),
        (
            "999999999999/us-west-2",
            [false, false, true, false, false, false],
        ),
        (BEIJING, [false, false, false, true, false, false]),
        ("public.ecr.aws", [false, false, false, false, true, true]),
        (
            "https://ECR-public.aws.com:443",
            [false, false, false, false, true, true],
        ),
    ] {
        let registries: Match = written.parse().unwrap();
        let actual = hosts.map(|host| registries.contains((&registry(host)).into()));
        assert_eq!(actual, expected, "{written}");
        assert_eq!(registries.to_string().parse(), Ok(registries), "{written}");
    }
}

#[test]
fn the_first_rule_that_fits_is_the_one_and_accounts_limit_it() {
    let config = config(
        r#"
        [[registry]]
        match = "*"
        accounts = ["111122223333", "444455556666"]
        role_arn = "arn:{partition}:iam::{account}:role/pull-{region}"
        external_id = "known"
        [[registry]]
        match = "aws"
        profile = "second"
        [[registry]]
        match = "999999999999"
        profile = "never"
        "#,
    );
    for (host, expected) in [
        (IRELAND, "arn:aws:iam::111122223333:role/pull-eu-west-1"),
        (
            "111122223333.dkr.ecr.us-gov-west-1.amazonaws.com",
            "arn:aws-us-gov:iam::111122223333:role/pull-us-gov-west-1",
        ),
        (BEIJING, "arn:aws-cn:iam::444455556666:role/pull-cn-north-1"),
        (OREGON, "second"),
        (PUBLIC, "none"),
    ] {
        assert_eq!(who(&config, host), expected, "{host}");
    }
}

#[test]
fn an_external_id_goes_only_to_accounts_that_are_written_down() {
    for scope in [
        "match = \"*\"\naccounts = [\"111122223333\"]",
        "match = \"aws\"\naccounts = [\"111122223333\"]",
        "match = \"111122223333\"",
        "match = \"111122223333\"\naccounts = [\"444455556666\", \"111122223333\"]",
        "match = \"111122223333/eu-west-1\"",
        "match = \"111122223333.dkr.ecr.eu-west-1.amazonaws.com\"",
    ] {
        let config = config(&format!(
            "[[registry]]\n{scope}\nrole_arn = \"arn:aws:iam::{{account}}:role/r\"\nexternal_id = \"xy\"\n"
        ));
        assert_eq!(
            who(&config, IRELAND),
            "arn:aws:iam::111122223333:role/r",
            "{scope}"
        );
        assert_eq!(who(&config, OREGON), "none", "{scope}");
    }
}

#[test]
fn nothing_crosses_partitions() {
    let config = config(
        "[defaults]\nrole_arn = \"arn:aws-cn:iam::444455556666:role/d\"\n\
         [[registry]]\nmatch = \"111122223333\"\nrole_arn = \"arn:aws-us-gov:iam::111122223333:role/r\"\n\
         [[registry]]\nmatch = \"444455556666\"\nprofile = \"p\"\nregion = \"eu-west-1\"\n",
    );
    for (host, expected) in [
        (
            IRELAND,
            "/c.toml:3: registry.role_arn: `arn:aws-us-gov:iam::111122223333:role/r` is in the partition \
             aws-us-gov, and 111122223333.dkr.ecr.eu-west-1.amazonaws.com in aws; AWS identities and registries must be in the same partition",
        ),
        (
            BEIJING,
            "/c.toml:6: registry.region: `eu-west-1` is in the partition aws, and \
             444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn in aws-cn; AWS identities and registries must be in the same partition",
        ),
        (
            PUBLIC,
            "/c.toml:1: defaults.role_arn: `arn:aws-cn:iam::444455556666:role/d` is in the partition aws-cn, \
             and public.ecr.aws in aws; AWS identities and registries must be in the same partition",
        ),
        (
            "999999999999.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "arn:aws-cn:iam::444455556666:role/d",
        ),
    ] {
        assert_eq!(who(&config, host), expected, "{host}");
    }
}

#[test]
fn defaults_with_blanks_are_silent_on_public_ecr() {
    let config = config(
        "[defaults]\nprofile = \"p\"\nrole_arn = \"arn:{partition}:iam::{account}:role/r\"\n",
    );
    assert_eq!(who(&config, PUBLIC), "none");
    assert_eq!(who(&config, IRELAND), "p arn:aws:iam::111122223333:role/r");
}

#[test]
fn a_thousand_rules_keep_their_lines() {
    let mut text = String::new();
    for number in 0..1000 {
        text.push_str(&format!(
            "[[registry]]\nmatch = \"999999999999/us-west-{}\"\nprofile = \"p{number}\"\n\n",
            number + 3
        ));
    }
    text.push_str("[[registry]]\nmatch = \"*\"\nprofile = \"last\"\n");
    let config = config(&text);
    assert_eq!(config.rules().len(), 1001);
    for (number, rule) in config.rules().iter().enumerate() {
        assert_eq!(rule.origin().line, number * 4 + 1);
    }
    assert_eq!(who(&config, OREGON), "last");
    assert_eq!(
        who(&config, "999999999999.dkr.ecr.us-west-502.amazonaws.com"),
        "p499"
    );
}

/// The shipped example with the `#` of every setting taken away. In prose, a space follows.
fn example_switched_on() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/config.example.toml");
    let example = std::fs::read_to_string(path).expect("the example is shipped");
    assert!(
        config(&example).rules().is_empty(),
        "as shipped it sets nothing"
    );
    let on = |line: &str| match line.strip_prefix('#') {
        Some(setting) if setting.starts_with(|first: char| first != ' ') => setting.to_owned(),
        _ => line.to_owned(),
    };
    example.lines().map(on).collect::<Vec<_>>().join("\n")
}

#[test]
#[cfg_attr(windows, ignore = "its paths are those of Unix")]
fn the_example_is_right_and_shows_every_key() {
    let text = example_switched_on();
    let config = config(&text);
    assert_eq!(config.rules().len(), 14);
    assert_eq!(
        who(&config, OREGON),
        "work arn:aws:iam::999999999999:role/ecr-push"
    );
    assert_eq!(
        who(&config, IRELAND),
        "arn:aws:iam::111122223333:role/ecr-pull"
    );
    assert_eq!(who(&config, PUBLIC), "work");
    let own = config.registry("images.example.com").expect("a registry");
    assert_eq!(own.private(), registry(IRELAND).private());
    assert_eq!(config.identity_names().collect::<Vec<_>>(), ["release"]);
    for shape in settings::ALL {
        for key in shape.keys() {
            let shown = |line: &str| {
                line.starts_with(&format!("{key} = "))
                    || line.trim_matches(['[', ']']).split('.').next() == Some(key)
            };
            assert!(text.lines().any(shown), "{}.{key}", shape.name);
        }
    }
}

#[test]
fn no_text_whatever_makes_it_panic_or_break_a_line() {
    let example = example_switched_on().into_bytes();
    let pieces: [&[u8]; 16] = [
        b"\"",
        b"'''",
        b"[",
        b"]",
        b"[[",
        b"=",
        b"\n",
        b"{",
        b"}",
        b"*",
        b"\x00",
        b"\xc3\xa9",
        b"\xff",
        b"match",
        b"99999999999999999999",
        b"\\u0007",
    ];
    // xorshift64: the same texts on every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let (mut right, mut wrong) = (0, 0);
    for _ in 0..3000 {
        let mut bytes = example.clone();
        for _ in 0..=next(4) {
            let at = next(bytes.len());
            match next(4) {
                0 => bytes
                    .iter_mut()
                    .skip(at)
                    .take(1)
                    .for_each(|byte| *byte = next(256) as u8),
                1 => bytes.truncate(at),
                2 => {
                    let end = (at + next(30)).min(bytes.len());
                    bytes.drain(at..end);
                }
                _ => {
                    let piece = pieces[next(pieces.len())];
                    bytes.splice(at..at, piece.iter().copied());
                }
            }
        }
        let result = ConfigText::new(Path::new("/c.toml"), bytes)
            .and_then(|source| Config::from_sources(vec![source]));
        match result {
            Ok(config) => {
                right += 1;
                for host in [IRELAND, OREGON, BEIJING, PUBLIC] {
                    who(&config, host);
                }
            }
            Err(error) => {
                wrong += 1;
                let message = error.to_string();
                assert!(message.starts_with("/c.toml:"), "{message}");
                assert!(!message.contains(char::is_control), "{message:?}");
            }
        }
    }
    assert!(right > 100 && wrong > 100, "{right} right, {wrong} wrong");
}

fn rule(profile: &str) -> String {
    format!("[[registry]]\nmatch = \"*\"\nprofile = \"{profile}\"\n")
}

fn profiles(config: &Config) -> Vec<String> {
    let registry = Registry::parse("111122223333.dkr.ecr.eu-west-1.amazonaws.com").unwrap();
    let identity = |rule: &Rule| rule.identity_for(&registry).unwrap().unwrap();
    config
        .rules()
        .iter()
        .filter_map(|rule| identity(rule).source?.profile().map(str::to_owned))
        .collect()
}

#[test]
fn absent_files_are_fine_and_ecrx_config_replaces_both() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| Some(dir.path().join(name));
    for name in ["user", "machine", "explicit"] {
        fs::write(dir.path().join(name), rule(name)).unwrap();
    }
    let below_a_file = Some(dir.path().join("user/config.toml"));
    for (user, machine, explicit, expected) in [
        (None, None, None, vec![]),
        (path("absent"), path("absent"), None, vec![]),
        (path("no/such/folder"), below_a_file, None, vec![]),
        (path("user"), path("machine"), None, vec!["user", "machine"]),
        (path("absent"), path("machine"), None, vec!["machine"]),
        (
            path("user"),
            path("machine"),
            path("explicit"),
            vec!["explicit"],
        ),
    ] {
        let paths = ConfigPaths {
            explicit,
            user,
            machine,
        };
        let config = Config::load(&paths).unwrap();
        assert_eq!(profiles(&config), expected, "{paths:?}");
        assert_eq!(config.files().count(), expected.len());
    }
}

fn load_user(path: &Path) -> Result<Config, ConfigError> {
    Config::load(&ConfigPaths {
        user: Some(path.to_owned()),
        ..ConfigPaths::default()
    })
}

/// The message without the temporary folder's name.
fn message(path: &Path) -> String {
    let error = load_user(path).unwrap_err();
    assert_eq!(error.path(), path);
    let name = path.parent().unwrap().display().to_string();
    error.to_string().replace(&name, "DIR")
}

#[test]
fn explicit_file_must_be_there() {
    let error = Config::load(&ConfigPaths {
        explicit: Some("/no/such/config.toml".into()),
        ..ConfigPaths::default()
    });
    assert_eq!(
        error.unwrap_err().to_string(),
        "/no/such/config.toml: file not found, but ECRX_CONFIG is set to it; correct or unset ECRX_CONFIG"
    );
}

#[test]
#[cfg_attr(windows, ignore = "its paths are those of Unix")]
fn what_cannot_be_read_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");

    fs::create_dir(&path).unwrap();
    assert_eq!(
        message(&path),
        "DIR/config.toml: is not a regular file; if you want no settings, use an empty file"
    );
    fs::remove_dir(&path).unwrap();

    let mut large = rule("large");
    large.push_str(&" ".repeat(MAX_FILE_BYTES as usize - large.len()));
    fs::write(&path, &large).unwrap();
    assert_eq!(profiles(&load_user(&path).unwrap()), ["large"]);
    fs::write(&path, large + "\n").unwrap();
    assert_eq!(
        message(&path),
        "DIR/config.toml: is larger than 1 MiB, the maximum size of a configuration file"
    );

    fs::write(&path, b"# one\n# two \xe9\n").unwrap();
    assert_eq!(
        message(&path),
        "DIR/config.toml:2: is not UTF-8 text; save the file as UTF-8"
    );
    assert_eq!(load_user(&path).unwrap_err().line(), Some(2));

    fs::write(
        &path,
        b"\xef\xbb\xbf[[registry]]\r\nmatch = \"*\"\r\nprofile = \"bom\"\r\n",
    )
    .unwrap();
    assert_eq!(profiles(&load_user(&path).unwrap()), ["bom"]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_pipes_are_not_opened_and_loops_are_said() {
    use std::os::unix::fs::symlink;

    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("real"), rule("linked")).unwrap();
    symlink("real", path("link")).unwrap();
    assert_eq!(profiles(&load_user(&path("link")).unwrap()), ["linked"]);

    symlink("loop", path("loop")).unwrap();
    assert!(message(&path("loop")).starts_with("DIR/loop: cannot be read: "));

    // Not by binding one: its path may be no longer than 107 characters, and TMPDIR may.
    #[cfg(target_os = "linux")]
    rustix::fs::mknodat(
        rustix::fs::CWD,
        path("socket"),
        rustix::fs::FileType::Socket,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    #[cfg(not(target_os = "linux"))]
    let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    assert!(message(&path("socket")).starts_with("DIR/socket: is not a regular file"));
}

#[test]
fn a_wrong_file_of_the_machine_is_an_error_for_the_user_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("user"), rule("user")).unwrap();
    fs::write(path("machine"), "x\n").unwrap();
    let error = Config::load(&ConfigPaths {
        explicit: None,
        user: Some(path("user")),
        machine: Some(path("machine")),
    });
    assert_eq!(error.unwrap_err().path(), path("machine"));
}
