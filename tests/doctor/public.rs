//! Public ECR allows pulls with and without a token.

use super::Ward;
use super::common::TestEnvironment;
use super::common::fake_aws::{FakeAws, FakeRegistry, Fault, Operation};

const PUBLIC: &str = "public.ecr.aws";
const IMAGE: &str = "public.ecr.aws/docker/library/app:1";

fn ward() -> Ward {
    let aws = FakeAws::start();
    let registry = FakeRegistry::start(&[PUBLIC]);
    registry.add_image(IMAGE);
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.trust_registry(&registry);
    let bin = environment.link("docker-credential-ecrx");
    let bin = bin.parent().expect("a folder").display().to_string();
    environment.set("PATH", &bin).set("COLUMNS", "2000");
    environment.set("XDG_RUNTIME_DIR", "/nowhere");
    let helpers = format!("{{\"credHelpers\": {{\"{PUBLIC}\": \"ecrx\"}}}}\n");
    environment.write(".docker/config.json", &helpers);
    Ward {
        aws,
        registry,
        environment,
    }
}

#[test]
fn with_a_token() {
    ward().says("public_well", 0, &[IMAGE]);
}

#[test]
fn credentials_are_absent() {
    let mut ward = ward();
    ward.environment
        .unset("AWS_ACCESS_KEY_ID")
        .unset("AWS_SECRET_ACCESS_KEY");
    ward.says("public_anonymous", 0, &[IMAGE]);
}

#[test]
fn the_token_is_denied() {
    let ward = ward();
    ward.aws.on(
        Operation::EcrPublicGetAuthorizationToken,
        Fault::AccessDenied,
    );
    ward.says("public_token_denied", 0, &[IMAGE]);
}

#[test]
fn a_misspelled_variable_is_a_warning() {
    let mut ward = ward();
    ward.environment.set("ECRX_PROFIL", "work");
    let told = ward.doctor(&[IMAGE]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let line = "! unknown variable ECRX_PROFIL; did you mean ECRX_PROFILE?\n";
    assert!(told.stdout.contains(line), "{}", told.stdout);
}

#[test]
fn a_code_is_not_requested() {
    let ward = ward();
    ward.environment.config(
        "[[registry]]\nmatch = \"public.ecr.aws\"\nrole_arn = \"arn:aws:iam::111122223333:role/dev\"\n\
         mfa_serial = \"arn:aws:iam::111122223333:mfa/alice\"\n",
    );
    let told = ward.doctor(&[IMAGE]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(
        told.stdout
            .contains("there is no MFA prompt for public ECR"),
        "{}",
        told.stdout
    );
}
