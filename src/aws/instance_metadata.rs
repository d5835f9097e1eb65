//! Credentials from instance metadata, asked as the AWS CLI asks (botocore 1.43, `utils.py`,
//! `IMDSFetcher` and `InstanceMetadataFetcher`). The SDK's provider has no way for machines that
//! know no session tokens (IMDSv1, kube2iam, older proxies), which the AWS CLI serves.

use aws_credential_types::Credentials;
use http::{HeaderName, HeaderValue, Method, Request};
use serde_json::Value;

use crate::http::{Received, TransportCause};
use crate::identity::InstanceMetadata;

use super::failure::Failure;
use super::fetch::Fetch;

/// More of an answer is not read, in bytes. The credentials have about 1.5 KiB.
const MAX_ANSWER: usize = 64 * 1024;

const ROLE: &str = "/latest/meta-data/iam/security-credentials/";
const TOKEN: &str = "/latest/api/token";
const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");
const LIFETIME_HEADER: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");

/// Why instance metadata gave no credentials.
#[derive(Debug, thiserror::Error)]
pub(super) enum MetadataError {
    #[error("cannot be reached: {0}")]
    Unreachable(TransportCause),
    #[error("has no role for this instance")]
    NoRole,
    #[error("is disabled or forbidden")]
    Forbidden,
    /// It does not know session tokens, and may not be asked without one.
    #[error("gave no session token, and is not asked without one (ec2_metadata_v1_disabled)")]
    Version1Disabled,
    #[error("HTTP status {0}")]
    Status(u16),
    /// What it answered in place of credentials: `CODE: message`.
    #[error("{0}")]
    Refused(String),
    /// Its answer has no credentials.
    #[error("its answer contains no credentials")]
    Malformed,
}

impl Fetch<'_> {
    pub(super) async fn ask_instance_metadata(
        &self,
        metadata: &InstanceMetadata,
    ) -> Result<Credentials, Failure> {
        let credentials = self.metadata_credentials(metadata).await;
        credentials
            .map_err(|error| Failure::from_instance_metadata(self, &metadata.endpoint, &error))
    }

    async fn metadata_credentials(
        &self,
        metadata: &InstanceMetadata,
    ) -> Result<Credentials, MetadataError> {
        let asked = repeated(metadata, MetadataError::may_pass_for_token, async || {
            self.metadata_token(metadata).await
        })
        .await;
        let (token, refusal) = match asked {
            Ok(token) => (Some(token), None),
            // It is there, and knows no session tokens.
            Err(error) if error.allows_version_1() && metadata.version_1 => (None, Some(error)),
            Err(error) if error.allows_version_1() => {
                return Err(MetadataError::Version1Disabled);
            }
            Err(error) => return Err(error),
        };
        let get = async |path| self.metadata_get(metadata, path, token.as_ref()).await;
        let role = repeated(metadata, MetadataError::may_pass, async || get(ROLE).await).await;
        let role = role.map_err(|error| match (error, refusal) {
            (MetadataError::NoRole, _) => MetadataError::NoRole,
            // Without a token it was worth a try.
            (_, Some(refusal)) => refusal,
            (error, None) => error,
        })?;
        let path = format!("{ROLE}{}", role.trim());
        repeated(metadata, MetadataError::may_pass, async || {
            credentials(&get(&path).await?)
        })
        .await
    }

    async fn metadata_token(
        &self,
        metadata: &InstanceMetadata,
    ) -> Result<HeaderValue, MetadataError> {
        let lifetime = (LIFETIME_HEADER, HeaderValue::from_static("21600"));
        let sent = self.metadata_send(metadata, Method::PUT, TOKEN, Some(lifetime));
        let received = sent.await?;
        match received.status {
            200 => HeaderValue::from_bytes(&received.body).map_err(|_| MetadataError::Malformed),
            401 | 403..=405 => Err(MetadataError::Forbidden),
            status => Err(MetadataError::Status(status)),
        }
    }

    async fn metadata_get(
        &self,
        metadata: &InstanceMetadata,
        path: &str,
        token: Option<&HeaderValue>,
    ) -> Result<String, MetadataError> {
        let token = token.map(|token| (TOKEN_HEADER, token.clone()));
        let received = self
            .metadata_send(metadata, Method::GET, path, token)
            .await?;
        match received.status {
            200 if received.body.is_empty() => Err(MetadataError::Malformed),
            200 => String::from_utf8(received.body).map_err(|_| MetadataError::Malformed),
            404 => Err(MetadataError::NoRole),
            401 | 403 => Err(MetadataError::Forbidden),
            status => Err(MetadataError::Status(status)),
        }
    }

    async fn metadata_send(
        &self,
        metadata: &InstanceMetadata,
        method: Method,
        path: &str,
        header: Option<(HeaderName, HeaderValue)>,
    ) -> Result<Received, MetadataError> {
        let url = format!("{}{path}", metadata.endpoint.trim_end_matches('/'));
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.uri_mut() = url.parse().map_err(|_| MetadataError::Malformed)?;
        request.headers_mut().extend(header);
        let sent = self.request.client.send(request, MAX_ANSWER);
        let after = metadata.timeout;
        match tokio::time::timeout(after, sent).await {
            Ok(received) => received.map_err(|failure| MetadataError::Unreachable(failure.cause)),
            Err(_) => Err(MetadataError::Unreachable(TransportCause::ReadTimeout {
                after,
            })),
        }
    }
}

/// Asks until there is an answer that another attempt would not change. There is no pause, as in the
/// AWS CLI: the time of the whole `get` ends it.
async fn repeated<T>(
    metadata: &InstanceMetadata,
    may_pass: fn(&MetadataError) -> bool,
    ask: impl AsyncFn() -> Result<T, MetadataError>,
) -> Result<T, MetadataError> {
    let mut left = metadata.attempts;
    loop {
        left -= 1;
        match ask().await {
            Err(error) if left > 0 && may_pass(&error) => log::info!("instance metadata {error}"),
            result => return result,
        }
    }
}

impl MetadataError {
    /// Whether another attempt may have another result: all but an answer that says why there are
    /// no credentials.
    fn may_pass(&self) -> bool {
        !matches!(self, Self::Version1Disabled | Self::Refused(_))
    }

    /// The same for a token request. If it is not answered in time, it is not repeated.
    fn may_pass_for_token(&self) -> bool {
        match self {
            Self::Unreachable(cause) => !matches!(cause, TransportCause::ReadTimeout { .. }),
            Self::Status(status) => *status != 400,
            _ => false,
        }
    }

    /// Whether a token request that failed so says nothing of requests without a token: all but
    /// one that was malformed, or found no server.
    fn allows_version_1(&self) -> bool {
        match self {
            Self::Unreachable(cause) => matches!(cause, TransportCause::ReadTimeout { .. }),
            Self::Status(status) => *status != 400,
            Self::Forbidden => true,
            Self::NoRole | Self::Version1Disabled | Self::Refused(_) | Self::Malformed => false,
        }
    }
}

/// Reads the answer that is to be credentials. An instance whose role does not trust EC2 is told so
/// in their place.
fn credentials(document: &str) -> Result<Credentials, MetadataError> {
    let document: Value = serde_json::from_str(document).map_err(|_| MetadataError::Malformed)?;
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    let fields = ["AccessKeyId", "SecretAccessKey", "Token", "Expiration"].map(text);
    // When they expire is not looked at: AWS keeps old ones usable while instance metadata cannot
    // renew them. The AWS CLI refuses a blank time.
    if let [Some(id), Some(secret), Some(token), Some(expiration)] = fields
        && !expiration.is_empty()
    {
        let token = Some(token.to_owned());
        return Ok(Credentials::new(
            id,
            secret,
            token,
            None,
            "InstanceMetadata",
        ));
    }
    Err(match (text("Code"), text("Message")) {
        (Some(code), Some(message)) => MetadataError::Refused(format!("{code}: {message}")),
        _ => MetadataError::Malformed,
    })
}

/// Credentials that are read are whole.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzz(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(credentials) = credentials(text)
    {
        assert!(credentials.session_token().is_some());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_without_a_field_or_with_a_blank_time_has_no_credentials() {
        let whole = json!({
            "AccessKeyId": "AKIAIOSFODNN7EXAMPLE",
            "SecretAccessKey": "EXAMPLE",
            "Token": "token",
            "Expiration": "2020-01-01T00:00:00Z",
        });
        assert!(credentials(&whole.to_string()).is_ok());
        for key in ["AccessKeyId", "SecretAccessKey", "Token", "Expiration"] {
            let mut document = whole.clone();
            document[key].take();
            let result = credentials(&document.to_string());
            assert!(matches!(result, Err(MetadataError::Malformed)), "{key}");
        }
        let mut document = whole;
        document["Expiration"] = "".into();
        let result = credentials(&document.to_string());
        assert!(
            matches!(result, Err(MetadataError::Malformed)),
            "{result:?}"
        );
    }
}
