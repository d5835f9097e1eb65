//! What kubelet is answered: a `CredentialProviderResponse` (kubernetes/kubelet 0.37,
//! `pkg/apis/credentialprovider/v1/types.go`). kubelet drops an answer with a field that it does not
//! know, or in another version than it is configured with (`pkg/credentialprovider/plugin`).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};
use time::OffsetDateTime;

use crate::token::{AuthorizationToken, USERNAME};

pub(super) const KIND: &str = "CredentialProviderResponse";

/// How long kubelet keeps the answer that there are no credentials.
const WITHOUT_CREDENTIALS: Duration = Duration::from_secs(300);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Response<'a> {
    kind: &'static str,
    api_version: &'a str,
    cache_key_type: CacheKeyType,
    #[serde(serialize_with = "as_go_writes_it")]
    cache_duration: Duration,
    auth: BTreeMap<String, Login<'a>>,
}

/// For what kubelet keeps an answer.
#[derive(Clone, Copy, Serialize)]
enum CacheKeyType {
    /// For all images of the registry.
    Registry,
    /// For one image, with any tag.
    Image,
}

/// The images that the credentials of an answer are for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope<'a> {
    /// All images of a registry, `HOST` or `HOST:PORT`.
    Registry(&'a str),
    /// One image, as another image of the registry may need those of another identity.
    Repository {
        server: &'a str,
        repository: &'a str,
    },
}

impl Scope<'_> {
    fn cache_key_type(self) -> CacheKeyType {
        match self {
            Self::Registry(_) => CacheKeyType::Registry,
            Self::Repository { .. } => CacheKeyType::Image,
        }
    }

    /// The key of the credentials. kubelet compares its host, and whether the path of the image begins
    /// with its path, from which it drops a leading `/v1` or `/v2` (kubernetes 1.37,
    /// `pkg/credentialprovider/keyring.go`).
    fn key(self) -> String {
        match self {
            Self::Registry(server) => server.to_owned(),
            Self::Repository { server, repository } => {
                let is_version = ["v1/", "v2/"].iter().any(|it| repository.starts_with(it));
                let version = if is_version { "/v2" } else { "" };
                format!("{server}{version}/{repository}")
            }
        }
    }
}

#[derive(Serialize)]
struct Login<'a> {
    username: &'static str,
    password: &'a str,
}

impl<'a> Response<'a> {
    /// Credentials, for kubelet to keep for `duration`.
    pub(super) fn with_token(
        api_version: &'a str,
        scope: Scope<'_>,
        token: &'a AuthorizationToken,
        duration: Duration,
    ) -> Self {
        let login = Login {
            username: USERNAME,
            password: token.password().expose(),
        };
        Self {
            cache_key_type: scope.cache_key_type(),
            ..Self::new(api_version, [(scope.key(), login)].into(), duration)
        }
    }

    /// That there are no credentials: kubelet pulls anonymously, or with those of the pod.
    pub(super) fn without_credentials(api_version: &'a str) -> Self {
        Self::new(api_version, BTreeMap::new(), WITHOUT_CREDENTIALS)
    }

    fn new(
        api_version: &'a str,
        auth: BTreeMap<String, Login<'a>>,
        cache_duration: Duration,
    ) -> Self {
        Self {
            kind: KIND,
            api_version,
            cache_key_type: CacheKeyType::Registry,
            cache_duration,
            auth,
        }
    }

    /// The answer in one line.
    pub(super) fn line(&self) -> serde_json::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }

    pub(super) fn cache_duration(&self) -> Duration {
        self.cache_duration
    }
}

/// Whole seconds, as Go's `time.ParseDuration` reads them.
fn as_go_writes_it<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{}s", duration.as_secs()))
}

/// For how long kubelet may keep a token: between 45 % and 50 % of its remaining lifetime, so that
/// nodes that have started together do not renew together. kubelet keeps a token also after a registry
/// has refused it, and does not renew it ahead of time.
pub(super) fn cache_duration(token: &AuthorizationToken, now: OffsetDateTime) -> Duration {
    let left = Duration::try_from(token.expires_at - now).unwrap_or_default();
    Duration::from_secs(left.as_secs() * fastrand::u64(450..=500) / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(life: i64) -> (AuthorizationToken, OffsetDateTime) {
        let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
        let expires_at = now + time::Duration::seconds(life);
        let token = AuthorizationToken::decode("QVdTOnNlY3JldA==", now, expires_at).unwrap();
        (token, now)
    }

    #[test]
    fn a_token_is_kept_for_45_to_50_percent_of_its_remaining_lifetime() {
        let (token, now) = token(12 * 3600);
        let kept: Vec<u64> = (0..2000)
            .map(|_| cache_duration(&token, now).as_secs())
            .collect();
        let (least, most) = (kept.iter().min().unwrap(), kept.iter().max().unwrap());
        assert!(*least >= 12 * 3600 * 45 / 100, "{least}");
        assert!(*most <= 12 * 3600 / 2, "{most}");
        // Spread over the whole range.
        assert!(most - least > 12 * 3600 * 4 / 100, "{least} to {most}");
    }

    #[test]
    fn an_expired_token_is_not_kept() {
        for life in [0, 1, -1, -3600] {
            let (token, now) = token(life);
            assert_eq!(cache_duration(&token, now), Duration::ZERO, "{life} s");
        }
    }

    #[test]
    fn the_answer_is_one_line_with_kubelets_fields_alone() {
        let (token, _) = token(3600);
        let version = "credentialprovider.kubelet.k8s.io/v1";
        let line = |response: Response<'_>| String::from_utf8(response.line().unwrap()).unwrap();
        let registry = Scope::Registry("host:5000");
        let repository = |repository| Scope::Repository {
            server: "host:5000",
            repository,
        };
        let kept = Duration::from_secs(21_599);
        assert_eq!(
            line(Response::with_token(version, registry, &token, kept)),
            r#"{"kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1","cacheKeyType":"Registry","cacheDuration":"21599s","auth":{"host:5000":{"username":"AWS","password":"secret"}}}
"#
        );
        for (path, key) in [
            ("team/app", "host:5000/team/app"),
            ("v2x/app", "host:5000/v2x/app"),
            ("v1/app", "host:5000/v2/v1/app"),
            ("v2/app", "host:5000/v2/v2/app"),
        ] {
            assert_eq!(
                line(Response::with_token(
                    version,
                    repository(path),
                    &token,
                    kept
                )),
                format!(
                    r#"{{"kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1","cacheKeyType":"Image","cacheDuration":"21599s","auth":{{"{key}":{{"username":"AWS","password":"secret"}}}}}}
"#
                )
            );
        }
        assert_eq!(
            line(Response::without_credentials(version)),
            r#"{"kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1","cacheKeyType":"Registry","cacheDuration":"300s","auth":{}}
"#
        );
    }
}
