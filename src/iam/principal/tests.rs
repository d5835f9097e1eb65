use super::*;

fn parse(text: &str) -> Result<Principal, PrincipalError> {
    Principal::parse(text, Partition::Aws)
}

#[test]
fn principals_that_policies_can_name_are_parsed() {
    let role = |arn: &str| PrincipalKind::Role(arn.parse().unwrap());
    for (text, kind, arn) in [
        (
            "111122223333",
            PrincipalKind::Account,
            "arn:aws:iam::111122223333:root",
        ),
        (
            "arn:aws:iam::111122223333:root",
            PrincipalKind::Account,
            "arn:aws:iam::111122223333:root",
        ),
        (
            "arn:aws:iam::111122223333:role/team/ecr-pull",
            role("arn:aws:iam::111122223333:role/team/ecr-pull"),
            "arn:aws:iam::111122223333:role/team/ecr-pull",
        ),
        (
            "arn:aws:iam::111122223333:user/team/alice@example.com",
            PrincipalKind::User("team/alice@example.com".to_owned()),
            "arn:aws:iam::111122223333:user/team/alice@example.com",
        ),
        (
            "arn:aws:sts::111122223333:assumed-role/ecr-pull/i-0123456789abcdef0",
            role("arn:aws:iam::111122223333:role/ecr-pull"),
            "arn:aws:iam::111122223333:role/ecr-pull",
        ),
        (
            "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Pull_0123456789abcdef/alice",
            PrincipalKind::PermissionSet("AWSReservedSSO_Pull_0123456789abcdef".to_owned()),
            "arn:aws:iam::111122223333:root",
        ),
        (
            "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Pull_0123456789abcdef",
            PrincipalKind::PermissionSet("AWSReservedSSO_Pull_0123456789abcdef".to_owned()),
            "arn:aws:iam::111122223333:root",
        ),
    ] {
        let principal = parse(text).unwrap();
        assert_eq!(principal.kind(), &kind, "{text}");
        assert_eq!(principal.arn(), arn, "{text}");
        assert_eq!(principal.account().as_str(), "111122223333", "{text}");
        assert_eq!(
            principal.was_session,
            text.contains(":assumed-role/"),
            "{text}"
        );
    }
}

#[test]
fn an_account_is_in_the_partition_of_the_registry() {
    let account = Principal::parse("111122223333", Partition::AwsCn).unwrap();
    assert_eq!(account.arn(), "arn:aws-cn:iam::111122223333:root");
}

#[test]
fn nothing_else_is_a_principal() {
    use PrincipalError as E;
    type Make = fn(String) -> PrincipalError;
    let table: &[(Make, &[&str])] = &[
        (
            E::Neither,
            &[
                "",
                "alice",
                "11112222333",
                "1111222233334",
                "1111-2222-3333",
                "arn:aws:iam::11112222333:role/pull",
                "arn:aws:iam::111122223333:role/",
                "arn:aws:iam::111122223333:role",
                "arn:aws:iam::111122223333:user/",
                "arn:aws:iam::111122223333:user/a b",
                "arn:aws:iam::111122223333:root/x",
                "arn:aws:iam::111122223333:policy/x",
                "arn:aws:iam:eu-west-1:111122223333:role/pull",
                "arn:amazon:iam::111122223333:role/pull",
                "arn:aws:sts::111122223333:assumed-role/pull",
                "arn:aws:sts::111122223333:assumed-role/pull/",
                "arn:aws:s3:::bucket",
                "o-abcdefghij",
            ],
        ),
        (E::Anyone, &["*"]),
        (
            E::Wildcard,
            &[
                "arn:aws:iam::111122223333:role/*",
                "arn:aws:iam::*:root",
                "arn:aws:iam::111122223333:user/a?",
                "arn:*",
                "1111*",
            ],
        ),
        (
            E::FederatedUser,
            &["arn:aws:sts::111122223333:federated-user/alice"],
        ),
        (
            E::Service,
            &["ecs-tasks.amazonaws.com", "ec2.amazonaws.com.cn"],
        ),
        (
            E::Provider,
            &[
                "arn:aws:iam::111122223333:saml-provider/corp",
                "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com",
            ],
        ),
        (E::Group, &["arn:aws:iam::111122223333:group/team"]),
        (
            E::InstanceProfile,
            &["arn:aws:iam::111122223333:instance-profile/node"],
        ),
        (E::UniqueId, &["AROAEXAMPLEEXAMPLE123", "AIDAEXAMPLE"]),
    ];
    for (error, texts) in table {
        for &text in *texts {
            assert_eq!(parse(text), Err(error(text.to_owned())), "{text}");
        }
    }
    let foreign = "arn:aws-cn:iam::111122223333:role/pull";
    assert_eq!(
        parse(foreign),
        Err(E::Partition {
            principal: foreign.to_owned(),
            theirs: Partition::AwsCn,
            ours: Partition::Aws,
        })
    );
}

#[test]
fn the_shape_of_an_organization_id_is_checked() {
    for right in ["o-abcdefghij", "o-0123456789abcdefghijklmnopqrstuv"] {
        assert_eq!(right.parse::<OrganizationId>().unwrap().to_string(), right);
    }
    for wrong in [
        "",
        "o-",
        "o-abcdefghi",
        "o-0123456789abcdefghijklmnopqrstuvw",
        "o-ABCDEFGHIJ",
        "o-abcdefghi_",
        "abcdefghij",
        "r-abcd",
        "ou-abcd-abcdefgh",
        " o-abcdefghij",
    ] {
        assert!(wrong.parse::<OrganizationId>().is_err(), "{wrong}");
    }
}

#[test]
fn an_identity_center_role_is_the_same_after_it_is_re_created() {
    let role = |suffix: &str| {
        let name = format!("AWSReservedSSO_Power_User_{suffix}");
        parse(&format!(
            "arn:aws:sts::111122223333:assumed-role/{name}/alice"
        ))
        .unwrap()
    };
    let (before, after) = (role("0123456789abcdef"), role("fedcba9876543210"));
    assert!(before.is_same(&after));
    assert_eq!(
        before.arn_pattern().as_deref(),
        Some(
            "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com*/AWSReservedSSO_Power_User_*"
        )
    );
}

#[test]
fn a_permission_set_is_read_from_the_name_of_its_role() {
    for (role, name) in [
        ("AWSReservedSSO_Pull_0123456789abcdef", "Pull"),
        ("AWSReservedSSO_Power_User_0123456789abcdef", "Power_User"),
        ("AWSReservedSSO_Power_User", "Power_User"),
    ] {
        assert_eq!(permission_set(role), name);
    }
}

#[test]
fn the_path_of_a_role_is_returned() {
    let path = |arn: &str| role_path(&arn.parse().unwrap());
    assert_eq!(path("arn:aws:iam::111122223333:role/pull"), None);
    assert_eq!(
        path("arn:aws:iam::111122223333:role/a/b/pull").as_deref(),
        Some("/a/b/")
    );
}
