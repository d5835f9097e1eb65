//! Who asks in a warm `get`, and among how much else.

use super::common::TestEnvironment;
use super::common::sources::{Profile, keys, role, sso, web_identity};
use super::stage::Stage;

/// A row of the table.
pub struct Case {
    pub name: &'static str,
    pub environment: TestEnvironment,
    /// Whether the peer knows what this is about: it has no rules, and one file for all tokens.
    pub has_peer: bool,
    /// Other tokens that lie in the cache.
    pub other_tokens: usize,
    /// The most that it should take, as a multiple of the time of `/bin/true`.
    pub aim: Option<f64>,
}

/// All rows, in order. The kinds of sources are those of `tests/common/sources.rs`.
pub fn all(stage: &Stage) -> Vec<Case> {
    let profile = |name, write: Profile| Case {
        name,
        environment: with_profile(stage, write),
        has_peer: true,
        other_tokens: 0,
        aim: None,
    };
    // What is added names roles, or SSO.
    let among = |name, add: fn(&TestEnvironment, usize) -> usize, count, aim| {
        let case = profile(name, keys);
        add(&case.environment, count);
        Case {
            aim: Some(aim),
            ..case
        }
    };
    let mut instance = stage.environment();
    stage.set_instance_metadata(&mut instance);
    let many_rules = profile("keys, 1,000 rules", keys);
    many_rules.environment.config_with_rules(1000);
    let (of_roles, of_sso) = (
        TestEnvironment::add_profiles,
        TestEnvironment::add_sso_profiles,
    );
    vec![
        profile("keys", keys),
        profile("role of keys", role),
        profile("SSO", sso),
        profile("web identity", web_identity),
        Case {
            name: "instance metadata",
            environment: instance,
            has_peer: true,
            other_tokens: 0,
            aim: None,
        },
        Case {
            has_peer: false,
            other_tokens: 99_999,
            ..profile("keys, 100,000 tokens", keys)
        },
        Case {
            has_peer: false,
            ..many_rules
        },
        among("keys, 500 profiles", of_roles, 500, 1.5),
        among("keys, 500 SSO profiles", of_sso, 500, 1.5),
        among("keys, 5,000 profiles", of_roles, 5000, 4.0),
        among("keys, 5,000 SSO profiles", of_sso, 5000, 4.0),
    ]
}

/// A home with one profile, by which both programs ask.
pub fn with_profile(stage: &Stage, write: Profile) -> TestEnvironment {
    let mut environment = stage.environment();
    write(&mut environment, &stage.aws, "work");
    environment.set("AWS_PROFILE", "work");
    environment
}
