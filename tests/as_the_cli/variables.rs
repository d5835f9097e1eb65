//! What the variables say.

use super::common::random::Random;
use super::set_up::{SetUp, access_key_id, secret_access_key};

/// Keys, or parts of them.
pub fn add_keys(random: &mut Random, set_up: &mut SetUp) {
    if random.percent(72) {
        return;
    }
    let (id, secret) = (access_key_id("variables"), secret_access_key("variables"));
    let (id_name, secret_name) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    let mut keys = vec![(id_name, id.as_str()), (secret_name, secret.as_str())];
    let session = [(id_name, "{session.id}"), (secret_name, "{session.secret}")];
    match random.case(&[36, 16, 8, 8, 6, 5, 5, 4, 3, 3, 3, 3]) {
        0 => {}
        1 => {
            keys = session.to_vec();
            keys.push(("AWS_SESSION_TOKEN", "{session.token}"));
        }
        2 => drop(keys.pop()),
        3 => drop(keys.remove(0)),
        4 => keys[0].1 = "",
        5 => keys[1].1 = "",
        6 => keys.push(("AWS_SESSION_TOKEN", "")),
        7 => {
            keys = session.to_vec();
            keys.push(("AWS_SECURITY_TOKEN", "{session.token}"));
        }
        8 => keys.push(("AWS_CREDENTIAL_EXPIRATION", "{in:3600}Z")),
        9 => keys.push(("AWS_CREDENTIAL_EXPIRATION", "{in:-3600}Z")),
        10 => keys = vec![(id_name, ""), (secret_name, "")],
        _ => {
            keys = session.to_vec();
            keys.push(("AWS_SECURITY_TOKEN", ""));
            keys.push(("AWS_SESSION_TOKEN", "{session.token}"));
        }
    }
    for (name, value) in keys {
        set_up.set(name, value);
    }
}

/// Web identities, containers, and what is rarely set.
pub fn add_others(random: &mut Random, set_up: &mut SetUp) {
    const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
    const ROLE_ARN: &str = "AWS_ROLE_ARN";
    const IRSA: &str = "arn:aws:iam::999999999999:role/irsa";
    if random.percent(12) {
        set_up.add_file("token.jwt", "e30.e30.e30");
        let variables: &[(&str, &str)] = random.weigh(&[
            (
                50,
                &[(TOKEN_FILE, "{home}/token.jwt"), (ROLE_ARN, IRSA)][..],
            ),
            (12, &[(TOKEN_FILE, "{home}/token.jwt")]),
            (12, &[(ROLE_ARN, IRSA)]),
            (6, &[(TOKEN_FILE, ""), (ROLE_ARN, IRSA)]),
            (6, &[(TOKEN_FILE, "{home}/token.jwt"), (ROLE_ARN, "")]),
            (4, &[(TOKEN_FILE, ""), (ROLE_ARN, "")]),
            (4, &[(TOKEN_FILE, "{home}/absent.jwt"), (ROLE_ARN, IRSA)]),
            (3, &[(TOKEN_FILE, "token.jwt"), (ROLE_ARN, IRSA)]),
            (3, &[(TOKEN_FILE, "~/token.jwt"), (ROLE_ARN, IRSA)]),
        ]);
        for (name, value) in variables {
            set_up.set(name, value);
        }
        if random.percent(60) {
            set_up.set(
                "AWS_ROLE_SESSION_NAME",
                random.pick(&["pod", "pod", "pod", ""]),
            );
        }
    }
    if random.percent(8) {
        let (relative, full) = (
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        );
        let (name, value) = random.weigh(&[
            (70, (full, "{url}/v2/credentials/1234")),
            (8, (full, "{url}/absent")),
            (6, (full, "")),
            (4, (full, "http://192.0.2.1/v2/credentials/1234")),
            (6, (relative, "")),
            (3, (relative, "/v2/credentials/1234")),
            (3, (full, "http://localhost:9/")),
        ]);
        set_up.set(name, value);
        if random.percent(20) {
            let (name, value) = random.pick(&[
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "e30"),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN", ""),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "{home}/token.jwt"),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", ""),
            ]);
            set_up.set(name, value);
        }
    }
    // Of a thousand set-ups.
    for (share, name, values) in [
        (
            30,
            "AWS_EC2_METADATA_V1_DISABLED",
            &["true", "True", "false", "1", ""][..],
        ),
        (10, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", &["2"]),
        (2, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", &["x", ""]),
        (10, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", &["IPv4"]),
        (1, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", &["ipv5", ""]),
        (20, "AWS_SDK_LOAD_CONFIG", &["1", "0"]),
        (20, "AWS_DEFAULT_REGION", &["eu-central-1", ""]),
        (20, "AWS_REGION", &["eu-central-1", ""]),
        (10, "AWS_CREDENTIAL_FILE", &["{home}/ec2-file", ""]),
        (10, "BOTO_CONFIG", &["{home}/boto.cfg", ""]),
        (15, "HOME", &["{home}/", "{home}/absent", ""]),
        (2, "HOME", &["."]),
    ] {
        if random.below(1000) < share {
            set_up.set(name, random.pick(values));
        }
    }
    if set_up
        .variables
        .iter()
        .any(|(name, _)| name == "AWS_CREDENTIAL_FILE")
    {
        let (id, secret) = (access_key_id("ec2-file"), secret_access_key("ec2-file"));
        let contents = format!("AWSAccessKeyId={id}\nAWSSecretKey={secret}\n");
        set_up.add_file("ec2-file", &contents);
    }
    let (id, secret) = (access_key_id("boto"), secret_access_key("boto"));
    let boto =
        format!("[Credentials]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
    if set_up
        .variables
        .iter()
        .any(|(name, _)| name == "BOTO_CONFIG")
    {
        set_up.add_file("boto.cfg", &boto);
    }
    if random.below(1000) < 3 {
        set_up.add_file(".boto", &boto);
    }
}
