//! `completions`: the committed files, their installation, and the configured values.

use std::fs;

use super::common::TestEnvironment;
use super::{configure, prints};

const SHELLS: [(&str, &str, &str); 4] = [
    (
        "bash",
        "bash-completion/completions/docker-credential-ecrx",
        include_str!("../../packaging/completions/docker-credential-ecrx.bash"),
    ),
    (
        "zsh",
        "zsh/site-functions/_docker-credential-ecrx",
        include_str!("../../packaging/completions/_docker-credential-ecrx"),
    ),
    (
        "fish",
        "fish/vendor_completions.d/docker-credential-ecrx.fish",
        include_str!("../../packaging/completions/docker-credential-ecrx.fish"),
    ),
    (
        "powershell",
        "powershell/docker-credential-ecrx.ps1",
        include_str!("../../packaging/completions/docker-credential-ecrx.ps1"),
    ),
];

#[test]
fn completions_are_the_files_that_are_shipped() {
    let environment = TestEnvironment::new();
    for (shell, _, file) in SHELLS {
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

#[test]
fn completions_are_installed_where_the_shell_loads_them_and_the_path_is_printed() {
    for data in [None, Some("data")] {
        let mut environment = TestEnvironment::new();
        let mut folder = environment.home().join(".local/share");
        if let Some(data) = data {
            folder = environment.home().join(data);
            environment.set("XDG_DATA_HOME", &folder.display().to_string());
        }
        for (shell, place, text) in SHELLS {
            let path = folder.join(place);
            for verb in ["installed", "already installed"] {
                let outcome = environment.run(&["completions", shell, "--install"], "");
                assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
                let line = format!("✓ {verb}: {}", path.display());
                let printed = outcome.stdout.replacen("\n  ", " ", 1);
                assert!(printed.starts_with(&line), "{printed}");
                assert_eq!(fs::read_to_string(&path).expect("a file"), text);
            }
            let old = text.replace("doctor", "physician");
            fs::write(&path, old).expect("a file");
            let outcome = environment.run(&["completions", shell, "--install"], "");
            assert!(outcome.stdout.starts_with("✓ updated:"), "{outcome:?}");
            assert_eq!(fs::read_to_string(&path).expect("a file"), text);
        }
    }
}

#[test]
fn zsh_and_powershell_need_a_line_that_is_printed() {
    let environment = TestEnvironment::new();
    let install = |shell: &str| {
        environment
            .run(&["completions", shell, "--install"], "")
            .stdout
    };
    let zsh = install("zsh");
    let home = environment.home().display();
    let line = format!("    fpath=({home}/.local/share/zsh/site-functions $fpath)\n");
    assert!(zsh.contains(&line), "{zsh}");
    let powershell = install("powershell");
    let line = format!("    . '{home}/.local/share/powershell/docker-credential-ecrx.ps1'\n");
    assert!(powershell.contains(&line), "{powershell}");
}

#[test]
fn a_line_to_copy_is_quoted_for_its_shell_and_never_wrapped() {
    let mut environment = TestEnvironment::new();
    let folder = environment
        .home()
        .join("it's a long path")
        .join("x ".repeat(30));
    let folder = folder.display().to_string();
    environment
        .set("XDG_DATA_HOME", &folder)
        .set("COLUMNS", "50");
    let zsh = environment.run(&["completions", "zsh", "--install"], "");
    let quoted = folder.replace('\'', r"'\''");
    let line = format!("\n    fpath=('{quoted}/zsh/site-functions' $fpath)\n");
    assert!(zsh.stdout.contains(&line), "{}", zsh.stdout);
    let powershell = environment.run(&["completions", "powershell", "--install"], "");
    let quoted = folder.replace('\'', "''");
    let line = format!("\n    . '{quoted}/powershell/docker-credential-ecrx.ps1'\n");
    assert!(powershell.stdout.contains(&line), "{}", powershell.stdout);
}

#[test]
fn an_absent_home_directory_is_named_and_not_made() {
    let mut environment = TestEnvironment::new();
    let home = environment.home().join("absent");
    environment.set("HOME", &home.display().to_string());
    for (shell, _, _) in SHELLS {
        let outcome = environment.run(&["completions", shell, "--install"], "");
        let expected = format!(
            "docker-credential-ecrx: cannot install the completions, because the home directory {} \
             does not exist\n  Set HOME or XDG_DATA_HOME to an existing directory\n",
            home.display()
        );
        outcome.failed_with("", &expected);
        assert!(!home.exists(), "{shell}");
    }
}

#[test]
fn bash_completions_are_installed_in_the_first_folder_of_a_list() {
    let mut environment = TestEnvironment::new();
    let folder = |name: &str| environment.home().join(name).display().to_string();
    let list = format!("{}:{}", folder("first"), folder("second"));
    environment.set("BASH_COMPLETION_USER_DIR", &list);
    environment.run(&["completions", "bash", "--install"], "");
    let home = environment.home();
    assert!(
        home.join("first/completions/docker-credential-ecrx")
            .exists()
    );
}

#[test]
fn bash_completions_are_installed_in_the_folder_that_bash_completion_is_told() {
    let mut environment = TestEnvironment::new();
    let folder = environment.home().join("bash");
    environment.set("BASH_COMPLETION_USER_DIR", &folder.display().to_string());
    environment.run(&["completions", "bash", "--install"], "");
    assert!(folder.join("completions/docker-credential-ecrx").exists());
}

#[test]
fn a_file_of_another_origin_is_not_overwritten() {
    let environment = TestEnvironment::new();
    for (shell, place, text) in SHELLS {
        let path = environment.write(&format!(".local/share/{place}"), "mine\n");
        let outcome = environment.run(&["completions", shell, "--install"], "");
        let path = path.display();
        let expected = format!(
            "docker-credential-ecrx: {path} already exists and was not written by \
             docker-credential-ecrx\n  Remove {path} and run this command again\n"
        );
        outcome.failed_with("", &expected);
        assert_eq!(
            fs::read_to_string(path.to_string()).expect("a file"),
            "mine\n"
        );
        assert_ne!(text, "mine\n");
    }
}

#[cfg(unix)]
#[test]
fn a_link_of_a_package_manager_is_not_replaced() {
    let environment = TestEnvironment::new();
    let (shell, place, text) = SHELLS[2];
    let old = environment.write("package/fish", &text.replace("doctor", "physician"));
    let link = environment.home().join(".local/share").join(place);
    fs::create_dir_all(link.parent().expect("a folder")).expect("folders");
    std::os::unix::fs::symlink(old, &link).expect("a link");
    let outcome = environment.run(&["completions", shell, "--install"], "");
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(link.is_symlink());
}

#[test]
fn configured_registries_profiles_and_identities_are_completed() {
    let mut environment = TestEnvironment::new();
    environment.aws_config("[profile work]\nregion = eu-west-1\n[profile dev]\n[profile a b]\n");
    configure(
        &mut environment,
        "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"work\"\n\
         [[registry]]\nmatch = \"*\"\nprofile = \"dev\"\n\
         [identity.release]\nprofile = \"work\"\n",
    );
    environment.write(
        ".docker/config.json",
        r#"{"credHelpers":{"public.ecr.aws":"ecrx"}}"#,
    );
    let complete = |environment: &TestEnvironment, kind: &str, expected: &str| {
        prints(environment, &["__complete", kind], 0, expected);
    };
    let registries = "111122223333.dkr.ecr.eu-west-1.amazonaws.com\npublic.ecr.aws\n";
    complete(&environment, "registries", registries);
    complete(&environment, "profiles", "dev\nwork\n");
    complete(&environment, "identities", "release\n");
    complete(&environment, "others", "");
    // A configuration with a mistake does not disturb the command line.
    configure(&mut environment, "[[registry]\n");
    complete(&environment, "registries", "public.ecr.aws\n");
    complete(&environment, "identities", "");
}
