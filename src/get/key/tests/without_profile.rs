//! Identities of `config.toml` that need no profile: everything that determines the principal is in the
//! key.

use crate::cache::Key;
use crate::config::{Config, ConfigPaths};
use crate::env::Env;
use crate::identity::Resolver;

const HOST: &str = "999999999999.dkr.ecr.us-west-2.amazonaws.com";

/// The key of a rule with these lines, with these variables and this `~/.aws/config`.
fn key(lines: &str, variables: &[(&str, &str)], aws_config: &str) -> Key {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    std::fs::write(home.path().join(".aws/config"), aws_config).unwrap();
    let path = home.path().join("config.toml");
    std::fs::write(&path, format!("[[registry]]\nmatch = \"*\"\n{lines}\n")).unwrap();
    let paths = ConfigPaths {
        explicit: Some(path),
        ..ConfigPaths::default()
    };
    let config = Config::load(&paths).unwrap();
    let variables = variables.iter().copied();
    let env = Env::from_variables(variables.chain([("HOME", home.path().to_str().unwrap())]));
    let registry = config.registry(HOST).unwrap();
    let identity = Resolver::new(&env, &config)
        .resolve((&registry).into())
        .unwrap();
    super::super::entry(&registry, &identity)
}

#[test]
fn each_setting_of_sso_without_a_profile_decides() {
    let session = "[sso-session a]\nsso_start_url = https://a.example\nsso_region = us-east-1\n\
                   [sso-session b]\nsso_start_url = https://a.example\nsso_region = us-east-1\n";
    let of_session = "sso_session = \"a\"\nsso_role_name = \"dev\"";
    let of_url = "sso_start_url = \"https://a.example\"\nsso_region = \"us-east-1\"\nsso_role_name = \"dev\"";
    for (lines, change) in [
        (of_session, ("\"a\"", "\"b\"")),
        (of_session, ("\"dev\"", "\"ops\"")),
        (
            of_session,
            ("dev\"", "dev\"\nsso_account_id = \"111122223333\""),
        ),
        (of_url, ("a.example", "b.example")),
        (of_url, ("us-east-1", "us-east-2")),
        (of_url, ("\"dev\"", "\"ops\"")),
    ] {
        let changed = lines.replace(change.0, change.1);
        assert_ne!(
            key(lines, &[], session),
            key(&changed, &[], session),
            "{changed}"
        );
    }
    let own_account = format!("{of_session}\nsso_account_id = \"999999999999\"");
    assert_eq!(
        key(of_session, &[], session),
        key(&own_account, &[], session)
    );
    for change in [("a.example", "b.example"), ("us-east-1", "us-east-2")] {
        let changed = session.replace(change.0, change.1);
        assert_ne!(
            key(of_session, &[], session),
            key(of_session, &[], &changed),
            "{changed}"
        );
    }
}

#[test]
fn each_setting_of_a_jobs_token_and_the_job_itself_decide() {
    let role = "role_arn = \"arn:aws:iam::111122223333:role/ci\"";
    let github = format!("web_identity = \"github\"\n{role}");
    let url = "https://ci.example/a";
    let job = |url, bearer| {
        [
            ("ACTIONS_ID_TOKEN_REQUEST_URL", url),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", bearer),
        ]
    };
    let before = key(&github, &job(url, "one"), "");
    assert_eq!(key(&github, &job(url, "one"), ""), before);
    assert_ne!(key(&github, &job(url, "two"), ""), before);
    assert_ne!(
        key(&github, &job("https://ci.example/b", "one"), ""),
        before
    );
    for change in [
        ("/ci", "/other"),
        ("github\"", "github\"\nweb_identity_audience = \"other\""),
        ("/ci\"", "/ci\"\nrole_session_name = \"other\""),
    ] {
        let changed = github.replace(change.0, change.1);
        assert_ne!(key(&changed, &job(url, "one"), ""), before, "{changed}");
    }
    // {"sub":"a"} and {"sub":"b"}.
    let [one, other] = ["e30.eyJzdWIiOiJhIn0.c2ln", "e30.eyJzdWIiOiJiIn0.c2ln"];
    let variable = format!("web_identity = \"env:A\"\n{role}");
    let of = |lines: &str, token| key(lines, &[("A", token), ("B", token)], "");
    assert_eq!(
        of(&variable, one),
        of(&variable, "e30.eyJzdWIiOiJhIn0.renewed")
    );
    assert_ne!(of(&variable, one), of(&variable, other));
    assert_ne!(
        of(&variable, one),
        of(&variable.replace("env:A", "env:B"), one)
    );
}
