//! The JSON schemas of scenarios, for editors, and of what a run prints, for programs.

use super::format::Scenario;
use serde_json::{Value, json};

/// The schema, indented.
///
/// # Errors
/// None that input can cause: a failure of serialisation is a bug.
pub fn text() -> Result<String, serde_json::Error> {
    let mut schema = schemars::schema_for!(Scenario).to_value();
    if let Some(defs) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        defs.values_mut().for_each(with_variables);
    }
    if let Some(step) = schema.pointer_mut("/$defs/Step") {
        one_of_many(step);
    }
    if let Some(part) = schema.pointer_mut("/properties/part") {
        parts(part);
    }
    serde_json::to_string_pretty(&schema).map(|text| text + "\n")
}

/// The schema of what `run` and `merge` print, indented: format `dryflash-run`.
///
/// # Errors
/// None that input can cause: a failure of serialisation is a bug.
pub fn of_run() -> Result<String, serde_json::Error> {
    let schema = schemars::schema_for!(super::outcome::Report).to_value();
    printed(schema, super::outcome::FORMAT, super::outcome::VERSION)
}

/// The schema of what `run --list` prints, indented: format `dryflash-cases`.
///
/// # Errors
/// None that input can cause: a failure of serialisation is a bug.
pub fn of_cases() -> Result<String, serde_json::Error> {
    printed(schemars::schema_for!(crate::report::run::List<'static>).to_value(), "dryflash-cases", 1)
}

/// A schema with the name and version of its format. Fields may be added: none is forbidden.
fn printed(mut schema: Value, format: &str, version: u32) -> Result<String, serde_json::Error> {
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), json!(format!("{format}, version {version}")));
    }
    for (field, value) in [("format", json!(format)), ("version", json!(version))] {
        if let Some(place) = schema.pointer_mut(&format!("/properties/{field}")) {
            *place = json!({"const": value});
        }
    }
    open(&mut schema);
    serde_json::to_string_pretty(&schema).map(|text| text + "\n")
}

/// Takes away what forbids further fields.
fn open(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.get("additionalProperties") == Some(&json!(false)) {
                object.remove("additionalProperties");
            }
            object.values_mut().for_each(open);
        }
        Value::Array(items) => items.iter_mut().for_each(open),
        _ => {}
    }
}

/// A step as one table with one key: an editor can then say which key is wrong, and not only that nothing fits.
fn one_of_many(step: &mut Value) {
    let Some(variants) = step.get("oneOf").and_then(Value::as_array) else { return };
    let mut properties = serde_json::Map::new();
    for variant in variants {
        let description = variant.get("description").cloned();
        for (key, value) in variant.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let mut value = value.clone();
            if let (Some(object), Some(text)) = (value.as_object_mut(), &description) {
                object.entry("description").or_insert_with(|| text.clone());
            }
            properties.insert(key.clone(), value);
        }
    }
    *step = json!({
        "description": "One step: one key, which says what is done.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
    });
}

/// The names of parts, for completion.
fn parts(part: &mut Value) {
    let all = crate::part::all();
    let short = all.iter().filter_map(|p| p.short.clone());
    let names: Vec<String> = short.chain(all.iter().map(|p| p.name.clone())).collect();
    let description = part.get("description").cloned().unwrap_or_default();
    *part = json!({"description": description, "anyOf": [{"enum": names}, variable()]});
}

fn variable() -> Value {
    json!({"type": "string", "pattern": "\\{[A-Za-z0-9_.]+\\}"})
}

/// Where a word of a list, a number or a flag stands, a variable may stand as well.
fn with_variables(schema: &mut Value) {
    if is_choice(schema) {
        let description = schema.as_object_mut().and_then(|o| o.remove("description"));
        let choice = schema.take();
        *schema = json!({"anyOf": [choice, variable()]});
        if let (Some(text), Some(object)) = (description, schema.as_object_mut()) {
            object.insert("description".to_owned(), text);
        }
    }
}

/// Whether a schema is nothing but words to choose from.
fn is_choice(schema: &Value) -> bool {
    let word = |v: &Value| v.get("const").is_some_and(Value::is_string);
    let all = schema.get("oneOf").and_then(Value::as_array);
    schema.get("enum").is_some() || all.is_some_and(|all| !all.is_empty() && all.iter().all(word))
}
