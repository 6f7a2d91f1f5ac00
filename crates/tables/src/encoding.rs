//! Which bytes a table is written in, and reading it as UTF-8.
//!
//! A byte order mark decides; else zeros between the letters tell UTF-16; else it is UTF-8 when it reads as such; else its letters
//! say which code page it is ([`crate::language`]). Refuses to know what a row is.

use std::io::{self, Read};

use encoding_rs::{Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::{language, source::Source};

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

/// What a table was found to be written in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Detected {
    /// The encoding.
    pub encoding: &'static Encoding,
    /// Whether it was guessed, so that the user should be told.
    pub guessed: bool,
    mark: usize,
}

/// The encoding: as named, else as found by reading it once.
pub(crate) fn detect(source: &Source, named: Option<&'static Encoding>) -> io::Result<Detected> {
    let mut start = Vec::with_capacity(CHUNK);
    source.open()?.take(CHUNK as u64).read_to_end(&mut start)?;
    let certain = |encoding, mark| Ok(Detected { encoding, guessed: false, mark });
    match (named, Encoding::for_bom(&start)) {
        (Some(encoding), Some((marked, mark))) if marked == encoding => certain(encoding, mark),
        (Some(encoding), _) => certain(encoding, 0),
        (None, Some((encoding, mark))) => certain(encoding, mark),
        (None, None) => {
            let encoding = match wide(&start) {
                Some(encoding) => encoding,
                None => narrow(source)?,
            };
            Ok(Detected { encoding, guessed: encoding != UTF_8, mark: 0 })
        }
    }
}

/// UTF-16, told by its zeros: digits, delimiters and most letters of our languages have one in every second byte, always on the
/// same side.
fn wide(start: &[u8]) -> Option<&'static Encoding> {
    let pairs = (start.len() / 2).max(1);
    let zeros = |side: usize| start.iter().skip(side).step_by(2).filter(|byte| **byte == 0).count();
    match (zeros(0), zeros(1)) {
        (first, second) if second * 5 > pairs && first * 20 < second => Some(UTF_16LE),
        (first, second) if first * 5 > pairs && second * 20 < first => Some(UTF_16BE),
        _ => None,
    }
}

/// UTF-8, perhaps with a few damaged places (in another encoding, letters above ASCII hardly ever form valid sequences), else the
/// code page of the words with such letters.
fn narrow(source: &Source) -> io::Result<&'static Encoding> {
    let mut bytes = source.open()?;
    let (mut letters, mut damaged) = (0_u64, 0_u64);
    let mut words = language::Words::default();
    let mut buffer = Vec::with_capacity(CHUNK + 4);
    loop {
        let read = bytes.by_ref().take(CHUNK as u64).read_to_end(&mut buffer)?;
        let mut rest = 0;
        for chunk in buffer.utf8_chunks() {
            letters += chunk.valid().chars().filter(|c| !c.is_ascii()).count() as u64;
            let ends_the_buffer = std::ptr::eq(chunk.invalid().as_ptr_range().end, buffer.as_ptr_range().end);
            if ends_the_buffer && read > 0 && chunk.invalid().len() < 4 {
                // Perhaps only the first bytes of a letter: they are looked at again with the next chunk.
                rest = chunk.invalid().len();
            } else {
                damaged += u64::from(!chunk.invalid().is_empty());
            }
        }
        if read == 0 {
            break;
        }
        words.take(&buffer);
        buffer.drain(..buffer.len() - rest);
    }
    Ok(if letters >= damaged * 10 { UTF_8 } else { words.encoding() })
}

/// A table as UTF-8 bytes. One that says it is UTF-8 is passed on as it is: damaged places are found row by row.
pub(crate) struct Text {
    bytes: Box<dyn Read + Send>,
    decoder: Option<Decoder>,
    raw: Vec<u8>,
    decoded: String,
}

impl Text {
    /// Opens it behind its byte order mark.
    pub fn open(source: &Source, detected: Detected) -> io::Result<Self> {
        let mut bytes = source.open()?;
        io::copy(&mut bytes.by_ref().take(detected.mark as u64), &mut io::sink())?;
        let decoder = (detected.encoding != UTF_8).then(|| detected.encoding.new_decoder_without_bom_handling());
        Ok(Self { bytes, decoder, raw: vec![0; CHUNK], decoded: String::with_capacity(CHUNK * 3) })
    }

    /// Appends the next piece; how many bytes of the file that took, 0 at its end.
    pub fn read_into(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let read = self.bytes.read(&mut self.raw)?;
        let piece = self.raw.get(..read).unwrap_or_default();
        match &mut self.decoder {
            None => buffer.extend_from_slice(piece),
            Some(decoder) => {
                self.decoded.clear();
                // The buffer holds three bytes for each one read, which is the most that any encoding needs.
                let _ = decoder.decode_to_string(piece, &mut self.decoded, read == 0);
                buffer.extend_from_slice(self.decoded.as_bytes());
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], named: Option<&'static Encoding>) -> (String, &'static str) {
        let source = Source::Bytes(bytes.into());
        let detected = detect(&source, named).unwrap();
        let mut text = Text::open(&source, detected).unwrap();
        let mut all = Vec::new();
        while text.read_into(&mut all).unwrap() > 0 {}
        (String::from_utf8_lossy(&all).into_owned(), detected.encoding.name())
    }

    #[test]
    fn marks_decide_then_zeros_then_validity_then_letters() {
        assert_eq!(read(b"\xEF\xBB\xBFid", None), ("id".into(), "UTF-8"));
        assert_eq!(read(b"\xFF\xFEi\0d\0", None), ("id".into(), "UTF-16LE"));
        assert_eq!(read(b"\xFE\xFF\0i\0d", None), ("id".into(), "UTF-16BE"));
        assert_eq!(read(b"i\0d\0,\0n\0\n\0", None), ("id,n\n".into(), "UTF-16LE"));
        assert_eq!(read(b"\0i\0d\0,\0n\0\n", None), ("id,n\n".into(), "UTF-16BE"));
        assert_eq!(read("ąž".as_bytes(), None), ("ąž".into(), "UTF-8"));
        assert_eq!(read(b"caf\xE9 \x82", None), ("café \u{201A}".into(), "windows-1252"));
        assert_eq!(read(b"\xE0\xFE", Some(encoding_rs::WINDOWS_1257)), ("ąž".into(), "windows-1257"));
        assert_eq!(read(b"", None), (String::new(), "UTF-8"));
    }

    #[test]
    fn wide_letters_of_another_alphabet_are_told_by_what_stands_between_them() {
        for text in ["ИД;Оценка;Имя\r\n1;9;Иван Петров\r\n2;3;Наталья\r\n", "Vardas\tBalas\nŽivilė\t9\n"] {
            let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            assert_eq!(read(&little, None), (text.into(), "UTF-16LE"));
            assert_eq!(read(&big, None), (text.into(), "UTF-16BE"));
        }
        assert_eq!(read(b"id,why\n1,a\0b\n", None).1, "UTF-8", "a stray zero is only that");
    }

    #[test]
    fn letters_across_pieces_count_once_and_a_few_damaged_places_leave_it_utf8() {
        let long = format!("a{}", "ą".repeat(CHUNK));
        assert_eq!(read(long.as_bytes(), None).0, long);
        let mut damaged = long.into_bytes();
        damaged.extend_from_slice(b"\xFF,\xFF");
        assert_eq!(read(&damaged, None).1, "UTF-8");
    }
}
