//! A node in AWS: containerd and kubelet, the registries they pull from, and the AWS that the
//! credential provider calls.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::PROGRAM;
use crate::common::fake_aws::{FakeAws, FakeRegistry, Route, bucket};
use crate::common::files::go_program;
use crate::namespace::{Namespace, SYSTEM_PATH, Service};
use crate::process::finish;

/// The registries of the node's own account and of another one, in two regions each.
pub const OWN: &str = "111122223333.dkr.ecr.us-west-2.amazonaws.com";
pub const OWN_IN_EUROPE: &str = "111122223333.dkr.ecr.eu-central-1.amazonaws.com";
pub const OTHER: &str = "444455556666.dkr.ecr.us-west-2.amazonaws.com";
pub const OTHER_IN_EUROPE: &str = "444455556666.dkr.ecr.eu-central-1.amazonaws.com";

const REGISTRIES: [&str; 5] = [OWN, OWN_IN_EUROPE, OTHER, OTHER_IN_EUROPE, "public.ecr.aws"];

/// The services of AWS that the program calls.
const SERVICES: [&str; 4] = [
    "api.ecr.us-west-2.amazonaws.com",
    "api.ecr.eu-central-1.amazonaws.com",
    "sts.us-west-2.amazonaws.com",
    "sts.eu-central-1.amazonaws.com",
];

/// The role by which the node uses the other account.
pub const PULL_ROLE: &str = "arn:aws:iam::444455556666:role/ecr-pull";

/// Pulled by containerd itself, which has no credentials.
const SANDBOX: &str = "public.ecr.aws/eks-distro/kubernetes/pause:3.10";

/// Addresses inside: of the registries, of the services, and of instance metadata on any instance.
const ADDRESSES: [&str; 3] = ["192.0.2.10", "192.0.2.20", "169.254.169.254"];

/// kubelet's read-only port.
const KUBELET: (&str, u16) = ("127.0.0.1", 10255);

/// The node's name, which kubelet appends to the names of static pods.
pub const NAME: &str = "node";

/// Gives the node folders of its own to write to, and a copy of those settings of the kernel that
/// kubelet changes (`setupKernelTunables` of kubelet 1.37), as they are the whole machine's.
const PREPARE: &str = r#"
set -e
# A file may be removed meanwhile.
cp -a /etc "$1/etc" || [ -e "$1/etc/passwd" ]
rm -rf "$1"/etc/containerd "$1"/etc/docker-credential-ecrx "$1"/etc/kubernetes
mount --bind "$1/etc" /etc
mount -t tmpfs tmpfs /var/log
for setting in kernel/panic kernel/panic_on_oops kernel/keys/root_maxbytes \
    kernel/keys/root_maxkeys vm/overcommit_memory vm/panic_on_oom; do
    mkdir -p "$1/sys/${setting%/*}"
    cat "/proc/sys/$setting" >"$1/sys/$setting"
    mount --bind "$1/sys/$setting" "/proc/sys/$setting"
done
"#;

const CONTAINERD: &str = r#"
version = 3
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "@SANDBOX@"

[plugins."io.containerd.cri.v1.images".registry]
config_path = "/etc/containerd/certs.d"

[plugins."io.containerd.cri.v1.runtime"]
disable_apparmor = true
restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
"#;

/// A running node.
pub struct Node<'a> {
    kubelet: Option<Service>,
    containerd: Service,
    pub aws: FakeAws,
    pub registry: FakeRegistry,
    /// What images consist of: a tar file with busybox.
    root: Vec<u8>,
    namespace: &'a Namespace,
}

/// Runs `test` in the network of a node without a kubelet. The node ends with it.
pub fn on_a_node(test: impl FnOnce(&mut Node) + Send) {
    let dir = tempfile::Builder::new()
        .prefix("ecrx-pods-")
        .tempdir()
        .expect("a folder")
        .keep();
    let buckets: Vec<String> = REGISTRIES.iter().map(|host| bucket(host)).collect();
    let mut hosts = "127.0.0.1 localhost\n".to_owned();
    for name in REGISTRIES
        .iter()
        .copied()
        .chain(buckets.iter().map(String::as_str))
    {
        hosts += &format!("{} {name}\n", ADDRESSES[0]);
    }
    for name in SERVICES {
        hosts += &format!("{} {name}\n", ADDRESSES[1]);
    }
    write(&dir.join("hosts"), &hosts);
    write(&dir.join("addresses"), &(ADDRESSES.join("\n") + "\n"));
    // Written when the authorities exist.
    write(&dir.join("ca.pem"), "");
    let namespace = Namespace::around(dir).expect("namespaces");
    namespace.within(|| {
        let mut node = Node::start(&namespace);
        test(&mut node);
    });
}

impl<'a> Node<'a> {
    fn start(namespace: &'a Namespace) -> Self {
        let dir = namespace.dir();
        let at =
            |address: &str, port: u16| format!("{address}:{port}").parse().expect("an address");
        let registry = FakeRegistry::start_at(at(ADDRESSES[0], 443), &REGISTRIES);
        let mut aws = FakeAws::start_tls_at(at(ADDRESSES[1], 443), &SERVICES);
        aws.also_at(at(ADDRESSES[2], 80));
        write(
            &dir.join("ca.pem"),
            &[registry.ca_pem(), aws.ca_pem()].concat(),
        );
        run(
            namespace,
            "sh",
            &["-c", PREPARE, "prepare", &dir.display().to_string()],
        );

        let root = layer(dir, "busybox", Path::new("/bin/busybox"), "bin/busybox");

        write(
            &dir.join("etc/containerd/config.toml"),
            &CONTAINERD.replace("@SANDBOX@", SANDBOX),
        );
        let program = go_program("containerd");
        let path = program.parent().expect("a folder").display().to_string();
        let mut containerd = namespace
            .start("containerd", |command| {
                command
                    .arg("env")
                    .arg(format!("PATH={path}:{SYSTEM_PATH}"))
                    .arg(program)
                    .arg("--log-level=warn");
            })
            .expect("containerd");
        // /run is the namespace's own, so a client inside has to look.
        let is_ready = || {
            let socket = "test -S /run/containerd/containerd.sock";
            namespace.run(5, "sh", ["-c", socket]).code == Some(0)
        };
        containerd.wait_until(is_ready).expect("containerd");

        let node = Self {
            kubelet: None,
            containerd,
            aws,
            registry,
            root,
            namespace,
        };
        node.add_image(SANDBOX);
        node
    }

    /// A file of the node.
    pub fn write(&self, path: &str, text: &str) {
        let path = path.strip_prefix("/etc/").expect("a path in /etc");
        write(&self.namespace.dir().join("etc").join(path), text);
    }

    /// `/etc/docker-credential-ecrx/config.toml`, with a log and a cache under `[kubelet]`.
    pub fn config(&self, rules: &str) {
        let log = self.provider_log_file().display().to_string();
        let kubelet = format!(
            "[kubelet]\nlog_file = \"{log}\"\ncache_dir = \"/run/docker-credential-ecrx\"\n"
        );
        self.write(
            "/etc/docker-credential-ecrx/config.toml",
            &format!("{kubelet}\n{rules}"),
        );
    }

    /// Makes an image whose program does nothing.
    pub fn add_image(&self, image: &str) {
        let command = ["/bin/busybox", "sleep", "86400"];
        self.registry.add_runnable(image, &self.root, &command);
    }

    /// Makes an image that runs this program, and has nothing else.
    pub fn add_program_image(&self, image: &str, program: &Path) {
        const NAME: &str = "docker-credential-ecrx";
        let layer = layer(self.namespace.dir(), "ecrx", program, NAME);
        let entry_point = [&*format!("/{NAME}")];
        self.registry.add_runnable(image, &layer, &entry_point);
    }

    /// The folder of kubelet's credential providers.
    pub fn providers(&self) -> PathBuf {
        self.namespace.dir().join("credential-providers")
    }

    /// Starts a kubelet with a file of `packaging/kubernetes` and more patterns of images.
    pub fn start_kubelet(&mut self, provider: &str, patterns: &[&str], options: &[&str]) {
        let dir = self.namespace.dir();
        let provider = fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("packaging/kubernetes")
                .join(provider),
        )
        .expect("a file");
        let mut images = "matchImages:\n".to_owned();
        for pattern in patterns {
            images += &format!("      - \"{pattern}\"\n");
        }
        // The home folder of root is not the node's own.
        let home = format!("value: {}", dir.display());
        let provider = provider
            .replace("value: /root", &home)
            .replace("matchImages:\n", &images);
        self.write("/etc/kubernetes/credential-provider-config.yaml", &provider);
        let programs = self.providers();
        fs::create_dir_all(&programs).expect("a folder");
        for name in ["docker-credential-ecrx", "ecrx-workload-identity"] {
            fs::copy(PROGRAM, programs.join(name)).expect("a copy");
        }

        let cgroup = dir.file_name().expect("a name").display();
        let config = json!({
            "kind": "KubeletConfiguration",
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "address": KUBELET.0,
            "readOnlyPort": KUBELET.1,
            "authentication": {"anonymous": {"enabled": true}, "webhook": {"enabled": false}},
            "authorization": {"mode": "AlwaysAllow"},
            "contentType": "application/json",
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
            "staticPodPath": "/etc/kubernetes/manifests",
            "volumePluginDir": "/var/lib/kubelet/volume-plugins",
            // What the machine around the node has, and the node must not change.
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": format!("/{cgroup}"),
            "cgroupsPerQOS": false,
            "enforceNodeAllocatable": [],
            "evictionHard": {"memory.available": "0%"},
            "failCgroupV1": false,
            "failSwapOn": false,
            "localStorageCapacityIsolation": false,
            "makeIPTablesUtilChains": false,
        });
        self.write("/etc/kubernetes/kubelet.json", &config.to_string());
        fs::create_dir_all(dir.join("etc/kubernetes/manifests")).expect("a folder");
        let mut kubelet = self
            .namespace
            .start("kubelet", |command| {
                command
                    .arg(go_program("kubelet"))
                    .args(["--config=/etc/kubernetes/kubelet.json", "--v=2"])
                    .arg(format!("--hostname-override={NAME}"))
                    .arg(format!("--node-ip={}", ADDRESSES[0]))
                    .arg("--image-credential-provider-config=/etc/kubernetes/credential-provider-config.yaml")
                    .arg("--image-credential-provider-bin-dir")
                    .arg(programs)
                    .args(options);
            })
            .expect("kubelet");
        let is_ready = || TcpStream::connect(KUBELET).is_ok();
        let started = kubelet.wait_until(is_ready);
        self.kubelet = Some(kubelet);
        started.expect("kubelet");
    }

    /// Writes the manifest of a static pod with one container.
    pub fn add_static_pod(&self, name: &str, image: &str) {
        self.add_manifest(&pod(name, image));
    }

    /// Writes the manifest of a static pod.
    pub fn add_manifest(&self, pod: &Value) {
        let name = pod["metadata"]["name"].as_str().expect("a name");
        self.write(
            &format!("/etc/kubernetes/manifests/{name}.json"),
            &pod.to_string(),
        );
    }

    /// Takes the address of AWS's services away, or gives it back. Instance metadata stays.
    pub fn set_aws_reachable(&self, reachable: bool) {
        let change = if reachable { "add" } else { "delete" };
        let address = format!("{}/32", ADDRESSES[1]);
        let arguments = ["address", change, &address, "dev", "lo"];
        run(self.namespace, "ip", &arguments);
    }

    /// Waits until these pods run.
    #[track_caller]
    pub fn wait_until_running(&self, names: &[&str]) {
        let mut found = BTreeMap::new();
        self.wait_until(&format!("{names:?} run"), || {
            found = self.pods();
            names
                .iter()
                .all(|name| found.get(*name).is_some_and(|phase| phase == "Running"))
        });
    }

    /// The phase of each pod.
    pub fn pods(&self) -> BTreeMap<String, String> {
        let mut kubelet = TcpStream::connect(KUBELET).expect("kubelet");
        kubelet
            .write_all(b"GET /pods HTTP/1.0\r\n\r\n")
            .expect("kubelet");
        let mut answer = String::new();
        kubelet.read_to_string(&mut answer).expect("kubelet");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        let list: Value =
            serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"));
        // A pod of an API server has a phase once kubelet has told it.
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let pods = list["items"].as_array().into_iter().flatten();
        pods.map(|pod| {
            (
                text(&pod["metadata"]["name"]),
                text(&pod["status"]["phase"]),
            )
        })
        .collect()
    }

    /// Waits for at most three minutes.
    #[track_caller]
    pub fn wait_until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(180);
        while !is_so() {
            assert!(Instant::now() < deadline, "waited in vain until {what}");
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Whose token each image was pulled with, by its repository.
    pub fn pulled_by(&self) -> BTreeMap<String, String> {
        let visits = self.registry.visits_of(Route::Manifest).into_iter();
        visits
            .filter_map(|visit| {
                let path = visit.path.strip_prefix("/v2/")?;
                let (repository, _) = path.split_once("/manifests/")?;
                Some((format!("{}/{repository}", visit.host), visit.principal?))
            })
            .collect()
    }

    /// Waits for a line of kubelet's log that has this text.
    #[track_caller]
    pub fn log_line(&self, text: &str) -> String {
        let mut found = None;
        self.wait_until(&format!("kubelet logs {text}"), || {
            let log = self.kubelet_log();
            found = log
                .lines()
                .find(|line| line.contains(text))
                .map(str::to_owned);
            found.is_some()
        });
        found.expect("a line")
    }

    fn kubelet_log(&self) -> String {
        self.kubelet.as_ref().map(Service::log).unwrap_or_default()
    }

    /// The answers of the credential provider, without their times.
    pub fn provider_log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.provider_log_file()).unwrap_or_default();
        log.lines()
            .map(|line| line.split_once(' ').expect("a time").1.to_owned())
            .collect()
    }

    fn provider_log_file(&self) -> PathBuf {
        self.namespace.dir().join("provider.log")
    }
}

impl Drop for Node<'_> {
    #[allow(clippy::print_stderr, reason = "says why the test failed")]
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("containerd:\n{}", self.containerd.log());
            eprintln!("kubelet:\n{}", self.kubelet_log());
            eprintln!("credential provider:\n{:#?}", self.provider_log());
        }
    }
}

/// A pod in the network of the node, with one container.
pub fn pod(name: &str, image: &str) -> Value {
    json!({
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": name},
        "spec": {
            "hostNetwork": true,
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "app", "image": image}],
        },
    })
}

/// A layer of an image, as a tar file, with one program at this path.
fn layer(dir: &Path, name: &str, program: &Path, path: &str) -> Vec<u8> {
    let copy = dir.join(name).join(path);
    fs::create_dir_all(copy.parent().expect("a folder")).expect("folders");
    fs::copy(program, &copy).expect("a program");
    let file = format!("{name}.tar");
    let mut tar = Command::new("tar");
    tar.args(["-cf", &file, "-C", name, "."]).current_dir(dir);
    finish(tar, "").success().expect("tar");
    fs::read(dir.join(file)).expect("a file")
}

#[track_caller]
fn run(namespace: &Namespace, program: &str, arguments: &[&str]) {
    if let Err(why) = namespace.run(60, program, arguments).success() {
        panic!("{why}");
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
