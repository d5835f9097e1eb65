//! `--undo` takes out what is this program's, and nothing else.

use std::fs;

use super::common::Outcome;
use super::{HOST, OTHER_HOST, Person};

const BOTH: &str = "{
  \"credHelpers\": {
    \"HOST\": \"ecrx\",
    \"gcr.io\": \"gcloud\",
    \"OTHER\": \"ecrx-release\"
  },
  \"credsStore\": \"ecrx\"
}
";

fn both() -> Person {
    Person::with(BOTH.replace("HOST", HOST).replace("OTHER", OTHER_HOST))
}

#[test]
fn without_hosts_everything_of_ours_goes() {
    let person = both();
    assert_eq!(
        person.configured(&["--undo"]),
        format!(
            "\
--- ~/.docker/config.json
+++ ~/.docker/config.json
@@ -1,8 +1,5 @@
 {{
   \"credHelpers\": {{
-    \"{HOST}\": \"ecrx\",
-    \"gcr.io\": \"gcloud\",
-    \"{OTHER_HOST}\": \"ecrx-release\"
-  }},
-  \"credsStore\": \"ecrx\"
+    \"gcr.io\": \"gcloud\"
+  }}
 }}

· no earlier backup of ~/.docker/config.json was found: nothing is put back
✓ changed ~/.docker/config.json; as it was: ~/.docker/config.json.before-ecrx
"
        )
    );
    let again = person.configured(&["--undo"]);
    assert_eq!(
        again,
        "✓ nothing of this program is left in ~/.docker/config.json\n"
    );
}

#[test]
fn with_hosts_only_those_go() {
    let person = both();
    // In any spelling.
    person.configured(&["--undo", &format!("https://{HOST}/")]);
    let expected = BOTH.replace("    \"HOST\": \"ecrx\",\n", "");
    assert_eq!(person.docker(), expected.replace("OTHER", OTHER_HOST));
    person.configured(&["--undo", "--creds-store"]);
    let expected = expected.replace(",\n  \"credsStore\": \"ecrx\"", "");
    assert_eq!(person.docker(), expected.replace("OTHER", OTHER_HOST));
}

#[test]
fn what_is_left_for_other_hosts_is_not_called_gone() {
    let person = both();
    person.configured(&["--undo", HOST]);
    assert_eq!(
        person.configured(&["--undo", HOST]),
        "✓ nothing is to be changed in ~/.docker/config.json\n"
    );
}

#[test]
fn the_helper_that_keeps_other_logins_is_asked_again() {
    for undo in [&["--undo"][..], &["--undo", "--creds-store"]] {
        let before = "{\n\t\"credsStore\": \"pass\"\n}\n";
        let person = Person::with(before);
        person.configured(&["--creds-store", "--fix"]);
        assert!(person.docker().contains("ecrx"));
        person.configured(undo);
        assert_eq!(person.docker(), before);
    }
}

#[test]
fn a_host_that_no_rule_names_any_longer_goes() {
    let person = Person::with("{\"credHelpers\":{\"images.example.com\":\"ecrx\"}}");
    person.configured(&["--undo", "images.example.com"]);
    assert_eq!(person.docker(), "{}");
    let told = person.misused(&["--undo", "two words"]);
    assert!(told.contains("`two …` is no ECR registry"), "{told}");
}

#[test]
fn another_helper_of_the_host_stays() {
    let person = Person::with(format!("{{\"credHelpers\":{{\"{HOST}\":\"ecr-login\"}}}}"));
    let told = person.configured(&["--undo", HOST]);
    assert_eq!(
        told,
        format!(
            "✓ nothing is to be changed in ~/.docker/config.json\n· left alone: {HOST} has the helper ecr-login, which is none of this program's names\n"
        )
    );
}

#[test]
fn rules_stay() {
    let person = Person::new();
    person.configured(&[HOST, "--profile", "work"]);
    let rules = person.rules();
    let told = person.configured(&["--undo"]);
    assert!(
        told.ends_with("· left alone: the rules in config.toml\n"),
        "{told}"
    );
    assert_eq!(person.rules(), rules);
    assert_eq!(person.docker(), "{}\n");
}

#[test]
fn the_other_helper_in_config_toml_stays_and_is_told() {
    const LEFT: &str = "· left alone: other_registries_helper = \"pass\" at ~/.config/docker-credential-ecrx/config.toml:1\n";
    let person = Person::with(format!(
        "{{\"credsStore\":\"pass\",\"credHelpers\":{{\"{OTHER_HOST}\":\"ecrx\"}}}}"
    ));
    person.configured(&["--creds-store", "--fix"]);
    let rules = person.rules();
    // It is of use to credsStore alone.
    let told = person.configured(&["--undo", OTHER_HOST]);
    assert!(!told.contains("left alone"), "{told}");
    let podman = person.configured(&["--undo", "--podman"]);
    assert!(!podman.contains("left alone"), "{podman}");
    for undo in [&["--undo", "--creds-store"][..], &["--undo"]] {
        let told = person.configured(undo);
        assert!(told.ends_with(LEFT), "{told}");
    }
    assert_eq!(person.rules(), rules);
}

#[test]
fn where_there_is_nothing_nothing_is_made() {
    let person = Person::new();
    assert_eq!(
        person.configured(&["--undo"]),
        "✓ nothing of this program is left in ~/.docker/config.json\n"
    );
    assert!(!person.path(".docker").exists());
}

#[test]
fn a_dry_run_undoes_nothing() {
    let person = both();
    let before = fs::read(person.docker_file()).expect("a file");
    let Outcome { code, stdout, .. } = person.configure(&["--undo", "--dry-run"]);
    assert_eq!(code, Some(0));
    assert!(
        stdout.ends_with("· nothing was changed: this is a dry run\n"),
        "{stdout}"
    );
    assert_eq!(fs::read(person.docker_file()).expect("a file"), before);
}
