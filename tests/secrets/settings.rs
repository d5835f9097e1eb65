//! Settings that hold a URL with a password, whole or half-written.

use crate::common::fake_aws::{FakeAws, FakeRegistry};
use crate::common::{HOST, TestEnvironment};
use crate::search::{Search, Tokens};

const SECRET: &str = "quixotic-jackdaw";

/// What a person sees of a setting, by the commands that show some, and what is remembered.
const COMMANDS: [(&[&str], &str); 8] = [
    (&["get"], HOST),
    (&["get"], HOST),
    (&["get"], HOST),
    (&["whoami", HOST], ""),
    (&["whoami", HOST, "--json"], ""),
    (&["cache", "list"], ""),
    (&["doctor", "--json", HOST], ""),
    (&["config", "show", HOST], ""),
];

/// Runs every command, and looks for the secret; how many outputs that were, and all of them.
#[track_caller]
fn is_hidden(environment: &mut TestEnvironment, aws: &FakeAws, setting: &str) -> (usize, String) {
    let mut search = Search::new(environment, &[SECRET.to_owned()]);
    let mut shown = String::new();
    environment.set("ECRX_LOG", "debug");
    for (arguments, input) in COMMANDS {
        let outcome = environment.run(arguments, input);
        let tokens = match arguments[0] {
            "get" => Tokens::Answered,
            _ => Tokens::Hidden,
        };
        let what = format!("{setting}: {arguments:?}");
        search.look(aws, environment, &what, &outcome, tokens);
        shown.push_str(&outcome.stdout);
        shown.push_str(&outcome.stderr);
        environment.keep_marks();
    }
    (search.outputs, shown)
}

#[test]
fn user_query_and_fragment_of_an_endpoint_are_never_shown_or_kept() {
    let aws = FakeAws::start();
    let registry = FakeRegistry::start(&[HOST]);
    let address = aws.address();
    let mut outputs = 0;
    for (variable, host) in [
        ("AWS_ENDPOINT_URL", "alice"),
        ("AWS_ENDPOINT_URL_ECR", "alice"),
        ("AWS_ENDPOINT_URL_STS", "alice"),
        // These are not looked up.
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "127.0.0.1"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "192.0.2.7"),
    ] {
        for url in [
            format!("http://alice:{SECRET}@{address}/path"),
            format!("http://{SECRET}@{address}"),
            format!("http://{address}/path?key={SECRET}"),
            format!("http://{address}/path?{SECRET}"),
            format!("http://{address}#{SECRET}"),
            format!("http://{host}:{SECRET}"),
            format!("{host}:{SECRET}"),
            format!("alice:{SECRET}@{address}"),
            format!("http:/alice:{SECRET}"),
            format!("http:///alice:{SECRET}"),
            format!("http//alice:{SECRET}"),
            format!("http://alice%3A{SECRET}"),
            format!("http://alice;{SECRET}"),
            format!("http://alice {SECRET}"),
        ] {
            // What the SDK makes a panic of.
            if variable.starts_with("AWS_CONTAINER") && !url.starts_with("http") {
                continue;
            }
            let mut environment = TestEnvironment::of_alice(&aws);
            environment.trust_registry(&registry);
            match variable {
                "AWS_EC2_METADATA_SERVICE_ENDPOINT" => {
                    environment.unset_keys().unset("AWS_EC2_METADATA_DISABLED");
                }
                "AWS_CONTAINER_CREDENTIALS_FULL_URI" => {
                    environment.unset_keys();
                }
                "AWS_ENDPOINT_URL_STS" => {
                    environment.config(
                        "[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::999999999999:role/x\"\n",
                    );
                }
                _ => {}
            }
            environment.set(variable, &url);
            let (searched, _) = is_hidden(&mut environment, &aws, &format!("{variable}={url}"));
            outputs += searched;
        }
    }
    println!("endpoints: {outputs} outputs searched");
}

#[test]
fn user_and_query_of_an_endpoint_in_a_file_are_never_shown_or_kept() {
    let aws = FakeAws::start();
    let registry = FakeRegistry::start(&[HOST]);
    for url in [
        format!("https://alice:{SECRET}@vpce.example"),
        format!("https://alice:{SECRET}"),
        format!("https://vpce.example?key={SECRET}"),
        format!("https:/alice:{SECRET}"),
        format!("https//alice:{SECRET}"),
    ] {
        let mut environment = TestEnvironment::of_alice(&aws);
        environment.trust_registry(&registry);
        environment.config(&format!(
            "[[registry]]\nmatch = \"*\"\nendpoint_url = \"{url}\"\n"
        ));
        let (_, shown) = is_hidden(&mut environment, &aws, &url);
        assert!(shown.contains("must be https://HOST"), "{shown}");

        let mut environment = TestEnvironment::of_alice(&aws);
        environment.trust_registry(&registry);
        environment.unset("AWS_ENDPOINT_URL");
        environment.aws_config(&format!("[default]\nendpoint_url = {url}\n"));
        is_hidden(&mut environment, &aws, &url);
    }
}

#[test]
fn an_endpoint_is_shown_without_what_is_secret() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::new();
    environment.unset("AWS_EC2_METADATA_DISABLED");
    let url = format!("http://alice:{SECRET}@127.0.0.1:1/path?key={SECRET}");
    environment.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url);
    let outcome = environment.get(HOST);
    let shown = "instance metadata at http://…@127.0.0.1:1/path?… cannot be reached";
    assert!(outcome.stdout.contains(shown), "{outcome:?}");
    assert_eq!(aws.connections(), 0);
}

#[test]
fn doctor_shows_of_a_proxy_where_it_is_and_nothing_else() {
    for (proxy, no_proxy, shown) in [
        (
            format!("http://alice:{SECRET}@proxy.example:3128/{SECRET}"),
            format!("10.0.0.0/8,http://alice:{SECRET}@direct.example *.example.org"),
            "✓ HTTPS_PROXY: http://proxy.example:3128, except for NO_PROXY: 10.0.0.0/8, \
             http://…@direct.example, *.example.org",
        ),
        (
            "proxy.example:3128".to_owned(),
            format!("http://alice:x,{SECRET},y@direct.example"),
            "✓ HTTPS_PROXY: http://proxy.example:3128, except for NO_PROXY: …",
        ),
        (
            "proxy.example:3128".to_owned(),
            format!("10.0.0.0/8,http://alice:x,{SECRET}"),
            "✓ HTTPS_PROXY: http://proxy.example:3128, except for NO_PROXY: 10.0.0.0/8, http://…, …",
        ),
        (
            "proxy.example:3128".to_owned(),
            "fd00::1,[fd00::2]:443".to_owned(),
            "✓ HTTPS_PROXY: http://proxy.example:3128, except for NO_PROXY: fd00::1, [fd00::2]:443",
        ),
        (
            format!("https://{SECRET}@proxy.example"),
            String::new(),
            "✓ HTTPS_PROXY: https://proxy.example",
        ),
        (
            format!("http://alice:{SECRET}"),
            format!("alice:{SECRET}"),
            "✗ HTTPS_PROXY: the port is not a number from 1 to 65535",
        ),
        (
            format!("http://alice:{SECRET}@"),
            String::new(),
            "✗ HTTPS_PROXY: no valid host; expected http://[USER:PASSWORD@]HOST:PORT",
        ),
        (
            format!("http://alice:1/{SECRET}@proxy.example"),
            String::new(),
            "✗ HTTPS_PROXY: encode / ? and # in the user name or password as %2F %3F %23",
        ),
        (
            format!("socks5://alice:{SECRET}@proxy.example"),
            String::new(),
            "✗ HTTPS_PROXY: only http:// and https:// proxies are supported",
        ),
    ] {
        let aws = FakeAws::start();
        for (upper, lower) in [("HTTPS_PROXY", "NO_PROXY"), ("https_proxy", "no_proxy")] {
            let mut environment = TestEnvironment::of_alice(&aws);
            environment.set("COLUMNS", "2000");
            environment.set(upper, &proxy).set(lower, &no_proxy);
            environment.set("ECRX_LOG", "debug");
            let mut search = Search::new(&environment, &[SECRET.to_owned()]);
            for arguments in [&["doctor"][..], &["doctor", "--json"]] {
                let outcome = environment.run(arguments, "");
                search.look(&aws, &environment, &proxy, &outcome, Tokens::Hidden);
                if arguments.len() == 1 {
                    assert!(outcome.stdout.contains(shown), "{}", outcome.stdout);
                }
            }
            let outcome = environment.get(HOST);
            search.look(&aws, &environment, &proxy, &outcome, Tokens::Answered);
        }
    }
}

#[test]
fn a_half_written_url_as_an_argument_is_not_repeated() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let mut search = Search::new(&environment, &[SECRET.to_owned()]);
    for url in [
        format!("https://alice:{SECRET}"),
        format!("alice:{SECRET}"),
        format!("https//alice:{SECRET}@h"),
    ] {
        for command in ["whoami", "doctor", "password"] {
            let outcome = environment.run(&[command, &url], "");
            assert_ne!(outcome.code, Some(0), "{url}: {outcome:?}");
            search.look(&aws, &environment, &url, &outcome, Tokens::Hidden);
        }
    }
}
