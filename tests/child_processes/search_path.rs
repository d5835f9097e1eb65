//! Nothing is run from the working folder, which may be a stranger's checkout.

use super::common::fake_aws::FakeAws;
use super::common::files::chmod;
use super::common::sources::process;
use super::common::{HOST, TestEnvironment};
use super::{lines, of_command};

/// Elements that lead to the working folder, before, between and after others.
const PATHS: [Option<&str>; 9] = [
    Some(":/usr/bin:/bin"),
    Some(".:/usr/bin:/bin"),
    Some("/usr/bin::/bin"),
    Some("/usr/bin:/bin:"),
    Some("relative:/usr/bin:/bin"),
    Some("./relative:../relative:/usr/bin:/bin"),
    Some("."),
    Some(""),
    None,
];

/// Programs that the author of a hostile checkout wants to be run, with access to the keys.
fn hostile(environment: &TestEnvironment) {
    for folder in ["", "relative/", "../relative/"] {
        for name in ["sh", "cat", "getent", "get-credentials"] {
            let home = environment.home().display();
            let script = format!("#!/bin/sh\necho {name} >>'{home}/run'\n");
            let file = environment.write(&format!("checkout/{folder}{name}"), &script);
            chmod(&file, 0o755);
        }
    }
}

/// A `get` in the checkout.
fn get(environment: &mut TestEnvironment, path: Option<&str>) -> super::common::Outcome {
    match path {
        Some(path) => environment.set("PATH", path),
        None => environment.unset("PATH"),
    };
    environment.get_behind("cd checkout")
}

#[test]
fn a_credential_process_and_its_shell_are_not_looked_for_in_the_working_folder() {
    for path in PATHS {
        let aws = FakeAws::start();
        let mut environment = of_command(&aws, "cat $HOME/answer.json");
        hostile(&environment);
        let home = environment.home().display().to_string();
        environment.aws_config(&format!(
            "[profile work]\ncredential_process = cat '{home}/answer.json'\n"
        ));
        get(&mut environment, path).grant();
        assert_eq!(lines(&environment, "run"), 0, "{path:?}");
    }
}

#[test]
fn a_credential_process_that_is_only_in_the_working_folder_is_not_found() {
    for path in PATHS {
        let aws = FakeAws::start();
        let mut environment = of_command(&aws, "get-credentials");
        hostile(&environment);
        let outcome = get(&mut environment, path);
        assert!(
            outcome.stdout.contains("it cannot be run: No such file"),
            "{path:?}: {outcome:?}"
        );
        assert_eq!(lines(&environment, "run"), 0, "{path:?}");
    }
}

/// Where the AWS CLI is installed, and what POSIX has.
#[test]
fn a_credential_process_without_an_absolute_folder_has_the_usual_ones() {
    for path in [Some("."), Some(""), Some("relative:"), None] {
        let aws = FakeAws::start();
        let mut environment = of_command(&aws, "unused");
        let home = environment.home().display().to_string();
        environment.aws_config(&format!(
            "[profile work]\ncredential_process = sh -c 'printf %s \"$PATH\" >{home}/path; cat {home}/answer.json'\n"
        ));
        match path {
            Some(path) => environment.set("PATH", path),
            None => environment.unset("PATH"),
        };
        environment.get(HOST).grant();
        let found = std::fs::read_to_string(environment.home().join("path")).expect("a path");
        assert_eq!(found, "/usr/local/bin:/usr/bin:/bin", "{path:?}");
    }
}

#[test]
fn a_credential_process_of_an_absolute_folder_is_found_and_has_the_rest_of_the_environment() {
    let aws = FakeAws::start();
    let mut environment = of_command(&aws, "get-credentials");
    process(&mut environment, &aws, "unused");
    let home = environment.home().display().to_string();
    environment.aws_config("[profile work]\ncredential_process = get-credentials\n");
    let script = format!(
        "#!/bin/sh\nprintf %s \"$PATH\" >'{home}/path'\n[ \"$AWS_PROFILE\" = work ] && cat '{home}/answer.json'\n"
    );
    let tool = environment.write("bin/get-credentials", &script);
    chmod(&tool, 0o755);
    environment.set("PATH", &format!(":{home}/bin:.:/usr/bin:/bin:"));
    environment.get(HOST).grant();
    let path = std::fs::read_to_string(environment.home().join("path")).expect("a path");
    assert_eq!(path, format!("{home}/bin:/usr/bin:/bin"));
}
