//! `--fix` changes only the named entries, `--dry-run` shows every change, and `--undo` restores
//! the earlier content.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::{AUTH, HOST, OTHER_HOST, Setup};

const OF_LOGIN: &str = "run/containers/auth.json";
const OWN: &str = ".config/containers/auth.json";
const DOCKER: &str = ".docker/config.json";

/// Files, and the commands that change them.
struct Scene {
    files: &'static [(&'static str, &'static str)],
    fix: &'static [&'static str],
    undo: &'static [&'static str],
}

/// `HOST`, `OTHER` and `AUTH` are replaced with the constants of these names.
const SCENES: &[Scene] = &[
    // A byte order mark, CRLF, and an entry among others.
    Scene {
        files: &[(
            DOCKER,
            "\u{feff}{\r\n  \"credHelpers\": {\r\n    \"HOST\": \"ecr-login\",\r\n    \"OTHER\": \"ecr-login\",\r\n    \"gcr.io\": \"gcloud\"\r\n  }\r\n}\r\n",
        )],
        fix: &["HOST", "--fix"],
        undo: &["--undo"],
    },
    // Odd formatting, a login, and an end without a line end.
    Scene {
        files: &[(
            DOCKER,
            " {\"auths\" :{ \"x.io\":{\"auth\":\"AUTH\"} ,\"https://HOST\":{\n\"auth\":\"AUTH\"},\"OTHER\":{\"auth\":\"AUTH\"}},  \"credHelpers\":{\"HOST\" : \"ecr-login\"}\n\n, \"HttpHeaders\":{} }",
        )],
        fix: &["HOST", "--fix"],
        undo: &["--undo", "HOST"],
    },
    // Spellings that never match, of this host and of another.
    Scene {
        files: &[(
            DOCKER,
            "{\n\t\"credHelpers\": {\n\t\t\"https://HOST\": \"ecr-login\",\n\t\t\"https://OTHER\": \"ecr-login\",\n\t\t\"*.dkr.ecr.eu-west-1.amazonaws.com\": \"ecr-login\"\n\t}\n}",
        )],
        fix: &["HOST", "--fix"],
        undo: &["--undo"],
    },
    Scene {
        files: &[(
            DOCKER,
            "{\n\t\"credHelpers\": {\n\t\t\"https://HOST\": \"ecr-login\"\n\t},\n\t\"x\": 1\n}",
        )],
        fix: &["HOST", "--fix"],
        undo: &["--undo"],
    },
    // Another store stays for all other registries.
    Scene {
        files: &[(DOCKER, "{\"credsStore\": \"ecr-login\"}\n")],
        fix: &["HOST", "--fix", "--profile", "work"],
        undo: &["--undo"],
    },
    Scene {
        files: &[(
            DOCKER,
            "{\n  \"credsStore\": \"ecr-login\",\n  \"credHelpers\": {\"OTHER\": \"ecr-login\"}\n}\n",
        )],
        fix: &["--creds-store", "--fix"],
        undo: &["--undo"],
    },
    Scene {
        files: &[(DOCKER, "{\n  \"credsStore\": \"pass\"\n}\n")],
        fix: &["--creds-store", "HOST", "--fix"],
        undo: &["--undo"],
    },
    Scene {
        files: &[(
            DOCKER,
            "{\n  \"auths\": {\n    \"HOST\": {\"auth\": \"AUTH\"},\n    \"OTHER\": {\"auth\": \"AUTH\"}\n  }\n}\n",
        )],
        fix: &["--creds-store", "--fix"],
        undo: &["--undo", "--creds-store"],
    },
    // An empty file, and one without an entry for this host.
    Scene {
        files: &[(DOCKER, "")],
        fix: &["HOST", "--fix"],
        undo: &["--undo"],
    },
    Scene {
        files: &[(DOCKER, "{\n  \"auths\": {}, \"credHelpers\": null\n}")],
        fix: &["HOST", "OTHER", "--fix"],
        undo: &["--undo", "HOST", "OTHER"],
    },
    // podman, which reads several files.
    Scene {
        files: &[
            (
                OF_LOGIN,
                "{\n\t\"auths\": {\n\t\t\"HOST\": {\"auth\": \"AUTH\"},\n\t\t\"OTHER\": {\"auth\": \"AUTH\"}\n\t}\n}",
            ),
            (
                OWN,
                "{\"auths\":{},\"credHelpers\":{\"HOST\":\"ecr-login\"}}",
            ),
            (DOCKER, "{\"credHelpers\":{\"HOST\":\"ecr-login\"}}"),
        ],
        fix: &["HOST", "--podman", "--fix"],
        undo: &["--undo", "--podman"],
    },
    Scene {
        files: &[
            (
                OF_LOGIN,
                "{\"credHelpers\":{\"HOST\":\"other\",\"OTHER\":\"other\"}}",
            ),
            (OWN, "{\n}\n"),
        ],
        fix: &["HOST", "--podman", "--fix"],
        undo: &["--undo", "HOST", "--podman"],
    },
];

impl Scene {
    fn setup(&self) -> Setup {
        let setup = Setup::new();
        for (path, text) in self.files {
            setup.environment.write(path, &filled(text));
        }
        setup.environment.write(".ecr/cache.json", "{}");
        setup.environment.write(".ecr/log/ecr-login.log", "");
        setup
    }

    /// Runs it with one of its lists of arguments.
    #[track_caller]
    fn run(setup: &Setup, arguments: &[&str], more: &[&str]) -> String {
        let arguments: Vec<String> = arguments.iter().map(|it| filled(it)).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let outcome = setup.configure(&[&*arguments, more].concat());
        assert_eq!(
            (outcome.code, &*outcome.stderr),
            (Some(0), ""),
            "{outcome:?}"
        );
        setup.shortened(&outcome.stdout)
    }
}

fn filled(text: &str) -> String {
    text.replace("OTHER", OTHER_HOST)
        .replace("HOST", HOST)
        .replace("AUTH", AUTH)
}

type Files = Vec<(PathBuf, Vec<u8>)>;

fn is_backup(path: &std::path::Path) -> bool {
    path.display().to_string().contains(".before-ecrx")
}

/// The changed files without backups, as `~/…`.
fn changed(setup: &Setup, before: &Files, after: &Files) -> BTreeSet<String> {
    let one_sided = before.iter().filter(|it| !after.contains(it));
    let other = after.iter().filter(|it| !before.contains(it));
    let all = one_sided.chain(other).map(|(path, _)| path);
    let files = all.filter(|path| !path.is_dir() && !is_backup(path));
    files
        .map(|path| {
            setup
                .shortened(&path.display().to_string())
                .trim_end()
                .to_owned()
        })
        .collect()
}

/// The files whose differences are shown.
fn shown(told: &str) -> BTreeSet<String> {
    let files = told.lines().filter_map(|line| line.strip_prefix("+++ "));
    files.map(str::to_owned).collect()
}

#[test]
fn a_dry_run_shows_every_file_that_the_run_changes() {
    for scene in SCENES {
        let setup = scene.setup();
        for arguments in [scene.fix, scene.undo] {
            let before = setup.files();
            let dry = Scene::run(&setup, arguments, &["--dry-run"]);
            assert_eq!(setup.files(), before);
            let told = Scene::run(&setup, arguments, &[]);
            let after = setup.files();
            assert_eq!(shown(&dry), changed(&setup, &before, &after), "{dry}");
            assert!(!shown(&dry).is_empty());
            // The differences are the same, line by line.
            let (dry, _) = dry.split_once("\n\n").expect("a gap");
            assert!(told.starts_with(dry), "{dry}{told}");
        }
    }
}

#[test]
fn each_changed_file_has_a_backup_of_its_earlier_content() {
    for scene in SCENES {
        let setup = scene.setup();
        for arguments in [scene.fix, scene.undo] {
            let before = setup.files();
            Scene::run(&setup, arguments, &[]);
            let after = setup.files();
            for (path, bytes) in before {
                let is_changed = !after.contains(&(path.clone(), bytes.clone()));
                let name = path.display().to_string();
                // `--undo` removes only entries that need no backup.
                let is_kept = after.iter().any(|(backup, kept)| {
                    is_backup(backup)
                        && backup.display().to_string().starts_with(&name)
                        && (*kept == bytes || arguments == scene.undo)
                });
                assert!(!is_changed || path.is_dir() || is_kept, "{name}");
            }
        }
    }
}

#[test]
fn undo_after_fix_restores_every_byte() {
    for scene in SCENES {
        let setup = scene.setup();
        // The second time, the backups already exist.
        for _ in 0..2 {
            Scene::run(&setup, scene.fix, &[]);
            Scene::run(&setup, scene.undo, &[]);
            for (path, text) in scene.files {
                let now = fs::read_to_string(setup.path(path)).expect("a file");
                assert_eq!(now, filled(text), "{:?}", scene.undo);
            }
        }
    }
}

#[test]
fn fix_leaves_the_entries_of_other_registries_alone() {
    let before = filled(
        "{\n\t\"auths\": {\"OTHER\": {\"auth\": \"AUTH\"}},\n\t\"credsStore\": \"ecr-login\",\n\t\"credHelpers\": {\n\t\t\"OTHER\": \"ecr-login\",\n\t\t\"https://OTHER\": \"ecr-login\",\n\t\t\"*\": \"ecr-login\",\n\t\t\"HOST\": \"ecr-login\"\n\t}\n}",
    );
    let setup = Setup::with(&before);
    Scene::run(&setup, &["HOST", "--fix"], &[]);
    let line = format!("\"{HOST}\": \"ecr-login\"");
    assert_eq!(
        setup.docker(),
        before.replace(&line, &line.replace("ecr-login", "ecrx"))
    );
}

/// With rules that name no host, `--fix` changes nothing.
#[test]
fn fix_of_all_touches_what_the_rules_name() {
    let before = filled("{\"auths\":{\"HOST\":{\"auth\":\"AUTH\"}}}");
    let setup = Setup::with(&before);
    setup
        .environment
        .config("[[registry]]\nmatch = \"*\"\nprofile = \"work\"\n");
    setup.configure(&["--all", "--fix"]);
    assert_eq!(setup.docker(), before);
}

#[test]
fn undo_keeps_later_changes_of_other_programs() {
    let before = filled(
        "{\n  \"auths\": {\"x.io\": {}, \"HOST\": {\"auth\": \"AUTH\"}},\n  \"credHelpers\": {\n    \"HOST\": \"ecr-login\",\n    \"https://HOST\": \"ecr-login\"\n  }\n}\n",
    );
    let setup = Setup::with(&before);
    Scene::run(&setup, &["HOST", "OTHER", "--fix"], &[]);
    let edited = setup.docker().replace("\"x.io\": {}", "\"y.io\": {}");
    fs::write(setup.docker_file(), edited).expect("a file");
    Scene::run(&setup, &["--undo"], &[]);
    let login = format!("\"HOST\": {{\"auth\": \"{AUTH}\"}}").replace("HOST", HOST);
    assert_eq!(
        setup.docker(),
        filled(&format!(
            "{{\n  \"auths\": {{\"y.io\": {{}}, {login}}},\n  \"credHelpers\": {{\n    \"HOST\": \"ecr-login\",\n    \"https://HOST\": \"ecr-login\"\n  }}\n}}\n"
        ))
    );
}

#[test]
fn undo_of_one_host_leaves_the_others() {
    let setup = Setup::with(filled(
        "{\"credHelpers\": {\"HOST\": \"ecr-login\", \"OTHER\": \"ecr-login\"}}",
    ));
    Scene::run(&setup, &["HOST", "OTHER", "--fix"], &[]);
    Scene::run(&setup, &["--undo", "OTHER"], &[]);
    assert_eq!(
        setup.docker(),
        filled("{\"credHelpers\": {\"HOST\": \"ecrx\", \"OTHER\": \"ecr-login\"}}")
    );
}

/// The first backup can be used again after a second one was made.
#[test]
fn undo_uses_the_backup_of_the_last_change() {
    let states = ["ecr-login", "gcloud", "ecr-login"]
        .map(|helper| format!("{{\"credHelpers\": {{\"{HOST}\": \"{helper}\"}}}}"));
    let setup = Setup::with("");
    for state in states {
        fs::write(setup.docker_file(), &state).expect("a file");
        Scene::run(&setup, &["HOST"], &[]);
        Scene::run(&setup, &["--undo"], &[]);
        assert_eq!(setup.docker(), state);
    }
}

#[test]
fn undo_without_a_backup_says_so() {
    let setup = Setup::with(filled("{\"credHelpers\": {\"HOST\": \"ecr-login\"}}"));
    Scene::run(&setup, &["HOST"], &[]);
    fs::remove_file(setup.backup()).expect("to remove");
    let told = Scene::run(&setup, &["--undo"], &[]);
    assert!(
        told.contains(
            "\n· no backup of ~/.docker/config.json was found, so no earlier entries were restored\n"
        ),
        "{told}"
    );
    assert_eq!(setup.docker(), "{}");
}

#[test]
fn the_folder_of_ecr_login_is_never_touched() {
    let setup = Setup::with(filled("{\"credHelpers\": {\"HOST\": \"ecr-login\"}}"));
    let cache = setup.environment.write(".ecr/cache.json", "{}");
    setup.environment.write(".ecr/log/ecr-login.log", "");
    setup.environment.write(
        OWN,
        &filled("{\"credHelpers\": {\"OTHER\": \"ecr-login\"}}"),
    );
    let what = "! ~/.ecr/cache.json contains tokens in plain text, written by ecr-login ";
    // podman still names it.
    let told = Scene::run(&setup, &["HOST", "--fix"], &[]);
    assert!(
        told.ends_with(&format!("{what}First replace ecr-login in ~/{OWN}\n")),
        "{told}"
    );
    fs::remove_file(setup.path(OWN)).expect("to remove");
    let told = Scene::run(&setup, &["HOST", "--fix"], &[]);
    assert!(
        told.ends_with(&format!("{what}Run: rm -r ~/.ecr\n")),
        "{told}"
    );
    // Other files in the folder do not belong to that helper.
    setup.environment.write(".ecr/mine", "");
    let told = Scene::run(&setup, &["HOST", "--fix"], &[]);
    assert!(
        told.contains("rm -r ~/.ecr/cache.json ~/.ecr/log\n")
            || told.contains("rm -r ~/.ecr/log ~/.ecr/cache.json\n"),
        "{told}"
    );
    assert!(cache.exists());
    assert!(setup.path(".ecr/log/ecr-login.log").exists());
}
