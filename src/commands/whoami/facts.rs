//! What there is to say of an identity, for people and for programs.

use serde::Serialize;

use crate::clock;
use crate::commands::moment::{from_now, iso};
use crate::config::Origin;
use crate::get::Held;
use crate::identity::{ChosenBy, Endpoint, Identity, LayerName, Role, SignIn, SignInState, Source};
use crate::redaction::shown_url;

/// The layer that chose, and its place.
#[derive(Serialize)]
pub(super) struct Choice {
    pub layer: LayerName,
    pub by: String,
    pub file: Option<String>,
    pub line: Option<usize>,
}

#[derive(Serialize)]
pub(super) struct SourceFacts {
    pub kind: &'static str,
    pub is: String,
}

#[derive(Serialize)]
pub(super) struct SignInFacts {
    pub state: &'static str,
    pub file: String,
    pub ends_at: Option<String>,
    #[serde(skip)]
    pub text: String,
}

#[derive(Serialize)]
pub(super) struct RoleFacts {
    pub arn: String,
    pub session_name: String,
    /// Whether there is one. It is kept like a secret.
    pub external_id: bool,
    pub mfa_device: Option<String>,
    pub duration_seconds: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct EndpointFacts {
    pub region: String,
    pub url: Option<String>,
    pub fips: bool,
    pub dual_stack: bool,
}

#[derive(Serialize)]
pub(super) struct CacheFacts {
    /// Why there is no cache.
    pub off: Option<String>,
    pub token: Option<TokenFacts>,
    #[serde(skip)]
    pub text: String,
}

#[derive(Serialize)]
pub(super) struct TokenFacts {
    pub obtained_at: String,
    pub refresh_at: Option<String>,
    pub expires_at: String,
    pub expired: bool,
}

impl Choice {
    pub(super) fn of(chosen_by: &ChosenBy) -> Self {
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
    pub(super) fn of(source: &Source) -> Self {
        let source = source.get();
        Self {
            kind: source.kind(),
            is: source.description(),
        }
    }
}

/// What a sign-in is called that is neither gone nor over.
pub(super) const USABLE: &str = "usable";

impl SignInFacts {
    pub(super) fn of(identity: &Identity) -> Option<Self> {
        let now = clock::now();
        let method = identity.source.get().sign_in()?;
        let (kind, command) = (method.name, method.command);
        let Some(sign_in) = identity.sign_in() else {
            return Some(Self {
                state: "absent",
                file: String::new(),
                ends_at: None,
                text: format!("there is no home folder, and so no {kind} sign-in"),
            });
        };
        let ends_at = sign_in.ends_at();
        let from_now = |before: &str| match ends_at {
            Some(moment) => format!("{before} {} ({})", from_now(moment, now), iso(moment)),
            None => String::new(),
        };
        let (state, text) = match sign_in.state(now) {
            SignInState::Absent => (
                "absent",
                format!("nobody is signed in by {kind}: `{command}`"),
            ),
            SignInState::Expired => (
                "expired",
                format!("the {kind} sign-in ended{}: `{command}`", from_now("")),
            ),
            SignInState::Unreadable => (
                "unreadable",
                format!("the {kind} sign-in is not a readable file: `{command}`"),
            ),
            SignInState::Usable => (
                USABLE,
                match ends_at {
                    Some(_) => format!("the {kind} sign-in holds{}", from_now(", and ends")),
                    // Of `aws login`, AWS alone knows.
                    None => format!("there is an {kind} sign-in; when it ends cannot be seen here"),
                },
            ),
        };
        Some(Self {
            state,
            file: SignIn::path(sign_in).display().to_string(),
            ends_at: ends_at.map(iso),
            text,
        })
    }
}

impl RoleFacts {
    pub(super) fn of(role: &Role) -> Self {
        Self {
            arn: role.arn.to_string(),
            session_name: role.session_name().to_owned(),
            external_id: role.external_id.is_some(),
            mfa_device: role.mfa_device.as_ref().map(ToString::to_string),
            duration_seconds: role.duration.map(|duration| duration.as_secs()),
        }
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!("{}, session {}", self.arn, self.session_name);
        if let Some(seconds) = self.duration_seconds {
            text.push_str(&format!(" for {seconds} s"));
        }
        text.push_str(if self.external_id {
            ", external id set"
        } else {
            ", no external id"
        });
        if let Some(device) = &self.mfa_device {
            text.push_str(&format!(", MFA code of {device}"));
        }
        text
    }
}

impl EndpointFacts {
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        Self {
            region: endpoint.region.to_string(),
            url: endpoint.url.as_deref().map(shown_url),
            fips: endpoint.fips,
            dual_stack: endpoint.dual_stack,
        }
    }

    pub(super) fn text(&self) -> String {
        let mut text = self.region.clone();
        if self.fips {
            text.push_str(", FIPS");
        }
        if self.dual_stack {
            text.push_str(", dual-stack");
        }
        if let Some(url) = &self.url {
            text.push_str(&format!(", at {url}"));
        }
        text
    }
}

impl CacheFacts {
    pub(super) fn off(why: &dyn std::fmt::Display) -> Self {
        Self {
            off: Some(why.to_string()),
            token: None,
            text: format!("nothing is cached: {why}"),
        }
    }

    pub(super) fn of(held: Option<&Held>) -> Self {
        let Some(held) = held else {
            return Self {
                off: None,
                token: None,
                text: "none is cached: the next get asks AWS".to_owned(),
            };
        };
        let now = clock::now();
        let token = &held.entry.token;
        let facts = TokenFacts {
            obtained_at: iso(token.obtained_at),
            refresh_at: held.refresh_at.map(iso),
            expires_at: iso(token.expires_at),
            expired: token.is_expired(now),
        };
        let bought = format!("cached, bought {}", from_now(token.obtained_at, now));
        let renewed = match held.refresh_at {
            Some(moment) if moment > now => format!("to be renewed {}", from_now(moment, now)),
            _ => "to be renewed by the next get".to_owned(),
        };
        let text = if facts.expired {
            format!("{bought}, expired {}", from_now(token.expires_at, now))
        } else {
            format!("{bought}, {renewed}, good until {}", facts.expires_at)
        };
        Self {
            off: None,
            token: Some(facts),
            text,
        }
    }
}
