//! `[identity.NAME]`, `source_profile`, and the settings of rules other than the identity.

use super::*;

/// The message after the name of the file.
pub(super) fn refused(text: &str) -> String {
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
    assert_eq!(who(&config, IRELAND), "p");
    assert_eq!(
        config.settings_for(&registry(PUBLIC)),
        RegistrySettings::default()
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
