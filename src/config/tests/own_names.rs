//! Custom host names: their registries and rules.

use super::choosing::refused;
use super::*;
use crate::registry::ServerName;

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
