//! Where a node has kubelet's configuration and the folder of its providers: by the options, the command
//! line of the running kubelet, or the usual paths of platforms.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::KubeletPaths;
use crate::error::{Error, escaped_path};
use crate::fs::{Pipes, read};

/// A command line has at most 128 KiB for each argument (Linux, `MAX_ARG_STRLEN`), and kubelet's are
/// short.
const MAX_LENGTH: u64 = 1 << 20;

/// The paths of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NodePaths {
    /// A file, or a folder of files.
    pub config: PathBuf,
    pub bin_dir: PathBuf,
    /// What to know about them.
    pub note: Option<&'static str>,
    kubelet: Option<RunningKubelet>,
}

/// A platform with paths of its own.
struct Platform {
    /// A file or folder that only this platform has.
    sign: &'static str,
    config: &'static str,
    bin_dir: &'static str,
    note: Option<&'static str>,
}

/// As their sources of 2024 to 2026 have them.
const PLATFORMS: [Platform; 4] = [
    Platform {
        sign: "etc/eks/image-credential-provider/config.json",
        config: "etc/eks/image-credential-provider/config.json",
        bin_dir: "etc/eks/image-credential-provider",
        note: Some(
            "nodeadm writes this file anew whenever it configures the node, so run this command after it, for example in the user data",
        ),
    },
    Platform {
        sign: "var/lib/rancher/k3s",
        config: "var/lib/rancher/credentialprovider/config.yaml",
        bin_dir: "var/lib/rancher/credentialprovider/bin",
        note: None,
    },
    Platform {
        sign: "var/lib/rancher/rke2",
        config: "var/lib/rancher/credentialprovider/config.yaml",
        bin_dir: "var/lib/rancher/credentialprovider/bin",
        note: None,
    },
    Platform {
        sign: "opt/gardener/ecr-credential-provider-config.json",
        config: "opt/gardener/ecr-credential-provider-config.json",
        bin_dir: "opt/bin",
        note: None,
    },
];

#[derive(Debug, thiserror::Error)]
#[error(
    "cannot find kubelet's credential provider configuration: no running kubelet names it, and none of the usual paths exists"
)]
struct Unknown;

impl NodePaths {
    /// # Errors
    /// When an option is missing, and nothing on this machine says what it would be.
    pub(super) fn find(options: &KubeletPaths, root: &Path) -> Result<Self, Error> {
        let kubelet = RunningKubelet::find(root);
        let platform = PLATFORMS.iter().find(|it| root.join(it.sign).exists());
        let of_kubelet = |path: fn(&RunningKubelet) -> &Option<PathBuf>| {
            kubelet.as_ref().and_then(|kubelet| path(kubelet).clone())
        };
        let config = options.config.clone().or(of_kubelet(|it| &it.config));
        let bin_dir = options.bin_dir.clone().or(of_kubelet(|it| &it.bin_dir));
        let usual = |path: fn(&Platform) -> &'static str| platform.map(|it| root.join(path(it)));
        let config = config.or_else(|| usual(|it| it.config));
        let bin_dir = bin_dir.or_else(|| usual(|it| it.bin_dir));
        let (Some(config), Some(bin_dir)) = (config, bin_dir) else {
            let hint = "Pass both --config FILE and --bin-dir DIR, and start kubelet with --image-credential-provider-config=FILE and --image-credential-provider-bin-dir=DIR";
            return Err(Error::usage(Unknown).hint(hint));
        };
        let note = platform.filter(|it| root.join(it.config) == config);
        Ok(Self {
            config,
            bin_dir,
            note: note.and_then(|it| it.note),
            kubelet,
        })
    }

    /// The environment of the running kubelet, if this process may read it.
    pub(super) fn kubelet_environment(&self) -> Option<Vec<(OsString, OsString)>> {
        self.kubelet.as_ref()?.environment()
    }

    /// What the running kubelet does not do with these paths.
    pub(super) fn unused(&self) -> Option<String> {
        let kubelet = self.kubelet.as_ref()?;
        let is_used = |named: &Option<PathBuf>, path: &Path| named.as_deref() == Some(path);
        let flags = [
            ("config", &kubelet.config, &self.config),
            ("bin-dir", &kubelet.bin_dir, &self.bin_dir),
        ];
        let missing: Vec<String> = flags
            .into_iter()
            .filter(|(_, named, path)| !is_used(named, path))
            .map(|(flag, _, path)| {
                format!("--image-credential-provider-{flag}={}", escaped_path(path))
            })
            .collect();
        (!missing.is_empty()).then(|| {
            format!(
                "the running kubelet was started without {}",
                missing.join(" and ")
            )
        })
    }
}

/// The first process with the name `kubelet`, of root or of this user, that has this machine's files: that of
/// a container (kind, minikube) has other ones.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RunningKubelet {
    folder: PathBuf,
    config: Option<PathBuf>,
    bin_dir: Option<PathBuf>,
}

impl RunningKubelet {
    fn find(root: &Path) -> Option<Self> {
        let processes = fs::read_dir(root.join("proc")).ok()?.flatten();
        let mut folders: Vec<PathBuf> = processes.map(|process| process.path()).collect();
        folders.sort();
        let mounts = |folder: &Path| fs::read_link(folder.join("ns/mnt")).ok();
        let own_mounts = mounts(&root.join("proc/self"));
        folders.into_iter().find_map(|folder| {
            if !is_trusted(&folder) || mounts(&folder) != own_mounts {
                return None;
            }
            let line = read(&folder.join("cmdline"), MAX_LENGTH, Pipes::Refused).ok()?;
            let words: Vec<String> = line
                .split(|byte| *byte == 0)
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect();
            let program = Path::new(words.first()?).file_name()?;
            let flag = |name: &str| value_of_flag(&words, name).map(PathBuf::from);
            (program == "kubelet").then(|| Self {
                config: flag("--image-credential-provider-config"),
                bin_dir: flag("--image-credential-provider-bin-dir"),
                folder,
            })
        })
    }

    fn environment(&self) -> Option<Vec<(OsString, OsString)>> {
        let bytes = read(&self.folder.join("environ"), MAX_LENGTH, Pipes::Refused).ok()?;
        let variables = bytes.split(|byte| *byte == 0).filter_map(|variable| {
            let text = String::from_utf8_lossy(variable);
            let (name, value) = text.split_once('=')?;
            Some((name.into(), value.into()))
        });
        Some(variables.collect())
    }
}

/// Whether a process belongs to root or to this user. Any user can start one with the name `kubelet`.
#[cfg(unix)]
fn is_trusted(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let own = rustix::process::geteuid().as_raw();
    fs::metadata(folder).is_ok_and(|folder| [0, own].contains(&folder.uid()))
}

#[cfg(not(unix))]
fn is_trusted(_: &Path) -> bool {
    true
}

/// The last value of a flag, as `--flag=value` or as two words.
fn value_of_flag<'w>(words: &'w [String], flag: &str) -> Option<&'w str> {
    words.iter().enumerate().rev().find_map(|(index, word)| {
        let rest = word.strip_prefix(flag)?;
        match rest.strip_prefix('=') {
            Some(value) => Some(value),
            None if rest.is_empty() => words.get(index + 1).map(String::as_str),
            None => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, content).expect("a file");
        }
        root
    }

    fn found(root: &Path, options: &KubeletPaths) -> Result<(String, String), Error> {
        let paths = NodePaths::find(options, root)?;
        let shown = |path: &Path| match path.strip_prefix(root) {
            Ok(path) => path.display().to_string(),
            Err(_) => path.display().to_string(),
        };
        Ok((shown(&paths.config), shown(&paths.bin_dir)))
    }

    #[test]
    fn options_come_before_the_running_kubelet_and_that_before_usual_paths() {
        let kubelet = "/usr/bin/kubelet\0--image-credential-provider-config=/k/a.yaml\0--image-credential-provider-config\0/k/c.yaml\0--image-credential-provider-bin-dir=/k/bin\0";
        let eks = ("etc/eks/image-credential-provider/config.json", "{}");
        let none = KubeletPaths::default();
        let both = node(&[
            ("proc/1/cmdline", "/sbin/init\0"),
            ("proc/20/cmdline", kubelet),
            eks,
        ]);
        let pair = |config: &str, bin_dir: &str| (config.to_owned(), bin_dir.to_owned());
        assert_eq!(
            found(both.path(), &none).unwrap(),
            pair("/k/c.yaml", "/k/bin")
        );
        let config = KubeletPaths {
            config: Some("/o/c.json".into()),
            bin_dir: None,
        };
        assert_eq!(
            found(both.path(), &config).unwrap(),
            pair("/o/c.json", "/k/bin")
        );
        let usual = node(&[eks]);
        let expected = pair(eks.0, "etc/eks/image-credential-provider");
        assert_eq!(found(usual.path(), &none).unwrap(), expected);
        let rancher = node(&[("var/lib/rancher/rke2/x", "")]);
        let expected = pair(
            "var/lib/rancher/credentialprovider/config.yaml",
            "var/lib/rancher/credentialprovider/bin",
        );
        assert_eq!(found(rancher.path(), &none).unwrap(), expected);
    }

    #[test]
    #[cfg(unix)]
    fn a_kubelet_of_a_container_or_of_another_user_is_passed_over() {
        let line = "kubelet\0--image-credential-provider-config=/k/a.yaml\0--image-credential-provider-bin-dir=/k/bin\0";
        let root = node(&[("proc/20/cmdline", line), ("proc/self/ns/x", "")]);
        let mounts = |process: &str, namespace: &str| {
            let folder = root.path().join("proc").join(process).join("ns");
            fs::create_dir_all(&folder).expect("a folder");
            let _ = fs::remove_file(folder.join("mnt"));
            std::os::unix::fs::symlink(namespace, folder.join("mnt")).expect("a link");
        };
        mounts("self", "mnt:[1]");
        mounts("20", "mnt:[2]");
        assert!(RunningKubelet::find(root.path()).is_none());
        mounts("20", "mnt:[1]");
        assert!(RunningKubelet::find(root.path()).is_some());
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let process = root.path().join("proc/20");
        std::os::unix::fs::chown(process, Some(65534), None).expect("as root");
        assert!(RunningKubelet::find(root.path()).is_none());
    }

    #[test]
    fn without_any_sign_of_kubelet_both_options_are_asked_for() {
        let root = node(&[("proc/20/cmdline", "kubelet-exporter\0")]);
        let config = KubeletPaths {
            config: Some("/o/c.json".into()),
            bin_dir: None,
        };
        let error = found(root.path(), &config).unwrap_err();
        assert!(
            error
                .text()
                .contains("Pass both --config FILE and --bin-dir DIR"),
            "{error}"
        );
    }

    #[test]
    fn a_kubelet_without_the_flags_is_told() {
        let root = node(&[(
            "proc/20/cmdline",
            "kubelet\0--image-credential-provider-config=/o/c.json\0",
        )]);
        let options = KubeletPaths {
            config: Some("/o/c.json".into()),
            bin_dir: Some("/o/bin".into()),
        };
        let unused = |root: &Path| NodePaths::find(&options, root).unwrap().unused();
        assert_eq!(
            unused(root.path()).as_deref(),
            Some(
                "the running kubelet was started without --image-credential-provider-bin-dir=/o/bin"
            )
        );
        assert_eq!(unused(Path::new("/nonexistent")), None);
    }
}
