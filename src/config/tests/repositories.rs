//! Rules for repositories.

use super::*;
use crate::registry::Lookup;

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
