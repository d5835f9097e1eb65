//! Days that pass in seconds, for the executable and for the fake AWS alike.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::common::TestEnvironment;
use super::common::fake_aws::FakeAws;

/// A minute is a day: a token lives 30 s, and is renewed after 15 s; one of session keys after
/// 2.5 s.
pub const RATE: f64 = 1440.0;

/// The simulated clock. Moments are seconds since 1970, and never before the machine's own: the
/// SDK, which goes by that, is not to find a session over.
#[derive(Clone, Copy)]
pub struct Days {
    began_at: f64,
}

impl Days {
    /// Begins now, in this environment and behind this AWS.
    pub fn begin(environment: &mut TestEnvironment, aws: &FakeAws) -> Self {
        let began_at = machine(SystemTime::now());
        let days = Self { began_at };
        let file = environment.write("clock", &format!("{began_at} {began_at} {RATE}\n"));
        environment.set("ECRX_TEST_CLOCK", &file.display().to_string());
        #[expect(clippy::cast_possible_truncation, reason = "AWS tells whole seconds")]
        aws.set_lifetime_clock(move || days.now() as i64);
        days
    }

    /// A calendar of its own, for stories.
    pub fn from_the_epoch() -> Self {
        Self { began_at: 0.0 }
    }

    /// What time it is.
    pub fn now(self) -> f64 {
        self.at(SystemTime::now())
    }

    /// What time it was at this moment of the machine's clock.
    pub fn at(self, moment: SystemTime) -> f64 {
        self.began_at + (machine(moment) - self.began_at) * RATE
    }

    /// When it began.
    pub fn began_at(self) -> f64 {
        self.began_at
    }
}

fn machine(moment: SystemTime) -> f64 {
    let since = moment.duration_since(UNIX_EPOCH);
    since.unwrap_or(Duration::ZERO).as_secs_f64()
}
