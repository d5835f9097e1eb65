//! `--undo` removes this program's entries, and nothing else.

use std::fs;

use super::common::Outcome;
use super::{HOST, OTHER_HOST, Setup};

const BOTH: &str = "{
  \"credHelpers\": {
    \"HOST\": \"ecrx\",
    \"gcr.io\": \"gcloud\",
    \"OTHER\": \"ecrx-release\"
  },
  \"credsStore\": \"ecrx\"
}
";

fn both() -> Setup {
    Setup::with(BOTH.replace("HOST", HOST).replace("OTHER", OTHER_HOST))
}

#[test]
fn undo_without_hosts_removes_all_own_entries() {
    let setup = both();
    assert_eq!(
        setup.configured(&["--undo"]),
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
    let again = setup.configured(&["--undo"]);
    assert_eq!(
        again,
        "✓ no docker-credential-ecrx entries in ~/.docker/config.json\n"
    );
}

#[test]
fn undo_of_hosts_removes_only_their_entries() {
    let setup = both();
    // In any spelling.
    setup.configured(&["--undo", &format!("https://{HOST}/")]);
    let expected = BOTH.replace("    \"HOST\": \"ecrx\",\n", "");
    assert_eq!(setup.docker(), expected.replace("OTHER", OTHER_HOST));
    setup.configured(&["--undo", "--creds-store"]);
    let expected = expected.replace(",\n  \"credsStore\": \"ecrx\"", "");
    assert_eq!(setup.docker(), expected.replace("OTHER", OTHER_HOST));
}

#[test]
fn undo_of_one_host_does_not_claim_that_no_entries_are_left() {
    let setup = both();
    setup.configured(&["--undo", HOST]);
    assert_eq!(
        setup.configured(&["--undo", HOST]),
        "✓ nothing to undo in ~/.docker/config.json\n"
    );
}

#[test]
fn the_helper_of_other_registries_is_restored() {
    for undo in [&["--undo"][..], &["--undo", "--creds-store"]] {
        let before = "{\n\t\"credsStore\": \"pass\"\n}\n";
        let setup = Setup::with(before);
        setup.configured(&["--creds-store", "--fix"]);
        assert!(setup.docker().contains("ecrx"));
        setup.configured(undo);
        assert_eq!(setup.docker(), before);
    }
}

#[test]
fn undo_removes_a_host_that_no_rule_names_any_longer() {
    let setup = Setup::with("{\"credHelpers\":{\"images.example.com\":\"ecrx\"}}");
    setup.configured(&["--undo", "images.example.com"]);
    assert_eq!(setup.docker(), "{}");
    let told = setup.misused(&["--undo", "two words"]);
    assert!(told.contains("`two …` is not an ECR registry"), "{told}");
}

#[test]
fn undo_keeps_an_entry_for_another_helper() {
    let setup = Setup::with(format!("{{\"credHelpers\":{{\"{HOST}\":\"ecr-login\"}}}}"));
    let told = setup.configured(&["--undo", HOST]);
    assert_eq!(
        told,
        format!(
            "✓ nothing to undo in ~/.docker/config.json\n· not removed: the entry for {HOST}, which uses another helper (ecr-login)\n"
        )
    );
}

#[test]
fn undo_keeps_the_rules() {
    let setup = Setup::new();
    setup.configured(&[HOST, "--profile", "work"]);
    let rules = setup.rules();
    let told = setup.configured(&["--undo"]);
    assert!(
        told.ends_with("· not removed: the [[registry]] rules in ~/.config/docker-credential-ecrx/config.toml\n"),
        "{told}"
    );
    assert_eq!(setup.rules(), rules);
    assert_eq!(setup.docker(), "{}\n");
}

#[test]
fn the_other_helper_in_config_toml_remains_and_is_reported() {
    const LEFT: &str = "· not removed: other_registries_helper = \"pass\" at ~/.config/docker-credential-ecrx/config.toml:1\n";
    let setup = Setup::with(format!(
        "{{\"credsStore\":\"pass\",\"credHelpers\":{{\"{OTHER_HOST}\":\"ecrx\"}}}}"
    ));
    setup.configured(&["--creds-store", "--fix"]);
    let rules = setup.rules();
    // Only credsStore uses it.
    let told = setup.configured(&["--undo", OTHER_HOST]);
    assert!(!told.contains("other_registries_helper"), "{told}");
    let podman = setup.configured(&["--undo", "--podman"]);
    assert!(!podman.contains("other_registries_helper"), "{podman}");
    for undo in [&["--undo", "--creds-store"][..], &["--undo"]] {
        let told = setup.configured(undo);
        assert!(told.ends_with(LEFT), "{told}");
    }
    assert_eq!(setup.rules(), rules);
}

#[test]
fn undo_creates_no_files() {
    let setup = Setup::new();
    assert_eq!(
        setup.configured(&["--undo"]),
        "✓ no docker-credential-ecrx entries in ~/.docker/config.json\n"
    );
    assert!(!setup.path(".docker").exists());
}

#[test]
fn a_dry_run_undoes_nothing() {
    let setup = both();
    let before = fs::read(setup.docker_file()).expect("a file");
    let Outcome { code, stdout, .. } = setup.configure(&["--undo", "--dry-run"]);
    assert_eq!(code, Some(0));
    assert!(
        stdout.ends_with("· dry run: nothing was changed\n"),
        "{stdout}"
    );
    assert_eq!(fs::read(setup.docker_file()).expect("a file"), before);
}

#[test]
fn undo_names_everything_that_remains() {
    let setup = both();
    let link = setup.environment.link("docker-credential-ecrx-release");
    setup.environment.write(
        ".config/containers/auth.json",
        &format!("{{\"credHelpers\":{{\"{HOST}\":\"ecrx\"}}}}"),
    );
    setup
        .environment
        .config("[[registry]]\nmatch = \"*\"\nprofile = \"work\"\n");
    let rules =
        "· not removed: the [[registry]] rules in ~/.config/docker-credential-ecrx/config.toml\n";
    let podman = "· not removed: entries for podman in ~/.config/containers/auth.json. To remove them, run: docker-credential-ecrx configure-docker --podman --undo";
    let program = "· not removed: the executable ~/bin/docker-credential-ecrx-release\n";

    let one = setup.configured(&["--undo", HOST]);
    assert!(one.ends_with(&format!("{podman} {HOST}\n{rules}")), "{one}");
    let other = setup.configured(&["--undo", OTHER_HOST]);
    assert!(!other.contains("podman"), "{other}");
    let all = setup.configured(&["--undo"]);
    assert!(
        all.ends_with(&format!("{podman}\n{rules}{program}")),
        "{all}"
    );

    setup.configured(&["--undo", "--podman"]);
    fs::remove_file(link).expect("to remove");
    let all = setup.configured(&["--undo"]);
    assert!(all.ends_with(&format!("json\n{rules}")), "{all}");
}

#[test]
fn undo_for_podman_names_entries_that_remain_for_docker() {
    let setup = both();
    let told = setup.configured(&["--undo", "--podman"]);
    assert!(
        told.contains("· not removed: entries for docker in ~/.docker/config.json. To remove them, run: docker-credential-ecrx configure-docker --undo\n"),
        "{told}"
    );
}
