//! Reading files that users and other programs write.
//!
//! What a name leads to is judged before it is opened, as opening is not harmless: a pipe waits
//! for its writer, and some devices act when they are opened. No more than a limit is read, and
//! nothing is waited for past a deadline.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;
use std::time::Instant;

/// How pipes are treated. A shell hands over `<(command)` as one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pipes {
    /// They are refused, as what is read from them is gone for the next reader.
    Refused,
    /// They are read until their writers close them, at the latest until this moment.
    Until(Instant),
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system's error, also that there is no such file.
    #[error(transparent)]
    Io(io::Error),
    /// It is a folder, a device or a socket, or a pipe where none is read.
    #[error("it is a {0}, not a file")]
    NotAFile(&'static str),
    /// It is longer than the limit, in bytes.
    #[error("it is larger than {}", binary_size(*.0))]
    TooLarge(u64),
    /// It is a pipe, and its content was not complete in time.
    #[error("it is a pipe whose writer did not close it in time (see timeout_seconds)")]
    Unfinished,
}

impl ReadError {
    /// Whether there is no such file: also below something that is not a folder, as services often
    /// have HOME=/dev/null.
    pub fn is_absence(&self) -> bool {
        use io::ErrorKind::{NotADirectory, NotFound};

        matches!(self, Self::Io(error) if matches!(error.kind(), NotFound | NotADirectory))
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io(error) => error,
            ReadError::NotAFile(_) => Self::new(io::ErrorKind::InvalidInput, error),
            ReadError::TooLarge(_) => Self::new(io::ErrorKind::FileTooLarge, error),
            ReadError::Unfinished => Self::new(io::ErrorKind::TimedOut, error),
        }
    }
}

/// `16 MiB`, `64 KiB` or `100 bytes`.
fn binary_size(bytes: u64) -> String {
    match bytes {
        _ if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}

/// What can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readable {
    /// A file of this length, in bytes.
    File(u64),
    Pipe,
    /// The null device: an empty file.
    Nothing,
}

/// What there is to read, without opening it.
///
/// # Errors
/// When there is no such file, it is longer than `max_length` bytes, or is nothing to read.
pub(crate) fn look_at(path: &Path, max_length: u64) -> Result<Readable, ReadError> {
    let found = fs::metadata(path).map_err(ReadError::Io)?;
    if found.is_file() {
        return match found.len() {
            length if length > max_length => Err(ReadError::TooLarge(max_length)),
            length => Ok(Readable::File(length)),
        };
    }
    match kind_of_special_file(&found) {
        PIPE => Ok(Readable::Pipe),
        DEVICE if is_null_device(&found) => Ok(Readable::Nothing),
        kind => Err(ReadError::NotAFile(kind)),
    }
}

/// The whole content of a file of at most `max_length` bytes.
///
/// # Errors
/// As [`look_at`], and when it cannot be read.
pub(crate) fn read(path: &Path, max_length: u64, pipes: Pipes) -> Result<Vec<u8>, ReadError> {
    match (look_at(path, max_length)?, pipes) {
        (Readable::File(length), _) => read_file(path, length, max_length),
        (Readable::Nothing, _) => Ok(Vec::new()),
        (Readable::Pipe, Pipes::Until(deadline)) => read_pipe(path, max_length, deadline),
        (Readable::Pipe, Pipes::Refused) => Err(ReadError::NotAFile(PIPE)),
    }
}

fn read_file(path: &Path, length: u64, max_length: u64) -> Result<Vec<u8>, ReadError> {
    let file = open_without_waiting(path).map_err(ReadError::Io)?;
    read_open_file(file, length, max_length)
}

/// The content of an open file, from where it is, of at most `max_length` bytes. `length` is the
/// one that it is said to have.
///
/// # Errors
/// When it is longer, or cannot be read.
pub(crate) fn read_open_file(
    file: File,
    length: u64,
    max_length: u64,
) -> Result<Vec<u8>, ReadError> {
    let expected = usize::try_from(length.min(max_length)).unwrap_or(0);
    // It can have grown, and files of /proc do not tell their length.
    read_all(file, Vec::with_capacity(expected + 1), max_length)
}

/// All of an input, of at most `max_length` bytes, into `bytes`, which are empty.
///
/// # Errors
/// When it is longer, or cannot be read.
pub(crate) fn read_all(
    input: impl Read,
    mut bytes: Vec<u8>,
    max_length: u64,
) -> Result<Vec<u8>, ReadError> {
    input
        .take(max_length + 1)
        .read_to_end(&mut bytes)
        .map_err(ReadError::Io)?;
    if bytes.len() as u64 > max_length {
        Err(ReadError::TooLarge(max_length))
    } else {
        Ok(bytes)
    }
}

/// Whether a path is below a folder that this user may not enter because it is another user's.
#[cfg(unix)]
pub(crate) fn is_in_another_users_folder(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let is_denied = |path: &Path| {
        let found = fs::symlink_metadata(path);
        found.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    };
    is_denied(path)
        && path
            .ancestors()
            .find_map(|folder| fs::metadata(folder).ok())
            .is_some_and(|folder| folder.uid() != rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
pub(crate) fn is_in_another_users_folder(_: &Path) -> bool {
    false
}

const PIPE: &str = "pipe";
const DEVICE: &str = "device";

#[cfg(unix)]
fn kind_of_special_file(found: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;

    let kind = found.file_type();
    if kind.is_fifo() {
        PIPE
    } else if kind.is_dir() {
        "folder"
    } else if kind.is_socket() {
        "socket"
    } else {
        DEVICE
    }
}

#[cfg(not(unix))]
fn kind_of_special_file(found: &Metadata) -> &'static str {
    if found.is_dir() { "folder" } else { DEVICE }
}

/// `AWS_CONFIG_FILE=/dev/null` is how a file is said to be absent.
#[cfg(unix)]
fn is_null_device(found: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == found.rdev())
}

#[cfg(not(unix))]
fn is_null_device(_: &Metadata) -> bool {
    false
}

/// Opens with these options, and neither follows a link nor waits for the other end of a pipe that is
/// there by now.
///
/// # Errors
/// As of the system, also that there is a link (ELOOP).
#[cfg(unix)]
pub(crate) fn open_without_following(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::fs::OFlags;

    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    // The flags are the C ones, of which none has the sign bit.
    options.custom_flags(flags.bits().cast_signed()).open(path)
}

#[cfg(not(unix))]
pub(crate) fn open_without_following(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.open(path)
}

/// Whether a file could not be locked because another process has locked it.
pub(crate) fn is_contended(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
    ) || error.raw_os_error() == fs2::lock_contended_error().raw_os_error()
}

/// Opens a file, and does not wait if a pipe has taken its place since it was judged.
#[cfg(unix)]
fn open_without_waiting(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::fs::OFlags;

    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    // The flags are the C ones, of which none has the sign bit.
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

#[cfg(not(unix))]
fn open_without_waiting(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Reads a pipe to its end. It is opened once and kept open: closing it could end a writer with
/// SIGPIPE that has just found its reader.
#[cfg(unix)]
fn read_pipe(path: &Path, max_length: u64, deadline: Instant) -> Result<Vec<u8>, ReadError> {
    let mut pipe = open_without_waiting(path).map_err(ReadError::Io)?;
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        // A pipe that has never had a writer is not at its end: only `poll` tells (`pipe(7)`).
        wait_for_data(&pipe, deadline)?;
        match pipe.read(&mut part) {
            Ok(0) => return Ok(bytes),
            Ok(length) => bytes.extend_from_slice(&part[..length]),
            Err(error) if is_transient(&error) => {}
            Err(error) => return Err(ReadError::Io(error)),
        }
        if bytes.len() as u64 > max_length {
            return Err(ReadError::TooLarge(max_length));
        }
    }
}

/// Another reader was faster, or a signal came.
#[cfg(unix)]
fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

#[cfg(unix)]
fn wait_for_data(pipe: &File, deadline: Instant) -> Result<(), ReadError> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ReadError::Unfinished);
        }
        let left = Timespec::try_from(left).map_err(|_| ReadError::Unfinished)?;
        match poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&left)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(ReadError::Io(error.into())),
        }
    }
}

#[cfg(not(unix))]
fn read_pipe(_: &Path, _: u64, _: Instant) -> Result<Vec<u8>, ReadError> {
    Err(ReadError::NotAFile(PIPE))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMIT: u64 = 1 << 10;

    fn soon() -> Pipes {
        Pipes::Until(Instant::now() + Duration::from_millis(50))
    }

    #[cfg(unix)]
    fn in_time() -> Pipes {
        Pipes::Until(Instant::now() + Duration::from_secs(60))
    }

    fn told(result: Result<Vec<u8>, ReadError>) -> String {
        result.expect_err("an error").to_string()
    }

    #[test]
    fn a_file_is_read_up_to_the_limit_and_not_beyond() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        for length in [0, 1, LIMIT - 1, LIMIT] {
            fs::write(&file, vec![b'x'; length as usize]).unwrap();
            assert_eq!(
                read(&file, LIMIT, soon()).unwrap().len() as u64,
                length,
                "{length}"
            );
        }
        fs::write(&file, vec![b'x'; LIMIT as usize + 1]).unwrap();
        assert_eq!(told(read(&file, LIMIT, soon())), "it is larger than 1 KiB");
    }

    #[test]
    fn a_sparse_file_is_refused_by_its_length_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(
            told(read(&path, 1 << 20, soon())),
            "it is larger than 1 MiB"
        );
    }

    #[test]
    fn an_absent_file_is_an_absence_and_a_folder_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        for absent in [folder.path().join("none"), file.join("below")] {
            assert!(read(&absent, LIMIT, soon()).unwrap_err().is_absence());
        }
        let error = read(folder.path(), LIMIT, soon()).unwrap_err();
        assert!(!error.is_absence());
        assert_eq!(error.to_string(), "it is a folder, not a file");
    }

    #[cfg(unix)]
    fn pipe(folder: &Path) -> std::path::PathBuf {
        use rustix::fs::{CWD, Mode, mkfifoat};

        let path = folder.join("pipe");
        mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
        path
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_refused_unopened_and_the_null_device_is_empty() {
        assert_eq!(
            read(Path::new("/dev/null"), LIMIT, soon()).unwrap(),
            Vec::<u8>::new()
        );
        for device in ["/dev/zero", "/dev/tty", "/dev/random"] {
            assert_eq!(
                told(read(Path::new(device), LIMIT, soon())),
                "it is a device, not a file",
                "{device}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_is_not_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(
            told(read(&path, LIMIT, soon())),
            "it is a socket, not a file"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_without_a_writer_ends_at_the_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = pipe(folder.path());
        assert!(matches!(
            read(&pipe, LIMIT, soon()),
            Err(ReadError::Unfinished)
        ));
        // Written to, and not closed.
        let path = pipe.clone();
        let writer = std::thread::spawn(move || {
            use std::io::Write as _;

            let mut writer = fs::OpenOptions::new()
                .read(true)
                .write(true)
                .open(path)
                .unwrap();
            writer.write_all(b"half").unwrap();
            writer
        });
        let _open = writer.join().unwrap();
        assert!(matches!(
            read(&pipe, LIMIT, soon()),
            Err(ReadError::Unfinished)
        ));
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_read_in_parts_until_its_writer_closes_it() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = pipe(folder.path());
        let path = pipe.clone();
        let writer = std::thread::spawn(move || {
            use std::io::Write as _;

            // A reader has to be there first, which opens late.
            std::thread::sleep(Duration::from_millis(20));
            let mut writer = fs::OpenOptions::new().write(true).open(path).unwrap();
            for part in ["one ", "two ", "three"] {
                writer.write_all(part.as_bytes()).unwrap();
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let bytes = read(&pipe, LIMIT, in_time()).unwrap();
        writer.join().unwrap();
        assert_eq!(bytes, b"one two three");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pipe_without_a_name_is_read_as_shells_hand_it_over() {
        use std::io::Write as _;
        use std::os::fd::AsRawFd as _;

        for content in [&b"content"[..], b""] {
            let (reader, mut writer) = io::pipe().unwrap();
            writer.write_all(content).unwrap();
            drop(writer);
            let path = format!("/dev/fd/{}", reader.as_raw_fd());
            assert_eq!(read(Path::new(&path), LIMIT, in_time()).unwrap(), content);
        }
    }

    #[cfg(unix)]
    #[test]
    fn an_endless_writer_is_read_up_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = pipe(folder.path());
        let path = pipe.clone();
        let writer = std::thread::spawn(move || {
            use std::io::Write as _;

            let mut writer = fs::OpenOptions::new().write(true).open(path).unwrap();
            // Until there is no reader any more.
            while writer.write_all(&[b'x'; 4096]).is_ok() {}
        });
        assert!(matches!(
            read(&pipe, LIMIT, in_time()),
            Err(ReadError::TooLarge(LIMIT))
        ));
        writer.join().unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn pipes_are_refused_where_they_would_be_read_twice() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = pipe(folder.path());
        assert_eq!(
            told(read(&pipe, LIMIT, Pipes::Refused)),
            "it is a pipe, not a file"
        );
    }
}
