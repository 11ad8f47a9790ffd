//! The schema of an event for the HTTP contract: one component for each stored name, told apart by `type`.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::schema::{Discriminator, OneOfBuilder};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::request::StoredRequestEvent;
use super::{
    AgentEvent, BackgroundEvent, FilesEvent, HookEvent, LifecycleEvent, MessageEvent, PromptEvent,
    SessionEvent, SettingEvent, SpendEvent, ToolEvent, TurnEvent,
};

type Components = Vec<(String, RefOr<Schema>)>;

impl PartialSchema for SessionEvent {
    fn schema() -> RefOr<Schema> {
        let named = stored_forms().into_iter().map(|(type_name, _)| {
            let component = Ref::from_schema_name(component_name(&type_name));
            (type_name, component)
        });
        let named: BTreeMap<String, Ref> = named.collect();
        let mapping = named.iter().map(|(type_name, form)| (type_name, form.ref_location.clone()));
        let discriminator = Discriminator::with_mapping("type", mapping);
        let one_of = OneOfBuilder::new().description(Some("A fact about a session, as it is stored."));
        let one_of = named.into_values().fold(one_of, OneOfBuilder::item);
        one_of.discriminator(Some(discriminator)).into()
    }
}

impl ToSchema for SessionEvent {
    fn schemas(schemas: &mut Components) {
        schemas.extend(stored_forms().into_iter().map(|(name, form)| (component_name(&name), form)));
        LifecycleEvent::schemas(schemas);
        PromptEvent::schemas(schemas);
        TurnEvent::schemas(schemas);
        AgentEvent::schemas(schemas);
        MessageEvent::schemas(schemas);
        ToolEvent::schemas(schemas);
        FilesEvent::schemas(schemas);
        StoredRequestEvent::schemas(schemas);
        BackgroundEvent::schemas(schemas);
        SpendEvent::schemas(schemas);
        SettingEvent::schemas(schemas);
        HookEvent::schemas(schemas);
    }
}

/// `turn_started` is the component `TurnStartedEvent`.
fn component_name(type_name: &str) -> String {
    let words = type_name.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect::<String>() + "Event"
}

/// Each stored name with its form: an object of `type` and `data`.
fn stored_forms() -> Components {
    let subjects = [
        LifecycleEvent::schema(),
        PromptEvent::schema(),
        TurnEvent::schema(),
        AgentEvent::schema(),
        MessageEvent::schema(),
        ToolEvent::schema(),
        FilesEvent::schema(),
        StoredRequestEvent::schema(),
        BackgroundEvent::schema(),
        SpendEvent::schema(),
        SettingEvent::schema(),
        HookEvent::schema(),
    ];
    let forms = subjects.into_iter().flat_map(|subject| match subject {
        RefOr::T(Schema::OneOf(one_of)) => one_of.items,
        form @ (RefOr::T(_) | RefOr::Ref(_)) => vec![form],
    });
    forms.filter_map(|form| Some((type_name(&form)?, form))).collect()
}

fn type_name(form: &RefOr<Schema>) -> Option<String> {
    let RefOr::T(Schema::Object(form)) = form else { return None };
    let RefOr::T(Schema::Object(tag)) = form.properties.get("type")? else { return None };
    match tag.enum_values.as_deref() {
        Some([Value::String(type_name)]) => Some(type_name.clone()),
        Some(_) | None => None,
    }
}
