//! The JSON Schema of a final answer, checked before anything begins and put so that the agent can use it.
//!
//! Claude Code compiles a schema with Ajv, as draft 07 and strictly: with a `$schema` of draft 2020-12, a
//! keyword that it does not know or a reference that leads nowhere, it does not start. So notes that change
//! nothing are left out, and what it cannot check is refused.

use jsonschema::Draft;
use serde_json::{Map, Value};

use crate::http::error::Problem;

const MAX_BYTES: usize = 64 * 1024;
/// Enough for what people write, and little enough that to compile them holds nobody up.
const MAX_PATTERNS: usize = 100;
/// The size of a compiled one.
const MAX_PATTERN_BYTES: usize = 256 * 1024;
const DRAFTS: &[&str] = &["json-schema.org/draft-07/schema", "json-schema.org/draft/2020-12/schema"];

/// Keywords that hold a schema or a list of schemas.
const NESTED: &[&str] = &[
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "propertyNames",
    "then",
];
/// Keywords that hold schemas by name.
const NAMED: &[&str] = &["$defs", "definitions", "dependencies", "patternProperties", "properties"];
/// The other keywords that Ajv knows, but for `format`, which an older Claude Code takes for a mistake.
const PLAIN: &[&str] = &[
    "$comment",
    "$id",
    "$ref",
    "const",
    "contentEncoding",
    "contentMediaType",
    "default",
    "deprecated",
    "description",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "nullable",
    "pattern",
    "readOnly",
    "required",
    "title",
    "type",
    "uniqueItems",
    "writeOnly",
];
/// Keywords of later drafts that say what fits: without them, answers would fit that should not.
const UNCHECKED: &[&str] = &[
    "$anchor",
    "$dynamicAnchor",
    "$dynamicRef",
    "$recursiveRef",
    "dependentRequired",
    "dependentSchemas",
    "maxContains",
    "minContains",
    "prefixItems",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// The schema as the agent gets it.
pub(super) fn read(schema: Value) -> Result<Value, Problem> {
    usable(schema).map_err(|detail| Problem::field("field_invalid", "/output_schema", detail))
}

fn usable(schema: Value) -> Result<Value, String> {
    let Value::Object(object) = schema else {
        return Err("must be a JSON Schema, which is an object".to_owned());
    };
    if object.get("$schema").is_some_and(|draft| !draft.as_str().is_some_and(is_known_draft)) {
        return Err("`$schema` must name draft 07 or draft 2020-12".to_owned());
    }
    if object.get("type").is_some_and(|kind| kind != "object") {
        return Err(
            "`type` must be \"object\": the answer is one, and a list or a text goes into a property \
                    of it"
                .to_owned(),
        );
    }
    let mut object = members(object, "")?;
    object.insert("type".to_owned(), "object".into());
    let schema = Value::Object(object);
    if schema.to_string().len() > MAX_BYTES {
        return Err(format!("must have at most {MAX_BYTES} bytes"));
    }
    if patterns(&schema) > MAX_PATTERNS {
        return Err(format!("must have at most {MAX_PATTERNS} patterns"));
    }
    let patterns = jsonschema::PatternOptions::fancy_regex().size_limit(MAX_PATTERN_BYTES);
    let checked =
        jsonschema::options().with_draft(Draft::Draft7).with_pattern_options(patterns).build(&schema);
    checked.map_err(|error| match error.instance_path().as_str() {
        "" => error.to_string(),
        at => format!("{at}: {error}"),
    })?;
    Ok(schema)
}

fn is_known_draft(draft: &str) -> bool {
    let name = draft.strip_prefix("https://").or_else(|| draft.strip_prefix("http://"));
    name.is_some_and(|name| DRAFTS.contains(&name.strip_suffix('#').unwrap_or(name)))
}

/// What stands where a schema, or a list of schemas, may stand. What is neither is left to the check.
fn nested(value: Value, at: &str) -> Result<Value, String> {
    Ok(match value {
        Value::Object(object) => Value::Object(members(object, at)?),
        Value::Array(values) => {
            let values = values.into_iter().enumerate();
            Value::Array(
                values
                    .map(|(index, value)| nested(value, &member(at, &index.to_string())))
                    .collect::<Result<_, _>>()?,
            )
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    })
}

fn named(value: Value, at: &str) -> Result<Value, String> {
    let Value::Object(schemas) = value else { return Ok(value) };
    let schemas = schemas.into_iter().map(|(name, schema)| {
        let schema = nested(schema, &member(at, &name))?;
        Ok((name, schema))
    });
    Ok(Value::Object(schemas.collect::<Result<_, String>>()?))
}

/// The members of a schema that the agent knows.
fn members(schema: Map<String, Value>, at: &str) -> Result<Map<String, Value>, String> {
    let mut read = Map::new();
    let format = schema.get("format").and_then(Value::as_str).map(str::to_owned);
    for (keyword, value) in schema {
        let at = member(at, &keyword);
        let value = match keyword.as_str() {
            nesting if NESTED.contains(&nesting) => nested(value, &at)?,
            naming if NAMED.contains(&naming) => named(value, &at)?,
            "enum" if value.as_array().is_some_and(Vec::is_empty) => {
                return Err(format!("{at}: must have a value"));
            }
            plain if PLAIN.contains(&plain) => value,
            unchecked if UNCHECKED.contains(&unchecked) => {
                return Err(format!(
                    "{at}: Claude Code cannot check this keyword; say it in those of draft 07"
                ));
            }
            _ => continue,
        };
        read.insert(keyword, value);
    }
    if let Some(format) = format {
        note_format(&format, &mut read);
    }
    drop_what_says_nothing(&mut read);
    Ok(read)
}

/// Tells the model a format in words: no version of the agent checks it.
fn note_format(format: &str, read: &mut Map<String, Value>) {
    let described = read.get("description").and_then(Value::as_str);
    let described = described.map(|text| format!("{text} ")).unwrap_or_default();
    read.insert("description".to_owned(), format!("{described}(format: {format})").into());
}

/// Leaves out keywords that say nothing without another one: the agent takes them for mistakes.
fn drop_what_says_nothing(read: &mut Map<String, Value>) {
    let has = |read: &Map<String, Value>, keyword| read.contains_key(keyword);
    if !has(read, "if") || !(has(read, "then") || has(read, "else")) {
        read.retain(|keyword, _| !["if", "then", "else"].contains(&keyword.as_str()));
    }
    if !read.get("items").is_some_and(Value::is_array) {
        read.remove("additionalItems");
    }
    if !has(read, "type") {
        read.remove("nullable");
    }
}

/// The number of patterns anywhere, with what only looks like one.
fn patterns(value: &Value) -> usize {
    let members = value.as_object().into_iter().flatten();
    let own = members.map(|(keyword, value)| match keyword.as_str() {
        "pattern" => 1,
        "patternProperties" => value.as_object().map_or(0, Map::len) + patterns(value),
        _ => patterns(value),
    });
    own.chain(value.as_array().into_iter().flatten().map(patterns)).sum()
}

fn member(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests;
