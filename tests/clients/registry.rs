//! The lab's registries: names as ECR gives them, TLS, and ECR's login, which is Basic
//! authentication with the user `AWS`; and one of another company.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::namespace::{Namespace, Service};
use crate::process::finish;

/// A name that ECR would give, and a process of Debian's `docker-registry` behind it.
pub struct Registry {
    /// The name under which the tests know it.
    pub host: &'static str,
    /// Other names of the same registry.
    pub aliases: &'static [&'static str],
    /// The user that it knows; ECR's is `AWS`.
    pub user: &'static str,
    /// What it accepts from that user; empty: it asks for no login.
    pub password: &'static str,
    address: &'static str,
}

/// moto's tokens decode to `AWS:<registry id>-auth-token`, so this registry accepts only
/// a token that was requested with `registryIds ["999999999999"]`.
pub const PAYMENTS: Registry = Registry {
    host: "999999999999.dkr.ecr.us-west-2.amazonaws.com",
    aliases: &[
        "999999999999.dkr.ecr-fips.us-west-2.amazonaws.com",
        "999999999999.dkr-ecr.us-west-2.on.aws",
        "999999999999.dkr-ecr-fips.us-west-2.on.aws",
        "999999999999.dkr.ecr.us-gov-west-1.amazonaws.com",
        "999999999999.dkr.ecr.cn-north-1.amazonaws.com.cn",
        "999999999999.dkr.ecr.eusc-de-east-1.amazonaws.eu",
    ],
    user: "AWS",
    password: "999999999999-auth-token",
    address: "192.0.2.10",
};

/// Another account in another region; it refuses the tokens of [`PAYMENTS`].
pub const SEARCH: Registry = Registry {
    host: "444455556666.dkr.ecr.eu-central-1.amazonaws.com",
    aliases: &[],
    user: "AWS",
    password: "444455556666-auth-token",
    address: "192.0.2.11",
};

/// Accepts ministack's tokens, which are the same for every registry.
pub const HONEST: Registry = Registry {
    host: "111122223333.dkr.ecr.us-east-1.amazonaws.com",
    aliases: &[],
    user: "AWS",
    password: "ministack-auth-token",
    address: "192.0.2.12",
};

/// Public ECR: everybody may pull.
pub const PUBLIC: Registry = Registry {
    host: "public.ecr.aws",
    aliases: &[],
    user: "AWS",
    password: "",
    address: "192.0.2.13",
};

/// A registry that is not ECR's and that moto's and ministack's tokens do not open.
pub const OTHER: Registry = Registry {
    host: "registry.example.com",
    aliases: &[],
    user: "bob",
    password: "correct-horse-battery-staple",
    address: "192.0.2.14",
};

/// All of them.
pub const ALL: [&Registry; 5] = [&PAYMENTS, &SEARCH, &HONEST, &PUBLIC, &OTHER];

/// An image that every registry of the lab holds.
pub const IMAGE: &str = "team/app:1";

impl Registry {
    /// The full name of [`IMAGE`] here.
    pub fn image(&self) -> String {
        format!("{}/{IMAGE}", self.host)
    }

    /// The AWS account of a private registry.
    pub fn account(&self) -> &'static str {
        &self.host[..12]
    }

    /// The user and password that it accepts, as skopeo takes them.
    pub fn login(&self) -> String {
        format!("{}:{}", self.user, self.password)
    }

    /// Starts it and waits until it answers.
    pub fn serve(&self, namespace: &Namespace) -> Result<Service, String> {
        let Self {
            address,
            user,
            password,
            ..
        } = self;
        let dir = namespace.dir().display();
        let mut config = format!(
            "version: 0.1
storage: {{filesystem: {{rootdirectory: {dir}/{address}}}}}
http: {{addr: '{address}:443', tls: {{certificate: {dir}/tls.pem, key: {dir}/tls.key}}}}
"
        );
        if !password.is_empty() {
            let users = format!("{dir}/{address}.htpasswd");
            let mut htpasswd = Command::new("htpasswd");
            htpasswd.args(["-Bbc", &users, user, password]);
            finish(htpasswd, "").success()?;
            config += &format!("auth: {{htpasswd: {{realm: lab, path: {users}}}}}\n");
        }
        let file = namespace.dir().join(format!("{address}.yml"));
        write(&file, &config)?;
        let mut service = namespace.start(&format!("registry-{address}"), |command| {
            command.args(["docker-registry", "serve"]).arg(&file);
        })?;
        service.wait_until(|| namespace.listens(address, 443))?;
        Ok(service)
    }
}

/// Writes what the namespaces and the registries start from: names, addresses and
/// certificates that cover all names.
pub fn prepare(dir: &Path) -> Result<(), String> {
    let mut hosts = String::from("127.0.0.1 localhost\n");
    let mut addresses = String::new();
    let mut names = Vec::new();
    for registry in ALL {
        addresses += &format!("{}\n", registry.address);
        for name in std::iter::once(&registry.host).chain(registry.aliases) {
            hosts += &format!("{} {name}\n", registry.address);
            names.push(format!("DNS:{name}"));
        }
    }
    let names = format!("subjectAltName={}", names.join(","));
    write(&dir.join("hosts"), &hosts)?;
    write(&dir.join("addresses"), &addresses)?;
    // The system's openssl.cnf would add extensions of its own.
    write(
        &dir.join("openssl.cnf"),
        "[req]\ndistinguished_name=dn\n[dn]\n",
    )?;
    certificate(
        dir,
        "ca",
        &[
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-addext",
            "keyUsage=keyCertSign",
        ],
    )?;
    certificate(
        dir,
        "tls",
        &["-addext", &names, "-CA", "ca.pem", "-CAkey", "ca.key"],
    )
}

/// Makes `NAME.pem` and `NAME.key`.
fn certificate(dir: &Path, name: &str, arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new("openssl");
    command
        .current_dir(dir)
        .args([
            "req",
            "-x509",
            "-config",
            "openssl.cnf",
            "-days",
            "2",
            "-noenc",
        ])
        .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-subj", &format!("/CN=lab {name}")])
        .args([
            "-keyout",
            &format!("{name}.key"),
            "-out",
            &format!("{name}.pem"),
        ])
        .args(arguments);
    finish(command, "").success().map(drop)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
