use super::*;

fn body() -> Body {
    serde_json::from_str(
        r#"{"question":{"en":"How was it?","lt":"Kaip sekėsi?"},
            "questions":[
              {"key":"what","text":{"en":"What was it about?"},"kind":"single_choice",
               "choices":[{"key":"price","text":{"en":"Price"}},{"key":"time","text":{"en":"Time"}}]},
              {"key":"where","text":{"en":"Where?"},"kind":"multiple_choice",
               "choices":[{"key":"shop","text":{"en":"Shop"}},{"key":"web","text":{"en":"Web"}}]},
              {"key":"more","text":{"en":"More?"},"kind":"text","segments":["detractor"]},
              {"key":"ease","text":{"en":"How easy?"},"kind":"scale","min":1,"max":7}]}"#,
    )
    .unwrap()
}

#[test]
fn a_body_is_checked_and_survives_its_json() {
    let checked = body().checked().unwrap();
    let again: Body = serde_json::from_str(&serde_json::to_string(&checked).unwrap()).unwrap();
    assert_eq!(again, checked);
    assert_eq!(checked.question.say("lt", "en"), Some("Kaip sekėsi?"));
    assert_eq!(checked.question.say("fi", "en"), Some("How was it?"));
    assert_eq!(checked.low.say("fi", "en"), None);
    assert_eq!(serde_json::from_str::<Body>("{}").unwrap(), Body::default());
}

#[test]
fn every_refused_field_is_named() {
    let mut bad = body();
    bad.answer_days = 0;
    bad.thanks.passive = Words::of("EN", &"x".repeat(20_000));
    bad.questions[0].key = "No key".to_owned();
    bad.questions[3].ask = QuestionType::Scale { min: 5, max: 5 };
    bad.questions[1].ask = QuestionType::SingleChoice { choices: Vec::new() };
    bad.questions[2].key = "ease".to_owned();
    let fields: Vec<String> = bad.checked().unwrap_err().into_iter().map(|(field, _)| field).collect();
    for wanted in
        ["thanks.passive", "thanks.passive.EN", "questions[0].key", "questions[1].choices", "questions[3].max", "questions", "answer_days"]
    {
        assert!(fields.iter().any(|field| field == wanted), "{wanted} in {fields:?}");
    }
}

#[test]
fn answers_are_for_the_questions_that_were_asked() {
    let body = body();
    let text = |text: &str| Answer::Text(text.to_owned());
    let given = |pairs: &[(&str, Answer)]| pairs.iter().map(|(key, answer)| ((*key).to_owned(), answer.clone())).collect::<Answers>();
    let good = given(&[
        ("what", text("price")),
        ("where", Answer::Several(vec!["web".to_owned(), "shop".to_owned()])),
        ("ease", text("3")),
        ("more", text("  ")),
    ]);
    let checked = body.check_answers(Segment::Detractor, good).unwrap();
    assert_eq!(serde_json::to_string(&checked).unwrap(), r#"{"ease":3,"what":"price","where":["shop","web"]}"#);
    let bad = given(&[("what", text("cats")), ("more", text("x")), ("ease", Answer::Number(8)), ("nothing", text("y"))]);
    assert_eq!(body.check_answers(Segment::Promoter, bad).unwrap_err().len(), 4);
}

#[test]
fn answers_read_as_they_were_asked() {
    let body = body();
    let answers = Answers::from([
        ("ease".to_owned(), Answer::Number(3)),
        ("where".to_owned(), Answer::Several(vec!["shop".to_owned(), "gone".to_owned()])),
        ("what".to_owned(), Answer::Text("price".to_owned())),
        ("unknown".to_owned(), Answer::Number(1)),
    ]);
    let words: Vec<(String, String)> = body.in_words(&answers, "en").collect();
    let words: Vec<(&str, &str)> = words.iter().map(|(question, said)| (question.as_str(), said.as_str())).collect();
    assert_eq!(words, [("What was it about?", "Price"), ("Where?", "Shop, gone"), ("How easy?", "3")]);
}
