//! The certificate authorities this program trusts.
//!
//! `AWS_CA_BUNDLE`, then `SSL_CERT_FILE` and `SSL_CERT_DIR`, then the system, each *instead of*
//! the next. What the user names must be usable: a file that cannot be read, or holds no
//! certificate that counts, is an error that says so. A single odd certificate among good ones
//! is skipped, because every large bundle has had one.
//!
//! On Linux the system is the bundle file that `openssl-probe` finds; the certificate directory
//! counts only where there is no such file. `rustls-native-certs` reads both, some 300 files for
//! the same certificates. Elsewhere the platform's own store answers.

use std::collections::HashSet;
use std::env;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use base64_simd::forgiving_decode_to_vec;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;

use super::HttpSettings;
use crate::error::escaped_path;
use crate::fs::{self, Pipes};

/// No bundle is larger; keeps `/dev/zero` from eating the memory. The largest bundle known, with
/// all comments, is under 2 MiB.
const MAX_BUNDLE: u64 = 16 << 20;

/// The settings that [`HttpSettings::ca_bundle`] comes from.
const CA_BUNDLE: &str = "AWS_CA_BUNDLE or by ca_bundle in the profile";

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootsError {
    #[error("cannot read {} (set by {variable}): {source}", escaped_path(path))]
    Unreadable {
        /// `AWS_CA_BUNDLE` or the profile's key, or `SSL_CERT_FILE`.
        variable: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error(
        "{} (set by {variable}) contains no usable certificate",
        escaped_path(path)
    )]
    NoCertificate {
        /// As above, or `SSL_CERT_DIR`.
        variable: &'static str,
        path: PathBuf,
    },
    #[error(
        "cannot read the system's certificates in {}: {source}",
        escaped_path(path)
    )]
    SystemUnreadable { path: PathBuf, source: io::Error },
    /// This machine has no certificate authorities, as in an image built from scratch.
    #[error(
        "no certificate authorities on this machine; install ca-certificates, or set AWS_CA_BUNDLE to a bundle"
    )]
    NoneInSystem,
}

/// The authorities that the environment names, read and checked; `None` when it names none.
/// An empty value names none.
pub(super) fn configured(settings: &HttpSettings) -> Result<Option<RootCertStore>, RootsError> {
    let pipes = Pipes::Until(settings.deadline);
    if let Some(path) = named(settings.ca_bundle.as_deref()) {
        return file(CA_BUNDLE, path, pipes).map(Some);
    }
    let cert_file = named(settings.ssl_cert_file.as_deref());
    let cert_dir = settings.ssl_cert_dir.as_deref().filter(|d| !d.is_empty());
    // OpenSSL reads both when both are set.
    let roots = match (cert_file, cert_dir) {
        (None, None) => return Ok(None),
        (Some(path), None) => file("SSL_CERT_FILE", path, pipes)?,
        (None, Some(dirs)) => cert_dirs(dirs)?,
        (Some(path), Some(dirs)) => {
            let mut roots = file("SSL_CERT_FILE", path, pipes)?;
            match cert_dirs(dirs) {
                Ok(more) => roots.roots.extend(more.roots),
                Err(error) => log::debug!("{error}"),
            }
            roots
        }
    };
    Ok(Some(roots))
}

/// The authorities of the operating system.
#[cfg(target_os = "linux")]
pub(super) fn system() -> Result<RootCertStore, RootsError> {
    // `probe` looks at SSL_CERT_FILE and SSL_CERT_DIR too, but we only come here when they are
    // unset or empty, and then it passes over them.
    let found = openssl_probe::probe();
    file_or_dirs(found.cert_file, &found.cert_dir)
}

/// The file, and the directories only where there is no file: they hold the same certificates
/// once more, each in a file of its own.
#[cfg(target_os = "linux")]
fn file_or_dirs(
    cert_file: Option<PathBuf>,
    cert_dirs: &[PathBuf],
) -> Result<RootCertStore, RootsError> {
    let roots = match cert_file {
        None => dirs(cert_dirs),
        Some(path) => match read(&path, Pipes::Refused) {
            Ok(pem) => accepted(&pem, &path),
            Err(source) => return Err(RootsError::SystemUnreadable { path, source }),
        },
    };
    roots.ok_or(RootsError::NoneInSystem)
}

/// The authorities of the operating system.
#[cfg(not(target_os = "linux"))]
pub(super) fn system() -> Result<RootCertStore, RootsError> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        log::debug!("certificates of the system: {error}");
    }
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    (usable > 0)
        .then_some(roots)
        .ok_or(RootsError::NoneInSystem)
}

fn named(path: Option<&Path>) -> Option<&Path> {
    path.filter(|path| !path.as_os_str().is_empty())
}

fn file(variable: &'static str, path: &Path, pipes: Pipes) -> Result<RootCertStore, RootsError> {
    let pem = read(path, pipes).map_err(|source| RootsError::Unreadable {
        variable,
        path: path.into(),
        source,
    })?;
    accepted(&pem, path).ok_or_else(|| RootsError::NoCertificate {
        variable,
        path: path.into(),
    })
}

fn cert_dirs(list: &OsStr) -> Result<RootCertStore, RootsError> {
    let named: Vec<PathBuf> = env::split_paths(list)
        .filter(|dir| !dir.as_os_str().is_empty())
        .collect();
    dirs(&named).ok_or_else(|| RootsError::NoCertificate {
        variable: "SSL_CERT_DIR",
        path: list.into(),
    })
}

/// Every regular file of these directories, each read once, however many hash links name it.
/// What cannot be read is passed over, as OpenSSL does: the user named the folder, not the file.
fn dirs(dirs: &[PathBuf]) -> Option<RootCertStore> {
    let mut seen = HashSet::new();
    let mut roots = RootCertStore::empty();
    for dir in dirs {
        let entries = match dir.read_dir() {
            Ok(entries) => entries,
            Err(error) => {
                log::debug!("certificates in {} are skipped: {error}", escaped_path(dir));
                continue;
            }
        };
        for path in entries.filter_map(|entry| entry.ok()?.path().canonicalize().ok()) {
            if !path.is_file() || !seen.insert(path.clone()) {
                continue;
            }
            match read(&path, Pipes::Refused) {
                Ok(pem) => roots.roots.extend(
                    accepted(&pem, &path)
                        .unwrap_or_else(RootCertStore::empty)
                        .roots,
                ),
                Err(error) => log::debug!("{} is not used: {error}", escaped_path(&path)),
            }
        }
    }
    (!roots.is_empty()).then_some(roots)
}

fn read(path: &Path, pipes: Pipes) -> io::Result<Vec<u8>> {
    let mut bytes = fs::read(path, MAX_BUNDLE, pipes)?;
    // Windows editors put a byte order mark before the first BEGIN, which would hide it.
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        bytes.drain(..3);
    }
    Ok(bytes)
}

/// What rustls takes of this PEM as authorities; `None` when that is nothing.
fn accepted(pem: &[u8], path: &Path) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem) {
        let refused = match certificate {
            Some(certificate) => roots.add(certificate).err().map(|error| error.to_string()),
            None => Some("not base64".to_owned()),
        };
        if let Some(why) = refused {
            let path = escaped_path(path);
            log::debug!("a certificate in {path} is skipped: {why}");
        }
    }
    (!roots.is_empty()).then_some(roots)
}

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// The certificates in a text (RFC 7468); `None` for each that is not base64.
///
/// `rustls-pki-types` reads the same, in constant time, as if they were private keys: of a cold
/// `get`, two instructions of three went into it. As there, blanks may be anywhere, and the
/// padding may be missing.
fn certificates(pem: &[u8]) -> impl Iterator<Item = Option<CertificateDer<'static>>> {
    let begun = |line| (line == BEGIN).then(|| Vec::with_capacity(2048));
    let mut text: Option<Vec<u8>> = None;
    let lines = pem.split(|&byte| byte == b'\n' || byte == b'\r');
    lines.filter_map(move |line| {
        let line = line.trim_ascii();
        if let Some(behind) = line.strip_prefix(END) {
            // The next one begins here where a file that does not end in a line break was put
            // before another.
            let ended = std::mem::replace(&mut text, begun(behind))?;
            let bytes = forgiving_decode_to_vec(&ended);
            return Some(bytes.ok().map(CertificateDer::from));
        }
        match (begun(line), &mut text) {
            (Some(new), _) => text = Some(new),
            (None, Some(text)) => text.extend_from_slice(line),
            (None, None) => {}
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::client::tests::Ca;
    use super::*;

    const GARBAGE: &str = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n";
    const BROKEN: &str = "-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n";
    const CUT_OFF: &str = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n";

    /// The names of the authorities.
    fn subjects(roots: &RootCertStore) -> Vec<Vec<u8>> {
        let subjects = roots.subjects();
        subjects.iter().map(|name| name.as_ref().to_vec()).collect()
    }

    fn roots_in(pem: &str) -> RootCertStore {
        accepted(pem.as_bytes(), Path::new("a.pem")).unwrap()
    }

    #[test]
    fn each_source_is_used_instead_of_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let [bundle, file, folder] = ["bundle", "file", "folder"].map(|name| dir.path().join(name));
        let [a, b, c] = ["a", "b", "c"].map(|name| Ca::new(name).pem());
        fs::write(&bundle, &a).unwrap();
        fs::write(&file, &b).unwrap();
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("c.pem"), &c).unwrap();
        for (has_bundle, has_file, has_folder, expected) in [
            (true, true, true, vec![&a]),
            (true, false, false, vec![&a]),
            (true, false, true, vec![&a]),
            (false, true, true, vec![&b, &c]),
            (false, true, false, vec![&b]),
            (false, false, true, vec![&c]),
        ] {
            let settings = HttpSettings {
                ca_bundle: has_bundle.then(|| bundle.clone()),
                ssl_cert_file: has_file.then(|| file.clone()),
                ssl_cert_dir: has_folder.then(|| folder.clone().into()),
                ..HttpSettings::default()
            };
            let found = configured(&settings).unwrap().unwrap();
            let expected: String = expected.into_iter().map(String::as_str).collect();
            assert_eq!(
                subjects(&found),
                subjects(&roots_in(&expected)),
                "{settings:?}"
            );
        }
        let empty = HttpSettings {
            ca_bundle: Some("".into()),
            ssl_cert_file: Some("".into()),
            ssl_cert_dir: Some("".into()),
            ..HttpSettings::default()
        };
        assert!(configured(&empty).unwrap().is_none());
    }

    #[test]
    fn odd_certificate_is_skipped_and_the_good_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bundle.pem");
        let [a, b] = ["a", "b"].map(|name| Ca::new(name).pem());
        for (bundle, good) in [
            (format!("{a}{b}"), 2),
            (format!("# comment\r\n{}", a.replace('\n', "\r\n")), 1),
            (format!("\u{feff}{a}"), 1),
            (format!("{GARBAGE}{a}{b}"), 2),
            (format!("{a}{BROKEN}{b}"), 2),
            (format!("{a}{b}{CUT_OFF}"), 2),
            (format!("{CUT_OFF}{a}{b}"), 2),
            (a.replace('\n', "\r"), 1),
            (a.replace('\n', " \n"), 1),
            (format!("-----BEGIN X\n{a}"), 1),
            (a.replacen("MI", "M \tI", 1), 1),
            (a.replace('=', ""), 1),
            (
                a.replace("-----END CERTIFICATE-----", "-----END CERTIFICATE----- a"),
                1,
            ),
            (format!("{}{b}", a.trim_end()), 2),
        ] {
            fs::write(&path, &bundle).unwrap();
            let found = file("AWS_CA_BUNDLE", &path, Pipes::Refused).unwrap();
            assert_eq!(found.len(), good, "{bundle}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn of_the_systems_bundle_the_same_is_read_as_rustls_reads() {
        use rustls_pki_types::pem::PemObject as _;

        let Some(bundle) = openssl_probe::probe().cert_file else {
            return;
        };
        let pem = fs::read(bundle).unwrap();
        let found: Vec<_> = certificates(&pem).flatten().collect();
        let expected: Vec<_> = CertificateDer::pem_slice_iter(&pem).flatten().collect();
        assert!(found == expected);
    }

    #[test]
    fn unusable_bundle_is_an_error_that_names_path_and_variable() {
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty.pem");
        for (content, reason) in [
            (None, "cannot read"),
            (Some(""), "no usable certificate"),
            (Some("not PEM"), "no usable certificate"),
            (Some(GARBAGE), "no usable certificate"),
            (Some(BROKEN), "no usable certificate"),
        ] {
            if let Some(content) = content {
                fs::write(&empty, content).unwrap();
            }
            let unset = HttpSettings::default;
            let path = || Some(empty.clone());
            for (variable, settings) in [
                (
                    "AWS_CA_BUNDLE",
                    HttpSettings {
                        ca_bundle: path(),
                        ..unset()
                    },
                ),
                (
                    "SSL_CERT_FILE",
                    HttpSettings {
                        ssl_cert_file: path(),
                        ..unset()
                    },
                ),
            ] {
                let error = super::super::client(&settings).unwrap_err().to_string();
                assert!(error.contains(variable), "{error}");
                assert!(
                    error.contains("empty.pem") && error.contains(reason),
                    "{error}"
                );
                assert_eq!(error.lines().count(), 1);
            }
        }
        let settings = HttpSettings {
            ssl_cert_dir: Some(env::join_paths([dir.path(), Path::new("/nowhere")]).unwrap()),
            ..HttpSettings::default()
        };
        let error = configured(&settings).err().unwrap().to_string();
        assert!(
            error.contains("SSL_CERT_DIR") && error.contains("/nowhere"),
            "{error}"
        );
    }

    #[test]
    fn folder_is_read_once_however_many_links_it_holds() {
        let dir = tempfile::tempdir().unwrap();
        let pem = Ca::new("a").pem();
        fs::write(dir.path().join("a.pem"), &pem).unwrap();
        fs::create_dir(dir.path().join("below")).unwrap();
        fs::write(dir.path().join("README"), "no PEM").unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("a.pem", dir.path().join("d8f3b2a1.0")).unwrap();
            std::os::unix::fs::symlink("gone.pem", dir.path().join("00000000.0")).unwrap();
        }
        let found = dirs(&[dir.path().into(), dir.path().into()]).unwrap();
        assert_eq!(found.len(), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn system_directory_counts_only_without_a_bundle_file() {
        let dir = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| Ca::new(name).pem());
        let bundle = dir.path().join("bundle.crt");
        let folder = dir.path().join("certs");
        fs::write(&bundle, &a).unwrap();
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("b.pem"), &b).unwrap();
        let folders = [folder];
        for (bundle, expected) in [(Some(bundle), a), (None, b)] {
            let found = file_or_dirs(bundle, &folders).unwrap();
            assert_eq!(subjects(&found), subjects(&roots_in(&expected)));
        }
        assert!(matches!(
            file_or_dirs(None, &[]),
            Err(RootsError::NoneInSystem)
        ));
        let gone = file_or_dirs(Some(dir.path().join("gone")), &folders);
        assert!(matches!(gone, Err(RootsError::SystemUnreadable { .. })));
    }

    #[test]
    fn endless_file_is_refused() {
        let path = Path::new("/dev/zero");
        if path.exists() {
            assert!(matches!(
                file("AWS_CA_BUNDLE", path, Pipes::Refused),
                Err(RootsError::Unreadable { .. })
            ));
        }
    }
}
