//! What is installed, and that uninstalling leaves nothing.

use std::fs;

use serde_json::Value;

use crate::common::PROGRAM;
use crate::common::files::{chmod, give_away, mode};

use super::{Node, UPSTREAM, names};

const NAME: &str = "docker-credential-ecrx";

#[test]
fn it_adds_an_entry_and_an_executable_and_a_second_run_changes_nothing() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    let told = node.succeeds(&["install"]);
    assert!(told.contains("copied this program to "), "{told}");
    assert!(
        told.contains("To replace it, pass --replace ecr-credential-provider"),
        "{told}"
    );
    let text = node.text();
    assert!(text.starts_with(UPSTREAM), "{text}");
    assert!(
        text.contains("\n- name: docker-credential-ecrx\n"),
        "{text}"
    );
    assert_eq!(mode(&node.executable(NAME)), 0o755);
    assert_eq!(
        fs::read(node.executable(NAME)).unwrap(),
        fs::read(PROGRAM).unwrap()
    );
    assert_eq!(names(&node.bin_dir()), [NAME]);
    let again = node.succeeds(&["install"]);
    assert!(again.contains("already configured: "), "{again}");
    assert_eq!(node.text(), text);
}

#[test]
fn what_is_installed_answers_kubelet() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    node.succeeds(&["install"]);
    let outcome = node
        .environment
        .run_program(node.executable(NAME), &["kubelet"], "");
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.stderr.contains("stdin is empty; kubelet sends a "),
        "{outcome:?}"
    );
}

#[test]
fn uninstalling_restores_every_byte_and_leaves_no_file() {
    for (name, text) in [
        ("config.yaml", UPSTREAM),
        (
            "config.json",
            "{\"kind\": \"CredentialProviderConfig\", \"vendor\": 1e2, \"providers\": [{\"name\": \"x\"}]}",
        ),
    ] {
        let Some(node) = Node::new(name, text) else {
            return;
        };
        let before = names(node.environment.home());
        node.succeeds(&["install"]);
        assert_ne!(node.text(), text);
        node.succeeds(&["uninstall"]);
        assert_eq!(node.text(), text);
        assert_eq!(names(&node.bin_dir()), Vec::<String>::new());
        assert_eq!(names(node.environment.home()), before);
        let again = node.succeeds(&["uninstall"]);
        assert!(again.contains("nothing to remove: "), "{again}");
    }
}

#[test]
fn a_replaced_provider_and_its_executable_come_back() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    let upstream = node.executable("ecr-credential-provider");
    fs::write(&upstream, "#!/bin/sh\n").unwrap();
    let error = node.fails(&["install", "--name", "ecr-credential-provider"]);
    assert!(error.contains("is another program's"), "{error}");
    let words = [
        "--name",
        "ecr-credential-provider",
        "--replace",
        "ecr-credential-provider",
    ];
    node.succeeds(&[&["install"], &words[..]].concat());
    assert!(!node.text().contains("# upstream"), "{}", node.text());
    assert_eq!(fs::read(&upstream).unwrap(), fs::read(PROGRAM).unwrap());
    let told = node.succeeds(&["uninstall", "--name", "ecr-credential-provider"]);
    assert!(
        told.contains("the provider ecr-credential-provider is restored"),
        "{told}"
    );
    assert_eq!(node.text(), UPSTREAM);
    assert_eq!(fs::read_to_string(&upstream).unwrap(), "#!/bin/sh\n");
    assert_eq!(names(&node.bin_dir()), ["ecr-credential-provider"]);
}

#[test]
fn in_a_folder_of_files_the_entry_has_a_file_of_its_own() {
    let Some(mut node) = Node::new("kubelet.d/10-vendor.yaml", UPSTREAM) else {
        return;
    };
    let vendor = node.config.clone();
    node.config = vendor.parent().unwrap().to_owned();
    node.succeeds(&["install"]);
    let files = ["10-vendor.yaml", "docker-credential-ecrx.yaml"];
    assert_eq!(names(&node.config), files);
    assert!(node.succeeds(&["install"]).contains("already configured"));
    node.succeeds(&["uninstall"]);
    assert_eq!(names(&node.config), ["10-vendor.yaml"]);
    assert_eq!(fs::read_to_string(vendor).unwrap(), UPSTREAM);
}

#[test]
fn in_a_folder_of_files_providers_of_other_files_remain() {
    let Some(mut node) = Node::new("kubelet.d/10-vendor.yaml", UPSTREAM) else {
        return;
    };
    node.config = node.config.parent().unwrap().to_owned();
    node.succeeds(&["install"]);
    let told = node.succeeds(&["uninstall"]);
    assert!(!told.contains("no provider remains"), "{told}");
}

#[test]
fn a_file_of_another_kind_is_refused_and_stays() {
    for text in [
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n",
        "a: b\n",
    ] {
        let Some(node) = Node::new("config.yaml", text) else {
            return;
        };
        let error = node.fails(&["install"]);
        assert!(
            error.contains("kubelet would not start with ")
                && error.contains("kind is not CredentialProviderConfig"),
            "{error}"
        );
        assert_eq!(node.text(), text);
        assert_eq!(names(&node.bin_dir()), Vec::<String>::new());
    }
}

#[test]
fn an_option_that_kubelet_would_refuse_is_refused() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    for (words, rule) in [
        (
            &["--match-image", "[.example"][..],
            "matchImages: `[.example` is not a pattern",
        ),
        (
            &["--match-image", "registry.example:abc"],
            "is not a pattern",
        ),
        (
            &["--workload-identity", "--audience="],
            "serviceAccountTokenAudience is missing",
        ),
    ] {
        let error = node.fails(&[&["install"], words].concat());
        assert!(error.contains(rule), "{error}");
        assert_eq!(node.text(), UPSTREAM);
    }
    assert_eq!(names(&node.bin_dir()), Vec::<String>::new());
}

#[test]
fn another_program_of_that_name_is_not_replaced() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    fs::write(node.executable(NAME), "#!/bin/sh\n").unwrap();
    let error = node.fails(&["install"]);
    assert!(error.contains("is another program"), "{error}");
    assert_eq!(node.text(), UPSTREAM);
    assert_eq!(
        fs::read_to_string(node.executable(NAME)).unwrap(),
        "#!/bin/sh\n"
    );
}

#[test]
fn a_missing_configuration_is_created_and_deleted() {
    let Some(node) = Node::new("config.json", "") else {
        return;
    };
    fs::remove_file(&node.config).unwrap();
    node.succeeds(&[
        "install",
        "--workload-identity",
        "--match-image",
        "*.dkr.ecr.*.amazonaws.com",
    ]);
    let config: Value = serde_json::from_str(&node.text()).unwrap();
    let entry = &config["providers"][0];
    assert_eq!(
        entry["matchImages"],
        serde_json::json!(["*.dkr.ecr.*.amazonaws.com"])
    );
    assert_eq!(
        entry["tokenAttributes"]["serviceAccountTokenAudience"],
        "sts.amazonaws.com"
    );
    let told = node.succeeds(&["uninstall"]);
    assert!(told.contains("no provider remains"), "{told}");
    assert!(!node.config.exists());
}

#[test]
fn settings_of_the_entry_that_no_option_names_stay() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    node.succeeds(&["install"]);
    let edited = node.text().replace("value: /root", "value: /home/node");
    fs::write(&node.config, &edited).unwrap();
    assert!(node.succeeds(&["install"]).contains("already configured"));
    assert_eq!(node.text(), edited);
    node.succeeds(&["install", "--match-image", "public.ecr.aws"]);
    assert!(node.text().contains("value: /home/node"), "{}", node.text());
}

#[test]
fn a_folder_that_others_can_write_to_is_refused() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    for (make, why) in [
        (
            (|node| chmod(&node.bin_dir(), 0o777)) as fn(&Node),
            "all users can write to ",
        ),
        (
            |node| chmod(&node.bin_dir(), 0o775),
            "its group can write to ",
        ),
        (
            |node| {
                chmod(&node.bin_dir(), 0o755);
                give_away(&node.bin_dir());
            },
            " belongs to user 12345",
        ),
    ] {
        make(&node);
        let error = node.fails(&["install"]);
        assert!(error.contains(why), "{error}");
        assert_eq!(names(&node.bin_dir()), Vec::<String>::new());
    }
    assert_eq!(node.text(), UPSTREAM);
}

#[test]
fn a_dry_run_changes_nothing() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    let told = node.succeeds(&["install", "--dry-run"]);
    for expected in [
        "+- name: docker-credential-ecrx",
        "would copy this program to ",
        "dry run: nothing was changed",
    ] {
        assert!(told.contains(expected), "{told}");
    }
    assert_eq!(names(&node.bin_dir()), Vec::<String>::new());
    assert_eq!(node.text(), UPSTREAM);
}

#[test]
fn what_a_killed_process_has_left_is_removed() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    node.succeeds(&["install"]);
    fs::write(node.executable(".ecrx-half.tmp"), "half").unwrap();
    node.succeeds(&["install"]);
    assert_eq!(names(&node.bin_dir()), [NAME]);
}

#[test]
fn the_shown_difference_has_no_secrets_of_other_providers() {
    let json = r#"{"kind": "CredentialProviderConfig", "providers": [{"name": "ecr-credential-provider", "env": [
        {"name": "TOKEN", "value": "s3cret"}
    ]}]}"#;
    let yaml = format!("{UPSTREAM}  env:\n  - name: TOKEN\n    value: s3cret # s3cret\n");
    for (name, text) in [("config.yaml", yaml.as_str()), ("config.json", json)] {
        let Some(node) = Node::new(name, text) else {
            return;
        };
        let replace = ["--replace", "ecr-credential-provider"];
        for words in [&["--dry-run"][..], &replace] {
            let outcome = node.run(&[&["install"], words].concat());
            assert_eq!(outcome.code, Some(0), "{outcome:?}");
            let shown = outcome.stdout;
            assert!(
                shown.contains("TOKEN") && !shown.contains("s3cret"),
                "{shown}"
            );
            assert!(
                shown.contains("\"…\"") && shown.contains("/root"),
                "{shown}"
            );
        }
        let undone = node.succeeds(&["uninstall"]);
        assert!(!undone.contains("s3cret"), "{undone}");
        assert_eq!(node.text(), text);
    }
}
