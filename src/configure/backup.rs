//! What a backup need not keep: the changes of this program itself. Or each run would leave one more.

use std::path::Path;

use super::rules::HEADER;
use crate::configure::clients::ClientConfig;
use crate::helper_name::is_ours;

/// Two configurations of a client differ in nothing but this program's entries.
pub(super) fn is_but_for_entries(one: &[u8], other: &[u8]) -> bool {
    let rest = |bytes: &[u8]| {
        // The path would be for errors.
        let config = ClientConfig::read(Path::new(""), bytes).ok()?;
        let config = config.without_helpers(|_, helper| is_ours(helper)).ok()?;
        config.without_creds_store(is_ours).ok()
    };
    match (rest(one), rest(other)) {
        (Some(one), Some(other)) => one.text() == other.text(),
        _ => false,
    }
}

/// The keys of a rule that this program writes, in its order.
const KEYS: [&str; 5] = ["match", "account", "region", "profile", "role_arn"];

/// Whether two texts of a `config.toml` differ in nothing but rules that this program writes.
pub(super) fn is_but_for_rules(one: &[u8], other: &[u8]) -> bool {
    let rest = |text| Some(without_rules(str::from_utf8(text).ok()?));
    match (rest(one), rest(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// The lines of a text without those rules, and without empty lines, which come and go with them.
fn without_rules(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    let mut rest = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let length = rule_at(&lines[at..]);
        if length == 0 && !lines[at].trim().is_empty() {
            rest.push(lines[at]);
        }
        at += length.max(1);
    }
    rest
}

/// How many lines the rule has that begins here; 0 where none does that this program would write.
fn rule_at(lines: &[&str]) -> usize {
    if lines.first() != Some(&HEADER) {
        return 0;
    }
    let rule = lines[1..].iter().take_while(|line| !line.trim().is_empty());
    let mut keys = KEYS.iter();
    let is_ours = rule.clone().all(|line| {
        let key = line.split_once(" = ").map(|(key, _)| key);
        key.is_some_and(|key| keys.any(|known| *known == key))
    });
    if is_ours { 1 + rule.count() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_ours_are_told_from_those_of_others() {
        let ours = "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"work\"\n";
        let own_name = "[[registry]]\nmatch = \"images.example.com\"\naccount = \"111122223333\"\n\
                        region = \"eu-west-1\"\nrole_arn = \"arn:aws:iam::111122223333:role/pull\"\n";
        let theirs =
            "# mine\ntimeout_seconds = 10\n\n[[registry]]\nmatch = \"*\"\nduration_seconds = 900\n";
        let is_but_for_rules =
            |one: &str, other: &str| is_but_for_rules(one.as_bytes(), other.as_bytes());
        for same in [
            format!("{theirs}\n{ours}"),
            format!("{ours}\n{theirs}"),
            format!("{own_name}\n{theirs}\n{ours}"),
            format!("{theirs}\n{ours}").replace('\n', "\r\n"),
        ] {
            assert!(is_but_for_rules(theirs, &same), "{same}");
        }
        for different in [
            theirs.replace("900", "3600"),
            format!("{ours}external_id = \"build\"\n\n{theirs}"),
            format!("# why\n{ours}\n{theirs}"),
            format!("{ours}# why\n\n{theirs}"),
            format!(
                "{theirs}\n{}",
                ours.replace("match", "profile = \"a\"\nmatch")
            ),
            theirs.replace("10", "11"),
        ] {
            assert!(!is_but_for_rules(theirs, &different), "{different}");
        }
        assert!(!is_but_for_rules(theirs, &format!("\u{feff}{theirs}")));
    }
}
