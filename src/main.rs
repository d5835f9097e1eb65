//! Hands the arguments to the library. All there is to know is in its documentation.

use std::process::ExitCode;

fn main() -> ExitCode {
    docker_credential_ecrx::run(std::env::args_os())
}
