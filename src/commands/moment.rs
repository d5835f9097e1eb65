//! Moments and spans of time, for people and for programs.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// A span of time in two units at most: `45 s`, `3 min`, `2 h 3 min`. The sign is dropped.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.whole_seconds().unsigned_abs();
    match (seconds / 3600, seconds / 60 % 60, seconds) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, _) => format!("{minutes} min"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// A moment as it lies from now: `in 2 h 3 min`, `5 min ago`.
pub(super) fn from_now(moment: OffsetDateTime, now: OffsetDateTime) -> String {
    match moment - now {
        ahead if ahead > Duration::ZERO => format!("in {}", span(ahead)),
        behind => format!("{} ago", span(behind)),
    }
}

/// A moment for programs, and for people whom the date matters to: `2027-01-15T08:00:00Z`.
pub(super) fn iso(moment: OffsetDateTime) -> String {
    let second = moment.replace_nanosecond(0).unwrap_or(moment);
    second.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn moments_are_told_from_now() {
        for (seconds, expected) in [
            (0, "0 s ago"),
            (1, "in 1 s"),
            (-59, "59 s ago"),
            (60, "in 1 min"),
            (3600, "in 1 h"),
            (-7380, "2 h 3 min ago"),
            (43_199, "in 11 h 59 min"),
            (90_000, "in 25 h"),
        ] {
            assert_eq!(from_now(at(seconds), at(0)), expected, "{seconds}");
        }
    }

    #[test]
    fn programs_get_whole_seconds_of_utc() {
        let moment = at(0) + Duration::milliseconds(999);
        assert_eq!(iso(moment), "2027-01-15T08:00:00Z");
    }
}
