//! What mail programs put above a quote instead of a sentence: its fields (From, Sent, To, Subject), a title between dashes.

use super::{attribution::has_date, line, words::Words};

/// Most lines of a block.
pub(super) const MOST: usize = 14;
/// Longest label, in characters.
const LABEL: usize = 24;

/// What a field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    From,
    Date,
    To,
    Subject,
    /// One that says nothing about the mail as such.
    Other,
}

/// The labels of each in the languages of mail programs, in lower case.
const LABELS: [(Role, Words); 5] = [
    (
        Role::From,
        Words(
            "from|von|de|da|van|fra|från|lähettäjä|saatja|kellelt|nuo|siuntėjas|no|sūtītājs|od|nadawca|от|кого|від|\
     odesílatel|feladó|de la|expéditeur|mittente|remitente|remetente|absender|afzender|afsender|avsender|avsändare|\
     kimden|gönderen|από|发件人|寄件者|差出人|보낸 사람|od kogo|отправитель|відправник",
        ),
    ),
    (
        Role::Date,
        Words(
            "sent|date|sent at|gesendet|datum|envoyé|envoyé le|message du|inviato|data|data invio|enviado|enviado el|enviada|\
     enviada em|enviado em|fecha|verzonden|verzonden op|sendt|dato|skickat|lähetetty|päivämäärä|päiväys|pvm|saadetud|\
     saatmisaeg|kuupäev|išsiųsta|siųsta|nosūtīts|datums|sūtīts|wysłano|wysłane|отправлено|дата|надіслано|відправлено|\
     odesláno|odoslané|dátum|elküldve|trimis|tarih|gönderildi|ημερομηνία|στάλθηκε|发送时间|发送日期|日期|寄件日期|送信日時|日付|보낸 날짜|날짜|\
     poslano|date d'envoi",
        ),
    ),
    (
        Role::To,
        Words(
            "to|an|à|a|pour|para|aan|til|till|vastaanottaja|saaja|adressaat|kellele|kam|gavėjas|adresāts|do|adresat|кому|\
     komu|címzett|către|kime|alıcı|προς|destinataire|destinatario|destinatário|empfänger|ontvanger|modtager|mottaker|\
     mottagare|收件人|收件者|宛先|받는 사람|pre|за|za",
        ),
    ),
    (
        Role::Subject,
        Words(
            "subject|betreff|objet|sujet|oggetto|asunto|assunto|onderwerp|emne|ämne|aihe|otsikko|teema|tema|temats|tēma|\
     temat|тема|předmět|predmet|tárgy|subiect|konu|θέμα|主题|主旨|件名|제목|re|zadeva",
        ),
    ),
    (
        Role::Other,
        Words(
            "cc|kopie|copie|copie à|kopi|kopia|kopija|koopia|копия|копія|kopio|másolatot kap|másolat|reply-to|reply to|\
     antwort an|risposta|rispondi a|répondre à|responder a|svar til|atbildēt|bcc|organization|importance|priority|\
     wichtigkeit|attachments|anlagen|抄送|副本|cc:|kopiëren|cópia|con copia|copia|in kopie|sent by|skopiuj|do wiadomości|\
     dw|dw.",
        ),
    ),
];
/// Stems of what stands between dashes above a quote, in lower case.
const TITLES: Words = Words(
    "original message|original mail|original e-mail|original email|forwarded message|forwarded mail|\
     ursprüngliche nachricht|ursprüngliche mail|originalnachricht|original-nachricht|weitergeleitete nachricht|\
     message d'origine|message d’origine|message original|mail original|message transféré|courriel original|\
     messaggio originale|messaggio inoltrato|mensaje original|mensaje reenviado|mensagem original|\
     mensagem encaminhada|oorspronkelijk bericht|origineel bericht|doorgestuurd bericht|oprindelig|videresendt|\
     opprinnelig|videresend|ursprungligt|originalmeddelande|vidarebefordra|alkuperäinen|välitetty viesti|algne |\
     algkiri|edastatud|pradinis|originalus laiškas|persiųst|sākotnēj|oriģināl|pārsūtīt|\
     wiadomość oryginalna|oryginalna wiadomość|pierwotna wiadomość|przekazana wiadomość|wiadomość przekazana|\
     исходное сообщение|пересланное сообщение|пересылаемое сообщение|конец пересылаемого|початкове повідомлення|\
     оригінальне повідомлення|переслане повідомлення|původní|pôvodn|přeposlaná|preposlan|eredeti üzenet|\
     mesaj original|原始邮件|元のメッセージ",
);
/// What stands, with a colon, above the fields of a mail that is handed on.
const HANDED_ON: Words = Words(
    "forward|weitergeleitet|réexpédié|transféré|inoltrat|reenviad|encaminhad|doorgestuurd|videresend|vidarebefordra|\
     välite|пересл",
);

/// Behind the last field of a block that begins here.
pub(super) fn block(lines: &[&str], at: usize) -> Option<usize> {
    field(line(lines, at))?;
    let mut roles: Vec<Role> = Vec::new();
    let (mut end, mut gap) = (at, 0);
    let (mut has_address, mut is_dated) = (false, false);
    for next in at..lines.len().min(at + MOST) {
        let text = line(lines, next);
        if let Some((role, value)) = field(text) {
            has_address |= role != Role::Subject && value.contains('@');
            is_dated |= role == Role::Date && has_date(value);
            roles.push(role);
            (end, gap) = (next + 1, 0);
        } else {
            // An address or a subject that goes on in the next line.
            has_address |= gap == 0 && text.contains('@') && roles.last() != Some(&Role::Subject);
            gap += 1;
        }
        if gap > 2 {
            break;
        }
    }
    // People write lines with From, To and a date as well: a program names an address or all four.
    let has = |role| roles.contains(&role);
    let whole = has(Role::Date) && has(Role::To) && has(Role::Subject);
    let addressed = has_address && (has(Role::Subject) && (has(Role::Date) || has(Role::To)) || has(Role::To) && is_dated);
    (has(Role::From) && (whole || addressed)).then_some(end)
}

/// A field: its role and what it says.
fn field(line: &str) -> Option<(Role, &str)> {
    let line = line.trim().trim_start_matches(['*', '|', '_', '>', ' ']);
    let colon = line.find([':', '：'])?;
    let (label, value) = (line.get(..colon)?, line.get(colon..)?.trim_start_matches([':', '：', '*', ' ', '_']));
    if label.chars().count() > LABEL {
        return None;
    }
    let label = label.replace(['*', '_', '\u{a0}'], " ").trim().to_lowercase();
    let (role, _) = LABELS.iter().find(|(_, labels)| labels.has(&label))?;
    Some((*role, value))
}

/// Behind a title or a rule with what belongs to it: `-----Original Message-----`.
pub(super) fn title(lines: &[&str], at: usize) -> Option<usize> {
    let text = line(lines, at).trim();
    if text.is_empty() {
        return None;
    }
    if is_title(lines, at) {
        return Some(at + 1);
    }
    let next = (at + 1..lines.len().min(at + 4)).find(|at| !line(lines, *at).trim().is_empty())?;
    let leads = is_rule(text) || between_dashes(text).is_some() || is_handing_on(text) || is_notes(text);
    if leads { block(lines, next) } else { is_notes(text).then_some(at + 1) }
}

/// Whether it is a title by its words alone.
pub(super) fn is_title(lines: &[&str], at: usize) -> bool {
    let Some(words) = between_dashes(line(lines, at).trim()) else { return false };
    let lower = words.to_lowercase();
    words.split_whitespace().count() <= 5 && TITLES.stand_in(&lower)
}

/// `--- words ---`
fn between_dashes(text: &str) -> Option<&str> {
    let text = text.trim_matches(['*', ' ']);
    let inner = text.trim_start_matches(is_line);
    let words = inner.trim_end_matches(is_line);
    let is_between =
        text.chars().take(2).filter(|c| is_line(*c)).count() == 2 && text.chars().rev().take(2).filter(|c| is_line(*c)).count() == 2;
    let words = words.trim();
    (is_between && !words.is_empty() && text.len() < 120).then_some(words)
}

fn is_line(c: char) -> bool {
    matches!(c, '-' | '_' | '=' | '\u{2010}'..='\u{2015}')
}

fn is_rule(text: &str) -> bool {
    let text = text.trim_matches(['*', ' ']);
    text.chars().count() >= 3 && text.chars().all(is_line)
}

fn is_handing_on(text: &str) -> bool {
    let lower = text.to_lowercase();
    lower.ends_with(':') && lower.split_whitespace().count() <= 6 && HANDED_ON.stand_in(&lower)
}

/// `Rida ---11/30/2026 10:00:15 AM---Dear Anna`, as Notes writes it above the fields.
fn is_notes(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("---") else { return false };
    rest.split_once("---").is_some_and(|(date, _)| date.bytes().filter(u8::is_ascii_digit).count() >= 8 && date.contains(':'))
}
