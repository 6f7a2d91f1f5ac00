//! The relaxed forms of RFC 6376, section 3.4: what a mail may gain and lose on its way without being another mail.

/// Head and body, without the empty line between them. The head ends with its last line's CRLF.
pub(super) fn split(mail: &[u8]) -> Option<(&str, &[u8])> {
    let end = mail.windows(4).position(|window| window == b"\r\n\r\n")? + 2;
    let (head, rest) = mail.split_at_checked(end)?;
    Some((std::str::from_utf8(head).ok()?, rest.get(2..)?))
}

/// Names and values of the headers in order; a value keeps its line breaks.
pub(super) fn headers(head: &str) -> Vec<(&str, &str)> {
    let mut headers = Vec::new();
    let mut rest = head;
    while !rest.is_empty() {
        // A line that begins with white space goes on with the one before.
        let goes_on = |at: usize| rest.get(at + 2..).is_some_and(|after| after.starts_with([' ', '\t']));
        let end = rest.match_indices("\r\n").map(|(at, _)| at).find(|at| !goes_on(*at)).unwrap_or(rest.len());
        let (header, after) = rest.split_at(end);
        headers.extend(header.split_once(':'));
        rest = after.strip_prefix("\r\n").unwrap_or_default();
    }
    headers
}

/// A header, without the line's end: its name in small letters, its value in one line with single spaces.
pub(super) fn line(name: &str, value: &str) -> String {
    let mut line = format!("{}:", name.to_lowercase());
    let words = value.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty());
    for (at, word) in words.enumerate() {
        if at > 0 {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// A body: single spaces, none at the end of a line, no empty lines at its end.
pub(super) fn body(body: &[u8]) -> Vec<u8> {
    let mut relaxed = Vec::with_capacity(body.len());
    let mut empty_lines = 0;
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line).trim_ascii_end();
        if line.is_empty() {
            empty_lines += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut empty_lines) {
            relaxed.extend_from_slice(b"\r\n");
        }
        single_spaces(line, &mut relaxed);
        relaxed.extend_from_slice(b"\r\n");
    }
    relaxed
}

fn single_spaces(line: &[u8], relaxed: &mut Vec<u8>) {
    let is_space = |byte: u8| matches!(byte, b' ' | b'\t');
    let mut after_space = false;
    for byte in line {
        let space = is_space(*byte);
        if !space {
            relaxed.push(*byte);
        } else if !after_space {
            relaxed.push(b' ');
        }
        after_space = space;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 6376, section 3.4.5.
    #[test]
    fn the_example_of_the_standard_comes_out_as_it_says() {
        let mail = b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n";
        let (head, rest) = split(mail).unwrap();
        let lines: Vec<String> = headers(head).into_iter().map(|(name, value)| line(name.trim_end(), value)).collect();
        assert_eq!(lines, ["a:X", "b:Y Z"]);
        assert_eq!(body(rest), b" C\r\nD E\r\n");
    }

    #[test]
    fn a_body_of_nothing_is_nothing() {
        for nothing in [b"".as_slice(), b"\r\n", b" \t\r\n\r\n"] {
            assert!(body(nothing).is_empty());
        }
        assert_eq!(body(b"a\r\n\r\n\r\nb"), b"a\r\n\r\n\r\nb\r\n");
        assert_eq!(split(b"A: X\r\n"), None);
    }
}
