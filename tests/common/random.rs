//! Random choices that a seed repeats (SplitMix64, <https://prng.di.unimi.it/splitmix64.c>).

use std::time::Duration;

pub struct Random(u64);

impl Random {
    /// The choices of one of many who share a seed.
    pub fn new(seed: u64, which: u64) -> Self {
        let mut random = Self(seed ^ which.wrapping_mul(0xa076_1d64_78bd_642f));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of so many, from 0.
    pub fn below(&mut self, count: usize) -> usize {
        let count = u64::try_from(count).expect("64 bits");
        usize::try_from(self.next() % count).expect("below the count")
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// One of these, each as often as the number before it says.
    pub fn weigh<T: Copy>(&mut self, choices: &[(usize, T)]) -> T {
        let weights: Vec<usize> = choices.iter().map(|(weight, _)| *weight).collect();
        choices[self.case(&weights)].1
    }

    /// A number from 0, each as often as its weight says.
    pub fn case(&mut self, weights: &[usize]) -> usize {
        let mut left = self.below(weights.iter().sum());
        for (case, weight) in weights.iter().enumerate() {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return case,
            }
        }
        unreachable!("below the sum")
    }

    /// As long as one of these, or between.
    pub fn between(&mut self, shortest: Duration, longest: Duration) -> Duration {
        shortest + (longest - shortest) * u32::try_from(self.below(1001)).expect("small") / 1000
    }

    /// Another order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}
