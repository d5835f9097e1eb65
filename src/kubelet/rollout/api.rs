//! The rate limit of an API: a bucket that is filled at the rate of the quota.

use super::{END, FIRST_WAVE, Quota, SECOND, Ticks, Wave};

pub(super) struct Api {
    /// Requests per second.
    rate: u32,
    /// In parts of a request, as [`Self::left`].
    most: u32,
    /// In parts of a request: [`SECOND`] make one.
    left: u32,
    filled_at: Ticks,
    /// The calls of each second, and how many of them were throttled.
    seconds: Vec<(u64, u64)>,
}

impl Api {
    pub(super) fn new(quota: Quota) -> Self {
        let Quota { rate, burst } = quota;
        let count = (END / SECOND) as usize + 1;
        Self {
            rate,
            most: burst * SECOND,
            left: burst * SECOND,
            filled_at: 0,
            seconds: vec![(0, 0); count],
        }
    }

    /// Whether a call at this moment is answered, and not throttled. The moments do not go back.
    pub(super) fn answers(&mut self, now: Ticks) -> bool {
        let passed = now - self.filled_at;
        self.left = self.most.min(self.left + passed * self.rate);
        self.filled_at = now;
        let is_answered = self.left >= SECOND;
        if is_answered {
            self.left -= SECOND;
        }
        let second = &mut self.seconds[(now / SECOND) as usize];
        second.0 += 1;
        second.1 += u64::from(!is_answered);
        is_answered
    }

    /// The calls before or after the end of the first wave.
    pub(super) fn wave(&self, is_first: bool) -> Wave {
        let (first, second) = self.seconds.split_at((FIRST_WAVE / SECOND) as usize);
        let seconds = if is_first { first } else { second };
        Wave {
            calls: seconds.iter().map(|(calls, _)| calls).sum(),
            throttled: seconds.iter().map(|(_, throttled)| throttled).sum(),
            peak: seconds.iter().map(|(calls, _)| *calls).max().unwrap_or(0),
        }
    }
}

#[test]
fn after_a_burst_as_many_calls_are_answered_as_the_rate_allows() {
    let mut api = Api::new(Quota {
        rate: 20,
        burst: 200,
    });
    let mut answered = |now| (0..2000).filter(|_| api.answers(now)).count();
    assert_eq!(answered(0), 200);
    assert_eq!(answered(SECOND / 2), 10);
    assert_eq!(answered(60 * SECOND), 200);
    let wave = api.wave(true);
    assert_eq!((wave.calls, wave.throttled, wave.peak), (6000, 5590, 4000));
    assert_eq!(api.wave(false).calls, 0);
}
