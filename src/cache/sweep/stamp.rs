//! When the last sweep was, and how far it came; and going on from there.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use time::{Duration, OffsetDateTime};

use super::super::error::CacheError;
use super::super::folder::{Folder, may_be_as_long_as};
use super::super::lock::{Claim, claim, release};

const NAME: &str = "swept";

/// How long a folder that was gone through is left in peace.
const PAUSE: Duration = Duration::hours(1);

/// The same when it was not gone through to its end.
const SHORT_PAUSE: Duration = Duration::seconds(10);

/// What is read of the file: two numbers.
const MAX_LENGTH: u64 = 64;

/// The file `swept`, whose lock this process holds: it sweeps. In it are epoch seconds by the
/// clock that entries age by, and the place where the next sweep goes on, 0 for the beginning.
/// A file that holds something else counts as none, as does one from a time that has not come.
#[derive(Debug)]
pub(super) struct Stamp {
    path: PathBuf,
    file: File,
    now: OffsetDateTime,
    place: u64,
}

impl Stamp {
    /// Takes the stamp, if a sweep is due and nobody else is at it. It is renewed at once, so of a
    /// herd one sweeps, and one that is killed is not repeated by all who come after.
    pub(super) fn take(folder: &Folder, now: OffsetDateTime) -> Result<Option<Self>, CacheError> {
        let path = folder.path().join(NAME);
        let file = folder.open_lock(&path)?;
        if claim(&file, &path)? != Claim::Ours {
            return Ok(None);
        }
        let mut stamp = Self {
            path,
            file,
            now,
            place: 0,
        };
        if let Some((swept_at, place)) = stamp.read() {
            let pause = if place == 0 { PAUSE } else { SHORT_PAUSE };
            if swept_at <= now && now < swept_at.saturating_add(pause) {
                return Ok(None);
            }
            stamp.place = place;
        }
        stamp.write();
        Ok(Some(stamp))
    }

    /// Where this sweep begins.
    pub(super) fn place(&self) -> u64 {
        self.place
    }

    /// Says where the next one goes on.
    pub(super) fn leave_at(&mut self, place: u64) {
        if place != self.place {
            self.place = place;
            self.write();
        }
    }

    fn read(&mut self) -> Option<(OffsetDateTime, u64)> {
        let mut text = String::new();
        (&self.file)
            .take(MAX_LENGTH)
            .read_to_string(&mut text)
            .ok()?;
        let (seconds, place) = text.trim_end().split_once(' ')?;
        let swept_at = OffsetDateTime::from_unix_timestamp(seconds.parse().ok()?).ok()?;
        Some((swept_at, place.parse().ok()?))
    }

    /// A stamp that cannot be written, on a full disk, say, keeps no sweep from making room.
    fn write(&mut self) {
        let text = format!("{} {}\n", self.now.unix_timestamp(), self.place);
        let mut write = || -> io::Result<()> {
            self.file.rewind()?;
            may_be_as_long_as(text.len())?;
            self.file.write_all(text.as_bytes())?;
            self.file.set_len(text.len() as u64)
        };
        if let Err(error) = write() {
            log::debug!("cannot write {:?}: {error}", self.path);
        }
    }
}

impl Drop for Stamp {
    fn drop(&mut self) {
        release(&self.file);
    }
}

/// Goes through the names in a folder, in the order of the file system, until `visit` says no.
///
/// `from` is the place that an earlier walk has ended at, 0 for the beginning. Returns the place to
/// go on from, 0 when the end was reached. A place is a hint: files that came or went since may be
/// missed, and the next walk from the beginning finds them.
///
/// Here it is what the kernel goes on from by itself, so that a folder of 100,000 names costs no
/// more than the names that are visited; to read them all takes some 80 ms.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub(super) fn walk(
    folder: &Path,
    from: u64,
    mut visit: impl FnMut(&str) -> bool,
) -> io::Result<u64> {
    use rustix::fs::{Dir, Mode, OFlags};

    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut names = Dir::new(rustix::fs::open(folder, flags, Mode::empty())?)?;
    let place = i64::try_from(from).unwrap_or(0);
    // A place that is none, on another file system, say.
    if place != 0 && names.seek(place).is_err() {
        names.rewind();
    }
    while let Some(item) = names.read() {
        let item = item?;
        // What is not UTF-8 is not ours.
        let goes_on = item.file_name().to_str().map_or(true, &mut visit);
        if !goes_on {
            return Ok(u64::try_from(item.offset()).unwrap_or(0));
        }
    }
    Ok(0)
}

/// As on Linux, but the place is a number of names to pass over, which costs reading them.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
pub(super) fn walk(
    folder: &Path,
    from: u64,
    mut visit: impl FnMut(&str) -> bool,
) -> io::Result<u64> {
    let mut place = 0;
    for item in std::fs::read_dir(folder)? {
        let name = item?.file_name();
        place += 1;
        if place > from && !name.to_str().is_none_or(&mut visit) {
            return Ok(place);
        }
    }
    Ok(0)
}
