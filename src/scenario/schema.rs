//! The JSON schema of scenarios, for editors.

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
    serde_json::to_string_pretty(&schema).map(|text| text + "\n")
}

/// Where a word of a list, a number or a flag stands, a variable may stand as well.
fn with_variables(schema: &mut Value) {
    let variable = || json!({"type": "string", "pattern": "\\{[A-Za-z0-9_.]+\\}"});
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
