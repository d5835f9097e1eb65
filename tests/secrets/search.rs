//! Looking for pieces of secrets in everything that a run leaves behind.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::common::fake_aws::{Call, FakeAws};
use crate::common::{Outcome, TestEnvironment};

/// So much of a secret is too much.
const PIECE: usize = 8;

/// What the fake makes temporary keys from; what follows is like the access key id.
const KEY_START: &str = "fake/secret/";
/// The same of session tokens.
const TOKEN_START: usize = "FwoEXAMPLE000001".len();
/// The same of those of instance metadata.
const METADATA_TOKEN_START: &str = "AQAEAFakeMetadata";

/// Secrets, and how much was searched for them.
pub struct Search {
    secrets: Pieces,
    /// Registry tokens, which some outputs are for.
    tokens: Pieces,
    /// Files that the test has written.
    known: HashSet<PathBuf>,
    pub outputs: usize,
    pub files: usize,
}

/// Where a registry token may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    Answered,
    Hidden,
}

#[derive(Default)]
struct Pieces {
    pieces: HashSet<[u8; PIECE]>,
    words: HashSet<String>,
}

impl Search {
    /// Whatever there is in the home folder by now, the test has written.
    pub fn new(environment: &TestEnvironment, secrets: &[String]) -> Self {
        let mut search = Self {
            secrets: Pieces::default(),
            tokens: Pieces::default(),
            known: files(environment.home()).into_iter().collect(),
            outputs: 0,
            files: 0,
        };
        secrets.iter().for_each(|secret| search.secrets.add(secret));
        search
    }

    /// Looks at an output, and at every file that is new.
    #[track_caller]
    pub fn look(
        &mut self,
        aws: &FakeAws,
        environment: &TestEnvironment,
        what: &str,
        outcome: &Outcome,
        tokens: Tokens,
    ) {
        self.learn(aws);
        self.outputs += 2;
        self.secrets.are_not_in(what, &outcome.stdout);
        self.secrets.are_not_in(what, &outcome.stderr);
        self.tokens.are_not_in(what, &outcome.stderr);
        if tokens == Tokens::Hidden {
            self.tokens.are_not_in(what, &outcome.stdout);
        }
        for path in files(environment.home()) {
            if self.known.contains(&path) {
                continue;
            }
            self.files += 1;
            let bytes = std::fs::read(&path).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            let what = format!("{what}, {}", path.display());
            self.secrets.are_not_in(&what, &text);
            let is_entry = path
                .extension()
                .is_some_and(|extension| extension == "json");
            if !(is_entry && path.starts_with(environment.cache())) {
                self.tokens.are_not_in(&what, &text);
            }
        }
    }

    /// What the fake was sent, and what it has given out.
    fn learn(&mut self, aws: &FakeAws) {
        for (_, secret) in aws.calls().iter().flat_map(Call::secrets) {
            // One begins as the access key id ends, which may be shown, one with a common word.
            let start = match &secret {
                token if token.starts_with("FwoEXAMPLE") => TOKEN_START,
                token if token.starts_with(METADATA_TOKEN_START) => METADATA_TOKEN_START.len(),
                _ => 0,
            };
            self.secrets.add(&secret[start..]);
        }
        for keys in aws.credentials() {
            match keys.session_token {
                Some(token) => {
                    self.secrets.add(KEY_START);
                    self.secrets.add(&token[TOKEN_START..]);
                }
                None => self.secrets.add(&keys.secret_access_key),
            }
        }
        for issue in aws.issues() {
            let password = issue.grant.to_password();
            self.tokens.add(&STANDARD.encode(format!("AWS:{password}")));
            self.tokens.add(&password);
        }
    }
}

impl Pieces {
    fn add(&mut self, secret: &str) {
        let secret = secret.to_ascii_lowercase();
        match secret.len() {
            0..PIECE => {
                self.words.insert(secret);
            }
            _ => self
                .pieces
                .extend(secret.as_bytes().array_windows::<PIECE>()),
        }
    }

    /// Not as it is, nor with its escapes resolved.
    #[track_caller]
    fn are_not_in(&self, what: &str, text: &str) {
        let mut view = text.to_ascii_lowercase().into_bytes();
        for _ in 0..3 {
            for piece in view.array_windows::<PIECE>() {
                let shown = String::from_utf8_lossy(piece);
                assert!(!self.pieces.contains(piece), "{what}: {shown} in {text}");
            }
            let words = view.split(|byte| !byte.is_ascii_alphanumeric());
            for word in words.map(String::from_utf8_lossy) {
                assert!(!self.words.contains(&*word), "{what}: {word} in {text}");
            }
            view = unescaped(&view);
        }
    }
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let hex = |text: &[u8]| u8::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok();
    let (mut result, mut rest) = (Vec::new(), text);
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| byte == b'%').and_then(hex);
        result.push(escaped.unwrap_or(byte));
        rest = match escaped {
            Some(_) => &after[2..],
            None => after,
        };
    }
    result.to_ascii_lowercase()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if item.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(files(&item.path()))
        } else {
            found.push(item.path())
        }
    }
    found
}
