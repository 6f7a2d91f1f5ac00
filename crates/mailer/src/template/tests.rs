use std::{collections::HashSet, fs};

use hearback_core::Locale;

use super::*;
use crate::{Audience, Mail};

fn locales() -> Vec<Locale> {
    ["en", "lt", "lv", "fi"].into_iter().map(|tag| Locale::parse(tag).unwrap()).collect()
}

/// The visible text of an HTML part.
fn visible(html: &str) -> String {
    let body = html.split_once("<body").map_or("", |(_, body)| body);
    let mut text = String::new();
    for piece in body.split('<') {
        text.push_str(piece.split_once('>').map_or("", |(_, text)| text));
        text.push(' ');
    }
    text.replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_mail_renders_in_every_language_in_all_parts() {
    let templates = Templates::load(None).unwrap();
    let mut shipped: Vec<_> = Mail::ALL.iter().map(|mail| mail.template()).collect();
    shipped.sort_unstable();
    assert_eq!(templates.names().collect::<Vec<_>>(), shipped);
    for mail in Mail::ALL {
        let mut subjects = HashSet::new();
        for locale in locales() {
            for context in [mail.sample(locale.clone()), MailContext::sample(locale.clone())] {
                let rendered = templates.render(mail.template(), &context).unwrap();
                let all = format!("{}\n{}\n{}", rendered.subject, rendered.text, rendered.html);
                assert!(!all.contains("{{") && !all.contains("@@") && !all.contains('{'), "{all}");
                assert!(rendered.html.contains(&format!("<html lang=\"{locale}\">")) && !rendered.html.contains("<img"));
                assert!(!rendered.text.contains("\n\n\n"), "{}", rendered.text);
                // The text part says what the HTML part says.
                let seen = visible(&rendered.html);
                for line in
                    rendered.text.lines().map(|line| line.trim_start_matches("> ").trim()).filter(|line| !line.is_empty() && *line != "--")
                {
                    for words in line.split(": http").take(1) {
                        assert!(seen.contains(words), "{mail:?} {locale}: the HTML part lacks {words:?}: {seen}");
                    }
                }
                subjects.insert(rendered.subject);
            }
        }
        assert!(subjects.len() >= 4, "{mail:?}: {subjects:?}");
    }
}

#[test]
fn customers_can_stop_and_staff_can_open_the_case() {
    let templates = Templates::load(None).unwrap();
    for mail in Mail::ALL {
        let context = mail.sample(Locale::default());
        let rendered = templates.render(mail.template(), &context).unwrap();
        let (link, other) = match mail.audience() {
            Audience::Customer => (context.unsubscribe_url, "/cases/"),
            Audience::Owner => (context.own_data_url, "/u/"),
            Audience::Staff => (context.case_url, "/u/"),
        };
        let link = link.unwrap();
        for part in [&rendered.text, &rendered.html] {
            assert!(part.contains(&link) && !part.contains(other), "{part}");
        }
    }
}

#[test]
fn a_mail_to_a_detractor_reads_well_with_little_known() {
    let templates = Templates::load(None).unwrap();
    let context = MailContext { company: "Example".to_owned(), score: Some(0), ..MailContext::default() };
    let rendered = templates.render("detractor_outreach", &context).unwrap();
    assert_eq!(
        rendered.text,
        "Hello,\n\nThank you for being frank with us. Your score of 0 tells us that we let you down, and we want to understand what happened.\n\n\
         Could you tell us in a sentence or two what went wrong?\n\n\
         Simply reply to this message: a person reads every answer.\n\nExample\n"
    );
}

#[test]
fn an_invitation_is_answered_by_a_number_without_pictures_or_colours() {
    let templates = Templates::load(None).unwrap();
    let context = MailContext { accent: Some("#ffd400".to_owned()), ..Mail::SurveyInvitation.sample(Locale::default()) };
    let rendered = templates.render("survey_invitation", &context).unwrap();
    for number in 0..=10 {
        let url = format!("https://hearback.example/s/token?score={number}");
        assert!(rendered.text.contains(&format!("\n{number}: {url}\n")), "{}", rendered.text);
        assert!(rendered.html.contains(&format!("<a href=\"{url}\"")) && rendered.html.contains(&format!("color:#000000\">{number}</a>")));
    }
    assert_eq!(rendered.html.matches("bgcolor=\"#ffd400\"").count(), 11);
    assert!(rendered.text.contains("0 = Not at all likely\n10 = Extremely likely\n"), "{}", rendered.text);
    assert!(rendered.text.contains("because Example Ltd asks its customers"));
    let alone = templates.render("survey_invitation", &MailContext { scores: Vec::new(), ..context }).unwrap();
    assert!(!alone.html.contains("<table") && alone.text.contains("Answer on our page: https://hearback.example/s/token\n"));
}

#[test]
fn rules_can_not_ask_for_what_they_know_nothing_about() {
    let templates = Templates::load(None).unwrap();
    assert!(templates.for_rules().all(|name| !matches!(name, "survey_invitation" | "survey_reminder" | "agent_reply")));
    assert_eq!(templates.for_rules().count() + 6, templates.names().count());
}

#[test]
fn a_passive_is_asked_for_the_barrier_and_gets_a_code_only_when_there_is_one() {
    let templates = Templates::load(None).unwrap();
    let mut context = Mail::PassiveThanks.sample(Locale::default());
    let text = |context: &MailContext| templates.render("passive_thanks", context).unwrap().text;
    assert!(text(&context).contains("What is the one thing we could do better?") && text(&context).contains("THANKS-10"));
    context.comment = Some("Cheaper".to_owned());
    context.incentive_code = None;
    assert!(!text(&context).contains("What is the one thing") && text(&context).contains("> Cheaper") && !text(&context).contains("code"));
}

#[test]
fn a_blank_is_never_sent() {
    let templates = Templates::load(None).unwrap();
    let context = MailContext { company: "Example".to_owned(), ..MailContext::default() };
    let error = |template: &str, context: &MailContext| templates.render(template, context).unwrap_err().to_string();
    assert_eq!(error("detractor_outreach", &context), "held: missing variable score in template detractor_outreach");
    assert_eq!(error("referral_invitation", &context), "held: missing variable referral_url in template referral_invitation");
    assert!(
        error("nope", &context)
            .starts_with("there is no mail template `nope`; there are agent_reply, customer_wrote, detractor_outreach, ")
    );
    let context = MailContext { case_url: Some("javascript:x".to_owned()), ..context };
    assert!(error("task_assigned", &context).contains("case_url in template task_assigned is not a link"));
}

#[test]
fn words_of_customers_stay_words() {
    let templates = Templates::load(None).unwrap();
    let evil = "<script>alert('x')</script>\n.\n\"{{company}}\" {score} & \u{202E}";
    let context =
        MailContext { comment: Some(evil.to_owned()), agent: Some("A\r\nBcc: <b>".to_owned()), ..MailContext::sample(Locale::default()) };
    let rendered = templates.render("detractor_outreach", &context).unwrap();
    assert!(rendered.html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\n.\n&quot;{{company}}&quot; {score} &amp;"));
    assert!(rendered.html.contains("My name is A Bcc: &lt;b&gt;,"));
    assert!(rendered.text.contains("> <script>alert('x')</script>\n> .\n> \"{{company}}\" {score} &"));
    assert!(!rendered.text.contains('\u{202E}'));
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn a_folder_overrides_parts_and_adds_mails() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "mail/passive_thanks/subject.txt.hbs", "Hi from {{company}}\n");
    for (file, text) in [("subject.txt.hbs", "S {{score}}"), ("body.txt.hbs", "T"), ("body.html.hbs", "<p>{{t \"mail.greeting\"}}</p>")] {
        write(folder.path(), &format!("mail/own_mail/{file}"), text);
    }
    write(folder.path(), "lang/fi.json", r#"{"strings": {"mail.greeting": "Moi <3"}}"#);
    let templates = Templates::load(Some(folder.path())).unwrap();
    assert!(templates.names().any(|name| name == "own_mail"));
    let context = MailContext::sample(Locale::parse("fi").unwrap());
    assert_eq!(templates.render("passive_thanks", &context).unwrap().subject, "Hi from Example Ltd");
    let own = templates.render("own_mail", &context).unwrap();
    assert_eq!(own.subject, "S 3");
    assert!(own.html.contains("<p>Moi &lt;3</p>"));
}

#[test]
fn a_bad_folder_is_refused_with_file_and_line() {
    for (file, text, part) in [
        ("mail/passive_thanks/body.txt.hbs", "a\n{{nome}}", "body.txt.hbs:2: unknown variable `nome`"),
        ("mail/passive_thanks/body.html.hbs", "<a href={{case_url}}>", "body.html.hbs:1: a value inside a tag"),
        ("mail/passive_thanks/subject.txt.hbs", "{{t \"mail.nope\"}}", "subject.txt.hbs:1: no language has the string `mail.nope`"),
        ("mail/passive_thanks/subject.txt.hbs", "{{t \"dash.too_few\"}}", "in lang/en.json uses the unknown variable `min`"),
        ("mail/own/subject.txt.hbs", "x", "mail/own/body.txt.hbs: the file is missing"),
        ("mail/Own/subject.txt.hbs", "x", "mail/Own: must be a key"),
        ("mail/layout.txt.hbs", "x", "layout.txt.hbs: must have exactly one `@@body@@`"),
        ("mail/layout.html.hbs", &"x".repeat(70_000), "layout.html.hbs: has 70000 bytes"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), file, text);
        let error = Templates::load(Some(folder.path())).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn output_has_a_limit_and_a_subject_has_words() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "mail/own/subject.txt.hbs", "{{#if score}}x{{/if}}");
    write(folder.path(), "mail/own/body.txt.hbs", &"{{comment}}".repeat(60));
    write(folder.path(), "mail/own/body.html.hbs", "x");
    let templates = Templates::load(Some(folder.path())).unwrap();
    let context = MailContext { comment: Some("x".repeat(10_000)), ..MailContext::sample(Locale::default()) };
    assert_eq!(templates.render("own", &context).unwrap_err().to_string(), "held: template own: body.txt.hbs gives more than 524288 bytes");
    let context = MailContext { score: None, ..context };
    assert_eq!(templates.render("own", &context).unwrap_err().to_string(), "held: template own: the subject is empty");
}
