use std::process::{Command, Stdio};

use super::*;
use crate::{Mail, Origin, Outgoing, Templates};

/// From RFC 8463, appendix A.
const SEED: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

fn rsa() -> String {
    let output = Command::new("openssl").args(["genrsa", "2048"]).stderr(Stdio::null()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn message() -> Message {
    let templates = Templates::load(None).unwrap();
    let context = Mail::SurveyInvitation.sample(hearback_core::Locale::default());
    let content = templates.render("survey_invitation", &context).unwrap();
    let email = |text: &str| hearback_core::Email::parse(text).unwrap();
    Outgoing {
        message_id: "1@example.com".to_owned(),
        date: chrono::DateTime::UNIX_EPOCH,
        from: email("us@example.com").into(),
        return_path: None,
        to: email("anna@example.org").into(),
        reply_to: None,
        content,
        unsubscribe_url: context.unsubscribe_url,
        unsubscribe_mail: None,
        origin: Origin::Bulk,
        in_reply_to: None,
    }
    .build()
    .unwrap()
}

#[test]
fn both_signatures_stand_in_front_of_a_mail_that_is_otherwise_the_same() {
    let pem = rsa();
    let signer =
        Signer::new("Example.com", Some(KeyFile { selector: "r1", text: &pem }), Some(KeyFile { selector: "e1", text: SEED })).unwrap();
    let plain = message();
    let signed = signer.sign(plain.clone()).unwrap();
    assert_eq!(signed, signer.sign(plain.clone()).unwrap(), "the same mail, the same signature");
    assert!(signed.bytes.ends_with(&plain.bytes));
    let text = String::from_utf8(signed.bytes).unwrap();
    let front = &text[..text.len() - plain.bytes.len()];
    assert_eq!(front.matches("DKIM-Signature: v=1; a=").count(), 2);
    assert!(
        front.starts_with("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.com; s=e1;\r\n h=From:\r\n  From:\r\n  To:")
    );
    assert!(front.lines().all(|line| line.len() <= 78), "{front}");
    assert!(!front.contains("h=Sender") && front.contains("List-Unsubscribe-Post"));
    assert!(signer.is_slow() && !format!("{signer:?}").contains(SEED));
    let [ed25519, rsa] = signer.records().try_into().unwrap();
    assert_eq!(ed25519, DnsRecord { name: "e1._domainkey.example.com".to_owned(), text: format!("v=DKIM1; k=ed25519; p={PUBLIC}") });
    assert!(rsa.text.starts_with("v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"), "{}", rsa.text);
}

#[test]
fn what_is_no_key_is_refused_in_words() {
    let key = |text| KeyFile { selector: "s", text };
    let no_rsa = Signer::new("example.com", Some(key(SEED)), None).unwrap_err();
    assert_eq!(no_rsa, DkimError::Key(KeyError::Rsa));
    let pem = rsa();
    let no_ed25519 = Signer::new("example.com", None, Some(key(&pem))).unwrap_err();
    assert!(no_ed25519.to_string().contains("openssl genpkey -algorithm ed25519") && !no_ed25519.to_string().contains(&pem[40..60]));
    for domain in ["", "localhost", "a b.c", "-a.lt", "näide.ee"] {
        assert_eq!(Signer::new(domain, None, None).unwrap_err(), DkimError::Domain, "{domain}");
    }
    let odd = KeyFile { selector: "a.b", text: SEED };
    assert_eq!(Signer::new("example.com", None, Some(odd)).unwrap_err(), DkimError::Selector);
}
