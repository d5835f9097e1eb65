//! The log: off unless `ECRX_LOG` names a level, and then lines on stderr.
//!
//! A warning is about this machine or its configuration, and one command may come by its cause
//! several times, as `list` does for each registry. It is written once.
//!
//! Only this crate's own records are written. The SDK's are not: at its lowest levels it prints
//! bodies, and bodies hold tokens.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::str::FromStr as _;
use std::sync::{Mutex, PoisonError};

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::env::{Env, var};
use crate::error::one_line;

struct Stderr {
    /// The warnings that have been written.
    warnings: Mutex<BTreeSet<String>>,
}

static LOGGER: Stderr = Stderr {
    warnings: Mutex::new(BTreeSet::new()),
};

impl Stderr {
    fn is_repeated(&self, level: Level, text: &str) -> bool {
        level == Level::Warn && {
            let warnings = self.warnings.lock();
            let mut warnings = warnings.unwrap_or_else(PoisonError::into_inner);
            !warnings.insert(text.to_owned())
        }
    }
}

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with(env!("CARGO_CRATE_NAME"))
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let text = one_line(&record.args().to_string());
            if self.is_repeated(record.level(), &text) {
                return;
            }
            let level = record.level().as_str().to_ascii_lowercase();
            let line = format!("docker-credential-ecrx: {level}: {text}\n");
            // In one write, so that lines of several processes do not mix. A failure to write to
            // stderr cannot be reported anywhere.
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }

    fn flush(&self) {}
}

/// Begins to log when `ECRX_LOG` is set. A word that is no level logs from `warn` on, and says so.
pub(crate) fn start(env: &Env) {
    let Some(word) = env.get(var::ECRX_LOG) else {
        return;
    };
    let level = LevelFilter::from_str(word.trim()).ok();
    log::set_max_level(level.unwrap_or(LevelFilter::Warn));
    // Fails only when a logger is there already, and that one will do.
    let _ = log::set_logger(&LOGGER);
    if level.is_none() {
        let variable = var::ECRX_LOG;
        log::warn!("{variable} is `{word}`; expected error, warn, info or debug");
    }
}
