//! Every credential source gets a token as itself, with one request, and the next `get` makes none.
//! Of several sources, the most explicit one is used.

mod common;
#[path = "credential_sources/differences.rs"]
mod differences;
#[path = "credential_sources/files.rs"]
mod files;
#[path = "credential_sources/instance.rs"]
mod instance;
#[cfg(target_os = "linux")]
#[path = "credential_sources/link_local.rs"]
mod link_local;
#[path = "credential_sources/nothing.rs"]
mod nothing;
#[path = "credential_sources/plain.rs"]
mod plain;
#[path = "credential_sources/precedence.rs"]
mod precedence;
#[path = "credential_sources/roles.rs"]
mod roles;
#[path = "credential_sources/set_ups.rs"]
mod set_ups;
#[path = "credential_sources/sign_in.rs"]
mod sign_in;
#[path = "credential_sources/without_profile.rs"]
mod without_profile;

use common::fake_aws::{Call, FakeAws, Operation};
use common::sources::{Expected, Profile};
use common::{HOST, TestEnvironment};

/// How a source comes to be the one that asks.
#[derive(Clone, Copy, Debug)]
enum Way {
    Rule,
    Variable,
    Defaults,
    DefaultProfile,
    /// It is no profile.
    Itself,
}

const EVERY_WAY: [Way; 4] = [Way::Rule, Way::Variable, Way::Defaults, Way::DefaultProfile];

fn operations(aws: &FakeAws) -> Vec<Operation> {
    aws.calls().iter().map(|call| call.operation).collect()
}

/// Cold: this principal requests the token, with exactly these calls, which are returned. Warm: the
/// same answer, without a socket.
#[track_caller]
fn asks_once(environment: &TestEnvironment, aws: &FakeAws, expected: &Expected) -> Vec<Call> {
    asks_once_by(Way::Itself, environment, aws, expected)
}

#[track_caller]
fn asks_once_by(
    way: Way,
    environment: &TestEnvironment,
    aws: &FakeAws,
    expected: &Expected,
) -> Vec<Call> {
    aws.clear();
    let cold = environment.get(HOST);
    assert_eq!(cold.grant().principal, expected.principal, "{way:?}");
    assert_eq!(operations(aws), expected.calls_of_get(), "{way:?}");
    let calls = aws.calls();
    aws.clear();
    let warm = environment.get(HOST);
    assert_eq!(warm, cold, "{way:?}");
    assert_eq!((operations(aws), aws.connections()), (vec![], 0), "{way:?}");
    calls
}

/// A profile of this kind, chosen in each of these ways, asks once.
#[track_caller]
fn profile_asks_once(profile: Profile, ways: &[Way]) {
    for way in ways {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::with_aws(&aws);
        let name = match way {
            Way::DefaultProfile => "default",
            _ => "work",
        };
        let expected = profile(&mut environment, &aws, name);
        match way {
            Way::Rule => {
                environment.config("[[registry]]\nmatch = \"999999999999\"\nprofile = \"work\"\n");
            }
            Way::Variable => {
                environment.set("AWS_PROFILE", "work");
            }
            Way::Defaults => {
                environment.config("[defaults]\nprofile = \"work\"\n");
            }
            Way::DefaultProfile | Way::Itself => {}
        }
        asks_once_by(*way, &environment, &aws, &expected);
    }
}
