//! Types whose `type` says what else they have, as one named type for each value of it.
//!
//! Events and frames are an envelope around one of many contents. Generators tell types apart by a
//! discriminator only where each of them has a name and is whole.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use utoipa::openapi::schema::{Components, Discriminator, Object, OneOf, OneOfBuilder, Schema};
use utoipa::openapi::{OpenApi, Ref, RefOr};

use super::one_object::{joined, object_of, resolve};

const TAG: &str = "type";

/// Gives each variant of the types with these names a name of its own: `prefix`, and its `type`.
pub(super) fn name_variants(components: &mut Components, types: &[(&str, &str)]) {
    for (name, prefix) in types {
        let Some(RefOr::T(Schema::AllOf(parts))) = components.schemas.get(*name) else { continue };
        let (choices, envelopes): (Vec<_>, Vec<_>) =
            parts.items.iter().partition(|part| matches!(resolve(part, components), Some(Schema::OneOf(_))));
        let envelope = envelopes.into_iter().filter_map(|part| object_of(part, components)).reduce(joined);
        let (Some(envelope), [choice]) = (envelope, choices.as_slice()) else { continue };
        let Some(Schema::OneOf(choice)) = resolve(choice, components) else { continue };
        let variants = whole_variants(choice, &envelope, components);
        let named: BTreeMap<String, Object> = variants
            .into_iter()
            .map(|(tag, variant)| (format!("{prefix}{}", in_one_word(&tag)), variant))
            .collect();
        let one_of = one_of(&named).description(parts.description.clone()).build();
        components.schemas.insert((*name).to_owned(), RefOr::T(Schema::OneOf(one_of)));
        for (name, variant) in named {
            components.schemas.insert(name, RefOr::T(Schema::Object(variant)));
        }
    }
}

/// Each value of the tag, with what comes under it.
fn whole_variants(choice: &OneOf, envelope: &Object, components: &Components) -> BTreeMap<String, Object> {
    let variants = choice.items.iter().filter_map(|item| {
        let content = object_of(item, components)?;
        Some((tag_of(&content)?, joined(content, envelope.clone())))
    });
    variants.collect()
}

fn tag_of(variant: &Object) -> Option<String> {
    let Some(RefOr::T(Schema::Object(tag))) = variant.properties.get(TAG) else { return None };
    match tag.enum_values.as_deref() {
        Some([Value::String(tag)]) => Some(tag.clone()),
        Some(_) | None => None,
    }
}

fn one_of(variants: &BTreeMap<String, Object>) -> OneOfBuilder {
    let reference = |name: &String| Ref::from_schema_name(name);
    let tagged = variants.iter().filter_map(|(name, variant)| Some((tag_of(variant)?, reference(name))));
    let mapping = tagged.map(|(tag, named)| (tag, named.ref_location));
    let discriminator = Discriminator::with_mapping(TAG, mapping);
    variants
        .keys()
        .map(reference)
        .fold(OneOfBuilder::new(), OneOfBuilder::item)
        .discriminator(Some(discriminator))
}

/// `turn_started` as `TurnStarted`.
fn in_one_word(tag: &str) -> String {
    tag.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

/// Drops the types that nothing names any more.
pub(super) fn drop_unnamed(document: &mut OpenApi) {
    loop {
        let mut named = BTreeSet::new();
        references(&serde_json::to_value(&*document).unwrap_or_default(), &mut named);
        let Some(components) = &mut document.components else { return };
        let before = components.schemas.len();
        components.schemas.retain(|name, _| named.contains(name));
        if components.schemas.len() == before {
            return;
        }
    }
}

fn references(part: &Value, found: &mut BTreeSet<String>) {
    match part {
        Value::Object(fields) => {
            let name = fields.get("$ref").and_then(Value::as_str).and_then(|named| named.rsplit('/').next());
            found.extend(name.map(str::to_owned));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
