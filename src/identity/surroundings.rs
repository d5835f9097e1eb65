//! What decides who asks and stands in no configuration: it is read from the machine, in the same
//! moment as the configuration is, and without network.

use std::fs::File;
use std::io::Read as _;

use sha2::{Digest as _, Sha256};

use crate::env::Env;

use super::fingerprint::Hasher;
use super::sign_in::SignIn;
use super::source::Source;

/// No more of a token file is looked at.
const MOST_OF_A_TOKEN: u64 = 64 * 1024;

/// The surroundings of a source.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The sign-in on disk that the source draws on.
    pub sign_in: Option<SignIn>,
    /// Which machine this is, since when, where the source is something on this machine: a cache
    /// that came with a machine image or a shared home is another machine's.
    machine: Option<String>,
    /// A digest of the token that a container endpoint wants: the projected tokens of two pods
    /// differ, while the names of their files do not.
    container_token: Option<[u8; 32]>,
}

impl Surroundings {
    /// Looks around.
    pub(super) fn of(source: &Source, env: &Env) -> Self {
        Self {
            sign_in: SignIn::of(source, env),
            machine: source.is_of_this_machine().then(|| machine(env)).flatten(),
            container_token: match source {
                Source::Container(container) => {
                    container.token_file.as_deref().and_then(digest_of_file)
                }
                _ => None,
            },
        }
    }

    /// Feeds what tells apart who asks, though the configuration is the same.
    pub(super) fn fingerprint(&self, hasher: &mut Hasher) {
        let began_at = self.sign_in.as_ref().and_then(SignIn::began_at);
        let began_at = began_at.map(|moment| moment.as_nanos().to_le_bytes());
        let parts: [Option<&[u8]>; 3] = [
            began_at.as_ref().map(|bytes| bytes.as_slice()),
            self.machine.as_deref().map(str::as_bytes),
            self.container_token.as_ref().map(|bytes| bytes.as_slice()),
        ];
        for part in parts {
            hasher.optional_bytes(part);
        }
    }
}

fn digest_of_file(path: &str) -> Option<[u8; 32]> {
    let mut token = Vec::new();
    // A pipe would wait for a writer.
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    File::open(path)
        .and_then(|file| file.take(MOST_OF_A_TOKEN).read_to_end(&mut token))
        .ok()?;
    Some(Sha256::digest(&token).into())
}

/// Linux draws an id anew at each boot, which no image carries along (`random(4)`).
#[cfg(target_os = "linux")]
fn machine(env: &Env) -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .ok()
        .or_else(|| node_name(env))
}

#[cfg(not(target_os = "linux"))]
fn machine(env: &Env) -> Option<String> {
    node_name(env)
}

#[cfg(unix)]
fn node_name(_: &Env) -> Option<String> {
    let names = rustix::system::uname();
    Some(names.nodename().to_string_lossy().into_owned())
}

#[cfg(not(unix))]
fn node_name(env: &Env) -> Option<String> {
    env.get("COMPUTERNAME")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::source::Container;

    fn fingerprint(surroundings: &Surroundings) -> [u8; 32] {
        let mut hasher = Hasher::new("test");
        surroundings.fingerprint(&mut hasher);
        hasher.finish().as_bytes().try_into().unwrap()
    }

    #[test]
    fn another_machine_is_another_identity() {
        let here = Surroundings {
            machine: Some("here".into()),
            ..Surroundings::default()
        };
        let there = Surroundings {
            machine: Some("there".into()),
            ..Surroundings::default()
        };
        assert_ne!(fingerprint(&here), fingerprint(&there));
        assert_ne!(fingerprint(&here), fingerprint(&Surroundings::default()));
    }

    #[test]
    fn a_machine_knows_which_it_is() {
        let instance = Source::InstanceMetadata {
            endpoint: "http://127.0.0.1".into(),
        };
        let surroundings = Surroundings::of(&instance, &Env::of([]));
        assert!(surroundings.machine.is_some_and(|id| !id.trim().is_empty()));
    }

    #[test]
    fn another_pods_token_is_another_identity() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let of = |token: &str| {
            std::fs::write(file.path(), token).unwrap();
            let source = Source::Container(Container {
                uri: "http://127.0.0.1/v1/credentials".into(),
                token_file: Some(file.path().display().to_string()),
                token: None,
            });
            fingerprint(&Surroundings::of(&source, &Env::of([])))
        };
        assert_eq!(of("one"), of("one"));
        assert_ne!(of("one"), of("other"));
    }
}
