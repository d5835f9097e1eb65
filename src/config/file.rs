//! Reading one configuration file, and finding the lines in it.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::error::{ConfigError, Origin};

/// The most that is read of a configuration file: 1 MiB, some 8000 rules.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// The text of one file, with its lines.
#[derive(Debug)]
pub(super) struct Source {
    pub path: Arc<Path>,
    pub text: String,
    /// Where each line but the first begins, so that 1000 rules find their lines without 1000
    /// walks through the text.
    line_starts: Vec<usize>,
}

impl Source {
    /// Reads a file; `None` when there is none.
    ///
    /// # Errors
    /// When something is there that is no readable regular file of UTF-8 text, or is too large.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, ConfigError> {
        let unreadable = |cause| ConfigError::Unreadable {
            path: path.to_owned(),
            cause,
        };
        // Looked at before it is opened: opening a pipe would wait for a writer.
        let length = match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => metadata.len(),
            Ok(_) => {
                return Err(ConfigError::NotAFile {
                    path: path.to_owned(),
                });
            }
            // `NotADirectory`: services often have HOME=/dev/null.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(unreadable(error)),
        };
        let mut bytes = Vec::with_capacity(length.min(MAX_FILE_BYTES) as usize + 1);
        File::open(path)
            .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
            .map_err(unreadable)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(ConfigError::TooLarge {
                path: path.to_owned(),
            });
        }
        Self::new(path, bytes).map(Some)
    }

    /// Takes the bytes of a file, without the mark that some editors put in front of UTF-8.
    pub(super) fn new(path: &Path, mut bytes: Vec<u8>) -> Result<Self, ConfigError> {
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        let path = Arc::from(path);
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
                let origin = Origin { file: path, line };
                return Err(ConfigError::NotUtf8 { origin });
            }
        };
        let bytes = text.bytes().enumerate();
        let line_starts = bytes
            .filter_map(|(at, byte)| (byte == b'\n').then_some(at + 1))
            .collect();
        Ok(Self {
            path,
            text,
            line_starts,
        })
    }

    /// The file and the line that a byte of the text is in.
    pub(super) fn origin(&self, offset: usize) -> Origin {
        Origin {
            file: Arc::clone(&self.path),
            line: 1 + self.line_starts.partition_point(|start| *start <= offset),
        }
    }

    /// As [`Source::origin`], for the start of a range.
    pub(super) fn origin_of(&self, range: &Range<usize>) -> Origin {
        self.origin(range.start)
    }
}
