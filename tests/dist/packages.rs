//! The Debian package and the RPM package: installed, used, upgraded and removed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::archive::released;
use super::common::fake_aws::{ALICE, FakeAws};
use super::common::{HOST, TestEnvironment};
use super::roots::{busybox, copy, debian, paths, run_in, shell};

/// The releases of Debian for which `.ci/install-roots` makes a root.
const RELEASES: [&str; 2] = ["bookworm", "trixie"];

/// What the package manager itself writes: its records, logs, and indices that it updates.
const RECORDS: [&str; 5] = [
    "var/lib/dpkg/",
    "var/lib/rpm/",
    "var/log/",
    "var/cache/",
    "root/.cache",
];

/// As bash-completion does when `docker-credential-ecrx con` is completed.
const COMPLETE: &str = r#"
source /usr/share/bash-completion/bash_completion
if declare -F _comp_load >/dev/null; then
    _comp_load docker-credential-ecrx
else
    _completion_loader docker-credential-ecrx || [ $? = 124 ]
fi
function=$(complete -p docker-credential-ecrx | sed 's/.* -F \([^ ]*\).*/\1/')
compopt() { :; }
COMP_WORDS=(docker-credential-ecrx con) COMP_CWORD=1
"$function" docker-credential-ecrx con docker-credential-ecrx
printf '%s\n' "${COMPREPLY[@]}" | sort
"#;

/// All of a root but [`RECORDS`].
fn contents(root: &Path) -> BTreeSet<String> {
    let mut all = paths(root);
    all.retain(|path| !RECORDS.iter().any(|record| path.starts_with(record)));
    all
}

/// The executable on `PATH` gets a token as Alice.
#[track_caller]
fn can_get(root: &Path, environment: &mut TestEnvironment) {
    let outcome = run_in(root, environment, &["docker-credential-ecrx", "get"], HOST);
    assert_eq!(outcome.grant().principal, ALICE.2);
}

/// The package as if of the next version.
fn next_version(environment: &TestEnvironment, package: &Path, to: &Path) {
    let folder = environment.home().join("next");
    let script = r#"
        dpkg-deb --raw-extract "$1" "$2"
        sed -i "s/^Version: .*/Version: 99.0.0-1/" "$2/DEBIAN/control"
        dpkg-deb --root-owner-group --build "$2" "$3" >/dev/null"#;
    let built = Command::new("sh")
        .args(["-ec", script, "sh"])
        .args([package, &folder, to])
        .status();
    assert!(built.expect("dpkg-deb").success());
}

#[test]
#[ignore = "needs the packages of packaging/build and the roots of .ci/install-roots: .ci/run"]
fn the_debian_package_is_installed_used_upgraded_and_purged() {
    for release in RELEASES {
        let aws = FakeAws::start();
        let mut environment = TestEnvironment::of_alice(&aws);
        let root = debian(&environment, release);
        let root = root.as_path();
        let package = released("_amd64.deb");
        copy(&package, &root.join("tmp/first.deb"));
        next_version(&environment, &package, &root.join("tmp/next.deb"));
        let before = contents(root);

        shell(root, &mut environment, "dpkg --install /tmp/first.deb 2>&1");
        let depends = "dpkg-query --show --showformat '${Depends}' docker-credential-ecrx";
        assert_eq!(shell(root, &mut environment, depends), "");
        can_get(root, &mut environment);
        environment
            .set("MANPAGER", "cat")
            .set("LC_ALL", "C.UTF-8")
            .set("MANWIDTH", "80");
        for page in [
            "1 docker-credential-ecrx",
            "5 docker-credential-ecrx-config",
        ] {
            let opened = shell(root, &mut environment, &format!("man {page}"));
            assert!(opened.contains("\nDESCRIPTION\n"), "{release}: {opened}");
        }
        let found = shell(root, &mut environment, "apropos 'Amazon ECR'");
        assert!(found.starts_with("docker-credential-ecrx"), "{found}");
        let completed = run_in(
            root,
            &mut environment,
            &["/bin/bash", "--norc", "-c", COMPLETE],
            "",
        );
        assert_eq!(completed.stdout, "config\nconfigure-docker\n", "{release}");

        // The administrator's files survive an upgrade.
        let folder = root.join("etc/docker-credential-ecrx");
        fs::write(folder.join("README"), "changed\n").expect("a file");
        fs::write(folder.join("config.toml"), "timeout_seconds = 20\n").expect("a file");
        shell(root, &mut environment, "dpkg --install /tmp/next.deb 2>&1");
        let version = "dpkg-query --show --showformat '${Version}' docker-credential-ecrx";
        assert_eq!(shell(root, &mut environment, version), "99.0.0-1");
        let readme = fs::read_to_string(folder.join("README"));
        assert_eq!(readme.expect("a file"), "changed\n");
        can_get(root, &mut environment);
        let settings = fs::read_to_string(folder.join("config.toml"));
        assert_eq!(settings.expect("a file"), "timeout_seconds = 20\n");

        let purge = "dpkg --purge docker-credential-ecrx 2>&1";
        shell(root, &mut environment, purge);
        let kept: Vec<String> = contents(root).difference(&before).cloned().collect();
        let own = ["", "/config.toml"].map(|file| format!("etc/docker-credential-ecrx{file}"));
        assert_eq!(kept, own, "{release}");

        // Without files of the administrator's, nothing is left.
        fs::remove_dir_all(&folder).expect("a folder");
        shell(root, &mut environment, "dpkg --install /tmp/next.deb 2>&1");
        assert_ne!(contents(root), before);
        shell(root, &mut environment, purge);
        assert_eq!(contents(root), before, "{release}");
    }
}

#[test]
#[ignore = "needs the packages of packaging/build, and rpm: .ci/run"]
fn the_rpm_package_is_installed_used_and_removed_and_needs_no_other_package() {
    let aws = FakeAws::start();
    let mut environment = TestEnvironment::of_alice(&aws);
    let root = busybox(&environment);
    let package = released(".x86_64.rpm").display().to_string();
    let folder = root.display().to_string();
    environment.set("PATH", super::roots::PATH);
    let rpm = |environment: &TestEnvironment, arguments: &[&str]| {
        // Debian's rpm has its database in the home directory.
        let mut all = vec!["--root", &folder, "--dbpath", "/var/lib/rpm"];
        all.extend(arguments);
        let outcome = environment.run_program("rpm", &all, "");
        assert_eq!(outcome.code, Some(0), "{arguments:?}: {outcome:?}");
        outcome.stdout
    };
    rpm(&environment, &["--initdb"]);
    let needs = rpm(
        &environment,
        &["--query", "--requires", "--package", &package],
    );
    // The package itself provides its configuration.
    let own = |line: &str| line.starts_with("rpmlib(") || line.starts_with("config(docker-");
    assert!(needs.lines().all(own), "{needs}");

    rpm(&environment, &["--install", &package]);
    can_get(&root, &mut environment);
    let changed = rpm(&environment, &["--verify", "docker-credential-ecrx"]);
    assert_eq!(changed, "");
    let manual = "usr/share/man/man5/docker-credential-ecrx-config.5";
    assert!(root.join(manual).is_file());
    let folder = root.join("etc/docker-credential-ecrx");
    fs::write(folder.join("README"), "changed\n").expect("a file");
    rpm(&environment, &["--upgrade", "--replacepkgs", &package]);
    let readme = fs::read_to_string(folder.join("README"));
    assert_eq!(readme.expect("a file"), "changed\n");

    fs::remove_file(folder.join("README")).expect("a file");
    rpm(&environment, &["--erase", "docker-credential-ecrx"]);
    let mut left = contents(&root);
    left.retain(|path| path.contains("docker-credential-ecrx"));
    // Cargo.toml says why these folders, which are empty, are not the package's.
    let folders = ["etc", "usr/share/doc", "usr/share/licenses"];
    let folders = folders.map(|folder| format!("{folder}/docker-credential-ecrx"));
    assert_eq!(left, BTreeSet::from(folders));
}
