//! Mail that comes in: mails in many shapes with genuine marks, brought to the product.

#![expect(clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "a mail that is not there must fail its test loudly")]

use std::fs;

use hearback_core::token::Purpose;
use serde_json::Value;
use uuid::Uuid;

use crate::{app::TestApp, client::Answer};

/// Stands in the mails where a mark belongs.
pub const MARK: &str = "hearbackmarkhearbackmarkhearbackmarkhearba";

/// The genuine mark of a delivery.
pub fn mark(app: &TestApp, purpose: Purpose, delivery: Uuid) -> String {
    app.cx.settings.secret_key.mark(purpose, app.ws.uuid(), delivery)
}

/// The mails that the tests of the mailer read: name and bytes of each.
pub fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/mailer/tests/inbound");
    let files = fs::read_dir(folder).expect(folder).map(|file| file.expect(folder));
    files.map(|file| (file.file_name().to_string_lossy().into_owned(), fs::read(file.path()).expect("a mail"))).collect()
}

/// The mail of this name, with this mark.
pub fn shaped(name: &str, mark: &str) -> Vec<u8> {
    let (_, raw) = corpus().into_iter().find(|(file, _)| file == &format!("{name}.eml")).unwrap_or_else(|| panic!("no mail {name}"));
    // Not all of them are UTF-8.
    let mut marked = Vec::with_capacity(raw.len());
    let mut rest = raw.as_slice();
    while let Some((first, others)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(MARK.as_bytes()) {
            marked.extend_from_slice(mark.as_bytes());
            rest = after;
        } else {
            marked.push(*first);
            rest = others;
        }
    }
    marked
}

/// A reply to the address with this mark.
pub fn reply(mark: &str, from: &str, text: &str) -> Vec<u8> {
    format!(
        "Return-Path: <{from}>\r\nFrom: {from}\r\nTo: The Shop <feedback+{mark}@shop.example>\r\nSubject: Re: your question\r\n\
         Date: Mon, 16 Mar 2026 10:00:00 +0000\r\nMessage-ID: <{text_id}@example.com>\r\n\r\n{text}\r\n",
        text_id = text.bytes().filter(u8::is_ascii_alphanumeric).map(char::from).collect::<String>()
    )
    .into_bytes()
}

/// What a telephone writes to the address with this mark: new words, the mail that they answer, a picture and a file.
pub fn with_files(mark: &str) -> String {
    let headers = format!(
        "From: anna@example.com\r\nTo: The Shop <feedback+{mark}@shop.example>\r\nSubject: Re: your question\r\n\
         Message-ID: <files@example.com>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
    );
    let text = "--B\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nThe lamp is broken, see the picture.\r\n\r\n\
                On Mon, 16 Mar 2026 at 09:00, The Shop <feedback@shop.example> wrote:\r\n> What could we do <better>?\r\n";
    let picture = "--B\r\nContent-Type: image/jpeg; name=\"lamp.jpg\"\r\nContent-Disposition: attachment; filename=\"lamp.jpg\"\r\n\
                   Content-Transfer-Encoding: base64\r\n\r\n/9j/4AAQ\r\n";
    let file =
        "--B\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"<b>bill</b>.pdf\"\r\n\r\n%PDF\r\n--B--\r\n";
    format!("{headers}{text}{picture}{file}")
}

/// Brings a mail to the API of the first workspace.
pub async fn bring(app: &TestApp, raw: impl Into<Vec<u8>>) -> Answer {
    app.api.send("POST", "/api/v1/inbound", &[("content-type", "message/rfc822")], raw.into()).await
}

/// The same, as far as it was taken as new.
pub async fn taken(app: &TestApp, raw: impl Into<Vec<u8>>) -> Value {
    bring(app, raw).await.expect(201)
}
