//! How a file is replaced: links, modes, several processes at once, processes that are killed.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::thread;
use std::time::Duration;

use super::common::Outcome;
use super::common::files::{STRANGER, am_root, chmod, give_away, mode, names};
use super::{HOST, OTHER_HOST, Person, inserted};

const BEFORE: &str = "{\n\t\"auths\": {}\n}";

#[test]
fn the_difference_is_shown_and_the_file_is_kept() {
    let person = Person::with(BEFORE);
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
    let before = person.files();
    assert_eq!(
        person.configured(&[HOST, "--dry-run"]),
        format!("{difference}· dry run: nothing was changed\n")
    );
    assert_eq!(person.files(), before);
    assert_eq!(
        person.configured(&[HOST]),
        format!(
            "{difference}✓ changed ~/.docker/config.json; backup: ~/.docker/config.json.before-ecrx\n"
        )
    );
    person.nothing_to_do(&[HOST]);
}

#[test]
fn created_files_are_private() {
    let person = Person::new();
    assert_eq!(
        person.configured(&[HOST, "--profile", "work"]),
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
        assert_eq!(mode(&person.path(folder)), 0o700, "{folder}");
    }
    for file in [person.docker_file(), person.rules_file()] {
        assert_eq!(mode(&file), 0o600);
    }
    assert_eq!(names(&person.path(".docker")), ["config.json"]);
}

#[test]
fn mode_and_owner_stay() {
    for bits in [0o600, 0o640, 0o644, 0o660] {
        let person = Person::with(BEFORE);
        chmod(&person.docker_file(), bits);
        if am_root() {
            give_away(&person.docker_file());
        }
        person.configured(&[HOST]);
        for file in [person.docker_file(), person.backup()] {
            assert_eq!(mode(&file), bits);
            if am_root() {
                let owner = fs::metadata(&file).expect("a file");
                assert_eq!((owner.uid(), owner.gid()), (STRANGER, STRANGER));
            }
        }
    }
}

/// As with `sudo -E`: what root makes in a person's home belongs to that person.
#[test]
fn root_makes_files_for_the_owner_of_the_home_folder() {
    if !am_root() {
        super::common::files::skipped("only root can give files away");
        return;
    }
    let person = Person::new();
    give_away(&person.path(""));
    person.configure(&[HOST, "--profile", "work"]);
    for path in [
        ".docker",
        ".docker/config.json",
        ".config/docker-credential-ecrx/config.toml",
    ] {
        let owner = fs::metadata(person.path(path)).expect("a file").uid();
        assert_eq!(owner, STRANGER, "{path}");
    }
}

#[test]
fn a_link_into_dotfiles_stays_one() {
    let person = Person::with("");
    let target = person.path("dotfiles/docker.json");
    fs::create_dir(person.path("dotfiles")).expect("a folder");
    fs::write(&target, BEFORE).expect("a file");
    fs::remove_file(person.docker_file()).expect("to remove");
    symlink("../dotfiles/docker.json", person.docker_file()).expect("a link");
    let told = person.configured(&[HOST]);
    assert!(
        told.ends_with(
            "✓ changed ~/.docker/config.json (symbolic link to ~/dotfiles/docker.json); backup: ~/dotfiles/docker.json.before-ecrx\n"
        ),
        "{told}"
    );
    assert_eq!(
        fs::read_link(person.docker_file()).expect("a link"),
        std::path::Path::new("../dotfiles/docker.json")
    );
    let after = fs::read_to_string(&target).expect("a file");
    assert!(inserted(BEFORE, &after).contains(HOST));
    assert_eq!(names(&person.path(".docker")), ["config.json"]);
    person.nothing_to_do(&[HOST]);
}

#[test]
fn hard_links_are_reported() {
    let person = Person::with(BEFORE);
    let other = person.path("other");
    fs::hard_link(person.docker_file(), &other).expect("a hard link");
    let told = person.configured(&[HOST]);
    assert!(
        told.ends_with("\n! other hard links to this file still have the old content\n"),
        "{told}"
    );
    assert_eq!(fs::read_to_string(other).expect("a file"), BEFORE);
}

#[test]
fn a_link_to_nothing_yet_makes_what_it_leads_to() {
    let person = Person::with("");
    fs::remove_file(person.docker_file()).expect("to remove");
    symlink(person.path("dotfiles/a"), person.docker_file()).expect("a link");
    symlink(person.path("dotfiles"), person.path("other")).expect("a link");
    person.configured(&[HOST]);
    assert!(
        fs::symlink_metadata(person.docker_file())
            .expect("a link")
            .is_symlink()
    );
    assert_eq!(names(&person.path("dotfiles")), ["a"]);
    person.nothing_to_do(&[HOST]);

    let person = Person::with("");
    fs::remove_file(person.docker_file()).expect("to remove");
    symlink("config.json", person.docker_file()).expect("a link");
    assert_eq!(
        person.refused(&[HOST]),
        "docker-credential-ecrx: ~/.docker/config.json leads through more than 40 symbolic links\n"
    );
}

#[test]
fn a_read_only_file_is_reported_and_not_changed() {
    let person = Person::with(BEFORE);
    chmod(&person.docker_file(), 0o444);
    read_only(&person, "~/.docker/config.json");
    if !am_root() {
        chmod(&person.docker_file(), 0o644);
        chmod(&person.path(".docker"), 0o555);
        read_only(&person, "~/.docker");
        chmod(&person.path(".docker"), 0o755);
    }
}

#[track_caller]
fn read_only(person: &Person, path: &str) {
    let before = person.files();
    let outcome = person.configure(&[HOST]);
    assert_eq!(outcome.code, Some(1));
    assert_eq!(
        person.shortened(&outcome.stderr),
        format!("docker-credential-ecrx: {path} is read-only; nothing was changed\n")
    );
    assert_eq!(person.files(), before);
    // Neither is the other file written.
    assert_eq!(person.configure(&[HOST, "--profile", "work"]).code, Some(1));
    assert!(!person.rules_file().exists());
}

#[test]
fn a_path_that_is_not_a_file_is_reported() {
    let person = Person::new();
    fs::create_dir_all(person.docker_file()).expect("folders");
    assert_eq!(
        person.refused(&[HOST]),
        "docker-credential-ecrx: ~/.docker/config.json is not a regular file\n"
    );
    let person = Person::new();
    std::os::unix::fs::symlink("nowhere", person.path(".docker")).expect("a link");
    assert_eq!(
        person.refused(&[HOST]),
        "docker-credential-ecrx: ~/.docker is not a folder\n"
    );
}

#[test]
fn docker_config_names_the_folder() {
    let mut person = Person::new();
    let folder = person.path("elsewhere");
    person
        .environment
        .set("DOCKER_CONFIG", &folder.display().to_string());
    person.configured(&[HOST]);
    assert_eq!(names(&folder), ["config.json"]);
    assert!(!person.path(".docker").exists());
}

#[test]
fn a_backup_is_never_overwritten_and_made_only_for_what_would_be_lost() {
    let person = Person::with(BEFORE);
    for host in [HOST, OTHER_HOST, "public.ecr.aws"] {
        person.configured(&[host]);
    }
    // Three runs, and the first backup still keeps all that is not ours.
    assert_eq!(
        names(&person.path(".docker")),
        ["config.json", "config.json.before-ecrx"]
    );
    assert_eq!(fs::read_to_string(person.backup()).expect("a file"), BEFORE);

    let edited = person
        .docker()
        .replace("\"auths\": {}", "\"auths\": {\"x.io\": {}}");
    fs::write(person.docker_file(), &edited).expect("a file");
    person.configured(&["--undo"]);
    let second = person.path(".docker/config.json.before-ecrx-2");
    assert_eq!(fs::read_to_string(second).expect("a backup"), edited);
    assert_eq!(fs::read_to_string(person.backup()).expect("a file"), BEFORE);
}

#[test]
fn ten_at_once_all_have_their_way() {
    for before in [None, Some(BEFORE)] {
        let person = match before {
            None => Person::new(),
            Some(before) => Person::with(before),
        };
        let host = |number: usize| format!("11112222333{number}.dkr.ecr.eu-west-1.amazonaws.com");
        let children: Vec<_> = (0..10)
            .map(|number| {
                let arguments = ["configure-docker", &host(number), "--profile", "work"];
                person.environment.start(&arguments, b"")
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
        let (docker, rules) = (person.docker(), person.rules());
        for number in 0..10 {
            assert_eq!(docker.matches(&host(number)).count(), 1, "{docker}");
            let rule = format!("match = \"11112222333{number}/eu-west-1\"");
            assert_eq!(rules.matches(&rule).count(), 1, "{rules}");
        }
        // Neither a lock nor a half-written file is left behind.
        let left = names(&person.path(".docker")).into_iter();
        let left: Vec<String> = left
            .filter(|name| !name.starts_with("config.json"))
            .collect();
        assert_eq!(left, [""; 0]);
    }
}

#[test]
fn who_is_killed_leaves_whole_files() {
    let person = Person::with(BEFORE);
    let done = {
        let other = Person::with(BEFORE);
        other.configured(&[HOST]);
        other.docker()
    };
    let mut seen = [0, 0];
    for step in 0..60 {
        fs::write(person.docker_file(), BEFORE).expect("a file");
        let mut child = person.environment.start(&["configure-docker", HOST], b"");
        thread::sleep(Duration::from_micros(step * 250));
        child.kill().expect("to kill");
        child.wait().expect("an end");
        let found = person.docker();
        assert!(found == BEFORE || found == done, "{found:?}");
        seen[usize::from(found == done)] += 1;
        let kept = fs::read_to_string(person.backup());
        assert!(kept.is_err() || kept.is_ok_and(|kept| kept == BEFORE));
    }
    assert!(seen[0] > 0, "no process was killed in time");
    // A lock goes with its process.
    fs::write(person.docker_file(), BEFORE).expect("a file");
    person.configured(&[HOST]);
}
