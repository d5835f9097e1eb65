//! What this program is compared with, installed into a cache folder: botocore, and version 2 of
//! the AWS CLI. The established helper is used if the tests with clients in Go have built it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sha2::{Digest as _, Sha256};

/// Makes a virtual environment in the folder `$1`, of the packages in the file `$2`.
const MAKE: &str = r#"
python3 -m venv "$1"
"$1/bin/python" -m pip install --quiet --no-input --disable-pip-version-check \
    --require-hashes --no-deps --only-binary :all: --requirement "$2"
"#;

/// Adds version 2 of the AWS CLI to it, which PyPI does not have: Debian's package, pure Python,
/// from a mirror, or from the archive of what mirrors no longer have.
const ADD_VERSION_2: &str = r#"
sum=35f01c9e17d0517e2afa2190d90c7c4844c0fa5da4ef2edc0878e00bc470a09a
deb=pool/main/a/awscli/awscli_2.38.1-1_all.deb
for place in http://deb.debian.org/debian \
    https://snapshot.debian.org/archive/debian/20261120T000000Z; do
    "$1/bin/python" -c 'import sys, urllib.request; urllib.request.urlretrieve(*sys.argv[1:])' \
        "$place/$deb" "$1/deb" &&
        echo "$sum  $1/deb" | sha256sum --check --quiet && found=yes && break
done
[ "${found-}" = yes ]
packages=$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
dpkg-deb --fsys-tarfile "$1/deb" | tar --extract --directory "$packages" --strip-components=5 \
    --exclude='*/examples' ./usr/lib/python3/dist-packages
rm "$1/deb"
"#;

/// A Python that has botocore.
pub fn botocore() -> Result<PathBuf, String> {
    let requirements = include_bytes!("requirements.txt");
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/as_the_cli/requirements.txt"
    );
    installed("botocore", requirements, file, MAKE, "botocore, awscrt")
}

/// A Python that has version 2 of the AWS CLI.
pub fn version_2() -> Result<PathBuf, String> {
    let requirements = include_bytes!("requirements-version-2.txt");
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/as_the_cli/requirements-version-2.txt"
    );
    let script = [MAKE, ADD_VERSION_2].concat();
    installed(
        "aws-cli",
        requirements,
        file,
        &script,
        "awscli.clidriver, awscrt",
    )
}

/// `docker-credential-ecr-login`. Debian's release is too old to be led to a fake AWS.
pub fn established_helper() -> Option<PathBuf> {
    let built = fs::read_dir(cache_folder().ok()?.join("go")).ok()?;
    let built = built.flatten().map(|folder| folder.path());
    let mut built = built.map(|folder| folder.join("docker-credential-ecr-login"));
    built.find(|program| program.is_file())
}

/// Installs once for each version of the requirements and of the script.
fn installed(
    name: &str,
    requirements: &[u8],
    file: &str,
    script: &str,
    modules: &str,
) -> Result<PathBuf, String> {
    let digest = Sha256::digest([requirements, script.as_bytes()].concat());
    let version: String = digest[..8].iter().map(|b| format!("{b:02x}")).collect();
    let folder = cache_folder()?.join(format!("{name}-{version}"));
    let python = folder.join("bin/python");
    let works = || succeed(Command::new(&python).args(["-c", &format!("import {modules}")]));
    if works().is_err() {
        // One of a Python that was here before.
        let _ = fs::remove_dir_all(&folder);
        install(&folder, file, script)?;
        works()?;
    }
    Ok(python)
}

/// Outside the checkout: a clean one need not install it again.
fn cache_folder() -> Result<PathBuf, String> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let cache = match (variable("XDG_CACHE_HOME"), variable("HOME")) {
        (Some(folder), _) => PathBuf::from(folder),
        (None, Some(home)) => PathBuf::from(home).join(".cache"),
        (None, None) => return Err("HOME is not set".to_owned()),
    };
    Ok(cache.join("docker-credential-ecrx-tests"))
}

/// Installs into a folder next to it, which then gets its name: what exists is complete.
fn install(folder: &Path, requirements: &str, script: &str) -> Result<(), String> {
    let partial = folder.with_extension(format!("partial-{}", std::process::id()));
    fs::create_dir_all(&partial).map_err(|error| error.to_string())?;
    let mut shell = Command::new("sh");
    shell.args(["-ec", script, "install"]);
    let made = succeed(shell.arg(&partial).arg(requirements));
    // If another run was faster, its folder stays.
    if made.is_ok() && fs::rename(&partial, folder).is_ok() {
        return Ok(());
    }
    let _ = fs::remove_dir_all(&partial);
    if folder.is_dir() { Ok(()) } else { made }
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().display().to_string();
    let output = command.stdin(Stdio::null()).output();
    let Output { status, stderr, .. } = output.map_err(|error| format!("{name}: {error}"))?;
    if status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&stderr);
    Err(format!("{name}: {status}: {}", stderr.trim()))
}
