//! What goes wrong at AWS, and for how long.

use std::thread;
use std::time::{Duration, Instant};

use super::common::fake_aws::{Call, FakeAws, Fault, Operation};
use super::common::random::Random;

const ECR: &[Operation] = &[Operation::EcrGetAuthorizationToken];
const CREDENTIALS: &[Operation] = &[
    Operation::StsAssumeRole,
    Operation::StsAssumeRoleWithWebIdentity,
    Operation::SsoGetRoleCredentials,
];

/// How long AWS takes for an answer when nothing is wrong, so that processes can be killed, and
/// herds can gather, while one waits for it.
const USUAL: Duration = Duration::from_millis(60);

/// Longer than what is left of a token's life when it is due for renewal: some expire.
const OUTAGE: Duration = Duration::from_secs(25);

/// Long enough for every entry of session keys to be due once.
const DENIAL: Duration = Duration::from_secs(4);

/// A kind of trouble, and where.
type Trouble = (Fault, &'static [&'static [Operation]], Duration);

fn troubles(random: &mut Random) -> Vec<Trouble> {
    let mut short = || random.between(Duration::from_millis(500), Duration::from_secs(3));
    let late = Fault::Delay(Duration::from_secs(4));
    vec![
        (Fault::Throttle, &[ECR, CREDENTIALS], short()),
        (Fault::Status(503), &[CREDENTIALS], short()),
        (Fault::Status(500), &[ECR], short()),
        (Fault::CloseConnection, &[ECR, CREDENTIALS], short()),
        (Fault::TruncatedAnswer, &[ECR], short()),
        (Fault::Garbage, &[ECR], short()),
        (late, &[ECR, CREDENTIALS], short()),
        (Fault::Hang, &[ECR], short()),
        (Fault::AccessDenied, &[ECR], DENIAL),
        (Fault::AccessDenied, &[CREDENTIALS], DENIAL),
        (Fault::Status(503), &[ECR, CREDENTIALS], OUTAGE),
    ]
}

/// The fault that struck a call.
pub fn fault(call: &Call) -> Option<&Fault> {
    let is_usual = |fault: &&Fault| matches!(fault, Fault::Delay(time) if *time == USUAL);
    call.fault.as_ref().filter(|fault| !is_usual(fault))
}

/// Nothing is wrong.
pub fn peace(aws: &FakeAws) {
    for operation in [ECR, CREDENTIALS].concat() {
        aws.on(operation, Fault::Delay(USUAL));
    }
}

/// Troubles one after the other, in another order each time, with peace before and behind each.
/// Tells of each as it begins.
pub fn change(aws: &FakeAws, random: &mut Random, until: Instant, tell: impl Fn(&str)) {
    while Instant::now() < until {
        let mut troubles = troubles(random);
        random.shuffle(&mut troubles);
        for (fault, places, lasts) in troubles {
            let rest = random.between(Duration::from_secs(1), Duration::from_secs(5));
            sleep(rest, until);
            if Instant::now() + lasts + rest > until {
                continue;
            }
            tell(&format!("{fault:?} at {places:?} for {lasts:?}"));
            for operation in places.iter().copied().flatten() {
                aws.on(*operation, fault.clone());
            }
            sleep(lasts, until);
            peace(aws);
        }
    }
}

fn sleep(time: Duration, until: Instant) {
    thread::sleep(time.min(until.saturating_duration_since(Instant::now())));
}
