//! What the identity depends on besides the configuration. It is read from the machine at the same
//! moment as the configuration, and without network.

use std::path::Path;

use crate::digest::{Digest, DigestParts};
use crate::env::Env;
use crate::fs::{self, Pipes};

use super::sign_in::SignIn;

/// A longer token file is not read. STS takes 20,000 characters at most.
pub(crate) const MAX_TOKEN_LENGTH: u64 = 64 << 10;

/// What a source depends on besides the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LocalState {
    /// The sign-in on disk that the source draws on.
    pub sign_in: Option<SignIn>,
    /// Which machine this is, since when, where the source is something on this machine: a cache
    /// that came with a machine image or a shared home is another machine's.
    pub(super) machine: Option<String>,
    /// A digest of what a token file says: the tokens of two pods or two CI jobs differ, while
    /// the names of their files do not.
    pub(super) token: Option<Digest>,
    /// A digest of the variables that other programs read to determine the identity; and of the
    /// working folder, if the identity depends on it.
    pub(super) variables: Option<Digest>,
}

impl LocalState {
    /// Feeds what tells two identities apart that have the same configuration.
    pub(super) fn fingerprint(&self, parts: &mut DigestParts) {
        if let Some(sign_in) = &self.sign_in {
            sign_in.fingerprint(parts);
        }
        let own: [Option<&[u8]>; 3] = [
            self.machine.as_deref().map(str::as_bytes),
            self.token.as_ref().map(Digest::as_bytes),
            self.variables.as_ref().map(Digest::as_bytes),
        ];
        for part in own {
            parts.optional_bytes(part);
        }
    }
}

/// A digest of variables that other programs read to determine the identity, and of the folder that
/// they run in, if the identity depends on it.
pub(super) fn values(names: &[&str], working_folder: Option<&Path>, env: &Env) -> Digest {
    let mut parts = DigestParts::named("variables");
    for name in names {
        let value = env.get_os(name);
        parts.optional_bytes(value.as_ref().map(|value| value.as_encoded_bytes()));
    }
    if let Some(folder) = working_folder {
        parts.add(folder.as_os_str().as_encoded_bytes());
    }
    parts.digest()
}

/// The bytes of a token's file, unless it is something else.
pub(super) fn read_token(path: &Path) -> Option<Vec<u8>> {
    // A pipe is left to the code that sends the token.
    fs::read(path, MAX_TOKEN_LENGTH, Pipes::Refused).ok()
}

/// Which machine this is, since when.
///
/// Linux draws an id anew at each boot, which no image carries along (`random(4)`).
#[cfg(target_os = "linux")]
pub(super) fn machine(env: &Env) -> Option<String> {
    boot_id().or_else(|| node_name(env))
}

/// The kernel gives such a file in one read.
#[cfg(target_os = "linux")]
fn boot_id() -> Option<String> {
    use std::io::Read as _;

    let mut id = [0; 64];
    let length = std::fs::File::open("/proc/sys/kernel/random/boot_id")
        .and_then(|mut file| file.read(&mut id))
        .ok()?;
    let id = str::from_utf8(id.get(..length)?).ok()?;
    (!id.is_empty()).then(|| id.to_owned())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn machine(env: &Env) -> Option<String> {
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
impl LocalState {
    /// A digest of this alone.
    pub(super) fn digest(&self) -> Digest {
        let mut parts = DigestParts::named("test");
        self.fingerprint(&mut parts);
        parts.digest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_machine(name: &str) -> LocalState {
        LocalState {
            machine: Some(name.to_owned()),
            ..LocalState::default()
        }
    }

    #[test]
    fn another_machine_is_another_identity() {
        let here = on_machine("here").digest();
        assert_ne!(here, on_machine("there").digest());
        assert_ne!(here, LocalState::default().digest());
    }

    #[test]
    fn a_machine_knows_which_it_is() {
        let machine = machine(&Env::process());
        assert!(machine.is_some_and(|id| !id.trim().is_empty()));
    }
}
