//! Roles of rules: who assumes which, where and how; that nothing crosses partitions; and that
//! no identity is ever answered another one's token.

#[path = "roles/access.rs"]
mod access;
#[path = "roles/ages.rs"]
mod ages;
#[path = "roles/chains.rs"]
mod chains;
mod common;
#[path = "roles/entries.rs"]
mod entries;
#[path = "roles/partitions.rs"]
mod partitions;
#[path = "roles/rules.rs"]
mod rules;
#[path = "roles/sts.rs"]
mod sts;

use common::fake_aws::FakeAws;
use common::{TestEnvironment, assumed};

const BEIJING: &str = "999999999999.dkr.ecr.cn-north-1.amazonaws.com.cn";
const PUBLIC: &str = "public.ecr.aws";

/// What a case changes in its environment.
type Change = fn(&mut TestEnvironment, &FakeAws);

/// One rule for all private registries, with these lines.
fn rule(environment: &TestEnvironment, lines: &str) -> String {
    let path = environment.config(&format!("[[registry]]\nmatch = \"*\"\n{lines}\n"));
    path.display().to_string()
}

fn pair(by: &str, role: &str) -> (String, String) {
    (by.to_owned(), role.to_owned())
}
