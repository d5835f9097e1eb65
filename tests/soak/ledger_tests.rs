//! The ledger sees what was needless, and what is missing.

use super::common::fake_aws::Fault;
use super::get::{Answer, Fate};
use super::ledger::Ledger;
use super::story::{ECR, STS, Story};

#[test]
fn a_request_at_each_half_life_is_needed_and_an_earlier_one_is_not() {
    let mut story = Story::new();
    story.fetch(0);
    story.fetch(6);
    let ideal = Ledger {
        needed: 4,
        ..Ledger::default()
    };
    assert!(ideal.is_within(0));
    story.costs(12.0, ideal);
    story.fetch(11);
    let wasteful = Ledger {
        needed: 4,
        wasted: 2,
        ..Ledger::default()
    };
    assert!(!wasteful.is_within(49) && wasteful.is_within(50));
    story.costs(12.0, wasteful);
}

#[test]
fn calls_that_were_due_are_missed_unless_something_was_wrong() {
    let mut story = Story::new();
    let grant = story.fetch(0);
    story.get(6.1, Answer::Token(grant));
    // A `get` ran at 6:06, and half a life later there was still no other token.
    let missed = Ledger {
        needed: 2,
        missed: 2,
        ..Ledger::default()
    };
    assert!(!missed.is_within(49));
    story.costs(12.2, missed);
    story.fail(7.0, "", STS, Fault::Throttle);
    story.costs(
        12.2,
        Ledger {
            needed: 2,
            struck: 1,
            ..Ledger::default()
        },
    );
}

#[test]
fn calls_of_a_killed_get_are_lost_unless_its_token_was_delivered() {
    let mut story = Story::new();
    let grant = story.fetch(0);
    story.gets[0].fate = Fate::Killed;
    story.gets[0].answer = Answer::Other(String::new());
    let lost = Ledger {
        lost_to_kills: 2,
        ..Ledger::default()
    };
    story.costs(1.0, lost);
    let needed = Ledger {
        needed: 2,
        ..Ledger::default()
    };
    let (_, ledger) = story.judge(&[1], 1.0);
    assert_eq!(ledger, needed);
    story.get(1.0, Answer::Token(grant));
    story.costs(1.0, needed);
}

#[test]
fn calls_that_come_to_nothing_by_themselves_are_wasted() {
    let mut story = Story::new();
    story.call(STS, None);
    story.get(0.0, Answer::Failure(String::new()));
    let wasted = Ledger {
        wasted: 1,
        ..Ledger::default()
    };
    assert!(!wasted.is_within(5));
    story.costs(1.0, wasted);
    story.gets[0].fate = Fate::Stopped;
    let lost = Ledger {
        lost_to_stops: 1,
        ..Ledger::default()
    };
    story.costs(1.0, lost);
    story.call(ECR, Some(Fault::Hang));
    story.calls[1].headers = story.calls[0].headers.clone();
    let lost = Ledger {
        lost_to_faults: 1,
        struck: 1,
        ..Ledger::default()
    };
    story.costs(1.0, lost);
}
