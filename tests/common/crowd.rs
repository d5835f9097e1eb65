//! Much of what a `get` has to find its own among.

use std::fmt::Write as _;
use std::fs;

use super::TestEnvironment;

/// How many names one file is given: file systems have a limit.
const NAMES_OF_A_FILE: usize = 10_000;

impl TestEnvironment {
    /// Adds as many tokens of others to the cache, which holds one at least. Their names tell them
    /// apart; many of them are the same file.
    pub fn add_entries(&self, count: usize) {
        let folder = self.cache();
        let mut file = self.entries().first().expect("an entry").clone();
        for number in 0..count {
            let path = folder.join(format!("{number:064x}.json"));
            if number % NAMES_OF_A_FILE == 0 {
                fs::copy(&file, &path).expect("a copy");
                file = path;
            } else {
                fs::hard_link(&file, path).expect("one more name");
            }
        }
    }

    /// A `config.toml` of as many rules, of which the last one lets the profile `work` ask;
    /// its bytes.
    pub fn config_with_rules(&self, count: usize) -> usize {
        let mut text = String::new();
        for number in 1..count {
            let _ = write!(
                text,
                "[[registry]]\nmatch = \"images-{number}.example.com\"\naccount = \"111122223333\"\n\
                 region = \"eu-west-1\"\nrole_arn = \"arn:aws:iam::111122223333:role/pull-{number}\"\n\n"
            );
        }
        text.push_str("[[registry]]\nmatch = \"*\"\nprofile = \"work\"\n");
        self.config(&text);
        text.len()
    }

    /// Adds as many profiles of others to `~/.aws/config`; their bytes.
    pub fn add_profiles(&self, count: usize) -> usize {
        let mut text = String::new();
        for number in 0..count {
            let _ = write!(
                text,
                "\n[profile team-{number}]\nrole_arn = arn:aws:iam::111122223333:role/team-{number}\n\
                 source_profile = work\nregion = eu-west-1\n"
            );
        }
        self.add_aws_config(&text);
        text.len()
    }

    /// As many profiles of one SSO session, as `aws configure sso` and generators write them.
    pub fn add_sso_profiles(&self, count: usize) -> usize {
        let mut text = "\n[sso-session corp]\nsso_start_url = https://d-abc123.awsapps.com/start\n\
                        sso_region = us-east-1\nsso_registration_scopes = sso:account:access\n"
            .to_owned();
        for number in 0..count {
            let _ = write!(
                text,
                "\n[profile team-{number}]\nsso_session = corp\nsso_account_id = {}\n\
                 sso_role_name = AdministratorAccess\nregion = eu-west-1\noutput = json\n",
                111_122_220_000_u64 + u64::try_from(number).expect("64 bits")
            );
        }
        self.add_aws_config(&text);
        text.len()
    }
}
