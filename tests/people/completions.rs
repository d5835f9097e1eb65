//! `completions`: the files as they are committed.

use super::common::TestEnvironment;
use super::prints;

#[test]
fn completions_are_the_files_that_are_shipped() {
    let environment = TestEnvironment::new();
    for (shell, file) in [
        (
            "bash",
            include_str!("../../packaging/completions/docker-credential-ecrx.bash"),
        ),
        (
            "zsh",
            include_str!("../../packaging/completions/_docker-credential-ecrx"),
        ),
        (
            "fish",
            include_str!("../../packaging/completions/docker-credential-ecrx.fish"),
        ),
        (
            "powershell",
            include_str!("../../packaging/completions/docker-credential-ecrx.ps1"),
        ),
    ] {
        assert!(file.contains("configure-docker"), "{shell}");
        prints(&environment, &["completions", shell], 0, file);
    }
}

#[test]
fn another_shell_is_a_wrong_argument() {
    let environment = TestEnvironment::new();
    let outcome = environment.run(&["completions", "ksh"], "");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
    assert!(
        outcome
            .stderr
            .contains("[possible values: bash, zsh, fish, powershell]"),
        "{outcome:?}"
    );
}
