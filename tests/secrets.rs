//! No secret of a request is shown or kept, whatever AWS, a registry or a process says, and
//! wherever it was written down.

#![allow(
    clippy::print_stdout,
    reason = "how much was searched is part of the result"
)]

mod common;
#[cfg(target_os = "linux")]
#[path = "secrets/memory.rs"]
mod memory;
#[path = "secrets/processes.rs"]
mod processes;
#[path = "secrets/search.rs"]
mod search;
#[path = "secrets/settings.rs"]
mod settings;
#[path = "secrets/sources.rs"]
mod sources;
#[path = "secrets/sweep.rs"]
mod sweep;
#[path = "secrets/words.rs"]
mod words;
