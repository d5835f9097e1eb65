//! Machines that share a home, and not a clock.

use super::common::fake_aws::FakeAws;
use super::common::{HOST, TestEnvironment};
use super::{Clock, ECR};

/// Two machines take turns, the one that is `ahead` first; how often AWS was asked. In the end
/// both have the same token.
fn calls_of_two(ahead: i64) -> usize {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let right = Clock::named(&environment, "right");
    let wrong = Clock::named(&environment, "wrong");
    wrong.set(ahead);
    let turns = if ahead > 0 {
        [&wrong, &right]
    } else {
        [&right, &wrong]
    };
    let mut answers = Vec::new();
    for clock in turns.into_iter().cycle().take(6) {
        clock.rule(&mut environment);
        let answer = environment.get(HOST);
        answer.grant();
        answers.push(answer);
    }
    assert_eq!(answers[2..], vec![answers[1].clone(); 4]);
    assert_eq!(environment.entries().len(), 1);
    aws.count(ECR)
}

#[test]
fn machines_whose_clocks_differ_by_less_than_five_minutes_share_a_token() {
    for ahead in [-240, 240] {
        assert_eq!(calls_of_two(ahead), 1, "{ahead}");
    }
}

/// The one that is behind does not believe the other's token, and the other believes its.
#[test]
fn machines_whose_clocks_differ_by_more_than_five_minutes_request_one_more_token() {
    for ahead in [-360, 360] {
        assert_eq!(calls_of_two(ahead), 2, "{ahead}");
    }
}
