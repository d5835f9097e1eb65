//! Which situation: who chooses, from which source, with which roles, for which registry.

use proptest::prelude::*;

use super::endpoints::{self, Endpoints};
use super::kind::SourceKind;
use super::situation::KeyEffect::{Decides, Nothing, Rotates};
use super::situation::{InputPlace, KeyEffect, Situation};
use super::sources;

pub(super) const PRIVATE: &str = "999999999999.dkr.ecr.us-west-2.amazonaws.com";
pub(super) const PUBLIC: &str = "public.ecr.aws";

/// What chooses, the most explicit first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    /// The name called by, with `[identity.NAME]`.
    Table,
    /// The name called by, an AWS profile's.
    Name,
    Ecrx,
    /// `[[registry]]`.
    Rule,
    /// Keys in variables.
    EnvironmentKeys,
    /// Before a profile, unless that has a role.
    WebIdentity,
    AwsDefaultProfile,
    AwsProfile,
    Defaults,
    DefaultProfile,
    /// Before `Defaults`, where there is no default profile.
    Container,
    InstanceMetadata,
}

pub(super) const LAYERS: [Layer; 8] = [
    Layer::Table,
    Layer::Name,
    Layer::Ecrx,
    Layer::Rule,
    Layer::AwsDefaultProfile,
    Layer::AwsProfile,
    Layer::Defaults,
    Layer::DefaultProfile,
];

/// A situation in short. Values come in two or three spellings, so that two plans often differ in
/// one thing alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct SituationPlan {
    pub layer: Layer,
    pub kind: SourceKind,
    /// How many roles the profile has on top of its source.
    pub chain: usize,
    /// Whether the layer has a role, where it can.
    pub role: bool,
    pub endpoints: Endpoints,
    pub public: bool,
    /// Which of two sources.
    pub source: usize,
    /// Which of two last roles.
    pub last_role: usize,
    /// No session name, one, another, or the default written out.
    pub session_name: usize,
    /// No external id, one, or another.
    pub external_id: usize,
    /// Without or with an MFA device, a region.
    pub device: bool,
    pub region: bool,
}

pub(super) fn plans() -> impl Strategy<Value = SituationPlan> {
    let who = (
        prop::sample::select(&LAYERS[..]),
        prop::sample::select(&SourceKind::ALL[..]),
        0..3usize,
        any::<bool>(),
        prop::sample::select(&Endpoints::ALL[..]),
        prop::bool::weighted(0.2),
    );
    let details = (
        0..2usize,
        0..2usize,
        0..4usize,
        0..3usize,
        any::<bool>(),
        any::<bool>(),
    );
    (who, details).prop_map(|(who, details)| {
        let (layer, kind, chain, role, endpoints, public) = who;
        let (source, last_role, session_name, external_id, device, region) = details;
        SituationPlan {
            layer,
            kind,
            chain,
            role,
            endpoints,
            public,
            source,
            last_role,
            session_name,
            external_id,
            device,
            region,
        }
        .possible()
    })
}

/// Two plans that differ in a few things, or in none.
pub(super) fn pairs() -> impl Strategy<Value = (SituationPlan, SituationPlan)> {
    (
        plans(),
        plans(),
        prop::collection::vec(prop::bool::weighted(0.15), 12),
    )
        .prop_map(|(one, another, differs)| {
            let mut other = one;
            let mut differs = differs.into_iter();
            macro_rules! take {
                ($($field:ident),*) => {
                    $(if differs.next() == Some(true) {
                        other.$field = another.$field;
                    })*
                };
            }
            take!(layer, kind, chain, role, endpoints, public, source);
            take!(last_role, session_name, external_id, device, region);
            (one, other.possible())
        })
}

impl SituationPlan {
    /// Keys of a profile.
    pub(super) const SIMPLE: Self = Self {
        layer: Layer::AwsProfile,
        kind: SourceKind::Keys,
        chain: 0,
        role: false,
        endpoints: Endpoints::Usual,
        public: false,
        source: 0,
        last_role: 0,
        session_name: 0,
        external_id: 0,
        device: false,
        region: false,
    };

    /// The nearest plan that can be.
    pub(super) fn possible(mut self) -> Self {
        if self.kind.is_borrowed() {
            // Whatever a profile borrows would be heard before a weaker layer's profile.
            self.layer = self.layer.min(Layer::Rule);
            self.chain = self.chain.max(1);
        }
        if self.kind.is_ambient() {
            self.chain = 0;
            if self.layer == Layer::Name {
                self.layer = Layer::Table;
            }
            self.role = self.layer <= Layer::Rule;
        }
        if !matches!(
            self.layer,
            Layer::Table | Layer::Ecrx | Layer::Rule | Layer::Defaults
        ) {
            self.role = false;
        }
        self.endpoints = match self.endpoints {
            Endpoints::OfProfile | Endpoints::OfServices if self.kind.is_ambient() => {
                Endpoints::OfAll
            }
            of_rule if of_rule.are_of_rule() && self.public => Endpoints::Usual,
            endpoints => endpoints,
        };
        self
    }

    /// The layer that the source comes from.
    pub(super) fn source_layer(&self) -> Layer {
        match self.kind {
            SourceKind::EnvironmentKeys | SourceKind::EnvironmentSession => Layer::EnvironmentKeys,
            SourceKind::EnvironmentWebIdentity => Layer::WebIdentity,
            SourceKind::EnvironmentContainer | SourceKind::EnvironmentContainerFile => {
                Layer::Container
            }
            SourceKind::InstanceMetadata => Layer::InstanceMetadata,
            _ => self.layer,
        }
    }

    /// The layer that speaks first.
    pub(super) fn first_layer(&self) -> Layer {
        if self.kind.is_ambient() && !self.role {
            self.source_layer()
        } else {
            self.layer
        }
    }

    /// The section of the profile that is chosen.
    pub(super) fn profile(&self) -> &'static str {
        match self.layer {
            Layer::DefaultProfile => "default",
            _ => "profile work",
        }
    }

    /// Whether STS is called.
    pub(super) fn calls_sts(&self) -> bool {
        self.chain > 0 || self.role || self.kind.is_web_identity()
    }

    /// Whether the rule limits the token.
    pub(super) fn is_limited(&self) -> bool {
        self.calls_sts() && self.device
    }

    /// Whether the profile is used as in the AWS CLI, so that variables may name a part of its web
    /// identity: it has no role on top, and comes from AWS's variables or is the default one.
    pub(super) fn reads_web_identity_variables(&self) -> bool {
        let is_of_aws = matches!(
            self.layer,
            Layer::AwsDefaultProfile | Layer::AwsProfile | Layer::DefaultProfile
        );
        is_of_aws && !self.kind.is_ambient() && self.chain == 0
    }

    /// What a change of a variable does that this program does not heed here.
    pub(super) fn unheeded(&self) -> KeyEffect {
        match self.kind {
            SourceKind::Process => Rotates,
            _ => Nothing,
        }
    }

    pub(super) fn situation(&self) -> Situation {
        let mut s = Situation::default();
        self.registry(&mut s);
        self.layer(&mut s);
        if !self.kind.is_ambient() {
            self.profile_roles(&mut s);
        }
        sources::add(self, &mut s);
        endpoints::add(self, &mut s);
        self.region(&mut s);
        self.other_layers(&mut s);
        self.bystanders(&mut s);
        s
    }

    pub(super) fn registry(&self, s: &mut Situation) {
        if self.public {
            // Public ECR's second name is its dual-stack one, which a URL by hand replaces.
            let effect = match self.endpoints {
                Endpoints::Usual => Decides,
                _ => Nothing,
            };
            s.add(
                InputPlace::Server,
                Some(PUBLIC),
                Some("ecr-public.aws.com"),
                effect,
            );
            s.or(Some("https://Public.ECR.aws:443"), Nothing);
            s.is(PUBLIC);
        } else {
            s.decides(
                InputPlace::Server,
                PRIVATE,
                &PRIVATE.replace("999999999999", "444455556666"),
            );
            s.or(Some(&PRIVATE.replace("us-west-2", "eu-north-1")), Decides);
            s.or(
                Some(&format!("https://{}:443", PRIVATE.to_uppercase())),
                Nothing,
            );
            if self.endpoints == Endpoints::Usual {
                s.or(Some(&PRIVATE.replace("dkr.ecr", "dkr.ecr-fips")), Decides);
                s.or(Some("999999999999.dkr-ecr.us-west-2.on.aws"), Decides);
            }
            s.is(PRIVATE);
        }
        // A rule that says nothing about who asks, unless it is the layer.
        let of_it = if self.public { PUBLIC } else { "999999999999" };
        let limited = self.is_limited();
        let heeded = self.layer == Layer::Rule || self.endpoints.are_of_rule() || limited;
        let effect = if heeded { Decides } else { Nothing };
        let place = |key| InputPlace::Toml("registry 0", key);
        s.add(place("match"), Some(of_it), Some("444455556666"), effect);
        s.add(
            place("max_age_seconds"),
            Some("7200"),
            Some("3600"),
            Nothing,
        );
        if limited {
            s.decides(place("access"), "pull", "push");
            s.or(None, Decides);
            s.absent(place("access_repositories"), "team/*", Decides);
            s.or(Some("team/app"), Decides);
            if !self.public {
                s.absent(place("access_pull_through"), "true", Decides);
                s.or(Some("false"), Nothing);
            }
            s.is("limited to pull");
        } else {
            // Without a role, there is no identity then.
            s.absent(place("access"), "pull", Decides);
        }
    }

    /// The section at a depth of the chain, the chosen one first.
    pub(super) fn section(&self, depth: usize) -> &'static str {
        [self.profile(), "profile middle", "profile base"][depth]
    }
}
