//! `ecr-public:GetAuthorizationToken`, for the public registry.

use aws_sdk_ecrpublic::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_types::SdkConfig;

use crate::identity::Endpoint;
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
    /// Asks for a token. Unlike ECR's, the answer holds one object and not a list.
    pub(super) async fn public_token(
        &self,
        config: &SdkConfig,
    ) -> Result<AuthorizationToken, Failure> {
        let client = aws_sdk_ecrpublic::Client::new(config);
        let answer = client
            .get_authorization_token()
            .send()
            .await
            .map_err(|error| Failure::of_call(self, &error))?;
        let data = answer.authorization_data();
        self.token(
            data.and_then(|data| data.authorization_token()),
            data.and_then(|data| data.expires_at()),
        )
    }
}
