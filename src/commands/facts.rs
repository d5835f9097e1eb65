//! What is known about a registry and its identity without network calls: the model that `whoami`,
//! `config show`, `cache list` and `doctor` print as text and as JSON.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::cache::{CacheLocation, CacheOff, LocationOrigin};
use crate::clock;
use crate::commands::page::{CheckMark, from_now, iso};
use crate::config::{AccessLimit, Config, Origin, RegistrySettings, Rule};
use crate::env::{Env, var};
use crate::error::Error;
use crate::get::{Held, Tokens};
use crate::identity::{
    ChosenBy, Endpoint, ExplainedLayer, Identity, LayerName, Role, SessionPolicy, SignIn,
    SignInState, Source, UrlOrigin,
};
use crate::redaction::shown_url;
use crate::registry::Lookup;
use crate::token::Renewal;

/// A registry or repository, the identity that requests its tokens, and the configuration of both.
pub(super) struct Facts<'a> {
    env: &'a Env,
    config: &'a Config,
    tokens: Tokens<'a>,
    pub lookup: Lookup<'a>,
    pub identity: Result<Identity, Error>,
}

/// A setting that is in effect.
#[derive(Serialize)]
pub(super) struct Setting {
    /// Its key in `config.toml`, if it has one.
    pub name: &'static str,
    pub value: String,
    /// The place that sets it, or [`DEFAULT`].
    pub from: String,
}

pub(super) const DEFAULT: &str = "default";

/// The APIs that are called for a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TokenApi {
    Ecr,
    Sts,
}

impl<'a> Facts<'a> {
    pub(super) fn read(env: &'a Env, config: &'a Config, lookup: Lookup<'a>) -> Self {
        let tokens = Tokens::new(env, config);
        Self {
            identity: tokens.identity(lookup),
            env,
            config,
            tokens,
            lookup,
        }
    }

    pub(super) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref().ok()
    }

    /// Why there is no identity.
    pub(super) fn error(&self) -> Option<String> {
        self.identity.as_ref().err().map(Error::line)
    }

    /// How to fix [`Facts::error`].
    pub(super) fn hints(&self) -> Vec<String> {
        let error = self.identity.as_ref().err();
        error.map_or_else(Vec::new, |error| error.hint_lines().collect())
    }

    /// The identity that each layer names, in order of precedence.
    pub(super) fn layers(&self) -> [ExplainedLayer; 6] {
        self.tokens.resolver().layers(self.lookup)
    }

    /// The rules that match, in order of precedence.
    pub(super) fn rules(&self) -> impl Iterator<Item = &'a Rule> {
        let rules = self.config.rules().iter();
        rules.filter(|rule| rule.matches(self.lookup))
    }

    pub(super) fn host_only(&self) -> Option<HostOnly> {
        HostOnly::read(self.lookup, self.config, &self.tokens)
    }

    pub(super) fn cache(&self, identity: &Identity) -> CacheFacts {
        if let Some(off) = CacheLocation::find(self.env, self.config).off {
            return CacheFacts::off(&off);
        }
        match self.tokens.held(self.lookup.registry, identity) {
            Ok(held) => CacheFacts::from_held(held.as_ref()),
            Err(error) => CacheFacts::off(&error),
        }
    }

    /// All settings that are in effect for the registry.
    pub(super) fn settings(&self) -> Vec<Setting> {
        let config = self.config;
        let seconds = |time: Duration| format!("{} s", time.as_secs());
        let top = |name: &'static str, value: String| Setting {
            from: self.place("", name),
            name,
            value,
        };
        let mut settings = vec![
            top("timeout_seconds", seconds(config.timeout)),
            top("connect_timeout_seconds", seconds(config.connect_timeout)),
            self.endpoint_url("endpoint_url", TokenApi::Ecr),
        ];
        if self
            .identity()
            .is_none_or(|identity| identity.sts.is_some())
        {
            settings.push(self.endpoint_url("sts_endpoint_url", TokenApi::Sts));
        }
        settings.extend(self.identity().map(|identity| self.max_age(identity)));
        settings.extend(self.rules().find_map(access));
        settings.push(self.cache_folder());
        let helper = match &config.other_registries_helper {
            Some(helper) => helper.program(),
            None => "none".to_owned(),
        };
        settings.push(top("other_registries_helper", helper));
        if config.other_registries_helper.is_some() {
            let timeout = seconds(config.other_registries_timeout);
            settings.push(top("other_registries_timeout_seconds", timeout));
        }
        settings
    }

    /// The place that sets a key outside of rules.
    fn place(&self, table: &str, key: &str) -> String {
        match self.config.origin_of(table, key) {
            Some(origin) => origin.to_string(),
            None => DEFAULT.to_owned(),
        }
    }

    fn endpoint_url(&self, name: &'static str, api: TokenApi) -> Setting {
        let rule_url = |rule: &'a Rule| {
            let url = api.url_in(rule.settings())?;
            Some((url, rule.origin().to_string()))
        };
        let endpoint = self.identity().and_then(|identity| api.endpoint(identity));
        let (value, from) = self
            .rules()
            .find_map(rule_url)
            .unwrap_or_else(|| match endpoint {
                Some(endpoint) => url_and_origin(endpoint),
                None => ("AWS endpoint of the region".to_owned(), DEFAULT.to_owned()),
            });
        Setting { name, value, from }
    }

    fn max_age(&self, identity: &Identity) -> Setting {
        let rule_origin = self
            .rules()
            .find(|rule| rule.settings().max_age.is_some())
            .map(|rule| rule.origin().to_string());
        let age = |age: Duration| {
            let seconds = age.as_secs();
            format!("{seconds} s, at most half the token's lifetime")
        };
        let (value, from) = match self.tokens.renewal(identity) {
            Renewal::Spread { max_age: None } => {
                ("45 to 50 % of the token's lifetime".to_owned(), None)
            }
            Renewal::Spread { max_age: Some(max) } => {
                let least = (max * 9 / 10).as_secs();
                let from = "limit of this credential source".to_owned();
                (format!("{least} to {}", age(max)), Some(from))
            }
            Renewal::Expiry { max_age: None } => {
                let value = "until shortly before expiry (MFA)";
                (value.to_owned(), None)
            }
            Renewal::Expiry { max_age: Some(max) } => (format!("{} s", max.as_secs()), rule_origin),
            Renewal::Age(max) if rule_origin.is_some() => (age(max), rule_origin),
            Renewal::Age(max) => (age(max), Some(self.place("cache", "max_age_seconds"))),
        };
        Setting {
            name: "max_age_seconds",
            value,
            from: from.unwrap_or_else(|| DEFAULT.to_owned()),
        }
    }

    fn cache_folder(&self) -> Setting {
        let place = CacheLocation::find(self.env, self.config);
        let (value, from) = match (&place.off, place.dir) {
            (Some(CacheOff::Config), _) => (None, self.place("cache", "enabled")),
            (Some(CacheOff::Variable), _) => (None, var::AWS_ECR_DISABLE_CACHE.to_owned()),
            (None, Some(dir)) => {
                let from = match place.from {
                    LocationOrigin::Variable => var::AWS_ECR_CACHE_DIR.to_owned(),
                    LocationOrigin::Config => self.place("cache", "dir"),
                    LocationOrigin::Default => DEFAULT.to_owned(),
                };
                (Some(dir.display().to_string()), from)
            }
            _ => (None, DEFAULT.to_owned()),
        };
        let off = place.off.unwrap_or(CacheOff::NoHome);
        Setting {
            name: "cache folder",
            value: value.unwrap_or_else(|| format!("none, {off}")),
            from,
        }
    }
}

/// The access that a rule limits tokens to.
fn access(rule: &Rule) -> Option<Setting> {
    let limit = rule.settings().access.as_ref()?;
    Some(Setting {
        name: "access",
        value: limit.to_string(),
        from: limit.origin().to_string(),
    })
}

impl TokenApi {
    fn endpoint(self, identity: &Identity) -> Option<&Endpoint> {
        match self {
            TokenApi::Ecr => Some(&identity.api),
            TokenApi::Sts => identity.sts.as_ref(),
        }
    }

    fn url_in(self, settings: &RegistrySettings) -> Option<String> {
        let url = match self {
            TokenApi::Ecr => &settings.endpoint_url,
            TokenApi::Sts => &settings.sts_endpoint_url,
        };
        url.as_ref().map(ToString::to_string)
    }
}

/// What clients that send only the host get, if rules for repositories make a difference. Of the clients
/// that are configured for a host, only those of go-containerregistry send the repository, and only to the
/// helper in `credsStore` (go-containerregistry 0.22, `pkg/authn/keychain.go`).
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct HostOnly {
    pub text: String,
    #[serde(skip)]
    pub mark: CheckMark,
}

impl HostOnly {
    pub(crate) fn read(lookup: Lookup<'_>, config: &Config, tokens: &Tokens<'_>) -> Option<Self> {
        let registry = lookup.registry;
        if lookup.repository.is_none() {
            let pattern = config.repository_lookups(registry).next()?.repository?;
            return Some(Self {
                text: format!(
                    "rules for repositories, such as `{pattern}`, do not apply to the host alone; to see \
                     the identity for an image, name the image"
                ),
                mark: CheckMark::Unknown,
            });
        }
        let resolver = tokens.resolver();
        let chosen = resolver.resolve(lookup).ok()?;
        let is_same = |other: &Identity| {
            other.chosen_by == chosen.chosen_by && other.policy() == chosen.policy()
        };
        let identity = match resolver.resolve(registry.into()) {
            Ok(identity) if is_same(&identity) => return None,
            Ok(identity) => format!("use {identity}, selected by {}", identity.chosen_by),
            Err(error) => format!("have no usable identity: {error}"),
        };
        Some(Self {
            text: format!("clients that send only the host, such as docker and podman, {identity}"),
            mark: CheckMark::Warning,
        })
    }
}

/// An identity, and the endpoints that it is used at.
#[derive(Serialize)]
pub(crate) struct IdentityFacts {
    pub chosen_by: ChoiceFacts,
    pub profile: Option<String>,
    pub source: SourceFacts,
    pub sign_in: Option<SignInFacts>,
    pub roles: Vec<RoleFacts>,
    /// What the last role is limited to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<SessionPolicyFacts>,
    pub ecr: EndpointFacts,
    /// `None` if no role is assumed.
    pub sts: Option<EndpointFacts>,
    /// The variables that name another identity.
    pub passed_over: Vec<String>,
}

/// The layer that selects the identity, and the place in it.
#[derive(Serialize)]
pub(crate) struct ChoiceFacts {
    pub layer: LayerName,
    pub by: String,
    pub file: Option<String>,
    pub line: Option<usize>,
}

#[derive(Serialize)]
pub(crate) struct SourceFacts {
    pub kind: &'static str,
    pub is: String,
}

#[derive(Serialize)]
pub(crate) struct SignInFacts {
    pub state: &'static str,
    pub file: String,
    pub ends_at: Option<String>,
    #[serde(skip)]
    pub text: String,
    /// How to run the command in the text, if that is not plain.
    #[serde(skip)]
    pub hint: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct RoleFacts {
    pub arn: String,
    pub session_name: String,
    /// Whether one is set. It is not shown, as it may be a secret.
    pub external_id: bool,
    pub mfa_device: Option<String>,
    pub duration_seconds: Option<u64>,
}

/// What a rule limits tokens to.
#[derive(Serialize)]
pub(super) struct AccessFacts {
    /// `pull` or `push`.
    access: &'static str,
    /// With wildcards; `*` for all.
    repositories: Vec<String>,
    pull_through: bool,
    #[serde(skip)]
    text: String,
}

/// The same for an identity.
#[derive(Serialize)]
pub(crate) struct SessionPolicyFacts {
    #[serde(flatten)]
    access: AccessFacts,
    /// The place of the rule.
    rule: String,
    /// As STS gets it.
    policy: Value,
}

#[derive(Serialize)]
pub(crate) struct EndpointFacts {
    pub region: String,
    pub url: Option<String>,
    pub fips: bool,
    pub dual_stack: bool,
    /// What the host asks for and the API does not have in this region.
    #[serde(skip)]
    unavailable: Option<&'static str>,
}

#[derive(Serialize)]
pub(super) struct CacheFacts {
    /// Why nothing is cached.
    pub off: Option<String>,
    pub token: Option<TokenFacts>,
    #[serde(skip)]
    pub text: String,
}

/// A token in the cache, as it is now.
#[derive(Serialize)]
pub(crate) struct TokenFacts {
    pub obtained_at: String,
    /// `None` if the token belongs to an identity that is not selected now.
    pub refresh_at: Option<String>,
    pub expires_at: String,
    pub expired: bool,
    #[serde(skip)]
    pub age: time::Duration,
    /// Negative if it has expired.
    #[serde(skip)]
    pub time_left: time::Duration,
    /// The time until the renewal; `None` if the next `get` renews it.
    #[serde(skip)]
    pub renewed_in: Option<time::Duration>,
}

impl IdentityFacts {
    pub(crate) fn from_identity(identity: &Identity) -> Self {
        let passed_over = identity.passed_over.iter();
        Self {
            chosen_by: ChoiceFacts::from_chosen_by(&identity.chosen_by),
            profile: identity.profile.clone(),
            source: SourceFacts::from_source(&identity.source),
            sign_in: SignInFacts::from_identity(identity),
            roles: identity.roles.iter().map(RoleFacts::from_role).collect(),
            access: identity
                .session_policy
                .as_ref()
                .map(SessionPolicyFacts::from_policy),
            ecr: EndpointFacts::from_endpoint(&identity.api),
            sts: identity.sts.as_ref().map(EndpointFacts::from_endpoint),
            passed_over: passed_over.map(ToString::to_string).collect(),
        }
    }

    /// The name and text of each fact that is neither good nor bad: without the state of the sign-in
    /// and the variables that are not used.
    pub(crate) fn lines(&self) -> Vec<(String, String)> {
        let mut lines = vec![("selected by".to_owned(), self.chosen_by.by.clone())];
        let profile = self.profile.clone();
        lines.extend(profile.map(|name| ("profile".to_owned(), name)));
        lines.push(("source".to_owned(), self.source.is.clone()));
        for (index, role) in self.roles.iter().enumerate() {
            let name = match self.roles.len() {
                1 => "role".to_owned(),
                _ => format!("role {}", index + 1),
            };
            lines.push((name, role.text()));
        }
        let access = self.access.as_ref();
        lines.extend(access.map(|access| ("access".to_owned(), access.text())));
        lines.push(("ECR".to_owned(), self.ecr.text()));
        let sts = self.sts.as_ref();
        lines.extend(sts.map(|sts| ("STS".to_owned(), sts.text())));
        lines
    }

    /// The variables that are not used, if there are any.
    pub(crate) fn not_used(&self) -> Option<String> {
        (!self.passed_over.is_empty()).then(|| self.passed_over.join(", "))
    }
}

impl ChoiceFacts {
    fn from_chosen_by(chosen_by: &ChosenBy) -> Self {
        let origin: Option<&Origin> = match chosen_by {
            ChosenBy::Name { origin, .. } => origin.as_ref(),
            ChosenBy::Rule(origin) | ChosenBy::Defaults(origin) => Some(origin),
            _ => None,
        };
        Self {
            layer: chosen_by.layer(),
            by: chosen_by.to_string(),
            file: origin.map(|origin| origin.file.display().to_string()),
            line: origin.map(|origin| origin.line),
        }
    }
}

impl SourceFacts {
    fn from_source(source: &Source) -> Self {
        let properties = source.properties();
        Self {
            kind: properties.kind,
            is: format!("{source}{}", properties.remark),
        }
    }
}

/// The state of a sign-in that exists and has not expired.
pub(super) const USABLE: &str = "usable";

impl SignInFacts {
    pub(super) fn from_identity(identity: &Identity) -> Option<Self> {
        let now = clock::now();
        let method = identity.source.properties().sign_in?;
        let (kind, command) = (method.name, method.command());
        let Some(sign_in) = identity.sign_in() else {
            return Some(Self {
                state: "absent",
                file: String::new(),
                ends_at: None,
                text: format!("no {kind} sign-in, because there is no home directory"),
                hint: None,
            });
        };
        let ends_at = sign_in.ends_at();
        let from_now = |before: &str| match ends_at {
            Some(moment) => format!("{before} {} ({})", from_now(moment - now), iso(moment)),
            None => String::new(),
        };
        let (state, text) = match sign_in.state(now) {
            SignInState::Absent => (
                "absent",
                format!("not signed in with {kind}; run: {command}"),
            ),
            SignInState::Expired => (
                "expired",
                format!("the {kind} sign-in expired{}; run: {command}", from_now("")),
            ),
            SignInState::Unreadable => (
                "unreadable",
                format!("the {kind} sign-in file cannot be read; run: {command}"),
            ),
            SignInState::Usable => (
                USABLE,
                match ends_at {
                    Some(_) => format!("signed in with {kind}{}", from_now(", expires")),
                    // Only AWS knows when an `aws login` session expires.
                    None => format!("signed in with {kind} (the expiry is unknown offline)"),
                },
            ),
        };
        Some(Self {
            state,
            file: SignIn::path(sign_in).display().to_string(),
            ends_at: ends_at.map(iso),
            text,
            hint: method.hint().filter(|_| state != USABLE),
        })
    }
}

/// The URL of an endpoint and what sets it.
fn url_and_origin(endpoint: &Endpoint) -> (String, String) {
    let facts = EndpointFacts::from_endpoint(endpoint);
    let url = match facts.url {
        Some(url) => url,
        None => format!("AWS endpoint of {}", facts.place()),
    };
    let origin = match &endpoint.url_from {
        Some(UrlOrigin::Profile(_)) => "the AWS profile".to_owned(),
        Some(origin) => origin.to_string(),
        None => DEFAULT.to_owned(),
    };
    (url, origin)
}

impl RoleFacts {
    fn from_role(role: &Role) -> Self {
        Self {
            arn: role.arn.to_string(),
            session_name: role.session_name().to_owned(),
            external_id: role.external_id.is_some(),
            mfa_device: role.mfa_device.as_ref().map(ToString::to_string),
            duration_seconds: role.duration.map(|duration| duration.as_secs()),
        }
    }

    fn text(&self) -> String {
        let mut text = format!("{}, session {}", self.arn, self.session_name);
        if let Some(seconds) = self.duration_seconds {
            text.push_str(&format!(" for {seconds} s"));
        }
        text.push_str(if self.external_id {
            ", external ID set"
        } else {
            ", no external ID"
        });
        if let Some(device) = &self.mfa_device {
            text.push_str(&format!(", MFA device {device}"));
        }
        text
    }
}

impl AccessFacts {
    pub(super) fn from_limit(limit: &AccessLimit) -> Self {
        let names = limit.names();
        Self {
            access: limit.word(),
            repositories: names.into_iter().map(str::to_owned).collect(),
            pull_through: limit.has_pull_through(),
            text: limit.to_string(),
        }
    }

    /// `access = pull of team/*`.
    pub(super) fn line(&self) -> String {
        format!("access = {}", self.text)
    }
}

impl SessionPolicyFacts {
    fn from_policy(policy: &SessionPolicy) -> Self {
        Self {
            access: AccessFacts::from_limit(&policy.limit),
            rule: policy.limit.origin().to_string(),
            policy: serde_json::from_str(&policy.document).unwrap_or_default(),
        }
    }

    fn text(&self) -> String {
        let (access, rule) = (&self.access.text, &self.rule);
        format!("limited to {access} ({rule})")
    }
}

impl EndpointFacts {
    fn from_endpoint(endpoint: &Endpoint) -> Self {
        Self {
            region: endpoint.region.to_string(),
            url: endpoint.url.as_deref().map(shown_url),
            fips: endpoint.fips,
            dual_stack: endpoint.dual_stack,
            unavailable: endpoint.unavailable,
        }
    }

    /// The region, and which of its endpoints.
    fn place(&self) -> String {
        let fips = if self.fips { ", FIPS" } else { "" };
        let dual_stack = if self.dual_stack { ", dual-stack" } else { "" };
        format!("{}{fips}{dual_stack}", self.region)
    }

    fn text(&self) -> String {
        let mut text = self.place();
        if let Some(url) = &self.url {
            text.push_str(&format!(", at {url}"));
        }
        if let Some(kind) = self.unavailable {
            text.push_str(&format!(" (STS has no {kind} endpoint in this region)"));
        }
        text
    }
}

impl CacheFacts {
    fn off(why: &dyn std::fmt::Display) -> Self {
        Self {
            off: Some(why.to_string()),
            token: None,
            text: format!("not cached: {why}"),
        }
    }

    fn from_held(held: Option<&Held>) -> Self {
        let Some(held) = held else {
            return Self {
                off: None,
                token: None,
                text: "not cached; the next get requests one".to_owned(),
            };
        };
        let token = TokenFacts::from_held(held, clock::now());
        let requested = format!("cached, requested {}", from_now(-token.age));
        let text = if token.expired {
            format!("{requested}, expired {}", from_now(token.time_left))
        } else {
            let renewed = match token.renewed_in {
                Some(ahead) => from_now(ahead),
                None => "at the next get".to_owned(),
            };
            let end = &token.expires_at;
            format!("{requested}, renewal {renewed}, expires {end}")
        };
        Self {
            off: None,
            token: Some(token),
            text,
        }
    }
}

impl TokenFacts {
    pub(crate) fn from_held(held: &Held, now: OffsetDateTime) -> Self {
        let token = &held.entry.token;
        Self {
            obtained_at: iso(token.obtained_at),
            refresh_at: held.refresh_at.map(iso),
            expires_at: iso(token.expires_at),
            expired: token.is_expired(now),
            age: now - token.obtained_at,
            time_left: token.expires_at - now,
            renewed_in: held
                .refresh_at
                .map(|moment| moment - now)
                .filter(|ahead| ahead.is_positive()),
        }
    }
}
