//! Whether an answer is what the description of the API says: every answer of a test that a client gets under `/api/v1`.
//!
//! The part of JSON Schema that the description uses, and one thing more: a field that is not described is a mistake.

#![expect(clippy::panic, clippy::missing_panics_doc, reason = "an answer that is not as described must fail its test loudly")]

use std::collections::BTreeSet;

use serde_json::Value;

/// Fails when the description has this call and says something else about what came back.
pub fn check(method: &str, path: &str, status: u16, content_type: &str, body: &[u8]) {
    let Some(path) = path.split('?').next().and_then(|path| path.strip_prefix("/api/v1")) else { return };
    let document = hearback_web::description();
    let Some(call) = call(document, &method.to_lowercase(), path) else { return };
    let place = format!("{method} {path} -> {status}");
    let told = call.pointer(&format!("/responses/{status}")).map(|told| follow(document, told));
    let Some(told) = told else { panic!("{place}: the description has no such status: {}", String::from_utf8_lossy(body)) };
    let Some(kinds) = told.get("content").and_then(Value::as_object) else {
        assert!(body.is_empty(), "{place}: the description has no body");
        return;
    };
    let kind = content_type.split(';').next().unwrap_or_default();
    let Some(schema) = kinds.get(kind).and_then(|kind| kind.get("schema")) else { panic!("{place}: `{kind}` is not described") };
    if kind.ends_with("json") && kind != "application/x-ndjson" {
        let Ok(value) = serde_json::from_slice(body) else { panic!("{place}: not JSON") };
        let mut wrong = Vec::new();
        fits(document, schema, &value, "$", &mut wrong);
        assert!(wrong.is_empty(), "{place}: not as described: {wrong:?} in {value}");
    }
}

/// The call with the path that fits best: one written out before one with a variable.
fn call<'d>(document: &'d Value, method: &str, path: &str) -> Option<&'d Value> {
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let template: Vec<&str> = template.split('/').collect();
        template.len() == parts.len() && template.iter().zip(&parts).all(|(wanted, part)| wanted.starts_with('{') || wanted == part)
    };
    let paths = document.get("paths")?.as_object()?;
    let found = paths.iter().filter(|(template, _)| fits(template)).min_by_key(|(template, _)| template.matches('{').count())?;
    found.1.get(method)
}

fn follow<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value.get("$ref").and_then(Value::as_str).and_then(|reference| document.pointer(reference.trim_start_matches('#'))) {
        Some(found) => follow(document, found),
        None => value,
    }
}

/// Notes in `wrong` where the value is not what the schema says.
fn fits(document: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let schema = follow(document, schema);
    let list = |name: &str| schema.get(name).and_then(Value::as_array);
    for choice in [list("oneOf"), list("anyOf")].into_iter().flatten() {
        let rest = without(value, schema.get("properties"));
        let found = choice.iter().any(|one| {
            let mut inner = Vec::new();
            fits(document, one, &rest, at, &mut inner);
            inner.is_empty()
        });
        if !found {
            wrong.push(format!("{at} is none of the choices"));
        }
    }
    if let Some(wanted) = schema.get("type")
        && !kinds(wanted).iter().any(|kind| is(kind, value))
    {
        wrong.push(format!("{at} is not {wanted}"));
        return;
    }
    if list("enum").is_some_and(|words| !words.contains(value)) {
        wrong.push(format!("{at} is {value}, which is not one of the words"));
    }
    if schema.get("const").is_some_and(|word| word != value) {
        wrong.push(format!("{at} is {value}, which is another word"));
    }
    if let (Some(format), Some(text)) = (schema.get("format").and_then(Value::as_str), value.as_str()) {
        let good = match format {
            "uuid" => uuid::Uuid::parse_str(text).is_ok(),
            "date-time" => chrono::DateTime::parse_from_rfc3339(text).is_ok(),
            _ => true,
        };
        if !good {
            wrong.push(format!("{at} is no {format}"));
        }
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        for (index, value) in values.iter().enumerate() {
            fits(document, items, value, &format!("{at}.{index}"), wrong);
        }
    }
    if let Some(fields) = value.as_object() {
        let mut known = BTreeSet::new();
        let open = object(document, schema, value, at, &mut known, wrong);
        for (name, value) in fields.iter().filter(|(name, _)| !known.contains(name.as_str())) {
            match open {
                Open::No => wrong.push(format!("{at}.{name} is not described")),
                Open::Any => {}
                Open::Each(each) => fits(document, each, value, &format!("{at}.{name}"), wrong),
            }
        }
    }
}

/// A value without the fields that are described beside a choice, which has fields of its own.
fn without(value: &Value, described: Option<&Value>) -> Value {
    let mut rest = value.clone();
    if let (Some(fields), Some(described)) = (rest.as_object_mut(), described.and_then(Value::as_object)) {
        fields.retain(|name, _| !described.contains_key(name));
    }
    rest
}

/// What fields may there be besides those described.
#[derive(Clone, Copy)]
enum Open<'d> {
    No,
    Any,
    Each(&'d Value),
}

/// Checks the described fields of an object, those of its parts included, and notes their names.
fn object<'d>(
    document: &'d Value,
    schema: &'d Value,
    value: &Value,
    at: &str,
    known: &mut BTreeSet<&'d str>,
    wrong: &mut Vec<String>,
) -> Open<'d> {
    let mut open = match (schema.get("additionalProperties"), schema.get("properties")) {
        (Some(Value::Bool(true)), _) => Open::Any,
        (Some(Value::Bool(false)), _) | (None, Some(_)) => Open::No,
        (Some(each), _) => Open::Each(each),
        (None, None) if ["allOf", "oneOf", "anyOf"].iter().any(|parts| schema.get(parts).is_some()) => Open::No,
        (None, None) => Open::Any,
    };
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            wrong.push(format!("{at}.{name} is missing"));
        }
    }
    for (name, described) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        known.insert(name);
        if let Some(field) = value.get(name) {
            fits(document, described, field, &format!("{at}.{name}"), wrong);
        }
    }
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        if let Open::Any = object(document, follow(document, part), value, at, known, wrong) {
            open = Open::Any;
        }
    }
    // A choice checks its own fields; here it only says that it may have any.
    if schema.get("oneOf").or_else(|| schema.get("anyOf")).is_some() {
        open = Open::Any;
    }
    open
}

fn kinds(wanted: &Value) -> Vec<&str> {
    match wanted {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}
