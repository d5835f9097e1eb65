//! What `kubelet check` finds.

use serde_json::Value;

use crate::common::TestEnvironment;
use crate::common::fake_aws::FakeAws;
use crate::common::files::chmod;

use super::{Node, UPSTREAM, on_one_line};

const IMAGE: &str = "999999999999.dkr.ecr.us-west-2.amazonaws.com/team/app:1";

/// A node with this program installed, for which Alice's keys are in the entry's environment.
fn installed(aws: &FakeAws) -> Option<Node> {
    let environment = TestEnvironment::of_alice(aws);
    let node = Node::of(
        environment,
        "config.yaml",
        "kind: CredentialProviderConfig\napiVersion: kubelet.config.k8s.io/v1\n",
    )?;
    node.succeeds(&["install"]);
    Some(node)
}

#[test]
fn an_installed_node_is_good() {
    let aws = FakeAws::start();
    let Some(node) = installed(&aws) else {
        return;
    };
    let outcome = node.run(&["check"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    for expected in [
        "Credential providers of kubelet",
        "only root can change it",
        "This node is set up",
    ] {
        let text = on_one_line(&outcome.stdout);
        assert!(text.contains(expected), "{text}");
    }
    let json = node.run(&["check", "--json"]);
    let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(json["verdict"]["mark"], "good");
    assert_eq!(json["steps"][0]["place"], "providers");
}

#[test]
fn with_an_image_the_provider_is_run_with_the_entrys_environment() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    let text = UPSTREAM.replace(
        "  defaultC",
        "  args: [a b]\n  env: [{name: KEY, value: host}]\n  defaultC",
    );
    std::fs::write(&node.config, text).unwrap();
    let script = r#"#!/bin/sh
read -r request
case $request in *us-west-2.amazonaws.com/team/app\"*) ;; *) exit 3 ;; esac
[ "$1" = "a b" ] && [ "$KEY" = host ] && [ -z "$HOME" ] || exit 4
cat <<END
{"kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1","cacheKeyType":"Registry","auth":{"999999999999.dkr.ecr.us-west-2.amazonaws.com":{"username":"AWS","password":"SECRET"}}}
END
"#;
    let program = node
        .environment
        .write("providers/ecr-credential-provider", script);
    chmod(&program, 0o755);
    let outcome = node.run(&["check", IMAGE]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(
        on_one_line(&outcome.stdout).contains("gives credentials for 999999999999"),
        "{}",
        outcome.stdout
    );
    assert!(!outcome.stdout.contains("SECRET"), "{}", outcome.stdout);
    std::fs::write(&program, "#!/bin/sh\necho 'no role' >&2; exit 1\n").unwrap();
    let outcome = node.run(&["check", IMAGE]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stdout.contains("no role"), "{}", outcome.stdout);
}

#[test]
fn a_response_that_kubelet_does_not_decode_is_a_failure() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    let response = |duration: &str, user: &str| {
        format!(
            r#"{{"kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1","cacheKeyType":"Registry","cacheDuration":"{duration}","auth":{{"999999999999.dkr.ecr.us-west-2.amazonaws.com":{{"username":{user},"password":"x"}}}}}}"#
        )
    };
    let list = r#"["CredentialProviderResponse","credentialprovider.kubelet.k8s.io/v1","Registry","0s",{}]"#;
    for (response, why) in [
        (
            response("-banana", "\"AWS\""),
            "is not a time such as 0s or 6h",
        ),
        (response("6h", "7"), "is not a CredentialProviderResponse"),
        (list.to_owned(), "is not a CredentialProviderResponse"),
    ] {
        let script = format!("#!/bin/sh\nread -r request\ncat <<'END'\n{response}\nEND\n");
        let program = node
            .environment
            .write("providers/ecr-credential-provider", &script);
        chmod(&program, 0o755);
        let outcome = node.run(&["check", IMAGE]);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(
            on_one_line(&outcome.stdout).contains(why),
            "{}",
            outcome.stdout
        );
    }
}

#[test]
fn what_kubelet_would_refuse_or_never_match_is_found() {
    for (from, to, expected) in [
        (
            "kind: C",
            "extra: 1\nkind: C",
            "kubelet does not start: unknown field `extra`",
        ),
        ("12h", "x", "`x` is not a time"),
        (
            "amazonaws.com\"",
            "amazonaws.com/*\"",
            "compared as plain text",
        ),
        ("name: ecr", "name: missing-ecr", "does not exist"),
        (
            "\"*.dkr.ecr.*.amazonaws.com\"",
            "docker.io",
            "no provider is for images of Amazon ECR",
        ),
        ("apiVersion", "\tapiVersion", "kubelet cannot read "),
    ] {
        let Some(node) = Node::new("config.yaml", &UPSTREAM.replacen(from, to, 1)) else {
            return;
        };
        let program = node
            .environment
            .write("providers/ecr-credential-provider", "");
        chmod(&program, 0o755);
        let outcome = node.run(&["check"]);
        let text = on_one_line(&outcome.stdout);
        assert!(text.contains(expected), "{to}: {text}");
        assert_eq!(outcome.code, Some(1), "{to}: {text}");
    }
}

#[test]
fn an_image_that_no_provider_is_for_is_a_failure() {
    let Some(node) = Node::new("config.yaml", UPSTREAM) else {
        return;
    };
    let outcome = node.run(&["check", "busybox"]);
    assert_eq!(outcome.code, Some(1));
    assert!(
        on_one_line(&outcome.stdout).contains("no provider is for docker.io/library/busybox"),
        "{}",
        outcome.stdout
    );
}
