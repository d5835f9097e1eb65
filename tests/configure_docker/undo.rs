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

· no backup of ~/.docker/config.json was found, so no earlier entries were restored
✓ changed ~/.docker/config.json; backup: ~/.docker/config.json.before-ecrx
"
        )
    );
    let again = person.configured(&["--undo"]);
    assert_eq!(
        again,
        "✓ no docker-credential-ecrx entries in ~/.docker/config.json\n"
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
fn undo_of_one_host_does_not_claim_that_no_entries_are_left() {
    let person = both();
    person.configured(&["--undo", HOST]);
    assert_eq!(
        person.configured(&["--undo", HOST]),
        "✓ nothing to undo in ~/.docker/config.json\n"
    );
}

#[test]
fn the_helper_of_other_registries_is_restored() {
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
    assert!(told.contains("`two …` is not an ECR registry"), "{told}");
}

#[test]
fn another_helper_of_the_host_stays() {
    let person = Person::with(format!("{{\"credHelpers\":{{\"{HOST}\":\"ecr-login\"}}}}"));
    let told = person.configured(&["--undo", HOST]);
    assert_eq!(
        told,
        format!(
            "✓ nothing to undo in ~/.docker/config.json\n· not removed: the helper ecr-login of {HOST}, which is another program\n"
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
        told.ends_with("· not removed: the [[registry]] rules in ~/.config/docker-credential-ecrx/config.toml\n"),
        "{told}"
    );
    assert_eq!(person.rules(), rules);
    assert_eq!(person.docker(), "{}\n");
}

#[test]
fn the_other_helper_in_config_toml_remains_and_is_reported() {
    const LEFT: &str = "· not removed: other_registries_helper = \"pass\" at ~/.config/docker-credential-ecrx/config.toml:1\n";
    let person = Person::with(format!(
        "{{\"credsStore\":\"pass\",\"credHelpers\":{{\"{OTHER_HOST}\":\"ecrx\"}}}}"
    ));
    person.configured(&["--creds-store", "--fix"]);
    let rules = person.rules();
    // It is of use to credsStore alone.
    let told = person.configured(&["--undo", OTHER_HOST]);
    assert!(!told.contains("other_registries_helper"), "{told}");
    let podman = person.configured(&["--undo", "--podman"]);
    assert!(!podman.contains("other_registries_helper"), "{podman}");
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
        "✓ no docker-credential-ecrx entries in ~/.docker/config.json\n"
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
        stdout.ends_with("· dry run: nothing was changed\n"),
        "{stdout}"
    );
    assert_eq!(fs::read(person.docker_file()).expect("a file"), before);
}

#[test]
fn undo_names_everything_that_remains() {
    let person = both();
    let link = person.environment.link("docker-credential-ecrx-release");
    person.environment.write(
        ".config/containers/auth.json",
        &format!("{{\"credHelpers\":{{\"{HOST}\":\"ecrx\"}}}}"),
    );
    person
        .environment
        .config("[[registry]]\nmatch = \"*\"\nprofile = \"work\"\n");
    let rules =
        "· not removed: the [[registry]] rules in ~/.config/docker-credential-ecrx/config.toml\n";
    let podman = "· not removed: entries for podman in ~/.config/containers/auth.json. To remove them, run: docker-credential-ecrx configure-docker --podman --undo";
    let program = "· not removed: the executable ~/bin/docker-credential-ecrx-release\n";

    let one = person.configured(&["--undo", HOST]);
    assert!(one.ends_with(&format!("{podman} {HOST}\n{rules}")), "{one}");
    let other = person.configured(&["--undo", OTHER_HOST]);
    assert!(!other.contains("podman"), "{other}");
    let all = person.configured(&["--undo"]);
    assert!(
        all.ends_with(&format!("{podman}\n{rules}{program}")),
        "{all}"
    );

    person.configured(&["--undo", "--podman"]);
    fs::remove_file(link).expect("to remove");
    let all = person.configured(&["--undo"]);
    assert!(all.ends_with(&format!("json\n{rules}")), "{all}");
}

#[test]
fn undo_for_podman_names_entries_that_remain_for_docker() {
    let person = both();
    let told = person.configured(&["--undo", "--podman"]);
    assert!(
        told.contains("· not removed: entries for docker in ~/.docker/config.json. To remove them, run: docker-credential-ecrx configure-docker --undo\n"),
        "{told}"
    );
}
