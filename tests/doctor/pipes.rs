//! Files that a shell passes as pipes, `AWS_CA_BUNDLE=<(command)`. A pipe can be read only once, so
//! each command reads it once.

use std::fs;
use std::path::{Path, PathBuf};

use super::common::{HOST, Outcome, PROGRAM};
use super::{Ward, app};

/// Sets a variable to a file and returns it.
type Input = fn(&mut Ward) -> PathBuf;

/// Every variable that names a file for which a pipe serves. It does not for AWS's own two files,
/// as in the AWS CLI.
const INPUTS: [(&str, Input); 4] = [
    ("AWS_CA_BUNDLE", |ward| {
        ward.environment.home().join("authority.pem")
    }),
    ("SSL_CERT_FILE", |ward| {
        ward.environment.unset("AWS_CA_BUNDLE");
        ward.environment.home().join("authority.pem")
    }),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", |ward| {
        without_keys(ward);
        ward.environment.set_web_identity();
        ward.environment.home().join("environment.jwt")
    }),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", |ward| {
        without_keys(ward);
        ward.environment.set_container(&ward.aws);
        ward.aws.require_container_authorization("container-token");
        ward.environment.write("container-token", "container-token")
    }),
];

fn without_keys(ward: &mut Ward) {
    ward.environment
        .unset("AWS_ACCESS_KEY_ID")
        .unset("AWS_SECRET_ACCESS_KEY");
}

/// Runs a command that reads what the file holds from a pipe without a name.
fn by_pipe(ward: &mut Ward, variable: &str, file: &Path, arguments: &[&str]) -> Outcome {
    const SCRIPT: &str = r#"exec 4<&0; /bin/cat "$1" | { shift; exec "$@" 3<&0 0<&4 4<&-; }"#;
    ward.environment.set(variable, PIPE);
    let file = file.display().to_string();
    let words = [&["-c", SCRIPT, "sh", &file, PROGRAM], arguments].concat();
    ward.environment.run_program("/bin/sh", &words, HOST)
}

fn by_file(ward: &mut Ward, variable: &str, file: &Path, arguments: &[&str]) -> Outcome {
    ward.environment.set(variable, &file.display().to_string());
    ward.environment.run(arguments, HOST)
}

const PIPE: &str = "/dev/fd/3";

#[test]
fn a_command_prints_the_same_for_a_pipe_as_for_a_file() {
    let image = app();
    for (variable, input) in INPUTS {
        let mut ward = Ward::new();
        let file = input(&mut ward);
        for arguments in [
            &["doctor", &image][..],
            &["doctor"],
            &["whoami", HOST],
            &["config", "show", HOST],
            &["config", "check"],
        ] {
            let expected = by_file(&mut ward, variable, &file, arguments);
            let told = by_pipe(&mut ward, variable, &file, arguments);
            assert_eq!(told.code, Some(0), "{variable}: {told:?}");
            let neutral = |text: &str| {
                let text = text.replace(PIPE, "FILE");
                ward.neutral(&text.replace(&file.display().to_string(), "FILE"))
            };
            assert_eq!(
                (neutral(&told.stdout), told.stderr),
                (neutral(&expected.stdout), expected.stderr),
                "{variable}: {arguments:?}"
            );
        }
    }
}

#[test]
fn a_get_with_a_pipe_is_of_the_same_identity_as_with_a_file() {
    for (variable, input) in INPUTS {
        let mut ward = Ward::new();
        let file = input(&mut ward);
        let expected = by_file(&mut ward, variable, &file, &["get"]).grant();
        fs::remove_dir_all(ward.environment.cache()).expect("the cache");
        // Cold, then warm.
        for _ in 0..2 {
            let grant = by_pipe(&mut ward, variable, &file, &["get"]).grant();
            assert_eq!(grant.principal, expected.principal, "{variable}");
        }
    }
}
