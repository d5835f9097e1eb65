//! Writing over a file whose name cannot be given to another one.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::error::UserFileError;

/// Writes `after` over a file that holds `before`, which a backup keeps.
///
/// # Errors
/// When that cannot be done. The file is put back as it was, and where even that cannot be done,
/// the error names the backup.
pub(super) fn write(
    target: &Path,
    before: &[u8],
    after: &[u8],
    backup: &Path,
) -> Result<(), UserFileError> {
    let path = target.to_owned();
    let mut options = OpenOptions::new();
    options.write(true);
    // Links have been followed: one that stands there now is somebody else's doing.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NOFOLLOW.bits().cast_signed(),
    );
    let mut file = match options.open(target) {
        Ok(file) => file,
        Err(source) => return Err(UserFileError::Write { path, source }),
    };
    let Err(source) = overwrite(&mut file, before.len(), after) else {
        return Ok(());
    };
    Err(match overwrite(&mut file, after.len(), before) {
        Ok(()) => UserFileError::Write { path, source },
        Err(_) => UserFileError::HalfWritten {
            path,
            backup: backup.to_owned(),
            source,
        },
    })
}

/// What makes the file longer comes first: on a disk that is full, nothing else has been touched.
fn overwrite(file: &mut File, length: usize, bytes: &[u8]) -> io::Result<()> {
    let (over, beyond) = bytes.split_at(length.min(bytes.len()));
    file.seek(SeekFrom::Start(over.len() as u64))?;
    file.write_all(beyond)?;
    file.rewind()?;
    file.write_all(over)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}
