//! Files that cannot be edited: an error with the reason, and nothing is changed.

use std::fs;

use super::{Node, names};

#[test]
fn a_file_that_cannot_be_edited_is_refused_and_stays() {
    for (text, why) in [
        ("", "it is empty"),
        (
            "a: 1\n---\nb: 2\n",
            "it has several documents, of which kubelet reads only the first",
        ),
        ("providers:\n\t- name: a\n", "it is not YAML: "),
        ("providers: [{name: a}]\n", "its layout is not supported"),
        ("kind: a\nkind: b\n", "the key `kind` is repeated"),
        ("{\"kind\": 1, \"kind\": 2}", "the key `kind` is repeated"),
        (
            "providers: &a\n- name: x\nvendor: *a\n",
            "its layout is not supported",
        ),
        ("providers: text\n", "`providers` is not a list"),
    ] {
        let Some(node) = Node::new("config.yaml", text) else {
            return;
        };
        let error = node.fails(&["install"]);
        assert!(error.contains(why), "{text}: {error}");
        assert_eq!(node.text(), text);
        assert_eq!(names(&node.bin_dir()), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_mark_and_line_ends_of_windows_stay() {
    let text = "\u{feff}kind: CredentialProviderConfig\r\nproviders:\r\n- name: a\r\n";
    let Some(node) = Node::new("config.yaml", text) else {
        return;
    };
    node.succeeds(&["install"]);
    let after = node.text();
    assert!(after.starts_with(text), "{after}");
    assert_eq!(
        after.matches('\n').count(),
        after.matches("\r\n").count(),
        "{after}"
    );
    node.succeeds(&["uninstall"]);
    assert_eq!(node.text(), text);
}

#[test]
fn a_read_only_file_is_refused_before_anything_is_copied() {
    let Some(node) = Node::new("config.yaml", super::UPSTREAM) else {
        return;
    };
    let mut permissions = fs::metadata(&node.config).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&node.config, permissions).unwrap();
    let error = node.fails(&["install"]);
    assert!(
        error.contains("is read-only; nothing was changed"),
        "{error}"
    );
    assert_eq!(names(&node.bin_dir()), Vec::<String>::new());
}
