//! Moments in the spellings that AWS uses, as seconds since 1970.

use std::time::{SystemTime, UNIX_EPOCH};

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// The local clock.
pub(super) fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn calendar(unix: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(unix).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// `Sun, 22 Nov 2026 15:05:20 GMT`.
pub(super) fn http_date(unix: i64) -> String {
    let at = calendar(unix);
    let (weekday, month) = (at.weekday().to_string(), at.month().to_string());
    format!(
        "{:.3}, {:02} {:.3} {:04} {:02}:{:02}:{:02} GMT",
        weekday,
        at.day(),
        month,
        at.year(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// `2026-11-22T15:05:20Z`.
pub(super) fn iso(unix: i64) -> String {
    let at = calendar(unix);
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `20261122T150520Z`.
pub(super) fn basic(unix: i64) -> String {
    iso(unix).replace(['-', ':'], "")
}

/// Reads `20261122T150520Z`.
pub(super) fn parse_basic(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u16>().ok();
    let small = |from: usize| u8::try_from(number(from, from + 2)?).ok();
    if text.len() != 16 || !text.is_ascii() {
        return None;
    }
    let month = Month::try_from(small(4)?).ok()?;
    let date = Date::from_calendar_date(i32::from(number(0, 4)?), month, small(6)?).ok()?;
    let time = Time::from_hms(small(9)?, small(11)?, small(13)?).ok()?;
    Some(
        PrimitiveDateTime::new(date, time)
            .assume_utc()
            .unix_timestamp(),
    )
}
