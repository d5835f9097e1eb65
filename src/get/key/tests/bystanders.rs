//! What has no effect on the identity: layers that select nothing, and settings of other
//! identities.

use super::kind::SourceKind;
use super::plan::{Layer, SituationPlan};
use super::situation::KeyEffect::{Decides, Nothing, Rotates};
use super::situation::{InputPlace, Situation};

impl SituationPlan {
    /// What layers above and below would say, if they spoke: those above would decide.
    pub(super) fn other_layers(&self, s: &mut Situation) {
        let (first, source) = (self.first_layer(), self.source_layer());
        let above = |decides: bool, otherwise| if decides { Decides } else { otherwise };
        s.absent(InputPlace::CalledAs, "spare", Decides);
        let of_name = first <= Layer::Name;
        let role = "arn:aws:iam::999999999999:role/ecrx";
        for (name, value) in [("ECRX_PROFILE", "spare"), ("ECRX_ROLE_ARN", role)] {
            s.absent(InputPlace::Variable(name), value, above(!of_name, Nothing));
        }
        for name in ["ECRX_EXTERNAL_ID", "ECRX_ROLE_SESSION_NAME"] {
            s.absent(InputPlace::Variable(name), "ecrx", Nothing);
        }
        s.absent(InputPlace::Variable("ECRX_REGION"), "eu-south-1", Nothing);
        // A key on its own is half of a pair, and an error where it is heard.
        let beside_role = |layer| self.layer == layer && self.role;
        if !beside_role(Layer::Rule) || self.kind.is_ambient() {
            let decides = first > Layer::Rule || beside_role(Layer::Rule);
            s.absent(
                InputPlace::Toml("registry 0", "profile"),
                "spare",
                above(decides, Nothing),
            );
        }
        for (name, value, layer) in [
            (
                "AWS_ACCESS_KEY_ID",
                "AKIAIOSFODNN7EXAMPLE",
                Layer::EnvironmentKeys,
            ),
            ("AWS_PROFILE", "spare", Layer::AwsProfile),
            ("AWS_DEFAULT_PROFILE", "spare", Layer::AwsDefaultProfile),
            (
                "AWS_WEB_IDENTITY_TOKEN_FILE",
                "/nonexistent",
                Layer::WebIdentity,
            ),
            (
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                "/v2/credentials/2",
                Layer::Container,
            ),
            (
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                "http://127.0.0.1:3/",
                Layer::Container,
            ),
        ] {
            let decides = match layer {
                Layer::WebIdentity if self.layer == source && !self.kind.is_ambient() => {
                    source == Layer::Defaults || self.reads_web_identity_variables()
                }
                Layer::Container => layer < source || source == Layer::Defaults,
                _ => layer < source,
            };
            s.absent(
                InputPlace::Variable(name),
                value,
                above(decides, self.unheeded()),
            );
        }
        for (name, value) in [
            // Without its id it counts for nothing.
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SECURITY_TOKEN", "token"),
            ("AWS_SESSION_TOKEN", "token"),
            ("AWS_ROLE_ARN", role),
            ("AWS_ROLE_SESSION_NAME", "pod"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nonexistent"),
            ("AWS_LOGIN_CACHE_DIRECTORY", "/nonexistent"),
        ] {
            let effect = match name {
                // Not among what other programs read.
                "AWS_SECURITY_TOKEN" => Nothing,
                "AWS_ROLE_ARN" | "AWS_ROLE_SESSION_NAME"
                    if self.kind == SourceKind::WebIdentity
                        && self.reads_web_identity_variables() =>
                {
                    Decides
                }
                _ => self.unheeded(),
            };
            s.absent(InputPlace::Variable(name), value, effect);
        }
        for name in [
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            "AWS_EC2_METADATA_DISABLED",
        ] {
            s.absent(InputPlace::Variable(name), "true", Nothing);
        }
        s.absent(
            InputPlace::Variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"),
            "IPv6",
            Nothing,
        );
        if !beside_role(Layer::Defaults) {
            let decides = source > Layer::Defaults && source != Layer::Container;
            let effect = above(decides, Nothing);
            s.absent(InputPlace::Toml("defaults", "profile"), "spare", effect);
        }
        if self.profile() != "default" {
            s.absent(
                InputPlace::Aws("default", "aws_access_key_id"),
                "AKIAIOSFODNN7EXAMPLE",
                above(source > Layer::DefaultProfile, Nothing),
            );
        }
    }

    /// Settings of other identities.
    pub(super) fn bystanders(&self, s: &mut Situation) {
        for (key, value) in [
            ("aws_access_key_id", "AKIAI44QH8DHBEXAMPLE"),
            ("aws_secret_access_key", "spare"),
            ("output", "json"),
        ] {
            s.add(
                InputPlace::Aws("profile spare", key),
                Some(value),
                Some("eu-north-1"),
                Nothing,
            );
        }
        s.absent(
            InputPlace::Aws("profile stranger", "role_arn"),
            "nonsense",
            Nothing,
        );
        s.add(
            InputPlace::Toml("identity.audit", "profile"),
            Some("spare"),
            Some("work"),
            Nothing,
        );
        s.add(
            InputPlace::Toml("registry 1", "match"),
            Some("*"),
            Some("aws-cn"),
            Nothing,
        );
        s.fixed(InputPlace::Toml("registry 1", "max_age_seconds"), "3600");
        s.add(
            InputPlace::Toml("", "timeout_seconds"),
            Some("20"),
            Some("30"),
            Nothing,
        );
        s.absent(
            InputPlace::Toml("", "connect_timeout_seconds"),
            "5",
            Nothing,
        );
        s.absent(
            InputPlace::Toml("cache", "max_age_seconds"),
            "3600",
            Nothing,
        );
        s.absent(InputPlace::Variable("ECRX_LOG"), "debug", Nothing);
        s.absent(
            InputPlace::Variable("AWS_CA_BUNDLE"),
            "/nonexistent",
            Nothing,
        );
        if !self.kind.is_ambient() {
            s.absent(InputPlace::Aws(self.profile(), "output"), "json", Nothing);
            s.absent(
                InputPlace::Aws(self.profile(), "ca_bundle"),
                "/nonexistent",
                Nothing,
            );
        }
        self.other_files(s);
    }

    /// Other files in place of `~/.aws/config` and `~/.aws/credentials`.
    fn other_files(&self, s: &mut Situation) {
        let of_them = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = other\n";
        let config = format!("[{}]\n{of_them}", self.profile());
        s.fixed(InputPlace::File("other/config".into()), &config);
        let name = if self.kind.is_ambient() {
            "unused"
        } else {
            self.profile().trim_start_matches("profile ")
        };
        let credentials = format!("[{name}]\n{of_them}aws_session_token = other\n");
        s.fixed(InputPlace::File("other/credentials".into()), &credentials);
        s.fixed(InputPlace::File("other/empty".into()), "");
        let config = InputPlace::Variable("AWS_CONFIG_FILE");
        if self.kind.is_ambient() {
            let heeds_default = s.inputs.iter().any(|input| {
                let is_of_default = matches!(input.place, InputPlace::Aws("default", _));
                is_of_default && input.value.is_some()
            });
            let effect = if heeds_default { Decides } else { Nothing };
            s.absent(config, "{home}/other/empty", effect);
        } else {
            s.absent(config, "{home}/other/config", Decides);
        }
        // Keys there win over those of the same profile, and change nothing where it has others.
        let of_keys = match self.kind {
            SourceKind::Keys if self.chain == 0 => Decides,
            SourceKind::Session if self.chain == 0 => Rotates,
            // Keys there come first.
            SourceKind::Login | SourceKind::Process if self.chain == 0 => Decides,
            _ => self.unheeded(),
        };
        let credentials = InputPlace::Variable("AWS_SHARED_CREDENTIALS_FILE");
        s.absent(credentials, "{home}/other/credentials", of_keys);
    }
}
