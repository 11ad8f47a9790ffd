use serde_json::{Value, json};

use super::read;

#[test]
fn both_drafts_are_read_and_no_other() {
    for draft in [
        "https://json-schema.org/draft/2020-12/schema",
        "https://json-schema.org/draft/2020-12/schema#",
        "http://json-schema.org/draft-07/schema#",
        "http://json-schema.org/draft-07/schema",
    ] {
        let schema = json!({ "$schema": draft, "type": "object" });
        assert_eq!(read(schema).unwrap(), json!({ "type": "object" }));
    }
    for draft in [json!("http://json-schema.org/draft-04/schema#"), json!("mine"), json!(7)] {
        let schema = json!({ "$schema": draft, "type": "object" });
        assert!(refused(schema).contains("`$schema` must name draft 07"));
    }
}

#[test]
fn what_the_agent_does_not_know_or_would_refuse_is_left_out_and_formats_become_words() {
    for (schema, expected) in [
        (json!({ "type": "string", "example": "x", "x-order": 1 }), json!({ "type": "string" })),
        (json!({ "if": { "type": "string" }, "title": "t" }), json!({ "title": "t" })),
        (json!({ "then": false }), json!({})),
        (json!({ "items": { "x": 1 }, "additionalItems": false }), json!({ "items": {} })),
        (json!({ "anyOf": [{ "x": 1 }, { "$ref": "#" }] }), json!({ "anyOf": [{}, { "$ref": "#" }] })),
        (json!({ "nullable": true }), json!({})),
        (json!({ "type": "string", "nullable": true }), json!({ "type": "string", "nullable": true })),
        (json!({ "format": "date" }), json!({ "description": "(format: date)" })),
        (
            json!({ "format": "date", "description": "Their birthday." }),
            json!({ "description": "Their birthday. (format: date)" }),
        ),
    ] {
        assert_eq!(property(schema.clone()), expected, "{schema}");
    }
}

#[test]
fn properties_and_values_may_be_called_like_keywords() {
    let schema = json!({
        "type": "object",
        "properties": { "format": { "type": "string" }, "prefixItems": { "const": { "x": 1, "type": "y" } } },
        "required": ["format"],
        "dependencies": { "format": ["prefixItems"] },
        "default": { "if": 1 },
    });
    assert_eq!(read(schema.clone()).unwrap(), schema);
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    for (schema, place) in [
        (with_property(json!({ "type": "str" })), "/properties/a/type: "),
        (with_property(json!(5)), "/properties/a: "),
        (with_property(json!({ "multipleOf": 0 })), "/properties/a/multipleOf: "),
        (with_property(json!({ "pattern": "(" })), "/properties/a/pattern: "),
        (json!({ "patternProperties": { "(": {} } }), "/patternProperties: "),
        (json!({ "required": "a" }), "/required: "),
        (json!({ "enum": [] }), "/enum: "),
        (json!({ "properties": { "a/b~": { "prefixItems": [] } } }), "/properties/a~1b~0/prefixItems: "),
    ] {
        assert!(refused(schema.clone()).starts_with(place), "{schema}: {}", refused(schema.clone()));
    }
    let used = json!({ "$defs": { "b": { "type": "str" } }, "properties": { "a": { "$ref": "#/$defs/b" } } });
    assert!(refused(used).starts_with("/$defs/b/type: "));
    assert!(read(with_property(json!({ "pattern": "^(?=a)\\p{L}+$", "maxLength": 5 }))).is_ok());
}

#[test]
fn patterns_that_would_take_long_to_compile_are_refused() {
    let many: Vec<_> = (0..101).map(|number| json!({ "pattern": format!("{number}") })).collect();
    assert!(refused(with_property(json!({ "anyOf": many }))).contains("at most 100 patterns"));
    assert!(read(with_property(json!({ "anyOf": many[1..] }))).is_ok());
    assert!(
        refused(with_property(json!({ "pattern": "(\\p{L}{99}){99}" })))
            .starts_with("/properties/a/pattern: ")
    );
}

#[test]
fn reference_that_leads_to_no_schema_is_refused() {
    for reference in ["#/x", "#/required", "#nowhere", "other.json", "https://example.com/schema.json"] {
        let schema = json!({ "required": [], "properties": { "a": { "$ref": reference } } });
        assert!(read(schema).is_err(), "{reference}");
    }
    for reference in ["#", "#/$defs/b", "#/properties/a"] {
        let schema = json!({ "$defs": { "b": {} }, "properties": { "a": {}, "c": { "$ref": reference } } });
        assert!(read(schema).is_ok(), "{reference}");
    }
}

#[test]
fn only_what_describes_an_object_is_an_output() {
    for kind in [json!("array"), json!("string"), json!("objekt"), json!(["object", "null"]), json!(1)] {
        assert!(refused(json!({ "type": kind })).starts_with("`type` must be \"object\""), "{kind}");
    }
    let named = json!({ "$defs": { "a": { "required": ["b"] } }, "$ref": "#/$defs/a" });
    assert_eq!(read(named).unwrap()["type"], "object");
    for schema in [json!([]), json!(true), json!("object"), Value::Null] {
        assert!(refused(schema).starts_with("must be a JSON Schema"));
    }
    assert!(refused(json!({ "title": "x".repeat(70_000) })).contains("bytes"));
}

/// The message about a schema that is refused.
fn refused(schema: Value) -> String {
    let problem = read(schema.clone()).expect_err(&schema.to_string());
    assert_eq!((problem.status, &problem.code[..]), (400, "field_invalid"));
    assert_eq!(problem.errors[0].pointer, "/output_schema");
    problem.detail
}

fn with_property(schema: Value) -> Value {
    json!({ "type": "object", "properties": { "a": schema } })
}

/// The schema of the one property, as the agent gets it.
fn property(schema: Value) -> Value {
    read(with_property(schema)).unwrap()["properties"]["a"].clone()
}
