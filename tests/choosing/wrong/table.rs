//! The table itself.

use super::super::common::HOST;
use super::super::common::fake_aws::{Fault, Operation};
use super::super::{BEIJING, GOVERNMENT};
use super::Wrong;

/// Nothing.
const RIGHT: Wrong = Wrong {
    config: "",
    aws_config: "",
    variables: &[],
    name: None,
    refuses: |_| {},
    host: HOST,
    place: "",
    line: "",
    hints: &[],
    asks: false,
};

/// A file of which this line is told, whatever is asked for.
const fn file(config: &'static str, line: &'static str) -> Wrong {
    Wrong {
        config,
        place: "$CONFIG:",
        line,
        ..RIGHT
    }
}

pub(super) const TABLE: &[Wrong] = &[
    // Nodes.
    file(
        "[kubelet]\nworkload = \"none\"\n",
        "2: kubelet.workload: must be `optional` or `required`, not `none`",
    ),
    file(
        "[kubelet]\nrole_annotations = [\"team/role\", \"team/\"]\n",
        "2: kubelet.role_annotations: `team/` is not the key of an annotation, such as `eks.amazonaws.com/ecr-role-arn`",
    ),
    file(
        "[kubelet]\nother_hosts = \"111122223333\"\n",
        "2: kubelet.other_hosts: `111122223333` is not a private registry; write an account and region (111122223333/eu-west-1)",
    ),
    file(
        "[kubelet]\ncache_dir = \"run\"\n",
        "2: kubelet.cache_dir: must be an absolute path (`~` and variables are not expanded), not `run`",
    ),
    // Limited tokens.
    file(
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::111122223333:role/pull\"\naccess = \"pul\"\n",
        "4: registry.access: must be `pull` or `push`, not `pul`; did you mean `pull`?",
    ),
    file(
        "[[registry]]\nmatch = \"*\"\naccess = \"everything\"\n",
        "3: registry.access: must be `pull` or `push`, not `everything`",
    ),
    file(
        "[[registry]]\nmatch = \"*\"\naccess_repositories = [\"team/*\"]\nprofile = \"work\"\n",
        "3: registry.access_repositories: applies only with `access`; add access = \"pull\" or access = \"push\", or remove the line",
    ),
    file(
        "[[registry]]\nmatch = \"*\"\naccess_pull_through = true\nprofile = \"work\"\n",
        "3: registry.access_pull_through: applies only with `access`; add access = \"pull\" or access = \"push\", or remove the line",
    ),
    file(
        "[[registry]]\nmatch = \"*\"\naccess = \"pull\"\naccess_pull_through = \"yes\"\n",
        "4: registry.access_pull_through: must be true or false without quotes, not text",
    ),
    file(
        "[[registry]]\nmatch = \"*\"\naccess = \"pull\"\naccess_repositories = [\n  \"team/*\",\n  \"team/App\",\n]\n",
        "6: registry.access_repositories: `team/App` is not a repository; write a name of ECR in which `*` matches any characters (team/app, team/*): lower-case letters and digits, separated by single `.`, `_`, `-` or `/`",
    ),
    file(
        "[[registry]]\nmatch = \"*\"\nsso_session = \"corp\"\nsso_role_name = \"Pull\"\naccess = \"pull\"\n",
        "5: registry.access: needs a role, because AWS limits only the session of an assumed role; add `role_arn` or remove the line",
    ),
    file(
        "[[registry]]\nmatch = \"public.ecr.aws\"\naccess = \"pull\"\naccess_pull_through = true\n",
        "4: registry.access_pull_through: does not apply to public ECR, which has no pull-through cache rules; remove the line",
    ),
    Wrong {
        config: "[[registry]]\nmatch = \"*\"\naccess = \"pull\"\n",
        line: "access = \"pull\" at $CONFIG:1 needs a role, but no role is assumed: the credentials are those of the access key AKIAIOSFODNN7EXAMPLE (selected by the variable AWS_ACCESS_KEY_ID)",
        hints: &[
            "Add role_arn to the rule, or select a profile with role_arn: AWS limits only the session of an assumed role",
        ],
        ..RIGHT
    },
    Wrong {
        config: "[[registry]]\nmatch = \"*\"\nprofile = \"work\"\naccess = \"push\"\n",
        line: "access = \"push\" at $CONFIG:1 needs a role, but no role is assumed: the credentials are those of the access key AKIAI44QH8DHBEXAMPLE (selected by the rule at $CONFIG:1)",
        hints: &[
            "Add role_arn to the rule, or select a profile with role_arn: AWS limits only the session of an assumed role",
        ],
        ..RIGHT
    },
    // Accounts.
    file(
        "[[registry]]\nmatch = \"11112222333\"\nprofile = \"work\"\n",
        "2: registry.match: `11112222333` is not an AWS account ID: expected 12 digits",
    ),
    file(
        "[[registry]]\nmatch = \"*\"\nprofile = \"work\"\naccounts = [\n  \"111122223333\",\n  \"4444-5555-6666\",\n]\n",
        "6: registry.accounts: `4444-5555-6666` is not an AWS account ID: expected 12 digits",
    ),
    file(
        "[[registry]]\nmatch = \"images.example.com\"\naccount = \"11112222333\"\nregion = \"eu-west-1\"\n",
        "3: registry.account: `11112222333` is not an AWS account ID: expected 12 digits",
    ),
    file(
        "[[registry]]\nmatch = \"images.example.com\"\naccount = 111122223333\nregion = \"eu-west-1\"\n",
        "3: registry.account: must be text in quotes, not a whole number",
    ),
    Wrong {
        config: "[[registry]]\nmatch = \"images.example.com\"\naccount = \"111122223333\"\n",
        host: "images.example.com",
        place: "$CONFIG:",
        line: "1: registry.region: is missing; a custom host name needs both `account` and `region`",
        ..RIGHT
    },
    Wrong {
        config: "[[registry]]\nmatch = \"images.example.com\"\naccount = \"111122223333\"\nregion = \"Ireland\"\n",
        host: "images.example.com",
        place: "$CONFIG:",
        line: "4: registry.region: `Ireland` is not an AWS region: expected a name such as eu-west-1",
        ..RIGHT
    },
    Wrong {
        config: "[[registry]]\nmatch = \"images.example.com\"\nprofile = \"work\"\n",
        host: "images.example.com",
        place: "$CONFIG:",
        line: "2: registry.match: `images.example.com` is not an account ID, an account and region (111122223333/eu-west-1), repositories of these (111122223333/eu-west-1/team/*), a partition (aws-cn), an ECR host, public.ecr.aws or *; if it is a custom host name for an ECR registry, add `account` and `region`",
        ..RIGHT
    },
    Wrong {
        config: "[[registry]]\nmatch = \"images.example.com/team\"\naccount = \"111122223333\"\nregion = \"eu-west-1\"\n",
        host: "images.example.com",
        place: "$CONFIG:",
        line: "2: registry.match: `images.example.com/team` contains a path, but only private ECR registries can be followed by repositories (111122223333/eu-west-1/team/*); remove everything after the host",
        ..RIGHT
    },
    file(
        "[[registry]]\nmatch = \"111122223333/eu-west-1/team*\"\nprofile = \"work\"\n",
        "2: registry.match: `111122223333/eu-west-1/team*` must end in a repository (team/app) or in a prefix and `/*` (team/*), with names of ECR: lower-case letters and digits, separated by single `.`, `_`, `-` or `/`, without tag and digest",
    ),
    file(
        "[[registry]]\nmatch = \"111122223333/eu-west-1/*\"\nprofile = \"work\"\n",
        "2: registry.match: `111122223333/eu-west-1/*` matches every repository, but not clients that send only the host; write `111122223333/eu-west-1`, which matches both",
    ),
    file(
        "[[registry]]\nmatch = \"*.example.com\"\naccount = \"111122223333\"\nregion = \"eu-west-1\"\n",
        "2: registry.match: `*.example.com` is not a host name; if `account` is set, `match` must be a custom host name",
    ),
    file(
        "[[registry]]\nmatch = \"999999999999.dkr.ecr.us-west-2.amazonaws.com\"\naccount = \"999999999999\"\nregion = \"us-west-2\"\n",
        "3: registry.account: is only for custom host names, and `match` is an ECR registry; to limit the rule to some accounts, use `accounts`",
    ),
    file(
        "[[registry]]\nmatch = \"images.example.com\"\naccount = \"111122223333\"\naccounts = [\"999999999999\"]\nregion = \"eu-west-1\"\n",
        "4: registry.accounts: does not list 111122223333, the account in `match`, so the rule is never used; add the account or correct `match`",
    ),
    Wrong {
        variables: &[(
            "ECRX_ROLE_ARN_999999999999",
            "arn:aws:iam::99999999999:role/pull",
        )],
        line: "the variable ECRX_ROLE_ARN_999999999999: `arn:aws:iam::99999999999:role/pull` is not an IAM role ARN: expected arn:aws:iam::111122223333:role/NAME",
        ..RIGHT
    },
    Wrong {
        refuses: |aws| aws.deny_ecr("arn:aws:iam::111122223333:user/alice"),
        asks: true,
        line: "ecr:GetAuthorizationToken is denied to the access key AKIAIOSFODNN7EXAMPLE: AccessDeniedException: User: arn:aws:iam::111122223333:user/alice is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the ecr:GetAuthorizationToken action",
        hints: &[
            "In the caller's account, allow ecr:GetAuthorizationToken on resource \"*\" (the managed policy AmazonEC2ContainerRegistryPullOnly does). The registry's own policies do not affect this action",
            "identity: the access key AKIAIOSFODNN7EXAMPLE; selected by the variable AWS_ACCESS_KEY_ID",
        ],
        ..RIGHT
    },
    // AWS's words for an account that there is not may be others; they are passed on.
    Wrong {
        refuses: |aws| {
            aws.on(Operation::EcrGetAuthorizationToken, Fault::RawResponse(400, Vec::new(), r#"{"__type":"InvalidParameterException","message":"Invalid parameter at 'registryIds'"}"#.to_owned()))
        },
        asks: true,
        line: "requesting an authorization token: InvalidParameterException: Invalid parameter at 'registryIds'",
        hints: &[
            "identity: the access key AKIAIOSFODNN7EXAMPLE; selected by the variable AWS_ACCESS_KEY_ID",
        ],
        ..RIGHT
    },
    // Roles.
    file(
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"ecr-pull\"\n",
        "3: registry.role_arn: `ecr-pull` is not an IAM role ARN: expected arn:aws:iam::111122223333:role/NAME",
    ),
    file(
        "[identity.release]\nrole_arn = \"arn:aws:iam::111122223333:user/alice\"\n",
        "2: identity.release.role_arn: `arn:aws:iam::111122223333:user/alice` is not an IAM role ARN: expected arn:aws:iam::111122223333:role/NAME",
    ),
    Wrong {
        variables: &[("ECRX_ROLE_ARN", "arn:aws:iam::{acount}:role/pull")],
        line: "the variable ECRX_ROLE_ARN: `{acount}` is not a placeholder; did you mean `{account}`?",
        ..RIGHT
    },
    Wrong {
        aws_config: "[profile pull]\nrole_arn = arn:aws:iam::111122223333:instance-profile/pull\nsource_profile = work\n",
        name: Some("pull"),
        line: "the AWS profile `pull` ($HOME/.aws/config, line 5) has an invalid role_arn: `arn:aws:iam::111122223333:instance-profile/pull` is not an IAM role ARN: expected arn:aws:iam::111122223333:role/NAME (selected by the name docker-credential-ecrx-pull)",
        ..RIGHT
    },
    Wrong {
        config: "[[registry]]\nmatch = \"*\"\nsource_profile = \"work\"\nrole_arn = \"arn:aws:iam::{account}:role/pull\"\n",
        refuses: |aws| {
            aws.trust_role(
                "arn:aws:iam::999999999999:role/pull",
                "arn:aws:iam::111122223333:user/alice",
            )
        },
        asks: true,
        line: "the role arn:aws:iam::999999999999:role/pull cannot be assumed by profile work (the access key AKIAI44QH8DHBEXAMPLE): AccessDenied: User: arn:aws:iam::444455556666:user/bob is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::999999999999:role/pull",
        hints: &[
            "In the caller's account, allow sts:AssumeRole on resource \"arn:aws:iam::999999999999:role/pull\" in the caller's identity policy",
            "In account 999999999999, check that the role exists and that its trust policy allows the caller without an external ID (none was sent)",
            "identity: profile work (the access key AKIAI44QH8DHBEXAMPLE), then role arn:aws:iam::999999999999:role/pull; selected by the rule at $CONFIG:1; not used: AWS_ACCESS_KEY_ID",
        ],
        ..RIGHT
    },
    Wrong {
        variables: &[
            ("ECRX_ROLE_ARN", "arn:aws:iam::999999999999:role/pull"),
            ("ECRX_EXTERNAL_ID", "mine"),
        ],
        refuses: |aws| aws.require_external_id("arn:aws:iam::999999999999:role/pull", "yours"),
        asks: true,
        line: "the role arn:aws:iam::999999999999:role/pull cannot be assumed by the access key AKIAIOSFODNN7EXAMPLE: AccessDenied: User: arn:aws:iam::111122223333:user/alice is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::999999999999:role/pull",
        hints: &[
            "In the caller's account, allow sts:AssumeRole on resource \"arn:aws:iam::999999999999:role/pull\" in the caller's identity policy",
            "In account 999999999999, check that the role exists and that its trust policy allows the caller with the external ID that was sent",
            "identity: the access key AKIAIOSFODNN7EXAMPLE, then role arn:aws:iam::999999999999:role/pull; selected by the variable ECRX_ROLE_ARN",
        ],
        ..RIGHT
    },
    Wrong {
        variables: &[
            ("ECRX_ROLE_ARN", "arn:aws:iam::999999999999:role/pull"),
            ("ECRX_EXTERNAL_ID", "hush hush"),
        ],
        line: "the variable ECRX_EXTERNAL_ID: must be 2 to 1224 characters from A-Z a-z 0-9 and _+=,.@:/-",
        ..RIGHT
    },
    Wrong {
        variables: &[
            ("ECRX_ROLE_ARN", "arn:aws:iam::999999999999:role/pull"),
            ("ECRX_ROLE_SESSION_NAME", "job 17"),
        ],
        line: "the variable ECRX_ROLE_SESSION_NAME: `job 17` is not a valid session name; use 2 to 64 characters from A-Z a-z 0-9 and _+=,.@-",
        ..RIGHT
    },
    Wrong {
        variables: &[("ECRX_PROFILE", "work"), ("ECRX_REGION", "Oregon")],
        line: "the variable ECRX_REGION: `Oregon` is not an AWS region: expected a name such as eu-west-1",
        ..RIGHT
    },
    file(
        "[[registry]]\nmatch = \"*\"\nprofile = \"work\"\nexternal_id = \"build\"\n",
        "4: registry.external_id: applies only to assumed roles; add `role_arn` or remove the line",
    ),
    file(
        "[identity.release]\nprofile = \"work\"\nmfa_serial = \"arn:aws:iam::111122223333:mfa/alice\"\n",
        "3: identity.release.mfa_serial: applies only to assumed roles; add `role_arn` or remove the line",
    ),
    file(
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::{account}:role/pull\"\nmfa_serial = \"arn:aws:iam::111122223333:user/alice\"\n",
        "4: registry.mfa_serial: `arn:aws:iam::111122223333:user/alice` is not an MFA device: expected an ARN such as arn:aws:iam::111122223333:mfa/alice, or a serial number",
    ),
    file(
        "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::{account}:role/pull\"\nmfa_serial = \"123456\"\n",
        "4: registry.mfa_serial: `123456` is not an MFA device: expected an ARN such as arn:aws:iam::111122223333:mfa/alice, or a serial number",
    ),
    file(
        "[identity.release]\nrole_arn = \"arn:aws:iam::{account}:role/pull\"\nexternal_id = \"build\"\n",
        "3: identity.release.external_id: would be sent to the account of any image, because `role_arn` contains {account}; move it to a [[registry]] rule that lists the trusted `accounts`",
    ),
    file(
        "[[registry]]\nmatch = \"999999999999\"\nrole_arn = \"arn:aws:iam::{account}:role/pull\"\nregion = \"west\"\n",
        "4: registry.region: `west` is not an AWS region: expected a name such as eu-west-1",
    ),
    // Profiles.
    Wrong {
        config: "[[registry]]\nmatch = \"*\"\nprofile = \"wrok\"\n",
        line: "the AWS profile `wrok` does not exist in $HOME/.aws/config and $HOME/.aws/credentials (selected by the rule at $CONFIG:1)",
        hints: &[
            "To list the profiles, run: aws configure list-profiles",
            "Known profiles: work",
        ],
        ..RIGHT
    },
    Wrong {
        config: "[[registry]]\nmatch = \"*\"\nsource_profile = \"wrok\"\nrole_arn = \"arn:aws:iam::{account}:role/pull\"\n",
        line: "the AWS profile `wrok` does not exist in $HOME/.aws/config and $HOME/.aws/credentials (selected by the rule at $CONFIG:1)",
        hints: &[
            "To list the profiles, run: aws configure list-profiles",
            "Known profiles: work",
        ],
        ..RIGHT
    },
    file(
        "[[registry]]\nmatch = \"*\"\nprofile = \"work\"\nsource_profile = \"work\"\nrole_arn = \"arn:aws:iam::{account}:role/pull\"\n",
        "4: registry.source_profile: means the same as `profile`, which is also set; remove one of them",
    ),
    file(
        "[[registry]]\nmatch = \"*\"\nsource_profile = \"work\"\n",
        "3: registry.source_profile: applies only to assumed roles; add `role_arn` or remove the line",
    ),
    Wrong {
        config: "[defaults]\nprofile = \"wrok\"\n",
        variables: &[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")],
        line: "the AWS profile `wrok` does not exist in $HOME/.aws/config and $HOME/.aws/credentials (selected by [defaults] at $CONFIG:1)",
        hints: &[
            "To list the profiles, run: aws configure list-profiles",
            "Known profiles: work",
        ],
        ..RIGHT
    },
    Wrong {
        config: "[identity.release]\nprofile = \"wrok\"\n",
        name: Some("release"),
        line: "the AWS profile `wrok` does not exist in $HOME/.aws/config and $HOME/.aws/credentials (selected by the name docker-credential-ecrx-release and [identity.release] at $CONFIG:1)",
        hints: &[
            "To list the profiles, run: aws configure list-profiles",
            "Known profiles: work",
        ],
        ..RIGHT
    },
    Wrong {
        variables: &[("ECRX_PROFILE_999999999999", "wrok")],
        line: "the AWS profile `wrok` does not exist in $HOME/.aws/config and $HOME/.aws/credentials (selected by the variable ECRX_PROFILE_999999999999)",
        hints: &[
            "To list the profiles, run: aws configure list-profiles",
            "Known profiles: work",
        ],
        ..RIGHT
    },
    Wrong {
        variables: &[
            ("AWS_PROFILE", "wrok"),
            ("AWS_ACCESS_KEY_ID", ""),
            ("AWS_SECRET_ACCESS_KEY", ""),
        ],
        line: "the AWS profile `wrok` does not exist in $HOME/.aws/config and $HOME/.aws/credentials (selected by the variable AWS_PROFILE)",
        hints: &[
            "To list the profiles, run: aws configure list-profiles",
            "Known profiles: work",
        ],
        ..RIGHT
    },
    Wrong {
        aws_config: "[profile pull]\nrole_arn = arn:aws:iam::999999999999:role/pull\nsource_profile = wrok\n",
        name: Some("pull"),
        line: "the AWS profile `wrok` (source_profile of `pull`) does not exist in $HOME/.aws/config and $HOME/.aws/credentials (selected by the name docker-credential-ecrx-pull)",
        hints: &[
            "To list the profiles, run: aws configure list-profiles",
            "Known profiles: pull, work",
        ],
        ..RIGHT
    },
    Wrong {
        aws_config: "[profile empty]\nregion = eu-west-1\n",
        name: Some("empty"),
        line: "the AWS profile `empty` has no credentials: it sets no keys, role, SSO, aws login, web identity or credential_process (selected by the name docker-credential-ecrx-empty)",
        ..RIGHT
    },
    // Names.
    Wrong {
        config: "[identity.push]\nprofile = \"work\"\n[identity.hub]\nprofile = \"work\"\n",
        name: Some("relaese"),
        line: "called as docker-credential-ecrx-relaese, but neither [identity.relaese] in config.toml nor an AWS profile `relaese` in $HOME/.aws/config and $HOME/.aws/credentials exists",
        hints: &[
            "Correct the name in the client's configuration, or define the identity in config.toml",
            "Known identities: hub, push",
            "Known profiles: work",
        ],
        ..RIGHT
    },
    Wrong {
        name: Some("relaese"),
        line: "called as docker-credential-ecrx-relaese, but neither [identity.relaese] in config.toml nor an AWS profile `relaese` in $HOME/.aws/config and $HOME/.aws/credentials exists",
        hints: &[
            "Correct the name in the client's configuration, or define the identity in config.toml",
            "Known profiles: work",
        ],
        ..RIGHT
    },
    file(
        "[identity.\"a/b\"]\nprofile = \"work\"\n",
        "1: identity.a/b: the name must be valid in a file name, docker-credential-ecrx-NAME; remove slashes, backslashes and control characters",
    ),
    file(
        "[identity.\"\"]\nprofile = \"work\"\n",
        "1: identity.: the name must be valid in a file name, docker-credential-ecrx-NAME; remove slashes, backslashes and control characters",
    ),
    Wrong {
        config: "[identity.eu.prod]\nprofile = \"work\"\n",
        name: Some("eu.prod"),
        place: "$CONFIG:",
        line: "1: identity.eu.prod: is a nested table; quote a name that contains a dot, [identity.\"eu.prod\"]",
        ..RIGHT
    },
    file(
        "[identity]\nprofile = \"work\"\n",
        "2: identity: must be written as [identity.NAME], not as text",
    ),
    file(
        "[[identity]]\nprofile = \"work\"\n",
        "1: identity: must be written as [identity.NAME], not as a list of tables",
    ),
    Wrong {
        config: "\n[identity.release]\n",
        name: Some("release"),
        place: "$CONFIG:",
        line: "2: identity.release: has no identity; add `profile`, `sso_session`, `web_identity` or `role_arn`",
        ..RIGHT
    },
    Wrong {
        config: "[identity.release]\nregion = \"eu-west-1\"\n",
        name: Some("release"),
        place: "$CONFIG:",
        line: "1: identity.release: has no identity; add `profile`, `sso_session`, `web_identity` or `role_arn`",
        ..RIGHT
    },
    Wrong {
        aws_config: "[profile two words]\naws_access_key_id = x\naws_secret_access_key = x\n",
        name: Some("two words"),
        line: "called as docker-credential-ecrx-two words, but neither [identity.two words] in config.toml nor an AWS profile `two words` in $HOME/.aws/config and $HOME/.aws/credentials exists",
        hints: &[
            "Correct the name in the client's configuration, or define the identity in config.toml",
            "In ~/.aws/config, a name with spaces needs quotes: [profile \"two words\"]",
            "Known profiles: work",
        ],
        ..RIGHT
    },
    // Partitions.
    Wrong {
        config: "[[registry]]\nmatch = \"aws-china\"\nprofile = \"work\"\n",
        host: BEIJING,
        place: "$CONFIG:",
        line: "2: registry.match: `aws-china` is not an account ID, an account and region (111122223333/eu-west-1), repositories of these (111122223333/eu-west-1/team/*), a partition (aws-cn), an ECR host, public.ecr.aws or *; if it is a custom host name for an ECR registry, add `account` and `region`",
        ..RIGHT
    },
    Wrong {
        config: "[[registry]]\nmatch = \"aws-cn\"\nrole_arn = \"arn:aws:iam::{account}:role/pull\"\n",
        host: BEIJING,
        place: "$CONFIG:",
        line: "3: registry.role_arn: `arn:aws:iam::{account}:role/pull` is in the partition aws, and `match` = `aws-cn` in aws-cn; AWS identities and registries must be in the same partition",
        ..RIGHT
    },
    Wrong {
        config: "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::{account}:role/pull\"\n",
        host: BEIJING,
        place: "$CONFIG:",
        line: "1: registry.role_arn: `arn:aws:iam::444455556666:role/pull` is in the partition aws, and 444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn in aws-cn; AWS identities and registries must be in the same partition",
        ..RIGHT
    },
    Wrong {
        config: "[identity.release]\nrole_arn = \"arn:aws-cn:iam::{account}:role/pull\"\n",
        name: Some("release"),
        host: GOVERNMENT,
        place: "$CONFIG:",
        line: "1: identity.release.role_arn: `arn:aws-cn:iam::444455556666:role/pull` is in the partition aws-cn, and 444455556666.dkr.ecr.us-gov-west-1.amazonaws.com in aws-us-gov; AWS identities and registries must be in the same partition",
        ..RIGHT
    },
    Wrong {
        variables: &[("ECRX_ROLE_ARN", "arn:aws-cn:iam::999999999999:role/pull")],
        line: "the role arn:aws-cn:iam::999999999999:role/pull is in the partition aws-cn, but the registry 999999999999.dkr.ecr.us-west-2.amazonaws.com is in aws; roles, keys and tokens work only in their own partition (selected by the variable ECRX_ROLE_ARN)",
        hints: &[
            "Set ECRX_PROFILE_<account> and ECRX_ROLE_ARN_<account> for single accounts instead, or use rules in config.toml",
        ],
        ..RIGHT
    },
    Wrong {
        aws_config: "[profile pull]\nrole_arn = arn:aws:iam::444455556666:role/pull\nsource_profile = work\n",
        name: Some("pull"),
        host: GOVERNMENT,
        line: "the role arn:aws:iam::444455556666:role/pull is in the partition aws, but the registry 444455556666.dkr.ecr.us-gov-west-1.amazonaws.com is in aws-us-gov; roles, keys and tokens work only in their own partition (selected by the name docker-credential-ecrx-pull)",
        hints: &[
            "Set another helper for this registry in the client's configuration (credHelpers)",
        ],
        ..RIGHT
    },
    Wrong {
        config: "[[registry]]\nmatch = \"aws-cn\"\nrole_arn = \"arn:{partition}:iam::{account}:role/pull\"\nmfa_serial = \"arn:aws:iam::111122223333:mfa/alice\"\n",
        host: BEIJING,
        place: "$CONFIG:",
        line: "4: registry.mfa_serial: `arn:aws:iam::111122223333:mfa/alice` is in the partition aws, and `match` = `aws-cn` in aws-cn; AWS identities and registries must be in the same partition",
        ..RIGHT
    },
    Wrong {
        config: "[identity.release]\nrole_arn = \"arn:{partition}:iam::{account}:role/pull\"\nmfa_serial = \"arn:aws:iam::111122223333:mfa/alice\"\n",
        name: Some("release"),
        host: BEIJING,
        line: "the MFA device arn:aws:iam::111122223333:mfa/alice is in the partition aws, but the registry 444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn is in aws-cn; roles, keys and tokens work only in their own partition (selected by the name docker-credential-ecrx-release and [identity.release] at $CONFIG:1)",
        hints: &[
            "Set another helper for this registry in the client's configuration (credHelpers)",
        ],
        ..RIGHT
    },
    Wrong {
        config: "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:{partition}:iam::{account}:role/pull\"\nregion = \"eu-west-1\"\n",
        host: BEIJING,
        place: "$CONFIG:",
        line: "1: registry.region: `eu-west-1` is in the partition aws, and 444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn in aws-cn; AWS identities and registries must be in the same partition",
        ..RIGHT
    },
    Wrong {
        aws_config: "[profile sso]\nsso_start_url = https://corp.example/start\nsso_region = eu-west-1\nsso_account_id = 444455556666\nsso_role_name = dev\n",
        variables: &[("ECRX_PROFILE", "sso")],
        host: BEIJING,
        line: "the SSO sign-in for profile sso (eu-west-1) is in the partition aws, but the registry 444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn is in aws-cn; roles, keys and tokens work only in their own partition (selected by the variable ECRX_PROFILE)",
        hints: &[
            "Set ECRX_PROFILE_<account> and ECRX_ROLE_ARN_<account> for single accounts instead, or use rules in config.toml",
        ],
        ..RIGHT
    },
    Wrong {
        aws_config: "[profile login]\nlogin_session = arn:aws-cn:iam::444455556666:user/li\n",
        config: "[[registry]]\nmatch = \"999999999999\"\nprofile = \"login\"\n",
        line: "the aws login sign-in for profile login (arn:aws-cn:iam::444455556666:user/li) is in the partition aws-cn, but the registry 999999999999.dkr.ecr.us-west-2.amazonaws.com is in aws; roles, keys and tokens work only in their own partition (selected by the rule at $CONFIG:1)",
        hints: &[
            "Add a rule for the registry's partition to config.toml, for example match = \"aws\"",
        ],
        ..RIGHT
    },
    Wrong {
        aws_config: "region = eu-west-1\n",
        variables: &[
            ("AWS_PROFILE", "work"),
            ("AWS_ACCESS_KEY_ID", ""),
            ("AWS_SECRET_ACCESS_KEY", ""),
        ],
        host: BEIJING,
        line: "the AWS profile work (region eu-west-1) is in the partition aws, but the registry 444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn is in aws-cn; roles, keys and tokens work only in their own partition (selected by the variable AWS_PROFILE)",
        hints: &[
            "Add a rule for the registry's partition to config.toml, for example match = \"aws-cn\"",
        ],
        ..RIGHT
    },
    Wrong {
        aws_config: "region = cn-north-1\n",
        config: "[[registry]]\nmatch = \"aws\"\nprofile = \"work\"\n",
        line: "the AWS profile work (region cn-north-1) is in the partition aws-cn, but the registry 999999999999.dkr.ecr.us-west-2.amazonaws.com is in aws; roles, keys and tokens work only in their own partition (selected by the rule at $CONFIG:1)",
        hints: &[
            "Add a rule for the registry's partition to config.toml, for example match = \"aws\"",
        ],
        ..RIGHT
    },
    Wrong {
        config: "[[registry]]\nmatch = \"*\"\nendpoint_url = \"https://ecr.us-west-2.api.aws\"\n",
        host: BEIJING,
        line: "the endpoint https://ecr.us-west-2.api.aws is in the partition aws, but the registry 444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn is in aws-cn; keys and tokens work only in their own partition",
        hints: &[
            "Set the endpoint only in a config.toml rule for its partition, for example match = \"aws\"",
        ],
        ..RIGHT
    },
    Wrong {
        config: "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:{partition}:iam::{account}:role/pull\"\nsts_endpoint_url = \"https://sts.amazonaws.com\"\n",
        host: BEIJING,
        line: "the endpoint https://sts.amazonaws.com is in the partition aws, but the registry 444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn is in aws-cn; keys and tokens work only in their own partition",
        hints: &[
            "Set the endpoint only in a config.toml rule for its partition, for example match = \"aws\"",
        ],
        ..RIGHT
    },
    Wrong {
        variables: &[
            (
                "AWS_ENDPOINT_URL_STS",
                "https://sts.cn-north-1.amazonaws.com.cn",
            ),
            ("ECRX_ROLE_ARN", "arn:aws:iam::{account}:role/pull"),
        ],
        line: "the endpoint https://sts.cn-north-1.amazonaws.com.cn is in the partition aws-cn, but the registry 999999999999.dkr.ecr.us-west-2.amazonaws.com is in aws; keys and tokens work only in their own partition",
        hints: &[
            "Set the endpoint only in a config.toml rule for its partition, for example match = \"aws-cn\"",
        ],
        ..RIGHT
    },
    Wrong {
        variables: &[(
            "AWS_ENDPOINT_URL_ECR",
            "https://vpce-0abc.api.ecr.us-gov-west-1.vpce.amazonaws.com",
        )],
        line: "the endpoint https://vpce-0abc.api.ecr.us-gov-west-1.vpce.amazonaws.com is in the partition aws-us-gov, but the registry 999999999999.dkr.ecr.us-west-2.amazonaws.com is in aws; keys and tokens work only in their own partition",
        hints: &[
            "Set the endpoint only in a config.toml rule for its partition, for example match = \"aws-us-gov\"",
        ],
        ..RIGHT
    },
    // Only AWS can tell that a key is of another partition.
    Wrong {
        refuses: |aws| aws.check_partitions(true),
        host: GOVERNMENT,
        asks: true,
        line: "AWS rejected the access key AKIAIOSFODNN7EXAMPLE: UnrecognizedClientException: The security token included in the request is invalid.",
        hints: &[
            "Check that the key belongs to the partition aws-us-gov, as the registry does; aws, aws-cn and aws-us-gov have separate keys",
            "Check that the region is enabled in the caller's account",
            "Check that the key is correct, active and not deleted",
            "identity: the access key AKIAIOSFODNN7EXAMPLE; selected by the variable AWS_ACCESS_KEY_ID",
        ],
        ..RIGHT
    },
    // Endpoints.
    file(
        "[[registry]]\nmatch = \"*\"\nendpoint_url = \"http://ecr.example.com\"\n",
        "3: registry.endpoint_url: `http://ecr.example.com` must be https://HOST, or http:// with a loopback host (localhost, 127.0.0.1, [::1])",
    ),
    file(
        "[[registry]]\nmatch = \"*\"\nsts_endpoint_url = \"http://127.0.0.1@sts.example.com\"\n",
        "3: registry.sts_endpoint_url: `http://…@sts.example.com` must be https://HOST, or http:// with a loopback host (localhost, 127.0.0.1, [::1])",
    ),
    file(
        "[[registry]]\nmatch = \"*\"\nendpoint_url = \"vpce-0abc.api.ecr.eu-west-1.vpce.amazonaws.com\"\n",
        "3: registry.endpoint_url: `vpce-0abc.api.ecr.eu-west-1.vpce.amazonaws.com` must be https://HOST, or http:// with a loopback host (localhost, 127.0.0.1, [::1])",
    ),
    // Keys of the file.
    file(
        "timeout = 3\n",
        "1: timeout: unknown key; did you mean `timeout_seconds`?",
    ),
    file(
        "role_arn = \"x\"\n",
        "1: role_arn: unknown key in this table: `role_arn` belongs in [defaults] or in [[registry]] or in [identity.NAME]",
    ),
    file(
        "[identities.release]\nprofile = \"work\"\n",
        "1: identities: unknown key; did you mean `identity`?",
    ),
    file(
        "[cache]\ndirectory = \"/x\"\n",
        "2: cache.directory: unknown key; the keys of this table are enabled, dir, max_age_seconds",
    ),
    file(
        "[cache]\nprofile = \"work\"\n",
        "2: cache.profile: unknown key in this table: `profile` belongs in [defaults] or in [[registry]] or in [identity.NAME]",
    ),
    file(
        "[defaults]\nprofil = \"work\"\n",
        "2: defaults.profil: unknown key; did you mean `profile`?",
    ),
    file(
        "[defaults]\nendpoint_url = \"https://x\"\n",
        "2: defaults.endpoint_url: unknown key in this table: `endpoint_url` belongs in [[registry]]",
    ),
    file(
        "[defaults]\nfoo = 1\n",
        "2: defaults.foo: unknown key; the keys of this table are profile, source_profile, sso_session, sso_start_url, sso_region, sso_role_name, sso_account_id, web_identity, web_identity_audience, role_arn, external_id, role_session_name, duration_seconds, mfa_serial, region",
    ),
    file(
        "[[registry]]\nmatch = \"*\"\nrole = \"x\"\n",
        "3: registry.role: unknown key; did you mean `role_arn`?",
    ),
    file(
        "[[registry]]\nmatch = \"*\"\nenabled = true\n",
        "3: registry.enabled: unknown key in this table: `enabled` belongs in [cache]",
    ),
    file(
        "[[registry]]\nmatch = \"*\"\nfoo = 1\n",
        "3: registry.foo: unknown key; the keys of this table are match, accounts, profile, source_profile, sso_session, sso_start_url, sso_region, sso_role_name, sso_account_id, web_identity, web_identity_audience, role_arn, external_id, role_session_name, duration_seconds, mfa_serial, region, account, endpoint_url, sts_endpoint_url, max_age_seconds, access, access_repositories, access_pull_through",
    ),
    file(
        "[identity.release]\nprofil = \"work\"\n",
        "2: identity.release.profil: unknown key; did you mean `profile`?",
    ),
    file(
        "[identity.release]\nmax_age_seconds = 3600\nprofile = \"work\"\n",
        "2: identity.release.max_age_seconds: unknown key in this table: `max_age_seconds` belongs in [cache] or in [[registry]]",
    ),
    file(
        "[identity.release]\nfoo = 1\n",
        "2: identity.release.foo: unknown key; the keys of this table are profile, source_profile, sso_session, sso_start_url, sso_region, sso_role_name, sso_account_id, web_identity, web_identity_audience, role_arn, external_id, role_session_name, duration_seconds, mfa_serial, region",
    ),
    file(
        "[[registry]]\nmatch = \"*\"\nmax_age_seconds = 59\n",
        "3: registry.max_age_seconds: must be between 60 and 43200, not 59",
    ),
    file(
        "[[registry]]\nmatch = \"*\"\nregion = \"eu-west-1\"\nmax_age_seconds = 600\n",
        "3: registry.region: is the STS region for assuming roles, but this rule has no identity; add `profile` or `role_arn`, or remove the line",
    ),
    file(
        "[[registry]]\nmatch = \"*\"\naccounts = [\"999999999999\"]\n",
        "1: registry: has no identity; add `profile`, `sso_session`, `web_identity` or `role_arn`",
    ),
];
