//! The principal to allow, and the policy to change.

use super::common::fake_aws::{Fault, Operation, denial};
use super::{OWN, Ward, app};

fn verdict(stdout: &str) -> &str {
    stdout.split_once("Verdict\n").expect("a verdict").1
}

#[test]
fn a_role_is_allowed_with_its_path() {
    let ward = Ward::new();
    ward.environment.config(
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::111122223333:role/team/ci\"\n",
    );
    ward.registry
        .deny("*", "ecr:BatchGetImage", denial::NO_RESOURCE_POLICY);
    let told = ward.doctor(&[&app()]);
    let verdict = verdict(&told.stdout);
    assert!(
        verdict.contains("\"AWS\": \"arn:aws:iam::111122223333:role/team/ci\""),
        "{verdict}"
    );
}

#[test]
fn the_second_role_of_a_chain_trusts_the_first_with_its_path() {
    let ward = Ward::new();
    ward.environment.config(
        "[[registry]]\nmatch = \"*\"\nrole_arn = [\"arn:aws:iam::111122223333:role/team/hub\", \
         \"arn:aws:iam::999999999999:role/ecr-pull\"]\nexternal_id = \"build-secret\"\n",
    );
    ward.aws.deny_role(super::PULL);
    ward.says("second_role_untrusted", 1, &[&app()]);
}

#[test]
fn a_denial_without_a_sentence_still_names_the_caller() {
    let ward = Ward::with_role();
    let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
                <Message>Access denied</Message></Error></ErrorResponse>";
    let headers = vec![("content-type".to_owned(), "text/xml".to_owned())];
    let fault = Fault::RawResponse(403, headers, body.to_owned());
    ward.aws.on(Operation::StsAssumeRole, fault);
    let told = ward.doctor(&[&app()]);
    let verdict = verdict(&told.stdout);
    assert!(
        verdict.starts_with("✗ Failed at AWS identity: the user alice in account 111122223333 is not allowed to assume"),
        "{verdict}"
    );
    assert!(verdict.contains("user/alice\""), "{verdict}");
}

#[test]
fn the_resource_of_assuming_a_role_is_its_trust_policy() {
    let ward = Ward::with_role();
    let reason = "no resource-based policy allows the sts:AssumeRole action";
    ward.aws.on(
        Operation::StsAssumeRole,
        Fault::AccessDeniedBecause(reason.to_owned()),
    );
    let told = ward.doctor(&[&app()]);
    let verdict = verdict(&told.stdout);
    assert!(
        verdict.contains("ecr-pull, because no role trust policy allows it"),
        "{verdict}"
    );
}

#[test]
fn a_deny_is_reported_with_its_account() {
    let ward = Ward::new();
    ward.registry
        .deny("*", "ecr:BatchGetImage", denial::EXPLICIT_IN_IDENTITY);
    let told = ward.doctor(&[&app()]);
    let verdict = verdict(&told.stdout);
    assert!(
        verdict.contains("In account 111122223333: the identity policy of the caller"),
        "{verdict}"
    );
}

#[test]
fn within_one_account_a_repository_policy_is_enough() {
    let ward = Ward::new();
    ward.registry
        .deny("*", "ecr:BatchGetImage", denial::NO_RESOURCE_POLICY);
    let told = ward.doctor(&[&format!("{OWN}/team/app:v1")]);
    let verdict = verdict(&told.stdout);
    assert!(!verdict.contains("must allow the same"), "{verdict}");
}

#[test]
fn messages_of_the_registry_contain_no_token() {
    use super::common::fake_aws::{RegistryFault, Route};
    let ward = Ward::new();
    let token = ward.environment.get(super::HOST).answer()["Secret"]
        .as_str()
        .expect("a token")
        .to_owned();
    let body = format!("{{\"errors\":[{{\"code\":\"DENIED\",\"message\":\"you sent {token}\"}}]}}");
    let fault = RegistryFault::Raw(403, Vec::new(), body);
    ward.registry.on(Route::Manifest, fault);
    let told = ward.doctor(&[&app()]);
    assert!(!told.stdout.contains(&token[..60]), "{}", told.stdout);
}
