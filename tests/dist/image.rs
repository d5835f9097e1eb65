//! The container image, from which other images copy the executable.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::archive::{VERSION, released, script};
use super::common::TestEnvironment;
use super::common::files::names;
use super::program;

/// The image of this machine's architecture and its files, unpacked to the folder `root`.
fn unpack(environment: &TestEnvironment) -> Value {
    let source = format!("oci-archive:{}:{VERSION}", released("-oci.tar").display());
    let folder = environment.home().join("image");
    script(
        r#"skopeo copy --quiet "$1" "dir:$2" >/dev/null"#,
        &[Path::new(&source), &folder],
    );
    let json = |name: &str| -> Value {
        let text = fs::read_to_string(folder.join(name)).expect("a blob");
        serde_json::from_str(&text).expect("JSON")
    };
    let manifest = json("manifest.json");
    let digest = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().expect("a digest");
        digest.trim_start_matches("sha256:").to_owned()
    };
    assert_eq!(manifest["layers"].as_array().map(Vec::len), Some(1));
    let root = environment.home().join("root");
    fs::create_dir(&root).expect("a folder");
    let layer = folder.join(digest(&manifest["layers"][0]));
    script(r#"tar -xzf "$1" -C "$2""#, &[&layer, &root]);
    json(&digest(&manifest["config"]))
}

#[test]
#[ignore = "needs the release of packaging/build, and skopeo: .ci/run"]
fn the_image_has_the_executable_and_licences_and_runs_without_root() {
    let environment = TestEnvironment::new();
    let config = unpack(&environment);
    let root = environment.home().join("root");
    assert_eq!(names(&root), ["docker-credential-ecrx", "licenses"]);
    let licences = ["LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY-LICENSES"];
    assert_eq!(names(&root.join("licenses")), licences);
    let copied = fs::read(root.join("docker-credential-ecrx")).expect("an executable");
    assert!(copied == fs::read(program()).expect("an executable"));
    assert_eq!(config["config"]["User"], "65534:65534");
    let program = &config["config"]["Entrypoint"];
    assert_eq!(*program, Value::from(vec!["/docker-credential-ecrx"]));
}

#[test]
#[ignore = "needs the release of packaging/build, and buildah as root: .ci/run"]
fn a_build_copies_the_executable_out_of_the_image() {
    let environment = TestEnvironment::new();
    let image = format!("oci-archive:{}:{VERSION}", released("-oci.tar").display());
    environment.write(
        "Dockerfile",
        &format!("FROM scratch\nCOPY --from={image} /docker-credential-ecrx /usr/local/bin/\n"),
    );
    script(
        r#"cd "$1"
        buildah --root "$1/images" --runroot "$1/run" --storage-driver vfs build --quiet \
            --isolation chroot --output type=local,dest=out . >/dev/null"#,
        &[environment.home()],
    );
    let copied = environment
        .home()
        .join("out/usr/local/bin/docker-credential-ecrx");
    let copied = fs::read(copied).expect("an executable");
    assert!(copied == fs::read(program()).expect("an executable"));
}

#[test]
#[ignore = "needs skopeo: .ci/run"]
fn an_image_of_two_architectures_gives_each_its_own_and_is_made_the_same_again() {
    let environment = TestEnvironment::new();
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/oci-image");
    let make = |archive: &str| {
        let archive = environment.home().join(archive);
        let mut command = Command::new(&packaging);
        command.args([&archive, Path::new("1.2.3")]);
        for architecture in ["amd64", "arm64"] {
            // Written again, at another time.
            let file = environment.write(&format!("{architecture}/program"), architecture);
            let folder = file.parent().expect("a folder").display();
            command.arg(format!("{architecture}={folder}"));
        }
        let made = command.env("SOURCE_DATE_EPOCH", "1700000000").status();
        assert!(made.expect("oci-image").success());
        archive
    };
    let archive = make("first.tar");
    for architecture in ["amd64", "arm64"] {
        let name = format!("oci-archive:{}:1.2.3", archive.display());
        let config = script(
            r#"skopeo inspect --override-arch "$1" "$2""#,
            &[Path::new(architecture), Path::new(&name)],
        );
        let config: Value = serde_json::from_str(&config).expect("JSON");
        assert_eq!(config["Architecture"], architecture);
        assert_eq!(config["Created"], "2023-11-14T22:13:20Z");
    }
    let bytes = |path| fs::read(path).expect("an archive");
    assert!(bytes(make("second.tar")) == bytes(archive));
}
