//! What keeps clients from using this program, each problem with its effect and a remedy: in the
//! clients' files, and outside of them (`PATH`, variables, sudo, and leftovers of another helper).

use std::path::{Path, PathBuf};

use crate::clock;
use crate::configure::user_file::{UserFile, may_write};
use crate::env::{Env, var};
use crate::error::Error;
use crate::helper_name::{PREFIX, called_as, is_ours};
use crate::redaction::shown_server;
use crate::registry::{Registry, ServerName};
use crate::shell_word::shell_word;

use super::client::{
    AUTH_FILES, ContainerClient, ECR_LOGIN, HelperLookup, helpers_of_all, look_up_in, own_name,
};
use super::client_config::{ClientConfig, ClientConfigError, is_one_of_servers, is_same_server};
use super::undo::EarlierConfig;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// A pull fails.
    Bad,
    /// A pull may fail later or with another client, or a secret is readable.
    Warning,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientProblem {
    pub severity: Severity,
    /// The problem and its effect, in one line.
    pub text: String,
    /// The problem in a few words, if the text is long.
    pub summary: Option<String>,
    /// The remedy, in one line.
    pub fix: String,
    /// The change by which this program can repair it.
    pub repair: Option<Repair>,
}

impl ClientProblem {
    /// A problem of [`Severity::Bad`] without a repair.
    pub(crate) fn bad(text: String, fix: impl Into<String>) -> Self {
        Self {
            severity: Severity::Bad,
            text,
            summary: None,
            fix: fix.into(),
            repair: None,
        }
    }

    /// A problem of [`Severity::Warning`] without a repair.
    pub(crate) fn warning(text: String, fix: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::bad(text, fix)
        }
    }

    fn summary(self, summary: String) -> Self {
        Self {
            summary: Some(summary),
            ..self
        }
    }

    fn repaired_by(self, repair: impl Into<Option<Repair>>) -> Self {
        Self {
            repair: repair.into(),
            ..self
        }
    }
}

/// A change that repairs a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Repair {
    RemoveLogin {
        file: PathBuf,
        /// The key of `auths` as written.
        key: String,
    },
    /// Configure this program for a host.
    SetHelper {
        file: PathBuf,
        /// The key of `credHelpers` as written.
        key: String,
        /// The correct key.
        host: String,
        /// The name of this program's entry: `ecrx` or `ecrx-NAME`.
        helper: String,
    },
    RemoveByteOrderMark {
        file: PathBuf,
    },
}

impl Repair {
    /// Whether it changes only entries of these hosts, or the file as a whole.
    pub(crate) fn is_for(&self, hosts: &[String]) -> bool {
        let is_named = |key: &str| is_one_of_servers(key, hosts);
        match self {
            Self::RemoveLogin { key, .. } => is_named(key),
            Self::SetHelper { host, .. } => is_named(host),
            Self::RemoveByteOrderMark { .. } => true,
        }
    }
}

/// Whether a login is for one of these hosts, or for any ECR registry if none are given.
fn concerns(key: &str, hosts: &[String]) -> bool {
    match hosts {
        [] => Registry::parse(key).is_some(),
        hosts => is_one_of_servers(key, hosts),
    }
}

/// A client's file; `None` if there is none.
fn read_client_file(path: &Path) -> Result<Option<ClientConfig>, ClientProblem> {
    ClientConfig::read_file(path).map_err(|error| {
        let repair = match &error {
            ClientConfigError::ByteOrderMark { path } => {
                Some(Repair::RemoveByteOrderMark { file: path.clone() })
            }
            _ => None,
        };
        // Clients follow links that this program, as root, does not follow.
        let as_user = match &error {
            ClientConfigError::File(error) => error.hint("doctor"),
            _ => None,
        };
        let text = Error::failure(error).line();
        let problem = match as_user {
            Some(fix) => ClientProblem::warning(text, fix),
            None => ClientProblem::bad(
                text,
                "Correct the file: clients that read it cannot use a credential helper until then",
            ),
        };
        problem
            .summary(format!("{} cannot be read", path.display()))
            .repaired_by(repair)
    })
}

/// Whether a file has a login for a key whose password has not expired.
fn is_valid_login(configs: &[&ClientConfig], file: &Path, key: &str) -> bool {
    let mut configs = configs.iter().filter(|config| config.path() == file);
    configs.any(|config| {
        let mut logins = config.logins().into_iter().filter(|login| login.key == key);
        logins.any(|login| login.valid_until(clock::now()).is_some())
    })
}

/// All problems of these clients, or only those of one registry. A saved login that is still valid
/// is not a problem.
pub(crate) fn problems(
    env: &Env,
    clients: &[ContainerClient],
    registry: Option<&Registry>,
) -> Vec<ClientProblem> {
    let hosts: Vec<String> = registry.iter().map(ToString::to_string).collect();
    let mut all: Vec<ClientProblem> = Vec::new();
    // A problem of both clients is reported once.
    let mut add = |problem| {
        if !all.contains(&problem) {
            all.push(problem);
        }
    };
    for &client in clients {
        let mut configs = Vec::new();
        for path in client.files(env) {
            // podman reads docker's file last. Its problems are reported for docker.
            if clients.contains(&ContainerClient::Docker) && client.borrows(env, &path) {
                continue;
            }
            match read_client_file(&path) {
                Ok(config) => configs.extend(config),
                Err(problem) => add(problem),
            }
        }
        let configs: Vec<&ClientConfig> = configs.iter().collect();
        let found = problems_in(env, client, &configs, &hosts).into_iter();
        let found = found.filter(|found| match &found.repair {
            // An entry of another registry does not affect this one.
            Some(Repair::SetHelper { host, .. }) => concerns(host, &hosts),
            Some(Repair::RemoveLogin { file, key }) => !is_valid_login(&configs, file, key),
            _ => true,
        });
        found.for_each(&mut add);
    }
    all
}

/// All problems of one client: `configs` are its files in the order that it reads them in. Without
/// `hosts`, all ECR registries are meant.
pub(crate) fn problems_in(
    env: &Env,
    client: ContainerClient,
    configs: &[&ClientConfig],
    hosts: &[String],
) -> Vec<ClientProblem> {
    let mut found = problems_in_files(env, client, configs, hosts);
    found.extend(problems_outside_files(env, client, configs, hosts));
    found
}

/// What is found in the files of one client: `configs` are its files in the order that it reads
/// them in. Without `hosts`, all ECR registries are meant.
fn problems_in_files(
    env: &Env,
    client: ContainerClient,
    configs: &[&ClientConfig],
    hosts: &[String],
) -> Vec<ClientProblem> {
    let mut found = Vec::new();
    for (index, config) in configs.iter().enumerate() {
        old_logins(client, configs, index, hosts, &mut found);
        other_helpers(env, client, config, &mut found);
        found.extend(empty(client, config));
        if client == ContainerClient::Docker && config.is_docker_desktops() {
            found.push(docker_desktop(config));
        }
    }
    found.extend(
        hosts
            .iter()
            .filter_map(|host| hidden(client, configs, host)),
    );
    found.extend(unread(env, client, configs));
    found
}

/// registries.conf keeps the client from reading a file that names this program.
fn unread(env: &Env, client: ContainerClient, configs: &[&ClientConfig]) -> Option<ClientProblem> {
    let helpers = helpers_of_all(env, client);
    if helpers.have_auth_files() || helpers.own().is_some() {
        return None;
    }
    let mut configs = configs.iter();
    let config = configs.find(|config| config.own_helpers().next().is_some())?;
    let (name, path) = (client.name(), config.path().display());
    let set_by = helpers.file.display();
    Some(ClientProblem::bad(
        format!(
            "credential-helpers in {set_by} does not contain \"{AUTH_FILES}\", so {name} does not \
             read {path} and does not use docker-credential-ecrx"
        ),
        format!("Add \"{AUTH_FILES}\" to credential-helpers in {set_by}"),
    ))
}

/// An earlier file names another helper.
fn hidden(client: ContainerClient, configs: &[&ClientConfig], host: &str) -> Option<ClientProblem> {
    let mut asked = configs
        .iter()
        .filter_map(|config| look_up_in(client, config, host));
    let Some(HelperLookup::Other { file, helper }) = asked.next() else {
        return None;
    };
    let (ours, own_name) = asked.find_map(|asked| match asked {
        HelperLookup::Ours { file, helper, .. } => Some((file, helper)),
        _ => None,
    })?;
    let text = format!(
        "{} takes precedence over {} and sets the helper {helper} for {host}, so docker-credential-ecrx is not used",
        file.display(),
        ours.display()
    );
    let problem = ClientProblem::bad(text, format!("Remove {host} from the first file"));
    Some(problem.repaired_by(Repair::SetHelper {
        file,
        key: host.to_owned(),
        host: host.to_owned(),
        helper: own_name,
    }))
}

/// podman, skopeo and buildah fail on an empty file.
fn empty(client: ContainerClient, config: &ClientConfig) -> Option<ClientProblem> {
    let is_empty = client == ContainerClient::Podman && config.top.is_none();
    is_empty.then(|| {
        ClientProblem::bad(
            format!(
                "{} is empty, so pulls with podman fail with \"unexpected end of JSON input\"",
                config.path().display()
            ),
            "Remove the file, or set its content to {}",
        )
    })
}

/// Saved logins in one of these files, which clients read in this order.
fn old_logins(
    client: ContainerClient,
    configs: &[&ClientConfig],
    index: usize,
    hosts: &[String],
    found: &mut Vec<ClientProblem>,
) {
    let config = configs[index];
    for login in config.logins() {
        if !login.is_secret() || !concerns(&login.key, hosts) {
            continue;
        }
        let host = hosts
            .iter()
            .find(|host| is_same_server(&login.key, host))
            .cloned()
            .or_else(|| Registry::parse(&login.key).map(|registry| registry.to_string()));
        let Some(host) = host else {
            continue;
        };
        let asked = |configs: &[&ClientConfig]| {
            let mut asked = configs.iter();
            asked.find_map(|config| look_up_in(client, config, &host))
        };
        let is_us = |asked| matches!(asked, Some(HelperLookup::Ours { .. }));
        let is_asked = is_us(asked(&configs[..=index]));
        let is_asked_later = is_us(asked(&configs[index + 1..]));
        let (file, key) = (config.path().to_owned(), login.key);
        let shown = shown_server(&key);
        let summary = format!(
            "{} contains a saved login for {shown} under auths",
            file.display()
        );
        let text = |what_for: &str| {
            format!(
                "{summary}: {what_for}. 12 hours after the login, pulls fail with \"no basic auth \
                 credentials\" or \"Your authorization token has expired\""
            )
        };
        let fix = if is_asked || is_asked_later {
            format!("Run: {} logout {}", client.name(), shell_word(shown))
        } else {
            format!("Run: {} --fix {host}", client.configured_by())
        };
        let problem = if is_asked {
            ClientProblem::warning(text("some clients use it before the helper"), fix)
        } else {
            let what_for = format!("{} uses it instead of a helper", client.name());
            ClientProblem::bad(text(&what_for), fix)
        };
        let problem = problem.summary(summary);
        found.push(problem.repaired_by(Repair::RemoveLogin { file, key }));
    }
}

/// Entries of the established helper, and keys of `credHelpers` that never match.
fn other_helpers(
    env: &Env,
    client: ContainerClient,
    config: &ClientConfig,
    found: &mut Vec<ClientProblem>,
) {
    for (key, helper) in config.cred_helpers() {
        let is_of_ecr = is_ours(helper) || helper == ECR_LOGIN || Registry::parse(key).is_some();
        if !is_of_ecr {
            continue;
        }
        if let Some(why) = never_matches(key) {
            found.push(never_asked(env, client, config, (key, helper), why));
        } else if helper == ECR_LOGIN {
            found.push(established_helper(env, client, config, key));
        }
    }
    // podman does not read `credsStore`.
    if client == ContainerClient::Docker && config.creds_store() == Some(ECR_LOGIN) {
        let file = config.path();
        found.push(ClientProblem::warning(
            format!(
                "credsStore of {} is {ECR_LOGIN}, which cannot store logins, so docker login fails \
                 with \"not implemented\"",
                file.display()
            ),
            "Remove credsStore, or run: docker-credential-ecrx configure-docker --creds-store",
        ));
    }
}

/// An entry of `credHelpers` whose key never matches.
fn never_asked(
    env: &Env,
    client: ContainerClient,
    config: &ClientConfig,
    (key, helper): (&str, &str),
    why: &str,
) -> ClientProblem {
    let file = config.path();
    let text = format!(
        "credHelpers of {} has the key {}, which never matches because {why}; pulls fail with \
         \"no basic auth credentials\"",
        file.display(),
        shown_server(key)
    );
    let Some(host) = ServerName::parse(key).map(|name| name.to_string()) else {
        let all = match client {
            ContainerClient::Docker => format!(
                ". To cover every registry, run: {} --creds-store",
                client.configured_by()
            ),
            ContainerClient::Podman => String::new(),
        };
        // No host can be named.
        let fix = format!("Replace the key with one key per host{all}");
        return ClientProblem::warning(text, fix);
    };
    // `ecrx-NAME` uses another identity than `ecrx`.
    let mut named = config.helper_of(&host).into_iter().chain([helper]);
    let ours = named.find(|helper| is_ours(helper));
    let helper = ours.map_or_else(|| own_name(env), str::to_owned);
    let fix = format!("Replace the entry with \"{host}\": \"{helper}\"");
    ClientProblem::bad(text, fix).repaired_by(Repair::SetHelper {
        file: file.to_owned(),
        key: key.to_owned(),
        host,
        helper,
    })
}

/// An entry of the established helper.
fn established_helper(
    env: &Env,
    client: ContainerClient,
    config: &ClientConfig,
    key: &str,
) -> ClientProblem {
    let (file, shown) = (config.path(), shown_server(key));
    let host = ServerName::parse(key).filter(|_| Registry::parse(key).is_some());
    ClientProblem::warning(
        format!(
            "credHelpers of {} still uses {ECR_LOGIN} for {shown}, which ignores config.toml and \
             caches tokens in plain text in ~/.ecr",
            file.display()
        ),
        format!("Run: {} {}", client.configured_by(), shell_word(shown)),
    )
    .repaired_by(host.map(|host| Repair::SetHelper {
        file: file.to_owned(),
        key: key.to_owned(),
        host: host.to_string(),
        helper: own_name(env),
    }))
}

fn docker_desktop(config: &ClientConfig) -> ClientProblem {
    ClientProblem::warning(
        format!(
            "Docker Desktop manages {} and resets credsStore to its own helper when it starts \
             (entries in credHelpers take precedence)",
            config.path().display()
        ),
        "Configure hosts instead of --creds-store, and run this command again if an entry disappears",
    )
}

/// Why a key never matches: docker and podman compare it with `HOST[:PORT]`.
fn never_matches(key: &str) -> Option<&'static str> {
    if key.contains('@') {
        Some("clients look up the host without a user name")
    } else if key.contains('*') {
        Some("clients do not support wildcards")
    } else if key.contains("://") {
        Some("clients look up the bare host name")
    } else if key.contains('/') {
        Some("clients look up the host without a path")
    } else if key.contains(|c: char| c.is_ascii_uppercase()) {
        Some("clients look up hosts in lower case")
    } else {
        None
    }
}

/// The problems of one client outside its files. Without `hosts`, all ECR registries are meant.
fn problems_outside_files(
    env: &Env,
    client: ContainerClient,
    configs: &[&ClientConfig],
    hosts: &[String],
) -> Vec<ClientProblem> {
    let mut found = vec![on_path(env), wrong_home(env), old_cache(env, configs)];
    if client == ContainerClient::Docker {
        found.extend([auth_config(env, hosts), snap(env)]);
    }
    found.into_iter().flatten().collect()
}

/// Clients start `docker-credential-NAME` from a folder of `PATH`.
fn on_path(env: &Env) -> Option<ClientProblem> {
    let program = own_program(env);
    let this = without_links(&std::env::current_exe().ok()?);
    let Some(first) = programs_on_path(env, &program).next() else {
        return Some(ClientProblem::bad(
            format!(
                "{program} is not on PATH, so pulls fail with \"executable file not found in \
                 $PATH\" or \"no basic auth credentials\""
            ),
            if cfg!(unix) {
                link_hint(env, &this, &program)
            } else {
                format!(
                    "Copy {} to a folder on PATH as {program}.exe",
                    this.display()
                )
            },
        ));
    };
    (without_links(&first) != this).then(|| {
        ClientProblem::warning(
            format!(
                "another {program} comes first on PATH, so clients start {} instead of {}",
                first.display(),
                this.display()
            ),
            "Remove the one that you do not use, or change the order of folders on PATH",
        )
    })
}

/// How to put a link to this executable on `PATH`.
fn link_hint(env: &Env, this: &Path, program: &str) -> String {
    let Some((folder, is_writable)) = folder_for_links(env) else {
        let link = format!("/usr/local/bin/{program}");
        let this = this.display().to_string();
        let this = shell_word(&this);
        return format!("Add /usr/local/bin to PATH, then run: ln -s {this} {link}");
    };
    let [this, link] = [this.to_owned(), folder.join(program)].map(|it| it.display().to_string());
    let sudo = if is_writable { "" } else { "sudo " };
    format!(
        "Run: {sudo}ln -s {} {}",
        shell_word(&this),
        shell_word(&link)
    )
}

/// The folder of `PATH` that a link belongs in, and whether this user may write to it: a usual one
/// if possible, and one of the user's own before one that only root may change.
fn folder_for_links(env: &Env) -> Option<(PathBuf, bool)> {
    let mut usual = vec![PathBuf::from("/usr/local/bin"), "/opt/homebrew/bin".into()];
    let home = env.home();
    usual.extend(
        home.iter()
            .flat_map(|home| [home.join(".local/bin"), home.join("bin")]),
    );
    let folders = env.search_folders().into_iter();
    let folders: Vec<PathBuf> = folders.filter(|folder| folder.is_dir()).collect();
    let is_writable = |folder: &&PathBuf| may_write(folder);
    let is_at_home = |folder: &&PathBuf| home.as_ref().is_some_and(|home| folder.starts_with(home));
    let mut on_path = usual.iter().filter(|usual| folders.contains(usual));
    let writable = on_path.clone().find(is_writable);
    let writable = writable.or_else(|| folders.iter().filter(is_at_home).find(is_writable));
    if let Some(folder) = writable {
        return Some((folder.clone(), true));
    }
    let folder = on_path.next().or(folders.first())?;
    Some((folder.clone(), may_write(folder)))
}

/// Whether this executable is the one that clients start.
pub(crate) fn is_first_on_path(env: &Env, this: &Path) -> bool {
    let first = programs_on_path(env, &own_program(env)).next();
    first.is_some_and(|first| without_links(&first) == without_links(this))
}

/// The program that clients start: `docker-credential-NAME`.
fn own_program(env: &Env) -> String {
    format!("{PREFIX}{}", own_name(env))
}

/// Whether a client, or another program that reads its files, is on `PATH`, or one of its own files
/// exists.
pub(crate) fn is_installed(env: &Env, client: ContainerClient) -> bool {
    let programs: &[&str] = match client {
        ContainerClient::Docker => &["docker", "nerdctl", "buildctl", "crane"],
        ContainerClient::Podman => &["podman", "skopeo", "buildah"],
    };
    let files = client.files(env).into_iter();
    let mut own = files.filter(|file| !client.borrows(env, file));
    own.any(|file| file.exists())
        || programs
            .iter()
            .any(|program| programs_on_path(env, program).next().is_some())
}

fn without_links(path: &Path) -> PathBuf {
    dunce::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// The files of this name in the folders of `PATH` that are absolute, in order.
fn programs_on_path(env: &Env, program: &str) -> impl Iterator<Item = PathBuf> {
    let file = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    env.search_folders()
        .into_iter()
        .map(move |folder| folder.join(&file))
        .filter(|file| is_program(file))
}

/// The executables called `docker-credential-ecrx-NAME` in the folders of `PATH`.
pub(crate) fn named_programs_on_path(env: &Env) -> Vec<PathBuf> {
    let items = env.search_folders().into_iter();
    let items = items.flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten());
    let mut programs: Vec<PathBuf> = items
        .filter(|item| called_as(&item.file_name()).is_some_and(|name| !name.is_empty()))
        .map(|item| item.path())
        .filter(|file| is_program(file))
        .collect();
    programs.sort();
    programs.dedup();
    programs
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    std::fs::metadata(file)
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file()
}

/// With sudo, this program may read the files of another user than the one who runs the clients.
#[cfg(unix)]
fn wrong_home(env: &Env) -> Option<ClientProblem> {
    use std::os::unix::fs::MetadataExt as _;

    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let home = env.home()?;
    let owner = std::fs::metadata(&home).ok()?.uid();
    let user = env.get(var::SUDO_USER).filter(|name| name != "root");
    match user {
        Some(user) if owner == 0 => Some(ClientProblem::warning(
            format!(
                "this command runs under sudo with root's home directory, {}; clients that {user} \
                 runs use other files",
                home.display()
            ),
            "Run it without sudo, unless you also run the client with sudo",
        )),
        _ if owner != 0 => Some(ClientProblem::warning(
            format!(
                "this command runs as root with the home directory of another user, {}; clients \
                 that root runs use other files",
                home.display()
            ),
            "Run it as that user, or with sudo -H to configure root's clients",
        )),
        _ => None,
    }
}

#[cfg(not(unix))]
fn wrong_home(_: &Env) -> Option<ClientProblem> {
    None
}

/// Leftovers of amazon-ecr-credential-helper, which this program does not delete.
fn old_cache(env: &Env, configs: &[&ClientConfig]) -> Option<ClientProblem> {
    let folder = env.home()?.join(".ecr");
    let cache = folder.join("cache.json");
    cache.is_file().then(|| {
        ClientProblem::warning(
            format!(
                "{} contains tokens in plain text, written by {ECR_LOGIN}",
                cache.display()
            ),
            match names_ecr_login(env, configs) {
                Some(file) => format!("First replace {ECR_LOGIN} in {}", file.display()),
                None => removal(&folder),
            },
        )
    })
}

/// The first file of a client that names the established helper or cannot be read. Files in
/// `configs` count as edited.
fn names_ecr_login(env: &Env, configs: &[&ClientConfig]) -> Option<PathBuf> {
    let names_it = |config: &ClientConfig| {
        let mut helpers = config.cred_helpers().into_iter();
        helpers.any(|(_, helper)| helper == ECR_LOGIN) || config.creds_store() == Some(ECR_LOGIN)
    };
    let mut files = [ContainerClient::Docker, ContainerClient::Podman]
        .into_iter()
        .flat_map(|client| client.files(env));
    files.find(|path| {
        if let Some(known) = configs.iter().find(|config| config.path() == path) {
            return names_it(known);
        }
        let Ok(file) = UserFile::read(path) else {
            return true;
        };
        file.bytes().is_some_and(|bytes| {
            EarlierConfig::read(path, bytes).map_or(true, |found| names_it(&found.config))
        })
    })
}

/// The command that deletes the files of that helper, and nothing else in its folder.
fn removal(folder: &Path) -> String {
    const WRITTEN: [&str; 2] = ["cache.json", "log"];
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names: Vec<_> = names.map(|item| item.file_name()).collect();
    let is_written = |name: &&std::ffi::OsString| WRITTEN.iter().any(|written| **name == **written);
    let paths: Vec<PathBuf> = if names.iter().all(|name| is_written(&name)) {
        vec![folder.to_owned()]
    } else {
        let written = names.iter().filter(is_written);
        written.map(|name| folder.join(name)).collect()
    };
    let paths = paths.iter().map(|path| path.display().to_string());
    if cfg!(unix) {
        let words: Vec<String> = paths.map(|path| shell_word(&path).into_owned()).collect();
        format!("Run: rm -r {}", words.join(" "))
    } else {
        format!("Delete {}", paths.collect::<Vec<_>>().join(" and "))
    }
}

/// docker 28.3 and later uses a login in this variable before it uses a helper.
fn auth_config(env: &Env, hosts: &[String]) -> Option<ClientProblem> {
    let variable = var::DOCKER_AUTH_CONFIG;
    let text = env.get(variable)?;
    let config = ClientConfig::read(Path::new(variable), text.as_bytes());
    let holds_host = config.is_ok_and(|config| {
        let mut logins = config.logins().into_iter();
        logins.any(|login| login.is_secret() && concerns(&login.key, hosts))
    });
    let fix = format!("Run: unset {variable}");
    Some(if holds_host {
        ClientProblem::bad(
            format!(
                "{variable} contains a login for this registry, which docker 28.3 and later uses \
                 instead of a helper. When it expires, pulls fail with \"Your authorization token \
                 has expired\""
            ),
            fix,
        )
    } else {
        ClientProblem::warning(
            format!(
                "{variable} is set, so docker 28.3 and later and GitLab Runner use its logins \
                 before those in config.json"
            ),
            fix,
        )
    })
}

/// A snap has its own home folder and cannot start programs outside the snap.
#[cfg(unix)]
fn snap(env: &Env) -> Option<ClientProblem> {
    let docker = programs_on_path(env, "docker").next()?;
    let target = without_links(&docker);
    let is_snap = [&docker, &target]
        .into_iter()
        .any(|path| path.starts_with("/snap") || path.starts_with("/var/lib/snapd"))
        || target.file_name().is_some_and(|name| name == "snap");
    is_snap.then(|| ClientProblem::bad(format!(
            "{} is a snap, which cannot start helpers outside the snap, so pulls fail with \"no \
             basic auth credentials\"",
            docker.display()
        ), "Remove the snap, then install docker from your distribution or from docker.com"))
}

#[cfg(not(unix))]
fn snap(_: &Env) -> Option<ClientProblem> {
    None
}
