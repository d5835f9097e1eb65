//! A network of a test's own, in which addresses that lead to AWS elsewhere lead to the test.

use std::fs;
use std::net::{IpAddr, Ipv6Addr, TcpListener};
use std::process::Command;

use super::files::am_root;

/// Holds the name of the network outside, for the process inside.
const OUTSIDE: &str = "TEST_NETWORK_OUTSIDE";

/// Gives the addresses in `$1` to a network that has nothing but loopback, and goes on as the
/// rest of the arguments once each of them can be used: an address of IPv6 is told to the
/// kernel before it is there (a worker of the kernel adds its route a moment later, last).
const PREPARE: &str = r#"
ip link set lo up
for address in $1; do ip address add "$address" dev lo; done
for address in $1; do
    tries=500
    until ip route get "$address" 2>&1 | grep -q ^local; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { echo "$address did not come up" >&2; exit 1; }
        sleep 0.01
    done
done
shift
exec "$@"
"#;

/// Runs `body`, the whole of `test` (a path as `cargo test` prints it), in a network namespace
/// where these addresses are the machine's own, and from which no way leads out.
///
/// The test runs itself once more, alone, as the namespace's first process; so its threads are
/// inside as well as the programs that it starts, and the namespace ends with it.
#[track_caller]
pub fn with_own(addresses: &[IpAddr], test: &str, body: impl FnOnce()) {
    let network = fs::read_link("/proc/self/ns/net").expect("a network");
    if let Some(outside) = std::env::var_os(OUTSIDE) {
        assert_ne!(outside, network, "still outside");
        return body();
    }
    let addresses: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    let mut command = Command::new("unshare");
    if !am_root() {
        command.arg("--map-root-user");
    }
    let output = command
        .args(["--net", "--", "sh", "-ec", PREPARE, "network"])
        .arg(addresses.join(" "))
        .arg(std::env::current_exe().expect("a path"))
        .args(["--exact", test, "--include-ignored"])
        .env(OUTSIDE, network)
        .output()
        .expect("unshare");
    let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    // A name that no test has would pass as well.
    let passed = output.status.success() && said[0].contains("test result: ok. 1 passed");
    assert!(passed, "{test}, inside:\n{}{}", said[0], said[1]);
}

/// The path of the test in which this closure is written.
pub fn test_of<Closure>() -> String {
    let name = std::any::type_name::<Closure>();
    let path = name.split_once("::").expect("a path in a crate").1;
    path.trim_end_matches("::{{closure}}").to_owned()
}

/// Whether a namespace can be given addresses of IPv6.
pub fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}
