//! The files that `packaging/build` has written: sums, archive, licences and lists of crates.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::common::TestEnvironment;
use super::common::dependencies::linked_crates;
use super::common::files::names;
use super::program;
use super::roots::paths;

pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The folder of the release.
pub fn release() -> PathBuf {
    program().with_file_name("release")
}

/// The one file of the release whose name ends so.
#[track_caller]
pub fn released(end: &str) -> PathBuf {
    let mut found = names(&release());
    found.retain(|name| name.ends_with(end));
    assert_eq!(found.len(), 1, "{end}: {found:?}: run packaging/build");
    release().join(&found[0])
}

/// The name of the archive for this machine, without `.tar.gz`.
pub fn archive_name() -> String {
    let architecture = std::env::consts::ARCH;
    format!("docker-credential-ecrx-{VERSION}-{architecture}-unknown-linux-gnu")
}

/// The output of a shell script that succeeds, with arguments.
#[track_caller]
pub fn script(script: &str, arguments: &[&Path]) -> String {
    let mut command = Command::new("sh");
    command.args(["-ec", script, "sh"]).args(arguments);
    let output = command.output().expect("sh");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {error}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The crates that are not in a list, except the program itself.
fn missing(listed: &BTreeSet<String>) -> Vec<String> {
    let all = linked_crates().into_keys();
    let own = format!("docker-credential-ecrx {VERSION}");
    all.filter(|name| *name != own && !listed.contains(name))
        .collect()
}

/// "NAME VERSION" of each object of a JSON array.
fn named(list: &Value) -> BTreeSet<String> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let objects = list.as_array().expect("an array").iter();
    objects
        .map(|object| format!("{} {}", text(&object["name"]), text(&object["version"])))
        .collect()
}

#[test]
#[ignore = "needs the release of packaging/build: .ci/run"]
fn sha256sums_has_the_right_sum_of_every_file_of_the_release() {
    let checked = script(
        r#"cd "$1" && sha256sum --check --strict SHA256SUMS"#,
        &[&release()],
    );
    let checked: Vec<&str> = checked
        .lines()
        .map(|line| line.strip_suffix(": OK").expect("a right sum"))
        .collect();
    let mut all = names(&release());
    all.retain(|name| name != "SHA256SUMS");
    assert_eq!(checked, all);
}

/// The table between the two markers of `packaging/README.md`. With `ECRX_BLESS`, it is written. Another
/// compiler makes other sizes, so a tenth is allowed.
#[test]
#[ignore = "needs the release of packaging/build: .ci/run"]
fn the_page_on_releases_has_the_size_of_each_file() {
    const BEGIN: &str = "<!-- sizes -->\n";
    const END: &str = "<!-- end of sizes -->\n";
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/README.md");
    let text = fs::read_to_string(&page).expect("a page");
    let (before, rest) = text.split_once(BEGIN).expect(BEGIN);
    let (table, after) = rest.split_once(END).expect(END);

    let mut files = names(&release());
    files.retain(|name| {
        ![".ps1", ".sh", "SHA256SUMS"]
            .iter()
            .any(|end| name.ends_with(end))
    });
    let sizes = files.iter().map(|name| {
        let size = fs::metadata(release().join(name)).expect("a file").len();
        (name.as_str(), size as f64 / 1e6)
    });
    if std::env::var_os("ECRX_BLESS").is_some() {
        let rows = sizes.map(|(name, size)| format!("| `{name}` | {size:.1} |\n"));
        let rows: String = rows.collect();
        let table = format!("\n| file | MB |\n|---|---:|\n{rows}\n");
        fs::write(page, format!("{before}{BEGIN}{table}{END}{after}")).expect("a page");
        return;
    }
    for (name, size) in sizes {
        let row = format!("| `{name}` | ");
        let told = table.lines().find_map(|line| line.strip_prefix(&row));
        let told = told.and_then(|rest| rest.trim_end_matches(" |").parse().ok());
        let told: f64 = told.unwrap_or_else(|| panic!("{name} is not in {table}"));
        assert!((told - size).abs() <= size / 10.0 + 0.1, "{name}: {size}");
    }
}

#[test]
#[ignore = "needs the release of packaging/build: .ci/run"]
fn archive_and_debian_package_have_the_executable_that_is_measured_and_belong_to_root() {
    let environment = TestEnvironment::new();
    let archive = released(".tar.gz");
    let listed = script(r#"tar -tvzf "$1" --numeric-owner"#, &[&archive]);
    assert!(
        listed.lines().all(|line| line.contains(" 0/0 ")),
        "{listed}"
    );
    script(r#"tar -xzf "$1" -C "$2""#, &[&archive, environment.home()]);
    let unpacked = environment.home().join(archive_name());
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging");
    let mut expected: BTreeSet<String> = [
        "docker-credential-ecrx",
        "README.md",
        "CHANGELOG.md",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "THIRD-PARTY-LICENSES",
        "config.example.toml",
        "completions",
        "man",
    ]
    .map(str::to_owned)
    .into();
    for folder in ["completions", "man"] {
        let mut files = names(&packaging.join(folder));
        files.retain(|file| !file.ends_with(".md"));
        expected.extend(files.iter().map(|file| format!("{folder}/{file}")));
    }
    assert_eq!(paths(&unpacked), expected);

    let measured = fs::read(program()).expect("an executable");
    let in_archive = fs::read(unpacked.join("docker-credential-ecrx"));
    assert!(in_archive.expect("an executable") == measured);
    let folder = environment.home().join("package");
    script(
        r#"dpkg-deb --extract "$1" "$2""#,
        &[&released("_amd64.deb"), &folder],
    );
    let in_package = fs::read(folder.join("usr/bin/docker-credential-ecrx"));
    assert!(in_package.expect("an executable") == measured);
}

#[test]
#[ignore = "needs the release of packaging/build: .ci/run"]
fn licences_sbom_and_executable_name_every_crate_that_is_linked_in() {
    let archive = released(".tar.gz");
    let file = format!("{}/THIRD-PARTY-LICENSES", archive_name());
    let licences = script(r#"tar -xOzf "$1" "$2""#, &[&archive, Path::new(&file)]);
    for notice in ["Copyright", "Mozilla Public License", "GNU LESSER GENERAL"] {
        assert!(licences.contains(notice), "{notice}");
    }
    let in_licences = licences
        .lines()
        .filter_map(|line| {
            let mut words = line.strip_prefix("    ")?.split(' ');
            Some(format!("{} {}", words.next()?, words.next()?))
        })
        .collect();
    assert_eq!(missing(&in_licences), [""; 0]);

    let sbom = fs::read_to_string(released(".cdx.json")).expect("an SBOM");
    let sbom: Value = serde_json::from_str(&sbom).expect("JSON");
    assert_eq!(sbom["bomFormat"], "CycloneDX");
    assert_eq!(missing(&named(&sbom["components"])), [""; 0]);

    let environment = TestEnvironment::new();
    let section = environment.home().join("section");
    let listed = script(
        r#"objcopy --dump-section .dep-v0="$2" "$1" /dev/null
        python3 -c 'import sys, zlib; print(zlib.decompress(open(sys.argv[1], "rb").read()).decode())' "$2""#,
        &[&program(), &section],
    );
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(missing(&named(&listed["packages"])), [""; 0]);
}

#[test]
#[ignore = "needs the release of packaging/build: .ci/run"]
fn neither_executable_nor_sbom_names_a_folder_of_the_machine_that_built_them() {
    let home = std::env::var("HOME").expect("HOME");
    for file in [program(), released(".cdx.json")] {
        let bytes = fs::read(&file).expect("a file");
        assert!(bytes.len() > 10_000);
        for folder in [env!("CARGO_MANIFEST_DIR"), &format!("{home}/.cargo")] {
            let found = memchr::memmem::find(&bytes, folder.as_bytes());
            assert_eq!(found, None, "{}: {folder}", file.display());
        }
    }
}
