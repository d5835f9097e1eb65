//! What a `get` costs: the executable as `packaging/build-binary` makes it, compared with `/bin/true` and
//! Debian's `docker-credential-ecr-login`. `cargo bench` prints the tables that
//! docker-credential-ecrx-benchmarks(7) quotes.
//!
//! AWS is a fake one on loopback, under AWS's own names, by TLS. The programs are run in turn, a
//! whole process each time, and the medians are compared. Times are printed and never judged, also
//! where the table has an aim, as a multiple of the time of `/bin/true`; what can be counted is held
//! by `tests/dist/warm.rs`. Exits with 1 when an answer is wrong, or when a warm `get` asked AWS.
//!
//! `ECRX_TEST_DIST` is the path of another executable, `ECRX_BENCH_ROUNDS` the number of runs.
//! With `ECRX_BLESS`, the tables are written into that page.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what it is for"
)]

#[cfg(target_os = "linux")]
mod cases;
#[cfg(target_os = "linux")]
mod cold;
#[cfg(target_os = "linux")]
#[path = "../common/mod.rs"]
mod common;
#[cfg(target_os = "linux")]
mod contestant;
#[cfg(target_os = "linux")]
mod herd;
#[cfg(target_os = "linux")]
mod kubelet;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod stage;
#[cfg(target_os = "linux")]
mod table;
#[cfg(target_os = "linux")]
mod warm;

use std::process::ExitCode;

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("packaging/build-binary makes an executable for Linux only: nothing to measure");
    ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    match bench() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("FAILED: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(target_os = "linux")]
fn bench() -> Result<ExitCode> {
    let programs = contestant::Programs::find()?;
    // Inside, this is where it goes on.
    if let Some(code) = stage::go_inside()? {
        return Ok(code);
    }
    let rounds = rounds()?;
    let stage = stage::Stage::new()?;
    let warm = warm::table(&stage, &programs, rounds)?;
    let cold = cold::table(&stage, &programs, rounds)?;
    let herd = herd::table(&stage, &programs, rounds)?;
    let kubelet = kubelet::table(&stage, &programs, rounds)?;
    let tables = format!(
        "{}\n\n{warm}\n{cold}\n{herd}\n{kubelet}",
        machine::told(&stage, &programs, rounds)
    );
    println!("{tables}");
    if std::env::var_os("ECRX_BLESS").is_some() {
        write_into_manual(&tables)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Replaces the tables of the manual, which are between two markers. `tests/generated.rs` then makes
/// the page in roff.
#[cfg(target_os = "linux")]
fn write_into_manual(tables: &str) -> Result<()> {
    const BEGIN: &str = "<!-- cargo bench -->";
    const END: &str = "<!-- end of cargo bench -->";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packaging/man/docker-credential-ecrx-benchmarks.7.md");
    let page = std::fs::read_to_string(&path)?;
    let (before, rest) = page.split_once(BEGIN).ok_or(BEGIN)?;
    let (_, after) = rest.split_once(END).ok_or(END)?;
    let tables = tables.trim_end();
    std::fs::write(path, format!("{before}{BEGIN}\n\n{tables}\n\n{END}{after}"))?;
    Ok(())
}

/// How often each program is run in a row of a table.
#[cfg(target_os = "linux")]
fn rounds() -> Result<usize> {
    let Some(text) = std::env::var_os("ECRX_BENCH_ROUNDS") else {
        return Ok(200);
    };
    let rounds = text.to_str().and_then(|text| text.parse().ok());
    let rounds = rounds.filter(|rounds| *rounds > 0);
    rounds.ok_or_else(|| format!("ECRX_BENCH_ROUNDS is no number above 0: {text:?}").into())
}
