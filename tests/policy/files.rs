//! `--out DIR`: one file for each document.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::{Outcome, TestEnvironment};
use crate::set_ups::{SET_UPS, parts, parts_in};

fn write(environment: &TestEnvironment, arguments: &[&str], form: &str, folder: &Path) -> Outcome {
    let folder = folder.to_str().expect("text");
    let options = ["--format", form, "--out", folder];
    environment.run(&[&["policy"], arguments, &options].concat(), "")
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_str().expect("text");
            (name.to_owned(), fs::read_to_string(&path).expect("text"))
        })
        .collect()
}

#[test]
fn file_names_say_account_and_kind() {
    let environment = TestEnvironment::new();
    for (form, names) in [
        (
            "json",
            &[
                "111122223333-identity-policy-ecr-pull.json",
                "444455556666-identity-policy.json",
                "999999999999-identity-policy-bob.json",
                "999999999999-us-west-2-repository-policy-team-app.json",
            ][..],
        ),
        (
            "terraform",
            &[
                "111122223333-identity-policy-ecr-pull.tf",
                "444455556666-identity-policy.tf",
                "999999999999-identity-policy-bob.tf",
                "999999999999-us-west-2-repository-policy-team-app.tf",
                "providers.tf",
            ],
        ),
        (
            "cloudformation",
            &[
                "111122223333-us-west-2-cloudformation.yaml",
                "444455556666-us-west-2-cloudformation.yaml",
                "999999999999-us-west-2-cloudformation.yaml",
            ],
        ),
        (
            "cli",
            &[
                "111122223333-commands.sh",
                "444455556666-commands.sh",
                "999999999999-commands.sh",
            ],
        ),
    ] {
        let folder = environment.home().join("new").join(form);
        let outcome = write(&environment, SET_UPS[0].1, form, &folder);
        assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
        let files = files(&folder);
        assert!(files.keys().eq(names), "{:?}", files.keys());
        for name in names {
            assert!(outcome.stdout.contains(name), "{}", outcome.stdout);
        }
    }
}

#[test]
fn text_and_json_write_the_bare_documents() {
    let environment = TestEnvironment::new();
    for (name, arguments) in SET_UPS {
        let expected: Vec<Value> = parts(arguments)
            .into_iter()
            .map(|mut part| part["document"].take())
            .collect();
        for form in ["text", "json"] {
            let folder = environment.home().join(form).join(name);
            let outcome = write(&environment, arguments, form, &folder);
            assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
            let files = files(&folder);
            assert_eq!(files.len(), expected.len(), "{name}");
            for text in files.values() {
                let document: Value = serde_json::from_str(text).expect("JSON");
                assert!(expected.contains(&document), "{name}: {text}");
            }
        }
    }
}

#[test]
fn json_output_names_the_file_of_each_document() {
    let environment = TestEnvironment::new();
    let folder = environment.home().join("out");
    let outcome = write(&environment, SET_UPS[3].1, "json", &folder);
    let list = parts_in(&outcome.stdout);
    for part in &list {
        let text = fs::read_to_string(part["file"].as_str().expect("a path")).expect("a file");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(document, part["document"]);
    }
    assert_eq!(list.len(), files(&folder).len());
}

#[test]
fn a_second_run_leaves_the_same_files_unchanged() {
    let environment = TestEnvironment::new();
    for form in ["text", "json", "terraform", "cloudformation", "cli"] {
        let folder = environment.home().join(form);
        write(&environment, SET_UPS[1].1, form, &folder);
        let before = files(&folder);
        let again = write(&environment, SET_UPS[1].1, form, &folder);
        assert_eq!((again.code, &*again.stderr), (Some(0), ""), "{form}");
        assert_eq!(files(&folder), before);
        if form != "json" {
            assert!(again.stdout.contains("unchanged: "), "{}", again.stdout);
            assert!(!again.stdout.contains("written: "), "{}", again.stdout);
        }
    }
}

#[test]
fn a_file_with_different_content_is_not_overwritten_and_no_other_is_written() {
    let environment = TestEnvironment::new();
    let folder = environment.home().join("out");
    let file = "out/999999999999-identity-policy-bob.json";
    for content in ["{}", &"x".repeat(10_000)] {
        let path = environment.write(file, content);
        let outcome = write(&environment, SET_UPS[0].1, "json", &folder);
        let line = format!(
            "docker-credential-ecrx: {} already exists with different content. No file was \
             written\n  Delete the file, or use another directory with --out\n",
            path.display()
        );
        assert_eq!(
            (outcome.code, &*outcome.stdout, &*outcome.stderr),
            (Some(1), "", &*line)
        );
        let name = "999999999999-identity-policy-bob.json".to_owned();
        assert_eq!(files(&folder), BTreeMap::from([(name, content.to_owned())]));
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_a_missing_file_is_named_and_no_file_is_written() {
    let environment = TestEnvironment::new();
    let folder = environment.home().join("out");
    fs::create_dir(&folder).expect("a folder");
    for (form, name) in [
        ("json", "999999999999-identity-policy-bob.json"),
        ("terraform", "999999999999-identity-policy-bob.tf"),
        ("cli", "444455556666-commands.sh"),
    ] {
        let link = folder.join(name);
        std::os::unix::fs::symlink("/nowhere/file", &link).expect("a link");
        let outcome = write(&environment, SET_UPS[0].1, form, &folder);
        let line = format!(
            "docker-credential-ecrx: {} is a link to a file that does not exist. No file was \
             written\n  Delete the link, or use another directory with --out\n",
            link.display()
        );
        assert_eq!(
            (outcome.code, &*outcome.stdout, &*outcome.stderr),
            (Some(1), "", &*line)
        );
        let entries = fs::read_dir(&folder).expect("a folder").count();
        assert_eq!(entries, 1, "{form}");
        fs::remove_file(&link).expect("removed");
    }
}

/// On a disk of two pages: the third of four files does not fit.
#[cfg(target_os = "linux")]
#[test]
fn on_a_full_disk_no_file_is_written() {
    use crate::common::PROGRAM;
    use crate::common::files::{own_mounts, skipped};

    const SCRIPT: &str = r#"
/bin/mount -t tmpfs -o size=8192 tmpfs "$1" || { echo unmounted; exit; }
folder=$1; shift; "$@" --out "$folder"; code=$?; /bin/ls -A "$folder"; exit $code"#;
    if !Path::new("/usr/bin/unshare").exists() {
        skipped("this machine has no unshare");
        return;
    }
    let environment = TestEnvironment::new();
    let folder = environment.home().join("out");
    fs::create_dir(&folder).expect("a folder");
    let mut words = own_mounts();
    words.extend(["--", "/bin/sh", "-c", SCRIPT, "sh"]);
    words.push(folder.to_str().expect("text"));
    words.extend([PROGRAM, "policy", "--json"]);
    words.extend(SET_UPS[0].1);
    let outcome = environment.run_program("/usr/bin/unshare", &words, "");
    if outcome.stdout == "unmounted\n" || outcome.stderr.starts_with("unshare:") {
        skipped("nothing can be mounted here (neither root nor user namespaces)");
        return;
    }
    assert_eq!(
        (outcome.code, &*outcome.stdout),
        (Some(1), ""),
        "{outcome:?}"
    );
    assert!(outcome.stderr.contains("No space left"), "{outcome:?}");
    assert!(
        outcome.stderr.ends_with("\n  No file was written\n"),
        "{outcome:?}"
    );
}

#[test]
fn a_directory_that_cannot_be_created_is_named_with_the_reason() {
    let environment = TestEnvironment::new();
    let file = environment.write("file", "");
    for folder in [file.clone(), file.join("below")] {
        let outcome = write(&environment, SET_UPS[0].1, "text", &folder);
        assert_eq!((outcome.code, &*outcome.stdout), (Some(1), ""));
        let start = format!(
            "docker-credential-ecrx: cannot create the directory {}: ",
            folder.display()
        );
        assert!(outcome.stderr.starts_with(&start), "{}", outcome.stderr);
    }
}

#[test]
fn names_that_differ_only_in_a_slash_get_two_files() {
    let environment = TestEnvironment::new();
    let folder = environment.home().join("out");
    write(&environment, SET_UPS[3].1, "json", &folder);
    let files = files(&folder);
    for name in ["team-app", "team-app-2"] {
        let name = format!("999999999999-cn-north-1-repository-policy-{name}.json");
        assert!(files.contains_key(&name), "{:?}", files.keys());
    }
}
