use proptest::prelude::*;

use super::*;

fn authority(text: &str) -> (Option<&str>, &str, Option<&str>) {
    let Authority {
        user, host, port, ..
    } = Authority::split(text).0;
    (user, host, port)
}

#[test]
fn authority_table() {
    for (text, user, host, port) in [
        ("", None, "", None),
        ("a.test", None, "a.test", None),
        ("a.test:8443", None, "a.test", Some("8443")),
        ("a.test:", None, "a.test", Some("")),
        ("[::1]", None, "[::1]", None),
        ("[::1]:80", None, "[::1]", Some("80")),
        ("u:p@a.test:1", Some("u:p"), "a.test", Some("1")),
        ("u@p@[::1]", Some("u@p"), "[::1]", None),
        ("a.test:x/y:z@w", None, "a.test", Some("x")),
        ("a.test?x@y", None, "a.test", None),
        ("a.test#:1", None, "a.test", None),
    ] {
        assert_eq!(authority(text), (user, host, port), "{text}");
    }
}

#[test]
fn a_url_has_a_scheme() {
    let url = Url::split("s3://u@a.test:1/b?c#d").unwrap();
    assert_eq!((url.scheme, url.after), ("s3", "/b?c#d"));
    assert_eq!(url.authority.address, "a.test:1");
    for text in ["a.test", "/x", "http:/a.test", ""] {
        assert_eq!(Url::split(text), None, "{text}");
        assert_eq!(split_scheme(text), (None, text));
    }
}

#[test]
fn internal_hosts_are_more_than_this_machine() {
    for (host, loopback, internal) in [
        ("localhost", true, true),
        ("LOCALHOST", true, true),
        ("127.8.9.10", true, true),
        ("[::1]", true, true),
        ("x.localhost", false, true),
        ("[::ffff:127.0.0.1]", false, true),
        ("169.254.169.254", false, true),
        ("[fd00:ec2::254]", false, true),
        ("0x7f.1", false, true),
        ("10.0.0.5", false, false),
        ("[2001:db8::1]", false, false),
        ("localhost.example.com", false, false),
    ] {
        assert_eq!(is_loopback(host), loopback, "{host}");
        assert_eq!(is_internal(host), internal, "{host}");
    }
}

#[test]
fn no_proxy_table() {
    for (list, host, port, direct) in [
        ("", "sts.amazonaws.com", 443, false),
        ("amazonaws.com", "sts.amazonaws.com", 443, true),
        (".amazonaws.com", "sts.amazonaws.com", 443, true),
        ("*.amazonaws.com", "sts.amazonaws.com", 443, true),
        (".amazonaws.com", "amazonaws.com", 443, true),
        ("amazonaws.com", "notamazonaws.com", 443, false),
        ("amazonaws.com", "amazonaws.com.cn", 443, false),
        ("AmazonAWS.com", "STS.amazonaws.COM", 443, true),
        ("amazonaws.com.", "sts.amazonaws.com", 443, true),
        ("amazonaws.com", "sts.amazonaws.com.", 443, true),
        (
            "a.example, amazonaws.com ,b",
            "sts.amazonaws.com",
            443,
            true,
        ),
        ("a.example amazonaws.com", "sts.amazonaws.com", 443, true),
        (",,", "sts.amazonaws.com", 443, false),
        ("*", "sts.amazonaws.com", 443, true),
        ("*", "10.1.2.3", 443, true),
        ("vpce.example:8443", "x.vpce.example", 8443, true),
        ("vpce.example:8443", "x.vpce.example", 443, false),
        ("vpce.example:x", "vpce.example", 443, false),
        ("10.1.2.3", "10.1.2.3", 443, true),
        ("10.1.2.3:443", "10.1.2.3", 443, true),
        ("10.1.2.3:80", "10.1.2.3", 443, false),
        ("10.1.2.3", "10.1.2.30", 443, false),
        ("10.0.0.0/8", "10.1.2.3", 443, true),
        ("10.0.0.0/8", "11.1.2.3", 443, false),
        ("10.1.2.0/23", "10.1.3.255", 443, true),
        ("10.1.2.0/23", "10.1.4.0", 443, false),
        ("0.0.0.0/0", "10.1.4.0", 443, true),
        ("10.0.0.0/33", "10.1.2.3", 443, false),
        ("10.0.0.0/8", "ten.example", 443, false),
        ("fd00::/8", "[fd12::1]", 443, true),
        ("fd00::/8", "[fe80::1]", 443, false),
        ("fd00::1", "[fd00::1]", 443, true),
        ("[fd00::1]:443", "[fd00::1]", 443, true),
        ("[fd00::1]", "[fd00::1]", 443, true),
        ("10.0.0.0/8", "[::ffff:10.1.2.3]", 443, true),
        // This machine is never asked through a proxy, as in Go.
        ("", "localhost", 443, true),
        ("", "127.0.0.2", 443, true),
        ("", "[::1]", 443, true),
    ] {
        let found = NoProxy::parse(list).contains(host, port);
        assert_eq!(found, direct, "{list:?} {host}:{port}");
    }
}

proptest! {
    #[test]
    fn nothing_of_a_url_is_lost(text in r"(https?://)?[-a-z0-9.:@\[\]%]{0,24}([/?#]\PC{0,12})?") {
        let (scheme, rest) = split_scheme(&text);
        let (authority, after) = Authority::split(rest);
        let mut again = scheme.map_or(String::new(), |scheme| format!("{scheme}://"));
        if let Some(user) = authority.user {
            again.push_str(user);
            again.push('@');
        }
        prop_assert!(authority.address.starts_with(authority.host));
        again.push_str(authority.host);
        if let Some(port) = authority.port {
            again.push(':');
            again.push_str(port);
        }
        again.push_str(after);
        prop_assert_eq!(again, text);
    }
}

#[test]
fn a_password_in_no_proxy_is_not_shown() {
    for list in [
        "http://alice:x,vexed7",
        "http://alice:x vexed7 b.example",
        "http://alice:x,vexed7@host",
        "a.example,alice:x,vexed7",
        "wJalrXUtnFEMI/K7MDENG/vexed7",
    ] {
        let shown = shown_no_proxy(list);
        assert!(!shown.contains("vexed7"), "{list}: {shown}");
    }
    let plain = "localhost, 10.0.0.0/8, .example.com, *.corp:8080, fd00::/8";
    assert_eq!(shown_no_proxy(plain), plain);
    assert_eq!(
        shown_no_proxy("a.example alice:x b.example"),
        "a.example, …, …"
    );
}
