//! What chooses, the roles that come with it, and the region they are assumed in.

use super::plan::{Layer, SituationPlan};
use super::situation::KeyEffect::{Decides, Nothing};
use super::situation::{InputPlace, Situation};

impl SituationPlan {
    /// The layer that chooses: its profile and its role.
    pub(super) fn layer(&self, s: &mut Situation) {
        let table = match self.layer {
            Layer::Table => {
                s.decides(InputPlace::CalledAs, "release", "spare");
                "identity.release"
            }
            Layer::Name => {
                s.decides(InputPlace::CalledAs, "work", "spare");
                return;
            }
            Layer::Ecrx => return self.ecrx(s),
            Layer::Rule => "registry 0",
            Layer::Defaults => "defaults",
            Layer::AwsProfile if !self.kind.is_ambient() => {
                s.decides(InputPlace::Variable("AWS_PROFILE"), "work", "spare");
                return;
            }
            Layer::AwsDefaultProfile if !self.kind.is_ambient() => {
                s.decides(InputPlace::Variable("AWS_DEFAULT_PROFILE"), "work", "spare");
                return;
            }
            _ => return,
        };
        if !self.kind.is_ambient() {
            let key = if self.role && self.source == 1 {
                "source_profile"
            } else {
                "profile"
            };
            s.decides(InputPlace::Toml(table, key), "work", "spare");
        }
        if self.role {
            let place = |key| InputPlace::Toml(table, key);
            let [role, other] = roles(self.last_role, "of-layer");
            s.decides(place("role_arn"), &role, &other);
            s.is(&role);
            self.role_details(s, place);
            s.absent(place("duration_seconds"), "900", Nothing);
        }
    }

    fn ecrx(&self, s: &mut Situation) {
        if !self.kind.is_ambient() {
            // The one of the account comes first.
            let of_account = InputPlace::Variable("ECRX_PROFILE_999999999999");
            let [named, silent] = if self.source == 1 && !self.public {
                [of_account, InputPlace::Variable("ECRX_PROFILE")]
            } else {
                [InputPlace::Variable("ECRX_PROFILE"), of_account]
            };
            let effect = if self.source == 1 || self.public {
                Nothing
            } else {
                Decides
            };
            s.decides(named, "work", "spare");
            s.absent(silent, "spare", effect);
        }
        if self.role {
            let [role, other] = roles(self.last_role, "of-layer");
            s.decides(InputPlace::Variable("ECRX_ROLE_ARN"), &role, &other);
            s.or(Some(&format!("  {role}\t")), Nothing);
            let of_account = if self.public { Nothing } else { Decides };
            s.absent(
                InputPlace::Variable("ECRX_ROLE_ARN_999999999999"),
                &other,
                of_account,
            );
            s.is(&role);
            self.role_details(s, |key| match key {
                "external_id" => InputPlace::Variable("ECRX_EXTERNAL_ID"),
                "role_session_name" => InputPlace::Variable("ECRX_ROLE_SESSION_NAME"),
                // There is no variable for it.
                _ => InputPlace::Toml("identity.unused", "mfa_serial"),
            });
        }
    }

    /// External id, session name and MFA device of one role.
    fn role_details(&self, s: &mut Situation, place: impl Fn(&'static str) -> InputPlace) {
        optional(
            s,
            place("external_id"),
            self.external_id,
            ["first", "second"],
        );
        s.is(format!("external id {}", self.external_id));
        let names = ["one", "other", "docker-credential-ecrx"];
        match self.session_name {
            0 => {
                s.absent(place("role_session_name"), names[0], Decides);
                // The default, written out.
                s.or(Some(names[2]), Nothing);
            }
            3 => {
                s.add(place("role_session_name"), Some(names[2]), None, Nothing);
                s.or(Some(names[0]), Decides);
            }
            at => {
                s.decides(place("role_session_name"), names[at - 1], names[2 - at]);
                s.or(None, Decides);
            }
        }
        s.is(format!("session {}", self.session_name % 3));
        if matches!(place("mfa_serial"), InputPlace::Toml("identity.unused", _)) {
            return;
        }
        let device = "arn:aws:iam::111122223333:mfa/phone";
        optional(
            s,
            place("mfa_serial"),
            usize::from(self.device),
            [device, "GAHT12345678"],
        );
        if self.device {
            s.is(device);
        }
    }

    /// The roles of the chosen profile and of those beneath it.
    pub(super) fn profile_roles(&self, s: &mut Situation) {
        for depth in 0..self.chain {
            let section = self.section(depth);
            let [role, other] = if depth == 0 && !self.role {
                roles(self.last_role, "top")
            } else {
                roles(0, "beneath")
            };
            s.decides(InputPlace::Aws(section, "role_arn"), &role, &other);
            s.is(format!("{role} at {depth}"));
            if depth + 1 == self.chain && self.kind.is_borrowed() {
                let [name, other] = self.kind.borrowed_from();
                s.decides(InputPlace::Aws(section, "credential_source"), name, other);
                s.or(Some(&name.to_uppercase()), Nothing);
            } else {
                let next = self.section(depth + 1).trim_start_matches("profile ");
                s.decides(InputPlace::Aws(section, "source_profile"), next, "spare");
            }
            if depth == 0 && !self.role {
                self.role_details(s, |key| InputPlace::Aws(section, key));
            } else {
                s.absent(InputPlace::Aws(section, "external_id"), "third", Decides);
                s.absent(
                    InputPlace::Aws(section, "role_session_name"),
                    "third",
                    Decides,
                );
                s.absent(
                    InputPlace::Aws(section, "mfa_serial"),
                    "GAHT12345678",
                    Decides,
                );
            }
            s.absent(InputPlace::Aws(section, "duration_seconds"), "900", Nothing);
        }
    }

    /// The region that roles are assumed in.
    pub(super) fn region(&self, s: &mut Situation) {
        let [one, other] = ["eu-west-1", "eu-central-1"];
        let mut effect = if self.calls_sts() { Decides } else { Nothing };
        let mut next = |s: &mut Situation, place, there: bool| {
            if there {
                s.add(place, Some(one), Some(other), effect);
                effect = Nothing;
            } else {
                s.absent(place, other, effect);
            }
        };
        let table = match self.layer {
            Layer::Table => Some(InputPlace::Toml("identity.release", "region")),
            Layer::Ecrx => Some(InputPlace::Variable("ECRX_REGION")),
            Layer::Rule => Some(InputPlace::Toml("registry 0", "region")),
            Layer::Defaults => Some(InputPlace::Toml("defaults", "region")),
            _ => None,
        };
        let place = table
            .clone()
            .filter(|_| self.role || !self.kind.is_ambient());
        let regions = [self.region && self.source == 0, self.region, self.device];
        if let Some(place) = place {
            next(s, place, regions[0]);
        }
        if !self.kind.is_ambient() {
            next(s, InputPlace::Aws(self.profile(), "region"), regions[1]);
        }
        next(s, InputPlace::Variable("AWS_REGION"), regions[2]);
        next(s, InputPlace::Variable("AWS_DEFAULT_REGION"), false);
        let heard = [
            regions[0] && table.is_some() && (self.role || !self.kind.is_ambient()),
            regions[1] && !self.kind.is_ambient(),
            regions[2],
        ];
        if self.calls_sts() {
            s.is(format!("region {}", heard.contains(&true)));
        }
    }
}

/// Two roles, the one of this number first.
fn roles(first: usize, name: &str) -> [String; 2] {
    let role = |which| format!("arn:aws:iam::999999999999:role/{name}-{which}");
    [role(first), role(1 - first)]
}

/// Absent, or one of two.
fn optional(s: &mut Situation, place: InputPlace, which: usize, values: [&str; 2]) {
    match which {
        0 => s.absent(place, values[0], Decides),
        at => {
            s.decides(place, values[at - 1], values[2 - at]);
            s.or(None, Decides);
        }
    }
}
