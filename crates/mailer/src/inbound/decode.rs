//! From the bytes of a part to its text. Nothing gives up as a whole: what can't be decoded stays as it stands, and the rest is
//! read.

use std::borrow::Cow;

use mail_parser::decoders::{base64::base64_decode, charsets::map::charset_decoder};
use memchr::memchr;

/// The shortest line of which one wrong sign does not say that it is no base64.
const LONG_LINE: usize = 40;
/// How far into a page its character set is looked for, in bytes.
const HEAD_OF_PAGE: usize = 2_048;
/// What Western mail programs write without saying so.
const USUAL: &[u8] = b"windows-1252";

/// Quoted-printable; a `=` that begins nothing stands for itself.
pub(super) fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(body.len());
    for line in lines(body) {
        let text = line.trim_ascii_end();
        let soft = text.strip_suffix(b"=");
        let mut rest = soft.unwrap_or(text);
        while let Some(at) = memchr(b'=', rest) {
            let (before, code) = rest.split_at(at);
            decoded.extend_from_slice(before);
            let (byte, length) = code.get(1..3).and_then(hex).map_or((b'=', 1), |byte| (byte, 3));
            decoded.push(byte);
            rest = code.get(length..).unwrap_or_default();
        }
        decoded.extend_from_slice(rest);
        if soft.is_none() {
            decoded.extend(line.iter().copied().skip(text.len()).filter(|byte| matches!(byte, b'\r' | b'\n')));
        }
    }
    decoded
}

fn hex(two: &[u8]) -> Option<u8> {
    two.iter().try_fold(0, |value, byte| Some(value * 16 + u8::try_from(char::from(*byte).to_digit(16)?).ok()?))
}

/// Base64, and the lines below it that are none: what a server on the way has added.
pub(super) fn base64(body: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut letters = Vec::with_capacity(body.len());
    let mut end = 0;
    for line in lines(body) {
        let text = line.trim_ascii();
        let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        let is_damaged = text.len() > LONG_LINE && !text.contains(&b' ');
        if !(text.iter().all(is_letter) || is_damaged) {
            break;
        }
        letters.extend(text.iter().copied().filter(is_letter));
        end += line.len();
    }
    (base64_decode(&letters).unwrap_or_default(), body.get(end..).unwrap_or_default().trim_ascii())
}

/// Lines with their ends.
pub(super) fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let end = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let (line, after) = rest.split_at(end);
        rest = after;
        (!line.is_empty()).then_some(line)
    })
}

/// Text in the named character set, where the name is known and the bytes are of it.
pub(super) fn text(bytes: &[u8], named: Option<&str>) -> String {
    let name = named.unwrap_or_default().trim_matches(['"', '\'', ' ']).to_ascii_lowercase();
    let says_nothing = name.is_empty() || name == "us-ascii" || name == "ascii" || name.contains("utf-8") || name.contains("utf8");
    let decoder = if name.starts_with("utf-16") && !bytes.contains(&0) {
        // A program that says so and writes bytes of one each.
        None
    } else if says_nothing {
        bytes.windows(3).any(|three| three == b"\x1b$B").then(|| charset_decoder(b"iso-2022-jp")).flatten()
    } else {
        charset_decoder(name.as_bytes())
    };
    let Some(decode) = decoder else { return mixed(bytes) };
    let decoded = decode(bytes);
    // UTF-8 under another name. Of the sets with two bytes to a letter only where the name is plainly wrong: short words fit both.
    let may_be_utf8 = !is_of_pairs(&name) || decoded.contains('\u{fffd}');
    match std::str::from_utf8(bytes) {
        Ok(text) if may_be_utf8 && !text.is_ascii() => text.to_owned(),
        Err(_) if decoded.chars().all(|c| c == '\u{fffd}') => mixed(bytes),
        _ => decoded,
    }
}

/// The character set that a page names in its head.
pub(super) fn charset_of_page(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(bytes.get(..HEAD_OF_PAGE).unwrap_or(bytes)).to_ascii_lowercase();
    let (_, named) = head.split_once("charset=")?;
    let named = named.trim_start_matches(['"', '\'', ' ']);
    named.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))).next().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Character sets in which a letter has two bytes.
fn is_of_pairs(name: &str) -> bool {
    ["gb", "big5", "euc", "sjis", "shift", "ks_c", "korean", "932", "936", "949", "950", "31j", "chinese"]
        .iter()
        .any(|part| name.contains(part))
}

/// UTF-8, and what is none as Western mail programs write it.
fn mixed(bytes: &[u8]) -> String {
    let usual = |bytes: &[u8]| charset_decoder(USUAL).map_or_else(|| String::from_utf8_lossy(bytes).into_owned(), |decode| decode(bytes));
    let piece = |chunk: std::str::Utf8Chunk<'_>| {
        let other = if chunk.invalid().is_empty() { Cow::Borrowed("") } else { Cow::Owned(usual(chunk.invalid())) };
        [Cow::Owned(chunk.valid().to_owned()), other]
    };
    bytes.utf8_chunks().flat_map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_sign_spoils_nothing() {
        for (body, decoded) in [
            ("A=C4=8Di=C5=AB, 1+1=2 ok\r\n", "Ačiū, 1+1=2 ok\r\n"),
            ("A=C4=8Di=c5=ab =ZZ end", "Ačiū =ZZ end"),
            ("a=\r\nb=  \nc = d=", "abc = d"),
            ("x  \r\ny", "x\r\ny"),
            ("=", ""),
            ("==3D=4", "===4"),
        ] {
            assert_eq!(String::from_utf8(quoted_printable(body.as_bytes())).unwrap(), decoded, "{body}");
        }
        for (body, decoded, below) in [
            ("UGFsZGllcw==\r\n", "Paldies", ""),
            ("UGFs\nZGllcw==\n_____________\nriders mailing list\n", "Paldies", "_____________\nriders mailing list"),
            ("UGFsZGll\ncw==\nUGFsZGllcw==", "PaldiesPaldies", ""),
            ("no base64 at all", "", "no base64 at all"),
            ("", "", ""),
        ] {
            let (bytes, rest) = base64(body.as_bytes());
            assert_eq!((String::from_utf8(bytes).unwrap().as_str(), std::str::from_utf8(rest).unwrap()), (decoded, below), "{body}");
        }
    }

    #[test]
    fn the_bytes_count_for_more_than_the_name() {
        for (bytes, name, text_) in [
            (&"Paldies, rāmis".as_bytes().to_vec(), Some("x-unknown"), "Paldies, rāmis"),
            (&"Paldies, rāmis".as_bytes().to_vec(), Some("iso-8859-1"), "Paldies, rāmis"),
            (&"rāmis".as_bytes().to_vec(), Some("\"UTF8\""), "rāmis"),
            (&b"r\xe2mis".to_vec(), Some("windows-1257"), "rāmis"),
            (&b"Gr\xfc\xdfe".to_vec(), None, "Grüße"),
            (&[&b"r\xc4\x81mis "[..], b"\xfcber"].concat(), Some("utf-8"), "rāmis über"),
            (&b"\xe2\xa5\xe1\xe2".to_vec(), Some("ibm866"), "тест"),
            (&b"\x1b$B2u$l$F\x1b(B".to_vec(), Some("iso-2022-jp"), "壊れて"),
            (&b"\x1b$B2u$l$F\x1b(B".to_vec(), None, "壊れて"),
            (&b"\xc1\xaa\xcd\xa8".to_vec(), Some("gb2312"), "联通"),
            (&b"\xbe\xc8\xb3\xe7".to_vec(), Some("euc-kr"), "안녕"),
            (&b"plain".to_vec(), Some("utf-16"), "plain"),
        ] {
            assert_eq!(text(bytes, name), text_, "{name:?}");
        }
        assert_eq!(charset_of_page(b"<meta content='text/html; charset=Windows-1251'>").as_deref(), Some("windows-1251"));
        assert_eq!(charset_of_page(b"<meta charset=\"utf-8\">").as_deref(), Some("utf-8"));
        assert_eq!(charset_of_page(b"<p>charset</p>"), None);
    }
}
