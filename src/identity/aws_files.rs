//! `~/.aws/config` and `~/.aws/credentials`: read once, parsed by the SDK's own parser.
//!
//! The only room besides `aws/` that names SDK types: parsing these files (nested properties,
//! `[profile x]` in one file and `[x]` in the other, merging) is the SDK's trade.

use std::borrow::Cow;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use aws_config::profile::{self, Profile, ProfileFileLoadError, ProfileSet};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_runtime::env_config::property::PropertiesKey;
use aws_types::os_shim_internal::{Env as SdkEnv, Fs};

use crate::env::{Env, var};
use crate::fs::{self, Pipes};
use crate::secret::Secret;

/// The profile that counts when nothing names one.
pub(super) const DEFAULT_PROFILE: &str = "default";

/// A longer file is not read. One with 5,000 profiles has about 1 MiB.
const MAX_LENGTH: u64 = 16 << 20;

/// The two files, parsed together.
#[derive(Debug)]
pub(crate) struct AwsFiles {
    profiles: ProfileSet,
    texts: [Secret; 2],
    config_path: PathBuf,
    credentials_path: PathBuf,
}

/// Why the files cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum AwsFilesError {
    /// The file is there and cannot be read.
    #[error("cannot read the AWS file {}: {reason}", path.display())]
    Unreadable {
        path: PathBuf,
        reason: Arc<std::io::Error>,
    },
    /// The file is not UTF-8.
    #[error("the AWS file {} is not UTF-8 text", path.display())]
    NotText { path: PathBuf },
    /// The SDK's parser refuses it.
    #[error("the AWS file {} cannot be parsed: line {line}", path.display())]
    Malformed {
        path: PathBuf,
        /// The parser's words, beginning with the line's number.
        line: String,
    },
}

impl AwsFiles {
    /// Reads and parses both files. A file that does not exist is empty, as for every AWS tool. A
    /// pipe is waited for until `deadline`.
    pub(crate) fn load(env: &Env, deadline: Instant) -> Result<Self, AwsFilesError> {
        let file = |variable: &str, name: &str| match env.path(variable) {
            Some(path) => read(&path, deadline).map(|text| (path, text)),
            None => match env.home() {
                Some(home) => {
                    let path = home.join(".aws").join(name);
                    read(&path, deadline).map(|text| (path, text))
                }
                // Without a home folder there are no such files. A `~` of the working folder is
                // not it: a `credential_process` of a stranger's checkout may lie there.
                None => Ok((Path::new("~/.aws").join(name), String::new())),
            },
        };
        let (config_path, config) = file(var::AWS_CONFIG_FILE, "config")?;
        let (credentials_path, credentials) =
            file(var::AWS_SHARED_CREDENTIALS_FILE, "credentials")?;
        let profiles = if config.is_empty() && credentials.is_empty() {
            ProfileSet::default()
        } else {
            let both = EnvConfigFiles::builder()
                .with_contents(EnvConfigFileKind::Config, config.as_str())
                .with_contents(EnvConfigFileKind::Credentials, credentials.as_str())
                .build();
            parse(&both).map_err(|_| {
                // The error of contents given in memory names no file: parse them one by one.
                malformed(EnvConfigFileKind::Config, &config_path, &config).unwrap_or_else(|| {
                    malformed(
                        EnvConfigFileKind::Credentials,
                        &credentials_path,
                        &credentials,
                    )
                    .unwrap_or(AwsFilesError::Malformed {
                        path: config_path.clone(),
                        line: "unknown".to_owned(),
                    })
                })
            })?
        };
        Ok(Self {
            profiles,
            texts: [config, credentials].map(Secret::new),
            config_path,
            credentials_path,
        })
    }

    /// What stands in the two files.
    pub(crate) fn texts(&self) -> &[Secret; 2] {
        &self.texts
    }

    pub(crate) fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.get_profile(name)
    }

    /// A setting of an `[sso-session NAME]` section; the outer `None` says there is no such section.
    pub(crate) fn sso_session(&self, name: &str, key: &str) -> Option<Option<&str>> {
        self.profiles
            .sso_session(name)
            .map(|session| session.get(key))
    }

    /// The names of all profiles, sorted.
    pub(crate) fn profile_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.profiles.profiles().collect();
        names.sort_unstable();
        names
    }

    /// Where a person would look for profiles.
    pub(crate) fn paths(&self) -> (&Path, &Path) {
        (&self.config_path, &self.credentials_path)
    }

    /// `endpoint_url` of a service in the `[services NAME]` section that a profile points at.
    pub(crate) fn service_endpoint(&self, profile: &Profile, service: &str) -> Option<&str> {
        let section = profile.get("services")?;
        let key = PropertiesKey::builder()
            .section_key("services")
            .section_name(section)
            .property_name(service)
            .sub_property_name("endpoint_url")
            .build()
            .ok()?;
        self.profiles
            .other_sections()
            .get(&key)
            .map(|value| value.as_str())
    }
}

fn read(path: &Path, deadline: Instant) -> Result<String, AwsFilesError> {
    match fs::read(path, MAX_LENGTH, Pipes::Until(deadline)) {
        Ok(bytes) => match String::from_utf8(bytes) {
            // Windows editors put a byte order mark in front, which the parser trips over.
            Ok(text) => Ok(text.trim_start_matches('\u{feff}').to_owned()),
            Err(_) => Err(AwsFilesError::NotText {
                path: path.to_owned(),
            }),
        },
        Err(error) if error.is_absence() => Ok(String::new()),
        Err(error) => Err(AwsFilesError::Unreadable {
            path: path.to_owned(),
            reason: Arc::new(error.into()),
        }),
    }
}

fn malformed(kind: EnvConfigFileKind, path: &Path, contents: &str) -> Option<AwsFilesError> {
    if contents.is_empty() {
        return None;
    }
    let files = EnvConfigFiles::builder()
        .with_contents(kind, contents)
        .build();
    let error = parse(&files).err()?;
    // The parser's own error lies beneath: "error parsing <unknown> on line 3:\n  …"
    let text = std::error::Error::source(&error).map_or(error.to_string(), ToString::to_string);
    let line = match text.split_once(" on line ") {
        Some((_, line)) => line.to_owned(),
        None => text,
    };
    Some(AwsFilesError::Malformed {
        path: path.to_owned(),
        line,
    })
}

/// Runs the SDK's parser. With contents in memory its future has nothing to wait for, so one
/// poll ends it and no runtime is needed.
fn parse(files: &EnvConfigFiles) -> Result<ProfileSet, ProfileFileLoadError> {
    let fs = Fs::from_slice(&[]);
    let env = SdkEnv::from_slice(&[]);
    let mut future = pin!(profile::load(
        &fs,
        &env,
        files,
        Some(Cow::Borrowed(DEFAULT_PROFILE))
    ));
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(result) => result,
        Poll::Pending => Ok(ProfileSet::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_at(env: &Env) -> Result<AwsFiles, AwsFilesError> {
        AwsFiles::load(env, Instant::now())
    }

    fn load(config: &str, credentials: &str) -> Result<AwsFiles, AwsFilesError> {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        std::fs::create_dir(folder.path().join(".aws")).unwrap();
        std::fs::write(folder.path().join(".aws/config"), config).unwrap();
        std::fs::write(folder.path().join(".aws/credentials"), credentials).unwrap();
        load_at(&Env::from_variables([("HOME", home)]))
    }

    #[test]
    fn both_files_make_one_set_of_profiles() {
        let files = load(
            "[profile work]\nregion = eu-west-1\nservices = local\n[services local]\necr =\n  endpoint_url = http://localhost:1\n",
            "[work]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n[other]\nregion = us-east-1\n",
        )
        .unwrap();
        let work = files.profile("work").unwrap();
        assert_eq!(work.get("region"), Some("eu-west-1"));
        assert_eq!(work.get("aws_access_key_id"), Some("AKIAIOSFODNN7EXAMPLE"));
        assert_eq!(
            files.service_endpoint(work, "ecr"),
            Some("http://localhost:1")
        );
        assert_eq!(files.service_endpoint(work, "sts"), None);
        assert_eq!(files.profile_names(), ["other", "work"]);
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        let files = load("\u{feff}[profile work]\nregion = eu-west-1\n", "").unwrap();
        assert_eq!(files.profile_names(), ["work"]);
    }

    #[test]
    fn no_files_are_no_profiles() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().display().to_string();
        let files = load_at(&Env::from_variables([("HOME", &*home)])).unwrap();
        assert!(files.profile_names().is_empty());
    }

    #[test]
    fn without_a_home_folder_the_working_folder_is_not_looked_at() {
        let files = load_at(&Env::from_variables([])).unwrap();
        assert_eq!(files.paths().0, Path::new("~/.aws/config"));
        assert!(files.profile_names().is_empty());
    }

    #[test]
    fn a_broken_file_is_named_with_its_line() {
        let error = load("[default]\n", "[default]\nregion\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(".aws/credentials cannot be parsed: line 2:"),
            "{error}"
        );
    }

    #[test]
    fn a_folder_in_place_of_the_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join(".aws/config")).unwrap();
        let error = load_at(&Env::from_variables([(
            "HOME",
            folder.path().to_str().unwrap(),
        )]))
        .unwrap_err();
        assert!(
            error.to_string().starts_with("cannot read the AWS file"),
            "{error}"
        );
    }
}
