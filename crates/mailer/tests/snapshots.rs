//! Every mail in every language, word for word: whoever changes a template or a string sees what readers will see.
//!
//! After a change that is meant: `INSTA_UPDATE=always cargo test -p hearback-mailer --test snapshots`, and look at the difference.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::{collections::BTreeSet, fs};

use hearback_core::Locale;
use hearback_mailer::{Mail, Templates};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mails");

#[test]
fn every_mail_says_what_it_said() {
    let templates = Templates::load(None).unwrap();
    let languages: Vec<&str> = templates.languages().all().map(hearback_mailer::Language::code).collect();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(FOLDER);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let mut known = BTreeSet::new();
    for mail in Mail::ALL {
        for language in &languages {
            let name = format!("{}.{language}", mail.template());
            let mail = templates.render(mail.template(), &mail.sample(Locale::parse(language).unwrap())).unwrap();
            let parts = format!("Subject: {}\n\n{}\n{}", mail.subject, mail.text, mail.html);
            settings.bind(|| insta::assert_snapshot!(name.as_str(), parts));
            known.insert(format!("{name}.snap"));
        }
    }
    let files: BTreeSet<String> = fs::read_dir(FOLDER).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(files, known, "there is one file for each mail in each language");
}
