//! Debian's registry, which is the reference implementation, and Debian's skopeo: the first checks
//! the client, the second the fake registry.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use docker_credential_ecrx::doctor::distribution::{RegistryClient, RegistryErrorKind, Scheme};
use docker_credential_ecrx::http::{self, HttpSettings};
use docker_credential_ecrx::registry::Registry;
use docker_credential_ecrx::secret::Secret;
use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::common::HOST;
use crate::common::fake_aws::{FakeProxy, FakeRegistry, Format, Route};
use crate::stage::{LIMIT, REPOSITORY, alice};

/// The host name of the real registry.
const REAL: &str = "444455556666.dkr.ecr.eu-central-1.amazonaws.com";

/// Ends with the test.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[track_caller]
fn run(mut command: Command) {
    let output = command.stdin(Stdio::null()).output().expect("start");
    let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        said[0],
        said[1]
    );
}

/// Starts docker-registry at a free port, with TLS and this password of the user `AWS`.
fn serve(folder: &Path, password: &str) -> (Service, SocketAddr) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([REAL.to_owned()]).expect("a certificate");
    fs::write(folder.join("real.pem"), cert.pem()).expect("a file");
    fs::write(folder.join("real.key"), signing_key.serialize_pem()).expect("a file");
    let mut htpasswd = Command::new("htpasswd");
    htpasswd.args(["-Bbc"]).arg(folder.join("users"));
    htpasswd.args(["AWS", password]);
    run(htpasswd);

    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = free.local_addr().expect("an address");
    drop(free);
    let here = folder.display();
    let config = format!(
        "version: 0.1
storage: {{filesystem: {{rootdirectory: {here}/storage}}}}
http: {{addr: '{address}', tls: {{certificate: {here}/real.pem, key: {here}/real.key}}}}
auth: {{htpasswd: {{realm: lab, path: {here}/users}}}}
"
    );
    fs::write(folder.join("config.yml"), config).expect("a file");
    let child = Command::new("docker-registry")
        .arg("serve")
        .arg(folder.join("config.yml"))
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut service = Service(child.expect("docker-registry"));
    let start = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(
            service.0.try_wait().expect("a process").is_none(),
            "it ended"
        );
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "it does not listen"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    (service, address)
}

/// Copies an image, with all its platforms, from the fake to the real one.
fn copy(folder: &Path, proxy: &FakeProxy, password: &str, tag: &str) {
    let mut skopeo = Command::new("skopeo");
    skopeo
        .args(["--insecure-policy", "copy", "--all", "--preserve-digests"])
        .args(["--src-creds", &format!("AWS:{}", alice().expose())])
        .args(["--dest-creds", &format!("AWS:{password}")])
        .arg(format!("docker://{HOST}/{REPOSITORY}:{tag}"))
        .arg(format!("docker://{REAL}/{REPOSITORY}:{tag}"))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", folder)
        .env("TMPDIR", folder)
        .env("SSL_CERT_FILE", folder.join("authorities.pem"))
        .env("HTTPS_PROXY", proxy.url());
    run(skopeo);
}

#[test]
#[ignore = "needs docker-registry, htpasswd and skopeo: .ci/run installs them"]
fn the_reference_registry_and_a_real_client_agree_with_ours() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let password = "444455556666-auth-token";
    let (_service, address) = serve(folder, password);
    let fake = FakeRegistry::start(&[HOST]);
    fake.proxy().lead(REAL, address);
    let authorities = fs::read_to_string(folder.join("real.pem")).expect("a file");
    let bundle = folder.join("authorities.pem");
    fs::write(&bundle, authorities + fake.ca_pem()).expect("a file");

    let settings = HttpSettings {
        connect_timeout: LIMIT,
        ca_bundle: Some(bundle),
        https_proxy: Some(fake.proxy().url()),
        ..HttpSettings::default()
    };
    let http = http::client(&settings).expect("a client");
    let registry = Registry::parse(REAL).expect("a registry");
    let client = RegistryClient::new(&http, &registry, LIMIT).expect("a runtime");
    let (secret, wrong) = (Secret::new(password), Secret::new("another"));
    let login = Some(&secret);

    let challenge = client.ping(None).unwrap().challenge.unwrap();
    assert_eq!(challenge.scheme, Scheme::Basic);
    assert_eq!(challenge.realm.as_deref(), Some("lab"));
    let pong = client.ping(login).unwrap();
    assert_eq!((pong.response.status, pong.challenge), (200, None));
    assert!(pong.response.date.is_some());
    let refused = client.ping(Some(&wrong)).unwrap_err();
    assert!(
        matches!(refused.kind, RegistryErrorKind::TokenRefused),
        "{refused:?}"
    );
    assert_eq!(refused.code.as_deref(), Some("UNAUTHORIZED"));
    let refused = client.manifest(REPOSITORY, "1", None).unwrap_err();
    assert!(
        matches!(refused.kind, RegistryErrorKind::LoginRequired),
        "{refused:?}"
    );
    // Unlike ECR, it has one error for an absent repository and an absent image.
    let refused = client.manifest(REPOSITORY, "1", login).unwrap_err();
    assert!(
        matches!(refused.kind, RegistryErrorKind::ImageAbsent),
        "{refused:?}"
    );
    let upload = client.upload(REPOSITORY, login).unwrap();
    assert_eq!(upload.response.status, 202);
    assert_eq!(upload.cancelled.unwrap().status, 204);

    let made = fake.add_image_as(&format!("{HOST}/{REPOSITORY}:1"), Format::Docker);
    copy(folder, fake.proxy(), password, "1");
    assert!(!fake.visits_of(Route::Storage).is_empty());
    let found = client.manifest(REPOSITORY, "1", login).unwrap();
    assert_eq!(found.descriptor.digest, made.digest);
    assert_eq!(found.descriptor.media_type, made.media_type);
    let layer = found.layer.unwrap();
    assert_eq!(layer.digest, made.smallest().digest);
    let layer = client.layer(REPOSITORY, &layer.digest, login).unwrap();
    assert_eq!(layer.response.status, 206);
    assert!(layer.storage.is_none());
    let nothing = format!("sha256:{}", "0".repeat(64));
    let absent = client.layer(REPOSITORY, &nothing, login);
    let refused = absent.unwrap_err();
    assert!(
        matches!(refused.kind, RegistryErrorKind::LayerAbsent),
        "{refused:?}"
    );

    let platforms = ["linux/amd64", "linux/arm64"];
    let (index, images) =
        fake.add_index(&format!("{HOST}/{REPOSITORY}:2"), Format::Oci, &platforms);
    copy(folder, fake.proxy(), password, "2");
    let found = client.manifest(REPOSITORY, "2", login).unwrap();
    assert_eq!(found.descriptor.digest, index.digest);
    let chosen = found.image.unwrap();
    let image = images
        .iter()
        .find(|image| image.digest == chosen.descriptor.digest);
    assert_eq!(
        found.layer.unwrap().digest,
        image.unwrap().smallest().digest
    );
}
