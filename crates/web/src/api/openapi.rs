//! The description of this API: `GET /openapi.json`.
//!
//! Owns how the files of `openapi/`, one a resource, become one OpenAPI 3.1 document. A file has `paths` and `schemas` of
//! its own; what is the same for every call stands here once and is filled in: the variables of a path, the tag, summary
//! and scope of the route, the errors that any call of its kind can end in. Whoever adds a call describes it in the file of its resource.

use std::{borrow::Cow, sync::LazyLock};

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;
use serde_json::{Map, Value, json};

use crate::route::{self, Access, Route, get};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![get("/openapi.json", Access::Anyone, "This description, for everybody", show)]
}

#[derive(RustEmbed)]
#[folder = "src/api/openapi"]
struct Files;

/// The file that the others are laid into.
const BASE: &str = "base.json";

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| assemble(Files::iter().filter_map(|name| Some((name.clone(), read(&name)?)))));

/// The whole description.
pub(crate) fn document() -> &'static Value {
    &DOCUMENT
}

/// `GET /openapi.json`: for everybody; it tells nothing about the data.
pub(crate) async fn show() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| DOCUMENT.to_string());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// A file; one that can't be read (a test looks) is left out.
fn read(name: &str) -> Option<Value> {
    serde_json::from_slice(&Files::get(name)?.data).ok()
}

fn assemble(files: impl Iterator<Item = (Cow<'static, str>, Value)>) -> Value {
    let mut document = read(BASE).unwrap_or_default();
    for (name, mut file) in files.filter(|(name, _)| name != BASE) {
        for (path, mut calls) in taken(&mut file, "paths") {
            for (method, call) in calls.as_object_mut().into_iter().flatten() {
                fill_in(name.trim_end_matches(".json"), &path, method, call);
            }
            insert(&mut document, "/paths", path, calls);
        }
        for (schema, body) in taken(&mut file, "schemas") {
            insert(&mut document, "/components/schemas", schema, body);
        }
    }
    document
}

fn taken(file: &mut Value, part: &str) -> Map<String, Value> {
    match file.get_mut(part).map(Value::take) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn insert(document: &mut Value, place: &str, key: String, value: Value) {
    if let Some(map) = document.pointer_mut(place).and_then(Value::as_object_mut) {
        map.insert(key, value);
    }
}

/// What follows from where a call stands and what it takes.
fn fill_in(tag: &str, path: &str, method: &str, call: &mut Value) {
    let Some(call) = call.as_object_mut() else { return };
    let full = format!("{}{path}", super::BASE);
    let Some(route) = route::all().iter().find(|route| route.path == full && route.method.as_str().eq_ignore_ascii_case(method)) else {
        return;
    };
    let scope = match route.access {
        Access::Key(scope) => Some(scope),
        _ => None,
    };
    call.insert("summary".to_owned(), route.summary.into());
    let has_body = call.contains_key("requestBody");
    let variables: Vec<&str> = path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
    call.insert("security".to_owned(), scope.map_or_else(|| json!([]), |scope| json!([{ "key": [scope.as_str()] }])));
    call.entry("tags").or_insert_with(|| json!([tag]));
    call.entry("operationId").or_insert_with(|| operation_id(path, method).into());
    let parameters = call.entry("parameters").or_insert_with(|| json!([]));
    for name in &variables {
        let schema = if *name == "id" { json!({ "$ref": "#/components/schemas/Id" }) } else { json!({ "type": "string" }) };
        if let Some(list) = parameters.as_array_mut() {
            list.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
        }
    }
    let takes_parameters = parameters.as_array().is_some_and(|list| list.len() > variables.len());
    let mut errors = vec!["503"];
    if scope.is_some() {
        errors.extend(["401", "403", "429"]);
    }
    if !variables.is_empty() {
        errors.push("404");
    }
    if has_body {
        errors.extend(["400", "408", "413", "415", "422"]);
    } else if takes_parameters || method == "get" {
        errors.extend(["400", "422"]);
    }
    if let Some(responses) = call.entry("responses").or_insert_with(|| json!({})).as_object_mut() {
        for status in errors {
            responses.entry(status).or_insert_with(|| json!({ "$ref": "#/components/responses/Problem" }));
        }
    }
}

/// `get_cases_id` for `GET /cases/{id}`.
fn operation_id(path: &str, method: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_can_be_read_and_none_takes_anothers_place() {
        let (mut paths, mut schemas) = (0, 0);
        for name in Files::iter() {
            let file: Value = serde_json::from_slice(&Files::get(&name).unwrap().data).unwrap_or_else(|error| panic!("{name}: {error}"));
            let base = name == BASE;
            let count = |place: &str| file.pointer(place).and_then(Value::as_object).map_or(0, Map::len);
            paths += count("/paths");
            schemas += count(if base { "/components/schemas" } else { "/schemas" });
        }
        assert_eq!(document()["paths"].as_object().unwrap().len(), paths, "two files describe one path");
        assert_eq!(document()["components"]["schemas"].as_object().unwrap().len(), schemas, "two files use one name for a schema");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
            match value {
                Value::Object(map) => {
                    found.extend(map.get("$ref").and_then(Value::as_str));
                    map.values().for_each(|value| references(value, found));
                }
                Value::Array(list) => list.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        references(document(), &mut found);
        assert!(found.len() > 100);
        for reference in found {
            let place = reference.strip_prefix('#').unwrap();
            assert!(document().pointer(place).is_some(), "{reference} leads nowhere");
        }
    }
}
