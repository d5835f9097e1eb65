//! As root in another user's home folder: nothing in it leads root to a file of
//! another user.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::common::Outcome;
use super::common::files::{STRANGER, am_root, chmod, give_away, names, skipped};
use super::{HOST, Setup};

const BEFORE: &str = "{\n\t\"auths\": {}\n}\n";
const SECRET: &str = "{\n\t\"auths\": {\"x.io\": {\"auth\": \"cm9vdDpvbmx5\"}}\n}\n";

/// A user's home folder, and a folder of root's with a file in it.
struct Scene {
    alice: Setup,
    victim: TempDir,
}

impl Scene {
    /// `None` unless root runs the tests.
    fn new() -> Option<Self> {
        if !am_root() {
            skipped("only root can give files away");
            return None;
        }
        let alice = Setup::with(BEFORE);
        let victim = tempfile::tempdir().expect("a folder");
        for path in ["", ".docker", ".docker/config.json"] {
            give_away(&alice.path(path));
        }
        let scene = Self { alice, victim };
        fs::write(scene.secret(), SECRET).expect("a file");
        chmod(&scene.secret(), 0o600);
        Some(scene)
    }

    fn secret(&self) -> PathBuf {
        self.victim.path().join("secret")
    }

    /// What the user does.
    fn link(&self, target: impl AsRef<Path>, link: &str) {
        let link = self.alice.path(link);
        if link.is_dir() {
            fs::remove_dir_all(&link).expect("to remove");
        } else {
            let _ = fs::remove_file(&link);
        }
        symlink(target, &link).expect("a link");
        give_away(&link);
    }

    fn folder(&self, folder: &str) {
        fs::create_dir(self.alice.path(folder)).expect("a folder");
        give_away(&self.alice.path(folder));
    }

    #[track_caller]
    fn assert_untouched(&self) {
        assert_eq!(names(self.victim.path()), ["secret"]);
        assert_eq!(fs::read_to_string(self.secret()).expect("a file"), SECRET);
        for path in [self.victim.path(), &self.secret()] {
            assert_eq!(fs::metadata(path).expect("a file").uid(), 0);
        }
    }

    /// The error names the user's link, and nothing is changed.
    #[track_caller]
    fn is_refused(&self, link: &str, arguments: &[&str]) {
        self.is_refused_as("that belongs to", link, arguments);
    }

    #[track_caller]
    fn is_refused_as(&self, whose: &str, link: &str, arguments: &[&str]) {
        for dry in [&["--dry-run"][..], &[]] {
            let told = self.alice.refused(&[arguments, dry].concat());
            let start = format!(
                "docker-credential-ecrx: ~/{link} is a symbolic link {whose} user {STRANGER}, and "
            );
            assert!(told.starts_with(&start), "{told}");
            let end = format!("\n  Run this command as user {STRANGER}\n");
            assert!(told.ends_with(&end), "{told}");
            self.assert_untouched();
        }
    }
}

#[test]
fn a_users_dangling_link_makes_no_file_elsewhere() {
    let Some(scene) = Scene::new() else { return };
    scene.link(scene.victim.path().join("new"), ".docker/config.json");
    scene.is_refused(".docker/config.json", &[HOST]);
    scene.link(scene.victim.path().join("new/new"), ".docker/config.json");
    scene.is_refused(".docker/config.json", &[HOST]);
}

#[test]
fn a_users_link_to_a_file_of_root_changes_and_copies_nothing() {
    let Some(scene) = Scene::new() else { return };
    scene.link(scene.secret(), ".docker/config.json");
    scene.is_refused(".docker/config.json", &[HOST]);
    scene.is_refused(".docker/config.json", &["--undo"]);
    // Nor by a second link.
    scene.link(scene.secret(), "second");
    scene.link("../second", ".docker/config.json");
    scene.is_refused("second", &[HOST]);
}

/// The user's own clients can read the target.
#[test]
fn the_doctor_does_not_call_a_file_broken_that_root_may_not_follow() {
    let Some(scene) = Scene::new() else { return };
    scene.link(scene.secret(), ".docker/config.json");
    let told = scene.alice.environment.run(&["doctor"], "").stdout;
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    let warning = told
        .split(['!', '✗'])
        .find(|finding| finding.contains("config.json is a symbolic link"))
        .expect("a finding");
    let hint = format!("Run this command as user {STRANGER} ");
    assert!(warning.contains(&hint), "{told}");
    assert!(!told.contains("correct the file"), "{told}");
    assert!(!told.contains("cm9vdDpvbmx5"), "{told}");
    scene.assert_untouched();
}

#[test]
fn a_users_link_to_a_folder_of_root_is_not_entered() {
    let Some(scene) = Scene::new() else { return };
    scene.link(scene.victim.path(), ".docker");
    scene.is_refused(".docker", &[HOST]);
    scene.link(scene.victim.path(), ".config");
    scene.is_refused(".config", &[HOST, "--podman"]);
    scene.is_refused(".config", &[HOST, "--profile", "work"]);
}

#[test]
fn a_users_link_to_config_toml_is_not_followed() {
    let Some(scene) = Scene::new() else { return };
    scene.folder(".config");
    scene.folder(".config/docker-credential-ecrx");
    let rules = ".config/docker-credential-ecrx/config.toml";
    scene.link(scene.victim.path().join("new"), rules);
    scene.is_refused(rules, &[HOST, "--profile", "work"]);
    assert_eq!(scene.alice.docker(), BEFORE);
}

#[test]
fn a_link_of_roots_that_a_user_could_have_moved_is_not_followed() {
    let Some(scene) = Scene::new() else { return };
    fs::remove_file(scene.alice.docker_file()).expect("to remove");
    symlink(scene.secret(), scene.alice.docker_file()).expect("a link");
    scene.is_refused_as(
        "in a folder that belongs to",
        ".docker/config.json",
        &[HOST],
    );
}

/// Neither user alone controls where it leads, and no other user can write to the folder.
#[test]
fn a_link_of_one_user_in_the_folder_of_another_is_named_as_that() {
    let Some(scene) = Scene::new() else { return };
    scene.link("elsewhere", ".docker/config.json");
    let link = scene.alice.docker_file();
    std::os::unix::fs::lchown(link, Some(STRANGER + 1), None).expect("chown");
    assert_eq!(
        scene.alice.refused(&[HOST]),
        format!(
            "docker-credential-ecrx: ~/.docker/config.json is a symbolic link that belongs to user {}, in a folder that belongs to user {STRANGER}: as root, docker-credential-ecrx does not follow it\n  Use the path of the file that the link points to\n",
            STRANGER + 1
        )
    );
}

/// The command works with `sudo -u`, with the arguments as they were typed.
#[test]
fn the_command_to_run_as_a_known_user_is_whole() {
    let Some(scene) = Scene::new() else { return };
    let Some((name, id)) = known_user() else {
        return skipped("/etc/passwd names no user but root");
    };
    scene.link(scene.secret(), ".docker/config.json");
    for path in ["", ".docker", ".docker/config.json"] {
        std::os::unix::fs::lchown(scene.alice.path(path), Some(id), None).expect("chown");
    }
    for arguments in [
        &[HOST][..],
        &["--fix", HOST, "public.ecr.aws"],
        &["--creds-store", "--dry-run"],
        &["--undo"],
    ] {
        let told = scene.alice.refused(arguments);
        let end = format!(
            "\n  Run: sudo -u {name} docker-credential-ecrx configure-docker {}\n",
            arguments.join(" ")
        );
        assert!(told.ends_with(&end), "{told}");
    }
}

fn known_user() -> Option<(String, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let id = fields.nth(1)?.parse().ok()?;
        (id != 0).then_some((name, id))
    })
}

#[test]
fn a_link_in_the_place_of_a_backup_is_left_alone() {
    let Some(scene) = Scene::new() else { return };
    for target in ["new", "secret"] {
        scene.link(
            scene.victim.path().join(target),
            ".docker/config.json.before-ecrx",
        );
        // The target is equal, so that it would suffice as a backup.
        fs::write(scene.alice.docker_file(), SECRET).expect("a file");
        let told = scene.alice.configured(&[HOST]);
        assert!(
            told.contains("; backup: ~/.docker/config.json.before-ecrx-2\n"),
            "{told}"
        );
        scene.assert_untouched();
    }
    let second = scene.alice.path(".docker/config.json.before-ecrx-2");
    assert_eq!(fs::metadata(&second).expect("a backup").uid(), STRANGER);
    // Nor is the target restored.
    fs::remove_file(second).expect("to remove");
    let told = scene.alice.configured(&["--undo"]);
    assert!(told.contains("no backup of"), "{told}");
    assert_eq!(scene.alice.docker(), SECRET);
}

#[test]
fn a_hard_link_to_a_file_of_root_is_not_copied() {
    let Some(scene) = Scene::new() else { return };
    // On the same file system.
    let secret = scene.alice.path("bin/secret");
    fs::write(&secret, SECRET).expect("a file");
    chmod(&secret, 0o600);
    fs::remove_file(scene.alice.docker_file()).expect("to remove");
    fs::hard_link(&secret, scene.alice.docker_file()).expect("a hard link");
    let told = scene.alice.refused(&[HOST]);
    let what = format!(
        "docker-credential-ecrx: ~/.docker/config.json belongs to root and has more than one hard link, and user {STRANGER} can change its folder: as root, docker-credential-ecrx does not change it\n  Replace the file with a copy if you intend to change it\n"
    );
    assert_eq!(told, what);
    assert!(!scene.alice.backup().exists());
    // As the hint suggests.
    fs::remove_file(scene.alice.docker_file()).expect("to remove");
    fs::copy(&secret, scene.alice.docker_file()).expect("a copy");
    scene.alice.configured(&[HOST]);
}

/// It has one link only.
#[test]
fn a_file_of_a_third_user_is_not_called_a_hard_link() {
    let Some(scene) = Scene::new() else { return };
    let file = scene.alice.docker_file();
    std::os::unix::fs::chown(&file, Some(STRANGER + 1), None).expect("chown");
    assert_eq!(
        scene.alice.refused(&[HOST]),
        format!(
            "docker-credential-ecrx: ~/.docker/config.json belongs to user {}, and its folder belongs to user {STRANGER}: as root, docker-credential-ecrx does not change it\n  Replace the file with a copy that belongs to user {STRANGER}\n",
            STRANGER + 1
        )
    );
    give_away(&file);
    scene.alice.configured(&[HOST]);
}

#[test]
fn a_hard_link_in_a_folder_that_several_users_may_write_to_is_not_changed() {
    let Some(scene) = Scene::new() else { return };
    let (folder, file) = (scene.alice.path(".docker"), scene.alice.docker_file());
    for path in [&folder, &file] {
        std::os::unix::fs::chown(path, Some(0), Some(0)).expect("chown");
    }
    chmod(&folder, 0o1777);
    fs::hard_link(&file, folder.join("other")).expect("a hard link");
    assert_eq!(
        scene.alice.refused(&[HOST]),
        "docker-credential-ecrx: ~/.docker/config.json belongs to root and has more than one hard link, and several users can change its folder: as root, docker-credential-ecrx does not change it\n  Replace the file with a copy if you intend to change it\n"
    );
}

#[test]
fn a_users_link_to_a_file_of_their_own_is_followed() {
    let Some(scene) = Scene::new() else { return };
    scene.folder("dotfiles");
    let file = scene.alice.path("dotfiles/docker.json");
    fs::write(&file, BEFORE).expect("a file");
    give_away(&file);
    scene.link("../dotfiles/docker.json", ".docker/config.json");
    scene.alice.configured(&[HOST]);
    assert!(fs::read_to_string(&file).expect("a file").contains(HOST));
    assert_eq!(fs::metadata(&file).expect("a file").uid(), STRANGER);

    // A folder, and a file that does not exist yet.
    fs::remove_dir_all(scene.alice.path(".docker")).expect("to remove");
    scene.link("dotfiles", ".docker");
    scene.alice.configured(&[HOST]);
    let made = fs::metadata(scene.alice.path("dotfiles/config.json")).expect("a file");
    assert_eq!(made.uid(), STRANGER);
    scene.assert_untouched();
}

#[test]
fn a_file_of_roots_in_a_users_folder_is_changed() {
    let Some(scene) = Scene::new() else { return };
    // As `sudo docker login` leaves it.
    std::os::unix::fs::chown(scene.alice.docker_file(), Some(0), Some(0)).expect("chown");
    scene.alice.configured(&[HOST]);
    assert!(scene.alice.docker().contains(HOST));
}

#[test]
fn a_set_uid_bit_is_not_handed_on() {
    let Some(scene) = Scene::new() else { return };
    chmod(&scene.alice.docker_file(), 0o4755);
    scene.alice.configured(&[HOST]);
    assert_eq!(
        super::common::files::mode(&scene.alice.docker_file()),
        0o755
    );
}

/// A user swaps a folder or a file for a link while root is at work.
#[cfg(target_os = "linux")]
#[test]
fn files_of_root_stay_when_a_user_swaps_links_meanwhile() {
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::fs::{CWD, RenameFlags, renameat_with};

    /// Also when an assertion fails.
    struct Ends<'a>(&'a AtomicBool);

    impl Drop for Ends<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let Some(scene) = Scene::new() else { return };
    // Below the swapped folder, a file of the same name as the user's.
    let secret = scene.victim.path().join("config.json");
    fs::write(&secret, BEFORE).expect("a file");
    fs::remove_file(scene.secret()).expect("to remove");
    for (real, other) in [(".docker", ".other"), (".docker/config.json", ".docker/o")] {
        let target = match real {
            ".docker" => scene.victim.path().to_owned(),
            _ => secret.clone(),
        };
        scene.link(target, other);
        let (real, other) = (scene.alice.path(real), scene.alice.path(other));
        let is_done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    renameat_with(CWD, &real, CWD, &other, RenameFlags::EXCHANGE).expect("a swap");
                }
            });
            let _ends = Ends(&is_done);
            for run in 0..40 {
                let arguments = match run % 4 {
                    3 => vec!["configure-docker", "--undo"],
                    _ => vec!["configure-docker", HOST],
                };
                let Outcome { code, .. } = scene.alice.environment.run(&arguments, "");
                assert!(matches!(code, Some(0 | 1)), "{code:?}");
                assert_eq!(names(scene.victim.path()), ["config.json"]);
                assert_eq!(fs::read_to_string(&secret).expect("a file"), BEFORE);
                assert_eq!(
                    fs::metadata(scene.victim.path()).expect("a folder").uid(),
                    0
                );
            }
        });
        if fs::symlink_metadata(&real).expect("a file").is_symlink() {
            renameat_with(CWD, &real, CWD, &other, RenameFlags::EXCHANGE).expect("a swap");
        }
        fs::remove_file(&other).expect("to remove");
    }
}
