//! What all set-ups came to.

use std::collections::BTreeMap;
use std::fmt;

use super::bench::{Difference, Verdict};
use super::differences::INTENDED;

/// Of a hundred set-ups, at most so many may be excused.
const MOST_EXCUSED_PERCENT: usize = 2;

/// And so many more, which a short run may have by chance.
const FEW: usize = 6;

pub struct Report {
    seed: u64,
    set_ups: usize,
    same_principal: usize,
    /// How often neither got a token, by botocore's reason.
    both_nothing: BTreeMap<String, usize>,
    excused: usize,
    /// How many set-ups each row excused.
    by_row: BTreeMap<usize, usize>,
    /// How many set-ups version 2 of the AWS CLI was asked in.
    by_version_2: usize,
    /// How often the established helper got what this program got, and how often it did not.
    by_helper: [usize; 2],
    /// The smallest set-ups that differ, and the numbers of those that they were made from.
    differing: BTreeMap<String, (Box<Difference>, Vec<usize>)>,
}

impl Report {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            set_ups: 0,
            same_principal: 0,
            both_nothing: BTreeMap::new(),
            excused: 0,
            by_row: BTreeMap::new(),
            by_version_2: 0,
            by_helper: [0; 2],
            differing: BTreeMap::new(),
        }
    }

    pub fn add(&mut self, number: usize, verdict: Verdict) {
        self.set_ups += 1;
        match verdict {
            Verdict::SamePrincipal => self.same_principal += 1,
            Verdict::BothNothing(reason) => *self.both_nothing.entry(reason).or_default() += 1,
            Verdict::Excused(rows) => {
                self.excused += 1;
                for row in rows {
                    *self.by_row.entry(row).or_default() += 1;
                }
            }
            Verdict::Differs(difference) => {
                let text = difference.set_up.to_string();
                let differing = self.differing.entry(text);
                let (_, numbers) = differing.or_insert_with(|| (difference, Vec::new()));
                numbers.push(number);
            }
        }
    }

    /// A set-up in which version 2 of the AWS CLI was asked as well.
    pub fn add_version_2(&mut self) {
        self.by_version_2 += 1;
    }

    pub fn add_helper(&mut self, agrees: bool) {
        self.by_helper[usize::from(!agrees)] += 1;
    }

    pub fn passes(&self) -> bool {
        let may_excuse = self.set_ups * MOST_EXCUSED_PERCENT / 100 + FEW;
        self.differing.is_empty() && self.excused <= may_excuse
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let differing: usize = self.differing.values().map(|(_, n)| n.len()).sum();
        writeln!(
            f,
            "ECRX_AS_THE_CLI_SEED={} ECRX_AS_THE_CLI_SETUPS={}\nsame principal: {}\nno token from either: {}",
            self.seed,
            self.set_ups,
            self.same_principal,
            self.both_nothing.values().sum::<usize>()
        )?;
        for (reason, count) in &self.both_nothing {
            writeln!(f, "  {reason}: {count}")?;
        }
        writeln!(
            f,
            "excused: {} (at most {MOST_EXCUSED_PERCENT}%)",
            self.excused
        )?;
        for (row, count) in &self.by_row {
            writeln!(f, "  {}: {count}", INTENDED[*row].name)?;
        }
        writeln!(f, "different: {differing}")?;
        writeln!(
            f,
            "version 2 of the AWS CLI was asked in {} of these set-ups",
            self.by_version_2
        )?;
        let [same, other] = self.by_helper;
        if same + other > 0 {
            writeln!(
                f,
                "docker-credential-ecr-login got the same in {same} of {} set-ups",
                same + other
            )?;
        }
        let mut all: Vec<_> = self.differing.values().collect();
        all.sort_by_key(|(_, numbers)| std::cmp::Reverse(numbers.len()));
        for (difference, numbers) in all {
            let Difference { set_up, answers } = difference.as_ref();
            let times = numbers.len();
            let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            writeln!(
                f,
                "\n== {times} times (set-up {})\nthis program: {}\nbotocore: {}",
                numbers.join(", "),
                answers.ours,
                answers.botocore
            )?;
            if let Some(version_2) = &answers.version_2 {
                writeln!(f, "version 2: {version_2}")?;
            }
            writeln!(f, "{set_up}")?;
        }
        Ok(())
    }
}
