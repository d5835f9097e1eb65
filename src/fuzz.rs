//! Fuzz targets: what reads bytes from outside, and what must hold whatever they are. `cargo fuzz` runs
//! them (`tests/fuzz`); `cargo test` runs them on the corpus and on changes of it.
//!
//! Whatever is read in the end, a target must not panic.

use std::path::Path;

use crate::cache;
use crate::config::{Config, ConfigPaths};
use crate::configure::clients::ClientConfig;
use crate::registry::{Lookup, Registry};
use crate::{aws, docker, doctor, identity, kubelet};

/// It panics if a promise does not hold for these bytes.
pub type Target = fn(&[u8]);

/// Each target, by the name of its folder in `tests/fuzz/corpus`.
pub const TARGETS: [(&str, Target); 11] = [
    ("aws_answers", aws::fuzz),
    ("aws_files", identity::fuzz),
    ("cache_entry", cache::fuzz),
    ("config_toml", config_toml),
    ("docker_config", docker_config),
    ("docker_request", docker::fuzz),
    ("hosts_toml", kubelet::fuzz_hosts_toml),
    ("kubelet_config", kubelet::node::fuzz),
    ("kubelet_request", kubelet::fuzz_request),
    ("registry_answers", doctor::fuzz),
    ("server_name", server_name),
];

/// Runs a target by its name.
pub fn run(name: &str, bytes: &[u8]) {
    let (_, target) = TARGETS
        .into_iter()
        .find(|(known, _)| *known == name)
        .expect("a target");
    target(bytes);
}

/// The host of a registry is a part of what was sent, and names the same registry alone.
fn server_name(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Some(registry) = Registry::parse(text) else {
        return;
    };
    let host = registry.host();
    let is_of_host =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    assert!(host.bytes().all(is_of_host), "{host}");
    assert!(text.to_ascii_lowercase().contains(host), "{host}");
    assert_eq!(Registry::parse(host).as_ref(), Some(&registry));
    if let Some(private) = registry.private() {
        assert!(host.starts_with(private.account.as_str()), "{host}");
        assert!(host.contains(private.region.as_str()), "{host}");
    }
    let _ = Lookup::from_server(text, &registry);
}

/// An error is one line, and an ECR host keeps its name in every configuration.
fn config_toml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let paths = ConfigPaths {
        explicit: Some("/config.toml".into()),
        ..ConfigPaths::default()
    };
    match Config::load_with(&paths, text) {
        Ok(config) => {
            for host in [
                "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
                "public.ecr.aws",
            ] {
                let registry = config.registry(host).expect("an ECR host");
                assert_eq!(registry.host(), host);
            }
        }
        Err(error) => assert!(!error.to_string().contains(char::is_control), "{error}"),
    }
}

/// An entry can be added to whatever Docker reads, and its removal brings every byte back.
fn docker_config(bytes: &[u8]) {
    const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
    let Ok(before) = ClientConfig::read(Path::new("/config.json"), bytes) else {
        return;
    };
    let _ = (before.masked(), before.logins().len());
    let after = before.set_helper(HOST, "ecrx").expect("an edit");
    assert_eq!(after.helper_of(HOST), Some("ecrx"));
    let others = |config: &ClientConfig| -> Vec<(String, String)> {
        let helpers = config.cred_helpers().into_iter();
        let others = helpers.filter(|(host, _)| *host != HOST);
        others
            .map(|(host, helper)| (host.to_owned(), helper.to_owned()))
            .collect()
    };
    assert_eq!(others(&before), others(&after));
    let had_none = before.cred_helpers().iter().all(|(host, _)| *host != HOST);
    let had_others = !before.cred_helpers().is_empty();
    if had_none && had_others {
        let without = after
            .without_helpers(|host, _| host == HOST)
            .expect("an edit");
        assert_eq!(without.text().expose(), before.text().expose());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    /// How many changes are made of each file of the corpus.
    const CHANGES: u64 = 300;

    /// The files of a target's corpus, by their names.
    fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
        let mut files: Vec<_> = fs::read_dir(folder.join(target))
            .expect("a folder for each target")
            .map(|entry| entry.expect("an entry").path())
            .map(|path| (path.clone(), fs::read(path).expect("a file")))
            .collect();
        files.sort();
        files
    }

    /// Bytes are deleted, repeated, replaced and exchanged with parts of other files, as a fuzzer
    /// would.
    fn changed(random: &mut fastrand::Rng, corpus: &[(PathBuf, Vec<u8>)], bytes: &[u8]) -> Vec<u8> {
        const ODD: [&[u8]; 16] = [
            b"\"",
            b"\\",
            b"{",
            b"}",
            b"[",
            b"]",
            b"\n",
            b"\r",
            b"\t ",
            b"\0",
            b":",
            b"=",
            b"\xff",
            b"\xef\xbb\xbf",
            "\u{2028}".as_bytes(),
            b"99999999999999999999",
        ];
        let mut bytes = bytes.to_vec();
        for _ in 0..random.usize(1..=4) {
            let start = random.usize(0..=bytes.len());
            let end = random.usize(start..=bytes.len().min(start + 16));
            let part = match random.u8(0..5) {
                0 => Vec::new(),
                1 => bytes[start..end].repeat(random.usize(2..40)),
                2 => ODD[random.usize(0..ODD.len())].to_vec(),
                3 => vec![random.u8(..)],
                _ => {
                    let (_, other) = &corpus[random.usize(0..corpus.len())];
                    let from = random.usize(0..=other.len());
                    other[from..].to_vec()
                }
            };
            bytes.splice(start..end, part);
        }
        bytes
    }

    #[test]
    fn what_every_target_promises_holds_for_the_corpus_and_changes_of_it() {
        for (name, target) in TARGETS {
            let corpus = corpus(name);
            assert!(corpus.len() >= 3, "{name}");
            for (path, bytes) in &corpus {
                target(bytes);
                for seed in 0..CHANGES {
                    let bytes = changed(&mut fastrand::Rng::with_seed(seed), &corpus, bytes);
                    let outcome = std::panic::catch_unwind(|| target(&bytes));
                    assert!(
                        outcome.is_ok(),
                        "{} with seed {seed}: {}",
                        path.display(),
                        bytes.escape_ascii()
                    );
                }
            }
        }
    }
}
