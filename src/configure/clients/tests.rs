//! Edits of random texts, which change nothing else. Reading of texts that clients were seen to
//! read in the same way.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::env::Env;
use crate::helper_name::is_ours;

const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

fn config(text: &str) -> ClientConfig {
    ClientConfig::read(Path::new("config.json"), text.as_bytes()).expect("a configuration")
}

fn text(config: &ClientConfig) -> &str {
    config.text().expose()
}

#[test]
fn helpers_are_found_as_docker_finds_them() {
    let table = [
        (r#"{"credHelpers":{"HOST":"a"}}"#, Some("a")),
        (r#"{"CREDHELPERS":{"HOST":"a"}}"#, Some("a")),
        (
            r#"{"credHelpers":{"HOST":"a"},"credHelpers":{"HOST":"b"}}"#,
            Some("b"),
        ),
        (
            r#"{"credHelpers":{"HOST":"a"},"credHelpers":{"x":"b"}}"#,
            Some("a"),
        ),
        (
            r#"{"credHelpers":{"HOST":"a"},"credhelpers":{"HOST":"b"}}"#,
            Some("b"),
        ),
        (r#"{"credHelpers":{"HOST":"a","HOST":"b"}}"#, Some("b")),
        (r#"{"credHelpers":{"HOST":"a"},"credHelpers":null}"#, None),
        (r#"{"credHelpers":{"HOST":""}}"#, None),
        (r#"{"credHelpers":{"https://HOST":"a"}}"#, None),
        (r#"{"credHelpers":null}"#, None),
        ("{}", None),
        (" \r\n\t", None),
        ("", None),
    ];
    for (json, helper) in table {
        let config = config(&json.replace("HOST", HOST));
        assert_eq!(config.helper_of(HOST), helper, "{json}");
        let set = config.set_helper(HOST, "ecrx").expect("an edit");
        assert_eq!(set.helper_of(HOST), Some("ecrx"), "{json}");
    }
    let escaped = config(r#"{"credHelpers":{"\u0031.dkr":"a"}}"#);
    assert_eq!(escaped.helper_of("1.dkr"), Some("a"));
}

#[test]
fn a_configuration_that_docker_cannot_read_is_refused() {
    let table = [
        ("[]", "x: expected a JSON object; docker"),
        ("{", "x:1:1: EOF while parsing an object; docker"),
        (r#"{"a":1,}"#, "x:1:8: key must be a string; docker"),
        (r#"{/* */"a":1}"#, "x:1:2: key must be a string; docker"),
        (r#"{"a":01}"#, "x:1:7: invalid number; docker"),
        (r#"{'a':1}"#, "x:1:2: key must be a string; docker"),
        ("{} {}", "x:1:4: trailing characters; docker"),
        (
            "{\"a\":\"\t\"}",
            "x:1:6: control character (\\u0000-\\u001F) found while parsing a string; docker",
        ),
        (
            r#"{"credHelpers":[]}"#,
            "x: credHelpers is not an object; docker",
        ),
        (
            r#"{"credHelpers":{"a":1}}"#,
            "x: a value in credHelpers is not a helper name; docker",
        ),
        (
            r#"{"credsStore":1}"#,
            "x: credsStore is not a helper name; docker",
        ),
        (
            r#"{"auths":{"a":"b"}}"#,
            "x: auths is not an object of logins; docker",
        ),
        ("\u{feff}{}", "x begins with a byte order mark, so docker"),
    ];
    for (json, told) in table {
        let error = ClientConfig::read(Path::new("x"), json.as_bytes()).expect_err(json);
        let error = error.to_string();
        assert!(error.starts_with(told), "{json}: {error}");
    }
    let deep = format!("{}1{}", "{\"a\":".repeat(600), "}".repeat(600));
    for json in [r#"{"a":"\ud800"}"#, "null", &deep] {
        let error = ClientConfig::read(Path::new("x"), json.as_bytes()).expect_err(json);
        let error = error.to_string();
        assert!(
            error.ends_with("; docker-credential-ecrx cannot edit this file"),
            "{error}"
        );
    }
    let error = ClientConfig::read(Path::new("x"), b"{\"a\":\"\xff\"}").expect_err("no UTF-8");
    assert_eq!(error.to_string(), "x is not UTF-8 text");
}

#[test]
fn an_entry_is_removed_with_its_comma() {
    let table = [
        (r#"{"credHelpers":{"a":"ecrx"}}"#, "{}"),
        (r#"{"x":1,"credHelpers":{"a":"ecrx"}}"#, r#"{"x":1}"#),
        (r#"{"credHelpers":{"a":"ecrx"},"x":1}"#, r#"{"x":1}"#),
        (
            r#"{"credHelpers":{"a":"ecrx-b", "b":"c"}}"#,
            r#"{"credHelpers":{"b":"c"}}"#,
        ),
        (
            r#"{"credHelpers":{"b":"c", "a":"ecrx"}}"#,
            r#"{"credHelpers":{"b":"c"}}"#,
        ),
        (
            r#"{"credHelpers":{"b":"c", "a":"ecrx", "a":"ecrx", "d":"e"}}"#,
            r#"{"credHelpers":{"b":"c", "d":"e"}}"#,
        ),
        (
            r#"{"credHelpers":{"a":"ecrx"},"CredHelpers":{"a":"ecrx"}}"#,
            "{}",
        ),
        (
            r#"{"credHelpers":{"a":"ecrxx","b":"ecr-login"}}"#,
            r#"{"credHelpers":{"a":"ecrxx","b":"ecr-login"}}"#,
        ),
        (r#"{"credHelpers":{}}"#, r#"{"credHelpers":{}}"#),
    ];
    for (before, after) in table {
        let without = config(before).without_helpers(|_, helper| is_ours(helper));
        assert_eq!(text(&without.expect("an edit")), after, "{before}");
    }
    let store = config(r#"{"credsStore":"x", "credsStore": "ecrx"}"#);
    let store = store.without_creds_store(is_ours).expect("an edit");
    assert_eq!(text(&store), r#"{"credsStore":"x"}"#);
    let login = config("{\"auths\": {\n  \"a\": {},\n  \"b\": {}\n}}").without_login("a");
    assert_eq!(
        text(&login.expect("an edit")),
        "{\"auths\": {\n  \"b\": {}\n}}"
    );
}

/// Remaining entries are unchanged, and removing several entries at once has the same result as
/// removing them one by one.
#[test]
fn any_of_several_entries_can_be_removed() {
    for between in [",", ", ", ",\n    "] {
        for ours in 0_u32..32 {
            let is_our = |number: u32| ours & (1 << number) != 0;
            let entry = |number: u32| {
                let helper = if is_our(number) { "ecrx" } else { "pass" };
                format!("\"h{number}\": \"{helper}\"")
            };
            let file = |entries: Vec<String>| {
                if entries.is_empty() {
                    "{\"x\": 1}".to_owned()
                } else {
                    format!(
                        "{{\"x\": 1, \"credHelpers\": {{ {} }}}}",
                        entries.join(between)
                    )
                }
            };
            let before = file((0..5).map(entry).collect());
            let after = file(
                (0..5)
                    .filter(|number| !is_our(*number))
                    .map(entry)
                    .collect(),
            );
            let at_once = config(&before).without_helpers(|_, helper| is_ours(helper));
            assert_eq!(text(&at_once.expect("an edit")), after, "{before}");
            let mut one_by_one = config(&before);
            for number in (0..5).filter(|number| is_our(*number)) {
                let host = format!("h{number}");
                let without = one_by_one.without_helpers(|found, _| found == host);
                one_by_one = without.expect("an edit");
            }
            assert_eq!(text(&one_by_one), after, "{before}");
        }
    }
}

#[test]
fn nothing_that_may_be_secret_is_shown() {
    let config = config(
        r#"{"auths":{"h":{"auth":"S1","Password":"S2","x":["S3",{"y":"S4"}],"n":5}},"credsStore":"pass",
 "HttpHeaders":{"X":"S5"},"proxies":{"default":{"httpProxy":"http://u:S6@p"}},"credHelpers":{"h":"ecrx","https://u:S7@x":"y"},"unknown":"S8","currentContext":{"x":"S9"}}"#,
    );
    assert_eq!(
        config.masked(),
        r#"{"auths":{"h":{"auth":"…","Password":"…","x":["…",{"y":"…"}],"n":5}},"credsStore":"pass",
 "HttpHeaders":{"X":"…"},"proxies":{"default":{"httpProxy":"…"}},"credHelpers":{"h":"ecrx","…":"y"},"unknown":"…","currentContext":{"x":"…"}}"#
    );
    assert!(
        !format!("{config:?}").contains("S1\""),
        "not in a log either"
    );
}

#[test]
fn a_client_uses_the_helper_that_its_files_name() {
    let home = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = home.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(&path, text.replace("HOST", HOST)).expect("a file");
        path
    };
    let (home_name, run) = (home.path().display().to_string(), home.path().join("run"));
    let run = run.display().to_string();
    let env = Env::from_variables([("HOME", &*home_name), ("XDG_RUNTIME_DIR", &*run)]);
    let asked = |client| look_up(&env, client, HOST).expect("files");
    assert_eq!(asked(ContainerClient::Docker), HelperLookup::Anonymous);

    let docker = write(".docker/config.json", r#"{"credsStore":"ecrx"}"#);
    let us = |file: &PathBuf, setting| HelperLookup::Ours {
        file: file.clone(),
        helper: "ecrx".to_owned(),
        setting,
    };
    assert_eq!(asked(ContainerClient::Docker), us(&docker, "credsStore"));
    assert_eq!(asked(ContainerClient::Podman), HelperLookup::Anonymous);

    let user = write(
        ".config/containers/registries.conf",
        "credential-helpers = [\"containers-auth.json\", \"ecrx\"]\n",
    );
    let of_all = "credential-helpers";
    assert_eq!(asked(ContainerClient::Podman), us(&user, of_all));
    assert_eq!(asked(ContainerClient::Docker), us(&docker, "credsStore"));
    // A later file replaces the list, and one without a list does not.
    let drop_in = ".config/containers/registries.conf.d/ecr.conf";
    write(drop_in, "credential-helpers = [\"containers-auth.json\"]\n");
    assert_eq!(asked(ContainerClient::Podman), HelperLookup::Anonymous);
    write(drop_in, "credential-helpers = []\n");
    assert_eq!(asked(ContainerClient::Podman), HelperLookup::Anonymous);
    write(drop_in, "unqualified-search-registries = []\n");
    assert_eq!(asked(ContainerClient::Podman), us(&user, of_all));

    let docker = write(".docker/config.json", r#"{"credHelpers":{"HOST":"ecrx"}}"#);
    assert_eq!(asked(ContainerClient::Docker), us(&docker, "credHelpers"));
    assert_eq!(asked(ContainerClient::Podman), us(&docker, "credHelpers"));
    // The files are read in their place in the list.
    write(drop_in, "credential-helpers = [\"secretservice\"]\n");
    assert_eq!(asked(ContainerClient::Podman), HelperLookup::Anonymous);
    let list = "credential-helpers = [\"ecrx\", \"containers-auth.json\"]\n";
    let first = write(drop_in, list);
    assert_eq!(asked(ContainerClient::Podman), us(&first, of_all));
    write(drop_in, "");

    let auth = write(
        ".config/containers/auth.json",
        r#"{"credHelpers":{"HOST":"other"}}"#,
    );
    let helper = "other".to_owned();
    assert_eq!(
        asked(ContainerClient::Podman),
        HelperLookup::Other { file: auth, helper }
    );

    let auth = write(
        "run/containers/auth.json",
        r#"{"auths":{"https://HOST/v1/":{"auth":"eDp5"}}}"#,
    );
    let key = format!("https://{HOST}/v1/");
    assert_eq!(
        asked(ContainerClient::Podman),
        HelperLookup::Login {
            file: auth,
            key,
            expires_at: None,
        }
    );
    assert_eq!(asked(ContainerClient::Docker), us(&docker, "credHelpers"));
}

/// The problems that `doctor` reports, without changes.
#[test]
#[cfg_attr(windows, ignore = "its paths are those of Unix")]
fn a_problem_of_both_clients_is_reported_once() {
    let home = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = home.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(&path, text.replace("HOST", HOST)).expect("a file");
    };
    let (home_name, run) = (home.path().display().to_string(), home.path().join("run"));
    let run = run.display().to_string();
    let env = Env::from_variables([("HOME", &*home_name), ("XDG_RUNTIME_DIR", &*run)]);
    write(
        ".docker/config.json",
        r#"{"auths":{"https://HOST":{"auth":"eDp5"},"public.ecr.aws":{"auth":"eDp5"},"x.io":{"auth":"eDp5"}},"credHelpers":{"https://public.ecr.aws":"ecrx"}}"#,
    );
    write(".config/containers/auth.json", "\u{feff}{}");
    write(
        "run/containers/auth.json",
        r#"{"auths":{"HOST":{"auth":"eDp5"}}}"#,
    );
    let host = crate::registry::Registry::parse(HOST).expect("a registry");
    let both = [ContainerClient::Docker, ContainerClient::Podman];
    let told = |registry| {
        let found = problems(&env, &both, registry).into_iter();
        let told = found.map(|problem| {
            let text = problem.text.replace(&home_name, "~");
            let text = text.split(": ").next().unwrap_or_default().to_owned();
            (problem.severity, text, problem.fix)
        });
        told.collect::<Vec<_>>()
    };
    let bad = |text: &str, fix: &str| (Severity::Bad, text.to_owned(), fix.to_owned());
    let mut all = vec![
        bad(
            &format!("~/.docker/config.json contains a saved login for https://{HOST} under auths"),
            &format!("Run: docker-credential-ecrx configure-docker --fix {HOST}"),
        ),
        bad(
            "~/.docker/config.json contains a saved login for public.ecr.aws under auths",
            "Run: docker-credential-ecrx configure-docker --fix public.ecr.aws",
        ),
        bad(
            "credHelpers of ~/.docker/config.json has the key https://public.ecr.aws, which never matches because clients look up the bare host name; pulls fail with \"no basic auth credentials\"",
            "Replace the entry with \"public.ecr.aws\": \"ecrx\"",
        ),
        bad(
            "~/.config/containers/auth.json begins with a byte order mark, so docker and podman cannot read it",
            "Correct the file: clients that read it cannot use a credential helper until then",
        ),
        bad(
            &format!("~/run/containers/auth.json contains a saved login for {HOST} under auths"),
            &format!("Run: docker-credential-ecrx configure-docker --podman --fix {HOST}"),
        ),
    ];
    let without_path = |mut told: Vec<(Severity, String, String)>| {
        let before = told.len();
        told.retain(|(_, text, _)| !text.starts_with("docker-credential-ecrx is not on PATH"));
        assert_eq!(told.len(), before - 1, "once");
        told
    };
    assert_eq!(without_path(told(None)), all);
    all.drain(1..3);
    assert_eq!(without_path(told(Some(&host))), all);
}

/// How a text is laid out.
#[derive(Clone, Debug)]
struct Layout {
    line_end: &'static str,
    indent: &'static str,
    colon: &'static str,
    comma: &'static str,
    end: &'static str,
}

fn layouts() -> impl Strategy<Value = Layout> {
    let lines = (
        prop::sample::select(vec!["\n", "\r\n"]),
        prop::sample::select(vec!["\t", " ", "  ", "    "]),
        prop::sample::select(vec![": ", ":", " : "]),
    )
        .prop_map(|(line_end, indent, colon)| (line_end, indent, colon, ""));
    let line = (
        prop::sample::select(vec![": ", ":"]),
        prop::sample::select(vec!["", " "]),
    )
        .prop_map(|(colon, comma)| ("", "", colon, comma));
    let ends = prop::sample::select(vec!["", "\n", "\r\n", " \n\n"]);
    (prop_oneof![lines, line], ends).prop_map(|((line_end, indent, colon, comma), end)| Layout {
        line_end,
        indent,
        colon,
        comma,
        end,
    })
}

fn values() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec((".{0,8}", inner), 0..4)
                .prop_map(|pairs| { serde_json::Value::Object(pairs.into_iter().collect()) }),
        ]
    })
}

/// Other settings that a file may have.
fn settings() -> impl Strategy<Value = Vec<(String, serde_json::Value)>> {
    let helpers = prop::collection::btree_map("[a-z]{1,8}\\.io", "[a-z]{1,6}", 1..4)
        .prop_map(|helpers| ("credHelpers".to_owned(), serde_json::json!(helpers)));
    let other = ("x[^a-z]{0,6}", values());
    (
        prop::collection::vec(other, 0..5),
        prop::option::of(helpers),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(mut settings, helpers, at)| {
            if let Some(helpers) = helpers {
                settings.insert(at.index(settings.len() + 1), helpers);
            }
            settings
        })
}

fn render(value: &serde_json::Value, layout: &Layout, depth: usize, out: &mut String) {
    match value {
        serde_json::Value::Object(object) => {
            let pairs: Vec<_> = object.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            render_object(&pairs, layout, depth, out);
        }
        serde_json::Value::Array(list) => {
            out.push('[');
            for (index, value) in list.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                render(value, layout, depth, out);
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn render_object(
    pairs: &[(String, serde_json::Value)],
    layout: &Layout,
    depth: usize,
    out: &mut String,
) {
    out.push('{');
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push(',');
            out.push_str(layout.comma);
        }
        out.push_str(layout.line_end);
        out.push_str(&layout.indent.repeat(depth + 1));
        out.push_str(&serde_json::Value::from(name.as_str()).to_string());
        out.push_str(layout.colon);
        render(value, layout, depth + 1, out);
    }
    if !pairs.is_empty() {
        out.push_str(layout.line_end);
        out.push_str(&layout.indent.repeat(depth));
    }
    out.push('}');
}

/// The text that was inserted into `before` to get `after`; nothing else may differ.
fn inserted<'a>(before: &str, after: &'a str) -> &'a str {
    let same = |(one, other): &(u8, u8)| one == other;
    let start = before.bytes().zip(after.bytes()).take_while(same).count();
    let end = before.len() - start;
    assert!(after.ends_with(&before[start..]), "{before:?} {after:?}");
    &after[start..after.len() - end]
}

proptest! {
    #[test]
    fn an_entry_is_added_and_removed_and_every_other_byte_stays(
        settings in settings(),
        layout in layouts(),
    ) {
        let mut before = String::new();
        render_object(&settings, &layout, 0, &mut before);
        before.push_str(layout.end);
        let there = config(&before);
        let set = there.set_helper(HOST, "ecrx").expect("an edit");
        prop_assert!(inserted(&before, text(&set)).contains(HOST));
        prop_assert_eq!(set.helper_of(HOST), Some("ecrx"));
        let again = set.set_helper(HOST, "ecrx").expect("an edit");
        prop_assert_eq!(text(&again), text(&set));
        let two = set.set_helper("public.ecr.aws", "ecrx-b").expect("an edit");
        let without = two.without_helpers(|_, helper| is_ours(helper)).expect("an edit");
        prop_assert_eq!(text(&without), &before);

        let store = there.set_creds_store("ecrx").expect("an edit");
        prop_assert!(inserted(&before, text(&store)).contains("credsStore"));
        let without = store.without_creds_store(is_ours).expect("an edit");
        prop_assert_eq!(text(&without), &before);
    }
}

proptest! {
    #[test]
    fn undo_restores_earlier_entries_and_keeps_later_changes(
        (mut settings, at, is_login) in (settings(), any::<prop::sample::Index>(), any::<bool>()),
        layout in layouts(),
        stores in (any::<bool>(), any::<bool>(), any::<bool>()),
    ) {
        let login = serde_json::json!({HOST: {"auth": "eDp5"}, "x.io": {"auth": "eDp5"}});
        if is_login {
            settings.insert(at.index(settings.len() + 1), ("auths".to_owned(), login));
        }
        let (had_store, is_store, is_first) = stores;
        if had_store {
            settings.insert(0, ("credsStore".to_owned(), "pass".into()));
        }
        let mut before = String::new();
        render_object(&settings, &layout, 0, &mut before);
        before.push_str(layout.end);
        let there = config(&before);

        // All of them, as several runs might do it.
        let mut now = there.clone();
        if is_store && is_first {
            now = now.set_creds_store("ecrx").expect("an edit");
        }
        let mut hosts: Vec<&str> = there.cred_helpers().into_iter().map(|it| it.0).collect();
        hosts.push(HOST);
        for host in &hosts {
            now = now.set_helper(host, "ecrx").expect("an edit");
        }
        if is_store {
            now = now.set_creds_store("ecrx").expect("an edit");
        }
        now = now.without_login(HOST).expect("an edit");

        let undone: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let all = Undo { hosts: None, creds_store: true, undone: &undone, other_helper: None };
        let backups = [EarlierConfig { config: there.clone(), mark: "" }];
        let back = all.apply(&now, &backups).expect("an edit").config;
        prop_assert_eq!(text(&back), &before);
        // A second time, nothing changes.
        let none = Undo { undone: &[], ..all };
        let again = none.apply(&back, &backups).expect("an edit").config;
        prop_assert_eq!(text(&again), &before);

        let since = now.set_helper("y.example", "pass").expect("an edit");
        let back = all.apply(&since, &backups).expect("an edit").config;
        let mut expected = there.cred_helpers();
        expected.push(("y.example", "pass"));
        prop_assert_eq!(back.cred_helpers(), expected);
        prop_assert_eq!(back.creds_store(), there.creds_store());
        let logins = |config: &ClientConfig| {
            let logins = config.logins().into_iter();
            logins.map(|login| login.key).collect::<std::collections::BTreeSet<_>>()
        };
        prop_assert_eq!(logins(&back), logins(&there));
    }
}
