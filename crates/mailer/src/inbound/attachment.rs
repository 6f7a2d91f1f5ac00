//! What was sent along with a mail: its name, what it is and how large, never its content.

use super::part::Part;

/// Longest name that is kept, in characters.
const MAX_NAME: usize = 255;
/// What signs or encrypts a mail was made by a program; nobody attached it.
const OF_PROGRAMS: [&str; 4] =
    ["application/pgp-signature", "application/pgp-encrypted", "application/pkcs7-signature", "application/x-pkcs7-signature"];

/// A file that was sent along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The name that the sender gave it; the media type for one without.
    pub name: String,
    /// What the sender says that it is, `image/jpeg`, in lower case.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
}

/// Everything that is not the text itself.
pub(super) fn of(parts: &[Part<'_>]) -> Vec<Attachment> {
    parts.iter().filter(|part| is_attached(part)).map(attachment).collect()
}

fn is_attached(part: &Part<'_>) -> bool {
    let kind = part.media.kind.as_str();
    let is_text = matches!(kind, "text/plain" | "text/html") && part.is_shown() && part.file_name().is_none();
    !(is_text || OF_PROGRAMS.contains(&kind))
}

fn attachment(part: &Part<'_>) -> Attachment {
    let media_type: String = part.media.kind.chars().take(MAX_NAME).collect();
    Attachment {
        name: part.file_name().map_or_else(|| media_type.clone(), |name| name.chars().take(MAX_NAME).collect()),
        media_type,
        size: part.size() as u64,
    }
}
