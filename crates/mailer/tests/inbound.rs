//! Mail in the shapes of many servers and programs is what its name says; what is too large or too deep is not read.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that can't go on fails")]

use std::{fmt::Write as _, fs};

use hearback_core::Email;
use hearback_mailer::inbound::{Attachment, Blame, Fold, Inbound, Kind, MAX_BYTES, MAX_HEAD, Refused, read};

/// Stands in all of them where a genuine mark would be.
const MARK: &str = "hearbackmarkhearbackmarkhearbackmarkhearba";

fn own() -> [Email; 1] {
    [Email::parse("care@rida.example").unwrap()]
}

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/inbound");

/// Mails in the shapes that servers and mail programs send them; the name of each begins with the kind that it is.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(CORPUS).unwrap().map(|file| file.unwrap());
    files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect()
}

fn named(name: &str) -> Inbound {
    read(&fs::read(format!("{CORPUS}/{name}.eml")).unwrap(), None, &own()).unwrap()
}

fn with_crlf(raw: &[u8]) -> Vec<u8> {
    raw.iter().flat_map(|byte| if *byte == b'\n' { b"\r\n".to_vec() } else { vec![*byte] }).collect()
}

#[test]
fn every_mail_is_what_its_name_says() {
    let all = corpus();
    assert!(all.len() >= 55, "{}", all.len());
    for (name, raw) in &all {
        let mail = read(raw, None, &own()).unwrap();
        assert!(name.starts_with(&format!("{}-", mail.kind.as_str())), "{name} was taken for {:?}", mail.kind);
        // That a mail is no spam is nothing to act upon: its original is not looked into.
        let looked_into = !name.contains("not-spam");
        let mark = mail.marks.first().or(mail.returned_marks.first());
        assert_eq!(mark.map(String::as_str), looked_into.then_some(MARK), "{name}");
        let crlf = read(&with_crlf(raw), None, &own()).unwrap();
        assert_eq!(std::mem::discriminant(&crlf.kind), std::mem::discriminant(&mail.kind), "{name} with CRLF");
        assert!(!mail.text.contains('\r') && !crlf.text.contains('\r'), "{name}");
    }
}

#[test]
fn a_bounce_says_which_address_and_whose_fault() {
    for (name, recipient, status, blame) in [
        ("bounce-postfix-5.1.1", "anna@example.com", "5.1.1", Blame::Address),
        ("bounce-postfix-5.2.2-full", "anna@example.com", "5.2.2", Blame::Passing),
        ("bounce-postfix-5.7.1-policy", "anna@example.com", "5.7.1", Blame::Policy),
        ("bounce-postfix-4.4.1-gave-up", "anna@example.com", "4.4.1", Blame::Passing),
        ("bounce-postfix-smtputf8", "õie@näide.ee", "5.1.1", Blame::Address),
        ("bounce-exim-report", "anna@example.com", "5.1.1", Blame::Address),
        ("bounce-exim-without-report", "anna@example.com", "", Blame::Address),
        ("bounce-m365-5.1.10", "anna@example.com", "5.1.10", Blame::Address),
        ("bounce-exchange-8bit-lines", "anna@example.com", "5.2.2", Blame::Passing),
        ("bounce-m365-expired-4.4.7", "anna@example.com", "4.4.7", Blame::Passing),
        ("bounce-exchange-old-without-report", "anna@example.com", "5.1.1", Blame::Address),
        ("bounce-gmail-5.1.1", "nobody.here@gmail.com", "5.1.1", Blame::Address),
        ("bounce-qmail-no-mailbox", "anna@example.com", "5.1.1", Blame::Address),
        ("bounce-qmail-without-code", "anna@example.com", "", Blame::Passing),
        ("bounce-sendmail", "anna@example.com", "5.1.1", Blame::Address),
        ("bounce-sendmail-without-report", "anna@example.com", "5.1.1", Blame::Address),
        ("bounce-nested-in-mixed", "anna@example.com", "5.1.1", Blame::Address),
        ("bounce-base64-report", "anna@example.com", "5.1.1", Blame::Address),
        ("bounce-report-of-nonsense", "anna@example.com", "", Blame::Passing),
        ("bounce-report-without-status", "", "", Blame::Passing),
        ("bounce-lithuanian", "anna@example.com", "", Blame::Address),
        ("bounce-fields-in-the-text", "anna@example.com", "5.1.1", Blame::Address),
        ("bounce-status-part-in-mixed", "rita@buyer.example", "5.1.1", Blame::Address),
        ("bounce-report-without-status-part", "rita@buyer.example", "5.1.10", Blame::Address),
        ("bounce-failed-recipients-header", "rita@buyer.example", "", Blame::Passing),
        ("bounce-webmail-plain", "rita@buyer.example", "", Blame::Address),
        ("bounce-empty-from", "rita@buyer.example", "5.2.2", Blame::Passing),
        ("bounce-status-and-diagnosis-differ", "rita@buyer.example", "5.7.1", Blame::Policy),
        ("bounce-541-access-denied", "rita@buyer.example", "5.4.1", Blame::Address),
        ("bounce-500-code-in-diagnosis", "rita@buyer.example", "5.1.1", Blame::Address),
        ("bounce-mark-only-in-original", "rita@buyer.example", "5.1.1", Blame::Address),
    ] {
        let Kind::Bounce(failure) = named(name).kind else { panic!("{name}") };
        let code = failure.status.map(|status| status.to_string()).unwrap_or_default();
        assert_eq!((failure.recipient.as_str(), code.as_str(), failure.blame()), (recipient, status, blame), "{name}: {failure:?}");
    }
}

#[test]
fn what_is_late_or_arrived_says_about_whom() {
    for (name, recipient, status) in [
        ("delayed-plain", "rita@buyer.example", "4.3.0"),
        ("delayed-german", "anna@example.com", "4.7.1"),
        ("delayed-postfix", "anna@example.com", "4.4.1"),
        ("delivered-in-mixed", "anna@example.com", "2.0.0"),
        ("delivered-postfix-relayed", "anna@example.com", "2.0.0"),
    ] {
        let (Kind::Delayed(report) | Kind::Delivered(report)) = named(name).kind else { panic!("{name}") };
        let code = report.status.map(|status| status.to_string()).unwrap_or_default();
        assert_eq!((report.recipient.as_str(), code.as_str()), (recipient, status), "{name}: {report:?}");
    }
}

#[test]
fn the_mark_of_a_returned_mail_is_found_where_the_address_was_lost() {
    let mail = named("bounce-mark-only-in-original");
    assert!(mail.marks.is_empty() && mail.returned_marks == [MARK]);
    assert_eq!(named("bounce-webmail-plain").returned_marks, [MARK], "below the notice, as text");
    assert!(named("reply-about-a-bounce").returned_marks.is_empty(), "a person may bring any mail");
}

#[test]
fn a_reply_is_what_its_writer_wrote() {
    for (name, said) in [
        ("reply-gmail", "The brakes squeal. Could you call me tomorrow?"),
        ("reply-gmail-latvian", "Bremzes čīkst. Lūdzu, piezvaniet!"),
        ("reply-outlook", "The brakes squeal. Could you call me tomorrow?\n\nBest regards,\nAnna"),
        ("reply-outlook-html-only", "Die Bremsen quietschen fürchterlich.\n\nGrüße"),
        ("reply-apple-mail", "Stabdžiai cypia."),
        ("reply-thunderbird-latin1", "Jarrut kirskuvat pahasti. Hyvää päivää!"),
        ("reply-windows-1257", "Stabdžiai cypia, grąžinkite pinigus."),
        ("reply-without-charset", "Zażółć gęślą jaźń, ačiū."),
        ("reply-inline", "Not very.\nThe brakes squeal."),
        ("reply-signed", "The brakes squeal."),
        ("reply-auto-submitted-no", "Call me, please."),
        ("reply-mailing-list", "Hi all"),
        ("reply-through-group-of-ours", "The wheel still squeaks. Please call me."),
        ("reply-group-wrote-itself-into-from", "The wheel still squeaks."),
        ("reply-list-wrote-itself-into-from", "Not good."),
        ("reply-redirected-by-inbox-rule", "Still no refund."),
        ("reply-inline-below-quote", "Thanks for asking, see below.\n\nThe frame broke on the second day.\n\nYes, tomorrow after four."),
        ("reply-attribution-right-below", "Good morning,\nI cannot open the invoice.\nOrder 4471\nIt says the page is gone."),
        ("reply-attribution-bracket-wrapped", "Takk, det virker."),
        ("reply-attribution-dutch", "Prima fiets."),
        ("reply-gmail-russian", "Спасибо, всё пришло."),
        ("reply-outlook-russian", "Жду ответа."),
        ("reply-last-line-like-signature-en", "Not happy.\nSent from my nearest shop it arrived in pieces."),
        ("reply-last-line-like-signature-fi", "Hei,\nLähetetty tavara oli rikki."),
        (
            "reply-dashes-as-separator",
            "Good: it was fast.\n--\nBad: the driver was rude and left it in the rain.\n--\nWish: ring the bell.",
        ),
        ("reply-html-indented", "My points:\nThe pedal fell off.\nNobody answers."),
        ("reply-html-entities", "À bientôt — €5, «caç» šž"),
        ("reply-html-below-a-list-footer", "The bell is gone."),
        ("reply-photo-between-words", "See the photo.\n\nIt broke here."),
        ("reply-leading-empty-line", "The brakes squeal."),
        ("reply-bare-equals-sign", "Ačiū, 1+1=2 ok =ZZ end"),
        ("reply-base64-with-footer", "Stabdžiai cypia."),
        ("reply-unknown-charset-name", "Paldies, rāmis ir salūzis."),
        ("reply-utf8-under-another-name", "Paldies, rāmis ir salūzis."),
        ("reply-cut-inside-a-letter", "Rāmis ir salūzisÅ"),
        ("reply-iso-2022-jp", "壊れていました。"),
        ("reply-ibm866", "Колесо скрипит."),
        ("reply-gb2312", "车轮坏了。"),
    ] {
        let mail = named(name);
        assert_eq!((mail.kind, mail.said.as_str()), (Kind::Reply, said), "{name}");
    }
    assert_eq!(named("reply-thunderbird-latin1").subject, "Re: Kuinka todennäköisesti");
    assert_eq!(named("reply-windows-1257").subject, "Re: Kaip tikėtina");
    assert_eq!(named("reply-thunderbird-latin1").from, "anna@example.com");
    assert_eq!(named("reply-list-wrote-itself-into-from").from, "rita@buyer.example");
}

#[test]
fn what_is_folded_away_can_be_opened() {
    let mail = named("reply-inline-below-quote");
    let folded: Vec<(Fold, &str)> = mail.folded.iter().map(|piece| (piece.fold, piece.text.as_str())).collect();
    let first = "On Mon, 30 Nov 2026 at 10:00, Shop <care@rida.example> wrote:\n\n> What went wrong?";
    assert_eq!(folded, [(Fold::Quote, first), (Fold::Quote, "> May we call you?")]);
    assert!(mail.text.contains(first) && mail.text.contains("after four"), "{}", mail.text);
    let mail = named("reply-base64-with-footer");
    assert_eq!(mail.folded.iter().map(|piece| piece.fold).collect::<Vec<_>>(), [Fold::Footer]);
    assert!(mail.text.contains("Care mailing list"), "{}", mail.text);
}

#[test]
fn what_was_sent_along_is_named() {
    let attachments = named("reply-photo-between-words").attachments;
    assert_eq!(attachments, [Attachment { name: "rāmis.jpg".to_owned(), media_type: "image/jpeg".to_owned(), size: 6 }]);
    assert_eq!(named("reply-winmail").attachments.first().map(|file| file.name.as_str()), Some("winmail.dat"));
    assert_eq!(named("reply-html-entities").attachments, []);
}

#[test]
fn words_that_nobody_here_can_read_are_told() {
    for (name, word) in [("reply-encrypted", "encrypted"), ("reply-winmail", "winmail.dat")] {
        let mail = named(name);
        assert_eq!(mail.kind, Kind::Reply, "{name}");
        assert!(mail.said.contains(word), "{name}: {}", mail.said);
    }
}

#[test]
fn what_is_too_large_or_too_deep_is_not_read() {
    let refused = |raw: &[u8]| read(raw, None, &own()).unwrap_err();
    assert_eq!(refused(&vec![b'x'; MAX_BYTES + 1]), Refused::Size);
    let long = format!("From: a@b.lt\nX-Long: {}\n\nhello", "x ".repeat(MAX_HEAD));
    assert_eq!(refused(long.as_bytes()), Refused::Head);
    let many = (0..MAX_HEAD / 10).fold(String::from("From: a@b.lt\n"), |all, n| format!("{all}X-{n}: y\n"));
    assert_eq!(refused(many.as_bytes()), Refused::Head);
    let mut parts = String::from("From: a@b.lt\nContent-Type: multipart/mixed; boundary=p\n\n");
    for _ in 0..10_000 {
        parts.push_str("--p\nContent-Type: text/plain\n\nx\n");
    }
    assert_eq!(refused(parts.as_bytes()), Refused::Parts);
    let mut deep = String::from("From: a@b.lt\n");
    for n in 0..10_000 {
        let _ = writeln!(deep, "Content-Type: multipart/mixed; boundary=d{n}\n\n--d{n}");
    }
    assert_eq!(refused(deep.as_bytes()), Refused::Depth);
}

#[test]
fn mails_within_mails_are_not_looked_into() {
    let within = "Content-Type: message/rfc822\n\n".repeat(200_000);
    let raw = format!("From: a@b.lt\n{within}");
    assert!(read(raw.as_bytes(), None, &own()).is_ok());
    let digest = format!("From: a@b.lt\nContent-Type: multipart/digest; boundary=x\n\n--x\n\n{within}\n--x--\n");
    assert!(read(digest.as_bytes(), None, &own()).is_ok());
}

#[test]
fn broken_mail_breaks_nothing() {
    for (_, raw) in corpus() {
        // Cut off anywhere, and with a byte turned over anywhere.
        for at in (0..raw.len()).step_by(37) {
            let _ = read(&raw[..at], None, &own());
            let mut other = raw.clone();
            other[at] ^= 0x5A;
            let _ = read(&other, Some("care+x@rida.example"), &own());
        }
    }
    for raw in [
        &b""[..],
        b"\n",
        b":",
        b"From:",
        b"From: <",
        b"\xff\xfe\x00",
        b"From: a@b.lt\nContent-Type: multipart/mixed; boundary=\"\"\n\n--\n",
    ] {
        let _ = read(raw, None, &own());
    }
}
