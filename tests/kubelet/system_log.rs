//! The line of each answer in the system log. The program runs in a mount namespace of its own, in which
//! the socket at /dev/log is one of the test's.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use crate::common::fake_aws::FakeAws;
use crate::common::files::{own_mounts, skipped};
use crate::common::{HOST, Outcome, PROGRAM, TestEnvironment};

use super::{IMAGE, cache_seconds, login, request};

/// Makes a folder of devices at `$1`, with the socket `$2` as `log`, puts it in the place of /dev, and
/// runs the rest of the arguments.
const WITH_LOG: &str = r#"
{
    /bin/mount -t tmpfs tmpfs "$1" &&
    for device in null zero random urandom; do
        : >"$1/$device" && /bin/mount --bind "/dev/$device" "$1/$device" || exit
    done &&
    : >"$1/log" && /bin/mount --bind "$2" "$1/log" && /bin/mount --rbind "$1" /dev
} || { echo unmounted; exit; }
shift 2; exec "$@""#;

/// A system log that a test reads.
struct SystemLog {
    socket: UnixDatagram,
}

impl SystemLog {
    fn of(environment: &TestEnvironment) -> Self {
        let socket = UnixDatagram::bind(environment.home().join("log")).expect("a socket");
        let limit = Some(Duration::from_secs(10));
        socket.set_read_timeout(limit).expect("a limit");
        Self { socket }
    }

    /// The next line without its head, which is checked.
    fn line(&self) -> String {
        let mut bytes = [0; 4096];
        let length = self.socket.recv(&mut bytes).expect("a line");
        let line = std::str::from_utf8(&bytes[..length]).expect("UTF-8");
        // 30 is `daemon` and `info` (RFC 3164, section 4.1.1).
        let rest = line.strip_prefix("<30>docker-credential-ecrx[");
        let (pid, text) = rest.and_then(|rest| rest.split_once("]: ")).expect(line);
        assert!(pid.parse::<u32>().is_ok(), "{line}");
        text.to_owned()
    }

    fn has_no_more_lines(&self) {
        self.socket.set_nonblocking(true).expect("a socket");
        let error = self.socket.recv(&mut [0]).expect_err("no line");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        self.socket.set_nonblocking(false).expect("a socket");
    }
}

/// Answers a request where the system log is the test's; `None` if nothing can be mounted here.
fn answered(environment: &TestEnvironment, request: &str) -> Option<Outcome> {
    if !Path::new("/usr/bin/unshare").exists() {
        skipped("this machine has no unshare");
        return None;
    }
    let devices = environment.home().join("dev");
    std::fs::create_dir_all(&devices).expect("a folder");
    let log = environment.home().join("log");
    let [devices, log] = [devices, log].map(|path| path.display().to_string());
    let mut words = own_mounts();
    words.extend(["--", "/bin/sh", "-c", WITH_LOG, "sh", &devices, &log]);
    words.extend([PROGRAM, "kubelet"]);
    let outcome = environment.run_program("/usr/bin/unshare", &words, request);
    if outcome.stdout == "unmounted\n" || outcome.stderr.starts_with("unshare:") {
        skipped("nothing can be mounted here (neither root nor user namespaces)");
        return None;
    }
    Some(outcome)
}

#[test]
fn each_answer_is_one_line_of_the_system_log_with_image_identity_role_time_and_origin() {
    let aws = FakeAws::start();
    let environment = TestEnvironment::of_alice(&aws);
    let config = environment.config(&format!(
        "[kubelet]\ncache_dir = \"{}\"\n\n[[registry]]\nmatch = \"*\"\nrole_arn = \"arn:aws:iam::{{account}}:role/nodes\"\n",
        environment.home().join("run").display()
    ));
    let log = SystemLog::of(&environment);
    for origin in ["from AWS", "from the cache"] {
        let Some(outcome) = answered(&environment, &request(IMAGE)) else {
            return;
        };
        let answer = outcome.answer();
        login(&answer);
        let time = humantime::format_duration(Duration::from_secs(cache_seconds(&answer)));
        let config = config.display();
        assert_eq!(
            log.line(),
            format!(
                "{IMAGE}: credentials for {HOST} {origin}, to be cached by kubelet for {time}; identity: the access key AKIAIOSFODNN7EXAMPLE, then role arn:aws:iam::999999999999:role/nodes; selected by the rule at {config}:4"
            )
        );
        log.has_no_more_lines();
    }
    let outcome = answered(&environment, &request("docker.io/library/nginx"));
    outcome.expect("mounts").answer();
    assert_eq!(
        log.line(),
        "docker.io/library/nginx: no credentials, as its registry is not ECR"
    );
    // A failure is on stderr alone, which kubelet logs itself.
    let outcome = answered(&environment, "{}").expect("mounts");
    assert_eq!(outcome.code, Some(1));
    log.has_no_more_lines();
}
