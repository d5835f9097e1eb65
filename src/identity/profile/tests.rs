use super::*;

/// Resolves a profile of a config file, in an environment with instance metadata at hand.
fn resolve_in(config: &str, name: &str) -> Result<(Source, Vec<Role>), ProfileError> {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    std::fs::write(home.path().join(".aws/config"), config).unwrap();
    let env = Env::from_variables([("HOME", home.path().to_str().unwrap())]);
    let files = AwsFiles::load(&env).unwrap();
    let profile = files.profile(name);
    let profile = profile.ok_or_else(|| missing(name, None, &files))?;
    let found = resolve(&profile, &files, &env, WebIdentityVariables::Ignored)?;
    found.ok_or_else(|| ProfileError::NoCredentials {
        profile: name.to_owned(),
    })
}

/// A message without the folder of AWS's files.
fn without_folder(message: &str) -> String {
    match (message.find(" (/"), message.find("/.aws/")) {
        (Some(start), Some(end)) => {
            format!(
                "{} ({}",
                &message[..start],
                &message[end + "/.aws/".len()..]
            )
        }
        _ => message.to_owned(),
    }
}

const KEYS: &str = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n";
const ROLE: &str = "role_arn = arn:aws:iam::111122223333:role/pull\n";

#[test]
fn each_kind_of_profile_leads_to_its_source() {
    let table = [
        (format!("[default]\n{KEYS}"), "the access key AKIAIOSFODNN7EXAMPLE"),
        (
            "[default]\nsso_session = s\nsso_account_id = 111122223333\nsso_role_name = dev\n\
             [sso-session s]\nsso_region = us-east-1\nsso_start_url = https://example.com/start\n"
                .to_owned(),
            "the SSO role dev in account 111122223333 through session s",
        ),
        (
            "[default]\nsso_account_id = 111122223333\nsso_role_name = dev\nsso_region = us-east-1\n\
             sso_start_url = https://example.com/start\n"
                .to_owned(),
            "the SSO role dev in account 111122223333",
        ),
        (
            "[default]\nlogin_session = arn:aws:iam::111122223333:user/alice\n".to_owned(),
            "aws login as arn:aws:iam::111122223333:user/alice",
        ),
        ("[default]\ncredential_process = secret-tool\n".to_owned(), "credential_process"),
        (
            format!("[default]\n{ROLE}web_identity_token_file = /token\n"),
            "the web identity token /token for arn:aws:iam::111122223333:role/pull",
        ),
        // Of several, the AWS CLI's order decides.
        (format!("[default]\ncredential_process = x\n{KEYS}"), "credential_process"),
        (
            format!("[default]\ncredential_source = Ec2InstanceMetadata\n{KEYS}"),
            "the access key AKIAIOSFODNN7EXAMPLE",
        ),
        (
            format!("[default]\nsso_session = s\n{KEYS}"),
            "the access key AKIAIOSFODNN7EXAMPLE",
        ),
        (
            "[default]\nsso_session = s\nsso_account_id = 111122223333\nsso_role_name = dev\n\
             sso_region = us-east-1\n\
             [sso-session s]\nsso_region = us-east-1\nsso_start_url = https://example.com/start\n"
                .to_owned(),
            "the SSO role dev in account 111122223333 through session s",
        ),
    ];
    for (config, expected) in table {
        let (source, roles) = resolve_in(&config, "default").unwrap();
        assert_eq!(
            (source.to_string().as_str(), roles.len()),
            (expected, 0),
            "{config}"
        );
    }
}

#[test]
fn roles_are_assumed_from_the_source_outwards() {
    let config = format!(
        "[profile outer]\nrole_arn = arn:aws:iam::999999999999:role/outer\nsource_profile = middle\n\
         external_id = build\nrole_session_name = ci\nduration_seconds = 900\n\
         [profile middle]\nrole_arn = arn:aws:iam::444455556666:role/middle\nsource_profile = inner\n\
         [profile inner]\n{ROLE}{KEYS}"
    );
    let (source, roles) = resolve_in(&config, "outer").unwrap();
    // In a source profile, keys come before a role.
    assert_eq!(source.to_string(), "the access key AKIAIOSFODNN7EXAMPLE");
    let names: Vec<&str> = roles.iter().map(|role| role.arn.as_str()).collect();
    assert_eq!(
        names,
        [
            "arn:aws:iam::444455556666:role/middle",
            "arn:aws:iam::999999999999:role/outer"
        ]
    );
    assert_eq!(roles[1].external_id, Some(Secret::new("build")));
    assert_eq!(roles[1].session_name(), "ci");
    assert_eq!(roles[1].duration, Some(std::time::Duration::from_secs(900)));
    assert_eq!(
        roles[0].session_name(),
        crate::identity::source::DEFAULT_SESSION_NAME
    );
}

#[test]
fn a_profile_may_be_its_own_source() {
    let (source, roles) = resolve_in(
        &format!("[default]\n{ROLE}source_profile = default\n{KEYS}"),
        "default",
    )
    .unwrap();
    assert_eq!(source.to_string(), "the access key AKIAIOSFODNN7EXAMPLE");
    assert_eq!(roles.len(), 1);
}

#[test]
#[cfg_attr(windows, ignore = "its paths are those of Unix")]
fn what_is_wrong_is_named() {
    let table = [
        (
            "[default]\nregion = us-east-1\n",
            "the AWS profile `default` has no credentials: it sets no keys, role, SSO, aws login, web identity or credential_process",
        ),
        (
            "[default]\naws_access_key_id = x\n",
            "the AWS profile `default` (config, line 1) is incomplete: aws_secret_access_key is missing",
        ),
        (
            "[default]\naws_session_token = x\naws_secret_access_key = x\n",
            "the AWS profile `default` has no credentials: it sets no keys, role, SSO, aws login, web identity or credential_process",
        ),
        (
            "[default]\naws_access_key_id =\naws_secret_access_key = x\n",
            "the AWS profile `default` (config, line 1) is incomplete: aws_access_key_id is empty",
        ),
        (
            "[default]\ncredential_process =\n",
            "the AWS profile `default` (config, line 1) is incomplete: credential_process is empty",
        ),
        (
            "[default]\nsso_session = s\n[sso-session s]\n",
            "the AWS profile `default` has no credentials: it sets no keys, role, SSO, aws login, web identity or credential_process",
        ),
        (
            "[default]\nrole_arn = arn:aws:iam::111122223333:role/a\n",
            "the AWS profile `default` (config, line 1) is incomplete: role_arn requires a source_profile or a credential_source in the same profile",
        ),
        (
            "[default]\nrole_arn = arn:aws:iam::111122223333:role/a\nsource_profile = a\ncredential_source = Environment\n",
            "the AWS profile `default` (config, line 1) is incomplete: it sets both source_profile and credential_source; only one is allowed",
        ),
        (
            "[default]\nrole_arn = arn:aws:iam::111122223333:role/a\ncredential_source = Environment\n",
            "the AWS profile `default` (config, line 1) is incomplete: credential_source is Environment, but AWS_ACCESS_KEY_ID is not set",
        ),
        (
            "[default]\nrole_arn = arn:aws:iam::111122223333:role/a\ncredential_source = Moon\n",
            "the AWS profile `default` (config, line 1) is incomplete: credential_source is `Moon`; expected Environment, Ec2InstanceMetadata or EcsContainer",
        ),
        (
            "[default]\nsso_session = s\nsso_role_name = dev\n",
            "the AWS profile `default` (config, line 1) is incomplete: the section [sso-session s] does not exist",
        ),
        (
            "[default]\nsso_session = s\nsso_role_name = dev\nsso_account_id = 111122223333\nsso_region = us-east-1\nsso_start_url = https://example.com\n[sso-session s]\n",
            "the AWS profile `default` (config, line 1) is incomplete: sso_start_url is missing in [sso-session s]",
        ),
        (
            "[default]\nsso_session = s\nsso_role_name = dev\nsso_region = x\n[sso-session s]\nsso_region = y\nsso_start_url = https://example.com\n",
            "the AWS profile `default` (config, line 1) is incomplete: sso_region is not the same in the profile and in [sso-session s]",
        ),
        (
            "[default]\nsso_session = s\nsso_role_name = dev\n[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://example.com\n",
            "the AWS profile `default` (config, line 1) is incomplete: sso_account_id is missing",
        ),
        (
            "[default]\nweb_identity_token_file = /token\n",
            "the AWS profile `default` (config, line 1) is incomplete: web_identity_token_file requires a role_arn in the same profile",
        ),
        (
            "[default]\nrole_arn = pull\nsource_profile = default\n",
            "the AWS profile `default` (config, line 2) has an invalid role_arn: `pull` is not an IAM role ARN: expected arn:aws:iam::111122223333:role/NAME",
        ),
        (
            "[default]\nrole_arn = arn:aws:iam::111122223333:role/a\nsource_profile = b\n[profile b]\nrole_arn = arn:aws:iam::111122223333:role/b\nsource_profile = default\n",
            "the AWS profile `default` has a circular source_profile chain: default → b → default",
        ),
        (
            "[default]\nrole_arn = arn:aws:iam::111122223333:role/a\nmfa_serial = phone\nsource_profile = default\n",
            "the AWS profile `default` (config, line 3) has an invalid mfa_serial: `phone` is not an MFA device: expected an ARN such as arn:aws:iam::111122223333:mfa/alice, or a serial number",
        ),
        (
            "[default]\nrole_arn = arn:aws:iam::111122223333:role/a\nexternal_id = hunter 2\nsource_profile = default\n",
            "the AWS profile `default` (config, line 3) has an invalid external_id: it must be 2 to 1224 characters from A-Z a-z 0-9 and _+=,.@:/-",
        ),
    ];
    for (config, expected) in table {
        let error = resolve_in(config, "default").unwrap_err().to_string();
        assert_eq!(without_folder(&error), expected, "{config}");
    }
    let error =
        resolve_in(&format!("[default]\n{ROLE}source_profile = b\n"), "default").unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("the AWS profile `b` (source_profile of `default`) does not exist in "),
        "{text}"
    );
}
