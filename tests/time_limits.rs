//! Nothing hangs: if something does not respond, a `get` ends in its time and says what it waited
//! for, and the user can stop it at any moment. Bounds are generous: they tell a limit that holds
//! from one that does not, not a fast machine from a slow one.

mod common;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use common::fake_aws::{FakeAws, FakeProxy, Fault, Operation};
use common::sources::{login, process, sso_session};
use common::{HOST, NOT_FOUND, Outcome, TestEnvironment};

const AS_ALICE: &str =
    "identity: the access key AKIAIOSFODNN7EXAMPLE; selected by the variable AWS_ACCESS_KEY_ID";
const NETWORK: &str = "Check the network, VPN, firewall, HTTPS_PROXY and NO_PROXY";
const MORE_TIME: &str = "Increase timeout_seconds in config.toml";

/// The limit in these tests.
const FOUR_SECONDS: &str = "timeout_seconds = 4\n";

/// Far above every limit here, and below the 30 s that hold when none is configured.
const IN_TIME: Duration = Duration::from_secs(20);

/// Runs a `get` that has to end in time.
#[track_caller]
fn get_in_time(environment: &TestEnvironment, server: &str) -> Outcome {
    let started = Instant::now();
    let outcome = environment.get(server);
    let took = started.elapsed();
    assert!(took < IN_TIME, "{took:?}: {outcome:?}");
    outcome
}

/// Failure because of the limit while `stage`; the hints.
#[track_caller]
fn timed_out<'a>(outcome: &'a Outcome, stage: &str) -> Vec<&'a str> {
    timed_out_with(outcome, stage, "")
}

/// Also with what a command has printed.
#[track_caller]
fn timed_out_with<'a>(outcome: &'a Outcome, stage: &str, printed: &str) -> Vec<&'a str> {
    // What was left of the four seconds, rounded.
    let lines = [1, 2, 3, 4].map(|seconds| {
        format!("no credentials for {HOST}: {stage}: no response within {seconds} s{printed}")
    });
    let line = outcome.stdout.trim_end();
    assert!(lines.iter().any(|known| known == line), "{outcome:?}");
    outcome.failure(line)
}

#[cfg(unix)]
fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + IN_TIME;
    while !holds() {
        assert!(Instant::now() < until, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn ecr_that_hangs_ends_the_get() {
    let aws = FakeAws::start();
    aws.on(Operation::EcrGetAuthorizationToken, Fault::Hang);
    let environment = TestEnvironment::of_alice(&aws);
    environment.config(FOUR_SECONDS);
    let outcome = get_in_time(&environment, HOST);
    assert_eq!(
        timed_out(&outcome, "requesting an authorization token"),
        [NETWORK, MORE_TIME, AS_ALICE]
    );
}

#[test]
fn ecr_that_is_slow_is_waited_for() {
    let aws = FakeAws::start();
    aws.on(
        Operation::EcrGetAuthorizationToken,
        Fault::Delay(Duration::from_secs(1)),
    );
    TestEnvironment::of_alice(&aws).get(HOST).answer();
}

#[test]
fn sts_that_hangs_ends_the_get() {
    let aws = FakeAws::start();
    aws.on(Operation::StsAssumeRole, Fault::Hang);
    let environment = TestEnvironment::of_alice(&aws);
    let role = "arn:aws:iam::999999999999:role/pull";
    environment.config(&format!(
        "{FOUR_SECONDS}[[registry]]\nmatch = \"*\"\nrole_arn = \"{role}\"\n"
    ));
    let outcome = get_in_time(&environment, HOST);
    let hints = timed_out(&outcome, &format!("assuming the role {role}"));
    assert_eq!(hints[..2], [NETWORK, MORE_TIME]);
}

#[test]
fn sts_that_hangs_at_a_web_identity_ends_the_get() {
    let aws = FakeAws::start();
    aws.on(Operation::StsAssumeRoleWithWebIdentity, Fault::Hang);
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_web_identity();
    environment.config(FOUR_SECONDS);
    let outcome = get_in_time(&environment, HOST);
    let hints = timed_out(
        &outcome,
        "assuming the role arn:aws:iam::111122223333:role/irsa with a web identity token",
    );
    assert_eq!(hints[..2], [NETWORK, MORE_TIME]);
}

#[test]
fn sso_portal_that_hangs_ends_the_get() {
    let aws = FakeAws::start();
    aws.on(Operation::SsoGetRoleCredentials, Fault::Hang);
    let mut environment = TestEnvironment::with_aws(&aws);
    sso_session(&mut environment, &aws, "work");
    environment.set("AWS_PROFILE", "work");
    environment.config(FOUR_SECONDS);
    let outcome = get_in_time(&environment, HOST);
    let hints = timed_out(
        &outcome,
        "getting credentials from profile work (the SSO role ops in account 444455556666 through session work)",
    );
    assert_eq!(hints[..2], [NETWORK, MORE_TIME]);
}

#[test]
fn sign_in_service_that_hangs_ends_the_get() {
    let aws = FakeAws::start();
    aws.on(Operation::SigninCreateOAuth2Token, Fault::Hang);
    let mut environment = TestEnvironment::with_aws(&aws);
    login(&mut environment, &aws, "work");
    environment.login_sign_in(&aws, -3600);
    environment.set("AWS_PROFILE", "work");
    environment.config(FOUR_SECONDS);
    let outcome = get_in_time(&environment, HOST);
    let hints = timed_out(
        &outcome,
        "getting credentials from profile work (aws login as arn:aws:iam::111122223333:user/login)",
    );
    assert_eq!(hints[..2], [NETWORK, MORE_TIME]);
}

#[test]
fn container_endpoint_that_hangs_ends_the_get() {
    let aws = FakeAws::start();
    aws.on(Operation::EcsCredentials, Fault::Hang);
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_container(&aws);
    environment.config(FOUR_SECONDS);
    let outcome = get_in_time(&environment, HOST);
    let line = outcome.stdout.trim_end();
    let start = format!(
        "no credentials for {HOST}: getting credentials from the container credential endpoint: "
    );
    // The provider's own limit for an answer is as long as the whole here: either may be first.
    assert!(line.starts_with(&start), "{line}");
    assert!(line.contains("no response within "), "{line}");
    assert_eq!(outcome.failure(line).len(), 2);
}

#[test]
fn instance_metadata_that_hangs_is_waited_for_one_second_and_once() {
    let aws = FakeAws::start();
    aws.on(Operation::ImdsToken, Fault::Hang);
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set_instance_metadata(&aws);
    let outcome = get_in_time(&environment, HOST);
    let hints = outcome.failure(&format!(
        "no credentials for {HOST}: no AWS credentials found: instance metadata at {} cannot be reached: no response within 1s",
        aws.url()
    ));
    assert_eq!(hints.len(), 4);
    assert_eq!(aws.count(Operation::ImdsToken), 1);
}

#[test]
fn public_ecr_that_hangs_leaves_the_anonymous_pull_alive() {
    let aws = FakeAws::start();
    aws.on(Operation::EcrPublicGetAuthorizationToken, Fault::Hang);
    let environment = TestEnvironment::of_alice(&aws);
    get_in_time(&environment, "public.ecr.aws").failed_with(NOT_FOUND, "");
    assert_eq!(aws.count(Operation::EcrPublicGetAuthorizationToken), 1);
    // And is not waited for a second time.
    get_in_time(&environment, "public.ecr.aws").failed_with(NOT_FOUND, "");
    assert_eq!(aws.count(Operation::EcrPublicGetAuthorizationToken), 1);
}

#[test]
fn stale_token_is_served_when_its_renewal_hangs() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let held = environment.get(HOST);
    held.answer();
    environment.age_cache(7 * 3600);
    aws.on(Operation::EcrGetAuthorizationToken, Fault::Hang);
    assert_eq!(get_in_time(&environment, HOST), held);
    assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 2);
    assert_eq!(get_in_time(&environment, HOST), held);
    assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 2);
}

/// Whether a process still does something. Who is killed and not waited for remains as a name.
#[cfg(target_os = "linux")]
fn runs(process_id: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process_id}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
    !state.is_empty() && !state.starts_with(['Z', 'X'])
}

#[cfg(target_os = "linux")]
#[test]
fn credential_process_that_hangs_ends_the_get_and_is_ended() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("PATH", "/usr/bin:/bin");
    environment.set("AWS_PROFILE", "work");
    let id = environment.home().join("id");
    environment.aws_config(&format!(
        "[profile work]\ncredential_process = sh -c 'echo $$ > {}; exec sleep 600'\n",
        id.display()
    ));
    environment.config(FOUR_SECONDS);
    let outcome = get_in_time(&environment, HOST);
    assert_eq!(
        timed_out(
            &outcome,
            "getting credentials from profile work (credential_process)"
        ),
        [
            "Run the credential_process command yourself; it may be waiting for input",
            MORE_TIME,
            "identity: profile work (credential_process); selected by the variable AWS_PROFILE",
        ]
    );
    let id = std::fs::read_to_string(id).expect("it ran");
    wait_for("its end", || !runs(id.trim()));
}

#[cfg(unix)]
#[test]
fn credential_process_that_waits_for_a_touch_shows_what_it_asks_for() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    environment.set("PATH", "/usr/bin:/bin");
    environment.set("AWS_PROFILE", "work");
    environment.set("DEVICE_PASSWORD", "correct-horse-battery");
    let script = environment.write(
        "touch.sh",
        "echo \"with $DEVICE_PASSWORD\" >&2\necho Touch your YubiKey >&2\nexec sleep 600\n",
    );
    environment.aws_config(&format!(
        "[profile work]\ncredential_process = sh {}\n",
        script.display()
    ));
    environment.config(FOUR_SECONDS);
    let outcome = get_in_time(&environment, HOST);
    timed_out_with(
        &outcome,
        "getting credentials from profile work (credential_process)",
        "; the command printed: with … Touch your YubiKey",
    );
}

#[test]
fn credential_process_that_never_stops_complaining_ends_the_get() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::with_aws(&aws);
    process(&mut environment, &aws, "work");
    environment.set("AWS_PROFILE", "work");
    environment.aws_config(
        "[profile work]\ncredential_process = /bin/sh -c 'while :; do echo talk >&2; done'\n",
    );
    environment.config(FOUR_SECONDS);
    let outcome = get_in_time(&environment, HOST);
    let talk = vec!["talk"; 200].join(" ");
    timed_out_with(
        &outcome,
        "getting credentials from profile work (credential_process)",
        &format!("; the command printed: {talk}"),
    );
}

/// A listener that takes no connection: its queue is full. `None` where the system lets any
/// number of connections wait.
fn full_listener() -> Option<(TcpListener, SocketAddr, Vec<TcpStream>)> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let address = listener.local_addr().expect("an address");
    let mut waiting = Vec::new();
    for _ in 0..5000 {
        match TcpStream::connect_timeout(&address, Duration::from_millis(500)) {
            Ok(stream) => waiting.push(stream),
            Err(_) => return Some((listener, address, waiting)),
        }
    }
    None
}

#[test]
#[allow(clippy::print_stderr, reason = "says what was not tested")]
fn connect_timeout_counts_for_each_attempt() {
    let Some((_listener, address, _waiting)) = full_listener() else {
        eprintln!("not tested: this system has no limit for waiting connections");
        return;
    };
    let mut environment = TestEnvironment::of_alice(&FakeAws::start());
    environment.set("AWS_ENDPOINT_URL", &format!("http://{address}"));
    // Three attempts take 3 s and up to 3 s of pauses; with the 3 s of the default, the whole
    // limit would come first.
    environment.config("connect_timeout_seconds = 1\ntimeout_seconds = 9\n");
    let outcome = get_in_time(&environment, HOST);
    assert_eq!(
        outcome.failure(&format!(
            "no credentials for {HOST}: requesting an authorization token: cannot reach {address}: connection timed out"
        )),
        [NETWORK, AS_ALICE]
    );
}

#[test]
fn proxy_that_hangs_is_a_connection_that_does_not_come() {
    let aws = FakeAws::start_tls(&[]);
    let proxy = FakeProxy::start(aws.address());
    proxy.hang();
    let mut environment = TestEnvironment::of_alice(&aws);
    environment.unset("AWS_ENDPOINT_URL");
    let authority = environment.write("authority.pem", aws.ca_pem());
    environment.set("AWS_CA_BUNDLE", &authority.display().to_string());
    environment.set("HTTPS_PROXY", &proxy.url());
    environment.config("connect_timeout_seconds = 1\ntimeout_seconds = 9\n");
    let outcome = get_in_time(&environment, HOST);
    assert_eq!(
        outcome.failure(&format!(
            "no credentials for {HOST}: requesting an authorization token: cannot reach api.ecr.us-west-2.amazonaws.com through proxy {}: connection timed out",
            proxy.address()
        )),
        [NETWORK, AS_ALICE]
    );
}

#[cfg(unix)]
mod signals {
    use std::os::unix::process::ExitStatusExt as _;

    use rustix::process::{Pid, Signal, kill_process};

    use super::*;

    /// Whether a process was started with this signal ignored, as shells do in the background.
    fn ignores(process_id: u32, signal: Signal) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{process_id}/status"));
        let ignored = status.ok().and_then(|status| {
            let mask = status
                .lines()
                .find_map(|line| line.strip_prefix("SigIgn:"))?;
            u64::from_str_radix(mask.trim(), 16).ok()
        });
        ignored.is_some_and(|mask| mask >> (signal.as_raw() - 1) & 1 == 1)
    }

    #[test]
    #[allow(clippy::print_stderr, reason = "says what was not tested")]
    fn signals_end_a_get_at_once_and_leave_no_lock() {
        for signal in [Signal::INT, Signal::TERM] {
            let aws = FakeAws::start();
            aws.on(Operation::EcrGetAuthorizationToken, Fault::Hang);
            let environment = TestEnvironment::of_alice(&aws);
            let mut child = environment.start(&["get"], HOST.as_bytes());
            wait_for("the call", || {
                aws.count(Operation::EcrGetAuthorizationToken) == 1
            });
            if ignores(child.id(), signal) {
                eprintln!("not tested: this process was started with {signal:?} ignored");
                child.kill().expect("kill");
                child.wait().expect("wait");
                continue;
            }
            let id = i32::try_from(child.id()).expect("a process id");
            kill_process(Pid::from_raw(id).expect("a process id"), signal).expect("kill");
            let sent = Instant::now();
            let mut status = None;
            wait_for("the end", || {
                status = child.try_wait().expect("wait");
                status.is_some()
            });
            // The limit of the get is 30 s.
            assert!(sent.elapsed() < Duration::from_secs(10));
            assert_eq!(
                status.and_then(|status| status.signal()),
                Some(signal.as_raw())
            );
            let output = child.wait_with_output().expect("output");
            assert!(output.stdout.is_empty(), "{output:?}");

            // The next process would wait 15 s for a lock that is held.
            aws.heal_all();
            let started = Instant::now();
            environment.get(HOST).answer();
            assert!(started.elapsed() < Duration::from_secs(10));
            assert_eq!(aws.count(Operation::EcrGetAuthorizationToken), 2);
        }
    }
}
