//! `--external-id`, `--mfa-serial`, `--role-session-name`, `--replace` and `--identity`.

use std::fs;

use super::common::files::names;
use super::{HOST, OTHER_HOST, Setup};

const ROLE: &str = "arn:aws:iam::111122223333:role/ecr-pull";
const OTHER_ROLE: &str = "arn:aws:iam::111122223333:role/ecr-push";
const DEVICE: &str = "arn:aws:iam::111122223333:mfa/alice";

#[test]
fn role_options_are_written_to_the_rule() {
    let setup = Setup::new();
    let arguments = [
        HOST,
        "--profile=work",
        "--role-arn",
        ROLE,
        "--external-id=shibboleth",
        "--mfa-serial",
        DEVICE,
        "--role-session-name=build",
    ];
    let told = setup.configured(&arguments);
    assert!(!told.contains("shibboleth"), "{told}");
    assert!(told.contains("+external_id = \"…\"\n"), "{told}");
    assert_eq!(
        setup.rules(),
        format!(
            "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"work\"\nrole_arn = \"{ROLE}\"\nexternal_id = \"shibboleth\"\nmfa_serial = \"{DEVICE}\"\nrole_session_name = \"build\"\n"
        )
    );
    setup.nothing_to_do(&arguments);
    let shown = setup.environment.run(&["config", "check"], "");
    assert_eq!(shown.code, Some(0), "{shown:?}");
}

#[test]
fn role_options_without_a_role_are_a_usage_error() {
    let setup = Setup::new();
    for (option, value) in [
        ("--external-id", "shibboleth"),
        ("--mfa-serial", DEVICE),
        ("--role-session-name", "build"),
    ] {
        let told = setup.misused(&[HOST, "--profile", "work", option, value]);
        assert!(
            told.contains("required arguments were not provided") && told.contains("--role-arn"),
            "{told}"
        );
    }
    for (option, value) in [
        ("--external-id", "?"),
        ("--mfa-serial", "alice"),
        ("--role-session-name", "two words"),
    ] {
        let told = setup.misused(&[HOST, "--role-arn", ROLE, option, value]);
        assert!(told.contains(option), "{told}");
    }
}

#[test]
fn replace_without_an_identity_is_a_usage_error() {
    let told = Setup::new().misused(&[HOST, "--replace"]);
    assert!(
        told.contains("required arguments were not provided")
            && told.contains("--profile")
            && told.contains("--role-arn"),
        "{told}"
    );
}

#[test]
fn replace_changes_the_rule_and_nothing_else() {
    let before = format!(
        "# top\n[[registry]] # mine\nmatch = \"111122223333/eu-west-1\"\nprofile = \"other\" # why\nrole_arn = [\n  \"{ROLE}\",\n  \"{OTHER_ROLE}\",\n]\nexternal_id = \"shibboleth\"\nmax_age_seconds   =   600\n\n[[registry]]\nmatch = \"*\"\nprofile = \"p\"\n"
    );
    let added = format!("role_arn = \"{OTHER_ROLE}\"");
    let without_options = before
        .replace("external_id = \"shibboleth\"\n", "")
        .replace("\"other\"", "\"work\"");
    let list = format!("role_arn = [\n  \"{ROLE}\",\n  \"{OTHER_ROLE}\",\n]");
    for (arguments, after) in [
        (
            vec!["--profile", "work"],
            without_options.replace(&format!("{list}\n"), ""),
        ),
        (
            vec!["--profile", "work", "--role-arn", OTHER_ROLE],
            without_options.replace(&list, &added),
        ),
    ] {
        for line_end in ["\n", "\r\n"] {
            let setup = Setup::new();
            let before = before.replace('\n', line_end);
            setup.environment.config(&before);
            let arguments = [&[HOST][..], &arguments].concat();
            let refused = setup.refused(&arguments);
            assert!(
                refused.contains("already exists and uses another identity")
                    && refused.ends_with("\n  Pass --replace to change that rule\n"),
                "{refused}"
            );
            let replacing = [&arguments[..], &["--replace"]].concat();
            let told = setup.configured(&replacing);
            assert!(!told.contains("shibboleth"), "{told}");
            assert_eq!(setup.rules(), after.replace('\n', line_end));
            let backup = setup.path(".config/docker-credential-ecrx/config.toml.before-ecrx");
            assert_eq!(fs::read_to_string(backup).expect("a backup"), before);
            setup.nothing_to_do(&replacing);
        }
    }
}

#[test]
fn replace_adds_what_the_rule_does_not_have() {
    let setup = Setup::new();
    let rule = "[[registry]]\nmatch = \"111122223333/eu-west-1\"\n";
    setup.environment.config(&format!(
        "{rule}source_profile = \"other\"\nrole_arn = \"{ROLE}\"\nduration_seconds = 900"
    ));
    setup.configured(&[HOST, "--profile", "work", "--replace"]);
    assert_eq!(setup.rules(), format!("{rule}profile = \"work\"\n"));
    setup.configured(&[
        HOST,
        "--role-arn",
        ROLE,
        "--external-id",
        "build",
        "--replace",
    ]);
    assert_eq!(
        setup.rules(),
        format!("{rule}role_arn = \"{ROLE}\"\nexternal_id = \"build\"\n")
    );
}

#[test]
fn a_replaced_rule_says_exactly_what_the_command_line_says() {
    let rule = format!("[[registry]]\nmatch = \"111122223333/eu-west-1\"\nrole_arn = \"{ROLE}\"\n");
    let options = format!(
        "external_id = \"shibboleth\"\nmfa_serial = \"{DEVICE}\"\nduration_seconds = 900\nregion = \"eu-west-1\"\n"
    );
    let cache = "max_age_seconds = 600\n";
    let setup = Setup::new();
    setup.environment.config(&format!("{rule}{options}{cache}"));
    let arguments = [HOST, "--role-arn", ROLE];
    setup.configured(&arguments);
    let named = "role_session_name = \"build\"\n";
    let replaced = [
        &arguments[..],
        &["--role-session-name", "build", "--replace"],
    ]
    .concat();
    let told = setup.configured(&replaced);
    assert!(!told.contains("shibboleth"), "{told}");
    assert_eq!(setup.rules(), format!("{rule}{named}{cache}"));
    setup.configured(&[&arguments[..], &["--replace"]].concat());
    assert_eq!(setup.rules(), format!("{rule}{cache}"));
}

#[test]
fn a_changed_external_id_is_reported_and_not_shown() {
    let setup = Setup::new();
    let configured = |id: &str, last: &str| {
        setup.configured(&[HOST, "--role-arn", ROLE, "--external-id", id, last])
    };
    configured("shibboleth", "--replace");
    for last in ["--dry-run", "--replace"] {
        let told = configured("shibboleth2", "--replace");
        assert!(!told.contains("shibboleth"), "{told}");
        assert!(
            told.contains(&format!(
                "\n· external_id changed for {HOST} (the values are not shown)\n"
            )),
            "{told}"
        );
        // With the same one, nothing is changed.
        let told = configured("shibboleth2", last);
        assert!(told.starts_with("✓ already configured"), "{told}");
        configured("shibboleth", "--replace");
    }
}

/// The rule that is changed is the one that applies, and no other rule is left without effect.
#[test]
fn replace_leaves_one_rule_for_the_registry_which_takes_precedence() {
    let setup = Setup::new();
    let all = "[[registry]]\nmatch = \"*\"\nprofile = \"p\"\n";
    let rule = "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"work\"\n";
    let (late, later) = (rule.replace("work", "other"), rule.replace("work", "third"));
    for before in [
        all.to_owned(),
        format!("{all}\n{late}"),
        format!("{all}\n{late}\n{later}"),
        format!("{late}\n{all}\n{later}"),
    ] {
        setup.environment.config(&before);
        let arguments = [HOST, "--profile", "work", "--replace"];
        setup.configured(&arguments);
        assert_eq!(setup.rules(), format!("{rule}\n{all}"), "{before}");
        let checked = setup.environment.run(&["config", "check"], "");
        assert!(!checked.stdout.contains("never used"), "{checked:?}");
        setup.nothing_to_do(&arguments);
    }
}

#[test]
fn repeated_replacement_keeps_one_backup_with_the_original_rules() {
    for settings in ["", "max_age_seconds = 600\n"] {
        let setup = Setup::new();
        let rule = format!(
            "# mine\n[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"NAME\" # why\n{settings}"
        );
        let original = rule.replace("NAME", "other");
        setup.environment.config(&original);
        for name in ["work", "p", "work"] {
            setup.configured(&[HOST, "--profile", name, "--replace"]);
            assert_eq!(setup.rules(), rule.replace("NAME", name));
        }
        let folder = setup.path(".config/docker-credential-ecrx");
        assert_eq!(names(&folder), ["config.toml", "config.toml.before-ecrx"]);
        let backup = folder.join("config.toml.before-ecrx");
        assert_eq!(fs::read_to_string(backup).expect("a backup"), original);
    }
}

#[test]
fn an_inline_rule_is_not_replaced_and_the_new_one_is_printed() {
    let setup = Setup::new();
    setup
        .environment
        .config("registry = [{ match = \"111122223333/eu-west-1\", profile = \"other\" }]\n");
    let told = setup.refused(&[
        HOST,
        "--role-arn",
        ROLE,
        "--external-id",
        "shibboleth",
        "--replace",
    ]);
    let hint = format!(
        "  Add the rule to the array: {{ match = \"111122223333/eu-west-1\", role_arn = \"{ROLE}\", external_id = \"…\" }}\n"
    );
    assert!(told.ends_with(&hint), "{told}");
}

#[test]
fn identity_configures_the_helper_of_that_name() {
    let setup = Setup::new();
    let outcome = setup.configure(&[HOST, "--identity", "work"]);
    assert_eq!(outcome.code, Some(1), "not linked yet");
    let told = setup.shortened(&outcome.stdout);
    assert!(
        told.contains("✗ docker-credential-ecrx-work is not on PATH, so pulls fail")
            && told.contains("Run: ln -s ")
            && told.ends_with(" ~/bin/docker-credential-ecrx-work\n"),
        "{told}"
    );
    setup.environment.link("docker-credential-ecrx-work");
    setup.nothing_to_do(&[HOST, "--identity", "work"]);
    let expected = format!("{{\n\t\"credHelpers\": {{\n\t\t\"{HOST}\": \"ecrx-work\"\n\t}}\n}}");
    assert_eq!(setup.docker().trim_end(), expected);
    setup.configured(&[OTHER_HOST, "--identity", "work", "--podman"]);
    let podman = fs::read_to_string(setup.path(".config/containers/auth.json"));
    assert!(podman.expect("a file").contains("\"ecrx-work\""));
}

#[test]
fn an_identity_that_does_not_exist_is_refused_before_anything_is_written() {
    let setup = Setup::new();
    for name in ["release", "missing", "relaese", "wrok"] {
        setup
            .environment
            .link(&format!("docker-credential-ecrx-{name}"));
    }
    setup
        .environment
        .config("[identity.release]\nprofile = \"work\"\n");
    setup.configured(&[HOST, "--identity", "release"]);
    for (name, meant) in [
        ("missing", ""),
        ("relaese", "; did you mean `release`?"),
        ("wrok", "; did you mean `work`?"),
    ] {
        let told = setup.refused(&[OTHER_HOST, "--identity", name]);
        assert_eq!(
            told,
            format!(
                "docker-credential-ecrx: neither [identity.{name}] in config.toml nor the AWS profile `{name}` exists{meant}\n  Add [identity.{name}] to config.toml, or run: aws configure --profile {name}\n"
            )
        );
    }
}

#[test]
fn identity_cannot_be_combined_with_a_rule_or_undo() {
    let setup = Setup::new();
    for other in ["--profile=work", "--undo"] {
        let told = setup.misused(&[HOST, "--identity", "work", other]);
        assert!(told.contains("cannot be used with"), "{told}");
    }
}

#[test]
fn an_identity_name_that_cannot_end_a_file_name_is_a_wrong_argument() {
    let setup = Setup::new();
    let longest = "x".repeat(228);
    let character = "cannot contain `/`, `\\`, `:` or control characters";
    for (name, why) in [
        ("", "the identity name is empty"),
        (" ", "the identity name is empty"),
        ("a ", "the identity name begins or ends with white space"),
        ("a/b", character),
        ("a:b", character),
        ("a\\b", character),
        ("a\u{7}", character),
        (&*format!("{longest}x"), "cannot be longer than 228 bytes"),
    ] {
        let told = setup.misused(&[HOST, "--identity", name]);
        assert!(told.contains(why), "{name:?}: {told}");
    }
}

#[test]
fn replace_and_undo_together_are_a_usage_error() {
    let setup = Setup::new();
    for arguments in [
        &["--undo", "--replace"][..],
        &[HOST, "--undo", "--replace"],
        &[HOST, "--undo", "--replace", "--profile", "work"],
    ] {
        let told = setup.misused(arguments);
        assert!(
            told.contains("cannot be used with") && told.contains("--replace"),
            "{told}"
        );
    }
}
