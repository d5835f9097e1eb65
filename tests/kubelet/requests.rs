//! Requests that are malformed: each is answered with one exact line on stderr, and none is answered
//! with credentials or repeats what may be a token.

use serde_json::{Value, json};

use crate::common::{Outcome, TestEnvironment};

use super::{IMAGE, V1, login, node, request};

/// What would be repeated if a message contained a part of the request.
const TOKEN: &str = "eyJhbGciOiJub25lIn0";

fn valid() -> Value {
    json!({
        "kind": "CredentialProviderRequest",
        "apiVersion": V1,
        "image": IMAGE,
        "serviceAccountToken": TOKEN,
        "serviceAccountAnnotations": {},
    })
}

/// All kinds of JSON that are not text.
fn not_text() -> [Value; 7] {
    [
        json!(0),
        json!(-1.5),
        json!(true),
        json!([]),
        json!([TOKEN]),
        json!({}),
        json!({"a": TOKEN}),
    ]
}

/// Requests and the line for each, without the name of the program.
fn malformed() -> Vec<(Vec<u8>, String)> {
    let mut table: Vec<(Vec<u8>, String)> = Vec::new();
    let mut add = |input: &[u8], line: &str| table.push((input.to_vec(), line.to_owned()));
    let not_json = |line: usize, column: usize| {
        format!(
            "the request on stdin is not the JSON of a CredentialProviderRequest (line {line}, column {column})"
        )
    };

    for input in ["", " ", "\n", "\r\n\t "] {
        add(
            input.as_bytes(),
            "stdin is empty; kubelet sends a CredentialProviderRequest",
        );
    }
    for input in [
        "999999999999.dkr.ecr.us-west-2.amazonaws.com",
        "999999999999.dkr.ecr.us-west-2.amazonaws.com\n",
        "https://index.docker.io/v1/",
        "localhost:5000",
        "public.ecr.aws/",
    ] {
        add(
            input.as_bytes(),
            "stdin is not a CredentialProviderRequest but a server name, which Docker's protocol sends; Docker runs docker-credential-ecrx with the argument `get`",
        );
    }

    // Every beginning of a request is cut off in the middle.
    let whole = valid().to_string();
    let cuts = (1..whole.len()).step_by(2);
    for end in cuts {
        add(&whole.as_bytes()[..end], &not_json(1, end));
    }
    for (input, line, column) in [
        ("[", 1, 1),
        ("]", 1, 1),
        ("{]", 1, 2),
        ("nul", 1, 3),
        ("\"request", 1, 8),
        ("{\"kind\" \"x\"}", 1, 9),
        ("{kind: x}", 1, 2),
        ("{'kind': 'x'}", 1, 2),
        ("apiVersion: v1\nkind: CredentialProviderRequest", 1, 1),
        ("{\"kind\": \"\\x\"}", 1, 12),
        ("{\"image\": \"a\nb\"}", 2, 0),
        ("{\n\"kind\": \"a\",\n}", 3, 1),
        ("\u{feff}{}", 1, 1),
    ] {
        add(input.as_bytes(), &not_json(line, column));
    }
    for input in ["[]", "null", "true", "12", "\"text\"", "[{}]"] {
        table.push((input.as_bytes().to_vec(), String::new()));
    }
    let mut add = |input: &[u8], line: &str| table.push((input.to_vec(), line.to_owned()));
    add(b"{\"kind\":\"\xff\"}", &not_json(1, 10));
    add(b"\xff\xfe{\0}\0", &not_json(1, 1));
    add(b"{\"kind\":\"a\0b\"}", &not_json(1, 11));
    // Behind a request, or twice.
    add(
        format!("{whole}{whole}").as_bytes(),
        &not_json(1, whole.len() + 1),
    );
    add(
        format!("{whole}x").as_bytes(),
        &not_json(1, whole.len() + 1),
    );
    for field in ["kind", "apiVersion", "image", "serviceAccountToken"] {
        let twice = format!("{{\"{field}\":\"a\",\"{field}\":\"a\"}}");
        let column = 2 * field.len() + 10;
        add(twice.as_bytes(), &not_json(1, column));
    }

    for field in ["kind", "apiVersion", "image"] {
        let mut request = valid();
        request.as_object_mut().expect("an object").remove(field);
        add(
            request.to_string().as_bytes(),
            &format!("the request has no `{field}`"),
        );
        let mut with = |value: Value, line: String| {
            let mut request = valid();
            request[field] = value;
            add(request.to_string().as_bytes(), &line);
        };
        with(Value::Null, format!("the request has no `{field}`"));
        with(json!(""), format!("`{field}` of the request is empty"));
        for value in not_text() {
            with(value, format!("`{field}` of the request is not text"));
        }
    }
    for kind in [
        "CredentialProviderResponse",
        "credentialproviderrequest",
        "Pod",
    ] {
        let mut request = valid();
        request["kind"] = json!(kind);
        add(
            request.to_string().as_bytes(),
            &format!("`kind` of the request is {kind}, not CredentialProviderRequest"),
        );
    }
    for version in [
        "v1",
        "credentialprovider.kubelet.k8s.io",
        "credentialprovider.kubelet.k8s.io/",
        "credentialprovider.kubelet.k8s.io/v2",
        "credentialprovider.kubelet.k8s.io/V1",
        "credentialprovider.kubelet.k8s.io/v1/",
        "kubelet.config.k8s.io/v1",
        "authentication.k8s.io/v1beta1",
    ] {
        let mut request = valid();
        request["apiVersion"] = json!(version);
        add(
            request.to_string().as_bytes(),
            &format!(
                "`apiVersion` of the request is {version}, not credentialprovider.kubelet.k8s.io/v1, v1beta1 or v1alpha1"
            ),
        );
    }
    for (image, shown) in [
        (" ", " "),
        ("foobar  ", "foobar  "),
        ("a b", "a b"),
        ("/", "/"),
        ("/app", "/app"),
        ("https://", "https://"),
        ("http:///app", "http:///app"),
        ("a\nb", "a\\nb"),
        ("a\u{1b}[31m", "a\\u{1b}[31m"),
        ("a\u{202e}b", "a\\u{202e}b"),
        ("é.example/app", "é.example/app"),
    ] {
        let mut request = valid();
        request["image"] = json!(image);
        // One line for people shortens white space.
        let shown = shown
            .split(' ')
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        let line = format!("`image` of the request is not the name of an image: {shown}");
        add(request.to_string().as_bytes(), line.trim_end());
    }
    for value in not_text() {
        let mut request = valid();
        request["serviceAccountToken"] = value;
        add(
            request.to_string().as_bytes(),
            "`serviceAccountToken` of the request is not text",
        );
    }
    for value in [
        json!("a"),
        json!(0),
        json!(false),
        json!([]),
        json!([TOKEN]),
        json!({"a": 0}),
        json!({"a": null}),
        json!({"a": [TOKEN]}),
        json!({"a": {"b": TOKEN}}),
    ] {
        let mut request = valid();
        request["serviceAccountAnnotations"] = value;
        add(
            request.to_string().as_bytes(),
            "`serviceAccountAnnotations` of the request is not an object with text values",
        );
    }
    for token in [json!(""), Value::Null] {
        let mut request = valid();
        request["serviceAccountToken"] = token;
        request["serviceAccountAnnotations"] = json!({"a": "b"});
        add(
            request.to_string().as_bytes(),
            "the request has annotations of a service account, but no token of it",
        );
    }
    add(
        format!("{{\"image\":\"{}\"}}", "a".repeat(2 << 20)).as_bytes(),
        "the request on stdin is longer than 2 MiB",
    );
    table
}

#[test]
fn each_malformed_request_is_answered_with_its_own_line_and_never_with_a_part_of_a_token() {
    let (aws, environment) = node();
    let table = malformed();
    assert!(table.len() >= 200, "{}", table.len());
    for (input, expected) in table {
        let outcome = environment.run(&["kubelet"], &input);
        let shown = String::from_utf8_lossy(&input[..input.len().min(200)]);
        assert_eq!((outcome.code, &*outcome.stdout), (Some(1), ""), "{shown}");
        let line = outcome.stderr.strip_prefix("docker-credential-ecrx: ");
        let line = line
            .and_then(|line| line.strip_suffix('\n'))
            .expect("a line");
        if expected.is_empty() {
            let start = "the request on stdin is not the JSON of a CredentialProviderRequest (line 1, column ";
            assert!(line.starts_with(start), "{shown}: {line}");
        } else {
            assert_eq!(line, expected, "{shown}");
        }
        assert!(!line.contains(&TOKEN[..8]), "{line}");
    }
    assert_eq!(aws.calls().len(), 0);
}

#[test]
fn what_a_later_kubelet_adds_is_ignored() {
    let (_aws, environment) = node();
    let mut later: Value = serde_json::from_str(&request(IMAGE)).expect("JSON");
    later["metadata"] = json!({"creationTimestamp": null});
    later["podUID"] = json!("x");
    login(&environment.kubelet(&later.to_string()).answer());
}

#[test]
fn an_image_with_a_scheme_is_answered_by_its_host() {
    let (_aws, environment) = node();
    let (key, _) = login(
        &environment
            .kubelet(&request(&format!("https://{IMAGE}")))
            .answer(),
    );
    assert_eq!(key, "999999999999.dkr.ecr.us-west-2.amazonaws.com");
}

#[test]
fn a_request_on_an_ordinary_get_is_refused_with_kubelets_command_and_without_repeating_it() {
    let environment = TestEnvironment::new();
    let line = "stdin is a CredentialProviderRequest, which kubelet sends; for kubelet, set `args: [kubelet]`, so that it runs: docker-credential-ecrx kubelet\n";
    let pretty = serde_json::to_string_pretty(&valid()).expect("JSON");
    for input in [valid().to_string(), pretty, request(IMAGE)] {
        let outcome: Outcome = environment.run(&["get"], &input);
        outcome.failed_with(line, &format!("docker-credential-ecrx: {line}"));
    }
}
