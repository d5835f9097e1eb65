//! Who asks for which registry, as it is chosen: by the name the program is called by, by the
//! `ECRX_*` variables, by rules for hosts of one's own and for partitions; what rules say besides;
//! and every way to get that wrong.

#[path = "choosing/ci.rs"]
mod ci;
mod common;
#[path = "choosing/misspelled.rs"]
mod misspelled;
#[path = "choosing/name.rs"]
mod name;
#[path = "choosing/own_names.rs"]
mod own_names;
#[path = "choosing/partitions.rs"]
mod partitions;
#[path = "choosing/repositories.rs"]
mod repositories;
#[path = "choosing/settings.rs"]
mod settings;
#[path = "choosing/wrong.rs"]
mod wrong;

use common::{Outcome, assumed};

const IRELAND: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
const BEIJING: &str = "444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn";
const GOVERNMENT: &str = "444455556666.dkr.ecr.us-gov-west-1.amazonaws.com";
const PUBLIC: &str = "public.ecr.aws";

/// The session of a role without a name of its own.
fn session(account: &str, role: &str) -> String {
    format!("arn:aws:sts::{account}:assumed-role/{role}/docker-credential-ecrx")
}

/// The last line of a failure: who asked, who chose that, and what was passed over.
#[track_caller]
fn explained(outcome: &Outcome) -> String {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let line = outcome.stderr.lines().last().expect("a line");
    line.trim_start().to_owned()
}
