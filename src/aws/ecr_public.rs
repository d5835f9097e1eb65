//! `ecr-public:GetAuthorizationToken`, for the public registry.

use aws_types::SdkConfig;

use crate::token::AuthorizationToken;

use super::{Failure, Session};

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
