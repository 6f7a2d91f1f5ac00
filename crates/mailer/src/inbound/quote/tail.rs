//! What stands at the end of own words: a signature below `--`, what a telephone or a mail program adds, what a mailing list adds.
//!
//! Each is taken only in the form that programs write: a last sentence that merely begins like one of them is the customer's.

use super::{Fold, words::Words};

/// Most lines of a signature below a bare `--`, and of the footer of a list.
const MOST: usize = 10;
/// The same of one below `-- `, with what lawyers add.
const MOST_LEGAL: usize = 40;
/// Longest line that a telephone adds, in characters.
const LONGEST: usize = 100;

/// How often own words are divided by `--`: a signature does not come twice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delimiters(usize);

impl Delimiters {
    pub(super) fn count<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        Self(lines.filter(|line| line.trim() == "--").count())
    }
}

/// From which line on, the last first, a stretch of own words is something else.
pub(super) fn of(lines: &[&str], delimiters: Delimiters) -> Vec<(usize, Fold)> {
    let mut found = Vec::new();
    let mut rest = lines;
    let mut left = delimiters.0;
    let mut is_ruled = false;
    while let Some((at, fold)) = last(rest, left, is_ruled) {
        is_ruled |= rest.get(at).is_some_and(|line| is_rule(line.trim()));
        if rest.get(at).is_some_and(|line| line.trim() == "--") {
            left = left.saturating_sub(1);
        }
        found.push((at, fold));
        rest = rest.get(..at).unwrap_or_default();
    }
    found
}

/// `is_ruled` says that a line drawn below the text was taken away already.
fn last(lines: &[&str], delimiters: usize, is_ruled: bool) -> Option<(usize, Fold)> {
    let end = lines.iter().rposition(|line| !line.trim().is_empty())?;
    let line = lines.get(end)?.trim();
    if is_rule(line) || is_row(line) && is_ruled || is_of_a_program(line) {
        return Some((end, Fold::Footer));
    }
    let mut below = Vec::new();
    for (at, line) in lines.iter().enumerate().take(end + 1).rev() {
        if is_divider(line)
            && let Some(fold) = below_divider(line, &below, delimiters)
        {
            return Some((at, fold));
        }
        if !line.trim().is_empty() {
            below.push(line.trim());
        }
        if below.len() > MOST_LEGAL {
            break;
        }
    }
    None
}

/// What stands between a divider and the end.
fn below_divider(divider: &str, below: &[&str], delimiters: usize) -> Option<Fold> {
    let has_contact = below.iter().any(|line| has_contact(line));
    let is_short = below.len() <= MOST && !below.iter().any(|line| is_sentence(line));
    let is_once = delimiters < 2 || has_contact;
    if below.iter().any(|line| POSTSCRIPTS.begin(&line.to_lowercase())) {
        return None;
    }
    // With its blank it was written by a mail program (RFC 3676).
    let by_program = divider.trim_end_matches('\r').ends_with("-- ");
    let is_signature = is_short && (by_program || has_contact || below.iter().all(|line| is_name(line)));
    match divider.trim() {
        "--" => (is_once && (is_signature || by_program && has_contact)).then_some(Fold::Signature),
        _ => (is_short && below.iter().any(|line| is_of_a_list(line))).then_some(Fold::Footer),
    }
}

/// How what was added later begins, in lower case.
const POSTSCRIPTS: Words = Words("p.s|ps:|ps.|ps |p. s.|з.ы");
/// How a closing begins, in lower case.
const CLOSINGS: Words = Words(
    "mit |viele |liebe |lg|mfg|freundliche|best|kind|warm|regards|cheers|thanks|greetings|cordialement|saludos|un saludo|atentamente|\
     atenciosamente|cordiali|distinti|met |groet|mvh|med |vänliga|hilsen|terveisin|ystävällisin|parimate|lugupidamisega|\
     pagarbiai|geriausi|ar cieņu|pozdrawiam|z powa|с уважением|з повагою|s pozdravem",
);

/// A name, a title or a closing, as against words that say something: those have words that begin small.
fn is_name(line: &str) -> bool {
    let is_small = |word: &str| word.chars().count() > 1 && word.starts_with(|c: char| c.is_alphabetic() && !c.is_uppercase());
    CLOSINGS.begin(&line.to_lowercase())
        || !line
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| is_small(word) && !matches!(word, "of" | "and" | "the" | "von" | "de" | "und"))
}

fn is_of_a_list(line: &str) -> bool {
    line.contains("://") || line.to_lowercase().contains("list")
}

/// A mail address, a page, a telephone number.
fn has_contact(line: &str) -> bool {
    line.contains('@') || line.contains("://") || line.contains("www.") || line.bytes().filter(u8::is_ascii_digit).count() >= 7
}

fn is_divider(line: &str) -> bool {
    let line = line.trim();
    line == "--" || line.len() >= 2 && line.bytes().all(|byte| byte == b'_')
}

/// Signs that stand for nothing, such as a line drawn below the text.
fn is_rule(line: &str) -> bool {
    !line.is_empty() && line.chars().all(|c| matches!(c, '-' | '_' | '=' | '~' | '#' | '\u{2010}'..='\u{2015}' | '\u{1427}'))
}

/// The same of signs that can be words: a row of stars is an answer when it is the last line.
fn is_row(line: &str) -> bool {
    line.chars().all(|c| matches!(c, '*' | '+'))
}

/// Words that say something, as against names, titles and numbers.
fn is_sentence(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let low = words.iter().filter(|word| word.starts_with(char::is_lowercase)).count();
    let is_ended = line.ends_with(['.', '!', '?', '…']) && words.len() >= 3 && low > 0;
    let is_said = words.len() >= 4 && low * 2 > words.len() && !line.ends_with(':');
    !has_contact(line) && (is_ended || is_said)
}

/// How the line of a telephone or of a mail program begins or ends, in lower case: it was sent.
const SENT: Words = Words(
    "sent|gesendet|versendet|verschickt|envoyé|envoye|envoyée|inviato|inviata|enviado|enviada|enviat|verzonden|verstuurd|\
     sendt|sendte|skickat|skickades|lähetetty|lähetin|saadetud|išsiųsta|siųsta|nosūtīts|sūtīts|wysłane|wysłano|отправлено|\
     отправлен|надіслано|відправлено|odesláno|odoslané|elküldve|trimis",
);
/// How one begins that says where to get the program.
const GET: Words = Words(
    "get|download|télécharger|téléchargez|obtenez|obtenir|scarica|ottieni|obtener|obtenga|obter|obtenha|hent|få|hämta|skaffa|\
     hae|hanki|hankige|hangi|atsisiųskite|gaukite|iegūstiet|iegūt|pobierz|получить|отримати|získejte|získať|holen|hol",
);
/// Programs and makes: how such words begin, in lower case.
const MAKES: Words = Words(
    "iphon|ipad|ipod|ios|macbook|apple|android|samsung|galaxy|huawei|xiaomi|redmi|nokia|htc|sony|xperia|motorola|oneplus|\
     pixel|blackberry|windows|outlook|gmail|yahoo|gmx|web.de|proton|thunderbird|mailbird|airmail|mailbox|typeapp|bluemail|\
     aquamail|k-9|k9|spark|zoho|mail.ru|fairemail|sparrow|яндекс",
);
/// What people call such a thing, likewise.
const DEVICES: Words = Words(
    "mobil|phone|cell|smartphone|handy|telefon|telefón|téléphone|teléfono|telemóvel|telefoon|tablet|device|gerät|puhelim|\
     älypuhel|laitte|tālru|viedtālr|nutitelefon|телефон|смартфон|устройств|мобил|мобіл",
);
/// Whose it is.
const POSSESSIVES: Words = Words("my|meinem|meiner|mon|ma|mio|mia|mi|meu|minha|mijn|min|minun|minu|mano|mana|manas|mojego|моего|мого");
/// What stands between that and the thing.
const LINKS: Words = Words(
    "from|via|with|using|by|von|mit|über|aus|de|depuis|à|avec|da|dal|dall|con|desde|mediante|do|pelo|com|a|met|vanaf|vanuit|van|\
     fra|från|med|iš|naudojant|su|no|izmantojot|z|ze|za|с|со|из|через|з|із|зі",
);
/// The words between, in lower case.
const BETWEEN: Words = Words(
    "the|a|an|for|on|of|to|app|för|av|skirtos|skirta|мобильной|мобільної|application|secure|free|and|this|message|was|pc|laptop|\
     desktop|work|mobile|mail|e-mail|email|dem|der|von|mit|aus|für|über|unterwegs|diese|dieser|nachricht|wurde|\
     gesendet|kostenlos|de|depuis|à|partir|avec|pour|un|une|du|dal|da|con|per|il|dispositivo|desde|\
     el|para|do|pelo|pela|com|met|vanaf|vanuit|voor|fra|från|till|til|den|enhed|enhet|\
     kautta|rakendusest|iš|naudojant|skirtą|no|lietotni|ierīces|z|ze|dla|urządzenia|с|\
     из|з|для|почты|пошти",
);
/// Excuses that follow.
const EXCUSES: Words = Words("excuse|typo|brevity|tippfehler|brièveté|kürze");
/// Whole lines of programs, how they begin, in lower case.
const PROGRAMS: Words = Words("yahoo mail: search, organize, conquer|virus-free. www.|virenfrei. www.|sans virus. www.");
/// In scripts without spaces: sent from.
const SENT_IN_SCRIPTS: Words = Words("發自我的|发自我的|從我的|从我的|から送信|에서 보냄|に送信|傳送");

/// A line such as `Sent from my iPhone`: each of its words is one that programs write there.
fn is_of_a_program(line: &str) -> bool {
    if line.chars().count() > LONGEST && !line.contains("http") {
        return false;
    }
    let lower = line.to_lowercase();
    if PROGRAMS.begin(&lower) {
        return true;
    }
    if SENT_IN_SCRIPTS.stand_in(&lower) {
        return lower.chars().count() < 40 && lower.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| MAKES.begin(word));
    }
    // Without the address of a page, and without the excuse behind it.
    let bare = without_links(line);
    let bare = bare.trim_matches(|c: char| !c.is_alphanumeric() && c != '.' && c != '!' && c != '?').to_owned();
    let (sentence, rest) = bare
        .find([',', '.', '-'])
        .filter(|at| is_excuse(bare.get(*at..).unwrap_or_default()))
        .map_or((bare.as_str(), ""), |at| bare.split_at(at));
    if sentence.ends_with(['!', '?'])
        || sentence.ends_with('.') && rest.is_empty() && !lower.starts_with("diese nachricht") && !lower.starts_with("sent with")
    {
        return false;
    }
    let words: Vec<&str> = sentence
        .split(|c: char| c.is_whitespace() || matches!(c, '[' | ']' | '(' | ')' | '<' | '>'))
        .filter(|word| !word.is_empty())
        .collect();
    let low: Vec<String> = words.iter().map(|word| word.trim_matches(['.', '-', '*', '_', '"', ':']).to_lowercase()).collect();
    let (first, last) = (low.first().map(String::as_str).unwrap_or_default(), low.last().map(String::as_str).unwrap_or_default());
    let has = |is: fn(&str) -> bool| low.iter().any(|word| is(word));
    let is_mine = has(|word| POSSESSIVES.has(word));
    // "Sent from my Aurora X2": whatever it is called.
    let is_name = |written: &str| {
        first == "sent" && is_mine && written.starts_with(char::is_uppercase) || written.contains(|c: char| c.is_ascii_digit())
    };
    let says = if GET.has(first) {
        has(|word| word.starts_with("outlook"))
    } else {
        let names = has(|word| MAKES.begin(word) || DEVICES.begin(word))
            || is_mine && (words.last().is_some_and(|last| is_name(last)) || has(|word| word.contains("mail")));
        // "Sent 2 phones" says what was sent, "Sent to my phone" where to.
        let second = low.get(1).map(String::as_str).unwrap_or_default();
        let is_linked = LINKS.has(second) || POSSESSIVES.has(second) || MAKES.begin(second) || first != "sent" && DEVICES.begin(second);
        (SENT.has(first) && is_linked || SENT.has(last) && (LINKS.has(first) || first == "diese")) && names
    };
    let is_known = |word: &str| {
        word.is_empty()
            || [SENT, GET, LINKS, POSSESSIVES, BETWEEN].iter().any(|list| list.has(word))
            || MAKES.begin(word)
            || DEVICES.begin(word)
    };
    says && words.len() <= 14 && low.iter().zip(&words).all(|(word, written)| is_known(word) || is_name(written))
}

fn is_excuse(text: &str) -> bool {
    let lower = text.to_lowercase();
    EXCUSES.stand_in(&lower)
}

/// `Get Outlook for iOS<https://aka.ms/x>` without what is a link in it.
fn without_links(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("http") {
        let (before, link) = rest.split_at(at);
        text.push_str(before);
        text.push(' ');
        rest = link.find(|c: char| c.is_whitespace() || matches!(c, '>' | ')' | ']')).and_then(|end| link.get(end..)).unwrap_or_default();
    }
    text.push_str(rest);
    text
}
