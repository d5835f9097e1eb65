//! Where APIs are called, and what says so.

use super::kind::SourceKind;
use super::plan::SituationPlan;
use super::situation::KeyEffect::{Decides, Nothing, Rotates};
use super::situation::{InputPlace, KeyEffect, Situation};

/// What names endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoints {
    /// Nothing.
    Usual,
    /// `AWS_ENDPOINT_URL`.
    OfAll,
    /// `AWS_ENDPOINT_URL_ECR` and `_STS`.
    OfEach,
    /// `endpoint_url` of the profile.
    OfProfile,
    /// The profile's `services`.
    OfServices,
    /// The rule, for ECR and STS.
    OfRule,
    /// The rule, for ECR alone.
    OfRuleForEcr,
}

use Endpoints::{OfAll, OfEach, OfProfile, OfRule, OfRuleForEcr, OfServices, Usual};

impl Endpoints {
    pub(super) const ALL: [Self; 7] = [
        Usual,
        OfAll,
        OfEach,
        OfProfile,
        OfServices,
        OfRule,
        OfRuleForEcr,
    ];

    pub(super) fn are_of_rule(self) -> bool {
        matches!(self, OfRule | OfRuleForEcr)
    }
}

const ONE: &str = "http://127.0.0.1:1";
const OTHER: &str = "http://127.0.0.1:2";

pub(super) fn add(plan: &SituationPlan, s: &mut Situation) {
    let mode = plan.endpoints;
    // The same URL by whatever way is the same endpoint, save where others read the variable.
    s.is(match mode {
        Usual => "no URL",
        OfAll | OfProfile if plan.kind.is_sso() => "a URL for all",
        OfAll if plan.kind == SourceKind::Login => "a URL for all",
        OfAll | OfEach | OfProfile | OfServices => "a URL",
        OfRule => "a rule's URLs",
        OfRuleForEcr if plan.calls_sts() => "a rule's URL for ECR",
        OfRuleForEcr => "a rule's URLs",
    });
    let of_sts = if plan.calls_sts() { Decides } else { Nothing };
    variables(plan, s, of_sts);
    if mode.are_of_rule() {
        let [one, other] = ["https://one.example", "https://other.example"];
        let place = |key| InputPlace::Toml("registry 0", key);
        s.decides(place("endpoint_url"), one, other);
        s.or(None, Decides);
        let of_sts_too = (mode == OfRule).then_some(one);
        s.add(place("sts_endpoint_url"), of_sts_too, Some(other), of_sts);
    }
    let heeded = |modes: &[Endpoints]| match mode {
        OfRuleForEcr if modes.contains(&Usual) => of_sts,
        mode if modes.contains(&mode) => Decides,
        _ => Nothing,
    };
    let switches = [
        (
            "AWS_USE_FIPS_ENDPOINT",
            "use_fips_endpoint",
            heeded(&[Usual]),
        ),
        (
            "AWS_USE_DUALSTACK_ENDPOINT",
            "use_dualstack_endpoint",
            heeded(&[Usual]),
        ),
        (
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
            "ignore_configured_endpoint_urls",
            heeded(&[OfAll, OfEach, OfProfile, OfServices]),
        ),
    ];
    for (variable, key, effect) in switches {
        // The variable wins over the profile, also when it says no.
        let says_no = plan.last_role == 1;
        s.add(
            InputPlace::Variable(variable),
            says_no.then_some("false"),
            Some("True"),
            effect,
        );
        if !plan.kind.is_ambient() {
            let effect = if says_no { Nothing } else { effect };
            s.absent(InputPlace::Aws(plan.profile(), key), "true", effect);
        }
    }
    if !plan.kind.is_ambient() {
        profile_settings(plan, s, of_sts);
    }
}

fn variables(plan: &SituationPlan, s: &mut Situation, of_sts: KeyEffect) {
    let mode = plan.endpoints;
    let each = (mode == OfEach).then_some(ONE);
    let (ecr, not_asked) = if plan.public {
        ("AWS_ENDPOINT_URL_ECR_PUBLIC", "AWS_ENDPOINT_URL_ECR")
    } else {
        ("AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL_ECR_PUBLIC")
    };
    s.add(
        InputPlace::Variable(ecr),
        each,
        Some(OTHER),
        if mode.are_of_rule() { Nothing } else { Decides },
    );
    s.absent(InputPlace::Variable(not_asked), OTHER, Nothing);
    s.add(
        InputPlace::Variable("AWS_ENDPOINT_URL_STS"),
        each,
        Some(OTHER),
        match mode {
            OfRule => Nothing,
            _ => of_sts,
        },
    );
    // The SDK's provider of `aws login` knows these variables alone.
    let (is_sso, is_login) = (plan.kind.is_sso(), plan.kind == SourceKind::Login);
    let all = (mode == OfAll).then_some(ONE);
    let of_all = match mode {
        OfRuleForEcr if of_sts == Decides => Decides,
        OfEach | OfRule | OfRuleForEcr => rotates(is_sso || is_login),
        _ => Decides,
    };
    s.add(
        InputPlace::Variable("AWS_ENDPOINT_URL"),
        all,
        Some(OTHER),
        of_all,
    );
    s.absent(
        InputPlace::Variable("AWS_ENDPOINT_URL_SSO"),
        OTHER,
        rotates(is_sso),
    );
    s.absent(
        InputPlace::Variable("AWS_ENDPOINT_URL_SSO_OIDC"),
        OTHER,
        rotates(is_sso),
    );
    s.absent(
        InputPlace::Variable("AWS_ENDPOINT_URL_SIGNIN"),
        OTHER,
        rotates(is_login),
    );
}

fn profile_settings(plan: &SituationPlan, s: &mut Situation, of_sts: KeyEffect) {
    let (mode, profile) = (plan.endpoints, plan.profile());
    let of_sso = rotates(plan.kind.is_sso());
    match mode {
        OfProfile => s.decides(InputPlace::Aws(profile, "endpoint_url"), ONE, OTHER),
        Usual => s.absent(InputPlace::Aws(profile, "endpoint_url"), OTHER, Decides),
        OfRuleForEcr if of_sts == Decides => {
            s.absent(InputPlace::Aws(profile, "endpoint_url"), OTHER, Decides);
        }
        OfAll => s.absent(InputPlace::Aws(profile, "endpoint_url"), OTHER, Nothing),
        // What names other services is nearer.
        OfEach | OfServices | OfRule | OfRuleForEcr => {
            s.absent(InputPlace::Aws(profile, "endpoint_url"), OTHER, of_sso);
        }
    }
    let ecr = if plan.public {
        "ecr_public.endpoint_url"
    } else {
        "ecr.endpoint_url"
    };
    if mode == OfServices {
        s.decides(InputPlace::Aws(profile, "services"), "here", "there");
        s.or(None, Decides);
        s.decides(InputPlace::Aws("services here", ecr), ONE, OTHER);
        s.add(
            InputPlace::Aws("services here", "sts.endpoint_url"),
            Some(ONE),
            Some(OTHER),
            of_sts,
        );
        for key in ["sso.endpoint_url", "sso_oidc.endpoint_url"] {
            s.absent(InputPlace::Aws("services here", key), OTHER, of_sso);
        }
        s.add(
            InputPlace::Aws("services there", ecr),
            Some(OTHER),
            None,
            Nothing,
        );
    }
}

fn rotates(is: bool) -> KeyEffect {
    if is { Rotates } else { Nothing }
}
