//! The first credentials: one provider of the SDK for one source, never its chain.

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::login::LoginCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_types::retry::RetryConfig;
use aws_types::region::Region;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::clock;
use crate::fs::{self, ReadError, Readable};
use crate::identity::{Container, MAX_TOKEN_LENGTH, SignInState, Source};
use crate::runtime;

use super::failure::{Failure, SignInFault};
use super::failure::{unfinished_token, unreadable_token};
use super::fetch::{Fetch, Stage};

/// Whether a time is over. What is not a time, AWS will judge.
pub(super) fn is_past(time: &str) -> bool {
    OffsetDateTime::parse(time, &Rfc3339).is_ok_and(|time| time <= clock::now())
}

impl Fetch<'_> {
    /// Gets the credentials of the source that was chosen.
    pub(super) async fn source_credentials(&self) -> Result<Credentials, Failure> {
        let identity = self.request.identity;
        self.enter(Stage::Source);
        if identity.is_signed_out() {
            return Err(Failure::sign_in(self, SignInFault::Absent));
        }
        if let Some(sign_in) = identity.sign_in() {
            match sign_in.state(clock::now()) {
                SignInState::Absent => {
                    return Err(Failure::sign_in(self, SignInFault::Absent));
                }
                SignInState::Expired => {
                    return Err(Failure::sign_in(self, SignInFault::Expired));
                }
                SignInState::Unreadable => {
                    return Err(Failure::sign_in(self, SignInFault::Unreadable));
                }
                SignInState::Usable => {}
            }
        }
        match &identity.source {
            Source::Keys(keys) if keys.expiration.as_deref().is_some_and(is_past) => {
                let detail = "the access key is past its AWS_CREDENTIAL_EXPIRATION";
                Err(Failure::no_credentials(self, detail))
            }
            Source::Keys(keys) => Ok(Credentials::new(
                &keys.access_key_id,
                keys.secret_access_key.expose(),
                keys.session_token
                    .as_ref()
                    .map(|token| token.expose().to_owned()),
                None,
                "Keys",
            )),
            Source::WebIdentity(web) => {
                // A web identity always comes with an STS endpoint.
                let endpoint = identity.sts.as_ref().unwrap_or(&identity.api);
                let token = self.web_identity_token(&web.token).await?;
                self.enter(Stage::WebIdentity {
                    role: web.role_arn.clone(),
                });
                self.assume_role_with_web_identity(web, &token, endpoint)
                    .await
            }
            Source::Sso(sso) => self.sso_credentials(sso).await,
            Source::Login(login) => {
                self.keep_proof_secret();
                self.connect_ahead().await;
                let mut config = self.provider_config();
                if let Some(region) = &login.region {
                    config = config.with_region(Some(Region::new(region.clone())));
                }
                let provider = LoginCredentialsProvider::builder(&login.session_arn)
                    .configure(&config)
                    .build();
                self.provide(provider).await
            }
            Source::Process(process) => self.run_process(process.command.expose()).await,
            Source::Container(container) => self.ask_container_endpoint(container).await,
            Source::InstanceMetadata(metadata) => self.ask_instance_metadata(metadata).await,
        }
    }

    /// botocore 1.44 refuses expired credentials of an endpoint, too (`RefreshableCredentials`).
    async fn ask_container_endpoint(&self, container: &Container) -> Result<Credentials, Failure> {
        let credentials = self.container_credentials(container).await?;
        match credentials.expiry().map(OffsetDateTime::from) {
            Some(expiry) if expiry <= clock::now() => {
                let expiry = expiry.format(&Rfc3339).unwrap_or_default();
                let detail = format!("its answer contains credentials that expired at {expiry}");
                Err(Failure::no_credentials(self, &detail))
            }
            _ => Ok(credentials),
        }
    }

    async fn container_credentials(&self, container: &Container) -> Result<Credentials, Failure> {
        self.keep_proof_secret();
        let provider = EcsCredentialsProvider::builder()
            .configure(&self.provider_config())
            // It looks up the name in a plain http URL, to see that it is near. Its own
            // resolver has no deadline, and knows less than the machine does.
            .dns(self.request.client.resolver())
            .build();
        let Some(file) = &container.token_file else {
            return self.provide(provider).await;
        };
        match fs::look_at(file.as_ref(), MAX_TOKEN_LENGTH) {
            Ok(Readable::Pipe) => self.provide_by_pipe(provider, file).await,
            // The SDK says what is wrong with an absent file.
            Ok(_) | Err(ReadError::Io(_)) => self.provide(provider).await,
            Err(error) => Err(Failure::no_credentials(
                self,
                &unreadable_token(file, &error),
            )),
        }
    }

    /// Lets a thread of its own read a pipe: the SDK reads files on the thread of the runtime
    /// (aws-types 1.7, `os_shim_internal.rs`), so that no deadline would end it.
    async fn provide_by_pipe(
        &self,
        provider: impl ProvideCredentials + 'static,
        file: &str,
    ) -> Result<Credentials, Failure> {
        let provided = runtime::apart(move || {
            runtime::block_on(async { provider.provide_credentials().await })
        });
        // Before the whole time is over, to say what may be waited for.
        let limit = self.request.time_left.mul_f32(0.9);
        match tokio::time::timeout(limit, provided).await {
            Ok(Ok(Ok(provided))) => provided.map_err(|error| Failure::from_provider(self, &error)),
            Ok(Err(error) | Ok(Err(error))) => {
                Err(Failure::no_credentials(self, &error.to_string()))
            }
            Err(_) => Err(Failure::no_credentials(
                self,
                &unfinished_token(file, limit),
            )),
        }
    }

    async fn provide(&self, provider: impl ProvideCredentials) -> Result<Credentials, Failure> {
        provider.provide_credentials().await.map_err(|error| {
            // The provider may have renewed them on its way.
            self.keep_proof_secret();
            Failure::from_provider(self, &error)
        })
    }

    fn provider_config(&self) -> ProviderConfig {
        let api = &self.request.identity.sign_in_api;
        ProviderConfig::empty()
            .with_region(Some(Region::new(api.region.as_str().to_owned())))
            .with_use_fips(Some(api.fips))
            .with_use_dual_stack(Some(api.dual_stack))
            .with_http_client(self.request.client.clone())
            .with_sleep_impl(TokioSleep::new())
            .with_retry_config(
                RetryConfig::standard().with_max_attempts(self.request.max_attempts()),
            )
    }
}
