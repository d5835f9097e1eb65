use super::*;

const WHO: &str = "arn:aws:sts::111122223333:assumed-role/ecr-pull/i-0123456789abcdef0";
const WHAT: &str = "arn:aws:ecr:us-west-2:999999999999:repository/team/app";

fn denial(reason: DenialReason) -> Denial {
    Denial {
        principal: WHO.to_owned(),
        action: "ecr:BatchGetImage".to_owned(),
        resource: Some(WHAT.to_owned()),
        reason,
    }
}

fn denies(kind: PolicyKind) -> DenialReason {
    DenialReason::Denies {
        kind: Some(kind),
        policy: None,
    }
}

/// The IAM user guide has an example of each.
#[test]
fn the_policy_to_mend_is_read_from_the_reason() {
    use DenialReason::{NoneAllows, Other, Unstated};
    use PolicyKind as P;
    let action = "allows the ecr:BatchGetImage action";
    for (words, reason) in [
        (
            format!("because no identity-based policy {action}"),
            NoneAllows(P::Identity),
        ),
        (
            format!("because no resource-based policy {action}"),
            NoneAllows(P::Resource),
        ),
        (
            format!("because no role trust policy {action}"),
            NoneAllows(P::RoleTrust),
        ),
        (
            format!("because no permissions boundary {action}"),
            NoneAllows(P::PermissionsBoundary),
        ),
        (
            format!("because no service control policy {action}"),
            NoneAllows(P::ServiceControl),
        ),
        (
            format!("because no resource control policy {action}"),
            NoneAllows(P::ResourceControl),
        ),
        (
            format!("because no session policy {action}"),
            NoneAllows(P::Session),
        ),
        (
            format!("because no VPC endpoint policy {action}"),
            NoneAllows(P::VpcEndpoint),
        ),
        (
            "with an explicit deny in an identity-based policy".to_owned(),
            denies(P::Identity),
        ),
        (
            "with an explicit deny in a resource-based policy".to_owned(),
            denies(P::Resource),
        ),
        (
            "with an explicit deny in the role trust policy".to_owned(),
            denies(P::RoleTrust),
        ),
        (
            "with an explicit deny in a permissions boundary".to_owned(),
            denies(P::PermissionsBoundary),
        ),
        (
            "with an explicit deny in a service control policy".to_owned(),
            denies(P::ServiceControl),
        ),
        (
            "with an explicit deny in a Service Control Policy.".to_owned(),
            denies(P::ServiceControl),
        ),
        (
            "with an explicit deny in a resource control policy".to_owned(),
            denies(P::ResourceControl),
        ),
        (
            "with an explicit deny in a sessions policy".to_owned(),
            denies(P::Session),
        ),
        (
            "with an explicit deny in a VPC endpoint policy".to_owned(),
            denies(P::VpcEndpoint),
        ),
        (
            "with an explicit deny".to_owned(),
            DenialReason::Denies {
                kind: None,
                policy: None,
            },
        ),
        (
            "because the resource does not exist or you have no access to it".to_owned(),
            Other("the resource does not exist or you have no access to it".to_owned()),
        ),
        (
            "because no moon policy shines. Status code: 400".to_owned(),
            Other("no moon policy shines".to_owned()),
        ),
        (String::new(), Unstated),
        ("(status code: 400)".to_owned(), Unstated),
    ] {
        let text = format!(
            "User: {WHO} is not authorized to perform: ecr:BatchGetImage on resource: {WHAT} {words}"
        );
        assert_eq!(Denial::parse(&text), Some(denial(reason)), "{words}");
    }
}

#[test]
fn the_denying_policys_arn_is_read_where_aws_tells_it() {
    let policy =
        "arn:aws:organizations::999999999999:policy/o-abcdefghij/service_control_policy/p-examplep";
    let text = format!(
        "User: {WHO} is not authorized to perform: ecr:BatchGetImage on resource: {WHAT} \
         with an explicit deny in a service control policy: {policy}"
    );
    let reason = DenialReason::Denies {
        kind: Some(PolicyKind::ServiceControl),
        policy: Some(policy.to_owned()),
    };
    assert_eq!(Denial::parse(&text), Some(denial(reason)));
}

#[test]
fn the_sentence_is_found_in_other_text() {
    let sentence = format!(
        "User: {WHO} is not authorized to perform: ecr:BatchGetImage on resource: {WHAT} \
         because no identity-based policy allows the ecr:BatchGetImage action"
    );
    let quoted = sentence.replace(WHAT, &format!("\"{WHAT}\""));
    let denial = denial(DenialReason::NoneAllows(PolicyKind::Identity));
    for text in [
        format!("AccessDeniedException: {sentence}"),
        format!("denied: {sentence}\n"),
        format!("User: nobody. {sentence}, request id: 1"),
        format!(r#"{{"errors":[{{"code":"DENIED","message":"{sentence}"}}]}}"#),
        serde_json::json!({ "message": quoted }).to_string(),
        sentence.replace(' ', "\n   "),
        format!("{sentence} {}", sentence.replace("identity", "resource")),
    ] {
        assert_eq!(Denial::parse(&text), Some(denial.clone()), "{text}");
    }
}

#[test]
fn the_resource_may_be_missing() {
    let text = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: \
                sts:AssumeRole because no role trust policy allows the sts:AssumeRole action";
    let denial = Denial::parse(text).unwrap();
    assert_eq!(denial.principal, "arn:aws:iam::111122223333:user/alice");
    assert_eq!(denial.action, "sts:AssumeRole");
    assert_eq!(denial.resource, None);
    assert_eq!(
        denial.reason,
        DenialReason::NoneAllows(PolicyKind::RoleTrust)
    );

    let text = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: \
                ecr:GetAuthorizationToken on resource: * because no identity-based policy allows";
    let denial = Denial::parse(text).unwrap();
    assert_eq!(denial.resource.as_deref(), Some("*"));
    assert_eq!(
        denial.reason,
        DenialReason::NoneAllows(PolicyKind::Identity)
    );
}

#[test]
fn nothing_is_read_from_what_is_no_denial() {
    for text in [
        "",
        "User:",
        "User: alice is not authorized to perform: ecr:BatchGetImage",
        "User: arn:aws:iam::111122223333:user/alice is not authorized to",
        "User: arn:aws:iam::111122223333:user/alice is not authorized to perform:",
        "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: everything",
        "User: arn:aws:iam::111122223333:user/alice is authorized to perform: ecr:BatchGetImage",
        "no basic auth credentials",
        "You are not authorized to perform this operation.",
    ] {
        assert_eq!(Denial::parse(text), None, "{text}");
    }
}

#[test]
fn control_characters_do_not_pass() {
    let text = "User: arn:aws:iam::111122223333:user/al\x1b[31mice is not authorized to perform: \
                ecr:BatchGetImage on resource: arn:\x07x because \x1b[0mof it";
    let denial = Denial::parse(text).unwrap();
    assert_eq!(denial.principal, "arn:aws:iam::111122223333:user/al[31mice");
    assert_eq!(denial.resource.as_deref(), Some("arn:x"));
    assert_eq!(denial.reason, DenialReason::Other("[0mof it".to_owned()));
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "(User: |arn:|is not authorized to perform: |a:b |on resource: |because |no |with an explicit deny |in a |\\PC)*") {
        let _ = Denial::parse(&text);
    }
}
