//! The judge sees what is wrong.

use std::time::{Duration, UNIX_EPOCH};

use super::common::fake_aws::{Fault, Grant};
use super::get::{Answer, Fate, answer};
use super::identities::HOUR;
use super::story::{ECR, Story};

#[test]
fn tokens_of_others_and_of_the_past_are_wrong() {
    type Mistake = fn(&mut Grant);
    let wrong: [(&str, Mistake); 4] = [
        ("a token that was never issued", |grant| grant.serial = 7),
        ("another identity's token", |grant| {
            grant.principal.push('x')
        }),
        ("another identity's token", |grant| grant.region.push('x')),
        ("another identity's token", |grant| {
            grant.registry_ids.clear()
        }),
    ];
    for (what, spoil) in wrong {
        let mut story = Story::new();
        let mut grant = story.fetch(0);
        spoil(&mut grant);
        story.get(1.0, Answer::Token(grant));
        story.is_wrong(what);
    }
    let mut story = Story::new();
    let grant = story.fetch(0);
    story.get(12.0, Answer::Token(grant.clone()));
    story.is_right();
    story.get(12.5, Answer::Token(grant.clone()));
    story.is_wrong("a token that had expired 1770 s ago");
    // It ended while AWS was asked for another.
    story.gets.truncate(1);
    story.call(ECR, Some(Fault::Hang));
    story.calls[2].at = UNIX_EPOCH + Duration::from_secs(31);
    story.get(12.0, Answer::Token(grant));
    story.is_wrong("a token that had expired 1410 s ago");
}

#[test]
fn a_token_of_another_entry_is_wrong() {
    let mut story = Story::new();
    let grant = story.fetch(0);
    story.get(1.0, Answer::Token(grant.clone())).registry = 1;
    story.is_wrong("a token for another registry");
    story.gets.pop();
    story.get(1.0, Answer::Token(grant)).identity = 0;
    story.is_wrong("another identity's token");
}

#[test]
fn a_failure_needs_a_fault_and_no_token() {
    let line = "no credentials for x: AWS is unavailable";
    let mut story = Story::new();
    story.get(0.0, Answer::Failure(line.to_owned()));
    story.is_wrong("a failure without a reason");

    let mut story = Story::new();
    story.fail(0.0, line, ECR, Fault::Status(503));
    let remembered = "no credentials for x: (previous attempt, retry in 4 s) AWS is unavailable";
    story.get(0.02, Answer::Failure(remembered.to_owned()));
    story.is_right();
    story.get(0.1, Answer::Failure(remembered.to_owned()));
    story.is_wrong("a failure without a reason");

    let mut story = Story::new();
    let grant = story.fetch(0);
    story.get(1.0, Answer::Token(grant));
    story.fail(2.0, line, ECR, Fault::Status(503));
    story.is_wrong("a failure together with token 1, 7170 s old");
    story.gets[2].began_at = 11.9 * HOUR;
    story.gets[2].ended_at = 12.1 * HOUR;
    story.is_right();
}

#[test]
fn a_denial_is_told_and_ends_the_token() {
    let mut story = Story::new();
    let grant = story.fetch(0);
    story.get(1.0, Answer::Token(grant.clone()));
    story.fail(
        7.0,
        "no credentials for x: denied",
        ECR,
        Fault::AccessDenied,
    );
    story.is_right();
    story.get(8.0, Answer::Token(grant.clone()));
    let story_of_a_ghost = story.judge(&[], 0.0).0;
    assert!(story_of_a_ghost[0].starts_with("a token that outlived the denial of "));
    story.gets.truncate(2);
    story.get(7.0, Answer::Token(grant));
    story.is_wrong("a token in spite of a denial");
    story.gets.truncate(2);
    story.get(
        7.0,
        Answer::Failure("no credentials for x: down".to_owned()),
    );
    story.is_wrong("a denial that is not told");
}

#[test]
fn what_hangs_or_makes_no_sense_is_wrong() {
    let mut story = Story::new();
    story.fetch(0);
    story.gets[0].fate = Fate::Hung;
    story.is_wrong("a get that does not end");
    story.gets[0].fate = Fate::Killed;
    story.is_right();
    let failure = "no credentials for x: y\n";
    let told = format!("docker-credential-ecrx: {failure}  a hint\n");
    assert!(matches!(
        answer(Some(1), failure, &told),
        Answer::Failure(_)
    ));
    for (code, stdout, stderr) in [
        (Some(1), failure, ""),
        (Some(1), "credentials not found in native keychain\n", ""),
        (Some(101), failure, &told),
        (None, "", ""),
        (Some(0), "", ""),
        (
            Some(0),
            "{\"ServerURL\":\"x\",\"Username\":\"AWS\",\"Secret\":\"x\"}\n",
            "",
        ),
    ] {
        assert!(
            matches!(answer(code, stdout, stderr), Answer::Other(_)),
            "{stdout}"
        );
        story.gets[0].fate = Fate::Undisturbed;
        story.gets[0].answer = answer(code, stdout, stderr);
        assert!(story.judge(&[], 0.0).0[0].starts_with("no answer that makes sense"));
    }
}
