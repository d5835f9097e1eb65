//! `ecr:GetAuthorizationToken`, for private registries.

use aws_sdk_ecr::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_types::SdkConfig;

use crate::identity::Endpoint;
use crate::registry::PrivateRegistry;
use crate::token::AuthorizationToken;

use super::{Failure, Session};

/// Where the API is called, by the rules that its client goes by.
pub(super) async fn url(endpoint: &Endpoint) -> Option<String> {
    let params = Params::builder()
        .region(endpoint.region.as_str())
        .use_fips(endpoint.fips)
        .use_dual_stack(endpoint.dual_stack)
        .build();
    let found = DefaultResolver::new().resolve_endpoint(&params.ok()?).await;
    Some(found.ok()?.url().to_owned())
}

impl Session<'_> {
    /// Asks for a token, naming the registry's account.
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
            .map_err(|error| Failure::of_call(self, &error))?;
        let data = answer.authorization_data().first();
        self.token(
            data.and_then(|data| data.authorization_token()),
            data.and_then(|data| data.expires_at()),
        )
    }
}
