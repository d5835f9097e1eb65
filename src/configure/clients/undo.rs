//! `--undo`: removes this program's entries from a configuration, and restores the earlier ones.
//!
//! The backups contain the earlier entries. If only this program has changed the configuration
//! since a backup, that backup is restored byte for byte. Otherwise each entry is restored alone,
//! and changes by other programs stay.

use std::path::Path;

use super::client_config::{
    AUTHS, CRED_HELPERS, CREDS_STORE, ClientConfig, ClientConfigError, SavedLogin,
    is_one_of_servers, is_same_server, split_byte_order_mark,
};
use crate::helper_name::is_ours;
use crate::registry::Registry;

/// An earlier configuration, and the byte order mark that it began with.
#[derive(Clone, Debug)]
pub(crate) struct EarlierConfig {
    /// Without the mark.
    pub config: ClientConfig,
    /// The mark, with which clients could not read the file, or nothing.
    pub mark: &'static str,
}

impl EarlierConfig {
    /// Reads a configuration that may begin with a byte order mark.
    ///
    /// # Errors
    /// When the clients could not read it without the mark either.
    pub(crate) fn read(path: &Path, bytes: &[u8]) -> Result<Self, ClientConfigError> {
        let (mark, text) = split_byte_order_mark(bytes);
        let config = ClientConfig::read(path, text)?;
        Ok(Self { config, mark })
    }
}

/// The entries to remove.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Undo<'a> {
    /// Entries of `credHelpers` for these hosts; `None` for all.
    pub hosts: Option<&'a [String]>,
    pub creds_store: bool,
    /// Hosts that are removed from one of the client's files. Their logins are restored in all.
    pub undone: &'a [String],
    /// The default helper to restore if no backup has one.
    pub other_helper: Option<&'a str>,
}

impl Undo<'_> {
    fn means(&self, key: &str) -> bool {
        self.hosts.is_none_or(|hosts| is_one_of_servers(key, hosts))
    }

    /// The hosts of this program's entries that are removed.
    pub(crate) fn hosts_in(&self, config: &ClientConfig) -> Vec<String> {
        config
            .own_helpers()
            .filter(|(key, _)| self.means(key))
            .map(|(key, _)| key.to_owned())
            .collect()
    }

    /// The configuration without the entries. `backups` begin with that of the last change.
    pub(crate) fn apply(
        &self,
        now: &ClientConfig,
        backups: &[EarlierConfig],
    ) -> Result<EarlierConfig, ClientConfigError> {
        for before in backups {
            if let Some(config) = self.restore_backup(now, &before.config)? {
                return Ok(EarlierConfig {
                    config,
                    mark: before.mark,
                });
            }
        }
        Ok(EarlierConfig {
            config: self.restore_entries(now, backups)?,
            mark: "",
        })
    }

    /// `None` if another program has changed it since, or the backup has entries of this program.
    fn restore_backup(
        &self,
        now: &ClientConfig,
        before: &ClientConfig,
    ) -> Result<Option<ClientConfig>, ClientConfigError> {
        let is_undone = |key: &str| is_one_of_servers(key, self.undone) || self.means(key);
        let was_in_it = !self.hosts_in(before).is_empty()
            || (self.creds_store && before.creds_store().is_some_and(is_ours));
        let all = Redo {
            means: &|_| true,
            creds_store: true,
            elsewhere: self.undone,
        };
        if was_in_it || all.apply(now, before)?.text != now.text {
            return Ok(None);
        }
        let rest = Redo {
            means: &|key| !is_undone(key),
            creds_store: !self.creds_store,
            elsewhere: &[],
        };
        rest.apply(now, before).map(Some)
    }

    /// Entry by entry.
    fn restore_entries(
        &self,
        now: &ClientConfig,
        backups: &[EarlierConfig],
    ) -> Result<ClientConfig, ClientConfigError> {
        let mut config = now.clone();
        for host in self.hosts_in(now) {
            let before = backups.iter().find(|before| {
                let helper = before.config.helper_of(&host);
                !helper.is_some_and(is_ours)
            });
            config = match before.and_then(|before| before.config.helper_of(&host)) {
                Some(helper) => config.set_helper(&host, helper)?,
                None => config.without_helpers(|key, helper| key == host && is_ours(helper))?,
            };
        }
        // Also those that a later entry overrides.
        config = config.without_helpers(|key, helper| is_ours(helper) && self.means(key))?;
        let is_store_undone = self.creds_store && now.creds_store().is_some_and(is_ours);
        if is_store_undone {
            config = self.restore_store(config, backups)?;
        }
        let Some(before) = backups.iter().find(|before| {
            let is_free = self.hosts_in(&before.config).is_empty();
            is_free && !(is_store_undone && before.config.creds_store().is_some_and(is_ours))
        }) else {
            return Ok(config);
        };
        self.restore_removed(config, &before.config, is_store_undone)
    }

    fn restore_store(
        &self,
        config: ClientConfig,
        backups: &[EarlierConfig],
    ) -> Result<ClientConfig, ClientConfigError> {
        let mut stores = backups.iter().map(|before| before.config.creds_store());
        let before = stores.find(|store| !store.is_some_and(is_ours));
        // Otherwise docker would not find the logins that this program passed to that helper.
        let config = match before.unwrap_or(self.other_helper) {
            Some(store) => config.set_creds_store(store)?,
            None => config,
        };
        config.without_creds_store(is_ours)
    }

    /// Restores the logins and the keys of `credHelpers` that this program removed.
    fn restore_removed(
        &self,
        mut config: ClientConfig,
        before: &ClientConfig,
        is_store_undone: bool,
    ) -> Result<ClientConfig, ClientConfigError> {
        for (key, helper) in removed_helpers(&config, before) {
            if is_one_of_servers(key, self.undone) && !is_ours(helper) {
                config = config.set_helper(key, helper)?;
            }
        }
        for login in removed_logins(&config, before) {
            let is_meant = is_one_of_servers(&login.key, self.undone)
                || (is_store_undone && goes_with_store(&login.key, before));
            if is_meant {
                config = config.with_login_of(before, &login.key)?;
            }
        }
        Ok(config)
    }
}

/// The changes of this program to a configuration, as far as they are repeated.
struct Redo<'a> {
    /// Entries of `credHelpers`, by their keys.
    means: &'a dyn Fn(&str) -> bool,
    creds_store: bool,
    /// Hosts whose entries may be in another file.
    elsewhere: &'a [String],
}

impl Redo<'_> {
    /// Repeats in `before` the changes that `now` shows.
    fn apply(
        &self,
        now: &ClientConfig,
        before: &ClientConfig,
    ) -> Result<ClientConfig, ClientConfigError> {
        let hosts = now.own_helpers().filter(|(key, _)| (self.means)(key));
        let hosts: Vec<(&str, &str)> = hosts.collect();
        let store = now.creds_store();
        let store = store.filter(|it| self.creds_store && is_ours(it));
        let mut config = before.clone();
        // New settings are in the order in which they were added.
        let place = |name| now.settings(name).next().map(|it| it.name_range.start);
        let is_store_first = place(CREDS_STORE) < place(CRED_HELPERS);
        if let Some(store) = store.filter(|_| is_store_first) {
            config = config.set_creds_store(store)?;
        }
        for (key, helper) in &hosts {
            config = config.set_helper(key, helper)?;
        }
        if let Some(store) = store {
            config = config.set_creds_store(store)?;
        }
        let is_served = |key: &str| {
            let mut hosts = hosts.iter();
            hosts.any(|(host, _)| is_same_server(key, host))
                || is_one_of_servers(key, self.elsewhere)
        };
        for (key, _) in removed_helpers(now, before) {
            if is_served(key) {
                config = config.without_helpers(|host, _| host == key)?;
            }
        }
        for login in removed_logins(now, before) {
            let key = &login.key;
            if is_served(key) || (store.is_some() && goes_with_store(key, before)) {
                config = config.without_login(key)?;
            }
        }
        Ok(config)
    }
}

/// `--creds-store --fix` removes the logins that docker would ignore, and those of ECR.
fn goes_with_store(key: &str, before: &ClientConfig) -> bool {
    before.creds_store().is_none() || Registry::parse(key).is_some()
}

fn removed_helpers<'d>(now: &ClientConfig, before: &'d ClientConfig) -> Vec<(&'d str, &'d str)> {
    let mut helpers = before.cred_helpers();
    helpers.retain(|(key, _)| now.helper_of(key).is_none());
    helpers
}

fn removed_logins(now: &ClientConfig, before: &ClientConfig) -> Vec<SavedLogin> {
    let left = now.logins();
    let mut logins = before.logins();
    logins.retain(|login| login.is_secret() && !left.iter().any(|it| it.key == login.key));
    logins
}

impl ClientConfig {
    /// With a login as it is in another configuration.
    fn with_login_of(&self, other: &Self, key: &str) -> Result<Self, ClientConfigError> {
        let logins = other.entries(AUTHS);
        match logins.into_iter().find(|login| login.name == key) {
            Some(login) => {
                let text = &other.text.expose()[login.value.range.clone()];
                self.with_login(key, text)
            }
            None => Ok(self.clone()),
        }
    }
}
