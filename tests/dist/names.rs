//! Names, where nothing but `/etc/hosts` and `/etc/resolv.conf` tells what they mean: in an image
//! made from scratch, and in Alpine's, there is no C library to ask.

use std::net::UdpSocket;

use super::common::fake_aws::FakeAws;
use super::common::files::skipped;
use super::common::network::{has_ipv6, test_of, with_own};
use super::common::{HOST, Outcome, TestEnvironment};
use super::name_server::{By, NameServer, Zone};
use super::run_from_scratch;

/// Where the name server is; the fake AWS is at 127.0.0.1, on a port of its own.
const SERVER: &str = "127.0.0.53";

/// An image made from scratch, with the fake AWS under a name.
pub struct Machine {
    pub aws: FakeAws,
    pub environment: TestEnvironment,
}

impl Machine {
    fn new() -> Self {
        let mut aws = FakeAws::start();
        if has_ipv6() {
            let port = aws.address().port();
            aws.also_at(([0, 0, 0, 0, 0, 0, 0, 1], port).into());
        }
        let environment = TestEnvironment::of_alice(&aws);
        Self { aws, environment }
    }

    /// Asks for a token where AWS bears this name.
    pub fn name_aws(&mut self, name: &str) {
        let url = format!("http://{name}:{}", self.aws.address().port());
        self.environment.set("AWS_ENDPOINT_URL", &url);
    }

    /// Writes the files of the image, and asks for a token in it.
    fn get(&mut self, name: &str, hosts: &str, resolv_conf: &str) -> Outcome {
        self.name_aws(name);
        self.environment.write("etc/hosts", hosts);
        self.environment.write("etc/resolv.conf", resolv_conf);
        self.environment.set("HOME", "/");
        run_from_scratch(&self.environment, &["get"], HOST)
    }
}

/// Runs `body` in a network that has loopback alone.
#[track_caller]
pub fn with_machine<F: FnOnce(Machine)>(body: F) {
    with_own(&[], &test_of::<F>(), || body(Machine::new()));
}

/// What was asked for by UDP.
fn udp(names: &[&str]) -> Vec<(By, String)> {
    let by_udp = |name: &&str| (By::Udp, (*name).to_owned());
    names.iter().map(by_udp).collect()
}

const AWS: Zone = &[("aws.test", &["127.0.0.1"])];

#[test]
#[ignore = "needs the executable of packaging/build-binary and a network namespace: .ci/run"]
fn the_name_server_is_asked() {
    with_machine(|mut machine| {
        let server = NameServer::start(SERVER, AWS, false);
        let resolv_conf = format!("nameserver {SERVER}\n");
        machine.get("aws.test", "", &resolv_conf).grant();
        assert_eq!(server.asked(), udp(&["aws.test"]));
    });
}

#[test]
#[ignore = "needs the executable of packaging/build-binary and a network namespace: .ci/run"]
fn a_name_may_have_an_ipv6_address_alone() {
    if !has_ipv6() {
        return skipped("this machine has no IPv6");
    }
    with_machine(|mut machine| {
        NameServer::start(SERVER, &[("aws.test", &["::1"])], false);
        let resolv_conf = format!("nameserver {SERVER}\n");
        machine.get("aws.test", "", &resolv_conf).grant();
    });
}

#[test]
#[ignore = "needs the executable of packaging/build-binary and a network namespace: .ci/run"]
fn a_name_server_may_have_an_ipv6_address() {
    if !has_ipv6() {
        return skipped("this machine has no IPv6");
    }
    with_machine(|mut machine| {
        NameServer::start("::1", AWS, false);
        machine.get("aws.test", "", "nameserver ::1\n").grant();
    });
}

#[test]
#[ignore = "needs the executable of packaging/build-binary and a network namespace: .ci/run"]
fn of_several_addresses_one_that_works_is_found() {
    with_machine(|mut machine| {
        let zone: Zone = &[("aws.test", &["2001:db8::1", "192.0.2.1", "127.0.0.1"])];
        NameServer::start(SERVER, zone, false);
        let resolv_conf = format!("nameserver {SERVER}\n");
        machine.get("aws.test", "", &resolv_conf).grant();
    });
}

#[test]
#[ignore = "needs the executable of packaging/build-binary and a network namespace: .ci/run"]
fn a_short_name_is_looked_for_in_every_domain_of_the_search_list() {
    with_machine(|mut machine| {
        let zone: Zone = &[("aws.second.test", &["127.0.0.1"])];
        let server = NameServer::start(SERVER, zone, false);
        let resolv_conf = format!("search first.test second.test\nnameserver {SERVER}\n");
        machine.get("aws", "", &resolv_conf).grant();
        assert_eq!(server.asked(), udp(&["aws.first.test", "aws.second.test"]));
    });
}

/// As in a pod of Kubernetes, where `ndots` is 5.
#[test]
#[ignore = "needs the executable of packaging/build-binary and a network namespace: .ci/run"]
fn ndots_says_from_how_many_dots_on_a_name_is_taken_as_it_is() {
    with_machine(|mut machine| {
        let zone: Zone = &[
            ("aws.default", &["192.0.2.1"]),
            ("aws.default.svc.test", &["127.0.0.1"]),
        ];
        let server = NameServer::start(SERVER, zone, false);
        let resolv_conf = format!("nameserver {SERVER}\nsearch svc.test\noptions ndots:2\n");
        machine.get("aws.default", "", &resolv_conf).grant();
        assert_eq!(server.asked(), udp(&["aws.default.svc.test"]));
    });
}

#[test]
#[ignore = "needs the executable of packaging/build-binary and a network namespace: .ci/run"]
fn if_a_name_server_does_not_listen_the_next_one_is_asked() {
    with_machine(|mut machine| {
        NameServer::start(SERVER, AWS, false);
        let resolv_conf = format!("nameserver 127.0.0.54\nnameserver {SERVER}\n");
        machine.get("aws.test", "", &resolv_conf).grant();
    });
}

#[test]
#[ignore = "needs the executable of packaging/build-binary and a network namespace: .ci/run"]
fn after_a_silent_name_server_the_next_one_is_asked() {
    with_machine(|mut machine| {
        let _silent = UdpSocket::bind(("127.0.0.54", 53)).expect("port 53");
        NameServer::start(SERVER, AWS, false);
        let resolv_conf =
            format!("nameserver 127.0.0.54\nnameserver {SERVER}\noptions timeout:1\n");
        machine.get("aws.test", "", &resolv_conf).grant();
    });
}

/// It is waited for by default for 5 s, which is longer than a connection may take.
#[test]
#[ignore = "needs the executable of packaging/build-binary and a network namespace: .ci/run"]
fn a_silent_name_server_costs_a_few_seconds_and_no_login() {
    with_machine(|mut machine| {
        let _silent = UdpSocket::bind(("127.0.0.54", 53)).expect("port 53");
        NameServer::start(SERVER, AWS, false);
        let resolv_conf = format!("nameserver 127.0.0.54\nnameserver {SERVER}\n");
        machine.get("aws.test", "", &resolv_conf).grant();
    });
}

#[test]
#[ignore = "needs the executable of packaging/build-binary and a network namespace: .ci/run"]
fn an_answer_that_was_cut_short_is_fetched_by_tcp() {
    with_machine(|mut machine| {
        let server = NameServer::start(SERVER, AWS, true);
        let resolv_conf = format!("nameserver {SERVER}\n");
        machine.get("aws.test", "", &resolv_conf).grant();
        // What was asked by UDP for other kinds of address may be on record after it.
        let asked = server.asked();
        assert!(
            asked.contains(&(By::Tcp, "aws.test".to_owned())),
            "{asked:?}"
        );
    });
}

#[test]
#[ignore = "needs the executable of packaging/build-binary and a network namespace: .ci/run"]
fn the_hosts_file_comes_before_the_name_server() {
    with_machine(|mut machine| {
        let zone: Zone = &[("aws.test", &["192.0.2.1"])];
        let server = NameServer::start(SERVER, zone, false);
        let hosts = "127.0.0.1 localhost\n127.0.0.1 other.test aws.test # ours\n";
        let resolv_conf = format!("nameserver {SERVER}\n");
        machine.get("aws.test", hosts, &resolv_conf).grant();
        assert_eq!(server.asked(), []);
    });
}

#[test]
#[ignore = "needs the executable of packaging/build-binary and a network namespace: .ci/run"]
fn a_name_that_does_not_exist_is_named() {
    with_machine(|mut machine| {
        let server = NameServer::start(SERVER, AWS, false);
        let resolv_conf = format!("nameserver {SERVER}\n");
        let outcome = machine.get("asw.test", "", &resolv_conf);
        let port = machine.aws.address().port();
        outcome.failure(&format!(
            "no credentials for {HOST}: requesting an authorization token: cannot reach asw.test:{port}: the host name cannot be resolved (failed to lookup address information: Name or service not known)"
        ));
        assert_eq!(server.asked(), udp(&["asw.test"]));
    });
}
