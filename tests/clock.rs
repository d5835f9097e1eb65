//! Clocks that are wrong, and time that passes unobserved. The tests decide what time it
//! is: `cargo test --features test-clock --test clock`. What can be shown by ageing files is in
//! `cache/ages.rs`.

mod common;
#[path = "clock/set.rs"]
mod set;
#[path = "clock/shared.rs"]
mod shared;
#[path = "clock/sleep.rs"]
mod sleep;

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use common::TestEnvironment;
use common::fake_aws::{FakeAws, Operation};

const ECR: Operation = Operation::EcrGetAuthorizationToken;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// The right time, in seconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time");
    i64::try_from(now.as_secs()).expect("a time")
}

/// The clock of a machine, in a file of the home folder.
struct Clock(PathBuf);

impl Clock {
    /// One that is right, for what is run in this environment from now on.
    fn of(environment: &mut TestEnvironment) -> Self {
        let clock = Self::named(environment, "clock");
        clock.rule(environment);
        clock
    }

    fn named(environment: &TestEnvironment, name: &str) -> Self {
        let clock = Self(environment.home().join(name));
        clock.set(0);
        clock
    }

    /// Sets it so many seconds ahead of the right time; negative for behind. Who is running sees
    /// it at once, whole.
    fn set(&self, ahead: i64) {
        let next = self.0.with_extension("next");
        let now = now();
        std::fs::write(&next, format!("{now} {} 1", now + ahead)).expect("a clock");
        std::fs::rename(&next, &self.0).expect("a clock");
    }

    /// It is this clock that counts from now on.
    fn rule(&self, environment: &mut TestEnvironment) {
        environment.set("ECRX_TEST_CLOCK", &self.0.display().to_string());
    }
}

/// As if AWS, too, were so many seconds in the future: its tokens end 12 hours after that.
fn set_aws(aws: &FakeAws, ahead: i64) {
    aws.set_token_expires_in(12 * HOUR + ahead);
}
