//! Where AWS's files were looked for, for the errors that say that there are no credentials.

use std::path::{Path, PathBuf};

use crate::env::Env;

use super::aws_files::{AwsFiles, shown};

/// The two files, and the home directory if it is a snap's.
#[derive(Clone, Debug)]
pub(crate) struct SearchedFiles {
    files: [PathBuf; 2],
    snap: Option<SnapHome>,
}

/// The home directory of programs in a snap: `~/snap/NAME/REVISION` (snapcraft.io, "Data locations").
#[derive(Clone, Debug, PartialEq, Eq)]
struct SnapHome {
    folder: PathBuf,
    /// The snap's name.
    name: String,
}

impl SearchedFiles {
    pub(crate) fn from_env(env: &Env) -> Self {
        Self {
            files: AwsFiles::paths(env),
            snap: env.home().and_then(|home| SnapHome::parse(&home)),
        }
    }

    /// The end of an error's line, which most clients show alone.
    pub(crate) fn remark(&self) -> String {
        self.snap.as_ref().map_or_else(String::new, |snap| {
            let SnapHome { folder, name } = snap;
            let folder = folder.display();
            format!("; HOME is {folder}, the home directory of the snap {name}")
        })
    }

    pub(crate) fn hints(&self) -> Vec<String> {
        let [config, credentials] = self.files.each_ref().map(|path| shown(path));
        let mut hints = vec![format!(
            "AWS profiles were looked for in {config} and {credentials}"
        )];
        hints.extend(self.snap.as_ref().map(|SnapHome { folder, name }| {
            let folder = folder.join(".aws");
            format!(
                "Install {name} without snap, which keeps it from reading your ~/.aws; or copy your ~/.aws to {}",
                folder.display()
            )
        }));
        hints
    }
}

impl SnapHome {
    fn parse(home: &Path) -> Option<Self> {
        let mut names = home.iter().rev().map(|name| name.to_str());
        let [revision, name, parent] = std::array::from_fn(|_| names.next().flatten());
        let revision = revision?;
        // A local build has `x1`.
        let number = revision.strip_prefix('x').unwrap_or(revision);
        let is_revision = revision == "current" || number.parse::<u32>().is_ok();
        (is_revision && parent? == "snap").then_some(Self {
            folder: home.to_owned(),
            name: name?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_directory_of_a_snap_is_told_by_its_path() {
        for (home, name) in [
            ("/home/alice/snap/docker/2893", Some("docker")),
            ("/root/snap/podman/x1", Some("podman")),
            ("/home/alice/snap/docker/current", Some("docker")),
            ("/home/alice", None),
            ("/home/snap/alice", None),
            ("/home/alice/snap/docker/src", None),
            ("/home/alice/2893", None),
            ("/2893", None),
            ("/", None),
        ] {
            let found = SnapHome::parse(Path::new(home));
            assert_eq!(found.map(|snap| snap.name).as_deref(), name, "{home}");
        }
    }
}
