//! Which bytes a file is written in, and reading it as UTF-8.
//!
//! A byte order mark decides; else the file is UTF-8 when it reads as such, else Windows-1252. Refuses to know what a row is.

use std::{
    fs::File,
    io::{self, Read, Seek as _, SeekFrom},
    path::Path,
};

use encoding_rs::{Decoder, Encoding, UTF_8, WINDOWS_1252};

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

/// What a file was found to be.
#[derive(Debug, Clone, Copy)]
pub struct Detected {
    /// The encoding.
    pub encoding: &'static Encoding,
    /// Whether it was guessed, so that the user should be told.
    pub guessed: bool,
    mark: usize,
}

/// The encoding of the file: as named, else as found by reading it once.
pub fn detect(path: &Path, named: Option<&'static Encoding>) -> io::Result<Detected> {
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    file.by_ref().take(3).read_to_end(&mut start)?;
    match (named, Encoding::for_bom(&start)) {
        (Some(encoding), Some((marked, mark))) if marked == encoding => Ok(Detected { encoding, guessed: false, mark }),
        (Some(encoding), _) => Ok(Detected { encoding, guessed: false, mark: 0 }),
        (None, Some((encoding, mark))) => Ok(Detected { encoding, guessed: false, mark }),
        (None, None) => {
            file.seek(SeekFrom::Start(0))?;
            let encoding = if looks_like_utf8(&mut file)? { UTF_8 } else { WINDOWS_1252 };
            Ok(Detected { encoding, guessed: encoding != UTF_8, mark: 0 })
        }
    }
}

/// Whether this is UTF-8, perhaps with a few damaged places: in another encoding, letters above ASCII hardly ever form valid sequences.
fn looks_like_utf8(file: &mut File) -> io::Result<bool> {
    let (mut letters, mut damaged) = (0_u64, 0_u64);
    let mut buffer = Vec::with_capacity(CHUNK + 4);
    loop {
        let read = file.by_ref().take(CHUNK as u64).read_to_end(&mut buffer)?;
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
            return Ok(letters >= damaged * 10);
        }
        buffer.drain(..buffer.len() - rest);
    }
}

/// A file as UTF-8 bytes. A file that says it is UTF-8 is passed on as it is: damaged places are found row by row.
pub struct Text {
    file: File,
    decoder: Option<Decoder>,
    raw: Vec<u8>,
    decoded: String,
}

impl Text {
    /// Opens the file behind its byte order mark.
    pub fn open(path: &Path, detected: Detected) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(detected.mark as u64))?;
        let decoder = (detected.encoding != UTF_8).then(|| detected.encoding.new_decoder_without_bom_handling());
        Ok(Self { file, decoder, raw: vec![0; CHUNK], decoded: String::with_capacity(CHUNK * 3) })
    }

    /// Appends the next piece; how many bytes of the file that took, 0 at its end.
    pub fn read_into(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let read = self.file.read(&mut self.raw)?;
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
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let detected = detect(file.path(), named).unwrap();
        let mut text = Text::open(file.path(), detected).unwrap();
        let mut all = Vec::new();
        while text.read_into(&mut all).unwrap() > 0 {}
        (String::from_utf8_lossy(&all).into_owned(), detected.encoding.name())
    }

    #[test]
    fn marks_decide_then_validity_then_windows_1252() {
        assert_eq!(read(b"\xEF\xBB\xBFid", None), ("id".into(), "UTF-8"));
        assert_eq!(read(b"\xFF\xFEi\0d\0", None), ("id".into(), "UTF-16LE"));
        assert_eq!(read(b"\xFE\xFF\0i\0d", None), ("id".into(), "UTF-16BE"));
        assert_eq!(read("ąž".as_bytes(), None), ("ąž".into(), "UTF-8"));
        assert_eq!(read(b"caf\xE9 \x82", None), ("café \u{201A}".into(), "windows-1252"));
        assert_eq!(read(b"\xE0\xFE", Some(encoding_rs::WINDOWS_1257)), ("ąž".into(), "windows-1257"));
        assert_eq!(read(b"", None), (String::new(), "UTF-8"));
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
