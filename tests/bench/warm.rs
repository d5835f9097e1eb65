//! Warm `get`s: the answer is in the cache.

use super::Result;
use super::cases::{self, Case};
use super::common::cost::{instructions, peak_memory, system_calls};
use super::contestant::{Contestant, Programs, Request, counted, interleaved};
use super::stage::Stage;
use super::table::{NOTHING, Table, grouped, milliseconds, ratio, with_peers};

/// A row for each case.
pub fn table(stage: &Stage, programs: &Programs, rounds: usize) -> Result<Table> {
    let mut table = Table::new(&[
        "warm `get`",
        "ms",
        "× `true`",
        "aim",
        "peer ×",
        "instructions",
        "syscalls",
        "KiB",
        "API calls",
    ]);
    for case in cases::all(stage) {
        eprintln!("warm: {}", case.name);
        table.add(row(stage, programs, &case, rounds)?);
    }
    Ok(table)
}

fn row(stage: &Stage, programs: &Programs, case: &Case, rounds: usize) -> Result<Vec<String>> {
    let environment = &case.environment;
    let helper = |program| Contestant {
        environment,
        program,
        request: Request::Get,
        forgets: None,
    };
    let peer = programs.peer.as_deref().filter(|_| case.has_peer);
    let (ours, peer) = (helper(&programs.ours), peer.map(helper));
    let least = Contestant {
        program: "/bin/true".as_ref(),
        request: Request::None,
        ..helper(&programs.ours)
    };

    // The first one of each requests a token.
    ours.run()?;
    peer.as_ref().map(Contestant::run).transpose()?;
    if case.other_tokens > 0 {
        environment.add_entries(case.other_tokens);
    }
    let own_calls = stage.calls(&ours)?;
    if own_calls > 0 {
        return Err(format!("{}: a warm get made {own_calls} calls to AWS", case.name).into());
    }
    let peers_calls = peer.as_ref().map(|peer| stage.calls(peer)).transpose()?;

    let all = [Some(&least), Some(&ours), peer.as_ref()];
    let [least, ours, peer] = interleaved(rounds, all)?.map(|run| run.map(|run| run.wall));
    let program = programs.ours.display().to_string();
    let instructions = counted("valgrind", || instructions(environment, &program));
    let system_calls = counted("strace", || {
        system_calls(environment, &program).map(|calls| calls.lines().count() as u64)
    });
    let memory = counted("time", || peak_memory(environment, &program));
    Ok(vec![
        case.name.to_owned(),
        milliseconds(ours),
        ratio(ours, least, 2),
        case.aim.map_or(NOTHING.to_owned(), |aim| aim.to_string()),
        ratio(peer, ours, 1),
        grouped(instructions),
        grouped(system_calls),
        grouped(memory),
        with_peers(own_calls, peers_calls),
    ])
}
