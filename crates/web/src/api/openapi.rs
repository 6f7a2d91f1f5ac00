//! The description of this API: `GET /openapi.json`, an OpenAPI 3.1 document.
//!
//! It follows from the declared routes and the types that their handlers take and give. What is the same for every call stands here once:
//! the variables of a path, the scope, the errors that any call of its kind can end in.

use std::{collections::BTreeSet, sync::LazyLock};

use axum::{
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::BASE;
use crate::{
    error,
    route::{self, Access, Route, get},
};

/// What is served here.
pub(super) fn routes() -> Vec<Route> {
    vec![get("/openapi.json", Access::Anyone, "This description, for everybody", show)]
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| assemble(route::all()));

/// The whole description.
pub(crate) fn document() -> &'static Value {
    &DOCUMENT
}

/// `GET /openapi.json`: for everybody; it tells nothing about the data.
pub(crate) async fn show() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| DOCUMENT.to_string());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// The schemas of types: what is required in a body that we take differs from what is always there in one that we give.
pub(crate) struct Schemas {
    taken: SchemaGenerator,
    given: SchemaGenerator,
}

/// Where schemas with a name stand.
const SCHEMAS: &str = "/components/schemas";
/// The same for those of types that we read, until it is known which differ from those that we write.
const TAKEN: &str = "/components/taken";

impl Schemas {
    fn new() -> Self {
        let settings = |path: &'static str| SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = path.into());
        Self { taken: settings(TAKEN).for_deserialize().into_generator(), given: settings(SCHEMAS).for_serialize().into_generator() }
    }

    /// Of a type that we read.
    pub(crate) fn taken<T: JsonSchema>(&mut self) -> Schema {
        self.taken.subschema_for::<T>()
    }

    /// Of a type that we write.
    pub(crate) fn given<T: JsonSchema>(&mut self) -> Schema {
        self.given.subschema_for::<T>()
    }

    /// The fields of a type as parameters of an address, in which there is no null.
    pub(crate) fn parameters<T: JsonSchema>(&mut self) -> Vec<Value> {
        let schema = T::json_schema(&mut self.taken);
        let fields = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let parameter = |(name, mut schema): (String, Value)| {
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            let is_required = required.contains(&Value::from(name.as_str())).then_some(Value::Bool(true));
            let parameter = json!({ "name": name, "in": "query", "schema": without_null(schema) });
            with(with(parameter, "description", description), "required", is_required)
        };
        fields.into_iter().map(parameter).collect()
    }

    /// All that have a name; and of which names what we read has another form than what we write.
    fn named(mut self) -> (Map<String, Value>, BTreeSet<String>) {
        let (taken, given) = (self.taken.take_definitions(false), self.given.take_definitions(false));
        let text = |schema: &Value| schema.to_string().replace(TAKEN, SCHEMAS);
        let differs = |(name, schema): &(&String, &Value)| given.get(*name).is_some_and(|other| text(schema) != text(other));
        let mut two_forms: BTreeSet<String> = taken.iter().filter(differs).map(|(name, _)| name.clone()).collect();
        // Whatever refers to a schema that has two forms has two forms itself.
        let refers =
            |schema: &Value, to: &BTreeSet<String>| to.iter().any(|name| schema.to_string().contains(&format!("{TAKEN}/{name}\"")));
        while let Some((name, _)) =
            taken.iter().find(|(name, schema)| given.contains_key(*name) && !two_forms.contains(*name) && refers(schema, &two_forms))
        {
            two_forms.insert(name.clone());
        }
        let taken = taken.into_iter().map(|(name, schema)| (as_taken(&name, &two_forms), schema));
        let given = given.into_iter().map(|(name, schema)| (shown(&name), schema));
        (taken.chain(given).collect(), two_forms)
    }
}

/// An object with one thing more, where there is one.
fn with(mut object: Value, key: &str, value: Option<Value>) -> Value {
    if let (Some(fields), Some(value)) = (object.as_object_mut(), value) {
        fields.insert(key.to_owned(), value);
    }
    object
}

/// What may be null, where null can't be written.
fn without_null(mut schema: Value) -> Value {
    if let Some(choices) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        choices.retain(|choice| choice != &json!({ "type": "null" }));
        if let [one] = choices.as_slice() {
            return one.clone();
        }
    }
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.retain(|word| !word.is_null());
    }
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [one] = kinds.as_slice() {
            let one = one.clone();
            return with(schema, "type", Some(one));
        }
    }
    schema
}

/// What a call takes and gives.
#[derive(Debug, Default)]
pub(crate) struct Operation {
    parameters: Vec<Value>,
    body: Map<String, Value>,
    body_is_optional: bool,
    responses: Map<String, Value>,
}

impl Operation {
    /// A body of this kind; called again, one of another kind may stand in its place.
    pub(crate) fn takes(&mut self, kind: &str, schema: &Schema) {
        self.body.insert(kind.to_owned(), json!({ "schema": schema }));
    }

    /// The same where the body may be left out.
    pub(crate) fn may_take(&mut self, kind: &str, schema: &Schema) {
        self.body_is_optional = true;
        self.takes(kind, schema);
    }

    /// Parameters of the address.
    pub(crate) fn asks(&mut self, parameters: Vec<Value>) {
        self.parameters.extend(parameters);
    }

    /// An answer.
    pub(crate) fn gives(&mut self, status: StatusCode, kind: &str, schema: &Schema) {
        let description = if status == StatusCode::CREATED { "Made" } else { "Done" };
        let answer = json!({ "description": description, "content": { kind: { "schema": schema } } });
        self.responses.insert(status.as_str().to_owned(), answer);
    }

    /// An answer without a body.
    pub(crate) fn gives_nothing(&mut self) {
        self.responses.insert(StatusCode::NO_CONTENT.as_str().to_owned(), json!({ "description": "Done" }));
    }

    /// With what follows from where the call stands and what it takes.
    fn finish(mut self, route: &Route, path: &str) -> Value {
        let takes_parameters = !self.parameters.is_empty();
        let variables: Vec<&str> = path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        for name in &variables {
            let schema = if *name == "id" { json!({ "type": "string", "format": "uuid" }) } else { json!({ "type": "string" }) };
            self.parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
        }
        let scope = if let Access::Key(scope) = route.access { Some(scope) } else { None };
        let mut errors = vec!["503"];
        if scope.is_some() {
            errors.extend(["401", "403", "429"]);
        }
        if !variables.is_empty() {
            errors.push("404");
        }
        errors.extend(route.errors.iter().map(StatusCode::as_str));
        if !self.body.is_empty() {
            errors.extend(["400", "408", "413", "415", "422"]);
        } else if takes_parameters || route.method == Method::GET {
            errors.extend(["400", "422"]);
        }
        for status in errors {
            self.responses.entry(status).or_insert_with(|| json!({ "$ref": "#/components/responses/Problem" }));
        }
        let call = json!({
            "summary": route.summary,
            "operationId": operation_id(path, route.method.as_str()),
            "tags": [path.split('/').nth(1).unwrap_or_default()],
            "security": scope.map_or_else(|| json!([]), |scope| json!([{ "key": [scope.as_str()] }])),
            "parameters": self.parameters,
            "responses": self.responses,
        });
        let body = (!self.body.is_empty()).then(|| json!({ "required": !self.body_is_optional, "content": self.body }));
        with(call, "requestBody", body)
    }
}

/// `get_cases_id` for `GET /cases/{id}`.
fn operation_id(path: &str, method: &str) -> String {
    let method = method.to_lowercase();
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method.as_str()).chain(words).collect::<Vec<_>>().join("_")
}

fn assemble(routes: &[Route]) -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    for route in routes {
        let Some(path) = route.path.strip_prefix(BASE) else { continue };
        let mut operation = Operation::default();
        match route.describe {
            Some(describe) => describe(&mut schemas, &mut operation),
            None => operation.gives(StatusCode::OK, "application/json", &schemas.given::<Map<String, Value>>()),
        }
        let calls = paths.entry(path).or_insert_with(|| json!({}));
        calls[route.method.as_str().to_lowercase()] = operation.finish(route, path);
    }
    let problem = schemas.given::<error::Body>();
    let (named, two_forms) = schemas.named();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Hearback",
            "version": "1",
            "description": "Closes the loop on customer feedback. Times are RFC 3339 in UTC; lists are `{items, next}`; errors are RFC 9457 problems.",
        },
        "servers": [{ "url": BASE }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`hearback apikey create` makes one; each call says the least scope that it takes: `read`, `write` or `admin`, each of which may do what the ones before it may.",
                },
            },
            "responses": {
                "Problem": {
                    "description": "What was wrong and what to do next",
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
            "schemas": named,
        },
    });
    tidy(&mut document, &two_forms);
    document
}

/// In the words of whoever reads it: names and comments of types were written for the source.
fn tidy(value: &mut Value, two_forms: &BTreeSet<String>) {
    if let Some(words) = words(value) {
        *value = words;
    }
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(place) if key == "$ref" => {
                        let taken = place.strip_prefix('#').and_then(|place| place.strip_prefix(TAKEN)?.strip_prefix('/'));
                        *place = taken.map_or_else(|| shown(place), |name| format!("#{SCHEMAS}/{}", as_taken(name, two_forms)));
                    }
                    Value::String(text) if key == "description" => *text = text.replace("[`", "`").replace("`]", "`"),
                    other => tidy(other, two_forms),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| tidy(value, two_forms)),
        _ => {}
    }
}

/// What a type is called in what we read.
fn as_taken(name: &str, two_forms: &BTreeSet<String>) -> String {
    if two_forms.contains(name) { format!("{}Input", shown(name)) } else { shown(name) }
}

/// A choice between words, each with a description of its own, as the list of words that programs look for.
fn words(schema: &Value) -> Option<Value> {
    let word = |choice: &Value| match choice.get("enum") {
        Some(Value::Array(words)) => Some(words.clone()),
        _ => choice.get("const").map(|word| vec![word.clone()]),
    };
    let words: Option<Vec<Vec<Value>>> = schema.get("oneOf")?.as_array()?.iter().map(word).collect();
    Some(with(json!({ "type": "string", "enum": words?.concat() }), "description", schema.get("description").cloned()))
}

/// The name of a type as clients see it.
fn shown(name: &str) -> String {
    name.replace("View", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_one_type() {
        let mut schemas = Schemas::new();
        for route in route::all() {
            if let Some(describe) = route.describe {
                describe(&mut schemas, &mut Operation::default());
            }
        }
        let names = schemas.taken.definitions().keys().chain(schemas.given.definitions().keys());
        let numbered: Vec<&String> = names.filter(|name| name.ends_with(|last: char| last.is_ascii_digit())).collect();
        assert!(numbered.is_empty(), "two types have one name: {numbered:?}");
        let (taken, given) = (schemas.taken.definitions().clone(), schemas.given.definitions().clone());
        for (name, schema) in &taken {
            let twin = given.keys().find(|other| *other != name && shown(other) == shown(name));
            assert!(twin.is_none(), "{name} and {twin:?} get one name: {schema}");
        }
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
