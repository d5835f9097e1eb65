//! Where the cache is, and why there is none.

use std::path::PathBuf;

use crate::config::Config;
use crate::env::{Env, var};
use crate::error::escaped_path;

/// Where tokens are kept, or would be.
#[derive(Debug)]
pub(crate) struct CacheLocation {
    /// The folder that a person names or the system has for it; `None` where there is none.
    pub dir: Option<PathBuf>,
    pub from: LocationOrigin,
    /// Why nothing is kept all the same.
    pub off: Option<CacheOff>,
}

/// What says where the cache folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LocationOrigin {
    /// `AWS_ECR_CACHE_DIR`.
    Variable,
    /// `dir` under `[cache]`.
    Config,
    /// Nothing: it is the user's cache folder.
    Default,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CacheOff {
    #[error("`enabled` under [cache] is false")]
    Config,
    #[error("{} is set", var::AWS_ECR_DISABLE_CACHE)]
    Variable,
    /// A service without a home directory.
    #[error("this user has no home directory")]
    NoHome,
    #[error("the home directory {} does not exist", escaped_path(.0))]
    HomeAbsent(PathBuf),
    /// Root in another user's home directory (`sudo -E`).
    #[error("the home directory {} is owned by another user", escaped_path(.0))]
    HomeOfAnother(PathBuf),
}

impl CacheOff {
    /// Why there is no cache folder in the home directory.
    fn of_home(env: &Env) -> Self {
        match env.home() {
            None => Self::NoHome,
            Some(home) if home.is_dir() => Self::HomeOfAnother(home),
            Some(home) => Self::HomeAbsent(home),
        }
    }
}

impl CacheLocation {
    /// Looks at variables and settings, not at the folder.
    pub(crate) fn find(env: &Env, config: &Config) -> Self {
        let switched_off = if !config.cache.enabled {
            Some(CacheOff::Config)
        } else {
            let variable = env.get_os(var::AWS_ECR_DISABLE_CACHE);
            variable.map(|_| CacheOff::Variable)
        };
        // Relative to the working folder, tokens would end up in build contexts.
        let named = env.path(var::AWS_ECR_CACHE_DIR).filter(|dir| {
            let is_absolute = dir.is_absolute();
            if !is_absolute && switched_off.is_none() {
                let variable = var::AWS_ECR_CACHE_DIR;
                log::warn!(
                    "{variable} is not used, because it is not an absolute path: {}",
                    dir.display()
                );
            }
            is_absolute
        });
        let (dir, from) = match (named, &config.cache.dir) {
            (Some(dir), _) => (Some(dir), LocationOrigin::Variable),
            (None, Some(dir)) => (Some(dir.clone()), LocationOrigin::Config),
            (None, None) => (env.user_cache(), LocationOrigin::Default),
        };
        let off = switched_off.or(match dir {
            Some(_) => None,
            None => Some(CacheOff::of_home(env)),
        });
        Self { dir, from, off }
    }
}
