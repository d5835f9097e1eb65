//! Going through a folder a part at a time.

use std::io;
use std::path::Path;

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
