//! Random numbers, for spreading what many processes or machines do at the same time. They are not
//! for secrets.

use std::hash::{BuildHasher as _, RandomState};

/// A number below `limit`, which is above 0.
pub(crate) fn below(limit: u64) -> u64 {
    // The standard library's hash keys are random in each process, and differ with each call.
    RandomState::new().hash_one(()) % limit
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_call_gives_another_number_and_all_are_below_the_limit() {
        let numbers: BTreeSet<u64> = (0..2000).map(|_| below(50)).collect();
        assert_eq!(numbers, (0..50).collect());
    }
}
