//! A text as it reads without its escapes, with the place of each byte in the original.

use std::borrow::Cow;
use std::iter;
use std::ops::Range;

use crate::error::is_unsafe;

/// How many levels of escapes are resolved. AWS's canonical strings hold values that are escaped
/// twice, within JSON or XML.
const MAX_ESCAPES: usize = 4;

/// The bytes of a text after some escapes have been resolved.
pub(super) struct View {
    bytes: Vec<u8>,
    /// The place of each byte in the original: the whole character or escape.
    places: Vec<Range<usize>>,
}

impl View {
    /// The text as it is, then unescaped once more each time, for as long as that changes it.
    pub(super) fn levels(text: &str) -> impl Iterator<Item = Self> {
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

    pub(super) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// The bytes in the form in which they are compared: in lower case, and with `+` for a blank, as
    /// forms decode one to the other.
    pub(super) fn folded(&self) -> Vec<u8> {
        let fold = |byte: &u8| match byte {
            b' ' => b'+',
            byte => byte.to_ascii_lowercase(),
        };
        self.bytes.iter().map(fold).collect()
    }

    /// The place of these bytes (at least one) in the original.
    pub(super) fn place(&self, bytes: Range<usize>) -> Range<usize> {
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
