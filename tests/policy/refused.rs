//! What makes no sense, and is told so.

use crate::set_ups::{REPOSITORY, policy};

const REGISTRY: [&str; 2] = ["--registry", "999999999999/us-west-2"];

/// The whole of what is printed: on stderr, exit code 2.
#[track_caller]
fn refuses(arguments: &[&str], line: &str, hints: &[&str]) {
    let outcome = policy(arguments, &[]);
    let mut stderr = format!("docker-credential-ecrx: {line}\n");
    for hint in hints {
        stderr.push_str(&format!("  {hint}\n"));
    }
    assert_eq!(
        (outcome.code, &*outcome.stdout, &*outcome.stderr),
        (Some(2), "", &*stderr),
        "{arguments:?}"
    );
}

#[test]
fn a_principal_that_is_none_is_refused_with_the_reason() {
    let no_principal = "is no principal: give an account by its 12 digits, or the ARN of a role, \
                        of a user or of an account's root";
    let wildcard = "has a wildcard, which AWS does not take in a principal: name each role or \
                    user, or the whole account";
    for (principal, reason) in [
        ("alice", no_principal),
        ("11112222333", no_principal),
        ("1111-2222-3333", no_principal),
        ("arn:aws:s3:::bucket", no_principal),
        ("arn:aws:iam::111122223333:policy/x", no_principal),
        ("arn:aws:iam::111122223333:role/*", wildcard),
        ("arn:aws:iam::*:root", wildcard),
        (
            "arn:aws:sts::111122223333:federated-user/alice",
            "is the session of a federated user: its rights are those of the user who began it, so \
             name that user",
        ),
        (
            "ecs-tasks.amazonaws.com",
            "is a service of AWS: name the role that it assumes, such as the execution role of an \
             ECS task. Those that pull as themselves (Lambda; CodeBuild with its own credentials) \
             take a statement of their own, with aws:SourceArn, which AWS's guides to them have",
        ),
        (
            "arn:aws:iam::111122223333:oidc-provider/token.example.com",
            "is an identity provider: its users come as the role that they assume, so name that \
             role",
        ),
        (
            "arn:aws:iam::111122223333:group/team",
            "is a group, which AWS does not take as principal: name its users, or the account",
        ),
        (
            "arn:aws:iam::111122223333:instance-profile/node",
            "is an instance profile: name the role that is in it",
        ),
        (
            "AROAEXAMPLEEXAMPLE123",
            "is the unique id of a role or user: AWS writes it where the one that was named has \
             been deleted. Name the one there is now, by its ARN",
        ),
        (
            "arn:aws-cn:iam::111122223333:role/pull",
            "is in the partition aws-cn, and the registry in aws: no policy reaches from one to \
             the other. Name a principal of aws",
        ),
    ] {
        let arguments = [&REGISTRY[..], &["--principal", principal]].concat();
        refuses(&arguments, &format!("`{principal}` {reason}"), &[]);
    }
}

#[test]
fn everybody_is_refused_and_one_wrong_principal_refuses_all() {
    let line = "the principal `*` is every AWS account there is: name accounts, roles or users, or \
                an organization";
    let hint = "an organization is named with --org o-…";
    let with = ["--principal", "111122223333", "--principal", "*"];
    refuses(&[&REGISTRY[..], &with].concat(), line, &[hint]);
}

#[test]
fn an_organization_is_named_by_its_id() {
    for id in ["o-short", "o-ABCDEFGHIJ", "r-abcd", "111122223333", "*"] {
        refuses(
            &[&REGISTRY[..], &["--org", id]].concat(),
            &format!(
                "`{id}` is no organization's id: those are `o-` and 10 to 32 lower-case letters \
                 and digits, as `aws organizations describe-organization` prints"
            ),
            &[],
        );
    }
}

#[test]
fn a_repository_is_named_by_its_arn() {
    let looks_like = "is not the ARN of a repository: those look like \
                      arn:aws:ecr:eu-west-1:111122223333:repository/team/app";
    for (repository, reason) in [
        ("team/app", looks_like),
        (
            "999999999999.dkr.ecr.us-west-2.amazonaws.com/app",
            looks_like,
        ),
        (
            "arn:aws:ecr:us-west-2:999999999999:repository/*",
            "has a wildcard: name each repository, or the whole registry",
        ),
        (
            "arn:aws:ecr-public::999999999999:repository/app",
            "is a public repository: everybody may pull from it, and pushing is allowed within its \
             own account alone",
        ),
        (
            "arn:aws:ecr:cn-north-1:999999999999:repository/app",
            "is nowhere: the region cn-north-1 is in the partition aws-cn",
        ),
    ] {
        refuses(
            &["--repository", repository, "--principal", "111122223333"],
            &format!("`{repository}` {reason}"),
            &[],
        );
    }
    refuses(
        &[
            "--repository",
            "arn:aws:ecr:us-west-2:999999999999:repository/Team",
            "--principal",
            "111122223333",
        ],
        "`Team` is no name of a repository: those are 2 to 256 lower-case letters and digits, with \
         single `.`, `_`, `-` and `/` in between",
        &[],
    );
}

#[test]
fn partitions_do_not_mix() {
    let china = "arn:aws-cn:ecr:cn-north-1:999999999999:repository/app";
    refuses(
        &[
            "--repository",
            REPOSITORY,
            "--repository",
            china,
            "--principal",
            "111122223333",
        ],
        &format!(
            "`{REPOSITORY}` and `{china}` are in different partitions: nobody can be let in to \
             both at once"
        ),
        &[],
    );
    let role = "arn:aws:iam::111122223333:role/pull";
    refuses(
        &["--repository", china, "--principal", role],
        &format!(
            "`{role}` is in the partition aws, and the registry in aws-cn: no policy reaches from \
             one to the other. Name a principal of aws-cn"
        ),
        &[],
    );
}

#[test]
fn a_registry_is_a_private_one() {
    refuses(
        &[
            "--registry",
            "public.ecr.aws",
            "--principal",
            "111122223333",
        ],
        "`public.ecr.aws` is public ECR: everybody may pull from it, and pushing is allowed within \
         the repository's own account alone",
        &[],
    );
    refuses(
        &["--registry", "ghcr.io", "--principal", "111122223333"],
        "`ghcr.io` is no ECR registry: give a host such as \
         111122223333.dkr.ecr.eu-west-1.amazonaws.com, an account and region such as \
         111122223333/eu-west-1, an image, or a host that a rule with account and region names",
        &[],
    );
}

#[test]
fn the_role_is_of_the_registrys_account() {
    let with = |role: &'static str| {
        let rest = ["--principal", "111122223333", "--role-arn", role];
        [&REGISTRY[..], &rest].concat()
    };
    for role in [
        "arn:aws:iam::111122223333:role/push",
        "arn:aws-cn:iam::999999999999:role/push",
    ] {
        refuses(
            &with(role),
            &format!(
                "the role {role} is not in the account of \
                 `arn:aws:ecr:us-west-2:999999999999:repository/*`: give a role of the account \
                 999999999999, which is let in there as one of its own"
            ),
            &[],
        );
    }
    refuses(
        &with("push"),
        "`push` is not the ARN of an IAM role: those look like arn:aws:iam::111122223333:role/name",
        &[],
    );
    refuses(
        &[
            &with("arn:aws:iam::999999999999:role/push")[..],
            &["--external-id", "it's"],
        ]
        .concat(),
        "--external-id must be 2 to 1224 of the characters A-Z a-z 0-9 and _+=,.@:/-",
        &[],
    );
}

#[test]
fn arguments_that_do_not_fit_together_are_a_mistake_of_usage() {
    let principal = ["--principal", "111122223333"];
    for arguments in [
        &[][..],
        &REGISTRY[..],
        &principal[..],
        &[&REGISTRY[..], &principal, &["--org", "o-abcdefghij"]].concat(),
        &[&REGISTRY[..], &principal, &["--repository", REPOSITORY]].concat(),
        &[&REGISTRY[..], &principal, &["--external-id", "build"]].concat(),
        &[&REGISTRY[..], &principal, &["--format", "yaml"]].concat(),
        &[&REGISTRY[..], &principal, &["--json", "--format", "json"]].concat(),
    ] {
        let outcome = policy(arguments, &[]);
        assert_eq!(
            (outcome.code, &*outcome.stdout),
            (Some(2), ""),
            "{arguments:?}"
        );
        assert!(outcome.stderr.starts_with("error: "), "{}", outcome.stderr);
    }
}
