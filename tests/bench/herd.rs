//! A herd of cold `get`s at once, compared with what it costs to start as many processes.

use std::process::Child;
use std::time::{Duration, Instant};

use super::Result;
use super::cases::with_profile;
use super::common::fake_aws::{Fault, Operation};
use super::common::sources::{Profile, keys, role};
use super::common::{HOST, Outcome, TestEnvironment};
use super::contestant::{Contestant, Programs, Request, check, median};
use super::stage::Stage;
use super::table::{Table, milliseconds, ratio};

/// So many at once, as on a machine that starts all its containers.
const COUNT: usize = 256;

/// A herd takes half a second, so there are fewer rounds than of a single `get`.
const ROUNDS: usize = 10;

/// How long AWS takes for each call, as over a network: on loopback alone a cold `get` would be
/// over before the last process is started.
const DISTANCE: Duration = Duration::from_millis(50);
const CALLS: [Operation; 2] = [
    Operation::StsAssumeRole,
    Operation::EcrGetAuthorizationToken,
];

/// A row for each kind of herd.
pub fn table(stage: &Stage, programs: &Programs, rounds: usize) -> Result<Table> {
    let mut table = Table::new(&[
        "256 cold, AWS 50 ms off",
        "wall ms",
        "256 × `version`",
        "1 cold",
        "÷ (1.5 cold + start)",
        "API calls",
    ]);
    let one = [HOST.to_owned()];
    let many: Vec<String> = (0..16)
        .map(|n| HOST.replace("999999999999", &format!("{:012}", 111_122_223_333_u64 + n)))
        .collect();
    let herds = [
        ("one registry, keys", keys as Profile, &one[..]),
        ("one registry, role", role, &one[..]),
        ("16 registries, keys", keys, &many[..]),
    ];
    for (name, write, hosts) in herds {
        eprintln!("herd: {name}");
        let environment = &with_profile(stage, write);
        table.add(row(stage, programs, name, environment, hosts, rounds)?);
    }
    Ok(table)
}

fn row(
    stage: &Stage,
    programs: &Programs,
    name: &str,
    environment: &TestEnvironment,
    hosts: &[String],
    rounds: usize,
) -> Result<Vec<String>> {
    let alone = Contestant {
        environment,
        program: &programs.ours,
        request: Request::Get,
        forgets: Some(".cache"),
    };
    let (mut herds, mut starts, mut colds) = (Vec::new(), Vec::new(), Vec::new());
    let mut calls = 0;
    for operation in CALLS {
        stage.aws.on(operation, Fault::Delay(DISTANCE));
    }
    for _ in 0..rounds.min(ROUNDS) {
        colds.push(alone.run()?.wall);
        starts.push(at_once(programs, environment, "version", &[""])?.0);
        alone.forget()?;
        stage.aws.clear();
        let (wall, answers) = at_once(programs, environment, "get", hosts)?;
        for (n, answer) in answers.iter().enumerate() {
            let host = &hosts[n % hosts.len()];
            check(answer, host).map_err(|why| format!("{name}: {why}: {answer:?}"))?;
            if *answer != answers[n % hosts.len()] {
                return Err(format!("{name}: the answers differ").into());
            }
        }
        calls = stage.aws.calls().len();
        herds.push(wall);
    }
    stage.aws.heal_all();
    let (herd, start, cold) = (median(herds), median(starts), median(colds));
    let allowed = start.zip(cold).map(|(start, cold)| start + cold * 3 / 2);
    Ok(vec![
        name.to_owned(),
        milliseconds(herd),
        milliseconds(start),
        milliseconds(cold),
        ratio(herd, allowed, 2),
        calls.to_string(),
    ])
}

/// Starts all of them before it waits for the first.
fn at_once(
    programs: &Programs,
    environment: &TestEnvironment,
    action: &str,
    questions: &[impl AsRef<str>],
) -> Result<(Duration, Vec<Outcome>)> {
    let started = Instant::now();
    let children: Vec<Child> = (0..COUNT)
        .map(|n| {
            let question = questions[n % questions.len()].as_ref().as_bytes();
            environment.start_program(&programs.ours, &[action], question)
        })
        .collect();
    let outcomes = children.into_iter().map(Outcome::of).collect();
    Ok((started.elapsed(), outcomes))
}
