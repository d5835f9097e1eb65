//! `GetAuthorizationToken`: of `ecr` for private registries, of `ecr-public` for the public one.

use aws_sdk_ecr::config::endpoint::{self, ResolveEndpoint as _};
use aws_sdk_ecrpublic::config::endpoint as public_endpoint;
use aws_sdk_ecrpublic::config::endpoint::ResolveEndpoint as _;
use aws_types::SdkConfig;
use time::OffsetDateTime;

use crate::clock;
use crate::identity::Endpoint;
use crate::registry::{PrivateRegistry, Service};
use crate::token::AuthorizationToken;

use super::failure::Failure;
use super::fetch::Fetch;

/// Where the API is called, by the rules that its client goes by.
pub(super) async fn url(api: &Endpoint) -> Option<String> {
    let params = endpoint::Params::builder()
        .region(api.region.as_str())
        .use_fips(api.fips)
        .use_dual_stack(api.dual_stack)
        .build();
    let found = endpoint::DefaultResolver::new()
        .resolve_endpoint(&params.ok()?)
        .await;
    Some(found.ok()?.url().to_owned())
}

/// The same for the public registry.
pub(super) async fn public_url(api: &Endpoint) -> Option<String> {
    let params = public_endpoint::Params::builder()
        .region(api.region.as_str())
        .use_fips(api.fips)
        .use_dual_stack(api.dual_stack)
        .build();
    let found = public_endpoint::DefaultResolver::new()
        .resolve_endpoint(&params.ok()?)
        .await;
    Some(found.ok()?.url().to_owned())
}

impl Fetch<'_> {
    /// Asks for a token of a private registry, naming its account.
    pub(super) async fn private_token(
        &self,
        config: &SdkConfig,
        registry: &PrivateRegistry,
    ) -> Result<AuthorizationToken, Failure> {
        let client = aws_sdk_ecr::Client::new(config);
        // The SDK marks `registryIds` deprecated: a token is good for every registry that its
        // principal may use, and the id only changes `proxyEndpoint` in the answer. It is sent
        // all the same, because asking with the target's id is what this program is for: the
        // request itself, and the trail it leaves, then say which registry was meant.
        #[allow(deprecated)]
        let answer = client
            .get_authorization_token()
            .registry_ids(registry.account.as_str())
            .send()
            .await
            .map_err(|error| Failure::from_call(self, &error))?;
        let data = answer.authorization_data().first();
        self.token(
            data.and_then(|data| data.authorization_token()),
            data.and_then(|data| data.expires_at()),
        )
    }

    /// Requests a token for public ECR. Unlike ECR's, the response contains one object, not a list.
    pub(super) async fn public_token(
        &self,
        config: &SdkConfig,
    ) -> Result<AuthorizationToken, Failure> {
        let client = aws_sdk_ecrpublic::Client::new(config);
        let answer = client
            .get_authorization_token()
            .send()
            .await
            .map_err(|error| Failure::from_call(self, &error))?;
        let data = answer.authorization_data();
        self.token(
            data.and_then(|data| data.authorization_token()),
            data.and_then(|data| data.expires_at()),
        )
    }

    /// Begins to connect to the API while the credentials are requested elsewhere.
    pub(super) async fn connect_ahead(&self) {
        let api = &self.request.identity.api;
        let url = match (&api.url, &self.request.registry.service) {
            (Some(url), _) => Some(url.clone()),
            (None, Service::Private(_)) => url(api).await,
            (None, Service::Public) => public_url(api).await,
        };
        if let Some(url) = url {
            self.request.client.connect_ahead(&url);
        }
    }

    /// Takes the token out of AWS's answer. A token just minted is taken whatever the local clock
    /// says of its end: the clock may be wrong, and AWS has just said it is good.
    fn token(
        &self,
        encoded: Option<&str>,
        expires_at: Option<&aws_smithy_types::DateTime>,
    ) -> Result<AuthorizationToken, Failure> {
        let encoded =
            encoded.ok_or_else(|| Failure::malformed(self, "the response contains no token"))?;
        let obtained_at = clock::now();
        let expires_at = expires_at
            .and_then(|moment| OffsetDateTime::from_unix_timestamp(moment.secs()).ok())
            .unwrap_or(obtained_at);
        AuthorizationToken::decode(encoded, obtained_at, expires_at)
            .map_err(|error| Failure::malformed(self, &error.to_string()))
    }
}
