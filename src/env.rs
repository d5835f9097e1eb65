//! The environment: every variable this program reads itself, and the only reader of them.
//!
//! The AWS SDK's container and sign-in providers read theirs
//! (`AWS_CONTAINER_*`, `AWS_LOGIN_CACHE_DIRECTORY`, `AWS_ENDPOINT_URL_SIGNIN`) on their own.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::users;

/// Defines this program's own variables, and the list of all of them.
macro_rules! own {
    ($($(#[$doc:meta])* pub const $name:ident: &str = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $text;)*

        /// All variables that belong to this program alone.
        pub const OWN: &[&str] = &[$($name),*];
    };
}

/// Names of variables, with what each does.
pub mod var {
    own! {
        /// Use this configuration file instead of the user's and the machine's.
        pub const ECRX_CONFIG: &str = "ECRX_CONFIG";
        /// Log to stderr at level `error`, `warn`, `info` or `debug`. Logging is off if unset.
        pub const ECRX_LOG: &str = "ECRX_LOG";
        /// Set by this program for a `credential_process` and for the helper for other registries,
        /// to detect a program that calls back. If such a program clears the environment, the call
        /// is detected only on Linux, and only if the program stays attached to its parent process.
        pub const ECRX_HANDED_OVER: &str = "ECRX_HANDED_OVER";
        /// Use this AWS profile, regardless of `AWS_*` variables. `ECRX_PROFILE_<account>` applies
        /// to the registries of one account.
        pub const ECRX_PROFILE: &str = "ECRX_PROFILE";
        /// Assume this role with the credentials of `ECRX_PROFILE`, or without it, of the `AWS_*`
        /// variables, `[defaults]` or the default profile. Rules are not used.
        /// `ECRX_ROLE_ARN_<account>` applies to the registries of one account. The ARN may contain
        /// `{account}`, `{region}` and `{partition}`.
        pub const ECRX_ROLE_ARN: &str = "ECRX_ROLE_ARN";
        /// Send this external ID when assuming `ECRX_ROLE_ARN`.
        pub const ECRX_EXTERNAL_ID: &str = "ECRX_EXTERNAL_ID";
        /// Use this session name when assuming `ECRX_ROLE_ARN`.
        pub const ECRX_ROLE_SESSION_NAME: &str = "ECRX_ROLE_SESSION_NAME";
        /// Assume roles in this region, with `ECRX_PROFILE` or `ECRX_ROLE_ARN`.
        pub const ECRX_REGION: &str = "ECRX_REGION";
    }

    /// Search for programs in these folders. Relative and empty entries are skipped.
    pub const PATH: &str = "PATH";

    /// Disable the cache if not empty, as in amazon-ecr-credential-helper.
    pub const AWS_ECR_DISABLE_CACHE: &str = "AWS_ECR_DISABLE_CACHE";
    /// Use this cache folder, as in amazon-ecr-credential-helper. The path must be absolute or begin
    /// with `~/`.
    pub const AWS_ECR_CACHE_DIR: &str = "AWS_ECR_CACHE_DIR";
    /// If `true`, `store` succeeds without storing anything, as in amazon-ecr-credential-helper.
    pub const AWS_ECR_IGNORE_CREDS_STORAGE: &str = "AWS_ECR_IGNORE_CREDS_STORAGE";

    /// Use this home directory. If unset, the password database is read.
    pub const HOME: &str = "HOME";
    /// On Linux, use this folder for the user's configuration instead of `~/.config`.
    pub const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
    /// On Linux, use this folder for the user's cache instead of `~/.cache`.
    pub const XDG_CACHE_HOME: &str = "XDG_CACHE_HOME";
    /// Install completions in this folder instead of `~/.local/share` (`completions --install`).
    pub const XDG_DATA_HOME: &str = "XDG_DATA_HOME";
    /// Install bash completions in this folder, as bash-completion does (`completions --install`).
    pub const BASH_COMPLETION_USER_DIR: &str = "BASH_COMPLETION_USER_DIR";

    /// Use this access key ID of an IAM user or a session.
    pub const AWS_ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
    /// Use this secret access key with `AWS_ACCESS_KEY_ID`.
    pub const AWS_SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
    /// When the access key expires. An expired one is not used.
    pub const AWS_CREDENTIAL_EXPIRATION: &str = "AWS_CREDENTIAL_EXPIRATION";
    /// Old name of `AWS_SESSION_TOKEN`, which comes first in the AWS CLI.
    pub const AWS_SECURITY_TOKEN: &str = "AWS_SECURITY_TOKEN";
    /// Use this session token with temporary keys.
    pub const AWS_SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
    /// Use this profile from `~/.aws/config`, unless `AWS_DEFAULT_PROFILE` is set.
    pub const AWS_PROFILE: &str = "AWS_PROFILE";
    /// Use this profile. It takes precedence over `AWS_PROFILE`, as in the AWS CLI. The Go SDK, and
    /// therefore amazon-ecr-credential-helper, uses the opposite order.
    pub const AWS_DEFAULT_PROFILE: &str = "AWS_DEFAULT_PROFILE";
    /// Use this file instead of `~/.aws/config`.
    pub const AWS_CONFIG_FILE: &str = "AWS_CONFIG_FILE";
    /// Use this file instead of `~/.aws/credentials`.
    pub const AWS_SHARED_CREDENTIALS_FILE: &str = "AWS_SHARED_CREDENTIALS_FILE";
    /// Use the OIDC token in this file for `AssumeRoleWithWebIdentity`.
    pub const AWS_WEB_IDENTITY_TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
    /// Assume this role with `AWS_WEB_IDENTITY_TOKEN_FILE`.
    pub const AWS_ROLE_ARN: &str = "AWS_ROLE_ARN";
    /// Use this session name with `AWS_WEB_IDENTITY_TOKEN_FILE`.
    pub const AWS_ROLE_SESSION_NAME: &str = "AWS_ROLE_SESSION_NAME";
    /// Assume this role for a pod whose service account has no role in an annotation, as in
    /// `ecr-credential-provider`. It counts only with the command `kubelet`, and if kubelet sends a
    /// service account token.
    pub const AWS_ECR_ROLE_ARN: &str = "AWS_ECR_ROLE_ARN";
    /// Request the OIDC token of a job in GitHub Actions from this URL, for `web_identity`.
    pub const ACTIONS_ID_TOKEN_REQUEST_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
    /// Send this bearer token to `ACTIONS_ID_TOKEN_REQUEST_URL`.
    pub const ACTIONS_ID_TOKEN_REQUEST_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";
    /// Get credentials from this path of the ECS credential endpoint.
    pub const AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: &str =
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    /// Get credentials from this container credential endpoint (EKS Pod Identity, Greengrass).
    pub const AWS_CONTAINER_CREDENTIALS_FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    /// Send this `Authorization` header to the container credential endpoint.
    pub const AWS_CONTAINER_AUTHORIZATION_TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
    /// Send the content of this file as the `Authorization` header to the container credential
    /// endpoint.
    pub const AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: &str =
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
    /// If `true`, disable instance metadata.
    pub const AWS_EC2_METADATA_DISABLED: &str = "AWS_EC2_METADATA_DISABLED";
    /// Use this instance metadata endpoint.
    pub const AWS_EC2_METADATA_SERVICE_ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    /// If `true`, do not ask instance metadata without a session token (IMDSv1).
    pub const AWS_EC2_METADATA_V1_DISABLED: &str = "AWS_EC2_METADATA_V1_DISABLED";
    /// Use the `IPv4` or the `IPv6` address of instance metadata.
    pub const AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: &str =
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";
    /// Wait this many seconds for each response of instance metadata; the default is 1.
    pub const AWS_METADATA_SERVICE_TIMEOUT: &str = "AWS_METADATA_SERVICE_TIMEOUT";
    /// Send each request to instance metadata at most this many times; the default is 1.
    pub const AWS_METADATA_SERVICE_NUM_ATTEMPTS: &str = "AWS_METADATA_SERVICE_NUM_ATTEMPTS";
    /// Read the sign-ins of `aws login` from this folder instead of `~/.aws/login/cache`.
    pub const AWS_LOGIN_CACHE_DIRECTORY: &str = "AWS_LOGIN_CACHE_DIRECTORY";
    /// Assume roles in this region.
    pub const AWS_REGION: &str = "AWS_REGION";
    /// Older name of `AWS_REGION`.
    pub const AWS_DEFAULT_REGION: &str = "AWS_DEFAULT_REGION";
    /// Use this endpoint for every service. The suffixes `_STS`, `_ECR` and `_ECR_PUBLIC` limit it to
    /// one service.
    pub const AWS_ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";
    /// Use this endpoint to get the credentials of an SSO role.
    pub const AWS_ENDPOINT_URL_SSO: &str = "AWS_ENDPOINT_URL_SSO";
    /// Use this endpoint to renew an SSO sign-in.
    pub const AWS_ENDPOINT_URL_SSO_OIDC: &str = "AWS_ENDPOINT_URL_SSO_OIDC";
    /// Use this endpoint to renew an `aws login` sign-in.
    pub const AWS_ENDPOINT_URL_SIGNIN: &str = "AWS_ENDPOINT_URL_SIGNIN";
    /// If `true`, ignore endpoints from the environment and from profiles.
    pub const AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";
    /// If `true`, use FIPS endpoints for every registry.
    pub const AWS_USE_FIPS_ENDPOINT: &str = "AWS_USE_FIPS_ENDPOINT";
    /// If `true`, use dual-stack endpoints for every registry.
    pub const AWS_USE_DUALSTACK_ENDPOINT: &str = "AWS_USE_DUALSTACK_ENDPOINT";

    /// Trust the certificate authorities in this PEM bundle instead of the system's.
    pub const AWS_CA_BUNDLE: &str = "AWS_CA_BUNDLE";
    /// Trust this PEM bundle, as OpenSSL does. `AWS_CA_BUNDLE` takes precedence.
    pub const SSL_CERT_FILE: &str = "SSL_CERT_FILE";
    /// Trust the PEM files in these folders, as OpenSSL does. `AWS_CA_BUNDLE` takes precedence.
    pub const SSL_CERT_DIR: &str = "SSL_CERT_DIR";
    /// Use this proxy for `https`. The lower-case name also works.
    pub const HTTPS_PROXY: &str = "HTTPS_PROXY";
    /// Connect to these hosts without a proxy. The lower-case name also works.
    pub const NO_PROXY: &str = "NO_PROXY";

    /// Use this folder for Docker's `config.json` instead of `~/.docker`.
    pub const DOCKER_CONFIG: &str = "DOCKER_CONFIG";
    /// Logins that Docker 28.3 and later, and GitLab Runner, use before those in the configuration
    /// file.
    pub const DOCKER_AUTH_CONFIG: &str = "DOCKER_AUTH_CONFIG";
    /// File in which podman, skopeo and buildah keep logins.
    pub const REGISTRY_AUTH_FILE: &str = "REGISTRY_AUTH_FILE";
    /// Use this file instead of the `registries.conf` of podman, skopeo and buildah.
    pub const CONTAINERS_REGISTRIES_CONF: &str = "CONTAINERS_REGISTRIES_CONF";
    /// Folder in which podman keeps logins until the next boot.
    pub const XDG_RUNTIME_DIR: &str = "XDG_RUNTIME_DIR";
    /// The user who ran this program with sudo.
    pub const SUDO_USER: &str = "SUDO_USER";

    /// Disable colour in the output of interactive commands if set to any value.
    pub const NO_COLOR: &str = "NO_COLOR";
    /// Terminal type. Colour is disabled if it is `dumb`.
    pub const TERM: &str = "TERM";
    /// Output width of interactive commands if stdout is not a terminal.
    pub const COLUMNS: &str = "COLUMNS";
}

/// The variables that also exist for a single account, with `_<account>` at the end.
pub const PER_ACCOUNT: [&str; 2] = [var::ECRX_PROFILE, var::ECRX_ROLE_ARN];

/// Windows' own `HOME`.
pub(crate) const USER_PROFILE: &str = "USERPROFILE";

/// Where the machine's configuration is.
#[cfg(unix)]
const MACHINE_CONFIG: &str = "/etc/docker-credential-ecrx/config.toml";

/// What this process was started with: its environment, and the name it was called by. Or one
/// made up for a test.
#[derive(Clone, Debug, Default)]
pub struct Env {
    made_up: Option<HashMap<String, OsString>>,
    called_as: Option<String>,
    home: OnceLock<Option<PathBuf>>,
}

impl Env {
    /// This process's environment.
    pub fn process() -> Self {
        Self::default()
    }

    /// An environment of exactly these variables.
    pub fn from_variables<'v>(variables: impl IntoIterator<Item = (&'v str, &'v str)>) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        Self {
            made_up: Some(variables),
            ..Self::default()
        }
    }

    /// The same, called as `docker-credential-ecrx-NAME`.
    #[must_use]
    pub fn called_as(mut self, name: Option<String>) -> Self {
        self.called_as = name;
        self
    }

    /// The part after `docker-credential-ecrx-` in the name that the program was called by.
    pub fn name(&self) -> Option<&str> {
        self.called_as.as_deref()
    }

    /// A variable as the system keeps it; set but empty counts as unset.
    pub fn get_os(&self, name: &str) -> Option<OsString> {
        let value = match &self.made_up {
            Some(variables) => variables.get(name).cloned(),
            None => std::env::var_os(name),
        };
        value.filter(|value| !value.is_empty())
    }

    /// A variable as text; set but blank counts as unset, as in the AWS SDKs. What is not UTF-8
    /// has replacement characters, so that the caller fails and shows it.
    pub fn get(&self, name: &str) -> Option<String> {
        self.get_os(name)
            .map(|value| match value.into_string() {
                Ok(value) => value,
                Err(value) => value.to_string_lossy().into_owned(),
            })
            .filter(|value| !value.trim().is_empty())
    }

    /// Whether a variable is set, and not blank.
    pub fn is_set(&self, name: &str) -> bool {
        self.get_os(name).is_some()
    }

    /// Whether a variable is set but blank: others that read it may take that for a value.
    pub fn is_set_but_blank(&self, name: &str) -> bool {
        let value = match &self.made_up {
            Some(variables) => variables.get(name).cloned(),
            None => std::env::var_os(name),
        };
        value.is_some_and(|value| value.to_string_lossy().trim().is_empty())
    }

    /// A variable in upper case, else the same in lower case.
    pub fn get_either_case(&self, name: &str) -> Option<String> {
        self.get(name)
            .or_else(|| self.get(&name.to_ascii_lowercase()))
    }

    /// Whether a variable says `true`, in any case.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| says_true(&value))
    }

    /// The names of all variables that begin with `ECRX`, or almost so, and are not blank; sorted.
    pub fn names_in_ecrx(&self) -> Vec<String> {
        let mut names: Vec<String> = match &self.made_up {
            Some(variables) => variables
                .iter()
                .filter(|(name, value)| is_in_ecrx(name.as_bytes(), value.as_encoded_bytes()))
                .map(|(name, _)| name.clone())
                .collect(),
            None => process_names_in_ecrx(),
        };
        names.sort_unstable();
        names
    }

    /// All variables. What is not UTF-8 comes with replacement characters.
    pub fn variables(&self) -> Vec<(String, String)> {
        let text = |text: &OsStr| text.to_string_lossy().into_owned();
        match &self.made_up {
            Some(variables) => {
                let variables = variables.iter();
                variables
                    .map(|(name, value)| (name.clone(), text(value)))
                    .collect()
            }
            None => std::env::vars_os()
                .map(|(name, value)| (text(&name), text(&value)))
                .collect(),
        }
    }

    /// A path; a leading `~/` is the home folder.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.get_os(name).map(|path| self.expand_home(path.into()))
    }

    /// Replaces a leading `~` by the home folder, as the AWS SDKs do.
    pub fn expand_home(&self, path: PathBuf) -> PathBuf {
        match (path.strip_prefix("~"), self.home()) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => path,
        }
    }

    /// The one home folder, for the AWS files and for ours: `HOME`, else the password database; on
    /// Windows `USERPROFILE`, else the folder of the user's profile.
    pub fn home(&self) -> Option<PathBuf> {
        self.home.get_or_init(|| self.find_home()).clone()
    }

    /// The absolute folders of `PATH`. By a relative or an empty element, what is run would depend
    /// on the working folder, which may be a stranger's checkout.
    pub fn search_folders(&self) -> Vec<PathBuf> {
        let path = self.get_os(var::PATH).unwrap_or_default();
        std::env::split_paths(&path)
            .filter(|folder| folder.is_absolute())
            .collect()
    }

    /// The `PATH` of programs that this one starts: its absolute folders alone. Without any, these
    /// three, in the order in which dash has them when `PATH` is unset. `/usr/local/bin` is where
    /// AWS installs its CLI, which a `credential_process` often is. It is not left to the shell, as
    /// bash would add the working folder.
    pub fn search_path(&self) -> OsString {
        let folders = self.search_folders();
        match std::env::join_paths(&folders) {
            Ok(path) if !folders.is_empty() => path,
            _ if cfg!(unix) => "/usr/local/bin:/usr/bin:/bin".into(),
            _ => OsString::new(),
        }
    }

    /// The folder that this process was started in.
    pub fn working_folder(&self) -> Option<PathBuf> {
        match &self.made_up {
            Some(_) => None,
            None => std::env::current_dir().ok(),
        }
    }

    fn find_home(&self) -> Option<PathBuf> {
        match &self.made_up {
            Some(_) => self.get_os(var::HOME).map(PathBuf::from),
            // The C library inside a static executable cannot be asked everything.
            None if cfg!(all(target_os = "linux", target_feature = "crt-static")) => self
                .get_os(var::HOME)
                .map(PathBuf::from)
                .or_else(|| users::home(&self.search_path())),
            // `HOME`, as Git Bash sets it, is not Windows' own: the AWS CLI and docker do not read it.
            None if cfg!(windows) => self.absolute_path(USER_PROFILE).or_else(dirs::home_dir),
            None => dirs::home_dir(),
        }
        // The paths of tests have no drive.
        .filter(|home| home.is_absolute() || (self.made_up.is_some() && home.has_root()))
    }

    /// The user's configuration file.
    pub fn user_config(&self) -> Option<PathBuf> {
        let folder = self.folder(
            [var::XDG_CONFIG_HOME, "APPDATA"],
            ".config",
            dirs::config_dir,
        );
        folder.map(|folder| folder.join("docker-credential-ecrx").join("config.toml"))
    }

    /// The machine's configuration file.
    pub fn machine_config(&self) -> Option<PathBuf> {
        #[cfg(unix)]
        let path = Some(PathBuf::from(MACHINE_CONFIG));
        #[cfg(not(unix))]
        let path = self.get_os("PROGRAMDATA").map(|folder| {
            PathBuf::from(folder)
                .join("docker-credential-ecrx")
                .join("config.toml")
        });
        path.filter(|_| self.made_up.is_none())
    }

    /// The user's cache folder. `None` if the home directory does not exist, as this program should
    /// not create it. `None` also for root in another user's home directory (`sudo -E`): its owner
    /// could neither use nor remove what root creates.
    pub fn user_cache(&self) -> Option<PathBuf> {
        let home = std::fs::metadata(self.home()?).ok()?;
        if !home.is_dir() || is_another_users(&home) {
            return None;
        }
        let folder = self.folder(
            [var::XDG_CACHE_HOME, "LOCALAPPDATA"],
            ".cache",
            dirs::cache_dir,
        );
        folder.map(|folder| folder.join("docker-credential-ecrx"))
    }

    /// A folder of the user's: on Linux by the XDG Base Directory Specification, on Windows by its own
    /// variable, where a relative one counts as unset; elsewhere by the system's own rule.
    fn folder(
        &self,
        [xdg, windows]: [&str; 2],
        at_home: &str,
        of_system: fn() -> Option<PathBuf>,
    ) -> Option<PathBuf> {
        if self.made_up.is_none() && cfg!(windows) {
            return self.absolute_path(windows).or_else(of_system);
        }
        if self.made_up.is_none() && !cfg!(target_os = "linux") {
            return of_system();
        }
        self.absolute_path(xdg)
            .or_else(|| Some(self.home()?.join(at_home)))
    }

    /// The path that a variable names; a relative one counts as unset.
    pub fn absolute_path(&self, variable: &str) -> Option<PathBuf> {
        let path = self.get_os(variable).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    }
}

fn is_in_ecrx(name: &[u8], value: &[u8]) -> bool {
    begins_with_ecrx(name) && !String::from_utf8_lossy(value).trim().is_empty()
}

/// Whether a text begins with `ECRX` in any case, perhaps after blanks, or with two of its letters
/// in the wrong order or with one wrong letter. A wrong last letter does not count, as a name such
/// as `ECR2_REGION` is probably right, and neither does a missing one (`ECR_REGION`).
///
/// Every `get` asks this of each variable, most of which differ in more than one letter.
fn begins_with_ecrx(text: &[u8]) -> bool {
    const OWN: u32 = u32::from_be_bytes(*b"ECRX");
    const SWAPPED: [u32; 3] = [
        u32::from_be_bytes(*b"CERX"),
        u32::from_be_bytes(*b"ERCX"),
        u32::from_be_bytes(*b"ECXR"),
    ];
    const TO_CAPITALS: u32 = 0xDFDF_DFDF;
    const EACH_LETTER: [u32; 3] = [0xFF00_0000, 0x00FF_0000, 0x0000_FF00];

    let Some(start) = text.trim_ascii_start().first_chunk() else {
        return false;
    };
    let start = u32::from_be_bytes(*start) & TO_CAPITALS;
    let wrong = start ^ OWN;
    EACH_LETTER.iter().any(|letter| wrong & !letter == 0) || SWAPPED.contains(&start)
}

/// Rust's library copies each variable to name them all, which is a tenth of a warm `get` where
/// there are many. Linux shows them as one text (`proc(5)`); this process changes none.
fn process_names_in_ecrx() -> Vec<String> {
    let Some(text) = process_environment() else {
        return std::env::vars_os()
            .filter(|(name, value)| is_in_ecrx(name.as_encoded_bytes(), value.as_encoded_bytes()))
            .map(|(name, _)| name.to_string_lossy().into_owned())
            .collect();
    };
    text.split(|byte| *byte == 0)
        .filter(|variable| begins_with_ecrx(variable))
        .filter_map(|variable| {
            let end = variable.iter().position(|byte| *byte == b'=')?;
            let (name, value) = (&variable[..end], &variable[end + 1..]);
            is_in_ecrx(name, value).then(|| String::from_utf8_lossy(name).into_owned())
        })
        .collect()
}

/// The environment that this process was started with: `NAME=VALUE`, each with a zero at its end.
#[cfg(target_os = "linux")]
fn process_environment() -> Option<Vec<u8>> {
    use std::io::Read as _;

    const USUAL_LENGTH: usize = 8 << 10;
    let mut text = Vec::with_capacity(USUAL_LENGTH);
    let file = std::fs::File::open("/proc/self/environ").ok()?;
    // Without asking for a length, which files of the kernel do not tell.
    file.take(u64::MAX).read_to_end(&mut text).ok()?;
    Some(text)
}

#[cfg(not(target_os = "linux"))]
fn process_environment() -> Option<Vec<u8>> {
    None
}

/// How variables and profiles switch something on: `true`, in any case.
pub fn says_true(value: &str) -> bool {
    value.trim().eq_ignore_ascii_case("true")
}

#[cfg(unix)]
fn is_another_users(home: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    rustix::process::geteuid().is_root() && home.uid() != 0
}

#[cfg(not(unix))]
fn is_another_users(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_is_unset() {
        let env = Env::from_variables([("A", ""), ("B", "  "), ("C", " x ")]);
        assert_eq!(env.get("A"), None);
        assert_eq!(env.get("B"), None);
        assert_eq!(env.get("C").as_deref(), Some(" x "));
        assert_eq!(env.get("D"), None);
        let blank = ["A", "B", "C", "D"].map(|name| env.is_set_but_blank(name));
        assert_eq!(blank, [true, true, false, false]);
    }

    #[test]
    fn names_that_almost_begin_with_ecrx_are_found_and_those_of_ecr_are_not() {
        let almost = [
            "ERCX_A", "CERX_A", "ecxr_a", "WCRX_A", "E2RX_A", "ECTX_A", " ECRX_A", "\tErcx",
        ];
        for name in almost {
            assert_eq!(Env::from_variables([(name, "x")]).names_in_ecrx(), [name]);
        }
        for name in [
            "ECR_A", "ECR2_A", "ECRS", "CRX_A", "XECR", "RCEX_A", "EXCR", "AWS_A", "", " ", "E",
        ] {
            assert_eq!(
                Env::from_variables([(name, "x")]).names_in_ecrx(),
                [""; 0],
                "{name}"
            );
        }
    }

    #[test]
    fn names_that_begin_with_ecrx_are_those_of_variables_that_are_set() {
        let env = Env::from_variables([
            ("ECRX_B", "x"),
            ("ecrx_a", "x"),
            ("EcrxC", "\t"),
            ("ECRX_D", ""),
            ("ECRX_A", " x "),
            ("ECR_X", "x"),
            ("ECR", "x"),
            ("AN_ECRX", "x"),
        ]);
        assert_eq!(env.names_in_ecrx(), ["ECRX_A", "ECRX_B", "ecrx_a"]);
    }

    #[test]
    fn upper_case_comes_first_and_an_empty_one_hides_nothing() {
        let env = Env::from_variables([
            ("HTTPS_PROXY", ""),
            ("https_proxy", "lower"),
            ("NO_PROXY", "upper"),
            ("no_proxy", "lower"),
        ]);
        assert_eq!(env.get_either_case("HTTPS_PROXY").as_deref(), Some("lower"));
        assert_eq!(env.get_either_case("NO_PROXY").as_deref(), Some("upper"));
    }

    #[cfg(unix)]
    #[test]
    fn without_an_absolute_folder_the_search_path_is_that_of_the_system_and_of_local_programs() {
        const DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";
        let searched = |path| Env::from_variables([("PATH", path)]).search_path();
        assert_eq!(Env::from_variables([]).search_path(), DEFAULT);
        for path in ["", ".", ":", "bin:./bin"] {
            assert_eq!(searched(path), DEFAULT, "{path}");
        }
        assert_eq!(searched(":/opt/bin:bin"), "/opt/bin");
    }

    #[test]
    fn the_home_folder_is_expanded() {
        let env = Env::from_variables([
            ("HOME", "/home/alice"),
            ("A", "~/x"),
            ("B", "~bob/x"),
            ("C", "~"),
        ]);
        assert_eq!(env.path("A"), Some("/home/alice/x".into()));
        assert_eq!(env.path("B"), Some("~bob/x".into()));
        assert_eq!(env.path("C"), Some("/home/alice".into()));
    }
}
