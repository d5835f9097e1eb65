//! Cold `get`s over TLS: nothing is in the cache.

use super::Result;
use super::cases::with_profile;
use super::common::sources::{Profile, keys, role};
use super::contestant::{Contestant, Programs, Request, times};
use super::stage::Stage;
use super::table::{Table, with_peers};

/// A row for each way to a token.
pub fn table(stage: &Stage, programs: &Programs, rounds: usize) -> Result<Table> {
    let mut table = Table::new(&[
        "cold, over TLS",
        "CPU ms",
        "peer's",
        "ratio",
        "wall ms",
        "peer's",
        "ratio",
        "API calls",
        "connections",
    ]);
    for (name, write) in [("keys", keys as Profile), ("role of keys", role)] {
        eprintln!("cold: {name}");
        table.add(row(stage, programs, name, write, rounds)?);
    }
    Ok(table)
}

fn row(
    stage: &Stage,
    programs: &Programs,
    name: &str,
    write: Profile,
    rounds: usize,
) -> Result<Vec<String>> {
    let environment = &with_profile(stage, write);
    let helper = |program, cache| Contestant {
        environment,
        program,
        request: Request::Get,
        forgets: Some(cache),
    };
    let ours = helper(&programs.ours, ".cache");
    let peer = programs.peer.as_deref();
    let peer = peer.map(|program| helper(program, ".ecr"));
    let (calls, connections) = asked(stage, &ours)?;
    let peers = peer.as_ref().map(|peer| asked(stage, peer)).transpose()?;

    let mut cells = vec![name.to_owned()];
    cells.extend(times(rounds, &ours, peer.as_ref())?);
    cells.extend([
        with_peers(calls, peers.map(|(calls, _)| calls)),
        with_peers(connections, peers.map(|(_, connections)| connections)),
    ]);
    Ok(cells)
}

/// The calls to AWS of a run, and its connections.
fn asked(stage: &Stage, contestant: &Contestant<'_>) -> Result<(u64, u64)> {
    let calls = stage.calls(contestant)?;
    Ok((calls, stage.aws.connections() as u64))
}
