//! Rules in `config.toml`, with `--profile` and `--role-arn`.

use std::fs;

use super::common::files::names;
use super::{HOST, OTHER_HOST, Setup, inserted};

const ROLE: &str = "arn:aws:iam::111122223333:role/ecr-pull";

#[test]
fn a_rule_names_the_profile_and_the_role() {
    let setup = Setup::new();
    setup.configured(&[
        HOST,
        "public.ecr.aws",
        "--profile",
        "work",
        "--role-arn",
        ROLE,
    ]);
    assert_eq!(
        setup.rules(),
        format!(
            "\
[[registry]]
match = \"111122223333/eu-west-1\"
profile = \"work\"
role_arn = \"{ROLE}\"

[[registry]]
match = \"public.ecr.aws\"
profile = \"work\"
role_arn = \"{ROLE}\"
"
        )
    );
    let before = setup.files();
    let again = setup.configured(&[HOST, "--profile", "work", "--role-arn", ROLE]);
    let nothing = "✓ already configured: ~/.docker/config.json, ~/.config/docker-credential-ecrx/config.toml\n";
    assert_eq!(again, nothing);
    assert_eq!(setup.files(), before);
}

#[test]
fn a_rule_names_the_sso_session_with_its_role_name() {
    let setup = Setup::new();
    let sso = ["--sso-session", "corp", "--sso-role-name", "dev"];
    let unknown = setup.refused(&[&[HOST], &sso[..]].concat());
    assert!(
        unknown.contains("[sso-session corp] does not exist"),
        "{unknown}"
    );
    setup.environment.add_aws_config(
        "[sso-session corp]\nsso_start_url = https://a.example\nsso_region = us-east-1\n",
    );
    setup.configured(&[&[HOST], &sso[..]].concat());
    let rule = "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nsso_session = \"corp\"\nsso_role_name = \"dev\"\n";
    assert_eq!(setup.rules(), rule);
    setup.nothing_to_do(&[&[HOST], &sso[..]].concat());
    setup.configured(&[HOST, "--profile", "work", "--replace"]);
    let replaced = "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"work\"\n";
    assert_eq!(setup.rules(), replaced);
}

#[test]
fn a_rule_names_the_web_identity_with_its_role() {
    let setup = Setup::new();
    let web = ["--web-identity", "github", "--role-arn", ROLE];
    setup.configured(&[&[HOST], &web[..]].concat());
    let rule = format!(
        "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nweb_identity = \"github\"\nrole_arn = \"{ROLE}\"\n"
    );
    assert_eq!(setup.rules(), rule);
    setup.nothing_to_do(&[&[HOST], &web[..]].concat());
    for wrong in [
        &["--web-identity", "github"][..],
        &["--web-identity", "gitlab", "--role-arn", ROLE],
        &[
            "--web-identity",
            "github",
            "--role-arn",
            ROLE,
            "--profile",
            "work",
        ],
        &["--sso-session", "corp"],
        &["--sso-role-name", "dev"],
    ] {
        setup.misused(&[&[HOST], wrong].concat());
    }
}

/// The content of the file, and the text that is inserted.
#[test]
fn a_rule_is_added_where_it_takes_precedence_and_nothing_else_changes() {
    let table = [
        // After all existing content.
        (
            "timeout_seconds = 5",
            "\n\n[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"p\"\n",
        ),
        (
            "# mine\n[cache] # here\nenabled   =   false\n",
            "\n[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"p\"\n",
        ),
        (
            "[defaults]\r\nprofile = \"d\"\r\n",
            "\r\n[[registry]]\r\nmatch = \"111122223333/eu-west-1\"\r\nprofile = \"p\"\r\n",
        ),
        (
            "[[registry]]\nmatch = \"999999999999\"\nprofile = \"x\"\n",
            "\n[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"p\"\n",
        ),
        // A rule without an identity does not decide.
        (
            "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nmax_age_seconds = 600\n",
            "\n[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"p\"\n",
        ),
        // Before the first rule that matches, and before its comment.
        (
            "[[registry]]\nmatch = \"aws-cn\"\nprofile = \"c\"\n\n# everything\n# else\n[[registry]]\nmatch = \"*\"\nprofile = \"x\"\n",
            "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"p\"\n\n",
        ),
        (
            "[[registry]]\nmatch = \"111122223333\"\nexternal_id = \"shibboleth\"\n# external_id = \"shibboleth\"\nrole_arn = \"arn:aws:iam::111122223333:role/x\"\n[cache]\nenabled = true\n",
            "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"p\"\n\n",
        ),
    ];
    for (before, expected) in table {
        let setup = Setup::new();
        setup.environment.config(before);
        let told = setup.configured(&[HOST, "--profile", "p"]);
        assert!(!told.contains("shibboleth"), "{told}");
        let after = setup.rules();
        assert_eq!(after.len(), before.len() + expected.len(), "{after}");
        assert_eq!(after.replacen(expected, "", 1), before, "{after}");
        let kept = setup.path(".config/docker-credential-ecrx/config.toml.before-ecrx");
        assert_eq!(fs::read_to_string(kept).expect("a backup"), before);
        setup.nothing_to_do(&[HOST, "--profile", "p"]);
    }
}

#[test]
fn a_byte_order_mark_of_config_toml_stays() {
    let setup = Setup::new();
    let before = "\u{feff}[[registry]]\nmatch = \"*\"\nprofile = \"x\"\n";
    setup.environment.config(before);
    setup.configured(&[HOST, "--profile", "p"]);
    let rule = "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"p\"\n\n";
    assert_eq!(
        setup.rules(),
        before.replacen("[[", &format!("{rule}[["), 1)
    );
}

#[test]
fn a_rule_that_names_the_identity_already_is_not_repeated() {
    for rule in [
        "match = \"111122223333.dkr.ecr.eu-west-1.amazonaws.com\"\nprofile = \"p\"\n",
        "match = \"*\"\nprofile = \"p\"\n",
        "match = \"111122223333\"\nsource_profile = \"p\"\nrole_arn = \"arn:{partition}:iam::{account}:role/ecr-pull\"\nexternal_id = \"build\"\n",
    ] {
        let setup = Setup::new();
        let rules = format!("[[registry]]\n{rule}");
        setup.environment.config(&rules);
        let mut arguments = vec![HOST, "--profile", "p"];
        if rule.contains("role_arn") {
            arguments.extend(["--role-arn", ROLE]);
        }
        setup.configured(&arguments);
        assert_eq!(setup.rules(), rules);
        assert!(setup.docker().contains(HOST));
    }
}

#[test]
fn a_rule_for_another_identity_is_named_and_nothing_is_changed() {
    let setup = Setup::new();
    setup.environment.config(&format!(
        "[cache]\n\n[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"other\"\nrole_arn = \"{ROLE}\"\nexternal_id = \"shibboleth\"\n"
    ));
    let told = setup.refused(&[HOST, "--profile", "p"]);
    assert_eq!(
        told,
        format!(
            "docker-credential-ecrx: ~/.config/docker-credential-ecrx/config.toml:3: a rule for {HOST} already exists and uses another identity ({ROLE}, assumed from profile `other`)\n  Pass --replace to change that rule\n"
        )
    );
}

#[test]
fn an_invalid_role_or_profile_is_a_usage_error() {
    let setup = Setup::new();
    for (option, value, why) in [
        (
            "--role-arn",
            "ecr-pull",
            "`ecr-pull` is not an IAM role ARN",
        ),
        ("--role-arn", "arn:aws:iam::{acount}:role/p", "{acount}"),
        ("--profile", " ", "the profile name is empty"),
    ] {
        let told = setup.misused(&[HOST, option, value]);
        assert!(told.contains(option) && told.contains(why), "{told}");
    }
}

#[test]
fn an_unusable_rule_is_not_written() {
    let setup = Setup::new();
    let told = setup.refused(&[HOST, "--role-arn", "arn:aws-cn:iam::111122223333:role/p"]);
    assert!(
        told.contains("AWS identities and registries must be in the same partition"),
        "{told}"
    );

    setup.environment.config("timeout_second = 5\n");
    let told = setup.refused(&[HOST, "--profile", "p"]);
    assert!(told.contains("did you mean `timeout_seconds`"), "{told}");

    setup
        .environment
        .config("registry = [{ match = \"999999999999\", profile = \"x\" }]\n");
    let told = setup.refused(&[HOST, "--profile", "p"]);
    assert_eq!(
        told,
        "docker-credential-ecrx: ~/.config/docker-credential-ecrx/config.toml defines its rules as an inline array, which this command does not edit\n  Add the rule to the array: { match = \"111122223333/eu-west-1\", profile = \"p\" }\n"
    );
}

#[test]
fn a_host_of_ones_own_keeps_its_registry() {
    let setup = Setup::new();
    let own = "[[registry]]\nmatch = \"images.example.com\"\naccount = \"111122223333\"\nregion = \"eu-west-1\"\n";
    setup.environment.config(own);
    setup.configured(&["images.example.com", "--profile", "p"]);
    assert_eq!(
        inserted(own, &setup.rules()),
        "\n[[registry]]\nmatch = \"images.example.com\"\naccount = \"111122223333\"\nregion = \"eu-west-1\"\nprofile = \"p\"\n"
    );
    setup.nothing_to_do(&["images.example.com", "--profile", "p"]);
}

#[test]
fn ecrx_config_names_the_file() {
    let mut setup = Setup::new();
    let file = setup.environment.write("rules.toml", "");
    setup
        .environment
        .set("ECRX_CONFIG", &file.display().to_string());
    setup.configured(&[HOST, OTHER_HOST, "--profile", "p"]);
    let rules = fs::read_to_string(&file).expect("a file");
    assert_eq!(rules.matches("[[registry]]").count(), 2);
    assert!(!setup.rules_file().exists());
}

/// As for docker's file, content by others is backed up, and only once.
#[test]
fn a_second_backup_of_the_rules_is_written_only_after_other_changes() {
    let setup = Setup::new();
    let folder = setup.path(".config/docker-credential-ecrx");
    let own = "# mine\n[defaults]\nprofile = \"work\"\n";
    fs::create_dir_all(&folder).expect("folders");
    fs::write(setup.rules_file(), own).expect("a file");
    for account in 0..4 {
        let host = format!("11112222333{account}/eu-west-1");
        setup.configured(&[&host, "--profile", "work"]);
    }
    let first = folder.join("config.toml.before-ecrx");
    assert_eq!(names(&folder), ["config.toml", "config.toml.before-ecrx"]);
    assert_eq!(fs::read_to_string(&first).expect("a backup"), own);

    let edited = setup.rules().replace("# mine", "# mine, too");
    fs::write(setup.rules_file(), &edited).expect("a file");
    setup.configured(&[OTHER_HOST, "--profile", "work"]);
    let second = folder.join("config.toml.before-ecrx-2");
    assert_eq!(fs::read_to_string(second).expect("a backup"), edited);
    assert_eq!(fs::read_to_string(&first).expect("a backup"), own);
}

#[test]
fn a_profile_that_does_not_exist_is_refused_before_anything_is_written() {
    let setup = Setup::new();
    let missing = "docker-credential-ecrx: the AWS profile `wrok` does not exist; did you mean `work`?\n  \
                   Correct the profile name, or run: aws configure --profile wrok\n";
    for arguments in [&["--dry-run"][..], &[], &["--role-arn", ROLE, "--replace"]] {
        let arguments = [&[HOST, "--profile", "wrok"], arguments].concat();
        assert_eq!(setup.refused(&arguments), missing);
    }
    setup.configured(&[HOST, "--profile", "work"]);
    // The same without the AWS files.
    fs::remove_dir_all(setup.path(".aws")).expect("to remove");
    assert_eq!(
        setup.refused(&[OTHER_HOST, "--profile", "work"]),
        "docker-credential-ecrx: the AWS profile `work` does not exist\n  \
         Correct the profile name, or run: aws configure --profile work\n"
    );
}
