//! Runs set-ups by both programs, and makes smaller what differs.

use std::path::Path;

use serde_json::Value;

use super::answer::Answer;
use super::common::fake_aws::Grant;
use super::common::files::am_root;
use super::common::{HOST, PROGRAM, TestEnvironment};
use super::differences::INTENDED;
use super::oracle::Oracle;
use super::set_up::{Lab, SetUp};

const REGION: &str = "us-west-2";

/// After so many seconds, the program under test is stopped.
const TIME_LIMIT: &str = "60";

/// A command that starts another one without root's right to pass over modes.
pub const OBEY_MODES: [&str; 3] = [
    "/usr/bin/setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--",
];

/// Both programs in front of one fake AWS.
pub struct Bench {
    lab: Lab,
    oracle: Oracle,
}

/// What both got.
#[derive(Clone, Debug)]
pub struct Answers {
    pub ours: Answer,
    pub theirs: Answer,
}

/// What a set-up came to.
pub enum Verdict {
    SamePrincipal,
    /// For this kind of reason, in the words of botocore.
    BothNothing(String),
    /// Of the rows with these numbers.
    Excused(Vec<usize>),
    Differs(Box<Difference>),
}

/// The smallest set-up found in which both still differ.
pub struct Difference {
    pub set_up: SetUp,
    pub answers: Answers,
}

impl Answers {
    fn agree(&self) -> bool {
        self.ours.is_same_as(&self.theirs)
    }

    fn kinds(&self) -> (String, String) {
        (self.ours.kind(), self.theirs.kind())
    }
}

impl Bench {
    pub fn new(python: &Path) -> Self {
        Self {
            lab: Lab::new(),
            oracle: Oracle::start(python),
        }
    }

    /// What both get, each in a home folder of its own.
    pub fn run(&mut self, set_up: &SetUp) -> Answers {
        let environment = set_up.place(&self.lab);
        self.lab.aws.clear();
        let ours = ours(&environment);
        self.lab.aws.settle();
        let ours = ours.with_calls_of(&self.lab.aws);

        let environment = set_up.place(&self.lab);
        self.lab.aws.clear();
        let theirs = self.oracle.ask(&environment, REGION);
        self.lab.aws.settle();
        let theirs = theirs.with_calls_of(&self.lab.aws);
        Answers { ours, theirs }
    }

    pub fn judge(&mut self, set_up: &SetUp) -> Verdict {
        let mut answers = self.run(set_up);
        if !answers.agree() {
            // A second time: what a busy machine does to a time limit is no difference.
            answers = self.run(set_up);
        }
        if answers.agree() {
            return match answers.theirs {
                Answer::Token { .. } => Verdict::SamePrincipal,
                Answer::Nothing(_) | Answer::Hang => Verdict::BothNothing(answers.theirs.kind()),
            };
        }
        let mut rows = Vec::new();
        let (mut set_up, mut answers) = (set_up.clone(), answers);
        for (row, intended) in INTENDED.iter().enumerate() {
            if let Some(without) = intended.without(&set_up) {
                rows.push(row);
                (answers, set_up) = (self.run(&without), without);
                if answers.agree() {
                    return Verdict::Excused(rows);
                }
            }
        }
        // Whatever is left is no row's.
        Verdict::Differs(Box::new(self.shrink(Difference { set_up, answers })))
    }

    /// Takes out one part after the other, as long as both get the same two different answers.
    fn shrink(&mut self, mut difference: Difference) -> Difference {
        let kinds = difference.answers.kinds();
        'again: loop {
            for set_up in difference.set_up.smaller() {
                let answers = self.run(&set_up);
                if !answers.agree() && answers.kinds() == kinds {
                    difference = Difference { set_up, answers };
                    continue 'again;
                }
            }
            return difference;
        }
    }
}

/// What this program gets. Not even root reads what is closed to it.
fn ours(environment: &TestEnvironment) -> Answer {
    let mut limited = vec!["-s", "KILL", TIME_LIMIT];
    if am_root() {
        limited.extend(OBEY_MODES);
    }
    limited.extend([PROGRAM, "get"]);
    let outcome = environment.run_program("/usr/bin/timeout", &limited, HOST);
    match outcome.code {
        Some(0) => {
            let answer: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
            let password = answer["Secret"].as_str().expect("a text");
            Answer::of_principal(&Grant::from_password(password).principal)
        }
        Some(137) => Answer::Hang,
        _ => Answer::Nothing(outcome.stdout),
    }
}
