//! A fake AWS under AWS's own names: the peer knows no `AWS_ENDPOINT_URL`.

use std::net::Ipv4Addr;
use std::process::{Command, ExitCode};

use super::Result;
use super::common::TestEnvironment;
use super::common::fake_aws::{FakeAws, FakeProxy};
use super::common::files::am_root;
use super::contestant::Contestant;

/// What both programs ask for a registry of us-west-2, and for SSO in us-east-1.
const NAMES: [&str; 4] = [
    "api.ecr.us-west-2.amazonaws.com",
    "sts.us-west-2.amazonaws.com",
    "portal.sso.us-east-1.amazonaws.com",
    "oidc.us-east-1.amazonaws.com",
];

/// Set inside, where the names lead to this machine.
const INSIDE: &str = "BENCH_INSIDE";

/// Puts a hosts file in place of the machine's, and goes on as the rest of the arguments.
const PREPARE: &str = r#"
ip link set lo up
mount --bind "$1" /etc/hosts
shift
exec "$@"
"#;

/// Runs this program once more in a network of its own, in which the names lead to it and from
/// which no way leads out; what came of it. `None` inside, and where there are no namespaces.
pub fn go_inside() -> Result<Option<ExitCode>> {
    if is_inside()
        || !unshare()
            .arg("true")
            .output()
            .is_ok_and(|made| made.status.success())
    {
        return Ok(None);
    }
    let hosts = tempfile::NamedTempFile::new()?;
    let lines = NAMES.map(|name| format!("127.0.0.1 {name}\n")).concat();
    std::fs::write(&hosts, format!("127.0.0.1 localhost\n{lines}"))?;
    let status = unshare()
        .args(["sh", "-ec", PREPARE, "bench"])
        .arg(hosts.path())
        .arg(std::env::current_exe()?)
        .env(INSIDE, "1")
        .status()?;
    Ok(Some(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }))
}

fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    if !am_root() {
        command.arg("--map-root-user");
    }
    command.args(["--net", "--mount", "--"]);
    command
}

/// The running fake.
pub struct Stage {
    pub aws: FakeAws,
    /// Leads to it where the names do not.
    proxy: Option<FakeProxy>,
    /// Where instance metadata is, in plain http.
    metadata: String,
}

impl Stage {
    pub fn new() -> Result<Self> {
        let (mut aws, proxy) = if is_inside() {
            let https = (Ipv4Addr::LOCALHOST, 443).into();
            (FakeAws::start_tls_at(https, &NAMES), None)
        } else {
            let aws = FakeAws::start_tls(&NAMES);
            let proxy = FakeProxy::start(aws.address());
            (aws, Some(proxy))
        };
        // An instance's keys stay the same for hours.
        aws.keep_instance_keys();
        let metadata = aws.also_at((Ipv4Addr::LOCALHOST, 0).into());
        Ok(Self {
            aws,
            proxy,
            metadata: format!("http://{metadata}"),
        })
    }

    /// How many calls to AWS a run makes.
    pub fn calls(&self, contestant: &Contestant<'_>) -> Result<u64> {
        self.aws.clear();
        contestant.run()?;
        Ok(self.aws.calls().len() as u64)
    }

    /// How the programs reach it.
    pub fn way(&self) -> &'static str {
        match self.proxy {
            Some(_) => "through a proxy, for want of namespaces",
            None => "in a network namespace",
        }
    }

    /// A home in which both programs reach the fake, and trust it besides the authorities that
    /// the machine trusts.
    pub fn environment(&self) -> TestEnvironment {
        let mut environment = TestEnvironment::new();
        let machine = std::fs::read_to_string("/etc/ssl/certs/ca-certificates.crt");
        let bundle = machine.unwrap_or_default() + self.aws.ca_pem();
        let bundle = environment.write("ca.pem", &bundle).display().to_string();
        environment.set("SSL_CERT_FILE", &bundle);
        environment.set("AWS_REGION", "us-west-2");
        if let Some(proxy) = &self.proxy {
            environment.set("HTTPS_PROXY", &proxy.url());
        }
        environment
    }

    /// What asks instance metadata is sent to the fake.
    pub fn set_instance_metadata(&self, environment: &mut TestEnvironment) {
        environment.set_instance_metadata(&self.aws);
        environment.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &self.metadata);
    }
}
