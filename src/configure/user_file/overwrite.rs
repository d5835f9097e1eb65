//! Writing over a file whose name cannot be given to another one.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use crate::fs::open_without_following;

use super::error::UserFileError;

/// Writes `after` over a file that holds `before`, which a backup keeps.
///
/// # Errors
/// When that cannot be done, or the file holds something else by now. Half written, it is put back
/// as it was, and where even that cannot be done, the error names the backup.
///
/// The file is given as the system finds it, and as messages name it.
pub(super) fn overwrite(
    (target, named): (&Path, &Path),
    before: &[u8],
    after: &[u8],
    backup: &Path,
) -> Result<(), UserFileError> {
    let path = named.to_owned();
    // Links have been followed: one that stands there now is somebody else's doing, and so is a
    // pipe, which nothing may wait for.
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let mut file = match open_without_following(&mut options, target) {
        Ok(file) => file,
        Err(source) => return Err(UserFileError::Write { path, source }),
    };
    match holds(&file, before) {
        Ok(true) => {}
        Ok(false) => return Err(UserFileError::Changed { path }),
        Err(source) => return Err(UserFileError::Write { path, source }),
    }
    let Err(source) = write_over(&mut file, before.len(), after) else {
        return Ok(());
    };
    Err(match write_over(&mut file, after.len(), before) {
        Ok(()) => UserFileError::Write { path, source },
        Err(_) => UserFileError::HalfWritten {
            path,
            backup: backup.to_owned(),
            source,
        },
    })
}

fn holds(file: &File, bytes: &[u8]) -> io::Result<bool> {
    let mut found = Vec::new();
    if file.metadata()?.is_file() {
        file.take(bytes.len() as u64 + 1).read_to_end(&mut found)?;
        return Ok(found == bytes);
    }
    Ok(false)
}

/// What makes the file longer comes first: on a disk that is full, nothing else has been touched.
fn write_over(file: &mut File, length: usize, bytes: &[u8]) -> io::Result<()> {
    let (over, beyond) = bytes.split_at(length.min(bytes.len()));
    file.seek(SeekFrom::Start(over.len() as u64))?;
    file.write_all(beyond)?;
    file.rewind()?;
    file.write_all(over)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &[u8] = b"before";

    fn file() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        std::fs::write(&file, BEFORE).expect("a file");
        (folder, file)
    }

    fn write(file: &Path, after: &[u8]) -> Result<(), UserFileError> {
        super::overwrite((file, file), BEFORE, after, Path::new("backup"))
    }

    #[test]
    fn what_is_longer_shorter_or_as_long_is_written_whole() {
        for after in [&b"and now much longer"[..], b"", b"after", b"behind"] {
            let (_folder, file) = file();
            write(&file, after).expect("written");
            assert_eq!(std::fs::read(&file).expect("a file"), after);
        }
    }

    #[test]
    fn what_somebody_else_has_written_stays() {
        for changed in [&b"befor"[..], b"before and after", b"behind", b""] {
            let (_folder, file) = file();
            std::fs::write(&file, changed).expect("a file");
            let written = write(&file, b"after");
            assert!(matches!(written, Err(UserFileError::Changed { .. })));
            assert_eq!(std::fs::read(&file).expect("a file"), changed);
        }
    }

    #[cfg(unix)]
    #[test]
    fn no_link_is_followed_and_no_pipe_waited_for() {
        let (folder, file) = file();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        let written = write(&link, b"after");
        assert!(matches!(written, Err(UserFileError::Write { .. })));
        assert_eq!(std::fs::read(&file).expect("a file"), BEFORE);

        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).expect("a pipe");
        let written = write(&pipe, b"after");
        assert!(matches!(written, Err(UserFileError::Changed { .. })));
    }
}
