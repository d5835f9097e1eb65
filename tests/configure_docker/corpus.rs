//! Odd configuration files, as editors, Docker Desktop and dotfiles leave them: the entry is added,
//! and every other byte stays.

use std::fs;

use super::{AUTH, HOST, Setup, inserted};

/// A file, and the text that is inserted.
const CORPUS: &[(&str, &str, &str)] = &[
    (
        "as docker writes it: tabs, no line end at the end",
        "{\n\t\"auths\": {},\n\t\"detachKeys\": \"ctrl-e,e\"\n}",
        ",\n\t\"credHelpers\": {\n\t\t\"HOST\": \"ecrx\"\n\t}",
    ),
    (
        "two blanks, and a line end at the end",
        "{\n  \"auths\": {}\n}\n",
        ",\n  \"credHelpers\": {\n    \"HOST\": \"ecrx\"\n  }",
    ),
    (
        "four blanks, and much below",
        "{\n    \"plugins\": {\n        \"a\": {\n            \"b\": [\n                1\n            ]\n        }\n    }\n}\n\n\n",
        ",\n    \"credHelpers\": {\n        \"HOST\": \"ecrx\"\n    }",
    ),
    (
        "CRLF",
        "{\r\n  \"auths\": {}\r\n}\r\n",
        ",\r\n  \"credHelpers\": {\r\n    \"HOST\": \"ecrx\"\r\n  }",
    ),
    (
        "an empty object",
        "{}",
        "\n\t\"credHelpers\": {\n\t\t\"HOST\": \"ecrx\"\n\t}\n",
    ),
    (
        "one line",
        "{\"auths\": {}}",
        ", \"credHelpers\": {\"HOST\": \"ecrx\"}",
    ),
    (
        "one line without a blank",
        "{\"auths\":{}}",
        ",\"credHelpers\":{\"HOST\":\"ecrx\"}",
    ),
    (
        "one line with many blanks",
        "{ \"auths\" : { } , \"x\" : 1 }\n",
        ", \"credHelpers\" : {\"HOST\" : \"ecrx\"}",
    ),
    (
        "other helpers",
        "{\n\t\"credHelpers\": {\n\t\t\"gcr.io\": \"gcloud\"\n\t},\n\t\"x\": 1\n}",
        ",\n\t\t\"HOST\": \"ecrx\"",
    ),
    (
        "no helpers in credHelpers",
        "{\n  \"credHelpers\": {},\n  \"x\": 1\n}\n",
        "\n    \"HOST\": \"ecrx\"\n  ",
    ),
    (
        "one line in many",
        "{\n  \"credHelpers\": {\"gcr.io\": \"gcloud\"},\n  \"x\": 1\n}\n",
        ", \"HOST\": \"ecrx\"",
    ),
    (
        "names in other letters, which docker takes too",
        "{\n  \"CREDHELPERS\": {\n    \"gcr.io\": \"gcloud\"\n  }\n}\n",
        ",\n    \"HOST\": \"ecrx\"",
    ),
    (
        "the same name twice",
        "{\"credHelpers\":{\"a.io\":\"x\"},\"y\":1,\"y\":2,\"credHelpers\":{\"b.io\":\"z\"}}",
        ",\"HOST\":\"ecrx\"",
    ),
    (
        "numbers that no program can hold",
        "{\"a\": 1e400, \"b\": 123456789012345678901234567890.50, \"c\": -0.0}",
        ", \"credHelpers\": {\"HOST\": \"ecrx\"}",
    ),
    (
        "text that is not ASCII, and escapes",
        "{\n \"ключ 😀\": \"é \\u00e9 \\/ \\ud83d\\ude00\",\n \"\\u0061\": \"\"\n}",
        ",\n \"credHelpers\": {\n  \"HOST\": \"ecrx\"\n }",
    ),
    (
        "an order of its own",
        "{\n  \"z\": 1,\n  \"a\": 2,\n\n  \"m\": 3\n}\n",
        ",\n  \"credHelpers\": {\n    \"HOST\": \"ecrx\"\n  }",
    ),
    (
        "Docker Desktop's entries without a password",
        "{\n\t\"auths\": {\n\t\t\"https://index.docker.io/v1/\": {}\n\t},\n\t\"credsStore\": \"osxkeychain\",\n\t\"currentContext\": \"default\"\n}",
        ",\n\t\"credHelpers\": {\n\t\t\"HOST\": \"ecrx\"\n\t}",
    ),
    (
        "indentation that goes astray",
        "{\n   \"a\": 1,\n \"b\": 2}",
        ",\n \"credHelpers\": {\n    \"HOST\": \"ecrx\"\n }",
    ),
];

#[test]
fn nothing_is_changed_but_what_is_added() {
    for (name, before, expected) in CORPUS {
        let setup = Setup::with(before);
        setup.configured(&[HOST]);
        let after = setup.docker();
        assert_eq!(
            inserted(before, &after),
            expected.replace("HOST", HOST),
            "{name}"
        );
        let kept = fs::read_to_string(setup.backup()).expect("a backup");
        assert_eq!(kept, *before, "{name}");
        setup.nothing_to_do(&[HOST]);
        setup.configured(&["--undo"]);
        if *name != "no helpers in credHelpers" {
            assert_eq!(setup.docker(), *before, "{name}");
        }
    }
}

#[test]
fn an_empty_file_is_written_as_docker_writes_it() {
    for blank in ["", " \n\r\n\t"] {
        let setup = Setup::with(blank);
        setup.configured(&[HOST]);
        assert_eq!(
            setup.docker(),
            format!("{{\n\t\"credHelpers\": {{\n\t\t\"{HOST}\": \"ecrx\"\n\t}}\n}}\n")
        );
        let kept = fs::read_to_string(setup.backup()).expect("a backup");
        assert_eq!(kept, blank);
    }
}

#[test]
fn another_helper_of_the_host_is_replaced_in_place() {
    let table = [
        (
            r#"{"credHelpers":{"HOST":"ecr-login","x.io":"y"}}"#,
            r#"{"credHelpers":{"HOST":"ecrx","x.io":"y"}}"#,
        ),
        (
            r#"{"credHelpers":{"HOST":"a","HOST":"b"}}"#,
            r#"{"credHelpers":{"HOST":"a","HOST":"ecrx"}}"#,
        ),
        (
            r#"{"credHelpers":{"HOST":"a"},"CredHelpers":{"HOST":""}}"#,
            r#"{"credHelpers":{"HOST":"a"},"CredHelpers":{"HOST":"ecrx"}}"#,
        ),
        (
            r#"{"credHelpers":null,"x":1}"#,
            r#"{"credHelpers":{"HOST":"ecrx"},"x":1}"#,
        ),
        (
            r#"{"credHelpers":{"HOST":"ecrx-old"}}"#,
            r#"{"credHelpers":{"HOST":"ecrx"}}"#,
        ),
    ];
    for (before, after) in table {
        let setup = Setup::with(before.replace("HOST", HOST));
        setup.configured(&[HOST]);
        assert_eq!(setup.docker(), after.replace("HOST", HOST));
        setup.nothing_to_do(&[HOST]);
    }
}

#[test]
fn a_file_that_docker_cannot_read_is_reported_and_not_changed() {
    let table: &[(&[u8], &str)] = &[
        (
            b"{\n  \"auths\": {},\n}\n",
            "~/.docker/config.json:3:1: key must be a string; docker and podman cannot read the file either (JSON allows no comments or trailing commas)\n  Correct the file, then run this command again",
        ),
        (
            b"{\n  // mine\n  \"auths\": {}\n}\n",
            "~/.docker/config.json:2:3: key must be a string; docker and podman cannot read the file either (JSON allows no comments or trailing commas)\n  Correct the file, then run this command again",
        ),
        (
            b"{\"auths\": {}",
            "~/.docker/config.json:1:12: EOF while parsing an object; docker and podman cannot read the file either (JSON allows no comments or trailing commas)\n  Correct the file, then run this command again",
        ),
        (
            b"[]",
            "~/.docker/config.json: expected a JSON object; docker and podman cannot read the file either\n  Correct the file, then run this command again",
        ),
        (
            b"null",
            "~/.docker/config.json:1:1: expected a JSON object, found null; docker-credential-ecrx cannot edit this file\n  Correct the file, then run this command again",
        ),
        (
            b"{\"x\": \"\xe9\"}",
            "~/.docker/config.json is not UTF-8 text\n  Correct the file, then run this command again",
        ),
        (
            b"{\"credHelpers\": \"ecrx\"}",
            "~/.docker/config.json: credHelpers is not an object; docker and podman cannot read the file either\n  Correct the file, then run this command again",
        ),
        (
            b"\xef\xbb\xbf{}",
            "~/.docker/config.json begins with a byte order mark, so docker and podman cannot read it\n  Pass --fix to remove the byte order mark",
        ),
    ];
    let has_mark = |text: &[u8]| text.starts_with(b"\xef\xbb\xbf");
    for (before, told) in table {
        let setup = Setup::with(before);
        for arguments in [&[HOST][..], &[HOST, "--dry-run"], &["--undo"]] {
            let refused = setup.refused(arguments);
            let told = if has_mark(before) && arguments == ["--undo"] {
                told.replace(
                    "Pass --fix to remove the byte order mark",
                    "Correct the file, then run this command again",
                )
            } else {
                (*told).to_owned()
            };
            assert_eq!(refused, format!("docker-credential-ecrx: {told}\n"));
        }
    }
}

#[test]
fn fix_removes_a_byte_order_mark() {
    let setup = Setup::with("\u{feff}{\r\n\t\"auths\": {}\r\n}\r\n");
    setup.configured(&[HOST, "--fix"]);
    let after = setup.docker();
    let rest = "{\r\n\t\"auths\": {}\r\n}\r\n";
    assert!(inserted(rest, &after).contains(HOST));
    let kept = fs::read_to_string(setup.backup()).expect("a backup");
    assert_eq!(kept, format!("\u{feff}{rest}"));
}

/// 40 levels deep, 3000 keys, 1 MiB: larger than any real file.
#[test]
fn a_large_file_is_a_file_like_any_other() {
    let mut before = "{\n".to_owned();
    for number in 0..3000 {
        before.push_str(&format!(
            "  \"key-{number}\": {}1{},\n",
            "[".repeat(40),
            "]".repeat(40)
        ));
    }
    before.push_str(&format!(
        "  \"auths\": {{\"x.io\": {{\"auth\": \"{AUTH}\"}}}}\n}}\n"
    ));
    let setup = Setup::with(&before);
    setup.configured(&[HOST]);
    assert!(inserted(&before, &setup.docker()).contains(HOST));
}
