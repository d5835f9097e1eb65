//! The manifests of package managers, which `packaging/make-manifests` writes from a release.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use saphyr::{LoadableYamlNode as _, Yaml};
use serde_json::Value;
use toml_edit::DocumentMut;

use super::archive::{VERSION, script};
use super::common::TestEnvironment;
use super::roots::paths;

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");
const BASE_URL: &str = "https://downloads.example.com/ecrx";

/// The archives of a release, by what follows the version in their names.
const ARCHIVES: [&str; 5] = [
    "aarch64-apple-darwin.tar.gz",
    "aarch64-unknown-linux-gnu.tar.gz",
    "x86_64-apple-darwin.tar.gz",
    "x86_64-pc-windows-msvc.zip",
    "x86_64-unknown-linux-gnu.tar.gz",
];

/// All manifests, and the archives that each has the sums of.
const MANIFESTS: [(&str, &[&str]); 9] = [
    ("PKGBUILD", &[ARCHIVES[1], ARCHIVES[4]]),
    // It reads SHA256SUMS.
    ("aqua-registry.yaml", &[]),
    (
        "docker-credential-ecrx.rb",
        &[ARCHIVES[0], ARCHIVES[1], ARCHIVES[2], ARCHIVES[4]],
    ),
    (
        "flake.nix",
        &[ARCHIVES[0], ARCHIVES[1], ARCHIVES[2], ARCHIVES[4]],
    ),
    ("mise.toml", &ARCHIVES),
    ("scoop.json", &[ARCHIVES[3]]),
    ("winget/DockerCredentialEcrx.installer.yaml", &[ARCHIVES[3]]),
    ("winget/DockerCredentialEcrx.locale.en-US.yaml", &[]),
    ("winget/DockerCredentialEcrx.yaml", &[]),
];

fn file_name(archive: &str) -> String {
    format!("docker-credential-ecrx-{VERSION}-{archive}")
}

/// A made-up sum for each archive.
fn sum(archive: &str) -> String {
    let at = ARCHIVES.iter().position(|name| *name == archive);
    format!("{:064x}", at.expect("an archive") + 10)
}

/// A release that has only sums, of these archives.
fn write_sums(environment: &TestEnvironment, archives: &[&str]) -> PathBuf {
    let line = |archive: &&str| format!("{}  {}\n", sum(archive), file_name(archive));
    let lines: String = archives.iter().map(line).collect();
    let file = environment.write("release/SHA256SUMS", &lines);
    file.parent().expect("a folder").to_owned()
}

fn make(environment: &TestEnvironment, base_url: &str, archives: &[&str]) -> (PathBuf, Output) {
    let release = write_sums(environment, archives);
    let manifests = environment.home().join("manifests");
    let output = Command::new(Path::new(REPOSITORY).join("packaging/make-manifests"))
        .args(["--base-url", base_url, "--release"])
        .args([&release, &manifests])
        .output()
        .expect("bash");
    (manifests, output)
}

/// The files in a folder, with their paths in it.
fn files(folder: &Path) -> Vec<String> {
    let mut files: Vec<String> = paths(folder).into_iter().collect();
    files.retain(|path| folder.join(path).is_file());
    files
}

/// The manifests of a whole release.
fn made(environment: &TestEnvironment) -> PathBuf {
    let (manifests, output) = make(environment, BASE_URL, &ARCHIVES);
    assert!(output.status.success(), "{output:?}");
    manifests
}

#[test]
fn each_manifest_has_the_version_and_the_sums_of_its_archives() {
    let environment = TestEnvironment::new();
    let manifests = made(&environment);
    let names = files(&manifests);
    assert_eq!(names, MANIFESTS.map(|(name, _)| name));
    for (name, archives) in MANIFESTS {
        let text = fs::read_to_string(manifests.join(name)).expect("a manifest");
        assert!(text.contains(VERSION), "{name}");
        for placeholder in ["@version@", "@url@", "@sha256"] {
            assert!(!text.contains(placeholder), "{name}: {placeholder}");
        }
        for archive in ARCHIVES {
            let expected = archives.contains(&archive);
            assert_eq!(text.contains(&sum(archive)), expected, "{name}: {archive}");
        }
    }
}

#[test]
fn no_manifest_is_written_for_a_release_without_one_of_the_archives() {
    for absent in ARCHIVES {
        let environment = TestEnvironment::new();
        let others: Vec<&str> = ARCHIVES
            .into_iter()
            .filter(|name| *name != absent)
            .collect();
        let (manifests, output) = make(&environment, BASE_URL, &others);
        assert!(!output.status.success());
        let error = String::from_utf8_lossy(&output.stderr);
        let expected = format!("does not list {}", file_name(absent));
        assert!(error.contains(&expected), "{error}");
        assert!(!manifests.exists());
    }
}

#[test]
fn an_address_that_is_not_https_or_does_not_fit_into_a_manifest_is_refused() {
    for url in [
        "",
        "http://downloads.example.com",
        "https://downloads.example.com/$(id)",
        "https://downloads.example.com/\"",
        "https://downloads.example.com/a b",
    ] {
        let environment = TestEnvironment::new();
        let (manifests, output) = make(&environment, url, &ARCHIVES);
        assert!(!output.status.success(), "{url}");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains("--base-url must be"), "{error}");
        assert!(!manifests.exists());
    }
}

/// What the manifests in JSON, YAML and TOML say of the archives.
#[test]
fn manifests_of_data_name_the_archive_and_the_executable_in_it() {
    let environment = TestEnvironment::new();
    let manifests = made(&environment);
    let text = |name: &str| fs::read_to_string(manifests.join(name)).expect("a manifest");
    let url = |archive: &str| format!("{BASE_URL}/{VERSION}/{}", file_name(archive));
    let windows = ARCHIVES[3];
    let folder = file_name(windows.trim_end_matches(".zip"));

    let scoop: Value = serde_json::from_str(&text("scoop.json")).expect("JSON");
    let x64 = &scoop["architecture"]["64bit"];
    assert_eq!(x64["url"], url(windows));
    assert_eq!(x64["hash"], sum(windows));
    assert_eq!(x64["extract_dir"], *folder);

    let installer = text("winget/DockerCredentialEcrx.installer.yaml");
    let installer = Yaml::load_from_str(&installer).expect("YAML");
    let installer = &installer[0];
    assert_eq!(installer["PackageVersion"].as_str(), Some(VERSION));
    assert_eq!(
        installer["NestedInstallerFiles"][0]["RelativeFilePath"].as_str(),
        Some(&*format!(r"{folder}\docker-credential-ecrx.exe"))
    );
    let x64 = &installer["Installers"][0];
    assert_eq!(x64["InstallerUrl"].as_str(), Some(&*url(windows)));

    let aqua = text("aqua-registry.yaml");
    let aqua = Yaml::load_from_str(&aqua).expect("YAML");
    let package = &aqua[0]["packages"][0];
    // aqua's names of systems, and the addresses that they make.
    let replaced = |name: &str| {
        let replacement = package["replacements"][name].as_str();
        replacement
            .unwrap_or_else(|| panic!("no {name}"))
            .to_owned()
    };
    for (os, architecture, format, archive) in [
        ("darwin", "arm64", "tar.gz", ARCHIVES[0]),
        ("linux", "arm64", "tar.gz", ARCHIVES[1]),
        ("darwin", "amd64", "tar.gz", ARCHIVES[2]),
        ("windows", "amd64", "zip", ARCHIVES[3]),
        ("linux", "amd64", "tar.gz", ARCHIVES[4]),
    ] {
        let template = package["url"].as_str().expect("an address");
        let made = template
            .replace("{{.OS}}", &replaced(os))
            .replace("{{.Arch}}", &replaced(architecture))
            .replace("{{.Format}}", format);
        assert_eq!(made, url(archive));
    }

    let mise: DocumentMut = text("mise.toml").parse().expect("TOML");
    let platforms = &mise["tools"]["http:docker-credential-ecrx"]["platforms"];
    let platforms: BTreeMap<&str, &str> = platforms
        .as_table()
        .expect("a table")
        .iter()
        .map(|(name, platform)| (name, platform["url"].as_str().expect("an address")))
        .collect();
    let expected = [
        ("macos-arm64", ARCHIVES[0]),
        ("linux-arm64", ARCHIVES[1]),
        ("macos-x64", ARCHIVES[2]),
        ("windows-x64", ARCHIVES[3]),
        ("linux-x64", ARCHIVES[4]),
    ];
    assert_eq!(platforms.len(), expected.len());
    for (platform, archive) in expected {
        assert_eq!(platforms[platform], url(archive));
    }
}

#[test]
#[ignore = "needs ruby and nix-instantiate: .ci/run"]
fn ruby_and_nix_read_their_manifests() {
    let environment = TestEnvironment::new();
    let manifests = made(&environment);
    // The formula runs as far as it chooses an archive, and the test of `brew test` is left out.
    let formula = r#"
class Formula
  class << self
    attr_reader :chosen
    def desc(*) = nil
    def homepage(*) = nil
    def version(*) = nil
    def license(**) = nil
    def test = nil
    def url(url) = (@chosen ||= []) << url
    def sha256(sum) = @chosen << sum
    def on_macos = yield
    def on_linux = yield
    def on_arm = yield
    def on_intel = yield
  end
end
load ARGV[0]
puts DockerCredentialEcrx.chosen
"#;
    let output = Command::new("ruby")
        .args(["-w", "-e", formula])
        .arg(manifests.join("docker-credential-ecrx.rb"))
        .output()
        .expect("ruby");
    let expected: String = [ARCHIVES[0], ARCHIVES[2], ARCHIVES[1], ARCHIVES[4]]
        .map(|archive| {
            let file = file_name(archive);
            format!("{BASE_URL}/{VERSION}/{file}\n{}\n", sum(archive))
        })
        .concat();
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    assert!(output.stderr.is_empty(), "{output:?}");

    // The flake's archives, with `fetchurl` and the rest of nixpkgs replaced.
    let expression = r#"
let
  flake = import FLAKE;
  pkgs = {
    fetchurl = file: file;
    installShellFiles = null;
    lib.licenses = { mit = "mit"; asl20 = "asl20"; };
    stdenvNoCC.mkDerivation = package: package;
  };
  systems = [ "aarch64-darwin" "aarch64-linux" "x86_64-darwin" "x86_64-linux" ];
  legacyPackages = builtins.listToAttrs (map (name: { inherit name; value = pkgs; }) systems);
  outputs = flake.outputs { self = null; nixpkgs = { inherit legacyPackages; }; };
in builtins.mapAttrs (system: packages: packages.default.src) outputs.packages
"#;
    let flake = manifests.join("flake.nix").display().to_string();
    let output = Command::new("nix-instantiate")
        .args(["--eval", "--strict", "--json", "--store", "dummy://", "-E"])
        .arg(expression.replace("FLAKE", &flake))
        .env("HOME", environment.home())
        .output()
        .expect("nix-instantiate");
    let sources: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    let systems = sources.as_object().expect("an object");
    assert_eq!(systems.len(), 4);
    for (system, archive) in [
        ("aarch64-darwin", ARCHIVES[0]),
        ("aarch64-linux", ARCHIVES[1]),
        ("x86_64-darwin", ARCHIVES[2]),
        ("x86_64-linux", ARCHIVES[4]),
    ] {
        let file = file_name(archive);
        assert_eq!(
            systems[system]["url"],
            format!("{BASE_URL}/{VERSION}/{file}")
        );
        assert_eq!(systems[system]["sha256"], sum(archive));
    }
}

/// makepkg is not in Debian: bash runs the function that it would run on the unpacked archive.
#[test]
fn the_pkgbuild_installs_all_files_of_the_archive() {
    let environment = TestEnvironment::new();
    let manifests = made(&environment);
    let home = environment.home();
    let unpacked = home.join(format!(
        "src/docker-credential-ecrx-{VERSION}-x86_64-unknown-linux-gnu"
    ));
    let output = script(
        r#"
mkdir -p "$2/man" "$2/completions"
cd "$1/packaging"
cp man/*.[1-8] "$2/man/"
cp completions/* "$2/completions/"
cp config.example.toml ../LICENSE-* "$2/"
touch "$2/docker-credential-ecrx" "$2/THIRD-PARTY-LICENSES"
bash -euc '. "$1"; srcdir=$2/src pkgdir=$2/pkg CARCH=x86_64 package' bash "$3/PKGBUILD" "$4"
"#,
        &[Path::new(REPOSITORY), &unpacked, &manifests, home],
    );
    assert_eq!(output, "");
    let installed = files(&home.join("pkg"));
    let expected = [
        "usr/bin/docker-credential-ecrx",
        "usr/share/bash-completion/completions/docker-credential-ecrx",
        "usr/share/doc/docker-credential-ecrx/config.example.toml",
        "usr/share/fish/vendor_completions.d/docker-credential-ecrx.fish",
        "usr/share/licenses/docker-credential-ecrx-bin/LICENSE-APACHE",
        "usr/share/licenses/docker-credential-ecrx-bin/LICENSE-MIT",
        "usr/share/licenses/docker-credential-ecrx-bin/THIRD-PARTY-LICENSES",
        "usr/share/man/man1/docker-credential-ecrx.1",
        "usr/share/man/man5/docker-credential-ecrx-config.5",
        "usr/share/man/man7/docker-credential-ecrx-benchmarks.7",
        "usr/share/man/man7/docker-credential-ecrx-cache.7",
        "usr/share/man/man7/docker-credential-ecrx-kubernetes.7",
        "usr/share/man/man7/docker-credential-ecrx-troubleshooting.7",
        "usr/share/zsh/site-functions/_docker-credential-ecrx",
    ];
    assert_eq!(installed, expected);
}
