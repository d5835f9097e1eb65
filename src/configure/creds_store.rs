//! `--creds-store`: makes this program the default credential store, if no login is lost.

use std::path::PathBuf;

use base64_simd::STANDARD;

use crate::config::{Config, Origin};
use crate::configure::clients::{ClientConfig, ECR_LOGIN, SavedLogin};
use crate::docker::other_helper::OtherHelperError;
use crate::error::Error;
use crate::helper_name::is_ours;
use crate::redaction::shown_server;
use crate::secret::Secret;

/// The steps before this program becomes the `credsStore`.
#[derive(Debug, Default)]
pub(super) struct Preparation {
    /// Logins to pass to the other helper.
    pub moves: Vec<HelperLogin>,
    /// Logins to remove from the file: those that are moved, and those of ECR.
    pub drops: Vec<String>,
    /// The value to set as `other_registries_helper`.
    pub other_helper: Option<String>,
}

/// Checks whether this program can become the `credsStore` of a file.
///
/// # Errors
/// If a login would be lost. With `fix`, only if that cannot be avoided.
pub(super) fn prepare(
    client_config: &ClientConfig,
    config: &Config,
    fix: bool,
) -> Result<Preparation, Error> {
    match client_config.creds_store() {
        Some(store) if is_ours(store) || store == ECR_LOGIN => Ok(Preparation::default()),
        // Clients ignore `auths` already.
        Some(store) => other_store(client_config, store, config, fix),
        None => saved_logins(client_config, config, fix),
    }
}

/// Another helper is set, which `config.toml` has to name.
fn other_store(
    client_config: &ClientConfig,
    store: &str,
    config: &Config,
    fix: bool,
) -> Result<Preparation, Error> {
    let file = client_config.path().to_owned();
    let store = store.to_owned();
    match &config.other_registries_helper {
        Some(helper) if helper.program() == format!("docker-credential-{store}") => {
            Ok(Preparation::default())
        }
        Some(helper) => Err(Error::failure(CredsStoreError::TwoStores {
            file,
            store,
            program: helper.program(),
            origin: helper.origin().clone(),
        })),
        None if fix => Ok(Preparation {
            other_helper: Some(store),
            ..Preparation::default()
        }),
        None => Err(Error::failure(CredsStoreError::OtherStore {
            file,
            store: store.clone(),
        })
        .hint(format!(
            "Pass --fix to set other_registries_helper = \"{store}\" in config.toml, which keeps \
             that helper for registries other than ECR"
        ))
        .hint(
            "Or, to keep that helper for all other registries, pass hosts instead of --creds-store",
        )),
    }
}

/// The file contains logins, which docker ignores once `credsStore` is set. It already ignores
/// those of hosts in `credHelpers`.
fn saved_logins(
    client_config: &ClientConfig,
    config: &Config,
    fix: bool,
) -> Result<Preparation, Error> {
    let logins: Vec<_> = client_config
        .logins()
        .into_iter()
        .filter(|login| login.is_secret() && client_config.helper_of(&login.key).is_none())
        .collect();
    if logins.is_empty() {
        return Ok(Preparation::default());
    }
    let refused = || {
        Error::failure(CredsStoreError::Logins {
            file: client_config.path().to_owned(),
            keys: logins
                .iter()
                .map(|login| shown_server(&login.key).to_owned())
                .collect(),
        })
    };
    let (of_ecr, others): (Vec<_>, Vec<_>) = logins
        .iter()
        .partition(|login| config.registry(&login.key).is_some());
    if !others.is_empty() && config.other_registries_helper.is_none() {
        return Err(refused()
            .hint(
                "Set other_registries_helper in config.toml (secretservice, pass, osxkeychain, \
                 wincred), then pass --fix to move the logins to that helper",
            )
            .hint("Or, to keep the logins as they are, pass hosts instead of --creds-store"));
    }
    if !fix {
        let helper = config.other_registries_helper.as_ref();
        let what = match (of_ecr.is_empty(), helper) {
            (true, Some(helper)) => format!("Pass --fix to move them to {}", helper.program()),
            (false, Some(helper)) if !others.is_empty() => format!(
                "Pass --fix to move them to {} and remove those for ECR, which are not needed",
                helper.program()
            ),
            _ => "Pass --fix to remove them: logins for ECR are not needed".to_owned(),
        };
        return Err(refused().hint(what));
    }
    let moves = others.iter().map(|login| HelperLogin::from_saved(login));
    Ok(Preparation {
        moves: moves.collect::<Result<_, _>>().map_err(Error::failure)?,
        drops: logins.iter().map(|login| login.key.clone()).collect(),
        other_helper: None,
    })
}

/// The user name that marks the secret as an identity token
/// (docker/cli, `cli/config/credentials/native_store.go`).
const TOKEN_USER: &str = "<token>";

/// A login as helpers store it.
#[derive(Clone, Debug)]
pub(super) struct HelperLogin {
    pub key: String,
    pub username: String,
    pub secret: Secret,
}

impl HelperLogin {
    /// # Errors
    /// When a helper could not store it.
    pub(super) fn from_saved(login: &SavedLogin) -> Result<Self, CredsStoreError> {
        let odd = || CredsStoreError::OddLogin {
            key: shown_server(&login.key).to_owned(),
        };
        if login.registry_token.is_some() {
            return Err(odd());
        }
        let (username, secret) = match (&login.identity_token, &login.auth) {
            (Some(token), _) => (TOKEN_USER.to_owned(), token.clone()),
            (None, Some(auth)) => user_and_password(auth).ok_or_else(odd)?,
            (None, None) => {
                let user = login.username.clone().ok_or_else(odd)?;
                (user, login.password.clone().ok_or_else(odd)?)
            }
        };
        Ok(Self {
            key: login.key.clone(),
            username,
            secret,
        })
    }
}

/// `base64(user:password)`. Docker removes zero bytes at the end.
fn user_and_password(auth: &Secret) -> Option<(String, Secret)> {
    let bytes = STANDARD.decode_to_vec(auth.expose()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    let password = password.trim_matches('\0');
    let is_whole = !user.is_empty() && !password.is_empty();
    is_whole.then(|| (user.to_owned(), Secret::new(password)))
}

/// Why this program was not made the `credsStore`, or a login was not moved. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CredsStoreError {
    #[error(
        "credsStore of {} is already `{store}`, which stores the logins for other registries", file.display()
    )]
    OtherStore { file: PathBuf, store: String },
    #[error(
        "other_registries_helper at {origin} is {program}, but credsStore of {} is `{store}`: change one to match the other", file.display()
    )]
    TwoStores {
        file: PathBuf,
        store: String,
        program: String,
        origin: Origin,
    },
    #[error(
        "{} contains logins that docker ignores once credsStore is set: {}", file.display(), keys.join(", ")
    )]
    Logins { file: PathBuf, keys: Vec<String> },
    #[error("the login for {key} has a form that credential helpers cannot store")]
    OddLogin { key: String },
    #[error("cannot move the login for {key} out of {}", file.display())]
    NotMoved {
        key: String,
        file: PathBuf,
        #[source]
        cause: OtherHelperError,
    },
}
