//! Problems outside the clients' files that keep clients from using this program: `PATH`,
//! variables, sudo, and leftovers of another helper.

use std::path::{Path, PathBuf};

use super::checks::{ClientProblem, concerns};
use super::client::{ContainerClient, ECR_LOGIN, own_name};
use super::client_config::ClientConfig;
use super::undo::EarlierConfig;
use crate::configure::user_file::{UserFile, may_write};
use crate::env::{Env, var};
use crate::helper_name::{PREFIX, called_as};
use crate::shell_word::shell_word;

/// The problems of one client. Without `hosts`, all ECR registries are meant.
pub(super) fn problems(
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
