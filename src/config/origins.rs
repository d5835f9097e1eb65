//! Where settings stand, for people. The texts are read once more for it: what is asked for with
//! each `get` carries no places that nobody looks at.

use toml::de::DeTable;

use super::error::Origin;
use super::file::Source;
use super::{Config, IdentityTemplate};

impl Config {
    /// Where a setting outside of rules stands that counts; `table` is empty for the top of the
    /// file. `None` where no file has it.
    pub fn origin_of(&self, table: &str, key: &str) -> Option<Origin> {
        self.sources().find_map(|source| {
            let top = DeTable::parse(&source.text).ok()?;
            let top = top.get_ref();
            let value = match table {
                "" => top.get(key)?,
                table => top.get(table)?.get_ref().as_table()?.get(key)?,
            };
            Some(source.origin_of(&value.span()))
        })
    }

    /// What stands in the `match` of each rule, in the order of the rules: a host in the spelling
    /// that clients are given.
    pub fn matches_as_written(&self) -> Vec<String> {
        let mut matches = Vec::new();
        for source in self.sources() {
            let Ok(top) = DeTable::parse(&source.text) else {
                continue;
            };
            let rules = top.get_ref().get("registry");
            let rules = rules.and_then(|rules| rules.get_ref().as_array());
            let texts = rules.into_iter().flatten().filter_map(|rule| {
                let text = rule.get_ref().as_table()?.get("match")?;
                text.get_ref().as_str().map(str::to_owned)
            });
            matches.extend(texts);
        }
        matches
    }

    fn sources(&self) -> impl Iterator<Item = Source> {
        self.files.iter().filter_map(|file| {
            let bytes = file.text.expose().as_bytes().to_vec();
            Source::new(&file.path, bytes).ok()
        })
    }

    /// The profiles that rules, `[defaults]` and `[identity.NAME]` name, each with the place of
    /// its table.
    pub fn profiles(&self) -> impl Iterator<Item = (&str, &Origin)> {
        let of_rules = self.rules.iter().filter_map(|rule| rule.identity());
        of_rules
            .chain(&self.defaults)
            .chain(self.identities.values())
            .filter_map(IdentityTemplate::profile)
    }
}
