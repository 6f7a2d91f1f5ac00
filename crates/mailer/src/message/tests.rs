use chrono::TimeZone;
use mail_parser::{MessageParser, MimeHeaders};

use super::*;

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

fn outgoing() -> Outgoing {
    Outgoing {
        message_id: "0190.detractor_outreach.1@hearback.example".to_owned(),
        date: Utc.with_ymd_and_hms(2026, 3, 9, 8, 5, 7).unwrap(),
        from: Party { email: email("support@example.com"), name: Some("Example Ltd".to_owned()) },
        to: Party { email: email("anna@example.org"), name: Some("Anna Petraitė".to_owned()) },
        reply_to: None,
        content: Rendered {
            subject: "Dėl Jūsų atsakymo".to_owned(),
            text: "Sveiki,\n\nAčiū.\n".to_owned(),
            html: "<p>Ačiū</p>".to_owned(),
            quoted: None,
        },
        unsubscribe_url: None,
        unsubscribe_mail: None,
        return_path: None,
        origin: Origin::Automatic,
        in_reply_to: None,
    }
}

/// Builds and checks what holds for every mail: 7-bit, CRLF, short lines, the same bytes again.
fn bytes(outgoing: &Outgoing) -> Vec<u8> {
    let message = outgoing.build().unwrap();
    assert_eq!(message, outgoing.build().unwrap());
    let text = String::from_utf8(message.bytes.clone()).unwrap();
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    for line in text.split_inclusive("\r\n") {
        let line = line.strip_suffix("\r\n").expect("ends in CRLF");
        assert!(line.len() <= 998 && line.bytes().all(|b| b == b'\t' || (0x20..0x7F).contains(&b)), "{line:?}");
    }
    assert!(head.lines().all(|line| line.len() <= 998));
    message.bytes
}

/// The names of the headers in order.
fn headers(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])).map(|line| line.split(':').next().unwrap().to_owned()).collect()
}

#[test]
fn a_mail_to_a_customer_has_exactly_these_headers_and_both_parts() {
    let mut mail = outgoing();
    mail.reply_to = Some(email("case+1@example.com").into());
    mail.unsubscribe_url = Some(format!("https://hearback.example/u/{}", "x".repeat(800)));
    let bytes = bytes(&mail);
    let mut expected = [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Reply-To",
        "Auto-Submitted",
        "X-Auto-Response-Suppress",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "MIME-Version",
        "Content-Type",
    ];
    let mut found = headers(&bytes);
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    let parsed = MessageParser::default().parse(&bytes).unwrap();
    assert_eq!(parsed.subject(), Some("Dėl Jūsų atsakymo"));
    assert_eq!(parsed.message_id(), Some(mail.message_id.as_str()));
    assert_eq!(parsed.date().unwrap().to_rfc3339(), "2026-03-09T08:05:07Z");
    let to = parsed.to().unwrap().first().unwrap();
    assert_eq!((to.name(), to.address()), (Some("Anna Petraitė"), Some("anna@example.org")));
    assert_eq!(parsed.reply_to().unwrap().first().unwrap().address(), Some("case+1@example.com"));
    assert_eq!(parsed.body_text(0).unwrap().trim_end(), "Sveiki,\n\nAčiū.".replace('\n', "\r\n"));
    assert_eq!(parsed.body_html(0).unwrap().trim_end(), "<p>Ačiū</p>");
    assert_eq!((parsed.parts.len(), parsed.attachment_count()), (3, 0));
    let kind = parsed.content_type().unwrap();
    assert_eq!((kind.ctype(), kind.subtype()), ("multipart", Some("alternative")));
    let raw = String::from_utf8(bytes).unwrap();
    for line in [
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        &format!("List-Unsubscribe: <{}>", mail.unsubscribe_url.unwrap()),
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ] {
        assert!(raw.contains(&format!("\r\n{line}\r\n")), "{line}");
    }
}

#[test]
fn what_many_are_asked_says_so_and_can_be_stopped_by_mail() {
    let mail = Outgoing {
        origin: Origin::Bulk,
        unsubscribe_url: Some("https://hearback.example/u/x".to_owned()),
        unsubscribe_mail: Some(email("reply+abc@example.com")),
        return_path: Some(email("bounces+abc@b.example")),
        ..outgoing()
    };
    assert_eq!(mail.build().unwrap().sender, email("bounces+abc@b.example"));
    let raw = String::from_utf8(bytes(&mail)).unwrap();
    assert!(raw.contains("\r\nPrecedence: bulk\r\n") && raw.contains("\r\nAuto-Submitted: auto-generated\r\n"));
    assert!(raw.contains("List-Unsubscribe: <https://hearback.example/u/x>, <mailto:reply+abc@example.com?subject=unsubscribe>\r\n"));
}

#[test]
fn what_a_person_has_written_answers_and_is_not_automatic() {
    let mail = |id: &str| Outgoing { origin: Origin::Person, in_reply_to: Some(id.to_owned()), ..outgoing() };
    let raw = String::from_utf8(bytes(&mail(" <CA+x=[1]@mail.example> "))).unwrap();
    assert!(raw.contains("\r\nIn-Reply-To: <CA+x=[1]@mail.example>\r\nReferences: <CA+x=[1]@mail.example>\r\n"));
    assert!(!raw.contains("Auto-Submitted") && !raw.contains("Precedence"));
    for odd in ["", "<>", "a b@x", "a\r\nBcc: v@x.lt", "<<a@b>>", &"x".repeat(300)] {
        assert!(!headers(&bytes(&mail(odd))).iter().any(|name| name == "In-Reply-To" || name == "Bcc"), "{odd}");
    }
}

#[test]
fn a_mail_to_staff_has_no_unsubscribe() {
    let found = headers(&bytes(&outgoing()));
    assert_eq!(found.len(), 9, "{found:?}");
    assert!(!found.iter().any(|name| name.starts_with("List-") || name == "Reply-To"));
}

#[test]
fn no_name_can_break_a_header() {
    let long = "Ą".repeat(300);
    let wide = "word ".repeat(60);
    for name in [
        "Evil\r\nBcc: v@x.com",
        "a\nb",
        "a\rb",
        "a\0b",
        "a\u{202E}b\u{2066}c",
        "a\u{2028}b",
        "\"quoted\" \\ back",
        "Anna, Bea <x@y.z>; (comment)",
        "😀 emoji 👩‍👩‍👧",
        "=?utf-8?q?fake?=",
        "מיכל \u{200F}",
        "é\u{301}",
        " ",
        "",
        ".",
        "@",
        &long,
        &wide,
    ] {
        let mut mail = outgoing();
        mail.to.name = Some(name.to_owned());
        mail.from.name = Some(name.to_owned());
        mail.reply_to = Some(Party { email: email("r@example.com"), name: Some(name.to_owned()) });
        mail.content.subject = format!("S {name}");
        let bytes = bytes(&mail);
        let mut plain = outgoing();
        plain.reply_to = Some(email("r@example.com").into());
        assert_eq!(headers(&bytes), headers(&plain.build().unwrap().bytes), "{name:?}");
        let parsed = MessageParser::default().parse(&bytes).unwrap();
        for (side, address) in
            [(parsed.to(), "anna@example.org"), (parsed.from(), "support@example.com"), (parsed.reply_to(), "r@example.com")]
        {
            let side = side.unwrap();
            assert_eq!(side.iter().count(), 1, "{name:?}");
            let party = side.first().unwrap();
            assert_eq!(party.address(), Some(address), "{name:?}");
            let shown: String = text::clean_line(name).chars().take(MAX_NAME).collect();
            assert_eq!(party.name().unwrap_or_default().trim(), shown.trim(), "{name:?}");
        }
    }
}

#[test]
fn addresses_of_all_kinds_are_written_so_that_they_are_read_back() {
    for (address, utf8) in [
        ("jonas@ąžuolas.lt", false),
        ("o'hara+tag=1@example.com", false),
        ("a!#$%&*-/?^_`{|}~.b@example.com", false),
        (&format!("{}@{}.{}.{}.lt", "a".repeat(64), "b".repeat(60), "c".repeat(60), "d".repeat(50)), false),
    ] {
        let mut mail = outgoing();
        mail.to.email = email(address);
        let message = mail.build().unwrap();
        assert_eq!(message.needs_smtputf8(), utf8, "{address}");
        let parsed = MessageParser::default().parse(&message.bytes).unwrap();
        assert_eq!(parsed.to().unwrap().first().unwrap().address(), Some(email(address).as_str()));
    }
    let mut mail = outgoing();
    mail.to.email = email("õie@näide.ee");
    let message = mail.build().unwrap();
    assert!(message.needs_smtputf8());
    let parsed = MessageParser::default().parse(&message.bytes).unwrap();
    assert_eq!(parsed.to().unwrap().first().unwrap().address(), Some("õie@xn--nide-loa.ee"));
}

#[test]
fn content_comes_out_as_it_went_in() {
    let dots = ".\n..\n.\r\n\r\n.\r\nend\n";
    let smuggled = "x\r\n.\r\nMAIL FROM:<a@b.lt>\r\n";
    let long = format!("{}\n{}\n", "x".repeat(5_000), "ž ".repeat(3_000));
    for content in [dots, smuggled, &long, "a\rb\n", "tab\tend  \n", "From me\n", "--hearback-\n", "=20 =\n", "\n\n", "😀\n"] {
        let mut mail = outgoing();
        mail.content.text = content.to_owned();
        mail.content.html = format!("<pre>\n{content}</pre>\n");
        let bytes = bytes(&mail);
        let parsed = MessageParser::default().parse(&bytes).unwrap();
        let wanted = content.replace("\r\n", "\n").replace('\r', "\n");
        let got = parsed.body_text(0).unwrap().replace("\r\n", "\n");
        assert_eq!(got.trim_end_matches('\n'), wanted.trim_end_matches('\n'), "{content:?}");
        let got = parsed.body_html(0).unwrap().replace("\r\n", "\n");
        assert_eq!(got.trim_end_matches('\n'), format!("<pre>\n{wanted}</pre>"), "{content:?}");
    }
}

#[test]
fn a_boundary_in_the_text_is_avoided() {
    let mut mail = outgoing();
    let usual = mail.boundary(&[]);
    mail.content.text = format!("--{usual}--\nstill here\n");
    let bytes = bytes(&mail);
    let parsed = MessageParser::default().parse(&bytes).unwrap();
    assert!(parsed.body_text(0).unwrap().contains("still here"));
    assert_eq!(parsed.parts.len(), 3);
}

#[test]
fn ids_and_links_that_would_ruin_a_header_are_refused() {
    for id in ["", "a", "@b", "a@", "a@b@c", "a b@c", "<a@b>", "a@b\r\nBcc: x@y.z", "ą@b", &format!("{}@b", "a".repeat(250))] {
        let mail = Outgoing { message_id: id.to_owned(), ..outgoing() };
        assert_eq!(mail.build(), Err(BuildError::MessageId), "{id:?}");
    }
    for url in
        ["", "mailto:x@y.z", "https://x/\r\nBcc: a@b.c", "https://x/>, <https://y", "https://x/ą", &format!("https://{}", "x".repeat(900))]
    {
        let mail = Outgoing { unsubscribe_url: Some(url.to_owned()), ..outgoing() };
        assert_eq!(mail.build(), Err(BuildError::UnsubscribeUrl), "{url:?}");
    }
}

#[test]
fn a_huge_mail_is_built_in_linear_time() {
    let mut mail = outgoing();
    mail.content.text = "\n".repeat(500_000);
    mail.content.html = "ž\n".repeat(200_000);
    assert!(mail.build().unwrap().bytes.len() > 1_000_000);
}
