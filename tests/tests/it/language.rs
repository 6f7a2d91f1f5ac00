//! A language is a file: one more in a folder, and every mail and the survey page speak it.

use hearback_core::Locale;
use hearback_engine::customers::people::NewPerson;
use hearback_mailer::{Mail, Templates};
use hearback_tests::{
    app::{Options, on_every_database_with},
    client::Client,
    survey::invite,
};
use serde_json::{Value, json};

/// Stands before every word that is not English.
const MARK: char = '«';

/// German as somebody adds it: every string of the English file in other words, with months, a form of dates and rules of its own.
fn german() -> tempfile::TempDir {
    let english = include_str!("../../../templates/lang/en.json");
    let mut file: Value = serde_json::from_str(english).unwrap();
    translate(&mut file["strings"]);
    translate(&mut file["plurals"]);
    file["name"] = json!("Deutsch");
    file["date"] = json!("%-d. %B %Y");
    file["months"] =
        json!(["Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("lang")).unwrap();
    std::fs::write(folder.path().join("lang/de.json"), file.to_string()).unwrap();
    folder
}

fn translate(value: &mut Value) {
    match value {
        Value::String(text) => text.insert(0, MARK),
        Value::Object(all) => all.values_mut().for_each(translate),
        _ => panic!("a language has words only: {value}"),
    }
}

#[test]
fn every_mail_is_written_in_it() {
    let folder = german();
    let templates = Templates::load(Some(folder.path())).unwrap();
    assert_eq!(templates.languages().warnings(), [""; 0]);
    let locale = Locale::parse("de-AT").unwrap();
    let english = Templates::load(None).unwrap();
    for mail in Mail::ALL {
        let sample = mail.sample(locale.clone());
        let [written, other] = [&templates, &english].map(|templates| templates.render(mail.template(), &sample).unwrap());
        for part in [&written.text, &written.html] {
            assert!(part.contains(MARK), "{mail:?}: {part}");
            assert!(!part.contains("9 March 2026"), "{mail:?}: {part}");
        }
        // What differs is marked, and nothing else.
        let bare = |text: &str| text.replace(MARK, "").replace("9. März 2026", "9 March 2026");
        assert_eq!((bare(&written.subject), bare(&written.text)), (other.subject, other.text), "{mail:?}");
        assert!(written.html.contains("<html lang=\"de\">"), "{mail:?}");
    }
    let due = templates.render(Mail::DueSoon.template(), &Mail::DueSoon.sample(locale)).unwrap();
    assert!(due.text.contains("9. März 2026"), "{}", due.text);
}

#[tokio::test]
async fn the_survey_page_speaks_it() {
    let folder = german();
    let options = Options { templates: Some(folder.path().to_owned()), ..Options::default() };
    on_every_database_with(&options, async |app| {
        let locale = Some("de".to_owned());
        let person = NewPerson { email: Some("anna@example.com".to_owned()), locale, ..NewPerson::default() };
        let (_, link) = invite(&app.cx, app.ws, "nps", person).await;
        let page = Client::stranger(app.address()).get(&format!("{link}?score=3")).await.text();
        assert!(page.contains("<html lang=\"de\""), "{page}");
        for key in ["action.send", "why.detractor", "privacy.note"] {
            let language = app.cx.templates.languages().get(&Locale::parse("de").unwrap());
            let words = language.phrase(key).unwrap().fill(|_| None).unwrap();
            assert!(words.starts_with(MARK) && page.contains(&words.replace('\'', "&#39;")), "{key}: {page}");
        }
    })
    .await;
}
