//! `install.sh` installs the release from a server on loopback, and removes it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::archive::{VERSION, archive_name, release, released, script};
use super::as_root;
use super::common::fake_aws::FakeSite;
use super::common::{Outcome, TestEnvironment};
use super::roots::{busybox, copy, paths, run_in};

/// What the script runs, besides a shell and what downloads.
const TOOLS: [&str; 18] = [
    "awk",
    "cp",
    "cut",
    "dirname",
    "grep",
    "gzip",
    "mkdir",
    "mktemp",
    "mv",
    "rm",
    "rmdir",
    "sed",
    "sha256sum",
    "sort",
    "tar",
    "timeout",
    "touch",
    "uname",
];

/// What an installation puts below its prefix.
const INSTALLED: [&str; 17] = [
    "bin/docker-credential-ecrx",
    "share/bash-completion/completions/docker-credential-ecrx",
    "share/doc/docker-credential-ecrx/CHANGELOG.md",
    "share/doc/docker-credential-ecrx/LICENSE-APACHE",
    "share/doc/docker-credential-ecrx/LICENSE-MIT",
    "share/doc/docker-credential-ecrx/README.md",
    "share/doc/docker-credential-ecrx/THIRD-PARTY-LICENSES",
    "share/doc/docker-credential-ecrx/config.example.toml",
    "share/doc/docker-credential-ecrx/installed-files",
    "share/fish/vendor_completions.d/docker-credential-ecrx.fish",
    "share/man/man1/docker-credential-ecrx.1",
    "share/man/man5/docker-credential-ecrx-config.5",
    "share/man/man7/docker-credential-ecrx-benchmarks.7",
    "share/man/man7/docker-credential-ecrx-cache.7",
    "share/man/man7/docker-credential-ecrx-kubernetes.7",
    "share/man/man7/docker-credential-ecrx-troubleshooting.7",
    "share/zsh/site-functions/_docker-credential-ecrx",
];

/// A home directory, a server with releases, and a folder with programs that is all of `PATH`.
struct Machine {
    environment: TestEnvironment,
    site: FakeSite,
}

impl Machine {
    /// With what downloads: `curl`, `wget`.
    fn with(downloaders: &[&str]) -> Self {
        Self::that_cuts(None, downloaders)
    }

    /// The server sends only the first half of this file.
    fn that_cuts(file: Option<&'static str>, downloaders: &[&str]) -> Self {
        let mut environment = TestEnvironment::new();
        let programs = environment.home().join("programs");
        fs::create_dir(&programs).expect("a folder");
        for tool in TOOLS.iter().chain(downloaders) {
            let original = Path::new("/usr/bin").join(tool);
            symlink(original, programs.join(tool)).expect("a link");
        }
        environment.set("PATH", &programs.display().to_string());
        let site = environment.home().join("site");
        fs::create_dir_all(site.join(VERSION)).expect("a folder");
        copy(&release().join("."), &site.join(VERSION));
        let site = FakeSite::start(site, file);
        Self { environment, site }
    }

    /// The folder of the release on the server.
    fn served(&self) -> PathBuf {
        self.environment.home().join("site").join(VERSION)
    }

    fn archive(&self) -> PathBuf {
        self.served().join(format!("{}.tar.gz", archive_name()))
    }

    fn prefix(&self) -> PathBuf {
        self.environment.home().join("a prefix")
    }

    /// Files and folders below the prefix.
    fn found(&self) -> BTreeSet<String> {
        paths(&self.prefix())
    }

    fn run(&self, shell: &[&str], arguments: &[&str]) -> Outcome {
        let script = release().join("install.sh").display().to_string();
        let prefix = self.prefix().display().to_string();
        let mut all = shell[1..].to_vec();
        all.extend([script.as_str(), "--prefix", &prefix]);
        all.extend(arguments);
        self.environment.run_program(shell[0], &all, "")
    }

    fn install(&self) -> Outcome {
        self.run(&DASH, &["--base-url", &self.site.url()])
    }

    /// A release with another version, made from the archive by a shell script that runs in its
    /// folder.
    fn add_version(&self, version: &str, change: &str) {
        let name = archive_name().replace(VERSION, version);
        script(
            &format!(
                r#"cd "$1"; rm -rf changed; mkdir changed; cd changed
                tar -xzf "$2" --strip-components 1; {change}
                cd ..; rm -rf "$3"; mv changed "$3"; mkdir -p "site/{version}"
                tar -czf "site/{version}/$3.tar.gz" "$3"
                cd "site/{version}"; sha256sum "$3.tar.gz" >SHA256SUMS"#
            ),
            &[self.environment.home(), &self.archive(), Path::new(&name)],
        );
    }
}

const DASH: [&str; 1] = ["/bin/dash"];
const BUSYBOX: [&str; 2] = ["/bin/busybox", "sh"];
const BASH: [&str; 2] = ["/bin/bash", "--posix"];

/// Success, with a report on stderr.
#[track_caller]
fn succeeded(outcome: &Outcome) -> &str {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.stdout, "");
    &outcome.stderr
}

/// Failure, whose last line begins so; no temporary file is left in the machine's folder for them.
#[track_caller]
fn failed(outcome: &Outcome, message: &str) {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let last = outcome.stderr.lines().last().unwrap_or_default();
    let start = format!("install.sh: {message}");
    assert!(last.starts_with(&start), "{message}: {outcome:?}");
}

/// The files of [`INSTALLED`], without folders.
fn is_installed(machine: &Machine) -> bool {
    let prefix = machine.prefix();
    let mut found = machine.found();
    found.retain(|path| prefix.join(path).is_file());
    found == INSTALLED.map(str::to_owned).into()
}

#[test]
#[ignore = "needs the release of packaging/build, curl, wget and busybox: .ci/run"]
fn it_installs_and_removes_everything_with_each_shell_and_each_downloader() {
    for downloader in ["curl", "wget"] {
        let machine = Machine::with(&[downloader]);
        for shell in [&DASH[..], &BUSYBOX, &BASH] {
            let outcome = machine.run(shell, &["--base-url", &machine.site.url()]);
            let report = succeeded(&outcome);
            let prefix = machine.prefix();
            assert!(report.contains(&format!("add {}/bin to PATH", prefix.display())));
            assert!(is_installed(&machine), "{shell:?}: {:?}", machine.found());
            let program = prefix.join("bin/docker-credential-ecrx");
            let version = machine.environment.run_program(program, &["version"], "");
            assert!(version.stdout.contains(VERSION), "{version:?}");
            succeeded(&machine.run(shell, &["--uninstall"]));
            assert!(!prefix.exists(), "{shell:?}: {:?}", machine.found());
        }
    }
}

#[test]
#[ignore = "needs the release of packaging/build, and busybox: .ci/run"]
fn it_installs_where_there_is_only_busybox() {
    let machine = Machine::with(&[]);
    let mut environment = TestEnvironment::new();
    let root = busybox(&environment);
    copy(&released("install.sh"), &root.join("tmp/install.sh"));
    let before = paths(&root);
    let url = machine.site.url();
    let install = ["sh", "/tmp/install.sh", "--base-url", &url];
    succeeded(&run_in(&root, &mut environment, &install, ""));
    let program = ["/root/.local/bin/docker-credential-ecrx", "version"];
    assert_eq!(run_in(&root, &mut environment, &program, "").code, Some(0));
    let uninstall = ["sh", "/tmp/install.sh", "--uninstall"];
    succeeded(&run_in(&root, &mut environment, &uninstall, ""));
    assert_eq!(paths(&root), before);
}

#[test]
#[ignore = "needs the release of packaging/build, and curl: .ci/run"]
fn another_version_replaces_all_files_of_the_one_before_and_keeps_those_of_others() {
    let machine = Machine::with(&["curl"]);
    let own = machine.prefix().join("share/man/man1/other.1");
    fs::create_dir_all(own.parent().expect("a folder")).expect("folders");
    fs::write(&own, "").expect("a file");
    let before = machine.found();
    succeeded(&machine.install());
    let first = machine.found();
    succeeded(&machine.install());
    assert_eq!(machine.found(), first);
    machine.add_version(
        "99.0.0",
        "rm man/docker-credential-ecrx-config.5; echo >man/new.8; echo changed >README.md",
    );
    let url = machine.site.url();
    succeeded(&machine.run(&DASH, &["--base-url", &url, "--version", "v99.0.0"]));
    let expected: BTreeSet<String> = first
        .iter()
        .filter(|path| !path.ends_with("/docker-credential-ecrx-config.5"))
        .cloned()
        .chain(["share/man/man8", "share/man/man8/new.8"].map(str::to_owned))
        .collect();
    assert_eq!(machine.found(), expected);
    let readme = machine
        .prefix()
        .join("share/doc/docker-credential-ecrx/README.md");
    assert_eq!(fs::read_to_string(readme).expect("a file"), "changed\n");
    succeeded(&machine.run(&DASH, &["--uninstall"]));
    assert_eq!(machine.found(), before);
    failed(
        &machine.run(&DASH, &["--uninstall"]),
        "nothing is installed in ",
    );
}

#[test]
#[ignore = "needs the release of packaging/build: .ci/run"]
fn without_a_network_it_installs_from_the_bundle() {
    let machine = Machine::with(&[]);
    let home = machine.environment.home();
    script(
        r#"tar -xf "$1" -C "$2""#,
        &[&released("-offline.tar"), home],
    );
    let bundle = home.join(format!("docker-credential-ecrx-{VERSION}"));
    let unpacked = bundle.display().to_string();
    succeeded(&machine.run(&DASH, &["--from", &unpacked]));
    assert!(is_installed(&machine), "{:?}", machine.found());

    // The same checks as for a server.
    let archive = bundle.join(format!("{}.tar.gz", archive_name()));
    fs::write(&archive, "").expect("an archive");
    let outcome = machine.run(&DASH, &["--from", &unpacked]);
    failed(&outcome, &format!("{} is damaged", archive.display()));
    fs::remove_file(&archive).expect("an archive");
    let outcome = machine.run(&DASH, &["--from", &unpacked]);
    failed(&outcome, &format!("cannot copy {}", archive.display()));
}

/// Damages what is served.
type Damage = fn(&Machine);

#[test]
#[ignore = "needs the release of packaging/build, curl and wget: .ci/run"]
fn a_damaged_or_missing_file_changes_nothing_of_an_earlier_installation() {
    let damages: [(&str, Damage); 7] = [
        ("is damaged", |machine| {
            let mut bytes = fs::read(machine.archive()).expect("an archive");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(machine.archive(), bytes).expect("an archive");
        }),
        ("is damaged", |machine| {
            let bytes = fs::read(machine.archive()).expect("an archive");
            fs::write(machine.archive(), &bytes[..bytes.len() / 2]).expect("an archive");
        }),
        ("is damaged", |machine| {
            fs::write(machine.archive(), "<html>Sign in</html>").expect("an archive");
        }),
        ("does not list", |machine| {
            fs::write(machine.served().join("SHA256SUMS"), "<html>Sign in</html>").expect("sums");
        }),
        ("cannot download", |machine| {
            fs::remove_file(machine.archive()).expect("an archive");
        }),
        ("cannot download", |machine| {
            fs::remove_file(machine.served().join("SHA256SUMS")).expect("sums");
        }),
        ("does not run on this machine", |machine| {
            machine.add_version(VERSION, "echo 'exit 1' >docker-credential-ecrx");
        }),
    ];
    for (message, damage) in damages {
        for downloader in ["curl", "wget"] {
            let machine = Machine::with(&[downloader]);
            succeeded(&machine.install());
            let program = machine.prefix().join("bin/docker-credential-ecrx");
            let before = (machine.found(), fs::read(&program).expect("a program"));
            damage(&machine);
            let outcome = machine.install();
            failed(&outcome, "");
            assert!(outcome.stderr.contains(message), "{message}: {outcome:?}");
            let after = (machine.found(), fs::read(&program).expect("a program"));
            assert!(before == after, "{message}: {:?}", after.0);
        }
    }
}

#[test]
#[ignore = "needs the release of packaging/build, curl and wget: .ci/run"]
fn a_connection_that_ends_early_installs_nothing() {
    let file = Box::leak(format!("{}.tar.gz", archive_name()).into_boxed_str());
    for cut in ["SHA256SUMS", file] {
        let machine = Machine::that_cuts(Some(cut), &["curl"]);
        failed(&machine.install(), "cannot download http://127.0.0.1:");
        assert!(!machine.prefix().exists(), "{:?}", machine.found());
    }
}

#[test]
#[ignore = "needs the release of packaging/build, and curl: .ci/run"]
fn what_it_cannot_do_is_an_error_with_the_remedy() {
    let machine = Machine::with(&[]);
    failed(
        &machine.install(),
        "needs curl or wget. Install one of them",
    );
    let machine = Machine::with(&["curl"]);
    failed(
        &machine.run(&DASH, &[]),
        "there is no public address of releases yet. Give the address of yours with --base-url",
    );
    for url in [
        "http://example.com/",
        "http://127.0.0.1.example.com/",
        "example.com",
        // curl would ask it by http.
        "folder.example.com",
    ] {
        let outcome = machine.run(&DASH, &["--base-url", url]);
        failed(&outcome, "--base-url must begin with https://");
    }
    let url = machine.site.url();
    for version in ["../1", "", "1 2"] {
        let outcome = machine.run(&DASH, &["--base-url", &url, "--version", version]);
        failed(&outcome, &format!("`{version}` is not a version"));
    }
    assert_eq!(machine.run(&DASH, &["--base-url"]).code, Some(2));
    assert_eq!(machine.run(&DASH, &["--help"]).code, Some(2));
    // A file is where the prefix should be.
    fs::write(machine.prefix(), "").expect("a file");
    failed(&machine.install(), "cannot write to ");
}

#[test]
#[ignore = "needs the release of packaging/build, curl and a mount namespace: .ci/run"]
fn a_prefix_that_is_read_only_or_full_is_an_error_and_can_be_cleaned_up() {
    let machine = Machine::with(&["curl"]);
    let prefix = machine.prefix().display().to_string();
    let script = release().join("install.sh").display().to_string();
    fs::create_dir(machine.prefix()).expect("a folder");
    let mounted = |options: &str, after: &str| {
        let command = format!(
            r#"/bin/mount -t tmpfs -o {options} tmpfs "$1"
            code=0; /bin/dash "$2" --prefix "$1" --base-url "$3" || code=$?
            {after}
            exit $code"#
        );
        let url = machine.site.url();
        let all = ["/bin/sh", "-ec", &command, "sh", &prefix, &script, &url];
        as_root(&machine.environment, &all, "")
    };
    failed(&mounted("ro", ""), "cannot write to ");
    let after = r#"/bin/dash "$2" --prefix "$1" --uninstall; /usr/bin/find "$1" -mindepth 1"#;
    let full = mounted("size=1m", after);
    assert_eq!(full.code, Some(1), "{full:?}");
    assert!(full.stderr.contains("No space left on device"), "{full:?}");
    assert_eq!(full.stdout, "");
}
