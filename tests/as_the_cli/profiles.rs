//! What a profile says, and the sections, sign-ins and files that it names.

use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use super::common::fake_aws::{SSO_ACCESS_TOKEN, SSO_REFRESH_TOKEN};
use super::common::random::Random;
use super::common::sources::LOGIN_SESSION;
use super::set_up::{SetUp, access_key_id, lines, secret_access_key};

const START_URL: &str = "https://d-abc123.awsapps.com/start";
const ROLE: &str = "arn:aws:iam::999999999999:role";

/// What one section says.
pub fn contents(
    random: &mut Random,
    set_up: &mut SetUp,
    profile: &'static str,
    file: &'static str,
) -> Vec<String> {
    let mut lines = Vec::new();
    if random.percent(if file == "config" { 40 } else { 5 }) {
        lines.push("region = us-west-2".to_owned());
    }
    let sources = random.case(&[8, 70, 22]);
    for _ in 0..sources {
        let keys = if file == "config" { 20 } else { 60 };
        let source: fn(&mut Random, &mut SetUp, &str, &str) -> Vec<String> = random.weigh(&[
            (keys, keys_of as _),
            (14, role_of_profile as _),
            (8, role_of_source as _),
            (5, web_identity as _),
            (14, sso_session as _),
            (6, sso as _),
            (10, process as _),
            (3, login as _),
            (10, other_properties as _),
        ]);
        for line in source(random, set_up, profile, file) {
            let key = line.split_once(" =").map(|(key, _)| key.to_owned());
            let starts_so = |known: &String| {
                key.as_ref()
                    .is_some_and(|key| known.split_once(" =").is_some_and(|(k, _)| k == key))
            };
            // A key occurs once, unless another spelling repeats it.
            if line.starts_with(' ') || !lines.iter().any(starts_so) {
                lines.push(line);
            }
        }
    }
    lines
}

fn keys_of(random: &mut Random, _: &mut SetUp, profile: &str, file: &str) -> Vec<String> {
    let user = format!("{file}-{profile}");
    let id = format!("aws_access_key_id = {}", access_key_id(&user));
    let secret = format!("aws_secret_access_key = {}", secret_access_key(&user));
    let session = lines(&[
        "aws_access_key_id = {session.id}",
        "aws_secret_access_key = {session.secret}",
    ]);
    let with = |mut lines: Vec<String>, more: &[&str]| {
        lines.extend(more.iter().map(|line| (*line).to_owned()));
        lines
    };
    let both = vec![id.clone(), secret.clone()];
    match random.case(&[58, 12, 5, 5, 4, 3, 3, 2, 2, 2, 2, 2]) {
        0 => both,
        1 => with(session, &["aws_session_token = {session.token}"]),
        2 => vec![id],
        3 => vec![secret],
        4 => with(both, &["aws_session_token ="]),
        5 => with(both, &["aws_security_token ="]),
        6 => with(session, &["aws_security_token = {session.token}"]),
        7 => with(
            session,
            &[
                "aws_security_token =",
                "aws_session_token = {session.token}",
            ],
        ),
        8 => vec!["aws_access_key_id =".to_owned(), secret],
        9 => vec![id, "aws_secret_access_key =".to_owned()],
        10 => lines(&["aws_access_key_id =", "aws_secret_access_key ="]),
        _ => with(session, &[]),
    }
}

fn role_of_profile(random: &mut Random, _: &mut SetUp, profile: &str, _: &str) -> Vec<String> {
    let other = if profile == "base" { "default" } else { "base" };
    let source = random.weigh(&[
        (64, other),
        (16, profile),
        (6, "absent"),
        (4, ""),
        (10, "default"),
    ]);
    let mut lines = vec![
        format!("role_arn = {ROLE}/{profile}"),
        format!("source_profile = {source}"),
    ];
    add_to_role(random, &mut lines);
    lines
}

fn role_of_source(random: &mut Random, _: &mut SetUp, profile: &str, _: &str) -> Vec<String> {
    let arn = random
        .weigh(&[(95, format!("{ROLE}/{profile}").as_str()), (5, "")])
        .to_owned();
    let source = random.weigh(&[
        (20, "credential_source = Environment"),
        (20, "credential_source = Ec2InstanceMetadata"),
        (14, "credential_source = EcsContainer"),
        (5, "credential_source = ec2instancemetadata"),
        (5, "credential_source = Ec2"),
        (5, "credential_source ="),
        (18, ""),
    ]);
    let mut lines = match random.case(&[85, 7, 8]) {
        0 => vec![format!("role_arn = {arn}"), source.to_owned()],
        1 => vec![source.to_owned()],
        _ => vec![
            format!("role_arn = {arn}"),
            source.to_owned(),
            "source_profile = base".to_owned(),
        ],
    };
    lines.retain(|line| !line.is_empty());
    add_to_role(random, &mut lines);
    lines
}

fn add_to_role(random: &mut Random, lines: &mut Vec<String>) {
    if random.percent(60) {
        lines.push("role_session_name = build".to_owned());
    }
    if random.percent(12) {
        let more = random.pick(&[
            "external_id = id-1234",
            "external_id =",
            "role_session_name =",
            "duration_seconds = 900",
            "duration_seconds = 1h",
            "duration_seconds =",
        ]);
        lines.push(more.to_owned());
    }
}

fn web_identity(random: &mut Random, set_up: &mut SetUp, profile: &str, _: &str) -> Vec<String> {
    let file = random.weigh(&[
        (76, "web_identity_token_file = {home}/token.jwt"),
        (8, "web_identity_token_file = {home}/absent.jwt"),
        (4, "web_identity_token_file = ~/token.jwt"),
        (4, "web_identity_token_file = token.jwt"),
        (8, "web_identity_token_file ="),
    ]);
    set_up.add_file("token.jwt", "e30.e30.e30");
    let mut lines = vec![file.to_owned()];
    if random.percent(85) {
        lines.push(format!("role_arn = {ROLE}/{profile}"));
    }
    if random.percent(70) {
        lines.push("role_session_name = job".to_owned());
    }
    lines
}

fn sso_session(random: &mut Random, _: &mut SetUp, _: &str, _: &str) -> Vec<String> {
    let mut all = lines(&[
        "sso_session = corp",
        "sso_account_id = 111122223333",
        "sso_role_name = dev",
    ]);
    match random.case(&[58, 12, 6, 3, 3, 12, 3, 3]) {
        0 => {}
        // As `aws configure sso-session` and a sign-in alone want it.
        1 => all.truncate(1),
        2 => drop(all.remove(random.pick(&[1, 2]))),
        3 => all[0] = "sso_session = absent".to_owned(),
        4 => all[random.pick(&[0, 1, 2])].clone_from(&"sso_session =".to_owned()),
        5 => all.extend([
            format!("sso_start_url = {START_URL}"),
            "sso_region = us-east-1".to_owned(),
        ]),
        6 => all.push("sso_region = eu-central-1".to_owned()),
        _ => all.push("sso_start_url = https://d-other.awsapps.com/start".to_owned()),
    }
    all
}

fn sso(random: &mut Random, _: &mut SetUp, _: &str, _: &str) -> Vec<String> {
    let mut lines = vec![
        format!("sso_start_url = {START_URL}"),
        "sso_region = us-east-1".to_owned(),
        "sso_account_id = 444455556666".to_owned(),
        "sso_role_name = ops".to_owned(),
    ];
    match random.case(&[76, 8, 8, 8]) {
        0 => {}
        1 => drop(lines.remove(random.below(4))),
        2 => lines.truncate(2),
        _ => {
            // A blank region is good enough for an endpoint of the test's, and for no other.
            let at = random.pick(&[0, 2, 3]);
            let key = lines[at].split(" =").next().unwrap_or_default().to_owned();
            lines[at] = format!("{key} =");
        }
    }
    lines
}

/// A process, whose answer is a file.
fn process(random: &mut Random, set_up: &mut SetUp, _: &str, _: &str) -> Vec<String> {
    let mut answer = json!({
        "Version": 1,
        "AccessKeyId": "{process.id}",
        "SecretAccessKey": "{process.secret}",
        "SessionToken": "{process.token}",
    });
    let user = "config-base";
    let long_lived = |answer: &mut Value, token: Option<Value>| {
        answer["AccessKeyId"] = access_key_id(user).into();
        answer["SecretAccessKey"] = secret_access_key(user).into();
        let object = answer.as_object_mut().expect("an object");
        match token {
            Some(token) => object.insert("SessionToken".to_owned(), token),
            None => object.remove("SessionToken"),
        };
    };
    match random.case(&[40, 15, 12, 5, 5, 5, 3, 3, 3, 3, 3, 3]) {
        0 => answer["Expiration"] = "{in:3600}Z".into(),
        1 => long_lived(&mut answer, None),
        2 => long_lived(&mut answer, Some("".into())),
        3 => long_lived(&mut answer, Some(Value::Null)),
        4 => answer["Expiration"] = "{in:-3600}Z".into(),
        5 => {
            answer["Version"] = random
                .pick(&["2", "\"1\"", "1.0", "null"])
                .parse()
                .expect("JSON")
        }
        6 => answer["Expiration"] = "".into(),
        7 => answer["Expiration"] = Value::Null,
        8 => answer["Expiration"] = "{in:3600}+00:00".into(),
        9 => answer["Expiration"] = "{in:3600}.123456Z".into(),
        10 => {
            let key = random.pick(&["Version", "AccessKeyId", "SecretAccessKey"]);
            answer.as_object_mut().expect("an object").remove(key);
        }
        _ => answer[random.pick(&["AccessKeyId", "SecretAccessKey"])] = "".into(),
    }
    set_up.add_file("process.json", &answer.to_string());
    let command = random.weigh(&[
        (40, "cat {home}/process.json"),
        (12, "cat process.json"),
        (8, "sh -c 'true ; cat process.json'"),
        (6, "sh -c 'cat process.json # the answer'"),
        (5, "sh -c \"cat process.json\""),
        (5, "cat '{home}/process.json'"),
        (4, "cat process.json; true"),
        (3, "cat ~/process.json"),
        (3, "cat $HOME/process.json"),
        (3, "cat process.json | cat"),
        (3, "cat process.jso\\n"),
        (3, "cat 'process.json"),
        (4, "false"),
        (3, "sh -c 'cat process.json; exit 3'"),
        (3, "absent-program"),
        (3, ""),
    ]);
    vec![
        format!("credential_process = {command}")
            .trim_end()
            .to_owned(),
    ]
}

fn login(random: &mut Random, set_up: &mut SetUp, _: &str, _: &str) -> Vec<String> {
    set_up.login = random.weigh(&[(80, Some(3600)), (10, Some(-3600)), (10, None)]);
    vec![format!("login_session = {LOGIN_SESSION}")]
}

fn other_properties(random: &mut Random, _: &mut SetUp, _: &str, _: &str) -> Vec<String> {
    let properties: &[&str] = random.weigh(&[
        (20, &["output = json"][..]),
        (
            20,
            &[
                "s3 =",
                "    max_concurrent_requests = 20",
                "    addressing_style = path",
            ],
        ),
        (20, &["s3 =", "  signature_version = s3v4", "output = json"]),
        (20, &["cli_pager ="]),
        (20, &["ec2_metadata_v1_disabled = true"]),
        (20, &["metadata_service_num_attempts = 2"]),
        (20, &["metadata_service_timeout = 2"]),
        (2, &["metadata_service_timeout = x"]),
        (3, &["ca_bundle ="]),
        (20, &["use_fips_endpoint = false"]),
        (20, &["services = local"]),
        (20, &["aws_account_id = 111122223333"]),
    ]);
    lines(properties)
}

/// The sections and the sign-ins that profiles name.
pub fn add_what_profiles_name(random: &mut Random, set_up: &mut SetUp) {
    if set_up.names("sso_session = corp") {
        add_sso_session(random, set_up);
        add_sign_in(random, set_up, "corp");
    }
    if set_up.names("sso_start_url") {
        add_sign_in(random, set_up, START_URL);
    }
    if set_up.names("services") && random.percent(80) {
        let section = lines(&[
            "[services local]",
            "s3 =",
            "  endpoint_url = http://127.0.0.1:9",
        ]);
        set_up.config.sections.push(section);
    }
    if random.percent(3) {
        let section = lines(&["[preview]", "cloudfront = true"]);
        set_up.config.sections.push(section);
    }
}

fn add_sso_session(random: &mut Random, set_up: &mut SetUp) {
    let mut section = vec![
        "[sso-session corp]".to_owned(),
        format!("sso_start_url = {START_URL}"),
        "sso_region = us-east-1".to_owned(),
    ];
    match random.case(&[45, 30, 5, 4, 4, 4, 4, 4]) {
        0 => {}
        1 => section.push("sso_registration_scopes = sso:account:access".to_owned()),
        2 => return,
        3 => drop(section.remove(random.pick(&[1, 2]))),
        4 => section.truncate(1),
        5 => section[0] = "[sso-session \"corp\"]".to_owned(),
        6 => section.push("region = eu-central-1".to_owned()),
        _ => section.extend(lines(&[
            "sso_account_id = 111122223333",
            "sso_role_name = dev",
        ])),
    }
    set_up.config.sections.push(section);
}

/// The sign-in that a tool has written: `aws sso login` of versions 1 and 2, and others.
fn add_sign_in(random: &mut Random, set_up: &mut SetUp, key: &str) {
    let digest = Sha1::digest(key.as_bytes());
    let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut token = json!({
        "startUrl": START_URL,
        "region": "us-east-1",
        "accessToken": SSO_ACCESS_TOKEN,
        "expiresAt": "{in:28800}Z",
    });
    let registration = json!({
        "clientId": "client",
        "clientSecret": "client secret",
        "registrationExpiresAt": "{in:86400}Z",
        "refreshToken": SSO_REFRESH_TOKEN,
    });
    let with_registration = |token: &mut Value| {
        let registration = registration.as_object().expect("an object").clone();
        token
            .as_object_mut()
            .expect("an object")
            .extend(registration);
    };
    match random.case(&[30, 22, 10, 8, 6, 6, 3, 3, 3, 3, 3, 3]) {
        0 => with_registration(&mut token),
        1 => {}
        2 => return,
        3 => {
            with_registration(&mut token);
            token["expiresAt"] = "{in:-60}Z".into();
        }
        4 => token["expiresAt"] = "{in:-60}Z".into(),
        5 => token["expiresAt"] = "{in:28800}UTC".into(),
        6 => token["expiresAt"] = "{in:28800}+00:00".into(),
        7 => token["expiresAt"] = "{in:28800}.123Z".into(),
        8 => token["expiresAt"] = "{in:28800}".into(),
        9 => {
            with_registration(&mut token);
            token["expiresAt"] = "{in:300}Z".into();
        }
        10 => {
            with_registration(&mut token);
            token["expiresAt"] = "{in:-60}Z".into();
            token["registrationExpiresAt"] = "{in:-60}Z".into();
        }
        _ => {
            let path = format!(".aws/sso/cache/{name}.json");
            let contents = random.pick(&["", "{", "[]", "{}"]);
            return set_up.files.push((path, contents.to_owned()));
        }
    }
    let path = format!(".aws/sso/cache/{name}.json");
    set_up.files.push((path, token.to_string()));
}
