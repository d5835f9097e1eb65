//! All mistakes about the identity: accounts, roles, profiles, names,
//! partitions, endpoints, and keys of the file. One table, each with its exact words.

#[path = "wrong/table.rs"]
mod table;

use super::common::TestEnvironment;
use super::common::fake_aws::{BOB, FakeAws};
use table::TABLE;

/// Something that is wrong, and all that is said about it.
///
/// In the texts `$CONFIG` is the user's config.toml and `$HOME` the home folder. Alice's keys are
/// in variables, unless those of the situation are others.
struct Wrong {
    /// config.toml.
    config: &'static str,
    /// `~/.aws/config`, after a profile `work` with Bob's keys.
    aws_config: &'static str,
    variables: &'static [(&'static str, &'static str)],
    /// The NAME of `docker-credential-ecrx-NAME`.
    name: Option<&'static str>,
    /// What AWS does not let pass.
    refuses: fn(&FakeAws),
    host: &'static str,
    /// Nothing, or the file at fault.
    place: &'static str,
    /// What stdout says, after `no credentials for HOST: ` and the place.
    line: &'static str,
    /// What stderr says below the same line.
    hints: &'static [&'static str],
    /// Only AWS could know.
    asks: bool,
}

impl Wrong {
    fn is_told(&self) {
        let aws = FakeAws::start();
        (self.refuses)(&aws);
        let mut environment = TestEnvironment::of_alice(&aws);
        for (name, value) in self.variables {
            environment.set(name, value);
        }
        environment.aws_config(&format!(
            "[profile work]\naws_access_key_id = {}\naws_secret_access_key = {}\n{}",
            BOB.0, BOB.1, self.aws_config
        ));
        let config = environment.config(self.config).display().to_string();
        let home = environment.home().display().to_string();
        let fill_in = |text: &str| text.replace("$CONFIG", &config).replace("$HOME", &home);

        let outcome = match self.name {
            Some(name) => environment.get_as(name, self.host),
            None => environment.get(self.host),
        };
        let line = format!(
            "no credentials for {}: {}{}",
            self.host, self.place, self.line
        );
        let hints: Vec<String> = self.hints.iter().map(|hint| fill_in(hint)).collect();
        assert_eq!(outcome.failure(&fill_in(&line)), hints, "{}", self.line);
        assert_eq!(aws.connections() > 0, self.asks, "{}", self.line);
    }
}

#[test]
fn everything_wrong_is_told_in_words_that_help() {
    for wrong in TABLE {
        wrong.is_told();
    }
}
