//! Types that are put together from others, as one object each.
//!
//! A flattened field becomes an `allOf`. Where its parts are closed objects, each refuses the fields of the
//! others and nothing is valid; where a part is optional, its absence is `null`, which no object is; and
//! generators make of it what they like. One object with the fields of all says what is sent.

use utoipa::openapi::schema::{
    AdditionalProperties, AllOf, AnyOfBuilder, ArrayItems, Components, Object, Schema, SchemaType,
};
use utoipa::openapi::{ObjectBuilder, RefOr, Type};

/// Makes one object of each type that consists of several, and says of objects whose fields nobody knows that
/// they may have any.
pub(super) fn join_parts(components: &mut Components) {
    let known = components.clone();
    components.schemas.values_mut().for_each(|schema| simplify(schema, &known));
}

fn simplify(schema: &mut RefOr<Schema>, known: &Components) {
    let RefOr::T(composed) = schema else { return };
    if let Schema::AllOf(parts) = composed
        && let Some(object) = all_of(parts, known)
    {
        *composed = Schema::Object(object);
    }
    match composed {
        Schema::Object(object) => simplify_object(object, known),
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                simplify(items, known);
            }
        }
        Schema::OneOf(choice) => choice.items.iter_mut().for_each(|item| simplify(item, known)),
        Schema::AnyOf(choice) => choice.items.iter_mut().for_each(|item| simplify(item, known)),
        Schema::AllOf(_) | _ => {}
    }
}

fn simplify_object(object: &mut Object, known: &Components) {
    object.properties.values_mut().for_each(|field| simplify(field, known));
    let is_object = match &object.schema_type {
        SchemaType::Type(kind) => *kind == Type::Object,
        SchemaType::Array(kinds) => kinds.contains(&Type::Object),
        SchemaType::AnyValue => false,
    };
    match object.additional_properties.as_deref_mut() {
        Some(AdditionalProperties::RefOr(values)) => simplify(values, known),
        Some(AdditionalProperties::FreeForm(_)) => {}
        None if is_object && object.properties.is_empty() => {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(true)));
        }
        None => {}
    }
}

/// The schema behind a name.
pub(super) fn resolve<'a>(schema: &'a RefOr<Schema>, components: &'a Components) -> Option<&'a Schema> {
    match schema {
        RefOr::T(schema) => Some(schema),
        RefOr::Ref(named) => {
            let name = named.ref_location.rsplit('/').next().unwrap_or_default();
            resolve(components.schemas.get(name)?, components)
        }
    }
}

/// A schema as one object; `None` where it is none.
pub(super) fn object_of(schema: &RefOr<Schema>, components: &Components) -> Option<Object> {
    match resolve(schema, components)? {
        Schema::Object(object) if object.properties.is_empty() => None,
        Schema::Object(object) => Some(object.clone()),
        Schema::AllOf(parts) => all_of(parts, components),
        Schema::OneOf(choice) => one_of(&choice.items, components),
        Schema::AnyOf(choice) => one_of(&choice.items, components),
        Schema::Array(_) | _ => None,
    }
}

fn all_of(parts: &AllOf, components: &Components) -> Option<Object> {
    let whole = ObjectBuilder::new().description(parts.description.clone()).build();
    parts.items.iter().try_fold(whole, |whole, part| Some(joined(whole, object_of(part, components)?)))
}

/// An object with the fields of two.
pub(super) fn joined(mut one: Object, mut other: Object) -> Object {
    one.properties.append(&mut other.properties);
    one.required.append(&mut other.required);
    one.required.sort();
    one.required.dedup();
    one.additional_properties = one.additional_properties.or(other.additional_properties);
    one.description = one.description.or(other.description);
    one
}

/// An object with the fields of each choice, of which those are required that all of them have.
fn one_of(choices: &[RefOr<Schema>], components: &Components) -> Option<Object> {
    let objects: Vec<Object> = choices.iter().filter_map(|choice| object_of(choice, components)).collect();
    let is_optional = objects.len() < choices.len();
    let mut whole = objects.into_iter().reduce(either)?;
    if is_optional {
        whole.required.clear();
    }
    Some(whole)
}

fn either(mut one: Object, other: Object) -> Object {
    one.required.retain(|name| other.required.contains(name));
    for (name, schema) in other.properties {
        let schema = match one.properties.remove(&name) {
            Some(known) => either_field(known, schema),
            None => schema,
        };
        one.properties.insert(name, schema);
    }
    one
}

fn either_field(one: RefOr<Schema>, other: RefOr<Schema>) -> RefOr<Schema> {
    match (one, other) {
        (one, other) if one == other => one,
        (RefOr::T(Schema::Object(mut one)), RefOr::T(Schema::Object(other)))
            if one.enum_values.is_some() && other.enum_values.is_some() =>
        {
            one.enum_values
                .iter_mut()
                .for_each(|names| names.extend(other.enum_values.iter().flatten().cloned()));
            one.description = None;
            RefOr::T(Schema::Object(one))
        }
        (one, other) => RefOr::T(Schema::AnyOf(AnyOfBuilder::new().item(one).item(other).build())),
    }
}
