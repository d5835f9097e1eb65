//! Runs set-ups by this program and its peers, and makes smaller what differs.

use std::path::PathBuf;

use super::answer::Answer;
use super::common::TestEnvironment;
use super::differences::INTENDED;
use super::oracle::Oracle;
use super::programs;
use super::set_up::{Lab, SetUp};

const REGION: &str = "us-west-2";

/// What is compared with this program.
#[derive(Clone, Debug)]
pub struct Peers {
    /// A Python that has botocore.
    pub botocore: PathBuf,
    /// A Python that has version 2 of the AWS CLI.
    pub version_2: Option<PathBuf>,
    pub established_helper: Option<PathBuf>,
}

/// All of them in front of one fake AWS.
pub struct Bench {
    lab: Lab,
    oracle: Oracle,
    peers: Peers,
}

/// What they got.
#[derive(Clone, Debug)]
pub struct Answers {
    pub ours: Answer,
    pub botocore: Answer,
    pub version_2: Option<Answer>,
}

/// Which peers are asked in a set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It answers in a small part of the time of the others.
    Botocore,
    All,
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

/// The smallest set-up found in which they still differ.
pub struct Difference {
    pub set_up: SetUp,
    pub answers: Answers,
}

impl Answers {
    fn agree(&self) -> bool {
        let theirs = [Some(&self.botocore), self.version_2.as_ref()];
        theirs
            .into_iter()
            .flatten()
            .all(|theirs| self.ours.is_same_as(theirs))
    }

    /// They stay the same while a difference is made smaller.
    fn kinds(&self) -> [Option<String>; 3] {
        [
            Some(self.ours.kind()),
            Some(self.botocore.kind()),
            self.version_2.as_ref().map(Answer::kind),
        ]
    }
}

impl Bench {
    pub fn new(peers: &Peers) -> Self {
        Self {
            lab: Lab::new(),
            oracle: Oracle::start(&peers.botocore),
            peers: peers.clone(),
        }
    }

    /// What they get, each in a home folder of its own.
    pub fn run(&mut self, set_up: &SetUp, asked: Asked) -> Answers {
        let ours = self.answer_of(set_up, |_, environment| programs::ours(environment));
        let botocore = self.answer_of(set_up, |oracle, environment| {
            oracle.ask(environment, REGION)
        });
        let version_2 = self.peers.version_2.clone();
        let version_2 = version_2.filter(|_| asked == Asked::All).map(|python| {
            self.answer_of(set_up, |_, environment| {
                programs::version_2(&python, environment, REGION)
            })
        });
        Answers {
            ours,
            botocore,
            version_2,
        }
    }

    fn answer_of(
        &mut self,
        set_up: &SetUp,
        ask: impl FnOnce(&mut Oracle, &TestEnvironment) -> Answer,
    ) -> Answer {
        let environment = set_up.place(&self.lab);
        self.lab.aws.clear();
        let answer = ask(&mut self.oracle, &environment);
        self.lab.aws.settle();
        answer.with_calls_of(&self.lab.aws)
    }

    /// Whether the established helper gets what this program gets; `None` if it was not asked.
    pub fn helper_agrees(&mut self, set_up: &SetUp) -> Option<bool> {
        let program = self.peers.established_helper.clone()?;
        let [ours, theirs] = [None, Some(program)].map(|program| {
            self.answer_of(set_up, |_, environment| match &program {
                None => programs::ours(environment),
                Some(program) => programs::established_helper(program, environment),
            })
        });
        Some(ours.is_same_as(&theirs))
    }

    pub fn judge(&mut self, set_up: &SetUp, asked: Asked) -> Verdict {
        let mut answers = self.run(set_up, asked);
        if !answers.agree() {
            // A second time: what a busy machine does to a time limit is no difference.
            answers = self.run(set_up, asked);
        }
        if answers.agree() {
            return match answers.botocore {
                Answer::Token { .. } => Verdict::SamePrincipal,
                Answer::Nothing(_) | Answer::Hang => Verdict::BothNothing(answers.botocore.kind()),
            };
        }
        let mut rows = Vec::new();
        let (mut set_up, mut answers) = (set_up.clone(), answers);
        for (row, intended) in INTENDED.iter().enumerate() {
            if let Some(without) = intended.without(&set_up) {
                rows.push(row);
                (answers, set_up) = (self.run(&without, asked), without);
                if answers.agree() {
                    return Verdict::Excused(rows);
                }
            }
        }
        // Whatever is left is no row's.
        Verdict::Differs(Box::new(self.shrink(Difference { set_up, answers }, asked)))
    }

    /// Takes out one part after the other, as long as all get the same different answers.
    fn shrink(&mut self, mut difference: Difference, asked: Asked) -> Difference {
        let kinds = difference.answers.kinds();
        'again: loop {
            for set_up in difference.set_up.smaller() {
                let answers = self.run(&set_up, asked);
                if !answers.agree() && answers.kinds() == kinds {
                    difference = Difference { set_up, answers };
                    continue 'again;
                }
            }
            return difference;
        }
    }
}
