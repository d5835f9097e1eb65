//! The waits between the attempts of a call that AWS always throttles: those of the SDK, with the
//! configuration of every call. Nothing is slept, and nothing is sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::body::SdkBody;
use aws_types::region::Region;

use super::fetch::{Fetch, FetchRequest};
use super::{Failure, FailureKind};
use crate::registry::Service;
use crate::runtime;

/// The waits of each of `count` calls of `ecr:GetAuthorizationToken`.
pub(crate) fn waits(request: &FetchRequest<'_>, count: usize) -> Vec<Vec<Duration>> {
    let Service::Private(private) = &request.registry.service else {
        panic!("not a private registry: {}", request.registry);
    };
    let call = async |number| {
        let fetch = Fetch::new(request);
        let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "test");
        let slept = Slept::default();
        let config = fetch
            .sdk_config(&request.identity.api, Some(credentials))
            .into_builder()
            // Calls of one process to one region share the SDK's allowance for repeated attempts. Here, each
            // is that of another process.
            .region(Region::new(format!("{}-{number}", request.max_attempts())))
            // It sleeps while it reads a body.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(Throttling)
            .sleep_impl(slept.clone())
            .build();
        let failure = fetch.private_token(&config, private).await;
        let Err(Failure { kind, .. }) = failure else {
            panic!("a token");
        };
        assert!(matches!(kind, FailureKind::Throttled), "{kind:?}");
        let waits = slept.0.lock().unwrap().clone();
        assert_eq!(
            waits.len() + 1,
            request.max_attempts() as usize,
            "{waits:?}"
        );
        waits
    };
    runtime::block_on(async {
        let mut all = Vec::new();
        for number in 0..count {
            all.push(call(number).await);
        }
        all
    })
    .unwrap()
}

/// Notes each wait that is waited for, and ends it at once.
#[derive(Clone, Debug, Default)]
struct Slept(Arc<Mutex<Vec<Duration>>>);

impl AsyncSleep for Slept {
    fn sleep(&self, duration: Duration) -> Sleep {
        // Time limits are made of waits, too, which are not begun if the work is done at once.
        let slept = self.clone();
        Sleep::new(async move { slept.0.lock().unwrap().push(duration) })
    }
}

/// AWS above its rate limit.
#[derive(Clone, Debug)]
struct Throttling;

impl HttpClient for Throttling {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Throttling {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let body = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;
        let status = 400.try_into().unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
    }
}
