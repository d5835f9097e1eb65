//! How a file is replaced: links, modes, several processes at once, processes that are killed.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::thread;
use std::time::Duration;

use super::common::Outcome;
use super::common::files::{STRANGER, am_root, chmod, give_away, mode, names};
use super::{HOST, OTHER_HOST, Setup, inserted};

const BEFORE: &str = "{\n\t\"auths\": {}\n}";

#[test]
fn the_difference_is_shown_and_the_file_is_kept() {
    let setup = Setup::with(BEFORE);
    let difference = format!(
        "\
--- ~/.docker/config.json
+++ ~/.docker/config.json
@@ -1,3 +1,6 @@
 {{
-	\"auths\": {{}}
+	\"auths\": {{}},
+	\"credHelpers\": {{
+		\"{HOST}\": \"ecrx\"
+	}}
 }}
\\ No newline at end of file

"
    );
    let before = setup.files();
    assert_eq!(
        setup.configured(&[HOST, "--dry-run"]),
        format!("{difference}· dry run: nothing was changed\n")
    );
    assert_eq!(setup.files(), before);
    assert_eq!(
        setup.configured(&[HOST]),
        format!(
            "{difference}✓ changed ~/.docker/config.json; backup: ~/.docker/config.json.before-ecrx\n"
        )
    );
    setup.nothing_to_do(&[HOST]);
}

#[test]
fn created_files_are_private() {
    let setup = Setup::new();
    assert_eq!(
        setup.configured(&[HOST, "--profile", "work"]),
        format!(
            "\
--- /dev/null
+++ ~/.config/docker-credential-ecrx/config.toml
@@ -0,0 +1,3 @@
+[[registry]]
+match = \"111122223333/eu-west-1\"
+profile = \"work\"
--- /dev/null
+++ ~/.docker/config.json
@@ -0,0 +1,5 @@
+{{
+	\"credHelpers\": {{
+		\"{HOST}\": \"ecrx\"
+	}}
+}}

✓ created ~/.config/docker-credential-ecrx/config.toml
✓ created ~/.docker/config.json
"
        )
    );
    for folder in [".docker", ".config", ".config/docker-credential-ecrx"] {
        assert_eq!(mode(&setup.path(folder)), 0o700, "{folder}");
    }
    for file in [setup.docker_file(), setup.rules_file()] {
        assert_eq!(mode(&file), 0o600);
    }
    assert_eq!(names(&setup.path(".docker")), ["config.json"]);
}

#[test]
fn mode_and_owner_stay() {
    for bits in [0o600, 0o640, 0o644, 0o660] {
        let setup = Setup::with(BEFORE);
        chmod(&setup.docker_file(), bits);
        if am_root() {
            give_away(&setup.docker_file());
        }
        setup.configured(&[HOST]);
        for file in [setup.docker_file(), setup.backup()] {
            assert_eq!(mode(&file), bits);
            if am_root() {
                let owner = fs::metadata(&file).expect("a file");
                assert_eq!((owner.uid(), owner.gid()), (STRANGER, STRANGER));
            }
        }
    }
}

/// As with `sudo -E`: files that root makes in a user's home folder belong to that user.
#[test]
fn root_makes_files_for_the_owner_of_the_home_folder() {
    if !am_root() {
        super::common::files::skipped("only root can give files away");
        return;
    }
    let setup = Setup::new();
    give_away(&setup.path(""));
    setup.configure(&[HOST, "--profile", "work"]);
    for path in [
        ".docker",
        ".docker/config.json",
        ".config/docker-credential-ecrx/config.toml",
    ] {
        let owner = fs::metadata(setup.path(path)).expect("a file").uid();
        assert_eq!(owner, STRANGER, "{path}");
    }
}

#[test]
fn a_link_into_dotfiles_stays_one() {
    let setup = Setup::with("");
    let target = setup.path("dotfiles/docker.json");
    fs::create_dir(setup.path("dotfiles")).expect("a folder");
    fs::write(&target, BEFORE).expect("a file");
    fs::remove_file(setup.docker_file()).expect("to remove");
    symlink("../dotfiles/docker.json", setup.docker_file()).expect("a link");
    let told = setup.configured(&[HOST]);
    assert!(
        told.ends_with(
            "✓ changed ~/.docker/config.json (symbolic link to ~/dotfiles/docker.json); backup: ~/dotfiles/docker.json.before-ecrx\n"
        ),
        "{told}"
    );
    assert_eq!(
        fs::read_link(setup.docker_file()).expect("a link"),
        std::path::Path::new("../dotfiles/docker.json")
    );
    let after = fs::read_to_string(&target).expect("a file");
    assert!(inserted(BEFORE, &after).contains(HOST));
    assert_eq!(names(&setup.path(".docker")), ["config.json"]);
    setup.nothing_to_do(&[HOST]);
}

#[test]
fn hard_links_are_reported() {
    let setup = Setup::with(BEFORE);
    let other = setup.path("other");
    fs::hard_link(setup.docker_file(), &other).expect("a hard link");
    let told = setup.configured(&[HOST]);
    assert!(
        told.ends_with("\n! other hard links to this file still have the old content\n"),
        "{told}"
    );
    assert_eq!(fs::read_to_string(other).expect("a file"), BEFORE);
}

#[test]
fn a_file_is_created_where_a_dangling_link_leads() {
    let setup = Setup::with("");
    fs::remove_file(setup.docker_file()).expect("to remove");
    symlink(setup.path("dotfiles/a"), setup.docker_file()).expect("a link");
    symlink(setup.path("dotfiles"), setup.path("other")).expect("a link");
    setup.configured(&[HOST]);
    assert!(
        fs::symlink_metadata(setup.docker_file())
            .expect("a link")
            .is_symlink()
    );
    assert_eq!(names(&setup.path("dotfiles")), ["a"]);
    setup.nothing_to_do(&[HOST]);

    let setup = Setup::with("");
    fs::remove_file(setup.docker_file()).expect("to remove");
    symlink("config.json", setup.docker_file()).expect("a link");
    assert_eq!(
        setup.refused(&[HOST]),
        "docker-credential-ecrx: ~/.docker/config.json leads through more than 40 symbolic links\n"
    );
}

#[test]
fn a_read_only_file_is_reported_and_not_changed() {
    let setup = Setup::with(BEFORE);
    chmod(&setup.docker_file(), 0o444);
    read_only(&setup, "~/.docker/config.json");
    if !am_root() {
        chmod(&setup.docker_file(), 0o644);
        chmod(&setup.path(".docker"), 0o555);
        read_only(&setup, "~/.docker");
        chmod(&setup.path(".docker"), 0o755);
    }
}

#[track_caller]
fn read_only(setup: &Setup, path: &str) {
    let before = setup.files();
    let outcome = setup.configure(&[HOST]);
    assert_eq!(outcome.code, Some(1));
    assert_eq!(
        setup.shortened(&outcome.stderr),
        format!("docker-credential-ecrx: {path} is read-only; nothing was changed\n")
    );
    assert_eq!(setup.files(), before);
    // The other file is not written either.
    assert_eq!(setup.configure(&[HOST, "--profile", "work"]).code, Some(1));
    assert!(!setup.rules_file().exists());
}

#[test]
fn a_path_that_is_not_a_file_is_reported() {
    let setup = Setup::new();
    fs::create_dir_all(setup.docker_file()).expect("folders");
    assert_eq!(
        setup.refused(&[HOST]),
        "docker-credential-ecrx: ~/.docker/config.json is not a regular file\n"
    );
    let setup = Setup::new();
    std::os::unix::fs::symlink("nowhere", setup.path(".docker")).expect("a link");
    assert_eq!(
        setup.refused(&[HOST]),
        "docker-credential-ecrx: ~/.docker is not a folder\n"
    );
}

#[test]
fn docker_config_names_the_folder() {
    let mut setup = Setup::new();
    let folder = setup.path("elsewhere");
    setup
        .environment
        .set("DOCKER_CONFIG", &folder.display().to_string());
    setup.configured(&[HOST]);
    assert_eq!(names(&folder), ["config.json"]);
    assert!(!setup.path(".docker").exists());
}

#[test]
fn a_backup_is_never_overwritten_and_a_second_one_is_written_only_after_other_changes() {
    let setup = Setup::with(BEFORE);
    for host in [HOST, OTHER_HOST, "public.ecr.aws"] {
        setup.configured(&[host]);
    }
    // After three runs, the first backup still has all other content.
    assert_eq!(
        names(&setup.path(".docker")),
        ["config.json", "config.json.before-ecrx"]
    );
    assert_eq!(fs::read_to_string(setup.backup()).expect("a file"), BEFORE);

    let edited = setup
        .docker()
        .replace("\"auths\": {}", "\"auths\": {\"x.io\": {}}");
    fs::write(setup.docker_file(), &edited).expect("a file");
    setup.configured(&["--undo"]);
    let second = setup.path(".docker/config.json.before-ecrx-2");
    assert_eq!(fs::read_to_string(second).expect("a backup"), edited);
    assert_eq!(fs::read_to_string(setup.backup()).expect("a file"), BEFORE);
}

#[test]
fn ten_processes_at_once_all_make_their_changes() {
    for before in [None, Some(BEFORE)] {
        let setup = match before {
            None => Setup::new(),
            Some(before) => Setup::with(before),
        };
        let host = |number: usize| format!("11112222333{number}.dkr.ecr.eu-west-1.amazonaws.com");
        let children: Vec<_> = (0..10)
            .map(|number| {
                let arguments = ["configure-docker", &host(number), "--profile", "work"];
                setup.environment.start(&arguments, b"")
            })
            .collect();
        for child in children {
            let outcome = Outcome::of(child);
            assert_eq!(
                (outcome.code, &*outcome.stderr),
                (Some(0), ""),
                "{outcome:?}"
            );
        }
        let (docker, rules) = (setup.docker(), setup.rules());
        for number in 0..10 {
            assert_eq!(docker.matches(&host(number)).count(), 1, "{docker}");
            let rule = format!("match = \"11112222333{number}/eu-west-1\"");
            assert_eq!(rules.matches(&rule).count(), 1, "{rules}");
        }
        // Neither a lock nor a half-written file remains.
        let left = names(&setup.path(".docker")).into_iter();
        let left: Vec<String> = left
            .filter(|name| !name.starts_with("config.json"))
            .collect();
        assert_eq!(left, [""; 0]);
    }
}

#[test]
fn a_killed_process_leaves_whole_files() {
    let setup = Setup::with(BEFORE);
    let done = {
        let other = Setup::with(BEFORE);
        other.configured(&[HOST]);
        other.docker()
    };
    let mut seen = [0, 0];
    for step in 0..60 {
        fs::write(setup.docker_file(), BEFORE).expect("a file");
        let mut child = setup.environment.start(&["configure-docker", HOST], b"");
        thread::sleep(Duration::from_micros(step * 250));
        child.kill().expect("to kill");
        child.wait().expect("an end");
        let found = setup.docker();
        assert!(found == BEFORE || found == done, "{found:?}");
        seen[usize::from(found == done)] += 1;
        let kept = fs::read_to_string(setup.backup());
        assert!(kept.is_err() || kept.is_ok_and(|kept| kept == BEFORE));
    }
    assert!(seen[0] > 0, "no process was killed in time");
    // A lock ends with its process.
    fs::write(setup.docker_file(), BEFORE).expect("a file");
    setup.configured(&[HOST]);
}
