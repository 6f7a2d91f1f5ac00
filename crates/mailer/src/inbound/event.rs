//! What a sending service tells as JSON in a mail of its own, in the shape that Amazon SES made common: `notificationType` or
//! `eventType`, and an object of that name with the recipients.

use serde_json::{Deserializer, Value};

use super::{Kind, report::Failure};
use crate::blame::Status;

const KNOWN_BY: &str = "a sending service tells of it as JSON";

/// An event of a sending service; `None` for any other text.
pub(super) fn read(text: &str) -> Option<Kind> {
    let event = parse(text)?;
    let of = |name: &str| event.get(name).and_then(Value::as_object).filter(|_| event.get("mail").is_some_and(Value::is_object));
    let word = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = word(event.get("notificationType").or(event.get("eventType")));
    match kind.as_str() {
        "Bounce" => Some(Kind::Bounce(failure(of("bounce")?.get("bouncedRecipients")?))),
        "DeliveryDelay" => Some(Kind::Delayed(failure(of("deliveryDelay")?.get("delayedRecipients")?))),
        "Delivery" => {
            let delivery = of("delivery")?;
            let recipient = word(delivery.get("recipients").and_then(|all| all.get(0)));
            let said = word(delivery.get("smtpResponse"));
            Some(Kind::Delivered(Failure::new(&recipient, Status::all(&said).next(), &said, KNOWN_BY)))
        }
        "Complaint" => {
            let word = word(of("complaint")?.get("complaintFeedbackType"));
            let word = if word.is_empty() { "abuse" } else { &word };
            // One that took a mail out of the folder for spam says the opposite.
            Some(if word == "not-spam" {
                Kind::AutoReply("a report that is no complaint")
            } else {
                Kind::Complaint(word.chars().take(40).collect())
            })
        }
        _ => None,
    }
}

/// What the original of such an event had for fields, where the service was told to bring them: `Name: value` lines.
pub(super) fn fields(text: &str) -> String {
    let event = parse(text).unwrap_or_default();
    let headers = event.get("mail").and_then(|mail| mail.get("headers")).and_then(Value::as_array);
    let field = |header: &Value| {
        Some(format!("{}: {}\n", header.get("name")?.as_str()?, header.get("value")?.as_str()?.replace(['\r', '\n'], " ")))
    };
    headers.into_iter().flatten().take(100).filter_map(field).collect()
}

/// The object that a text begins with; what the service writes below it does not matter.
fn parse(text: &str) -> Option<Value> {
    let text = text.trim_start();
    if !text.starts_with('{') {
        return None;
    }
    // So some servers break lines that are too long for mail.
    let whole = text.replace("!\n ", "");
    let event: Value = Deserializer::from_str(&whole).into_iter().next()?.ok()?;
    // As it came, or in the envelope of the service that carries it.
    match event.get("Message").and_then(Value::as_str) {
        Some(inner) => serde_json::from_str(inner).ok(),
        None => Some(event),
    }
    .filter(Value::is_object)
}

/// The first recipient.
fn failure(recipients: &Value) -> Failure {
    let first = recipients.get(0);
    let text = |name: &str| first.and_then(|first| first.get(name)).and_then(Value::as_str).unwrap_or_default();
    let said = text("diagnosticCode");
    Failure::new(text("emailAddress"), Status::most_exact(Status::parse(text("status")), said), said, KNOWN_BY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_says_what_it_is_and_about_whom() {
        let bounce = r#"{"notificationType":"Bounce","bounce":{"bouncedRecipients":[{"emailAddress":"anna@example.com","status":"5.0.0",
            "diagnosticCode":"smtp; 550 5.1.1 nobody"}]},"mail":{"headers":[{"name":"Reply-To","value":"a@b.lt"}]}}
            -- to stop these, ..."#;
        let Some(Kind::Bounce(failure)) = read(bounce) else { panic!("{:?}", read(bounce)) };
        assert_eq!((failure.recipient.as_str(), failure.summary().as_str()), ("anna@example.com", "5.1.1"));
        assert_eq!(fields(bounce), "Reply-To: a@b.lt\n");
        let wrapped = serde_json::json!({ "Type": "Notification", "Message": bounce.split_once("--").unwrap().0.trim() }).to_string();
        assert_eq!(read(&wrapped), read(bounce));
        let complaint = r#"{"eventType":"Complaint","complaint":{"complaintFeedbackType":"abuse"},"mail":{}}"#;
        assert_eq!(read(complaint), Some(Kind::Complaint("abuse".to_owned())));
        let arrived = r#"{"eventType":"Delivery","delivery":{"recipients":["a@b.lt"],"smtpResponse":"250 2.6.0 taken"},"mail":{}}"#;
        assert!(matches!(read(arrived), Some(Kind::Delivered(_))));
        for other in ["", "hello", "{", "{}", "[1]", r#"{"notificationType":"Bounce"}"#, r#"{"a":{"notificationType":"Bounce"}}"#] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
