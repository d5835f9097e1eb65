//! The target that the executable is named after.

#![no_main]

use docker_credential_ecrx::fuzz;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz::run(env!("CARGO_BIN_NAME"), bytes));
