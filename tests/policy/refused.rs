//! Arguments that are rejected, and the errors.

use crate::set_ups::{REPOSITORY, policy};

const REGISTRY: [&str; 2] = ["--registry", "999999999999/us-west-2"];

/// Checks the whole output: on stderr, exit code 2.
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
fn an_invalid_principal_is_rejected_with_the_reason() {
    let no_principal = "is not a principal. Expected a 12-digit account ID, or the ARN of a role, \
                        a user or an account root";
    let wildcard = "contains a wildcard, which AWS does not accept in a principal. Name each role \
                    or user, or the whole account";
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
            "is a federated user session. Name the IAM user that started the session",
        ),
        (
            "ecs-tasks.amazonaws.com",
            "is an AWS service. Name the role that it assumes, such as the ECS task execution role. \
             Services that pull as themselves (Lambda, or CodeBuild with its own credentials) need a \
             statement with aws:SourceArn. See the AWS documentation of the service",
        ),
        (
            "arn:aws:iam::111122223333:oidc-provider/token.example.com",
            "is an identity provider. Name the role that its users assume",
        ),
        (
            "arn:aws:iam::111122223333:group/team",
            "is a group, which AWS does not accept as a principal. Name its users, or the account",
        ),
        (
            "arn:aws:iam::111122223333:instance-profile/node",
            "is an instance profile. Name the role that it contains",
        ),
        (
            "AROAEXAMPLEEXAMPLE123",
            "is the unique ID of a role or user. AWS shows it in a policy after that role or user is \
             deleted. Name the current role or user by its ARN",
        ),
        (
            "arn:aws-cn:iam::111122223333:role/pull",
            "is in the partition aws-cn, but the registry is in aws. Policies do not work across \
             partitions. Name a principal in aws",
        ),
    ] {
        let arguments = [&REGISTRY[..], &["--principal", principal]].concat();
        refuses(&arguments, &format!("`{principal}` {reason}"), &[]);
    }
}

#[test]
fn the_principal_star_is_rejected_also_after_a_valid_one() {
    let line = "the principal `*` matches every AWS account. Name accounts, roles or users, or an \
                organization";
    let hint = "To name an organization, use --org o-ID";
    let with = ["--principal", "111122223333", "--principal", "*"];
    refuses(&[&REGISTRY[..], &with].concat(), line, &[hint]);
}

#[test]
fn an_organization_must_be_an_id() {
    for id in ["o-short", "o-ABCDEFGHIJ", "r-abcd", "111122223333", "*"] {
        refuses(
            &[&REGISTRY[..], &["--org", id]].concat(),
            &format!(
                "`{id}` is not an organization ID. Expected `o-` and 10 to 32 lower-case letters \
                 and digits. To look it up, run: aws organizations describe-organization"
            ),
            &[],
        );
    }
}

#[test]
fn a_repository_must_be_an_arn() {
    let looks_like = "is not a repository ARN. Expected an ARN such as \
                      arn:aws:ecr:eu-west-1:111122223333:repository/team/app";
    for (repository, reason) in [
        ("team/app", looks_like),
        (
            "999999999999.dkr.ecr.us-west-2.amazonaws.com/app",
            looks_like,
        ),
        (
            "arn:aws:ecr:us-west-2:999999999999:repository/*",
            "contains a wildcard. Name each repository, or use --registry for the whole registry",
        ),
        (
            "arn:aws:ecr-public::999999999999:repository/app",
            "is a public repository. Anyone can pull from it, and only its own account can push to \
             it",
        ),
        (
            "arn:aws:ecr:cn-north-1:999999999999:repository/app",
            "does not exist: the region cn-north-1 is in the partition aws-cn",
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
        "`Team` is not a repository name. Expected 2 to 256 lower-case letters and digits, \
         separated by single `.`, `_`, `-` or `/`",
        &[],
    );
}

#[test]
fn partitions_cannot_be_mixed() {
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
            "`{REPOSITORY}` and `{china}` are in different partitions. Run policy once for each \
             partition"
        ),
        &[],
    );
    let role = "arn:aws:iam::111122223333:role/pull";
    refuses(
        &["--repository", china, "--principal", role],
        &format!(
            "`{role}` is in the partition aws, but the registry is in aws-cn. Policies do not work \
             across partitions. Name a principal in aws-cn"
        ),
        &[],
    );
}

#[test]
fn a_registry_must_be_private() {
    refuses(
        &[
            "--registry",
            "public.ecr.aws",
            "--principal",
            "111122223333",
        ],
        "`public.ecr.aws` is public ECR. Anyone can pull from it, and only the repository's own \
         account can push to it",
        &[],
    );
    refuses(
        &["--registry", "ghcr.io", "--principal", "111122223333"],
        "`ghcr.io` is not an ECR registry. Expected HOST \
         (111122223333.dkr.ecr.eu-west-1.amazonaws.com), ACCOUNT/REGION \
         (111122223333/eu-west-1), an image, or a custom host name from a config.toml \
         rule",
        &[],
    );
}

#[test]
fn the_role_must_be_in_the_registrys_account() {
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
                "the role {role} is not in the account and partition of \
                 `arn:aws:ecr:us-west-2:999999999999:repository/*`. Name a role in account \
                 999999999999"
            ),
            &[],
        );
    }
    refuses(
        &with("push"),
        "`push` is not an IAM role ARN: expected arn:aws:iam::111122223333:role/NAME",
        &[],
    );
    refuses(
        &[
            &with("arn:aws:iam::999999999999:role/push")[..],
            &["--external-id", "it's"],
        ]
        .concat(),
        "--external-id must be 2 to 1224 characters from A-Z a-z 0-9 and _+=,.@:/-",
        &[],
    );
}

#[test]
fn missing_and_conflicting_arguments_are_usage_errors() {
    let principal = ["--principal", "111122223333"];
    for arguments in [
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

#[test]
fn policy_without_arguments_lists_all_its_options() {
    let outcome = policy(&[], &[]);
    assert_eq!((outcome.code, &*outcome.stdout), (Some(2), ""));
    for option in [
        "--registry <HOST>",
        "--repository <ARN>",
        "--principal <ARN|ACCOUNT>",
        "--org <o-ID>",
        "--pull",
        "--push",
        "--scan",
        "--role-arn <ARN>",
        "--external-id <ID>",
        "--format <FORMAT>",
        "--json",
        "--out <DIR>",
        "cloudformation, cli]",
    ] {
        assert!(
            outcome.stderr.contains(option),
            "{option}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn a_missing_argument_is_named_with_its_alternative() {
    for (arguments, missing) in [
        (&REGISTRY[..], "<--principal <ARN|ACCOUNT>|--org <o-ID>>"),
        (
            &["--org", "o-abcdefghij"][..],
            "<--registry <HOST>|--repository <ARN>>",
        ),
    ] {
        let outcome = policy(arguments, &[]);
        assert!(outcome.stderr.contains(missing), "{}", outcome.stderr);
    }
}
