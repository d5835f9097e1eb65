//! `--external-id`, `--mfa-serial`, `--role-session-name`, `--replace` and `--identity`.

use std::fs;

use super::{HOST, OTHER_HOST, Person};

const ROLE: &str = "arn:aws:iam::111122223333:role/ecr-pull";
const OTHER_ROLE: &str = "arn:aws:iam::111122223333:role/ecr-push";
const DEVICE: &str = "arn:aws:iam::111122223333:mfa/alice";

#[test]
fn role_options_are_written_to_the_rule() {
    let person = Person::new();
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
    let told = person.configured(&arguments);
    assert!(!told.contains("shibboleth"), "{told}");
    assert!(told.contains("+external_id = \"…\"\n"), "{told}");
    assert_eq!(
        person.rules(),
        format!(
            "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"work\"\nrole_arn = \"{ROLE}\"\nexternal_id = \"shibboleth\"\nmfa_serial = \"{DEVICE}\"\nrole_session_name = \"build\"\n"
        )
    );
    person.nothing_to_do(&arguments);
    let shown = person.environment.run(&["config", "check"], "");
    assert_eq!(shown.code, Some(0), "{shown:?}");
}

#[test]
fn role_options_without_a_role_are_a_usage_error() {
    let person = Person::new();
    for (option, value) in [
        ("--external-id", "shibboleth"),
        ("--mfa-serial", DEVICE),
        ("--role-session-name", "build"),
    ] {
        let told = person.misused(&[HOST, "--profile", "work", option, value]);
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
        let told = person.misused(&[HOST, "--role-arn", ROLE, option, value]);
        assert!(told.contains(option), "{told}");
    }
}

#[test]
fn replace_without_an_identity_is_a_usage_error() {
    let told = Person::new().misused(&[HOST, "--replace"]);
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
            let person = Person::new();
            let before = before.replace('\n', line_end);
            person.environment.config(&before);
            let arguments = [&[HOST][..], &arguments].concat();
            let refused = person.refused(&arguments);
            assert!(
                refused.contains("already exists and uses another identity")
                    && refused.ends_with("\n  Pass --replace to change that rule\n"),
                "{refused}"
            );
            let replacing = [&arguments[..], &["--replace"]].concat();
            let told = person.configured(&replacing);
            assert!(!told.contains("shibboleth"), "{told}");
            assert_eq!(person.rules(), after.replace('\n', line_end));
            let backup = person.path(".config/docker-credential-ecrx/config.toml.before-ecrx");
            assert_eq!(fs::read_to_string(backup).expect("a backup"), before);
            person.nothing_to_do(&replacing);
        }
    }
}

#[test]
fn replace_adds_what_the_rule_does_not_have() {
    let person = Person::new();
    let rule = "[[registry]]\nmatch = \"111122223333/eu-west-1\"\n";
    person.environment.config(&format!(
        "{rule}source_profile = \"other\"\nrole_arn = \"{ROLE}\"\nduration_seconds = 900"
    ));
    person.configured(&[HOST, "--profile", "work", "--replace"]);
    assert_eq!(person.rules(), format!("{rule}profile = \"work\"\n"));
    person.configured(&[
        HOST,
        "--role-arn",
        ROLE,
        "--external-id",
        "build",
        "--replace",
    ]);
    assert_eq!(
        person.rules(),
        format!("{rule}role_arn = \"{ROLE}\"\nexternal_id = \"build\"\n")
    );
}

#[test]
fn an_external_id_is_kept_for_the_same_role_and_not_sent_to_another() {
    let rule = format!(
        "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nrole_arn = \"{ROLE}\"\nexternal_id = \"shibboleth\"\n"
    );
    let person = Person::new();
    person.environment.config(&rule);
    let arguments = [
        HOST,
        "--role-arn",
        ROLE,
        "--role-session-name",
        "build",
        "--replace",
    ];
    person.configured(&arguments);
    let named = "role_session_name = \"build\"\n";
    let kept = rule.replace("external_id", &format!("{named}external_id"));
    assert_eq!(person.rules(), kept);
    person.configured(&[HOST, "--role-arn", OTHER_ROLE, "--replace"]);
    assert!(!person.rules().contains("shibboleth"), "{}", person.rules());
}

#[test]
fn replace_without_a_rule_for_the_registry_adds_one_that_takes_precedence() {
    let person = Person::new();
    let all = "[[registry]]\nmatch = \"*\"\nprofile = \"p\"\n";
    person.environment.config(all);
    person.configured(&[HOST, "--profile", "work", "--replace"]);
    let rule = "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"work\"\n";
    assert_eq!(person.rules(), format!("{rule}\n{all}"));
    // The same if the registry has a rule that comes too late.
    let late = rule.replace("work", "other");
    person.environment.config(&format!("{all}\n{late}"));
    person.configured(&[HOST, "--profile", "work", "--replace"]);
    assert_eq!(person.rules(), format!("{rule}\n{all}\n{rule}"));
}

#[test]
fn replace_backs_up_every_rule_that_it_changes() {
    let person = Person::new();
    let rule = "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"NAME\"\n";
    person.environment.config(&rule.replace("NAME", "p"));
    person.configured(&[HOST, "--profile", "work", "--replace"]);
    person.configured(&[HOST, "--profile", "p", "--replace"]);
    let backup = person.path(".config/docker-credential-ecrx/config.toml.before-ecrx-2");
    assert_eq!(
        fs::read_to_string(backup).expect("a backup"),
        rule.replace("NAME", "work")
    );
}

#[test]
fn an_inline_rule_is_not_replaced_and_the_new_one_is_printed() {
    let person = Person::new();
    person
        .environment
        .config("registry = [{ match = \"111122223333/eu-west-1\", profile = \"other\" }]\n");
    let told = person.refused(&[
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
    let person = Person::new();
    let outcome = person.configure(&[HOST, "--identity", "work"]);
    assert_eq!(outcome.code, Some(1), "not linked yet");
    let told = person.shortened(&outcome.stdout);
    assert!(
        told.contains("✗ docker-credential-ecrx-work is not on PATH, so pulls fail")
            && told.contains("Run: ln -s ")
            && told.ends_with(" /usr/local/bin/docker-credential-ecrx-work\n"),
        "{told}"
    );
    person.environment.link("docker-credential-ecrx-work");
    person.nothing_to_do(&[HOST, "--identity", "work"]);
    let expected = format!("{{\n\t\"credHelpers\": {{\n\t\t\"{HOST}\": \"ecrx-work\"\n\t}}\n}}");
    assert_eq!(person.docker().trim_end(), expected);
    person.configured(&[OTHER_HOST, "--identity", "work", "--podman"]);
    let podman = fs::read_to_string(person.path(".config/containers/auth.json"));
    assert!(podman.expect("a file").contains("\"ecrx-work\""));
}

#[test]
fn an_identity_that_does_not_exist_is_reported() {
    let person = Person::new();
    for name in ["release", "missing"] {
        person
            .environment
            .link(&format!("docker-credential-ecrx-{name}"));
    }
    person
        .environment
        .config("[identity.release]\nprofile = \"work\"\n");
    let told = person.configured(&[HOST, "--identity", "release"]);
    assert!(!told.contains("exists"), "{told}");
    let told = person.configured(&[OTHER_HOST, "--identity", "missing"]);
    assert!(
        told.ends_with(
            "! neither [identity.missing] in config.toml nor the AWS profile `missing` exists, so no token can be requested for these registries Add [identity.missing] to config.toml, or run: aws configure --profile missing\n"
        ),
        "{told}"
    );
}

#[test]
fn identity_cannot_be_combined_with_a_rule_or_undo() {
    let person = Person::new();
    for other in ["--profile=work", "--undo"] {
        let told = person.misused(&[HOST, "--identity", "work", other]);
        assert!(told.contains("cannot be used with"), "{told}");
    }
}

#[test]
fn an_identity_name_that_cannot_end_a_file_name_is_a_wrong_argument() {
    let person = Person::new();
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
        let told = person.misused(&[HOST, "--identity", name]);
        assert!(told.contains(why), "{name:?}: {told}");
    }
}
