//! The names of this program: `docker-credential-ecrx-NAME` selects the identity NAME. In clients'
//! configurations, it is `ecrx-NAME`.

use std::ffi::OsStr;

/// The prefix of all credential helpers (docker/docker-credential-helpers, `client/command.go`).
pub(crate) const PREFIX: &str = "docker-credential-";

/// This program's name in clients' configurations.
pub(crate) const OWN_NAME: &str = "ecrx";

/// This program's name in clients' configurations, called by a name: `ecrx` or `ecrx-NAME`.
pub(crate) fn in_client_files(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{OWN_NAME}-{name}"),
        None => OWN_NAME.to_owned(),
    }
}

/// Whether file names ignore case. Then a client can run this program by a name in any case.
const IGNORES_CASE: bool = cfg!(any(windows, target_os = "macos"));

/// The NAME of `docker-credential-ecrx-NAME`, the name of a link or a copy.
pub(crate) fn called_as(program: &OsStr) -> Option<String> {
    name_of(&program.to_string_lossy(), IGNORES_CASE, cfg!(windows))
}

/// Whether the program was run by a name that is no credential helper's. kubelet's configuration names it
/// freely, while clients of Docker's protocol put the prefix before every name.
pub(crate) fn is_foreign(program: &OsStr) -> bool {
    file_name(&program.to_string_lossy(), cfg!(windows))
        .is_some_and(|file| without_start(file, PREFIX, IGNORES_CASE).is_none())
}

/// Whether a helper in a client's configuration is this program: `ecrx` or `ecrx-NAME`.
pub(crate) fn is_ours(helper: &str) -> bool {
    is_own(helper, IGNORES_CASE, cfg!(windows))
}

/// The identity, or else the AWS profile, of this name; `name` itself if neither exists. If file names
/// ignore case, a name in another case is found if it is the only one.
pub(crate) fn meant<'n>(
    name: &'n str,
    identities: impl Iterator<Item = &'n str>,
    profiles: impl Iterator<Item = &'n str>,
) -> &'n str {
    if IGNORES_CASE {
        in_any_case(
            name,
            &identities.collect::<Vec<_>>(),
            &profiles.collect::<Vec<_>>(),
        )
    } else {
        name
    }
}

fn name_of(program: &str, ignores_case: bool, windows: bool) -> Option<String> {
    let file = file_name(program, windows)?;
    let name = without_start(file, "docker-credential-ecrx-", ignores_case)?;
    Some(if windows { without_exe(name) } else { name }.to_owned())
}

fn file_name(program: &str, windows: bool) -> Option<&str> {
    let separators: &[char] = if windows { &['/', '\\', ':'] } else { &['/'] };
    let file = program.trim_end_matches(separators);
    file.rsplit(separators).next()
}

/// Windows runs a program with and without its extension.
fn without_exe(file: &str) -> &str {
    let start = file.len().saturating_sub(".exe".len());
    match file.get(start..) {
        Some(end) if end.eq_ignore_ascii_case(".exe") => &file[..start],
        _ => file,
    }
}

fn is_own(helper: &str, ignores_case: bool, windows: bool) -> bool {
    let helper = if windows { without_exe(helper) } else { helper };
    without_start(helper, OWN_NAME, ignores_case)
        .is_some_and(|end| end.is_empty() || end.starts_with('-'))
}

fn without_start<'t>(text: &'t str, start: &str, ignores_case: bool) -> Option<&'t str> {
    let found = text.get(..start.len())?;
    let is_it = if ignores_case {
        found.eq_ignore_ascii_case(start)
    } else {
        found == start
    };
    is_it.then(|| &text[start.len()..])
}

fn in_any_case<'n>(name: &'n str, identities: &[&'n str], profiles: &[&'n str]) -> &'n str {
    if identities.contains(&name) || profiles.contains(&name) {
        return name;
    }
    let lower = name.to_lowercase();
    let alike = |known: &[&'n str]| {
        let mut alike = known.iter().filter(|known| known.to_lowercase() == lower);
        let first = *alike.next()?;
        Some(if alike.next().is_none() { first } else { name })
    };
    alike(identities)
        .or_else(|| alike(profiles))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_windows_program_and_extension_are_matched_in_any_case_and_the_name_keeps_its_own() {
        for (program, name) in [
            ("docker-credential-ecrx-work", Some("work")),
            ("docker-credential-ecrx-work.exe", Some("work")),
            ("docker-credential-ecrx-work.EXE", Some("work")),
            ("Docker-Credential-Ecrx-work.exe", Some("work")),
            ("DOCKER-CREDENTIAL-ECRX-WORK.EXE", Some("WORK")),
            (
                r"C:\Program Files\Docker-Credential-ecrx-Work.Exe",
                Some("Work"),
            ),
            ("C:/bin/docker-credential-ECRX-work", Some("work")),
            (r"C:\bin/docker-credential-ecrx-work", Some("work")),
            (r"..\docker-credential-ecrx-work.exe", Some("work")),
            (
                r"\\server\share\docker-credential-ecrx-work.exe",
                Some("work"),
            ),
            ("C:docker-credential-ecrx-work.exe", Some("work")),
            ("docker-credential-ecrx-work.exe.exe", Some("work.exe")),
            ("docker-credential-ecrx-büro.exe", Some("büro")),
            ("docker-credential-ecrx-é", Some("é")),
            ("docker-credential-ecrx-.exe", Some("")),
            ("docker-credential-ecrx.exe", None),
            ("Docker-Credential-Ecrx.EXE", None),
            ("docker-credential-ecr-work.exe", None),
            ("docker-credential-ecré-work.exe", None),
            (r"docker-credential-ecrx-work\program.exe", None),
            ("", None),
        ] {
            assert_eq!(name_of(program, true, true).as_deref(), name, "{program}");
        }
    }

    #[test]
    fn elsewhere_a_name_keeps_its_extension_and_a_backslash_is_a_letter() {
        for (program, name) in [
            ("/usr/bin/docker-credential-ecrx-work", Some("work")),
            ("docker-credential-ecrx-work/", Some("work")),
            ("docker-credential-ecrx-work.exe", Some("work.exe")),
            (r"docker-credential-ecrx-a\b", Some(r"a\b")),
            (r"bin\docker-credential-ecrx-work", None),
            ("docker-credential-ecrx-work/program", None),
        ] {
            for ignores_case in [false, true] {
                let found = name_of(program, ignores_case, false);
                assert_eq!(found.as_deref(), name, "{program}");
            }
        }
        let capitals = "Docker-Credential-ecrx-Work";
        assert_eq!(name_of(capitals, false, false), None);
        assert_eq!(name_of(capitals, true, false).as_deref(), Some("Work"));
    }

    #[test]
    fn a_helper_in_a_clients_configuration_is_ours_by_its_name_and_an_end() {
        for (helper, exactly, in_any_case, on_windows) in [
            ("ecrx", true, true, true),
            ("ecrx-work", true, true, true),
            ("ECRX", false, true, true),
            ("Ecrx-Work", false, true, true),
            ("ecrx.exe", false, false, true),
            ("Ecrx.EXE", false, false, true),
            ("ecrx-work.exe", true, true, true),
            ("ecrxwork", false, false, false),
            ("ecrxwork.exe", false, false, false),
            ("ecr-login", false, false, false),
            ("ecr-login.exe", false, false, false),
            ("ecr", false, false, false),
            ("ecré-work", false, false, false),
            (".exe", false, false, false),
            ("", false, false, false),
        ] {
            assert_eq!(is_own(helper, false, false), exactly, "{helper}");
            assert_eq!(is_own(helper, true, false), in_any_case, "{helper}");
            assert_eq!(is_own(helper, true, true), on_windows, "{helper}");
        }
    }

    #[test]
    fn the_name_as_it_is_written_comes_before_the_only_one_in_another_case() {
        for (name, identities, profiles, meant) in [
            ("work", &["work", "WORK"][..], &["Work"][..], "work"),
            ("work", &["Work", "other"], &["WORK"], "Work"),
            ("work", &["Work"], &["work"], "work"),
            ("work", &["other"], &["Work"], "Work"),
            ("BÜRO", &["büro"], &[], "büro"),
            // Which of the two is not known, and the name as it is written is an error.
            ("work", &["Work", "WORK"], &["wOrk"], "work"),
            ("work", &[], &["Work", "WORK"], "work"),
            ("work", &["working"], &["wor"], "work"),
            ("work", &[], &[], "work"),
        ] {
            let found = in_any_case(name, identities, profiles);
            assert_eq!(found, meant, "{name} {identities:?} {profiles:?}");
        }
    }
}
