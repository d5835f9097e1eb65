//! An ordinary request by the client that AWS is asked with: to a registry, and to where its
//! layers are. Certificates, proxy, limits and what is told of a failure are the same.

use std::sync::LazyLock;

use ::http::{HeaderMap, HeaderValue, Method, Request, header};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::date_time::Format;
use http_body_util::{BodyExt as _, LengthLimitError};
use time::OffsetDateTime;

use super::failure::{self, chain};
use super::{EcrxClient, TransportCause, TransportFailure};
use crate::error::one_line;

/// Who asks.
static USER_AGENT: LazyLock<HeaderValue> = LazyLock::new(|| {
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    HeaderValue::try_from(format!("{name}/{version}")).expect("printable")
});

/// What came back: whatever status it has.
#[derive(Debug)]
pub struct Received {
    /// 200 to 599.
    pub status: u16,
    /// The `Date` header, when it says one.
    pub date: Option<OffsetDateTime>,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, or its beginning.
    pub body: Vec<u8>,
    /// Whether there is no more of it than that.
    pub is_whole: bool,
}

impl EcrxClient {
    /// Sends a request without a body, and reads so many bytes of the answer's, which are 1 MiB at
    /// most. Follows nothing, and tries nothing again. It does not end by itself while a server
    /// that was connected to is silent. Needs a runtime.
    ///
    /// # Errors
    /// When there is no answer, or it breaks off. No part of the URL but its host is in the error.
    pub async fn send(
        &self,
        mut request: Request<()>,
        limit: usize,
    ) -> Result<Received, TransportFailure> {
        let host = request.uri().authority().map(ToString::to_string);
        let broken = |error: &(dyn std::error::Error + 'static)| {
            failure::classify(error).unwrap_or_else(|| {
                let last = chain(error).last().map(ToString::to_string);
                let detail = one_line(&last.unwrap_or_default());
                TransportFailure {
                    cause: TransportCause::Connection { detail },
                    host: host.clone(),
                    proxy: None,
                }
            })
        };
        let is_post = request.method() == Method::POST;
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, USER_AGENT.clone());
        if is_post {
            // hyper says nothing of a body that is not there, and some servers insist (411).
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let request = HttpRequest::try_from(request.map(|()| SdkBody::empty()))
            .map_err(|error| broken(&error))?;
        let router = self.router(&HttpConnectorSettings::builder().build());
        let answer = router.call(request).await.map_err(|error| broken(&error))?;
        let answer = answer.try_into_http1x().map_err(|error| broken(&error))?;
        let (head, mut rest) = answer.into_parts();

        let mut body = Vec::new();
        let is_whole = loop {
            if body.len() > limit {
                break false;
            }
            match rest.frame().await {
                None => break true,
                Some(Ok(frame)) => body.extend(frame.into_data().unwrap_or_default()),
                Some(Err(error)) if chain(&*error).any(|error| error.is::<LengthLimitError>()) => {
                    break false;
                }
                Some(Err(error)) => return Err(broken(&*error)),
            }
        };
        body.truncate(limit);
        Ok(Received {
            status: head.status.as_u16(),
            date: head.headers.get(header::DATE).and_then(moment),
            headers: head.headers,
            body,
            is_whole,
        })
    }
}

/// `Sun, 22 Nov 2026 15:05:20 GMT`.
fn moment(value: &HeaderValue) -> Option<OffsetDateTime> {
    let text = value.to_str().ok()?;
    let moment = aws_smithy_types::DateTime::from_str(text, Format::HttpDate).ok()?;
    OffsetDateTime::from_unix_timestamp(moment.secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_moment_or_none() {
        let read = |text| moment(&HeaderValue::from_static(text));
        let at = OffsetDateTime::from_unix_timestamp(1_795_359_920).unwrap();
        assert_eq!(read("Sun, 22 Nov 2026 15:05:20 GMT"), Some(at));
        for text in [
            "",
            "now",
            "2026-11-22T15:05:20Z",
            "Sun, 99 Nov 2026 15:05:20 GMT",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
