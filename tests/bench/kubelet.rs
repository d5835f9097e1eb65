//! kubelet's request for an image: this program and `ecr-credential-provider`.

use super::Result;
use super::cases::with_profile;
use super::common::cost::peak_memory_of;
use super::common::sources::keys;
use super::contestant::{Contestant, Programs, Request, counted, times};
use super::stage::Stage;
use super::table::{Table, grouped, megabytes, with_peers};

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

    let mut cells = vec![name.to_owned()];
    cells.extend(times(rounds, &ours, peer.as_ref())?);
    cells.extend([
        grouped(peak),
        grouped(peers_peak),
        megabytes(Some(&programs.ours)),
        megabytes(programs.kubelets_peer.as_deref()),
        with_peers(calls, peers_calls),
    ]);
    Ok(cells)
}
