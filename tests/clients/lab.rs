//! AWS, registries and a Docker Engine inside a [`Namespace`], and the releases of the
//! clients at hand.

use std::fs;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::common::files::{clients_folder, go_programs};
use crate::namespace::{Namespace, Service};
use crate::process::{Finished, finish};
use crate::registry::{self, IMAGE, Registry};

/// Where moto answers, inside.
pub const MOTO: &str = "http://127.0.0.1:4566";

/// Where ministack answers, inside, when a test has started it.
pub const MINISTACK: &str = "http://127.0.0.1:4600";

/// The running lab.
pub struct Lab {
    namespace: Namespace,
    tools: PathBuf,
    _services: Vec<Service>,
}

/// The lab, for one test at a time: they share its Docker Engine.
pub struct Turn {
    lab: &'static Lab,
    _alone: MutexGuard<'static, ()>,
}

impl Deref for Turn {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        self.lab
    }
}

/// Starts the lab with the first test and hands it to one test after the other.
pub fn enter() -> Turn {
    static LAB: LazyLock<Result<Lab, String>> = LazyLock::new(Lab::start);
    static ALONE: Mutex<()> = Mutex::new(());
    // A test that failed has no hold on the next.
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    match &*LAB {
        Ok(lab) => Turn { lab, _alone: alone },
        Err(why) => panic!("the lab did not start: {why}"),
    }
}

impl Lab {
    /// The namespaces that hold it.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The folders with a release of `client`: Debian's, the next Debian's, one that the
    /// machine had already, and one built from Go.
    pub fn releases_of(&self, client: &str) -> Vec<PathBuf> {
        let folders = [
            "/usr/bin".into(),
            self.newer(),
            "/usr/local/bin".into(),
            go_programs(),
        ];
        let releases: Vec<PathBuf> = folders
            .into_iter()
            .filter(|folder: &PathBuf| folder.join(client).exists())
            .collect();
        assert!(!releases.is_empty(), "no {client}");
        releases
    }

    /// Docker's buildx plugin.
    pub fn buildx(&self) -> PathBuf {
        self.newer().join("docker-buildx")
    }

    /// A file with the files of [`IMAGE`].
    pub fn root_tar(&self) -> String {
        self.namespace.dir().join("root.tar").display().to_string()
    }

    /// Starts ministack, whose tokens live 12 hours as ECR's do, with an instance
    /// metadata service that speaks version 2 only.
    pub fn ministack(&self) -> Service {
        let ready = || self.namespace.listens("127.0.0.1", 4600);
        self.namespace
            .start("ministack", |command| {
                command
                    .arg(self.tools.join("venv/bin/ministack"))
                    .env("GATEWAY_PORT", "4600")
                    .env("MINISTACK_IMDS_V2_REQUIRED", "1")
                    .env("CLOUDTRAIL_RECORDING", "1");
            })
            .and_then(|mut service| service.wait_until(ready).map(|()| service))
            .unwrap_or_else(|why| panic!("ministack: {why}"))
    }

    /// The calls that ministack had since it was started, oldest first, each with the
    /// access key that signed it: `test` where none did. Looking is no call.
    pub fn cloud_trail(&self) -> Vec<(String, String)> {
        let target =
            "X-Amz-Target: com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";
        let looked = self.namespace.run(
            60,
            "busybox",
            [
                "wget",
                "-qO-",
                "--header",
                target,
                "--post-data",
                "{}",
                MINISTACK,
            ],
        );
        let answer: Value = serde_json::from_str(&looked.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", looked.report()));
        let text = |event: &Value, key: &str| event[key].as_str().expect("a text").to_owned();
        let events = answer["Events"].as_array().expect("events").iter().rev();
        events
            .map(|event| (text(event, "EventName"), text(event, "AccessKeyId")))
            .collect()
    }

    /// Asserts that a push has arrived, as the registry's owner sees it.
    #[track_caller]
    pub fn assert_holds(&self, registry: &Registry, repository: &str, tag: &str) {
        let repository = format!("docker://{}/{repository}", registry.host);
        let arguments = ["list-tags", "--creds", &registry.login(), &repository];
        let tags = self.namespace.run(60, "skopeo", arguments);
        assert!(
            tags.stdout.contains(&format!("\"{tag}\"")),
            "{}",
            tags.report()
        );
    }

    /// The digest of an image, as the registry's owner sees it.
    #[track_caller]
    pub fn digest(&self, registry: &Registry, image: &str) -> String {
        let image = format!("docker://{}/{image}", registry.host);
        let login = registry.login();
        let arguments = [
            "inspect",
            "--creds",
            &login,
            "--format",
            "{{.Digest}}",
            &image,
        ];
        let digest = self.namespace.run(60, "skopeo", arguments);
        assert_eq!(digest.code, Some(0), "{}", digest.report());
        digest.stdout.trim().to_owned()
    }

    fn newer(&self) -> PathBuf {
        self.tools.join("newer/bin")
    }

    fn start() -> Result<Self, String> {
        let tools = clients_folder();
        if !tools.join("installed").exists() {
            let tools = tools.display();
            return Err(format!("nothing in {tools}: .ci/install-clients {tools}"));
        }
        let dir = tempfile::Builder::new()
            .prefix("clients-lab-")
            .tempdir()
            .map_err(|error| error.to_string())?;
        registry::prepare(dir.path())?;
        let namespace = Namespace::around(dir.keep())?;

        let mut moto = namespace.start("moto", |command| {
            command
                .arg(tools.join("venv/bin/moto_server"))
                .args(["-H", "127.0.0.1", "-p", "4566"]);
        })?;
        let mut engine = namespace.start("dockerd", |command| {
            command.args([
                "/usr/sbin/dockerd",
                "--iptables=false",
                "--ip6tables=false",
                "--bridge=none",
                "--storage-driver=vfs",
            ]);
        })?;
        let mut services = Vec::new();
        for registry in registry::ALL {
            services.push(registry.serve(&namespace)?);
        }
        moto.wait_until(|| namespace.listens("127.0.0.1", 4566))?;
        engine.wait_until(|| docker(&namespace, &["version"]).is_ok())?;
        services.extend([moto, engine]);
        fill(&namespace)?;
        Ok(Self {
            namespace,
            tools,
            _services: services,
        })
    }
}

/// Puts [`IMAGE`] into every registry, with a login that no helper gave.
fn fill(namespace: &Namespace) -> Result<(), String> {
    let dir = namespace.dir();
    let bin = dir.join("root/bin");
    fs::create_dir_all(&bin)
        .and_then(|()| fs::copy("/bin/busybox", bin.join("busybox")))
        .map_err(|error| format!("/bin/busybox: {error}"))?;
    let mut tar = Command::new("tar");
    tar.current_dir(dir)
        .args(["-cf", "root.tar", "-C", "root", "."]);
    finish(tar, "").success()?;

    let dir = dir.display();
    docker(namespace, &["import", &format!("{dir}/root.tar"), "seed:1"])?;
    docker(
        namespace,
        &["save", "-o", &format!("{dir}/image.tar"), "seed:1"],
    )?;
    let from = format!("docker-archive:{dir}/image.tar");
    for registry in registry::ALL {
        let to = format!("docker://{}/{IMAGE}", registry.host);
        let arguments = ["copy", "--dest-creds", &registry.login(), &from, &to];
        namespace.run(60, "skopeo", arguments).success()?;
    }
    Ok(())
}

/// Runs Debian's Docker CLI as no particular user.
fn docker(namespace: &Namespace, arguments: &[&str]) -> Result<Finished, String> {
    namespace.run(60, "/usr/bin/docker", arguments).success()
}
