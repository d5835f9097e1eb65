//! kubelet's request for an image: this program and `ecr-credential-provider`.

use std::fs;
use std::path::Path;

use super::Result;
use super::cases::with_profile;
use super::common::cost::peak_memory_of;
use super::common::sources::keys;
use super::contestant::{Contestant, Programs, Request, counted, interleaved};
use super::stage::Stage;
use super::table::{NOTHING, Table, grouped, milliseconds, ratio, with_peers};

/// The cache folder of the node, in the home.
const CACHE: &str = "node-cache";

/// A row without the node's cache, and one with it.
pub fn table(stage: &Stage, programs: &Programs, rounds: usize) -> Result<Table> {
    let mut table = Table::new(&[
        "`kubelet`, over TLS",
        "CPU ms",
        "provider's",
        "ratio",
        "wall ms",
        "provider's",
        "ratio",
        "KiB",
        "provider's",
        "MB",
        "provider's",
        "API calls",
    ]);
    for (name, cached) in [("no cache", false), ("`cache_dir`, warm", true)] {
        eprintln!("kubelet: {name}");
        table.add(row(stage, programs, name, cached, rounds)?);
    }
    Ok(table)
}

fn row(
    stage: &Stage,
    programs: &Programs,
    name: &str,
    cached: bool,
    rounds: usize,
) -> Result<Vec<String>> {
    let environment = &with_profile(stage, keys);
    let home = environment.home().display();
    let mut config = format!("[kubelet]\nlog_file = \"{home}/log\"\n");
    if cached {
        config += &format!("cache_dir = \"{home}/{CACHE}\"\n");
    }
    environment.config(&config);
    let provider = |program| Contestant {
        environment,
        program,
        request: Request::Image,
        forgets: None,
    };
    let ours = provider(&programs.ours);
    let peer = programs.kubelets_peer.as_deref().map(provider);

    // The first one fills the cache.
    ours.run()?;
    let calls = stage.calls(&ours)?;
    if cached && calls > 0 {
        return Err(format!("{name}: {calls} calls to AWS").into());
    }
    let peers_calls = peer.as_ref().map(|peer| stage.calls(peer)).transpose()?;
    let memory = |contestant: &Contestant<'_>| {
        let program = contestant.program.display().to_string();
        let command: Vec<&str> = std::iter::once(&*program)
            .chain(Request::Image.argument())
            .collect();
        counted("time", || {
            peak_memory_of(environment, &command, &Request::Image.text())
        })
    };
    let (peak, peers_peak) = (memory(&ours), peer.as_ref().and_then(memory));

    let [ours_spent, peer_spent] = interleaved(rounds, [Some(&ours), peer.as_ref()])?;
    let (cpu, wall) = (
        ours_spent.map(|run| run.cpu),
        ours_spent.map(|run| run.wall),
    );
    let (peer_cpu, peer_wall) = (
        peer_spent.map(|run| run.cpu),
        peer_spent.map(|run| run.wall),
    );
    Ok(vec![
        name.to_owned(),
        milliseconds(cpu),
        milliseconds(peer_cpu),
        ratio(cpu, peer_cpu, 2),
        milliseconds(wall),
        milliseconds(peer_wall),
        ratio(wall, peer_wall, 2),
        grouped(peak),
        grouped(peers_peak),
        megabytes(Some(&programs.ours)),
        megabytes(programs.kubelets_peer.as_deref()),
        with_peers(calls, peers_calls),
    ])
}

/// The size of a file, in millions of bytes.
fn megabytes(file: Option<&Path>) -> String {
    let size = file.and_then(|file| fs::metadata(file).ok());
    size.map_or_else(
        || NOTHING.to_owned(),
        |size| format!("{:.1}", size.len() as f64 / 1e6),
    )
}
