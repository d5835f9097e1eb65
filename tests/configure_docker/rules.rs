//! Rules in `config.toml`, with `--profile` and `--role-arn`.

use std::fs;

use super::common::files::names;
use super::{HOST, OTHER_HOST, Person, inserted};

const ROLE: &str = "arn:aws:iam::111122223333:role/ecr-pull";

#[test]
fn a_rule_says_who_asks() {
    let person = Person::new();
    person.configured(&[
        HOST,
        "public.ecr.aws",
        "--profile",
        "work \"1\"",
        "--role-arn",
        ROLE,
    ]);
    assert_eq!(
        person.rules(),
        format!(
            "\
[[registry]]
match = \"111122223333/eu-west-1\"
profile = 'work \"1\"'
role_arn = \"{ROLE}\"

[[registry]]
match = \"public.ecr.aws\"
profile = 'work \"1\"'
role_arn = \"{ROLE}\"
"
        )
    );
    let before = person.files();
    let again = person.configured(&[HOST, "--profile", "work \"1\"", "--role-arn", ROLE]);
    let nothing = "✓ already configured: ~/.docker/config.json\n";
    assert!(again.starts_with(nothing), "{again}");
    assert_eq!(person.files(), before);
}

/// What stands in the file, what is put into it, with these arguments.
#[test]
fn a_rule_is_added_where_it_takes_precedence_and_nothing_else_changes() {
    let table = [
        // Behind all that is there.
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
        // A rule that names nobody is passed by.
        (
            "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nmax_age_seconds = 600\n",
            "\n[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"p\"\n",
        ),
        // Before the rule that would be asked first, and before what is said of that.
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
        let person = Person::new();
        person.environment.config(before);
        let told = person.configured(&[HOST, "--profile", "p"]);
        assert!(!told.contains("shibboleth"), "{told}");
        let after = person.rules();
        assert_eq!(after.len(), before.len() + expected.len(), "{after}");
        assert_eq!(after.replacen(expected, "", 1), before, "{after}");
        let kept = person.path(".config/docker-credential-ecrx/config.toml.before-ecrx");
        assert_eq!(fs::read_to_string(kept).expect("a backup"), before);
        person.nothing_to_do(&[HOST, "--profile", "p"]);
    }
}

#[test]
fn a_byte_order_mark_of_config_toml_stays() {
    let person = Person::new();
    let before = "\u{feff}[[registry]]\nmatch = \"*\"\nprofile = \"x\"\n";
    person.environment.config(before);
    person.configured(&[HOST, "--profile", "p"]);
    let rule = "[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"p\"\n\n";
    assert_eq!(
        person.rules(),
        before.replacen("[[", &format!("{rule}[["), 1)
    );
}

#[test]
fn a_rule_that_says_so_already_is_enough() {
    for rule in [
        "match = \"111122223333.dkr.ecr.eu-west-1.amazonaws.com\"\nprofile = \"p\"\n",
        "match = \"*\"\nprofile = \"p\"\n",
        "match = \"111122223333\"\nsource_profile = \"p\"\nrole_arn = \"arn:{partition}:iam::{account}:role/ecr-pull\"\nexternal_id = \"build\"\n",
    ] {
        let person = Person::new();
        let rules = format!("[[registry]]\n{rule}");
        person.environment.config(&rules);
        let mut arguments = vec![HOST, "--profile", "p"];
        if rule.contains("role_arn") {
            arguments.extend(["--role-arn", ROLE]);
        }
        person.configured(&arguments);
        assert_eq!(person.rules(), rules);
        assert!(person.docker().contains(HOST));
    }
}

#[test]
fn a_rule_that_says_something_else_is_named_and_nothing_is_changed() {
    let person = Person::new();
    person.environment.config(&format!(
        "[cache]\n\n[[registry]]\nmatch = \"111122223333/eu-west-1\"\nprofile = \"other\"\nrole_arn = \"{ROLE}\"\nexternal_id = \"shibboleth\"\n"
    ));
    let told = person.refused(&[HOST, "--profile", "p"]);
    assert_eq!(
        told,
        format!(
            "docker-credential-ecrx: ~/.config/docker-credential-ecrx/config.toml:3: a rule for {HOST} already exists and uses another identity ({ROLE}, assumed from profile `other`)\n  Pass --replace to change that rule\n"
        )
    );
}

#[test]
fn a_role_or_profile_that_is_none_is_a_wrong_argument() {
    let person = Person::new();
    for (option, value, why) in [
        (
            "--role-arn",
            "ecr-pull",
            "`ecr-pull` is not an IAM role ARN",
        ),
        ("--role-arn", "arn:aws:iam::{acount}:role/p", "{acount}"),
        ("--profile", " ", "the profile name is empty"),
    ] {
        let told = person.misused(&[HOST, option, value]);
        assert!(told.contains(option) && told.contains(why), "{told}");
    }
}

#[test]
fn an_unusable_rule_is_not_written() {
    let person = Person::new();
    let told = person.refused(&[HOST, "--role-arn", "arn:aws-cn:iam::111122223333:role/p"]);
    assert!(
        told.contains("AWS identities and registries must be in the same partition"),
        "{told}"
    );

    person.environment.config("timeout_second = 5\n");
    let told = person.refused(&[HOST, "--profile", "p"]);
    assert!(told.contains("did you mean `timeout_seconds`"), "{told}");

    person
        .environment
        .config("registry = [{ match = \"999999999999\", profile = \"x\" }]\n");
    let told = person.refused(&[HOST, "--profile", "p"]);
    assert_eq!(
        told,
        "docker-credential-ecrx: ~/.config/docker-credential-ecrx/config.toml defines its rules as an inline array, which this command does not edit\n  Add the rule to the array: { match = \"111122223333/eu-west-1\", profile = \"p\" }\n"
    );
}

#[test]
fn a_host_of_ones_own_keeps_its_registry() {
    let person = Person::new();
    let own = "[[registry]]\nmatch = \"images.example.com\"\naccount = \"111122223333\"\nregion = \"eu-west-1\"\n";
    person.environment.config(own);
    person.configured(&["images.example.com", "--profile", "p"]);
    assert_eq!(
        inserted(own, &person.rules()),
        "\n[[registry]]\nmatch = \"images.example.com\"\naccount = \"111122223333\"\nregion = \"eu-west-1\"\nprofile = \"p\"\n"
    );
    person.nothing_to_do(&["images.example.com", "--profile", "p"]);
}

#[test]
fn ecrx_config_names_the_file() {
    let mut person = Person::new();
    let file = person.environment.write("rules.toml", "");
    person
        .environment
        .set("ECRX_CONFIG", &file.display().to_string());
    person.configured(&[HOST, OTHER_HOST, "--profile", "p"]);
    let rules = fs::read_to_string(&file).expect("a file");
    assert_eq!(rules.matches("[[registry]]").count(), 2);
    assert!(!person.rules_file().exists());
}

/// As for docker's file: what is kept is what others have written, and that once.
#[test]
fn a_backup_of_the_rules_is_made_only_for_what_would_be_lost() {
    let person = Person::new();
    let folder = person.path(".config/docker-credential-ecrx");
    let own = "# mine\n[defaults]\nprofile = \"work\"\n";
    fs::create_dir_all(&folder).expect("folders");
    fs::write(person.rules_file(), own).expect("a file");
    for account in 0..4 {
        let host = format!("11112222333{account}/eu-west-1");
        person.configured(&[&host, "--profile", "work"]);
    }
    let first = folder.join("config.toml.before-ecrx");
    assert_eq!(names(&folder), ["config.toml", "config.toml.before-ecrx"]);
    assert_eq!(fs::read_to_string(&first).expect("a backup"), own);

    let edited = person.rules().replace("# mine", "# mine, too");
    fs::write(person.rules_file(), &edited).expect("a file");
    person.configured(&[OTHER_HOST, "--profile", "work"]);
    let second = folder.join("config.toml.before-ecrx-2");
    assert_eq!(fs::read_to_string(second).expect("a backup"), edited);
    assert_eq!(fs::read_to_string(&first).expect("a backup"), own);
}

#[test]
fn a_profile_that_does_not_exist_is_reported() {
    let person = Person::new();
    let missing = "! the AWS profile `wrok` does not exist, so no token can be requested for these registries \
                   Correct the profile name, or run: aws configure --profile wrok\n";
    let told = person.configured(&[HOST, "--profile", "wrok", "--dry-run"]);
    assert!(told.ends_with(missing), "{told}");
    let told = person.configured(&[HOST, "--profile", "work"]);
    assert!(!told.contains("does not exist"), "{told}");
    // Without AWS's files as well.
    fs::remove_dir_all(person.path(".aws")).expect("to remove");
    let told = person.configured(&[OTHER_HOST, "--profile", "work"]);
    assert!(
        told.contains("the AWS profile `work` does not exist"),
        "{told}"
    );
}
