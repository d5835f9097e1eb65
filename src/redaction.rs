//! Texts without their secrets. AWS, registries and processes may repeat what they were sent: a
//! [`Redactor`] knows the secrets and masks them. Of URLs, [`shown_url`] leaves out the parts that
//! may hold a password.

pub(crate) mod output;
pub(crate) mod process;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::iter;
use std::net::Ipv6Addr;
use std::ops::Range;
use std::path::Path;

use crate::error::is_unsafe;

/// What takes the place of a secret.
const MASK: char = '…';

/// The rest of a longer text is dropped: messages are cut at 2000 characters, remembered ones at
/// 4 KiB.
const MAX_TEXT: usize = 64 * 1024;

/// The words with which AWS begins to repeat the request when a signature does not match, in lower
/// case. The sentences before them tell the cause.
const CANONICAL_STRINGS: [&str; 2] = ["the canonical string", "the string-to-sign"];

/// The length of a piece, in bytes.
const PIECE: usize = 8;

/// The length of an account id, in digits.
const ACCOUNT_ID: usize = 12;

/// The secrets of a request. It masks them in the answers.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    secrets: HashSet<String>,
    shown: Vec<String>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(…)")
    }
}

impl Redactor {
    pub(crate) fn add(&mut self, secret: &str) {
        if !self.secrets.contains(secret) {
            self.secrets.insert(secret.to_owned());
        }
    }

    /// Adds the secrets of a URL: its user part, and the values of its query and fragment. Values
    /// of less than 8 bytes (`3600`, `host`) are not secret.
    pub(crate) fn add_url(&mut self, url: &str) {
        for secret in secrets_of_url(url) {
            self.add(secret);
        }
    }

    /// Adds a text that is shown anyway. What it shares with a secret is not masked: an external id
    /// may be the name of a role.
    pub(crate) fn show(&mut self, text: &str) {
        self.shown.push(text.to_owned());
    }

    /// Masks every piece of a secret, and cuts the request that AWS repeats when a signature does
    /// not match.
    ///
    /// A piece is 8 bytes or more of a secret, in upper or lower case, escaped or not. A shorter
    /// secret is masked if it is a whole word. Account ids are never masked in ARNs, since AWS's
    /// denials are read from them.
    pub(crate) fn redact(&self, text: &str) -> String {
        let text = &text[..text.floor_char_boundary(MAX_TEXT)];
        let text = without_canonical_string(text);
        let pieces = Pieces::from_secrets(&self.secrets, &self.shown);
        let mut found = Vec::new();
        for view in View::levels(text) {
            pieces.find(&view, &mut found);
        }
        masked(text, found)
    }
}

/// Every piece of the secrets, and the secrets that are shorter than a piece, folded.
struct Pieces {
    pieces: HashSet<[u8; PIECE]>,
    words: HashSet<Vec<u8>>,
}

impl Pieces {
    /// The pieces of these secrets, without those that occur in a text that is shown anyway.
    fn from_secrets<'a>(
        secrets: impl IntoIterator<Item = &'a String>,
        shown: impl IntoIterator<Item = &'a String>,
    ) -> Self {
        let (mut pieces, mut words) = (HashSet::new(), HashSet::new());
        for secret in folded(secrets) {
            match secret.len() {
                0 => {}
                1..PIECE => {
                    words.insert(secret);
                }
                _ => pieces.extend(windows(&secret)),
            }
        }
        for text in folded(shown) {
            for place in whole_words(&text, &words) {
                words.remove(&text[place]);
            }
            for piece in windows(&text) {
                pieces.remove(&piece);
            }
        }
        Self { pieces, words }
    }

    /// Adds the places of the pieces in the original.
    fn find(&self, view: &View, found: &mut Vec<Range<usize>>) {
        let text = view.folded();
        for (at, piece) in windows(&text).enumerate() {
            if self.pieces.contains(&piece) && !is_in_account_id(&text, at) {
                found.push(view.place(at..at + PIECE));
            }
        }
        let words = whole_words(&text, &self.words);
        found.extend(words.into_iter().map(|place| view.place(place)));
    }
}

/// The texts, with and without their escapes.
fn folded<'a>(texts: impl IntoIterator<Item = &'a String>) -> impl Iterator<Item = Vec<u8>> {
    let views = texts.into_iter().flat_map(|text| View::levels(text));
    views.map(|view| view.folded())
}

fn windows(text: &[u8]) -> impl Iterator<Item = [u8; PIECE]> {
    text.array_windows().copied()
}

/// The places of words in a text, with no letter or digit before or after them.
fn whole_words(text: &[u8], words: &HashSet<Vec<u8>>) -> Vec<Range<usize>> {
    let is_border = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
    let is_start = |at: &usize| is_border(at.checked_sub(1).map(|at| &text[at]));
    let mut places = Vec::new();
    for start in (0..text.len()).filter(is_start) {
        for end in start + 1..=text.len().min(start + PIECE - 1) {
            if is_border(text.get(end)) && words.contains(&text[start..end]) {
                places.push(start..end);
            }
        }
    }
    places
}

/// Whether the piece at this place belongs to the account id of an ARN.
fn is_in_account_id(text: &[u8], at: usize) -> bool {
    let is_digit = |byte: &&u8| byte.is_ascii_digit();
    let before = text[..at]
        .iter()
        .rev()
        .take(ACCOUNT_ID)
        .take_while(is_digit);
    let start = at - before.count();
    let end = start + ACCOUNT_ID;
    let is_field = start > 0 && text[start - 1] == b':' && text.get(end) == Some(&b':');
    is_field && at + PIECE <= end && text[start..end].iter().all(u8::is_ascii_digit)
}

/// A host, a key or another short text from a user for a message: nothing of it if it looks like a
/// key or a token, otherwise as [`shown_url`].
pub(crate) fn shown_input(text: &str) -> String {
    if output::holds_key(text) {
        MASK.to_string()
    } else {
        shown_url(text)
    }
}

fn without_canonical_string(text: &str) -> &str {
    let lower = text.to_ascii_lowercase();
    let starts = CANONICAL_STRINGS.iter().filter_map(|mark| lower.find(mark));
    match starts.min() {
        Some(start) => text[..start].trim_end().trim_end_matches(':'),
        None => text,
    }
}

/// The text with a mask in place of each run of ranges that overlap or meet.
fn masked(text: &str, mut ranges: Vec<Range<usize>>) -> String {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for range in ranges {
        if range.start > done || result.is_empty() {
            result.push_str(&text[done..range.start]);
            result.push(MASK);
        }
        done = done.max(range.end);
    }
    result.push_str(&text[done..]);
    result
}

/// Whether it is the path of a file, or an absolute one in a folder that exists. `/` holds too many
/// to tell by. Names of other machines (`//HOST/…`) are not looked up.
fn is_file(text: &str) -> bool {
    let path = Path::new(text);
    let is_in_a_folder = |folder: &Path| folder.parent().is_some() && folder.is_dir();
    let is_remote = text.starts_with("//") || text.starts_with("\\\\");
    let exists =
        || path.exists() || path.is_absolute() && path.parent().is_some_and(is_in_a_folder);
    !is_remote && exists()
}

/// How many levels of escapes are resolved. AWS's canonical strings hold values that are escaped
/// twice, within JSON or XML.
const MAX_ESCAPES: usize = 4;

/// The bytes of a text after some escapes have been resolved.
struct View {
    bytes: Vec<u8>,
    /// The place of each byte in the original: the whole character or escape.
    places: Vec<Range<usize>>,
}

impl View {
    /// The text as it is, then unescaped once more each time, for as long as that changes it.
    fn levels(text: &str) -> impl Iterator<Item = Self> {
        iter::successors(Some(Self::unchanged(text)), Self::unescaped).take(MAX_ESCAPES + 1)
    }

    /// Characters that are removed from every message are skipped: without them, a scattered secret
    /// would be whole again.
    fn unchanged(text: &str) -> Self {
        let (mut bytes, mut places) = (Vec::new(), Vec::new());
        let mut start = 0;
        for (at, character) in text.char_indices() {
            if is_unsafe(character) && !character.is_whitespace() {
                continue;
            }
            let place = start..at + character.len_utf8();
            start = place.end;
            let mut buffer = [0; 4];
            let encoded = character.encode_utf8(&mut buffer).as_bytes();
            bytes.extend_from_slice(encoded);
            places.extend(iter::repeat_n(place, encoded.len()));
        }
        Self { bytes, places }
    }

    /// With every escape resolved once; `None` when there is none.
    fn unescaped(&self) -> Option<Self> {
        let (mut bytes, mut places) = (Vec::new(), Vec::new());
        let mut at = 0;
        while let Some(&byte) = self.bytes.get(at) {
            let (character, length) =
                escape(&self.bytes[at..]).unwrap_or((Unescaped::Byte(byte), 1));
            let before = bytes.len();
            character.append_to(&mut bytes);
            let place = self.place(at..at + length);
            places.extend(iter::repeat_n(place, bytes.len() - before));
            at += length;
        }
        (bytes.len() < self.bytes.len()).then_some(Self { bytes, places })
    }

    fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// The bytes in the form in which they are compared: in lower case, and with `+` for a blank, as
    /// forms decode one to the other.
    fn folded(&self) -> Vec<u8> {
        let fold = |byte: &u8| match byte {
            b' ' => b'+',
            byte => byte.to_ascii_lowercase(),
        };
        self.bytes.iter().map(fold).collect()
    }

    /// The place of these bytes (at least one) in the original.
    fn place(&self, bytes: Range<usize>) -> Range<usize> {
        self.places[bytes.start].start..self.places[bytes.end - 1].end
    }
}

/// The meaning of an escape. Percent and `\x` escape bytes, JSON escapes characters.
enum Unescaped {
    Byte(u8),
    Character(char),
}

impl Unescaped {
    fn append_to(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Byte(byte) => bytes.push(byte),
            Self::Character(character) => {
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
}

/// The meaning of the escape at the beginning, and its length.
fn escape(text: &[u8]) -> Option<(Unescaped, usize)> {
    let byte = |byte, length| Some((Unescaped::Byte(byte), length));
    match text {
        [b'%', high, low, ..] => byte(number(&[*high, *low], 16)?, 3),
        [b'\\', b'x', digits @ ..] => byte(number(digits.get(..2)?, 16)?, 4),
        [b'\\', b'u', digits @ ..] => {
            let character = char::from_u32(wide_number(digits.get(..4)?, 16)?)?;
            Some((Unescaped::Character(character), 6))
        }
        // No program escapes it so. After a backslash, it begins an escape of its own.
        [b'\\', b'%', ..] => None,
        // A shell escapes all of these (POSIX, 2.2.1), JSON some.
        [b'\\', escaped, ..] if escaped.is_ascii_punctuation() => byte(*escaped, 2),
        [b'&', rest @ ..] => entity(rest),
        _ => None,
    }
}

/// What follows the `&` of an XML or HTML entity.
fn entity(text: &[u8]) -> Option<(Unescaped, usize)> {
    const LONGEST: usize = 8;
    let end = text.iter().take(LONGEST).position(|&byte| byte == b';')?;
    let character = match &text[..end] {
        [b'#', b'x' | b'X', digits @ ..] => char::from_u32(wide_number(digits, 16)?)?,
        [b'#', digits @ ..] => char::from_u32(wide_number(digits, 10)?)?,
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        _ => return None,
    };
    Some((Unescaped::Character(character), 1 + end + 1))
}

fn number(digits: &[u8], radix: u32) -> Option<u8> {
    wide_number(digits, radix)?.try_into().ok()
}

fn wide_number(digits: &[u8], radix: u32) -> Option<u32> {
    let is_digit = |byte: &u8| char::from(*byte).is_digit(radix);
    let digits = Some(digits).filter(|digits| digits.iter().all(is_digit))?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()
}

/// Shorter values of a query are not secret.
const SHORTEST_QUERY_VALUE: usize = 8;

/// What may precede a password that is out of place.
const SEPARATORS: [char; 5] = [':', '/', ';', ' ', '@'];

/// A URL for a message: without user part, query and fragment. Of a text that is not a URL, what
/// could be a password is left out too.
pub(crate) fn shown_url(text: &str) -> String {
    let url = UrlParts::from_text(text);
    let scheme = url
        .scheme
        .map_or(String::new(), |name| format!("{name}://"));
    if !url.is_whole() {
        return match url.rest {
            "" => scheme,
            _ => format!("{scheme}…"),
        };
    }
    let user = if url.user.is_some() { "…@" } else { "" };
    let path = match url.path {
        path if url.shows_path() => path,
        _ => "/…",
    };
    let after = match url.after.chars().next() {
        Some(mark) => format!("{mark}…"),
        None => String::new(),
    };
    format!("{scheme}{user}{}{path}{after}", url.address)
}

/// A server name for a message: without user part.
pub(crate) fn shown_server(server: &str) -> &str {
    server.rsplit_once('@').map_or(server, |(_, host)| host)
}

/// The secrets in a URL. Of a part that [`shown_url`] leaves out because it is out of place, that is
/// all of it and whatever follows a separator.
fn secrets_of_url(text: &str) -> Vec<&str> {
    let url = UrlParts::from_text(text);
    let (misplaced, user, after) = match url.is_whole() {
        false => (url.rest, None, ""),
        true if url.shows_path() => ("", url.user, url.after),
        true => (url.path, url.user, url.after),
    };
    let tails = misplaced.match_indices(SEPARATORS);
    let tails = tails.map(|(at, mark)| &misplaced[at + mark.len()..]);
    let password = user.and_then(|user| Some(user.split_once(':')?.1));
    let pairs = after.split(['?', '#', '&']);
    let values = pairs.map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
    let values = values.filter(|value| value.len() >= SHORTEST_QUERY_VALUE);
    let whole = [misplaced].into_iter().chain(tails);
    let secrets = whole.chain(user).chain(password).chain(values);
    secrets.filter(|secret| !secret.is_empty()).collect()
}

/// A text taken apart as a URL, whether it is one or not.
struct UrlParts<'a> {
    scheme: Option<&'a str>,
    /// All that follows the scheme.
    rest: &'a str,
    user: Option<&'a str>,
    /// `HOST[:PORT]`.
    address: &'a str,
    path: &'a str,
    /// The query and the fragment, with the mark before them.
    after: &'a str,
}

impl<'a> UrlParts<'a> {
    fn from_text(text: &'a str) -> Self {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
            _ => (None, text),
        };
        let (address, after) = split_before(rest, &['?', '#']);
        let (user, address) = match address.rsplit_once('@') {
            Some((user, address)) => (Some(user), address),
            None => (None, address),
        };
        let (address, path) = split_before(address, &['/']);
        Self {
            scheme,
            rest,
            user,
            address,
            path,
            after,
        }
    }

    /// Whether there is a host where one belongs. If not, or if an `@` comes so late that a `?` or
    /// `#` may be part of a password, then any part may be a password. So may be what follows an `@`
    /// and is no full name: the password may hold one.
    fn is_whole(&self) -> bool {
        let is_host = is_address(self.address) && (self.user.is_none() || is_full(self.address));
        is_host && !self.after.contains('@')
    }

    /// Whether the path is one. In `http//alice:secret` it is not, in `10.0.0.0/8` it is.
    fn shows_path(&self) -> bool {
        let is_plain = match self.scheme {
            Some(_) => |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c),
            None => |c: char| c.is_ascii_digit() || c == '/',
        };
        self.path.chars().all(is_plain) && !self.path.starts_with("//")
    }
}

fn split_before<'a>(text: &'a str, marks: &[char]) -> (&'a str, &'a str) {
    text.split_at(text.find(marks).unwrap_or(text.len()))
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether an address is `localhost`, an IP address, or a name of several labels.
fn is_full(address: &str) -> bool {
    let name = address.rsplit_once(':').map_or(address, |(name, _)| name);
    address.starts_with('[') || name == "localhost" || name.contains('.')
}

/// Whether a text is `HOST[:PORT]`. A host of `NO_PROXY` may hold a `*`.
fn is_address(text: &str) -> bool {
    if text.parse::<Ipv6Addr>().is_ok() {
        return true;
    }
    let (is_host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((address, port)) => {
            let (address, _zone) = split_before(address, &['%']);
            (address.parse::<Ipv6Addr>().is_ok(), port)
        }
        None => {
            let (name, port) = split_before(text, &[':']);
            let is_of_name = |c: char| c.is_ascii_alphanumeric() || "-._*".contains(c);
            (!name.is_empty() && name.chars().all(is_of_name), port)
        }
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok();
    is_host && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        let mut redactor = Redactor::default();
        secrets.iter().for_each(|secret| redactor.add(secret));
        redactor
    }

    /// The text with each byte that is not in `kept` written so.
    fn escaped(
        text: &str,
        kept: impl Fn(char) -> bool,
        write: impl Fn(&mut String, u32),
    ) -> String {
        let mut result = String::new();
        for character in text.chars() {
            if kept(character) {
                result.push(character)
            } else {
                write(&mut result, character.into())
            }
        }
        result
    }

    fn percent_but(text: &str, kept: impl Fn(u8) -> bool) -> String {
        let mut result = String::new();
        for byte in text.bytes() {
            let _ = if kept(byte) {
                write!(result, "{}", char::from(byte))
            } else {
                write!(result, "%{byte:02X}")
            };
        }
        result
    }

    /// As AWS's canonical strings have it.
    fn percent(text: &str) -> String {
        percent_but(text, |byte| {
            byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
        })
    }

    /// Every character, in lower case.
    fn percent_all(text: &str) -> String {
        percent_but(text, |_| false).to_ascii_lowercase()
    }

    fn json(text: &str) -> String {
        escaped(
            text,
            |character| !"/\"".contains(character),
            |result, code| {
                let _ = write!(result, "\\{}", char::from_u32(code).unwrap_or_default());
            },
        )
    }

    fn json_codes(text: &str) -> String {
        escaped(text, char::is_alphanumeric, |result, code| {
            let _ = write!(result, "\\u{code:04x}");
        })
    }

    fn xml(text: &str) -> String {
        let entities = [
            ("&", "&amp;"),
            ("<", "&lt;"),
            (">", "&gt;"),
            ("\"", "&quot;"),
            ("'", "&apos;"),
        ];
        entities
            .iter()
            .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    fn xml_codes(text: &str) -> String {
        escaped(text, char::is_alphanumeric, |result, code| {
            let _ = write!(result, "&#{code};");
        })
    }

    fn form_decoded(text: &str) -> String {
        text.replace('+', " ")
    }

    /// With characters between its own that no message shows.
    fn scattered(text: &str) -> String {
        let characters: Vec<String> = text.chars().map(String::from).collect();
        characters.join("\u{200b}")
    }

    /// Everything that an answer may have done to a secret.
    const ECHOES: [fn(&str) -> String; 16] = [
        |text| text.to_owned(),
        percent,
        percent_all,
        |text| percent(&percent(text)),
        |text| percent_all(&percent_all(text)),
        |text| percent(&percent(&percent(text))),
        json,
        json_codes,
        |text| json(&percent(text)),
        xml,
        xml_codes,
        |text| xml(&xml(text)),
        |text| xml(&json(&percent(text))),
        |text| text.to_ascii_uppercase(),
        form_decoded,
        scattered,
    ];

    proptest! {
        /// What is around is of letters that no secret has, and stays.
        #[test]
        fn of_a_secret_no_piece_is_left_however_it_is_escaped(
            secret in r#"[A-Za-z0-9+/=_.,@:<>"'-]{8,60}"#,
            cut in any::<(prop::sample::Index, prop::sample::Index)>(),
            echo in 0..ECHOES.len(),
            before in "[б-я]{0,9}",
            after in "[б-я]{0,9}",
        ) {
            let start = cut.0.index(secret.len() - 7);
            let end = start + 8 + cut.1.index(secret.len() - start - 7);
            let echo = ECHOES[echo](&secret[start..end]);
            let shown = redactor(&[&secret]).redact(&format!("{before}{echo}{after}"));
            prop_assert_eq!(shown, format!("{before}…{after}"));
        }

        /// A secret may look like an escape itself.
        #[test]
        fn no_secret_is_shown_whatever_it_is_made_of(
            secret in r"[ -~]{8,40}|\PC{8,20}",
            before in r"[ -~]{0,9}",
            after in r"\PC{0,9}",
        ) {
            let redactor = redactor(&[&secret]);
            for echo in [secret.clone(), percent(&secret), percent(&percent(&secret))] {
                let shown = redactor.redact(&format!("{before}{echo}{after}"));
                prop_assert!(!shown.contains(&echo), "{shown}");
            }
        }

        #[test]
        fn a_text_without_a_secret_is_not_changed(
            secret in "[a-m]{1,40}",
            text in r"[n-z ,:%&;\\/Ü]{0,200}",
        ) {
            prop_assert_eq!(redactor(&[&secret]).redact(&text), text);
        }

        #[test]
        fn whatever_is_said_there_is_no_panic(
            secrets in prop::collection::vec(r"\PC{0,12}", 0..4),
            text in r"(\PC|%[0-9a-f]|\\u|&#|[\x00-\x1f]){0,60}",
        ) {
            let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
            redactor(&secrets).redact(&text);
        }
    }

    #[test]
    fn a_backslash_before_a_percent_code_hides_no_secret() {
        let secret = r"{\:a  AA";
        let shown = redactor(&[secret]).redact(&format!(r"\{}a", percent(secret)));
        assert!(!shown.contains(&percent(secret)), "{shown}");
    }

    #[test]
    fn a_short_secret_is_masked_where_it_is_a_whole_word() {
        let redactor = redactor(&["907531", "build", ""]);
        for (text, shown) in [
            ("Value '907531' at 'tokenCode'", "Value '…' at 'tokenCode'"),
            ("Value %27907531%27", "Value %27…%27"),
            ("907531", "…"),
            ("19075310", "19075310"),
            (
                "BUILD is not to rebuild the builder",
                "… is not to rebuild the builder",
            ),
        ] {
            assert_eq!(redactor.redact(text), shown);
        }
    }

    #[test]
    fn what_is_shown_in_any_case_is_no_secret() {
        let mut redactor = redactor(&[
            "arn:aws:iam::999999999999:role/pull",
            "build",
            "secret-of-pull",
        ]);
        redactor.show("role arn:aws:iam::999999999999:role/pull, session build");
        for (text, shown) in [
            (
                "to assume arn:aws:iam::999999999999:role/pull as build",
                "to assume arn:aws:iam::999999999999:role/pull as build",
            ),
            ("secret-of-pull", "…"),
        ] {
            assert_eq!(redactor.redact(text), shown);
        }
    }

    #[test]
    fn an_account_id_that_is_an_external_id_stays_in_arns() {
        let redactor = redactor(&["111122223333", "client-444455556666"]);
        let denial = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: \
                  sts:AssumeRole on resource: arn:aws:iam::444455556666:role/pull";
        assert_eq!(redactor.redact(denial), denial);
        for (text, shown) in [
            (
                "Value '111122223333' at 'externalId'",
                "Value '…' at 'externalId'",
            ),
            ("Value 'client-444455556666'", "Value '…'"),
            (":client-444455556666:", ":…:"),
            (":1111222233334:", ":…4:"),
        ] {
            assert_eq!(redactor.redact(text), shown);
        }
    }

    #[test]
    fn the_request_that_aws_repeats_is_cut() {
        let redactor = Redactor::default();
        let cause = "SignatureDoesNotMatch: The signature does not match.";
        for request in [
            "\n\nThe Canonical String for this request should have been\n'POST\n/\n'",
            " the canonical string is x",
            "\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n'\nThe Canonical String is",
            "",
        ] {
            assert_eq!(redactor.redact(&format!("{cause}{request}")), cause);
        }
        let bare = redactor.redact("SignatureDoesNotMatch: The Canonical String is");
        assert_eq!(bare, "SignatureDoesNotMatch");
    }

    #[test]
    fn pieces_that_meet_are_one_mask() {
        let redactor = redactor(&["first-secret", "second-secret"]);
        assert_eq!(redactor.redact("ü first-secretsecond-secret ü"), "ü … ü");
        assert_eq!(redactor.redact("first-secret"), "…");
        assert_eq!(redactor.redact("irst-sec, ret"), "…, ret");
    }

    /// Far above what it takes, and far below what anything quadratic would.
    #[test]
    fn a_text_of_any_length_takes_little_time() {
        let secret: String = (0..20_000).map(|number: u32| number.to_string()).collect();
        let redactor = redactor(&[&secret, "7"]);
        let start = Instant::now();
        for text in [
            "x".repeat(1 << 20),
            secret.repeat(10),
            format!("%{}", "25".repeat(1 << 19)),
            "&#37;".repeat(1 << 18),
            "\\".repeat(1 << 20),
            "ü".repeat(1 << 19),
        ] {
            redactor.redact(&text);
        }
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn of_a_url_user_query_and_fragment_are_not_shown() {
        for (url, shown) in [
            ("https://host", "https://host"),
            ("http://127.0.0.1:4566/a/b", "http://127.0.0.1:4566/a/b"),
            ("http://[::1]:80/", "http://[::1]:80/"),
            ("http://[fe80::1%25eth0]", "http://[fe80::1%25eth0]"),
            ("example.com", "example.com"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("fd00::/8", "fd00::/8"),
            ("*.example.com:8443", "*.example.com:8443"),
            ("", ""),
            ("https://host?key=secret", "https://host?…"),
            ("https://host/path#secret", "https://host/path#…"),
            (
                "https://alice:secret@host.example:1/path",
                "https://…@host.example:1/path",
            ),
            ("https://alice:secret@127.0.0.1", "https://…@127.0.0.1"),
            ("https://alice:secret@[::1]:80", "https://…@[::1]:80"),
            ("https://alice:7@secret", "https://…"),
            ("https://secret@host.example", "https://…@host.example"),
            ("alice:secret@host.example", "…@host.example"),
            // Where the host is missing or the password is not escaped.
            ("http://alice:secret", "http://…"),
            ("http://alice:sec/ret", "http://…"),
            ("alice:secret", "…"),
            ("http://[::1]:secret", "http://…"),
            ("http://alice:secret@", "http://…"),
            ("http://alice:sec/ret@host.example", "http://…@host.example"),
            ("http://alice:1?ret@host", "http://…"),
            ("http://host?key=x@secret", "http://…"),
            ("alice:x://secret@host.example", "…@host.example"),
            ("http:/alice:secret", "…"),
            ("http:///alice:secret", "http://…"),
            ("http//alice:secret", "http/…"),
            ("http://http//alice:secret", "http://http/…"),
            ("http://host/alice%3Asecret", "http://host/…"),
            ("http://alice%3Asecret", "http://…"),
            ("http://alice;secret", "http://…"),
            ("http://alice secret", "http://…"),
            ("http:\\\\alice:secret", "…"),
            ("http://alice:1234567", "http://…"),
            ("http://", "http://"),
        ] {
            assert_eq!(shown_url(url), shown, "{url}");
        }
    }

    #[test]
    fn of_a_url_password_and_values_are_secrets() {
        let url = "http://alice:secret-1@host.example/path-to-it?a=secret-2&b=x&secret-3#secret-4";
        let expected = [
            "alice:secret-1",
            "secret-1",
            "secret-2",
            "secret-3",
            "secret-4",
        ];
        assert_eq!(secrets_of_url(url), expected);
        assert_eq!(secrets_of_url("http://host:80/path-to-it"), [""; 0]);
    }

    #[test]
    fn of_a_half_written_url_everything_is_secret() {
        assert_eq!(
            secrets_of_url("http://alice:secret"),
            ["alice:secret", "secret"]
        );
        for url in [
            "http:/alice:secret",
            "http:///alice:secret",
            "http//alice:secret",
            "http://alice;secret",
            "http://alice secret",
        ] {
            assert!(secrets_of_url(url).contains(&"secret"), "{url}");
        }
    }
}
