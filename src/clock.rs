//! The local clock, by which tokens age.
//!
//! Every time that is stored in the cache, or compared with a stored one, is read here. Waits and
//! deadlines use [`std::time::Instant`] instead, which does not change when the clock is set.
//!
//! The feature `test-clock` lets a test decide what time it is, so that days pass in seconds for
//! a whole herd of processes. A build without debug assertions refuses it.

#[cfg(all(feature = "test-clock", not(debug_assertions)))]
compile_error!("`test-clock` makes expired tokens look good: it is for tests alone");

#[cfg(feature = "test-clock")]
pub(crate) use injected::now;

#[cfg(not(feature = "test-clock"))]
pub(crate) fn now() -> time::OffsetDateTime {
    time::OffsetDateTime::now_utc()
}

#[cfg(feature = "test-clock")]
mod injected {
    use time::OffsetDateTime;

    /// The file that says what time it is, read anew each time: three numbers, of which the first
    /// two are seconds since 1970. "At the first, by the machine's clock, it was the second, and
    /// since then time has passed so many times as fast." Without the variable, the machine's.
    const VARIABLE: &str = "ECRX_TEST_CLOCK";

    /// What time it is, as the test says.
    ///
    /// # Panics
    /// When the file cannot be read, or says something else.
    pub(crate) fn now() -> OffsetDateTime {
        let real = OffsetDateTime::now_utc();
        let Some(path) = std::env::var_os(VARIABLE) else {
            return real;
        };
        let text = std::fs::read_to_string(path).expect("the clock of the test");
        let numbers: Vec<f64> = text.split_whitespace().flat_map(str::parse).collect();
        let [real_start, start, rate] = numbers[..] else {
            panic!("the clock of the test does not hold three numbers: {text:?}");
        };
        let passed = (real.unix_timestamp_nanos() as f64 / 1e9 - real_start) * rate;
        OffsetDateTime::UNIX_EPOCH + time::Duration::seconds_f64(start + passed)
    }
}
